//! `sealpulse play`, `sealpulse record` and `sealpulse plot`: what goes through them arrives bit for bit.

use rustix::process::Signal;
use sealpulse_tests::samples::{self, noise};
use sealpulse_tests::{Application, Client, Events, Output, Recorder, Server, Transport, sealpulse, wait};
use std::path::{Path, PathBuf};
use std::time::Duration;

const RATE: u32 = 48_000;
const LIMIT: Duration = Duration::from_secs(20);

fn server(format: &str) -> Server {
    Server::start(&[&format!("module-null-sink sink_name=out format={format} rate={RATE} channels=2")])
}

fn tool(client: &Client, arguments: &[&str]) -> Application {
    client.start(sealpulse().to_str().expect("the program's path is UTF-8"), arguments)
}

fn run(client: &Client, arguments: &[&str]) -> Output {
    tool(client, arguments).wait(LIMIT)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the path is UTF-8")
}

/// ffmpeg's names of a sample format: as a container of bare samples, and as a codec.
fn ffmpeg_names(format: &str) -> (String, String) {
    let name = format.replace("float", "f");
    (name.clone(), format!("pcm_{name}"))
}

/// Makes an audio file of bare samples with ffmpeg.
fn encode(client: &Client, bytes: &[u8], format: &str, name: &str, more: &[&str]) -> PathBuf {
    let (raw, path) = (client.path(&format!("{name}.samples")), client.path(name));
    std::fs::write(&raw, bytes).expect("the samples can be written");
    let (container, _) = ffmpeg_names(format);
    let rate = RATE.to_string();
    let mut arguments = vec!["-v", "error", "-nostdin", "-y", "-f", &container, "-ar", &rate, "-ac", "2"];
    arguments.extend(["-i", text(&raw)]);
    arguments.extend(more);
    arguments.push(text(&path));
    client.run("ffmpeg", &arguments).expect_success("ffmpeg");
    path
}

/// The samples of an audio file, by ffmpeg.
fn decode(client: &Client, path: &Path, format: &str) -> Vec<u8> {
    let raw = path.with_extension("decoded");
    let (container, codec) = ffmpeg_names(format);
    let arguments =
        ["-v", "error", "-nostdin", "-y", "-i", text(path), "-f", &container, "-c:a", &codec, text(&raw)];
    client.run("ffmpeg", &arguments).expect_success("ffmpeg");
    std::fs::read(raw).expect("ffmpeg wrote it")
}

/// Where `wanted` begins in `all`, in whole frames.
fn find(all: &[u8], wanted: &[u8], frame: usize) -> Option<usize> {
    let probe = wanted.get(..frame * 16)?;
    let mut places = (0..all.len().saturating_sub(wanted.len()) + 1).step_by(frame);
    places.find(|&at| all[at..].starts_with(probe) && all[at..].starts_with(wanted))
}

/// Plays files and expects `wanted` at the monitor.
fn expect_heard(server: &Server, client: &Client, format: &str, arguments: &[&str], wanted: &[u8]) {
    let recorder = Recorder::start(client, "out.monitor", format, RATE, 2);
    run(client, &[&["play", "--device", "out"], arguments].concat()).expect_success("sealpulse play");
    let frame = 2 * samples::width(format);
    // PulseAudio takes silence that a recorder has got already for played, and so loses the beginning.
    let wanted = if server.is_sealpulse() { wanted } else { &wanted[RATE as usize * frame..] };
    recorder.wait_for(wanted, frame, LIMIT);
}

#[test]
fn a_file_is_played_bit_for_bit_in_its_own_format() {
    for (format, name, codec) in [
        ("s16le", "a.wav", "pcm_s16le"),
        ("s24le", "a.wav", "pcm_s24le"),
        ("s32le", "a.wav", "pcm_s32le"),
        ("float32le", "a.wav", "pcm_f32le"),
        ("s16le", "a.flac", "flac"),
    ] {
        let server = server(format);
        for transport in [Transport::Memfd, Transport::Socket] {
            let client = server.client(transport);
            let sound = noise(format, 2, 2 * RATE as usize + 17, 5);
            let path = encode(&client, &sound, format, name, &["-c:a", codec]);
            expect_heard(&server, &client, format, &[text(&path)], &sound);
        }
    }
}

#[test]
fn files_that_are_alike_follow_each_other_without_a_gap() {
    let server = server("s16le");
    let client = server.client(Transport::Memfd);
    let parts = [70_001, 333, 48_000].map(|frames| noise("s16le", 2, frames, frames as u64));
    let paths: Vec<_> = parts
        .iter()
        .zip(["a.wav", "b.flac", "c.wav"])
        .map(|(part, name)| encode(&client, part, "s16le", name, &[]))
        .collect();
    let arguments: Vec<_> = paths.iter().map(|path| text(path)).collect();
    expect_heard(&server, &client, "s16le", &arguments, &parts.concat());
}

#[test]
fn what_cannot_be_played_is_told_and_left_out() {
    let server = server("s16le");
    let client = server.client(Transport::Memfd);
    let sound = noise("s16le", 2, 4_800, 3);
    let good = encode(&client, &sound, "s16le", "good.wav", &[]);
    let bad = client.path("bad.ogg");
    std::fs::write(&bad, "no sound").expect("the file can be written");
    let output = run(&client, &["play", "--json", text(&bad), text(&good), "/does/not/exist.flac"]);
    assert_eq!(output.code(), 1, "{}", output.stderr);
    assert_eq!(output.stderr.lines().count(), 2, "{}", output.stderr);
    let summary: serde_json::Value = serde_json::from_str(&output.stdout).expect("the summary is JSON");
    assert_eq!(summary["written_bytes"], sound.len());
    assert_eq!(summary["files"][1]["error"], serde_json::Value::Null);
    assert_eq!(summary["files"][1]["decoded_frames"], 4_800);
    assert!(summary["files"][0]["error"].is_string() && summary["files"][2]["error"].is_string());
    run(&client, &["play", text(&good)]).expect_success("sealpulse play");
}

/// Starts recording; returns when the server has its stream.
fn start_recording(client: &Client, events: &Events, arguments: &[&str]) -> Application {
    let from = events.all().len();
    let recording = tool(client, &[&["record"], arguments].concat());
    events.wait_from(from, "a source output", |event| event.on == "source-output" && event.event == "new");
    recording
}

#[test]
fn a_monitor_is_recorded_bit_for_bit() {
    for (format, name) in
        [("s16le", "a.wav"), ("float32le", "a.wav"), ("s16le", "a.flac"), ("s24le", "a.flac")]
    {
        let server = server(format);
        let client = server.client(Transport::Memfd);
        let events = Events::subscribe(&client);
        let path = client.path(&format!("recorded-{name}"));
        let (seconds, duration) = if server.is_sealpulse() { (4, "4") } else { (7, "7") };
        let arguments = ["--monitor", "--device", "out", "--duration", duration, text(&path)];
        let mut recording = start_recording(&client, &events, &arguments);
        let sound = noise(format, 2, (seconds - 2) * RATE as usize, 11);
        let played = encode(&client, &sound, format, "played.wav", &["-c:a", &ffmpeg_names(format).1]);
        run(&client, &["play", text(&played)]).expect_success("sealpulse play");
        recording.wait(LIMIT).expect_success("sealpulse record");
        let recorded = decode(&client, &path, format);
        let frame = 2 * samples::width(format);
        assert_eq!(recorded.len(), seconds * RATE as usize * frame, "{format} {name}");
        // As above, and of what is left the end.
        let wanted =
            if server.is_sealpulse() { &sound[..] } else { &sound[sound.len() / 4 * 3..][..frame * 1000] };
        assert!(
            find(&recorded, wanted, frame).is_some(),
            "{format} {name}: the sound is not in the recording"
        );
    }
}

#[test]
fn one_stream_is_recorded_alone() {
    let server = server("s16le");
    let client = server.client(Transport::Memfd);
    let events = Events::subscribe(&client);
    let sounds = [1, 2].map(|seed| noise("s16le", 2, 4 * RATE as usize, seed));
    let mut players = Vec::new();
    for (sound, name) in sounds.iter().zip(["one.wav", "other.wav"]) {
        let path = encode(&client, sound, "s16le", name, &[]);
        let from = events.all().len();
        players.push(tool(&client, &["play", text(&path)]));
        events.wait_from(from, "a sink input", |event| event.on == "sink-input" && event.event == "new");
    }
    let path = client.path("alone.wav");
    run(&client, &["record", "--stream", "other", "--duration", "500ms", text(&path)])
        .expect_success("record");
    let recorded = decode(&client, &path, "s16le");
    assert_eq!(recorded.len(), RATE as usize / 2 * 4);
    // The beginning may be silence, when the stream has just begun.
    let part = &recorded[recorded.len() / 2..];
    assert!(find(&sounds[1], part, 4).is_some(), "something else is in the recording");
    let output = run(&client, &["record", "--stream", "nobody", text(&path)]);
    assert_eq!(output.code(), 1);
    assert!(output.stderr.contains("other.wav"), "{}", output.stderr);
}

#[test]
fn ctrl_c_leaves_a_valid_file() {
    let server = server("s16le");
    let client = server.client(Transport::Memfd);
    let events = Events::subscribe(&client);
    for name in ["a.wav", "a.flac"] {
        let path = client.path(name);
        let arguments = ["--monitor", "--device", "out", text(&path)];
        let mut recording = start_recording(&client, &events, &arguments);
        // The file has been brought up to date once.
        let directory = path.parent().expect("it is in a directory");
        let header = std::fs::metadata(&path).map_or(0, |metadata| metadata.len()).max(100);
        let grown = || std::fs::metadata(&path).is_ok_and(|metadata| metadata.len() > header).then_some(());
        wait::on_directory(directory, LIMIT, grown).expect("the recording grows");
        recording.signal(Signal::INT);
        recording.wait(LIMIT).expect_success("sealpulse record");
        let recorded = decode(&client, &path, "s16le");
        assert!(recorded.len() >= RATE as usize, "{name}: {} bytes", recorded.len());
        let silence = recorded.iter().all(|&byte| byte == 0);
        assert!(silence, "{name}: nothing was played");
    }
}

#[test]
fn a_picture_is_drawn() {
    let server = server("s16le");
    let client = server.client(Transport::Memfd);
    let path = encode(&client, &noise("s16le", 2, 30_000, 1), "s16le", "a.wav", &[]);
    for (name, start) in [("a.png", &b"\x89PNG"[..]), ("a.svg", b"<svg ")] {
        let picture = client.path(name);
        run(&client, &["plot", text(&path), "-o", text(&picture)]).expect_success("sealpulse plot");
        assert!(std::fs::read(&picture).expect("it is there").starts_with(start), "{name}");
    }
    let output = run(&client, &["plot", text(&path), "-o", "a.gif"]);
    assert!(output.code() == 1 && output.stderr.contains(".svg or .png"), "{}", output.stderr);
}
