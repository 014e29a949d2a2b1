use std::f64::consts::PI;

use proptest::prelude::*;

use super::Resampler;

/// `frames` frames of a mono sum of sines of this amplitude each.
fn tones(rate: u32, frames: usize, tones: &[f64], amplitude: f64) -> Vec<f32> {
    (0..frames)
        .map(|n| {
            let turn = 2.0 * PI * n as f64 / f64::from(rate);
            let sum: f64 = tones.iter().map(|tone| (turn * tone).sin()).sum();
            (sum * amplitude) as f32
        })
        .collect()
}

/// All of a mono signal, in one call.
fn converted(resampler: &mut Resampler, input: &[f32]) -> Vec<f32> {
    let mut output = vec![0.0; resampler.output_ready(input.len())];
    assert_eq!(resampler.push(input, &mut output), output.len());
    output
}

/// Amplitude of a tone within samples, by least squares, and the samples without it.
fn take_tone(rate: u32, tone: f64, samples: &[f64]) -> (f64, Vec<f64>) {
    let turn = 2.0 * PI * tone / f64::from(rate);
    let (mut ss, mut cc, mut sc, mut xs, mut xc) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (n, x) in samples.iter().enumerate() {
        let (sin, cos) = (turn * n as f64).sin_cos();
        ss += sin * sin;
        cc += cos * cos;
        sc += sin * cos;
        xs += x * sin;
        xc += x * cos;
    }
    let determinant = ss * cc - sc * sc;
    let (a, b) = ((xs * cc - xc * sc) / determinant, (xc * ss - xs * sc) / determinant);
    let rest = samples.iter().enumerate().map(|(n, x)| {
        let (sin, cos) = (turn * n as f64).sin_cos();
        x - a * sin - b * cos
    });
    (a.hypot(b), rest.collect())
}

fn decibels(ratio: f64) -> f64 {
    20.0 * ratio.log10()
}

fn rms(samples: &[f64]) -> f64 {
    (samples.iter().map(|x| x * x).sum::<f64>() / samples.len() as f64).sqrt()
}

/// Without what the filter does at the beginning, as `f64`.
fn settled(resampler: &Resampler, output: &[f32]) -> Vec<f64> {
    let (from, to) = resampler.rates();
    let skip = (2.0 * resampler.delay_frames() * f64::from(to) / f64::from(from)).ceil() as usize + 16;
    output[skip..].iter().copied().map(f64::from).collect()
}

/// Everything but the tone relative to it, in dB, and the tone's amplitude.
fn distortion(mut resampler: Resampler, tone: f64, amplitude: f64) -> (f64, f64) {
    let (from, to) = resampler.rates();
    let input = tones(from, from as usize / 2, &[tone], amplitude);
    let output = converted(&mut resampler, &input);
    let (found, rest) = take_tone(to, tone, &settled(&resampler, &output));
    (decibels(rms(&rest) / (found / 2.0_f64.sqrt())), found)
}

const RATES: [(u32, u32); 10] = [
    (44_100, 48_000),
    (48_000, 44_100),
    (8_000, 48_000),
    (48_000, 8_000),
    (96_000, 44_100),
    (44_100, 192_000),
    (22_050, 44_100),
    (48_000, 24_000),
    (11_025, 48_000),
    (44_100, 48_001),
];

#[test]
fn a_sine_is_clean_both_ways() {
    for (from, to) in RATES {
        for (name, resampler) in
            [("fixed", Resampler::new(1, from, to)), ("variable", Resampler::variable(1, from, to))]
        {
            let (distortion, amplitude) = distortion(resampler, 1_000.0, 0.9);
            assert!(distortion <= -100.0, "{name} {from} to {to}: {distortion:.1} dB");
            assert!(decibels(amplitude / 0.9).abs() < 0.001, "{name} {from} to {to}: {amplitude}");
        }
    }
}

#[test]
fn there_and_back_is_clean() {
    let input = tones(44_100, 44_100, &[1_000.0], 0.9);
    let mut there = Resampler::new(1, 44_100, 48_000);
    let mut back = Resampler::new(1, 48_000, 44_100);
    let output = converted(&mut back, &converted(&mut there, &input));
    let output: Vec<f64> = output[1_000..].iter().copied().map(f64::from).collect();
    let (found, rest) = take_tone(44_100, 1_000.0, &output);
    let distortion = decibels(rms(&rest) / (found / 2.0_f64.sqrt()));
    assert!(distortion <= -100.0, "{distortion:.1} dB");
}

#[test]
fn the_passband_is_flat_to_20_khz() {
    for (from, to) in
        [(44_100, 48_000), (48_000, 44_100), (44_100, 96_000), (96_000, 44_100), (192_000, 48_000)]
    {
        for resampler in [Resampler::new(1, from, to), Resampler::variable(1, from, to)] {
            for tone in [20.0, 1_000.0, 5_000.0, 10_000.0, 15_000.0, 18_000.0, 19_000.0, 19_500.0, 20_000.0] {
                let (rest, amplitude) = distortion(resampler.clone(), tone, 0.5);
                let gain = decibels(amplitude / 0.5);
                assert!(gain.abs() <= 0.1, "{from} to {to}, {tone} Hz: {gain:.3} dB");
                assert!(rest <= -95.0, "{from} to {to}, {tone} Hz: images at {rest:.1} dB");
            }
        }
    }
}

#[test]
fn what_the_output_cannot_hold_is_gone() {
    for (from, to, tones_above) in [
        (48_000, 44_100, &[22_100.0, 23_000.0, 23_900.0][..]),
        (96_000, 44_100, &[22_100.0, 30_000.0, 47_000.0]),
        (48_000, 8_000, &[4_010.0, 5_000.0, 9_000.0, 23_000.0]),
        (192_000, 8_000, &[4_010.0, 16_100.0, 95_000.0]),
    ] {
        for mut resampler in [Resampler::new(1, from, to), Resampler::variable(1, from, to)] {
            for &tone in tones_above {
                resampler.reset();
                let output = converted(&mut resampler, &tones(from, from as usize / 4, &[tone], 1.0));
                let alias = decibels(rms(&settled(&resampler, &output)) * 2.0_f64.sqrt());
                assert!(alias <= -95.0, "{from} to {to}, {tone} Hz: {alias:.1} dB");
            }
        }
    }
}

#[test]
fn two_tones_do_not_intermodulate() {
    let input = tones(44_100, 44_100, &[18_000.0, 19_000.0], 0.45);
    let mut resampler = Resampler::new(1, 44_100, 48_000);
    let output = converted(&mut resampler, &input);
    let mut rest = settled(&resampler, &output);
    // Twice: the tones are not quite orthogonal over this many frames.
    for tone in [18_000.0, 19_000.0, 18_000.0, 19_000.0] {
        rest = take_tone(48_000, tone, &rest).1;
    }
    let distortion = decibels(rms(&rest) / 0.45);
    assert!(distortion <= -97.0, "{distortion:.1} dB");
}

#[test]
fn extreme_ratios_carry_sound() {
    for (from, to, tone) in [
        (1, 768_000, 0.25),
        (768_000, 1, 0.25),
        (768_000, 1_000, 100.0),
        (1_000, 768_000, 100.0),
        (768_000, 8_000, 1_000.0),
        (767_999, 48_000, 1_000.0),
    ] {
        let mut resampler = Resampler::new(1, from, to);
        let frames = ((resampler.delay_frames() as usize) * 3).max(from as usize / 4);
        let mut output = Vec::new();
        let mut tail = Vec::new();
        // In parts: a second at 1 Hz is long at 768 kHz.
        let mut done = 0;
        let wanted = resampler.output_ready(frames).min(600_000);
        while output.len() < wanted {
            let mut part = vec![0.0; (wanted - output.len()).min(4_096)];
            let needed = resampler.input_needed(part.len());
            tail.clear();
            tail.extend((done..done + needed).map(|n| {
                let turns = tone * n as f64 / f64::from(from);
                (2.0 * PI * turns.fract()).sin() as f32 * 0.5
            }));
            resampler.process(&tail, &mut part);
            done += needed;
            output.extend(part);
        }
        let peak = output.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
        assert!((0.45..0.6).contains(&peak) || to > from * 1_000, "{from} to {to}: {peak}");
        assert!(output.iter().all(|x| x.is_finite()));
    }
}

#[test]
fn a_steady_level_stays() {
    for (from, to) in [(44_100, 48_000), (48_000, 44_100), (8_000, 48_000), (44_100, 48_001), (768_000, 100)]
    {
        let mut resampler = Resampler::new(1, from, to);
        let frames = resampler.delay_frames() as usize * 3 + 10_000;
        let output = converted(&mut resampler, &vec![0.5; frames]);
        for sample in settled(&resampler, &output) {
            assert!((sample - 0.5).abs() < 1e-5, "{from} to {to}: {sample}");
        }
    }
}

#[test]
fn an_impulse_comes_out_after_the_delay() {
    for (from, to) in
        [(44_100, 48_000), (48_000, 44_100), (48_000, 96_000), (96_000, 48_000), (44_100, 8_000)]
    {
        for mut resampler in [Resampler::new(1, from, to), Resampler::variable(1, from, to)] {
            let at = 1_000;
            let mut input = vec![0.0; 6_000];
            input[at] = 1.0;
            let output = converted(&mut resampler, &input);
            let (mut weight, mut moment) = (0.0, 0.0);
            for (n, x) in output.iter().copied().map(f64::from).enumerate() {
                weight += x;
                moment += x * n as f64;
            }
            let found = moment / weight * f64::from(from) / f64::from(to);
            let wanted = at as f64 + resampler.delay_frames();
            assert!((found - wanted).abs() < 0.02, "{from} to {to}: at {found} instead of {wanted}");
        }
    }
}

#[test]
fn equal_rates_pass_through() {
    let mut resampler = Resampler::new(2, 48_000, 48_000);
    assert!(resampler.is_identity());
    assert_eq!(resampler.delay_frames(), 0.0);
    let input = tones(48_000, 960, &[997.0], 1.0);
    let mut output = vec![0.0; 960];
    assert_eq!(resampler.input_needed(480), 480);
    resampler.process(&input, &mut output);
    assert_eq!(input, output);
}

#[test]
fn a_second_takes_a_second() {
    for (from, to) in RATES {
        let mut resampler = Resampler::new(1, from, to);
        let mut taken = 0;
        for frames in [1, 0, 100, 1, 7, 96_000, 44_100].into_iter().chain([480].repeat(600)) {
            let needed = resampler.input_needed(frames);
            taken += needed;
            resampler.process(&vec![0.0; needed], &mut vec![0.0; frames]);
        }
        let given: u64 = 1 + 100 + 1 + 7 + 96_000 + 44_100 + 480 * 600;
        assert_eq!(taken as u64, (given * u64::from(from)).div_ceil(u64::from(to)));
    }
}

#[test]
fn channels_do_not_touch() {
    for channels in [1, 2, 3, 6, 8, 32] {
        let left = tones(44_100, 2_000, &[440.0], 0.5);
        let mut alone = Resampler::new(1, 44_100, 48_000);
        let wanted = converted(&mut alone, &left);
        for channel in [0, channels - 1] {
            let mut input = vec![0.0; left.len() * channels];
            for (frame, sample) in input.chunks_exact_mut(channels).zip(&left) {
                frame[channel] = *sample;
            }
            let mut resampler = Resampler::new(channels, 44_100, 48_000);
            let mut output = vec![9.0; wanted.len() * channels];
            assert_eq!(resampler.push(&input, &mut output), wanted.len());
            for (frame, sample) in output.chunks_exact(channels).zip(&wanted) {
                for (number, value) in frame.iter().enumerate() {
                    assert_eq!(*value, if number == channel { *sample } else { 0.0 });
                }
            }
        }
    }
}

#[test]
fn a_moving_rate_does_not_click() {
    // A slow tone has no edges: none may appear where the rate changes.
    for (mut resampler, name) in [
        (Resampler::variable(1, 48_000, 48_000), "variable"),
        (Resampler::variable(1, 44_100, 48_000), "variable"),
        (Resampler::new(1, 44_100, 48_000), "fixed"),
        (Resampler::variable(1, 96_000, 48_000), "variable, down"),
    ] {
        let (base, _) = resampler.rates();
        let tone = 200.0;
        let mut taken = 0;
        let mut output = Vec::new();
        for step in 0..200_u32 {
            let offset = [0, 5, 13, 48, 400, 4_000, 100][step as usize % 7];
            resampler.set_rate(base + offset);
            let needed = resampler.input_needed(97);
            let input: Vec<f32> = (taken..taken + needed)
                .map(|n| (2.0 * PI * tone * n as f64 / f64::from(base)).sin() as f32)
                .collect();
            taken += needed;
            let mut part = vec![0.0; 97];
            resampler.process(&input, &mut part);
            output.extend(part);
        }
        let skip = 400;
        let edge = output[skip..]
            .windows(4)
            .map(|x| (x[3] - 3.0 * x[2] + 3.0 * x[1] - x[0]).abs())
            .fold(0.0_f32, f32::max);
        // The third difference of the tone itself, and of the speed's steps of up to 9 %.
        assert!(edge < 0.004, "{name} {base}: {edge}");
    }
}

#[test]
fn a_rate_moved_far_still_holds_back_aliases() {
    let mut resampler = Resampler::variable(1, 48_000, 48_000);
    resampler.set_rate(96_000);
    let output = converted(&mut resampler, &tones(96_000, 48_000, &[30_000.0], 1.0));
    let alias = decibels(rms(&settled(&resampler, &output)) * 2.0_f64.sqrt());
    assert!(alias <= -95.0, "{alias:.1} dB");
    let mut resampler = Resampler::new(1, 44_100, 48_000);
    resampler.set_rate(44_000);
    let (distortion, _) = distortion(resampler, 1_000.0, 0.9);
    assert!(distortion <= -100.0, "{distortion:.1} dB");
}

#[test]
fn hostile_rates_and_sizes_are_survived() {
    let mut resampler = Resampler::new(0, 0, u32::MAX);
    assert_eq!(resampler.rates(), (1, 768_000));
    assert_eq!(resampler.channels(), 1);
    resampler.set_rates(768_000, 1);
    for frames in [0, 1, 3] {
        let needed = resampler.input_needed(frames);
        resampler.process(&vec![0.1; needed], &mut vec![0.0; frames]);
    }
    // Input beyond what output can take is dropped, oldest first.
    let mut resampler = Resampler::new(2, 44_100, 48_000);
    assert_eq!(resampler.push(&vec![0.5; 100_000], &mut [0.0; 6]), 3);
    let needed = resampler.input_needed(1_000);
    resampler.process(&vec![0.5; needed * 2], &mut vec![0.0; 2_000]);
}

/// Ratios of every kind: exact, interpolated, averaged, and moved.
fn any_resampler() -> impl Strategy<Value = Resampler> {
    let rates = prop_oneof![
        Just((44_100, 48_000)),
        Just((48_000, 44_100)),
        Just((44_100, 48_001)),
        Just((8_000, 48_000)),
        Just((96_000, 8_000)),
        Just((48_000, 150)),
        Just((3, 1_000)),
        (1_u32..2_000, 1_u32..2_000),
    ];
    (rates, 1_usize..=3, any::<bool>(), prop_oneof![Just(0), 0_u32..50]).prop_map(
        |((from, to), channels, variable, moved)| {
            let mut resampler = match variable {
                true => Resampler::variable(channels, from, to),
                false => Resampler::new(channels, from, to),
            };
            if moved > 0 {
                resampler.set_rate(from + moved);
            }
            resampler
        },
    )
}

fn noise(samples: usize) -> Vec<f32> {
    let mut state = 1_u32;
    (0..samples)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 8_388_608.0 - 1.0
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn cutting_into_calls_changes_nothing(
        resampler in any_resampler(),
        cuts in prop::collection::vec(prop_oneof![0_usize..4, 0_usize..300, Just(2_500)], 1..12),
    ) {
        let (mut whole, mut parts) = (resampler.clone(), resampler);
        let channels = whole.channels();
        let frames: usize = cuts.iter().sum();
        let input = noise(whole.input_needed(frames) * channels);
        let mut wanted = vec![0.0; frames * channels];
        whole.process(&input, &mut wanted);
        let mut rest = &input[..];
        let mut found = Vec::new();
        for cut in cuts {
            let (now, later) = rest.split_at(parts.input_needed(cut) * channels);
            let mut part = vec![0.0; cut * channels];
            parts.process(now, &mut part);
            found.extend(part);
            rest = later;
        }
        prop_assert!(rest.is_empty());
        prop_assert!(wanted == found);
    }

    #[test]
    fn pushing_and_pulling_are_the_same(
        resampler in any_resampler(),
        cuts in prop::collection::vec(prop_oneof![0_usize..4, 0_usize..300, Just(2_500)], 1..12),
    ) {
        let (mut pulled, mut pushed) = (resampler.clone(), resampler);
        let channels = pulled.channels();
        let input = noise(cuts.iter().sum::<usize>() * channels);
        let mut rest = &input[..];
        let mut found = Vec::new();
        for cut in cuts {
            let (now, later) = rest.split_at(cut * channels);
            let mut part = vec![0.0; pushed.output_ready(cut) * channels];
            prop_assert_eq!(pushed.push(now, &mut part) * channels, part.len());
            found.extend(part);
            rest = later;
        }
        let mut wanted = vec![0.0; found.len()];
        let needed = pulled.input_needed(found.len() / channels) * channels;
        prop_assert!(needed <= input.len());
        pulled.process(&input[..needed], &mut wanted);
        prop_assert!(wanted == found);
        prop_assert_eq!(pulled.output_ready((input.len() - needed) / channels), 0);
    }

    #[test]
    fn what_is_rewound_comes_out_again(
        resampler in any_resampler(),
        before in 0_usize..2_000,
        again in 0_usize..500,
    ) {
        let mut resampler = resampler;
        let channels = resampler.channels();
        let frames = before + again;
        let input = noise(resampler.input_needed(frames) * channels);
        let mut wanted = vec![0.0; frames * channels];
        resampler.process(&input, &mut wanted);
        let back = resampler.input_rewound(again) * channels;
        prop_assert!(back <= input.len());
        let (history, replay) = input.split_at(input.len() - back);
        let longest = resampler.history_frames() * channels;
        resampler.rewind(again, &history[history.len().saturating_sub(longest)..]);
        prop_assert_eq!(resampler.input_needed(again) * channels, replay.len());
        let mut found = vec![0.0; again * channels];
        resampler.process(replay, &mut found);
        prop_assert!(wanted[before * channels..] == found);
    }
}
