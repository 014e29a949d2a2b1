//! A program that uses the client library, and what it must not leave behind.

use crate::fake::{Host, Script};
use sealpulse_client::command::{GetServerInfo, LookupSink};
use sealpulse_client::{Config, Context, SampleFormat, SampleSpec, State, StreamOptions, SubscriptionMask};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// What a server may take for an answer.
const TIMEOUT: Duration = Duration::from_millis(150);

/// After this a call that should have ended hangs.
const LIMIT: Duration = Duration::from_secs(20);

const SPEC: SampleSpec = SampleSpec { format: SampleFormat::S16Le, channels: 2, rate: 48_000 };

/// One program at a time, since they count what the process has.
static ALONE: Mutex<()> = Mutex::new(());

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    let end = Instant::now() + limit;
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut std::task::Context::from_waker(&waker)) {
            return Some(value);
        }
        std::thread::park_timeout(end.checked_duration_since(Instant::now())?);
    }
}

#[track_caller]
fn ends<T>(what: &str, future: impl Future<Output = T>) -> T {
    within(LIMIT, future).unwrap_or_else(|| panic!("{what} hangs"))
}

/// What became of a program.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) connected: bool,
    pub(crate) played: bool,
    pub(crate) recorded: bool,
}

fn config(path: &Path) -> Config {
    let config = Config { timeout: TIMEOUT, ..Config::default() };
    config.with_server(&format!("unix:{}", path.display())).unwrap().named("program")
}

/// Does a little of everything with the server of a script.
pub(crate) fn exercise(script: Script) -> Outcome {
    let host: Host = script.start();
    let mut outcome = Outcome::default();
    let Ok(context) = ends("connect", Context::connect(config(&host.path))) else { return outcome };
    outcome.connected = true;
    let _ = ends("a question", context.request(GetServerInfo {}));
    let _ = ends("a question", context.request(LookupSink { name: Some("x".into()) }));
    let subscription = ends("a subscription", context.subscribe(SubscriptionMask::ALL));
    if let Ok(stream) = ends("a stream", context.playback(StreamOptions::new(SPEC))) {
        let written = within(TIMEOUT, stream.write(&[1; 32 * 1024]));
        outcome.played = matches!(written, Some(Ok(())));
        let _ = ends("timing", stream.timing());
        let _ = (stream.time(), stream.latency(), stream.writable(), stream.buffer(), stream.device());
        let _ = ends("cork", stream.cork(true));
        let _ = within(TIMEOUT / 4, stream.drain());
        let _ = within(Duration::from_millis(1), async { while stream.event().await.is_some() {} });
    }
    if let Ok(stream) = ends("a stream", context.record(StreamOptions::new(SPEC))) {
        while let Some(Ok(block)) = within(TIMEOUT / 4, stream.block()) {
            let mut bytes = vec![0; block.len().min(1 << 16)];
            block.read_at(0, &mut bytes).unwrap();
            outcome.recorded = true;
            let _ = block.samples::<i16>().take(10_000).count();
        }
        let _ = ends("timing", stream.timing());
    }
    drop(subscription);
    let _ = ends("a reconnection", context.reconnect());
    outcome
}

/// File descriptors, and threads of the library.
fn possessions() -> (usize, usize) {
    let fds = std::fs::read_dir("/proc/self/fd").unwrap().count();
    (fds, library_threads().len())
}

fn library_threads() -> Vec<std::path::PathBuf> {
    let threads = std::fs::read_dir("/proc/self/task").unwrap().filter_map(Result::ok);
    let is_ours = |path: &std::path::PathBuf| {
        // What ends just now cannot be read.
        std::fs::read_to_string(path.join("comm")).is_ok_and(|name| name.starts_with("sealpulse-"))
    };
    threads.map(|thread| thread.path()).filter(is_ours).collect()
}

/// Runs a program that leaves neither descriptors nor threads.
pub(crate) fn leaves_nothing<T>(name: &str, program: impl FnOnce() -> T) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let panics = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let before = possessions();
        drop(program());
        // The library's thread ends soon, not at once.
        let end = Instant::now() + LIMIT;
        while possessions() > before || possessions().1 > before.1 {
            assert!(Instant::now() < end, "from {before:?} to {:?} descriptors and threads", possessions());
            std::thread::yield_now();
        }
    }));
    if let Err(panic) = panics {
        eprintln!("the server: {name}");
        std::panic::resume_unwind(panic);
    }
}

/// Nanoseconds for which the library's thread has run.
fn time_of_the_reactor() -> u64 {
    let path = library_threads().pop().expect("the library has a thread");
    let text = std::fs::read_to_string(path.join("schedstat")).unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

/// A connection is dropped while another stays: what the other side still does costs no time.
pub(crate) fn is_idle_after_a_connection(script: Script) {
    let quiet = Script::new(|server| {
        server.greet();
        server.listen();
    });
    let quiet = quiet.start();
    let stays = ends("connect", Context::connect(config(&quiet.path))).unwrap();
    let host = script.start();
    let goes = ends("connect", Context::connect(config(&host.path))).unwrap();
    let end = Instant::now() + LIMIT;
    while !goes.connection().ring {
        let _ = ends("a question", goes.request(GetServerInfo {}));
        assert!(Instant::now() < end, "no ring");
    }
    drop(goes);
    // It answers nothing, so that each question takes its time.
    let before = time_of_the_reactor();
    for _ in 0..3 {
        let _ = ends("a question", stays.request(GetServerInfo {}));
    }
    let spent = Duration::from_nanos(time_of_the_reactor() - before);
    assert!(spent < TIMEOUT, "the library's thread was busy for {spent:?}");
}

/// Bytes of memory that the process has.
fn memory() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Gives a server all that it asks for, from a callback and from a thread.
pub(crate) fn is_bounded(script: Script) {
    let host = script.start();
    let context = ends("connect", Context::connect(config(&host.path))).unwrap();
    let before = memory();
    let mut states = context.states();
    let source = |block: &mut sealpulse_client::PlaybackBlock<'static>| {
        let zeros = [0; 4096];
        while block.push(&zeros) > 0 {}
    };
    let stream = ends("a stream", context.playback_from(StreamOptions::new(SPEC), source));
    if stream.is_ok() {
        let failed = async { while !matches!(states.next().await, State::Failed { .. }) {} };
        // It fails, or it waits: what it must not do is grow.
        let _ = within(Duration::from_secs(2), failed);
    }
    let grown = memory().saturating_sub(before);
    assert!(grown < 200 << 20, "{} MiB more", grown >> 20);
    drop((stream, context));
}

/// Connects to who listens and does not accept.
pub(crate) fn is_not_let_in() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("native");
    let listener = UnixListener::bind(&path).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let first = ends("connect", Context::connect(config(&path)));
    assert!(first.is_err());
    // Now its queue is full.
    let keep: Vec<_> = (0..3).map(|_| within(TIMEOUT, Context::connect(config(&path)))).collect();
    for result in keep.into_iter().flatten() {
        assert!(result.is_err());
    }
    let full = ends("connect", Context::connect(config(&path)));
    assert!(full.is_err());
}
