//! Modules that go by themselves: with the client that loaded them, or when nobody has used them for a while.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use sealpulse_client::{Config, Context, Wait};
use sealpulse_tests::samples::noise;
use sealpulse_tests::{Client, Events, Kind, Recorder, Server, ServerOptions, Transport, wait};

/// A server of ours, whatever the scenarios run on: PulseAudio has no such arguments.
fn start(modules: &[&str]) -> (Server, Client, Events) {
    let server = ServerOptions::new(modules).kind(Kind::Sealpulse).start();
    let client = server.client(Transport::Memfd);
    let events = Events::subscribe(&client);
    (server, client, events)
}

fn connect(server: &Server) -> Context {
    let config = Config::default().with_server(&format!("unix:{}", server.socket().display()));
    Context::connect(config.expect("the address is valid")).wait().expect("the server takes clients")
}

fn names(client: &Client, kind: &str) -> Vec<String> {
    let list = client.pactl(&["list", "short", kind]);
    list.lines().filter_map(|line| line.split('\t').nth(1)).map(str::to_owned).collect()
}

fn wait_for_end_of_module(events: &Events, index: u32) {
    events.wait("the module's end", |event| {
        event.on == "module" && event.event == "remove" && event.index == index
    });
}

#[test]
fn a_module_goes_with_the_client_that_loaded_it() {
    let (server, client, events) = start(&["module-null-sink sink_name=out"]);
    let maker = connect(&server);
    let load = |name: &str, arguments: &str| {
        let loaded = maker.load_module(name, &format!("{arguments} lifetime=client")).wait();
        loaded.unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let pipe = format!("source_name=pipe file={}", client.path("pipe").display());
    let loaded = [
        load("module-null-sink", "sink_name=null"),
        load("module-null-source", "source_name=silence"),
        load("module-remap-sink", "sink_name=remapped master=out"),
        load("module-remap-source", "source_name=remapped_source master=out.monitor"),
        load("module-virtual-sink", "sink_name=virtual master=out"),
        load("module-combine-sink", "sink_name=combined slaves=out"),
        load("module-virtual-mic", "source_name=microphone feed_sink_name=feed"),
        load("module-pipe-source", &pipe),
    ];
    let stays = maker.load_module("module-null-sink", "sink_name=stays lifetime=server").wait();
    assert!(stays.is_ok());
    assert_eq!(names(&client, "sinks").len(), 7);
    drop(maker);
    for index in loaded {
        wait_for_end_of_module(&events, index);
    }
    assert_eq!(names(&client, "sinks"), ["out", "stays"]);
    assert_eq!(names(&client, "sources"), ["out.monitor", "stays.monitor"]);
    assert!(!client.path("pipe").exists(), "what it made in the file system goes, too");
}

#[test]
fn a_module_goes_with_a_client_that_ends_at_once() {
    let (_server, client, events) = start(&["module-null-sink sink_name=out"]);
    // pactl is gone as soon as it has said which.
    let loaded = client.pactl(&["load-module", "module-null-sink", "sink_name=mine", "lifetime=client"]);
    let index = loaded.trim().parse().expect("load-module prints an index");
    wait_for_end_of_module(&events, index);
    assert_eq!(names(&client, "sinks"), ["out"]);
}

#[test]
fn other_streams_go_on_when_a_client_takes_its_module_along() {
    let out = "module-null-sink sink_name=out rate=48000 format=float32le";
    let (server, client, events) = start(&[out]);
    let maker = connect(&server);
    let arguments = "sink_name=mine rate=48000 format=float32le lifetime=client";
    let index = maker.load_module("module-null-sink", arguments).wait().expect("it loads");
    let recorder = Recorder::start(&client, "out.monitor", "float32le", 48_000, 2);
    let sound = noise("float32le", 2, 48_000, 11);
    let file = client.path("played.wav");
    std::fs::write(&file, sealpulse_tests::samples::wav(&sound, 48_000, 2)).expect("it can be written");
    let mut player = client.start("paplay", &["--device=out", file.to_str().expect("the path is UTF-8")]);
    let moved = client.start("pacat", &["-p", "--raw", "-d", "mine", "-n", "moved", "/dev/zero"]);
    events.wait("both streams", |event| event.on == "sink-input" && event.event == "new" && event.index == 1);
    drop(maker);
    wait_for_end_of_module(&events, index);
    player.wait(wait::LIMIT).expect_success("paplay");
    recorder.wait_for(&sound, 8, wait::LIMIT);
    // What played on the sink that went plays on.
    let inputs = client.pactl_json(&["list", "sink-inputs"]);
    assert_eq!(inputs.as_array().map(Vec::len), Some(1), "{inputs}");
    drop(moved);
}

#[test]
fn nobody_takes_along_what_a_script_loads() {
    let (server, client, _events) = start(&["module-cli-protocol-unix", "module-null-sink sink_name=out"]);
    let path = server.directory().join("runtime/pulse/cli");
    let mut socket = UnixStream::connect(path).expect("the command line protocol listens");
    let command = "load-module module-null-sink sink_name=mine lifetime=client\n";
    socket.write_all(command.as_bytes()).expect("it can be sent");
    socket.shutdown(Shutdown::Write).expect("that was all");
    let mut said = String::new();
    socket.read_to_string(&mut said).expect("it answers");
    assert!(said.contains("lifetime=client"), "{said}");
    assert_eq!(names(&client, "sinks"), ["out"]);
    let refused = client.run("pactl", &["load-module", "module-null-sink", "lifetime=nonsense"]);
    assert_ne!(refused.code(), 0);
}

#[test]
fn a_module_that_nobody_uses_goes_after_its_time() {
    let (_server, client, events) = start(&["module-null-sink sink_name=out"]);
    let load = |arguments: &str| -> u32 {
        let loaded = client.pactl(&["load-module", "module-null-sink", arguments, "ttl=1"]);
        loaded.trim().parse().expect("load-module prints an index")
    };
    let used = load("sink_name=used");
    let player = client.start("pacat", &["-p", "--raw", "-d", "used", "-n", "player", "/dev/zero"]);
    events.wait("the player", |event| event.on == "sink-input" && event.event == "new");
    // This one comes later, and goes, since nobody uses it.
    let unused = load("sink_name=unused");
    wait_for_end_of_module(&events, unused);
    assert_eq!(names(&client, "sinks"), ["out", "used"]);
    drop(player);
    wait_for_end_of_module(&events, used);
    assert_eq!(names(&client, "sinks"), ["out"]);
    for nonsense in ["ttl=soon", "ttl=-1", "ttl="] {
        assert_ne!(
            client.run("pactl", &["load-module", "module-null-sink", nonsense]).code(),
            0,
            "{nonsense}"
        );
    }
}

#[test]
fn a_recorder_of_the_monitor_is_a_user() {
    let (_server, client, events) = start(&["module-null-sink sink_name=out"]);
    let load = |arguments: &str| -> u32 {
        let loaded = client.pactl(&["load-module", "module-null-sink", arguments, "ttl=1"]);
        loaded.trim().parse().expect("load-module prints an index")
    };
    let used = load("sink_name=used");
    let recorder = client.start("parec", &["-d", "used.monitor", "-n", "recorder"]);
    events.wait("the recorder", |event| event.on == "source-output" && event.event == "new");
    let unused = load("sink_name=unused");
    wait_for_end_of_module(&events, unused);
    assert_eq!(names(&client, "sinks"), ["out", "used"]);
    drop(recorder);
    wait_for_end_of_module(&events, used);
}
