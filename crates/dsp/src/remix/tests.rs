use proptest::prelude::*;
use sealpulse_spec::{CHANNELS_MAX, ChannelMap, ChannelPosition};

use super::{RemixMatrix, RemixOptions};

const DEFAULT: RemixOptions =
    RemixOptions { remix: true, by_index: false, fill_sink: true, produce_lfe: false, consume_lfe: false };

const STEREO: &str = "stereo";
const SURROUND_51: &str = "surround-51";
const SURROUND_71: &str = "surround-71";
const SIDE_51: &str = "front-left,front-right,side-left,side-right,front-center,lfe";

/// Rows as PulseAudio 16.1 has them, by output channel.
#[track_caller]
fn check(from: &str, to: &str, options: RemixOptions, rows: &[&[f32]]) {
    let matrix =
        RemixMatrix::new(&ChannelMap::parse(from).unwrap(), &ChannelMap::parse(to).unwrap(), options);
    assert_eq!(matrix.outputs(), rows.len());
    for (output, row) in rows.iter().enumerate() {
        assert_eq!(matrix.inputs(), row.len());
        for (input, wanted) in row.iter().enumerate() {
            let found = matrix.gain(output, input);
            assert!((found - wanted).abs() < 1e-6, "{from} to {to}: {output} hears {input} at {found}");
        }
    }
}

#[test]
fn mono_and_stereo() {
    check("mono", STEREO, DEFAULT, &[&[1.0], &[1.0]]);
    check(STEREO, "mono", DEFAULT, &[&[0.5, 0.5]]);
    check("front-center", STEREO, DEFAULT, &[&[0.5], &[0.5]]);
    check("aux0,aux1", STEREO, DEFAULT, &[&[0.0, 0.0], &[0.0, 0.0]]);
}

#[test]
fn upmixing() {
    let (l, r, both, none) = (&[1.0, 0.0][..], &[0.0, 1.0][..], &[0.5, 0.5][..], &[0.0, 0.0][..]);
    check(STEREO, SURROUND_51, DEFAULT, &[l, r, l, r, both, none]);
    check(STEREO, SURROUND_71, DEFAULT, &[l, r, l, r, both, none, l, r]);
    check(STEREO, SURROUND_51, RemixOptions { produce_lfe: true, ..DEFAULT }, &[l, r, l, r, both, both]);
    check(STEREO, SURROUND_51, RemixOptions { fill_sink: false, ..DEFAULT }, &[l, r, none, none, none, none]);
    check("mono", SURROUND_51, DEFAULT, &[&[1.0], &[1.0], &[1.0], &[1.0], &[1.0], &[0.0]]);
    check(
        "mono",
        SURROUND_51,
        RemixOptions { fill_sink: false, ..DEFAULT },
        &[&[0.0], &[0.0], &[0.0], &[0.0], &[1.0], &[0.0]],
    );
}

#[test]
fn downmixing() {
    let (front, rear, center) = (0.620_689_6, 0.068_965_52, 0.310_344_8);
    check(
        SURROUND_51,
        STEREO,
        DEFAULT,
        &[&[front, 0.0, rear, 0.0, center, 0.0], &[0.0, front, 0.0, rear, center, 0.0]],
    );
    let half = rear / 2.0;
    check(
        SURROUND_71,
        STEREO,
        DEFAULT,
        &[&[front, 0.0, half, 0.0, center, 0.0, half, 0.0], &[0.0, front, 0.0, half, center, 0.0, 0.0, half]],
    );
    check(
        SURROUND_51,
        STEREO,
        RemixOptions { consume_lfe: true, ..DEFAULT },
        &[
            &[0.503_496_5, 0.0, 0.055_944_055, 0.0, 0.251_748_23, 0.188_811_18],
            &[0.0, 0.503_496_5, 0.0, 0.055_944_055, 0.251_748_23, 0.188_811_18],
        ],
    );
    check(SURROUND_51, "mono", DEFAULT, &[&[1.0 / 6.0; 6]]);
    check(SURROUND_71, "mono", DEFAULT, &[&[0.125; 8]]);
    check(
        "front-left,front-right,front-center,rear-center",
        STEREO,
        DEFAULT,
        &[&[2.0 / 3.0, 0.0, 1.0 / 6.0, 1.0 / 6.0], &[0.0, 2.0 / 3.0, 1.0 / 6.0, 1.0 / 6.0]],
    );
}

#[test]
fn surround_sets_among_themselves() {
    let row = |gains: &[(usize, f32)], channels: usize| {
        let mut row = vec![0.0; channels];
        gains.iter().for_each(|&(channel, gain)| row[channel] = gain);
        row
    };
    let rows: Vec<_> = (0..6)
        .map(|channel| match channel {
            0 | 2 => row(&[(channel, 0.9), (6, 0.1)], 8),
            1 | 3 => row(&[(channel, 0.9), (7, 0.1)], 8),
            _ => row(&[(channel, 1.0)], 8),
        })
        .collect();
    check(SURROUND_71, SURROUND_51, DEFAULT, &rows.iter().map(Vec::as_slice).collect::<Vec<_>>());

    let mut rows: Vec<_> = (0..6).map(|channel| row(&[(channel, 1.0)], 6)).collect();
    check(SIDE_51, SURROUND_51, DEFAULT, &rows.iter().map(Vec::as_slice).collect::<Vec<_>>());
    rows.push(row(&[(0, 0.5), (2, 0.5)], 6));
    rows.push(row(&[(1, 0.5), (3, 0.5)], 6));
    check(SURROUND_51, SURROUND_71, DEFAULT, &rows.iter().map(Vec::as_slice).collect::<Vec<_>>());
}

#[test]
fn without_remixing_or_remapping() {
    let (l, r, none) = (&[1.0, 0.0][..], &[0.0, 1.0][..], &[0.0, 0.0][..]);
    let no_remix = RemixOptions { remix: false, ..DEFAULT };
    check("mono", STEREO, no_remix, &[&[0.0], &[0.0]]);
    check(STEREO, "front-right,front-left,lfe", no_remix, &[r, l, none]);
    let no_remap = RemixOptions { by_index: true, ..DEFAULT };
    check(STEREO, "front-right,front-left,lfe", no_remap, &[l, r, none]);
    check("mono", STEREO, no_remap, &[&[1.0], &[0.0]]);
}

#[test]
fn equal_maps_are_the_identity() {
    for map in ["mono", STEREO, SURROUND_71, "mono,mono", "lfe,aux3"] {
        let map = ChannelMap::parse(map).unwrap();
        assert!(RemixMatrix::new(&map, &map, RemixOptions::default()).is_identity());
    }
    assert!(!RemixMatrix::new(&ChannelMap::stereo(), &ChannelMap::mono(), DEFAULT).is_identity());
}

#[test]
fn an_empty_map_does_nothing() {
    let empty = ChannelMap::from_slice(&[]).unwrap();
    let matrix = RemixMatrix::new(&empty, &ChannelMap::stereo(), DEFAULT);
    matrix.apply(&[], &mut []);
    assert_eq!(matrix.gain(0, 0), 0.0);
}

fn any_map() -> impl Strategy<Value = ChannelMap> {
    prop::collection::vec(0_u8..=50, 1..=usize::from(CHANNELS_MAX)).prop_map(|positions| {
        let positions: Vec<_> = positions.into_iter().filter_map(ChannelPosition::from_wire).collect();
        ChannelMap::from_slice(&positions).unwrap()
    })
}

fn any_options() -> impl Strategy<Value = RemixOptions> {
    any::<(bool, bool, bool, bool, bool)>().prop_map(
        |(remix, by_index, fill_sink, produce_lfe, consume_lfe)| RemixOptions {
            remix,
            by_index,
            fill_sink,
            produce_lfe,
            consume_lfe,
        },
    )
}

proptest! {
    #[test]
    fn remixing_never_clips(from in any_map(), to in any_map(), options in any_options()) {
        let matrix = RemixMatrix::new(&from, &to, options);
        for output in 0..matrix.outputs() {
            let gains = (0..matrix.inputs()).map(|input| matrix.gain(output, input));
            prop_assert!(gains.clone().all(|gain| (0.0..=1.0).contains(&gain)));
            prop_assert!(gains.sum::<f32>() <= 1.000_01);
        }
    }

    #[test]
    fn applying_is_multiplying(from in any_map(), to in any_map(), options in any_options(), frames in 0_usize..20) {
        check_apply(&RemixMatrix::new(&from, &to, options), frames)?;
    }
}

#[test]
fn every_common_size_multiplies() {
    for from in 1..=8 {
        for to in 1..=8 {
            let maps = (ChannelMap::default_for(from), ChannelMap::default_for(to));
            check_apply(&RemixMatrix::new(&maps.0, &maps.1, DEFAULT), 7).unwrap();
        }
    }
}

fn check_apply(matrix: &RemixMatrix, frames: usize) -> Result<(), TestCaseError> {
    let input: Vec<f32> = (0..frames * matrix.inputs()).map(|n| (n as f32 * 0.7).sin()).collect();
    let mut output = vec![9.0; frames * matrix.outputs()];
    matrix.apply(&input, &mut output);
    for (input, output) in input.chunks(matrix.inputs()).zip(output.chunks(matrix.outputs())) {
        for (channel, sample) in output.iter().enumerate() {
            let wanted: f32 = input.iter().enumerate().map(|(n, x)| x * matrix.gain(channel, n)).sum();
            prop_assert!((sample - wanted).abs() < 1e-5);
        }
    }
    Ok(())
}
