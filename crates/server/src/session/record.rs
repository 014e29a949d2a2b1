//! Record streams, and the way of what they record to their client.

use sealpulse_engine::{Event, RecordConfig, RecordFrom};
use sealpulse_memory::Block;
use sealpulse_protocol::command::{
    Ack, CorkRecordStream, CreateRecordStream, CreateRecordStreamReply, DeleteRecordStream,
    FlushRecordStream, GetRecordLatency, RecordLatency, SetRecordStreamBufferAttr,
    SetRecordStreamBufferAttrReply, UpdateRecordStreamSampleRate,
};
use sealpulse_protocol::{DeviceState, ErrorCode, Facility, Operation, Usec};
use sealpulse_spec::{ChannelVolumes, RATE_MAX};

use super::dispatch::done;
use super::formats::{self, Fix, Wish, any_pcm};
use super::introspect::PROTOCOL_DRIVER;
use super::playback::remix;
use super::stream::stream_proplist;
use super::{Caller, Handle, Handled, Outcome, SessionKey};
use crate::buffer_attr::{LatencyMode, RecordAttr};
use crate::policy::{NewOutput, capture_latency, record_attr, remap_volume, resample_method};
use crate::queries::Question;
use crate::registry::{Owner, RecordOrigin, SourceOutput, StreamFlags, names};
use crate::state::State;

/// Longest block that is filled at once in bytes, a slot of a link's pool.
const BLOCK_SIZE_MAX: usize = 64 << 10;

/// Blocks that the engine has of each stream are to last this long, so that the control thread may be late.
const SUPPLY_USEC: u64 = 200_000;

/// Least and most blocks that the engine has of a stream.
const SUPPLY_BLOCKS: std::ops::RangeInclusive<u64> = 4..=16;

/// Bytes that wait for a client before its record streams get no more blocks: what is recorded then is lost,
/// as when PulseAudio's queue of `maxlength` is full.
const BACKLOG_MAX: usize = 1 << 20;

impl Handle for CreateRecordStream {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<CreateRecordStreamReply> {
        let name_valid = self.source_name.as_deref().is_none_or(names::is_source_reference);
        let has_volume = caller.version >= 22;
        if !name_valid
            || (self.source_index.is_some() && self.source_name.is_some())
            || (has_volume && !self.volume.is_valid())
        {
            return Err(ErrorCode::Invalid);
        }
        let fix = Fix { format: self.fix_format, rate: self.fix_rate, channels: self.fix_channels };
        let volume = has_volume.then_some(&self.volume);
        let wish = Wish::new(self.formats, self.sample_spec, &self.channel_map, volume, fix)?;
        let session = state.sessions.get(caller.session).ok_or(ErrorCode::Killed)?;
        if session.streams() >= state.settings.limits.streams_per_client {
            return Err(ErrorCode::TooLarge);
        }
        let proplist = stream_proplist(state, caller, self.name.as_deref(), self.properties)?;

        let registry = &state.registry;
        let direct = match self.direct_on_input {
            Some(index) => Some((index, registry.sink_inputs.get(index).ok_or(ErrorCode::NoEntity)?)),
            None => None,
        };
        let direct_monitor =
            direct.and_then(|(_, input)| registry.sinks.get(input.sink)).map(|sink| sink.monitor);
        let asked_source = match (self.source_index, self.source_name.as_deref(), direct_monitor) {
            (Some(index), _, _) => Some(index).filter(|&index| registry.sources.get(index).is_some()),
            (None, None, Some(monitor)) => Some(monitor),
            (None, None, None) => None,
            (None, name, _) => registry.source_by_name(name),
        };
        if asked_source.is_none() && (self.source_index.is_some() || self.source_name.is_some()) {
            return Err(ErrorCode::NoEntity);
        }
        let flags = StreamFlags {
            variable_rate: self.variable_rate,
            dont_move: self.no_move,
            kill_on_suspend: self.fail_on_suspend,
            passthrough: self.passthrough,
            dont_inhibit_auto_suspend: self.dont_inhibit_auto_suspend,
            device_requested: false,
            start_corked: self.corked,
            no_remap: self.no_remap,
            no_remix: self.no_remix,
            fix_format: self.fix_format,
            fix_rate: self.fix_rate,
            fix_channels: self.fix_channels,
        };
        let has_direct = direct.is_some();
        let mut new = NewOutput::new(proplist, flags, asked_source);
        new.direct = has_direct;
        let source_index = state.route_output(&mut new).ok_or(ErrorCode::NoEntity)?;
        let registry = &state.registry;
        if has_direct && direct_monitor != Some(source_index) {
            return Err(ErrorCode::Invalid);
        }
        let source = registry.sources.get(source_index).ok_or(ErrorCode::NoEntity)?;
        let format = wish.negotiate(&any_pcm())?.clone();
        let (spec, map) = formats::sample_spec(&format, &source.spec, &source.map)?;
        new.volume = match (self.volume_set, self.passthrough) {
            (true, false) => Some(remap_volume(&self.volume, &wish.volume_map(&self.volume, &format)?, &map)),
            _ => None,
        };
        new.muted = self.muted_set.then_some(self.muted);
        if !self.variable_rate {
            state.reconfigure_source(source_index, &spec, self.passthrough);
        }
        (new.spec, new.map) = (spec, map);
        state.shape_output(&mut new);
        let volume = new.volume.unwrap_or(ChannelVolumes::norm(spec.channels));
        let source = state.registry.sources.get(source_index).ok_or(ErrorCode::NoEntity)?;
        if self.passthrough && spec != source.spec {
            return Err(ErrorCode::NotSupported);
        }
        if self.fail_on_suspend && source.state == DeviceState::Suspended {
            return Err(ErrorCode::BadState);
        }
        if source.outputs.len() >= state.settings.limits.streams_per_device {
            return Err(ErrorCode::TooLarge);
        }

        let from = match self.direct_on_input.and_then(|index| state.registry.sink_inputs.get(index)) {
            Some(input) => RecordFrom::Playback(input.stream),
            None => RecordFrom::Monitor(source.device),
        };
        let asked_attr = RecordAttr { maxlength: self.maxlength, fragsize: self.fragsize };
        let latency_mode = LatencyMode::new(self.adjust_latency, self.early_requests);
        let (attr, latency_usec) = record_attr(asked_attr, latency_mode, &spec, source.max_latency_usec);
        let config = RecordConfig {
            from,
            spec,
            map,
            fragsize: attr.fragsize as usize,
            latency_usec: capture_latency(latency_usec),
            volume,
            muted: new.muted.unwrap_or(false),
            corked: self.corked,
            remix: remix(self.no_remap, self.no_remix),
            peak_detect: self.peak_detect,
            variable_rate: self.variable_rate,
            passive: false,
        };
        let stream = state.engine.add_record(&config).map_err(|_| ErrorCode::TooLarge)?;
        let converted = resample_method(&spec, &map, &source.spec, &source.map, self.variable_rate);
        let output = SourceOutput {
            owner: Owner::Client { session: caller.session, channel: 0 },
            module: Some(state.session_module(caller.session)),
            driver: PROTOCOL_DRIVER,
            source: source_index,
            origin: self.direct_on_input.map_or(RecordOrigin::Source, RecordOrigin::SinkInput),
            stream,
            spec,
            map,
            format,
            proplist: new.proplist,
            volume,
            muted: config.muted,
            by_user: new.by_user,
            corked: self.corked,
            flags,
            resample_method: if self.peak_detect { Some("peaks") } else { converted },
            peak_detect: self.peak_detect,
            latency_mode,
            asked_attr,
            attr,
            latency_usec,
            preferred_source: new.preferred_source,
            destination_source: None,
            sent: 0,
            lost: 0,
            supplied: 0,
        };
        let index = state.put_source_output(output);
        state.record_reply(index).map(Outcome::Reply).ok_or(ErrorCode::Internal)
    }
}

impl SourceOutput {
    /// Size of the blocks that it is given, in bytes: whole frames.
    fn block_size(&self) -> usize {
        let frame = self.spec.frame_size().max(1);
        (self.attr.fragsize as usize).min(BLOCK_SIZE_MAX) / frame * frame
    }

    /// How many blocks the engine should have.
    fn blocks_wanted(&self) -> usize {
        let span = self.spec.usec_to_bytes(SUPPLY_USEC);
        let blocks = span.div_ceil(self.block_size().max(1) as u64) + 1;
        blocks.clamp(*SUPPLY_BLOCKS.start(), *SUPPLY_BLOCKS.end()) as usize
    }
}

impl State {
    /// Makes a new source output known to its client, its source and everybody.
    pub(crate) fn put_source_output(&mut self, mut output: SourceOutput) -> u32 {
        let index = self.registry.source_outputs.reserve();
        let (source, stream, origin) = (output.source, output.stream, output.origin);
        if let Owner::Client { session, channel } = &mut output.owner
            && let Some(session) = self.sessions.get_mut(*session)
        {
            *channel = session.add_record(index);
        }
        self.record_streams.insert(stream, index);
        self.registry.source_outputs.insert(index, output);
        if let RecordOrigin::SinkInput(input) = origin
            && let Some(input) = self.registry.sink_inputs.get_mut(input)
        {
            input.direct_outputs.push(index);
        }
        if let Some(source) = self.registry.sources.get_mut(source) {
            source.outputs.push(index);
        }
        self.supply(index);
        self.post(Facility::SourceOutput, Operation::New, index);
        self.update_source_status(source);
        index
    }

    fn record_reply(&self, index: u32) -> Option<CreateRecordStreamReply> {
        let output = self.registry.source_outputs.get(index)?;
        let source = self.registry.sources.get(output.source)?;
        Some(CreateRecordStreamReply {
            channel: output.owner.client()?.1,
            source_output_index: index,
            maxlength: output.attr.maxlength,
            fragsize: output.attr.fragsize,
            sample_spec: Some(output.spec),
            channel_map: output.map,
            source_index: Some(output.source),
            source_name: Some(source.name.clone()),
            suspended: source.state == DeviceState::Suspended,
            source_latency: Usec(output.latency_usec),
            format: output.format.clone(),
        })
    }

    /// The caller's stream on a channel.
    fn own_record(&self, caller: Caller, channel: u32) -> Result<u32, ErrorCode> {
        let session = self.sessions.get(caller.session);
        session.and_then(|session| session.record_index(channel)).ok_or(ErrorCode::NoEntity)
    }

    /// Gives the engine blocks to fill, unless the client is behind with reading.
    fn supply(&mut self, index: u32) {
        let Some(output) = self.registry.source_outputs.get_mut(index) else { return };
        let Some(session) = output.owner.session().and_then(|key| self.sessions.get_mut(key)) else { return };
        if session.link.queued_bytes() > BACKLOG_MAX {
            if !session.starved.contains(&index) {
                session.starved.push(index);
            }
            return;
        }
        let size = output.block_size();
        while output.supplied < output.blocks_wanted() {
            let block = session.link.take_record_block(size);
            self.engine.supply(output.stream, block);
            output.supplied += 1;
        }
    }

    /// The client has read what waited: its record streams go on.
    pub(crate) fn supply_starved(&mut self, key: SessionKey) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        for index in std::mem::take(&mut session.starved) {
            self.supply(index);
        }
    }

    /// What a sound thread says about a record stream.
    pub(crate) fn record_event(&mut self, event: Event) {
        let (Event::Recorded { stream, .. }
        | Event::RecordOverrun { stream, .. }
        | Event::RecordTiming { stream, .. }) = event
        else {
            return;
        };
        if let Event::RecordTiming { token, timing, .. } = event {
            return self.record_timing(token, timing);
        }
        if let Some(&module) = self.module_record.get(&stream) {
            self.with_module(module, |instance, state| instance.engine_event(state, module, event));
            return;
        }
        match event {
            Event::Recorded { stream, block, length } => {
                let Some(&index) = self.record_streams.get(&stream) else { return };
                self.send_recorded(index, block, length);
            }
            Event::RecordOverrun { stream, bytes } => {
                let Some(&index) = self.record_streams.get(&stream) else { return };
                let Some(output) = self.registry.source_outputs.get_mut(index) else { return };
                output.lost = output.lost.saturating_add(bytes);
                if self.warnings.allow() {
                    tracing::warn!(
                        source_output = index,
                        bytes,
                        "recorded sound was lost: its client does not read"
                    );
                }
            }
            _ => {}
        }
    }

    fn send_recorded(&mut self, index: u32, block: Block, length: usize) {
        let Some(output) = self.registry.source_outputs.get_mut(index) else { return };
        output.supplied = output.supplied.saturating_sub(1);
        let Some((key, channel)) = output.owner.client() else { return };
        let Some(session) = self.sessions.get_mut(key) else { return };
        if length > 0 {
            output.sent += length as u64;
            session.link.send_block(channel, block, length);
            self.mark_dirty(key);
        }
        self.supply(index);
    }
}

impl Handle for DeleteRecordStream {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<Ack> {
        let index = state.own_record(caller, self.channel)?;
        state.remove_source_output(index);
        done()
    }
}

impl Handle for CorkRecordStream {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<Ack> {
        let index = state.own_record(caller, self.channel)?;
        state.cork_source_output(index, self.cork);
        done()
    }
}

impl Handle for FlushRecordStream {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<Ack> {
        let index = state.own_record(caller, self.channel)?;
        let output = state.registry.source_outputs.get(index).ok_or(ErrorCode::NoEntity)?;
        state.engine.flush_record(output.stream);
        done()
    }
}

impl Handle for GetRecordLatency {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<RecordLatency> {
        let index = state.own_record(caller, self.channel)?;
        let stream = state.registry.source_outputs.get(index).ok_or(ErrorCode::NoEntity)?.stream;
        let question = Question::RecordLatency { channel: self.channel, time: self.time };
        state.ask(caller.session, caller.tag, question, &[], &[stream])?;
        Ok(Outcome::Later)
    }
}

impl Handle for SetRecordStreamBufferAttr {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<SetRecordStreamBufferAttrReply> {
        let index = state.own_record(caller, self.channel)?;
        let output = state.registry.source_outputs.get_mut(index).ok_or(ErrorCode::NoEntity)?;
        output.asked_attr = RecordAttr { maxlength: self.maxlength, fragsize: self.fragsize };
        output.latency_mode = LatencyMode::new(self.adjust_latency, self.early_requests);
        let source = state.registry.sources.get(output.source).ok_or(ErrorCode::NoEntity)?;
        output.fix_attr(&mut state.engine, source.max_latency_usec);
        let reply = SetRecordStreamBufferAttrReply {
            maxlength: output.attr.maxlength,
            fragsize: output.attr.fragsize,
            source_latency: Usec(output.latency_usec),
        };
        state.supply(index);
        Ok(Outcome::Reply(reply))
    }
}

impl Handle for UpdateRecordStreamSampleRate {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<Ack> {
        if !(1..=RATE_MAX).contains(&self.rate) {
            return Err(ErrorCode::Invalid);
        }
        let index = state.own_record(caller, self.channel)?;
        let output = state.registry.source_outputs.get_mut(index).ok_or(ErrorCode::NoEntity)?;
        if output.flags.variable_rate && output.spec.rate != self.rate {
            output.spec.rate = self.rate;
            state.engine.set_record_rate(output.stream, self.rate);
            state.post(Facility::SourceOutput, Operation::Change, index);
        }
        done()
    }
}
