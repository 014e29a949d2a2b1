//! Every command of `pactl` on PulseAudio 16.1 and on sealpulse, as text and as JSON: exit status, output and events
//! agree, save for what stands in `differences.toml`.

use sealpulse_tests::compare::{Script, compare};
use sealpulse_tests::{Client, Events, Kind, ServerOptions, Transport, samples, wait};
use serde_json::json;

const OUT: &str = "module-null-sink sink_name=out rate=48000";
const SECOND: &str = "module-null-sink sink_name=second rate=44100 channels=6";

/// In the order in which they are given. `INPUT` and `OUTPUT` are the indexes of a stream that plays and of one that
/// records.
const COMMANDS: &[&str] = &[
    "get-default-sink",
    "get-default-source",
    "set-default-sink second",
    "set-default-source second.monitor",
    "get-default-sink",
    "get-default-source",
    "set-default-sink out",
    "set-default-source out.monitor",
    "set-sink-volume out 50%",
    "set-sink-volume second 10% 20% 30% 40% 50% 60%",
    "get-sink-volume out",
    "get-sink-volume second",
    "set-sink-mute out toggle",
    "get-sink-mute out",
    "set-source-volume out.monitor -6dB",
    "get-source-volume out.monitor",
    "set-source-mute out.monitor 1",
    "get-source-mute out.monitor",
    "set-sink-input-volume INPUT 0x8000",
    "set-sink-input-mute INPUT 1",
    "move-sink-input INPUT second",
    "move-source-output OUTPUT second.monitor",
    "set-source-output-volume OUTPUT 70% 80%",
    "set-source-output-mute OUTPUT 1",
    "suspend-sink out 1",
    "suspend-sink out 0",
    "suspend-source second.monitor 1",
    "suspend-source second.monitor 0",
    "load-module module-null-sink sink_name=third",
    "load-module module-nonsense",
    "unload-module module-null-sink nonsense",
    "unload-module 7777",
    "set-card-profile 0 off",
    "set-card-profile alsa_card.pci off",
    "set-sink-port out speaker",
    "set-source-port out.monitor microphone",
    "set-port-latency-offset 0 speaker 1000",
    "set-sink-formats 0 pcm",
    "set-sink-formats 0 ac3-iec61937",
    "send-message /core list-handlers",
    "send-message /core nonsense {}",
    "send-message /nobody nonsense",
    "upload-sample bell.wav",
    "upload-sample bell.wav chime",
    "upload-sample nothing.wav",
    "play-sample nothing",
    "play-sample bell nobody",
    "remove-sample nothing",
    "list message-handlers",
    "list short samples",
    "list short modules nonsense",
    "list nonsense",
    "exit",
    "nonsense",
    "",
];

/// Given by other means than the table's: their answers have to be looked at in another way.
const APART: &[&str] =
    &["stat", "info", "list", "subscribe", "play-sample", "remove-sample", "unload-module"];

const KINDS: [&str; 8] =
    ["modules", "sinks", "sources", "sink-inputs", "source-outputs", "clients", "samples", "cards"];

/// Lines that begin so are of this server, or of this moment.
const VARIES: [&str; 16] = [
    "Server String:",
    "Server Name:",
    "Server Version:",
    "Client Index:",
    "Client #",
    "Client:",
    "Cookie:",
    "module.author",
    "module.usage",
    "module.version",
    "Resample method:",
    "Latency:",
    "Buffer Latency:",
    "Sink Latency:",
    "Source Latency:",
    "application.process.id",
];

/// What `pactl --help` says that there is.
fn all_commands(client: &Client) -> Vec<String> {
    let help = client.pactl(&["--help"]);
    let mut all = Vec::new();
    for line in help.lines() {
        let Some(command) = line.strip_prefix("pactl [options] ") else { continue };
        let command = command.split(' ').next().unwrap_or_default();
        match command.split_once('(').and_then(|(head, rest)| Some((head, rest.split_once(')')?))) {
            Some((head, (either, tail))) => {
                all.extend(either.split('|').map(|one| format!("{head}{one}{tail}")));
            }
            None => all.push(command.to_owned()),
        }
    }
    all
}

#[test]
fn every_command_of_pactl() {
    compare("every command of pactl", &[OUT, SECOND], |script| {
        let client = script.server().client(Transport::Memfd);
        let missing: Vec<String> = all_commands(&client)
            .into_iter()
            .filter(|command| {
                let given = |line: &&str| line.split(' ').next() == Some(command);
                !COMMANDS.iter().any(given) && !APART.contains(&command.as_str())
            })
            .collect();
        assert!(missing.is_empty(), "pactl has other commands: {missing:?}");
        let bell = samples::wav(&samples::sine(1_000.0, 0.2, 48_000, 2, 0.2), 48_000, 2);
        std::fs::write(client.path("bell.wav"), bell).expect("the file can be written");

        script.play("played", &["--device=out"]);
        script.record("recorded", &["--device=out.monitor"]);
        let input = script.index("sink-inputs", "played");
        let output = script.index("source-outputs", "recorded");
        for line in COMMANDS {
            let line = line.replace("INPUT", &input).replace("OUTPUT", &output);
            script.pactl(&line.split_whitespace().collect::<Vec<_>>());
        }
        // The numbers are of another memory, the words are the same.
        let stat = client.pactl(&["stat"]);
        let names: Vec<&str> = stat.lines().filter_map(|line| Some(line.split_once(':')?.0)).collect();
        script.note("stat", json!(names));
        said(script, &client, &["info"]);
        for kind in KINDS {
            said(script, &client, &["list", kind]);
        }
        for kind in ["modules", "sinks", "sources", "samples", "cards"] {
            said(script, &client, &["list", "short", kind]);
        }
        script.list(
            "JSON",
            &["info", "modules", "sinks", "sources", "sink-inputs", "source-outputs", "samples", "cards"],
        );
        // Each kind is compared above. What has to be asked of a sound thread may be answered after what need not.
        let text = client.pactl(&["list"]);
        let mut objects: Vec<&str> = text
            .lines()
            .filter(|line| line.contains(" #"))
            .filter_map(|line| line.split(" #").next())
            .collect();
        objects.sort_unstable();
        script.note("pactl list as text", json!(objects));
        let all = client.pactl_json(&["list"]);
        let kinds: Vec<&String> = all.as_object().expect("an object of lists").keys().collect();
        script.note("JSON of everything", json!(kinds));
        play_and_remove(script, &client);
        script.stop("played");
        script.stop("recorded");
        script.pactl(&["unload-module", "module-null-sink"]);
        script.list("nothing is left", &["info", "modules", "sinks", "sources"]);
    });
}

/// A stream that records has its volume on the way.
#[test]
fn a_volume_moves_with_its_stream() {
    compare("a volume that moves", &[OUT, SECOND], |script| {
        script.record("recorded", &["--device=out.monitor"]);
        let output = script.index("source-outputs", "recorded");
        script.pactl(&["set-source-output-volume", &output, "70%"]);
        script.pactl(&["move-source-output", &output, "second.monitor"]);
        script.list("moved", &["source-outputs"]);
        script.stop("recorded");
    });
}

/// Runs `pactl` and writes down what it said, line by line, without what varies.
fn said(script: &mut Script<'_>, client: &Client, arguments: &[&str]) {
    let output = client.run("pactl", arguments);
    let stays = |line: &&str| !VARIES.iter().any(|start| line.trim_start().starts_with(start));
    let lines: Vec<&str> = output.stdout.lines().filter(stays).collect();
    script.note(
        &format!("pactl {} as text", arguments.join(" ")),
        json!({ "code": output.code(), "lines": lines, "stderr": output.stderr }),
    );
}

/// A sample that has been uploaded is heard once, and can be removed.
fn play_and_remove(script: &mut Script<'_>, client: &Client) {
    let events = Events::subscribe(client);
    for arguments in [&["play-sample", "bell"][..], &["play-sample", "chime", "second"]] {
        let from = events.all().len();
        let output = client.run("pactl", arguments);
        let new = |kind: &'static str| {
            events.wait_from(from, kind, |event| event.on == "sink-input" && event.event == kind).index
        };
        let same = new("new") == new("remove");
        script.note(
            &arguments.join(" "),
            json!({ "code": output.code(), "stderr": output.stderr, "same": same }),
        );
    }
    script.forget_events();
    for name in ["bell", "chime", "bell"] {
        script.pactl(&["remove-sample", name]);
    }
}

#[test]
fn pactl_subscribes() {
    for kind in [Kind::PulseAudio, Kind::Sealpulse] {
        let server = ServerOptions::new(&[OUT]).kind(kind).start();
        let client = server.client(Transport::Memfd);
        let subscriber = client.start("pactl", &["subscribe"]);
        let directory = client.path("output");
        let lines = || std::fs::read_to_string(subscriber.stdout()).unwrap_or_default();
        // It is in force once it tells of another client.
        while lines().is_empty() {
            client.pactl(&["stat"]);
        }
        client.pactl(&["set-sink-volume", "out", "50%"]);
        client.pactl(&["unload-module", "module-null-sink"]);
        for event in
            ["'change' on sink #0", "'remove' on source #0", "'remove' on sink #0", "'remove' on module #1"]
        {
            let line = format!("Event {event}");
            let heard = wait::on_directory(&directory, wait::LIMIT, || {
                lines().lines().any(|said| said == line).then_some(())
            });
            assert!(heard.is_some(), "{kind:?}: no {line} in {}", lines());
        }
    }
}
