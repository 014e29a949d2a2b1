//! Applications of other people's sound libraries: SDL2, OpenAL, libcanberra, and what speaks.

use sealpulse_tests::{Client, Recorder, Server, Transport, samples, wait};
use std::path::{Path, PathBuf};

const RATE: u32 = 48_000;
const OUT: &str = "module-null-sink sink_name=out rate=48000 format=float32le";

/// Compiles one of `tests/programs` into the test's own directory.
fn compile(client: &Client, program: &str, package: &str) -> String {
    let flags = client.run("pkg-config", &["--cflags", "--libs", package]);
    flags.expect_success("pkg-config, for what make deps installs");
    let source: PathBuf = [env!("CARGO_MANIFEST_DIR"), "programs", &format!("{program}.c")].iter().collect();
    let (source, target) = (text(&source), text(&client.path(program)));
    let mut arguments = vec!["-O1", "-Wall", "-Wextra", "-Werror", "-o", &target, &source];
    arguments.extend(flags.stdout.split_whitespace());
    arguments.extend(["-lm", "-pthread"]);
    client.run("cc", &arguments).expect_success(program);
    target
}

fn text(path: &Path) -> String {
    path.to_str().expect("the path is UTF-8").to_owned()
}

/// What is heard of a sound once more than `least` frames of it have come.
fn hear(client: &Client, recorder: &Recorder, threshold: f64, least: usize) -> Vec<f64> {
    let left = || samples::channel(&recorder.bytes(), 2, 0);
    let heard = wait::on_directory(&client.path("output"), wait::LIMIT, || {
        let heard = samples::sounding(&left(), threshold).to_vec();
        (heard.len() > least).then_some(heard)
    });
    heard.unwrap_or_else(|| panic!("{} frames were heard", samples::sounding(&left(), threshold).len()))
}

/// What was heard is this tone.
fn expect_tone(heard: &[f64], frequency: f64, amplitude: f64) {
    let fit = fit(heard, frequency);
    assert!((fit.amplitude - amplitude).abs() < 0.01 && fit.residue < -60.0, "{fit:?}");
}

/// The tone in the middle second but for its edges.
fn fit(heard: &[f64], frequency: f64) -> samples::Fit {
    let (middle, half) = (heard.len() / 2, RATE as usize * 9 / 20);
    samples::fit_sine(&heard[middle - half..middle + half], frequency, RATE)
}

fn record(client: &Client) -> Recorder {
    Recorder::start(client, "out.monitor", "float32le", RATE, 2)
}

/// Two seconds but for the fading.
const WHOLE: usize = RATE as usize * 39 / 20;

#[test]
fn sdl_plays() {
    let server = Server::start(&[OUT]);
    let client = server.client(Transport::Memfd).with("SDL_AUDIODRIVER", "pulseaudio");
    let program = compile(&client, "sdl_tone", "sdl2");
    let recorder = record(&client);
    let output = client.run(&program, &["1000"]);
    output.expect_success("sdl_tone");
    assert!(output.stdout.contains("driver pulseaudio"), "{}", output.stdout);
    let heard = hear(&client, &recorder, 0.05, WHOLE);
    assert!(heard.len() < RATE as usize * 5 / 2, "it was heard for {} frames", heard.len());
    expect_tone(&heard, 1_000.0, 0.25);
}

#[test]
fn sdl_records_and_knows_devices_by_their_descriptions() {
    let server = Server::start(&[OUT]);
    let client = server.client(Transport::Memfd).with("SDL_AUDIODRIVER", "pulseaudio");
    let (tone, ear) = (compile(&client, "sdl_tone", "sdl2"), compile(&client, "sdl_ear", "sdl2"));
    let microphone =
        ["load-module", "module-virtual-mic", "source_name=mic", "feed_sink_name=feed", "rate=48000"];
    client.pactl(&[&microphone[..], &["source_properties=device.description=Studio"]].concat());
    let _ear = client.start(&ear, &["Studio", "recorded"]);
    client.pactl(&["set-default-sink", "feed"]);
    let output = client.run(&tone, &["500"]);
    output.expect_success("sdl_tone");
    assert!(output.stdout.contains("records from Studio"), "{}", output.stdout);
    let length = u64::from(RATE) * 4;
    let there = || std::fs::metadata(client.path("recorded")).is_ok_and(|file| file.len() == length);
    let recorded = wait::on_directory(server.directory(), wait::LIMIT, || there().then_some(()));
    assert!(recorded.is_some(), "nothing was recorded");
    let bytes = std::fs::read(client.path("recorded")).expect("the recording can be read");
    expect_tone(&samples::channel(&bytes, 1, 0), 500.0, 0.25);
}

#[test]
fn openal_plays() {
    let server = Server::start(&[OUT]);
    let client = server.client(Transport::Memfd).with("ALSOFT_DRIVERS", "pulse");
    let program = compile(&client, "openal_tone", "openal");
    let recorder = record(&client);
    let output = client.run(&program, &["1000"]);
    output.expect_success("openal_tone");
    // It closes its device at once when its source has ended, before the device has played all.
    let heard = hear(&client, &recorder, 0.02, RATE as usize * 3 / 2);
    assert!(heard.len() < RATE as usize * 5 / 2, "it was heard for {} frames", heard.len());
    // How loud is its own business: it pans what is mono to both sides.
    let fit = fit(&heard, 1_000.0);
    assert!((0.1..0.25).contains(&fit.amplitude) && fit.residue < -60.0, "{fit:?}");
}

#[test]
fn espeak_speaks() {
    let server = Server::start(&[OUT]);
    let client = server.client(Transport::Memfd);
    let recorder = record(&client);
    client.run("espeak-ng", &["one two three four"]).expect_success("espeak-ng");
    hear(&client, &recorder, 0.02, RATE as usize);
}

/// An event sound is heard from its first frame to its last.
fn canberra(arguments: &[&str]) -> (Server, Client) {
    let server = Server::start(&[OUT]);
    let client = server.client(Transport::Memfd);
    let program = compile(&client, "canberra_event", "libcanberra");
    let recorder = record(&client);
    let file = client.path("event.wav");
    let tone = samples::sine(1_000.0, 0.25, RATE, 2, 2.0);
    std::fs::write(client.path("tone.wav"), samples::wav(&tone, RATE, 2)).expect("the file can be written");
    // libcanberra reads no floats.
    client.run("sox", &["tone.wav", "-b", "16", "-e", "signed-integer", &text(&file)]).expect_success("sox");
    client.run(&program, &[&["event.wav"], arguments].concat()).expect_success("canberra_event");
    let heard = hear(&client, &recorder, 0.05, WHOLE);
    assert!(heard.len() < RATE as usize * 41 / 20, "it was heard for {} frames", heard.len());
    expect_tone(&heard, 1_000.0, 0.25);
    (server, client)
}

#[test]
fn libcanberra_plays_an_event() {
    let (_server, client) = canberra(&[]);
    assert_eq!(client.pactl(&["list", "short", "samples"]), "");
}

#[test]
fn libcanberra_plays_an_event_from_the_sample_cache() {
    let (_server, client) = canberra(&["cached"]);
    let kept = client.pactl(&["list", "short", "samples"]);
    assert!(kept.contains("test-event"), "{kept}");
}
