//! The sample cache.

use crate::bench::{Bench, SPEC, on_each_server, refusal};
use sealpulse_client::{
    ChannelMap, ClientError, Config, Context, ErrorCode, PropList, Selector, TransportKind, Volume, Wait,
};
use sealpulse_tests::Kind;

on_each_server! { short_and_long wrong }

fn short_and_long(kind: Kind) {
    let bench = &Bench::new(kind, &[]);
    let socket =
        Context::connect(Config { shm: false, ..crate::bench::config(&bench.server) }).wait().unwrap();
    assert_eq!(socket.connection().transport, TransportKind::Socket);
    for context in [&bench.context, &socket] {
        round_trip(context, kind);
    }
}

fn round_trip(context: &Context, kind: Kind) {
    // Of one block, and of more than all slots of a pool that the server may hold.
    for length in [4, 40_000, 8 << 20] {
        let sound = vec![0x11; length];
        let properties: PropList = [("media.role", "event")].into_iter().collect();
        let map = Some(ChannelMap::stereo());
        let uploaded = context.upload_sample("bell", SPEC, map, &sound, properties).wait();
        uploaded.unwrap();
        let sample = context.sample("bell").wait().unwrap();
        assert_eq!((sample.length as usize, sample.sample_spec), (length, SPEC));
        assert_eq!(sample.properties.get_str("media.role"), Some("event"));
        assert_eq!(context.sample(sample.index).wait().unwrap().name, "bell");
        assert_eq!(context.samples().wait().unwrap().len(), 1);

        let properties: PropList = [("media.name", "ding")].into_iter().collect();
        let sink = Some(Selector::from("other"));
        let index = context.play_sample("bell", sink, Some(Volume::MUTED), properties).wait().unwrap();
        if length > 40_000 {
            let stream = context.sink_input(index.unwrap()).wait().unwrap();
            // PipeWire looks at neither.
            if kind != Kind::PipeWire {
                assert_eq!(stream.properties.get_str("media.name"), Some("ding"));
                assert_eq!(stream.volume.max(), Volume::MUTED);
            }
            context.kill_sink_input(stream.index).wait().unwrap();
        }
        assert!(context.play_sample("bell", None, None, PropList::new()).wait().is_ok());
        context.remove_sample("bell").wait().unwrap();
        assert_eq!(context.samples().wait().unwrap(), []);
    }
}

fn wrong(kind: Kind) {
    let Bench { context, .. } = &Bench::new(kind, &[]);
    assert_eq!(refusal(context.remove_sample("bell").wait()), ErrorCode::NoEntity);
    assert_eq!(refusal(context.play_sample("bell", None, None, PropList::new()).wait()), ErrorCode::NoEntity);
    let half = context.upload_sample("bell", SPEC, None, &[0; 3], PropList::new()).wait();
    assert!(matches!(half, Err(ClientError::Invalid { .. })));
    let elsewhere = context.play_sample("bell", Some("nowhere".into()), None, PropList::new()).wait();
    assert_eq!(refusal(elsewhere), ErrorCode::NoEntity);
}
