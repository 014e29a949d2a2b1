//! A playback stream on the sound thread: its queue, the state that clients are told about, and its voice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sealpulse_dsp::RemixMatrix;
use sealpulse_memory::Samples;
use sealpulse_spec::{SampleFormat, SampleSpec};

use crate::gains::Gains;
use crate::outbox::Outbox;
use crate::queue::{Peek, StreamQueue};
use crate::record::Record;
use crate::slab::{NONE, Slab};
use crate::types::{Data, Event, PlaybackId, PlaybackTiming, Seek};

/// Frames that are decoded at once: small enough to stay in the first-level cache.
pub(crate) const BLOCK: usize = 256;

/// Buffers that one block passes through; shared by all streams of a thread.
pub(crate) struct Scratch {
    bytes: Vec<u8>,
    samples: Vec<f32>,
    remixed: Vec<f32>,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        let samples = BLOCK * usize::from(sealpulse_spec::CHANNELS_MAX);
        Self { bytes: vec![0; samples * 4], samples: vec![0.0; samples], remixed: vec![0.0; samples] }
    }
}

/// What the control thread looks at to know whether a write has to wake the sound thread.
#[derive(Default)]
pub(crate) struct Appetite(AtomicBool);

impl Appetite {
    pub(crate) fn set(&self, hungry: bool) {
        if self.0.load(Ordering::Relaxed) != hungry {
            self.0.store(hungry, Ordering::SeqCst);
        }
    }

    pub(crate) fn get(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

pub(crate) struct Playback {
    pub(crate) id: PlaybackId,
    /// The bus that it is on, and the next stream there.
    pub(crate) bus: u32,
    pub(crate) next: u32,
    pub(crate) latency_usec: u64,
    pub(crate) flow: Flow,
    pub(crate) voice: Voice,
    pub(crate) appetite: Arc<Appetite>,
}

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

/// How the samples of the stream become a part of the mix.
pub(crate) struct Voice {
    pub(crate) spec: SampleSpec,
    pub(crate) gains: Gains,
    pub(crate) remix: Option<Box<RemixMatrix>>,
    /// Whether spec and map are the device's own.
    pub(crate) raw_ok: bool,
    /// The first record stream that listens to this stream alone.
    pub(crate) taps: u32,
}

impl Playback {
    /// Whether the device has to run for this stream.
    pub(crate) fn is_active(&self) -> bool {
        let queue = &self.flow.queue;
        !self.flow.corked && (queue.attr().prebuf == 0 || queue.is_readable())
    }

    /// Whether it may reach the device as it is, where it is alone there.
    pub(crate) fn can_pass(&self) -> bool {
        self.voice.raw_ok && self.voice.gains.is_unity() && self.voice.taps == NONE
    }

    /// Tells what has become true since the last look: started, dry, hungry, bytes to ask for. `running` says
    /// whether the device plays what is active.
    pub(crate) fn settle(&mut self, now: u64, running: bool, outbox: &mut Outbox) {
        if running && self.is_active() {
            self.flow.start(outbox);
        }
        if running && !self.flow.corked && !self.flow.queue.is_readable() {
            self.flow.ran_dry(now, outbox);
        }
        self.flow.request(outbox);
        self.flow.hand_back(outbox);
        self.appetite.set(!self.flow.corked && !self.flow.queue.is_readable());
    }

    pub(crate) fn timing(&self, ahead_usec: u64, delay_usec: u64, now: u64, running: bool) -> PlaybackTiming {
        let flow = &self.flow;
        let playing = running && flow.started && !flow.corked;
        // What the device has played since it last rendered counts as consumed.
        let unrendered = if playing { self.voice.spec.usec_to_bytes(ahead_usec) } else { 0 };
        // Without prebuf the read index never stops.
        let most = if flow.queue.attr().prebuf > 0 { flow.queue.len() as u64 } else { u64::MAX };
        let unrendered = unrendered.min(most);
        let dry_bytes = |since: u64| self.voice.spec.usec_to_bytes(now.saturating_sub(since) / 1000);
        PlaybackTiming {
            sink_usec: delay_usec,
            playing,
            write_index: flow.queue.write_index(),
            read_index: flow.queue.read_index() + unrendered as i64,
            underrun_for: if flow.started { 0 } else { flow.dry_since.map_or(u64::MAX, dry_bytes) },
            playing_for: if flow.started { flow.playing_for + unrendered } else { 0 },
        }
    }
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

    pub(crate) fn write(&mut self, seek: Seek, offset: i64, data: Data, outbox: &mut Outbox) {
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

    pub(crate) fn flush(&mut self) {
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

    pub(crate) fn drain(&mut self, token: u64, outbox: &mut Outbox) {
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
        outbox: &mut Outbox,
        mut consume: impl FnMut(usize, Samples<'_>, &mut Outbox),
    ) {
        let mut at = 0;
        while at < frames {
            let sounds = self.queue.is_readable();
            if !sounds {
                self.ran_dry(now, outbox);
            }
            let bytes = match self.queue.peek((frames - at) * self.frame_size) {
                Peek::Nothing => {
                    self.pass_silence(frames - at);
                    break;
                }
                Peek::Silence(bytes) => bytes,
                Peek::Data(samples) => {
                    let bytes = samples.len();
                    consume(at, samples, outbox);
                    bytes
                }
            };
            self.start(outbox);
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
}

impl Voice {
    /// Adds `samples` to `mix`, interleaved frames in the device's layout.
    pub(crate) fn mix(
        &self,
        samples: Samples<'_>,
        mix: &mut [f32],
        mix_channels: usize,
        scratch: &mut Scratch,
        records: &mut Slab<Record>,
        outbox: &mut Outbox,
    ) {
        let (frame_size, channels) = (self.spec.frame_size(), usize::from(self.spec.channels));
        let total = samples.len() / frame_size;
        for at in (0..total).step_by(BLOCK) {
            let frames = BLOCK.min(total - at);
            let bytes = &mut scratch.bytes[..frames * frame_size];
            if !samples.copy_to(at * frame_size, bytes) {
                return;
            }
            let block = &mut scratch.samples[..frames * channels];
            sealpulse_dsp::decode(self.spec.format, bytes, block);
            self.gains.apply(block);
            self.tap(block, records, outbox);
            let target = &mut mix[at * mix_channels..(at + frames) * mix_channels];
            match &self.remix {
                None => sealpulse_dsp::mix_into(target, block),
                Some(matrix) => {
                    let remixed = &mut scratch.remixed[..frames * mix_channels];
                    matrix.apply(block, remixed);
                    sealpulse_dsp::mix_into(target, remixed);
                }
            }
        }
    }

    /// Lets those who listen to this stream alone hear so many frames of silence.
    pub(crate) fn tap_silence(
        &self,
        frames: usize,
        scratch: &mut Scratch,
        records: &mut Slab<Record>,
        outbox: &mut Outbox,
    ) {
        if frames == 0 || self.taps == NONE {
            return;
        }
        let channels = usize::from(self.spec.channels);
        scratch.samples[..BLOCK.min(frames) * channels].fill(0.0);
        for at in (0..frames).step_by(BLOCK) {
            self.tap(&scratch.samples[..BLOCK.min(frames - at) * channels], records, outbox);
        }
    }

    /// Those who listen to this stream alone are given its rate, which has changed.
    pub(crate) fn tell_taps_rate(&self, records: &mut Slab<Record>) {
        let mut tap = self.taps;
        while let Some(record) = records.get_mut(tap) {
            record.set_rates(self.spec.rate, record.converter.spec.rate);
            tap = record.next;
        }
    }

    fn tap(&self, block: &[f32], records: &mut Slab<Record>, outbox: &mut Outbox) {
        let mut tap = self.taps;
        while let Some(record) = records.get_mut(tap) {
            record.feed(block, outbox);
            tap = record.next;
        }
    }

    /// Copies `samples` to `out` as they are, but for float values that are no numbers.
    pub(crate) fn pass(format: SampleFormat, samples: Samples<'_>, out: &mut [u8]) {
        if !samples.copy_to(0, out) {
            out.fill(format.silence_byte());
        }
        sealpulse_dsp::scrub(format, out);
    }
}
