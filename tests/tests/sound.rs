//! Resampling, mixing, volume, and when things are told.

use sealpulse_tests::samples::{self, Fit};
use sealpulse_tests::{Application, Client, Recorder, Server, Transport, wait};
use std::io::Write;
use std::time::{Duration, Instant};

fn sink(rate: u32, format: &str) -> Server {
    Server::start(&[&format!("module-null-sink sink_name=out format={format} rate={rate} channels=2")])
}

/// Starts playing float32le samples of two channels.
fn start(client: &Client, name: &str, sound: &[u8], rate: u32) -> Application {
    std::fs::write(client.path(name), sound).expect("the file can be written");
    let rate = format!("--rate={rate}");
    let client_name = format!("--client-name={name}");
    client.start("pacat", &["--raw", "--format=float32le", "--channels=2", &client_name, &rate, name])
}

/// Plays a tone in one rate through a sink of another, and measures what comes out.
fn resampled(frequency: f64, from: u32, to: u32) -> Fit {
    let server = sink(to, "float32le");
    let client = server.client(Transport::Memfd);
    let recorder = Recorder::start(&client, "out.monitor", "float32le", to, 2);
    let tone = samples::sine(frequency, 0.5, from, 2, 2.0);
    start(&client, "tone", &tone, from).wait(wait::LIMIT).expect_success("pacat");
    let heard = wait::on_directory(&client.path("output"), wait::LIMIT, || {
        let recorded = samples::channel(&recorder.bytes(), 2, 1);
        let heard = samples::sounding(&recorded, 0.01).to_vec();
        (heard.len() > to as usize * 19 / 10).then_some(heard)
    });
    let heard = heard.expect("the tone is heard for two seconds");
    samples::fit_sine(&heard[to as usize / 4..to as usize * 7 / 4], frequency, to)
}

#[test]
fn a_resampled_tone_stays_clean() {
    for (from, to) in [(44_100, 48_000), (48_000, 44_100)] {
        let fit = resampled(1_000.0, from, to);
        assert!(fit.residue <= -100.0 && (fit.amplitude - 0.5).abs() < 0.005, "{from} to {to}: {fit:?}");
    }
}

#[test]
fn resampling_passes_all_that_is_heard() {
    for frequency in [40.0, 10_000.0, 20_000.0] {
        let fit = resampled(frequency, 44_100, 48_000);
        let decibels = 20.0 * (fit.amplitude / 0.5).log10();
        assert!(decibels.abs() <= 0.1, "{frequency} Hz: {decibels} dB");
    }
}

/// Waits until the last 100 ms of the recording (48 kHz, two channels) are `wanted` in each channel.
fn wait_level(recorder: &Recorder, client: &Client, wanted: [f64; 2], tolerance: f64) {
    let frames = 4_800;
    let mut last = [0.0; 2];
    let heard = wait::on_directory(&client.path("output"), wait::LIMIT, || {
        let bytes = recorder.bytes();
        let end = bytes.len() / 8 * 8;
        let part = bytes.get(end.checked_sub(frames * 8)?..end)?;
        let near = |which: usize| {
            samples::channel(part, 2, which).iter().all(|sample| (sample - wanted[which]).abs() <= tolerance)
        };
        last = [samples::channel(part, 2, 0)[frames - 1], samples::channel(part, 2, 1)[frames - 1]];
        (near(0) && near(1)).then_some(())
    });
    assert!(heard.is_some(), "{wanted:?} is not heard, but {last:?}");
}

fn constant(value: f32) -> Vec<u8> {
    samples::constant(value, 2 * 48_000 * 30)
}

#[test]
fn streams_are_added_and_saturate() {
    let server = sink(48_000, "s16le");
    let client = server.client(Transport::Memfd);
    let recorder = Recorder::start(&client, "out.monitor", "float32le", 48_000, 2);
    let _first = start(&client, "first", &constant(0.25), 48_000);
    wait_level(&recorder, &client, [0.25; 2], 0.001);
    let second = start(&client, "second", &constant(0.5), 44_100);
    wait_level(&recorder, &client, [0.75; 2], 0.001);
    let _third = start(&client, "third", &constant(0.75), 48_000);
    wait_level(&recorder, &client, [1.0; 2], 0.001);
    drop(second);
    wait_level(&recorder, &client, [1.0; 2], 0.001);
}

#[test]
fn volume_and_mute_are_heard() {
    let server = sink(48_000, "float32le");
    let client = server.client(Transport::Memfd);
    let recorder = Recorder::start(&client, "out.monitor", "float32le", 48_000, 2);
    let _player = start(&client, "player", &constant(0.5), 48_000);
    wait_level(&recorder, &client, [0.5; 2], 0.0005);
    // Of streams, of devices; the volume is cubic.
    for (command, object, volume, level) in [
        ("set-sink-input-volume", "0", &["50%"][..], [0.0625; 2]),
        ("set-sink-input-volume", "0", &["100%", "50%"], [0.5, 0.0625]),
        ("set-sink-input-volume", "0", &["0"], [0.0; 2]),
        ("set-sink-input-volume", "0", &["100%"], [0.5; 2]),
        ("set-sink-input-mute", "0", &["1"], [0.0; 2]),
        ("set-sink-input-mute", "0", &["0"], [0.5; 2]),
        ("set-sink-volume", "out", &["-6dB"], [0.25059; 2]),
        ("set-sink-volume", "out", &["65536", "32768"], [0.5, 0.0625]),
        ("set-sink-volume", "out", &["100%"], [0.5; 2]),
        ("set-sink-mute", "out", &["1"], [0.0; 2]),
        ("set-sink-mute", "out", &["0"], [0.5; 2]),
        ("set-source-volume", "out.monitor", &["50%"], [0.0625; 2]),
        ("set-source-volume", "out.monitor", &["100%"], [0.5; 2]),
        ("set-source-mute", "out.monitor", &["1"], [0.0; 2]),
        ("set-source-mute", "out.monitor", &["0"], [0.5; 2]),
        ("set-source-output-volume", "0", &["50%"], [0.0625; 2]),
        ("set-source-output-volume", "0", &["100%"], [0.5; 2]),
        ("set-source-output-mute", "0", &["1"], [0.0; 2]),
        ("set-source-output-mute", "0", &["0"], [0.5; 2]),
    ] {
        let mut all = vec![command, object];
        all.extend(volume);
        client.pactl(&all);
        wait_level(&recorder, &client, level, 0.001);
    }
}

#[test]
fn channels_are_remixed() {
    let server = sink(48_000, "float32le");
    let client = server.client(Transport::Memfd);
    let recorder = Recorder::start(&client, "out.monitor", "float32le", 48_000, 2);
    let mono = samples::constant(0.5, 48_000 * 20);
    std::fs::write(client.path("mono"), mono).expect("the file can be written");
    let arguments = ["--raw", "--format=float32le", "--rate=48000", "--channels=1", "mono"];
    let player = client.start("pacat", &arguments);
    wait_level(&recorder, &client, [0.5; 2], 0.001);
    drop(player);
    wait_level(&recorder, &client, [0.0; 2], 0.001);
    // Front left alone of six channels.
    let six: Vec<u8> = [0.5_f32, 0.0, 0.0, 0.0, 0.0, 0.0]
        .repeat(48_000 * 20)
        .iter()
        .flat_map(|sample| sample.to_le_bytes())
        .collect();
    std::fs::write(client.path("six"), six).expect("the file can be written");
    let map = "--channel-map=front-left,front-right,rear-left,rear-right,front-center,lfe";
    let arguments = ["--raw", "--no-remix", "--format=float32le", "--rate=48000", "--channels=6", map, "six"];
    let _player = client.start("pacat", &arguments);
    wait_level(&recorder, &client, [0.5, 0.0], 0.001);
}

#[test]
fn a_moved_stream_goes_on_at_the_other_sink() {
    let server = Server::start(&[
        "module-null-sink sink_name=out format=float32le rate=48000",
        "module-null-sink sink_name=second format=float32le rate=48000",
    ]);
    let client = server.client(Transport::Memfd);
    let first = Recorder::start(&client, "out.monitor", "float32le", 48_000, 2);
    let second = Recorder::start(&client, "second.monitor", "float32le", 48_000, 2);
    let _player = start(&client, "player", &constant(0.5), 48_000);
    wait_level(&first, &client, [0.5; 2], 0.001);
    client.pactl(&["move-sink-input", "0", "second"]);
    wait_level(&second, &client, [0.5; 2], 0.001);
    wait_level(&first, &client, [0.0; 2], 0.001);
    client.pactl(&["suspend-sink", "second", "1"]);
    client.pactl(&["suspend-sink", "second", "0"]);
    wait_level(&second, &client, [0.5; 2], 0.001);
}

#[test]
fn a_drained_stream_ends_when_its_sound_does() {
    let server = sink(48_000, "s16le");
    let client = server.client(Transport::Memfd);
    let begin = Instant::now();
    let mut player = start(&client, "second", &samples::constant(0.1, 2 * 48_000), 48_000);
    player.wait(wait::LIMIT).expect_success("pacat");
    let took = begin.elapsed();
    // PulseAudio's null sink renders up to two seconds ahead, and lets that time pass.
    let most = Duration::from_millis(if server.is_sealpulse() { 2_000 } else { 4_500 });
    assert!((Duration::from_secs(1)..most).contains(&took), "{took:?}");
}

#[test]
fn a_stream_that_runs_dry_is_told_so_and_goes_on() {
    let server = sink(48_000, "float32le");
    let client = server.client(Transport::Memfd);
    let recorder = Recorder::start(&client, "out.monitor", "float32le", 48_000, 2);
    client.run("mkfifo", &["sound"]).expect_success("mkfifo");
    let arguments =
        ["--raw", "-v", "--format=float32le", "--rate=48000", "--channels=2", "--latency-msec=100", "sound"];
    let mut player = client.start("pacat", &arguments);
    let mut fifo =
        std::fs::File::options().read(true).write(true).open(client.path("sound")).expect("it can be opened");
    let part = samples::constant(0.5, 2 * 24_000);
    let wait_said = |player: &Application, what: &str, times: usize| {
        let said = wait::on_directory(&client.path("output"), wait::LIMIT, || {
            (player.errors().matches(what).count() >= times).then_some(())
        });
        assert!(said.is_some(), "`{what}` is not said {times} times: {}", player.errors());
    };
    for times in 1..=3 {
        fifo.write_all(&part).expect("the fifo takes it");
        wait_level(&recorder, &client, [0.5; 2], 0.001);
        wait_said(&player, "Stream started", times);
        wait_said(&player, "Stream underrun", times);
        wait_level(&recorder, &client, [0.0; 2], 0.001);
    }
    if server.is_sealpulse() {
        let status = client.status();
        let clients = status["clients"].as_array().expect("clients are a list").clone();
        let mine = clients.iter().find(|client| client["pid"] == player.pid()).expect("it is there");
        // What has not gone on after its gap may as well have ended.
        assert_eq!(mine["underruns"], 2, "{mine:#}");
    }
    player.terminate();
}

#[test]
fn one_stream_alone_can_be_recorded() {
    let server = sink(48_000, "float32le");
    let client = server.client(Transport::Memfd);
    let _first = start(&client, "first", &constant(0.25), 48_000);
    let end = Instant::now() + wait::LIMIT;
    while client.pactl_json(&["list", "sink-inputs"]).as_array().is_none_or(Vec::is_empty) {
        assert!(Instant::now() < end, "the stream comes");
    }
    let _second = start(&client, "second", &constant(0.5), 48_000);
    let alone =
        ["--monitor-stream=0", "--format=float32le", "--rate=48000", "--channels=2", "--latency-msec=50"];
    let recorder = Recorder::with_arguments(&client, &alone.map(str::to_owned));
    wait_level(&recorder, &client, [0.25; 2], 0.001);
}

#[test]
fn every_rate_can_be_recorded() {
    let server = sink(48_000, "float32le");
    let client = server.client(Transport::Memfd);
    let _player = start(&client, "player", &samples::sine(440.0, 0.5, 48_000, 2, 30.0), 48_000);
    for rate in [1_u32, 25, 8_000, 384_000] {
        let recorder = Recorder::start(&client, "out.monitor", "float32le", rate, 1);
        recorder.wait_length(u64::from(4 * rate.min(1_000)));
    }
}
