//! Streams from their making to their end, and what others see of them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Client, Fixture, playback, spec};
use sealpulse_protocol::command::*;
use sealpulse_protocol::{
    Command, DeviceState, ErrorCode, Facility, Operation, SubscriptionEvent, SubscriptionMask, Timeval,
    UpdateMode,
};
use sealpulse_spec::{ChannelMap, ChannelVolumes, Volume};

fn record() -> CreateRecordStream {
    CreateRecordStream {
        name: Some("listener".to_owned()),
        sample_spec: Some(spec()),
        channel_map: ChannelMap::stereo(),
        maxlength: u32::MAX,
        fragsize: spec().usec_to_bytes(10_000) as u32,
        adjust_latency: true,
        volume: ChannelVolumes::norm(2),
        ..CreateRecordStream::default()
    }
}

fn load_null_sink(client: &mut Client, arguments: &str) -> u32 {
    let name = Some("module-null-sink".to_owned());
    client.call(&LoadModule { name, argument: Some(arguments.to_owned()) }).unwrap().index
}

/// The next events, without those about clients.
fn events(client: &mut Client, count: usize) -> Vec<(Facility, Operation, Option<u32>)> {
    (0..count)
        .map(|_| {
            client.wait_for(|notice| match notice {
                Command::SubscribeEvent(SubscribeEvent { event, index }) => Some(parts(*event, *index)),
                _ => None,
            })
        })
        .collect()
}

fn parts(event: SubscriptionEvent, index: Option<u32>) -> (Facility, Operation, Option<u32>) {
    (event.facility().unwrap(), event.operation().unwrap(), index)
}

#[test]
fn what_is_played_is_recorded_and_drained() {
    let fixture = Fixture::new();
    let mut listener = fixture.client(35);
    let recording = listener.call(&record()).unwrap();
    assert_eq!(recording.source_name.as_deref(), Some("null.monitor"));
    assert_eq!(recording.fragsize, spec().usec_to_bytes(10_000) as u32);

    let mut player = fixture.client(35);
    let stream = player.play(|_| {}).unwrap();
    assert_eq!(stream.sink_name.as_deref(), Some("null"));
    assert!(stream.missing >= stream.tlength && stream.prebuf <= stream.tlength);
    let sound: Vec<u8> = (0..stream.missing).map(|at| (at % 251) as u8 | 1).collect();
    player.send_block(stream.channel, &sound);
    player.wait_for(|notice| matches!(notice, Command::Started(_)).then_some(()));
    let (channel, bytes) = player.wait_for(|notice| match notice {
        Command::Request(request) => Some((request.channel, request.bytes)),
        _ => None,
    });
    assert!(channel == stream.channel && bytes > 0);
    player.call(&DrainPlaybackStream { channel: stream.channel }).unwrap();

    let mut heard = Vec::new();
    while !heard.ends_with(&[0; 64]) || heard.iter().all(|&byte| byte == 0) {
        let (channel, bytes) = listener.wait_for_block();
        assert_eq!(channel, recording.channel);
        assert!(bytes.len() <= recording.fragsize as usize && bytes.len() % 4 == 0);
        heard.extend(bytes);
    }
    let start = heard.windows(4).step_by(4).position(|frame| frame != [0; 4]).unwrap() * 4;
    assert_eq!(&heard[start..start + sound.len()], &sound[..]);
}

#[test]
fn timing_is_told_in_both_directions() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    let stream = client.play(|_| {}).unwrap();
    let time = Timeval { seconds: 12, microseconds: 34 };
    let before = client.call(&GetPlaybackLatency { channel: stream.channel, time }).unwrap();
    assert_eq!((before.local_time, before.write_index, before.playing), (time, 0, false));
    client.send_block(stream.channel, &vec![0; stream.missing as usize]);
    client.wait_for(|notice| matches!(notice, Command::Started(_)).then_some(()));
    let during = client.call(&GetPlaybackLatency { channel: stream.channel, time }).unwrap();
    assert_eq!(during.write_index, i64::from(stream.missing));
    assert!(during.playing && during.read_index <= during.write_index);

    let recording = client.call(&record()).unwrap();
    client.wait_for_block();
    let latency = client.call(&GetRecordLatency { channel: recording.channel, time }).unwrap();
    assert!(latency.recording && latency.read_index > 0 && latency.write_index >= latency.read_index);

    let infos = client.call(&GetSinkInputInfoList {}).unwrap();
    assert_eq!((infos[0].name.as_deref(), infos[0].corked), (Some("song"), false));
    let infos = client.call(&GetSourceOutputInfoList {}).unwrap();
    assert_eq!(infos[0].source_index, Some(0));
}

#[test]
fn subscribers_see_a_stream_come_and_go() {
    use Facility::{Sink, SinkInput};
    use Operation::{Change, New, Remove};
    let fixture = Fixture::new();
    let mut player = fixture.client(35);
    let mut watcher = fixture.client(35);
    watcher.call(&Subscribe { mask: SubscriptionMask::SINK | SubscriptionMask::SINK_INPUT }).unwrap();
    let stream = player.play(|_| {}).unwrap();
    let index = Some(stream.sink_input_index);
    assert_eq!(events(&mut watcher, 2), [(SinkInput, New, index), (Sink, Change, Some(0))]);
    player.call(&CorkPlaybackStream { channel: stream.channel, cork: true }).unwrap();
    assert_eq!(events(&mut watcher, 2), [(SinkInput, Change, index), (Sink, Change, Some(0))]);
    let properties = [("media.role", "music")].into_iter().collect();
    let update =
        UpdatePlaybackStreamProplist { channel: stream.channel, mode: UpdateMode::Merge, properties };
    player.call(&update).unwrap();
    assert_eq!(events(&mut watcher, 1), [(SinkInput, Change, index)]);
    player.call(&update).unwrap();
    let volume = SetSinkInputVolume { index, volume: ChannelVolumes::all(1, Volume(1_000)) };
    watcher.call(&volume).unwrap();
    watcher.call(&volume).unwrap();
    player.call(&DeletePlaybackStream { channel: stream.channel }).unwrap();
    assert_eq!(events(&mut watcher, 2), [(SinkInput, Change, index), (SinkInput, Remove, index)]);
    assert!(watcher.notices.is_empty());
}

#[test]
fn a_drain_ends_with_its_stream() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    let stream = client.play(|create| create.corked = true).unwrap();
    client.send_block(stream.channel, &[1; 400]);
    let drain = client.send(&DrainPlaybackStream { channel: stream.channel });
    client.send(&DeletePlaybackStream { channel: stream.channel });
    assert_eq!(client.content(drain).unwrap_err(), ErrorCode::NoEntity);
}

#[test]
fn streams_are_killed_moved_and_suspended_by_others() {
    let fixture = Fixture::new();
    let mut owner = fixture.client(35);
    let mut other = fixture.client(35);
    let module = load_null_sink(&mut other, "sink_name=second rate=48000");
    let stream = owner.play(|_| {}).unwrap();
    let recording = owner.call(&record()).unwrap();
    let (input, output) = (Some(stream.sink_input_index), Some(recording.source_output_index));

    let second = Some("second".to_owned());
    other.call(&MoveSinkInput { index: input, sink_index: None, sink_name: second }).unwrap();
    let moved = owner.wait_for(|notice| match notice {
        Command::PlaybackStreamMoved(moved) => Some(moved.clone()),
        _ => None,
    });
    assert_eq!((moved.sink_index, moved.sink_name.as_deref(), moved.suspended), (1, Some("second"), false));
    assert_eq!(moved.tlength, stream.tlength);
    other.call(&MoveSourceOutput { index: output, source_index: Some(1), source_name: None }).unwrap();
    owner.wait_for(|notice| matches!(notice, Command::RecordStreamMoved(_)).then_some(()));

    other.call(&SuspendSink { index: Some(1), name: None, suspend: true }).unwrap();
    let suspended = |notice: &Command| match notice {
        Command::PlaybackStreamSuspended(notice) => Some(notice.suspended),
        _ => None,
    };
    assert!(owner.wait_for(suspended));
    assert_eq!(
        other.call(&GetSinkInfo { index: Some(1), name: None }).unwrap().state,
        DeviceState::Suspended
    );
    other.call(&SuspendSink { index: Some(1), name: None, suspend: false }).unwrap();
    assert!(!owner.wait_for(suspended));

    // Without its sink the stream goes back to the default one.
    other.call(&UnloadModule { index: Some(module) }).unwrap();
    owner.wait_for(|notice| match notice {
        Command::PlaybackStreamMoved(moved) if moved.sink_index == 0 => Some(()),
        _ => None,
    });
    other.call(&KillSinkInput { index: input }).unwrap();
    owner.wait_for(|notice| matches!(notice, Command::PlaybackStreamKilled(_)).then_some(()));
    other.call(&KillSourceOutput { index: output }).unwrap();
    owner.wait_for(|notice| matches!(notice, Command::RecordStreamKilled(_)).then_some(()));
    assert_eq!(
        owner.call(&DeletePlaybackStream { channel: stream.channel }).unwrap_err(),
        ErrorCode::NoEntity
    );
    let client = Some(owner.call(&GetClientInfoList {}).unwrap()[0].index);
    other.call(&KillClient { index: client }).unwrap();
    owner.wait_for_end();
    assert!(other.is_alive());
}

/// The channel of a playback stream that was killed.
fn killed(notice: &Command) -> Option<u32> {
    match notice {
        Command::PlaybackStreamKilled(killed) => Some(killed.channel),
        _ => None,
    }
}

#[test]
fn streams_that_must_not_move_are_killed_with_their_sink() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    let module = load_null_sink(&mut client, "sink_name=second");
    let fixed = client.play(|create| (create.sink_index, create.no_move) = (Some(1), true)).unwrap();
    let index = Some(fixed.sink_input_index);
    let to_first = MoveSinkInput { index, sink_index: Some(0), sink_name: None };
    assert_eq!(client.call(&to_first).unwrap_err(), ErrorCode::Invalid);
    client.call(&UnloadModule { index: Some(module) }).unwrap();
    assert_eq!(client.wait_for(killed), fixed.channel);
    let failing = client.play(|create| (create.fail_on_suspend, create.sync_id) = (true, 1)).unwrap();
    client.call(&SuspendSink { index: None, name: Some(String::new()), suspend: true }).unwrap();
    assert_eq!(client.wait_for(killed), failing.channel);
}

#[test]
fn synchronised_streams_are_corked_together() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    let first = client.play(|create| create.corked = true).unwrap();
    let second = client.play(|create| create.corked = true).unwrap();
    client.call(&CorkPlaybackStream { channel: first.channel, cork: false }).unwrap();
    let infos = client.call(&GetSinkInputInfoList {}).unwrap();
    assert!(infos.iter().all(|info| !info.corked));
    assert_eq!(client.play(|_| {}).unwrap_err(), ErrorCode::Invalid, "the group is running already");
    let index = Some(second.sink_input_index);
    load_null_sink(&mut client, "");
    let to_other = MoveSinkInput { index, sink_index: Some(1), sink_name: None };
    assert_eq!(client.call(&to_other).unwrap_err(), ErrorCode::Invalid);
}

#[test]
fn one_stream_can_be_listened_to_alone() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    let stream = client.play(|_| {}).unwrap();
    let direct = CreateRecordStream { direct_on_input: Some(stream.sink_input_index), ..record() };
    let recording = client.call(&direct).unwrap();
    assert_eq!(recording.source_name.as_deref(), Some("null.monitor"));
    assert_eq!(
        client.call(&CreateRecordStream { direct_on_input: Some(99), ..record() }).unwrap_err(),
        ErrorCode::NoEntity
    );
    client.call(&DeletePlaybackStream { channel: stream.channel }).unwrap();
    client.wait_for(|notice| matches!(notice, Command::RecordStreamKilled(_)).then_some(()));
}

#[test]
fn an_unused_sink_takes_the_rate_of_its_stream() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    let mut at = |rate: u32, sync_id: u32| {
        let stream = client
            .play(|create| {
                create.sample_spec = Some(sealpulse_spec::SampleSpec { rate, ..spec() });
                create.sync_id = sync_id;
            })
            .unwrap();
        let sink = client.call(&GetSinkInfo { index: Some(0), name: None }).unwrap();
        let source = client.call(&GetSourceInfo { index: Some(0), name: None }).unwrap();
        assert_eq!(source.sample_spec, sink.sample_spec);
        let info = client.call(&GetSinkInputInfo { index: Some(stream.sink_input_index) }).unwrap();
        (stream.channel, sink.sample_spec.rate, info.resample_method)
    };
    let (_, rate, method) = at(96_000, 1);
    assert_eq!((rate, method.as_deref()), (48_000, Some("sinc")));
    let (_, rate, method) = at(44_100, 2);
    assert_eq!((rate, method.as_deref()), (48_000, Some("sinc")), "it is in use now");
}

#[test]
fn defaults_and_names_follow_the_users_choice() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    load_null_sink(&mut client, "sink_name=second sink_properties=device.description=Second");
    let stays = client.play(|create| create.sync_id = 1).unwrap();
    client.call(&SetDefaultSink { name: Some("second".to_owned()) }).unwrap();
    let info = client.call(&GetServerInfo {}).unwrap();
    assert_eq!(info.default_sink_name.as_deref(), Some("second"));
    assert_eq!(info.default_source_name.as_deref(), Some("second.monitor"));
    let moved = client.wait_for(|notice| match notice {
        Command::PlaybackStreamMoved(moved) => Some((moved.channel, moved.sink_index)),
        _ => None,
    });
    assert_eq!(moved, (stays.channel, 1));
    let lookup = |client: &mut Client, name: &str| {
        client.call(&LookupSource { name: Some(name.to_owned()) }).unwrap().index
    };
    assert_eq!(lookup(&mut client, "@DEFAULT_MONITOR@"), 1);
    assert_eq!(lookup(&mut client, "@DEFAULT_SOURCE@"), 1);
    let sink = client.call(&GetSinkInfo { index: None, name: None }).unwrap();
    assert_eq!(sink.description.as_deref(), Some("Second"));
    client.call(&SetDefaultSink { name: Some("@NONE@".to_owned()) }).unwrap();
    assert_eq!(client.call(&GetServerInfo {}).unwrap().default_sink_name.as_deref(), Some("second"));
}

#[test]
fn a_rate_that_was_announced_can_change() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    let stream = client.play(|create| create.variable_rate = true).unwrap();
    client.call(&UpdatePlaybackStreamSampleRate { channel: stream.channel, rate: 22_050 }).unwrap();
    let index = Some(stream.sink_input_index);
    assert_eq!(client.call(&GetSinkInputInfo { index }).unwrap().sample_spec.rate, 22_050);
    let attr = SetPlaybackStreamBufferAttr {
        channel: stream.channel,
        maxlength: u32::MAX,
        tlength: 8_820,
        prebuf: 0,
        minreq: 882,
        ..Default::default()
    };
    let reply = client.call(&attr).unwrap();
    assert_eq!((reply.prebuf, reply.minreq), (0, 880));
    client.call(&SetPlaybackStreamName { channel: stream.channel, name: Some("other".to_owned()) }).unwrap();
    assert_eq!(client.call(&GetSinkInputInfo { index }).unwrap().name.as_deref(), Some("other"));
    for command in [true, false] {
        client.call(&CorkPlaybackStream { channel: stream.channel, cork: command }).unwrap();
    }
    client.call(&TriggerPlaybackStream { channel: stream.channel }).unwrap();
    client.call(&PrebufPlaybackStream { channel: stream.channel }).unwrap();
    client.call(&FlushPlaybackStream { channel: stream.channel }).unwrap();
    let _ = playback();
}
