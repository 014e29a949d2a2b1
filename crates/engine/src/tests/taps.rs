//! Record streams that listen to one playback stream alone.

use super::*;

/// A recorder of `stream` alone, with blocks for 160 ms.
fn tap(bench: &mut Bench, stream: PlaybackId) -> RecordId {
    let record = bench.engine.add_record(&record_config(RecordFrom::Playback(stream), s16_stereo())).unwrap();
    for _ in 0..16 {
        bench.engine.supply(record, Block::private(1920));
    }
    record
}

#[test]
fn a_tap_has_its_own_latency() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let mut config = playback_config(s16_stereo());
    config.latency_usec = 1_900_000;
    let stream = bench.engine.add_playback(device, &config).unwrap();
    let sound = noise(s16_stereo(), 96_000);
    bench.write(stream, &sound);
    tap(&mut bench, stream);
    bench.step();
    bench.run_for(1_000 * MS);
    assert!(!bench.events.iter().any(|event| matches!(event, Event::RecordOverrun { .. })));
    let heard = bench.recorded.len() / 4;
    assert!((47_040..=48_000).contains(&heard), "{heard}");
    assert!(sound.starts_with(&bench.recorded));
}

#[test]
fn a_tap_hears_silence_where_its_stream_has_nothing() {
    for rate in [48_000, 44_100] {
        let mut bench = Bench::new();
        let device = bench.device(s16_stereo());
        let spec = spec(SampleFormat::S16Le, 2, rate);
        let stream = bench.playback(device, spec);
        tap(&mut bench, stream);
        bench.step();
        bench.run_for(100 * MS);
        bench.write(stream, &noise(spec, rate as usize / 10));
        bench.run_for(200 * MS);
        bench.engine.cork(stream, true);
        bench.run_for(700 * MS);
        let heard = bench.recorded.len() / 4;
        assert!((47_500..=48_000).contains(&heard), "{heard} frames of a stream of {rate} Hz");
        let loud = bench.recorded.iter().filter(|byte| **byte != 0).count() / 4;
        assert!((4_790..=4_950).contains(&loud), "{loud}");
    }
}

#[test]
fn a_tap_keeps_the_stream_from_going_past_the_mix() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let (one, other) = (bench.playback(device, s16_stereo()), bench.playback(device, s16_stereo()));
    tap(&mut bench, one);
    bench.write(other, &noise(s16_stereo(), 48_000));
    bench.step();
    bench.run_for(100 * MS);
    assert!((4_300..=4_800).contains(&(bench.recorded.len() / 4)), "{}", bench.recorded.len());
}

#[test]
fn a_tap_follows_the_rate_of_its_stream() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let mut config = playback_config(s16_stereo());
    config.variable_rate = true;
    let stream = bench.engine.add_playback(device, &config).unwrap();
    bench.write(stream, &noise(s16_stereo(), 96_000));
    tap(&mut bench, stream);
    bench.step();
    bench.engine.set_rate(stream, 24_000);
    bench.run_for(1_000 * MS);
    let heard = bench.recorded.len() / 4;
    assert!((47_000..=48_000).contains(&heard), "{heard}");
}

#[test]
fn a_tap_outlives_its_stream_and_listens_elsewhere() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let stream = bench.playback(device, s16_stereo());
    let record = tap(&mut bench, stream);
    bench.step();
    bench.engine.remove_playback(stream);
    bench.run_for(50 * MS);
    assert_eq!(bench.step(), None);
    let stream = bench.playback(device, s16_stereo());
    bench.engine.move_record(record, RecordFrom::Playback(stream)).unwrap();
    let sound = noise(s16_stereo(), 2_400);
    bench.write(stream, &sound);
    bench.run_for(70 * MS);
    assert!(position_of(&bench.recorded, &sound).is_some());
}
