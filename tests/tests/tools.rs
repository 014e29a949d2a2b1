//! The tools that ask and control a server: each against sealpulse and PulseAudio.

use sealpulse_tests::{Client, Kind, Output, Server, ServerOptions, Transport, sealpulse};

fn servers() -> [Server; 2] {
    [Kind::Sealpulse, Kind::PulseAudio]
        .map(|kind| ServerOptions::new(&["module-null-sink sink_name=one"]).kind(kind).start())
}

fn run(client: &Client, arguments: &[&str]) -> Output {
    client.run(sealpulse().to_str().expect("the path is UTF-8"), arguments)
}

/// What a tool prints that must succeed.
fn told(client: &Client, arguments: &[&str]) -> String {
    let output = run(client, arguments);
    output.expect_success(&arguments.join(" "));
    output.stdout
}

#[test]
fn devices_are_listed_changed_and_unloaded() {
    for server in servers() {
        let client = server.client(Transport::Memfd);
        let index = told(&client, &["load", "null-sink", "sink_name=two"]);
        assert!(index.trim().parse::<u32>().is_ok(), "{index}");
        assert!(told(&client, &["list", "sinks"]).contains("two"));
        let json = told(&client, &["list", "sinks", "--json"]);
        let sinks: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
        assert_eq!(sinks[1]["name"], "two");
        told(&client, &["default", "sink", "two"]);
        assert_eq!(told(&client, &["default", "sink"]), "two\n");
        told(&client, &["volume", "@DEFAULT_SINK@", "50%"]);
        assert!(told(&client, &["volume", "sink/two"]).contains("front-left 50%"));
        told(&client, &["mute", "sink/two"]);
        assert!(told(&client, &["volume", "sink/two"]).ends_with(", muted\n"));
        assert!(told(&client, &["status"]).contains("two"));
        told(&client, &["unload", "two"]);
        assert!(!told(&client, &["list", "sinks"]).contains("two"));
    }
}

#[test]
fn what_is_wrong_is_said() {
    for server in servers() {
        let client = server.client(Transport::Memfd);
        let unknown = run(&client, &["volume", "nothing"]);
        assert_eq!(unknown.code(), 1);
        assert!(unknown.stderr.contains("sink/one"), "{}", unknown.stderr);
        assert_eq!(run(&client, &["volume", "one", "loud"]).code(), 2);
        assert_eq!(run(&client, &["unload", "nothing"]).code(), 1);
        assert_eq!(run(&client, &["top"]).code(), 1, "top needs a terminal");
    }
}

#[test]
fn the_shell_is_told_the_names_of_the_server() {
    for server in servers() {
        let client = server.client(Transport::Memfd).with("COMPLETE", "fish");
        let words = told(&client, &["--", "sealpulse", "volume", "o"]);
        assert!(words.lines().any(|line| line.starts_with("one\t")), "{words}");
    }
}
