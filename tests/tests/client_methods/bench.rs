//! A server with two null sinks, and a connection to it.

use sealpulse_client::{
    ClientError, Config, Context, ErrorCode, PlaybackStream, RecordStream, SampleFormat, SampleSpec,
    StreamOptions, Wait,
};
use sealpulse_tests::{Kind, Server, ServerOptions, wait};
use std::time::Instant;

pub(crate) const SPEC: SampleSpec = SampleSpec { format: SampleFormat::S16Le, channels: 2, rate: 44_100 };

/// A server, and a client of it.
pub(crate) struct Bench {
    pub(crate) context: Context,
    pub(crate) server: Server,
}

impl Bench {
    /// Sinks `out` and `other`, and these modules where there are such.
    pub(crate) fn new(kind: Kind, more: &[&str]) -> Bench {
        let mut modules = vec!["module-null-sink sink_name=out", "module-null-sink sink_name=other"];
        if kind != Kind::PipeWire {
            modules.extend(more);
        }
        let server = ServerOptions::new(&modules).kind(kind).start();
        let context = Context::connect(config(&server)).wait().unwrap();
        context.set_default_sink("out").wait().unwrap();
        until(|| context.server_info().wait().unwrap().default_sink_name.as_deref() == Some("out"));
        Bench { context, server }
    }

    /// Another client.
    pub(crate) fn connect(&self) -> Context {
        Context::connect(config(&self.server)).wait().unwrap()
    }

    /// Something that plays silence on a sink for as long as it is there.
    pub(crate) fn playback(&self, sink: &str) -> PlaybackStream {
        let stream = self.context.playback(StreamOptions::new(SPEC).named("tune").on(sink)).wait().unwrap();
        stream.write(&vec![0; stream.writable()]).wait().unwrap();
        stream
    }

    /// Something that records from a source.
    pub(crate) fn record(&self, source: &str) -> RecordStream {
        self.context.record(StreamOptions::new(SPEC).named("tape").on(source)).wait().unwrap()
    }

    pub(crate) fn own_index(&self) -> u32 {
        self.context.connection().client_index.unwrap()
    }
}

/// How to come to a server.
pub(crate) fn config(server: &Server) -> Config {
    Config::default().with_server(&format!("unix:{}", server.socket().display())).unwrap().named("under test")
}

/// Asks until something holds: PipeWire answers before it has done what it was asked to.
#[track_caller]
pub(crate) fn until(mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + wait::LIMIT;
    while !holds() {
        assert!(Instant::now() < end, "it does not hold after {:?}", wait::LIMIT);
    }
}

/// The server's refusal.
#[track_caller]
pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, ClientError>) -> ErrorCode {
    match result {
        Err(ClientError::Server { code, .. }) => code,
        other => panic!("no refusal by the server: {other:?}"),
    }
}

/// Makes a test for each server of each scenario.
macro_rules! on_each_server {
    ($($scenario:ident)*) => {
        mod sealpulse {
            $(#[test] fn $scenario() { super::$scenario(sealpulse_tests::Kind::Sealpulse) })*
        }
        mod pulseaudio {
            $(#[test] fn $scenario() { super::$scenario(sealpulse_tests::Kind::PulseAudio) })*
        }
        mod pipewire {
            $(#[test] fn $scenario() { super::$scenario(sealpulse_tests::Kind::PipeWire) })*
        }
    };
}
pub(crate) use on_each_server;
