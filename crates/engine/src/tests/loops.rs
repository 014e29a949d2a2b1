//! Streams that play the same again and again, and streams that only take part.

use super::*;

#[test]
fn a_loop_goes_round_to_the_frame_and_says_nothing() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    bench.monitor(device, s16_stereo());
    let sound = noise(s16_stereo(), 333);
    let chunk = Chunk::from_vec(sound.clone());
    let stream = bench.engine.add_loop(device, &playback_config(s16_stereo()), chunk).unwrap();
    bench.step();
    bench.run_for(500 * MS);
    assert!(bench.recorded.len() > 20_000 * 4);
    assert!(sound.iter().cycle().zip(&bench.recorded).all(|(expected, got)| expected == got));
    assert_eq!(bench.timing(stream).read_index, 500 * 48 * 4);
    assert_eq!(bench.take_events(), [""; 0]);
    bench.engine.cork(stream, true);
    bench.run_for(50 * MS);
    bench.recorded.clear();
    bench.run_for(50 * MS);
    assert!(bench.recorded.iter().all(|byte| *byte == 0));
    assert!(!bench.timing(stream).playing);
}

#[test]
fn a_loop_is_of_whole_frames() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    for bytes in [0, 3, 5] {
        let chunk = Chunk::from_vec(vec![1; bytes]);
        assert!(bench.engine.add_loop(device, &playback_config(s16_stereo()), chunk).is_err(), "{bytes}");
    }
    for slots in [&bench.engine.playback_slots, &bench.engine.bus_slots] {
        assert_eq!(slots.next as usize, slots.free.len());
    }
}

fn passive_config(spec: SampleSpec) -> PlaybackConfig {
    PlaybackConfig { passive: true, ..playback_config(spec) }
}

#[test]
fn a_passive_stream_plays_while_somebody_listens() {
    // Without and with a resampler, whose tail is no reason to go on.
    for rate in [48_000, 44_100] {
        let mut bench = Bench::new();
        let device = bench.device(s16_stereo());
        let spec = spec(SampleFormat::S16Le, 2, rate);
        let stream = bench.engine.add_playback(device, &passive_config(spec)).unwrap();
        bench.write(stream, &noise(spec, rate as usize * 4));
        bench.run_for(500 * MS);
        assert_eq!((bench.step(), bench.timing(stream).read_index), (None, 0));
        assert_eq!(bench.take_events(), [""; 0]);
        let record = bench.monitor(device, s16_stereo());
        bench.step();
        bench.run_for(100 * MS);
        let played = bench.timing(stream).read_index / 4;
        assert!(played.abs_diff(i64::from(rate) / 10) <= 2, "{played}");
        let events = bench.take_events();
        assert!(
            events.contains(&"started".into()) && events.iter().any(|event| event.starts_with("request"))
        );
        bench.engine.remove_record(record);
        bench.run_for(500 * MS);
        let timing = bench.timing(stream);
        assert!((timing.read_index / 4).abs_diff(i64::from(rate) / 10) <= 600, "{timing:?}");
        assert_eq!((bench.step(), timing.playing), (None, false));
    }
}

#[test]
fn a_passive_stream_plays_beside_another() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let passive = bench.engine.add_playback(device, &passive_config(s16_stereo())).unwrap();
    bench.write(passive, &noise(s16_stereo(), 48_000));
    let stream = bench.playback(device, s16_stereo());
    bench.write(stream, &noise(s16_stereo(), 4_800));
    bench.run_for(500 * MS);
    let played = bench.timing(passive).read_index / 4;
    // Until the other is given up.
    assert!((4_800..=4_800 + 480).contains(&played), "{played}");
    assert_eq!(bench.step(), None);
}

#[test]
fn a_passive_listener_hears_what_plays_anyway() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let config = RecordConfig { passive: true, ..record_config(RecordFrom::Monitor(device), s16_stereo()) };
    let record = bench.engine.add_record(&config).unwrap();
    for _ in 0..16 {
        bench.engine.supply(record, Block::private(65_536));
    }
    assert_eq!(bench.step(), None);
    let stream = bench.playback(device, s16_stereo());
    let sound = noise(s16_stereo(), 4_800);
    bench.write(stream, &sound);
    bench.run_for(200 * MS);
    assert!(position_of(&bench.recorded, &sound).is_some());
    assert_eq!(bench.step(), None);
}
