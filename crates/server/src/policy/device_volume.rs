//! Volume and mute of devices. Filters may share the volume of what they are made of
//! (`PA_SINK_SHARE_VOLUME_WITH_MASTER`).

use sealpulse_protocol::{Facility, Operation};
use sealpulse_spec::ChannelVolumes;

use crate::registry::Registry;
use crate::state::State;

impl Registry {
    /// The sink whose volume is that of `index`.
    fn volume_root_of_sink(&self, mut index: u32) -> u32 {
        while self.sinks.get(index).is_some_and(|sink| sink.shares_volume) {
            let mut streams = self.sink_inputs.values();
            match streams.find(|input| input.origin_sink == Some(index)) {
                Some(input) => index = input.sink,
                None => break,
            }
        }
        index
    }

    /// The source whose volume is that of `index`.
    fn volume_root_of_source(&self, mut index: u32) -> u32 {
        while self.sources.get(index).is_some_and(|source| source.shares_volume) {
            let mut streams = self.source_outputs.values();
            match streams.find(|output| output.destination_source == Some(index)) {
                Some(output) => index = output.source,
                None => break,
            }
        }
        index
    }
}

impl State {
    pub(crate) fn set_sink_volume(&mut self, index: u32, volume: ChannelVolumes) {
        let root = self.registry.volume_root_of_sink(index);
        let (Some(sink), Some(root_sink)) = (self.registry.sinks.get(index), self.registry.sinks.get(root))
        else {
            return;
        };
        let wanted = super::fit_volume(&sink.volume, &volume);
        let volume = super::remap_volume(&wanted, &sink.map, &root_sink.map);
        if root_sink.volume == volume {
            return;
        }
        self.engine.set_device_volume(root_sink.device, &volume, root_sink.muted);
        if let Some(sink) = self.registry.sinks.get_mut(root) {
            sink.volume = volume;
        }
        self.post(Facility::Sink, Operation::Change, root);
        self.spread_sink_volume(root);
    }

    /// Sinks that share the volume of `root` show it.
    pub(crate) fn spread_sink_volume(&mut self, root: u32) {
        let Some((volume, map)) = self.registry.sinks.get(root).map(|sink| (sink.volume, sink.map)) else {
            return;
        };
        for index in self.registry.sinks.indexes() {
            if index == root || self.registry.volume_root_of_sink(index) != root {
                continue;
            }
            let Some(sink) = self.registry.sinks.get_mut(index) else { continue };
            let shown = super::remap_volume(&volume, &map, &sink.map);
            if std::mem::replace(&mut sink.volume, shown) != shown {
                self.post(Facility::Sink, Operation::Change, index);
            }
        }
    }

    /// A filter has come to another sink: what shares its volume takes that.
    pub(crate) fn adopt_sink_volume(&mut self, filter: u32) {
        let root = self.registry.volume_root_of_sink(filter);
        if root != filter {
            self.spread_sink_volume(root);
        }
    }

    pub(crate) fn set_sink_mute(&mut self, index: u32, muted: bool) {
        let Some(sink) = self.registry.sinks.get_mut(index) else { return };
        if sink.muted != muted {
            sink.muted = muted;
            let heard =
                if sink.shares_volume { ChannelVolumes::norm(sink.spec.channels) } else { sink.volume };
            self.engine.set_device_volume(sink.device, &heard, muted);
            self.post(Facility::Sink, Operation::Change, index);
        }
    }

    pub(crate) fn set_source_volume(&mut self, index: u32, volume: ChannelVolumes) {
        let root = self.registry.volume_root_of_source(index);
        let (Some(source), Some(root_source)) =
            (self.registry.sources.get(index), self.registry.sources.get(root))
        else {
            return;
        };
        let wanted = super::fit_volume(&source.volume, &volume);
        let volume = super::remap_volume(&wanted, &source.map, &root_source.map);
        if root_source.volume == volume {
            return;
        }
        self.engine.set_monitor_volume(root_source.device, &volume, root_source.muted);
        if let Some(source) = self.registry.sources.get_mut(root) {
            source.volume = volume;
        }
        self.post(Facility::Source, Operation::Change, root);
        self.spread_source_volume(root);
    }

    /// Sources that share the volume of `root` show it.
    fn spread_source_volume(&mut self, root: u32) {
        let Some((volume, map)) = self.registry.sources.get(root).map(|source| (source.volume, source.map))
        else {
            return;
        };
        for index in self.registry.sources.indexes() {
            if index == root || self.registry.volume_root_of_source(index) != root {
                continue;
            }
            let Some(source) = self.registry.sources.get_mut(index) else { continue };
            let shown = super::remap_volume(&volume, &map, &source.map);
            if std::mem::replace(&mut source.volume, shown) != shown {
                self.post(Facility::Source, Operation::Change, index);
            }
        }
    }

    /// A filter has come to another source: what shares its volume takes that.
    pub(crate) fn adopt_source_volume(&mut self, filter: u32) {
        let root = self.registry.volume_root_of_source(filter);
        if root != filter {
            self.spread_source_volume(root);
        }
    }

    pub(crate) fn set_source_mute(&mut self, index: u32, muted: bool) {
        let Some(source) = self.registry.sources.get_mut(index) else { return };
        if source.muted != muted {
            source.muted = muted;
            let heard =
                if source.shares_volume { ChannelVolumes::norm(source.spec.channels) } else { source.volume };
            self.engine.set_monitor_volume(source.device, &heard, muted);
            self.post(Facility::Source, Operation::Change, index);
        }
    }
}
