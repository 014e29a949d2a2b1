//! Streams of modules: a sound that goes round and round, and links that carry what one device has to another.

use sealpulse_engine::{
    DeviceId, PlaybackConfig, PlaybackId, QueueAttr, RecordConfig, RecordFrom, RecordId, Remix,
};
use sealpulse_memory::Chunk;
use sealpulse_protocol::{ErrorCode, FormatInfo, PropList};
use sealpulse_spec::{ChannelMap, ChannelVolumes, SampleSpec};

use super::{NewInput, NewOutput, capture_latency, resample_method, with_factors};
use crate::buffer_attr::{LatencyMode, PlaybackAttr, RecordAttr};
use crate::modules::{Loading, ModuleError};
use crate::registry::{Owner, RecordOrigin, SinkInput, SourceOutput, StreamFlags};
use crate::state::State;

/// A stream of a module's that clients see, on a sink or a source.
#[derive(Debug)]
pub(crate) struct ModuleStreamSpec {
    pub(crate) module: u32,
    pub(crate) driver: &'static str,
    /// The sink or source; `None` for the one that new streams get.
    pub(crate) device: Option<u32>,
    pub(crate) map: ChannelMap,
    pub(crate) proplist: PropList,
    pub(crate) remix: Remix,
    pub(crate) dont_move: bool,
    /// Whether it begins corked.
    pub(crate) corked: bool,
    /// Whether its format names the positions of its channels.
    pub(crate) maps_format: bool,
    /// The part of its latency that the device has in microseconds; `None` for what the device has.
    pub(crate) latency_usec: Option<u64>,
    /// The client of the module's own protocol whose it is.
    pub(crate) client: Option<u32>,
    /// The sink whose sound it carries on, or the source that carries on what it records.
    pub(crate) filter: Option<u32>,
}

impl ModuleStreamSpec {
    pub(crate) fn new(
        loading: &Loading<'_>,
        device: Option<u32>,
        map: ChannelMap,
        proplist: PropList,
    ) -> Self {
        Self {
            module: loading.index,
            driver: loading.kind.driver,
            device,
            map,
            proplist,
            remix: Remix::Full,
            dont_move: false,
            corked: true,
            maps_format: true,
            latency_usec: None,
            client: None,
            filter: None,
        }
    }

    fn flags(&self) -> StreamFlags {
        let start_corked = self.filter.is_some();
        StreamFlags { dont_move: self.dont_move, start_corked, ..StreamFlags::default() }
    }
}

/// Where a link begins or ends.
#[derive(Debug)]
pub(crate) enum LinkEnd {
    /// At a device of the module's own, which nobody sees, with the positions of its channels.
    Device(DeviceId, ChannelMap),
    /// In a stream that clients see.
    Stream(ModuleStreamSpec),
}

/// A link that is there. An end that clients see has an index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    record: RecordId,
    playback: PlaybackId,
    pub(crate) output: Option<u32>,
    pub(crate) input: Option<u32>,
}

/// A stream without a client is not asked for anything.
const NO_ATTR: PlaybackAttr = PlaybackAttr { maxlength: 0, tlength: 0, prebuf: 0, minreq: 0 };
const NO_RECORD_ATTR: RecordAttr = RecordAttr { maxlength: 0, fragsize: 0 };

const NO_SINK: ModuleError = ModuleError::NoDevice { kind: "sink", name: String::new() };
const NO_SOURCE: ModuleError = ModuleError::NoDevice { kind: "source", name: String::new() };

impl State {
    /// Lets a sound, whole frames of `spec`, go round and round on a sink.
    pub(crate) fn add_loop(
        &mut self,
        stream: ModuleStreamSpec,
        spec: SampleSpec,
        sound: Chunk,
    ) -> Result<u32, ModuleError> {
        let (new, config, device) = self.prepare_input(&stream, spec)?;
        let playback = self.engine.add_loop(device, &config, sound)?;
        let input = self.finish_input(stream, new, playback)?;
        self.cork_sink_input(input, false);
        Ok(input)
    }

    /// A playback stream that the module fills; what the engine says about it is told to the module.
    pub(crate) fn add_fed_input(
        &mut self,
        stream: ModuleStreamSpec,
        spec: SampleSpec,
        attr: QueueAttr,
        latency_usec: u64,
    ) -> Result<(u32, PlaybackId), ModuleError> {
        let (new, config, device) = self.prepare_input(&stream, spec)?;
        let config = PlaybackConfig { attr, latency_usec, ..config };
        let playback = self.engine.add_playback(device, &config)?;
        self.module_playback.insert(playback, stream.module);
        let input = self.finish_input(stream, new, playback)?;
        self.cork_sink_input(input, false);
        Ok((input, playback))
    }

    /// A record stream that the module empties; the engine needs blocks from it.
    pub(crate) fn add_taken_output(
        &mut self,
        stream: ModuleStreamSpec,
        spec: SampleSpec,
        fragsize: usize,
        latency_usec: u64,
    ) -> Result<(u32, RecordId), ModuleError> {
        let (new, config) = self.prepare_output(&stream, spec)?;
        let config = RecordConfig { fragsize, latency_usec, ..config };
        let record = self.engine.add_record(&config)?;
        self.module_record.insert(record, stream.module);
        let output = self.finish_output(stream, new, record)?;
        self.cork_source_output(output, false);
        Ok((output, record))
    }

    /// Carries sound of `spec` from one device to another, `delay_usec` later, once [`Self::cork_link`] lets it.
    pub(crate) fn add_link(
        &mut self,
        from: LinkEnd,
        to: LinkEnd,
        spec: SampleSpec,
        delay_usec: u64,
    ) -> Result<Link, ModuleError> {
        let (output, record) = match from {
            LinkEnd::Device(device, map) => (None, record_config(RecordFrom::Monitor(device), spec, map)),
            LinkEnd::Stream(stream) => {
                let (new, config) = self.prepare_output(&stream, spec)?;
                (Some((stream, new)), config)
            }
        };
        let (input, playback, device) = match to {
            LinkEnd::Device(device, map) => (None, playback_config(spec, map), device),
            LinkEnd::Stream(stream) => {
                let (new, config, device) = self.prepare_input(&stream, spec)?;
                (Some((stream, new)), config, device)
            }
        };
        let (record, playback) = self.engine.add_link(device, &playback, &record, delay_usec)?;
        let mut link = Link { record, playback, output: None, input: None };
        if let Some((stream, new)) = input {
            link.input = Some(self.finish_input(stream, new, playback)?);
        }
        if let Some((stream, new)) = output {
            link.output = Some(self.finish_output(stream, new, record)?);
        }
        Ok(link)
    }

    /// Lets the ends of a link that clients see stand still, or go on. New ones stand still.
    pub(crate) fn cork_link(&mut self, link: &Link, cork: bool) {
        if let Some(input) = link.input {
            self.cork_sink_input(input, cork);
        }
        if let Some(output) = link.output {
            self.cork_source_output(output, cork);
        }
    }

    /// Takes a link away.
    pub(crate) fn remove_link(&mut self, link: &Link) {
        match link.output {
            Some(output) => self.remove_source_output(output),
            None => self.engine.remove_record(link.record),
        }
        match link.input {
            Some(input) => self.remove_sink_input(input),
            None => self.engine.remove_playback(link.playback),
        }
    }

    fn prepare_input(
        &mut self,
        stream: &ModuleStreamSpec,
        spec: SampleSpec,
    ) -> Result<(NewInput, PlaybackConfig, DeviceId), ModuleError> {
        let mut new = NewInput::new(stream.proplist.clone(), stream.flags(), stream.device);
        (new.spec, new.map) = (spec, stream.map);
        let index = self.route_input(&mut new).ok_or(NO_SINK)?;
        self.shape_input(&mut new);
        let sink = self.registry.sinks.get(index).ok_or(NO_SINK)?;
        if self.is_passthrough(sink) {
            return Err(ModuleError::Stream(ErrorCode::Busy));
        }
        if sink.inputs.len() >= self.settings.limits.streams_per_device {
            return Err(ModuleError::Stream(ErrorCode::TooLarge));
        }
        let volume = new.volume.unwrap_or(ChannelVolumes::norm(spec.channels));
        let config = PlaybackConfig {
            volume: with_factors(&volume, &new.factors),
            muted: new.muted.unwrap_or(false),
            corked: stream.corked,
            remix: stream.remix,
            ..playback_config(spec, stream.map)
        };
        Ok((new, config, sink.device))
    }

    fn finish_input(
        &mut self,
        stream: ModuleStreamSpec,
        new: NewInput,
        playback: PlaybackId,
    ) -> Result<u32, ModuleError> {
        let sink_index = new.sink.ok_or(NO_SINK)?;
        let sink = self.registry.sinks.get(sink_index).ok_or(NO_SINK)?;
        let (spec, map) = (new.spec, stream.map);
        let input = SinkInput {
            owner: Owner::Module { client: stream.client },
            module: Some(stream.module),
            driver: stream.driver,
            sink: sink_index,
            stream: playback,
            spec,
            map,
            format: FormatInfo::pcm(&spec, stream.maps_format.then_some(&map)),
            proplist: new.proplist,
            volume: new.volume.unwrap_or(ChannelVolumes::norm(spec.channels)),
            factors: new.factors,
            muted: new.muted.unwrap_or(false),
            corked: stream.corked,
            flags: new.flags,
            by_user: new.by_user,
            syncid: 0,
            resample_method: resample_method(&spec, &map, &sink.spec, &sink.map, false),
            latency_mode: LatencyMode::Traditional,
            asked_attr: NO_ATTR,
            attr: NO_ATTR,
            latency_usec: stream.latency_usec.unwrap_or(sink.max_latency_usec),
            preferred_sink: new.preferred_sink,
            drain: None,
            underruns: 0,
            direct_outputs: Vec::new(),
            origin_sink: stream.filter,
        };
        Ok(self.put_sink_input(input))
    }

    fn prepare_output(
        &mut self,
        stream: &ModuleStreamSpec,
        spec: SampleSpec,
    ) -> Result<(NewOutput, RecordConfig), ModuleError> {
        let mut new = NewOutput::new(stream.proplist.clone(), stream.flags(), stream.device);
        (new.spec, new.map) = (spec, stream.map);
        let index = self.route_output(&mut new).ok_or(NO_SOURCE)?;
        self.shape_output(&mut new);
        let source = self.registry.sources.get(index).ok_or(NO_SOURCE)?;
        if source.outputs.len() >= self.settings.limits.streams_per_device {
            return Err(ModuleError::Stream(ErrorCode::TooLarge));
        }
        let config = RecordConfig {
            volume: new.volume.unwrap_or(ChannelVolumes::norm(spec.channels)),
            muted: new.muted.unwrap_or(false),
            corked: stream.corked,
            remix: stream.remix,
            ..record_config(RecordFrom::Monitor(source.device), spec, stream.map)
        };
        Ok((new, config))
    }

    fn finish_output(
        &mut self,
        stream: ModuleStreamSpec,
        new: NewOutput,
        record: RecordId,
    ) -> Result<u32, ModuleError> {
        let source_index = new.source.ok_or(NO_SOURCE)?;
        let source = self.registry.sources.get(source_index).ok_or(NO_SOURCE)?;
        let (spec, map) = (new.spec, stream.map);
        let output = SourceOutput {
            owner: Owner::Module { client: stream.client },
            module: Some(stream.module),
            driver: stream.driver,
            source: source_index,
            origin: RecordOrigin::Source,
            stream: record,
            spec,
            map,
            format: FormatInfo::pcm(&spec, stream.maps_format.then_some(&map)),
            proplist: new.proplist,
            volume: new.volume.unwrap_or(ChannelVolumes::norm(spec.channels)),
            muted: new.muted.unwrap_or(false),
            corked: stream.corked,
            flags: new.flags,
            by_user: new.by_user,
            resample_method: resample_method(&spec, &map, &source.spec, &source.map, false),
            peak_detect: false,
            latency_mode: LatencyMode::Traditional,
            asked_attr: NO_RECORD_ATTR,
            attr: NO_RECORD_ATTR,
            latency_usec: stream.latency_usec.unwrap_or(source.max_latency_usec),
            preferred_source: new.preferred_source,
            destination_source: stream.filter,
            sent: 0,
            lost: 0,
            supplied: 0,
        };
        Ok(self.put_source_output(output))
    }
}

/// What plays whatever there is, at full volume.
pub(crate) fn playback_config(spec: SampleSpec, map: ChannelMap) -> PlaybackConfig {
    PlaybackConfig {
        spec,
        map,
        attr: QueueAttr { maxlength: 0, tlength: 0, prebuf: 0, minreq: 0 },
        latency_usec: sealpulse_engine::MAX_LATENCY_USEC,
        volume: ChannelVolumes::norm(spec.channels),
        muted: false,
        corked: false,
        remix: Remix::Full,
        variable_rate: false,
        sync: None,
        passive: false,
    }
}

/// What records all there is, at full volume.
pub(crate) fn record_config(from: RecordFrom, spec: SampleSpec, map: ChannelMap) -> RecordConfig {
    RecordConfig {
        from,
        spec,
        map,
        fragsize: spec.frame_size(),
        latency_usec: capture_latency(0),
        volume: ChannelVolumes::norm(spec.channels),
        muted: false,
        corked: false,
        remix: Remix::Full,
        peak_detect: false,
        variable_rate: false,
        passive: false,
    }
}
