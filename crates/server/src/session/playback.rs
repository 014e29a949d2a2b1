//! Playback streams.

use sealpulse_engine::{Event, PlaybackConfig, PlaybackId, Remix};
use sealpulse_protocol::command::{
    Ack, CorkPlaybackStream, CreatePlaybackStream, CreatePlaybackStreamReply, DeletePlaybackStream,
    DrainPlaybackStream, FlushPlaybackStream, GetPlaybackLatency, Overflow, PlaybackLatency,
    PrebufPlaybackStream, Request, SetPlaybackStreamBufferAttr, SetPlaybackStreamBufferAttrReply, Started,
    TriggerPlaybackStream, Underflow, UpdatePlaybackStreamSampleRate,
};
use sealpulse_protocol::{DeviceState, ErrorCode, Facility, Operation, Usec};
use sealpulse_spec::{ChannelVolumes, RATE_MAX};

use super::dispatch::done;
use super::formats::{self, Fix, Wish};
use super::introspect::PROTOCOL_DRIVER;
use super::stream::stream_proplist;
use super::{Caller, Handle, Handled, Outcome};
use crate::buffer_attr::{LatencyMode, PlaybackAttr};
use crate::policy::{NewInput, engine_attr, playback_attr, remap_volume, resample_method, with_factors};
use crate::queries::Question;
use crate::registry::{Owner, SinkInput, StreamFlags, names};
use crate::state::State;

impl Handle for CreatePlaybackStream {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<CreatePlaybackStreamReply> {
        let name_valid = self.sink_name.as_deref().is_none_or(names::is_sink_reference);
        if !name_valid || (self.sink_index.is_some() && self.sink_name.is_some()) || !self.volume.is_valid() {
            return Err(ErrorCode::Invalid);
        }
        let fix = Fix { format: self.fix_format, rate: self.fix_rate, channels: self.fix_channels };
        let wish = Wish::new(self.formats, self.sample_spec, &self.channel_map, Some(&self.volume), fix)?;
        let session = state.sessions.get(caller.session).ok_or(ErrorCode::Killed)?;
        if session.streams() >= state.settings.limits.streams_per_client {
            return Err(ErrorCode::TooLarge);
        }
        let proplist = stream_proplist(state, caller, self.name.as_deref(), self.properties)?;

        // Streams with the same number start together, so they need the same sink.
        let base = state.sessions.get(caller.session).and_then(|session| {
            let streams =
                session.playback.values().filter_map(|&index| state.registry.sink_inputs.get(index));
            streams.into_iter().find(|input| input.syncid == self.sync_id)
        });
        let asked_sink = match (self.sink_index, self.sink_name.as_deref(), base) {
            (Some(index), _, _) => Some(index).filter(|&index| state.registry.sinks.get(index).is_some()),
            (None, None, Some(base)) => Some(base.sink),
            (None, None, None) => None,
            (None, name, _) => state.registry.sink_by_name(name),
        };
        if asked_sink.is_none() && (self.sink_index.is_some() || self.sink_name.is_some()) {
            return Err(ErrorCode::NoEntity);
        }
        let (sync, base) = (base.map(|base| base.stream), base.map(|base| (base.sink, base.corked)));
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
        let mut new = NewInput::new(proplist, flags, asked_sink);
        let sink_index = state.route_input(&mut new).ok_or(ErrorCode::NoEntity)?;
        if base.is_some_and(|(sink, corked)| sink != sink_index || !corked) {
            return Err(ErrorCode::Invalid);
        }
        let sink = state.registry.sinks.get(sink_index).ok_or(ErrorCode::NoEntity)?;
        let format = wish.negotiate(&sink.formats)?.clone();
        let (spec, map) = formats::sample_spec(&format, &sink.spec, &sink.map)?;
        new.volume = match (self.volume_set, self.passthrough) {
            (true, false) => Some(remap_volume(&self.volume, &wish.volume_map(&self.volume, &format)?, &map)),
            _ => None,
        };
        // What came before the flag says by its value whether it is muted.
        new.muted = (self.muted_set || self.muted).then_some(self.muted);
        if state.is_passthrough(sink) || (self.passthrough && !sink.inputs.is_empty()) {
            return Err(ErrorCode::Busy);
        }
        if !self.variable_rate {
            state.reconfigure_sink(sink_index, &spec, self.passthrough);
        }
        (new.spec, new.map) = (spec, map);
        state.shape_input(&mut new);
        let volume = new.volume.unwrap_or(ChannelVolumes::norm(spec.channels));
        let muted = new.muted.unwrap_or(false);
        let sink = state.registry.sinks.get(sink_index).ok_or(ErrorCode::NoEntity)?;
        if self.passthrough && spec != sink.spec {
            return Err(ErrorCode::NotSupported);
        }
        if self.fail_on_suspend && sink.state == DeviceState::Suspended {
            return Err(ErrorCode::BadState);
        }
        if sink.inputs.len() >= state.settings.limits.streams_per_device {
            return Err(ErrorCode::TooLarge);
        }

        let asked_attr = PlaybackAttr {
            maxlength: self.maxlength,
            tlength: self.tlength,
            prebuf: self.prebuf,
            minreq: self.minreq,
        };
        let latency_mode = LatencyMode::new(self.adjust_latency, self.early_requests);
        let (attr, latency_usec) = playback_attr(asked_attr, latency_mode, &spec, sink.max_latency_usec);
        let (queue, cycle_usec) = engine_attr(attr, latency_mode, latency_usec, &spec);
        let config = PlaybackConfig {
            spec,
            map,
            attr: queue,
            latency_usec: cycle_usec,
            volume: with_factors(&volume, &new.factors),
            muted,
            corked: self.corked,
            remix: remix(self.no_remap, self.no_remix),
            variable_rate: self.variable_rate,
            sync,
            passive: false,
        };
        let stream = state.engine.add_playback(sink.device, &config).map_err(|_| ErrorCode::TooLarge)?;
        let input = SinkInput {
            owner: Owner::Client { session: caller.session, channel: 0 },
            module: Some(state.session_module(caller.session)),
            driver: PROTOCOL_DRIVER,
            sink: sink_index,
            stream,
            spec,
            map,
            format,
            proplist: new.proplist,
            volume,
            factors: new.factors,
            muted,
            by_user: new.by_user,
            corked: self.corked,
            flags,
            syncid: self.sync_id,
            resample_method: resample_method(&spec, &map, &sink.spec, &sink.map, self.variable_rate),
            latency_mode,
            asked_attr,
            attr,
            latency_usec,
            preferred_sink: new.preferred_sink,
            drain: None,
            underruns: 0,
            direct_outputs: Vec::new(),
            origin_sink: None,
        };
        let index = state.put_sink_input(input);
        state.playback_reply(index).map(Outcome::Reply).ok_or(ErrorCode::Internal)
    }
}

/// How the channels of a stream and its device are matched.
pub(super) fn remix(no_remap: bool, no_remix: bool) -> Remix {
    match (no_remap, no_remix) {
        (true, _) => Remix::ByIndex,
        (false, true) => Remix::NamesOnly,
        (false, false) => Remix::Full,
    }
}

impl State {
    /// Makes a new sink input known to its client, its sink and everybody.
    pub(crate) fn put_sink_input(&mut self, mut input: SinkInput) -> u32 {
        let index = self.registry.sink_inputs.reserve();
        let (sink, stream) = (input.sink, input.stream);
        if let Owner::Client { session, channel } = &mut input.owner
            && let Some(session) = self.sessions.get_mut(*session)
        {
            *channel = session.add_playback(index);
        }
        self.playback_streams.insert(stream, index);
        self.registry.sink_inputs.insert(index, input);
        if let Some(sink) = self.registry.sinks.get_mut(sink) {
            sink.inputs.push(index);
        }
        self.post(Facility::SinkInput, Operation::New, index);
        self.update_sink_status(sink);
        index
    }

    fn playback_reply(&self, index: u32) -> Option<CreatePlaybackStreamReply> {
        let input = self.registry.sink_inputs.get(index)?;
        let sink = self.registry.sinks.get(input.sink)?;
        let (queue, _) = engine_attr(input.attr, input.latency_mode, input.latency_usec, &input.spec);
        Some(CreatePlaybackStreamReply {
            channel: input.owner.client()?.1,
            sink_input_index: index,
            // The whole buffer is asked for at once.
            missing: queue.tlength as u32,
            maxlength: input.attr.maxlength,
            tlength: input.attr.tlength,
            prebuf: input.attr.prebuf,
            minreq: input.attr.minreq,
            sample_spec: Some(input.spec),
            channel_map: input.map,
            sink_index: Some(input.sink),
            sink_name: Some(sink.name.clone()),
            suspended: sink.state == DeviceState::Suspended,
            sink_latency: Usec(input.latency_usec),
            format: input.format.clone(),
        })
    }

    /// The caller's stream on a channel.
    fn own_playback(&self, caller: Caller, channel: u32) -> Result<u32, ErrorCode> {
        let session = self.sessions.get(caller.session);
        session.and_then(|session| session.playback_index(channel)).ok_or(ErrorCode::NoEntity)
    }

    /// The streams that are flushed, started or stopped with the caller's stream, that one among them.
    fn own_group(&self, caller: Caller, channel: u32) -> Result<Vec<PlaybackId>, ErrorCode> {
        let group = self.sync_group(self.own_playback(caller, channel)?);
        Ok(group
            .iter()
            .filter_map(|&index| self.registry.sink_inputs.get(index))
            .map(|input| input.stream)
            .collect())
    }

    /// What a sound thread says about a playback stream.
    pub(crate) fn playback_event(&mut self, event: Event) {
        let stream = match event {
            Event::Request { stream, .. }
            | Event::Underflow { stream, .. }
            | Event::Overflow { stream }
            | Event::Started { stream, .. }
            | Event::Drained { stream, .. }
            | Event::PlaybackTiming { stream, .. } => stream,
            Event::Recorded { .. } | Event::RecordOverrun { .. } | Event::RecordTiming { .. } => return,
        };
        if let Event::PlaybackTiming { token, timing, .. } = event {
            return self.playback_timing(token, timing);
        }
        if let Some(&module) = self.module_playback.get(&stream) {
            self.with_module(module, |instance, state| instance.engine_event(state, module, event));
            return;
        }
        let Some(&index) = self.playback_streams.get(&stream) else { return };
        let Some(input) = self.registry.sink_inputs.get_mut(index) else { return };
        let Some((session, channel)) = input.owner.client() else {
            // A sample has been played.
            if let (Event::Drained { .. }, Owner::Sample) = (&event, input.owner) {
                self.remove_sink_input(index);
            }
            return;
        };
        match event {
            Event::Request { bytes, .. } => {
                let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
                self.notify(session, 8, &Request { channel, bytes });
            }
            Event::Underflow { read_index, .. } => {
                self.notify(session, 8, &Underflow { channel, offset: read_index });
            }
            Event::Overflow { .. } => self.notify(session, 8, &Overflow { channel }),
            Event::Started { after_underrun, .. } => {
                input.underruns += u64::from(after_underrun);
                self.notify(session, 13, &Started { channel });
            }
            Event::Drained { token, .. } => {
                let tag = token as u32;
                input.drain = input.drain.filter(|&waiting| waiting != tag);
                self.reply(session, tag, &Ack {});
            }
            Event::PlaybackTiming { .. }
            | Event::Recorded { .. }
            | Event::RecordOverrun { .. }
            | Event::RecordTiming { .. } => {}
        }
    }
}

impl Handle for DeletePlaybackStream {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<Ack> {
        let index = state.own_playback(caller, self.channel)?;
        state.remove_sink_input(index);
        done()
    }
}

impl Handle for CorkPlaybackStream {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<Ack> {
        let index = state.own_playback(caller, self.channel)?;
        state.cork_sink_input(index, self.cork);
        done()
    }
}

impl Handle for FlushPlaybackStream {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<Ack> {
        for stream in state.own_group(caller, self.channel)? {
            state.engine.flush(stream);
        }
        done()
    }
}

impl Handle for TriggerPlaybackStream {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<Ack> {
        for stream in state.own_group(caller, self.channel)? {
            state.engine.trigger(stream);
        }
        done()
    }
}

impl Handle for PrebufPlaybackStream {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<Ack> {
        for stream in state.own_group(caller, self.channel)? {
            state.engine.prebuf(stream);
        }
        done()
    }
}

impl Handle for DrainPlaybackStream {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<Ack> {
        let index = state.own_playback(caller, self.channel)?;
        let group = state.own_group(caller, self.channel)?;
        let input = state.registry.sink_inputs.get_mut(index).ok_or(ErrorCode::NoEntity)?;
        input.drain = Some(caller.tag);
        let drained = input.stream;
        for stream in group.into_iter().filter(|&stream| stream != drained) {
            state.engine.trigger(stream);
        }
        state.engine.drain(drained, u64::from(caller.tag));
        Ok(Outcome::Later)
    }
}

impl Handle for GetPlaybackLatency {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<PlaybackLatency> {
        let index = state.own_playback(caller, self.channel)?;
        let stream = state.registry.sink_inputs.get(index).ok_or(ErrorCode::NoEntity)?.stream;
        let question = Question::PlaybackLatency { channel: self.channel, time: self.time };
        state.ask(caller.session, caller.tag, question, &[stream], &[])?;
        Ok(Outcome::Later)
    }
}

impl Handle for SetPlaybackStreamBufferAttr {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<SetPlaybackStreamBufferAttrReply> {
        let index = state.own_playback(caller, self.channel)?;
        let input = state.registry.sink_inputs.get_mut(index).ok_or(ErrorCode::NoEntity)?;
        input.asked_attr = PlaybackAttr {
            maxlength: self.maxlength,
            tlength: self.tlength,
            prebuf: self.prebuf,
            minreq: self.minreq,
        };
        input.latency_mode = LatencyMode::new(self.adjust_latency, self.early_requests);
        let sink = state.registry.sinks.get(input.sink).ok_or(ErrorCode::NoEntity)?;
        input.fix_attr(&mut state.engine, sink.max_latency_usec);
        let PlaybackAttr { maxlength, tlength, prebuf, minreq } = input.attr;
        let sink_latency = Usec(input.latency_usec);
        Ok(Outcome::Reply(SetPlaybackStreamBufferAttrReply {
            maxlength,
            tlength,
            prebuf,
            minreq,
            sink_latency,
        }))
    }
}

impl Handle for UpdatePlaybackStreamSampleRate {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<Ack> {
        if !(1..=RATE_MAX).contains(&self.rate) {
            return Err(ErrorCode::Invalid);
        }
        let index = state.own_playback(caller, self.channel)?;
        let input = state.registry.sink_inputs.get_mut(index).ok_or(ErrorCode::NoEntity)?;
        // A stream that did not announce it keeps its rate, and PulseAudio says that all is well.
        if input.flags.variable_rate && input.spec.rate != self.rate {
            input.spec.rate = self.rate;
            state.engine.set_rate(input.stream, self.rate);
            state.post(Facility::SinkInput, Operation::Change, index);
        }
        done()
    }
}
