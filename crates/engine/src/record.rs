//! A record stream on the sound thread: conversion to what the client wants, and the blocks that are filled.

use std::collections::VecDeque;

use sealpulse_dsp::{PeakDetector, RemixMatrix, Resampler};
use sealpulse_memory::Block;
use sealpulse_spec::SampleSpec;

use crate::gains::Gains;
use crate::link::Link;
use crate::outbox::{Garbage, Outbox};
use crate::playback::BLOCK;
use crate::slab::Slab;
use crate::types::{Event, RecordId, RecordTiming};

/// Empty blocks that a stream can hold.
pub(crate) const SPARE_BLOCKS: usize = 64;

pub(crate) struct Record {
    pub(crate) id: RecordId,
    /// What it listens to, and the next record stream there.
    pub(crate) attached: Attachment,
    pub(crate) next: u32,
    pub(crate) corked: bool,
    /// Whether it hears only what the device plays anyway.
    pub(crate) passive: bool,
    /// Whether the device's bytes can be taken as they are.
    pub(crate) raw_ok: bool,
    pub(crate) converter: Converter,
    pub(crate) sink: Sink,
}

/// Where what was recorded goes.
pub(crate) enum Sink {
    /// Into blocks of a client's.
    Blocks(Output),
    /// Into this link.
    Link(u32),
}

/// All that what is played goes to.
pub(crate) struct Ears<'a> {
    pub(crate) records: &'a mut Slab<Record>,
    pub(crate) links: &'a mut Slab<Link>,
    pub(crate) outbox: &'a mut Outbox,
}

/// Where a record stream is in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attachment {
    Device(u32),
    Playback(u32),
    Nothing,
}

impl Record {
    /// The client's end of a stream that is not corked.
    pub(crate) fn listener(&self) -> Option<&Output> {
        match &self.sink {
            Sink::Blocks(output) => (!self.corked).then_some(output),
            Sink::Link(_) => None,
        }
    }

    /// The link whose end this stream is.
    pub(crate) fn link(&self) -> Option<u32> {
        match self.sink {
            Sink::Blocks(_) => None,
            Sink::Link(link) => Some(link),
        }
    }

    pub(crate) fn can_pass(&self) -> bool {
        self.raw_ok && self.converter.gains.is_unity()
    }

    /// Time until what `output`, its own, holds should be handed over, in microseconds: with that much more that
    /// the last frame is there, which can be late by a frame on each side of a resampler. The thread would wake
    /// for it again.
    pub(crate) fn usec_left(&self, output: &Output) -> u64 {
        let frame_usec = |rate: u32| 1_000_000_u64.div_ceil(u64::from(rate.max(1)));
        let Converter { source_rate, spec, .. } = &self.converter;
        let own = if self.converter.keeps_rate() { 0 } else { frame_usec(spec.rate) };
        output.usec_left() + (frame_usec(*source_rate) + own).min(output.latency_usec / 4)
    }

    /// New rates of what it listens to and of its own.
    pub(crate) fn set_rates(&mut self, from: u32, to: u32) {
        self.converter.set_rates(from, to);
        self.raw_ok &= self.converter.keeps_rate();
    }

    /// Whether it takes what is played.
    pub(crate) fn hears(&self, links: &Slab<Link>) -> bool {
        !self.corked
            && match self.sink {
                Sink::Blocks(_) => true,
                Sink::Link(link) => links.get(link).is_some_and(|link| link.taking),
            }
    }

    /// Takes interleaved samples in the source's layout, at most [`BLOCK`] frames.
    pub(crate) fn feed(&mut self, samples: &[f32], links: &mut Slab<Link>, outbox: &mut Outbox) {
        if self.hears(links) {
            self.converter.convert(samples, &mut |bytes| self.sink.write(bytes, links, outbox));
        }
    }

    /// Takes the device's bytes as they are.
    pub(crate) fn feed_raw(&mut self, bytes: &[u8], links: &mut Slab<Link>, outbox: &mut Outbox) {
        if self.hears(links) {
            self.sink.write(bytes, links, outbox);
        }
    }

    /// The source has fallen silent: what the resampler holds goes out. `silence` is at least [`BLOCK`] frames of it.
    pub(crate) fn finish(&mut self, silence: &[f32], links: &mut Slab<Link>, outbox: &mut Outbox) {
        let mut left = self.converter.tail_frames();
        while left > 0 {
            let frames = left.min(BLOCK);
            self.feed(&silence[..frames * self.converter.source_channels], links, outbox);
            left -= frames;
        }
        self.converter.reset();
    }

    /// At the end of a cycle; see [`Output::settle`].
    pub(crate) fn settle(&mut self, running: bool, outbox: &mut Outbox) {
        if let Sink::Blocks(output) = &mut self.sink {
            output.settle(running, outbox);
        }
    }
}

impl Sink {
    fn write(&mut self, bytes: &[u8], links: &mut Slab<Link>, outbox: &mut Outbox) {
        match self {
            Sink::Blocks(output) => output.write(bytes, outbox),
            Sink::Link(link) => {
                if let Some(link) = links.get_mut(*link) {
                    link.write(bytes);
                }
            }
        }
    }

    pub(crate) fn set_spec_rate(&mut self, rate: u32) {
        if let Sink::Blocks(output) = self {
            output.spec.rate = rate;
        }
    }

    pub(crate) fn timing(&self, source_usec: u64, links: &Slab<Link>) -> RecordTiming {
        match self {
            Sink::Blocks(output) => output.timing(source_usec),
            Sink::Link(link) => {
                let bytes = links.get(*link).map_or(0, |link| link.ring.totals().0);
                RecordTiming { source_usec, write_index: bytes, handed_over: bytes }
            }
        }
    }
}

/// From the source's samples to the client's bytes: channels, volume, rate, format.
pub(crate) struct Converter {
    pub(crate) spec: SampleSpec,
    pub(crate) source_rate: u32,
    source_channels: usize,
    pub(crate) remix: Option<Box<RemixMatrix>>,
    pub(crate) gains: Gains,
    rate: RateStage,
    remixed: Vec<f32>,
    converted: Vec<f32>,
    bytes: Vec<u8>,
}

/// How the source's rate becomes the stream's.
enum RateStage {
    Same,
    Resample(Box<Resampler>),
    Peaks(PeakDetector),
}

impl Converter {
    pub(crate) fn new(
        spec: SampleSpec,
        source: &SampleSpec,
        remix: Option<Box<RemixMatrix>>,
        gains: Gains,
        peaks: bool,
        variable_rate: bool,
    ) -> Self {
        let channels = usize::from(spec.channels);
        // As PulseAudio: raising a rate, or keeping it for good, has no peaks to find.
        let lowered = source.rate > spec.rate || (variable_rate && source.rate == spec.rate);
        let rate = if peaks && lowered {
            RateStage::Peaks(PeakDetector::new(channels, source.rate, spec.rate))
        } else if source.rate != spec.rate || variable_rate {
            // One whose rate can change starts without a filter where it needs none yet.
            let filtered = variable_rate && source.rate != spec.rate;
            let resampler = if filtered { Resampler::variable } else { Resampler::new };
            RateStage::Resample(Box::new(resampler(channels, source.rate, spec.rate)))
        } else {
            RateStage::Same
        };
        let samples = BLOCK * channels;
        Self {
            spec,
            source_rate: source.rate,
            source_channels: usize::from(source.channels),
            remix,
            gains,
            rate,
            remixed: vec![0.0; samples],
            converted: vec![0.0; samples],
            bytes: vec![0; samples * spec.format.size()],
        }
    }

    /// The rate of the stream has changed, or that of what it listens to. Only for one made with a variable rate.
    pub(crate) fn set_rates(&mut self, from: u32, to: u32) {
        self.spec.rate = to;
        self.source_rate = from;
        match &mut self.rate {
            RateStage::Same => {}
            RateStage::Resample(resampler) => resampler.set_rates(from, to),
            // One frame makes at most half a block, as the first makes two frames' worth.
            RateStage::Peaks(detector) => {
                let to = to.min(from.saturating_mul(BLOCK as u32 / 2));
                *detector = PeakDetector::new(usize::from(self.spec.channels), from, to);
            }
        }
    }

    /// Whether the rate stage changes nothing.
    pub(crate) fn keeps_rate(&self) -> bool {
        match &self.rate {
            RateStage::Same => true,
            RateStage::Resample(resampler) => resampler.is_identity(),
            RateStage::Peaks(_) => false,
        }
    }

    /// How much later the sound comes out, in microseconds.
    pub(crate) fn delay_usec(&self) -> u64 {
        match &self.rate {
            RateStage::Resample(resampler) => {
                (resampler.delay_frames() * 1e6 / f64::from(self.source_rate.max(1))) as u64
            }
            RateStage::Same | RateStage::Peaks(_) => 0,
        }
    }

    /// Frames of the source after which all that it played has come out; a second's at most.
    fn tail_frames(&self) -> usize {
        match &self.rate {
            RateStage::Resample(resampler) => resampler.history_frames().min(self.source_rate as usize),
            RateStage::Same | RateStage::Peaks(_) => 0,
        }
    }

    /// Forgets what was played.
    pub(crate) fn reset(&mut self) {
        match &mut self.rate {
            RateStage::Same => {}
            RateStage::Resample(resampler) => resampler.reset(),
            RateStage::Peaks(detector) => detector.reset(),
        }
    }

    fn convert(&mut self, samples: &[f32], write: &mut impl FnMut(&[u8])) {
        let channels = usize::from(self.spec.channels);
        let frames = (samples.len() / self.source_channels.max(1)).min(BLOCK);
        let block = &mut self.remixed[..frames * channels];
        match &self.remix {
            None => block.copy_from_slice(&samples[..frames * channels]),
            Some(matrix) => matrix.apply(&samples[..frames * self.source_channels], block),
        }
        self.gains.apply(block);
        let (format, bytes) = (self.spec.format, &mut self.bytes);
        let mut put = |samples: &[f32]| {
            let out = &mut bytes[..samples.len() * format.size()];
            sealpulse_dsp::encode(format, samples, out);
            write(out);
        };
        // So much input at once that the output is about half a block; a resampled frame can make more.
        let (from, to) = (self.source_rate as usize, self.spec.rate.max(1) as usize);
        let step = (BLOCK / 2 * from / to).clamp(1, BLOCK) * channels;
        match &mut self.rate {
            RateStage::Same => put(block),
            RateStage::Peaks(detector) => {
                for part in block.chunks(step) {
                    let written = detector.push(part, &mut self.converted);
                    put(&self.converted[..written * channels]);
                }
            }
            RateStage::Resample(resampler) => {
                for part in block.chunks(step) {
                    let mut written = resampler.push(part, &mut self.converted);
                    while written > 0 {
                        put(&self.converted[..written * channels]);
                        written = resampler.push(&[], &mut self.converted);
                    }
                }
            }
        }
    }
}

/// The blocks that are filled, and what was.
pub(crate) struct Output {
    id: RecordId,
    pub(crate) fragsize: usize,
    pub(crate) latency_usec: u64,
    spec: SampleSpec,
    frame_size: usize,
    spare: VecDeque<Block>,
    current: Option<Block>,
    filled: usize,
    captured: u64,
    handed_over: u64,
    lost: u64,
}

impl Output {
    pub(crate) fn new(id: RecordId, spec: SampleSpec, fragsize: usize, latency_usec: u64) -> Self {
        Self {
            id,
            fragsize: fragsize.max(spec.frame_size()),
            latency_usec,
            spec,
            frame_size: spec.frame_size(),
            spare: VecDeque::with_capacity(SPARE_BLOCKS),
            current: None,
            filled: 0,
            captured: 0,
            handed_over: 0,
            lost: 0,
        }
    }

    /// Takes another empty block.
    pub(crate) fn supply(&mut self, block: Block, outbox: &mut Outbox) {
        if self.spare.len() < SPARE_BLOCKS {
            self.spare.push_back(block);
        } else {
            outbox.discard(Garbage::Block(block));
        }
    }

    fn write(&mut self, mut bytes: &[u8], outbox: &mut Outbox) {
        self.captured += bytes.len() as u64;
        while !bytes.is_empty() {
            // Nobody takes what is filled while the control thread does not read.
            if self.current.is_none() && outbox.is_flowing() {
                self.current = self.spare.pop_front();
            }
            let Some(block) = &mut self.current else {
                self.lost += bytes.len() as u64;
                return;
            };
            let whole = block.len() / self.frame_size * self.frame_size;
            // More than a fragment in the last block is better than a loss.
            let most = if self.spare.is_empty() { whole } else { self.fragsize.min(whole) };
            let room = most.saturating_sub(self.filled);
            let (part, rest) = bytes.split_at(room.min(bytes.len()));
            if block.write_at(self.filled, part).is_err() {
                self.lost += part.len() as u64;
            }
            self.filled += part.len();
            bytes = rest;
            if part.len() == room {
                self.emit(outbox);
            }
        }
    }

    fn emit(&mut self, outbox: &mut Outbox) {
        let length = std::mem::take(&mut self.filled);
        let Some(block) = self.current.take() else { return };
        if length == 0 {
            // A block too small for a frame.
            outbox.discard(Garbage::Block(block));
            return;
        }
        self.handed_over += length as u64;
        outbox.event(Event::Recorded { stream: self.id, block, length });
    }

    /// At the end of a cycle: hands over what has waited long enough, or everything where nothing more comes
    /// (`running` is false), and tells of losses.
    pub(crate) fn settle(&mut self, running: bool, outbox: &mut Outbox) {
        // Another frame would be too much.
        let waited = || self.spec.bytes_to_usec((self.filled + self.frame_size) as u64) > self.latency_usec;
        if self.filled > 0 && (!running || self.filled >= self.fragsize || waited()) {
            self.emit(outbox);
        }
        if self.lost > 0 {
            let bytes = std::mem::take(&mut self.lost);
            outbox.event(Event::RecordOverrun { stream: self.id, bytes });
        }
    }

    /// Forgets what has not been handed over.
    pub(crate) fn flush(&mut self) {
        self.captured -= self.filled as u64;
        self.filled = 0;
    }

    fn usec_left(&self) -> u64 {
        self.latency_usec.saturating_sub(self.spec.bytes_to_usec(self.filled as u64))
    }

    /// New sizes, which the next [`Self::settle`] goes by.
    pub(crate) fn set_attr(&mut self, fragsize: usize, latency_usec: u64) {
        self.fragsize = fragsize.max(self.frame_size);
        self.latency_usec = latency_usec;
    }

    fn timing(&self, source_usec: u64) -> RecordTiming {
        RecordTiming { source_usec, write_index: self.captured, handed_over: self.handed_over }
    }
}
