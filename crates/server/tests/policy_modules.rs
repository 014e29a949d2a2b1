//! Modules that decide about devices and streams.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Client, Fixture};
use sealpulse_protocol::command::{
    CorkPlaybackStream, CreatePlaybackStreamReply, DeletePlaybackStream, GetModuleInfo, GetSinkInfo,
    GetSinkInputInfo, LoadModule, RemovePlaybackStreamProplist, Subscribe, UnloadModule,
};
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
fn a_filter_does_not_count_as_a_sink() {
    let fixture = Fixture::with(|config| config.null_sink = None);
    let mut client = fixture.client(35);
    load(&mut client, "module-always-sink", "sink_name=fallback").unwrap();
    load(&mut client, "module-remap-sink", "sink_name=turned").unwrap();
    assert_eq!(sink_state(&mut client, "fallback"), Ok(DeviceState::Running));
    load(&mut client, "module-null-sink", "sink_name=real").unwrap();
    assert_eq!(sink_state(&mut client, "fallback"), Err(ErrorCode::NoEntity));
    assert_eq!(sink_state(&mut client, "turned"), Err(ErrorCode::NoEntity), "its master has gone");
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

/// A playback stream of a role, which starts alone.
fn play_role(client: &mut Client, role: &str, corked: bool) -> CreatePlaybackStreamReply {
    let sync_id = client.next_tag();
    let reply = client.play(|create| {
        create.sync_id = sync_id;
        create.corked = corked;
        create.properties.set_str("media.role", role);
    });
    reply.unwrap()
}

fn is_muted(client: &mut Client, index: u32) -> bool {
    client.call(&GetSinkInputInfo { index: Some(index) }).unwrap().mute
}

/// Waits until a stream's client is asked for something.
fn wait_for_event(client: &mut Client) -> (u32, String) {
    client.wait_for(|notice| match notice {
        Command::PlaybackStreamEvent(event) => Some((event.channel, event.event.clone()?)),
        _ => None,
    })
}

#[test]
fn music_pauses_while_somebody_calls() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    load(&mut client, "module-role-cork", "").unwrap();
    let music = play_role(&mut client, "music", false).sink_input_index;
    let other = play_role(&mut client, "game", false).sink_input_index;
    let call = play_role(&mut client, "phone", false);
    assert_eq!(wait_for_event(&mut client), (0, "request-cork".to_owned()));
    assert!(is_muted(&mut client, music) && !is_muted(&mut client, other));
    client.call(&CorkPlaybackStream { channel: 0, cork: true }).unwrap();
    client.call(&DeletePlaybackStream { channel: call.channel }).unwrap();
    assert_eq!(wait_for_event(&mut client), (0, "request-uncork".to_owned()));
    assert!(!is_muted(&mut client, music));
}

#[test]
fn a_stream_that_is_new_and_corked_is_muted_alone() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    let cork = load(&mut client, "module-role-cork", "").unwrap();
    play_role(&mut client, "phone", false);
    let music = play_role(&mut client, "music", true).sink_input_index;
    assert!(is_muted(&mut client, music));
    client.call(&UnloadModule { index: Some(cork) }).unwrap();
    assert!(!is_muted(&mut client, music), "nobody is muted for a module that is gone");
}

#[test]
fn arguments_of_roles_are_checked() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    for (module, bad) in [
        ("module-role-cork", "trigger_roles=a,,b"),
        ("module-role-cork", "trigger_roles=a//b"),
        ("module-role-cork", "cork_roles=a/b"),
        ("module-role-cork", "global=perhaps"),
        ("module-role-cork", "volume=50%"),
        ("module-role-ducking", "volume=loud"),
        ("module-role-ducking", "volume=-1"),
        ("module-role-ducking", "volume=50%/10%"),
        ("module-role-ducking", "trigger_roles=a/b ducking_roles=c/d"),
    ] {
        assert_eq!(load(&mut client, module, bad), Err(ErrorCode::ModuleInitFailed), "{module} {bad}");
    }
    load(&mut client, "module-role-ducking", "trigger_roles=a/b ducking_roles=c/d volume=50%/10%").unwrap();
}

/// The sink that a stream is on, by name.
fn sink_of(client: &mut Client, input: u32) -> String {
    let sink = client.call(&GetSinkInputInfo { index: Some(input) }).unwrap().sink_index;
    client.call(&GetSinkInfo { index: sink, name: None }).unwrap().name
}

#[test]
fn a_stream_is_put_on_the_filter_that_it_asks_for() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    load(&mut client, "module-filter-heuristics", "").unwrap();
    let apply = load(&mut client, "module-filter-apply", "").unwrap();
    let reply = client.play(|create| {
        create.properties.set_str("filter.want", "remap-sink");
        create.properties.set_str("filter.apply.remap-sink.parameters", "sink_name=turned channels=1");
    });
    let reply = reply.unwrap();
    let moved = client.wait_for(|notice| match notice {
        Command::PlaybackStreamMoved(moved) => Some(moved.sink_name.clone()),
        _ => None,
    });
    assert_eq!(moved.as_deref(), Some("turned"));
    client
        .call(&RemovePlaybackStreamProplist {
            channel: reply.channel,
            names: vec!["filter.apply".to_owned()],
        })
        .unwrap();
    assert_eq!(sink_of(&mut client, reply.sink_input_index), "null", "it does not ask for it any more");
    client.call(&UnloadModule { index: Some(apply) }).unwrap();
    assert_eq!(sink_state(&mut client, "turned"), Err(ErrorCode::NoEntity), "nobody else has loaded it");
}

#[test]
fn a_filter_that_goes_gives_its_streams_back() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    load(&mut client, "module-filter-apply", "").unwrap();
    let reply = client.play(|create| {
        create.properties.set_str("filter.apply", "remap-sink");
        create.properties.set_str("filter.apply.remap-sink.parameters", "sink_name=turned");
    });
    let input = reply.unwrap().sink_input_index;
    assert_eq!(sink_of(&mut client, input), "turned");
    let module = client.call(&GetSinkInfo { index: None, name: Some("turned".to_owned()) }).unwrap();
    client.call(&UnloadModule { index: module.owner_module }).unwrap();
    assert_eq!(sink_of(&mut client, input), "null");
}

#[test]
fn a_loop_of_filters_is_not_made() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    load(&mut client, "module-filter-apply", "").unwrap();
    let reply = client.play(|create| {
        create.properties.set_str("filter.apply", "null-sink");
    });
    let input = reply.unwrap().sink_input_index;
    assert_eq!(sink_of(&mut client, input), "null", "a null sink is no filter, and its argument is wrong");
}
