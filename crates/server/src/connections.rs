//! Connections: how they are accepted, read, written and closed.

use std::fmt::Display;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use rustix::event::epoll::{self, EventData, EventFlags};
use sealpulse_protocol::{Facility, Operation, PropList};
use sealpulse_transport::{Link, LinkConfig};

use crate::access::Access;
use crate::listeners::Peer;
use crate::registry::Client;
use crate::session::introspect::PROTOCOL_DRIVER;
use crate::session::{Ring, Session, SessionKey};
use crate::state::State;
use crate::timers::Alarm;

/// What epoll calls the engine.
pub(crate) const ENGINE: u64 = u64::MAX;

/// What epoll calls the event loop of listening sockets and signals.
pub(crate) const LOOP: u64 = u64::MAX - 1;

/// Marks the ring of a session in what epoll calls it.
const RING_BIT: u64 = 1 << 31;

/// Bytes of a frame of a client that has not authenticated: AUTH has about 300, and what else it may send by then
/// is as small.
const UNKNOWN_FRAME_MAX: usize = 64 * 1024;

impl State {
    /// While nobody is connected the time runs after which the server ends.
    pub(crate) fn await_clients(&mut self) {
        if self.idle_exit.is_none()
            && self.registry.clients.len() == 0
            && let Some(time) = self.settings.exit_idle_time
        {
            self.idle_exit = Some(self.timers.set(time, Alarm::IdleExit));
        }
    }

    /// Does what was put off until now.
    pub(crate) fn ring_alarms(&mut self) {
        while let Some(alarm) = self.timers.due() {
            match alarm {
                Alarm::Authentication(key) => {
                    tracing::info!(client = key.client(), "no authentication in time");
                    self.close_session(key);
                }
                Alarm::Module(index) => {
                    self.with_module(index, |instance, state| instance.alarm(state, index));
                }
                Alarm::IdleExit => {
                    tracing::info!("nobody is connected: ending");
                    self.stopping = true;
                }
                Alarm::ModuleTtl(index) => self.ttl_is_over(index),
                Alarm::Sample(index) => self.unload_sample(index),
                Alarm::Accept(place) => self.resume_listener(place),
            }
        }
    }

    /// Starts a session with a client.
    pub(crate) fn open_session(&mut self, stream: OwnedFd, place: usize, peer: Peer, access: &Rc<Access>) {
        if self.sessions.len() >= self.settings.limits.clients {
            if self.warnings.allow() {
                tracing::warn!(limit = self.settings.limits.clients, "too many clients: connection refused");
            }
            return;
        }
        let mut link = match Link::new(stream, &LinkConfig::default()) {
            Ok(link) => link,
            Err(error) => return tracing::warn!(%error, "cannot use a connection"),
        };
        let known = access.anonymous
            || matches!((peer, &access.addresses), (Peer::Tcp(from), Some(acl)) if acl.contains(from.ip()));
        if !known {
            link.limit_frames(UNKNOWN_FRAME_MAX);
        }
        let client = self.registry.clients.reserve();
        let mut session = Session::new(link, client, place, Rc::clone(access));
        session.authorized = known;
        let pid = session.peer.map_or(0, |peer| peer.pid);
        let key = self.sessions.insert(session);
        let watched = match self.sessions.get(key) {
            Some(session) => epoll::add(
                &self.epoll,
                session.link.socket_fd(),
                EventData::new_u64(key.to_u64()),
                EventFlags::IN,
            ),
            None => return,
        };
        if let Err(error) = watched {
            tracing::warn!(%error, "cannot watch a connection");
            self.sessions.remove(key);
            return;
        }
        if !known {
            let at = self.timers.set(self.settings.limits.auth_timeout, Alarm::Authentication(key));
            if let Some(session) = self.sessions.get_mut(key) {
                session.auth_deadline = Some(at);
            }
        }
        let mut proplist = PropList::new();
        proplist.set_str("application.name", &format!("Native client ({peer})"));
        proplist.set_str("native-protocol.peer", &peer.to_string());
        let module = self.session_module(key);
        self.registry
            .clients
            .insert(client, Client { session: Some(key), driver: PROTOCOL_DRIVER, module, proplist });
        if let Some(at) = self.idle_exit.take() {
            self.timers.cancel(at, Alarm::IdleExit);
        }
        tracing::debug!(client, pid, "connected");
        self.post(Facility::Client, Operation::New, client);
    }

    /// Ends a session for what its client did.
    pub(crate) fn close_for(&mut self, key: SessionKey, reason: &dyn Display) {
        if self.warnings.allow() {
            let pid = self.sessions.get(key).and_then(|session| session.peer).map_or(0, |peer| peer.pid);
            tracing::warn!(client = key.client(), pid, "connection ended: {reason}");
        }
        self.close_session(key);
    }

    /// Ends a session and all that belongs to it.
    pub(crate) fn close_session(&mut self, key: SessionKey) {
        let Some(session) = self.sessions.remove(key) else { return };
        // The other side of a ring's eventfd may live on: closing ours would not end the watch.
        let _ = epoll::delete(&self.epoll, session.link.socket_fd());
        if let (Ring::Active { .. }, Some(ring)) = (session.ring, session.link.ring_fd()) {
            let _ = epoll::delete(&self.epoll, ring);
        }
        if let Some(at) = session.auth_deadline {
            self.timers.cancel(at, Alarm::Authentication(key));
        }
        for &output in session.record.values() {
            self.remove_source_output(output);
        }
        for &input in session.playback.values() {
            self.remove_sink_input(input);
        }
        self.registry.clients.remove(key.client());
        self.unload_with_client(key);
        self.await_clients();
        tracing::debug!(client = key.client(), "disconnected");
        self.post(Facility::Client, Operation::Remove, key.client());
        if !self.sessions.any_subscribed() {
            self.events.clear();
        }
    }

    /// Something happened to a session's socket or ring.
    pub(crate) fn session_ready(&mut self, data: u64, flags: EventFlags) {
        let key = SessionKey::from_u64(data & !RING_BIT);
        if data & RING_BIT != 0 {
            return self.ring_ready(key);
        }
        if flags.contains(EventFlags::OUT) {
            self.mark_dirty(key);
        }
        if !flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR | EventFlags::RDHUP) {
            return;
        }
        let mut incoming = std::mem::take(&mut self.incoming);
        let Some(session) = self.sessions.get_mut(key) else { return };
        let result = session.link.receive(&mut incoming);
        self.handle_incoming(key, &mut incoming);
        self.incoming = incoming;
        if let Err(error) = result {
            self.link_failed(key, &error);
        } else {
            self.wake_ring(key);
        }
    }

    fn link_failed(&mut self, key: SessionKey, error: &sealpulse_transport::LinkError) {
        match error {
            sealpulse_transport::LinkError::Closed => self.close_session(key),
            error => self.close_for(key, error),
        }
    }

    fn ring_ready(&mut self, key: SessionKey) {
        let mut incoming = std::mem::take(&mut self.incoming);
        let Some(session) = self.sessions.get_mut(key) else { return };
        let result = session.link.receive_ring(&mut incoming);
        self.after_ring(key, result, incoming);
    }

    /// Looks into a ring before sleep; whether there was something to do. If not, its client wakes us.
    pub(crate) fn look_into_ring(&mut self, key: SessionKey) -> bool {
        let Some(session) = self.sessions.get_mut(key) else { return false };
        session.ring = Ring::Active { awake: false };
        if !session.link.prepare_to_sleep() {
            return false;
        }
        let mut incoming = std::mem::take(&mut self.incoming);
        let Some(session) = self.sessions.get_mut(key) else { return false };
        let result = session.link.look_into_ring(&mut incoming);
        self.after_ring(key, result, incoming);
        true
    }

    fn after_ring(
        &mut self,
        key: SessionKey,
        result: Result<bool, sealpulse_transport::LinkError>,
        mut incoming: Vec<sealpulse_transport::Incoming>,
    ) {
        self.handle_incoming(key, &mut incoming);
        self.incoming = incoming;
        match result {
            Ok(_) => {
                self.wake_ring(key);
                // There may be room now for what waits.
                self.mark_dirty(key);
            }
            Err(error) => self.link_failed(key, &error),
        }
    }

    /// The ring is looked at again before sleep.
    fn wake_ring(&mut self, key: SessionKey) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        if session.ring == (Ring::Active { awake: false }) {
            session.ring = Ring::Active { awake: true };
            self.awake_rings.push(key);
        }
    }

    /// Sends what is queued, as far as the client takes it.
    pub(crate) fn flush(&mut self, key: SessionKey) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        session.dirty = false;
        let pending = match session.link.flush() {
            Ok(pending) => pending,
            Err(error) => return self.link_failed(key, &error),
        };
        let queued = session.link.queued_bytes();
        if queued > self.settings.limits.queued_bytes {
            let limit = self.settings.limits.queued_bytes;
            return self.close_for(key, &format_args!("it does not read: {queued} bytes wait, {limit} may"));
        }
        let starved = !session.starved.is_empty();
        if pending != session.wants_write {
            session.wants_write = pending;
            let interest = if pending { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
            let data = EventData::new_u64(key.to_u64());
            if let Err(error) = epoll::modify(&self.epoll, session.link.socket_fd(), data, interest) {
                return self.close_for(key, &error);
            }
        }
        if let (Ring::Switching, Some(ring)) = (session.ring, session.link.ring_fd()) {
            let data = EventData::new_u64(key.to_u64() | RING_BIT);
            if let Err(error) = epoll::add(&self.epoll, ring, data, EventFlags::IN) {
                return self.close_for(key, &error);
            }
            session.ring = Ring::Active { awake: true };
            self.awake_rings.push(key);
        } else if matches!(session.ring, Ring::Active { .. }) && queued > 0 {
            // The ring is full: say so to the client before we sleep.
            self.wake_ring(key);
        }
        if starved {
            self.supply_starved(key);
        }
    }
}
