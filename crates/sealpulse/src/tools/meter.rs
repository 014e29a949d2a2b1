//! Levels, and a line on the terminal that shows them.

use std::io::{self, Write};

use ratatui::crossterm::terminal;
use sealpulse_spec::SampleSpec;

/// The quietest level that a bar shows, in dB.
const QUIETEST: f32 = -60.0;

/// The greatest magnitude of each channel in some frames; 1 is full scale.
pub(super) fn peaks(spec: SampleSpec, bytes: &[u8]) -> Vec<f32> {
    let mut samples = vec![0.0; bytes.len() / spec.format.size()];
    sealpulse_dsp::decode(spec.format, bytes, &mut samples);
    let mut peaks = vec![0.0f32; usize::from(spec.channels)];
    for frame in samples.chunks_exact(peaks.len().max(1)) {
        for (peak, sample) in peaks.iter_mut().zip(frame) {
            *peak = peak.max(sample.abs());
        }
    }
    peaks
}

/// An amplitude in dB, `-inf` for silence.
pub(super) fn decibels(amplitude: f32) -> String {
    if amplitude > 0.0 { format!("{:5.1} dB", 20.0 * amplitude.log10()) } else { " -inf dB".to_owned() }
}

/// A bar of `width` letters for an amplitude.
pub(super) fn bar(amplitude: f32, width: usize) -> String {
    let level = 20.0 * amplitude.max(1e-9).log10();
    share(f64::from(1.0 - level / QUIETEST), width)
}

/// A bar of `width` letters of which a share, 0 to 1, is filled.
pub(super) fn share(share: f64, width: usize) -> String {
    const PARTS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let eighths = (share.clamp(0.0, 1.0) * width as f64 * 8.0).round() as usize;
    let mut bar = "█".repeat(eighths / 8);
    if eighths / 8 < width {
        bar.push(PARTS[eighths % 8]);
        bar.extend(std::iter::repeat_n('·', width - eighths / 8 - 1));
    }
    bar
}

/// A line that is written again and again.
#[derive(Default)]
pub(super) struct Line {
    shown: bool,
}

impl Line {
    /// Columns of the terminal.
    pub(super) fn width() -> usize {
        terminal::size().map_or(80, |(columns, _)| usize::from(columns)).max(20)
    }

    /// Replaces the line.
    pub(super) fn show(&mut self, text: &str) {
        self.shown = true;
        let text: String =
            text.chars().filter(|letter| !letter.is_control()).take(Self::width() - 1).collect();
        write(&format!("\r{text}\x1b[K"));
    }

    /// Writes a line that stays, above this one.
    pub(super) fn say(&mut self, text: &str) {
        write(&format!("\r\x1b[K{}\r\n", text.replace('\n', "\r\n")));
    }

    /// Leaves the line as it is and goes to the next.
    pub(super) fn end(&mut self) {
        if std::mem::take(&mut self.shown) {
            write("\r\n");
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.end();
    }
}

fn write(text: &str) {
    // Nobody is there to be told that the terminal is gone.
    let _ = io::stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use sealpulse_spec::SampleFormat;

    use super::*;

    #[test]
    fn bars_have_their_width() {
        for level in [0.0, 0.001, 0.1, 0.5, 1.0, 5.0] {
            assert_eq!(bar(level, 20).chars().count(), 20, "{level}");
        }
        assert_eq!(bar(1.0, 3), "███");
        assert_eq!(share(0.5, 3), "█▌·");
    }

    #[test]
    fn peaks_are_of_each_channel() {
        let spec = SampleSpec { format: SampleFormat::S16Le, channels: 2, rate: 48_000 };
        let bytes = [0i16, -16_384, 8_192, 0].map(i16::to_le_bytes).concat();
        assert_eq!(peaks(spec, &bytes), [0.25, 0.5]);
    }
}
