//! Modules that come and go in random order leave nothing behind, and nobody who plays meanwhile notices.

use std::collections::BTreeMap;
use std::time::Duration;

use sealpulse_tests::samples::{noise, wav};
use sealpulse_tests::{Client, Recorder, Server, Transport, process};

const RATE: u32 = 48_000;

/// The server's thread that writes files.
const WRITER: &str = "state";

/// Loads that are drawn from; `SOCKET` becomes a path of its own.
const LOADS: &[&[&str]] = &[
    &["module-null-sink", "sink_name=s"],
    &["module-null-source", "source_name=n"],
    &["module-sine", "sink=spare"],
    &["module-sine-source", "source_name=t"],
    &["module-loopback", "source=spare.monitor", "sink=spare2"],
    &["module-combine-sink", "sink_name=c", "slaves=spare,spare2"],
    &["module-remap-sink", "sink_name=r", "master=spare"],
    &["module-remap-source", "source_name=q", "master=spare.monitor"],
    &["module-virtual-sink", "sink_name=v", "master=spare"],
    &["module-virtual-source", "source_name=w", "master=spare.monitor"],
    &["module-virtual-mic", "source_name=m"],
    &["module-pipe-sink", "sink_name=p", "file=SOCKET"],
    &["module-pipe-source", "source_name=o", "file=SOCKET"],
    &["module-tunnel-sink", "server=unix:/nonexistent", "reconnect_interval_ms=50"],
    &["module-tunnel-source", "server=unix:/nonexistent", "reconnect_interval_ms=50"],
    &["module-native-protocol-unix", "socket=SOCKET"],
    &["module-native-protocol-tcp", "port=14713", "listen=127.0.0.1"],
    &["module-simple-protocol-unix", "socket=SOCKET"],
    &["module-cli-protocol-unix", "socket=SOCKET"],
    &["module-always-sink"],
    &["module-always-source"],
    &["module-suspend-on-idle", "timeout=0"],
    &["module-stream-restore"],
    &["module-device-restore"],
    &["module-default-device-restore"],
    &["module-card-restore"],
    &["module-intended-roles"],
    &["module-role-cork"],
    &["module-role-ducking"],
    &["module-position-event-sounds"],
    &["module-filter-apply"],
    &["module-filter-heuristics"],
    &["module-augment-properties"],
    &["module-switch-on-connect", "blocklist=.*"],
];

/// A small generator, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

/// Names of the server's threads, but for the one that writes files, which is there from the first time on.
fn threads(pid: u32) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("the server runs");
    let name = |task: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_to_string(task.ok()?.path().join("comm")).ok().map(|name| name.trim().to_owned())
    };
    let mut names: Vec<String> = tasks.filter_map(name).filter(|name| name != WRITER).collect();
    names.sort();
    names
}

/// Descriptors of the server, by what they are.
fn descriptors(pid: u32) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for target in process::fd_targets(pid) {
        let kind = target.split(':').next().unwrap_or_default().to_owned();
        *kinds.entry(kind).or_insert(0) += 1;
    }
    kinds
}

/// Loads or unloads something so many times.
fn churn(client: &Client, server: &Server, random: &mut Random, times: usize) {
    let mut loaded: Vec<String> = Vec::new();
    for turn in 0..times {
        if loaded.len() > 12 || (!loaded.is_empty() && random.below(2) == 0) {
            let index = loaded.swap_remove(random.below(loaded.len()));
            // Some have gone with what they were made of.
            client.run("pactl", &["unload-module", &index]);
            continue;
        }
        let load = LOADS[random.below(LOADS.len())];
        let path = server.directory().join(format!("churn-{turn}")).display().to_string();
        let arguments: Vec<String> = load.iter().map(|argument| argument.replace("SOCKET", &path)).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = client.run("pactl", &[&["load-module"], &arguments[..]].concat());
        if output.code() == 0 {
            loaded.push(output.stdout.trim().to_owned());
        }
    }
    for index in loaded {
        client.run("pactl", &["unload-module", &index]);
    }
}

#[test]
fn modules_that_come_and_go_leave_nothing_and_stop_nobody() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    let times = std::env::var("TURNS").ok().and_then(|turns| turns.parse().ok()).unwrap_or(1_000);
    let server = Server::start(&[
        "module-null-sink sink_name=out rate=48000 format=float32le",
        "module-null-sink sink_name=spare",
        "module-null-sink sink_name=spare2",
    ]);
    let client = server.client(Transport::Memfd);
    // Streams follow the default devices, which others would be by turns.
    client.pactl(&["set-default-sink", "out"]);
    client.pactl(&["set-default-source", "out.monitor"]);
    let mut random = Random(seed);
    // What is made once and kept (a writer of files) is there now.
    churn(&client, &server, &mut random, 100);
    let modules = client.pactl(&["list", "short", "modules"]);

    let sound = noise("float32le", 2, 120 * RATE as usize, 23);
    let file = client.path("long.wav");
    std::fs::write(&file, wav(&sound, RATE, 2)).expect("the file can be written");
    let recorder = Recorder::start(&client, "out.monitor", "float32le", RATE, 2);
    let path = file.display().to_string();
    let mut player = client.start("paplay", &["--device=out", &path]);
    recorder.wait_for(&sound[..8 * 4_800], 8, Duration::from_secs(10));
    let state = || (threads(server.pid()), descriptors(server.pid()));
    let before = state();

    churn(&client, &server, &mut random, times);

    let heard = recorder.bytes();
    let start = recorder.wait_for(&sound[..8 * 4_800], 8, Duration::from_secs(1));
    let part = &heard[start..];
    let length = part.len().min(sound.len());
    assert!(length > 8 * RATE as usize, "{length} bytes were played meanwhile");
    // Its message says where and how they differ.
    recorder.wait_for(&sound[..length / 8 * 8], 8, Duration::from_secs(1));
    // A tunnel's thread ends by itself, some moments after its module.
    let ended = (0..100).any(|_| {
        client.pactl(&["stat"]);
        state() == before
    });
    assert!(ended, "seed {seed}: {before:?} became {:?}", state());
    assert_eq!(client.pactl(&["list", "short", "modules"]), modules);
    assert_eq!(client.pactl(&["list", "short", "sinks"]).lines().count(), 3);
    assert!(player.is_running(), "the player still plays");
}
