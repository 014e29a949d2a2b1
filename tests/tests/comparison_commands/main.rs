//! Commands of the protocol as they are on the wire, to PulseAudio 16.1 and to sealpulse: what no tool sends, and what
//! is wrong with a request. The answers agree, save for what stands in `differences.toml`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod peer;
mod requests;
mod restore;
mod samples;

use peer::Peer;
use sealpulse_protocol::command::*;
use sealpulse_protocol::extension::device_manager::{self, ManagedDevice};
use sealpulse_protocol::extension::device_restore::{self, DeviceFormats, DeviceType};
use sealpulse_protocol::extension::stream_restore::{self, StreamRestoreEntry};
use sealpulse_protocol::tagstruct::Writer;
use sealpulse_protocol::{
    Encoding, Field, FormatInfo, Opaque, PropList, SubscriptionMask, Timeval, UpdateMode, extension,
};
use sealpulse_spec::{ChannelMap, ChannelVolumes, SampleFormat, SampleSpec, Volume};
use sealpulse_tests::compare::{Script, compare};
use serde_json::{Value, json};

const OUT: &str = "module-null-sink sink_name=out rate=48000";

const SPEC: SampleSpec = SampleSpec { format: SampleFormat::S16Le, channels: 2, rate: 48_000 };

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn list(pairs: &[(&str, &str)]) -> PropList {
    pairs.iter().copied().collect()
}

fn properties(list: &PropList) -> Value {
    let own = |key: &str| !key.starts_with("application.") && !key.starts_with("native-protocol.");
    let text = |value: &[u8]| String::from_utf8_lossy(value).trim_end_matches('\0').to_owned();
    list.iter().filter(|(key, _)| own(key)).map(|(key, value)| (key.to_owned(), json!(text(value)))).collect()
}

/// Sends commands, and writes down how each was answered.
macro_rules! send {
    ($script:ident, $peer:ident; $($command:expr;)*) => {
        $({
            let command = $command;
            let answer = $peer.call(&command).map(|_| "done");
            $script.note(stringify!($command), json!(peer::outcome(&answer)));
        })*
    };
}

pub(crate) use send;

fn playback() -> CreatePlaybackStream {
    CreatePlaybackStream {
        sample_spec: Some(SPEC),
        channel_map: ChannelMap::stereo(),
        maxlength: u32::MAX,
        tlength: u32::MAX,
        prebuf: u32::MAX,
        minreq: u32::MAX,
        volume: ChannelVolumes::norm(2),
        corked: true,
        properties: list(&[("media.name", "song")]),
        ..CreatePlaybackStream::default()
    }
}

fn record() -> CreateRecordStream {
    CreateRecordStream {
        sample_spec: Some(SPEC),
        channel_map: ChannelMap::stereo(),
        maxlength: u32::MAX,
        fragsize: u32::MAX,
        volume: ChannelVolumes::norm(2),
        corked: true,
        properties: list(&[("media.name", "listener")]),
        ..CreateRecordStream::default()
    }
}

#[test]
fn cards_and_ports() {
    compare("cards and ports", &[OUT], |script| {
        let mut peer = Peer::connect(script, 35);
        let (zero, card, port) = (Some(0), text("card"), text("port"));
        send! { script, peer;
            GetCardInfoList {};
            GetCardInfo { index: zero, name: None };
            GetCardInfo { index: None, name: card.clone() };
            GetCardInfo { index: None, name: None };
            GetCardInfo { index: zero, name: card.clone() };
            GetCardInfo { index: None, name: text("a card") };
            SetCardProfile { index: zero, name: None, profile: port.clone() };
            SetCardProfile { index: zero, name: None, profile: None };
            SetCardProfile { index: zero, name: card.clone(), profile: port.clone() };
            SetCardProfile { index: None, name: None, profile: port.clone() };
            SetCardProfile { index: None, name: text("a card"), profile: port.clone() };
            SetPortLatencyOffset { index: zero, name: None, port: port.clone(), offset: 1 };
            SetPortLatencyOffset { index: zero, name: None, port: None, offset: 1 };
            SetPortLatencyOffset { index: None, name: card.clone(), port: port.clone(), offset: -1 };
            SetPortLatencyOffset { index: zero, name: card.clone(), port: port.clone(), offset: -1 };
            SetSinkPort { index: zero, name: None, port: port.clone() };
            SetSinkPort { index: zero, name: None, port: None };
            SetSinkPort { index: Some(9), name: None, port: None };
            SetSinkPort { index: Some(9), name: None, port: port.clone() };
            SetSinkPort { index: None, name: text("@DEFAULT_SINK@"), port: port.clone() };
            SetSinkPort { index: None, name: text("no where"), port: port.clone() };
            SetSourcePort { index: zero, name: None, port: port.clone() };
            SetSourcePort { index: None, name: None, port: port.clone() };
            SetSourcePort { index: None, name: text("nowhere"), port: port.clone() };
            SetSourcePort { index: Some(9), name: text("nowhere"), port };
        }
    });
}

#[test]
fn messages_to_objects() {
    compare("messages to objects", &[OUT], |script| {
        let mut peer = Peer::connect(script, 35);
        let message = |path: &str, message: &str, parameters: Option<&str>| SendObjectMessage {
            object_path: text(path),
            message: text(message),
            parameters: parameters.map(str::to_owned),
        };
        send! { script, peer;
            message("/core", "list-handlers", None);
            message("/core/", "list-handlers", Some(""));
            message("/core", "list-handlers", Some("text"));
            message("/core", "list-handlers", Some("\"{"));
            message("/core", "nonsense", None);
            message("/core", "", None);
            message("/nobody", "list-handlers", None);
            message("/nobody", "list-handlers", Some("\"{"));
            message("core", "list-handlers", None);
            SendObjectMessage { object_path: None, ..message("", "x", None) };
            SendObjectMessage { message: None, ..message("/core", "x", None) };
        }
        let listed = peer.call(&message("/core", "list-handlers", None)).unwrap().response.unwrap();
        let listed: Value = serde_json::from_str(&listed).unwrap();
        script.note("handlers", listed);
    });
}

fn command(number: u32) -> Writer {
    let mut writer = extension::writer();
    writer.u32(number);
    writer
}

fn ask(peer: &mut Peer, name: &str, content: Writer) -> Result<Vec<u8>, String> {
    let content = Opaque(content.into_bytes());
    let command = Extension { index: None, name: text(name), content };
    peer.call(&command).map(|answer| answer.0)
}

#[test]
fn every_command_of_a_stream() {
    compare("every command of a stream", &[OUT, "module-null-sink sink_name=second"], |script| {
        let mut peer = Peer::connect(script, 35);
        let made = peer.call(&playback()).unwrap();
        let (channel, index) = (made.channel, Some(made.sink_input_index));
        let volume = ChannelVolumes::all(1, Volume(0x8000));
        send! { script, peer;
            GetPlaybackLatency { channel, time: Timeval::default() };
            SetPlaybackStreamName { channel, name: text("other") };
            SetPlaybackStreamName { channel, name: None };
            SetPlaybackStreamBufferAttr { channel, maxlength: u32::MAX, tlength: 10_000, prebuf: u32::MAX, minreq: u32::MAX, ..SetPlaybackStreamBufferAttr::default() };
            UpdatePlaybackStreamSampleRate { channel, rate: 44_100 };
            UpdatePlaybackStreamProplist { channel, mode: UpdateMode::Replace, properties: list(&[("a", "1")]) };
            RemovePlaybackStreamProplist { channel, names: vec!["a".to_owned()] };
            RemovePlaybackStreamProplist { channel, names: vec!["a".to_owned()] };
            FlushPlaybackStream { channel };
            PrebufPlaybackStream { channel };
            TriggerPlaybackStream { channel };
            SetSinkInputVolume { index, volume };
            SetSinkInputVolume { index, volume: ChannelVolumes::norm(3) };
            SetSinkInputMute { index, mute: true };
            MoveSinkInput { index, sink_index: None, sink_name: text("second") };
            MoveSinkInput { index, sink_index: None, sink_name: text("second") };
            MoveSinkInput { index, sink_index: None, sink_name: text("nobody") };
        }
        script.events("of a playback stream");
        let info = peer.call(&GetSinkInputInfo { index }).unwrap();
        script.note(
            "the playback stream",
            json!([info.name, format!("{:?}", info.volume), info.mute, info.corked]),
        );
        send! { script, peer;
            KillSinkInput { index };
            DeletePlaybackStream { channel };
        }
        let made = peer.call(&record()).unwrap();
        let (channel, index) = (made.channel, Some(made.source_output_index));
        send! { script, peer;
            GetRecordLatency { channel, time: Timeval::default() };
            SetRecordStreamName { channel, name: text("other") };
            SetRecordStreamBufferAttr { channel, maxlength: u32::MAX, fragsize: 4_000, ..SetRecordStreamBufferAttr::default() };
            UpdateRecordStreamSampleRate { channel, rate: 44_100 };
            UpdateRecordStreamProplist { channel, mode: UpdateMode::Merge, properties: list(&[("a", "1")]) };
            RemoveRecordStreamProplist { channel, names: vec!["a".to_owned()] };
            FlushRecordStream { channel };
            SetSourceOutputVolume { index, volume };
            SetSourceOutputVolume { index, volume: ChannelVolumes::norm(3) };
            SetSourceOutputMute { index, mute: true };
        }
        let info = peer.call(&GetSourceOutputInfo { index }).unwrap();
        script.note("before it moves", json!(format!("{:?}", info.volume)));
        send! { script, peer;
            MoveSourceOutput { index, source_index: None, source_name: text("second.monitor") };
        }
        script.events("of a record stream");
        let info = peer.call(&GetSourceOutputInfo { index }).unwrap();
        script.note(
            "the record stream",
            json!([info.name, format!("{:?}", info.volume), info.mute, info.corked]),
        );
        send! { script, peer;
            KillSourceOutput { index };
            DeleteRecordStream { channel };
        }
    });
}

#[test]
fn what_ends_a_connection() {
    compare("what ends a connection", &[OUT, "module-stream-restore", "module-device-restore"], |script| {
        let empty = || Opaque::default();
        let mut set = command(stream_restore::WRITE);
        UpdateMode::Other(7).encode(&mut set);
        set.boolean(false);
        let commands: Vec<(&str, Command)> = vec![
            ("add autoload", AddAutoload { content: empty() }.into()),
            ("remove autoload", RemoveAutoload { content: empty() }.into()),
            ("autoload info", GetAutoloadInfo { content: empty() }.into()),
            ("autoload list", GetAutoloadInfoList { content: empty() }.into()),
            ("request", Request { channel: 0, bytes: 0 }.into()),
            (
                "an empty command",
                Extension { index: None, name: text(stream_restore::MODULE), content: empty() }.into(),
            ),
            (
                "a command that is not there",
                Extension {
                    index: None,
                    name: text(stream_restore::MODULE),
                    content: Opaque(command(77).into_bytes()),
                }
                .into(),
            ),
            (
                "a mode that is not there",
                Extension {
                    index: None,
                    name: text(stream_restore::MODULE),
                    content: Opaque(set.into_bytes()),
                }
                .into(),
            ),
            (
                "no formats",
                Extension {
                    index: None,
                    name: text(device_restore::MODULE),
                    content: Opaque(command(device_restore::SAVE_FORMATS).into_bytes()),
                }
                .into(),
            ),
            ("no argument", GetSampleInfoList {}.into()),
        ];
        for (label, command) in commands {
            let mut peer = Peer::connect(script, 35);
            let ended = peer.ends_after(&command);
            script.note(label, json!(ended));
        }
    });
}
