//! The streams of a connection, as the lock of the connection protects them.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use sealpulse_memory::Chunk;
use sealpulse_protocol::command::{
    Command, CreatePlaybackStreamReply, CreateRecordStreamReply, PlaybackLatency, RecordLatency,
};
use sealpulse_protocol::frame::SeekMode;
use sealpulse_protocol::tagstruct::TagstructError;
use sealpulse_protocol::{CommandCode, PropList, decode_reply};
use sealpulse_spec::{ChannelMap, SampleSpec};
use sealpulse_transport::Payload;

use crate::backlog::{Backlog, Weigh, weight_of};
use crate::callback::Callback;
use crate::clock::Clock;
use crate::connection::Turn;
use crate::error::ClientError;
use crate::options::Buffer;
use crate::timing::{Asked, Moment, Timing};
use crate::wait::Wakers;

/// Events that nobody takes are forgotten, the oldest first.
const EVENTS_MAX: usize = 256;

/// Bytes, and pieces, of recorded sound that wait for the program; what comes then pushes out the oldest.
const RECORDED_BYTES_MAX: usize = 4 << 20;
const RECORDED_PIECES_MAX: usize = 1024;

/// What happened to a stream. Lengths are in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamEvent {
    /// Sound of a playback stream reaches its sink again, or for the first time.
    Started,
    /// A playback stream ran dry.
    Underflow {
        /// The read index at which it did; 0 before version 23 of the protocol.
        read_index: i64,
    },
    /// More was written to a playback stream than its buffer takes; what did not fit is lost.
    Overflow,
    /// Recorded sound was not taken in time, and this much of it is lost.
    Overrun {
        /// Bytes.
        bytes: usize,
    },
    /// The device was suspended, or resumed.
    Suspended(bool),
    /// The stream has another device. Its buffer may have changed too.
    Moved {
        /// The device's index.
        device: u32,
        /// The device's name.
        name: String,
    },
    /// The lengths of the buffer are other ones now.
    BufferChanged(Buffer),
    /// Something that the server, or one of its modules, asks of the program, such as `request-cork`.
    Request {
        /// What.
        name: String,
        /// More about it.
        properties: PropList,
    },
    /// The stream's callback said that it is done.
    CallbackEnded,
    /// So many events were not taken in time and are forgotten, the oldest ones: more than 256 waited, or more than
    /// 1 MiB of what came with them.
    Lost {
        /// How many.
        count: u64,
    },
    /// The stream has ended: the server killed it, or the connection is gone. Nothing comes after it.
    Ended {
        /// What happened, as a [`ClientError`] says it.
        reason: String,
    },
}

impl Weigh for StreamEvent {
    fn weight(&self) -> usize {
        match self {
            Self::Moved { name, .. } => name.len(),
            Self::Request { name, properties } => name.len() + weight_of(properties),
            _ => 0,
        }
    }

    fn lost(count: u64) -> Self {
        Self::Lost { count }
    }
}

/// A piece of recorded sound.
#[derive(Debug)]
pub(crate) enum Piece {
    Sound(Chunk),
    /// Bytes that are lost.
    Hole(usize),
}

impl Piece {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Sound(chunk) => chunk.len(),
            Self::Hole(length) => *length,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) playback: bool,
    pub(crate) channel: Option<u32>,
    pub(crate) ended: Option<ClientError>,
    /// The sink input or source output.
    pub(crate) index: u32,
    pub(crate) spec: SampleSpec,
    pub(crate) map: ChannelMap,
    pub(crate) device: Option<u32>,
    pub(crate) device_name: Option<String>,
    pub(crate) suspended: bool,
    pub(crate) corked: bool,
    pub(crate) buffer: Buffer,
    /// The device's part of the latency, in microseconds.
    pub(crate) device_latency: u64,
    /// Bytes that the server asked for and did not get yet; negative when more was written.
    pub(crate) wanted: i64,
    /// Bytes that were ever written.
    pub(crate) written: u64,
    pub(crate) recorded: VecDeque<Piece>,
    pub(crate) recorded_bytes: usize,
    /// Who wants to write or read.
    pub(crate) wakers: Wakers,
    pub(crate) events: Backlog<StreamEvent>,
    pub(crate) event_wakers: Wakers,
    pub(crate) clock: Clock,
    pub(crate) callback: Option<Callback>,
    pub(crate) has_callback: bool,
}

impl Stream {
    pub(crate) fn new(playback: bool, corked: bool, callback: Option<Callback>) -> Stream {
        Stream {
            playback,
            channel: None,
            ended: None,
            index: 0,
            spec: SampleSpec { format: sealpulse_spec::SampleFormat::S16Le, channels: 2, rate: 44_100 },
            map: ChannelMap::stereo(),
            device: None,
            device_name: None,
            suspended: false,
            corked,
            buffer: Buffer::default(),
            device_latency: 0,
            wanted: 0,
            written: 0,
            recorded: VecDeque::new(),
            recorded_bytes: 0,
            wakers: Wakers::default(),
            events: Backlog::new(EVENTS_MAX),
            event_wakers: Wakers::default(),
            clock: Clock::default(),
            has_callback: callback.is_some(),
            callback,
        }
    }

    /// The stream's number at the server, if it has one and has not ended.
    pub(crate) fn live(&self) -> Result<u32, ClientError> {
        match (&self.ended, self.channel) {
            (Some(reason), _) => Err(reason.clone()),
            (None, Some(channel)) => Ok(channel),
            (None, None) => Err(ClientError::NotConnected),
        }
    }

    /// Bytes that can be written now, whole frames.
    pub(crate) fn writable(&self) -> usize {
        let frame = self.spec.frame_size().max(1);
        usize::try_from(self.wanted).unwrap_or(0) / frame * frame
    }

    pub(crate) fn event(&mut self, event: StreamEvent, turn: &mut Turn) {
        self.events.push(event);
        self.event_wakers.take(&mut turn.wakers);
    }

    pub(crate) fn end(&mut self, reason: &ClientError, turn: &mut Turn) {
        if self.ended.is_some() {
            return;
        }
        self.ended = Some(reason.clone());
        self.channel = None;
        turn.drop_later(self.callback.take());
        self.wakers.take(&mut turn.wakers);
        self.event(StreamEvent::Ended { reason: reason.to_string() }, turn);
    }

    /// The oldest sound that was not read.
    pub(crate) fn take_piece(&mut self) -> Option<Piece> {
        let piece = self.recorded.pop_front()?;
        self.recorded_bytes -= piece.len();
        Some(piece)
    }

    fn push(&mut self, piece: Piece, turn: &mut Turn) {
        let mut lost = 0;
        self.recorded_bytes += piece.len();
        self.recorded.push_back(piece);
        let most = RECORDED_BYTES_MAX.min(self.buffer.maxlength as usize).max(self.spec.frame_size());
        while self.recorded.len() > 1
            && (self.recorded_bytes > most || self.recorded.len() > RECORDED_PIECES_MAX)
        {
            let dropped = self.recorded.pop_front().map_or(0, |piece| piece.len());
            self.recorded_bytes -= dropped;
            lost += dropped;
        }
        if lost > 0 {
            self.event(StreamEvent::Overrun { bytes: lost }, turn);
        }
        self.wakers.take(&mut turn.wakers);
    }
}

/// What became of an answer to a command that makes a stream.
pub(crate) enum Created {
    Ready,
    /// Nobody wants it any more.
    Orphan {
        channel: u32,
    },
}

#[derive(Debug, Default)]
pub(crate) struct Streams {
    by_key: HashMap<u64, Stream>,
    /// By the server's numbers.
    playback: HashMap<u32, u64>,
    record: HashMap<u32, u64>,
    last_key: u64,
}

impl Streams {
    pub(crate) fn add(&mut self, stream: Stream) -> u64 {
        self.last_key += 1;
        self.by_key.insert(self.last_key, stream);
        self.last_key
    }

    pub(crate) fn get(&mut self, key: u64) -> Option<&mut Stream> {
        self.by_key.get_mut(&key)
    }

    /// Forgets a stream, and gives it to be dropped where nothing is locked.
    pub(crate) fn remove(&mut self, key: u64) -> Option<Stream> {
        let stream = self.by_key.remove(&key)?;
        if let Some(channel) = stream.channel {
            self.forget(stream.playback, channel);
        }
        Some(stream)
    }

    /// Forgets a number of the server's.
    pub(crate) fn forget(&mut self, playback: bool, channel: u32) {
        if playback {
            self.playback.remove(&channel)
        } else {
            self.record.remove(&channel)
        };
    }

    pub(crate) fn end_all(&mut self, reason: &ClientError, turn: &mut Turn) {
        self.playback.clear();
        self.record.clear();
        for stream in self.by_key.values_mut() {
            stream.end(reason, turn);
        }
    }

    pub(crate) fn created(
        &mut self,
        key: u64,
        playback: bool,
        content: &[u8],
        version: u32,
    ) -> Result<Created, TagstructError> {
        if playback {
            let reply: CreatePlaybackStreamReply = decode_reply(content, version)?;
            let channel = reply.channel;
            let Some(stream) = self.by_key.get_mut(&key) else { return Ok(Created::Orphan { channel }) };
            stream.channel = Some(channel);
            stream.index = reply.sink_input_index;
            stream.wanted = i64::from(reply.missing);
            if version >= 9 {
                let Buffer { maxlength, tlength, prebuf, minreq, .. } = &mut stream.buffer;
                (*maxlength, *tlength, *prebuf, *minreq) =
                    (reply.maxlength, reply.tlength, reply.prebuf, reply.minreq);
            }
            if version >= 12 {
                stream.spec = reply.sample_spec.filter(SampleSpec::is_valid).unwrap_or(stream.spec);
                stream.map = reply.channel_map;
                (stream.device, stream.device_name) = (reply.sink_index, reply.sink_name);
                stream.suspended = reply.suspended;
            }
            stream.device_latency = reply.sink_latency.0;
            self.playback.insert(channel, key);
        } else {
            let reply: CreateRecordStreamReply = decode_reply(content, version)?;
            let channel = reply.channel;
            let Some(stream) = self.by_key.get_mut(&key) else { return Ok(Created::Orphan { channel }) };
            stream.channel = Some(channel);
            stream.index = reply.source_output_index;
            if version >= 9 {
                (stream.buffer.maxlength, stream.buffer.fragsize) = (reply.maxlength, reply.fragsize);
            }
            if version >= 12 {
                stream.spec = reply.sample_spec.filter(SampleSpec::is_valid).unwrap_or(stream.spec);
                stream.map = reply.channel_map;
                (stream.device, stream.device_name) = (reply.source_index, reply.source_name);
                stream.suspended = reply.suspended;
            }
            stream.device_latency = reply.source_latency.0;
            self.record.insert(channel, key);
        }
        Ok(Created::Ready)
    }

    pub(crate) fn timed(
        &mut self,
        key: u64,
        content: &[u8],
        asked: Asked,
        version: u32,
    ) -> Result<(), TagstructError> {
        let Some(stream) = self.by_key.get_mut(&key) else { return Ok(()) };
        let now = Moment::now();
        let timing = if stream.playback {
            Timing::of_playback(&decode_reply::<PlaybackLatency>(content, version)?, asked, now, stream)
        } else {
            Timing::of_record(&decode_reply::<RecordLatency>(content, version)?, asked, now, stream)
        };
        stream.clock.set(timing, now.instant);
        Ok(())
    }

    /// Sound of a record stream. What is not at the end of what came before is not ours to sort: servers only append.
    pub(crate) fn recorded(
        &mut self,
        channel: u32,
        offset: i64,
        seek: SeekMode,
        payload: Payload,
        turn: &mut Turn,
    ) {
        let Some(&key) = self.record.get(&channel) else { return };
        let Some(stream) = self.by_key.get_mut(&key) else { return };
        let most = RECORDED_BYTES_MAX;
        if let (SeekMode::Relative, Ok(hole @ 1..)) = (seek, usize::try_from(offset)) {
            stream.push(Piece::Hole(hole.min(most)), turn);
        }
        match payload {
            Payload::Chunk(chunk) if chunk.len() <= most => stream.push(Piece::Sound(chunk), turn),
            Payload::Chunk(chunk) => stream.push(Piece::Hole(chunk.len().min(most)), turn),
            Payload::Lost { length: 0 } => {}
            Payload::Lost { length } => stream.push(Piece::Hole((length as usize).min(most)), turn),
        }
        if stream.has_callback {
            turn.callbacks.push(key);
        }
    }

    /// What the server tells of a stream.
    pub(crate) fn told(&mut self, command: Command, turn: &mut Turn) -> Result<(), ClientError> {
        let code = command.code();
        let (playback, channel) = match &command {
            Command::Request(told) => (true, told.channel),
            Command::Overflow(told) => (true, told.channel),
            Command::Underflow(told) => (true, told.channel),
            Command::Started(told) => (true, told.channel),
            Command::PlaybackStreamKilled(told) => (true, told.channel),
            Command::PlaybackStreamSuspended(told) => (true, told.channel),
            Command::PlaybackStreamMoved(told) => (true, told.channel),
            Command::PlaybackBufferAttrChanged(told) => (true, told.channel),
            Command::PlaybackStreamEvent(told) => (true, told.channel),
            Command::RecordStreamKilled(told) => (false, told.channel),
            Command::RecordStreamSuspended(told) => (false, told.channel),
            Command::RecordStreamMoved(told) => (false, told.channel),
            Command::RecordBufferAttrChanged(told) => (false, told.channel),
            Command::RecordStreamEvent(told) => (false, told.channel),
            _ => return Err(ClientError::Unexpected { command: code }),
        };
        let channels = if playback { &mut self.playback } else { &mut self.record };
        // Of one that was deleted meanwhile.
        let Some(&key) = channels.get(&channel) else { return Ok(()) };
        if matches!(code, CommandCode::PlaybackStreamKilled | CommandCode::RecordStreamKilled) {
            channels.remove(&channel);
        }
        let Some(stream) = self.by_key.get_mut(&key) else { return Ok(()) };
        stream.told(command, turn);
        if stream.has_callback && stream.wanted > 0 {
            turn.callbacks.push(key);
        }
        Ok(())
    }
}

impl Stream {
    fn told(&mut self, command: Command, turn: &mut Turn) {
        match command {
            Command::Request(told) => {
                self.wanted = self.wanted.saturating_add(i64::from(told.bytes));
                self.wakers.take(&mut turn.wakers);
            }
            Command::Overflow(_) => self.event(StreamEvent::Overflow, turn),
            Command::Underflow(told) => {
                self.clock.stop(Instant::now());
                self.event(StreamEvent::Underflow { read_index: told.offset }, turn);
            }
            Command::Started(_) => {
                self.clock.stale();
                self.event(StreamEvent::Started, turn);
            }
            Command::PlaybackStreamKilled(_) | Command::RecordStreamKilled(_) => {
                self.end(&ClientError::Killed, turn);
            }
            Command::PlaybackStreamSuspended(told) => self.suspend(told.suspended, turn),
            Command::RecordStreamSuspended(told) => self.suspend(told.suspended, turn),
            Command::PlaybackStreamMoved(told) => {
                self.set_playback_buffer(told.maxlength, told.tlength, told.prebuf, told.minreq);
                self.device_latency = told.sink_latency.0;
                self.moved(told.sink_index, told.sink_name, told.suspended, turn);
            }
            Command::RecordStreamMoved(told) => {
                (self.buffer.maxlength, self.buffer.fragsize) = (told.maxlength, told.fragsize);
                self.device_latency = told.source_latency.0;
                self.moved(told.source_index, told.source_name, told.suspended, turn);
            }
            Command::PlaybackBufferAttrChanged(told) => {
                self.set_playback_buffer(told.maxlength, told.tlength, told.prebuf, told.minreq);
                self.device_latency = told.sink_latency.0;
                self.event(StreamEvent::BufferChanged(self.buffer), turn);
            }
            Command::RecordBufferAttrChanged(told) => {
                (self.buffer.maxlength, self.buffer.fragsize) = (told.maxlength, told.fragsize);
                self.device_latency = told.source_latency.0;
                self.event(StreamEvent::BufferChanged(self.buffer), turn);
            }
            Command::PlaybackStreamEvent(told) => {
                let name = told.event.unwrap_or_default();
                self.event(StreamEvent::Request { name, properties: told.properties }, turn);
            }
            Command::RecordStreamEvent(told) => {
                let name = told.event.unwrap_or_default();
                self.event(StreamEvent::Request { name, properties: told.properties }, turn);
            }
            _ => {}
        }
    }

    pub(crate) fn set_playback_buffer(&mut self, maxlength: u32, tlength: u32, prebuf: u32, minreq: u32) {
        self.buffer = Buffer { maxlength, tlength, prebuf, minreq, ..self.buffer };
    }

    fn suspend(&mut self, suspended: bool, turn: &mut Turn) {
        self.suspended = suspended;
        self.clock.stale();
        self.event(StreamEvent::Suspended(suspended), turn);
    }

    fn moved(&mut self, device: u32, name: Option<String>, suspended: bool, turn: &mut Turn) {
        self.device = Some(device);
        self.device_name.clone_from(&name);
        self.suspended = suspended;
        self.clock.stale();
        self.event(StreamEvent::Moved { device, name: name.unwrap_or_default() }, turn);
    }
}
