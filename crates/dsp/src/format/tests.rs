use proptest::prelude::*;
use sealpulse_spec::SampleFormat;

use super::{decode, encode, scrub};

fn decoded(format: SampleFormat, bytes: &[u8]) -> Vec<f32> {
    let mut samples = vec![9.0; bytes.len() / format.size()];
    decode(format, bytes, &mut samples);
    samples
}

fn encoded(format: SampleFormat, samples: &[f32]) -> Vec<u8> {
    let mut bytes = vec![9; samples.len() * format.size()];
    encode(format, samples, &mut bytes);
    bytes
}

/// The integer of one sample of a linear integer format, full scale at 2³¹.
fn integer(format: SampleFormat, bytes: &[u8]) -> i32 {
    match format {
        SampleFormat::U8 => (i32::from(bytes[0]) - 128) << 24,
        SampleFormat::S16Le => i32::from(i16::from_le_bytes([bytes[0], bytes[1]])) << 16,
        SampleFormat::S16Be => i32::from(i16::from_be_bytes([bytes[0], bytes[1]])) << 16,
        SampleFormat::S24Le => i32::from_le_bytes([0, bytes[0], bytes[1], bytes[2]]),
        SampleFormat::S24Be => i32::from_be_bytes([bytes[0], bytes[1], bytes[2], 0]),
        SampleFormat::S24In32Le => i32::from_le_bytes(bytes.try_into().unwrap()) << 8,
        SampleFormat::S24In32Be => i32::from_be_bytes(bytes.try_into().unwrap()) << 8,
        SampleFormat::S32Le => i32::from_le_bytes(bytes.try_into().unwrap()),
        SampleFormat::S32Be => i32::from_be_bytes(bytes.try_into().unwrap()),
        _ => panic!("not a linear integer format"),
    }
}

fn bits(format: SampleFormat) -> u32 {
    match format {
        SampleFormat::S24In32Le | SampleFormat::S24In32Be => 24,
        _ => format.size() as u32 * 8,
    }
}

const LINEAR: [SampleFormat; 9] = [
    SampleFormat::U8,
    SampleFormat::S16Le,
    SampleFormat::S16Be,
    SampleFormat::S24Le,
    SampleFormat::S24Be,
    SampleFormat::S24In32Le,
    SampleFormat::S24In32Be,
    SampleFormat::S32Le,
    SampleFormat::S32Be,
];

#[test]
fn every_value_of_up_to_24_bits_comes_back() {
    for format in LINEAR.into_iter().filter(|&format| bits(format) <= 24) {
        let unused = format.size() as u32 * 8 - bits(format);
        let big = matches!(format, SampleFormat::S16Be | SampleFormat::S24Be | SampleFormat::S24In32Be);
        let mut bytes = Vec::new();
        for value in (0..1_u32 << bits(format)).step_by(if bits(format) == 24 { 7 } else { 1 }) {
            match (format.size(), big) {
                (size, false) => bytes.extend(&value.to_le_bytes()[..size]),
                (size, true) => bytes.extend(&value.to_be_bytes()[4 - size..]),
            }
        }
        assert!(unused == 0 || unused == 8);
        assert!(encoded(format, &decoded(format, &bytes)) == bytes, "{format}");
    }
}

#[test]
fn every_companded_code_comes_back() {
    let codes: Vec<u8> = (0..=255).collect();
    for format in [SampleFormat::Alaw, SampleFormat::Ulaw] {
        assert_eq!(encoded(format, &decoded(format, &codes)), codes, "{format}");
    }
}

#[test]
fn companded_samples_are_those_of_g711() {
    // Least, greatest and silent codes of each sign, as 16 bit samples.
    let alaw = [(0xd5, 8), (0x55, -8), (0xaa, 32_256), (0x2a, -32_256), (0xc5, 264)];
    let ulaw = [(0xff, 0), (0x7f, 0), (0x80, 32_124), (0x00, -32_124), (0xfe, 8)];
    for (format, codes) in [(SampleFormat::Alaw, alaw), (SampleFormat::Ulaw, ulaw)] {
        for (code, sample) in codes {
            assert_eq!(decoded(format, &[code])[0] * 32_768.0, sample as f32, "{format} {code:#x}");
        }
    }
}

#[test]
fn companding_stays_within_half_a_step() {
    for format in [SampleFormat::Alaw, SampleFormat::Ulaw] {
        for sample in (i16::MIN..=i16::MAX).map(|sample| f32::from(sample) / 32_768.0) {
            let error = (decoded(format, &encoded(format, &[sample]))[0] - sample).abs();
            // A step is at most 1/16 of the magnitude, and 16 near silence.
            assert!(error <= sample.abs() / 32.0 + 8.0 / 32_768.0, "{format} {sample}: {error}");
        }
    }
}

#[test]
fn silence_is_silence() {
    for format in SampleFormat::ALL {
        let bytes = vec![format.silence_byte(); format.size()];
        assert_eq!(encoded(format, &[0.0]), bytes, "{format}");
        assert!(decoded(format, &bytes)[0].abs() <= 8.0 / 32_768.0, "{format}");
    }
}

#[test]
fn overloads_saturate() {
    for format in LINEAR {
        let least = i32::MIN;
        let greatest = i32::MAX >> (32 - bits(format)) << (32 - bits(format));
        for (sample, value) in [
            (1.0, greatest),
            (1.5, greatest),
            (f32::MAX, greatest),
            (f32::INFINITY, greatest),
            (-1.0, least),
            (-1.0001, least),
            (f32::MIN, least),
            (f32::NEG_INFINITY, least),
            (f32::NAN, 0),
        ] {
            assert_eq!(integer(format, &encoded(format, &[sample])), value, "{format} {sample}");
        }
    }
    for format in [SampleFormat::Alaw, SampleFormat::Ulaw] {
        assert_eq!(encoded(format, &[1e9]), encoded(format, &[1.0]));
        assert_eq!(encoded(format, &[-1e9]), encoded(format, &[-1.0]));
        assert!(decoded(format, &encoded(format, &[2.0]))[0] > 0.98);
    }
}

#[test]
fn what_is_not_finite_is_silence() {
    for value in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::from_bits(0x7f80_0001)] {
        for (format, bytes) in
            [(SampleFormat::F32Le, value.to_le_bytes()), (SampleFormat::F32Be, value.to_be_bytes())]
        {
            assert_eq!(decoded(format, &bytes)[0].to_bits(), 0);
            assert_eq!(encoded(format, &[value]), [0; 4]);
            let mut scrubbed = bytes;
            scrub(format, &mut scrubbed);
            assert_eq!(scrubbed, [0; 4]);
        }
    }
}

proptest! {
    #[test]
    fn rounding_takes_the_nearest(sample in -1.1_f32..1.1) {
        for format in LINEAR {
            let scale = f64::from(1_u32 << (bits(format) - 1));
            let wanted = (f64::from(sample) * scale).round_ties_even().clamp(-scale, scale - 1.0);
            let value = integer(format, &encoded(format, &[sample])) >> (32 - bits(format));
            prop_assert_eq!(f64::from(value), wanted, "{}", format);
        }
    }

    #[test]
    fn finite_floats_stay_to_the_bit(bits in any::<u32>()) {
        let bits = if f32::from_bits(bits).is_finite() { bits } else { bits & 0x807f_ffff };
        for (format, bytes) in
            [(SampleFormat::F32Le, bits.to_le_bytes()), (SampleFormat::F32Be, bits.to_be_bytes())]
        {
            prop_assert_eq!(encoded(format, &decoded(format, &bytes)), bytes);
            let mut scrubbed = bytes;
            scrub(format, &mut scrubbed);
            prop_assert_eq!(scrubbed, bytes);
        }
    }

    #[test]
    fn any_bytes_decode_to_finite_samples(bytes in prop::collection::vec(any::<u8>(), 96)) {
        for format in SampleFormat::ALL {
            let samples = decoded(format, &bytes);
            prop_assert!(samples.iter().all(|sample| sample.is_finite()));
            if format != SampleFormat::F32Le && format != SampleFormat::F32Be {
                prop_assert!(samples.iter().all(|sample| (-1.0..=1.0).contains(sample)));
                let mut scrubbed = bytes.clone();
                scrub(format, &mut scrubbed);
                prop_assert_eq!(&scrubbed, &bytes);
            }
        }
    }

    #[test]
    fn s32_is_good_to_24_bits(value in any::<i32>()) {
        let back = integer(SampleFormat::S32Le, &encoded(SampleFormat::S32Le, &decoded(SampleFormat::S32Le, &value.to_le_bytes())));
        let error = (i64::from(back) - i64::from(value)).abs();
        prop_assert!(error <= i64::from(value.unsigned_abs() >> 24) + 1);
    }
}
