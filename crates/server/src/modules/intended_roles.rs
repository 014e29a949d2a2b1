//! `module-intended-roles`: streams go to the devices that are meant for their role.

use sealpulse_protocol::PropList;

use super::argument::{Argument, Type};
use super::{Instance, Kind};
use crate::policy::{NewInput, NewOutput};
use crate::registry::RecordOrigin;
use crate::state::State;

pub(super) static KIND: Kind = Kind {
    name: "module-intended-roles",
    description: "Puts streams on devices that are intended for their roles",
    driver: "module-intended-roles.c",
    arguments: &[&[
        Argument::new(
            "on_hotplug",
            Type::Boolean,
            "yes",
            "Whether a device that comes takes its streams over.",
        ),
        Argument::new(
            "on_rescue",
            Type::Boolean,
            "yes",
            "Whether streams of a device that goes are placed anew.",
        ),
    ]],
    once: true,
    load: |_, loading| {
        Ok(Box::new(IntendedRoles {
            on_hotplug: loading.args.boolean("on_hotplug", true),
            on_rescue: loading.args.boolean("on_rescue", true),
        }))
    },
};

#[derive(Debug)]
struct IntendedRoles {
    on_hotplug: bool,
    on_rescue: bool,
}

/// Whether a device is meant for a role.
fn is_for(device: &PropList, role: &str) -> bool {
    let roles = device.get_str("device.intended_roles").unwrap_or_default();
    roles.split_ascii_whitespace().any(|intended| intended == role)
}

fn role_of(stream: &PropList) -> Option<&str> {
    stream.get_str("media.role")
}

/// Sinks for a role: the default one first.
fn sinks_for(state: &State, role: &str) -> Vec<u32> {
    let registry = &state.registry;
    let default = registry.default_sink.and_then(|index| Some((index, registry.sinks.get(index)?)));
    let others = registry.sinks.iter().filter(|(index, _)| Some(*index) != registry.default_sink);
    let all = default.into_iter().chain(others);
    all.filter(|(_, sink)| !sink.unlinking && is_for(&sink.proplist, role)).map(|(index, _)| index).collect()
}

/// Sources for a role: the default one first. `monitors` says which of the others count.
fn sources_for(state: &State, role: &str, monitors: bool) -> Vec<u32> {
    let registry = &state.registry;
    let default = registry.default_source.and_then(|index| Some((index, registry.sources.get(index)?)));
    let others = registry.sources.iter().filter(|(index, source)| {
        Some(*index) != registry.default_source && source.monitor_of.is_some() == monitors
    });
    let all = default.into_iter().chain(others);
    let fits = all.filter(|(_, source)| !source.unlinking && is_for(&source.proplist, role));
    fits.map(|(index, _)| index).collect()
}

impl Instance for IntendedRoles {
    fn route_input(&mut self, state: &State, new: &mut NewInput) {
        if new.sink.is_none()
            && let Some(role) = role_of(&new.proplist)
        {
            new.sink = sinks_for(state, role).first().copied();
        }
    }

    fn route_output(&mut self, state: &State, new: &mut NewOutput) {
        if new.source.is_none()
            && let Some(role) = role_of(&new.proplist)
        {
            new.source = sources_for(state, role, false).first().copied();
        }
    }

    fn sink_came(&mut self, state: &mut State, _me: u32, index: u32) {
        let registry = &state.registry;
        let Some(sink) = registry.sinks.get(index).filter(|_| self.on_hotplug) else { return };
        let follows = registry.sink_inputs.iter().filter(|(_, input)| {
            let (Some(role), Some(now)) = (role_of(&input.proplist), registry.sinks.get(input.sink)) else {
                return false;
            };
            input.sink != index
                && input.preferred_sink.as_ref() != Some(&now.name)
                && !is_for(&now.proplist, role)
                && is_for(&sink.proplist, role)
        });
        for input in follows.map(|(input, _)| input).collect::<Vec<_>>() {
            // One that cannot move stays.
            let _ = state.move_sink_input(input, index, false);
        }
    }

    fn source_came(&mut self, state: &mut State, _me: u32, index: u32) {
        let registry = &state.registry;
        let comes = registry.sources.get(index);
        let Some(source) = comes.filter(|source| self.on_hotplug && source.monitor_of.is_none()) else {
            return;
        };
        let follows = registry.source_outputs.iter().filter(|(_, output)| {
            let (Some(role), Some(now)) = (role_of(&output.proplist), registry.sources.get(output.source))
            else {
                return false;
            };
            output.source != index
                && output.origin == RecordOrigin::Source
                && output.preferred_source.as_ref() != Some(&now.name)
                && !is_for(&now.proplist, role)
                && is_for(&source.proplist, role)
        });
        for output in follows.map(|(output, _)| output).collect::<Vec<_>>() {
            let _ = state.move_source_output(output, index, false);
        }
    }

    fn sink_unlinks(&mut self, state: &mut State, _me: u32, index: u32) {
        let Some(sink) = state.registry.sinks.get(index).filter(|_| self.on_rescue) else { return };
        for input in sink.inputs.clone() {
            let stream = state.registry.sink_inputs.get(input);
            let Some(role) = stream.and_then(|stream| role_of(&stream.proplist)) else { continue };
            for fitting in sinks_for(state, role) {
                if fitting != index && state.move_sink_input(input, fitting, false).is_ok() {
                    break;
                }
            }
        }
    }

    fn source_unlinks(&mut self, state: &mut State, _me: u32, index: u32) {
        let Some(source) = state.registry.sources.get(index).filter(|_| self.on_rescue) else { return };
        // What heard a monitor goes on to hear one.
        let monitors = source.monitor_of.is_some();
        for output in source.outputs.clone() {
            let stream = state.registry.source_outputs.get(output);
            let stream = stream.filter(|stream| stream.origin == RecordOrigin::Source);
            let Some(role) = stream.and_then(|stream| role_of(&stream.proplist)) else { continue };
            let same_kind = |&fitting: &u32| {
                let fits = state.registry.sources.get(fitting);
                fitting != index && fits.is_some_and(|fits| fits.monitor_of.is_some() == monitors)
            };
            if let Some(fitting) = sources_for(state, role, monitors).into_iter().find(same_kind) {
                let _ = state.move_source_output(output, fitting, false);
            }
        }
    }
}
