//! Each command of record streams, and of the properties of streams and clients, and what it changes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Client, Fixture, playback, spec};
use sealpulse_protocol::command::*;
use sealpulse_protocol::{DeviceState, ErrorCode, PropList, UpdateMode};
use sealpulse_spec::{ChannelMap, ChannelVolumes, Volume};

fn record(client: &mut Client) -> CreateRecordStreamReply {
    client
        .call(&CreateRecordStream {
            properties: [("media.name", "listener")].into_iter().collect(),
            sample_spec: Some(spec()),
            channel_map: ChannelMap::stereo(),
            source_name: Some("null.monitor".to_owned()),
            maxlength: u32::MAX,
            fragsize: spec().usec_to_bytes(10_000) as u32,
            adjust_latency: true,
            variable_rate: true,
            volume: ChannelVolumes::norm(2),
            ..CreateRecordStream::default()
        })
        .unwrap()
}

fn output(client: &mut Client, index: u32) -> SourceOutputInfo {
    client.call(&GetSourceOutputInfo { index: Some(index) }).unwrap()
}

#[test]
fn a_record_stream_obeys_every_command() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    let made = record(&mut client);
    let (channel, index) = (made.channel, made.source_output_index);
    client.wait_for_block();

    client.call(&CorkRecordStream { channel, cork: true }).unwrap();
    assert!(output(&mut client, index).corked);
    client.call(&CorkRecordStream { channel, cork: false }).unwrap();
    assert!(!output(&mut client, index).corked);
    client.call(&FlushRecordStream { channel }).unwrap();

    client.call(&SetRecordStreamName { channel, name: Some("other".to_owned()) }).unwrap();
    assert_eq!(output(&mut client, index).name.as_deref(), Some("other"));
    let unnamed = client.call(&SetRecordStreamName { channel, name: None });
    assert_eq!(unnamed.map(|_| ()), Err(ErrorCode::Invalid));

    client.call(&UpdateRecordStreamSampleRate { channel, rate: 22_050 }).unwrap();
    assert_eq!(output(&mut client, index).sample_spec.rate, 22_050);

    let attr = SetRecordStreamBufferAttr {
        channel,
        maxlength: u32::MAX,
        fragsize: 8_000,
        ..SetRecordStreamBufferAttr::default()
    };
    assert_eq!(client.call(&attr).unwrap().fragsize, 8_000);

    let volume = ChannelVolumes::all(2, Volume(0x4000));
    client.call(&SetSourceOutputVolume { index: Some(index), volume }).unwrap();
    client.call(&SetSourceOutputMute { index: Some(index), mute: true }).unwrap();
    let info = output(&mut client, index);
    assert_eq!((info.volume, info.mute), (volume, true));
    let latency = client.call(&GetRecordLatency { channel, ..GetRecordLatency::default() }).unwrap();
    assert!(latency.write_index >= latency.read_index);

    client.call(&DeleteRecordStream { channel }).unwrap();
    assert_eq!(client.call(&DeleteRecordStream { channel }).map(|_| ()), Err(ErrorCode::NoEntity));
    assert_eq!(client.call(&GetSourceOutputInfoList {}).unwrap(), []);
}

#[test]
fn record_streams_hear_that_their_source_stands_still() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    let channel = record(&mut client).channel;
    for suspend in [true, false] {
        client.call(&SuspendSink { index: Some(0), name: None, suspend }).unwrap();
        client.wait_for(|notice| match notice {
            Command::RecordStreamSuspended(told) if told.channel == channel && told.suspended == suspend => {
                Some(())
            }
            _ => None,
        });
    }
    // All sources at once are those that are no monitors: there are none.
    client.call(&SuspendSource { index: None, name: Some(String::new()), suspend: true }).unwrap();
    let source = client.call(&GetSourceInfo::default()).unwrap();
    assert_eq!(source.state, DeviceState::Running);
    client.call(&SetSourceMute { index: Some(0), name: None, mute: true }).unwrap();
    assert!(client.call(&GetSourceInfo::default()).unwrap().mute);
}

fn list(pairs: &[(&str, &str)]) -> PropList {
    pairs.iter().copied().collect()
}

#[test]
fn properties_of_streams_and_clients_come_and_go() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    let played = client.call(&playback()).unwrap();
    let recorded = record(&mut client);
    let names = || vec!["b".to_owned(), "never".to_owned()];

    let (channel, mode) = (played.channel, UpdateMode::Set);
    client
        .call(&UpdatePlaybackStreamProplist { channel, mode, properties: list(&[("a", "1"), ("b", "2")]) })
        .unwrap();
    client.call(&RemovePlaybackStreamProplist { channel, names: names() }).unwrap();
    let info = client.call(&GetSinkInputInfo { index: Some(played.sink_input_index) }).unwrap();
    assert_eq!(info.properties, list(&[("a", "1")]));

    let (channel, mode) = (recorded.channel, UpdateMode::Merge);
    let properties = list(&[("media.name", "ignored"), ("b", "2")]);
    client.call(&UpdateRecordStreamProplist { channel, mode, properties }).unwrap();
    let properties = output(&mut client, recorded.source_output_index).properties;
    assert_eq!((properties.get_str("media.name"), properties.get_str("b")), (Some("listener"), Some("2")));
    client.call(&RemoveRecordStreamProplist { channel, names: names() }).unwrap();
    assert!(!output(&mut client, recorded.source_output_index).properties.contains("b"));

    let mode = UpdateMode::Replace;
    client
        .call(&UpdateClientProplist { mode, properties: list(&[("application.name", "new"), ("b", "2")]) })
        .unwrap();
    client.call(&RemoveClientProplist { names: names() }).unwrap();
    let me = client.call(&GetClientInfoList {}).unwrap().remove(0);
    assert_eq!((me.name.as_deref(), me.properties.contains("b")), (Some("new"), false));
    assert_eq!(client.call(&GetClientInfo { index: Some(me.index) }).unwrap(), me);
}

#[test]
fn a_stream_that_is_written_too_much_or_too_little_is_told() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    let made = client.play(|create| (create.maxlength, create.prebuf) = (40_000, 0)).unwrap();
    let channel = made.channel;
    for _ in 0..4 {
        client.send_block(channel, &[0; 40_000]);
    }
    let mut told = [false; 3];
    while told != [true; 3] {
        let one = client.wait_for(|notice| match notice {
            Command::Overflow(told) if told.channel == channel => Some(0),
            Command::Started(told) if told.channel == channel => Some(1),
            Command::Underflow(told) if told.channel == channel => Some(2),
            _ => None,
        });
        told[one] = true;
    }
}

#[test]
fn a_server_ends_where_that_is_allowed() {
    let fixture = Fixture::with(|config| config.allow_exit = false);
    let mut client = fixture.client(35);
    assert_eq!(client.call(&Exit {}).map(|_| ()), Err(ErrorCode::Access));
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    client.send(&Exit {});
    client.wait_for_end();
}
