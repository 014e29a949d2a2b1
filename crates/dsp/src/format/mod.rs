//! From and to the sample formats.

mod g711;
#[cfg(test)]
mod tests;

use sealpulse_spec::SampleFormat;

/// Samples of `format` as `f32`.
///
/// Exact for every integer format of up to 24 bits and the companded ones; of 32 bit integers the upper 24
/// significant bits are kept. NaN and infinity become 0. `input` holds `output.len()` samples.
pub fn decode(format: SampleFormat, input: &[u8], output: &mut [f32]) {
    debug_assert_eq!(input.len(), output.len() * format.size());
    match format {
        SampleFormat::U8 => decode_each(input, output, |[byte]| (f32::from(byte) - 128.0) / 128.0),
        SampleFormat::Alaw => decode_each(input, output, |[code]| g711::ALAW[usize::from(code)]),
        SampleFormat::Ulaw => decode_each(input, output, |[code]| g711::ULAW[usize::from(code)]),
        SampleFormat::S16Le => decode_each(input, output, |b| f32::from(i16::from_le_bytes(b)) / 32_768.0),
        SampleFormat::S16Be => decode_each(input, output, |b| f32::from(i16::from_be_bytes(b)) / 32_768.0),
        SampleFormat::F32Le => decode_each(input, output, |b| finite(u32::from_le_bytes(b))),
        SampleFormat::F32Be => decode_each(input, output, |b| finite(u32::from_be_bytes(b))),
        SampleFormat::S32Le => decode_each(input, output, |b| from_s32(i32::from_le_bytes(b))),
        SampleFormat::S32Be => decode_each(input, output, |b| from_s32(i32::from_be_bytes(b))),
        SampleFormat::S24Le => {
            decode_each(input, output, |[a, b, c]| from_s32(i32::from_le_bytes([0, a, b, c])))
        }
        SampleFormat::S24Be => {
            decode_each(input, output, |[a, b, c]| from_s32(i32::from_be_bytes([a, b, c, 0])))
        }
        SampleFormat::S24In32Le => decode_each(input, output, |b| from_s32(i32::from_le_bytes(b) << 8)),
        SampleFormat::S24In32Be => decode_each(input, output, |b| from_s32(i32::from_be_bytes(b) << 8)),
    }
}

/// Samples as `format`, rounded to the nearest (ties to even) and saturated; NaN becomes silence.
///
/// Of the float formats, which have no full scale, infinity becomes silence too. The unused byte of the 24 in 32
/// bit formats is 0, as PulseAudio writes it. `output` has room for `input.len()` samples.
pub fn encode(format: SampleFormat, input: &[f32], output: &mut [u8]) {
    debug_assert_eq!(output.len(), input.len() * format.size());
    match format {
        SampleFormat::U8 => encode_each(input, output, |x| [(to_small_integer(x, 128.0) + 128) as u8]),
        SampleFormat::Alaw => encode_each(input, output, |x| [g711::to_alaw(to_s16(x))]),
        SampleFormat::Ulaw => {
            encode_each(input, output, |x| [g711::to_ulaw(to_s16(x), x.is_sign_negative())])
        }
        SampleFormat::S16Le => encode_each(input, output, |x| to_s16(x).to_le_bytes()),
        SampleFormat::S16Be => encode_each(input, output, |x| to_s16(x).to_be_bytes()),
        SampleFormat::F32Le => encode_each(input, output, |x| finite(x.to_bits()).to_le_bytes()),
        SampleFormat::F32Be => encode_each(input, output, |x| finite(x.to_bits()).to_be_bytes()),
        SampleFormat::S32Le => encode_each(input, output, |x| to_integer(x, 2_147_483_648.0).to_le_bytes()),
        SampleFormat::S32Be => encode_each(input, output, |x| to_integer(x, 2_147_483_648.0).to_be_bytes()),
        SampleFormat::S24Le => encode_each(input, output, |x| {
            let [a, b, c, _] = to_s24(x).to_le_bytes();
            [a, b, c]
        }),
        SampleFormat::S24Be => encode_each(input, output, |x| {
            let [_, a, b, c] = to_s24(x).to_be_bytes();
            [a, b, c]
        }),
        SampleFormat::S24In32Le => encode_each(input, output, |x| (to_s24(x) & 0xff_ffff).to_le_bytes()),
        SampleFormat::S24In32Be => encode_each(input, output, |x| (to_s24(x) & 0xff_ffff).to_be_bytes()),
    }
}

/// Turns NaN and infinity into silence in place; formats that cannot hold them stay as they are.
///
/// For the path where a block goes to the device without a conversion.
pub fn scrub(format: SampleFormat, bytes: &mut [u8]) {
    let (samples, _) = bytes.as_chunks_mut();
    match format {
        SampleFormat::F32Le => {
            samples.iter_mut().for_each(|b| *b = finite(u32::from_le_bytes(*b)).to_le_bytes());
        }
        SampleFormat::F32Be => {
            samples.iter_mut().for_each(|b| *b = finite(u32::from_be_bytes(*b)).to_be_bytes());
        }
        _ => {}
    }
}

#[inline(always)]
fn decode_each<const N: usize>(input: &[u8], output: &mut [f32], sample: impl Fn([u8; N]) -> f32) {
    for (output, input) in output.iter_mut().zip(input.as_chunks().0) {
        *output = sample(*input);
    }
}

#[inline(always)]
fn encode_each<const N: usize>(input: &[f32], output: &mut [u8], bytes: impl Fn(f32) -> [u8; N]) {
    for (output, input) in output.as_chunks_mut().0.iter_mut().zip(input) {
        *output = bytes(*input);
    }
}

/// The float of these bits, 0 for NaN and infinity.
#[inline(always)]
fn finite(bits: u32) -> f32 {
    const EXPONENT: u32 = 0x7f80_0000;
    f32::from_bits(if bits & EXPONENT == EXPONENT { 0 } else { bits })
}

#[inline(always)]
fn from_s32(sample: i32) -> f32 {
    sample as f32 / 2_147_483_648.0
}

#[inline(always)]
fn to_s16(sample: f32) -> i16 {
    to_small_integer(sample, 32_768.0) as i16
}

#[inline(always)]
fn to_s24(sample: f32) -> i32 {
    to_integer(sample, 8_388_608.0)
}

/// `sample * full_scale` within `-full_scale..full_scale`, which is at most 2²².
///
/// Adding 1.5·2²³ leaves the rounded integer in the low bits: unlike a call of `round`, this vectorises on
/// every processor.
#[inline(always)]
fn to_small_integer(sample: f32, full_scale: f32) -> i32 {
    const SHIFT: f32 = 12_582_912.0;
    let sample = if sample.is_nan() { 0.0 } else { sample };
    let scaled = (sample * full_scale).clamp(-full_scale, full_scale - 1.0);
    (scaled + SHIFT).to_bits() as i32 - SHIFT.to_bits() as i32
}

/// The same for a full scale of up to 2³¹, in double precision.
#[inline(always)]
fn to_integer(sample: f32, full_scale: f64) -> i32 {
    const SHIFT: f64 = 6_755_399_441_055_744.0;
    let sample = if sample.is_nan() { 0.0 } else { f64::from(sample) };
    let scaled = (sample * full_scale).clamp(-full_scale, full_scale - 1.0);
    (scaled + SHIFT).to_bits() as i32
}
