//! What a recording looks like: extremes and spectra over time, in one pass and in bounded memory.

use std::collections::VecDeque;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

/// Frames of a column at the start. When there are too many columns, two become one.
const FIRST_COLUMN: u64 = 32;

/// The waveform within a column.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Wave {
    pub(super) low: f32,
    pub(super) high: f32,
    /// Sum of squares, and of how many samples.
    pub(super) energy: f64,
    pub(super) samples: u64,
}

impl Wave {
    /// Takes a sample; the one before it counts for the extremes too, so that columns join.
    fn push(&mut self, sample: f32, before: f32) {
        if self.samples == 0 {
            (self.low, self.high) = (before, before);
        }
        self.low = self.low.min(sample);
        self.high = self.high.max(sample);
        self.energy += f64::from(sample) * f64::from(sample);
        self.samples += 1;
    }

    /// The column of both.
    pub(super) fn merged(self, other: Self) -> Self {
        match (self.samples, other.samples) {
            (0, _) => other,
            (_, 0) => self,
            _ => Self {
                low: self.low.min(other.low),
                high: self.high.max(other.high),
                energy: self.energy + other.energy,
                samples: self.samples + other.samples,
            },
        }
    }

    /// Root of the mean square.
    pub(super) fn rms(&self) -> f32 {
        (self.energy / self.samples.max(1) as f64).sqrt() as f32
    }

    /// The greatest magnitude.
    pub(super) fn peak(&self) -> f32 {
        self.high.max(-self.low).max(0.0)
    }
}

/// The spectrum within a column: the sum of `count` spectra.
#[derive(Clone, Debug, Default)]
pub(super) struct Spectrum {
    /// Power by row, from the lowest frequency up, where 1 is a sine at full scale.
    power: Vec<f32>,
    count: u32,
}

impl Spectrum {
    fn add(&mut self, power: &[f32], count: u32) {
        if self.power.is_empty() {
            self.power = vec![0.0; power.len()];
        }
        for (sum, power) in self.power.iter_mut().zip(power) {
            *sum += power;
        }
        self.count += count;
    }

    /// The column of both.
    pub(super) fn merge(&mut self, other: &Self) {
        if other.count > 0 {
            self.add(&other.power, other.count);
        }
    }

    /// Decibels below a sine at full scale; nothing if there is no spectrum here.
    pub(super) fn decibels(&self) -> impl Iterator<Item = f32> + '_ {
        let count = self.count.max(1) as f32;
        self.power.iter().map(move |power| 10.0 * (power / count).max(1e-20).log10())
    }
}

/// Which part of a spectrum goes into one row of the picture.
#[derive(Clone, Copy, Debug)]
struct Row {
    from: f32,
    to: f32,
}

/// One channel of a recording.
pub(super) struct Channel {
    pub(super) waves: Vec<Wave>,
    pub(super) spectra: Vec<Spectrum>,
    window: VecDeque<f32>,
    total: Wave,
}

impl Channel {
    /// The whole recording as one column.
    pub(super) fn total(&self) -> Wave {
        self.total
    }
}

/// Takes a recording, block by block.
pub(super) struct Analysis {
    pub(super) channels: Vec<Channel>,
    pub(super) frames: u64,
    /// Frames of one column.
    pub(super) column: u64,
    columns_max: usize,
    transform: Arc<dyn RealToComplex<f32>>,
    hann: Vec<f32>,
    rows: Vec<Row>,
    input: Vec<f32>,
    output: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    power: Vec<f32>,
    until_transform: u64,
}

impl Analysis {
    /// For at least `columns` columns of recordings that are long enough, and spectra of `rows` rows; `frequency` tells the
    /// frequency at a height of 0 to 1.
    pub(super) fn new(
        channels: usize,
        rate: u32,
        columns: usize,
        rows: usize,
        frequency: impl Fn(f64) -> f64,
    ) -> Self {
        // About 47 ms: narrow enough for single notes, short enough for the beat.
        let size = (rate as usize / 32).next_power_of_two().clamp(256, 16_384);
        let transform = RealFftPlanner::new().plan_fft_forward(size);
        let hann = (0..size)
            .map(|index| (std::f32::consts::PI * index as f32 / size as f32).sin().powi(2))
            .collect::<Vec<_>>();
        let bin = |row: usize| (frequency(row as f64 / rows as f64) * size as f64 / f64::from(rate)) as f32;
        let rows = (0..rows).map(|row| Row { from: bin(row), to: bin(row + 1) }).collect();
        let channel = || Channel {
            waves: Vec::new(),
            spectra: Vec::new(),
            window: VecDeque::from(vec![0.0; size]),
            total: Wave::default(),
        };
        Self {
            channels: std::iter::repeat_with(channel).take(channels).collect(),
            frames: 0,
            column: FIRST_COLUMN,
            columns_max: columns.max(1) * 2,
            input: transform.make_input_vec(),
            output: transform.make_output_vec(),
            scratch: transform.make_scratch_vec(),
            transform,
            hann,
            rows,
            power: Vec::new(),
            until_transform: 0,
        }
    }

    /// Takes interleaved samples.
    pub(super) fn push(&mut self, samples: &[f32]) {
        for frame in samples.chunks_exact(self.channels.len()) {
            self.push_frame(frame);
            self.frames += 1;
        }
    }

    /// Looks at the spectra of the last frames, which needs as much silence as the window reaches ahead.
    pub(super) fn finish(&mut self) {
        let silence = vec![0.0; self.channels.len()];
        for _ in 0..self.hann.len() / 2 {
            self.push_spectrum_frame(&silence);
            self.frames += 1;
        }
        self.frames -= (self.hann.len() / 2) as u64;
    }

    fn push_frame(&mut self, frame: &[f32]) {
        let column = (self.frames / self.column) as usize;
        if column >= self.columns_max {
            self.halve();
            return self.push_frame(frame);
        }
        for (channel, &sample) in self.channels.iter_mut().zip(frame) {
            let before =
                if self.frames == 0 { sample } else { channel.window.back().copied().unwrap_or(sample) };
            if channel.waves.len() <= column {
                channel.waves.resize(column + 1, Wave::default());
            }
            if let Some(wave) = channel.waves.last_mut() {
                wave.push(sample, before);
            }
            channel.total.push(sample, before);
        }
        self.push_spectrum_frame(frame);
    }

    fn push_spectrum_frame(&mut self, frame: &[f32]) {
        for (channel, &sample) in self.channels.iter_mut().zip(frame) {
            channel.window.pop_front();
            channel.window.push_back(sample);
        }
        if self.until_transform > 0 {
            self.until_transform -= 1;
            return;
        }
        let size = self.hann.len() as u64;
        self.until_transform = self.column.min(size / 4) - 1;
        // The window's middle is what its spectrum tells of.
        let Some(middle) = (self.frames + 1).checked_sub(size / 2) else { return };
        let column = (middle / self.column) as usize;
        for index in 0..self.channels.len() {
            self.transform(index, column);
        }
    }

    fn transform(&mut self, index: usize, column: usize) {
        let Some(channel) = self.channels.get_mut(index) else { return };
        for ((input, sample), hann) in self.input.iter_mut().zip(&channel.window).zip(&self.hann) {
            *input = sample * hann;
        }
        // The buffers were made by the transform itself.
        if self.transform.process_with_scratch(&mut self.input, &mut self.output, &mut self.scratch).is_err()
        {
            return;
        }
        // Half of the sine's amplitude is in the negative frequencies, and a Hann window lets half through.
        let scale = 16.0 / (self.hann.len() as f32).powi(2);
        let output = &self.output;
        let power = |bin: usize| output.get(bin).map_or(0.0, |value| value.norm_sqr() * scale);
        self.power.clear();
        self.power.extend(self.rows.iter().map(|row| row_power(*row, power)));
        if channel.spectra.len() <= column {
            channel.spectra.resize(column + 1, Spectrum::default());
        }
        if let Some(spectrum) = channel.spectra.get_mut(column) {
            spectrum.add(&self.power, 1);
        }
    }

    /// Makes one column of each two.
    fn halve(&mut self) {
        self.column *= 2;
        for channel in &mut self.channels {
            let pair = |pair: &[Wave]| pair.iter().fold(Wave::default(), |sum, wave| sum.merged(*wave));
            channel.waves = channel.waves.chunks(2).map(pair).collect();
            let mut spectra = std::mem::take(&mut channel.spectra).into_iter();
            while let Some(mut first) = spectra.next() {
                if let Some(second) = spectra.next() {
                    first.merge(&second);
                }
                channel.spectra.push(first);
            }
        }
    }
}

/// The power of a row: the greatest of the bins that it covers, or what lies between two.
fn row_power(row: Row, power: impl Fn(usize) -> f32) -> f32 {
    let (from, to) = (row.from.ceil() as usize, row.to.ceil() as usize);
    if from < to {
        return (from..to).map(power).fold(0.0, f32::max);
    }
    let middle = (row.from + row.to) / 2.0;
    let part = middle.fract();
    power(middle as usize) * (1.0 - part) + power(middle as usize + 1) * part
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(frequency: f64, rate: u32, frames: usize) -> Vec<f32> {
        let step = std::f64::consts::TAU * frequency / f64::from(rate);
        (0..frames).map(|index| (index as f64 * step).sin() as f32).collect()
    }

    fn analysed(samples: &[f32], columns: usize) -> Analysis {
        let mut analysis = Analysis::new(1, 48_000, columns, 240, |height| height * 24_000.0);
        for block in samples.chunks(1000) {
            analysis.push(block);
        }
        analysis.finish();
        analysis
    }

    #[test]
    fn a_sine_at_full_scale_is_at_0_decibels_in_its_row() {
        let analysis = analysed(&sine(6_000.0, 48_000, 48_000), 100);
        let channel = &analysis.channels[0];
        let spectrum = channel.spectra[channel.spectra.len() / 2].decibels().collect::<Vec<_>>();
        let loudest = spectrum.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
        assert_eq!(loudest.0, 60);
        assert!(loudest.1.abs() < 0.1, "{} dB", loudest.1);
        assert!(spectrum[120] < -90.0, "{} dB", spectrum[120]);
        assert!((channel.total().rms() - 0.5f32.sqrt()).abs() < 1e-4);
    }

    #[test]
    fn columns_stay_within_bounds_and_lose_no_frame_however_long_it_is() {
        for frames in [1, 31, 32, 33, 6_399, 6_400, 6_401, 100_000] {
            let mut samples = vec![0.0; frames];
            samples[frames / 2] = -1.0;
            let analysis = analysed(&samples, 100);
            let channel = &analysis.channels[0];
            assert!(channel.waves.len() <= 200 && channel.spectra.len() <= channel.waves.len() + 1);
            assert_eq!(analysis.frames, frames as u64);
            assert_eq!(channel.waves.iter().map(|wave| wave.samples).sum::<u64>(), frames as u64);
            let at = (frames / 2) as u64 / analysis.column;
            assert_eq!(channel.waves[at as usize].low, -1.0);
        }
    }

    #[test]
    fn a_click_is_where_it_was_in_the_spectrum_too() {
        let mut samples = vec![0.0; 48_000];
        samples[24_000] = 1.0;
        let analysis = analysed(&samples, 1000);
        let energy = |spectrum: &Spectrum| spectrum.decibels().map(|db| 10f32.powf(db / 10.0)).sum::<f32>();
        let spectra = &analysis.channels[0].spectra;
        let loudest =
            (0..spectra.len()).max_by(|&a, &b| energy(&spectra[a]).total_cmp(&energy(&spectra[b]))).unwrap();
        let frame = loudest as u64 * analysis.column;
        assert!(frame.abs_diff(24_000) <= 2 * analysis.column, "{frame}");
    }
}
