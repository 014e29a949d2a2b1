//! `module-combine-sink`: one sink that plays on several.

use sealpulse_engine::Remix;
use sealpulse_protocol::{DeviceState, Facility, Operation, PropList, SinkFlags};
use sealpulse_spec::{ChannelMap, SampleSpec};

use super::argument::{Argument, LIFE, SINK, SPEC, Type};
use super::{Instance, Kind, Loading, ModuleError, ModuleStream};
use crate::policy::{Link, LinkEnd, ModuleStreamSpec, NewSink};
use crate::state::State;
use crate::subscribe::Event as Change;

/// Longest latency of a combined sink in microseconds.
const MAX_LATENCY_USEC: u64 = 200_000;

pub(super) static KIND: Kind = Kind {
    name: "module-combine-sink",
    description: "Combine multiple sinks to one",
    driver: "module-combine-sink.c",
    arguments: &[
        SINK,
        &[
            Argument::new("slaves", Type::List, "all hardware sinks", "The sinks that it plays on."),
            Argument::new(
                "adjust_time",
                Type::Number(0, u32::MAX),
                "1",
                "Accepted: all devices share a clock.",
            ),
            Argument::new("resample_method", Type::Text, "the server's", "Accepted; there is one resampler."),
            Argument::new("remix", Type::Boolean, "yes", "Whether channels are mixed up and down."),
        ],
        SPEC,
        LIFE,
    ],
    once: false,
    load,
};

fn load(state: &mut State, loading: &Loading<'_>) -> Result<Box<dyn Instance>, ModuleError> {
    let args = loading.args;
    let names = args.list("slaves");
    let slaves = slaves(state, names.as_deref().unwrap_or_default())?;
    let (spec, map) = common_format(state, &slaves);
    let (spec, map) = args.sample_spec(spec, map)?;
    let mut proplist: PropList = [("device.class", "filter")].into_iter().collect();
    if let Some(text) = args.text("slaves") {
        proplist.set_str("combine.slaves", &text);
    }
    args.proplist("sink_properties", &mut proplist);
    let described = proplist.contains("device.description");
    if !described {
        proplist.set_str("device.description", "Simultaneous Output");
    }
    let name = args.text("sink_name").unwrap_or_else(|| "combined".to_owned());
    let mut new = NewSink::new(name, loading, spec, map, proplist);
    new.flags = SinkFlags::LATENCY | SinkFlags::DYNAMIC_LATENCY | SinkFlags::DECIBEL_VOLUME;
    new.max_latency_usec = MAX_LATENCY_USEC;
    let sink = state.make_sink(new)?;
    let remix = if args.boolean("remix", true) { Remix::Full } else { Remix::NamesOnly };
    let mut combined = Combined {
        module: loading.index,
        sink,
        spec,
        map,
        remix,
        described,
        outputs: Vec::new(),
        missing: Vec::new(),
    };
    state.put_sink(sink);
    for slave in slaves {
        if let Err(error) = combined.add_output(state, slave) {
            Box::new(combined).unload(state, loading.index);
            return Err(error);
        }
    }
    combined.update_description(state);
    Ok(Box::new(combined))
}

/// The sinks of these names.
fn slaves(state: &State, names: &[String]) -> Result<Vec<u32>, ModuleError> {
    let find = |name: &String| {
        let none = || ModuleError::NoDevice { kind: "sink", name: name.clone() };
        state.registry.sink_by_name(Some(name)).ok_or_else(none)
    };
    names.iter().map(find).collect()
}

/// What all sinks have in common; what they do not is the server's, and the rate the highest.
fn common_format(state: &State, slaves: &[u32]) -> (SampleSpec, ChannelMap) {
    let (mut spec, mut map) = (state.settings.default_spec, state.settings.default_map);
    let sinks: Vec<_> = slaves.iter().filter_map(|&slave| state.registry.sinks.get(slave)).collect();
    let Some(first) = sinks.first() else { return (spec, map) };
    if sinks.iter().all(|sink| sink.spec.format == first.spec.format) {
        spec.format = first.spec.format;
    }
    spec.rate = sinks.iter().map(|sink| sink.spec.rate).max().unwrap_or(spec.rate);
    if sinks.iter().all(|sink| sink.map == first.map) {
        (map, spec.channels) = (first.map, first.spec.channels);
    }
    (spec, map)
}

fn describe(state: &State, slaves: &[u32]) -> String {
    let described = |&slave: &u32| {
        let sink = state.registry.sinks.get(slave)?;
        Some(sink.proplist.get_str("device.description").unwrap_or(&sink.name).to_owned())
    };
    let names: Vec<String> = slaves.iter().filter_map(described).collect();
    if names.is_empty() {
        "Simultaneous Output".to_owned()
    } else {
        format!("Simultaneous output to {}", names.join(", "))
    }
}

/// A sink that it plays on.
#[derive(Debug)]
struct Output {
    sink: u32,
    link: Link,
}

#[derive(Debug)]
struct Combined {
    module: u32,
    sink: u32,
    spec: SampleSpec,
    map: ChannelMap,
    remix: Remix,
    /// Whether somebody said how it is described.
    described: bool,
    outputs: Vec<Output>,
    /// Names of sinks that have gone: one that comes again is taken again.
    missing: Vec<String>,
}

impl Combined {
    fn add_output(&mut self, state: &mut State, slave: u32) -> Result<(), ModuleError> {
        let none = || ModuleError::NoDevice { kind: "sink", name: String::new() };
        let device = state.registry.sinks.get(self.sink).ok_or_else(none)?.device;
        let target = state.registry.sinks.get(slave).ok_or_else(none)?;
        let description = target.proplist.get_str("device.description").unwrap_or(&target.name);
        let mut proplist = PropList::new();
        proplist.set_str("media.name", &format!("Simultaneous output on {description}"));
        proplist.set_str("media.role", "filter");
        let stream = ModuleStreamSpec {
            module: self.module,
            driver: KIND.driver,
            device: Some(slave),
            map: self.map,
            proplist,
            remix: self.remix,
            dont_move: true,
            corked: false,
            maps_format: true,
            latency_usec: Some(MAX_LATENCY_USEC),
            client: None,
            filter: Some(self.sink),
        };
        let link =
            state.add_link(LinkEnd::Device(device, self.map), LinkEnd::Stream(stream), self.spec, 0)?;
        self.outputs.push(Output { sink: slave, link });
        Ok(())
    }

    fn update_description(&self, state: &mut State) {
        if self.described {
            return;
        }
        let slaves: Vec<u32> = self.outputs.iter().map(|output| output.sink).collect();
        let description = describe(state, &slaves);
        state.describe_sink(self.sink, &description);
    }
}

impl Instance for Combined {
    fn listens(&self) -> bool {
        true
    }

    fn changed(&mut self, state: &mut State, _me: u32, change: Change) {
        if change.facility != Facility::Sink {
            return;
        }
        if change.index == self.sink {
            let Some(sink) = state.registry.sinks.get(self.sink) else { return };
            let suspended = sink.state == DeviceState::Suspended;
            for input in self.outputs.iter().filter_map(|output| output.link.input) {
                state.cork_sink_input(input, suspended);
            }
            return;
        }
        let Some(sink) =
            state.registry.sinks.get(change.index).filter(|_| change.operation == Operation::New)
        else {
            return;
        };
        let Some(place) = self.missing.iter().position(|name| *name == sink.name) else { return };
        match self.add_output(state, change.index) {
            Ok(()) => {
                self.missing.swap_remove(place);
                self.update_description(state);
            }
            Err(error) => {
                tracing::warn!(sink = change.index, %error, "the combined sink cannot play there again")
            }
        }
    }

    fn sink_unlinks(&mut self, state: &mut State, _me: u32, sink: u32) {
        let Some(place) = self.outputs.iter().position(|output| output.sink == sink) else { return };
        let output = self.outputs.swap_remove(place);
        state.remove_link(&output.link);
        self.missing.extend(state.registry.sinks.get(sink).map(|sink| sink.name.clone()));
        self.update_description(state);
    }

    fn stream_killed(&mut self, state: &mut State, _me: u32, stream: ModuleStream) {
        let ModuleStream::Input(input) = stream else { return };
        let Some(place) = self.outputs.iter().position(|output| output.link.input == Some(input)) else {
            return;
        };
        let output = self.outputs.swap_remove(place);
        state.remove_link(&output.link);
        self.update_description(state);
    }

    fn in_use(&self, state: &State) -> bool {
        state.sink_linked_by(self.sink) > 0
    }

    fn unload(self: Box<Self>, state: &mut State, _me: u32) {
        for output in &self.outputs {
            state.remove_link(&output.link);
        }
        state.remove_sink(self.sink);
    }
}
