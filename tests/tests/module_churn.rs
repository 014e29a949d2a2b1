//! Modules that come and go in random order leave nothing behind, and nobody who plays meanwhile notices.
//!
//! Each is loaded 1,000 times, or so many as `TIMES` says, in an order that `SEED` decides.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use sealpulse_client::{Config, Context, Wait};
use sealpulse_tests::samples::{noise, wav};
use sealpulse_tests::{Recorder, Server, Transport, process, sealpulse};

const RATE: u32 = 48_000;

/// The server's thread that writes files.
const WRITER: &str = "state";

/// A load of each module; `PATH` becomes a path of its own, `TABLE` one of a file that is there.
const LOADS: &[(&str, &str)] = &[
    ("module-always-sink", ""),
    ("module-always-source", ""),
    ("module-augment-properties", ""),
    ("module-card-restore", ""),
    ("module-cli-protocol-tcp", "port=14715 listen=127.0.0.1"),
    ("module-cli-protocol-unix", "socket=PATH"),
    ("module-combine-sink", "sink_name=c slaves=spare,spare2"),
    ("module-default-device-restore", ""),
    ("module-device-manager", ""),
    ("module-device-restore", ""),
    ("module-filter-apply", ""),
    ("module-filter-heuristics", ""),
    ("module-intended-roles", ""),
    ("module-loopback", "source=spare.monitor sink=spare2"),
    ("module-match", "table=TABLE"),
    ("module-native-protocol-tcp", "port=14713 listen=127.0.0.1"),
    ("module-native-protocol-unix", "socket=PATH"),
    ("module-null-sink", "sink_name=s"),
    ("module-null-source", "source_name=n"),
    ("module-pipe-sink", "sink_name=p file=PATH"),
    ("module-pipe-source", "source_name=o file=PATH"),
    ("module-position-event-sounds", ""),
    ("module-remap-sink", "sink_name=r master=spare"),
    ("module-remap-source", "source_name=q master=spare.monitor"),
    ("module-rescue-streams", ""),
    ("module-role-cork", ""),
    ("module-role-ducking", ""),
    ("module-simple-protocol-tcp", "port=14714 listen=127.0.0.1"),
    ("module-simple-protocol-unix", "socket=PATH"),
    ("module-sine", "sink=spare"),
    ("module-sine-source", "source_name=t"),
    ("module-stream-restore", ""),
    ("module-suspend-on-idle", "timeout=0"),
    ("module-switch-on-connect", "blocklist=.*"),
    ("module-tunnel-sink", "server=unix:/nonexistent reconnect_interval_ms=50"),
    ("module-tunnel-sink-new", "server=unix:/nonexistent reconnect_interval_ms=50"),
    ("module-tunnel-source", "server=unix:/nonexistent reconnect_interval_ms=50"),
    ("module-tunnel-source-new", "server=unix:/nonexistent reconnect_interval_ms=50"),
    ("module-virtual-mic", "source_name=m"),
    ("module-virtual-sink", "sink_name=v master=spare"),
    ("module-virtual-source", "source_name=w master=spare.monitor"),
];

/// Modules that cannot come twice: one needs the server's terminal, one a descriptor that it was started with.
const NOT_LOADED: &[&str] = &["module-cli", "module-native-protocol-fd"];

/// Most that are there at a time.
const LOADED_MAX: usize = 12;

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

/// Bytes of the server that are its own: no file's, and nobody else's.
fn memory(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the server runs");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("Linux says it");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("it is a number") << 10
}

/// Loads and unloads.
struct Churn {
    context: Context,
    random: Random,
    folder: PathBuf,
    turn: usize,
}

impl Churn {
    /// Loads each module so many times, in random order, and unloads it again.
    fn run(&mut self, times: usize) {
        let mut waiting: Vec<usize> = (0..LOADS.len() * times).map(|at| at % LOADS.len()).collect();
        let mut loaded: Vec<u32> = Vec::new();
        while !waiting.is_empty() || !loaded.is_empty() {
            let unload = waiting.is_empty() || loaded.len() >= LOADED_MAX || self.random.below(2) == 0;
            if unload && !loaded.is_empty() {
                let index = loaded.swap_remove(self.random.below(loaded.len()));
                // Some have gone with what they were made of.
                let _ = self.context.unload_module(index).wait();
            } else if !waiting.is_empty() {
                let load = waiting.swap_remove(self.random.below(waiting.len()));
                // What can be there but once may be there.
                loaded.extend(self.load(load));
            }
        }
    }

    fn load(&mut self, load: usize) -> Option<u32> {
        let (name, arguments) = LOADS[load];
        self.turn += 1;
        let path = self.folder.join(format!("churn-{}", self.turn)).display().to_string();
        let table = self.folder.join("table").display().to_string();
        let arguments = arguments.replace("PATH", &path).replace("TABLE", &table);
        self.context.load_module(name, &arguments).wait().ok()
    }
}

fn number(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn every_module_is_among_them() {
    let dump = Command::new(sealpulse()).arg0("pulseaudio").arg("--dump-modules").output().expect("it runs");
    let dump = String::from_utf8(dump.stdout).expect("names are text");
    let all: BTreeSet<&str> = dump.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let drawn: BTreeSet<&str> =
        LOADS.iter().map(|(name, _)| *name).chain(NOT_LOADED.iter().copied()).collect();
    assert_eq!(drawn, all);
}

#[test]
fn modules_that_come_and_go_leave_nothing_and_stop_nobody() {
    let seed = number("SEED", 7);
    let times = number("TIMES", 1_000);
    let server = Server::start(&[
        "module-null-sink sink_name=out rate=48000 format=float32le",
        "module-null-sink sink_name=spare",
        "module-null-sink sink_name=spare2",
    ]);
    let client = server.client(Transport::Memfd);
    // Streams follow the default devices, which others would be by turns.
    client.pactl(&["set-default-sink", "out"]);
    client.pactl(&["set-default-source", "out.monitor"]);
    std::fs::write(server.directory().join("table"), "^tune$ media.role=music\n").expect("it can be written");
    let address = format!("unix:{}", server.socket().display());
    let config = Config::default().with_server(&address).expect("it is an address").named("churn");
    let context = Context::connect(config).wait().expect("the server answers");
    let folder = server.directory().to_owned();
    let mut churn = Churn { context, random: Random(seed as u64), folder, turn: 0 };
    for (load, what) in LOADS.iter().enumerate() {
        let index = churn.load(load).unwrap_or_else(|| panic!("{what:?} can be loaded"));
        // One that is obsolete has gone.
        let _ = churn.context.unload_module(index).wait();
    }
    // What is made once and kept (a writer of files, tables that have grown) is there now.
    churn.run(5.max(times / 5));
    let modules = client.pactl(&["list", "short", "modules"]);

    let sound = noise("float32le", 2, (60 + times) * RATE as usize, 23);
    let file = client.path("long.wav");
    std::fs::write(&file, wav(&sound, RATE, 2)).expect("the file can be written");
    let recorder = Recorder::start(&client, "out.monitor", "float32le", RATE, 2);
    let path = file.display().to_string();
    let mut player = client.start("paplay", &["--device=out", &path]);
    recorder.wait_for(&sound[..8 * 4_800], 8, Duration::from_secs(10));
    let state = || (threads(server.pid()), descriptors(server.pid()));
    let (before, memory_before) = (state(), memory(server.pid()));

    churn.run(times);

    let memory_after = memory(server.pid());
    let (loads, grown) = (times * LOADS.len(), memory_after.saturating_sub(memory_before));
    println!("{loads} loads, {grown} bytes more");
    // Heap tables settle at a size; the smallest thing lost at each load would be more.
    assert!(grown < (24 * loads).max(1 << 20), "{loads} loads left {grown} bytes");
    let heard = recorder.bytes();
    let start = recorder.wait_for(&sound[..8 * 4_800], 8, Duration::from_secs(1));
    let part = &heard[start..];
    let length = part.len().min(sound.len());
    // Its message says where and how they differ.
    recorder.wait_for(&sound[..length / 8 * 8], 8, Duration::from_secs(1));
    assert!(player.is_running(), "the player still plays");
    // A tunnel's thread ends by itself, some moments after its module.
    let ended = (0..100).any(|_| {
        client.pactl(&["stat"]);
        state() == before
    });
    assert!(ended, "seed {seed}: {before:?} became {:?}", state());
    assert_eq!(client.pactl(&["list", "short", "modules"]), modules);
    assert_eq!(client.pactl(&["list", "short", "sinks"]).lines().count(), 3);
}
