//! Record streams.

use super::*;

#[test]
fn a_fragment_is_handed_over_when_it_is_full() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    bench.monitor(device, s16_stereo());
    bench.step();
    bench.run_for(9 * MS);
    assert_eq!(bench.recorded.len(), 0);
    bench.run_for(MS + 100_000);
    assert_eq!(bench.recorded.len(), 1920);
}

#[test]
fn without_blocks_sound_is_lost_and_said_so() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let config = record_config(RecordFrom::Monitor(device), s16_stereo());
    bench.engine.add_record(&config).unwrap();
    bench.run_for(31 * MS);
    let lost: u64 = bench
        .events
        .iter()
        .map(|event| if let Event::RecordOverrun { bytes, .. } = event { *bytes } else { 0 })
        .sum();
    assert!((5_000..=5_952).contains(&lost), "{lost}");
}

#[test]
fn a_recorder_of_one_stream_does_not_hear_the_others() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let (one, other) = (bench.playback(device, s16_stereo()), bench.playback(device, s16_stereo()));
    let record = bench.engine.add_record(&record_config(RecordFrom::Playback(one), s16_stereo())).unwrap();
    for _ in 0..8 {
        bench.engine.supply(record, Block::private(4096));
    }
    let sound = noise(s16_stereo(), 2_400);
    bench.write(one, &sound);
    bench.write(other, &[99; 9_600]);
    bench.run_for(60 * MS);
    assert!(position_of(&bench.recorded, &sound).is_some());
}

#[test]
fn a_recorder_of_another_rate_gets_its_own_rate() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    bench.monitor(device, spec(SampleFormat::F32Le, 1, 8_000));
    bench.run_for(1_000 * MS);
    let frames = bench.recorded.len() / 4;
    assert!((7_800..=8_000).contains(&frames), "{frames}");
}

#[test]
fn peaks_are_the_loudest_sample_of_their_time() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let mut config = record_config(RecordFrom::Monitor(device), spec(SampleFormat::F32Le, 1, 25));
    config.peak_detect = true;
    let record = bench.engine.add_record(&config).unwrap();
    for _ in 0..8 {
        bench.engine.supply(record, Block::private(4096));
    }
    let stream = bench.playback(device, s16_stereo());
    let mut sound = vec![0u8; 48_000 * 4];
    for sample in sound[4 * 9_600..4 * 9_602].chunks_mut(2) {
        sample.copy_from_slice(&(-16_384i16).to_le_bytes());
    }
    bench.write(stream, &sound);
    bench.run_for(500 * MS);
    let peaks: Vec<f32> =
        bench.recorded.chunks_exact(4).map(|v| f32::from_le_bytes([v[0], v[1], v[2], v[3]])).collect();
    assert_eq!(peaks.iter().filter(|peak| **peak == 0.5).count(), 1, "{peaks:?}");
    assert_eq!(peaks.iter().filter(|peak| **peak != 0.0).count(), 1, "{peaks:?}");
}

#[test]
fn timing_of_a_recorder_counts_what_is_not_handed_over() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let record = bench.monitor(device, s16_stereo());
    bench.step();
    bench.run_for(25 * MS);
    bench.engine.query_record(record, 1);
    bench.step();
    let Some(Event::RecordTiming { timing, .. }) = bench.events.pop() else { panic!("no timing") };
    let usec = timing.source_usec + s16_stereo().bytes_to_usec(timing.write_index);
    assert!((24_999..=25_000).contains(&usec), "{timing:?}");
}

#[test]
fn a_recorder_moves_to_another_device() {
    let mut bench = Bench::new();
    let (first, second) = (bench.device(s16_stereo()), bench.device(spec(SampleFormat::S32Le, 2, 48_000)));
    let record = bench.monitor(first, s16_stereo());
    bench.run_for(20 * MS);
    bench.engine.move_record(record, RecordFrom::Monitor(second)).unwrap();
    let stream = bench.playback(second, s16_stereo());
    let sound = noise(s16_stereo(), 960);
    bench.write(stream, &sound);
    bench.run_for(60 * MS);
    assert!(position_of(&bench.recorded, &sound).is_some());
}

#[test]
fn what_came_before_a_cork_is_handed_over() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let record = bench.monitor(device, s16_stereo());
    bench.step();
    bench.run_for(5 * MS);
    bench.engine.cork_record(record, true);
    bench.run_for(50 * MS);
    assert_eq!(bench.recorded.len(), 5 * 48 * 4);
    bench.engine.cork_record(record, false);
    bench.run_for(5 * MS);
    bench.engine.set_device_suspended(device, true);
    bench.step();
    assert_eq!(bench.recorded.len(), 10 * 48 * 4, "nothing more comes from a suspended device");
}

#[test]
fn timing_counts_what_was_lost() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let record = bench.engine.add_record(&record_config(RecordFrom::Monitor(device), s16_stereo())).unwrap();
    bench.step();
    bench.run_for(31 * MS);
    bench.engine.supply(record, Block::private(65_536));
    bench.run_for(5 * MS);
    let timing = bench.record_timing(record);
    let usec = timing.source_usec + s16_stereo().bytes_to_usec(timing.write_index);
    assert!((35_979..=36_000).contains(&usec), "{timing:?}");
}

#[test]
fn timing_knows_the_delay_of_the_resampler() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let spec = spec(SampleFormat::S16Le, 1, 44_100);
    let record = bench.monitor(device, spec);
    bench.step();
    bench.run_for(20 * MS);
    let stream = bench.playback(device, s16_stereo());
    bench.write(stream, &20_000i16.to_le_bytes().repeat(48_000));
    bench.run_for(80 * MS);
    let timing = bench.record_timing(record);
    let samples = bench.recorded.chunks_exact(2).map(|sample| i16::from_le_bytes([sample[0], sample[1]]));
    let heard = samples.take_while(|sample| *sample < 10_000).count() as f64 / 44_100.0 - 0.020;
    let said = timing.source_usec as f64 / 1e6 + timing.write_index as f64 / 88_200.0 - 0.100;
    assert!((heard - said).abs() < 100e-6, "heard {heard} s late, {said} said");
}

#[test]
fn a_late_thread_loses_nothing_while_a_block_has_room() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let mut config = record_config(RecordFrom::Monitor(device), s16_stereo());
    (config.fragsize, config.latency_usec) = (480, 2_500);
    let record = bench.engine.add_record(&config).unwrap();
    for _ in 0..4 {
        bench.engine.supply(record, Block::private(65_536));
    }
    bench.step();
    bench.now += 100 * MS;
    bench.step();
    assert_eq!(bench.take_events(), [""; 0]);
    assert_eq!(bench.recorded.len(), 100 * 48 * 4);
}

#[test]
fn a_recorder_wakes_the_thread_once_for_each_fragment() {
    for (rate, usec) in [(48_000, 10_000), (44_100, 7_000)] {
        let mut bench = Bench::new();
        let device = bench.device(s16_stereo());
        let spec = spec(SampleFormat::S16Le, 2, rate);
        let mut config = record_config(RecordFrom::Monitor(device), spec);
        (config.fragsize, config.latency_usec) = (spec.usec_to_bytes(usec) as usize + 4, usec);
        let record = bench.engine.add_record(&config).unwrap();
        for _ in 0..16 {
            bench.engine.supply(record, Block::private(4096));
        }
        bench.run_for(1_000 * MS);
        let expected = 1_000_000 / usec as usize;
        assert!((expected - 4..=expected + 2).contains(&bench.steps), "{} of {expected}", bench.steps);
    }
}

#[test]
fn peaks_of_the_same_rate_are_the_samples_themselves() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let mut config = record_config(RecordFrom::Monitor(device), s16_stereo());
    config.peak_detect = true;
    let record = bench.engine.add_record(&config).unwrap();
    bench.engine.supply(record, Block::private(65_536));
    let stream = bench.playback(device, s16_stereo());
    let sound = noise(s16_stereo(), 960);
    bench.write(stream, &sound);
    bench.run_for(50 * MS);
    assert!(position_of(&bench.recorded, &sound).is_some());
}
