//! The handle of a connection.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use sealpulse_protocol::{Answered, SubscriptionMask, decode_reply};
use sealpulse_transport::{LinkCounters, TransportKind};

use crate::address::ServerAddress;
use crate::block::{PlaybackBlock, RecordBlock};
use crate::callback::Callback;
use crate::config::Config;
use crate::connect::establish;
use crate::connection::{Connection, State};
use crate::error::ClientError;
use crate::options::StreamOptions;
use crate::pending::Kind;
use crate::playback::{self, PlaybackStream};
use crate::reactor::lock;
use crate::record::{self, RecordStream};
use crate::subscribe::Subscription;

/// A connection to a sound server. Clones are handles of the same connection, which ends when the last of them is
/// dropped, and the last stream and subscription with it.
#[derive(Clone, Debug)]
pub struct Context {
    pub(crate) connection: Arc<Connection>,
}

/// What a connection is like.
#[derive(Clone, Debug)]
pub struct ConnectionInfo {
    /// The version of the protocol that is spoken, 8 to 35.
    pub version: u32,
    /// How sound travels.
    pub transport: TransportKind,
    /// Whether commands travel in shared memory too (a srbchannel).
    pub ring: bool,
    /// The index of this client at the server; unknown before version 13.
    pub client_index: Option<u32>,
    /// Where the server is.
    pub server: Option<ServerAddress>,
    /// What has gone through the connection, and how many blocks are on their way: with all streams and blocks dropped,
    /// both sides come to none.
    pub counters: LinkCounters,
}

impl Context {
    /// Connects to the first of the configuration's servers that answers.
    ///
    /// ```no_run
    /// use sealpulse_client::{Config, Context, Wait};
    /// let context = Context::connect(Config::from_env()?.named("example")).wait()?;
    /// println!("protocol {}", context.connection().version);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ClientError::NoServer`], [`ClientError::Connect`] for the last address that was tried, [`ClientError::Server`]
    /// if the server does not let us in.
    pub async fn connect(config: Config) -> Result<Context, ClientError> {
        let connection = Connection::new(config)?;
        establish(&connection).await?;
        Ok(Context { connection })
    }

    /// How the connection does.
    pub fn state(&self) -> State {
        lock(&self.connection.inner).state.clone()
    }

    /// The changes of the state from now on.
    pub fn states(&self) -> States {
        let seen = lock(&self.connection.inner).state_count;
        States { connection: Arc::clone(&self.connection), seen }
    }

    /// Connects again, as [`connect`](Self::connect) does. A connection that still stands is given up. Streams and
    /// subscriptions of the old connection have ended, and have to be made anew.
    ///
    /// # Errors
    /// Those of [`connect`](Self::connect).
    pub async fn reconnect(&self) -> Result<(), ClientError> {
        self.connection.fail(ClientError::NotConnected);
        self.connection.with(|inner, turn| {
            inner.set_state(State::Connecting, turn);
            Ok(())
        })?;
        establish(&self.connection).await
    }

    /// What the connection is like.
    pub fn connection(&self) -> ConnectionInfo {
        let inner = lock(&self.connection.inner);
        let link = inner.link.as_ref();
        ConnectionInfo {
            version: inner.version,
            transport: link.map_or(TransportKind::Socket, |link| link.transport()),
            ring: inner.watches_ring,
            client_index: inner.client_index,
            server: inner.server.clone(),
            counters: link.map_or(inner.last_counters, |link| link.counters()),
        }
    }

    /// Sends a command of the protocol and waits for its answer. The other methods are this with friendlier arguments.
    ///
    /// # Errors
    /// [`ClientError::Server`] if the server refuses, [`ClientError::Unsupported`] if its version lacks the command,
    /// [`ClientError::Timeout`], or why the connection has failed.
    pub async fn request<C: Answered>(&self, command: C) -> Result<C::Reply, ClientError> {
        ask(&self.connection, command, true).await
    }

    /// Makes a stream that plays.
    ///
    /// # Errors
    /// [`ClientError::Invalid`] for options that contradict each other, else those of [`request`](Self::request).
    pub async fn playback(&self, options: StreamOptions) -> Result<PlaybackStream, ClientError> {
        playback::create(&self.connection, options, None).await
    }

    /// Makes a stream that plays what a function gives: it is called whenever the server asks, with a block to fill. To
    /// fill nothing ends it ([`StreamEvent::CallbackEnded`](crate::StreamEvent::CallbackEnded)). It runs on the
    /// library's thread: it must not wait for anything.
    ///
    /// # Errors
    /// Those of [`playback`](Self::playback).
    pub async fn playback_from(
        &self,
        options: StreamOptions,
        source: impl FnMut(&mut PlaybackBlock<'static>) + Send + 'static,
    ) -> Result<PlaybackStream, ClientError> {
        playback::create(&self.connection, options, Some(Callback::Source(Box::new(source)))).await
    }

    /// Makes a stream that records.
    ///
    /// # Errors
    /// Those of [`playback`](Self::playback).
    pub async fn record(&self, options: StreamOptions) -> Result<RecordStream, ClientError> {
        record::create(&self.connection, options, None).await
    }

    /// Makes a stream that records to a function: it is called with each block as it comes; false ends it. It runs on
    /// the library's thread: it must not wait for anything.
    ///
    /// # Errors
    /// Those of [`playback`](Self::playback).
    pub async fn record_to(
        &self,
        options: StreamOptions,
        sink: impl FnMut(&RecordBlock) -> bool + Send + 'static,
    ) -> Result<RecordStream, ClientError> {
        record::create(&self.connection, options, Some(Callback::Sink(Box::new(sink)))).await
    }

    /// News of the server's objects.
    ///
    /// # Errors
    /// Those of [`request`](Self::request).
    pub async fn subscribe(&self, mask: SubscriptionMask) -> Result<Subscription, ClientError> {
        Subscription::to_objects(&self.connection, mask).await
    }

    /// News of a module that this library does not know, once the module was asked to tell them
    /// ([`extension`](Self::extension)): [`ExtensionEvent::Other`](crate::extension::ExtensionEvent::Other).
    pub fn extension_events(&self, module: &str) -> Subscription {
        Subscription::to_other_module(&self.connection, module)
    }

    /// News that concern this client, such as a session manager's wishes.
    pub fn client_events(&self) -> Subscription {
        Subscription::to_client(&self.connection)
    }
}

/// Sends a command; its answer.
pub(crate) async fn ask<C: Answered>(
    connection: &Arc<Connection>,
    command: C,
    timed: bool,
) -> Result<C::Reply, ClientError> {
    ask_for(connection, command, Kind::Plain, timed).await
}

/// The same for a command whose answer has an effect of its own.
pub(crate) async fn ask_for<C: Answered>(
    connection: &Arc<Connection>,
    command: C,
    kind: Kind,
    timed: bool,
) -> Result<C::Reply, ClientError> {
    let content = connection.call(&command, kind, timed)?.await?;
    let version = lock(&connection.inner).version;
    decode_reply(&content, version).map_err(|error| {
        let error = ClientError::Reply { command: C::CODE, error };
        connection.fail(error.clone());
        error
    })
}

/// The changes of a connection's state.
#[derive(Debug)]
pub struct States {
    connection: Arc<Connection>,
    seen: u64,
}

impl States {
    /// The next state; one that lasted only until the next is left out.
    pub async fn next(&mut self) -> State {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut std::task::Context<'_>) -> Poll<State> {
        let mut inner = lock(&self.connection.inner);
        if inner.state_count == self.seen {
            inner.state_wakers.add(context.waker());
            return Poll::Pending;
        }
        self.seen = inner.state_count;
        Poll::Ready(inner.state.clone())
    }
}

impl futures_core::Stream for States {
    type Item = State;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut std::task::Context<'_>) -> Poll<Option<State>> {
        self.poll(context).map(Some)
    }
}
