//! `module-device-manager`: devices that were ever seen, the names that a user gave them, and which of them each role of
//! streams likes best.

use sealpulse_protocol::extension::device_manager::{
    DELETE, EVENT, MODULE, ManagedDevice, READ, RENAME, REORDER, ROLE_DEVICE_PRIORITY_ROUTING, RolePriority,
    SUBSCRIBE, TEST, VERSION,
};
use sealpulse_protocol::tagstruct::Reader;
use sealpulse_protocol::{Facility, Field, Operation, PropList, extension};
use serde::{Deserialize, Serialize};

use super::args::parse_boolean;
use super::argument::{Argument, Type};
use super::extension::{ExtensionError, Subscribers, answer};
use super::saved::Saved;
use super::{Instance, Kind, Loading, ModuleError};
use crate::policy::{NewInput, NewOutput, NewSink, NewSource};
use crate::registry::{Named, RecordOrigin};
use crate::session::SessionKey;
use crate::state::State;
use crate::subscribe::Event as Change;

pub(super) static KIND: Kind = Kind {
    name: MODULE,
    description: "Keep track of devices (and their descriptions) both past and present and prioritise by role",
    driver: "module-device-manager.c",
    arguments: &[&[
        Argument::new(
            "do_routing",
            Type::Boolean,
            "no",
            "Puts streams on the device that their role likes best.",
        ),
        Argument::new("on_hotplug", Type::Boolean, "yes", "Places streams anew when a device comes."),
        Argument::new("on_rescue", Type::Boolean, "yes", "Places streams anew when a device goes."),
    ]],
    once: true,
    load,
};

/// The roles that have an order of devices; `none` is that of streams without a role.
const ROLES: [&str; 9] =
    ["none", "video", "music", "game", "event", "phone", "animation", "production", "a11y"];

/// Marks streams that another module has put on a filter.
const AUTO_FILTERED: &str = "module-device-manager.auto_filtered";

const SINK: &str = "sink:";
const SOURCE: &str = "source:";

/// What is remembered of a device.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Entry {
    description: Option<String>,
    /// Whether a user gave it its description.
    #[serde(default)]
    named: bool,
    icon: Option<String>,
    /// For each role, the place of the device in its order, from 1.
    priorities: [u32; ROLES.len()],
}

#[derive(Debug)]
struct DeviceManager {
    entries: Saved<Entry>,
    subscribers: Subscribers,
    routing: bool,
    on_hotplug: bool,
    on_rescue: bool,
}

fn load(state: &mut State, loading: &Loading<'_>) -> Result<Box<dyn Instance>, ModuleError> {
    let mut module = DeviceManager {
        entries: Saved::open(state, "device-manager"),
        subscribers: Subscribers::default(),
        routing: loading.args.boolean("do_routing", false),
        on_hotplug: loading.args.boolean("on_hotplug", true),
        on_rescue: loading.args.boolean("on_rescue", true),
    };
    // Devices that are new get their places by their priorities.
    let by_priority = |mut devices: Vec<(u32, u32)>| {
        devices.sort_by_key(|(priority, _)| std::cmp::Reverse(*priority));
        devices.into_iter().map(|(_, index)| index)
    };
    let sinks = state.registry.sinks.iter().map(|(index, sink)| (sink.priority, index)).collect();
    let sources = state.registry.sources.iter().map(|(index, source)| (source.priority, index)).collect();
    for sink in by_priority(sinks) {
        module.see_sink(state, loading.index, sink);
    }
    for source in by_priority(sources) {
        module.see_source(state, loading.index, source);
    }
    module.route_inputs(state, None);
    module.route_outputs(state, None);
    Ok(Box::new(module))
}

fn text(properties: &PropList, key: &str) -> Option<String> {
    properties.get_str(key).map(str::to_owned)
}

/// The place of a stream's role among [`ROLES`].
fn role_of(stream: &PropList) -> Option<usize> {
    let role = stream.get_str("media.role").unwrap_or("none");
    ROLES.iter().position(|known| *known == role)
}

fn is_auto_filtered(stream: &PropList) -> bool {
    stream.get_str(AUTO_FILTERED).and_then(parse_boolean).unwrap_or(false)
}

impl DeviceManager {
    fn written(&mut self, state: &mut State, me: u32) {
        self.tell(state, me);
        self.entries.save_later(state, me);
    }

    fn tell(&self, state: &mut State, me: u32) {
        let mut event = extension::writer();
        event.u32(EVENT);
        self.subscribers.tell(state, me, MODULE, event);
    }

    /// What is known of a device; a new one comes last in every order.
    fn entry(&self, key: &str, prefix: &str) -> Entry {
        self.entries.peek(key).cloned().unwrap_or_else(|| {
            let mut entry = Entry { priorities: [1; ROLES.len()], ..Entry::default() };
            for (_, other) in self.entries.iter().filter(|(other, _)| other.starts_with(prefix)) {
                for (place, taken) in entry.priorities.iter_mut().zip(other.priorities) {
                    *place = (*place).max(taken.saturating_add(1));
                }
            }
            entry
        })
    }

    /// A device is there or has changed; the description that it should have instead.
    fn see(
        &mut self,
        state: &mut State,
        me: u32,
        (key, prefix): (&str, &str),
        description: Option<String>,
        icon: Option<String>,
    ) -> Option<String> {
        let mut entry = self.entry(key, prefix);
        let wanted =
            entry.description.clone().filter(|wanted| entry.named && Some(wanted) != description.as_ref());
        if !entry.named {
            entry.description = description;
        }
        entry.icon = icon;
        if self.entries.peek(key) != Some(&entry) && self.entries.set(key, entry) {
            self.written(state, me);
        }
        wanted
    }

    fn see_sink(&mut self, state: &mut State, me: u32, index: u32) {
        let Some(sink) = state.registry.sinks.get(index) else { return };
        let key = format!("{SINK}{}", sink.name);
        let (description, icon) =
            (text(&sink.proplist, "device.description"), text(&sink.proplist, "device.icon_name"));
        if let Some(wanted) = self.see(state, me, (&key, SINK), description, icon) {
            state.describe_sink(index, &wanted);
        }
    }

    fn see_source(&mut self, state: &mut State, me: u32, index: u32) {
        let Some(source) = state.registry.sources.get(index).filter(|source| source.monitor_of.is_none())
        else {
            return;
        };
        let key = format!("{SOURCE}{}", source.name);
        let (description, icon) =
            (text(&source.proplist, "device.description"), text(&source.proplist, "device.icon_name"));
        if let Some(wanted) = self.see(state, me, (&key, SOURCE), description, icon) {
            state.describe_source(index, &wanted);
        }
    }

    /// The index of a device that is there.
    fn present(&self, state: &State, key: &str) -> Option<u32> {
        if let Some(name) = key.strip_prefix(SINK) {
            match state.registry.names.get(name) {
                Some(Named::Sink(index)) => Some(index),
                _ => None,
            }
        } else {
            match state.registry.names.get(key.strip_prefix(SOURCE)?) {
                Some(Named::Source(index)) => Some(index),
                _ => None,
            }
        }
    }

    /// The device that a role likes best of those that are there.
    fn best(&self, state: &State, prefix: &str, role: usize, without: Option<u32>) -> Option<u32> {
        let devices = self.entries.iter().filter(|(key, _)| key.starts_with(prefix));
        let there = devices.filter_map(|(key, entry)| {
            let index = self.present(state, key).filter(|&index| Some(index) != without)?;
            Some((entry.priorities.get(role).copied()?, index))
        });
        there.min().map(|(_, index)| index)
    }

    fn route_inputs(&self, state: &mut State, without: Option<u32>) {
        if self.routing {
            for input in state.registry.sink_inputs.indexes() {
                self.reroute_input(state, input, without);
            }
        }
    }

    /// Puts a stream on the device that its role likes best, unless somebody has chosen another.
    fn reroute_input(&self, state: &mut State, index: u32, without: Option<u32>) {
        let Some(input) = state.registry.sink_inputs.get(index) else { return };
        let now = state.registry.sinks.get(input.sink);
        let chosen = now.is_some_and(|sink| input.preferred_sink.as_ref() == Some(&sink.name));
        if chosen || input.flags.device_requested {
            return;
        }
        let best = role_of(&input.proplist).and_then(|role| self.best(state, SINK, role, without));
        let Some(best) = best.filter(|&best| best != input.sink) else { return };
        let root = |sink: u32| state.registry.master_of_sink(sink).unwrap_or(sink);
        if is_auto_filtered(&input.proplist) && root(input.sink) == root(best) {
            return;
        }
        // One that cannot move stays.
        let _ = state.move_sink_input(index, best, false);
    }

    fn route_outputs(&self, state: &mut State, without: Option<u32>) {
        if self.routing {
            for output in state.registry.source_outputs.indexes() {
                self.reroute_output(state, output, without);
            }
        }
    }

    fn reroute_output(&self, state: &mut State, index: u32, without: Option<u32>) {
        let Some(output) = state.registry.source_outputs.get(index) else { return };
        let now = state.registry.sources.get(output.source);
        let chosen = now.is_some_and(|source| output.preferred_source.as_ref() == Some(&source.name));
        if chosen || output.flags.device_requested || output.origin != RecordOrigin::Source {
            return;
        }
        let best = role_of(&output.proplist).and_then(|role| self.best(state, SOURCE, role, without));
        let Some(best) = best.filter(|&best| best != output.source) else { return };
        let root = |source: u32| state.registry.master_of_source(source).unwrap_or(source);
        if is_auto_filtered(&output.proplist) && root(output.source) == root(best) {
            return;
        }
        let _ = state.move_source_output(index, best, false);
    }

    fn read(&self, state: &State) -> Vec<ManagedDevice> {
        let device = |(key, entry): (&str, &Entry)| ManagedDevice {
            name: key.to_owned(),
            description: entry.description.clone(),
            icon: entry.icon.clone(),
            index: self.present(state, key),
            priorities: ROLES
                .iter()
                .zip(entry.priorities)
                .map(|(role, priority)| RolePriority { role: (*role).to_owned(), priority })
                .collect(),
        };
        self.entries.iter().map(device).collect()
    }

    fn rename(&mut self, state: &mut State, me: u32, reader: &mut Reader<'_>) -> Result<(), ExtensionError> {
        let (device, description) = (Option::<String>::decode(reader)?, Option::<String>::decode(reader)?);
        let given = |text: Option<String>| {
            let text = text.filter(|text| !text.is_empty());
            text.ok_or(ExtensionError::Nonsense("a device and its new name are to be given"))
        };
        let (device, description) = (given(device)?, given(description)?);
        let Some(mut entry) = self.entries.get(&device).cloned() else {
            tracing::debug!(device, "a device that was never seen is not renamed");
            return Ok(());
        };
        (entry.description, entry.named) = (Some(description.clone()), true);
        self.entries.set(&device, entry);
        if let Some(index) = self.present(state, &device) {
            if device.starts_with(SINK) {
                state.describe_sink(index, &description);
            } else {
                state.describe_source(index, &description);
            }
        }
        self.written(state, me);
        Ok(())
    }

    fn delete(&mut self, state: &mut State, me: u32, mut reader: Reader<'_>) -> Result<(), ExtensionError> {
        let mut names = Vec::new();
        while !reader.is_empty() {
            let name = Option::<String>::decode(&mut reader)?;
            names.push(name.ok_or(ExtensionError::Nonsense("a device has a name"))?);
        }
        for name in names {
            self.entries.remove(&name);
        }
        self.written(state, me);
        Ok(())
    }

    fn reorder(&mut self, state: &mut State, me: u32, reader: &mut Reader<'_>) -> Result<(), ExtensionError> {
        let role = Option::<String>::decode(reader)?;
        let role = ROLES.iter().position(|known| Some(*known) == role.as_deref());
        let role = role.ok_or(ExtensionError::Nonsense("there is no such role"))?;
        let count = reader.u32()?;
        let mut order: Vec<String> = Vec::new();
        for _ in 0..count {
            let device = Option::<String>::decode(reader)?.unwrap_or_default();
            if self.entries.get(&device).is_none() {
                return Err(ExtensionError::Nonsense("a device that was never seen has no place"));
            }
            let is_sink = device.starts_with(SINK);
            if order.first().is_some_and(|first| first.starts_with(SINK) != is_sink) {
                return Err(ExtensionError::Nonsense("sinks and sources have no order among each other"));
            }
            if !order.contains(&device) {
                order.push(device);
            }
        }
        let first = order.first().ok_or(ExtensionError::Nonsense("an order has devices"))?;
        let prefix = if first.starts_with(SINK) { SINK } else { SOURCE };
        // Those that are not named follow in the order that they had.
        let mut others: Vec<(u32, String)> = self
            .entries
            .iter()
            .filter(|(key, _)| key.starts_with(prefix) && !order.iter().any(|named| named == key))
            .filter_map(|(key, entry)| Some((entry.priorities.get(role).copied()?, key.to_owned())))
            .collect();
        others.sort();
        order.extend(others.into_iter().map(|(_, key)| key));
        let mut changed = false;
        for (key, place) in order.iter().zip(1..) {
            let Some(mut entry) = self.entries.peek(key).cloned() else { continue };
            if let Some(old) = entry.priorities.get_mut(role) {
                changed |= std::mem::replace(old, place) != place;
                self.entries.set(key, entry);
            }
        }
        if changed {
            self.written(state, me);
            if prefix == SINK { self.route_inputs(state, None) } else { self.route_outputs(state, None) }
        }
        Ok(())
    }

    /// The description that a user gave a device that is about to come.
    fn given_name(&self, state: &State, prefix: &str, name: &str) -> Option<&str> {
        let name = state.registry.names.free_name(name)?;
        let entry = self.entries.peek(&format!("{prefix}{name}")).filter(|entry| entry.named)?;
        entry.description.as_deref()
    }
}

impl Instance for DeviceManager {
    fn listens(&self) -> bool {
        true
    }

    fn changed(&mut self, state: &mut State, me: u32, change: Change) {
        match (change.facility, change.operation) {
            (_, Operation::Remove) => {}
            (Facility::Sink, _) => self.see_sink(state, me, change.index),
            (Facility::Source, _) => self.see_source(state, me, change.index),
            // The role of a stream may have changed.
            (Facility::SinkInput, Operation::Change) if self.routing => {
                self.reroute_input(state, change.index, None);
            }
            (Facility::SourceOutput, Operation::Change) if self.routing => {
                self.reroute_output(state, change.index, None);
            }
            _ => {}
        }
    }

    fn shape_sink(&self, state: &State, new: &mut NewSink) {
        if let Some(description) = self.given_name(state, SINK, &new.name) {
            new.proplist.set_str("device.description", description);
        }
    }

    fn shape_source(&self, state: &State, new: &mut NewSource) {
        if let Some(description) = self.given_name(state, SOURCE, &new.name) {
            new.proplist.set_str("device.description", description);
        }
    }

    fn route_input(&mut self, state: &State, new: &mut NewInput) {
        if self.routing
            && new.sink.is_none()
            && let Some(role) = role_of(&new.proplist)
        {
            new.sink = self.best(state, SINK, role, None);
        }
    }

    fn route_output(&mut self, state: &State, new: &mut NewOutput) {
        if self.routing
            && new.source.is_none()
            && !new.direct
            && let Some(role) = role_of(&new.proplist)
        {
            new.source = self.best(state, SOURCE, role, None);
        }
    }

    fn sink_came(&mut self, state: &mut State, me: u32, _sink: u32) {
        if self.on_hotplug {
            self.tell(state, me);
            self.route_inputs(state, None);
        }
    }

    fn source_came(&mut self, state: &mut State, me: u32, _source: u32) {
        if self.on_hotplug {
            self.tell(state, me);
            self.route_outputs(state, None);
        }
    }

    fn sink_unlinks(&mut self, state: &mut State, me: u32, sink: u32) {
        if self.on_rescue {
            self.tell(state, me);
            self.route_inputs(state, Some(sink));
        }
    }

    fn source_unlinks(&mut self, state: &mut State, me: u32, source: u32) {
        if self.on_rescue {
            self.tell(state, me);
            self.route_outputs(state, Some(source));
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
            READ => {
                reader.finish()?;
                return Ok(answer(&self.read(state)));
            }
            RENAME => self.rename(state, me, &mut reader)?,
            DELETE => self.delete(state, me, reader)?,
            ROLE_DEVICE_PRIORITY_ROUTING => self.routing = reader.boolean()?,
            REORDER => self.reorder(state, me, &mut reader)?,
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
