//! One rate to another.

mod filter;
mod kernel;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use sealpulse_spec::{CHANNELS_MAX, RATE_MAX};

use filter::{Design, Filter, Ratio, Row};
use kernel::{Kernel, Portable};

/// Greatest ratio that the filter itself spans (16,384 taps); beyond it, input frames are averaged first.
const STRETCH_MAX: u64 = 128;
/// Input frames that the buffer takes beyond the window before it is moved, at least.
const SLACK: usize = 1_024;
/// Greatest ratio that [`Resampler::set_rates`] moves to, so that what one output frame needs fits in half of that.
const RATIO_MAX: u64 = 512;

/// Streaming rate converter for interleaved `f32`.
///
/// It is pulled: [`Self::input_needed`] says how many input frames make exactly so many output frames, and
/// [`Self::process`] turns them into those. After *n* output frames, *n·from/to* input frames rounded up have
/// been taken, so the rates never drift apart; the output is the same to the bit however it is cut into calls.
/// [`Self::push`] is the same thing pushed, for capture.
///
/// Equal rates pass through unchanged and without delay. Else a polyphase windowed-sinc filter of 128 periods of
/// the lower rate works at -100 dB: with a row of coefficients for each phase of a ratio such as 160/147,
/// and interpolated ones for ratios of larger numbers and where the rate may move.
///
/// Construction computes and shares tables and must not happen on a sound thread; nothing after it allocates.
#[derive(Clone, Debug)]
pub struct Resampler {
    channels: usize,
    from: u32,
    to: u32,
    /// Input frames that are averaged to one before the filter; 1 but for extreme ratios.
    group: usize,
    /// Of the frames that the filter sees.
    ratio: Ratio,
    mode: Mode,
    filter: Arc<Filter>,
    /// The ratio that the filter was made for.
    filter_ratio: Ratio,
    /// Planar, `stride` frames for each channel.
    buffer: Vec<f32>,
    stride: usize,
    /// The end of the next output's history: it has been taken up to here.
    taken: usize,
    /// Frames in the buffer; those from `taken` on were pushed and are not needed yet.
    filled: usize,
    /// How far the frames taken reach beyond the position of the last output, in units of `1/ratio.to`.
    phase: u64,
    /// Sums of the group that is being averaged, and its frames so far.
    sums: [f32; CHANNELS_MAX as usize],
    summed: usize,
    /// Coefficients of the output frame at hand.
    scratch: Vec<f32>,
}

#[derive(Clone, Copy, Debug)]
enum Mode {
    Identity,
    Table,
    /// Coefficients are computed for each frame: the rate has moved away from that of the table.
    Computed(Design),
}

impl Resampler {
    /// For 1 to 32 `channels`, from `from` Hz to `to` Hz, both 1 to 768,000. Values beyond are clamped.
    pub fn new(channels: usize, from: u32, to: u32) -> Resampler {
        Self::build(channels, from, to, false)
    }

    /// Like [`Self::new`] for a stream whose rate may change (`PA_STREAM_VARIABLE_RATE`): [`Self::set_rate`] costs
    /// no more than before, and equal rates are filtered, with a delay, like any other.
    pub fn variable(channels: usize, from: u32, to: u32) -> Resampler {
        Self::build(channels, from, to, true)
    }

    fn build(channels: usize, from: u32, to: u32, variable: bool) -> Resampler {
        let channels = channels.clamp(1, usize::from(CHANNELS_MAX));
        let (from, to) = (from.clamp(1, RATE_MAX), to.clamp(1, RATE_MAX));
        let group = u64::from(from).div_ceil(u64::from(to) * STRETCH_MAX);
        let ratio = Ratio { from: u64::from(from), to: u64::from(to) * group };
        Design::prepare();
        let filter = Filter::shared(ratio, variable);
        let stride = filter.taps + SLACK.max(filter.taps / 2);
        let mut resampler = Resampler {
            channels,
            from,
            to,
            group: group as usize,
            ratio,
            mode: if from == to && !variable { Mode::Identity } else { Mode::Table },
            filter_ratio: ratio,
            buffer: vec![0.0; stride * channels],
            stride,
            taken: 0,
            filled: 0,
            phase: 0,
            sums: [0.0; CHANNELS_MAX as usize],
            summed: 0,
            scratch: vec![0.0; filter.taps],
            filter,
        };
        resampler.reset();
        resampler
    }

    /// Channels of the input and the output.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Rates of the input and the output in Hz.
    pub fn rates(&self) -> (u32, u32) {
        (self.from, self.to)
    }

    /// Whether input passes through unchanged and without delay.
    pub fn is_identity(&self) -> bool {
        matches!(self.mode, Mode::Identity)
    }

    /// Input frames that must be given so that exactly `output_frames` come out now.
    pub fn input_needed(&self, output_frames: usize) -> usize {
        if self.is_identity() {
            return output_frames;
        }
        let frames = self.frames_needed(output_frames).saturating_sub(self.filled - self.taken);
        (frames * self.group).saturating_sub(self.summed)
    }

    /// Output frames that `input_frames` more make possible.
    pub fn output_ready(&self, input_frames: usize) -> usize {
        if self.is_identity() {
            return input_frames;
        }
        self.ready_within(self.filled - self.taken + (self.summed + input_frames) / self.group)
    }

    /// Fills `output` from the interleaved `input`, of [`Self::input_needed`] frames for the output's. Any size,
    /// 0 and 1 among them. Missing input counts as silence.
    pub fn process(&mut self, input: &[f32], output: &mut [f32]) {
        debug_assert_eq!(input.len(), self.input_needed(output.len() / self.channels) * self.channels);
        if self.is_identity() {
            let samples = input.len().min(output.len());
            output[..samples].copy_from_slice(&input[..samples]);
            output[samples..].fill(0.0);
            return;
        }
        self.run(input, output);
    }

    /// Takes all of the interleaved `input`, which may be any number of frames, and writes what is ready to
    /// `output`, which has room for [`Self::output_ready`] frames. Returns the frames written.
    pub fn push(&mut self, input: &[f32], output: &mut [f32]) -> usize {
        let ready = self.output_ready(input.len() / self.channels).min(output.len() / self.channels);
        let output = &mut output[..ready * self.channels];
        if self.is_identity() {
            output.copy_from_slice(&input[..output.len()]);
            return ready;
        }
        let needed = (self.input_needed(ready) * self.channels).min(input.len());
        let (now, later) = input.split_at(needed);
        self.run(now, output);
        self.write(later);
        ready
    }

    /// Moves to another input rate (1 to 768,000 Hz, clamped) without a click; the delay in input frames stays.
    ///
    /// Meant for corrections, and for what a stream asks for within about a factor of 2; for larger steps up a
    /// new resampler has the sharper filter, and 512 times the output's rate is the limit. One that passed through until now begins to filter, and its sound is
    /// set back by [`Self::delay_frames`] at that moment.
    pub fn set_rate(&mut self, from: u32) {
        self.set_rates(from, self.to);
    }

    /// [`Self::set_rate`] for both sides.
    pub fn set_rates(&mut self, from: u32, to: u32) {
        let to = to.clamp(1, RATE_MAX);
        let highest = u64::from(to) * self.group as u64 * RATIO_MAX;
        let from = from.clamp(1, u32::try_from(highest).unwrap_or(RATE_MAX).min(RATE_MAX));
        if (from, to) == (self.from, self.to) {
            return;
        }
        let ratio = Ratio { from: u64::from(from), to: u64::from(to) * self.group as u64 };
        self.phase = self.phase * ratio.to / self.ratio.to;
        (self.from, self.to, self.ratio) = (from, to, ratio);
        let near = ratio.stretch() / self.filter_ratio.stretch();
        let table = if self.filter.is_exact() {
            ratio == self.filter_ratio && self.filter.covers(self.phase)
        } else {
            (0.98..=1.02).contains(&near)
        };
        self.mode =
            if table { Mode::Table } else { Mode::Computed(Design::new(self.filter.taps, ratio.stretch())) };
    }

    /// How much later the sound comes out, in input frames.
    ///
    /// Output frame *n* since the start is what was at input frame *n·from/to - delay*.
    pub fn delay_frames(&self) -> f64 {
        if self.is_identity() {
            return 0.0;
        }
        let frames = self.filter.taps as f64 / 2.0 - self.ratio.from as f64 / self.ratio.to as f64;
        let group = self.group as f64;
        frames * group + (group - 1.0) / 2.0
    }

    /// Input frames that an output frame can depend on: what [`Self::rewind`] wants.
    pub fn history_frames(&self) -> usize {
        if self.is_identity() { 0 } else { self.filter.taps * self.group }
    }

    /// Input frames to go back by when the last `output_frames` are to be rendered again. Those must have been
    /// rendered at the present rates.
    pub fn input_rewound(&self, output_frames: usize) -> usize {
        if self.is_identity() {
            return output_frames;
        }
        let back = (self.phase + output_frames as u64 * self.ratio.from) / self.ratio.to;
        (back as usize + self.filled - self.taken) * self.group + self.summed
    }

    /// Takes the last `output_frames` back. `history` is the interleaved input that ends where the input is
    /// [`Self::input_rewound`] frames ago, of [`Self::history_frames`]; where it is shorter, silence was before it.
    /// What is rendered next is what would have been without the frames taken back, to the bit.
    pub fn rewind(&mut self, output_frames: usize, history: &[f32]) {
        if self.is_identity() {
            return;
        }
        let phase = (self.phase + output_frames as u64 * self.ratio.from) % self.ratio.to;
        self.reset();
        self.phase = phase;
        let wanted = self.history_frames() * self.channels;
        let frames = history.len() / self.channels;
        // Whole groups, counted from the end.
        let spare = (frames % self.group) * self.channels;
        let history = &history[history.len().saturating_sub(wanted).max(spare)..];
        self.write(history);
        self.taken = self.filled;
    }

    /// Forgets all input; the rates stay.
    pub fn reset(&mut self) {
        self.buffer.fill(0.0);
        self.taken = self.filter.taps;
        self.filled = self.filter.taps;
        self.phase = 0;
        self.sums = [0.0; CHANNELS_MAX as usize];
        self.summed = 0;
    }

    /// Frames (of the filter) that `output_frames` take beyond those taken.
    fn frames_needed(&self, output_frames: usize) -> usize {
        let position = output_frames as u64 * self.ratio.from;
        position.saturating_sub(self.phase).div_ceil(self.ratio.to) as usize
    }

    /// Most output frames that this many take.
    fn ready_within(&self, frames: usize) -> usize {
        ((frames as u64 * self.ratio.to + self.phase) / self.ratio.from) as usize
    }

    fn run(&mut self, mut input: &[f32], mut output: &mut [f32]) {
        while output.len() >= self.channels {
            self.make_room();
            let frames = self.ready_within(self.stride - self.taken).min(output.len() / self.channels);
            if frames == 0 {
                debug_assert!(false, "the buffer takes what one output frame needs, by RATIO_MAX");
                return;
            }
            let needed = (self.input_needed(frames) * self.channels).min(input.len());
            let (now, rest) = input.split_at(needed);
            let (rendered, later) = output.split_at_mut(frames * self.channels);
            self.write(now);
            self.render(rendered);
            (input, output) = (rest, later);
        }
    }

    /// Appends input, without regard to what it is for.
    fn write(&mut self, input: &[f32]) {
        let frames = input.len() / self.channels;
        if self.group > 1 {
            for frame in input.chunks_exact(self.channels) {
                self.average(frame);
            }
            return;
        }
        let mut input = &input[..frames * self.channels];
        while !input.is_empty() {
            let room = self.room();
            let (now, later) = input.split_at((room * self.channels).min(input.len()));
            let frames = now.len() / self.channels;
            for (channel, plane) in self.buffer.chunks_exact_mut(self.stride).enumerate() {
                let samples = now[channel..].iter().step_by(self.channels);
                for (out, sample) in plane[self.filled..][..frames].iter_mut().zip(samples) {
                    *out = *sample;
                }
            }
            self.filled += frames;
            input = later;
        }
    }

    fn average(&mut self, frame: &[f32]) {
        for (sum, sample) in self.sums.iter_mut().zip(frame) {
            *sum += sample;
        }
        self.summed += 1;
        if self.summed == self.group {
            self.room();
            for (plane, sum) in self.buffer.chunks_exact_mut(self.stride).zip(&mut self.sums) {
                plane[self.filled] = *sum / self.group as f32;
                *sum = 0.0;
            }
            self.filled += 1;
            self.summed = 0;
        }
    }

    /// Frames that can be appended, at least one.
    fn room(&mut self) -> usize {
        if self.filled == self.stride {
            self.discard(self.taken - self.filter.taps);
        }
        if self.filled == self.stride {
            // Nobody took it, and no window reaches back to more than its last frames.
            self.discard(self.stride - self.filter.taps);
            self.taken = self.filled;
        }
        self.stride - self.filled
    }

    /// Moves what is still needed to the front, now and then.
    fn make_room(&mut self) {
        if self.stride - self.taken < (self.stride - self.filter.taps) / 2 {
            self.discard(self.taken - self.filter.taps);
        }
    }

    /// Drops the oldest frames. `taken` never falls below the filter's length.
    fn discard(&mut self, frames: usize) {
        if frames == 0 {
            return;
        }
        for plane in self.buffer.chunks_exact_mut(self.stride) {
            plane.copy_within(frames..self.filled, 0);
        }
        self.taken = self.taken.saturating_sub(frames).max(self.filter.taps);
        self.filled -= frames;
    }

    fn render(&mut self, output: &mut [f32]) {
        let Ratio { from, to } = self.ratio;
        let (whole, part) = (from / to, from % to);
        for frame in output.chunks_exact_mut(self.channels) {
            let mut advance = whole;
            if self.phase < part {
                self.phase += to;
                advance += 1;
            }
            self.phase -= part;
            self.taken += advance as usize;
            self.render_frame(frame);
        }
    }

    #[inline]
    fn render_frame(&mut self, frame: &mut [f32]) {
        if self.taken > self.filled {
            self.pad();
        }
        let taps = self.filter.taps;
        let row = match self.mode {
            Mode::Computed(design) => {
                design.row(self.phase as f64 / self.ratio.to as f64, &mut self.scratch);
                &self.scratch[..]
            }
            _ => match self.filter.row(self.phase, self.ratio.to) {
                Row::Exact(row) => row,
                Row::Between { row, next, share } => {
                    Portable::interpolate(row, next, share, &mut self.scratch);
                    &self.scratch[..]
                }
            },
        };
        let first = self.taken - taps;
        let mut windows = self.buffer.chunks_exact(self.stride).map(|plane| &plane[first..][..taps]);
        let (pairs, last) = frame.as_chunks_mut::<2>();
        for pair in pairs {
            if let (Some(one), Some(two)) = (windows.next(), windows.next()) {
                *pair = Portable::dot_pair([one, two], row);
            }
        }
        for (sample, window) in last.iter_mut().zip(windows) {
            *sample = Portable::dot(window, row);
        }
    }

    /// Silence stands for input that was not given.
    #[cold]
    fn pad(&mut self) {
        for plane in self.buffer.chunks_exact_mut(self.stride) {
            plane[self.filled..self.taken].fill(0.0);
        }
        self.filled = self.taken;
    }
}
