//! What outlives the server: the modules that keep it, and what a file that is not as it should be does.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::path::Path;

use common::{Client, Fixture};
use sealpulse_protocol::command::{GetServerInfo, LoadModule, SetDefaultSink, SetDefaultSource};

fn server(state: &Path) -> Fixture {
    Fixture::with(|config| config.state_directory = Some(state.to_owned()))
}

fn load(client: &mut Client, name: &str, argument: &str) -> u32 {
    let argument = Some(argument.to_owned());
    client.call(&LoadModule { name: Some(name.to_owned()), argument }).unwrap().index
}

fn defaults(client: &mut Client) -> (String, String) {
    let info = client.call(&GetServerInfo {}).unwrap();
    (info.default_sink_name.unwrap_or_default(), info.default_source_name.unwrap_or_default())
}

#[test]
fn default_devices_are_chosen_again() {
    let state = tempfile::tempdir().unwrap();
    let mut fixture = server(state.path());
    let mut client = fixture.client(35);
    load(&mut client, "module-default-device-restore", "");
    load(&mut client, "module-null-sink", "sink_name=second");
    client.call(&SetDefaultSink { name: Some("second".to_owned()) }).unwrap();
    client.call(&SetDefaultSource { name: Some("null.monitor".to_owned()) }).unwrap();
    fixture.server.take().unwrap().stop().unwrap();

    let mut fixture = server(state.path());
    let mut client = fixture.client(35);
    load(&mut client, "module-null-sink", "sink_name=second");
    assert_eq!(defaults(&mut client), ("null".to_owned(), "null.monitor".to_owned()));
    load(&mut client, "module-default-device-restore", "");
    assert_eq!(defaults(&mut client), ("second".to_owned(), "null.monitor".to_owned()));
    fixture.server.take().unwrap().stop().unwrap();

    // What is chosen by hand before the module comes counts more.
    let fixture = server(state.path());
    let mut client = fixture.client(35);
    load(&mut client, "module-null-sink", "sink_name=third");
    client.call(&SetDefaultSink { name: Some("third".to_owned()) }).unwrap();
    load(&mut client, "module-default-device-restore", "");
    assert_eq!(defaults(&mut client).0, "third");
}

#[test]
fn damaged_state_is_no_reason_not_to_start() {
    let state = tempfile::tempdir().unwrap();
    fs::write(state.path().join("default-devices"), b"\0\xff rubbish").unwrap();
    let fixture = server(state.path());
    let mut client = fixture.client(35);
    load(&mut client, "module-default-device-restore", "");
    assert_eq!(defaults(&mut client).0, "null");
    assert!(state.path().join("default-devices.damaged").exists());
}
