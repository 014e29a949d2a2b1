//! Packets that libpulse and PulseAudio 16.1 sent to each other.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use sealpulse_protocol::command::*;
use sealpulse_protocol::*;
use sealpulse_spec::{ChannelMap, ChannelVolumes, SampleFormat, SampleSpec, Volume};

const SPEC: SampleSpec = SampleSpec { format: SampleFormat::S16Le, channels: 2, rate: 44_100 };

fn packet(name: &str) -> Vec<u8> {
    let line = include_str!("golden.txt").lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let hex = line.unwrap_or_else(|| panic!("no {name}"));
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// The command of that name; encoded again it is the same bytes.
fn command(name: &str) -> Command {
    let golden = packet(name);
    let (tag, command) = Command::decode(&golden, VERSION).unwrap();
    assert_eq!(command.encode(tag, VERSION), golden, "{name}");
    command
}

fn reply<R: Field>(name: &str) -> R {
    let golden = packet(name);
    let (tag, content) = match decode_server_packet(&golden, VERSION) {
        Ok(ServerPacket::Reply { tag, content }) => (tag, content),
        other => panic!("{name}: {other:?}"),
    };
    let reply = decode_reply(content, VERSION).unwrap();
    assert_eq!(encode_reply(tag, &reply, VERSION), golden, "{name}");
    reply
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn authentication() {
    let Command::Auth(auth) = command("auth") else { panic!() };
    // The daemon was told not to share memory, but the client does not know that yet.
    assert_eq!(auth.version, VersionWord { version: 35, shm: true, memfd: true });
    assert_eq!(format!("{auth:?}").matches("Cookie(..)").count(), 1);
}

#[test]
fn streams() {
    let Command::CreatePlaybackStream(stream) = command("create-playback-stream") else { panic!() };
    let expected = CreatePlaybackStream {
        sample_spec: Some(SPEC),
        channel_map: ChannelMap::stereo(),
        maxlength: u32::MAX,
        tlength: 8_820,
        prebuf: u32::MAX,
        minreq: u32::MAX,
        volume: ChannelVolumes::all(2, Volume(0x8000)),
        adjust_latency: true,
        properties: [("media.name", "golden"), ("application.name", "paplay")].into_iter().collect(),
        volume_set: true,
        ..Default::default()
    };
    assert_eq!(stream, expected);

    // GStreamer gives formats and leaves the sample spec open.
    let name = "create-playback-stream-by-formats";
    let Command::CreatePlaybackStream(stream) = command(name) else { panic!() };
    assert_eq!((stream.sample_spec, stream.channel_map.channels()), (None, 0));
    assert!(stream.corked && !stream.volume_set);
    let [format] = &stream.formats[..] else { panic!("{:?}", stream.formats) };
    assert_eq!(format.encoding, Encoding::Pcm);
    assert_eq!(format.properties.get_str("format.sample_format"), Some("\"s16le\""));

    let created: CreatePlaybackStreamReply = reply("create-playback-stream-reply");
    assert_eq!((created.channel, created.sink_name.as_deref()), (0, Some("null")));
    assert_eq!(created.sample_spec, Some(SPEC));
    assert_eq!(created.format, FormatInfo::pcm(&SPEC, Some(&ChannelMap::stereo())));

    let Command::CreateRecordStream(stream) = command("create-record-stream") else { panic!() };
    assert_eq!(stream.source_name.as_deref(), Some("null.monitor"));
    assert!(stream.adjust_latency && !stream.peak_detect && stream.direct_on_input.is_none());
    let created: CreateRecordStreamReply = reply("create-record-stream-reply");
    assert_eq!(created.source_name.as_deref(), Some("null.monitor"));
    assert_eq!(created.format, FormatInfo::pcm(&SPEC, Some(&ChannelMap::stereo())));
}

#[test]
fn control() {
    let volume = ChannelVolumes::all(2, Volume(0x8000));
    let (index, null) = (None, some("null"));
    let commands: [(&str, Command); 12] = [
        ("set-sink-volume", SetSinkVolume { index, name: null.clone(), volume }.into()),
        ("set-sink-mute", SetSinkMute { index, name: null.clone(), mute: true }.into()),
        ("get-sink-info", GetSinkInfo { index, name: null.clone() }.into()),
        (
            "load-module",
            LoadModule { name: some("module-null-sink"), argument: some("sink_name=second") }.into(),
        ),
        ("suspend-sink", SuspendSink { index, name: some("second"), suspend: true }.into()),
        ("set-default-sink", SetDefaultSink { name: some("second") }.into()),
        (
            "send-object-message",
            SendObjectMessage {
                object_path: some("/core"),
                message: some("list-handlers"),
                parameters: None,
            }
            .into(),
        ),
        ("set-card-profile", SetCardProfile { index, name: some("card"), profile: some("off") }.into()),
        (
            "set-port-latency-offset",
            SetPortLatencyOffset { index, name: some("card"), port: some("port"), offset: 1_000 }.into(),
        ),
        ("subscribe", Subscribe { mask: SubscriptionMask::ALL }.into()),
        ("move-sink-input", MoveSinkInput { index: Some(3), sink_index: None, sink_name: null }.into()),
        ("drain-playback-stream", DrainPlaybackStream { channel: 0 }.into()),
    ];
    for (name, expected) in commands {
        assert_eq!(command(name), expected);
        let golden = packet(name);
        let (tag, _) = Command::decode(&golden, VERSION).unwrap();
        assert_eq!(expected.encode(tag, VERSION), golden, "{name}");
    }
}

#[test]
fn answers_and_events() {
    let error = packet("error");
    let Ok(ServerPacket::Error { tag, code }) = decode_server_packet(&error, VERSION) else { panic!() };
    assert_eq!((code, encode_error(tag, code)), (ErrorCode::NoEntity, error));

    let event = |name| match decode_server_packet(&packet(name), VERSION) {
        Ok(ServerPacket::Command { tag: NO_TAG, command }) => command,
        other => panic!("{name}: {other:?}"),
    };
    assert!(matches!(event("request"), Command::Request(Request { channel: 0, bytes: 1.. })));
    assert_eq!(event("started"), Started { channel: 0 }.into());
    assert_eq!(event("underflow"), Underflow { channel: 0, offset: 88_200 }.into());

    let answer: SendObjectMessageReply = reply("send-object-message-reply");
    assert!(answer.response.unwrap().starts_with("[{\"name\":\"/core\""));
    let _: StatReply = reply("stat-reply");
}

#[test]
fn introspection() {
    let sinks: Vec<SinkInfo> = reply("sinks");
    let [sink] = &sinks[..] else { panic!("{sinks:?}") };
    assert_eq!((sink.name.as_str(), sink.driver.as_deref()), ("null", Some("module-null-sink.c")));
    assert_eq!(sink.state, DeviceState::Idle);
    assert_eq!(sink.monitor_source_name.as_deref(), Some("null.monitor"));
    assert_eq!((sink.volume_steps, sink.base_volume, sink.card_index), (0x10001, Volume::NORM, None));
    assert_eq!(sink.formats, [FormatInfo { encoding: Encoding::Pcm, properties: PropList::new() }]);

    let sources: Vec<SourceInfo> = reply("sources");
    assert_eq!(sources[0].monitor_of_sink_name.as_deref(), Some("null"));
    let modules: Vec<ModuleInfo> = reply("modules");
    assert_eq!(modules[1].argument.as_deref(), Some("sink_name=null"));
    assert_eq!(modules[0].properties.get_str("module.version"), Some("16.1"));
}
