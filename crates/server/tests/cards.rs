//! Cards, ports and latency offsets while there is no hardware, messages to objects, and formats: what each request
//! that cannot be done is answered with.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::Fixture;
use sealpulse_protocol::command::*;
use sealpulse_protocol::{Encoding, ErrorCode, FormatInfo};

macro_rules! refused {
    ($client:ident; $($error:ident: $command:expr;)*) => {
        $(assert_eq!(
            $client.call(&$command).map(|_| ()),
            Err(ErrorCode::$error),
            "{}",
            stringify!($command),
        );)*
    };
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn there_are_no_cards() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    assert_eq!(client.call(&GetCardInfoList {}), Ok(Vec::new()));
    let argument = text("restore_bluetooth_profile=yes");
    client.call(&LoadModule { name: text("module-card-restore"), argument }).unwrap();
    let (zero, name) = (Some(0), text("card"));
    let profile = text("off");
    refused! { client;
        NoEntity: GetCardInfo { index: zero, name: None };
        NoEntity: GetCardInfo { index: None, name: name.clone() };
        Invalid: GetCardInfo { index: None, name: None };
        Invalid: GetCardInfo { index: zero, name: name.clone() };
        Invalid: GetCardInfo { index: None, name: text("a card") };
        NoEntity: SetCardProfile { index: zero, name: None, profile: profile.clone() };
        NoEntity: SetCardProfile { index: None, name: name.clone(), profile: profile.clone() };
        Invalid: SetCardProfile { index: zero, name: None, profile: None };
        Invalid: SetCardProfile { index: zero, name: name.clone(), profile: profile.clone() };
        Invalid: SetCardProfile { index: None, name: None, profile };
        NoEntity: SetPortLatencyOffset { index: zero, name: None, port: text("port"), offset: -5 };
        NoEntity: SetPortLatencyOffset { index: None, name: name.clone(), port: text("port"), offset: 5 };
        Invalid: SetPortLatencyOffset { index: zero, name: None, port: None, offset: 5 };
        Invalid: SetPortLatencyOffset { index: None, name: text(""), port: text("port"), offset: 5 };
        Invalid: SetPortLatencyOffset { index: zero, name, port: text("port"), offset: 5 };
    }
}

#[test]
fn devices_have_no_ports() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    let (zero, port) = (Some(0), text("speaker"));
    refused! { client;
        NotImplemented: SetSinkPort { index: zero, name: None, port: port.clone() };
        NotImplemented: SetSinkPort { index: None, name: text("@DEFAULT_SINK@"), port: port.clone() };
        NotImplemented: SetSourcePort { index: None, name: text("null.monitor"), port: port.clone() };
        NoEntity: SetSinkPort { index: Some(9), name: None, port: port.clone() };
        NoEntity: SetSourcePort { index: None, name: text("nowhere"), port: port.clone() };
        Invalid: SetSinkPort { index: Some(9), name: None, port: None };
        Invalid: SetSourcePort { index: Some(9), name: None, port: None };
        Invalid: SetSinkPort { index: zero, name: text("null"), port: port.clone() };
        Invalid: SetSourcePort { index: None, name: None, port: port.clone() };
        Invalid: SetSinkPort { index: None, name: text("no where"), port };
    }
    let sink = client.call(&GetSinkInfo::default()).unwrap();
    assert!(sink.ports.is_empty() && sink.active_port.is_none() && sink.card_index.is_none());
}

#[test]
fn messages_go_to_objects() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    let message = |path: &str, message: &str, parameters: Option<&str>| SendObjectMessage {
        object_path: text(path),
        message: text(message),
        parameters: parameters.map(str::to_owned),
    };
    let listed = client.call(&message("/core", "list-handlers", None)).unwrap().response.unwrap();
    assert!(listed.starts_with(r#"[{"name":"/core","description":"Core message handler"}"#), "{listed}");
    for parameters in ["", "{}", "text", "\"text\"", "[1]"] {
        let same = client.call(&message("/core/", "list-handlers", Some(parameters))).unwrap();
        assert_eq!(same.response.as_deref(), Some(listed.as_str()), "{parameters}");
    }
    refused! { client;
        NoEntity: message("/nobody", "list-handlers", None);
        NoEntity: message("/nobody", "list-handlers", Some("\"{"));
        NoEntity: message("core", "list-handlers", None);
        Invalid: message("/core", "list-handlers", Some("\"{"));
        NotImplemented: message("/core", "nonsense", None);
        Invalid: SendObjectMessage { object_path: None, ..message("/core", "x", None) };
        Invalid: SendObjectMessage { message: None, ..message("/core", "x", None) };
    }
}

#[test]
fn a_pcm_format_is_found_among_others() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    let argument = text("sink_name=encoded formats=\"ac3-iec61937;pcm,format.rate=[48000,96000]\"");
    client.call(&LoadModule { name: text("module-null-sink"), argument }).unwrap();
    let format = |encoding, properties: &[(&str, &str)]| FormatInfo {
        encoding,
        properties: properties.iter().copied().collect(),
    };
    let pcm = |rate| format(Encoding::Pcm, &[("format.rate", rate), ("format.channels", "2")]);
    let mut play = |formats: Vec<FormatInfo>, sink: &str| {
        let made = client.play(|create| {
            create.formats = formats;
            create.sample_spec = None;
            create.sink_name = Some(sink.to_owned());
            create.corked = true;
            create.sync_id = sink.len() as u32;
        });
        made.map(|made| {
            client.call(&DeletePlaybackStream { channel: made.channel }).unwrap();
            made.format.encoding
        })
    };
    let dts = format(Encoding::Dts, &[]);
    assert_eq!(play(vec![dts.clone(), pcm("96000")], "encoded"), Ok(Encoding::Pcm));
    assert_eq!(play(vec![dts.clone(), pcm("44100")], "encoded"), Err(ErrorCode::NotSupported));
    assert_eq!(play(vec![dts.clone(), pcm("44100")], "null"), Ok(Encoding::Pcm));
    assert_eq!(play(vec![dts], "null"), Err(ErrorCode::NotSupported));
}
