//! Every command is answered, at every version, whatever it asks for.

mod common;

use common::{Client, Fixture};
use sealpulse_protocol::command::*;
use sealpulse_protocol::{
    COMMANDS, Command, CommandCode, Direction, Encoding, ErrorCode, FormatInfo, SubscriptionMask, Timeval,
    UpdateMode,
};
use sealpulse_spec::{ChannelMap, ChannelVolumes, Volume};

const VERSIONS: [u32; 7] = [8, 13, 21, 27, 30, 32, 35];

/// A command with nothing but defaults; `None` for what would end the connection, as it does in PulseAudio.
fn with_defaults(code: CommandCode) -> Option<Command> {
    macro_rules! defaults {
        ($($name:ident)*) => {
            match code {
                $(CommandCode::$name => Some($name::default().into()),)*
                _ => None,
            }
        };
    }
    defaults! {
        CreatePlaybackStream DeletePlaybackStream CreateRecordStream DeleteRecordStream SetClientName LookupSink
        LookupSource DrainPlaybackStream Stat GetPlaybackLatency CreateUploadStream DeleteUploadStream
        FinishUploadStream PlaySample RemoveSample GetServerInfo GetSinkInfo GetSinkInfoList GetSourceInfo
        GetSourceInfoList GetModuleInfo GetModuleInfoList GetClientInfo GetClientInfoList GetSinkInputInfo
        GetSinkInputInfoList GetSourceOutputInfo GetSourceOutputInfoList GetSampleInfo GetSampleInfoList Subscribe
        SetSinkVolume SetSinkInputVolume SetSourceVolume SetSinkMute SetSourceMute CorkPlaybackStream
        FlushPlaybackStream TriggerPlaybackStream SetDefaultSink SetDefaultSource SetPlaybackStreamName
        SetRecordStreamName KillClient KillSinkInput KillSourceOutput LoadModule UnloadModule GetRecordLatency
        CorkRecordStream FlushRecordStream PrebufPlaybackStream MoveSinkInput MoveSourceOutput SetSinkInputMute
        SuspendSink SuspendSource SetPlaybackStreamBufferAttr SetRecordStreamBufferAttr
        UpdatePlaybackStreamSampleRate UpdateRecordStreamSampleRate UpdateRecordStreamProplist
        UpdatePlaybackStreamProplist UpdateClientProplist RemoveRecordStreamProplist RemovePlaybackStreamProplist
        RemoveClientProplist Extension GetCardInfo GetCardInfoList SetCardProfile SetSinkPort SetSourcePort
        SetSourceOutputVolume SetSourceOutputMute SetPortLatencyOffset SendObjectMessage
    }
}

#[test]
fn every_command_is_answered_at_every_version() {
    let fixture = Fixture::new();
    for version in VERSIONS {
        let mut client = fixture.client(version);
        client.call(&Subscribe { mask: SubscriptionMask::ALL }).unwrap();
        let mut answered = 0;
        for info in
            COMMANDS.iter().filter(|info| info.direction != Direction::Server && info.since <= version)
        {
            let Some(command) = with_defaults(info.code) else { continue };
            let tag = 10_000 + answered;
            client.send_packet(&command.encode(tag, version));
            let _ = client.content(tag);
            answered += 1;
        }
        assert!(answered >= 52, "version {version}: {answered}");
        assert!(client.is_alive());
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    let some = Some(4_711);
    let name = || Some("nowhere".to_owned());
    macro_rules! refused {
        ($($error:ident: $command:expr;)*) => {
            $(assert_eq!(client.call(&$command).unwrap_err(), ErrorCode::$error, "{}", stringify!($command));)*
        };
    }
    let volume = ChannelVolumes::norm(2);
    refused! {
        NoEntity: GetSinkInfo { index: some, name: None };
        NoEntity: GetSinkInfo { index: None, name: name() };
        Invalid: GetSinkInfo { index: some, name: name() };
        Invalid: GetSinkInfo { index: None, name: Some("a b".to_owned()) };
        NoEntity: GetSourceInfo { index: None, name: name() };
        Invalid: GetSinkInputInfo { index: None };
        NoEntity: GetSinkInputInfo { index: some };
        NoEntity: GetSourceOutputInfo { index: some };
        NoEntity: GetClientInfo { index: some };
        NoEntity: GetModuleInfo { index: some };
        NoEntity: LookupSink { name: name() };
        Invalid: LookupSink { name: None };
        Invalid: LookupSource { name: Some("@DEFAULT_SINK@".to_owned()) };
        NoEntity: SetSinkVolume { index: some, name: None, volume };
        Invalid: SetSinkVolume { index: None, name: None, volume };
        Invalid: SetSinkVolume { index: Some(0), name: None, volume: ChannelVolumes::norm(3) };
        Invalid: SetSinkVolume { index: Some(0), name: None, volume: ChannelVolumes::all(2, Volume(u32::MAX)) };
        NoEntity: SetSinkInputVolume { index: some, volume };
        NoEntity: SetSinkInputMute { index: some, mute: true };
        NoEntity: SetSourceOutputMute { index: some, mute: true };
        NoEntity: KillClient { index: some };
        NoEntity: KillSinkInput { index: some };
        NoEntity: KillSourceOutput { index: None };
        NoEntity: UnloadModule { index: some };
        NoEntity: MoveSinkInput { index: some, sink_index: Some(0), sink_name: None };
        Invalid: MoveSinkInput { index: some, sink_index: None, sink_name: None };
        NoEntity: SuspendSink { index: some, name: None, suspend: true };
        Invalid: SuspendSource { index: Some(0), name: None, suspend: true };
        NoEntity: SetDefaultSink { name: name() };
        NoEntity: CorkPlaybackStream { channel: 5, cork: true };
        NoEntity: DrainPlaybackStream { channel: 5 };
        NoEntity: GetPlaybackLatency { channel: 5, time: Timeval::default() };
        NoEntity: GetRecordLatency { channel: 5, time: Timeval::default() };
        NoEntity: FlushRecordStream { channel: 5 };
        NoEntity: UpdatePlaybackStreamProplist { channel: 5, mode: UpdateMode::Set, properties: Default::default() };
        Invalid: UpdateClientProplist { mode: UpdateMode::Other(9), properties: Default::default() };
        Invalid: UpdatePlaybackStreamSampleRate { channel: 5, rate: 0 };
        ModuleInitFailed: LoadModule { name: Some("module-nothing".to_owned()), argument: None };
        ModuleInitFailed: LoadModule { name: Some("module-null-sink".to_owned()), argument: Some("x=1".to_owned()) };
        Invalid: LoadModule { name: Some("a/b".to_owned()), argument: None };
        NoExtension: Extension { index: None, name: Some("module-stream-restore".to_owned()), content: Default::default() };
        NotImplemented: SetSinkPort { index: Some(0), name: None, port: Some("x".to_owned()) };
        NoEntity: PlaySample { name: Some("bell".to_owned()), ..Default::default() };
        NoEntity: GetCardInfo { index: Some(0), name: None };
        NoEntity: SendObjectMessage { object_path: Some("/x".to_owned()), message: Some("y".to_owned()), parameters: None };
        NotImplemented: SendObjectMessage { object_path: Some("/core".to_owned()), message: Some("y".to_owned()), parameters: None };
    }
    assert!(client.call(&GetCardInfoList {}).unwrap().is_empty());
    assert!(client.call(&GetSampleInfoList {}).unwrap().is_empty());
    assert!(client.call(&GetSinkInputInfoList {}).unwrap().is_empty());
}

#[test]
fn streams_that_cannot_be_are_refused() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    let mut refused =
        |change: &dyn Fn(&mut CreatePlaybackStream)| client.play(|create| change(create)).unwrap_err();
    assert_eq!(refused(&|create| create.sink_index = Some(7)), ErrorCode::NoEntity);
    assert_eq!(refused(&|create| create.sink_name = Some("nowhere".to_owned())), ErrorCode::NoEntity);
    assert_eq!(refused(&|create| create.sink_name = Some("no where".to_owned())), ErrorCode::Invalid);
    assert_eq!(refused(&|create| create.sample_spec = None), ErrorCode::Invalid);
    assert_eq!(refused(&|create| create.channel_map = ChannelMap::mono()), ErrorCode::Invalid);
    assert_eq!(refused(&|create| create.volume = ChannelVolumes::norm(1)), ErrorCode::Invalid);
    assert_eq!(refused(&|create| create.volume = ChannelVolumes::norm(0)), ErrorCode::Invalid);
    let ac3 = FormatInfo { encoding: Encoding::Ac3, ..FormatInfo::default() };
    assert_eq!(refused(&|create| create.formats = vec![ac3.clone()]), ErrorCode::NotSupported);
    assert_eq!(refused(&|create| create.formats = vec![FormatInfo::default()]), ErrorCode::Invalid);
    client.call(&SuspendSink { index: Some(0), name: None, suspend: true }).unwrap();
    let suspended = client.play(|create| create.fail_on_suspend = true);
    assert_eq!(suspended.unwrap_err(), ErrorCode::BadState);
    assert!(client.play(|_| {}).unwrap().suspended);
}

#[test]
fn limits_are_for_one_client_alone() {
    let fixture = Fixture::with(|config| {
        config.limits.streams_per_client = 2;
        config.limits.streams_per_device = 3;
        config.limits.proplist_bytes = 1_000;
        config.limits.clients = 2;
        config.limits.modules = 3;
    });
    let mut client = fixture.client(35);
    client.play(|_| {}).unwrap();
    client.play(|create| create.sync_id = 1).unwrap();
    assert_eq!(client.play(|create| create.sync_id = 2).unwrap_err(), ErrorCode::TooLarge);
    let long = "x".repeat(1_000);
    let properties = [("application.name", long.as_str())].into_iter().collect();
    let update = UpdateClientProplist { mode: UpdateMode::Replace, properties };
    assert_eq!(client.call(&update).unwrap_err(), ErrorCode::TooLarge);
    let load = LoadModule { name: Some("module-null-sink".to_owned()), argument: None };
    client.call(&load).unwrap();
    assert_eq!(client.call(&load).unwrap_err(), ErrorCode::ModuleInitFailed);

    let mut other = fixture.client(35);
    other.play(|create| create.sink_index = Some(0)).unwrap();
    assert_eq!(
        other.play(|create| (create.sink_index, create.sync_id) = (Some(0), 1)).unwrap_err(),
        ErrorCode::TooLarge
    );
    other.play(|create| (create.sink_index, create.sync_id) = (Some(1), 2)).unwrap();
    Client::connect(&fixture.socket()).wait_for_end();
    assert!(client.is_alive() && other.is_alive());
}

#[test]
fn the_status_tells_of_every_client() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    client.play(|_| {}).unwrap();
    let message = |path: &str, message: &str| SendObjectMessage {
        object_path: Some(path.to_owned()),
        message: Some(message.to_owned()),
        parameters: None,
    };
    let json = client.call(&message("/sealpulse", "status")).unwrap().response.unwrap();
    let status: sealpulse_server::status::Status = serde_json::from_str(&json).unwrap();
    assert_eq!(status.clients.len(), 1);
    assert_eq!((status.clients[0].name.as_str(), status.clients[0].protocol), ("test", 35));
    assert_eq!(status.clients[0].pid, std::process::id() as i32);
    assert_eq!(status.clients[0].transport, sealpulse_server::status::Transport::Socket);
    assert_eq!(status.clients[0].streams[0].name, "song");
    assert_eq!(status.devices[0].name, "null");
    assert!(status.threads.iter().any(|thread| thread.name == "control" && thread.wakeups > 0));
    let handlers = client.call(&message("/core/", "list-handlers")).unwrap().response.unwrap();
    assert!(handlers.contains("\"/sealpulse\""));
}
