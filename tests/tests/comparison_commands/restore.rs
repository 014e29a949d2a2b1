//! What `module-stream-restore` and `module-device-restore` do by commands of their own.

use super::*;

fn restore_entries(script: &mut Script<'_>, peer: &mut Peer, label: &str) {
    let answer = ask(peer, stream_restore::MODULE, command(stream_restore::READ)).unwrap();
    let mut entries: Vec<StreamRestoreEntry> = extension::read(&answer).unwrap();
    // PulseAudio's order is that of a hash table.
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let shown: Vec<String> = entries.iter().map(|entry| format!("{entry:?}")).collect();
    script.note(label, json!(shown));
}

fn write_entries(peer: &mut Peer, mode: UpdateMode, apply: bool, entries: &[StreamRestoreEntry]) {
    let mut content = command(stream_restore::WRITE);
    mode.encode(&mut content);
    content.boolean(apply);
    entries.to_vec().encode(&mut content);
    ask(peer, stream_restore::MODULE, content).unwrap();
}

#[test]
fn stream_restore() {
    compare("stream-restore", &[OUT, "module-null-sink sink_name=second"], |script| {
        let name = stream_restore::MODULE;
        let mut peer = Peer::connect(script, 35);
        let answer = ask(&mut peer, name, command(stream_restore::TEST));
        script.note("not loaded", json!(peer::outcome(&answer)));
        peer.call(&LoadModule { name: text(name), argument: None }).unwrap();
        let answer = ask(&mut peer, name, command(stream_restore::TEST));
        script.note("loaded", json!(peer::outcome(&answer)));
        let again = peer.call(&LoadModule { name: text(name), argument: None }).map(|_| ());
        script.note("twice", json!(peer::outcome(&again)));
        restore_entries(script, &mut peer, "nothing yet");
        let entry = |role: &str, volume, device: Option<&str>| StreamRestoreEntry {
            map: ChannelMap::stereo(),
            volume: ChannelVolumes::all(2, Volume(volume)),
            device: device.map(str::to_owned),
            ..StreamRestoreEntry::new(format!("sink-input-by-media-role:{role}"))
        };
        let entries = [entry("music", 0x4000, Some("second")), entry("video", 0x5000, None)];
        write_entries(&mut peer, UpdateMode::Set, false, &entries);
        restore_entries(script, &mut peer, "two");
        for role in ["music", "video", "phone"] {
            let properties = list(&[("media.role", role), ("media.name", role)]);
            let made = peer.call(&CreatePlaybackStream {
                properties,
                sync_id: role.len() as u32 * 7 + role.as_bytes()[0] as u32,
                ..playback()
            });
            let index = made.unwrap().sink_input_index;
            script.events(role);
            for _ in 0..2 {
                let info = peer.call(&GetSinkInputInfo { index: Some(index) }).unwrap();
                let shown = json!({
                    "volume": format!("{:?}", info.volume),
                    "mute": info.mute,
                    "sink": info.sink_index,
                    "properties": properties_of(&info),
                });
                script.note(&format!("a stream for {role}"), shown);
                let changed = StreamRestoreEntry { muted: true, ..entry(role, 0x2000, Some("out")) };
                write_entries(&mut peer, UpdateMode::Replace, true, &[changed]);
                script.events("applied");
            }
            send! { script, peer;
                SetSinkInputVolume { index: Some(index), volume: ChannelVolumes::all(2, Volume(0x1234)) };
                SetSinkInputMute { index: Some(index), mute: false };
                MoveSinkInput { index: Some(index), sink_index: None, sink_name: text("second") };
            }
            script.events("by a user");
            restore_entries(script, &mut peer, "remembered");
        }
        write_entries(
            &mut peer,
            UpdateMode::Merge,
            false,
            &[entry("music", 1, None), entry("game", 2, None)],
        );
        restore_entries(script, &mut peer, "merged");
        let mut delete = command(stream_restore::DELETE);
        delete.string(Some("sink-input-by-media-role:music"));
        delete.string(Some("nobody"));
        script.note("deleted", json!(peer::outcome(&ask(&mut peer, name, delete))));
        restore_entries(script, &mut peer, "without music");
    });
}

fn properties_of(info: &SinkInputInfo) -> Value {
    properties(&info.properties)
}

#[test]
fn device_restore() {
    compare("device-restore", &[OUT], |script| {
        let name = device_restore::MODULE;
        let mut peer = Peer::connect(script, 35);
        script.note("not loaded", json!(peer::outcome(&ask(&mut peer, name, command(0)))));
        peer.call(&LoadModule { name: text(name), argument: None }).unwrap();
        script.note("loaded", json!(peer::outcome(&ask(&mut peer, name, command(device_restore::TEST)))));
        let formats = |peer: &mut Peer| {
            let answer = ask(peer, name, command(device_restore::READ_FORMATS_ALL)).unwrap();
            let all: Vec<DeviceFormats> = extension::read(&answer).unwrap();
            json!(all.iter().map(|device| format!("{device:?}")).collect::<Vec<_>>())
        };
        let shown = formats(&mut peer);
        script.note("formats", shown);
        let mut save = command(device_restore::SAVE_FORMATS);
        let ac3 = FormatInfo { encoding: Encoding::Ac3, properties: list(&[("format.rate", "48000")]) };
        let pcm = FormatInfo { encoding: Encoding::Pcm, ..FormatInfo::default() };
        DeviceFormats { device_type: DeviceType::Sink, index: 0, formats: vec![pcm, ac3] }.encode(&mut save);
        script.note("saved", json!(peer::outcome(&ask(&mut peer, name, save))));
        let shown = formats(&mut peer);
        script.note("formats now", shown);
        let sink = peer.call(&GetSinkInfo { index: Some(0), name: None }).unwrap();
        script.note("the sink's", json!(format!("{:?}", sink.formats)));
    });
}

/// The devices that `module-device-manager` remembers, by name.
fn managed(script: &mut Script<'_>, peer: &mut Peer, label: &str) {
    let answer = ask(peer, device_manager::MODULE, command(device_manager::READ)).unwrap();
    let mut devices: Vec<ManagedDevice> = extension::read(&answer).unwrap();
    devices.sort_by(|a, b| a.name.cmp(&b.name));
    let shown: Vec<String> = devices.iter().map(|device| format!("{device:?}")).collect();
    script.note(label, json!(shown));
}

#[test]
fn device_manager() {
    compare("device-manager", &[OUT, "module-null-sink sink_name=second"], |script| {
        let name = device_manager::MODULE;
        let mut peer = Peer::connect(script, 35);
        script.note("not loaded", json!(peer::outcome(&ask(&mut peer, name, command(0)))));
        peer.call(&LoadModule { name: text(name), argument: None }).unwrap();
        script.note("loaded", json!(peer::outcome(&ask(&mut peer, name, command(device_manager::TEST)))));
        managed(script, &mut peer, "two sinks");
        let load = LoadModule { name: text("module-null-source"), argument: text("source_name=input") };
        peer.call(&load).unwrap();
        script.events("a source");
        managed(script, &mut peer, "a source, too");

        let mut rename = command(device_manager::RENAME);
        rename.string(Some("sink:second"));
        rename.string(Some("Headset"));
        script.note("renamed", json!(peer::outcome(&ask(&mut peer, name, rename))));
        script.events("renamed");
        managed(script, &mut peer, "with a name");
        let sink = peer.call(&GetSinkInfo { index: Some(1), name: None }).unwrap();
        script.note("the sink's", json!(sink.description));

        let mut routing = command(device_manager::ROLE_DEVICE_PRIORITY_ROUTING);
        routing.boolean(true);
        script.note("routing", json!(peer::outcome(&ask(&mut peer, name, routing))));
        let mut reorder = command(device_manager::REORDER);
        reorder.string(Some("music"));
        reorder.u32(1);
        reorder.string(Some("sink:second"));
        script.note("reordered", json!(peer::outcome(&ask(&mut peer, name, reorder))));
        managed(script, &mut peer, "reordered");
        for (role, sink_name) in
            [("music", None), ("video", None), ("nonsense", None), ("music", Some("out"))]
        {
            let properties = list(&[("media.role", role), ("media.name", role)]);
            let sink_name = sink_name.map(str::to_owned);
            let made = peer.call(&CreatePlaybackStream { properties, sink_name, ..playback() }).unwrap();
            script.note(&format!("a stream for {role}"), json!(made.sink_index));
            let kill = KillSinkInput { index: Some(made.sink_input_index) };
            peer.call(&kill).unwrap();
        }
        let mut delete = command(device_manager::DELETE);
        for gone in ["sink:out", "nobody"] {
            delete.string(Some(gone));
        }
        script.note("deleted", json!(peer::outcome(&ask(&mut peer, name, delete))));
        managed(script, &mut peer, "without one");
        // A device that comes back is the last one of all.
        send! { script, peer; SetSinkMute { index: Some(0), name: None, mute: true }; }
        script.events("muted");
        managed(script, &mut peer, "it is back");
    });
}
