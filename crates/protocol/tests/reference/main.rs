//! PulseAudio itself as the other side: a client that speaks each version from 8 to 35 uses nearly every
//! command. PulseAudio ends the connection of a client that sends a byte too many or too few, so it judges what
//! is encoded here; and every reply and event that it sends has to decode without a byte left over.
//!
//! Needs `pulseaudio` (Debian's package of that name); without it there is nothing to compare with, and the
//! test says so and passes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod client;

use std::process::Command as Process;

use client::Client;
use sealpulse_protocol::command::*;
use sealpulse_protocol::tagstruct::{Reader, Writer};
use sealpulse_protocol::*;
use sealpulse_spec::{ChannelMap, ChannelVolumes, SampleFormat, SampleSpec, Volume};

const SPEC: SampleSpec = SampleSpec { format: SampleFormat::S16Le, channels: 2, rate: 44_100 };

/// 50 ms of [`SPEC`].
const BUFFER: u32 = 8_820;

#[test]
fn pulseaudio_understands_every_version() {
    if Process::new("pulseaudio").arg("--version").output().is_err() {
        println!("no pulseaudio here: nothing to compare with");
        return;
    }
    let daemon = Daemon::start();
    let socket = daemon.directory.path().join("pulse/native");
    let cookie = std::fs::read(daemon.directory.path().join("pulse/cookie")).unwrap();
    let cookie = Cookie(cookie.try_into().unwrap());
    // A null sink takes its time, two seconds here and there, so several versions go at once, each with sinks
    // of its own; not all, because PulseAudio does not allow itself more than 256 file descriptors.
    let versions: Vec<u32> = (MIN_VERSION..=VERSION).collect();
    for versions in versions.chunks(10) {
        std::thread::scope(|scope| {
            for &version in versions {
                let (socket, cookie) = (&socket, &cookie);
                scope.spawn(move || {
                    let mut client = Client::connect(socket, version);
                    introduce(&mut client, cookie);
                    let sinks = ["first", "second"].map(|which| load_sink(&mut client, which));
                    introspect(&mut client);
                    play(&mut client);
                    record(&mut client);
                    control(&mut client);
                    samples(&mut client);
                    modules(&mut client);
                    for index in sinks {
                        client.call(&UnloadModule { index: Some(index) });
                    }
                });
            }
        });
    }
    let mut client = Client::connect(&socket, VERSION);
    introduce(&mut client, &cookie);
    client.call(&Exit {});
}

/// A PulseAudio of its own; ended when dropped.
struct Daemon {
    directory: tempfile::TempDir,
}

impl Daemon {
    fn start() -> Self {
        let daemon = Self { directory: tempfile::tempdir().unwrap() };
        // It returns when the daemon accepts connections.
        let status = daemon
            .process()
            .args(["-n", "--daemonize=yes", "--exit-idle-time=-1", "--disable-shm=yes", "--log-target=null"])
            .args(["-L", "module-native-protocol-unix", "-L", "module-stream-restore"])
            .status()
            .unwrap();
        assert!(status.success(), "pulseaudio did not start: {status}");
        daemon
    }

    fn process(&self) -> Process {
        let directory = self.directory.path();
        let mut process = Process::new("pulseaudio");
        process
            .env("HOME", directory)
            .env("XDG_CONFIG_HOME", directory)
            .env("XDG_RUNTIME_DIR", directory)
            .env("PULSE_RUNTIME_PATH", directory.join("pulse"))
            .env("PULSE_STATE_PATH", directory.join("state"));
        process
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // After EXIT there is none, and it fails.
        let _ = self.process().arg("--kill").stderr(std::process::Stdio::null()).status();
    }
}

/// The name of one of the two sinks that this client has for itself.
fn sink(client: &Client, which: &str) -> String {
    format!("{which}-{}", client.version())
}

/// The name of its monitor.
fn monitor(client: &Client, which: &str) -> String {
    sink(client, which) + ".monitor"
}

fn properties(name: &str) -> PropList {
    [("application.name", name), ("media.name", name)].into_iter().collect()
}

fn introduce(client: &mut Client, cookie: &Cookie) {
    let version = VersionWord { version: client.version(), shm: false, memfd: false };
    let reply = client.call(&Auth { version, cookie: cookie.clone() });
    assert_eq!(reply.version, VersionWord { version: VERSION, shm: false, memfd: false });
    let name = sink(client, "reference");
    let properties_of_name = properties(&name);
    let reply = client.call(&SetClientName { name: Some(name), properties: properties_of_name });
    assert_eq!(reply.client_index.is_some(), client.version() >= 13);
    client.call(&Subscribe { mask: SubscriptionMask::ALL });
    if client.version() >= 13 {
        let mode = UpdateMode::Merge;
        client.call(&UpdateClientProplist { mode, properties: properties("again") });
        client.call(&RemoveClientProplist { names: vec!["media.name".into(), "x".into()] });
    }
}

/// The index of the module.
fn load_sink(client: &mut Client, which: &str) -> u32 {
    let argument = Some(format!("sink_name={}", sink(client, which)));
    client.call(&LoadModule { name: Some("module-null-sink".into()), argument }).index
}

fn introspect(client: &mut Client) {
    let server = client.call(&GetServerInfo {});
    assert_eq!(server.package_name.as_deref(), Some("pulseaudio"));
    assert_eq!(server.channel_map.is_valid(), client.version() >= 15);
    client.call(&Stat {});

    let name = sink(client, "first");
    let sinks = client.call(&GetSinkInfoList {});
    let sink = sinks.iter().find(|sink| sink.name == name).unwrap();
    assert_eq!(sink.formats.is_empty(), client.version() < 21);
    assert_eq!(sink.properties.is_empty(), client.version() < 13);
    let again = client.call(&GetSinkInfo { index: Some(sink.index), name: None });
    assert_eq!(again.name, sink.name);
    let found = client.call(&LookupSink { name: Some(name) });
    assert_eq!(found.index, sink.index);

    let name = monitor(client, "first");
    let sources = client.call(&GetSourceInfoList {});
    let source = sources.iter().find(|source| source.name == name).unwrap();
    assert_eq!(source.monitor_of_sink_index, Some(sink.index));
    assert_eq!(source.formats.is_empty(), client.version() < 22);
    let again = client.call(&GetSourceInfo { index: None, name: Some(name.clone()) });
    assert_eq!(again.index, source.index);
    let found = client.call(&LookupSource { name: Some(name) });
    assert_eq!(found.index, source.index);

    let modules = client.call(&GetModuleInfoList {});
    let module = modules.iter().find(|module| module.name == "module-native-protocol-unix").unwrap();
    assert_eq!(client.call(&GetModuleInfo { index: Some(module.index) }), *module);
    let name = self::sink(client, "reference");
    let clients = client.call(&GetClientInfoList {});
    let info = clients.iter().find(|info| info.name.as_ref() == Some(&name)).unwrap();
    assert_eq!(client.call(&GetClientInfo { index: Some(info.index) }), *info);
    if client.version() >= 15 {
        assert_eq!(client.call(&GetCardInfoList {}), []);
    }
    assert_eq!(client.error(&GetCardInfo { index: Some(9), name: None }), ErrorCode::NoEntity);
    assert_eq!(client.error(&LookupSink { name: None }), ErrorCode::Invalid);
}

fn playback_stream(client: &Client) -> CreatePlaybackStream {
    // Since version 21 the choice of formats is tried, with everything else left open.
    let by_format = client.version() >= 21;
    let stereo = ChannelMap::stereo();
    CreatePlaybackStream {
        name: Some("song".into()),
        sample_spec: (!by_format).then_some(SPEC),
        channel_map: if by_format { ChannelMap::default_for(0) } else { stereo },
        sink_name: Some(sink(client, "first")),
        maxlength: u32::MAX,
        tlength: BUFFER,
        prebuf: u32::MAX,
        minreq: u32::MAX,
        volume: ChannelVolumes::norm(2),
        variable_rate: true,
        adjust_latency: true,
        properties: properties("song"),
        formats: vec![FormatInfo::pcm(&SPEC, Some(&stereo))],
        ..Default::default()
    }
}

fn play(client: &mut Client) {
    let version = client.version();
    let create = playback_stream(client);
    let stream = client.call(&create);
    let channel = stream.channel;
    assert_eq!(stream.sample_spec, (version >= 12).then_some(SPEC));
    assert_eq!(stream.tlength > 0, version >= 9);
    assert_eq!(stream.format.encoding == Encoding::Pcm, version >= 21);
    client.send_block(channel, &vec![0; stream.missing as usize]);
    if version >= 13 {
        client.wait(|event| matches!(event, Command::Started(Started { channel: c }) if *c == channel));
    }
    client.wait(|event| matches!(event, Command::Request(Request { channel: c, .. }) if *c == channel));
    client.wait(|event| matches!(event, Command::Underflow(Underflow { channel: c, .. }) if *c == channel));

    let time = Timeval { seconds: 7, microseconds: 8 };
    let latency = client.call(&GetPlaybackLatency { channel, time });
    assert_eq!(latency.local_time, time);
    assert_eq!(latency.write_index, i64::from(stream.missing));

    let index = Some(stream.sink_input_index);
    let info = client.call(&GetSinkInputInfo { index });
    assert_eq!(info.name.as_deref(), Some("song"));
    assert_eq!(info.sample_spec, SPEC);
    client.call(&GetSinkInputInfoList {});
    client.call(&SetSinkInputVolume { index, volume: ChannelVolumes::all(2, Volume(0x8000)) });
    client.call(&CorkPlaybackStream { channel, cork: true });
    client.call(&FlushPlaybackStream { channel });
    client.call(&TriggerPlaybackStream { channel });
    client.call(&PrebufPlaybackStream { channel });
    client.call(&CorkPlaybackStream { channel, cork: false });
    client.call(&SetPlaybackStreamName { channel, name: Some("another".into()) });
    if version >= 10 {
        let sink_name = Some(sink(client, "second"));
        client.call(&MoveSinkInput { index, sink_index: None, sink_name });
    }
    if version >= 11 {
        client.call(&SetSinkInputMute { index, mute: true });
        let name = Some(sink(client, "second"));
        client.call(&SuspendSink { index: None, name: name.clone(), suspend: true });
        client.call(&SuspendSink { index: None, name, suspend: false });
    }
    if version >= 12 {
        client.wait(|event| matches!(event, Command::PlaybackStreamMoved(_)));
        client.wait(|event| matches!(event, Command::PlaybackStreamSuspended(_)));
        let reply = client.call(&SetPlaybackStreamBufferAttr {
            channel,
            maxlength: u32::MAX,
            tlength: 2 * BUFFER,
            prebuf: 0,
            minreq: u32::MAX,
            adjust_latency: true,
            early_requests: false,
        });
        assert_eq!(reply.prebuf, 0);
        client.call(&UpdatePlaybackStreamSampleRate { channel, rate: 48_000 });
    }
    if version >= 13 {
        let (mode, properties) = (UpdateMode::Replace, properties("third"));
        client.call(&UpdatePlaybackStreamProplist { channel, mode, properties });
        client.call(&RemovePlaybackStreamProplist { channel, names: vec!["application.name".into()] });
    }
    client.call(&KillSinkInput { index });
    client.wait(|event| matches!(event, Command::PlaybackStreamKilled(_)));

    let stream = client.call(&CreatePlaybackStream {
        formats: Vec::new(),
        sample_spec: Some(SPEC),
        channel_map: ChannelMap::stereo(),
        ..create
    });
    // A stream that was moved, suspended and changed would drain too, but for PulseAudio's answer: it does not
    // always come.
    client.send_block(stream.channel, &vec![0; stream.missing as usize]);
    client.call(&DrainPlaybackStream { channel: stream.channel });
    client.call(&DeletePlaybackStream { channel: stream.channel });
}

fn record(client: &mut Client) {
    let version = client.version();
    let create = CreateRecordStream {
        name: Some("tape".into()),
        sample_spec: Some(SPEC),
        channel_map: ChannelMap::stereo(),
        source_name: Some(monitor(client, "first")),
        maxlength: u32::MAX,
        fragsize: BUFFER,
        variable_rate: true,
        adjust_latency: true,
        properties: properties("tape"),
        formats: vec![FormatInfo::pcm(&SPEC, None)],
        volume: ChannelVolumes::norm(2),
        ..Default::default()
    };
    let stream = client.call(&create);
    let channel = stream.channel;
    assert_eq!(stream.fragsize > 0, version >= 9);
    assert_eq!(stream.format.encoding == Encoding::Pcm, version >= 22);
    client.wait_for_block(channel);

    let time = Timeval { seconds: 9, microseconds: 10 };
    let latency = client.call(&GetRecordLatency { channel, time });
    assert!(latency.recording && latency.local_time == time);

    let index = Some(stream.source_output_index);
    let info = client.call(&GetSourceOutputInfo { index });
    assert_eq!(info.has_volume, version >= 22);
    client.call(&GetSourceOutputInfoList {});
    client.call(&CorkRecordStream { channel, cork: true });
    client.call(&FlushRecordStream { channel });
    client.call(&SetRecordStreamName { channel, name: Some("reel".into()) });
    if version >= 10 {
        let source_name = Some(monitor(client, "second"));
        client.call(&MoveSourceOutput { index, source_index: None, source_name });
    }
    if version >= 11 {
        let (index, name) = (None, Some(monitor(client, "second")));
        let alone = client.error(&SuspendSource { index, name, suspend: true });
        assert_eq!(alone, ErrorCode::Invalid, "a monitor is suspended with its sink");
        let name = Some(sink(client, "second"));
        client.call(&SuspendSink { index, name: name.clone(), suspend: true });
        client.call(&SuspendSink { index, name, suspend: false });
    }
    if version >= 12 {
        client.wait(|event| matches!(event, Command::RecordStreamMoved(_)));
        client.wait(|event| matches!(event, Command::RecordStreamSuspended(_)));
        let reply = client.call(&SetRecordStreamBufferAttr {
            channel,
            maxlength: u32::MAX,
            fragsize: 400,
            adjust_latency: false,
            early_requests: false,
        });
        assert_eq!(reply.fragsize, 400);
        client.call(&UpdateRecordStreamSampleRate { channel, rate: 48_000 });
    }
    if version >= 13 {
        let (mode, properties) = (UpdateMode::Set, properties("disc"));
        client.call(&UpdateRecordStreamProplist { channel, mode, properties });
        client.call(&RemoveRecordStreamProplist { channel, names: Vec::new() });
    }
    if version >= 22 {
        client.call(&SetSourceOutputVolume { index, volume: ChannelVolumes::norm(2) });
        client.call(&SetSourceOutputMute { index, mute: true });
    }
    client.call(&KillSourceOutput { index });
    client.wait(|event| matches!(event, Command::RecordStreamKilled(_)));

    let stream = client.call(&CreateRecordStream { formats: Vec::new(), corked: true, ..create });
    client.call(&DeleteRecordStream { channel: stream.channel });
}

fn control(client: &mut Client) {
    let (sink, source) = (sink(client, "first"), monitor(client, "first"));
    let (sink, source) = (|| Some(sink.clone()), || Some(source.clone()));
    let volume = ChannelVolumes::all(1, Volume::NORM);
    client.call(&SetSinkVolume { index: None, name: sink(), volume });
    client.call(&SetSourceVolume { index: None, name: source(), volume });
    client.call(&SetSinkMute { index: None, name: sink(), mute: false });
    client.call(&SetSourceMute { index: None, name: source(), mute: false });
    client.call(&SetDefaultSink { name: sink() });
    client.call(&SetDefaultSource { name: source() });
    let (index, port) = (None, Some("none".to_owned()));
    let no_port = client.error(&SetSinkPort { index, name: sink(), port: port.clone() });
    assert_eq!(no_port, ErrorCode::NotImplemented);
    let no_port = client.error(&SetSourcePort { index, name: source(), port: port.clone() });
    assert_eq!(no_port, ErrorCode::NotImplemented);
    let (index, name) = (Some(9), None);
    let no_card = client.error(&SetCardProfile { index, name: name.clone(), profile: port.clone() });
    assert_eq!(no_card, ErrorCode::NoEntity);
    let no_card = client.error(&SetPortLatencyOffset { index, name, port, offset: -5 });
    assert_eq!(no_card, ErrorCode::NoEntity);
    assert_eq!(client.error(&KillClient { index: Some(9_999) }), ErrorCode::NoEntity);
}

fn samples(client: &mut Client) {
    let name = sink(client, "beep");
    let name = || Some(name.clone());
    let stream = client.call(&CreateUploadStream {
        name: name(),
        sample_spec: Some(SPEC),
        channel_map: ChannelMap::stereo(),
        length: 400,
        properties: properties("beep"),
    });
    client.send_block(stream.channel, &[0; 400]);
    client.call(&FinishUploadStream { channel: stream.channel });
    let samples = client.call(&GetSampleInfoList {});
    let sample = client.call(&GetSampleInfo { index: None, name: name() });
    assert!(samples.contains(&sample));
    let play = PlaySample {
        sink_index: None,
        sink_name: Some(sink(client, "first")),
        volume: u32::MAX,
        name: name(),
        properties: properties("beep"),
    };
    let reply = client.call(&play);
    assert_eq!(reply.sink_input_index.is_some(), client.version() >= 13);
    client.call(&RemoveSample { name: name() });

    let stream = client.call(&CreateUploadStream {
        name: name(),
        sample_spec: Some(SPEC),
        channel_map: ChannelMap::stereo(),
        length: 400,
        properties: PropList::new(),
    });
    client.call(&DeleteUploadStream { channel: stream.channel });
    let unknown_format = CreateUploadStream { length: 400, ..Default::default() };
    assert_eq!(client.error(&unknown_format), ErrorCode::Invalid);
}

fn modules(client: &mut Client) {
    let name = Some("module-null-sink".to_owned());
    let argument = Some(format!("sink_name={}", sink(client, "third")));
    let module = client.call(&LoadModule { name, argument });
    let (facility, operation) = (Facility::Sink, Operation::New);
    let event = SubscriptionEvent::new(facility, operation);
    client.wait(|heard| matches!(heard, Command::SubscribeEvent(heard) if heard.event == event));
    client.call(&UnloadModule { index: Some(module.index) });

    let name = || Some("module-stream-restore".to_owned());
    let mut content = Writer::new(client.version());
    content.u32(0);
    let content = Opaque(content.into_bytes());
    let reply = client.call(&Extension { index: None, name: name(), content });
    assert_eq!(Reader::new(&reply.0, client.version()).u32(), Ok(1));

    if client.version() >= 35 {
        let (object_path, message) = (Some("/core".to_owned()), Some("list-handlers".to_owned()));
        let reply = client.call(&SendObjectMessage { object_path, message, parameters: None });
        assert!(reply.response.is_some());
    }
}
