//! Sessions: one for each connection. What a client sends is decoded here, and handled by the command's own
//! [`Handle`] in the files beside.

mod auth;
mod cards;
mod control;
mod dispatch;
mod formats;
pub(crate) mod introspect;
mod modules;
mod object_message;
mod playback;
mod record;
mod samples;
mod stream;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Instant;

use sealpulse_protocol::{Facility, SubscriptionMask};
use sealpulse_transport::{Credentials, Link, TransportKind};
use slab::Slab;

use crate::access::Access;
use crate::registry::Upload;
use dispatch::{Caller, Handle, Handled, Outcome};
pub(crate) use formats::is_compatible as formats_meet;

/// Names a session for good: the place of one that has ended may be taken by another, which this does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SessionKey {
    slot: u32,
    /// The client's index, which is never used again.
    client: u32,
}

impl SessionKey {
    pub(crate) fn client(self) -> u32 {
        self.client
    }

    /// As a number for epoll.
    pub(crate) fn to_u64(self) -> u64 {
        u64::from(self.client) << 32 | u64::from(self.slot)
    }

    pub(crate) fn from_u64(value: u64) -> Self {
        Self { slot: value as u32, client: (value >> 32) as u32 }
    }
}

/// One connection.
pub(crate) struct Session {
    pub(crate) link: Link,
    pub(crate) client: u32,
    /// The listening socket that it came by.
    pub(crate) listener: usize,
    pub(crate) access: Rc<Access>,
    pub(crate) version: u32,
    pub(crate) authorized: bool,
    /// Who it is, as the kernel says.
    pub(crate) peer: Option<Credentials>,
    /// Until when it has to authenticate.
    pub(crate) auth_deadline: Option<Instant>,
    pub(crate) transport: TransportKind,
    pub(crate) ring: Ring,
    /// Sink inputs by the channel that the client knows them by.
    pub(crate) playback: BTreeMap<u32, u32>,
    /// Samples that it sends, by channel; playback streams share the numbers.
    pub(crate) uploads: BTreeMap<u32, Upload>,
    /// Source outputs by channel.
    pub(crate) record: BTreeMap<u32, u32>,
    next_playback_channel: u32,
    next_record_channel: u32,
    pub(crate) subscription: SubscriptionMask,
    /// Questions that wait for the sound threads.
    pub(crate) questions: usize,
    /// Has something to flush.
    pub(crate) dirty: bool,
    /// Waits for the socket to take more.
    pub(crate) wants_write: bool,
    /// Source outputs that get no blocks until the client reads what waits.
    pub(crate) starved: Vec<u32>,
    /// Blocks of its memory may come back from the engine.
    pub(crate) has_played: bool,
    /// Underruns of streams that have ended.
    pub(crate) past_underruns: u64,
}

/// How far the srbchannel is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ring {
    #[default]
    None,
    /// Offered; the client confirms with this tag.
    Offered { tag: u32 },
    /// Confirmed: in use as soon as the socket's queue is empty.
    Switching,
    /// In use, its eventfd watched. `awake` while it has to be looked at before sleep.
    Active { awake: bool },
}

impl Session {
    pub(crate) fn new(link: Link, client: u32, listener: usize, access: Rc<Access>) -> Self {
        let peer = link.peer();
        Self {
            link,
            client,
            listener,
            access,
            version: sealpulse_protocol::MIN_VERSION,
            authorized: false,
            peer,
            auth_deadline: None,
            transport: TransportKind::Socket,
            ring: Ring::None,
            playback: BTreeMap::new(),
            uploads: BTreeMap::new(),
            record: BTreeMap::new(),
            next_playback_channel: 0,
            next_record_channel: 0,
            subscription: SubscriptionMask::default(),
            questions: 0,
            dirty: false,
            wants_write: false,
            starved: Vec::new(),
            has_played: false,
            past_underruns: 0,
        }
    }

    /// The sink input on a channel.
    pub(crate) fn playback_index(&self, channel: u32) -> Option<u32> {
        self.playback.get(&channel).copied()
    }

    /// The source output on a channel.
    pub(crate) fn record_index(&self, channel: u32) -> Option<u32> {
        self.record.get(&channel).copied()
    }

    pub(crate) fn streams(&self) -> usize {
        self.playback.len() + self.uploads.len() + self.record.len()
    }

    fn add_playback(&mut self, index: u32) -> u32 {
        let channel = self.free_playback_channel();
        self.playback.insert(channel, index);
        self.has_played = true;
        channel
    }

    fn add_upload(&mut self, upload: Upload) -> u32 {
        let channel = self.free_playback_channel();
        self.uploads.insert(channel, upload);
        channel
    }

    fn free_playback_channel(&mut self) -> u32 {
        let (playback, uploads) = (&self.playback, &self.uploads);
        free_channel(&mut self.next_playback_channel, |channel| {
            playback.contains_key(channel) || uploads.contains_key(channel)
        })
    }

    fn add_record(&mut self, index: u32) -> u32 {
        let channel =
            free_channel(&mut self.next_record_channel, |channel| self.record.contains_key(channel));
        self.record.insert(channel, index);
        channel
    }
}

/// The next channel; the highest number is that of control packets.
fn free_channel(next: &mut u32, taken: impl Fn(&u32) -> bool) -> u32 {
    while *next == u32::MAX || taken(next) {
        *next = next.wrapping_add(1);
    }
    let channel = *next;
    *next = next.wrapping_add(1);
    channel
}

/// All sessions.
#[derive(Default)]
pub(crate) struct Sessions {
    slots: Slab<Session>,
    subscribed: usize,
}

impl Sessions {
    pub(crate) fn insert(&mut self, session: Session) -> SessionKey {
        let client = session.client;
        SessionKey { slot: self.slots.insert(session) as u32, client }
    }

    pub(crate) fn get(&self, key: SessionKey) -> Option<&Session> {
        self.slots.get(key.slot as usize).filter(|session| session.client == key.client)
    }

    pub(crate) fn get_mut(&mut self, key: SessionKey) -> Option<&mut Session> {
        self.slots.get_mut(key.slot as usize).filter(|session| session.client == key.client)
    }

    pub(crate) fn remove(&mut self, key: SessionKey) -> Option<Session> {
        self.get(key)?;
        let session = self.slots.try_remove(key.slot as usize)?;
        if session.subscription != SubscriptionMask::default() {
            self.subscribed -= 1;
        }
        Some(session)
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn keys(&self) -> Vec<SessionKey> {
        self.slots
            .iter()
            .map(|(slot, session)| SessionKey { slot: slot as u32, client: session.client })
            .collect()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Session> {
        self.slots.iter().map(|(_, session)| session)
    }

    /// The version that a client speaks; the oldest where it has gone.
    pub(crate) fn version(&self, key: SessionKey) -> u32 {
        self.get(key).map_or(sealpulse_protocol::MIN_VERSION, |session| session.version)
    }

    pub(crate) fn subscribe(&mut self, key: SessionKey, mask: SubscriptionMask) {
        let Some(session) = self.get_mut(key) else { return };
        let before = session.subscription != SubscriptionMask::default();
        session.subscription = mask;
        let after = mask != SubscriptionMask::default();
        self.subscribed = self.subscribed + usize::from(after) - usize::from(before);
    }

    /// Adds those who have played out of shared memory to the sessions that are to be flushed.
    pub(crate) fn mark_players(&mut self, dirty: &mut Vec<SessionKey>) {
        for (slot, session) in &mut self.slots {
            if session.has_played && session.transport != TransportKind::Socket && !session.dirty {
                session.dirty = true;
                dirty.push(SessionKey { slot: slot as u32, client: session.client });
            }
        }
    }

    pub(crate) fn any_subscribed(&self) -> bool {
        self.subscribed > 0
    }

    pub(crate) fn subscribed_to(&self, facility: Facility) -> Vec<SessionKey> {
        if self.subscribed == 0 {
            return Vec::new();
        }
        let wants = |session: &Session| session.subscription.wants(facility);
        let slots = self.slots.iter().filter(|(_, session)| wants(session));
        slots.map(|(slot, session)| SessionKey { slot: slot as u32, client: session.client }).collect()
    }
}
