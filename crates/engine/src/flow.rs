//! What a client's playback stream has queued, and what the client is told of it.

use sealpulse_memory::Samples;
use sealpulse_spec::SampleSpec;

use crate::command::PlaybackCommand;
use crate::outbox::{Garbage, Outbox};
use crate::queue::{Peek, StreamQueue};
use crate::record::Ears;
use crate::types::{Data, Event, PlaybackId, PlaybackTiming, Seek};

/// The queue and what happens when it fills and runs dry (`playback_stream` in `protocol-native.c`).
pub(crate) struct Flow {
    pub(crate) queue: StreamQueue,
    pub(crate) corked: bool,
    id: PlaybackId,
    frame_size: usize,
    drain: Option<u64>,
    /// Frames until the resampler has given all that this stream put into it.
    tail: usize,
    is_underrun: bool,
    // Whether a client that wanted to play was too late, so that going on means a gap was heard.
    starved: bool,
    started: bool,
    dry_since: Option<u64>,
    playing_for: u64,
}

impl Flow {
    pub(crate) fn new(id: PlaybackId, queue: StreamQueue, frame_size: usize, corked: bool) -> Self {
        Self {
            queue,
            corked,
            id,
            frame_size,
            drain: None,
            tail: 0,
            is_underrun: true,
            starved: false,
            started: false,
            dry_since: None,
            playing_for: 0,
        }
    }

    /// What the client wants of its queue.
    pub(crate) fn command(&mut self, command: PlaybackCommand, outbox: &mut Outbox) {
        match command {
            PlaybackCommand::Write { seek, offset, data } => self.write(seek, offset, data, outbox),
            PlaybackCommand::Grow(room) => outbox.discard(Garbage::Room(self.queue.grow(room))),
            PlaybackCommand::Flush => self.flush(),
            PlaybackCommand::Trigger => self.queue.prebuf_disable(),
            PlaybackCommand::Prebuf => self.queue.prebuf_force(),
            PlaybackCommand::Drain(token) => self.drain(token, outbox),
            PlaybackCommand::SetAttr(attr, _) => self.queue.apply_attr(attr),
            _ => {}
        }
    }

    fn write(&mut self, seek: Seek, offset: i64, data: Data, outbox: &mut Outbox) {
        let queue = &mut self.queue;
        // Clients cannot keep account of any but relative seeks.
        let account = seek == Seek::Relative;
        match data {
            Data::Hole(bytes) => {
                let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
                queue.seek(offset.saturating_add(bytes), seek, account);
            }
            Data::Chunk(chunk) => {
                if seek != Seek::Relative || offset != 0 {
                    queue.seek(offset, seek, account);
                }
                let bytes = chunk.len();
                if !queue.push(chunk) {
                    queue.seek(bytes as i64, Seek::Relative, true);
                    outbox.event(Event::Overflow { stream: self.id });
                }
                for _ in 0..queue.take_splits() {
                    outbox.split(self.id);
                }
            }
        }
    }

    /// Sends the chunks that are done with back, as far as the ring takes them.
    pub(crate) fn hand_back(&mut self, outbox: &mut Outbox) {
        while outbox.is_flowing() {
            let Some(chunk) = self.queue.take_spent() else { return };
            outbox.chunk(self.id, chunk);
        }
        if self.queue.has_spent() {
            outbox.hold();
        }
    }

    fn flush(&mut self) {
        self.queue.flush_write();
        self.starved = false;
    }

    pub(crate) fn cork(&mut self, corked: bool, now: u64) {
        if self.corked == corked {
            return;
        }
        // After a drain was asked for, what is there has to be played out.
        if self.drain.is_none() {
            self.queue.prebuf_force();
        }
        // As PulseAudio's `underrun_for`: silence counts from here, and what goes on starts anew.
        if !corked {
            self.dry_since = None;
        } else if self.started {
            self.dry_since = Some(now);
        }
        self.started = false;
        self.playing_for = 0;
        self.starved = false;
        self.corked = corked;
    }

    fn drain(&mut self, token: u64, outbox: &mut Outbox) {
        self.queue.prebuf_disable();
        if self.queue.is_readable() || self.tail > 0 {
            self.drain = Some(token);
        } else {
            outbox.event(Event::Drained { stream: self.id, token });
        }
    }

    fn start(&mut self, outbox: &mut Outbox) {
        if !self.started {
            self.started = true;
            outbox.event(Event::Started { stream: self.id, after_underrun: self.starved });
            self.starved = false;
        }
        self.is_underrun &= !self.queue.is_readable();
    }

    fn ran_dry(&mut self, now: u64, outbox: &mut Outbox) {
        // First what is missing, as PulseAudio asks for that with the last bytes that it takes.
        self.request(outbox);
        // PulseAudio tells of a queue that is empty before it says that all has been played.
        if !self.is_underrun {
            outbox.event(Event::Underflow { stream: self.id, read_index: self.queue.read_index() });
            self.starved = self.started && self.drain.is_none();
        }
        if self.tail == 0
            && let Some(token) = self.drain.take()
        {
            outbox.event(Event::Drained { stream: self.id, token });
            self.starved = false;
        }
        if self.started && self.queue.attr().prebuf > 0 {
            self.started = false;
            self.dry_since = Some(now);
            self.playing_for = 0;
        }
        self.is_underrun = true;
    }

    /// Whether the client is expected to write on: one that drains, or never prebuffers, is not waited for.
    pub(crate) fn may_be_late(&self) -> bool {
        self.started && self.drain.is_none() && self.queue.attr().prebuf > 0
    }

    fn request(&mut self, outbox: &mut Outbox) {
        let bytes = self.queue.pop_missing();
        if bytes > 0 {
            outbox.event(Event::Request { stream: self.id, bytes });
        }
    }

    /// Frames until a drain is done, where the queue is empty and only the resampler holds sound.
    pub(crate) fn frames_until_drained(&self) -> Option<usize> {
        let waits = self.drain.is_some() && !self.corked && !self.queue.is_readable();
        (waits && self.tail > 0).then_some(self.tail)
    }

    /// So many frames went by without sound of this stream.
    pub(crate) fn pass_silence(&mut self, frames: usize) {
        self.tail = self.tail.saturating_sub(frames);
    }

    /// The stream has left the resampler that held its last sound.
    pub(crate) fn forget_tail(&mut self) {
        self.tail = 0;
    }

    /// Takes `frames` frames: `consume` gets the sound and the frame at which it belongs; where it gets none
    /// there is silence. `tail` is how many frames later the last of it comes out of the resampler.
    pub(crate) fn pull(
        &mut self,
        frames: usize,
        tail: usize,
        now: u64,
        ears: &mut Ears<'_>,
        mut consume: impl FnMut(usize, Samples<'_>, &mut Ears<'_>),
    ) {
        let mut at = 0;
        while at < frames {
            let sounds = self.queue.is_readable();
            if !sounds {
                self.ran_dry(now, ears.outbox);
            }
            let bytes = match self.queue.peek((frames - at) * self.frame_size) {
                Peek::Nothing => {
                    self.pass_silence(frames - at);
                    break;
                }
                Peek::Silence(bytes) => bytes,
                Peek::Data(samples) => {
                    let bytes = samples.len();
                    consume(at, samples, ears);
                    bytes
                }
            };
            self.start(ears.outbox);
            self.playing_for += bytes as u64;
            self.queue.drop(bytes);
            at += bytes / self.frame_size;
            if sounds {
                self.tail = tail;
            } else {
                self.pass_silence(bytes / self.frame_size);
            }
        }
    }

    /// Whether there is something to be played, which its client may also leave to be silence.
    pub(crate) fn is_active(&self) -> bool {
        !self.corked && (self.queue.attr().prebuf == 0 || self.queue.is_readable())
    }

    /// Whether what the client writes is waited for.
    pub(crate) fn is_hungry(&self) -> bool {
        !self.corked && !self.queue.is_readable()
    }

    /// Tells what has become true since the last look: started, dry, hungry, bytes to ask for. `running` says
    /// whether the device plays what is active.
    pub(crate) fn settle(&mut self, now: u64, running: bool, outbox: &mut Outbox) {
        if running && self.is_active() {
            self.start(outbox);
        }
        if running && self.is_hungry() {
            self.ran_dry(now, outbox);
        }
        self.request(outbox);
        self.hand_back(outbox);
    }

    /// Where the stream, of `spec`, stands; `ahead_usec` is what its device has played since it last rendered.
    pub(crate) fn timing(
        &self,
        spec: &SampleSpec,
        ahead_usec: u64,
        delay_usec: u64,
        now: u64,
        running: bool,
    ) -> PlaybackTiming {
        let playing = running && self.started && !self.corked;
        // What the device has played since it last rendered counts as consumed.
        let unrendered = if playing { spec.usec_to_bytes(ahead_usec) } else { 0 };
        // Without prebuf the read index never stops.
        let most = if self.queue.attr().prebuf > 0 { self.queue.len() as u64 } else { u64::MAX };
        let unrendered = unrendered.min(most);
        let dry_bytes = |since: u64| spec.usec_to_bytes(now.saturating_sub(since) / 1000);
        PlaybackTiming {
            sink_usec: delay_usec,
            playing,
            write_index: self.queue.write_index(),
            read_index: self.queue.read_index() + unrendered as i64,
            underrun_for: if self.started { 0 } else { self.dry_since.map_or(u64::MAX, dry_bytes) },
            playing_for: if self.started { self.playing_for + unrendered } else { 0 },
        }
    }
}
