//! Real applications, as they are installed.

use rustix::process::Signal;
use sealpulse_tests::{Orchestra, Recorder, Server, Transport, samples, wait};
use std::path::PathBuf;
use std::time::Duration;

const OUT: &str = "module-null-sink sink_name=out rate=48000 format=float32le";

fn sound(name: &str) -> PathBuf {
    let path = PathBuf::from("/usr/share/sounds").join(name);
    assert!(path.exists(), "{} is missing: make deps", path.display());
    path
}

#[test]
fn six_at_once_play_by_sealed_memory_without_a_copy_or_a_gap() {
    let server = Server::start(&[OUT]);
    if !server.is_sealpulse() {
        return;
    }
    let client = server.client(Transport::Memfd);
    let recorder = Recorder::start(&client, "out.monitor", "float32le", 48_000, 2);
    let mut six = Orchestra::new(&client);
    // Longer than all of them take to start.
    let alarm = sound("freedesktop/stereo/alarm-clock-elapsed.oga");
    let tone = client.path("tone.wav");
    let sine = samples::sine(440.0, 0.1, 44_100, 2, 6.0);
    std::fs::write(&tone, samples::wav(&sine, 44_100, 2)).expect("the file can be written");
    six.gstreamer(&alarm);
    six.gstreamer(&tone);
    six.mplayer(&alarm);
    six.mplayer(&tone);
    six.paplay(&alarm);
    six.paplay(&tone);
    six.play(Duration::from_secs(60));
    assert_eq!(six.at_once(), 6, "all six played at once");
    six.expect_sealed_and_whole();
    let recorded = samples::channel(&recorder.bytes(), 2, 0);
    let heard = samples::sounding(&recorded, 0.001);
    assert!(heard.len() > 5 * 48_000, "{} frames of sound were recorded", heard.len());
    assert!(recorded.iter().all(|sample| sample.is_finite()));
}

/// Two seconds at 48 kHz but for the fading.
const WHOLE: usize = 48_000 * 39 / 20;

/// Plays a tone of two seconds by `program`, and checks that it was heard for at least that many frames.
fn plays_a_tone(program: &str, arguments: &[&str], least: usize) {
    let server = Server::start(&[OUT]);
    let client = server.client(Transport::Memfd);
    let recorder = Recorder::start(&client, "out.monitor", "float32le", 48_000, 2);
    let file = client.path("tone.wav");
    let sine = samples::sine(1_000.0, 0.25, 48_000, 2, 2.0);
    std::fs::write(&file, samples::wav(&sine, 48_000, 2)).expect("the file can be written");
    let file = file.display().to_string();
    let arguments: Vec<&str> =
        arguments.iter().map(|&argument| if argument == "FILE" { &file } else { argument }).collect();
    client.run(program, &arguments).expect_success(program);
    let heard = wait::on_directory(&client.path("output"), wait::LIMIT, || {
        let recorded = samples::channel(&recorder.bytes(), 2, 0);
        let heard = samples::sounding(&recorded, 0.05).to_vec();
        (heard.len() > least).then_some(heard)
    });
    let heard = heard.unwrap_or_else(|| {
        let all = samples::channel(&recorder.bytes(), 2, 0);
        panic!("{program} was heard for {} frames only", samples::sounding(&all, 0.05).len())
    });
    assert!(heard.len() < 48_000 * 5 / 2, "{program} was heard for {} frames", heard.len());
    let fit = samples::fit_sine(&heard[heard.len() / 2 - 20_000..heard.len() / 2 + 20_000], 1_000.0, 48_000);
    assert!((fit.amplitude - 0.25).abs() < 0.01 && fit.residue < -60.0, "{program}: {fit:?}");
}

#[test]
fn gstreamer_plays() {
    let pipeline = ["-q", "filesrc", "location=tone.wav", "!", "wavparse", "!", "pulsesink"];
    plays_a_tone("gst-launch-1.0", &pipeline, WHOLE);
}

#[test]
fn mplayer_plays() {
    plays_a_tone("mplayer", &["-really-quiet", "-noconfig", "all", "-nolirc", "-ao", "pulse", "FILE"], WHOLE);
}

#[test]
fn paplay_plays() {
    plays_a_tone("paplay", &["FILE"], WHOLE);
}

#[test]
fn mpv_plays() {
    plays_a_tone("mpv", &["--no-config", "--really-quiet", "--ao=pulse", "--no-video", "FILE"], WHOLE);
}

#[test]
fn ffmpeg_plays() {
    // It does not wait until what it has buffered is played.
    let arguments = "-loglevel error -re -i FILE -f pulse -buffer_duration 100 -device out tone";
    let arguments: Vec<&str> = arguments.split(' ').collect();
    plays_a_tone("ffmpeg", &arguments, 48_000 * 3 / 2);
}

#[test]
fn sox_plays() {
    plays_a_tone("sox", &["-q", "FILE", "-t", "pulseaudio", "out"], WHOLE);
}

#[test]
fn ffmpeg_records() {
    let server = Server::start(&[OUT]);
    let client = server.client(Transport::Memfd);
    let sine = samples::sine(1_000.0, 0.25, 48_000, 2, 6.0);
    std::fs::write(client.path("tone.wav"), samples::wav(&sine, 48_000, 2)).expect("the file can be written");
    let _player = client.start("paplay", &["tone.wav"]);
    let arguments = [
        "-loglevel",
        "error",
        "-f",
        "pulse",
        "-i",
        "out.monitor",
        "-t",
        "2",
        "-c:a",
        "pcm_f32le",
        "-f",
        "f32le",
        "recorded",
    ];
    client.run("ffmpeg", &arguments).expect_success("ffmpeg");
    let recorded = std::fs::read(client.path("recorded")).expect("ffmpeg has written it");
    let heard = samples::channel(&recorded, 2, 1);
    let heard = samples::sounding(&heard, 0.05);
    assert!(heard.len() > 48_000, "{} frames were heard", heard.len());
    let middle = &heard[heard.len() / 2 - 12_000..heard.len() / 2 + 12_000];
    let fit = samples::fit_sine(middle, 1_000.0, 48_000);
    assert!((fit.amplitude - 0.25).abs() < 0.01, "{fit:?}");
}

#[test]
fn mplayer_pauses_and_goes_on() {
    let server = Server::start(&[OUT]);
    let client = server.client(Transport::Memfd);
    let recorder = Recorder::start(&client, "out.monitor", "float32le", 48_000, 2);
    std::fs::write(
        client.path("tone.wav"),
        samples::wav(&samples::constant(0.5, 2 * 48_000 * 20), 48_000, 2),
    )
    .expect("the file can be written");
    client.run("mkfifo", &["commands"]).expect_success("mkfifo");
    let arguments = [
        "-quiet",
        "-noconfig",
        "all",
        "-nolirc",
        "-ao",
        "pulse",
        "-slave",
        "-input",
        "file=commands",
        "tone.wav",
    ];
    let mut player = client.start("mplayer", &arguments);
    let mut commands = std::fs::File::options()
        .read(true)
        .write(true)
        .open(client.path("commands"))
        .expect("the fifo can be opened");
    let mut say = |command: &str| {
        std::io::Write::write_all(&mut commands, command.as_bytes()).expect("the fifo takes it");
    };
    let wait_corked = |wanted: bool| {
        let end = std::time::Instant::now() + wait::LIMIT;
        loop {
            let inputs = client.pactl_json(&["list", "sink-inputs"]);
            if inputs[0]["corked"] == wanted {
                return;
            }
            assert!(std::time::Instant::now() < end, "corked is not {wanted}: {inputs}");
        }
    };
    let last_is = |value: f32| {
        let bytes = recorder.bytes();
        let end = bytes.len() / 8 * 8;
        let samples = samples::channel(&bytes[end - 4_800 * 8..end], 2, 0);
        samples.iter().all(|&sample| (sample - f64::from(value)).abs() < 0.01)
    };
    let wait_heard = |value: f32| {
        let heard = wait::on_directory(&client.path("output"), wait::LIMIT, || {
            (recorder.length() > 4_800 * 8 && last_is(value)).then_some(())
        });
        assert!(heard.is_some(), "{value} was not heard for 100 ms");
    };
    wait_heard(0.5);
    say("pause\n");
    wait_corked(true);
    wait_heard(0.0);
    say("pause\n");
    wait_corked(false);
    wait_heard(0.5);
    say("quit\n");
    player.wait(wait::LIMIT).expect_success("mplayer");
}

#[test]
fn a_killed_player_disturbs_nobody() {
    let server = Server::start(&[OUT]);
    let client = server.client(Transport::Memfd);
    let recorder = Recorder::start(&client, "out.monitor", "float32le", 48_000, 2);
    let sound = samples::noise("float32le", 2, 3 * 48_000, 3);
    std::fs::write(client.path("sound"), &sound).expect("the file can be written");
    let arguments = ["--raw", "--rate=48000", "--format=float32le", "sound"];
    let mut player = client.start("pacat", &arguments);
    for _ in 0..10 {
        let mut victim = client.start("pacat", &["--raw", "--rate=44100", "/dev/zero"]);
        client.pactl(&["info"]);
        victim.signal(Signal::KILL);
        victim.wait(wait::LIMIT);
    }
    player.wait(wait::LIMIT).expect_success("the one that lives");
    let wanted = if server.is_sealpulse() { &sound } else { &sound[48_000 * 8..] };
    recorder.wait_for(wanted, 8, Duration::from_secs(15));
}
