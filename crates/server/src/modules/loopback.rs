//! `module-loopback`: plays on a sink what a source has.

use sealpulse_engine::Remix;
use sealpulse_protocol::{DeviceState, Facility, Operation, PropList};
use sealpulse_spec::{ChannelMap, SampleSpec};

use super::argument::{Argument, LIFE, SPEC, Type};
use super::{Instance, Kind, Loading, ModuleError};
use crate::policy::{Link, LinkEnd, ModuleStreamSpec};
use crate::state::State;
use crate::subscribe::Event as Change;

pub(super) static KIND: Kind = Kind {
    name: "module-loopback",
    description: "Loopback from source to sink",
    driver: "module-loopback.c",
    arguments: &[
        &[
            Argument::new("source", Type::Source, "the default source", "What is played."),
            Argument::new("sink", Type::Sink, "the default sink", "Where it is played."),
            Argument::new("latency_msec", Type::Number(1, 30_000), "200", "How much later, in milliseconds."),
        ],
        SPEC,
        &[
            Argument::new(
                "sink_input_properties",
                Type::Properties,
                "none",
                "Properties of the playback stream.",
            ),
            Argument::new(
                "source_output_properties",
                Type::Properties,
                "none",
                "Properties of the record stream.",
            ),
            Argument::new(
                "source_dont_move",
                Type::Boolean,
                "no",
                "Whether the record stream stays where it is.",
            ),
            Argument::new(
                "sink_dont_move",
                Type::Boolean,
                "no",
                "Whether the playback stream stays where it is.",
            ),
            Argument::new("remix", Type::Boolean, "yes", "Whether channels are mixed up and down."),
            Argument::new("adjust_time", Type::Seconds, "1", "Accepted: both ends share a clock."),
            Argument::new(
                "adjust_threshold_usec",
                Type::Number(1, 10_000),
                "250",
                "Accepted, as adjust_time.",
            ),
            Argument::new(
                "fast_adjust_threshold_msec",
                Type::Number(0, u32::MAX),
                "0",
                "Accepted, as adjust_time.",
            ),
            Argument::new(
                "max_latency_msec",
                Type::Number(0, u32::MAX),
                "0",
                "Accepted: the latency stays as asked.",
            ),
            Argument::new("log_interval", Type::Seconds, "0", "Accepted, as adjust_time."),
        ],
        LIFE,
    ],
    once: false,
    load,
};

/// The lowest rate that a loopback can have, in Hz.
const RATE_MIN: u32 = 4_000;

/// Latency where none is asked for, in milliseconds.
const LATENCY_MSEC: u32 = 200;

fn load(state: &mut State, loading: &Loading<'_>) -> Result<Box<dyn Instance>, ModuleError> {
    let args = loading.args;
    let threshold = args.number("fast_adjust_threshold_msec").unwrap_or(0);
    if (1..100).contains(&threshold) {
        return Err(ModuleError::BadValue {
            key: "fast_adjust_threshold_msec",
            value: threshold.to_string(),
            expected: "0 or a number from 100".to_owned(),
        });
    }
    let source = args.text("source").is_some().then(|| state.argument_source(args, "source")).transpose()?;
    let sink = args.text("sink").is_some().then(|| state.argument_sink(args, "sink")).transpose()?;
    let (spec, map) = format(state, loading, source, sink)?;
    let remix = if args.boolean("remix", true) { Remix::Full } else { Remix::NamesOnly };

    let mut output =
        ModuleStreamSpec::new(loading, source, map, properties(loading, "source_output_properties"));
    output.dont_move = args.boolean("source_dont_move", false);
    output.remix = remix;
    let mut input = ModuleStreamSpec::new(loading, sink, map, properties(loading, "sink_input_properties"));
    input.dont_move = args.boolean("sink_dont_move", false);
    input.remix = remix;
    let (names_output, names_input) =
        (!output.proplist.contains("media.name"), !input.proplist.contains("media.name"));

    let delay_usec = u64::from(args.number("latency_msec").unwrap_or(LATENCY_MSEC)) * 1_000;
    // As PulseAudio: a third each for the source, the sink and what lies between.
    (output.latency_usec, input.latency_usec) = (Some(delay_usec / 3), Some(delay_usec / 3));
    let link = state.add_link(LinkEnd::Stream(output), LinkEnd::Stream(input), spec, delay_usec)?;
    let loopback = Loopback { link, names_input, names_output };
    loopback.name_streams(state);
    loopback.follow_suspension(state);
    Ok(Box::new(loopback))
}

/// What the loopback carries: what the source has, or the sink takes, but for what was asked.
fn format(
    state: &State,
    loading: &Loading<'_>,
    source: Option<u32>,
    sink: Option<u32>,
) -> Result<(SampleSpec, ChannelMap), ModuleError> {
    let of_source = |index| state.registry.sources.get(index).map(|source| (source.spec, source.map));
    let of_sink = |index| state.registry.sinks.get(index).map(|sink| (sink.spec, sink.map));
    let given = source.and_then(of_source).or_else(|| sink.and_then(of_sink));
    let default = || state.registry.default_source.and_then(of_source);
    let none = || ModuleError::NoDevice { kind: "source", name: String::new() };
    let (spec, map) = given.or_else(default).ok_or_else(none)?;
    let (spec, map) = loading.args.sample_spec(spec, map)?;
    if spec.rate < RATE_MIN { Err(ModuleError::BadSpec { spec }) } else { Ok((spec, map)) }
}

fn properties(loading: &Loading<'_>, key: &str) -> PropList {
    let mut proplist = PropList::new();
    loading.args.proplist(key, &mut proplist);
    if !proplist.contains("media.role") {
        proplist.set_str("media.role", "abstract");
    }
    proplist
}

#[derive(Debug)]
struct Loopback {
    link: Link,
    /// Whether its streams are named after the device at the other end.
    names_input: bool,
    names_output: bool,
}

impl Loopback {
    fn ends(&self, state: &State) -> Option<(u32, u32, u32, u32)> {
        let (output, input) = (self.link.output?, self.link.input?);
        let source = state.registry.source_outputs.get(output)?.source;
        let sink = state.registry.sink_inputs.get(input)?.sink;
        Some((output, source, input, sink))
    }

    /// Names each stream after the device at the other end.
    fn name_streams(&self, state: &mut State) {
        let Some((output, source, input, sink)) = self.ends(state) else { return };
        let registry = &mut state.registry;
        let (Some(source), Some(sink)) = (registry.sources.get(source), registry.sinks.get(sink)) else {
            return;
        };
        let from = source.proplist.get_str("device.description").unwrap_or(&source.name).to_owned();
        let to = sink.proplist.get_str("device.description").unwrap_or(&sink.name).to_owned();
        let source_icon = source.proplist.get_str("device.icon_name").map(str::to_owned);
        let sink_icon = sink.proplist.get_str("device.icon_name").map(str::to_owned);
        let mut renamed = Vec::new();
        for (proplist, icon) in [
            (registry.sink_inputs.get_mut(input).map(|stream| &mut stream.proplist), source_icon),
            (registry.source_outputs.get_mut(output).map(|stream| &mut stream.proplist), sink_icon),
        ] {
            if let (Some(proplist), Some(icon)) = (proplist, icon) {
                proplist.set_str("media.icon_name", &icon);
            }
        }
        if let Some(stream) = registry.sink_inputs.get_mut(input).filter(|_| self.names_input)
            && name(&mut stream.proplist, &format!("Loopback from {from}"))
        {
            renamed.push((Facility::SinkInput, input));
        }
        if let Some(stream) = registry.source_outputs.get_mut(output).filter(|_| self.names_output)
            && name(&mut stream.proplist, &format!("Loopback to {to}"))
        {
            renamed.push((Facility::SourceOutput, output));
        }
        for (facility, index) in renamed {
            state.post(facility, Operation::Change, index);
        }
    }

    /// One end stands still while the device at the other one does.
    fn follow_suspension(&self, state: &mut State) {
        let Some((output, source, input, sink)) = self.ends(state) else { return };
        let suspended = |state: Option<DeviceState>| state == Some(DeviceState::Suspended);
        let source = suspended(state.registry.sources.get(source).map(|source| source.state));
        let sink = suspended(state.registry.sinks.get(sink).map(|sink| sink.state));
        state.cork_sink_input(input, source);
        state.cork_source_output(output, sink);
    }
}

/// Whether the name is a new one.
fn name(proplist: &mut PropList, name: &str) -> bool {
    if proplist.get_str("media.name") == Some(name) {
        return false;
    }
    proplist.set_str("media.name", name);
    true
}

impl Instance for Loopback {
    fn listens(&self) -> bool {
        true
    }

    fn changed(&mut self, state: &mut State, _me: u32, change: Change) {
        match change.facility {
            Facility::SinkInput if Some(change.index) == self.link.input => self.name_streams(state),
            Facility::SourceOutput if Some(change.index) == self.link.output => self.name_streams(state),
            Facility::Sink | Facility::Source if change.operation == Operation::Change => {
                self.follow_suspension(state);
            }
            _ => {}
        }
    }

    fn unload(self: Box<Self>, state: &mut State, _me: u32) {
        state.remove_link(&self.link);
    }
}
