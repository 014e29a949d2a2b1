//! The sound thread: runs the core on the system's monotonic clock and waits for its deadline or a command.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::sync::{Arc, OnceLock};

use rtrb::Consumer;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::time::{ClockId, clock_gettime};

use crate::command::Command;
use crate::core::{Core, STALLED_WAIT};

/// Nanoseconds of the monotonic clock.
pub(crate) fn monotonic() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// What both threads hold.
pub(crate) struct Shared {
    /// Wakes the sound thread, and the control thread.
    pub(crate) wake: OwnedFd,
    pub(crate) notify: OwnedFd,
    pub(crate) stop: AtomicBool,
    /// The control thread has commands that did not fit into the ring.
    pub(crate) overflowing: AtomicBool,
    pub(crate) wakeups: AtomicU64,
    pub(crate) realtime: OnceLock<bool>,
    pub(crate) tid: OnceLock<i32>,
}

impl Shared {
    pub(crate) fn new() -> std::io::Result<Arc<Self>> {
        let fd = || eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        Ok(Arc::new(Self {
            wake: fd()?,
            notify: fd()?,
            stop: AtomicBool::new(false),
            overflowing: AtomicBool::new(false),
            wakeups: AtomicU64::new(0),
            realtime: OnceLock::new(),
            tid: OnceLock::new(),
        }))
    }
}

/// Makes an eventfd readable. One that is at its limit is readable already.
pub(crate) fn signal(fd: &OwnedFd) {
    let _ = rustix::io::write(fd, &1u64.to_ne_bytes());
}

/// Makes an eventfd unreadable.
pub(crate) fn clear(fd: &OwnedFd) {
    let _ = rustix::io::read(fd, &mut [0u8; 8]);
}

/// Runs until told to stop; the core is handed back so that it is dropped elsewhere.
pub(crate) fn run(
    mut core: Core,
    mut commands: Consumer<Command>,
    shared: &Shared,
    realtime: Option<u8>,
) -> (Core, Consumer<Command>) {
    let _ = shared.tid.set(rustix::thread::gettid().as_raw_nonzero().get());
    let _ = shared.realtime.set(realtime.is_some_and(make_realtime));
    // Timers of threads at normal priority are late by 50 µs otherwise.
    let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
    while !shared.stop.load(Ordering::Acquire) {
        let deadline = step(&mut core, &mut commands, monotonic());
        if core.outbox.take_sent() || shared.overflowing.load(Ordering::Acquire) {
            signal(&shared.notify);
        }
        // Pairs with the fence in `Engine::commit`: either it sees who is hungry, or we see its command.
        fence(Ordering::SeqCst);
        if commands.is_empty() || deadline.1 {
            wait(shared, deadline.0);
            shared.wakeups.fetch_add(1, Ordering::Relaxed);
        }
    }
    (core, commands)
}

/// Works off commands and time; the next deadline, and whether to wait for it whatever is in the ring.
pub(crate) fn step(core: &mut Core, commands: &mut Consumer<Command>, now: u64) -> (Option<u64>, bool) {
    core.wake(now);
    // Those that come meanwhile wait: a flood of them must not keep the devices from being served.
    for _ in 0..commands.slots() {
        if !core.outbox.has_room() {
            return (Some(now + STALLED_WAIT), true);
        }
        if let Ok(command) = commands.pop() {
            core.apply(command, now);
        }
    }
    if core.outbox.has_room() { (core.run(now), false) } else { (Some(now + STALLED_WAIT), true) }
}

fn wait(shared: &Shared, deadline: Option<u64>) {
    let timeout = deadline.map(|deadline| {
        let nanos = deadline.saturating_sub(monotonic());
        Timespec { tv_sec: (nanos / 1_000_000_000) as i64, tv_nsec: (nanos % 1_000_000_000) as _ }
    });
    let mut fds = [PollFd::from_borrowed_fd(shared.wake.as_fd(), PollFlags::IN)];
    if poll(&mut fds, timeout.as_ref()).is_ok_and(|ready| ready > 0) {
        clear(&shared.wake);
    }
}

fn make_realtime(priority: u8) -> bool {
    use thread_priority::{
        RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy,
        set_thread_priority_and_policy, thread_native_id,
    };
    let Ok(value) = ThreadPriorityValue::try_from(priority) else { return false };
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Crossplatform(value), policy).is_ok()
}
