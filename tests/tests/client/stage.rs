//! What scenarios have in common: how they are run, and how they wait.

use sealpulse_client::{
    Config, Context, PlaybackStream, RecordBlock, RecordStream, SampleFormat, SampleSpec, StreamEvent,
    StreamOptions,
};
use sealpulse_tests::{Kind, Server, ServerOptions, Transport};
use serde::Deserialize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// Makes a test of each scenario for each kind of server.
macro_rules! scenarios {
    ($($name:ident)*) => {
        /// The module and name of each scenario.
        pub(crate) const NAMES: &[(&str, &str)] = &[$((module_path!(), stringify!($name))),*];
        crate::stage::scenarios!(@ sealpulse Sealpulse $($name)*);
        crate::stage::scenarios!(@ pulseaudio PulseAudio $($name)*);
        crate::stage::scenarios!(@ pipewire PipeWire $($name)*);
    };
    (@ $module:ident $kind:ident $($name:ident)*) => {
        mod $module {
            $(#[test]
            fn $name() {
                let name = crate::stage::full_name(module_path!(), stringify!($name));
                crate::stage::run(sealpulse_tests::Kind::$kind, &name, super::$name);
            })*
        }
    };
}
pub(crate) use scenarios;

/// How long a scenario waits for anything. Long, since the machine may be busy with other tests.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// The same where the server is known to lack the scenario.
const LACKING_LIMIT: Duration = Duration::from_secs(3);

/// Something that a kind of server lacks.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lack {
    server: String,
    pub(crate) scenario: String,
    pub(crate) reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    lack: Vec<Lack>,
}

/// What a kind of server lacks.
pub(crate) fn lacks(kind: Kind) -> Vec<Lack> {
    let table: Table = toml::from_str(include_str!("../../client_servers.toml")).unwrap();
    let known = ["sealpulse", "pulseaudio", "pipewire"];
    for lack in &table.lack {
        assert!(known.contains(&lack.server.as_str()), "there is no server {}", lack.server);
        assert!(!lack.reason.is_empty(), "{} is without a reason", lack.scenario);
    }
    let name = format!("{kind:?}").to_lowercase();
    table.lack.into_iter().filter(|lack| lack.server == name).collect()
}

/// The name of a scenario in the list: without the program and the kind of server.
pub(crate) fn full_name(module: &str, name: &str) -> String {
    let module = module.split("::").nth(1).unwrap_or_default();
    format!("{module}::{name}")
}

thread_local! {
    /// Whether the monitor may lose the beginning of a sound.
    static CUTS_IN: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    static PATIENCE: std::cell::Cell<Duration> = const { std::cell::Cell::new(LIMIT) };
}

/// The modules that the server of each scenario has.
pub(crate) const MODULES: [&str; 2] = [
    "module-null-sink sink_name=out format=float32le rate=48000 channels=2",
    "module-null-sink sink_name=other format=float32le rate=48000 channels=2",
];

/// How the server of a scenario is started.
pub(crate) fn server_options(kind: Kind) -> ServerOptions {
    // Else each start of a stream makes the sink render anew.
    let extra = if kind == Kind::PulseAudio { " norewinds=1" } else { "" };
    let mut modules: Vec<String> = MODULES.iter().map(|module| (*module).to_owned() + extra).collect();
    if kind == Kind::Sealpulse {
        modules.extend(["module-stream-restore", "module-device-restore"].map(str::to_owned));
    }
    let options = ServerOptions::new(&modules.iter().map(String::as_str).collect::<Vec<_>>()).kind(kind);
    match kind {
        Kind::PulseAudio => {
            options.arguments(&["-L", "module-stream-restore", "-L", "module-device-restore"])
        }
        Kind::Sealpulse | Kind::PipeWire => options,
    }
}

/// Runs a scenario; one that the server lacks has to fail.
pub(crate) fn run(kind: Kind, name: &str, scenario: fn(&Server)) {
    let lack = lacks(kind).into_iter().find(|lack| lack.scenario == name);
    let server = server_options(kind).start();
    CUTS_IN.set(kind == Kind::PulseAudio);
    let Some(lack) = lack else { return scenario(&server) };
    PATIENCE.set(LACKING_LIMIT);
    let result = catch_unwind(AssertUnwindSafe(|| scenario(&server)));
    assert!(result.is_err(), "{kind:?} does not lack {name}: take it off tests/client_servers.toml");
    println!("{kind:?} lacks {name}: {}", lack.reason);
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future; none when it is not there in time.
pub(crate) fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    let end = Instant::now() + limit;
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut TaskContext::from_waker(&waker)) {
            return Some(value);
        }
        let left = end.checked_duration_since(Instant::now())?;
        std::thread::park_timeout(left);
    }
}

/// Waits for a future that has to be there in time.
#[track_caller]
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    match within(PATIENCE.get(), future) {
        Some(value) => value,
        None => panic!("not there after {:?}", PATIENCE.get()),
    }
}

/// Waits for the result of a future, which has to be a good one.
#[track_caller]
pub(crate) fn get<T>(future: impl Future<Output = Result<T, sealpulse_client::ClientError>>) -> T {
    match wait(future) {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}

/// Asks again and again, each time by a round trip, until the answer is there.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE.get();
    loop {
        if let Some(value) = ask() {
            return value;
        }
        assert!(Instant::now() < end, "no {what} after {:?}", PATIENCE.get());
    }
}

/// How a client connects.
pub(crate) fn config(server: &Server, transport: Transport) -> Config {
    let config = Config {
        shm: transport != Transport::Socket,
        memfd: transport == Transport::Memfd,
        ..Config::default()
    };
    let address = format!("unix:{}", server.socket().display());
    config.with_server(&address).unwrap().named("scenario")
}

/// A connection as most programs have it.
pub(crate) fn connect(server: &Server) -> Context {
    get(Context::connect(config(server, Transport::Memfd)))
}

/// Two channels of floats, which both sinks have, too.
pub(crate) const SPEC: SampleSpec = SampleSpec { format: SampleFormat::F32Le, channels: 2, rate: 48_000 };

/// Bytes of a frame of [`SPEC`].
pub(crate) const FRAME: usize = 8;

/// Bytes of so many milliseconds.
pub(crate) fn millis(millis: usize) -> usize {
    millis * 48 * FRAME
}

/// Sound that does not repeat.
pub(crate) fn noise(length: usize, seed: u64) -> Vec<u8> {
    sealpulse_tests::samples::noise("float32le", 2, length / FRAME, seed)
}

/// A stream to `out`, or its monitor, of little latency.
pub(crate) fn options(name: &str) -> StreamOptions {
    StreamOptions::new(SPEC).named(name).latency(Duration::from_millis(50))
}

/// A stream that plays to `out`.
pub(crate) fn playback(context: &Context) -> PlaybackStream {
    get(context.playback(options("playback").on("out").latency(Duration::from_millis(200))))
}

/// Plays `sound`, and enough silence for all of it to be heard without a drain.
#[track_caller]
pub(crate) fn play(stream: &PlaybackStream, sound: &[u8]) {
    get(stream.write(sound));
    get(stream.write(&vec![0; millis(300)]));
}

/// Waits for an event that `wanted` accepts; others are passed over.
#[track_caller]
pub(crate) fn event(
    stream: &PlaybackStream,
    what: &str,
    wanted: impl Fn(&StreamEvent) -> bool,
) -> StreamEvent {
    let mut others = Vec::new();
    let found = within(PATIENCE.get(), async {
        while let Some(event) = stream.event().await {
            if wanted(&event) {
                return Some(event);
            }
            others.push(event);
        }
        None
    });
    match found.flatten() {
        Some(event) => event,
        None => panic!("no {what}, but {others:?}"),
    }
}

/// What the monitor of `out` hears.
pub(crate) struct Tape {
    pub(crate) stream: RecordStream,
    bytes: Vec<u8>,
    _carrier: Option<PlaybackStream>,
}

impl Tape {
    /// Starts to record; returns when sound comes.
    #[track_caller]
    pub(crate) fn start(context: &Context) -> Tape {
        let stream = get(context.record(options("tape").on("out.monitor")));
        let mut tape = Tape { stream, bytes: Vec::new(), _carrier: None };
        tape.more();
        if CUTS_IN.get() {
            // PulseAudio renders two seconds ahead while nothing plays, and its monitor tells them at once. Silence of
            // little latency, until those have gone by, keeps it near to the time.
            let silence =
                |block: &mut sealpulse_client::PlaybackBlock<'static>| while block.push(&[0; 4096]) > 0 {};
            let carrier = get(context.playback_from(options("carrier").on("out"), silence));
            tape._carrier = Some(carrier);
            tape.after(millis(3000));
        }
        tape
    }

    #[track_caller]
    fn more(&mut self) {
        let block = get(self.stream.block());
        self.bytes.extend(bytes(&block));
    }

    /// Waits until all of `wanted` has been heard, without a gap; where it begins. Of PulseAudio, whose monitors lose
    /// what was rendered before a stream's first block came, the second half has to be whole.
    #[track_caller]
    pub(crate) fn expect(&mut self, wanted: &[u8]) -> usize {
        let end = Instant::now() + PATIENCE.get();
        let cut = if CUTS_IN.get() { wanted.len() / FRAME / 2 * FRAME } else { 0 };
        let wanted = &wanted[cut..];
        let head = &wanted[..wanted.len().min(16 * FRAME)];
        let mut searched = 0;
        loop {
            let found = (searched..self.bytes.len().saturating_sub(head.len()))
                .step_by(FRAME)
                .find(|&at| self.bytes[at..].starts_with(head));
            match found {
                Some(at) if self.bytes.len() >= at + wanted.len() => {
                    let heard = &self.bytes[at..at + wanted.len()];
                    let same = heard.iter().zip(wanted).take_while(|(a, b)| a == b).count();
                    assert!(same == wanted.len(), "only {same} of {} bytes are right", wanted.len());
                    return at;
                }
                Some(at) => searched = at,
                None => searched = (self.bytes.len() / FRAME).saturating_sub(16) * FRAME,
            }
            assert!(Instant::now() < end, "not heard in {} bytes", self.bytes.len());
            self.more();
        }
    }

    /// What was heard, after as much more as takes `length` bytes.
    #[track_caller]
    pub(crate) fn after(&mut self, length: usize) -> &[u8] {
        let wanted = self.bytes.len() + length;
        while self.bytes.len() < wanted {
            self.more();
        }
        &self.bytes
    }

    /// Whether this was heard so far.
    pub(crate) fn has(&self, wanted: &[u8]) -> bool {
        let head = &wanted[..wanted.len().min(16 * FRAME)];
        self.bytes.windows(head.len()).step_by(FRAME).any(|window| window == head)
    }
}

/// A copy of what a block holds.
pub(crate) fn bytes(block: &RecordBlock) -> Vec<u8> {
    let mut bytes = vec![0; block.len()];
    block.read_at(0, &mut bytes).unwrap();
    bytes
}
