//! What reaches the device when streams differ from it or meet there.

use sealpulse_spec::Volume;

use super::*;

fn constant(spec: SampleSpec, value: i16, frames: usize) -> Vec<u8> {
    value.to_le_bytes().repeat(frames * usize::from(spec.channels))
}

fn samples(bytes: &[u8]) -> Vec<i16> {
    bytes.chunks_exact(2).map(|sample| i16::from_le_bytes([sample[0], sample[1]])).collect()
}

#[test]
fn two_streams_are_added() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    bench.monitor(device, s16_stereo());
    for value in [1000, 234] {
        let stream = bench.playback(device, s16_stereo());
        bench.write(stream, &constant(s16_stereo(), value, 4800));
    }
    bench.run_for(50 * MS);
    assert_eq!(samples(&bench.recorded)[100..200], [1234; 100]);
    assert_eq!(bench.engine.device_stats(device).streams, 2);
    assert_eq!(bench.engine.device_stats(device).buses, 1);
}

#[test]
fn a_sum_beyond_full_scale_saturates() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    bench.monitor(device, s16_stereo());
    for _ in 0..2 {
        let stream = bench.playback(device, s16_stereo());
        bench.write(stream, &constant(s16_stereo(), 30_000, 4800));
    }
    bench.run_for(50 * MS);
    assert_eq!(samples(&bench.recorded)[100..200], [32_767; 100]);
}

#[test]
fn volume_and_mute_of_stream_and_device_are_heard_at_once() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    bench.monitor(device, s16_stereo());
    let mut config = playback_config(s16_stereo());
    config.latency_usec = 1_000_000;
    let stream = bench.engine.add_playback(device, &config).unwrap();
    bench.write(stream, &constant(s16_stereo(), 8000, 48_000));
    bench.run_for(20 * MS);
    let half = ChannelVolumes::all(2, Volume(0x8000));
    bench.engine.set_volume(stream, &half, false);
    bench.run_for(20 * MS);
    bench.engine.set_device_volume(device, &half, false);
    bench.run_for(20 * MS);
    bench.engine.set_volume(stream, &half, true);
    bench.run_for(20 * MS);
    let got = samples(&bench.recorded);
    let at = |ms: usize| got[ms * 48 * 2];
    assert_eq!([at(19), at(21), at(39), at(41), at(59), at(61)], [8000, 1000, 1000, 125, 125, 0]);
}

#[test]
fn a_stream_of_another_rate_keeps_its_level_and_its_length() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    bench.monitor(device, s16_stereo());
    let spec = spec(SampleFormat::S16Le, 2, 44_100);
    let stream = bench.playback(device, spec);
    bench.write(stream, &constant(spec, 10_000, 4_410));
    bench.engine.drain(stream, 3);
    bench.run_for(200 * MS);
    let got = samples(&bench.recorded);
    let loud = got.iter().filter(|sample| **sample > 5_000).count();
    assert!((9_590..=9_610).contains(&loud), "{loud}");
    assert!(got[2_000..6_000].iter().all(|sample| (9_999..=10_001).contains(sample)));
    assert!(bench.take_events().contains(&"drained 3".into()));
    assert!(bench.step().is_some(), "the monitor goes on");
}

#[test]
fn streams_of_one_rate_share_a_bus_and_a_variable_one_has_its_own() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let spec = spec(SampleFormat::S16Le, 1, 44_100);
    let mut config = playback_config(spec);
    for variable_rate in [false, false, true] {
        config.variable_rate = variable_rate;
        let stream = bench.engine.add_playback(device, &config).unwrap();
        bench.write(stream, &constant(spec, 100, 44_100));
    }
    bench.run_for(20 * MS);
    let stats = bench.engine.device_stats(device);
    assert_eq!((stats.buses, stats.streams), (2, 3));
}

#[test]
fn a_changed_rate_is_played_faster() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let mut config = playback_config(s16_stereo());
    config.variable_rate = true;
    let stream = bench.engine.add_playback(device, &config).unwrap();
    bench.write(stream, &constant(s16_stereo(), 100, 48_000));
    bench.run_for(100 * MS);
    bench.engine.set_rate(stream, 96_000);
    bench.run_for(100 * MS);
    let played = bench.timing(stream).read_index / 4;
    assert!((14_300..14_500).contains(&played), "{played}");
}

#[test]
fn a_mono_stream_is_heard_on_both_sides() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    bench.monitor(device, s16_stereo());
    let spec = spec(SampleFormat::S16Le, 1, 48_000);
    let stream = bench.playback(device, spec);
    bench.write(stream, &constant(spec, 77, 4_800));
    bench.run_for(50 * MS);
    assert_eq!(samples(&bench.recorded)[100..200], [77; 100]);
}

#[test]
fn a_moved_stream_goes_on_where_it_was() {
    let mut bench = Bench::new();
    let (first, second) = (bench.device(s16_stereo()), bench.device(s16_stereo()));
    bench.monitor(second, s16_stereo());
    let stream = bench.playback(first, s16_stereo());
    let sound = noise(s16_stereo(), 9_600);
    bench.write(stream, &sound);
    bench.run_for(50 * MS);
    bench.engine.move_playback(stream, second).unwrap();
    bench.run_for(200 * MS);
    assert!(position_of(&bench.recorded, &sound[50 * 48 * 4..]).is_some());
    assert_eq!(bench.engine.device_stats(first).buses, 0);
}

#[test]
fn samples_that_are_no_numbers_become_silence() {
    let float = spec(SampleFormat::F32Le, 2, 48_000);
    for others in [0, 1] {
        let mut bench = Bench::new();
        let device = bench.device(float);
        bench.monitor(device, float);
        let streams: Vec<_> = (0..=others).map(|_| bench.playback(device, float)).collect();
        for stream in streams {
            bench.write(stream, &f32::NAN.to_le_bytes().repeat(960));
        }
        bench.run_for(30 * MS);
        assert!(bench.recorded.iter().all(|byte| *byte == 0));
        assert!(!bench.recorded.is_empty());
    }
}

#[test]
fn a_suspended_device_stands_still() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let stream = bench.playback(device, s16_stereo());
    bench.write(stream, &constant(s16_stereo(), 1, 48_000));
    bench.run_for(10 * MS);
    bench.engine.set_device_suspended(device, true);
    assert_eq!(bench.step(), None);
    bench.run_for(100 * MS);
    assert_eq!(bench.timing(stream).read_index, 480 * 4);
    bench.engine.set_device_suspended(device, false);
    bench.run_for(10 * MS);
    assert_eq!(bench.timing(stream).read_index, 960 * 4);
}

#[test]
fn every_format_rate_and_channel_count_plays() {
    for format in SampleFormat::ALL {
        for (channels, rate) in [(1, 1), (2, 8_000), (6, 44_100), (32, 768_000)] {
            let (from, to) = (spec(format, channels, rate), spec(format, 2, 48_000));
            let mut bench = Bench::new();
            let device = bench.device(to);
            bench.monitor(device, to);
            let stream = bench.playback(device, from);
            bench.write(stream, &noise(from, (rate as usize / 20).max(2)));
            bench.run_for(60 * MS);
            assert!(!bench.recorded.is_empty(), "{from} to {to}");
        }
    }
}
