//! What handles of streams of both directions have in common.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use sealpulse_memory::Block;
use sealpulse_protocol::Answered;
use sealpulse_protocol::command::{GetPlaybackLatency, GetRecordLatency};
use sealpulse_protocol::frame::SeekMode;

use crate::connection::{Connection, Turn};
use crate::context;
use crate::error::ClientError;
use crate::pending::{Call, Kind};
use crate::reactor::lock;
use crate::streams::{Stream, StreamEvent};
use crate::timing::{Asked, Moment, Timing};

/// The owner of a stream's state. The stream ends with it.
#[derive(Debug)]
pub(crate) struct StreamHandle {
    pub(crate) connection: Arc<Connection>,
    pub(crate) key: u64,
}

impl StreamHandle {
    pub(crate) fn new(connection: &Arc<Connection>, stream: Stream) -> StreamHandle {
        let key = lock(&connection.inner).streams.add(stream);
        StreamHandle { connection: Arc::clone(connection), key }
    }

    /// Looks at the stream.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&mut Stream) -> T) -> Result<T, ClientError> {
        let mut inner = lock(&self.connection.inner);
        inner.streams.get(self.key).map(look).ok_or(ClientError::NotConnected)
    }

    /// The stream's number at the server.
    pub(crate) fn channel(&self) -> Result<u32, ClientError> {
        self.look(|stream| stream.live())?
    }

    /// Sends a command about the stream; its answer.
    pub(crate) async fn ask<C: Answered>(
        &self,
        command: impl FnOnce(u32) -> C,
        timed: bool,
    ) -> Result<C::Reply, ClientError> {
        let command = command(self.channel()?);
        context::ask(&self.connection, command, timed).await
    }

    /// Writes a block.
    pub(crate) fn send(
        &self,
        block: Block,
        length: usize,
        seek: SeekMode,
        offset: i64,
    ) -> Result<(), ClientError> {
        self.connection.with(|inner, _| inner.write(self.key, block, length, seek, offset))
    }

    /// Waits until `ready` finds what it looks for.
    pub(crate) fn poll<T>(
        &self,
        context: &mut Context<'_>,
        ready: impl FnOnce(&mut Stream) -> Option<T>,
    ) -> Poll<Result<T, ClientError>> {
        let polled = self.look(|stream| match ready(stream) {
            Some(found) => Poll::Ready(Ok(found)),
            None => match &stream.ended {
                Some(reason) => Poll::Ready(Err(reason.clone())),
                None => {
                    stream.wakers.add(context.waker());
                    Poll::Pending
                }
            },
        });
        polled.unwrap_or_else(|error| Poll::Ready(Err(error)))
    }

    /// The next event; none after the last.
    pub(crate) fn poll_event(&self, context: &mut Context<'_>) -> Poll<Option<StreamEvent>> {
        let polled = self.look(|stream| match stream.events.pop() {
            Some(event) => Poll::Ready(Some(event)),
            None if stream.ended.is_some() => Poll::Ready(None),
            None => {
                stream.event_wakers.add(context.waker());
                Poll::Pending
            }
        });
        polled.unwrap_or(Poll::Ready(None))
    }

    fn ask_timing(&self) -> Result<Call, ClientError> {
        let (playback, channel, written) =
            self.look(|stream| (stream.playback, stream.live(), stream.written))?;
        let (channel, now) = (channel?, Moment::now());
        let kind = Kind::Timing(self.key, Asked { at: now.instant, written });
        let time = now.timeval();
        if playback {
            self.connection.call(&GetPlaybackLatency { channel, time }, kind, true)
        } else {
            self.connection.call(&GetRecordLatency { channel, time }, kind, true)
        }
    }

    pub(crate) async fn timing(&self) -> Result<Timing, ClientError> {
        self.ask_timing()?.await?;
        self.look(|stream| stream.clock.timing())?.ok_or(ClientError::NotConnected)
    }

    /// The clock at this moment, kept fresh by asking the server now and then.
    pub(crate) fn time(&self) -> Option<Duration> {
        let now = Instant::now();
        let (time, ask) = self
            .look(|stream| (stream.clock.time(now), stream.ended.is_none() && stream.clock.wants_answer(now)))
            .ok()?;
        if ask {
            // Nobody waits for it: the answer sets the clock when it comes.
            drop(self.ask_timing());
        }
        time
    }

    /// Whether the clock has to start over, because the stream jumped.
    pub(crate) fn jump(&self) {
        let _ = self.look(|stream| stream.clock.jump());
    }

    pub(crate) fn set_corked(&self, corked: bool) {
        let now = Instant::now();
        let _ = self.look(|stream| {
            if corked {
                stream.clock.stop(now);
            }
            stream.corked = corked;
            stream.clock.stale();
        });
    }
}

impl Drop for StreamHandle {
    fn drop(&mut self) {
        let _ = self.connection.with(|inner, turn: &mut Turn| {
            inner.delete_stream(self.key, turn);
            Ok(())
        });
    }
}
