//! The objects that clients see: modules, clients, sinks, sources, sink inputs, source outputs, samples, and
//! their names.
//!
//! Here is what they are and how they are found; what happens to them, and who is told, is in
//! [`crate::policy`].

mod client;
mod device;
pub(crate) mod names;
mod sample;
mod stream;
mod table;

use sealpulse_protocol::DeviceState;

use crate::modules::Module;
pub(crate) use client::Client;
pub(crate) use device::{Device, Sink, Source, SuspendCause};
pub(crate) use names::Named;
pub(crate) use sample::{Lazy, Sample, Sound, Upload};
pub(crate) use stream::{ByUser, Owner, RecordOrigin, SinkInput, SourceOutput, StreamFlags};
pub(crate) use table::Table;

use names::Names;

/// The module whose sinks have many others behind them.
const COMBINES: &str = "module-combine-sink";

/// All objects, and which devices are the default ones.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    pub(crate) modules: Table<Module>,
    pub(crate) clients: Table<Client>,
    pub(crate) sinks: Table<Sink>,
    pub(crate) sources: Table<Source>,
    pub(crate) sink_inputs: Table<SinkInput>,
    pub(crate) source_outputs: Table<SourceOutput>,
    pub(crate) samples: Table<Sample>,
    pub(crate) names: Names,
    pub(crate) default_sink: Option<u32>,
    pub(crate) default_source: Option<u32>,
    /// What a user has chosen, by name: it may not be there yet, or any more.
    pub(crate) configured_sink: Option<String>,
    pub(crate) configured_source: Option<String>,
    /// What a module has chosen, by name: it comes before the user's, who had not seen the device when choosing.
    pub(crate) policy_sink: Option<String>,
    /// The same.
    pub(crate) policy_source: Option<String>,
}

impl Registry {
    /// The sink that a request means: `None` and `@DEFAULT_SINK@` are the default one; a number is an index
    /// where no sink has it as its name.
    pub(crate) fn sink_by_name(&self, name: Option<&str>) -> Option<u32> {
        match name {
            None | Some(names::DEFAULT_SINK) => self.default_sink,
            Some(name) => match self.names.get(name) {
                Some(Named::Sink(index)) => Some(index),
                _ => name.parse().ok().filter(|&index| self.sinks.get(index).is_some()),
            },
        }
    }

    /// The same for a source.
    pub(crate) fn source_by_name(&self, name: Option<&str>) -> Option<u32> {
        match name {
            None | Some(names::DEFAULT_SOURCE) => self.default_source,
            Some(names::DEFAULT_MONITOR) => {
                self.default_sink.and_then(|sink| self.sinks.get(sink)).map(|sink| sink.monitor)
            }
            Some(name) => match self.names.get(name) {
                Some(Named::Source(index)) => Some(index),
                _ => name.parse().ok().filter(|&index| self.sources.get(index).is_some()),
            },
        }
    }

    /// The sample of this name, or of this number.
    pub(crate) fn sample_by_name(&self, name: &str) -> Option<u32> {
        match self.names.get(name) {
            Some(Named::Sample(index)) => Some(index),
            _ => name.parse().ok().filter(|&index| self.samples.get(index).is_some()),
        }
    }

    /// Streams on a sink that are not corked; those on its monitor do not count.
    pub(crate) fn sink_used_by(&self, sink: &Sink) -> usize {
        sink.inputs
            .iter()
            .filter(|&&input| self.sink_inputs.get(input).is_some_and(|input| !input.corked))
            .count()
    }

    /// Streams on a source that are not corked.
    pub(crate) fn source_used_by(&self, source: &Source) -> usize {
        let running = |output: &&u32| self.source_outputs.get(**output).is_some_and(|output| !output.corked);
        source.outputs.iter().filter(running).count()
    }

    /// The sink on which a filter's sound is played; `None` for a sink that is no filter.
    pub(crate) fn master_of_sink(&self, sink: u32) -> Option<u32> {
        let module = self.sinks.get(sink)?.module;
        let onward =
            |input: &&SinkInput| input.origin_sink == Some(sink) && self.is_filter(input.module, module);
        self.sink_inputs.values().find(onward).map(|input| input.sink)
    }

    /// The source that a filter's sound comes from; `None` for a source that is no filter.
    pub(crate) fn master_of_source(&self, source: u32) -> Option<u32> {
        let module = self.sources.get(source)?.module;
        let from = |output: &&SourceOutput| {
            output.destination_source == Some(source) && self.is_filter(output.module, module)
        };
        self.source_outputs.values().find(from).map(|output| output.source)
    }

    /// Whether a stream of `stream`'s makes a filter of the device of the module `device`: what is combined has no
    /// master.
    fn is_filter(&self, stream: Option<u32>, device: u32) -> bool {
        let combines = |module: &Module| module.kind.name == COMBINES;
        stream == Some(device) && !self.modules.get(device).is_some_and(combines)
    }

    /// Whether a stream on a sink or its monitor wants that it keeps running.
    pub(crate) fn sink_is_wanted(&self, sink: &Sink) -> bool {
        let wants = |input: &SinkInput| !input.corked && !input.flags.dont_inhibit_auto_suspend;
        sink.inputs.iter().filter_map(|&input| self.sink_inputs.get(input)).any(wants)
            || self.sources.get(sink.monitor).is_some_and(|monitor| self.source_is_wanted(monitor))
    }

    /// Whether a stream on a source wants that it keeps running.
    pub(crate) fn source_is_wanted(&self, source: &Source) -> bool {
        let wants = |output: &SourceOutput| !output.corked && !output.flags.dont_inhibit_auto_suspend;
        source.outputs.iter().filter_map(|&output| self.source_outputs.get(output)).any(wants)
    }

    /// The shortest latency that the streams of a source ask for, in microseconds.
    pub(crate) fn source_requested_latency(&self, source: &Source) -> Option<u64> {
        let asked = source.outputs.iter().filter_map(|&output| self.source_outputs.get(output));
        asked.map(|output| output.latency_usec).filter(|&usec| usec > 0).min()
    }

    /// The shortest latency that the streams of a sink, and of its monitor, ask for, in microseconds.
    pub(crate) fn sink_requested_latency(&self, sink: &Sink) -> Option<u64> {
        let asked = sink.inputs.iter().filter_map(|&input| self.sink_inputs.get(input));
        let of_inputs = asked.map(|input| input.latency_usec).min();
        let monitor = self.sources.get(sink.monitor);
        let of_monitor = monitor.and_then(|monitor| self.source_requested_latency(monitor));
        of_inputs.into_iter().chain(of_monitor).min()
    }

    /// The latency that a sink works with, in microseconds.
    pub(crate) fn sink_configured_latency(&self, sink: &Sink) -> u64 {
        match sink.state {
            DeviceState::Suspended => 0,
            _ => self.sink_requested_latency(sink).unwrap_or(sink.max_latency_usec),
        }
    }

    /// The same of a source.
    pub(crate) fn source_configured_latency(&self, source: &Source) -> u64 {
        match source.state {
            DeviceState::Suspended => 0,
            _ => self.source_requested_latency(source).unwrap_or(source.max_latency_usec),
        }
    }
}
