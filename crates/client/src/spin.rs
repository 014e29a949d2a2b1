//! What a thread that blocks does for its connections: it sends all that was asked for at once, and looks for the
//! answers itself for a while before it sleeps.
//!
//! An answer through a srbchannel comes within tens of microseconds. Whoever looks for it for that long spares three
//! wake-ups: the server need not signal, and neither the reactor nor the thread has to be woken.

use std::cell::{Cell, RefCell};
use std::hint::spin_loop;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use crate::connection::{Connection, Turn};
use crate::reactor::lock;

/// How long to look: somewhat longer than a server that is awake takes.
const LONGEST: Duration = Duration::from_micros(60);

/// Looks that cost less than asking for the time.
const LOOKS: u32 = 16;

/// With one processor, the server would wait for us.
static USEFUL: LazyLock<bool> =
    LazyLock::new(|| std::thread::available_parallelism().is_ok_and(|processors| processors.get() > 1));

thread_local! {
    /// Whether this thread blocks in [`Wait`](crate::Wait), and sends what is queued itself.
    static WAITS: Cell<bool> = const { Cell::new(false) };
    /// Connections that have something queued.
    static ASKED: RefCell<Vec<Arc<Connection>>> = const { RefCell::new(Vec::new()) };
}

/// Polls, and sends what that has queued. True: something came meanwhile, poll again.
pub(crate) fn polled<T>(poll: impl FnOnce() -> T) -> (T, bool) {
    let waiting = Waiting { outer: WAITS.replace(true) };
    let polled = poll();
    drop(waiting);
    let mut came = false;
    while let Some(connection) = ASKED.with_borrow_mut(Vec::pop) {
        came |= connection.converse();
    }
    (polled, came)
}

/// While a thread blocks in [`Wait`](crate::Wait). Ends when the future panics, too.
struct Waiting {
    outer: bool,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        WAITS.set(self.outer);
        if std::thread::panicking() {
            // Others may wait for what was queued.
            while let Some(connection) = ASKED.with_borrow_mut(Vec::pop) {
                let _ = connection.with(|_, _| Ok(()));
            }
        }
    }
}

/// Whether what this connection has queued will be sent by [`polled`].
pub(crate) fn will_send(connection: &Arc<Connection>) -> bool {
    WAITS.get()
        && ASKED.with_borrow_mut(|asked| {
            if !asked.iter().any(|other| Arc::ptr_eq(other, connection)) {
                asked.push(Arc::clone(connection));
            }
            true
        })
}

impl Connection {
    /// Sends what is queued and looks into the ring for a while. True: something came.
    fn converse(&self) -> bool {
        let mut turn = Turn::default();
        // Awake before anything is sent, the server need not signal its answer.
        let (came, has_ring) = lock(&self.inner).send_awake(&mut turn);
        let mut came = came;
        let start = Instant::now();
        // A server with real-time priority may have answered before we are back from sending.
        let mut looks = 1;
        while has_ring && !came && (looks == 1 || *USEFUL && start.elapsed() < LONGEST) {
            for _ in 0..std::mem::replace(&mut looks, LOOKS) {
                came = lock(&self.inner).glance(&mut turn);
                if came {
                    break;
                }
                spin_loop();
            }
        }
        self.settle(&mut turn);
        came
    }
}
