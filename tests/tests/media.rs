//! Programs that reach the server by a library of their own: ALSA's plugin, GStreamer, sox.

use sealpulse_tests::samples::noise;
use sealpulse_tests::{Client, Recorder, Server, Transport, wait};
use std::time::Duration;

const OUT: &str = "module-null-sink sink_name=out rate=48000 format=s16le";
const FRAME: usize = 4;

/// As `/etc/asound.conf` has it where ALSA's programs are to use PulseAudio.
const ALSA: &str = "pcm.!default { type pulse }\nctl.!default { type pulse }\n\
                    pcm.out { type pulse device out }\npcm.monitor { type pulse device out.monitor }\n";

fn alsa(server: &Server) -> Client {
    let client = server.client(Transport::Memfd);
    let configuration = client.path("asound.conf");
    std::fs::write(&configuration, ALSA).expect("the file can be written");
    client.with("ALSA_CONFIG_PATH", configuration.to_str().expect("the path is UTF-8"))
}

/// Where `name` lies, with these bytes.
fn write(client: &Client, name: &str, bytes: &[u8]) {
    std::fs::write(client.path(name), bytes).expect("the file can be written");
}

/// Plays a noise again and again, and checks that what `program` has recorded into `file` is a piece of it.
fn records_bit_for_bit(client: &Client, program: &str, arguments: &[&str], file: &str) {
    let sound = noise("s16le", 2, 20 * 48_000, 5);
    write(client, "sound", &sound);
    let playing = Recorder::start(client, "out.monitor", "s16le", 48_000, 2);
    let _player = client.start("pacat", &["--raw", "--rate=48000", "--device=out", "sound"]);
    playing.wait_for(&sound[..4_800 * FRAME], FRAME, wait::LIMIT);
    client.run(program, arguments).expect_success(program);
    let recorded = std::fs::read(client.path(file)).expect("it has written the file");
    assert!(recorded.len() >= 48_000 * FRAME, "{program} has recorded {} bytes", recorded.len());
    let head = &recorded[..64 * FRAME];
    let at = sound.chunks(FRAME).position(|frame| frame == &head[..FRAME]);
    let at = at.unwrap_or_else(|| panic!("{program} has recorded what was not played")) * FRAME;
    assert!(sound[at..].starts_with(&recorded), "{program} has lost or changed something");
}

#[test]
fn aplay_plays_bit_for_bit() {
    let server = Server::start(&[OUT]);
    let client = alsa(&server);
    let recorder = Recorder::start(&client, "out.monitor", "s16le", 48_000, 2);
    let sound = noise("s16le", 2, 2 * 48_000, 9);
    write(&client, "sound", &sound);
    let format = ["-q", "-t", "raw", "-f", "S16_LE", "-r", "48000", "-c", "2"];
    client.run("aplay", &[&format[..], &["-D", "out", "sound"]].concat()).expect_success("aplay");
    // PulseAudio takes silence that a recorder has got already for played, and so loses the beginning.
    let wanted = if server.is_sealpulse() { &sound } else { &sound[48_000 * FRAME..] };
    recorder.wait_for(wanted, FRAME, Duration::from_secs(15));
}

#[test]
fn arecord_records_bit_for_bit() {
    let server = Server::start(&[OUT]);
    let client = alsa(&server);
    let format = ["-q", "-t", "raw", "-f", "S16_LE", "-r", "48000", "-c", "2", "-d", "1"];
    let arguments = [&format[..], &["-D", "monitor", "recorded"]].concat();
    records_bit_for_bit(&client, "arecord", &arguments, "recorded");
}

#[test]
fn amixer_changes_the_volume() {
    let server = Server::start(&[OUT]);
    let client = alsa(&server);
    let amixer = |arguments: &[&str]| {
        let output = client.run("amixer", arguments);
        output.expect_success("amixer");
        output.stdout
    };
    let controls = amixer(&["scontrols"]);
    assert!(controls.contains("'Master'") && controls.contains("'Capture'"), "{controls}");
    assert!(amixer(&["sget", "Master"]).contains("Front Left: Playback 65536 [100%] [on]"));
    let changed = amixer(&["sset", "Master", "40%,20%"]);
    assert!(changed.contains("Front Right: Playback 13107 [20%] [on]"), "{changed}");
    let volume = client.pactl(&["get-sink-volume", "out"]);
    assert!(volume.contains("front-left: 26214 /  40%"), "{volume}");
    assert!(volume.contains("front-right: 13107 /  20%"), "{volume}");
    amixer(&["sset", "Master", "mute"]);
    assert!(client.pactl(&["get-sink-mute", "out"]).contains("yes"));
    amixer(&["sset", "Capture", "70%"]);
    assert!(client.pactl(&["get-source-volume", "out.monitor"]).contains("70%"));
}

#[test]
fn sox_records_bit_for_bit() {
    let server = Server::start(&[OUT]);
    let client = server.client(Transport::Memfd);
    let source =
        ["-q", "-t", "pulseaudio", "-r", "48000", "-c", "2", "-b", "16", "-e", "signed", "out.monitor"];
    let arguments = [&source[..], &["-D", "-t", "raw", "recorded", "trim", "0", "1"]].concat();
    records_bit_for_bit(&client, "sox", &arguments, "recorded");
}

#[test]
fn gstreamer_records_bit_for_bit() {
    let server = Server::start(&[OUT]);
    let client = server.client(Transport::Memfd);
    let caps = "audio/x-raw,format=S16LE,rate=48000,channels=2";
    let pipeline = ["-q", "pulsesrc", "device=out.monitor", "num-buffers=150", "!", caps];
    let arguments = [&pipeline[..], &["!", "filesink", "location=recorded"]].concat();
    records_bit_for_bit(&client, "gst-launch-1.0", &arguments, "recorded");
}

#[test]
fn gstreamer_lists_devices() {
    let server =
        Server::start(&[OUT, "module-null-sink sink_name=hdmi sink_properties=device.description=HDMI"]);
    let client = server.client(Transport::Memfd);
    let output = client.run("gst-device-monitor-1.0", &["Audio"]);
    output.expect_success("gst-device-monitor-1.0");
    for line in ["name  : HDMI", "name  : Monitor of HDMI", "gst-launch-1.0 ... ! pulsesink device=hdmi"] {
        assert!(output.stdout.contains(line), "no {line}: {}", output.stdout);
    }
}
