//! Signals: made, written and judged.

use std::f64::consts::TAU;

/// `frames` frames of a sequence that does not repeat, in a format that PulseAudio names so. The floats
/// are in -1..1; no frame is silent.
///
/// # Panics
/// For a format other than s16le, s24le, s32le and float32le.
pub fn noise(format: &str, channels: usize, frames: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Its upper bits are the good ones; the odd last bit keeps every sample from being zero.
        ((state >> 33) as u32) << 1 | 0x0101_0101
    };
    let mut bytes = Vec::new();
    for _ in 0..channels * frames {
        let word = next();
        match format {
            "s16le" => bytes.extend_from_slice(&((word >> 16) as u16).to_le_bytes()),
            "s24le" => bytes.extend_from_slice(&(word >> 8).to_le_bytes()[..3]),
            "s32le" => bytes.extend_from_slice(&word.to_le_bytes()),
            "float32le" => {
                let value = (word >> 8) as f32 / 8_388_608.0 - 1.0;
                bytes.extend_from_slice(&value.to_le_bytes());
            }
            other => panic!("no noise in {other}"),
        }
    }
    bytes
}

/// Bytes of one sample of a format.
///
/// # Panics
/// For a format that [`noise`] does not make.
pub fn width(format: &str) -> usize {
    match format {
        "s16le" => 2,
        "s24le" => 3,
        "s32le" | "float32le" => 4,
        other => panic!("no width of {other}"),
    }
}

/// A sine of `frequency` Hz in float32le, the same in each channel, faded in and out over 20 ms so that a
/// resampler's edges stay out of what is judged.
pub fn sine(frequency: f64, amplitude: f64, rate: u32, channels: usize, seconds: f64) -> Vec<u8> {
    let frames = (f64::from(rate) * seconds) as usize;
    let fade = f64::from(rate) * 0.02;
    let mut bytes = Vec::with_capacity(frames * channels * 4);
    for frame in 0..frames {
        let edge = (frame as f64 / fade).min((frames - frame) as f64 / fade).min(1.0);
        let value = amplitude * edge * (TAU * frequency * frame as f64 / f64::from(rate)).sin();
        for _ in 0..channels {
            bytes.extend_from_slice(&(value as f32).to_le_bytes());
        }
    }
    bytes
}

/// The constant `value` in every sample of float32le.
pub fn constant(value: f32, samples: usize) -> Vec<u8> {
    value.to_le_bytes().repeat(samples)
}

/// Float samples of one channel of interleaved float32le.
pub fn channel(bytes: &[u8], channels: usize, which: usize) -> Vec<f64> {
    bytes
        .chunks_exact(4 * channels)
        .map(|frame| {
            let at = which * 4;
            f64::from(f32::from_le_bytes([frame[at], frame[at + 1], frame[at + 2], frame[at + 3]]))
        })
        .collect()
}

/// A WAV file of float32le samples, which every player takes.
pub fn wav(samples: &[u8], rate: u32, channels: u16) -> Vec<u8> {
    let frame = 4 * channels;
    let mut format = Vec::new();
    format.extend_from_slice(&3_u16.to_le_bytes());
    format.extend_from_slice(&channels.to_le_bytes());
    format.extend_from_slice(&rate.to_le_bytes());
    format.extend_from_slice(&(rate * u32::from(frame)).to_le_bytes());
    format.extend_from_slice(&frame.to_le_bytes());
    format.extend_from_slice(&32_u16.to_le_bytes());
    let mut file = b"RIFF".to_vec();
    file.extend_from_slice(&(20 + format.len() as u32 + samples.len() as u32).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt ");
    file.extend_from_slice(&(format.len() as u32).to_le_bytes());
    file.extend_from_slice(&format);
    file.extend_from_slice(b"data");
    file.extend_from_slice(&(samples.len() as u32).to_le_bytes());
    file.extend_from_slice(samples);
    file
}

/// What fits a sine of `frequency` best in `samples`.
#[derive(Clone, Copy, Debug)]
pub struct Fit {
    /// Its amplitude.
    pub amplitude: f64,
    /// Everything else (distortion, noise, offset) relative to it, in dB.
    pub residue: f64,
}

/// Fits a sine of exactly `frequency` Hz by least squares, and measures what is left (THD+N).
pub fn fit_sine(samples: &[f64], frequency: f64, rate: u32) -> Fit {
    let step = TAU * frequency / f64::from(rate);
    let (mut ss, mut sc, mut cc, mut ys, mut yc) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (index, &sample) in samples.iter().enumerate() {
        let (sine, cosine) = (step * index as f64).sin_cos();
        ss += sine * sine;
        sc += sine * cosine;
        cc += cosine * cosine;
        ys += sample * sine;
        yc += sample * cosine;
    }
    let determinant = ss * cc - sc * sc;
    let a = (ys * cc - yc * sc) / determinant;
    let b = (yc * ss - ys * sc) / determinant;
    let (mut signal, mut rest) = (0.0, 0.0);
    for (index, &sample) in samples.iter().enumerate() {
        let (sine, cosine) = (step * index as f64).sin_cos();
        let fitted = a * sine + b * cosine;
        signal += fitted * fitted;
        rest += (sample - fitted) * (sample - fitted);
    }
    Fit { amplitude: a.hypot(b), residue: 10.0 * (rest / signal.max(f64::MIN_POSITIVE)).log10() }
}

/// The part of `samples` where its sound is: from the first to the last sample above `threshold`.
pub fn sounding(samples: &[f64], threshold: f64) -> &[f64] {
    let loud = |sample: &f64| sample.abs() > threshold;
    match (samples.iter().position(loud), samples.iter().rposition(loud)) {
        (Some(first), Some(last)) => &samples[first..=last],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clean_sine_fits_and_a_dirty_one_does_not() {
        let clean: Vec<f64> =
            (0..48_000).map(|n| 0.5 * (TAU * 1_000.0 * f64::from(n) / 48_000.0).cos()).collect();
        let fit = fit_sine(&clean, 1_000.0, 48_000);
        assert!((fit.amplitude - 0.5).abs() < 1e-9 && fit.residue < -200.0, "{fit:?}");
        let dirty: Vec<f64> =
            clean.iter().enumerate().map(|(n, s)| s + 0.0005 * (n as f64 * 0.7).sin()).collect();
        let fit = fit_sine(&dirty, 1_000.0, 48_000);
        assert!((-61.0..-59.0).contains(&fit.residue), "{fit:?}");
    }

    #[test]
    fn noise_does_not_repeat() {
        let bytes = noise("s16le", 2, 10_000, 1);
        let mut frames: Vec<&[u8]> = bytes.chunks(8).collect();
        frames.sort_unstable();
        let before = frames.len();
        frames.dedup();
        assert_eq!(frames.len(), before);
    }
}
