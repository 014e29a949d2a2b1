//! Property: streams and connections that are corked, killed and dropped in any order leave no file descriptor, no
//! thread, no memory and no block, neither in the client nor in the server.
//!
//! `SECONDS=600` tries sequences of acts for as long, `SEED=7` begins with others; without them a few are tried.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use proptest::test_runner::{Config as Bounds, TestCaseError, TestRng, TestRunner};
use sealpulse_client::{
    Config, Context, PlaybackStream, RecordBlock, RecordStream, SampleFormat, SampleSpec, StreamOptions, Wait,
};
use sealpulse_tests::{Kind, Server, ServerOptions, process, wait};
use std::pin::pin;
use std::time::{Duration, Instant};

const SPEC: SampleSpec = SampleSpec { format: SampleFormat::S16Le, channels: 2, rate: 48_000 };

/// Short, so that many blocks go by.
const LATENCY: Duration = Duration::from_millis(5);

/// One thing that a program does. Numbers choose among what is there.
#[derive(Clone, Debug)]
enum Act {
    Connect,
    Disconnect(usize),
    KillClient(usize),
    Reconnect(usize),
    Play(usize),
    PlayAndForget(usize),
    Record(usize),
    RecordAndForget(usize),
    Write(usize, usize),
    /// Keeps the block if told to, longer than its stream maybe.
    Read(usize, usize, bool),
    Cork(usize, usize, bool),
    Drain(usize, usize),
    DrainAndForget(usize, usize),
    KillPlayer(usize, usize),
    StopPlaying(usize, usize),
    StopRecording(usize, usize),
    /// Ends all streams of a connection that lives on, whose blocks must all be free then.
    Rest(usize),
}

fn act() -> impl Strategy<Value = Act> {
    let some = || any::<prop::sample::Index>().prop_map(|index| index.index(1 << 16));
    prop_oneof![
        2 => Just(Act::Connect),
        1 => some().prop_map(Act::Disconnect),
        1 => some().prop_map(Act::KillClient),
        1 => some().prop_map(Act::Reconnect),
        5 => some().prop_map(Act::Play),
        1 => some().prop_map(Act::PlayAndForget),
        3 => some().prop_map(Act::Record),
        1 => some().prop_map(Act::RecordAndForget),
        8 => (some(), some()).prop_map(|(party, stream)| Act::Write(party, stream)),
        6 => (some(), some(), any::<bool>()).prop_map(|(party, stream, keep)| Act::Read(party, stream, keep)),
        2 => (some(), some(), any::<bool>()).prop_map(|(party, stream, cork)| Act::Cork(party, stream, cork)),
        1 => (some(), some()).prop_map(|(party, stream)| Act::Drain(party, stream)),
        1 => (some(), some()).prop_map(|(party, stream)| Act::DrainAndForget(party, stream)),
        1 => (some(), some()).prop_map(|(party, stream)| Act::KillPlayer(party, stream)),
        2 => (some(), some()).prop_map(|(party, stream)| Act::StopPlaying(party, stream)),
        2 => (some(), some()).prop_map(|(party, stream)| Act::StopRecording(party, stream)),
        1 => some().prop_map(Act::Rest),
    ]
}

/// A connection and what it has.
struct Party {
    context: Context,
    players: Vec<PlaybackStream>,
    recorders: Vec<RecordStream>,
    blocks: Vec<RecordBlock>,
}

/// One that `number` chooses, if there is any.
fn choose<T>(list: &[T], number: usize) -> Option<&T> {
    list.get(number % list.len().max(1))
}

fn take<T>(list: &mut Vec<T>, number: usize) -> Option<T> {
    (!list.is_empty()).then(|| list.swap_remove(number % list.len()))
}

/// Asks, and gives up at once.
fn poll_once(future: impl Future) {
    let _ = pin!(future).as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
}

/// What the two processes hold: descriptors and shared memory of each, and threads of the library.
#[derive(Debug, PartialEq)]
struct Holdings {
    descriptors: [usize; 2],
    shared_memory: [usize; 2],
    threads: usize,
}

impl Holdings {
    fn now(server: &Server) -> Holdings {
        let pids = [std::process::id(), server.pid()];
        let tasks = std::fs::read_dir("/proc/self/task").unwrap().filter_map(Result::ok);
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
        Holdings {
            descriptors: pids.map(|pid| process::fd_targets(pid).len()),
            shared_memory: pids.map(|pid| process::memory_inodes(pid).len()),
            threads: names.filter(|name| name.starts_with("sealpulse-")).count(),
        }
    }
}

/// What was done.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    acts: usize,
    connections: usize,
    streams: usize,
    written: usize,
    read: usize,
}

impl Counts {
    fn and(self, other: Counts) -> Counts {
        Counts {
            acts: self.acts + other.acts,
            connections: self.connections + other.connections,
            streams: self.streams + other.streams,
            written: self.written + other.written,
            read: self.read + other.read,
        }
    }
}

struct World<'a> {
    config: &'a Config,
    observer: &'a Context,
    parties: Vec<Party>,
    counts: Counts,
}

impl World<'_> {
    fn context(&self, party: usize) -> Option<&Context> {
        choose(&self.parties, party).map(|party| &party.context)
    }

    fn player(&self, party: usize, stream: usize) -> Option<&PlaybackStream> {
        choose(&self.parties, party).and_then(|party| choose(&party.players, stream))
    }

    /// What was killed answers with errors; that is as it should be.
    fn run(&mut self, act: &Act) -> Result<(), TestCaseError> {
        self.counts.acts += 1;
        let options = |device: &str| StreamOptions::new(SPEC).on(device).latency(LATENCY);
        match *act {
            Act::Connect if self.parties.len() < 8 => {
                let context = Context::connect(self.config.clone()).wait().unwrap();
                self.counts.connections += 1;
                let (players, recorders, blocks) = (Vec::new(), Vec::new(), Vec::new());
                self.parties.push(Party { context, players, recorders, blocks });
            }
            Act::Connect => poll_once(Context::connect(self.config.clone())),
            Act::Disconnect(party) => drop(take(&mut self.parties, party)),
            Act::KillClient(party) => {
                let index = self.context(party).and_then(|context| context.connection().client_index);
                if let Some(index) = index {
                    let _ = self.observer.kill_client(index).wait();
                }
            }
            Act::Reconnect(party) => drop(self.context(party).map(|context| context.reconnect().wait())),
            Act::Play(party) => {
                let player = self.context(party).map(|context| context.playback(options("out")).wait());
                if let (Some(Ok(player)), count) = (player, self.parties.len()) {
                    self.counts.streams += 1;
                    self.parties[party % count].players.push(player);
                }
            }
            Act::PlayAndForget(party) => {
                let _ = self.context(party).map(|context| poll_once(context.playback(options("out"))));
            }
            Act::Record(party) => {
                let recorder =
                    self.context(party).map(|context| context.record(options("out.monitor")).wait());
                if let (Some(Ok(recorder)), count) = (recorder, self.parties.len()) {
                    self.counts.streams += 1;
                    self.parties[party % count].recorders.push(recorder);
                }
            }
            Act::RecordAndForget(party) => {
                let _ = self.context(party).map(|context| poll_once(context.record(options("out.monitor"))));
            }
            Act::Write(party, stream) => {
                let written = self.player(party, stream).is_some_and(|player| {
                    let block = player.try_block(8192).ok().flatten();
                    block.is_some_and(|mut block| block.push(&[1; 8192]) > 0)
                });
                self.counts.written += usize::from(written);
            }
            Act::Read(party, stream, keep) => {
                let count = self.parties.len().max(1);
                if let Some(party) = self.parties.get_mut(party % count)
                    && let Some(Ok(block)) =
                        choose(&party.recorders, stream).map(|recorder| recorder.block().wait())
                {
                    self.counts.read += 1;
                    party.blocks.extend(keep.then_some(block));
                }
            }
            Act::Cork(party, stream, cork) => {
                drop(self.player(party, stream).map(|player| player.cork(cork).wait()));
            }
            Act::Drain(party, stream) => {
                // What is corked never ends.
                let player = self.player(party, stream).filter(|player| !player.is_corked());
                drop(player.map(|player| player.drain().wait()));
            }
            Act::DrainAndForget(party, stream) => {
                let _ = self.player(party, stream).map(|player| poll_once(player.drain()));
            }
            Act::KillPlayer(party, stream) => {
                let index = self.player(party, stream).map(PlaybackStream::index);
                drop(index.map(|index| self.observer.kill_sink_input(index).wait()));
            }
            Act::StopPlaying(party, stream) => {
                let count = self.parties.len().max(1);
                drop(self.parties.get_mut(party % count).map(|party| take(&mut party.players, stream)));
            }
            Act::StopRecording(party, stream) => {
                let count = self.parties.len().max(1);
                drop(self.parties.get_mut(party % count).map(|party| take(&mut party.recorders, stream)));
            }
            Act::Rest(party) => {
                let count = self.parties.len().max(1);
                if let Some(party) = self.parties.get_mut(party % count) {
                    (party.players, party.recorders, party.blocks) = (Vec::new(), Vec::new(), Vec::new());
                    all_blocks_are_free(&party.context)?;
                }
            }
        }
        Ok(())
    }
}

/// A connection without streams has no block under way, in either direction. Each answer brings the news of blocks
/// that the server is done with, and takes along those that we are.
fn all_blocks_are_free(context: &Context) -> Result<(), TestCaseError> {
    let end = Instant::now() + wait::LIMIT;
    loop {
        // Where somebody killed the client there is nothing left.
        let answered = context.stat().wait().is_ok();
        let counters = context.connection().counters;
        let blocks = [counters.blocks_used, counters.blocks_lent, counters.blocks_borrowed];
        if blocks == [0; 3] {
            return Ok(());
        }
        prop_assert!(answered && Instant::now() < end, "blocks used, lent, borrowed: {:?}", blocks);
    }
}

/// Carries out a program, ends it, and looks at what is left.
fn carry_out(server: &Server, config: &Config, acts: &[Act]) -> Result<Counts, TestCaseError> {
    let before = Holdings::now(server);
    let observer = Context::connect(config.clone()).wait().unwrap();
    let own = observer.connection().client_index.unwrap();
    let mut world = World { config, observer: &observer, parties: Vec::new(), counts: Counts::default() };
    for act in acts {
        world.run(act)?;
    }
    let (parties, counts) = (world.parties, world.counts);
    for Party { context, players, recorders, blocks } in parties {
        drop((players, recorders, blocks));
        all_blocks_are_free(&context)?;
    }
    let end = Instant::now() + wait::LIMIT;
    while observer.clients().wait().unwrap().iter().any(|client| client.index != own)
        || !observer.sink_inputs().wait().unwrap().is_empty()
        || !observer.source_outputs().wait().unwrap().is_empty()
    {
        prop_assert!(Instant::now() < end, "the server still has clients or streams");
    }
    drop(observer);
    loop {
        let now = Holdings::now(server);
        if now == before {
            return Ok(counts);
        }
        prop_assert!(Instant::now() < end, "before {:?}, after {:?}", before, now);
        std::thread::yield_now();
    }
}

#[test]
fn nothing_is_left_of_what_ends_in_any_order() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (seconds, first_seed) = (number("SECONDS"), number("SEED").unwrap_or(1));
    let server = ServerOptions::new(&["module-null-sink sink_name=out"]).kind(Kind::Sealpulse).start();
    let address = format!("unix:{}", server.socket().display());
    let config = Config::default().with_server(&address).unwrap().named("drops");
    // What a first client makes the server keep for good is no leak.
    carry_out(&server, &config, &[Act::Connect, Act::Play(0), Act::Record(0), Act::Rest(0)]).unwrap();
    let began = Instant::now();
    let (mut programs, mut total) = (0, Counts::default());
    while seconds.map_or(programs < 60, |seconds| began.elapsed() < Duration::from_secs(seconds)) {
        let seed = first_seed + programs;
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(prop::test_runner::RngAlgorithm::ChaCha, &bytes);
        let bounds =
            Bounds { cases: 1, failure_persistence: None, max_shrink_time: 120_000, ..Bounds::default() };
        let mut runner = TestRunner::new_with_rng(bounds, rng);
        let program = prop::collection::vec(act(), 1..=300);
        let done = std::cell::Cell::new(Counts::default());
        let outcome = runner.run(&program, |program| {
            done.set(carry_out(&server, &config, &program)?);
            Ok(())
        });
        outcome.unwrap_or_else(|failure| panic!("SEED={seed}: {failure}"));
        (programs, total) = (programs + 1, total.and(done.get()));
    }
    println!("{programs} programs in {:?}: {total:?}", began.elapsed());
}
