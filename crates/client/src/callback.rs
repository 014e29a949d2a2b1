//! Streams whose sound comes from, or goes to, a function that the reactor calls.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::block::{PlaybackBlock, RecordBlock};
use crate::connection::Connection;
use crate::error::ClientError;
use crate::reactor::lock;
use crate::streams::StreamEvent;

/// The program's function. It is called without any lock, so it may use handles; it must not wait.
pub(crate) enum Callback {
    /// Fills a block; filling nothing says that there is no more.
    Source(Box<dyn FnMut(&mut PlaybackBlock<'static>) + Send>),
    /// Takes a block; false says that no more is wanted.
    Sink(Box<dyn FnMut(&RecordBlock) -> bool + Send>),
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source(_) => "Callback::Source",
            Self::Sink(_) => "Callback::Sink",
        })
    }
}

/// Calls a stream's function for as long as there is something to do for it.
pub(crate) fn run(connection: &Arc<Connection>, key: u64) {
    let take = || lock(&connection.inner).streams.get(key).and_then(|stream| stream.callback.take());
    let Some(mut callback) = take() else { return };
    loop {
        let called = catch_unwind(AssertUnwindSafe(|| match &mut callback {
            Callback::Source(source) => fill(connection, key, source),
            Callback::Sink(sink) => offer(connection, key, sink),
        }));
        match called {
            Ok(After::More) => {}
            Ok(After::Wait) => {
                let mut inner = lock(&connection.inner);
                if let Some(stream) = inner.streams.get(key).filter(|stream| stream.ended.is_none()) {
                    stream.callback = Some(callback);
                }
                return;
            }
            Ok(After::Ended) => return end(connection, key, None),
            Err(_) => return end(connection, key, Some(ClientError::CallbackPanicked)),
        }
    }
}

enum After {
    More,
    Wait,
    Ended,
}

fn fill(
    connection: &Arc<Connection>,
    key: u64,
    source: &mut (dyn FnMut(&mut PlaybackBlock<'static>) + Send),
) -> After {
    let Some((block, length)) = connection.take_block(key, usize::MAX) else { return After::Wait };
    let mut block = PlaybackBlock::new(block, length, None);
    source(&mut block);
    let (block, filled, seek, offset) = block.into_parts();
    match block {
        Some(block) if filled > 0 => {
            let sent = connection.with(|inner, _| inner.write(key, block, filled, seek, offset));
            if sent.is_ok() { After::More } else { After::Wait }
        }
        _ => After::Ended,
    }
}

fn offer(
    connection: &Arc<Connection>,
    key: u64,
    sink: &mut (dyn FnMut(&RecordBlock) -> bool + Send),
) -> After {
    let taken = {
        let mut inner = lock(&connection.inner);
        inner.streams.get(key).and_then(|stream| Some((stream.take_piece()?, stream.spec)))
    };
    let Some((piece, spec)) = taken else { return After::Wait };
    if sink(&RecordBlock { piece, spec }) { After::More } else { After::Ended }
}

fn end(connection: &Arc<Connection>, key: u64, reason: Option<ClientError>) {
    let _ = connection.with(|inner, turn| {
        if let Some(stream) = inner.streams.get(key) {
            stream.has_callback = false;
            stream.event(StreamEvent::CallbackEnded, turn);
        }
        match reason {
            Some(reason) => inner.end_stream(key, &reason, turn),
            None => Ok(()),
        }
    });
}
