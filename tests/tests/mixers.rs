//! Mixers, as they are installed: what they say and what they do is the same on PulseAudio 16.1 and on sealpulse.

use sealpulse_tests::{Application, Client, Events, Kind, Output, Server, ServerOptions, Transport};

const MODULES: [&str; 2] = [
    "module-null-sink sink_name=speaker rate=48000 sink_properties=device.description=Speaker",
    "module-null-sink sink_name=hdmi rate=48000 channels=6 sink_properties=device.description=HDMI",
];

/// One program on one server, and all that it said.
struct Session {
    client: Client,
    program: &'static str,
    said: Vec<String>,
}

impl Session {
    /// Runs the program, and keeps how it ended and what it said.
    fn run(&mut self, arguments: &str) -> Output {
        let words: Vec<&str> = arguments.split_whitespace().collect();
        let output = self.client.run(self.program, &words);
        let ended = format!("{}: {}: {}{}", arguments, output.code(), output.stdout, output.stderr);
        self.said.push(ended);
        output
    }

    /// Runs the program, which must say just this.
    fn expect(&mut self, arguments: &str, wanted: &str) {
        let output = self.run(arguments);
        assert_eq!(output.stdout.trim_end(), wanted, "{} {arguments}: {}", self.program, output.stderr);
    }

    /// Runs the program, which must end well and say nothing.
    fn change(&mut self, arguments: &str) {
        let output = self.run(arguments);
        output.expect_success(&format!("{} {arguments}", self.program));
        assert_eq!(output.stdout, "", "{} {arguments}", self.program);
    }

    /// Keeps what the server says itself.
    fn look(&mut self, question: &[&str]) -> String {
        let answer = self.client.pactl(question);
        self.said.push(format!("{question:?}: {answer}"));
        answer
    }
}

/// Runs a session with `program` on both servers, which must not be able to tell them apart.
fn on_both(program: &'static str, session: impl Fn(&mut Session)) {
    let said = [Kind::PulseAudio, Kind::Sealpulse].map(|kind| {
        let server = ServerOptions::new(&MODULES).kind(kind).start();
        let client = server.client(Transport::Memfd);
        client.pactl(&["set-default-sink", "speaker"]);
        let mut one = Session { client, program, said: Vec::new() };
        session(&mut one);
        one.said
    });
    let [reference, ours] = said;
    for (reference, ours) in reference.iter().zip(&ours) {
        assert_eq!(ours, reference, "{program} tells sealpulse (left) from PulseAudio (right)");
    }
    assert_eq!(ours.len(), reference.len());
}

/// A `pacat` that plays zeros; returns when its stream is there, with its index.
fn play(client: &Client, more: &[&str]) -> (Application, u32) {
    let events = Events::subscribe(client);
    let from = events.all().len();
    let arguments = ["--raw", "--client-name=player", "--stream-name=music", "/dev/zero"];
    let player = client.start("pacat", &[more, &arguments].concat());
    let event =
        events.wait_from(from, "the stream", |event| event.on == "sink-input" && event.event == "new");
    (player, event.index)
}

#[test]
fn pamixer_lists_devices() {
    on_both("pamixer", |pamixer| {
        let sinks = pamixer.run("--list-sinks").stdout;
        assert!(sinks.contains("\"speaker\"") && sinks.contains("\"HDMI\""), "{sinks}");
        let sources = pamixer.run("--list-sources").stdout;
        assert!(
            sources.contains("\"hdmi.monitor\" ") && sources.contains("\"Monitor of HDMI\""),
            "{sources}"
        );
        let default = pamixer.run("--get-default-sink").stdout;
        assert!(default.contains("\"speaker\""), "{default}");
        pamixer.client.pactl(&["set-default-sink", "hdmi"]);
        let default = pamixer.run("--get-default-sink").stdout;
        assert!(default.contains("\"hdmi\""), "{default}");
    });
}

#[test]
fn pamixer_changes_the_volume() {
    on_both("pamixer", |pamixer| {
        pamixer.expect("--get-volume", "100");
        pamixer.change("--set-volume 40");
        pamixer.expect("--get-volume", "40");
        pamixer.change("--increase 25");
        pamixer.change("--decrease 5");
        pamixer.expect("--get-volume-human", "60%");
        pamixer.change("--increase 90");
        pamixer.expect("--get-volume", "100");
        pamixer.change("--allow-boost --increase 50");
        pamixer.expect("--get-volume", "150");
        pamixer.change("--set-limit 70 --increase 1");
        pamixer.expect("--get-volume", "70");
        pamixer.change("--gamma 2.2 --decrease 10");
        pamixer.run("--get-volume");
        assert!(pamixer.look(&["get-sink-volume", "hdmi"]).contains("100%"), "the other is as it was");
        pamixer.look(&["get-sink-volume", "speaker"]);
    });
}

#[test]
fn pamixer_mutes() {
    on_both("pamixer", |pamixer| {
        pamixer.expect("--get-mute", "false");
        pamixer.change("--mute");
        pamixer.expect("--get-mute", "true");
        pamixer.expect("--get-volume-human", "muted");
        assert!(pamixer.look(&["get-sink-mute", "speaker"]).contains("yes"));
        pamixer.change("--toggle-mute");
        pamixer.expect("--get-mute", "false");
        pamixer.change("--toggle-mute --set-volume 30");
        pamixer.expect("--get-mute --get-volume", "true 30");
        pamixer.change("--unmute");
        assert!(pamixer.look(&["get-sink-mute", "speaker"]).contains("no"));
    });
}

#[test]
fn pamixer_chooses_a_device() {
    on_both("pamixer", |pamixer| {
        pamixer.change("--sink hdmi --set-volume 20 --mute");
        pamixer.expect("--sink hdmi --get-volume", "20");
        pamixer.expect("--sink 1 --get-mute", "true");
        pamixer.expect("--get-volume", "100");
        pamixer.change("--default-source --set-volume 55");
        pamixer.expect("--source speaker.monitor --get-volume", "55");
        pamixer.change("--source hdmi.monitor --toggle-mute");
        assert!(pamixer.look(&["get-source-mute", "hdmi.monitor"]).contains("yes"));
        assert_ne!(pamixer.run("--sink nobody --get-volume").code(), 0);
        assert_ne!(pamixer.run("--source 77 --get-volume").code(), 0);
        pamixer.look(&["list", "short", "sinks"]);
    });
}

#[test]
fn pulsemixer_lists_devices_and_streams() {
    on_both("pulsemixer", |pulsemixer| {
        let sinks = pulsemixer.run("--list-sinks").stdout;
        assert!(sinks.contains("ID: sink-0") && sinks.contains("Name: HDMI"), "{sinks}");
        let sources = pulsemixer.run("--list-sources").stdout;
        assert!(sources.contains("Name: Monitor of Speaker"), "{sources}");
        let (_player, index) = play(&pulsemixer.client, &[]);
        let all = pulsemixer.client.run(pulsemixer.program, &["--list"]).stdout;
        let stream = all.lines().find(|line| line.contains(&format!("sink-input-{index}")));
        assert!(stream.is_some_and(|line| line.contains("Name: player")), "{all}");
    });
}

#[test]
fn pulsemixer_changes_the_volume() {
    on_both("pulsemixer", |pulsemixer| {
        pulsemixer.expect("--get-volume", "100 100");
        pulsemixer.change("--set-volume 40");
        pulsemixer.expect("--get-volume", "40 40");
        pulsemixer.change("--change-volume +15");
        pulsemixer.expect("--change-volume -5 --get-volume", "50 50");
        pulsemixer.change("--set-volume-all 10:90");
        pulsemixer.expect("--get-volume", "10 90");
        pulsemixer.change("--max-volume 60");
        pulsemixer.run("--get-volume");
        pulsemixer.change("--id sink-1 --set-volume-all 10:20:30:40:50:60");
        pulsemixer.expect("--id sink-1 --get-volume", "10 20 30 40 50 60");
        pulsemixer.change("--id source-0 --set-volume 70");
        pulsemixer.expect("--id source-0 --get-volume", "70 70");
        for question in [["get-sink-volume", "speaker"], ["get-sink-volume", "hdmi"]] {
            pulsemixer.look(&question);
        }
        assert_ne!(pulsemixer.run("--id sink-77 --get-volume").code(), 0);
        assert_ne!(pulsemixer.run("--id nonsense --get-volume").code(), 0);
    });
}

#[test]
fn pulsemixer_mutes() {
    on_both("pulsemixer", |pulsemixer| {
        pulsemixer.expect("--get-mute", "0");
        pulsemixer.change("--mute");
        pulsemixer.expect("--get-mute", "1");
        pulsemixer.change("--unmute");
        pulsemixer.change("--toggle-mute --id sink-1");
        pulsemixer.expect("--get-mute", "0");
        pulsemixer.expect("--id sink-1 --get-mute", "1");
        pulsemixer.change("--id source-0 --toggle-mute");
        assert!(pulsemixer.look(&["get-source-mute", "speaker.monitor"]).contains("yes"));
        pulsemixer.look(&["list", "short", "sinks"]);
    });
}

#[test]
fn pulsemixer_changes_a_stream() {
    for server in [Kind::PulseAudio, Kind::Sealpulse] {
        let server: Server = ServerOptions::new(&MODULES).kind(server).start();
        let client = server.client(Transport::Memfd);
        let (_player, index) = play(&client, &[]);
        let id = format!("sink-input-{index}");
        let pulsemixer = |arguments: &[&str]| {
            let output = client.run("pulsemixer", &[&["--id", &id], arguments].concat());
            output.expect_success("pulsemixer");
            output.stdout.trim_end().to_owned()
        };
        assert_eq!(pulsemixer(&["--get-volume"]), "100 100");
        assert_eq!(pulsemixer(&["--set-volume", "35", "--toggle-mute"]), "");
        assert_eq!(pulsemixer(&["--get-volume", "--get-mute"]), "35 35\n1");
        let inputs = client.pactl_json(&["list", "sink-inputs"]);
        assert_eq!(inputs[0]["mute"], true, "{inputs}");
        assert_eq!(inputs[0]["volume"]["front-left"]["value_percent"], "35%", "{inputs}");
    }
}

/// What `tests/scripts/pulsectl_control.py` does step by step.
#[test]
fn pulsectl_controls_everything() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scripts/pulsectl_control.py");
    let [reference, ours] = [Kind::PulseAudio, Kind::Sealpulse].map(|kind| {
        let server: Server = ServerOptions::new(&MODULES).kind(kind).start();
        let client = server.client(Transport::Memfd);
        // Zeros are the least sample that unsigned bytes have, and so the loudest.
        let (_player, index) = play(&client, &["--format=u8", "--device=speaker"]);
        // Debian's own Python has Debian's package.
        let output = client.run("/usr/bin/python3", &["-B", script, &index.to_string()]);
        output.expect_success("pulsectl");
        assert!(output.stdout.ends_with("all is well\n"), "{}", output.stdout);
        output.stdout
    });
    for (reference, ours) in reference.lines().zip(ours.lines()) {
        assert_eq!(ours, reference, "pulsectl tells sealpulse (left) from PulseAudio (right)");
    }
    assert_eq!(ours.lines().count(), reference.lines().count());
}
