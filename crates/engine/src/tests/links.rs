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
