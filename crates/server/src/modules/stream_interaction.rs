//! `module-role-cork` and `module-role-ducking`: while streams of one role play, those of another are asked to pause, or
//! are turned down.

use std::collections::{BTreeMap, BTreeSet};

use sealpulse_protocol::{Facility, Operation, PropList};
use sealpulse_spec::{ChannelVolumes, Volume};

use super::args::ModuleArgs;
use super::argument::{Argument, Type};
use super::{Instance, Kind, Loading, ModuleError};
use crate::registry::Device;
use crate::state::State;
use crate::subscribe::Event as Change;

pub(super) static CORK: Kind = Kind {
    name: "module-role-cork",
    description: "Mutes streams of some roles, and asks them to pause, while streams of others play",
    driver: "module-role-cork.c",
    arguments: &[
        &[
            TRIGGERS,
            Argument::new("cork_roles", Type::Text, "music,video", "Roles of the streams that are to pause."),
        ],
        WHERE,
    ],
    once: true,
    load: |state, loading| load(state, loading, "cork_roles", false),
};

pub(super) static DUCKING: Kind = Kind {
    name: "module-role-ducking",
    description: "Turns streams of some roles down while streams of others play",
    driver: "module-role-ducking.c",
    arguments: &[
        &[
            TRIGGERS,
            Argument::new(
                "ducking_roles",
                Type::Text,
                "music,video",
                "Roles of the streams that are turned down.",
            ),
            Argument::new("volume", Type::Text, "-20dB", "What they are turned down by, for each group."),
        ],
        WHERE,
    ],
    once: true,
    load: |state, loading| load(state, loading, "ducking_roles", true),
};

const TRIGGERS: Argument = Argument::new(
    "trigger_roles",
    Type::Text,
    "phone",
    "Roles of the streams that others make way for, separated by commas; a slash begins another group.",
);

const WHERE: &[Argument] = &[
    Argument::new("global", Type::Boolean, "no", "Whether streams of other devices make way, too."),
    Argument::new(
        "use_source_trigger",
        Type::Boolean,
        "no",
        "Whether record streams of these roles count, too; it needs global.",
    ),
];

/// What a stream without a role has.
const NO_ROLE: &str = "no_role";
/// Stands for all roles that are no triggers.
const ANY_ROLE: &str = "any_role";

/// Roles that make way for others.
#[derive(Debug, Default)]
struct Group {
    triggers: Vec<String>,
    affected: Vec<String>,
    /// What is affected is turned down by it.
    volume: Option<Volume>,
    /// Sink inputs that have made way.
    applied: BTreeSet<u32>,
}

impl Group {
    fn is_trigger(&self, role: &str) -> bool {
        self.triggers.iter().any(|trigger| trigger == role)
    }

    /// Whether a stream of `role` makes way for one of the role `trigger`.
    fn affects(&self, role: &str, trigger: Option<&str>) -> bool {
        let is_trigger = self.is_trigger(role);
        self.affected.iter().any(|affected| {
            (affected == role && (!is_trigger || trigger != Some(role)))
                || (affected == ANY_ROLE && !is_trigger)
        })
    }
}

/// A stream, in the order in which they are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stream {
    Input(u32),
    Output(u32),
}

/// What matters of a stream.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    device: Device,
    role: String,
    /// Whether it is heard.
    sounds: bool,
}

impl Seen {
    fn at(state: &State, stream: Stream) -> Option<Self> {
        let role = |proplist: &PropList| proplist.get_str("media.role").unwrap_or(NO_ROLE).to_owned();
        Some(match stream {
            Stream::Input(index) => {
                let input = state.registry.sink_inputs.get(index)?;
                let sounds = !input.corked && !input.muted;
                Self { device: Device::Sink(input.sink), role: role(&input.proplist), sounds }
            }
            Stream::Output(index) => {
                let output = state.registry.source_outputs.get(index)?;
                let sounds = !output.corked && !output.muted;
                Self { device: Device::Source(output.source), role: role(&output.proplist), sounds }
            }
        })
    }
}

/// Streams of a device, in the order in which they came.
fn streams_on(state: &State, device: Device) -> Vec<Stream> {
    match device {
        Device::Sink(index) => {
            let inputs = state.registry.sinks.get(index).map(|sink| &sink.inputs[..]);
            inputs.unwrap_or_default().iter().copied().map(Stream::Input).collect()
        }
        Device::Source(index) => {
            let outputs = state.registry.sources.get(index).map(|source| &source.outputs[..]);
            outputs.unwrap_or_default().iter().copied().map(Stream::Output).collect()
        }
    }
}

#[derive(Debug)]
struct Interaction {
    ducks: bool,
    global: bool,
    source_trigger: bool,
    groups: Vec<Group>,
    streams: BTreeMap<Stream, Seen>,
}

fn load(
    state: &State,
    loading: &Loading<'_>,
    affected_key: &'static str,
    ducks: bool,
) -> Result<Box<dyn Instance>, ModuleError> {
    let args = loading.args;
    // What plays already is left alone until something happens to it.
    let inputs = state.registry.sink_inputs.indexes().into_iter().map(Stream::Input);
    let outputs = state.registry.source_outputs.indexes().into_iter().map(Stream::Output);
    let seen = |stream| Some((stream, Seen::at(state, stream)?));
    Ok(Box::new(Interaction {
        ducks,
        global: args.boolean("global", false),
        source_trigger: args.boolean("use_source_trigger", false),
        groups: groups(args, affected_key, ducks)?,
        streams: inputs.chain(outputs).filter_map(seen).collect(),
    }))
}

/// The parts of a list; one that is empty is an error, but for nothing after the last separator.
fn parts(key: &'static str, text: &str, separator: char) -> Result<Vec<String>, ModuleError> {
    let text = text.strip_suffix(separator).unwrap_or(text);
    let parts: Vec<String> = text.split(separator).map(str::to_owned).collect();
    if parts.iter().any(String::is_empty) {
        let expected = format!("a list without empty parts between `{separator}`");
        return Err(ModuleError::BadValue { key, value: text.to_owned(), expected });
    }
    Ok(parts)
}

/// The groups of a list, each with what it says.
fn split_groups(args: &ModuleArgs, key: &'static str) -> Result<Vec<String>, ModuleError> {
    match args.text(key).filter(|text| !text.is_empty()) {
        Some(text) => parts(key, &text, '/'),
        None => Ok(Vec::new()),
    }
}

fn groups(args: &ModuleArgs, affected_key: &'static str, ducks: bool) -> Result<Vec<Group>, ModuleError> {
    let triggers = split_groups(args, "trigger_roles")?;
    let affected = split_groups(args, affected_key)?;
    let volumes = if ducks { split_groups(args, "volume")? } else { Vec::new() };
    let counts = [triggers.len(), affected.len(), volumes.len()];
    let several = counts.iter().any(|&count| count > 1);
    if several && (counts[0] != counts[1] || (ducks && counts[0] != counts[2])) {
        let what = format!("trigger_roles, {affected_key} and volume have different numbers of groups");
        return Err(ModuleError::Conflict { what });
    }
    let mut groups = Vec::new();
    for place in 0..counts[0].max(1) {
        let roles = |list: &[String], key, otherwise: &[&str]| match list.get(place) {
            Some(text) => parts(key, text, ','),
            None => Ok(otherwise.iter().map(|&role| role.to_owned()).collect()),
        };
        let volume = match volumes.get(place) {
            Some(text) => Volume::parse(text).ok_or_else(|| ModuleError::BadValue {
                key: "volume",
                value: text.clone(),
                expected: "a volume such as 50% or -20dB".to_owned(),
            })?,
            None => Volume::from_decibels(-20.0),
        };
        groups.push(Group {
            triggers: roles(&triggers, "trigger_roles", &["phone"])?,
            affected: roles(&affected, affected_key, &["music", "video"])?,
            volume: ducks.then_some(volume),
            applied: BTreeSet::new(),
        });
    }
    Ok(groups)
}

impl Interaction {
    fn is_trigger(&self, role: &str) -> bool {
        self.groups.iter().any(|group| group.is_trigger(role))
    }

    /// A stream has come to a device, or is different there.
    fn arrives(&mut self, state: &mut State, me: u32, stream: Stream, device: Device, new: bool) {
        self.process(state, me, stream, device, None, new);
    }

    /// A stream has left a device.
    fn leaves(&mut self, state: &mut State, me: u32, stream: Stream, device: Device) {
        if let Stream::Input(index) = stream {
            for group in &mut self.groups {
                group.applied.remove(&index);
            }
        }
        self.process(state, me, stream, device, Some(stream), false);
    }

    fn process(
        &mut self,
        state: &mut State,
        me: u32,
        stream: Stream,
        device: Device,
        ignored: Option<Stream>,
        new: bool,
    ) {
        if matches!(stream, Stream::Output(_)) && !(self.source_trigger && self.global) {
            return;
        }
        for place in 0..self.groups.len() {
            let trigger = self.find_trigger(state, place, stream, device, ignored);
            let sinks = match device {
                _ if self.global => state.registry.sinks.indexes(),
                Device::Sink(index) => vec![index],
                Device::Source(_) => Vec::new(),
            };
            for sink in sinks {
                for other in streams_on(state, Device::Sink(sink)) {
                    if Some(other) != ignored
                        && let Stream::Input(index) = other
                    {
                        self.apply(state, me, place, index, trigger.as_deref(), new);
                    }
                }
            }
        }
    }

    /// The role of a stream that others make way for: of `stream`, else of the first that there is.
    fn find_trigger(
        &self,
        state: &State,
        place: usize,
        stream: Stream,
        device: Device,
        ignored: Option<Stream>,
    ) -> Option<String> {
        let mut devices = vec![device];
        if self.global {
            devices.extend(state.registry.sinks.indexes().into_iter().map(Device::Sink));
            if self.source_trigger {
                devices.extend(state.registry.sources.indexes().into_iter().map(Device::Source));
            }
        }
        let group = &self.groups[place];
        let candidates = devices.into_iter().flat_map(|device| streams_on(state, device));
        std::iter::once(stream)
            .chain(candidates)
            .filter(|&candidate| Some(candidate) != ignored)
            .filter_map(|candidate| Seen::at(state, candidate))
            .find(|seen| seen.sounds && group.is_trigger(&seen.role))
            .map(|seen| seen.role)
    }

    /// Makes a stream make way, or takes that back.
    fn apply(
        &mut self,
        state: &mut State,
        me: u32,
        place: usize,
        index: u32,
        trigger: Option<&str>,
        new: bool,
    ) {
        let Some(seen) = Seen::at(state, Stream::Input(index)) else { return };
        let group = &mut self.groups[place];
        if !group.affects(&seen.role, trigger) {
            return;
        }
        let Some(input) = state.registry.sink_inputs.get(index) else { return };
        // Many streams start corked and are uncorked at once: with a new one about, none counts as corked.
        let corked = input.corked && !new;
        let muted = input.muted;
        if trigger.is_some() && (self.ducks || !(corked || muted)) {
            let first = group.applied.insert(index);
            if self.ducks && first {
                self.duck(state, me, index);
            } else if !self.ducks {
                state.set_sink_input_mute(index, true);
                state.send_stream_event(index, "request-cork", PropList::new());
            }
        } else if trigger.is_none() && group.applied.remove(&index) {
            self.release(state, me, index, corked);
        }
    }

    /// Turns a stream down by all groups that want it.
    fn duck(&self, state: &mut State, me: u32, index: u32) {
        let wanted = self.groups.iter().filter(|group| group.applied.contains(&index));
        let volume = wanted.filter_map(|group| group.volume).reduce(Volume::multiply);
        let Some(channels) = state.registry.sink_inputs.get(index).map(|input| input.spec.channels) else {
            return;
        };
        state.set_volume_factor(index, me, volume.map(|volume| ChannelVolumes::all(channels, volume)));
    }

    fn release(&self, state: &mut State, me: u32, index: u32, corked: bool) {
        if self.ducks {
            return self.duck(state, me, index);
        }
        state.set_sink_input_mute(index, false);
        if corked {
            state.send_stream_event(index, "request-uncork", PropList::new());
        }
    }

    /// A stream is not as it was.
    fn differs(&mut self, state: &mut State, me: u32, stream: Stream) {
        let Some(now) = Seen::at(state, stream) else { return };
        let Some(was) = self.streams.insert(stream, now.clone()) else { return };
        if was.device != now.device {
            self.leaves(state, me, stream, was.device);
            self.arrives(state, me, stream, now.device, false);
        } else if was.role != now.role || (was.sounds != now.sounds && self.is_trigger(&now.role)) {
            self.arrives(state, me, stream, now.device, false);
        }
    }
}

impl Instance for Interaction {
    fn listens(&self) -> bool {
        true
    }

    fn changed(&mut self, state: &mut State, me: u32, change: Change) {
        let stream = match change.facility {
            Facility::SinkInput => Stream::Input(change.index),
            Facility::SourceOutput => Stream::Output(change.index),
            _ => return,
        };
        match change.operation {
            Operation::New => {
                let Some(seen) = Seen::at(state, stream) else { return };
                let device = seen.device;
                self.streams.insert(stream, seen);
                self.arrives(state, me, stream, device, true);
            }
            Operation::Change => self.differs(state, me, stream),
            Operation::Remove => {
                if let Some(seen) = self.streams.remove(&stream) {
                    self.leaves(state, me, stream, seen.device);
                }
            }
        }
    }

    fn unload(self: Box<Self>, state: &mut State, me: u32) {
        let applied: BTreeSet<u32> =
            self.groups.iter().flat_map(|group| group.applied.iter().copied()).collect();
        for index in applied {
            let Some(input) = state.registry.sink_inputs.get(index) else { continue };
            let corked = input.corked;
            if self.ducks {
                state.set_volume_factor(index, me, None);
            } else {
                self.release(state, me, index, corked);
            }
        }
    }
}
