//! The blocking facade: any future of this library, waited for by the thread that asks.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use crate::spin;

/// Waits for a future on this thread. Needs no executor: the library's own thread does the work.
///
/// ```
/// use sealpulse_client::Wait;
/// assert_eq!(async { 6 * 7 }.wait(), 42);
/// ```
pub trait Wait: Future + Sized {
    /// The future's output, when it is there. Do not call it on a thread that has to go on meanwhile, such as that of
    /// an executor, or in a stream's callback.
    fn wait(self) -> Self::Output;
}

impl<F: Future> Wait for F {
    fn wait(self) -> Self::Output {
        thread_local! {
            static WAKER: Waker = Waker::from(Arc::new(Parked(thread::current())));
        }
        let waker = WAKER.with(Waker::clone);
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(self);
        loop {
            let (polled, came) = spin::polled(|| future.as_mut().poll(&mut context));
            match polled {
                Poll::Ready(output) => return output,
                Poll::Pending if came => {}
                // A wake-up between the poll and here is kept by the thread's token.
                Poll::Pending => thread::park(),
            }
        }
    }
}

struct Parked(Thread);

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

/// Who waits for something: each task once.
#[derive(Debug, Default)]
pub(crate) struct Wakers(Vec<Waker>);

impl Wakers {
    pub(crate) fn add(&mut self, waker: &Waker) {
        if !self.0.iter().any(|known| known.will_wake(waker)) {
            self.0.push(waker.clone());
        }
    }

    /// Moves all to `out`, which wakes them once nothing is locked.
    pub(crate) fn take(&mut self, out: &mut Vec<Waker>) {
        out.append(&mut self.0);
    }
}
