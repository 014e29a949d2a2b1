//! Tunnels between sealpulse and PipeWire, and recording through PulseAudio's.
//!
//! PipeWire follows the other side's clock by resampling a little: a tone arrives as itself, its samples do not.

use sealpulse_tests::samples::{channel, fit_sine, sine, sounding, wav};
use sealpulse_tests::{Application, Client, Kind, Recorder, Server, ServerOptions, Transport, wait};

const RATE: u32 = 48_000;
const TONE: f64 = 1_000.0;
const OUT: &str = "module-null-sink sink_name=out rate=48000 format=float32le";

fn start(kind: Kind) -> (Server, Client) {
    let server = ServerOptions::new(&[OUT]).kind(kind).start();
    let client = server.client(Transport::Memfd);
    (server, client)
}

/// Plays the tone on a device for as long as the test goes on.
fn play(client: &Client, device: &str) -> Application {
    let file = client.path("tone.wav");
    std::fs::write(&file, wav(&sine(TONE, 0.25, RATE, 2, 90.0), RATE, 2)).expect("it can be written");
    client.start("paplay", &["--device", device, file.to_str().expect("the path is UTF-8")])
}

/// Waits until a second of the tone has come without a break.
fn expect_tone(recorder: &Recorder) {
    let second = RATE as usize;
    let mut said = String::new();
    let good = wait::on_directory(recorder.directory(), wait::LIMIT, || {
        let heard = channel(&recorder.bytes(), 2, 0);
        let sound = sounding(&heard, 0.01);
        let fit = fit_sine(sound.get(sound.len().checked_sub(second)?..)?, TONE, RATE);
        said = format!("{fit:?}");
        ((fit.amplitude - 0.25).abs() < 0.01 && fit.residue < -20.0).then_some(())
    });
    assert!(good.is_some(), "the tone did not come: {said}");
}

fn record(client: &Client, device: &str) -> Recorder {
    Recorder::start(client, device, "float32le", RATE, 2)
}

/// `near` plays through a tunnel on `far`'s sink, and records its monitor through another.
fn tunnels(near: Kind, far: Kind) {
    let ((_here, near_client), (there, far_client)) = (start(near), start(far));
    let address = format!("server=unix:{}", there.socket().display());
    let format = ["rate=48000", "channels=2"];
    near_client.pactl(
        &[&["load-module", "module-tunnel-sink", &address, "sink=out", "sink_name=away"], &format[..]]
            .concat(),
    );
    near_client.pactl(
        &[
            &["load-module", "module-tunnel-source", &address, "source=out.monitor", "source_name=back"],
            &format[..],
        ]
        .concat(),
    );
    let heard_far = record(&far_client, "out.monitor");
    let _player = play(&near_client, "away");
    expect_tone(&heard_far);
    let heard_near = record(&near_client, "back");
    expect_tone(&heard_near);
    // A tunnel that is gone leaves nothing at the other end.
    drop(heard_near);
    let modules = near_client.pactl(&["list", "short", "modules"]);
    for line in modules.lines().filter(|line| line.contains("module-tunnel-")) {
        near_client.pactl(&["unload-module", line.split_whitespace().next().unwrap_or_default()]);
    }
    let gone = (0..200).any(|_| far_client.pactl(&["list", "short", "sink-inputs"]).is_empty());
    assert!(gone, "{}", far_client.pactl(&["list", "sink-inputs"]));
}

#[test]
fn our_tunnels_reach_pipewire() {
    tunnels(Kind::Sealpulse, Kind::PipeWire);
}

#[test]
fn pipewires_tunnels_reach_us() {
    tunnels(Kind::PipeWire, Kind::Sealpulse);
}

#[test]
fn pulseaudios_tunnels_reach_us_in_both_directions() {
    tunnels(Kind::PulseAudio, Kind::Sealpulse);
}
