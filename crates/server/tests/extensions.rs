//! Modules with commands of their own: what they remember, what they do with it, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::path::Path;

use common::{Client, Fixture};
use sealpulse_protocol::command::*;
use sealpulse_protocol::extension::device_manager;
use sealpulse_protocol::extension::device_restore::{self, DeviceFormats, DeviceType};
use sealpulse_protocol::extension::stream_restore::{self, StreamRestoreEntry};
use sealpulse_protocol::tagstruct::Writer;
use sealpulse_protocol::{Encoding, ErrorCode, Field, FormatInfo, Opaque, UpdateMode, extension};
use sealpulse_spec::{ChannelMap, ChannelVolumes, SampleFormat, SampleSpec, Volume};

const STREAM: &str = stream_restore::MODULE;
const DEVICE: &str = device_restore::MODULE;
const MANAGER: &str = device_manager::MODULE;

fn server(state: &Path) -> Fixture {
    Fixture::with(|config| config.state_directory = Some(state.to_owned()))
}

fn load(client: &mut Client, name: &str, argument: &str) -> u32 {
    let argument = Some(argument.to_owned());
    client.call(&LoadModule { name: Some(name.to_owned()), argument }).unwrap().index
}

fn command(number: u32) -> Writer {
    let mut writer = extension::writer();
    writer.u32(number);
    writer
}

fn to_module(name: &str, content: Writer) -> Extension {
    Extension { index: None, name: Some(name.to_owned()), content: Opaque(content.into_bytes()) }
}

fn ask(client: &mut Client, name: &str, content: Writer) -> Result<Vec<u8>, ErrorCode> {
    client.call(&to_module(name, content)).map(|answer| answer.0)
}

fn entries(client: &mut Client) -> Vec<StreamRestoreEntry> {
    extension::read(&ask(client, STREAM, command(stream_restore::READ)).unwrap()).unwrap()
}

fn write(client: &mut Client, mode: UpdateMode, apply: bool, entries: &[StreamRestoreEntry]) {
    let mut content = command(stream_restore::WRITE);
    mode.encode(&mut content);
    content.boolean(apply);
    entries.to_vec().encode(&mut content);
    ask(client, STREAM, content).unwrap();
}

fn volume(value: u32) -> ChannelVolumes {
    ChannelVolumes::all(2, Volume(value))
}

fn entry(name: &str, value: u32, device: Option<&str>) -> StreamRestoreEntry {
    StreamRestoreEntry {
        map: ChannelMap::stereo(),
        volume: volume(value),
        device: device.map(str::to_owned),
        ..StreamRestoreEntry::new(name)
    }
}

/// A corked stream of a role.
fn stream(client: &mut Client, role: &str) -> CreatePlaybackStreamReply {
    client
        .call(&CreatePlaybackStream {
            sample_spec: Some(SampleSpec { format: SampleFormat::S16Le, channels: 2, rate: 44_100 }),
            channel_map: ChannelMap::stereo(),
            volume: volume(0x10000),
            volume_set: false,
            corked: true,
            sync_id: role.bytes().map(u32::from).sum(),
            maxlength: u32::MAX,
            tlength: u32::MAX,
            prebuf: u32::MAX,
            minreq: u32::MAX,
            properties: [("media.role", role)].into_iter().collect(),
            ..CreatePlaybackStream::default()
        })
        .unwrap()
}

fn input(client: &mut Client, index: u32) -> SinkInputInfo {
    client.call(&GetSinkInputInfo { index: Some(index) }).unwrap()
}

fn wait_for_event(client: &mut Client, name: &str, content: Writer) {
    let content = Opaque(content.into_bytes());
    client.wait_for(|notice| match notice {
        Command::Extension(event) if event.name.as_deref() == Some(name) && event.content == content => {
            Some(())
        }
        _ => None,
    });
}

#[test]
fn a_module_that_is_not_loaded_has_no_commands() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    for name in [STREAM, DEVICE, "module-of-others"] {
        assert_eq!(ask(&mut client, name, command(0)), Err(ErrorCode::NoExtension));
    }
    let index = load(&mut client, STREAM, "");
    let by_index = Extension { index: Some(index), name: None, content: Opaque(command(0).into_bytes()) };
    assert_eq!(client.call(&by_index).map(|answer| extension::read::<u32>(&answer.0)), Ok(Ok(1)));
    assert_eq!(ask(&mut client, STREAM, command(0)).map(|answer| extension::read::<u32>(&answer)), Ok(Ok(1)));
    let both = Extension { name: Some(STREAM.to_owned()), ..by_index.clone() };
    assert_eq!(client.call(&both).map(|_| ()), Err(ErrorCode::Invalid));
    assert_eq!(client.call(&Extension { index: None, ..by_index }).map(|_| ()), Err(ErrorCode::Invalid));
    assert_eq!(ask(&mut client, "module-null-sink", command(0)), Err(ErrorCode::NoExtension));
    let null_sink = Extension { index: Some(1), name: None, content: Opaque(command(0).into_bytes()) };
    assert_eq!(client.call(&null_sink).map(|_| ()), Err(ErrorCode::NoExtension));
    client.call(&UnloadModule { index: Some(index) }).unwrap();
    assert_eq!(ask(&mut client, STREAM, command(0)), Err(ErrorCode::NoExtension));
}

#[test]
fn what_a_module_does_not_understand_ends_the_connection() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    load(&mut client, STREAM, "");
    load(&mut client, DEVICE, "");
    load(&mut client, MANAGER, "");
    let mut nameless = command(stream_restore::WRITE);
    UpdateMode::Replace.encode(&mut nameless);
    nameless.boolean(false);
    StreamRestoreEntry::new("").encode(&mut nameless);
    let mut no_sink = command(device_restore::READ_FORMATS);
    DeviceType::Sink.encode(&mut no_sink);
    no_sink.u32(77);
    let mut unknown_device = command(device_manager::REORDER);
    unknown_device.string(Some("music"));
    unknown_device.u32(1);
    unknown_device.string(Some("sink:nobody"));
    for (name, content) in [
        (STREAM, command(99)),
        (STREAM, extension::writer()),
        (STREAM, command(stream_restore::SUBSCRIBE)),
        (STREAM, nameless),
        (DEVICE, command(99)),
        (DEVICE, command(device_restore::SAVE_FORMATS)),
        (DEVICE, no_sink),
        (MANAGER, command(99)),
        (MANAGER, command(device_manager::RENAME)),
        (MANAGER, unknown_device),
    ] {
        let mut client = fixture.client(35);
        client.send(&to_module(name, content));
        client.wait_for_end();
    }
    assert!(client.is_alive());
}

#[test]
fn entries_are_written_read_and_deleted() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    load(&mut client, STREAM, "");
    let mut subscribe = command(stream_restore::SUBSCRIBE);
    subscribe.boolean(true);
    ask(&mut client, STREAM, subscribe).unwrap();
    write(&mut client, UpdateMode::Set, false, &[entry("a", 1, None), entry("b", 2, Some("null"))]);
    wait_for_event(&mut client, STREAM, command(stream_restore::EVENT));
    assert_eq!(entries(&mut client), [entry("a", 1, None), entry("b", 2, Some("null"))]);
    write(&mut client, UpdateMode::Merge, false, &[entry("a", 3, None), entry("c", 4, None)]);
    write(&mut client, UpdateMode::Replace, false, &[entry("b", 5, None)]);
    assert_eq!(entries(&mut client), [entry("a", 1, None), entry("b", 5, None), entry("c", 4, None)]);
    let mut delete = command(stream_restore::DELETE);
    delete.string(Some("a"));
    delete.string(Some("never there"));
    ask(&mut client, STREAM, delete).unwrap();
    write(&mut client, UpdateMode::Merge, false, &[]);
    assert_eq!(entries(&mut client), [entry("b", 5, None), entry("c", 4, None)]);
    write(&mut client, UpdateMode::Set, false, &[]);
    assert_eq!(entries(&mut client), []);
}

#[test]
fn streams_get_what_was_remembered() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    load(&mut client, STREAM, "");
    load(&mut client, "module-null-sink", "sink_name=second");
    let music = "sink-input-by-media-role:music";
    let muted = StreamRestoreEntry { muted: true, ..entry(music, 0x4000, Some("second")) };
    write(&mut client, UpdateMode::Replace, false, &[muted]);
    let made = stream(&mut client, "music");
    assert_eq!(made.sink_name.as_deref(), Some("second"));
    let info = input(&mut client, made.sink_input_index);
    assert_eq!((info.volume, info.mute), (volume(0x4000), true));
    assert_eq!(info.properties.get_str("module-stream-restore.id"), Some(music));
    // Those that are there follow where that is asked for.
    write(&mut client, UpdateMode::Replace, true, &[entry(music, 0x2000, None)]);
    let info = input(&mut client, made.sink_input_index);
    assert_eq!((info.volume, info.mute, info.sink_index), (volume(0x2000), false, Some(0)));
    let other = stream(&mut client, "video");
    let info = input(&mut client, other.sink_input_index);
    assert_eq!((info.volume, info.mute, info.sink_index), (volume(0x10000), false, Some(0)));
}

#[test]
fn nothing_is_restored_where_that_is_turned_off() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    load(&mut client, STREAM, "restore_device=no restore_volume=no restore_muted=no");
    load(&mut client, "module-null-sink", "sink_name=second");
    let muted =
        StreamRestoreEntry { muted: true, ..entry("sink-input-by-media-role:music", 7, Some("second")) };
    write(&mut client, UpdateMode::Replace, true, &[muted]);
    let index = stream(&mut client, "music").sink_input_index;
    let info = input(&mut client, index);
    assert_eq!((info.volume, info.mute, info.sink_index), (volume(0x10000), false, Some(0)));
}

#[test]
fn what_a_user_sets_outlives_stream_and_server() {
    let state = tempfile::tempdir().unwrap();
    let mut fixture = server(state.path());
    let mut client = fixture.client(35);
    load(&mut client, STREAM, "");
    load(&mut client, "module-null-sink", "sink_name=second");
    let index = Some(stream(&mut client, "music").sink_input_index);
    client.call(&SetSinkInputVolume { index, volume: volume(0x3000) }).unwrap();
    client.call(&SetSinkInputMute { index, mute: true }).unwrap();
    let second = Some("second".to_owned());
    client.call(&MoveSinkInput { index, sink_index: None, sink_name: second.clone() }).unwrap();
    let expected =
        StreamRestoreEntry { muted: true, ..entry("sink-input-by-media-role:music", 0x3000, Some("second")) };
    assert_eq!(entries(&mut client), std::slice::from_ref(&expected));
    // Killed at any time: what was saved is there, whole.
    fixture.server.take().unwrap().stop().unwrap();

    let fixture = server(state.path());
    let mut client = fixture.client(35);
    load(&mut client, STREAM, "");
    assert_eq!(entries(&mut client), [expected]);
    let made = stream(&mut client, "music");
    assert_eq!(made.sink_name.as_deref(), Some("null"), "the other is not there");
    load(&mut client, "module-null-sink", "sink_name=second");
    let info = input(&mut client, made.sink_input_index);
    assert_eq!((info.volume, info.mute), (volume(0x3000), true));
    assert_eq!(info.sink_index, Some(1), "it goes where it was wanted as soon as that is there");
}

#[test]
fn sinks_and_monitors_get_their_volumes_again() {
    let state = tempfile::tempdir().unwrap();
    let mut fixture = server(state.path());
    let mut client = fixture.client(35);
    load(&mut client, DEVICE, "");
    let mut subscribe = command(device_restore::SUBSCRIBE);
    subscribe.boolean(true);
    ask(&mut client, DEVICE, subscribe).unwrap();
    let (index, name) = (None, Some("null".to_owned()));
    client.call(&SetSinkVolume { index, name: name.clone(), volume: volume(0x3000) }).unwrap();
    let mut event = command(device_restore::EVENT);
    DeviceType::Sink.encode(&mut event);
    event.u32(0);
    wait_for_event(&mut client, DEVICE, event);
    client.call(&SetSinkMute { index, name, mute: true }).unwrap();
    let name = Some("null.monitor".to_owned());
    client.call(&SetSourceVolume { index, name, volume: volume(0x2000) }).unwrap();
    fixture.server.take().unwrap().stop().unwrap();

    let fixture = Fixture::with(|config| {
        config.state_directory = Some(state.path().to_owned());
        config.null_sink = None;
    });
    let mut client = fixture.client(35);
    load(&mut client, DEVICE, "");
    load(&mut client, "module-null-sink", "");
    let sink = client.call(&GetSinkInfo::default()).unwrap();
    assert_eq!((sink.volume, sink.mute), (volume(0x3000), true));
    assert_eq!(client.call(&GetSourceInfo::default()).unwrap().volume, volume(0x2000));
}

#[test]
fn formats_of_sinks_are_read_and_saved() {
    let state = tempfile::tempdir().unwrap();
    let mut fixture = server(state.path());
    let mut client = fixture.client(35);
    load(&mut client, DEVICE, "");
    let pcm = FormatInfo { encoding: Encoding::Pcm, ..FormatInfo::default() };
    let formats = |formats| DeviceFormats { device_type: DeviceType::Sink, index: 0, formats };
    let all = |client: &mut Client| {
        let answer = ask(client, DEVICE, command(device_restore::READ_FORMATS_ALL)).unwrap();
        extension::read::<Vec<DeviceFormats>>(&answer).unwrap()
    };
    assert_eq!(all(&mut client), [formats(vec![pcm.clone()])]);
    let ac3 = FormatInfo {
        encoding: Encoding::Ac3,
        properties: [("format.rate", "[ 32000, 48000 ]")].into_iter().collect(),
    };
    let mut save = command(device_restore::SAVE_FORMATS);
    formats(vec![pcm.clone(), ac3.clone()]).encode(&mut save);
    ask(&mut client, DEVICE, save).unwrap();
    let mut read = command(device_restore::READ_FORMATS);
    DeviceType::Sink.encode(&mut read);
    read.u32(0);
    let answer = ask(&mut client, DEVICE, read).unwrap();
    assert_eq!(extension::read::<DeviceFormats>(&answer), Ok(formats(vec![pcm.clone(), ac3.clone()])));
    assert_eq!(client.call(&GetSinkInfo::default()).unwrap().formats, [pcm.clone(), ac3.clone()]);
    fixture.server.take().unwrap().stop().unwrap();

    let fixture = Fixture::with(|config| {
        config.state_directory = Some(state.path().to_owned());
        config.null_sink = None;
    });
    let mut client = fixture.client(35);
    load(&mut client, DEVICE, "");
    load(&mut client, "module-null-sink", "");
    assert_eq!(client.call(&GetSinkInfo::default()).unwrap().formats, [pcm, ac3]);
}

#[test]
fn names_and_orders_of_devices_survive() {
    let state = tempfile::tempdir().unwrap();
    let mut fixture = server(state.path());
    let mut client = fixture.client(35);
    load(&mut client, MANAGER, "");
    load(&mut client, "module-null-sink", "sink_name=second");
    let mut rename = command(device_manager::RENAME);
    for text in ["sink:second", "Headset"] {
        rename.string(Some(text));
    }
    ask(&mut client, MANAGER, rename).unwrap();
    let mut reorder = command(device_manager::REORDER);
    reorder.string(Some("music"));
    reorder.u32(1);
    reorder.string(Some("sink:second"));
    ask(&mut client, MANAGER, reorder).unwrap();
    fixture.server.take().unwrap().stop().unwrap();

    let fixture = server(state.path());
    let mut client = fixture.client(35);
    load(&mut client, MANAGER, "do_routing=yes");
    let second = load(&mut client, "module-null-sink", "sink_name=second");
    let sink = client.call(&GetSinkInfo { name: Some("second".to_owned()), index: None }).unwrap();
    assert_eq!(sink.description.as_deref(), Some("Headset"));
    let music = stream(&mut client, "music");
    assert_eq!(music.sink_index, Some(sink.index));
    // It goes when its device does, and back with it.
    client.call(&UnloadModule { index: Some(second) }).unwrap();
    assert_ne!(input(&mut client, music.sink_input_index).sink_index, Some(sink.index));
    load(&mut client, "module-null-sink", "sink_name=second");
    let sink = client.call(&GetSinkInfo { name: Some("second".to_owned()), index: None }).unwrap();
    assert_eq!(input(&mut client, music.sink_input_index).sink_index, Some(sink.index));
}
