//! What clients are told and asked, and when.

use super::*;

#[test]
fn a_stream_that_matches_its_device_arrives_bit_for_bit() {
    for format in [SampleFormat::S16Le, SampleFormat::S24Le, SampleFormat::S32Le, SampleFormat::F32Le] {
        let spec = spec(format, 2, 44_100);
        let mut bench = Bench::new();
        let device = bench.device(spec);
        bench.monitor(device, spec);
        let stream = bench.playback(device, spec);
        let sound = noise(spec, 10_007);
        for piece in sound.chunks(spec.frame_size() * 777) {
            bench.write(stream, piece);
            bench.run_for(7 * MS + 123);
        }
        bench.engine.drain(stream, 1);
        bench.run_for(300 * MS);
        assert!(position_of(&bench.recorded, &sound).is_some(), "{format}");
    }
}

#[test]
fn the_first_frame_is_heard_at_the_moment_it_was_written() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    bench.monitor(device, s16_stereo());
    // Something else that makes the device run with long cycles.
    bench.run_for(3 * MS + 250_000);
    let before = bench.timing_frames();
    let stream = bench.playback(device, s16_stereo());
    bench.write(stream, &noise(s16_stereo(), 480));
    bench.run_for(50 * MS);
    let silence = bench.recorded.chunks(4).take_while(|frame| **frame == [0, 0, 0, 0]).count();
    assert_eq!(silence as u64, before);
}

impl Bench {
    /// Whole frames of 48 kHz since the monitor began.
    fn timing_frames(&self) -> u64 {
        (self.now - 1_000_003) * 48_000 / 1_000_000_000
    }
}

#[test]
fn nothing_plays_before_prebuf_is_there() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let mut config = playback_config(s16_stereo());
    config.attr.prebuf = 1920;
    let stream = bench.engine.add_playback(device, &config).unwrap();
    bench.write(stream, &noise(s16_stereo(), 479));
    bench.run_for(100 * MS);
    assert_eq!(bench.take_events(), [""; 0]);
    bench.write(stream, &[1; 4]);
    bench.run_for(21 * MS);
    let events = bench.take_events();
    assert_eq!(events[0], "started");
    assert!(events.contains(&"underflow 1920".into()), "{events:?}");
}

#[test]
fn a_late_client_underflows_once_and_resumes() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let stream = bench.playback(device, s16_stereo());
    bench.write(stream, &noise(s16_stereo(), 960));
    bench.run_for(100 * MS);
    let events = bench.take_events();
    assert_eq!(events.iter().filter(|event| *event == "underflow 3840").count(), 1, "{events:?}");
    bench.write(stream, &noise(s16_stereo(), 480));
    bench.run_for(5 * MS);
    assert_eq!(bench.take_events(), ["resumed"]);
}

#[test]
fn a_client_that_is_a_little_late_is_heard_without_a_gap() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let mut listener = record_config(RecordFrom::Monitor(device), s16_stereo());
    listener.latency_usec = 50_000;
    let record = bench.engine.add_record(&listener).unwrap();
    for _ in 0..32 {
        bench.engine.supply(record, Block::private(1920));
    }
    let stream = bench.playback(device, s16_stereo());
    let sound = noise(s16_stereo(), 2 * 960);
    let (first, second) = sound.split_at(960 * 4);
    bench.write(stream, first);
    // Of 20 ms.
    bench.run_for(29 * MS);
    bench.write(stream, second);
    bench.run_for(10 * MS);
    let events = bench.take_events();
    assert!(!events.iter().any(|event| event.starts_with("underflow")), "{events:?}");
    bench.run_for(100 * MS);
    assert!(position_of(&bench.recorded, &sound).is_some());
    assert!(bench.take_events().contains(&"underflow 7680".into()));
}

#[test]
fn a_machine_that_stood_still_makes_no_client_late() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    bench.monitor(device, s16_stereo());
    let stream = bench.playback(device, s16_stereo());
    let sound = noise(s16_stereo(), 5 * 480);
    let (first, second) = sound.split_at(480 * 4);
    bench.write(stream, first);
    bench.step();
    // Nobody runs: neither the sound thread nor the client, which then needs its time.
    bench.now += 45 * MS;
    bench.run_for(2 * MS);
    bench.write(stream, second);
    bench.run_for(MS);
    let events = bench.take_events();
    assert!(!events.iter().any(|event| event.starts_with("underflow")), "{events:?}");
    bench.run_for(100 * MS);
    assert!(position_of(&bench.recorded, &sound).is_some());
}

#[test]
fn a_client_that_has_stopped_is_not_waited_for_on_a_machine_that_is_always_late() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let stream = bench.playback(device, s16_stereo());
    bench.write(stream, &noise(s16_stereo(), 480));
    for _ in 0..40 {
        let deadline = bench.step().unwrap_or(bench.now);
        bench.now = deadline.max(bench.now) + 3 * MS;
    }
    assert!(bench.take_events().contains(&"underflow 1920".into()));
}

#[test]
fn whoever_listens_closely_does_not_wait_for_a_late_client() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    bench.monitor(device, s16_stereo());
    let stream = bench.playback(device, s16_stereo());
    bench.write(stream, &noise(s16_stereo(), 960));
    bench.run_for(23 * MS);
    let events = bench.take_events();
    assert!(events.contains(&"underflow 3840".into()), "{events:?}");
    assert_eq!(bench.recorded.len(), 2 * 1920);
}

#[test]
fn a_stream_that_keeps_up_asks_for_what_it_played_and_nothing_else() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let stream = bench.playback(device, s16_stereo());
    bench.write(stream, &noise(s16_stereo(), 1920));
    let mut asked = 0;
    for _ in 0..200 {
        bench.run_for(10 * MS);
        for event in std::mem::take(&mut bench.events) {
            match event {
                Event::Request { bytes, .. } => {
                    asked += bytes;
                    bench.write(stream, &noise(s16_stereo(), bytes / 4));
                }
                Event::Started { after_underrun: false, .. } => {}
                other => panic!("{}", describe(&other)),
            }
        }
    }
    assert_eq!(asked, 48_000 * 4 * 2);
    assert!(bench.steps < 800, "{} steps", bench.steps);
}

#[test]
fn a_drain_is_answered_when_the_last_frame_has_been_played() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let stream = bench.playback(device, s16_stereo());
    bench.write(stream, &noise(s16_stereo(), 4800));
    bench.engine.drain(stream, 99);
    bench.run_for(99 * MS);
    assert!(!bench.take_events().contains(&"drained 99".into()));
    bench.run_for(MS + MS / 10);
    let mut events = bench.take_events();
    events.retain(|event| !event.starts_with("request"));
    assert_eq!(events, ["underflow 19200", "drained 99"]);
    bench.write(stream, &noise(s16_stereo(), 480));
    bench.run_for(5 * MS);
    assert_eq!(bench.take_events(), ["started"], "the end of a drained stream is no gap");
}

#[test]
fn a_drain_waits_for_what_the_resampler_holds() {
    let spec = spec(SampleFormat::S16Le, 2, 8_000);
    // Alone, and where another stream keeps the resampler going.
    for others in [false, true] {
        let mut bench = Bench::new();
        let device = bench.device(s16_stereo());
        bench.monitor(device, s16_stereo());
        let stream = bench.playback(device, spec);
        bench.write(stream, &2_000i16.to_le_bytes().repeat(800 * 2));
        bench.engine.drain(stream, 5);
        let mut config = playback_config(spec);
        config.latency_usec = 1_000_000;
        config.attr.prebuf = 0;
        if others {
            bench.engine.add_playback(device, &config).unwrap();
        }
        bench.run_for(100 * MS + MS / 2);
        let events = bench.take_events();
        assert!(events.contains(&"underflow 3200".into()), "{events:?}");
        assert!(!events.contains(&"drained 5".into()), "{events:?}");
        bench.run_for(17 * MS);
        let events = bench.take_events();
        assert!(events.contains(&"drained 5".into()), "{events:?}");
        bench.engine.remove_playback(stream);
        bench.run_for(100 * MS);
        let sum: f64 =
            bench.recorded.chunks_exact(4).map(|f| f64::from(i16::from_le_bytes([f[0], f[1]]))).sum();
        assert!((sum / 2_000.0 - 4_800.0).abs() < 5.0, "{} frames", sum / 2_000.0);
    }
}

#[test]
fn a_drain_of_nothing_is_answered_at_once() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let stream = bench.playback(device, s16_stereo());
    bench.engine.drain(stream, 5);
    bench.step();
    assert_eq!(bench.take_events(), ["drained 5"]);
}

#[test]
fn a_corked_stream_stands_still_and_goes_on_where_it_was() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    bench.monitor(device, s16_stereo());
    let stream = bench.playback(device, s16_stereo());
    let sound = noise(s16_stereo(), 4800);
    bench.write(stream, &sound);
    bench.run_for(33 * MS);
    bench.engine.cork(stream, true);
    bench.run_for(70 * MS);
    let timing = bench.timing(stream);
    assert_eq!((timing.playing, timing.read_index), (false, 33 * 48 * 4));
    bench.engine.cork(stream, false);
    bench.run_for(100 * MS);
    let first = position_of(&bench.recorded, &sound[..33 * 48 * 4]).unwrap();
    let second = position_of(&bench.recorded, &sound[33 * 48 * 4..]).unwrap();
    assert_eq!(second - first, (33 + 70) * 48 * 4);
}

#[test]
fn flush_forgets_and_asks_again() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let stream = bench.playback(device, s16_stereo());
    bench.write(stream, &noise(s16_stereo(), 1920));
    bench.run_for(10 * MS);
    bench.take_events();
    bench.engine.flush(stream);
    bench.step();
    let events = bench.take_events();
    assert!(events.contains(&format!("request {}", 30 * 48 * 4)), "{events:?}");
    let timing = bench.timing(stream);
    assert_eq!(timing.read_index, timing.write_index);
}

#[test]
fn seeking_overwrites_what_is_queued() {
    let mut bench = Bench::new();
    let spec = spec(SampleFormat::U8, 1, 8_000);
    let device = bench.device(spec);
    bench.monitor(device, spec);
    let mut config = playback_config(spec);
    config.corked = true;
    let stream = bench.engine.add_playback(device, &config).unwrap();
    let put = |bench: &mut Bench, seek, offset, bytes: &[u8]| {
        bench.engine.push(stream, seek, offset, Data::Chunk(Chunk::from_vec(bytes.to_vec())));
    };
    put(&mut bench, Seek::Relative, 0, &[1; 10]);
    put(&mut bench, Seek::Absolute, 3, &[2; 4]);
    put(&mut bench, Seek::RelativeOnRead, 0, &[3; 1]);
    put(&mut bench, Seek::RelativeEnd, 2, &[4; 2]);
    put(&mut bench, Seek::Relative, -3, &[5; 1]);
    bench.engine.push(stream, Seek::RelativeEnd, 0, Data::Hole(1));
    bench.engine.cork(stream, false);
    bench.engine.drain(stream, 1);
    bench.run_for(40 * MS);
    let expected = [3, 1, 1, 2, 2, 2, 2, 1, 1, 1, 128, 5, 4, 4];
    assert!(position_of(&bench.recorded, &expected).is_some(), "{:?}", &bench.recorded);
}

#[test]
fn writing_more_than_maxlength_overflows() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let mut config = playback_config(s16_stereo());
    config.attr.maxlength = 8000;
    config.corked = true;
    let stream = bench.engine.add_playback(device, &config).unwrap();
    bench.write(stream, &[0; 8000]);
    bench.write(stream, &[0; 4]);
    bench.step();
    assert_eq!(bench.take_events(), ["overflow"]);
}

#[test]
fn a_client_that_writes_crumbs_is_heard() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    bench.monitor(device, s16_stereo());
    let mut config = playback_config(s16_stereo());
    config.corked = true;
    let stream = bench.engine.add_playback(device, &config).unwrap();
    let sound = noise(s16_stereo(), 5_000);
    for frame in sound.chunks(4) {
        bench.write(stream, frame);
    }
    bench.engine.cork(stream, false);
    bench.run_for(200 * MS);
    assert!(position_of(&bench.recorded, &sound).is_some());
}

#[test]
fn a_device_without_active_streams_needs_no_wake_up() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    assert_eq!(bench.step(), None);
    let stream = bench.playback(device, s16_stereo());
    bench.write(stream, &noise(s16_stereo(), 4800));
    bench.run_for(10 * MS);
    bench.engine.cork(stream, true);
    assert_eq!(bench.step(), None);
    assert_eq!(bench.engine.device_stats(device).cycle_usec, 0);
    bench.engine.cork(stream, false);
    bench.run_for(500 * MS);
    assert_eq!(bench.step(), None);
}

#[test]
fn timing_counts_what_was_played_since_the_last_cycle() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let mut config = playback_config(s16_stereo());
    config.latency_usec = 500_000;
    let stream = bench.engine.add_playback(device, &config).unwrap();
    bench.write(stream, &noise(s16_stereo(), 48_000));
    bench.step();
    for ms in 1..400 {
        bench.run_for(MS);
        let timing = bench.timing(stream);
        assert_eq!(timing.read_index, ms * 48 * 4, "after {ms} ms");
        assert!(timing.playing);
    }
}

#[test]
fn events_of_a_removed_stream_are_not_delivered() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let stream = bench.playback(device, s16_stereo());
    bench.write(stream, &noise(s16_stereo(), 48));
    bench.step();
    bench.engine.drain(stream, 1);
    bench.engine.remove_playback(stream);
    bench.run_for(100 * MS);
    assert!(!bench.take_events().contains(&"drained 1".into()));
    // Slots come back.
    for _ in 0..200 {
        let stream = bench.playback(device, s16_stereo());
        bench.engine.remove_playback(stream);
        bench.step();
    }
}

#[test]
fn streams_that_are_synced_start_at_the_same_index() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let first = bench.playback(device, s16_stereo());
    bench.write(first, &noise(s16_stereo(), 960));
    bench.run_for(10 * MS);
    let mut config = playback_config(s16_stereo());
    config.sync = Some(first);
    let second = bench.engine.add_playback(device, &config).unwrap();
    assert_eq!(bench.timing(second).write_index, bench.timing(first).read_index);
}

#[test]
fn what_is_missing_is_asked_for_before_the_end_is_told() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let stream = bench.playback(device, s16_stereo());
    bench.write(stream, &noise(s16_stereo(), 240));
    bench.run_for(20 * MS);
    assert_eq!(bench.take_events(), ["started", "request 960", "underflow 960"]);
    bench.write(stream, &noise(s16_stereo(), 240));
    bench.engine.drain(stream, 4);
    bench.run_for(20 * MS);
    assert_eq!(bench.take_events(), ["resumed", "request 960", "underflow 1920", "drained 4"]);
}

#[test]
fn a_corked_stream_has_been_silent_since_it_was_corked() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let stream = bench.playback(device, s16_stereo());
    assert_eq!(bench.timing(stream).underrun_for, u64::MAX);
    bench.write(stream, &noise(s16_stereo(), 4_800));
    bench.step();
    bench.run_for(20 * MS);
    assert_eq!((bench.timing(stream).underrun_for, bench.timing(stream).playing_for), (0, 20 * 48 * 4));
    bench.engine.cork(stream, true);
    bench.step();
    bench.run_for(30 * MS);
    assert_eq!((bench.timing(stream).underrun_for, bench.timing(stream).playing_for), (30 * 48 * 4, 0));
    bench.engine.cork(stream, true);
    bench.run_for(10 * MS);
    assert_eq!(bench.timing(stream).underrun_for, 40 * 48 * 4);
}

#[test]
fn timing_without_prebuf_goes_on_when_the_queue_is_empty() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let mut config = playback_config(s16_stereo());
    (config.attr.prebuf, config.latency_usec) = (0, 500_000);
    let stream = bench.engine.add_playback(device, &config).unwrap();
    bench.step();
    for ms in 1..400 {
        bench.run_for(MS);
        assert_eq!(bench.timing(stream).read_index, ms * 48 * 4, "after {ms} ms");
    }
}

#[test]
fn a_lost_block_is_no_write_where_it_was_not_relative() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let mut config = playback_config(s16_stereo());
    config.corked = true;
    let stream = bench.engine.add_playback(device, &config).unwrap();
    // PulseAudio makes one seek of both, which the client cannot have counted.
    bench.engine.push(stream, Seek::Absolute, 0, Data::Hole(4_000));
    bench.engine.flush(stream);
    bench.step();
    assert_eq!(bench.take_events(), [""; 0]);
}
