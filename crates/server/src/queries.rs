//! Questions that only a sound thread can answer: the timing of streams, for latency requests and for lists.
//!
//! The answer comes in a later turn; until then the question waits here, and the control thread does not. A list
//! is answered when the timing of all its streams has come. Where a stream ends first, it counts as answered.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use sealpulse_engine::{PlaybackId, PlaybackTiming, RecordId, RecordTiming};
use sealpulse_protocol::command::{PlaybackLatency, RecordLatency};
use sealpulse_protocol::{DeviceState, ErrorCode, Timeval, Usec};
use slab::Slab;

use crate::session::SessionKey;
use crate::state::State;

/// What is answered once the timings are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// A client wants to know where its stream is.
    PlaybackLatency {
        channel: u32,
        time: Timeval,
    },
    RecordLatency {
        channel: u32,
        time: Timeval,
    },
    SinkInput(u32),
    SinkInputs,
    SourceOutput(u32),
    SourceOutputs,
    /// The status, as an object message.
    Status,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StreamId {
    Playback(PlaybackId),
    Record(RecordId),
}

#[derive(Debug)]
struct Waiting {
    session: SessionKey,
    tag: u32,
    question: Question,
    /// Timings that are not there yet.
    left: usize,
    timings: Timings,
}

/// The timings that have come.
#[derive(Debug, Default)]
pub(crate) struct Timings {
    pub(crate) playback: HashMap<PlaybackId, PlaybackTiming>,
    pub(crate) record: HashMap<RecordId, RecordTiming>,
}

/// All questions that wait.
#[derive(Debug, Default)]
pub(crate) struct Queries {
    waiting: Slab<Waiting>,
    /// By the token that the engine was given: the question, and the stream that it is about.
    tokens: HashMap<u64, (usize, StreamId)>,
    next_token: u64,
}

impl Queries {
    fn token(&mut self, question: usize, stream: StreamId) -> u64 {
        self.next_token += 1;
        self.tokens.insert(self.next_token, (question, stream));
        self.next_token
    }
}

impl State {
    /// Asks the sound threads about these streams, and answers the question when all have answered.
    pub(crate) fn ask(
        &mut self,
        session: SessionKey,
        tag: u32,
        question: Question,
        playback: &[PlaybackId],
        record: &[RecordId],
    ) -> Result<(), ErrorCode> {
        let Some(asker) = self.sessions.get_mut(session) else { return Ok(()) };
        if asker.questions >= self.settings.limits.pending_queries {
            return Err(ErrorCode::Busy);
        }
        let left = playback.len() + record.len();
        let waiting = Waiting { session, tag, question, left, timings: Timings::default() };
        if left == 0 {
            self.answer(waiting);
            return Ok(());
        }
        asker.questions += 1;
        let key = self.queries.waiting.insert(waiting);
        for &stream in playback {
            let token = self.queries.token(key, StreamId::Playback(stream));
            self.engine.query_playback(stream, token);
        }
        for &stream in record {
            let token = self.queries.token(key, StreamId::Record(stream));
            self.engine.query_record(stream, token);
        }
        Ok(())
    }

    pub(crate) fn playback_timing(&mut self, token: u64, timing: PlaybackTiming) {
        let Some((key, StreamId::Playback(stream))) = self.queries.tokens.remove(&token) else { return };
        if let Some(waiting) = self.queries.waiting.get_mut(key) {
            waiting.timings.playback.insert(stream, timing);
        }
        self.one_less(key);
    }

    pub(crate) fn record_timing(&mut self, token: u64, timing: RecordTiming) {
        let Some((key, StreamId::Record(stream))) = self.queries.tokens.remove(&token) else { return };
        if let Some(waiting) = self.queries.waiting.get_mut(key) {
            waiting.timings.record.insert(stream, timing);
        }
        self.one_less(key);
    }

    /// The stream has ended; the engine says nothing about it any more.
    pub(crate) fn playback_questions_end(&mut self, stream: PlaybackId) {
        self.stream_questions_end(StreamId::Playback(stream));
    }

    /// The stream has ended; the engine says nothing about it any more.
    pub(crate) fn record_questions_end(&mut self, stream: RecordId) {
        self.stream_questions_end(StreamId::Record(stream));
    }

    fn stream_questions_end(&mut self, stream: StreamId) {
        let about_it = self.queries.tokens.iter().filter(|(_, (_, other))| *other == stream);
        let ended: Vec<(u64, usize)> = about_it.map(|(&token, &(key, _))| (token, key)).collect();
        for (token, key) in ended {
            self.queries.tokens.remove(&token);
            self.one_less(key);
        }
    }

    fn one_less(&mut self, key: usize) {
        let Some(waiting) = self.queries.waiting.get_mut(key) else { return };
        waiting.left = waiting.left.saturating_sub(1);
        if waiting.left == 0 {
            let waiting = self.queries.waiting.remove(key);
            if let Some(session) = self.sessions.get_mut(waiting.session) {
                session.questions = session.questions.saturating_sub(1);
            }
            self.answer(waiting);
        }
    }

    fn answer(&mut self, Waiting { session, tag, question, timings, .. }: Waiting) {
        match question {
            Question::PlaybackLatency { channel, time } => {
                match self.playback_latency(session, channel, time, &timings) {
                    Some(latency) => self.reply(session, tag, &latency),
                    None => self.refuse(session, tag, ErrorCode::NoEntity),
                }
            }
            Question::RecordLatency { channel, time } => {
                match self.record_latency(session, channel, time, &timings) {
                    Some(latency) => self.reply(session, tag, &latency),
                    None => self.refuse(session, tag, ErrorCode::NoEntity),
                }
            }
            Question::SinkInput(index) => {
                let version = self.sessions.version(session);
                match self.sink_input_info(index, version, &timings) {
                    Some(info) => self.reply(session, tag, &info),
                    None => self.refuse(session, tag, ErrorCode::NoEntity),
                }
            }
            Question::SinkInputs => {
                let version = self.sessions.version(session);
                let indexes = self.registry.sink_inputs.indexes();
                let infos: Vec<_> = indexes
                    .iter()
                    .filter_map(|&index| self.sink_input_info(index, version, &timings))
                    .collect();
                self.reply(session, tag, &infos);
            }
            Question::SourceOutput(index) => {
                let version = self.sessions.version(session);
                match self.source_output_info(index, version, &timings) {
                    Some(info) => self.reply(session, tag, &info),
                    None => self.refuse(session, tag, ErrorCode::NoEntity),
                }
            }
            Question::SourceOutputs => {
                let version = self.sessions.version(session);
                let indexes = self.registry.source_outputs.indexes();
                let infos: Vec<_> = indexes
                    .iter()
                    .filter_map(|&index| self.source_output_info(index, version, &timings))
                    .collect();
                self.reply(session, tag, &infos);
            }
            Question::Status => self.reply_status(session, tag, &timings),
        }
    }

    fn playback_latency(
        &self,
        session: SessionKey,
        channel: u32,
        time: Timeval,
        timings: &Timings,
    ) -> Option<PlaybackLatency> {
        let input = self.registry.sink_inputs.get(self.sessions.get(session)?.playback_index(channel)?)?;
        let timing = timings.playback.get(&input.stream)?;
        let sink = self.registry.sinks.get(input.sink)?;
        Some(PlaybackLatency {
            sink_latency: Usec(timing.sink_usec),
            source_latency: Usec(0),
            playing: timing.playing && sink.state == DeviceState::Running && !input.corked,
            local_time: time,
            remote_time: now(),
            write_index: timing.write_index,
            read_index: timing.read_index,
            underrun_for: timing.underrun_for,
            playing_for: timing.playing_for,
        })
    }

    fn record_latency(
        &self,
        session: SessionKey,
        channel: u32,
        time: Timeval,
        timings: &Timings,
    ) -> Option<RecordLatency> {
        let output = self.registry.source_outputs.get(self.sessions.get(session)?.record_index(channel)?)?;
        let timing = timings.record.get(&output.stream)?;
        let source = self.registry.sources.get(output.source)?;
        // What was handed over and is not sent yet is in the link's queue: the client has it soon.
        let written = timing.write_index.saturating_sub(output.lost);
        Some(RecordLatency {
            monitor_latency: Usec(0),
            source_latency: Usec(timing.source_usec),
            recording: source.state == DeviceState::Running && !output.corked,
            local_time: time,
            remote_time: now(),
            write_index: written.max(output.sent) as i64,
            read_index: output.sent as i64,
        })
    }
}

/// The time of day, as clients compare it with theirs.
fn now() -> Timeval {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timeval::from_unix_usec(since.as_micros() as u64)
}
