//! A callback may own handles of the very connection that it plays for: whoever drops it does so while nothing is
//! locked. A failure would be a thread that waits for ever, so each scenario runs beside one that does not wait long.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use sealpulse_client::{
    Config, Context, PlaybackStream, RecordStream, SampleFormat, SampleSpec, StreamEvent, StreamOptions, Wait,
};
use sealpulse_tests::{Kind, Server, ServerOptions, wait};
use std::sync::mpsc;

const SPEC: SampleSpec = SampleSpec { format: SampleFormat::S16Le, channels: 2, rate: 48_000 };

fn options(device: &str) -> StreamOptions {
    StreamOptions::new(SPEC).on(device)
}

/// Streams whose callbacks own other streams and a handle of the connection.
fn streams(context: &Context) -> (PlaybackStream, RecordStream) {
    let (player, recorder, own) = (
        context.playback(options("out")).wait().unwrap(),
        context.record(options("out.monitor")).wait().unwrap(),
        context.clone(),
    );
    let source = move |block: &mut sealpulse_client::PlaybackBlock<'static>| {
        assert!(player.index() != u32::MAX && own.connection().client_index.is_some());
        block.push(&[0; 4096]);
    };
    let (inner, own) = (context.playback(options("out")).wait().unwrap(), context.clone());
    let sink = move |_: &sealpulse_client::RecordBlock| {
        let _ = (inner.index(), recorder.index(), own.connection());
        true
    };
    let playing = context.playback_from(options("out"), source).wait().unwrap();
    let recording = context.record_to(options("out.monitor"), sink).wait().unwrap();
    (playing, recording)
}

/// Runs a scenario with two connections to a server, and fails if it does not come to its end.
fn scenario(run: fn(Context, Context, (PlaybackStream, RecordStream))) {
    let server: Server =
        ServerOptions::new(&["module-null-sink sink_name=out"]).kind(Kind::Sealpulse).start();
    let address = format!("unix:{}", server.socket().display());
    let config = Config::default().with_server(&address).unwrap().named("callbacks");
    let (done, ended) = mpsc::channel();
    std::thread::spawn(move || {
        let context = Context::connect(config.clone()).wait().unwrap();
        let observer = Context::connect(config).wait().unwrap();
        let streams = streams(&context);
        run(context, observer, streams);
        done.send(()).unwrap();
    });
    ended.recv_timeout(wait::LIMIT).expect("the scenario ends");
}

#[test]
fn streams_are_dropped_with_what_their_callbacks_own() {
    scenario(|context, observer, (playing, recording)| {
        drop(playing);
        drop(recording);
        while !observer.sink_inputs().wait().unwrap().is_empty() {}
        while !observer.source_outputs().wait().unwrap().is_empty() {}
        context.stat().wait().unwrap();
    });
}

#[test]
fn streams_are_killed_with_what_their_callbacks_own() {
    scenario(|context, observer, (playing, recording)| {
        observer.kill_sink_input(playing.index()).wait().unwrap();
        observer.kill_source_output(recording.index()).wait().unwrap();
        let ends = |event: Option<StreamEvent>| matches!(event, Some(StreamEvent::Ended { .. }));
        while !ends(playing.event().wait()) {}
        while !ends(recording.event().wait()) {}
        context.stat().wait().unwrap();
    });
}

#[test]
fn connections_end_with_what_callbacks_own() {
    scenario(|context, observer, (playing, _recording)| {
        observer.kill_client(context.connection().client_index.unwrap()).wait().unwrap();
        while !matches!(playing.event().wait(), Some(StreamEvent::Ended { .. })) {}
        assert!(context.stat().wait().is_err());
        context.reconnect().wait().unwrap();
        context.stat().wait().unwrap();
    });
}
