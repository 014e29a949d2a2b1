//! A rate bus: the streams of one rate on one device, summed before the sum is resampled once.

use sealpulse_dsp::Resampler;

use crate::outbox::{Garbage, Outbox};

/// Streams of one rate on one device.
pub(crate) struct Bus {
    pub(crate) id: u32,
    pub(crate) device: u32,
    /// The next bus of the device, and the first stream on this one.
    pub(crate) next: u32,
    pub(crate) streams: u32,
    /// From the bus's rate to the device's; `None` where they are the same.
    pub(crate) resampler: Option<Box<Resampler>>,
    /// The sum at the bus's rate, interleaved in the device's layout.
    pub(crate) sum: Vec<f32>,
    /// Frames of the bus's rate after the last sound until the resampler is empty.
    pub(crate) tail: usize,
    pub(crate) rate: u32,
}

impl Bus {
    /// Frames of the rate `from` that `frames` of a device of the rate `to` can need at once.
    pub(crate) fn room(frames: usize, from: u32, to: u32) -> usize {
        let needed = (frames as u64 * u64::from(from)).div_ceil(u64::from(to.max(1))) as usize;
        // The resampler takes whole groups, which are far smaller than what 128 groups make.
        needed + needed / 128 + 32
    }

    /// A new rate for a bus of its own; `sum` has the room that it needs. The larger room stays, for the groups
    /// of the rate at which the resampler was made.
    pub(crate) fn set_rate(&mut self, rate: u32, mut sum: Vec<f32>, outbox: &mut Outbox) {
        if sum.len() > self.sum.len() {
            std::mem::swap(&mut self.sum, &mut sum);
        }
        outbox.discard(Garbage::Samples(sum));
        self.rate = rate;
        if let Some(resampler) = &mut self.resampler {
            resampler.set_rate(rate);
        }
    }

    /// Frames that carry sound after the last one went in.
    pub(crate) fn tail_frames(&self) -> usize {
        self.resampler.as_ref().map_or(0, |resampler| resampler.history_frames())
    }

    /// Delay of the resampler in microseconds.
    pub(crate) fn delay_usec(&self) -> u64 {
        let frames = self.resampler.as_ref().map_or(0.0, |resampler| resampler.delay_frames());
        (frames * 1e6 / f64::from(self.rate.max(1))) as u64
    }
}
