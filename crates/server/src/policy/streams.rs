//! Streams: how they are paused, changed and ended, by their client or by others.

use sealpulse_engine::{Engine, MAX_CAPTURE_USEC, QueueAttr};
use sealpulse_protocol::command::{PlaybackStreamEvent, PlaybackStreamKilled, RecordStreamKilled};
use sealpulse_protocol::{ErrorCode, Facility, Operation, PropList, UpdateMode};
use sealpulse_spec::{ChannelVolumes, SampleSpec};

use crate::buffer_attr::{self, LatencyMode, PlaybackAttr, RecordAttr};
use crate::modules::ModuleStream;
use crate::registry::{Owner, RecordOrigin, SinkInput, SourceOutput};
use crate::state::State;

use super::with_factors;

/// Works the sizes and the latency of a playback stream out, from what its client asked for.
pub(crate) fn playback_attr(
    asked: PlaybackAttr,
    mode: LatencyMode,
    spec: &SampleSpec,
    max_latency_usec: u64,
) -> (PlaybackAttr, u64) {
    let (attr, latency_usec) = buffer_attr::fix_playback(asked, mode, spec, |usec| {
        Engine::clamp_latency(usec).min(max_latency_usec)
    });
    let fixed = queue_attr(attr).sanitize(spec.frame_size());
    let attr = PlaybackAttr {
        maxlength: fixed.maxlength as u32,
        tlength: fixed.tlength as u32,
        prebuf: fixed.prebuf as u32,
        minreq: fixed.minreq as u32,
    };
    (attr, latency_usec)
}

/// The same for a record stream.
pub(crate) fn record_attr(
    asked: RecordAttr,
    mode: LatencyMode,
    spec: &SampleSpec,
    max_latency_usec: u64,
) -> (RecordAttr, u64) {
    buffer_attr::fix_record(asked, mode, spec, |usec| Engine::clamp_latency(usec).min(max_latency_usec))
}

/// What the engine's queue is to hold, and how often, in microseconds, the engine looks after it at least. PulseAudio's
/// sinks render ahead, so that up to their latency lies in the sink besides what the queue holds; ours render at the
/// last moment, so the queue holds that part too. Otherwise a client would have that much less time to answer a request
/// than it was promised.
pub(crate) fn engine_attr(
    attr: PlaybackAttr,
    mode: LatencyMode,
    latency_usec: u64,
    spec: &SampleSpec,
) -> (QueueAttr, u64) {
    let (ahead, cycle_usec) = match mode {
        // The latency is that of the whole buffer, which nobody needs twice. Asked for in quarters, three of them are
        // left while the client answers.
        LatencyMode::Traditional => (0, latency_usec.min(spec.bytes_to_usec(u64::from(attr.tlength)) / 4)),
        LatencyMode::Adjust | LatencyMode::Early => (spec.usec_to_bytes(latency_usec) as usize, latency_usec),
    };
    let attr = queue_attr(attr);
    let attr = QueueAttr { tlength: (attr.tlength + ahead).min(attr.maxlength), ..attr };
    (attr.sanitize(spec.frame_size()), cycle_usec)
}

fn queue_attr(attr: PlaybackAttr) -> QueueAttr {
    QueueAttr {
        maxlength: attr.maxlength as usize,
        tlength: attr.tlength as usize,
        prebuf: attr.prebuf as usize,
        minreq: attr.minreq as usize,
    }
}

/// How long recorded sound may wait for a fragment to fill, in microseconds, where the client has no wish (0).
pub(crate) fn capture_latency(latency_usec: u64) -> u64 {
    if latency_usec == 0 { MAX_CAPTURE_USEC } else { latency_usec }
}

impl SinkInput {
    /// Its volume with all that modules turn it up or down by.
    pub(crate) fn heard_volume(&self) -> ChannelVolumes {
        with_factors(&self.volume, &self.factors)
    }

    /// Works the sizes out again, after a wish or the sink has changed, and tells the engine.
    pub(crate) fn fix_attr(&mut self, engine: &mut Engine, max_latency_usec: u64) {
        // All of a sample is in its queue already, however long it is; a module's stream has no queue of its own.
        if self.owner == Owner::Sample || self.owner.is_module() {
            return;
        }
        (self.attr, self.latency_usec) =
            playback_attr(self.asked_attr, self.latency_mode, &self.spec, max_latency_usec);
        let (queue, cycle_usec) = engine_attr(self.attr, self.latency_mode, self.latency_usec, &self.spec);
        engine.set_attr(self.stream, queue, cycle_usec);
    }
}

impl SourceOutput {
    /// Works the sizes out again, after a wish or the source has changed, and tells the engine.
    pub(crate) fn fix_attr(&mut self, engine: &mut Engine, max_latency_usec: u64) {
        if self.owner.is_module() {
            return;
        }
        (self.attr, self.latency_usec) =
            record_attr(self.asked_attr, self.latency_mode, &self.spec, max_latency_usec);
        engine.set_record_attr(self.stream, self.attr.fragsize as usize, capture_latency(self.latency_usec));
    }
}

impl State {
    /// The sink input and those that share its syncid.
    pub(crate) fn sync_group(&self, input: u32) -> Vec<u32> {
        let Some(stream) = self.registry.sink_inputs.get(input) else { return Vec::new() };
        let Some(session) = stream.owner.session() else { return vec![input] };
        let same =
            |other: &SinkInput| other.owner.session() == Some(session) && other.syncid == stream.syncid;
        let others = self.registry.sink_inputs.iter().filter(|(_, other)| same(other));
        others.map(|(index, _)| index).collect()
    }

    /// Pauses a stream and those synchronised with it, or lets them go on.
    pub(crate) fn cork_sink_input(&mut self, input: u32, cork: bool) {
        let Some(stream) = self.registry.sink_inputs.get(input) else { return };
        let (sink, spec, flags) = (stream.sink, stream.spec, stream.flags);
        if stream.corked == cork {
            return;
        }
        if !cork {
            // Nothing plays yet: the sink can still take the stream's rate.
            self.reconfigure_sink(sink, &spec, flags.passthrough);
        }
        for member in self.sync_group(input) {
            if let Some(stream) = self.registry.sink_inputs.get_mut(member) {
                stream.corked = cork;
                self.engine.cork(stream.stream, cork);
            }
        }
        self.post(Facility::SinkInput, Operation::Change, input);
        self.update_sink_status(sink);
    }

    pub(crate) fn cork_source_output(&mut self, output: u32, cork: bool) {
        let Some(stream) = self.registry.source_outputs.get(output) else { return };
        let (source, spec) = (stream.source, stream.spec);
        if stream.corked == cork {
            return;
        }
        if !cork {
            self.reconfigure_source(source, &spec, false);
        }
        if let Some(stream) = self.registry.source_outputs.get_mut(output) {
            stream.corked = cork;
            self.engine.cork_record(stream.stream, cork);
        }
        self.post(Facility::SourceOutput, Operation::Change, output);
        self.update_source_status(source);
    }

    /// Asks a stream's client for something, such as `request-cork`.
    pub(crate) fn send_stream_event(&mut self, input: u32, event: &str, properties: PropList) {
        let Some(stream) = self.registry.sink_inputs.get(input) else { return };
        self.notify_owner(stream.owner, 15, |channel| PlaybackStreamEvent {
            channel,
            event: Some(event.to_owned()),
            properties,
        });
    }

    /// Ends a stream for another reason than its client's wish, and tells the client.
    pub(crate) fn kill_sink_input(&mut self, input: u32) {
        let Some(stream) = self.registry.sink_inputs.get(input) else { return };
        let (owner, module) = (stream.owner, stream.module);
        self.notify_owner(owner, 8, |channel| PlaybackStreamKilled { channel });
        self.remove_sink_input(input);
        if let (Owner::Module { .. }, Some(module)) = (owner, module) {
            self.with_module(module, |instance, state| {
                instance.stream_killed(state, module, ModuleStream::Input(input));
            });
        }
    }

    /// The same for a record stream.
    pub(crate) fn kill_source_output(&mut self, output: u32) {
        let Some(stream) = self.registry.source_outputs.get(output) else { return };
        let (owner, module) = (stream.owner, stream.module);
        self.notify_owner(owner, 8, |channel| RecordStreamKilled { channel });
        self.remove_source_output(output);
        if let (Owner::Module { .. }, Some(module)) = (owner, module) {
            self.with_module(module, |instance, state| {
                instance.stream_killed(state, module, ModuleStream::Output(output));
            });
        }
    }

    /// Ends a stream. A drain that waits, and questions about the stream, fail.
    pub(crate) fn remove_sink_input(&mut self, input: u32) {
        let Some(stream) = self.registry.sink_inputs.get(input) else { return };
        for output in stream.direct_outputs.clone() {
            self.kill_source_output(output);
        }
        let Some(stream) = self.registry.sink_inputs.remove(input) else { return };
        self.engine.remove_playback(stream.stream);
        self.playback_streams.remove(&stream.stream);
        self.module_playback.remove(&stream.stream);
        if let Some(sink) = self.registry.sinks.get_mut(stream.sink) {
            sink.inputs.retain(|&other| other != input);
            let module = sink.module;
            self.note_use(module);
        }
        if let Some((session, channel)) = stream.owner.client()
            && let Some(session) = self.sessions.get_mut(session)
        {
            session.playback.remove(&channel);
            session.past_underruns += stream.underruns;
        }
        self.update_sink_status(stream.sink);
        self.post(Facility::SinkInput, Operation::Remove, input);
        if let (Some(tag), Some(session)) = (stream.drain, stream.owner.session()) {
            self.refuse(session, tag, ErrorCode::NoEntity);
        }
        self.playback_questions_end(stream.stream);
    }

    /// Ends a record stream.
    pub(crate) fn remove_source_output(&mut self, output: u32) {
        let Some(stream) = self.registry.source_outputs.remove(output) else { return };
        self.engine.remove_record(stream.stream);
        self.record_streams.remove(&stream.stream);
        self.module_record.remove(&stream.stream);
        if let RecordOrigin::SinkInput(input) = stream.origin
            && let Some(input) = self.registry.sink_inputs.get_mut(input)
        {
            input.direct_outputs.retain(|&other| other != output);
        }
        if let Some(source) = self.registry.sources.get_mut(stream.source) {
            source.outputs.retain(|&other| other != output);
            let module = source.module;
            self.note_use(module);
        }
        if let Some((session, channel)) = stream.owner.client()
            && let Some(session) = self.sessions.get_mut(session)
        {
            session.record.remove(&channel);
        }
        self.update_source_status(stream.source);
        self.post(Facility::SourceOutput, Operation::Remove, output);
        self.record_questions_end(stream.stream);
    }

    pub(crate) fn set_sink_input_volume(&mut self, input: u32, volume: ChannelVolumes) {
        let Some(stream) = self.registry.sink_inputs.get_mut(input) else { return };
        let volume = super::fit_volume(&stream.volume, &volume);
        if stream.volume != volume {
            stream.volume = volume;
            self.engine.set_volume(stream.stream, &stream.heard_volume(), stream.muted);
            self.post(Facility::SinkInput, Operation::Change, input);
        }
    }

    /// A module turns a stream up or down, behind its user's back; `None` takes that back.
    pub(crate) fn set_volume_factor(&mut self, input: u32, module: u32, factor: Option<ChannelVolumes>) {
        let Some(stream) = self.registry.sink_inputs.get_mut(input) else { return };
        stream.factors.retain(|(by, _)| *by != module);
        stream.factors.extend(factor.map(|factor| (module, factor)));
        self.engine.set_volume(stream.stream, &stream.heard_volume(), stream.muted);
    }

    pub(crate) fn set_sink_input_mute(&mut self, input: u32, muted: bool) {
        let Some(stream) = self.registry.sink_inputs.get_mut(input) else { return };
        if stream.muted != muted {
            stream.muted = muted;
            self.engine.set_volume(stream.stream, &stream.heard_volume(), muted);
            self.post(Facility::SinkInput, Operation::Change, input);
        }
    }

    /// Says where a stream is to play from now on, and moves it there; `None` is wherever the default sink is.
    pub(crate) fn prefer_sink(&mut self, input: u32, sink: Option<u32>) {
        let name = sink.and_then(|sink| self.registry.sinks.get(sink)).map(|sink| sink.name.clone());
        let Some(stream) = self.registry.sink_inputs.get_mut(input) else { return };
        if stream.preferred_sink != name {
            stream.preferred_sink = name;
            self.post(Facility::SinkInput, Operation::Change, input);
        }
        if let Some(to) = sink.or(self.registry.default_sink) {
            let _ = self.move_sink_input(input, to, false);
        }
    }

    /// The same for a record stream.
    pub(crate) fn prefer_source(&mut self, output: u32, source: Option<u32>) {
        let name =
            source.and_then(|source| self.registry.sources.get(source)).map(|source| source.name.clone());
        let Some(stream) = self.registry.source_outputs.get_mut(output) else { return };
        if stream.preferred_source != name {
            stream.preferred_source = name;
            self.post(Facility::SourceOutput, Operation::Change, output);
        }
        if let Some(to) = source.or(self.registry.default_source) {
            let _ = self.move_source_output(output, to, false);
        }
    }

    pub(crate) fn set_source_output_volume(&mut self, output: u32, volume: ChannelVolumes) {
        let Some(stream) = self.registry.source_outputs.get_mut(output) else { return };
        let volume = super::fit_volume(&stream.volume, &volume);
        if stream.volume != volume {
            stream.volume = volume;
            self.engine.set_record_volume(stream.stream, &volume, stream.muted);
            self.post(Facility::SourceOutput, Operation::Change, output);
        }
    }

    pub(crate) fn set_source_output_mute(&mut self, output: u32, muted: bool) {
        let Some(stream) = self.registry.source_outputs.get_mut(output) else { return };
        if stream.muted != muted {
            stream.muted = muted;
            self.engine.set_record_volume(stream.stream, &stream.volume, muted);
            self.post(Facility::SourceOutput, Operation::Change, output);
        }
    }
}

/// Changes a property list within its limit; whether anything is different now.
pub(crate) fn update_proplist(
    list: &mut PropList,
    mode: UpdateMode,
    changes: &PropList,
    limit: usize,
) -> Result<bool, ErrorCode> {
    let mut updated = list.clone();
    if !updated.update(mode, changes) {
        return Err(ErrorCode::Invalid);
    }
    check_proplist(&updated, limit)?;
    let changed = updated != *list;
    *list = updated;
    Ok(changed)
}

/// Refuses a property list that takes too much memory.
pub(crate) fn check_proplist(list: &PropList, limit: usize) -> Result<(), ErrorCode> {
    let bytes: usize = list.iter().map(|(key, value)| key.len() + value.len()).sum();
    if bytes <= limit { Ok(()) } else { Err(ErrorCode::TooLarge) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proplists_are_limited() {
        let mut list: PropList = [("a", "1")].into_iter().collect();
        let changes: PropList = [("a", "2"), ("b", "3")].into_iter().collect();
        assert_eq!(update_proplist(&mut list, UpdateMode::Merge, &changes, 100), Ok(true));
        assert_eq!(list.get_str("a"), Some("1"));
        assert_eq!(update_proplist(&mut list, UpdateMode::Merge, &changes, 100), Ok(false));
        assert_eq!(update_proplist(&mut list, UpdateMode::Other(9), &changes, 100), Err(ErrorCode::Invalid));
        assert_eq!(update_proplist(&mut list, UpdateMode::Replace, &changes, 3), Err(ErrorCode::TooLarge));
        assert_eq!(list.get_str("a"), Some("1"), "what is refused changes nothing");
    }
}
