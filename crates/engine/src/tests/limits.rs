//! What clients may do at worst.

use sealpulse_memory::{Pool, SegmentKind};

use super::*;
use crate::bus::Bus;

#[test]
fn many_chunks_that_come_back_at_once_take_nothing_from_others() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let mut config = playback_config(s16_stereo());
    let other = bench.engine.add_playback(device, &config).unwrap();
    bench.write(other, &noise(s16_stereo(), 48));
    config.corked = true;
    let hoarder = bench.engine.add_playback(device, &config).unwrap();
    let mut pool = Pool::new(SegmentKind::Private, 4, 40_000).unwrap();
    while let Some(block) = pool.take() {
        bench.engine.push(hoarder, Seek::Relative, 0, Data::Chunk(block.into_chunk(4).unwrap()));
    }
    for _ in 0..8 {
        bench.step();
    }
    assert_eq!(pool.used(), 40_000);
    bench.engine.flush(hoarder);
    bench.engine.drain(other, 1);
    bench.run_for(100 * MS);
    let events = bench.take_events();
    assert!(events.contains(&"drained 1".into()), "{events:?}");
    assert!(events.contains(&format!("request {}", 40_000 * 4)), "{events:?}");
    assert_eq!(pool.used(), 0);
    assert_eq!(bench.step(), None);
}

#[test]
fn what_did_not_fit_into_the_ring_is_sent_later() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let stream = bench.playback(device, s16_stereo());
    let mut deadline = None;
    for _ in 0..2 {
        for _ in 0..4_500 {
            bench.engine.query_playback(stream, 1);
        }
        deadline = bench.step_unread();
    }
    assert!(deadline.is_some(), "somebody has to come back for the rest");
    bench.run_for(20 * MS);
    assert_eq!(
        bench.events.iter().filter(|event| matches!(event, Event::PlaybackTiming { .. })).count(),
        9_000
    );
    assert_eq!(bench.step(), None);
}

#[test]
fn recorded_sound_is_lost_when_nobody_reads() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let mut config = record_config(RecordFrom::Monitor(device), s16_stereo());
    (config.fragsize, config.latency_usec) = (4, 500);
    let records: Vec<_> = (0..60).map(|_| bench.engine.add_record(&config).unwrap()).collect();
    let mut pool = Pool::new(SegmentKind::Private, 4, 60 * 64 * 8).unwrap();
    for _ in 0..8 {
        for &record in &records {
            for _ in 0..64 {
                bench.engine.supply(record, pool.take().unwrap());
            }
        }
        bench.step_unread();
        bench.now += 3 * MS;
    }
    bench.run_for(10 * MS);
    for record in records {
        bench.engine.remove_record(record);
    }
    bench.run_for(10 * MS);
    bench.events.clear();
    assert_eq!(pool.used(), 0);
}

#[test]
fn a_seek_to_the_end_of_time_is_played_as_silence() {
    let mut bench = Bench::new();
    let spec = spec(SampleFormat::U8, 1, 48_000);
    let device = bench.device(spec);
    let stream = bench.playback(device, spec);
    for offset in [i64::MAX, i64::MIN, i64::MAX] {
        bench.engine.push(stream, Seek::Absolute, offset, Data::Chunk(Chunk::from_vec(vec![1])));
        bench.engine.push(stream, Seek::Relative, offset, Data::Hole(usize::MAX));
        bench.steps = 0;
        bench.run_for(1_000 * MS);
        assert!(bench.steps < 200, "{} steps", bench.steps);
    }
}

#[test]
fn books_that_a_client_has_ruined_do_not_overflow() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let stream = bench.playback(device, s16_stereo());
    for sign in [1, -1] {
        for _ in 0..20 {
            let far = sign * (i64::MAX / 16 * 8);
            bench.engine.push(stream, Seek::Absolute, far, Data::Hole(0));
            bench.engine.push(stream, Seek::Relative, -far, Data::Hole(0));
        }
        for attr in
            [playback_config(s16_stereo()).attr, QueueAttr { maxlength: 8, tlength: 8, prebuf: 0, minreq: 4 }]
        {
            bench.engine.set_attr(stream, attr, 1);
        }
        bench.step();
    }
}

#[test]
fn indexes_are_whole_frames_wherever_a_client_seeks() {
    let mut bench = Bench::new();
    let odd = spec(SampleFormat::S24Le, 5, 48_000);
    let device = bench.device(s16_stereo());
    let first = bench.playback(device, s16_stereo());
    bench.write(first, &noise(s16_stereo(), 960));
    bench.run_for(10 * MS);
    let mut config = playback_config(odd);
    config.sync = Some(first);
    let stream = bench.engine.add_playback(device, &config).unwrap();
    assert_eq!(bench.timing(stream).read_index, 1920 / 15 * 15);
    let far = i64::MAX / 15 * 15;
    for (mode, offset) in [(Seek::Absolute, far), (Seek::RelativeEnd, far), (Seek::Relative, -far)] {
        bench.engine.push(stream, mode, offset, Data::Hole(0));
        assert_eq!(bench.timing(stream).write_index % 15, 0, "{mode:?}");
    }
}

#[test]
fn a_bus_has_the_room_that_it_needs_and_not_much_more() {
    assert!(Bus::room(1, 768_000, 1) < 800_000);
    assert!(Bus::room(1024, 44_100, 48_000) < 1_024);
    let rates = [768_000, 1, 700_001, 300, 48_000, 8_000, 768_000];
    for to in [1, 11, 48_000] {
        for first in rates {
            let mut bench = Bench::new();
            let device = bench.device(spec(SampleFormat::U8, 1, to));
            let mut config = playback_config(spec(SampleFormat::U8, 1, first));
            (config.variable_rate, config.attr.prebuf) = (true, 0);
            let stream = bench.engine.add_playback(device, &config).unwrap();
            for rate in rates {
                // Too little room would be missed by an assertion of the resampler.
                bench.engine.set_rate(stream, rate);
                bench.run_for(1_100 * MS / u64::from(to.min(10)));
            }
        }
    }
}

#[test]
fn a_device_that_goes_before_its_streams_leaves_nothing_behind() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let mut config = playback_config(s16_stereo());
    let stream = bench.engine.add_playback(device, &config).unwrap();
    config.variable_rate = true;
    let own = bench.engine.add_playback(device, &config).unwrap();
    let record = bench.monitor(device, s16_stereo());
    bench.write(stream, &noise(s16_stereo(), 4_800));
    bench.run_for(10 * MS);
    bench.engine.remove_device(device);
    assert_eq!(bench.step(), None);
    let next = bench.device(s16_stereo());
    let heir = bench.playback(next, s16_stereo());
    bench.engine.remove_playback(own);
    bench.engine.move_playback(stream, next).unwrap();
    bench.engine.move_record(record, RecordFrom::Monitor(next)).unwrap();
    bench.recorded.clear();
    bench.write(heir, &noise(s16_stereo(), 4_800));
    bench.run_for(200 * MS);
    assert_eq!(bench.engine.device_stats(next).buses, 1);
    assert_eq!(bench.timing(heir).read_index, 19_200);
    assert!((9_100..=9_600).contains(&(bench.recorded.len() / 4)), "{}", bench.recorded.len());
}

#[test]
fn a_machine_that_is_too_slow_leaves_sound_out_instead_of_rendering_for_ever() {
    /// Each look at the clock is 30 ms later.
    fn slow() -> u64 {
        static NOW: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        NOW.fetch_add(30 * MS, std::sync::atomic::Ordering::Relaxed)
    }
    let mut bench = Bench::with_stopwatch(slow);
    let device = bench.device(s16_stereo());
    let mut config = playback_config(s16_stereo());
    config.attr = QueueAttr { tlength: 48_000 * 16, ..config.attr };
    let stream = bench.engine.add_playback(device, &config).unwrap();
    bench.write(stream, &noise(s16_stereo(), 48_000 * 3));
    bench.step();
    bench.now += 2_000 * MS;
    assert!(bench.step().is_some_and(|deadline| deadline > bench.now));
    // Four pieces of 1,024 frames at most, and none of what was missed later.
    bench.now += MS;
    bench.step();
    let played = bench.timing(stream).read_index / 4;
    assert!((1_024..=5_000).contains(&played), "{played}");
}

#[test]
fn a_far_rate_gets_a_resampler_of_its_own() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let mut config = playback_config(s16_stereo());
    config.variable_rate = true;
    let stream = bench.engine.add_playback(device, &config).unwrap();
    bench.write(stream, &noise(s16_stereo(), 48_000));
    let mut made = vec![];
    // Away from no resampler at all, near that, far from that.
    for rate in [48_000, 47_990, 60_000, 400_000] {
        bench.engine.set_rate(stream, rate);
        let before = bench.timing(stream).read_index / 4;
        bench.run_for(20 * MS);
        let played = bench.timing(stream).read_index / 4 - before;
        assert!(played.abs_diff(i64::from(rate) / 50) <= 16, "{played} frames at {rate} Hz");
        made.push(bench.core.playbacks.get(stream.0).unwrap().bus);
    }
    assert_eq!([made[0] != made[1], made[1] != made[2], made[2] != made[3]], [true, false, true]);
}
