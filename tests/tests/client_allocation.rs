//! Steady playback by the client library allocates nothing and copies nothing. A test binary of its own, whose allocator
//! counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::Thread;
use std::time::Duration;

use cap::Cap;
use sealpulse_client::{Config, Context, PlaybackBlock, SampleFormat, SampleSpec, StreamOptions, Wait};
use sealpulse_tests::{Kind, ServerOptions};

#[global_allocator]
static ALLOCATOR: Cap<std::alloc::System> = Cap::new(std::alloc::System, usize::MAX);

/// Blocks of a stretch that is looked at.
const STRETCH: u64 = 150;

/// Stretches within which everything has got the size that it keeps: lists grow to the most that ever came at once.
const STRETCHES: u64 = 8;

/// Plays stretch after stretch until one allocates nothing.
fn comes_to_rest(mut play: impl FnMut()) -> bool {
    (0..STRETCHES).any(|_| {
        let before = ALLOCATOR.total_allocated();
        play();
        ALLOCATOR.total_allocated() == before
    })
}

/// Counts blocks, and wakes the test when there are enough.
struct Count {
    blocks: AtomicU64,
    waits_for: AtomicU64,
    test: Thread,
}

impl Count {
    fn new() -> Arc<Count> {
        let (blocks, waits_for) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
        Arc::new(Count { blocks, waits_for, test: std::thread::current() })
    }

    fn block(&self) {
        if self.blocks.fetch_add(1, Ordering::SeqCst) + 1 >= self.waits_for.load(Ordering::SeqCst) {
            self.test.unpark();
        }
    }

    fn wait_for(&self, more: u64) {
        let target = self.blocks.load(Ordering::SeqCst) + more;
        self.waits_for.store(target, Ordering::SeqCst);
        while self.blocks.load(Ordering::SeqCst) < target {
            std::thread::park_timeout(Duration::from_secs(30));
        }
    }
}

fn options() -> StreamOptions {
    let spec = SampleSpec { format: SampleFormat::S16Le, channels: 2, rate: 48_000 };
    StreamOptions::new(spec).latency(Duration::from_millis(8))
}

/// One test, since the allocator counts for all threads.
#[test]
fn steady_streams_allocate_nothing_and_copy_nothing() {
    let modules = ["module-null-sink sink_name=out rate=48000"];
    let server = ServerOptions::new(&modules).kind(Kind::Sealpulse).start();
    let address = format!("unix:{}", server.socket().display());
    let config = Config::default().with_server(&address).expect("an address").named("steady");
    let context = Context::connect(config).wait().expect("the server lets us in");

    let played = Count::new();
    let recorded = Count::new();
    let fill = {
        let played = Arc::clone(&played);
        move |block: &mut PlaybackBlock<'static>| {
            block.push_samples(std::iter::repeat(1_000i16));
            played.block();
        }
    };
    let _playback = context.playback_from(options(), fill).wait().expect("a stream");
    let count = Arc::clone(&recorded);
    let peak = Arc::new(AtomicU64::new(0));
    let heard = Arc::clone(&peak);
    let take = move |block: &sealpulse_client::RecordBlock| {
        let loudest = block.samples::<i16>().map(i16::unsigned_abs).max().unwrap_or(0);
        heard.fetch_max(u64::from(loudest), Ordering::SeqCst);
        count.block();
        true
    };
    let _record = context.record_to(options().on("out.monitor"), take).wait().expect("a stream");
    let by_callbacks = comes_to_rest(|| {
        for count in [&played, &recorded] {
            count.wait_for(STRETCH);
        }
    });
    assert!(by_callbacks, "callbacks go on allocating");

    // The same by a thread that waits for its blocks.
    let stream = context.playback(options()).wait().expect("a stream");
    let by_waiting = comes_to_rest(|| {
        for _ in 0..STRETCH {
            stream.block(usize::MAX).wait().expect("it plays").push_samples(std::iter::repeat(1_000i16));
        }
    });
    assert!(by_waiting, "a waiting writer goes on allocating");

    assert_eq!(peak.load(Ordering::SeqCst), 2_000, "both streams were heard together");
    let counters = context.connection().counters;
    assert_eq!(counters.bytes_copied, 0, "{counters:?}");
    assert!(counters.bytes_referenced > 0, "{counters:?}");
}
