//! What one device plays is heard on another.

use super::*;
use crate::device::position;

impl Bench {
    /// A link from the monitor of `source` to `target`.
    fn link(
        &mut self,
        source: DeviceId,
        target: DeviceId,
        spec: SampleSpec,
        usec: u64,
    ) -> (RecordId, PlaybackId) {
        let record = record_config(RecordFrom::Monitor(source), spec);
        self.engine.add_link(target, &playback_config(spec), &record, usec).unwrap()
    }

    /// Frames of 4 bytes in front of `sound` in what was recorded.
    fn frames_before(&self, sound: &[u8]) -> Option<usize> {
        position_of(&self.recorded, sound).map(|at| at / 4)
    }
}

fn stream_of(bench: &mut Bench, device: DeviceId, sound: &[u8]) -> PlaybackId {
    let stream = bench.playback(device, s16_stereo());
    bench.write(stream, sound);
    stream
}

#[test]
fn a_chain_of_devices_is_bit_exact_and_late_by_nothing() {
    for format in [SampleFormat::S16Le, SampleFormat::S32Le, SampleFormat::F32Le] {
        let spec = spec(format, 2, 44_100);
        let mut bench = Bench::new();
        let devices = [(); 3].map(|()| bench.device(spec));
        // Not in the order in which the sound flows.
        bench.link(devices[0], devices[2], spec, 0);
        bench.link(devices[2], devices[1], spec, 0);
        bench.monitor(devices[1], spec);
        bench.step();
        bench.run_for(100 * MS + 12_345);
        let before = bench.record_frames();
        let stream = bench.playback(devices[0], spec);
        let sound = noise(spec, 10_007);
        for piece in sound.chunks(spec.frame_size() * 777) {
            bench.write(stream, piece);
            bench.run_for(7 * MS + 123);
        }
        bench.run_for(300 * MS);
        let at = position_of(&bench.recorded, &sound).map(|at| (at / spec.frame_size()) as u64);
        assert_eq!(at, Some(before), "{format}");
    }
}

impl Bench {
    /// Whole frames of 44.1 kHz since the first step.
    fn record_frames(&self) -> u64 {
        let at = |time: u64| position(time, 44_100);
        at(self.now) - at(1_000_003)
    }
}

#[test]
fn a_delay_is_exact_to_the_frame_and_comes_anew_after_a_pause() {
    let mut bench = Bench::new();
    let (first, second) = (bench.device(s16_stereo()), bench.device(s16_stereo()));
    bench.link(first, second, s16_stereo(), 30_000);
    bench.monitor(second, s16_stereo());
    bench.step();
    bench.run_for(100 * MS);
    let sound = noise(s16_stereo(), 480);
    let stream = stream_of(&mut bench, first, &sound);
    for pause in [500, 15, 70] {
        bench.run_for(pause * MS);
        bench.write(stream, &noise(s16_stereo(), 481)[4..]);
    }
    bench.run_for(200 * MS);
    assert_eq!(bench.frames_before(&sound), Some(130 * 48));
    let later = noise(s16_stereo(), 481);
    let found: Vec<usize> = bench
        .recorded
        .chunks_exact(4)
        .enumerate()
        .filter(|(at, _)| bench.recorded[at * 4..].starts_with(&later[4..]))
        .map(|(at, _)| at)
        .collect();
    assert_eq!(found, [630 * 48, 645 * 48, 715 * 48]);
}

#[test]
fn what_nobody_hears_and_nobody_plays_wakes_nobody() {
    let mut bench = Bench::new();
    let devices = [(); 4].map(|()| bench.device(s16_stereo()));
    for pair in devices.windows(2) {
        bench.link(pair[0], pair[1], s16_stereo(), 20_000);
    }
    assert_eq!(bench.step(), None);
    let sound = noise(s16_stereo(), 4_800);
    stream_of(&mut bench, devices[0], &sound);
    bench.steps = 0;
    bench.run_for(1_000 * MS);
    assert_eq!(bench.step(), None);
    assert!(bench.steps < 30, "{} steps", bench.steps);
    // Whoever listens at the end makes all of it run, and it stops again.
    let record = bench.monitor(devices[3], s16_stereo());
    bench.run_for(100 * MS);
    assert!(devices.iter().all(|device| bench.core.devices.get(device.0).unwrap().clock.is_some()));
    bench.engine.remove_record(record);
    assert_eq!(bench.step(), None);
}

#[test]
fn links_of_other_rates_never_have_a_gap() {
    for (from, over, to) in [
        (44_100, 44_100, 48_000),
        (44_100, 48_000, 48_000),
        (48_000, 44_100, 44_100),
        (96_000, 22_050, 44_100),
        (8_000, 48_000, 11_025),
    ] {
        let rated = |rate| spec(SampleFormat::S16Le, 2, rate);
        let mut bench = Bench::new();
        let (first, second) = (bench.device(rated(from)), bench.device(rated(to)));
        bench.link(first, second, rated(over), 0);
        bench.monitor(second, rated(to));
        bench.step();
        let loud = Chunk::from_vec(10_000i16.to_le_bytes().repeat(2 * 100));
        bench.engine.add_loop(first, &playback_config(rated(from)), loud).unwrap();
        bench.run_for(100 * MS);
        bench.recorded.clear();
        for second in 0..180 {
            // Steps of any length.
            bench.run_for(600 * MS + second * 1_234_567);
            let samples = bench.recorded.chunks_exact(2).map(|at| i16::from_le_bytes([at[0], at[1]]));
            let odd = samples.filter(|sample| !(9_980..=10_020).contains(sample)).count();
            assert_eq!(odd, 0, "{from} over {over} to {to} Hz after {second} s");
            bench.recorded.clear();
        }
    }
}

#[test]
fn a_late_writer_upstream_holds_what_is_downstream() {
    let mut bench = Bench::new();
    let devices = [(); 3].map(|()| bench.device(s16_stereo()));
    bench.link(devices[0], devices[1], s16_stereo(), 0);
    bench.link(devices[1], devices[2], s16_stereo(), 5_000);
    let mut config = record_config(RecordFrom::Monitor(devices[2]), s16_stereo());
    config.latency_usec = 50_000;
    let record = bench.engine.add_record(&config).unwrap();
    for _ in 0..32 {
        bench.engine.supply(record, Block::private(1920));
    }
    let stream = bench.playback(devices[0], s16_stereo());
    let sound = noise(s16_stereo(), 2 * 960);
    let (first, second) = sound.split_at(960 * 4);
    bench.write(stream, first);
    // Of 20 ms.
    bench.run_for(29 * MS);
    // Something that begins meanwhile begins where the others stand.
    let other = bench.device(s16_stereo());
    bench.link(devices[0], other, s16_stereo(), 0);
    bench.write(stream, second);
    bench.steps = 0;
    bench.run_for(10 * MS);
    assert!(bench.steps < 8, "{} steps", bench.steps);
    let events = bench.take_events();
    assert!(!events.iter().any(|event| event.starts_with("underflow")), "{events:?}");
    bench.run_for(100 * MS);
    assert_eq!(bench.frames_before(&sound), Some(5 * 48));
    assert!(bench.take_events().contains(&"underflow 7680".into()));
}

#[test]
fn whoever_listens_closely_downstream_is_not_made_to_wait() {
    let mut bench = Bench::new();
    let (first, second) = (bench.device(s16_stereo()), bench.device(s16_stereo()));
    bench.link(first, second, s16_stereo(), 0);
    bench.monitor(second, s16_stereo());
    stream_of(&mut bench, first, &noise(s16_stereo(), 960));
    bench.run_for(23 * MS);
    assert!(bench.take_events().contains(&"underflow 3840".into()));
    assert_eq!(bench.recorded.len(), 2 * 1920);
}

#[test]
fn joined_devices_wake_the_thread_no_more_often_than_one() {
    let mut bench = Bench::new();
    let devices = [(); 3].map(|()| bench.device(s16_stereo()));
    bench.link(devices[0], devices[1], s16_stereo(), 20_000);
    bench.link(devices[1], devices[2], s16_stereo(), 0);
    bench.monitor(devices[2], s16_stereo());
    stream_of(&mut bench, devices[0], &noise(s16_stereo(), 48_000));
    bench.run_for(50 * MS);
    bench.steps = 0;
    bench.run_for(900 * MS);
    assert!((85..=95).contains(&bench.steps), "{} steps", bench.steps);
}

#[test]
fn either_end_moves_without_a_gap() {
    let mut bench = Bench::new();
    let devices = [(); 4].map(|()| bench.device(s16_stereo()));
    let (record, playback) = bench.link(devices[0], devices[1], s16_stereo(), 30_000);
    bench.monitor(devices[2], s16_stereo());
    let sound = noise(s16_stereo(), 48_000);
    stream_of(&mut bench, devices[0], &sound);
    bench.run_for(101 * MS);
    bench.recorded.clear();
    bench.engine.move_playback(playback, devices[2]).unwrap();
    bench.run_for(200 * MS);
    // What was on its way arrives at the new device.
    let from = (101 - 30) * 48 * 4;
    let heard = position_of(&bench.recorded, &sound[from + 960 * 4..from + 150 * 48 * 4]);
    assert!(heard.is_some());
    // The same goes on where the other end listens to another device that plays something else.
    let other = noise(s16_stereo(), 24_001)[4..].to_vec();
    stream_of(&mut bench, devices[3], &other);
    bench.step();
    bench.engine.move_record(record, RecordFrom::Monitor(devices[3])).unwrap();
    bench.recorded.clear();
    bench.run_for(200 * MS);
    let at = bench.frames_before(&other[..100 * 48 * 4]);
    let old = bench.frames_before(&sound[(301 - 30 + 10) * 48 * 4..][..20 * 48 * 4]);
    assert!(at.is_some_and(|at| (30 * 48..=40 * 48).contains(&at)), "{at:?}");
    assert!(old.zip(at).is_some_and(|(old, at)| at == old + 20 * 48), "{old:?} {at:?}");
}

#[test]
fn an_end_that_moves_to_another_rate_goes_on() {
    let mut bench = Bench::new();
    let slow = spec(SampleFormat::S16Le, 2, 44_100);
    let (first, second) = (bench.device(s16_stereo()), bench.device(s16_stereo()));
    let (third, fourth) = (bench.device(slow), bench.device(slow));
    let (record, playback) = bench.link(first, second, s16_stereo(), 10_000);
    for device in [first, third] {
        let loud = Chunk::from_vec(10_000i16.to_le_bytes().repeat(200));
        let config = playback_config(if device == first { s16_stereo() } else { slow });
        bench.engine.add_loop(device, &config, loud).unwrap();
    }
    bench.monitor(fourth, s16_stereo());
    bench.run_for(100 * MS);
    bench.engine.move_playback(playback, fourth).unwrap();
    bench.run_for(100 * MS);
    bench.engine.move_record(record, RecordFrom::Monitor(third)).unwrap();
    bench.run_for(100 * MS);
    bench.recorded.clear();
    bench.run_for(1_000 * MS);
    let samples = bench.recorded.chunks_exact(2).map(|at| i16::from_le_bytes([at[0], at[1]]));
    assert!(samples.clone().count() > 90_000);
    assert!(samples.clone().all(|sample| (9_980..=10_020).contains(&sample)));
}

#[test]
fn links_go_in_any_order_and_leave_nothing_behind() {
    for order in 0..24 {
        let mut bench = Bench::new();
        let (first, second) = (bench.device(s16_stereo()), bench.device(s16_stereo()));
        let (record, playback) = bench.link(first, second, s16_stereo(), 10_000);
        let stream = stream_of(&mut bench, first, &noise(s16_stereo(), 48_000));
        let listener = bench.monitor(second, s16_stereo());
        bench.run_for(55 * MS);
        let mut left = vec![0, 1, 2, 3];
        let mut number = order;
        while !left.is_empty() {
            let which = left.remove(number % left.len());
            number /= left.len() + 1;
            match which {
                0 => bench.engine.remove_record(record),
                1 => bench.engine.remove_playback(playback),
                2 => bench.engine.remove_device(first),
                _ => bench.engine.remove_device(second),
            }
            bench.run_for(13 * MS);
        }
        bench.engine.remove_playback(stream);
        bench.engine.remove_record(listener);
        bench.step();
        assert_eq!(bench.step(), None);
        let engine = &bench.engine;
        for slots in [
            &engine.device_slots,
            &engine.bus_slots,
            &engine.playback_slots,
            &engine.record_slots,
            &engine.link_slots,
        ] {
            assert_eq!(slots.free.len(), slots.next as usize, "order {order}");
        }
    }
}

#[test]
fn what_goes_round_fades_and_stops() {
    // Of itself, and through another device; with 10 ms of delay at least.
    for (round, delay) in [(1, 0), (2, 0), (1, 50_000), (2, 25_000)] {
        let mut bench = Bench::new();
        let devices = [(); 2].map(|()| bench.device(s16_stereo()));
        let ends: Vec<_> = (0..round)
            .map(|at| bench.link(devices[at], devices[(at + 1) % round], s16_stereo(), delay))
            .collect();
        let half = ChannelVolumes::all(2, sealpulse_spec::Volume(0x8000));
        bench.engine.set_volume(ends[0].1, &half, false);
        bench.monitor(devices[0], s16_stereo());
        bench.step();
        bench.run_for(3 * MS);
        stream_of(&mut bench, devices[0], &8_000i16.to_le_bytes().repeat(2 * 48));
        bench.run_for(2_000 * MS);
        let echoes: Vec<(usize, i16)> = bench
            .recorded
            .chunks_exact(4)
            .map(|frame| i16::from_le_bytes([frame[0], frame[1]]))
            .enumerate()
            .filter(|(_, sample)| *sample > 100)
            .collect();
        let starts: Vec<_> = echoes
            .iter()
            .filter(|(at, _)| *at == 0 || !echoes.iter().any(|(other, _)| other + 1 == *at))
            .collect();
        assert!(starts.len() >= 3, "{starts:?}");
        let step = starts[1].0 - starts[0].0;
        let expected = (delay as usize * round * 48 / 1000).max(480);
        assert!((expected..=expected + 1).contains(&step), "{starts:?}");
        assert!(
            starts.windows(2).all(|pair| pair[1].0 - pair[0].0 == step && pair[1].1 < pair[0].1),
            "{starts:?}"
        );
    }
}

#[test]
fn silence_that_goes_round_keeps_nobody_awake() {
    let mut bench = Bench::new();
    let devices = [(); 3].map(|()| bench.device(s16_stereo()));
    for at in 0..3 {
        bench.link(devices[at], devices[(at + 1) % 3], s16_stereo(), 20_000);
    }
    bench.link(devices[1], devices[1], s16_stereo(), 0);
    stream_of(&mut bench, devices[2], &[0; 4_800 * 4]);
    assert!(bench.step().is_some());
    bench.run_for(300 * MS);
    assert_eq!(bench.step(), None);
}

#[test]
fn a_corked_or_suspended_end_takes_and_gives_nothing() {
    let mut bench = Bench::new();
    let (first, second) = (bench.device(s16_stereo()), bench.device(s16_stereo()));
    let (record, playback) = bench.link(first, second, s16_stereo(), 20_000);
    bench.monitor(second, s16_stereo());
    let sound = noise(s16_stereo(), 96_000);
    stream_of(&mut bench, first, &sound);
    bench.step();
    let silent = |bench: &Bench| bench.recorded[1920..].iter().all(|byte| *byte == 0);
    for close in 0..3 {
        bench.run_for(100 * MS);
        bench.recorded.clear();
        bench.run_for(50 * MS);
        assert!(!silent(&bench), "{close}");
        for closed in [true, false] {
            match close {
                0 => bench.engine.cork(playback, closed),
                1 => bench.engine.cork_record(record, closed),
                _ => bench.engine.set_device_suspended(first, closed),
            }
            bench.run_for(11 * MS);
            bench.recorded.clear();
            bench.run_for(19 * MS);
            assert!(silent(&bench) || !closed, "{close}");
        }
        // The delay comes anew.
        let at = bench.timing(playback);
        assert!((20_000..=20_021).contains(&at.sink_usec) && at.playing, "{at:?}");
    }
    // Late by 20 ms as before.
    bench.run_for(50 * MS);
    bench.recorded.clear();
    let played = bench.now;
    bench.run_for(50 * MS);
    let from = position_of(&sound, &bench.recorded[..480 * 4]).unwrap() / 4;
    let suspended = 30;
    let expected = (played - 1_000_003) / MS - suspended - 20;
    assert!((from as u64 / 48).abs_diff(expected) <= 10, "{} {expected}", from / 48);
}

#[test]
fn queries_are_answered_for_both_ends() {
    let mut bench = Bench::new();
    let (first, second) = (bench.device(s16_stereo()), bench.device(s16_stereo()));
    let (record, playback) = bench.link(first, second, s16_stereo(), 50_000);
    assert!(!bench.timing(playback).playing);
    stream_of(&mut bench, first, &noise(s16_stereo(), 48_000));
    bench.step();
    bench.run_for(100 * MS);
    let timing = bench.timing(playback);
    assert_eq!((timing.sink_usec, timing.playing), (50_000, true));
    assert_eq!((timing.read_index, timing.write_index), (100 * 48 * 4, 100 * 48 * 4));
    let timing = bench.record_timing(record);
    assert_eq!(timing.source_usec + s16_stereo().bytes_to_usec(timing.write_index), 100_000);
    // None of a client's.
    bench.engine.push(playback, Seek::Relative, 0, Data::Chunk(Chunk::from_vec(vec![1; 4])));
    bench.engine.supply(record, Block::private(64));
    bench.engine.flush(playback);
    bench.engine.drain(playback, 1);
    bench.events.clear();
    bench.engine.set_volume(playback, &ChannelVolumes::norm(2), true);
    bench.run_for(10 * MS);
    assert!(bench.take_events().iter().all(|event| event.starts_with("request")));
}

#[test]
fn a_link_hears_one_stream_alone() {
    let mut bench = Bench::new();
    let (first, second) = (bench.device(s16_stereo()), bench.device(s16_stereo()));
    let sound = noise(s16_stereo(), 4_800);
    let stream = stream_of(&mut bench, first, &sound);
    stream_of(&mut bench, first, &[77; 4 * 4_800]);
    let record = record_config(RecordFrom::Playback(stream), s16_stereo());
    bench.engine.add_link(second, &playback_config(s16_stereo()), &record, 0).unwrap();
    bench.monitor(second, s16_stereo());
    bench.run_for(150 * MS);
    assert_eq!(bench.frames_before(&sound), Some(0));
}

#[test]
fn a_passive_stream_plays_for_a_listener_downstream() {
    let mut bench = Bench::new();
    let devices = [(); 2].map(|()| bench.device(s16_stereo()));
    bench.link(devices[0], devices[1], s16_stereo(), 20_000);
    // Its own echo is no reason to play on.
    bench.link(devices[1], devices[0], s16_stereo(), 20_000);
    let config = PlaybackConfig { passive: true, ..playback_config(s16_stereo()) };
    let loud = Chunk::from_vec(noise(s16_stereo(), 1_000));
    let stream = bench.engine.add_loop(devices[0], &config, loud).unwrap();
    assert_eq!(bench.step(), None);
    let record = bench.monitor(devices[1], s16_stereo());
    bench.run_for(100 * MS);
    assert!(bench.timing(stream).playing);
    assert!(position_of(&bench.recorded, &noise(s16_stereo(), 480)).is_some());
    bench.engine.remove_record(record);
    bench.run_for(100 * MS);
    assert!(!bench.timing(stream).playing);
}

#[test]
fn a_link_needs_one_spec_and_two_devices() {
    let mut bench = Bench::new();
    let device = bench.device(s16_stereo());
    let gone = bench.device(s16_stereo());
    bench.engine.remove_device(gone);
    let other = spec(SampleFormat::S16Le, 2, 44_100);
    let from = |device| record_config(RecordFrom::Monitor(device), s16_stereo());
    let to = playback_config(s16_stereo());
    assert!(bench.engine.add_link(device, &playback_config(other), &from(device), 0).is_err());
    assert!(bench.engine.add_link(gone, &to, &from(device), 0).is_err());
    assert!(bench.engine.add_link(device, &to, &from(gone), 0).is_err());
    for slots in [&bench.engine.playback_slots, &bench.engine.record_slots, &bench.engine.link_slots] {
        assert_eq!(slots.next as usize, slots.free.len());
    }
}
