//! `module-switch-on-connect`: a device that comes becomes the default one.

use regex::Regex;
use sealpulse_protocol::{PropList, SinkFlags, SourceFlags};

use super::argument::{Argument, Type};
use super::{Instance, Kind, Loading, ModuleError};
use crate::state::State;

pub(super) static KIND: Kind = Kind {
    name: "module-switch-on-connect",
    description: "Makes a sink or source that comes the default one",
    driver: "module-switch-on-connect.c",
    arguments: &[&[
        Argument::new(
            "only_from_unavailable",
            Type::Boolean,
            "no",
            "Whether to switch only where nothing is plugged into the present default device.",
        ),
        Argument::new(
            "ignore_virtual",
            Type::Boolean,
            "yes",
            "Whether devices without hardware are left out.",
        ),
        Argument::new(
            "blocklist",
            Type::Text,
            "hdmi",
            "A regular expression: devices whose names it matches are left out.",
        ),
        Argument::new("blacklist", Type::Text, "hdmi", "The old name of blocklist."),
    ]],
    once: true,
    load,
};

/// Devices that are often there without anybody listening.
const BLOCKED: &str = "hdmi";

fn load(_: &mut State, loading: &Loading<'_>) -> Result<Box<dyn Instance>, ModuleError> {
    let args = loading.args;
    let (key, pattern) = match (args.text("blocklist"), args.text("blacklist")) {
        (Some(pattern), _) => ("blocklist", pattern),
        (None, Some(pattern)) => ("blacklist", pattern),
        (None, None) => ("blocklist", BLOCKED.to_owned()),
    };
    let blocked = if pattern.is_empty() {
        None
    } else {
        Some(Regex::new(&pattern).map_err(|error| ModuleError::BadValue {
            key,
            value: pattern,
            expected: format!("a regular expression ({error})"),
        })?)
    };
    Ok(Box::new(SwitchOnConnect {
        only_from_unavailable: args.boolean("only_from_unavailable", false),
        ignore_virtual: args.boolean("ignore_virtual", true),
        blocked,
    }))
}

#[derive(Debug)]
struct SwitchOnConnect {
    only_from_unavailable: bool,
    ignore_virtual: bool,
    blocked: Option<Regex>,
}

/// Whether a device is built in.
fn is_internal(proplist: &PropList) -> bool {
    matches!(proplist.get_str("device.bus"), Some("pci" | "isa"))
}

impl SwitchOnConnect {
    fn blocks(&self, name: &str, hardware: bool) -> bool {
        (self.ignore_virtual && !hardware)
            || self.blocked.as_ref().is_some_and(|blocked| blocked.is_match(name))
    }
}

impl Instance for SwitchOnConnect {
    fn sink_came(&mut self, state: &mut State, _me: u32, index: u32) {
        if !state.running {
            return;
        }
        let Some(sink) = state.registry.sinks.get(index) else { return };
        let string = sink.proplist.get_str("device.string");
        let internal =
            string.is_some_and(|string| !string.starts_with("hdmi")) && is_internal(&sink.proplist);
        if internal || self.blocks(&sink.name, sink.flags.contains(SinkFlags::HARDWARE)) {
            return;
        }
        // No device has ports, and with them a socket into which nothing may be plugged.
        if !self.only_from_unavailable || state.registry.default_sink.is_none() {
            let name = sink.name.clone();
            state.prefer_default_sink(&name);
        }
    }

    fn source_came(&mut self, state: &mut State, _me: u32, index: u32) {
        let Some(source) = state.registry.sources.get(index) else { return };
        if !state.running
            || source.monitor_of.is_some()
            || is_internal(&source.proplist)
            || self.blocks(&source.name, source.flags.contains(SourceFlags::HARDWARE))
        {
            return;
        }
        if !self.only_from_unavailable || state.registry.default_source.is_none() {
            let name = source.name.clone();
            state.prefer_default_source(&name);
        }
    }
}
