//! The server's own configuration.

use std::fs;
use std::os::unix::net::UnixStream;

use sealpulse_tests::{Application, Client, Kind, Server, ServerOptions, Transport, sealpulse, wait};
use serde_json::Value;
use tempfile::TempDir;

/// A directory whose user has this configuration.
fn directory(configuration: &str) -> TempDir {
    let directory = tempfile::Builder::new().prefix("sealpulse-test-").tempdir().expect("/tmp is there");
    let folder = directory.path().join("home/.config/sealpulse");
    fs::create_dir_all(&folder).expect("it can be made");
    fs::write(folder.join("config.toml"), configuration).expect("it can be written");
    directory
}

fn start(configuration: &str) -> Server {
    ServerOptions::new(&[]).kind(Kind::Sealpulse).start_in(directory(configuration))
}

/// `sealpulse` with these arguments in the environment of a client.
fn run(client: &Client, arguments: &[&str]) -> Application {
    client.start(sealpulse().to_str().expect("the path is UTF-8"), arguments)
}

/// Runs it against this configuration, without a server of its own.
fn run_with(configuration: &str, arguments: &[&str]) -> (i32, String, String) {
    let server = ServerOptions::new(&[]).kind(Kind::Sealpulse).start();
    let client = server.client(Transport::Memfd);
    let file = client.path("config.toml");
    fs::write(&file, configuration).expect("it can be written");
    let arguments: Vec<&str> = arguments
        .iter()
        .map(|word| if *word == "FILE" { file.to_str().expect("UTF-8") } else { word })
        .collect();
    let output = run(&client, &arguments).wait(wait::LIMIT);
    (output.code(), output.stdout, output.stderr)
}

#[test]
fn devices_are_made_as_the_configuration_says() {
    let server = start(
        "[devices]\nrate = 48000\nchannels = 1\n\
         [[module]]\nname = \"null-sink\"\nsink_name = \"recorder\"\n\
         sink_properties = { device.description = \"What \\\"it\\\" hears\" }\n\
         [[module]]\nname = \"virtual-mic\"\nsource_name = \"microphone\"\nfeed_sink_name = \"feed\"\n",
    );
    let client = server.client(Transport::Memfd);
    let sinks = client.pactl_json(&["list", "sinks"]);
    let sink = sinks.as_array().and_then(|sinks| sinks.iter().find(|sink| sink["name"] == "recorder"));
    let sink = sink.unwrap_or_else(|| panic!("{sinks}"));
    assert_eq!(sink["description"], "What \"it\" hears");
    assert_eq!(sink["sample_specification"], "s16le 1ch 48000Hz");
    let sources = client.pactl(&["list", "short", "sources"]);
    assert!(sources.contains("microphone"), "{sources}");
}

#[test]
fn sockets_and_scripts_of_the_configuration_are_used() {
    let directory = directory(
        "[server]\nscripts = [\"start.pa\"]\n[[socket]]\npath = \"$XDG_RUNTIME_DIR/pulse/native\"\n\
         [[socket]]\npath = \"other/native\"\n",
    );
    let folder = directory.path().join("home/.config/sealpulse");
    fs::write(folder.join("start.pa"), "load-module module-null-sink sink_name=scripted\n")
        .expect("writable");
    let server = ServerOptions::new(&[]).kind(Kind::Sealpulse).start_in(directory);
    let sinks = server.client(Transport::Memfd).pactl(&["list", "short", "sinks"]);
    assert!(sinks.contains("scripted"), "{sinks}");
    let other = server.directory().join("home/.config/sealpulse/other/native");
    UnixStream::connect(other).expect("the second socket is there");
}

#[test]
fn limits_of_the_configuration_hold() {
    let server = start("[limits]\nmodules = 2\n[[module]]\nname = \"null-sink\"\n");
    let client = server.client(Transport::Memfd);
    let output = client.run("pactl", &["load-module", "module-null-sink"]);
    assert_ne!(output.code(), 0, "the socket and the configuration have loaded one each");
    assert!(server.log().contains("2 modules are loaded already"), "{}", server.log());
}

#[test]
fn the_command_line_wins_over_the_configuration() {
    // Servers of tests are started with --no-null-sink and --disallow-exit.
    let server = start("[server]\nnull-sink = true\nallow-exit = true\n");
    let client = server.client(Transport::Memfd);
    assert_eq!(client.pactl(&["list", "short", "sinks"]), "");
    assert_ne!(client.run("pactl", &["exit"]).code(), 0, "--disallow-exit");
}

#[test]
fn a_module_that_cannot_be_loaded_is_named_with_its_place() {
    let text = "# first\n[[module]]\nname = \"remap-sink\"\nmaster = \"nobody\"\n";
    let (code, _, errors) = run_with(text, &["serve", "--socket", "own/native", "--config", "FILE"]);
    assert_eq!(code, 1, "{errors}");
    assert!(errors.contains("config.toml:3: module-remap-sink cannot be loaded"), "{errors}");
    assert!(errors.contains("nobody"), "{errors}");
}

#[test]
fn nothing_starts_with_a_wrong_configuration_and_all_mistakes_are_shown() {
    let text = "[server]\nnul-sink = true\n[limits]\nclients = -1\n";
    let (code, _, errors) = run_with(text, &["serve", "--socket", "own/native", "--config", "FILE"]);
    assert_eq!(code, 1, "{errors}");
    assert!(errors.contains("config.toml:2:1: `server` has no setting `nul-sink`"), "{errors}");
    assert!(errors.contains("config.toml:4:11: `-1` is no value for `clients`"), "{errors}");
    let (code, _, checked) = run_with(text, &["check-config", "FILE"]);
    assert_eq!(code, 1);
    let without_path = |text: &str| text.matches("config.toml:").count();
    assert_eq!(without_path(&checked), without_path(&errors), "{checked}");
}

#[test]
fn check_config_prints_json() {
    let (code, printed, _) = run_with("[server]\n\nallow-exit = 1\n", &["check-config", "--json", "FILE"]);
    let said: Value = serde_json::from_str(&printed).expect("it is JSON");
    assert_eq!((code, &said["ok"]), (1, &Value::Bool(false)));
    assert_eq!(
        (said["problems"][0]["line"].as_u64(), said["problems"][0]["column"].as_u64()),
        (Some(3), Some(14))
    );
    let (code, printed, _) = run_with("", &["check-config", "--json", "FILE"]);
    let said: Value = serde_json::from_str(&printed).expect("it is JSON");
    assert_eq!((code, &said["ok"]), (0, &Value::Bool(true)));
}

#[test]
fn a_configuration_that_is_named_has_to_be_there() {
    let (code, _, errors) = run_with("", &["check-config", "/no/such/file"]);
    assert_eq!(code, 1);
    assert!(errors.contains("cannot read the configuration /no/such/file"), "{errors}");
}

#[test]
fn without_a_configuration_the_defaults_hold() {
    let (code, printed, _) = run_with("", &["check-config"]);
    assert_eq!(code, 0);
    assert!(printed.contains("the defaults hold"), "{printed}");
}
