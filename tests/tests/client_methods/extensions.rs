//! What modules add.

use crate::bench::{Bench, SPEC, on_each_server, refusal, until};
use sealpulse_client::extension::{DeviceType, ExtensionEvent, StreamRestoreEntry};
use sealpulse_client::{
    ChannelMap, ChannelVolumes, ErrorCode, FormatInfo, News, PropList, StreamOptions, UpdateMode, Volume,
    Wait,
};
use sealpulse_tests::Kind;

on_each_server! { stream_restore device_restore device_manager }

fn stream_restore(kind: Kind) {
    let Bench { context, .. } = &Bench::new(kind, &["module-stream-restore"]);
    let version = context.stream_restore_version().wait();
    assert_eq!(version.unwrap(), 1);
    let mut news = context.stream_restore_subscribe().wait().unwrap();

    let mut entry = StreamRestoreEntry::new("sink-input-by-media-role:tests");
    entry.map = ChannelMap::stereo();
    entry.volume = ChannelVolumes::all(2, Volume(0x4000));
    entry.device = Some("other".to_owned());
    context.stream_restore_write(UpdateMode::Replace, &[entry.clone()], true).wait().unwrap();
    if kind != Kind::PipeWire {
        assert_eq!(news.next().wait(), Some(News::Extension(ExtensionEvent::StreamRestore)));
    }
    until(|| context.stream_restore_read().wait().unwrap().contains(&entry));

    // A stream of the role gets it all; with PipeWire it may, from WirePlumber.
    if kind != Kind::PipeWire {
        let properties: PropList = [("media.role", "tests")].into_iter().collect();
        let options = StreamOptions { properties, ..StreamOptions::new(SPEC) };
        let stream = context.playback(options).wait().unwrap();
        assert_eq!(stream.device().1.as_deref(), Some("other"));
        assert_eq!(context.sink_input(stream.index()).wait().unwrap().volume, entry.volume);
    }

    context.stream_restore_delete(&[&entry.name]).wait().unwrap();
    // PipeWire takes it, and keeps the entry.
    if kind != Kind::PipeWire {
        let left = context.stream_restore_read().wait().unwrap();
        assert!(left.iter().all(|left| left.name != entry.name));
    }
    // The last subscription tells the module that nobody listens.
    drop(news);
    assert!(context.server_info().wait().is_ok());
}

fn device_restore(kind: Kind) {
    let Bench { context, .. } = &Bench::new(kind, &["module-device-restore"]);
    let version = context.device_restore_version().wait();
    assert_eq!(version.unwrap(), 1);
    let mut news = context.device_restore_subscribe().wait().unwrap();
    let all = context.device_restore_read_all_formats().wait().unwrap();
    let sinks: Vec<_> = all.iter().map(|device| device.index).collect();
    let (out, other) =
        (context.lookup_sink("out").wait().unwrap(), context.lookup_sink("other").wait().unwrap());
    assert_eq!(sinks, [out, other]);
    assert_eq!(context.device_restore_read_formats(out).wait().unwrap(), all[0]);
    assert_eq!(all[0].device_type, DeviceType::Sink);
    // A null sink's formats cannot be changed, which the module only logs.
    let formats = [FormatInfo { encoding: sealpulse_client::Encoding::Pcm, properties: PropList::new() }];
    context.device_restore_save_formats(out, &formats).wait().unwrap();
    assert!(context.device_restore_save_formats(out, &[]).wait().is_err());

    if kind == Kind::PipeWire {
        // It takes the subscription, and tells nothing.
        return;
    }
    context.set_sink_mute("other", true).wait().unwrap();
    let event = ExtensionEvent::DeviceRestore { device_type: DeviceType::Sink, index: other };
    while news.next().wait() != Some(News::Extension(event.clone())) {}
}

fn device_manager(kind: Kind) {
    let Bench { context, .. } = &Bench::new(kind, &["module-device-manager"]);
    let version = context.device_manager_version().wait();
    match kind {
        Kind::Sealpulse | Kind::PulseAudio => assert_eq!(version.unwrap(), 1),
        Kind::PipeWire => return assert_eq!(refusal(version), ErrorCode::NotSupported),
    }
    let mut news = context.device_manager_subscribe().wait().unwrap();
    let find = |name: &str| {
        let devices = context.device_manager_read().wait().unwrap();
        devices.into_iter().find(|device| device.name == name)
    };
    assert_eq!(find("sink:out").unwrap().index, Some(context.lookup_sink("out").wait().unwrap()));

    context.device_manager_rename("sink:out", "Loudspeakers").wait().unwrap();
    assert_eq!(find("sink:out").unwrap().description.as_deref(), Some("Loudspeakers"));
    assert_eq!(context.sink("out").wait().unwrap().description.as_deref(), Some("Loudspeakers"));
    assert_eq!(news.next().wait(), Some(News::Extension(ExtensionEvent::DeviceManager)));

    context.device_manager_enable_routing(true).wait().unwrap();
    context.device_manager_reorder("music", &["sink:other", "sink:out"]).wait().unwrap();
    let priority = |device: &str| {
        let priorities = find(device).unwrap().priorities;
        priorities.into_iter().find(|priority| priority.role == "music").unwrap().priority
    };
    assert!(priority("sink:other") < priority("sink:out"));

    context.device_manager_delete(&["sink:out"]).wait().unwrap();
    assert_eq!(find("sink:out"), None);
}
