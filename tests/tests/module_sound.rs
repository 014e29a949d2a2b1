//! What modules do to sound: it arrives where they say, bit for bit where nothing has to be converted.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use sealpulse_tests::samples::{channel, fit_sine, noise, sounding, wav};
use sealpulse_tests::{Client, Kind, Recorder, Server, ServerOptions, Transport};

const RATE: u32 = 48_000;
const LIMIT: Duration = Duration::from_secs(20);
const OUT: &str = "module-null-sink sink_name=out rate=48000 format=float32le";

fn text(path: &Path) -> &str {
    path.to_str().expect("the path is UTF-8")
}

fn load(client: &Client, arguments: &[&str]) -> u32 {
    let index = client.pactl(&[&["load-module"], arguments].concat());
    index.trim().parse().expect("load-module prints an index")
}

/// Plays `samples` (float32le, stereo) on a device, to their end.
fn play(client: &Client, device: &str, samples: &[u8]) {
    let file = client.path("played.wav");
    std::fs::write(&file, wav(samples, RATE, 2)).expect("the file can be written");
    client.run("paplay", &["--device", device, text(&file)]).expect_success("paplay");
}

fn record(client: &Client, device: &str) -> Recorder {
    Recorder::start(client, device, "float32le", RATE, 2)
}

/// What is played on `sink` arrives at `source`, every bit of it, once the module is loaded.
fn expect_passes(modules: &[&str], load_arguments: &[&str], sink: &str, sources: &[&str]) {
    let server = Server::start(modules);
    let client = server.client(Transport::Memfd);
    load(&client, load_arguments);
    let recorders: Vec<Recorder> = sources.iter().map(|source| record(&client, source)).collect();
    let sound = noise("float32le", 2, RATE as usize, 7);
    play(&client, sink, &sound);
    for recorder in recorders {
        recorder.wait_for(&sound, 8, LIMIT);
    }
}

#[test]
fn a_virtual_microphone_has_what_its_feed_plays() {
    expect_passes(
        &[OUT],
        &["module-virtual-mic", "source_name=mic", "feed_sink_name=feed", "format=float32le", "rate=48000"],
        "feed",
        &["mic"],
    );
}

#[test]
fn a_loopback_plays_what_its_source_has() {
    expect_passes(
        &[OUT, "module-null-sink sink_name=other rate=48000 format=float32le"],
        &["module-loopback", "source=out.monitor", "sink=other", "latency_msec=5"],
        "out",
        &["other.monitor"],
    );
}

#[test]
fn a_remapped_sink_passes_bit_for_bit() {
    expect_passes(
        &[OUT],
        &["module-remap-sink", "sink_name=remapped", "master=out"],
        "remapped",
        &["out.monitor", "remapped.monitor"],
    );
}

#[test]
fn a_remapped_source_passes_bit_for_bit() {
    expect_passes(
        &[OUT],
        &["module-remap-source", "source_name=remapped", "master=out.monitor"],
        "out",
        &["remapped"],
    );
}

#[test]
fn virtual_devices_pass_bit_for_bit() {
    expect_passes(&[OUT], &["module-virtual-sink", "sink_name=v", "master=out"], "v", &["out.monitor"]);
    expect_passes(&[OUT], &["module-virtual-source", "source_name=v", "master=out.monitor"], "out", &["v"]);
}

#[test]
fn a_combined_sink_plays_on_all_of_its_slaves() {
    expect_passes(
        &[OUT, "module-null-sink sink_name=other rate=48000 format=float32le"],
        &["module-combine-sink", "sink_name=both", "slaves=out,other"],
        "both",
        &["out.monitor", "other.monitor"],
    );
}

#[test]
fn filters_can_be_stacked() {
    let server = Server::start(&[OUT]);
    let client = server.client(Transport::Memfd);
    load(&client, &["module-remap-sink", "sink_name=first", "master=out"]);
    load(&client, &["module-virtual-sink", "sink_name=second", "master=first"]);
    load(&client, &["module-remap-sink", "sink_name=third", "master=second"]);
    let recorder = record(&client, "out.monitor");
    let sound = noise("float32le", 2, RATE as usize, 3);
    play(&client, "third", &sound);
    recorder.wait_for(&sound, 8, LIMIT);
}

#[test]
fn a_channel_can_be_taken_out() {
    let server = Server::start(&[OUT]);
    let client = server.client(Transport::Memfd);
    let arguments = [
        "sink_name=left",
        "master=out",
        "channels=1",
        "channel_map=mono",
        "master_channel_map=front-left",
        "remix=no",
    ];
    load(&client, &[&["module-remap-sink"], &arguments[..]].concat());
    let recorder = record(&client, "out.monitor");
    let mono = noise("float32le", 1, RATE as usize, 3);
    let file = client.path("mono.wav");
    std::fs::write(&file, wav(&mono, RATE, 1)).expect("the file can be written");
    client.run("paplay", &["--device", "left", text(&file)]).expect_success("paplay");
    let wanted: Vec<u8> = mono.chunks(4).flat_map(|sample| [sample, &[0; 4]].concat()).collect();
    recorder.wait_for(&wanted, 8, LIMIT);
}

fn expect_tone(client: &Client, device: &str, frequency: f64) {
    let recorder = record(client, device);
    recorder.wait_length(u64::from(RATE) * 8);
    let left = channel(&recorder.bytes(), 2, 0);
    let fit = fit_sine(&sounding(&left, 1e-3)[4_800..], frequency, RATE);
    assert!((fit.amplitude - 0.5).abs() < 0.01 && fit.residue < -90.0, "{device}: {fit:?}");
}

#[test]
fn sines_are_pure_tones_of_their_frequency() {
    let server = Server::start(&[OUT]);
    let client = server.client(Transport::Memfd);
    load(&client, &["module-sine", "sink=out", "frequency=1000"]);
    expect_tone(&client, "out.monitor", 1_000.0);
    load(&client, &["module-sine-source", "source_name=tone", "frequency=440", "rate=48000"]);
    expect_tone(&client, "tone", 440.0);
}

#[test]
fn a_null_source_is_silent_and_keeps_time() {
    let server = Server::start(&[OUT]);
    let client = server.client(Transport::Memfd);
    load(&client, &["module-null-source", "source_name=nothing", "rate=48000"]);
    let recorder = record(&client, "nothing");
    recorder.wait_length(u64::from(RATE) * 4);
    assert!(recorder.bytes().iter().all(|&byte| byte == 0));
}

#[test]
fn a_pipe_sink_writes_what_is_played() {
    let server = Server::start(&[OUT]);
    let client = server.client(Transport::Memfd);
    let path = server.directory().join("sink.fifo");
    let file = format!("file={}", path.display());
    let index =
        load(&client, &["module-pipe-sink", &file, "sink_name=fifo", "format=float32le", "rate=48000"]);
    let mut pipe = OpenOptions::new().read(true).open(&path).expect("the pipe is there");
    let sound = noise("float32le", 2, RATE as usize / 2, 9);
    let wanted = sound.clone();
    let reader = std::thread::spawn(move || {
        let mut heard = Vec::new();
        let mut part = [0; 4_096];
        while heard.len() < 4 * wanted.len() {
            let count = pipe.read(&mut part).expect("the pipe can be read");
            heard.extend_from_slice(&part[..count]);
            // What comes first, and what comes between, is silence.
            let start = heard.chunks(8).position(|frame| frame.iter().any(|&byte| byte != 0));
            if start.is_some_and(|start| heard.len() >= start * 8 + wanted.len()) {
                let start = start.unwrap_or_default() * 8;
                return heard[start..start + wanted.len()] == wanted[..];
            }
        }
        false
    });
    play(&client, "fifo", &sound);
    assert!(reader.join().expect("the reader ends"), "something else came out of the pipe");
    client.pactl(&["unload-module", &index.to_string()]);
    assert!(!path.exists(), "the pipe goes with its module");
}

#[test]
fn a_pipe_source_has_what_is_written() {
    let server = Server::start(&[OUT]);
    let client = server.client(Transport::Memfd);
    let path = server.directory().join("source.fifo");
    let file = format!("file={}", path.display());
    load(&client, &["module-pipe-source", &file, "source_name=fifo", "format=float32le", "rate=48000"]);
    let recorder = record(&client, "fifo");
    let sound = noise("float32le", 2, RATE as usize, 13);
    let written = sound.clone();
    let writer = std::thread::spawn(move || {
        let mut pipe: File = OpenOptions::new().write(true).open(path).expect("the pipe is there");
        pipe.write_all(&written).expect("the pipe takes it");
    });
    recorder.wait_for(&sound, 8, LIMIT);
    writer.join().expect("the writer ends");
}

#[test]
fn a_pipe_that_cannot_be_made_is_refused() {
    let server = Server::start(&[OUT]);
    let client = server.client(Transport::Memfd);
    let there = format!("file={}", server.directory().join("there").display());
    load(&client, &["module-pipe-source", &there]);
    for arguments in [["module-pipe-source", &there], ["module-pipe-sink", "file=/nonexistent/fifo"]] {
        let output = client.run("pactl", &[&["load-module"], &arguments[..]].concat());
        assert_eq!(output.code(), 1, "{arguments:?}");
        assert!(output.stderr.contains("Module initialization failed"), "{}", output.stderr);
    }
    assert!(server.log().contains("/nonexistent/fifo"), "{}", server.log());
    assert!(!client.pactl(&["list", "short", "sinks"]).contains("fifo"));
}

/// A server that another one reaches by TCP.
fn tunnels(kind: Kind) {
    let there = ServerOptions::new(&[OUT]).kind(kind).start();
    let far = there.client(Transport::Memfd);
    let socket = there.directory().join("far");
    load(&far, &["module-native-protocol-unix", &format!("socket={}", socket.display()), "auth-anonymous=1"]);
    let here = Server::start(&["module-null-sink sink_name=here"]);
    let near = here.client(Transport::Memfd);
    let server = format!("server=unix:{}", socket.display());
    let format = ["format=float32le", "rate=48000", "reconnect_interval_ms=100"];
    load(&near, &[&["module-tunnel-sink", &server, "sink=out", "sink_name=away"], &format[..]].concat());
    load(
        &near,
        &[&["module-tunnel-source", &server, "source=out.monitor", "source_name=back"], &format[..]].concat(),
    );
    let (heard_there, heard_here) = (record(&far, "out.monitor"), record(&near, "back"));
    // The connection may still be under way, and PulseAudio's monitor drops the start: the second half counts.
    let sound = noise("float32le", 2, 6 * RATE as usize, 17);
    play(&near, "away", &sound);
    let half = &sound[sound.len() / 2..sound.len() * 3 / 4];
    heard_there.wait_for(half, 8, LIMIT);
    heard_here.wait_for(half, 8, LIMIT);
}

#[test]
fn tunnels_reach_another_sealpulse() {
    tunnels(Kind::Sealpulse);
}

#[test]
fn tunnels_reach_pulseaudio() {
    tunnels(Kind::PulseAudio);
}

#[test]
fn pulseaudios_tunnels_reach_us() {
    let there = Server::start(&[OUT]);
    let far = there.client(Transport::Memfd);
    let here = ServerOptions::new(&["module-null-sink sink_name=here"]).kind(Kind::PulseAudio).start();
    let near = here.client(Transport::Memfd);
    let socket = there.directory().join("far");
    load(&far, &["module-native-protocol-unix", &format!("socket={}", socket.display()), "auth-anonymous=1"]);
    let server = format!("server=unix:{}", socket.display());
    let format = ["format=float32le", "rate=48000"];
    load(&near, &[&["module-tunnel-sink", &server, "sink=out", "sink_name=away"], &format[..]].concat());
    let recorder = record(&far, "out.monitor");
    let sound = noise("float32le", 2, 6 * RATE as usize, 19);
    play(&near, "away", &sound);
    let half = &sound[sound.len() / 2..sound.len() * 3 / 4];
    recorder.wait_for(half, 8, LIMIT);
}
