//! Whether the machine itself stood still: a virtual machine's processors may be taken away for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_setaffinity};

/// How late a thread that only sleeps must be, for its processor to count as gone.
const STALL: Duration = Duration::from_millis(4);

/// A thread on each processor that sleeps for a millisecond, again and again, and notes when it could not.
#[derive(Debug)]
pub struct Witness {
    stop: Arc<AtomicBool>,
    stalls: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Witness {
    /// Watches from now on.
    pub fn start() -> Witness {
        let (stop, stalls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = (0..processors)
            .map(|processor| {
                let (stop, stalls) = (Arc::clone(&stop), Arc::clone(&stalls));
                std::thread::spawn(move || watch(processor, &stop, &stalls))
            })
            .collect();
        Witness { stop, stalls, threads }
    }

    /// How often a processor was gone.
    pub fn finish(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            let _ = thread.join();
        }
        self.stalls.load(Ordering::Relaxed)
    }
}

fn watch(processor: usize, stop: &AtomicBool, stalls: &AtomicU64) {
    let mut only = CpuSet::new();
    only.set(processor);
    // Where that is not allowed it watches some processor.
    let _ = sched_setaffinity(None, &only);
    while !stop.load(Ordering::Relaxed) {
        let before = Instant::now();
        std::thread::sleep(Duration::from_millis(1));
        if before.elapsed() > STALL {
            stalls.fetch_add(1, Ordering::Relaxed);
        }
    }
}
