//! A thousand playback streams of one process on one thread: whether any runs dry, and what it costs both sides.
//!
//! `STREAMS`, `CONNECTIONS`, `SECONDS` and `LATENCY_MS` (0: the server's choice) in the environment change the measure.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark fails by panicking")]

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context as Task, Poll, Waker};
use std::time::{Duration, Instant};

use sealpulse_bench::{Server, cpu_seconds};
use sealpulse_client::{
    Context, PlaybackBlock, PlaybackStream, SampleFormat, SampleSpec, StreamEvent, StreamOptions, Wait,
};

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn main() {
    let (streams, connections) = (setting("STREAMS", 1_000), setting("CONNECTIONS", 50));
    let (seconds, latency) = (setting("SECONDS", 60), setting("LATENCY_MS", 0));
    let server = Server::start().expect("a server; build it with `cargo build --release -p sealpulse`");
    let config = server.config().unwrap().named("thousand");
    let contexts: Vec<Context> =
        (0..connections).map(|_| Context::connect(config.clone()).wait().unwrap()).collect();
    let spec = SampleSpec { format: SampleFormat::S16Le, channels: 2, rate: 44_100 };
    let mut options = StreamOptions::new(spec);
    options.latency = (latency > 0).then_some(Duration::from_millis(latency));
    let started = Instant::now();
    let playing: Vec<PlaybackStream> = (0..streams)
        .map(|number| {
            let context = &contexts[(number % connections) as usize];
            context.playback_from(options.clone(), silence).wait().unwrap()
        })
        .collect();
    println!(
        "{streams} streams on {connections} connections within {:.2} s",
        started.elapsed().as_secs_f64()
    );

    let before = (cpu_seconds(std::process::id()), cpu_seconds(server.pid()));
    std::thread::sleep(Duration::from_secs(seconds));
    let after = (cpu_seconds(std::process::id()), cpu_seconds(server.pid()));

    let (mut underruns, mut started) = (0, 0);
    for event in playing.iter().flat_map(events) {
        match event {
            StreamEvent::Started => started += 1,
            StreamEvent::Underflow { .. } => underruns += 1,
            other => println!("{other:?}"),
        }
    }
    let referenced: u64 = contexts.iter().map(|context| context.connection().counters.bytes_referenced).sum();
    let copied: u64 = contexts.iter().map(|context| context.connection().counters.bytes_copied).sum();
    let threads = std::fs::read_dir("/proc/self/task").unwrap().count();
    println!(
        "{started} started, {underruns} underruns in {seconds} s; {referenced} bytes referenced, {copied} copied"
    );
    println!(
        "client {:.2} % of a processor on {} thread, server {:.2} %",
        (after.0 - before.0) / seconds as f64 * 100.0,
        threads - 1,
        (after.1 - before.1) / seconds as f64 * 100.0
    );
}

fn silence(block: &mut PlaybackBlock<'static>) {
    const ZEROS: [u8; 4096] = [0; 4096];
    while block.push(&ZEROS) > 0 {}
}

/// What has happened to a stream so far.
fn events(stream: &PlaybackStream) -> Vec<StreamEvent> {
    let mut events = Vec::new();
    let mut task = Task::from_waker(Waker::noop());
    loop {
        let next = pin!(poll_fn(|context| {
            let mut event = pin!(stream.event());
            event.as_mut().poll(context)
        }));
        match next.poll(&mut task) {
            Poll::Ready(Some(event)) => events.push(event),
            _ => return events,
        }
    }
}
