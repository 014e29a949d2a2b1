//! Modules that decide about devices and streams.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Client, Fixture};
use sealpulse_protocol::command::{GetModuleInfo, GetSinkInfo, LoadModule, Subscribe, UnloadModule};
use sealpulse_protocol::{Command, DeviceState, ErrorCode, SubscriptionMask};

fn load(client: &mut Client, name: &str, argument: &str) -> Result<u32, ErrorCode> {
    let load = LoadModule { name: Some(name.to_owned()), argument: Some(argument.to_owned()) };
    client.call(&load).map(|reply| reply.index)
}

fn sink_state(client: &mut Client, name: &str) -> Result<DeviceState, ErrorCode> {
    client.call(&GetSinkInfo { index: None, name: Some(name.to_owned()) }).map(|info| info.state)
}

/// Waits for events until the null sink stands still.
fn wait_until_suspended(client: &mut Client) {
    while sink_state(client, "null") != Ok(DeviceState::Suspended) {
        client.wait_for(|notice| matches!(notice, Command::SubscribeEvent(_)).then_some(()));
    }
}

#[test]
fn rescue_streams_goes_by_itself() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    let index = load(&mut client, "module-rescue-streams", "").unwrap();
    let gone = client.call(&GetModuleInfo { index: Some(index) });
    assert_eq!(gone.err(), Some(ErrorCode::NoEntity));
}

#[test]
fn a_null_sink_is_there_while_no_other_is() {
    let fixture = Fixture::with(|config| config.null_sink = None);
    let mut client = fixture.client(35);
    let always = load(&mut client, "module-always-sink", "sink_name=fallback").unwrap();
    assert_eq!(sink_state(&mut client, "fallback"), Ok(DeviceState::Idle));
    assert_eq!(load(&mut client, "module-always-sink", ""), Err(ErrorCode::ModuleInitFailed));
    let real = load(&mut client, "module-null-sink", "sink_name=real").unwrap();
    assert_eq!(sink_state(&mut client, "fallback"), Err(ErrorCode::NoEntity));
    client.call(&UnloadModule { index: Some(real) }).unwrap();
    assert_eq!(sink_state(&mut client, "fallback"), Ok(DeviceState::Idle));
    client.call(&UnloadModule { index: Some(always) }).unwrap();
    assert_eq!(sink_state(&mut client, "fallback"), Err(ErrorCode::NoEntity));
}

#[test]
fn a_stream_wakes_its_sink_before_it_is_there() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    client.call(&Subscribe { mask: SubscriptionMask::ALL }).unwrap();
    load(&mut client, "module-suspend-on-idle", "timeout=0").unwrap();
    wait_until_suspended(&mut client);
    let reply = client.play(|create| create.corked = true).unwrap();
    assert!(!reply.suspended, "corked or not, the sink is open while the stream is made");
    wait_until_suspended(&mut client);
}
