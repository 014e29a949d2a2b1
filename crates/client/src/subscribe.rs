//! News of the server's objects, of its extensions, and of the connection itself.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use sealpulse_protocol::command::{Extension, Subscribe};
use sealpulse_protocol::tagstruct::Writer;
use sealpulse_protocol::{
    CommandCode, DecodeError, NO_TAG, Opaque, PropList, SubscriptionEvent, SubscriptionMask, VERSION,
};

use crate::backlog::{Backlog, Weigh, weight_of};
use crate::connection::{Connection, Inner, Turn};
use crate::context;
use crate::error::ClientError;
use crate::extension::ExtensionEvent;
use crate::pending::Kind;
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
    /// What a module keeps has changed, such as the volumes of `module-stream-restore`.
    Extension(ExtensionEvent),
    /// Something that concerns this client.
    Client {
        /// What.
        name: String,
        /// More about it.
        properties: PropList,
    },
    /// So many news were not taken in time and are forgotten, the oldest ones: more than 4,096 waited, or more than
    /// 1 MiB of what came with them. Whoever keeps a picture of the server asks for everything anew.
    Lost {
        /// How many.
        count: u64,
    },
}

impl Weigh for News {
    fn weight(&self) -> usize {
        match self {
            Self::Client { name, properties } => name.len() + weight_of(properties),
            Self::Extension(ExtensionEvent::Other { name, content, .. }) => {
                name.as_ref().map_or(0, String::len) + content.len()
            }
            Self::Object { .. } | Self::Extension(_) | Self::Lost { .. } => 0,
        }
    }

    fn lost(count: u64) -> Self {
        Self::Lost { count }
    }
}

#[derive(Debug)]
struct Subscriber {
    /// What it wants to hear of the server's objects.
    mask: SubscriptionMask,
    /// Of which module it wants to hear.
    module: Option<String>,
    client: bool,
    news: Backlog<News>,
    wakers: Wakers,
    ended: bool,
}

impl Subscriber {
    fn tell(&mut self, news: News, turn: &mut Turn) {
        // Whoever was not yet told of a change need not be told twice.
        if self.news.last() == Some(&news) {
            return;
        }
        self.news.push(news);
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

    pub(crate) fn extension(&mut self, extension: Extension, turn: &mut Turn) -> Result<(), ClientError> {
        let name = extension.name.clone();
        let event = ExtensionEvent::decode(extension).map_err(|error| DecodeError::Content {
            code: CommandCode::Extension,
            tag: NO_TAG,
            error,
        })?;
        let wants = |subscriber: &&mut Subscriber| subscriber.module.is_some() && subscriber.module == name;
        for subscriber in self.by_key.values_mut().filter(wants) {
            subscriber.tell(News::Extension(event.clone()), turn);
        }
        Ok(())
    }

    fn listens_to(&self, module: &str) -> bool {
        self.by_key
            .values()
            .any(|subscriber| !subscriber.ended && subscriber.module.as_deref() == Some(module))
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
    topic: Topic,
}

#[derive(Clone, Copy, Debug)]
enum Topic {
    Objects,
    Module(ModuleTopic),
    /// A module that the program itself asks for news.
    OtherModule,
    Client,
}

/// A module that tells of changes to those that have asked for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ModuleTopic {
    /// Its name.
    pub(crate) module: &'static str,
    /// The number of its command for that, whose argument is a boolean.
    pub(crate) subscribe: u32,
}

impl ModuleTopic {
    fn command(self, enable: bool) -> Extension {
        let mut content = Writer::new(VERSION);
        content.u32(self.subscribe);
        content.boolean(enable);
        let (name, content) = (Some(self.module.to_owned()), Opaque(content.into_bytes()));
        Extension { index: None, name, content }
    }
}

impl Subscription {
    fn new(
        connection: &Arc<Connection>,
        topic: Topic,
        mask: SubscriptionMask,
        module: Option<&str>,
    ) -> Subscription {
        let (module, client) = (module.map(str::to_owned), matches!(topic, Topic::Client));
        let mut inner = lock(&connection.inner);
        let subscribers = &mut inner.subscribers;
        subscribers.last_key += 1;
        let key = subscribers.last_key;
        let (news, wakers, ended) = (Backlog::new(NEWS_MAX), Wakers::default(), false);
        subscribers.by_key.insert(key, Subscriber { mask, module, client, news, wakers, ended });
        Subscription { connection: Arc::clone(connection), key, topic }
    }

    /// To the server's objects.
    pub(crate) async fn to_objects(
        connection: &Arc<Connection>,
        mask: SubscriptionMask,
    ) -> Result<Subscription, ClientError> {
        let subscription = Self::new(connection, Topic::Objects, mask, None);
        let all = |inner: &mut Inner| Ok(Subscribe { mask: inner.subscribers.mask() });
        connection.call_with::<Subscribe, _>(all, Kind::Plain, true)?.await?;
        Ok(subscription)
    }

    /// To a module.
    pub(crate) async fn to_module(
        connection: &Arc<Connection>,
        topic: ModuleTopic,
    ) -> Result<Subscription, ClientError> {
        let subscription =
            Self::new(connection, Topic::Module(topic), SubscriptionMask(0), Some(topic.module));
        context::ask(connection, topic.command(true), true).await?;
        Ok(subscription)
    }

    /// To what a module tells once the program has asked it to.
    pub(crate) fn to_other_module(connection: &Arc<Connection>, module: &str) -> Subscription {
        Self::new(connection, Topic::OtherModule, SubscriptionMask(0), Some(module))
    }

    /// To what concerns this client.
    pub(crate) fn to_client(connection: &Arc<Connection>) -> Subscription {
        Self::new(connection, Topic::Client, SubscriptionMask(0), None)
    }

    /// The next news; none when the connection has ended.
    pub async fn next(&mut self) -> Option<News> {
        poll_fn(|context| self.poll(context)).await
    }

    /// News that are there at this moment.
    pub fn try_next(&mut self) -> Option<News> {
        lock(&self.connection.inner).subscribers.by_key.get_mut(&self.key)?.news.pop()
    }

    fn poll(&self, context: &mut Context<'_>) -> Poll<Option<News>> {
        let mut inner = lock(&self.connection.inner);
        let Some(subscriber) = inner.subscribers.by_key.get_mut(&self.key) else {
            return Poll::Ready(None);
        };
        match subscriber.news.pop() {
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
    /// The server need not go on telling what nobody hears. Nobody waits for its answer.
    fn drop(&mut self) {
        let key = self.key;
        // Its wakers are dropped when nothing is locked.
        let mut removed = None;
        match self.topic {
            Topic::Objects => {
                let less = |inner: &mut Inner| {
                    let before = inner.subscribers.mask();
                    removed = inner.subscribers.by_key.remove(&key);
                    let mask = inner.subscribers.mask();
                    if mask == before { Err(ClientError::NotConnected) } else { Ok(Subscribe { mask }) }
                };
                drop(self.connection.call_with::<Subscribe, _>(less, Kind::Plain, true));
            }
            Topic::Module(topic) => {
                let less = |inner: &mut Inner| {
                    let subscribers = &mut inner.subscribers;
                    removed = subscribers.by_key.remove(&key);
                    let ended = removed.as_ref().is_none_or(|subscriber| subscriber.ended);
                    if ended || subscribers.listens_to(topic.module) {
                        return Err(ClientError::NotConnected);
                    }
                    Ok(topic.command(false))
                };
                drop(self.connection.call_with::<Extension, _>(less, Kind::Plain, true));
            }
            Topic::OtherModule | Topic::Client => {
                removed = lock(&self.connection.inner).subscribers.by_key.remove(&key);
            }
        }
        drop(removed);
    }
}
