//! A playback stream on the sound thread: where its sound comes from, and its voice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sealpulse_dsp::RemixMatrix;
use sealpulse_memory::{Chunk, Samples};
use sealpulse_spec::{SampleFormat, SampleSpec};

use crate::flow::Flow;
use crate::gains::Gains;
use crate::link::Link;
use crate::outbox::Outbox;
use crate::record::{Ears, Record};
use crate::slab::{NONE, Slab};
use crate::types::{PlaybackId, PlaybackTiming};

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

    /// A block of silence for any number of channels.
    pub(crate) fn silence(&mut self) -> &[f32] {
        self.samples.fill(0.0);
        &self.samples
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
    /// Whether it plays only where its device runs for another reason.
    pub(crate) passive: bool,
    pub(crate) input: Input,
    pub(crate) voice: Voice,
    pub(crate) appetite: Arc<Appetite>,
}

/// Where the sound of a stream comes from.
pub(crate) enum Input {
    Client(Flow),
    Loop(Loop),
    Link(LinkEnd),
}

/// Sound that is played round and round.
pub(crate) struct Loop {
    sound: Chunk,
    pub(crate) corked: bool,
    frame_size: usize,
    at: usize,
    played: u64,
}

/// The end of a link at which its sound comes out.
pub(crate) struct LinkEnd {
    pub(crate) link: u32,
    pub(crate) corked: bool,
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
    /// Whether there is something to play; `lively` says whether the device runs for another reason than its
    /// passive streams.
    pub(crate) fn is_active(&self, lively: bool, links: &Slab<Link>) -> bool {
        (lively || !self.passive)
            && match &self.input {
                Input::Client(flow) => flow.is_active(),
                Input::Loop(sound) => !sound.corked,
                Input::Link(end) => links.get(end.link).is_some_and(Link::sounds),
            }
    }

    /// Whether it may reach the device as it is, where it is alone there.
    pub(crate) fn can_pass(&self) -> bool {
        self.voice.raw_ok && self.voice.gains.is_unity() && self.voice.taps == NONE
    }

    /// The link whose end this stream is.
    pub(crate) fn link(&self) -> Option<u32> {
        match &self.input {
            Input::Link(end) => Some(end.link),
            Input::Client(_) | Input::Loop(_) => None,
        }
    }

    /// Tells what has become true since the last look. `running` says whether the device plays what is active.
    pub(crate) fn settle(&mut self, now: u64, running: bool, outbox: &mut Outbox) {
        if let Input::Client(flow) = &mut self.input {
            flow.settle(now, running, outbox);
            self.appetite.set(flow.is_hungry());
        }
    }

    /// Where the stream stands. Only a client's has anything between what was written and what was read; what a
    /// link holds counts as the device's delay.
    pub(crate) fn timing(
        &self,
        ahead_usec: u64,
        delay_usec: u64,
        now: u64,
        running: bool,
        links: &Slab<Link>,
    ) -> PlaybackTiming {
        let spec = &self.voice.spec;
        let (sink_usec, playing, played) = match &self.input {
            Input::Client(flow) => return flow.timing(spec, ahead_usec, delay_usec, now, running),
            Input::Loop(sound) => (delay_usec, running && !sound.corked, sound.played),
            Input::Link(end) => {
                let Some(link) = links.get(end.link) else { return PlaybackTiming::default() };
                (delay_usec + link.ring.usec(), running && link.sounds(), link.ring.totals().1)
            }
        };
        let index = played + if playing { spec.usec_to_bytes(ahead_usec) } else { 0 };
        PlaybackTiming {
            sink_usec,
            playing,
            write_index: index as i64,
            read_index: index as i64,
            underrun_for: if playing { 0 } else { u64::MAX },
            playing_for: if playing { index } else { 0 },
        }
    }
}

impl Input {
    pub(crate) fn cork(&mut self, corked: bool, now: u64) {
        match self {
            Input::Client(flow) => flow.cork(corked, now),
            Input::Loop(sound) => sound.corked = corked,
            Input::Link(end) => end.corked = corked,
        }
    }

    /// Takes `frames` frames: `consume` gets the sound and the frame at which it belongs;
    /// where it gets none there is silence. `tail` is how many frames later the last of it comes out of the resampler.
    pub(crate) fn pull(
        &mut self,
        frames: usize,
        tail: usize,
        now: u64,
        ears: &mut Ears<'_>,
        mut consume: impl FnMut(usize, Samples<'_>, &mut Ears<'_>),
    ) {
        match self {
            Input::Client(flow) => flow.pull(frames, tail, now, ears, consume),
            Input::Loop(sound) => sound.pull(frames, |at, samples| consume(at, samples, ears)),
            Input::Link(end) => {
                // Out of the slab meanwhile: what plays may be heard by other links.
                let Some(mut link) = ears.links.take(end.link) else { return };
                link.ring.pull(frames, |at, samples| consume(at, samples, ears));
                ears.links.put(end.link, link);
            }
        }
    }

    /// So many frames went by without sound of this stream.
    pub(crate) fn pass_silence(&mut self, frames: usize) {
        if let Input::Client(flow) = self {
            flow.pass_silence(frames);
        }
    }

    /// The stream has left the resampler that held its last sound.
    pub(crate) fn forget_tail(&mut self) {
        if let Input::Client(flow) = self {
            flow.forget_tail();
        }
    }
}

impl Loop {
    /// Whole frames of `frame_size`.
    pub(crate) fn new(sound: Chunk, frame_size: usize, corked: bool) -> Self {
        Self { sound, frame_size, corked, at: 0, played: 0 }
    }

    fn pull(&mut self, frames: usize, mut consume: impl FnMut(usize, Samples<'_>)) {
        let wanted = frames * self.frame_size;
        let mut at = 0;
        while at < wanted {
            let bytes = (self.sound.len() - self.at).min(wanted - at);
            let Some(part) =
                self.sound.samples().slice(self.at..self.at + bytes).filter(|part| !part.is_empty())
            else {
                return;
            };
            consume(at / self.frame_size, part);
            at += bytes;
            self.at = (self.at + bytes) % self.sound.len();
        }
        self.played += wanted as u64;
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
        ears: &mut Ears<'_>,
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
            self.tap(block, ears);
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
    pub(crate) fn tap_silence(&self, frames: usize, scratch: &mut Scratch, ears: &mut Ears<'_>) {
        if frames == 0 || self.taps == NONE {
            return;
        }
        let channels = usize::from(self.spec.channels);
        scratch.samples[..BLOCK.min(frames) * channels].fill(0.0);
        for at in (0..frames).step_by(BLOCK) {
            self.tap(&scratch.samples[..BLOCK.min(frames - at) * channels], ears);
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

    fn tap(&self, block: &[f32], ears: &mut Ears<'_>) {
        let mut tap = self.taps;
        while let Some(record) = ears.records.get_mut(tap) {
            record.feed(block, ears.links, ears.outbox);
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
