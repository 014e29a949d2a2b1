//! Where things are in the picture of a recording.

use std::time::Duration;

use sealpulse_spec::{ChannelMap, SampleSpec};

use super::analysis::{Analysis, Channel, Spectrum, Wave};
use super::canvas::{Anchor, Canvas, Colour};
use crate::tools::time;

pub(super) const BACKGROUND: Colour = [0xfc, 0xfc, 0xfd];
const PANEL: Colour = [0xf1, 0xf3, 0xf6];
const GRID: Colour = [0xd9, 0xdd, 0xe3];
const AXIS: Colour = [0x8a, 0x90, 0x9b];
const WAVE: Colour = [0x7f, 0xa8, 0xdb];
const WAVE_RMS: Colour = [0x2f, 0x62, 0xa8];
const CLIPPED: Colour = [0xd6, 0x2f, 0x3c];

/// Inferno's way from silence to full scale.
const LEVELS: [Colour; 9] = [
    [0, 0, 4],
    [31, 12, 72],
    [85, 15, 109],
    [136, 34, 106],
    [186, 54, 85],
    [227, 89, 51],
    [249, 140, 10],
    [249, 201, 50],
    [252, 255, 164],
];

const LEFT: usize = 92;
const RIGHT: usize = 104;
const TOP: usize = 64;
const WAVE_HEIGHT: usize = 120;
pub(super) const SPECTROGRAM_HEIGHT: usize = 240;
const GAP: usize = 14;
/// Between channels, with the name of the next.
const CHANNEL_GAP: usize = 40;
const BOTTOM: usize = 56;
const TICK: usize = 5;

/// Pixels that a picture has for the recording itself.
pub(super) fn plot_width(width: usize) -> usize {
    width.saturating_sub(LEFT + RIGHT).max(1)
}

/// Height of the picture of so many channels.
pub(super) fn height(channels: usize) -> usize {
    TOP + channels * (WAVE_HEIGHT + GAP + SPECTROGRAM_HEIGHT + CHANNEL_GAP) - CHANNEL_GAP + BOTTOM
}

/// The frequency axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    /// In Hz; above 0 every octave has the same height, else every hertz.
    pub(super) lowest: f64,
    /// In Hz.
    pub(super) highest: f64,
}

impl Scale {
    /// The frequency at a height, 0 to 1.
    pub(super) fn frequency(&self, height: f64) -> f64 {
        if self.is_logarithmic() {
            self.lowest * (self.highest / self.lowest).powf(height)
        } else {
            self.highest * height
        }
    }

    fn height(&self, frequency: f64) -> f64 {
        if self.is_logarithmic() {
            (frequency / self.lowest).ln() / (self.highest / self.lowest).ln()
        } else {
            frequency / self.highest
        }
    }

    /// A rate of some hertz has no octaves to show.
    fn is_logarithmic(&self) -> bool {
        self.lowest > 0.0 && self.highest > self.lowest * 2.0
    }

    fn ticks(&self) -> Vec<f64> {
        let mut ticks = if self.is_logarithmic() {
            let decades = (0..6).map(|exponent| 10f64.powi(exponent));
            decades.flat_map(|decade| [1.0, 2.0, 5.0].map(|digit| digit * decade)).collect()
        } else {
            let step = nice(self.highest / 6.0, &[1.0, 2.0, 2.5, 5.0, 10.0], 10.0);
            (0..20).map(|index| f64::from(index) * step).collect::<Vec<_>>()
        };
        ticks.retain(|tick| (0.0..=1.0).contains(&self.height(*tick)));
        ticks
    }
}

/// The first step of a scale that is not below `least`: one of `digits` times a power of `base`.
fn nice(least: f64, digits: &[f64], base: f64) -> f64 {
    let power = base.powf(least.max(1e-9).log(base).floor());
    digits.iter().map(|digit| digit * power).find(|step| *step >= least * 0.999).unwrap_or(base * power)
}

/// Everything but the samples that a picture tells.
pub(super) struct Drawing {
    pub(super) name: String,
    pub(super) spec: SampleSpec,
    pub(super) map: Option<ChannelMap>,
    /// The frame at the left edge.
    pub(super) start: u64,
    pub(super) scale: Scale,
    /// Decibels from full scale to black.
    pub(super) range: f32,
    pub(super) width: usize,
}

impl Drawing {
    pub(super) fn draw(&self, analysis: &Analysis, canvas: &mut dyn Canvas) {
        self.heading(analysis, canvas);
        let mut top = TOP;
        for (index, channel) in analysis.channels.iter().enumerate() {
            self.channel_name(index, channel, top, canvas);
            self.waveform(channel, analysis, top, canvas);
            top += WAVE_HEIGHT + GAP;
            self.spectrogram(channel, analysis, top, canvas);
            self.colours(top, canvas);
            top += SPECTROGRAM_HEIGHT + CHANNEL_GAP;
        }
        self.time_axis(analysis, top - CHANNEL_GAP, canvas);
    }

    fn heading(&self, analysis: &Analysis, canvas: &mut dyn Canvas) {
        let shown = letters(&self.name, (self.width - LEFT) / 12);
        canvas.text(LEFT, 16, Anchor::Start, true, &shown);
        let length = self.spec.frames_to_usec(analysis.frames) as f64 / 1e6;
        let length = if length < 60.0 {
            format!("{length:.3} s")
        } else {
            time::clock(Duration::from_secs_f64(length))
        };
        let channels = if self.spec.channels == 1 { "" } else { "s" };
        let text = format!(
            "{length}, {} Hz, {} channel{channels}, {}",
            self.spec.rate, self.spec.channels, self.spec.format
        );
        canvas.text(self.width - RIGHT, 38, Anchor::End, false, &text);
    }

    fn channel_name(&self, index: usize, channel: &Channel, top: usize, canvas: &mut dyn Canvas) {
        let position = self.map.as_ref().and_then(|map| map.as_slice().get(index));
        let name =
            position.map_or_else(|| format!("channel {}", index + 1), |position| position.name().to_owned());
        let total = channel.total();
        let text = format!("{name}: peak {}, RMS {}", decibels(total.peak()), decibels(total.rms()));
        canvas.text(LEFT, top - 13, Anchor::Start, false, &text);
    }

    fn waveform(&self, channel: &Channel, analysis: &Analysis, top: usize, canvas: &mut dyn Canvas) {
        let width = plot_width(self.width);
        canvas.rectangle(LEFT, top, width, WAVE_HEIGHT, PANEL);
        let y = |sample: f32| top as f32 + (1.0 - sample.clamp(-1.0, 1.0)) / 2.0 * WAVE_HEIGHT as f32;
        for (level, label) in [(1.0, "0 dB"), (0.5, "-6 dB"), (0.0, ""), (-0.5, "-6 dB"), (-1.0, "0 dB")] {
            let line = (y(level) as usize).min(top + WAVE_HEIGHT - 1);
            canvas.rectangle(LEFT, line, width, 1, GRID);
            canvas.rectangle(LEFT - TICK, line, TICK, 1, AXIS);
            canvas.text(LEFT - 2 * TICK, line, Anchor::End, false, label);
        }
        let columns = self.columns(&channel.waves, analysis, |sum: &mut Wave, wave| *sum = sum.merged(*wave));
        // Even silence is a line.
        let line = |high: f32, low: f32| (y(high).min(y(low) - 1.0), y(low));
        let each = |of: &dyn Fn(&Wave) -> Option<(f32, f32)>| {
            columns
                .iter()
                .map(|wave| wave.as_ref().filter(|wave| wave.samples > 0).and_then(of))
                .collect::<Vec<_>>()
        };
        canvas.columns(LEFT, &each(&|wave| Some(line(wave.high, wave.low))), WAVE);
        let rms = |wave: &Wave| {
            let rms = wave.rms();
            (rms > 0.0).then(|| line(rms.min(wave.high), (-rms).max(wave.low)))
        };
        canvas.columns(LEFT, &each(&|wave| rms(wave)), WAVE_RMS);
        // Integers reach full scale only in the negative.
        let full = 1.0 - 2f32.powi(1 - 8 * (self.spec.format.size().min(3) as i32));
        let clipped = |wave: &Wave| (wave.peak() >= full).then_some((top as f32, top as f32 + 4.0));
        canvas.columns(LEFT, &each(&clipped), CLIPPED);
    }

    fn spectrogram(&self, channel: &Channel, analysis: &Analysis, top: usize, canvas: &mut dyn Canvas) {
        let width = plot_width(self.width);
        let columns = self.columns(&channel.spectra, analysis, Spectrum::merge);
        let mut pixels = vec![LEVELS[0]; width * SPECTROGRAM_HEIGHT];
        for (x, column) in columns.iter().enumerate() {
            for (row, level) in column.iter().flat_map(Spectrum::decibels).enumerate() {
                if let Some(pixel) = pixels.get_mut((SPECTROGRAM_HEIGHT - 1 - row) * width + x) {
                    *pixel = colour(1.0 + level / self.range);
                }
            }
        }
        canvas.image(LEFT, top, width, &pixels);
        for frequency in self.scale.ticks() {
            let height = self.scale.height(frequency) * (SPECTROGRAM_HEIGHT - 1) as f64;
            let y = top + SPECTROGRAM_HEIGHT - 1 - height.round() as usize;
            canvas.rectangle(LEFT - TICK, y, TICK, 1, AXIS);
            let label = match frequency {
                1000.0.. => format!("{} kHz", frequency / 1000.0),
                _ => format!("{frequency} Hz"),
            };
            canvas.text(LEFT - 2 * TICK, y, Anchor::End, false, &label);
        }
    }

    /// What the colours mean.
    fn colours(&self, top: usize, canvas: &mut dyn Canvas) {
        let (left, width) = (self.width - RIGHT + 16, 14);
        let part = |row: usize| 1.0 - row as f32 / (SPECTROGRAM_HEIGHT - 1) as f32;
        let pixels = (0..SPECTROGRAM_HEIGHT).flat_map(|row| [colour(part(row)); 14]).collect::<Vec<_>>();
        canvas.image(left, top, width, &pixels);
        let step = nice(f64::from(self.range) / 6.0, &[1.0, 2.0, 5.0, 10.0], 10.0) as f32;
        let mut level = 0.0;
        while level <= self.range {
            let y = top + (level / self.range * (SPECTROGRAM_HEIGHT - 1) as f32).round() as usize;
            canvas.rectangle(left + width, y, TICK, 1, AXIS);
            canvas.text(left + width + 2 * TICK, y, Anchor::Start, false, &format!("{} dB", 0.0 - level));
            level += step;
        }
    }

    fn time_axis(&self, analysis: &Analysis, top: usize, canvas: &mut dyn Canvas) {
        let width = plot_width(self.width);
        let rate = f64::from(self.spec.rate);
        let (start, length) = (self.start as f64 / rate, analysis.frames as f64 / rate);
        canvas.rectangle(LEFT, top + 4, width, 1, AXIS);
        let least = length * 90.0 / width as f64;
        let step = if least < 1.0 {
            nice(least, &[1.0, 2.0, 5.0, 10.0], 10.0)
        } else {
            nice(least, &[1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0], 60.0)
        };
        let end = start + length;
        let digits = (-step.log10()).ceil().max(0.0) as usize;
        let mut index = (start / step - 1e-6).ceil().max(0.0);
        while index * step <= end * (1.0 + 1e-9) {
            let seconds = index * step;
            let x = LEFT + ((seconds - start) / length * (width - 1) as f64).round() as usize;
            canvas.rectangle(x, top + 4, 1, TICK, AXIS);
            let label = if end >= 60.0 && step >= 1.0 {
                time::clock(Duration::from_secs_f64(seconds.max(0.0)))
            } else {
                format!("{seconds:.digits$} s")
            };
            canvas.text(x, top + 24, Anchor::Middle, false, &label);
            index += 1.0;
        }
        canvas.text(LEFT + width / 2, top + 44, Anchor::Middle, false, "time");
    }

    /// What each column of pixels shows: several columns of the analysis as one, or one several times.
    fn columns<T: Clone + Default>(
        &self,
        columns: &[T],
        analysis: &Analysis,
        merge: impl Fn(&mut T, &T),
    ) -> Vec<Option<T>> {
        let width = plot_width(self.width);
        let at = |x: usize| x as f64 / width as f64 * analysis.frames as f64 / analysis.column as f64;
        let pixel = |x: usize| {
            let from = at(x) as usize;
            let to = (at(x + 1) as usize).max(from + 1).min(columns.len());
            let (first, others) = columns.get(from..to)?.split_first()?;
            let mut sum = first.clone();
            others.iter().for_each(|other| merge(&mut sum, other));
            Some(sum)
        };
        (0..width).map(pixel).collect()
    }
}

/// The colour of a level, 0 to 1.
fn colour(level: f32) -> Colour {
    let place = level.clamp(0.0, 1.0) * (LEVELS.len() - 1) as f32;
    let index = (place as usize).min(LEVELS.len() - 2);
    let part = place - index as f32;
    std::array::from_fn(|component| {
        let (low, high) = (f32::from(LEVELS[index][component]), f32::from(LEVELS[index + 1][component]));
        (low + (high - low) * part).round() as u8
    })
}

fn decibels(amplitude: f32) -> String {
    if amplitude > 0.0 { format!("{:.1} dB", 20.0 * amplitude.log10()) } else { "silence".to_owned() }
}

/// At most `count` letters.
fn letters(text: &str, count: usize) -> String {
    if text.chars().count() <= count {
        return text.to_owned();
    }
    text.chars().take(count.saturating_sub(3)).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_numbers() {
        assert_eq!(nice(3.1, &[1.0, 2.0, 5.0, 10.0], 10.0), 5.0);
        assert!((nice(0.011, &[1.0, 2.0, 5.0, 10.0], 10.0) - 0.02).abs() < 1e-9);
        assert_eq!(nice(61.0, &[1.0, 2.0, 5.0], 60.0), 120.0);
    }

    #[test]
    fn both_scales_lead_there_and_back() {
        for lowest in [0.0, 20.0] {
            let scale = Scale { lowest, highest: 24_000.0 };
            for frequency in [20.0, 1000.0, 24_000.0] {
                assert!((scale.frequency(scale.height(frequency)) - frequency).abs() < 1e-6);
            }
            assert!((5..=15).contains(&scale.ticks().len()), "{:?}", scale.ticks());
        }
        assert!(Scale { lowest: 20.0, highest: 4.0 }.ticks().len() > 1);
    }
}
