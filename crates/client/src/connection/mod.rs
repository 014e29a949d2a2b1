//! One connection: what is sent by whoever holds a handle, and what the reactor receives for it.

mod inner;

use std::any::Any;
use std::borrow::Borrow;
use std::sync::{Arc, Weak};
use std::task::{Poll, Waker};
use std::time::Instant;

use sealpulse_memory::Block;
use sealpulse_protocol::{Answered, encode_command};
use sealpulse_transport::Incoming;

use crate::config::Config;
use crate::connect::SLOT_SIZE;
use crate::error::ClientError;
use crate::pending::{Call, Kind, Pending};
use crate::reactor::{Reactor, Source, lock};
use crate::spin;

/// How a connection does.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum State {
    /// A server is being looked for, or asked to let us in.
    Connecting,
    /// Commands can be sent.
    Ready,
    /// The connection is gone, with all its streams. [`Context::reconnect`](crate::Context::reconnect) makes another.
    Failed {
        /// Why.
        reason: ClientError,
    },
}

/// What a look at a connection leaves to do once it is no longer locked.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    incoming: Vec<Incoming>,
    pub(crate) wakers: Vec<Waker>,
    /// Streams whose callbacks have something to do.
    pub(crate) callbacks: Vec<u64>,
    /// What may own handles of this connection, whose end locks it.
    dropped: Vec<Box<dyn Any + Send>>,
}

impl Turn {
    /// Drops something once the connection is no longer locked.
    pub(crate) fn drop_later(&mut self, what: impl Any + Send) {
        self.dropped.push(Box::new(what));
    }

    /// Does what must wait until the connection is no longer locked: wakes, and drops.
    pub(crate) fn unlocked(&mut self) {
        for waker in self.wakers.drain(..) {
            waker.wake();
        }
        self.dropped.clear();
    }
}

pub(crate) use inner::Inner;

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) inner: std::sync::Mutex<Inner>,
    pub(crate) reactor: Arc<Reactor>,
    token: u64,
    pub(crate) config: Arc<Config>,
}

impl Connection {
    pub(crate) fn new(config: Config) -> Result<Arc<Connection>, ClientError> {
        let reactor = Reactor::get().map_err(|error| ClientError::Reactor(Arc::new(error)))?;
        let config = Arc::new(config);
        Ok(Arc::new_cyclic(|this: &Weak<Connection>| {
            let token = reactor.add(this);
            let inner = Inner::new(Arc::clone(&reactor), token, Arc::clone(&config));
            Connection { inner: std::sync::Mutex::new(inner), reactor, token, config }
        }))
    }

    /// Sends a command; its answer is waited for, at most as long as `timed` and the configuration say.
    pub(crate) fn call<C: Answered>(
        self: &Arc<Self>,
        command: &C,
        kind: Kind,
        timed: bool,
    ) -> Result<Call, ClientError> {
        self.call_with::<C, _>(|_| Ok(command), kind, timed)
    }

    /// The same for a command that depends on what it finds. Between that look and the sending nothing happens.
    pub(crate) fn call_with<C: Answered, B: Borrow<C>>(
        self: &Arc<Self>,
        command: impl FnOnce(&mut Inner) -> Result<B, ClientError>,
        kind: Kind,
        timed: bool,
    ) -> Result<Call, ClientError> {
        let timeout = timed.then_some(self.config.timeout);
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let send = |inner: &mut Inner| {
            let command = command(inner)?;
            inner.check_version(C::CODE)?;
            let tag = inner.tag();
            let packet = encode_command(tag, command.borrow(), inner.version);
            let link = inner.link.as_mut().ok_or(ClientError::NotConnected)?;
            if kind == Kind::Authentication {
                link.send_packet_with_credentials(packet);
            } else {
                link.send_packet(packet);
            }
            inner.pending.insert(tag, Pending::new(C::CODE, kind, deadline));
            Ok(tag)
        };
        let tag = if spin::will_send(self) {
            send(&mut lock(&self.inner))?
        } else {
            self.with(|inner, _| send(inner))?
        };
        if let Some(timeout) = timeout.filter(|_| deadline.is_some()) {
            self.reactor.arm(timeout);
        }
        Ok(Call::new(Arc::clone(self), tag))
    }

    /// Changes something and sends what that has queued.
    pub(crate) fn with<T>(
        &self,
        change: impl FnOnce(&mut Inner, &mut Turn) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let mut turn = Turn::default();
        let (result, busy) = {
            let mut inner = lock(&self.inner);
            let result = change(&mut inner, &mut turn);
            (result, inner.flush_or_fail(&mut turn))
        };
        if busy {
            self.reactor.poke(self.token);
        }
        turn.unlocked();
        result
    }

    /// Ends the connection.
    pub(crate) fn fail(&self, reason: ClientError) {
        let mut turn = Turn::default();
        lock(&self.inner).fail(reason, &mut turn);
        turn.unlocked();
    }

    /// Takes what came. True: look again soon.
    pub(crate) fn ready(self: &Arc<Self>, source: Option<Source>, turn: &mut Turn) -> bool {
        let busy = lock(&self.inner).receive(source, turn);
        turn.unlocked();
        while let Some(key) = turn.callbacks.pop() {
            crate::callback::run(self, key);
        }
        busy
    }

    /// Ends a look at the ring that another thread than the reactor has taken.
    pub(crate) fn settle(&self, turn: &mut Turn) {
        let busy = {
            let mut inner = lock(&self.inner);
            // Callbacks are the reactor's to call.
            inner.callbacks.append(&mut turn.callbacks);
            inner.flush_or_fail(turn) || !inner.callbacks.is_empty()
        };
        turn.unlocked();
        if busy {
            self.reactor.poke(self.token);
        }
    }

    /// Gives up on what has taken too long; the next deadline.
    pub(crate) fn expire(&self, now: Instant) -> Option<Instant> {
        let mut turn = Turn::default();
        let next = lock(&self.inner).expire(now, self.config.timeout, &mut turn);
        turn.unlocked();
        next
    }

    pub(crate) fn poll_call(&self, tag: u32, waker: &Waker) -> Poll<Result<Vec<u8>, ClientError>> {
        let mut inner = lock(&self.inner);
        let Some(pending) = inner.pending.get_mut(&tag) else {
            return Poll::Ready(Err(ClientError::NotConnected));
        };
        match pending.outcome.take() {
            Some(outcome) => {
                if let (Kind::Create(_) | Kind::Upload, Err(ClientError::Timeout { .. })) =
                    (pending.kind, &outcome)
                {
                    // The answer may still come, and then there is a stream that nobody wants.
                    (pending.abandoned, pending.deadline) = (true, None);
                } else {
                    inner.pending.remove(&tag);
                }
                Poll::Ready(outcome)
            }
            None => {
                let old = pending.waker.replace(waker.clone());
                drop(inner);
                drop(old);
                Poll::Pending
            }
        }
    }

    /// Nobody waits for an answer any more. What it made at the server goes.
    pub(crate) fn abandon(&self, tag: u32) {
        let mut turn = Turn::default();
        let orphaned = lock(&self.inner).abandon(tag, &mut turn);
        turn.unlocked();
        if let Some(channel) = orphaned {
            let _ = self.with(|inner, _| {
                inner.send_delete_upload(channel);
                Ok(())
            });
        }
    }

    /// A block to fill, and how much of it, if the server asks for sound for this stream.
    pub(crate) fn take_block(&self, key: u64, max: usize) -> Option<(Block, usize)> {
        let mut inner = lock(&self.inner);
        let stream = inner.streams.get(key).filter(|stream| stream.ended.is_none())?;
        let frame = stream.spec.frame_size().max(1);
        let length = (max.min(SLOT_SIZE) / frame * frame).max(frame).min(stream.writable());
        if length == 0 {
            return None;
        }
        Some((inner.link.as_mut()?.take_record_block(length), length))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.reactor.remove(self.token);
        lock(&self.inner).unwatch_ring();
    }
}
