//! Streams and connections that are corked, killed and dropped in any order leave no file descriptor and no thread.
//! `SECONDS=600` makes it as long.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use sealpulse_client::{
    Config, Context, PlaybackStream, RecordStream, SampleFormat, SampleSpec, StreamOptions, Wait,
};
use sealpulse_tests::{Kind, ServerOptions, wait};
use std::time::{Duration, Instant};

const SPEC: SampleSpec = SampleSpec { format: SampleFormat::S16Le, channels: 2, rate: 48_000 };

/// File descriptors of this process.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Threads of the library.
fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().filter_map(Result::ok);
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.starts_with("sealpulse-")).count()
}

/// Takes one out of a list, if there is any.
fn take<T>(list: &mut Vec<T>, number: usize) -> Option<T> {
    (!list.is_empty()).then(|| list.swap_remove(number % list.len()))
}

#[test]
fn nothing_is_left_of_what_ends_in_any_order() {
    let seconds = std::env::var("SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    let server = ServerOptions::new(&["module-null-sink sink_name=out"]).kind(Kind::Sealpulse).start();
    let address = format!("unix:{}", server.socket().display());
    let config = Config::default().with_server(&address).unwrap().named("drops");
    let before = (descriptors(), threads());
    let observer = Context::connect(config.clone()).wait().unwrap();
    let own = observer.connection().client_index.unwrap();
    let (mut contexts, mut players, mut recorders) = (Vec::new(), Vec::<PlaybackStream>::new(), Vec::new());
    let seed: u64 = std::env::var("SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let mut state = seed;
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (act, which) = ((state >> 33) % 12, (state >> 40) as usize);
        let player = (!players.is_empty()).then(|| &players[which % players.len()]);
        // What was killed answers with errors; that is as it should be.
        match act {
            0 if contexts.len() < 8 => contexts.push(Context::connect(config.clone()).wait().unwrap()),
            1 | 2 if !contexts.is_empty() && players.len() < 40 => {
                let context: &Context = &contexts[which % contexts.len()];
                players.extend(context.playback(StreamOptions::new(SPEC).on("out")).wait());
            }
            3 if !contexts.is_empty() && recorders.len() < 20 => {
                let context: &Context = &contexts[which % contexts.len()];
                let recorder: Result<RecordStream, _> =
                    context.record(StreamOptions::new(SPEC).on("out.monitor")).wait();
                recorders.extend(recorder);
            }
            4 | 5 => {
                if let Some(Ok(Some(mut block))) = player.map(|player| player.try_block(8192)) {
                    block.push(&[1; 8192]);
                }
            }
            6 => drop(player.map(|player| player.cork(which.is_multiple_of(2)).wait())),
            7 => {
                // Asked, and given up at once.
                if let Some(player) = player {
                    let mut drain = std::pin::pin!(player.drain());
                    let mut task = std::task::Context::from_waker(std::task::Waker::noop());
                    let _ = drain.as_mut().poll(&mut task);
                }
            }
            8 => drop(player.map(|player| observer.kill_sink_input(player.index()).wait())),
            9 => drop(take(&mut players, which)),
            10 => drop(take(&mut recorders, which)),
            11 => {
                let context = take(&mut contexts, which);
                if let Some(index) = context.and_then(|context| context.connection().client_index)
                    && which.is_multiple_of(3)
                {
                    assert_ne!(index, own);
                    let _ = observer.kill_client(index).wait();
                }
            }
            _ => {}
        }
    }
    drop((contexts, players, recorders));
    let end = Instant::now() + wait::LIMIT;
    while observer.clients().wait().unwrap().iter().filter(|client| client.index != own).count() > 0
        || !observer.sink_inputs().wait().unwrap().is_empty()
    {
        assert!(Instant::now() < end, "the server still has clients, seed {seed}");
    }
    drop(observer);
    while descriptors() > before.0 || threads() > before.1 {
        assert!(Instant::now() < end, "{before:?}, now {:?}, seed {seed}", (descriptors(), threads()));
        std::thread::yield_now();
    }
}
