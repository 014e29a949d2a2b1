//! The one thread that receives for all connections of the process. It ends when the last connection is gone.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};

use crate::connection::{Connection, Turn};

/// Tokens below this are the reactor's own.
const FIRST_TOKEN: u64 = 2;
const WAKE: u64 = 0;
const TIMER: u64 = 1;

/// What a connection may be waiting on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Socket,
    Ring,
}

/// Locks, whatever a thread that panicked did: what is behind our locks is whole at every moment.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What handles hold of the reactor. The thread ends with the last one.
#[derive(Debug)]
pub(crate) struct Reactor(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    epoll: OwnedFd,
    wake: OwnedFd,
    timer: OwnedFd,
    /// The timer will come back, and look at all deadlines.
    armed: AtomicBool,
    stop: AtomicBool,
    next: AtomicU64,
    connections: Mutex<HashMap<u64, Weak<Connection>>>,
    /// Connections to look at though nothing of theirs became readable.
    poked: Mutex<Vec<u64>>,
}

static REACTOR: Mutex<Weak<Reactor>> = Mutex::new(Weak::new());

impl Reactor {
    /// The process's reactor; started where there is none.
    pub(crate) fn get() -> io::Result<Arc<Reactor>> {
        let mut current = lock(&REACTOR);
        if let Some(reactor) = current.upgrade() {
            return Ok(reactor);
        }
        let shared = Arc::new(Shared::new()?);
        let thread = Arc::clone(&shared);
        std::thread::Builder::new().name("sealpulse-client".into()).spawn(move || thread.run())?;
        let reactor = Arc::new(Reactor(shared));
        *current = Arc::downgrade(&reactor);
        Ok(reactor)
    }

    /// A number for a connection, by which the thread finds it.
    pub(crate) fn add(&self, connection: &Weak<Connection>) -> u64 {
        let token = self.0.next.fetch_add(1, Ordering::Relaxed);
        lock(&self.0.connections).insert(token, Weak::clone(connection));
        token
    }

    pub(crate) fn remove(&self, token: u64) {
        lock(&self.0.connections).remove(&token);
    }

    /// Waits for a descriptor from now on, until it is closed.
    pub(crate) fn watch(&self, token: u64, source: Source, fd: BorrowedFd<'_>) -> io::Result<()> {
        Ok(epoll::add(&self.0.epoll, fd, data(token, source), epoll::EventFlags::IN)?)
    }

    /// Waits for a descriptor no longer.
    pub(crate) fn unwatch(&self, fd: BorrowedFd<'_>) {
        let _ = epoll::delete(&self.0.epoll, fd);
    }

    /// Whether to wait for a socket to be writable too.
    pub(crate) fn watch_writable(&self, token: u64, fd: BorrowedFd<'_>, writable: bool) -> io::Result<()> {
        let out = if writable { epoll::EventFlags::OUT } else { epoll::EventFlags::empty() };
        Ok(epoll::modify(&self.0.epoll, fd, data(token, Source::Socket), epoll::EventFlags::IN | out)?)
    }

    /// Has the thread look at a connection.
    pub(crate) fn poke(&self, token: u64) {
        lock(&self.0.poked).push(token);
        self.0.signal();
    }

    /// Sees to it that deadlines are looked at when this much time has gone by, or earlier.
    pub(crate) fn arm(&self, after: Duration) {
        self.0.arm(after);
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Release);
        self.0.signal();
    }
}

fn data(token: u64, source: Source) -> epoll::EventData {
    epoll::EventData::new_u64((token << 1) | u64::from(source == Source::Ring))
}

impl Shared {
    fn new() -> io::Result<Shared> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        epoll::add(&epoll, &wake, data(WAKE, Source::Socket), epoll::EventFlags::IN)?;
        epoll::add(&epoll, &timer, data(TIMER, Source::Socket), epoll::EventFlags::IN)?;
        Ok(Shared {
            epoll,
            wake,
            timer,
            armed: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            next: AtomicU64::new(FIRST_TOKEN),
            connections: Mutex::default(),
            poked: Mutex::default(),
        })
    }

    fn signal(&self) {
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }

    fn arm(&self, after: Duration) {
        if self.armed.swap(true, Ordering::AcqRel) {
            return;
        }
        let after = after.max(Duration::from_millis(1));
        let time = Timespec { tv_sec: after.as_secs() as _, tv_nsec: after.subsec_nanos() as _ };
        let never = Timespec { tv_sec: 0, tv_nsec: 0 };
        let setting = Itimerspec { it_interval: never, it_value: time };
        let _ = timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &setting);
    }

    fn run(&self) {
        let mut ready = Vec::with_capacity(64);
        // Whose rings have more than one look took out.
        let mut busy: Vec<u64> = Vec::new();
        let mut again: Vec<u64> = Vec::new();
        let mut turn = Turn::default();
        while !self.stop.load(Ordering::Acquire) {
            let now = Timespec { tv_sec: 0, tv_nsec: 0 };
            let timeout = (!busy.is_empty()).then_some(&now);
            ready.clear();
            match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut ready), timeout) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return tracing::error!(%error, "the client's thread cannot wait"),
            }
            std::mem::swap(&mut busy, &mut again);
            for event in &ready {
                let data = event.data.u64();
                match data >> 1 {
                    WAKE => {
                        clear(self.wake.as_fd());
                        again.append(&mut lock(&self.poked));
                    }
                    TIMER => {
                        clear(self.timer.as_fd());
                        self.armed.store(false, Ordering::Release);
                        self.expire();
                    }
                    token => {
                        let source = if data & 1 == 1 { Source::Ring } else { Source::Socket };
                        if self.get(token).is_some_and(|connection| connection.ready(Some(source), &mut turn))
                        {
                            busy.push(token);
                        }
                    }
                }
            }
            for token in again.drain(..) {
                if self.get(token).is_some_and(|connection| connection.ready(None, &mut turn)) {
                    busy.push(token);
                }
            }
            busy.sort_unstable();
            busy.dedup();
        }
    }

    fn get(&self, token: u64) -> Option<Arc<Connection>> {
        lock(&self.connections).get(&token).and_then(Weak::upgrade)
    }

    fn expire(&self) {
        let now = Instant::now();
        let connections: Vec<_> = lock(&self.connections).values().filter_map(Weak::upgrade).collect();
        let next = connections.iter().filter_map(|connection| connection.expire(now)).min();
        if let Some(deadline) = next {
            self.arm(deadline.saturating_duration_since(now));
        }
    }
}

/// Makes an eventfd or a timer unreadable.
fn clear(fd: BorrowedFd<'_>) {
    let _ = rustix::io::read(fd, &mut [0u8; 8]);
}
