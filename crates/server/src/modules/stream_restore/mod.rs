//! `module-stream-restore`: streams get the volume, the mute and the device that streams of their kind had last.

mod entry;

use std::collections::HashMap;
use std::path::Path;

use sealpulse_protocol::extension::stream_restore::{
    DELETE, EVENT, MODULE, READ, SUBSCRIBE, StreamRestoreEntry, TEST, VERSION, WRITE,
};
use sealpulse_protocol::tagstruct::Reader;
use sealpulse_protocol::{Facility, Field, Operation, UpdateMode, extension};

use super::argument::{Argument, Type};
use super::extension::{ExtensionError, Subscribers, answer};
use super::saved::Saved;
use super::saved_volume::SavedVolume;
use super::{Instance, Kind, Loading, ModuleError, ModuleStream};
use crate::policy::{NewInput, NewOutput};
use crate::session::SessionKey;
use crate::state::State;
use crate::subscribe::Event as Change;
use entry::{Entry, key, read_fallback_table};

pub(super) static KIND: Kind = Kind {
    name: MODULE,
    description: "Automatically restore the volume/mute/device state of streams",
    driver: "module-stream-restore.c",
    arguments: &[&[
        Argument::new("restore_device", Type::Boolean, "yes", "Keeps and restores sinks and sources."),
        Argument::new("restore_volume", Type::Boolean, "yes", "Keeps and restores volumes."),
        Argument::new("restore_muted", Type::Boolean, "yes", "Keeps and restores mutes."),
        Argument::new("on_hotplug", Type::Boolean, "yes", "Obsolete, and without effect."),
        Argument::new("on_rescue", Type::Boolean, "yes", "Obsolete, and without effect."),
        Argument::new(
            "fallback_table",
            Type::Path,
            "none",
            "Volumes for streams that nothing is remembered of.",
        ),
    ]],
    once: true,
    load,
};

const INPUT: &str = "sink-input";
const OUTPUT: &str = "source-output";

fn load(state: &mut State, loading: &Loading<'_>) -> Result<Box<dyn Instance>, ModuleError> {
    let args = loading.args;
    let mut entries: Saved<Entry> = Saved::open(state, "stream-restore");
    if let Some(path) = args.text("fallback_table") {
        let table = read_fallback_table(Path::new(&path))
            .map_err(|error| ModuleError::Conflict { what: format!("fallback_table {path}: {error}") })?;
        for (name, entry) in table {
            if entries.get(&name).is_none() {
                entries.set(&name, entry);
            }
        }
    }
    let inputs = state.registry.sink_inputs.iter();
    let inputs = inputs.map(|(index, input)| (ModuleStream::Input(index), input.preferred_sink.clone()));
    let outputs = state.registry.source_outputs.iter();
    let outputs =
        outputs.map(|(index, output)| (ModuleStream::Output(index), output.preferred_source.clone()));
    Ok(Box::new(StreamRestore {
        preferences: inputs.chain(outputs).collect(),
        entries,
        subscribers: Subscribers::default(),
        device: args.boolean("restore_device", true),
        volume: args.boolean("restore_volume", true),
        muted: args.boolean("restore_muted", true),
    }))
}

#[derive(Debug)]
struct StreamRestore {
    entries: Saved<Entry>,
    subscribers: Subscribers,
    /// The devices that streams preferred when they were last looked at.
    preferences: HashMap<ModuleStream, Option<String>>,
    /// Whether devices are restored.
    device: bool,
    volume: bool,
    muted: bool,
}

/// What a stream has that may be remembered.
struct Seen {
    key: String,
    volume: Option<SavedVolume>,
    muted: Option<bool>,
    preferred: Option<String>,
}

fn seen(state: &mut State, stream: ModuleStream) -> Option<Seen> {
    match stream {
        ModuleStream::Input(index) => {
            let input = state.registry.sink_inputs.get_mut(index)?;
            if input.origin_sink.is_some() {
                return None;
            }
            let has_volume = input.by_user.volume && !input.flags.passthrough;
            Some(Seen {
                key: key(&mut input.proplist, INPUT),
                volume: SavedVolume::new(input.map, input.volume).filter(|_| has_volume),
                muted: Some(input.muted).filter(|_| input.by_user.muted),
                preferred: input.preferred_sink.clone(),
            })
        }
        ModuleStream::Output(index) => {
            let output = state.registry.source_outputs.get_mut(index)?;
            if output.destination_source.is_some() {
                return None;
            }
            let has_volume = output.by_user.volume && !output.flags.passthrough;
            Some(Seen {
                key: key(&mut output.proplist, OUTPUT),
                volume: SavedVolume::new(output.map, output.volume).filter(|_| has_volume),
                muted: Some(output.muted).filter(|_| output.by_user.muted),
                preferred: output.preferred_source.clone(),
            })
        }
    }
}

impl StreamRestore {
    /// Something was written: it is saved, and who wants to know is told.
    fn written(&mut self, state: &mut State, me: u32) {
        let mut event = extension::writer();
        event.u32(EVENT);
        self.subscribers.tell(state, me, MODULE, event);
        self.entries.save_later(state, me);
    }

    /// A stream has come or changed: what its user has set is remembered.
    fn remember(&mut self, state: &mut State, me: u32, stream: ModuleStream, new: bool) {
        let Some(seen) = seen(state, stream) else { return };
        let before = self.preferences.insert(stream, seen.preferred.clone());
        let moved = !new && before.is_none_or(|before| before != seen.preferred);
        let old = self.entries.get(&seen.key).cloned();
        let mut entry = old.clone().unwrap_or_default();
        entry.volume = seen.volume.or(entry.volume);
        entry.muted = seen.muted.or(entry.muted);
        if moved {
            entry.device = seen.preferred;
        }
        if old.as_ref() != Some(&entry) && self.entries.set(&seen.key, entry) {
            self.written(state, me);
        }
    }

    /// Lets streams that are there follow an entry.
    fn apply(&self, state: &mut State, name: &str, entry: &Entry) {
        for index in state.registry.sink_inputs.indexes() {
            let Some(input) = state.registry.sink_inputs.get_mut(index) else { continue };
            if key(&mut input.proplist, INPUT) != name {
                continue;
            }
            let (map, preferred) = (input.map, input.preferred_sink.is_some());
            if let Some(volume) = entry.volume.as_ref().filter(|_| self.volume && !input.flags.passthrough) {
                input.by_user.volume = true;
                state.set_sink_input_volume(index, volume.for_map(&map));
            }
            if let Some(muted) = entry.muted.filter(|_| self.muted) {
                if let Some(input) = state.registry.sink_inputs.get_mut(index) {
                    input.by_user.muted = true;
                }
                state.set_sink_input_mute(index, muted);
            }
            match entry.device.as_deref().filter(|_| self.device) {
                Some(device) => {
                    if let Some(sink) = state.registry.sink_by_name(Some(device)) {
                        state.prefer_sink(index, Some(sink));
                    }
                }
                None if self.device && preferred => state.prefer_sink(index, None),
                None => {}
            }
        }
        self.apply_to_outputs(state, name, entry);
    }

    fn apply_to_outputs(&self, state: &mut State, name: &str, entry: &Entry) {
        for index in state.registry.source_outputs.indexes() {
            let Some(output) = state.registry.source_outputs.get_mut(index) else { continue };
            if key(&mut output.proplist, OUTPUT) != name {
                continue;
            }
            let (map, preferred) = (output.map, output.preferred_source.is_some());
            if let Some(volume) = entry.volume.as_ref().filter(|_| self.volume && !output.flags.passthrough) {
                output.by_user.volume = true;
                state.set_source_output_volume(index, volume.for_map(&map));
            }
            if let Some(muted) = entry.muted.filter(|_| self.muted) {
                if let Some(output) = state.registry.source_outputs.get_mut(index) {
                    output.by_user.muted = true;
                }
                state.set_source_output_mute(index, muted);
            }
            match entry.device.as_deref().filter(|_| self.device) {
                Some(device) => {
                    if let Some(source) = state.registry.source_by_name(Some(device)) {
                        state.prefer_source(index, Some(source));
                    }
                }
                None if self.device && preferred => state.prefer_source(index, None),
                None => {}
            }
        }
    }

    fn read(&self, reader: Reader<'_>) -> Result<Vec<u8>, ExtensionError> {
        reader.finish()?;
        let mut writer = extension::writer();
        for (name, entry) in self.entries.iter() {
            entry.to_wire(name).encode(&mut writer);
        }
        Ok(writer.into_bytes())
    }

    /// What stands before an entry that is not as it should be is written all the same.
    fn write(&mut self, state: &mut State, mut reader: Reader<'_>) -> Result<(), ExtensionError> {
        let mode = UpdateMode::decode(&mut reader)?;
        let apply = reader.boolean()?;
        match mode {
            UpdateMode::Set => self.entries.clear(),
            UpdateMode::Merge | UpdateMode::Replace => {}
            UpdateMode::Other(_) => return Err(ExtensionError::Nonsense("there is no such way to write")),
        }
        while !reader.is_empty() {
            let (name, entry) = Entry::from_wire(StreamRestoreEntry::decode(&mut reader)?)?;
            if mode != UpdateMode::Replace && self.entries.get(&name).is_some() {
                continue;
            }
            self.entries.set(&name, entry.clone());
            if apply {
                self.apply(state, &name, &entry);
            }
        }
        Ok(())
    }

    fn delete(&mut self, mut reader: Reader<'_>) -> Result<(), ExtensionError> {
        while !reader.is_empty() {
            let name = Option::<String>::decode(&mut reader)?;
            self.entries.remove(&name.ok_or(ExtensionError::Nonsense("an entry has no name"))?);
        }
        Ok(())
    }
}

impl Instance for StreamRestore {
    fn listens(&self) -> bool {
        true
    }

    fn changed(&mut self, state: &mut State, me: u32, change: Change) {
        let stream = match change.facility {
            Facility::SinkInput => ModuleStream::Input(change.index),
            Facility::SourceOutput => ModuleStream::Output(change.index),
            _ => return,
        };
        match change.operation {
            Operation::Remove => {
                self.preferences.remove(&stream);
            }
            operation => self.remember(state, me, stream, operation == Operation::New),
        }
    }

    fn route_input(&mut self, state: &State, new: &mut NewInput) {
        let key = key(&mut new.proplist, INPUT);
        let device = self.entries.get(&key).and_then(|entry| entry.device.clone()).filter(|_| self.device);
        let Some(device) = device.filter(|_| new.sink.is_none()) else { return };
        let sink = state.registry.sink_by_name(Some(&device));
        new.sink = sink.filter(|&sink| state.registry.sinks.get(sink).is_some_and(|sink| !sink.unlinking));
        new.preferred_sink = Some(device);
    }

    fn route_output(&mut self, state: &State, new: &mut NewOutput) {
        if new.direct {
            return;
        }
        let key = key(&mut new.proplist, OUTPUT);
        let device = self.entries.get(&key).and_then(|entry| entry.device.clone()).filter(|_| self.device);
        let Some(device) = device.filter(|_| new.source.is_none()) else { return };
        let source = state.registry.source_by_name(Some(&device));
        new.source =
            source.filter(|&source| state.registry.sources.get(source).is_some_and(|s| !s.unlinking));
        new.preferred_source = Some(device);
    }

    fn shape_input(&mut self, _state: &mut State, new: &mut NewInput) {
        let key = key(&mut new.proplist, INPUT);
        let Some(entry) = self.entries.get(&key) else { return };
        let volume = entry.volume.as_ref().filter(|_| self.volume && !new.flags.passthrough);
        if let Some(volume) = volume.filter(|_| new.volume.is_none()) {
            (new.volume, new.by_user.volume) = (Some(volume.for_map(&new.map)), true);
        }
        if let Some(muted) = entry.muted.filter(|_| self.muted && new.muted.is_none()) {
            (new.muted, new.by_user.muted) = (Some(muted), true);
        }
    }

    fn shape_output(&mut self, _state: &mut State, new: &mut NewOutput) {
        let key = key(&mut new.proplist, OUTPUT);
        let Some(entry) = self.entries.get(&key) else { return };
        let volume = entry.volume.as_ref().filter(|_| self.volume && !new.flags.passthrough);
        if let Some(volume) = volume.filter(|_| new.volume.is_none()) {
            (new.volume, new.by_user.volume) = (Some(volume.for_map(&new.map)), true);
        }
        if let Some(muted) = entry.muted.filter(|_| self.muted && new.muted.is_none()) {
            (new.muted, new.by_user.muted) = (Some(muted), true);
        }
    }

    fn extension(
        &mut self,
        state: &mut State,
        me: u32,
        session: SessionKey,
        command: &[u8],
    ) -> Result<Vec<u8>, ExtensionError> {
        let mut reader = extension::reader(command);
        match reader.u32()? {
            TEST => {
                reader.finish()?;
                return Ok(answer(&VERSION));
            }
            READ => return self.read(reader),
            WRITE => {
                let result = self.write(state, reader);
                self.written(state, me);
                result?;
            }
            DELETE => {
                let result = self.delete(reader);
                self.written(state, me);
                result?;
            }
            SUBSCRIBE => {
                let subscribed = reader.boolean()?;
                reader.finish()?;
                self.subscribers.set(state, session, subscribed);
            }
            other => return Err(ExtensionError::Unknown(other)),
        }
        Ok(Vec::new())
    }

    fn alarm(&mut self, state: &mut State, _me: u32) {
        self.entries.save(state);
    }

    fn unload(self: Box<Self>, state: &mut State, me: u32) {
        self.entries.close(state, me);
    }
}
