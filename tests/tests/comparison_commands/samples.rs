//! The sample cache.

use super::*;

fn upload(name: Option<&str>, length: u32) -> CreateUploadStream {
    CreateUploadStream {
        name: name.map(str::to_owned),
        sample_spec: Some(SPEC),
        channel_map: ChannelMap::stereo(),
        length,
        properties: list(&[("media.role", "test"), ("a.b", "c")]),
    }
}

fn sample(info: &SampleInfo) -> Value {
    json!({
        "name": info.name,
        "volume": info.volume.channels(),
        "duration": info.duration.0,
        "spec": info.sample_spec.to_string(),
        "map": info.channel_map.to_string(),
        "length": info.length,
        "lazy": info.lazy,
        "file": info.file_name,
        "properties": properties(&info.properties),
    })
}

fn show_samples(script: &mut Script<'_>, peer: &mut Peer, label: &str) {
    let samples: Vec<Value> = peer.call(&GetSampleInfoList {}).unwrap().iter().map(sample).collect();
    let size = peer.call(&Stat {}).unwrap().sample_cache_size;
    script.note(label, json!({ "samples": samples, "size": size }));
}

#[test]
fn the_sample_cache() {
    compare("the sample cache", &[OUT], |script| {
        let mut peer = Peer::connect(script, 35);
        send! { script, peer;
            CreateUploadStream { sample_spec: None, ..upload(Some("a"), 4) };
            CreateUploadStream { channel_map: ChannelMap::mono(), ..upload(Some("a"), 4) };
            upload(Some("a"), 0);
            upload(Some("a"), 3);
            upload(Some("a"), (16 << 20) + 4);
            upload(Some("a b"), 4);
            upload(None, 4);
            FinishUploadStream { channel: 77 };
            DeleteUploadStream { channel: 77 };
        }
        let channel = peer.call(&upload(Some("empty"), 400)).unwrap().channel;
        send! { script, peer;
            FinishUploadStream { channel };
            FinishUploadStream { channel };
        }
        for (name, length, sent) in [
            ("bell", 4_000, 4_000),
            ("half", 4_000, 1_200),
            ("long", 400, 4_000),
            ("out", 4, 4),
            ("bell", 8, 8),
        ] {
            let made = peer.call(&upload(Some(name), length)).unwrap();
            assert_eq!(made.length, length);
            peer.block(made.channel, &vec![0; sent]);
            let answer = peer.call(&FinishUploadStream { channel: made.channel }).map(|_| "done");
            script.note(&format!("upload {name}"), json!(peer::outcome(&answer)));
            script.events(name);
        }
        show_samples(script, &mut peer, "samples");
        let channel = peer.call(&upload(Some("given-up"), 400)).unwrap().channel;
        let bell = || PlaySample { name: text("bell"), volume: u32::MAX, ..PlaySample::default() };
        send! { script, peer;
            DeletePlaybackStream { channel };
            DeleteUploadStream { channel };
            DeleteUploadStream { channel };
            GetSampleInfo { index: None, name: text("bell") };
            GetSampleInfo { index: Some(0), name: None };
            GetSampleInfo { index: None, name: text("0") };
            GetSampleInfo { index: Some(0), name: text("bell") };
            GetSampleInfo { index: None, name: None };
            GetSampleInfo { index: Some(77), name: None };
            GetSampleInfo { index: None, name: text("out") };
            GetSampleInfo { index: None, name: text("a b") };
            PlaySample { name: None, ..bell() };
            PlaySample { name: text("a b"), ..bell() };
            PlaySample { name: text("nobody"), ..bell() };
            PlaySample { sink_name: text("nobody"), ..bell() };
            PlaySample { sink_name: text("no body"), ..bell() };
            PlaySample { sink_index: Some(0), sink_name: text("out"), ..bell() };
            PlaySample { sink_index: Some(77), ..bell() };
            SuspendSink { index: Some(0), name: None, suspend: true };
            bell();
            SuspendSink { index: Some(0), name: None, suspend: false };
            RemoveSample { name: text("nobody") };
            RemoveSample { name: None };
            RemoveSample { name: text("a b") };
            RemoveSample { name: text("bell") };
            RemoveSample { name: text("bell") };
        }
        script.events("removed");
        show_samples(script, &mut peer, "what is left");
    });
}

#[test]
fn a_sample_that_plays() {
    compare("a sample that plays", &[OUT], |script| {
        let mut peer = Peer::connect(script, 35);
        // Long enough to be looked at.
        let made = peer.call(&upload(Some("bell"), 16 << 20)).unwrap();
        for _ in 0..512 {
            peer.block(made.channel, &[0; 32_768]);
        }
        peer.call(&FinishUploadStream { channel: made.channel }).unwrap();
        for volume in [u32::MAX, 0x8000, 0] {
            let given = list(&[("a.b", "given")]);
            let command =
                PlaySample { name: text("bell"), volume, properties: given, ..PlaySample::default() };
            let index = peer.call(&command).unwrap().sink_input_index;
            let info = peer.call(&GetSinkInputInfo { index }).unwrap();
            let shown = json!({
                "name": info.name,
                "module": info.owner_module,
                "client": info.client_index,
                "volume": format!("{:?}", info.volume),
                "driver": info.driver,
                "corked": info.corked,
                "mute": info.mute,
                "properties": properties(&info.properties),
                "format": format!("{:?}", info.format),
            });
            script.note(&format!("played at {volume}"), shown);
            send! { script, peer; KillSinkInput { index }; }
        }
    });
}
