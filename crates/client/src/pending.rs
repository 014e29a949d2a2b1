//! Commands that wait for their answers.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use sealpulse_protocol::CommandCode;

use crate::connection::Connection;
use crate::error::ClientError;
use crate::timing::Asked;

/// What an answer is good for besides being told to whom it may concern: these take effect before anything that came
/// behind them is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    Authentication,
    /// Makes the stream of this key.
    Create(u64),
    /// Makes a place for a sample.
    Upload,
    /// Says where the stream of this key is.
    Timing(u64, Asked),
}

/// A command that was sent.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) command: CommandCode,
    pub(crate) kind: Kind,
    pub(crate) deadline: Option<Instant>,
    pub(crate) outcome: Option<Result<Vec<u8>, ClientError>>,
    pub(crate) waker: Option<Waker>,
    /// Nobody waits any more.
    pub(crate) abandoned: bool,
}

impl Pending {
    pub(crate) fn new(command: CommandCode, kind: Kind, deadline: Option<Instant>) -> Pending {
        Pending { command, kind, deadline, outcome: None, waker: None, abandoned: false }
    }

    pub(crate) fn finish(&mut self, outcome: Result<Vec<u8>, ClientError>, wakers: &mut Vec<Waker>) {
        self.outcome = Some(outcome);
        wakers.extend(self.waker.take());
    }
}

/// An answer to come: its content. Dropping it takes nothing back, it only stops waiting.
#[derive(Debug)]
pub(crate) struct Call {
    connection: Arc<Connection>,
    tag: Option<u32>,
}

impl Call {
    pub(crate) fn new(connection: Arc<Connection>, tag: u32) -> Call {
        Call { connection, tag: Some(tag) }
    }
}

impl Future for Call {
    type Output = Result<Vec<u8>, ClientError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(tag) = self.tag else { return Poll::Ready(Err(ClientError::NotConnected)) };
        let outcome = self.connection.poll_call(tag, context.waker());
        if outcome.is_ready() {
            self.tag = None;
        }
        outcome
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(tag) = self.tag {
            self.connection.abandon(tag);
        }
    }
}
