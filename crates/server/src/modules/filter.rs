//! Devices that are made of another one: remapped and virtual sinks and sources.

use sealpulse_engine::Remix;
use sealpulse_protocol::{DeviceState, Facility, PropList, SinkFlags, SourceFlags};
use sealpulse_spec::ChannelMap;

use super::{Instance, Loading, ModuleError};
use crate::policy::{Link, LinkEnd, ModuleStreamSpec, NewSink, NewSource};
use crate::state::State;
use crate::subscribe::Event as Change;

/// A description by those of the master and by the filter's name.
pub(super) type Describe = fn(master: &str, name: &str) -> String;

/// How a filter's stream looks on its master.
pub(super) struct FilterStream {
    /// The sink or source that the filter is made of.
    pub(super) master: u32,
    /// Positions of the stream's channels on the master.
    pub(super) map: ChannelMap,
    pub(super) media_name: String,
    pub(super) remix: bool,
}

impl FilterStream {
    fn spec(&self, loading: &Loading<'_>, filter: u32) -> ModuleStreamSpec {
        let mut proplist = PropList::new();
        proplist.set_str("media.name", &self.media_name);
        proplist.set_str("media.role", "filter");
        let mut stream = ModuleStreamSpec::new(loading, Some(self.master), self.map, proplist);
        stream.filter = Some(filter);
        stream.remix = if self.remix { Remix::Full } else { Remix::NamesOnly };
        stream
    }
}

/// What a filter sink takes over from its master.
pub(super) fn sink_flags(master: SinkFlags) -> SinkFlags {
    let kept =
        [SinkFlags::LATENCY, SinkFlags::DYNAMIC_LATENCY].into_iter().filter(|flag| master.contains(*flag));
    kept.fold(SinkFlags::DECIBEL_VOLUME, |flags, flag| flags | flag)
}

/// What a filter source takes over from its master.
pub(super) fn source_flags(master: SourceFlags) -> SourceFlags {
    let kept = [SourceFlags::LATENCY, SourceFlags::DYNAMIC_LATENCY]
        .into_iter()
        .filter(|flag| master.contains(*flag));
    kept.fold(SourceFlags::DECIBEL_VOLUME, |flags, flag| flags | flag)
}

/// Makes a sink whose sound is played on another.
pub(super) fn make_sink(
    state: &mut State,
    loading: &Loading<'_>,
    new: NewSink,
    stream: &FilterStream,
    describe: Option<Describe>,
) -> Result<FilterSink, ModuleError> {
    let (spec, map) = (new.spec, new.map);
    let sink = state.make_sink(new)?;
    let Some(device) = state.registry.sinks.get(sink).map(|sink| sink.device) else {
        return Err(ModuleError::Name { name: String::new() });
    };
    let to = LinkEnd::Stream(stream.spec(loading, sink));
    match state.add_link(LinkEnd::Device(device, map), to, spec, 0) {
        Ok(link) => {
            state.cork_link(&link, false);
            state.put_sink(sink);
            Ok(FilterSink { sink, link, describe })
        }
        Err(error) => {
            state.remove_sink(sink);
            Err(error)
        }
    }
}

/// A sink whose sound is played on another.
#[derive(Debug)]
pub(super) struct FilterSink {
    pub(super) sink: u32,
    link: Link,
    /// How it is described, where nobody said.
    describe: Option<Describe>,
}

impl FilterSink {
    /// Its stream has come to another master.
    fn follow_master(&self, state: &mut State) {
        let registry = &mut state.registry;
        let master =
            self.link.input.and_then(|input| registry.sink_inputs.get(input)).map(|input| input.sink);
        let Some(master) = master.and_then(|master| registry.sinks.get(master)) else { return };
        let name = master.name.clone();
        let description = master.proplist.get_str("device.description").unwrap_or(&name).to_owned();
        let Some(sink) = registry.sinks.get_mut(self.sink) else { return };
        if sink.proplist.get_str("device.master_device") == Some(&name) {
            return;
        }
        sink.proplist.set_str("device.master_device", &name);
        if let Some(describe) = self.describe {
            sink.proplist.set_str("device.description", &describe(&description, &sink.name));
        }
        state.post(Facility::Sink, sealpulse_protocol::Operation::Change, self.sink);
    }
}

impl Instance for FilterSink {
    fn listens(&self) -> bool {
        true
    }

    fn changed(&mut self, state: &mut State, _me: u32, change: Change) {
        match change.facility {
            Facility::SinkInput if Some(change.index) == self.link.input => self.follow_master(state),
            Facility::Sink if change.index == self.sink => {
                let Some(sink) = state.registry.sinks.get(self.sink) else { return };
                let suspended = sink.state == DeviceState::Suspended;
                if let Some(input) = self.link.input {
                    state.cork_sink_input(input, suspended);
                }
            }
            _ => {}
        }
    }

    fn used(&self, state: &State) -> Option<u32> {
        Some(state.sink_linked_by(self.sink))
    }

    fn unload(self: Box<Self>, state: &mut State, _me: u32) {
        state.cork_link(&self.link, true);
        state.remove_sink(self.sink);
        state.remove_link(&self.link);
    }
}

/// Makes a source of what another has.
pub(super) fn make_source(
    state: &mut State,
    loading: &Loading<'_>,
    new: NewSource,
    stream: &FilterStream,
    describe: Option<Describe>,
) -> Result<FilterSource, ModuleError> {
    let (spec, map) = (new.spec, new.map);
    let source = state.make_source(new)?;
    let Some(device) = state.registry.sources.get(source).map(|source| source.device) else {
        return Err(ModuleError::Name { name: String::new() });
    };
    let from = LinkEnd::Stream(stream.spec(loading, source));
    match state.add_link(from, LinkEnd::Device(device, map), spec, 0) {
        Ok(link) => {
            state.cork_link(&link, false);
            state.put_source(source);
            Ok(FilterSource { source, link, describe })
        }
        Err(error) => {
            state.remove_source(source);
            Err(error)
        }
    }
}

/// A source of what another has.
#[derive(Debug)]
pub(super) struct FilterSource {
    pub(super) source: u32,
    link: Link,
    /// How it is described, where nobody said.
    describe: Option<Describe>,
}

impl FilterSource {
    /// Its stream has come to another master.
    fn follow_master(&self, state: &mut State) {
        let registry = &mut state.registry;
        let master = self.link.output.and_then(|output| registry.source_outputs.get(output));
        let Some(master) = master.and_then(|output| registry.sources.get(output.source)) else { return };
        let name = master.name.clone();
        let description = master.proplist.get_str("device.description").unwrap_or(&name).to_owned();
        let Some(source) = registry.sources.get_mut(self.source) else { return };
        if source.proplist.get_str("device.master_device") == Some(&name) {
            return;
        }
        source.proplist.set_str("device.master_device", &name);
        if let Some(describe) = self.describe {
            source.proplist.set_str("device.description", &describe(&description, &source.name));
        }
        state.post(Facility::Source, sealpulse_protocol::Operation::Change, self.source);
    }
}

impl Instance for FilterSource {
    fn listens(&self) -> bool {
        true
    }

    fn changed(&mut self, state: &mut State, _me: u32, change: Change) {
        match change.facility {
            Facility::SourceOutput if Some(change.index) == self.link.output => self.follow_master(state),
            Facility::Source if change.index == self.source => {
                let Some(source) = state.registry.sources.get(self.source) else { return };
                let suspended = source.state == DeviceState::Suspended;
                if let Some(output) = self.link.output {
                    state.cork_source_output(output, suspended);
                }
            }
            _ => {}
        }
    }

    fn used(&self, state: &State) -> Option<u32> {
        Some(state.source_linked_by(self.source))
    }

    fn unload(self: Box<Self>, state: &mut State, _me: u32) {
        state.cork_link(&self.link, true);
        state.remove_source(self.source);
        state.remove_link(&self.link);
    }
}

impl State {
    /// The sink that an argument names; the default one where it is not given.
    pub(super) fn argument_sink(
        &self,
        args: &super::args::ModuleArgs,
        key: &str,
    ) -> Result<u32, ModuleError> {
        let name = args.text(key);
        let none = || ModuleError::NoDevice { kind: "sink", name: name.clone().unwrap_or_default() };
        self.registry.sink_by_name(name.as_deref()).ok_or_else(none)
    }

    /// The same for a source.
    pub(super) fn argument_source(
        &self,
        args: &super::args::ModuleArgs,
        key: &str,
    ) -> Result<u32, ModuleError> {
        let name = args.text(key);
        let none = || ModuleError::NoDevice { kind: "source", name: name.clone().unwrap_or_default() };
        self.registry.source_by_name(name.as_deref()).ok_or_else(none)
    }
}
