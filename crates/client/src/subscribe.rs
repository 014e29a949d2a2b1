//! News of the server's objects, of its extensions, and of the connection itself.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use sealpulse_protocol::command::{Extension, Subscribe};
use sealpulse_protocol::{PropList, SubscriptionEvent, SubscriptionMask};

use crate::connection::{Connection, Turn};
use crate::context;
use crate::error::ClientError;
use crate::reactor::lock;
use crate::wait::Wakers;

/// News that nobody takes are forgotten, the oldest first.
const NEWS_MAX: usize = 4096;

/// Something that the server told without having been asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum News {
    /// Something happened to an object of the server's.
    Object {
        /// What, to which kind of object.
        event: SubscriptionEvent,
        /// The object's index; none for the server itself.
        index: Option<u32>,
    },
    /// What an extension keeps has changed.
    Extension {
        /// The module, such as `module-stream-restore`.
        module: String,
    },
    /// Something that concerns this client.
    Client {
        /// What.
        name: String,
        /// More about it.
        properties: PropList,
    },
}

#[derive(Debug)]
struct Subscriber {
    /// What it wants to hear of the server's objects.
    mask: SubscriptionMask,
    /// Of which extension it wants to hear.
    module: Option<String>,
    client: bool,
    news: VecDeque<News>,
    wakers: Wakers,
    ended: bool,
}

impl Subscriber {
    fn tell(&mut self, news: News, turn: &mut Turn) {
        // Whoever was not yet told of a change need not be told twice.
        if self.news.back() == Some(&news) {
            return;
        }
        if self.news.len() >= NEWS_MAX {
            self.news.pop_front();
        }
        self.news.push_back(news);
        self.wakers.take(&mut turn.wakers);
    }
}

#[derive(Debug, Default)]
pub(crate) struct Subscribers {
    by_key: HashMap<u64, Subscriber>,
    last_key: u64,
}

impl Subscribers {
    fn mask(&self) -> SubscriptionMask {
        let masks = self.by_key.values().filter(|subscriber| !subscriber.ended);
        SubscriptionMask(masks.fold(0, |all, subscriber| all | subscriber.mask.0))
    }

    pub(crate) fn event(&mut self, event: SubscriptionEvent, index: Option<u32>, turn: &mut Turn) {
        let bit = 1 << (event.0 & 0xf);
        for subscriber in self.by_key.values_mut().filter(|subscriber| subscriber.mask.0 & bit != 0) {
            subscriber.tell(News::Object { event, index }, turn);
        }
    }

    pub(crate) fn extension(&mut self, extension: Extension, turn: &mut Turn) {
        let name = extension.name.unwrap_or_default();
        for subscriber in self.by_key.values_mut() {
            if subscriber.module.as_ref() == Some(&name) {
                subscriber.tell(News::Extension { module: name.clone() }, turn);
            }
        }
    }

    pub(crate) fn client_event(&mut self, name: String, properties: PropList, turn: &mut Turn) {
        for subscriber in self.by_key.values_mut().filter(|subscriber| subscriber.client) {
            let (name, properties) = (name.clone(), properties.clone());
            subscriber.tell(News::Client { name, properties }, turn);
        }
    }

    pub(crate) fn end_all(&mut self, turn: &mut Turn) {
        for subscriber in self.by_key.values_mut() {
            subscriber.ended = true;
            subscriber.wakers.take(&mut turn.wakers);
        }
    }
}

/// News as they come: by [`next`](Self::next), or as a [`futures_core::Stream`]. They end with the connection.
#[derive(Debug)]
pub struct Subscription {
    connection: Arc<Connection>,
    key: u64,
    listens: bool,
}

impl Subscription {
    fn new(
        connection: &Arc<Connection>,
        mask: SubscriptionMask,
        module: Option<String>,
        client: bool,
    ) -> Subscription {
        let mut inner = lock(&connection.inner);
        let subscribers = &mut inner.subscribers;
        subscribers.last_key += 1;
        let key = subscribers.last_key;
        let (news, wakers, ended) = (VecDeque::new(), Wakers::default(), false);
        subscribers.by_key.insert(key, Subscriber { mask, module, client, news, wakers, ended });
        Subscription { connection: Arc::clone(connection), key, listens: mask.0 != 0 }
    }

    /// To the server's objects.
    pub(crate) async fn to_objects(
        connection: &Arc<Connection>,
        mask: SubscriptionMask,
    ) -> Result<Subscription, ClientError> {
        let subscription = Self::new(connection, mask, None, false);
        let mask = lock(&connection.inner).subscribers.mask();
        context::ask(connection, Subscribe { mask }, true).await?;
        Ok(subscription)
    }

    /// To what a module tells once it was asked to.
    pub(crate) fn to_extension(connection: &Arc<Connection>, module: &str) -> Subscription {
        Self::new(connection, SubscriptionMask(0), Some(module.to_owned()), false)
    }

    /// To what concerns this client.
    pub(crate) fn to_client(connection: &Arc<Connection>) -> Subscription {
        Self::new(connection, SubscriptionMask(0), None, true)
    }

    /// The next news; none when the connection has ended.
    pub async fn next(&mut self) -> Option<News> {
        poll_fn(|context| self.poll(context)).await
    }

    /// News that are there at this moment.
    pub fn try_next(&mut self) -> Option<News> {
        lock(&self.connection.inner).subscribers.by_key.get_mut(&self.key)?.news.pop_front()
    }

    fn poll(&self, context: &mut Context<'_>) -> Poll<Option<News>> {
        let mut inner = lock(&self.connection.inner);
        let Some(subscriber) = inner.subscribers.by_key.get_mut(&self.key) else {
            return Poll::Ready(None);
        };
        match subscriber.news.pop_front() {
            Some(news) => Poll::Ready(Some(news)),
            None if subscriber.ended => Poll::Ready(None),
            None => {
                subscriber.wakers.add(context.waker());
                Poll::Pending
            }
        }
    }
}

impl futures_core::Stream for Subscription {
    type Item = News;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<News>> {
        self.poll(context)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let (before, mask, connected) = {
            let mut inner = lock(&self.connection.inner);
            let before = inner.subscribers.mask();
            inner.subscribers.by_key.remove(&self.key);
            (before, inner.subscribers.mask(), inner.link.is_some())
        };
        if self.listens && connected && mask.0 != before.0 {
            // The server need not go on telling what nobody hears; nobody waits for its answer.
            let kind = crate::pending::Kind::Plain;
            drop(self.connection.call(&Subscribe { mask }, kind, true));
        }
    }
}
