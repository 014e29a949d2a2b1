//! All that the control thread owns, and how it reaches clients.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use calloop::LoopHandle;
use rustix::event::epoll;
use sealpulse_engine::{Engine, Event, PlaybackId, RecordId};
use sealpulse_protocol::command::SubscribeEvent;
use sealpulse_protocol::frame::FRAME_SIZE_MAX;
use sealpulse_protocol::{
    ErrorCode, Facility, Field, NO_TAG, Operation, Packet, SubscriptionEvent, encode_command_into,
    encode_error, encode_reply,
};
use sealpulse_spec::{ChannelMap, SampleSpec};
use sealpulse_transport::Incoming;

use crate::activation::Passed;
use crate::config::Limits;
use crate::cookie::Cookie;
use crate::listeners::Listener;
use crate::log_control::LogControl;
use crate::queries::Queries;
use crate::registry::{Owner, Registry};
use crate::session::{SessionKey, Sessions};
use crate::sound_file::OpenSoundFile;
use crate::store::Writer;
use crate::subscribe::{Event as Change, EventQueue, SERVER_INDEX};
use crate::timers::Timers;
use crate::warn::RateLimit;

/// What stays of the configuration while the server runs.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) default_spec: SampleSpec,
    pub(crate) default_map: ChannelMap,
    pub(crate) alternate_rate: u32,
    pub(crate) allow_exit: bool,
    pub(crate) allow_module_loading: bool,
    /// The group whose members are let in by sockets that do not say.
    pub(crate) auth_group: Option<u32>,
    pub(crate) exit_idle_time: Option<Duration>,
    pub(crate) limits: Limits,
    pub(crate) open_sound_file: Option<OpenSoundFile>,
    pub(crate) log: Option<Box<dyn LogControl>>,
    pub(crate) sample_idle_time: Duration,
    /// Where modules keep what outlives the server.
    pub(crate) state_directory: Option<PathBuf>,
}

/// The one state of the event loop.
pub(crate) struct State {
    pub(crate) settings: Settings,
    pub(crate) cookie: Option<Rc<Cookie>>,
    /// Tells servers apart in the server's information.
    pub(crate) server_cookie: u32,
    pub(crate) handle: LoopHandle<'static, State>,
    /// Watches the clients' sockets and rings, the engine, and the loop of what is rarely ready.
    pub(crate) epoll: OwnedFd,
    pub(crate) timers: Timers,
    pub(crate) writer: Writer,
    pub(crate) engine: Engine,
    pub(crate) registry: Registry,
    pub(crate) sessions: Sessions,
    /// By place in the configuration; `None` when its module was unloaded.
    pub(crate) listeners: Vec<Option<Listener>>,
    pub(crate) passed: Passed,
    pub(crate) playback_streams: HashMap<PlaybackId, u32>,
    pub(crate) record_streams: HashMap<RecordId, u32>,
    /// Streams that clients do not see, and the modules that feed or empty them.
    pub(crate) module_playback: HashMap<PlaybackId, u32>,
    /// The same.
    pub(crate) module_record: HashMap<RecordId, u32>,
    pub(crate) queries: Queries,
    /// Sound files that threads decode just now.
    pub(crate) files_decoding: usize,
    pub(crate) events: EventQueue,
    /// What modules have not been told of yet.
    pub(crate) changes: Vec<Change>,
    /// When the server ends unless somebody connects.
    pub(crate) idle_exit: Option<Instant>,
    /// Modules that want to know.
    pub(crate) listening_modules: Vec<u32>,
    /// Modules to unload at the end of the turn.
    pub(crate) unloading: Vec<u32>,
    /// Sessions that have something to send.
    pub(crate) dirty: Vec<SessionKey>,
    /// Sessions whose ring must be looked at before sleep.
    pub(crate) awake_rings: Vec<SessionKey>,
    /// Something is left to do at once: do not sleep.
    pub(crate) busy: bool,
    /// The start is over: what comes from now on comes while people use the server.
    pub(crate) running: bool,
    /// Somebody asked for the end.
    pub(crate) stopping: bool,
    /// How often this thread woke.
    pub(crate) wakeups: u64,
    /// Whether this thread has real-time priority.
    pub(crate) realtime: bool,
    pub(crate) warnings: RateLimit,
    /// Kept between turns for its memory.
    pub(crate) incoming: Vec<Incoming>,
    /// The same.
    pub(crate) ready_events: Vec<epoll::Event>,
    /// The same.
    pub(crate) engine_events: Vec<Event>,
}

impl State {
    /// Tells subscribers, at the end of the turn, that something happened.
    pub(crate) fn post(&mut self, facility: Facility, operation: Operation, index: u32) {
        if self.sessions.any_subscribed() {
            self.events.post(facility, operation, index);
        }
        if !self.listening_modules.is_empty() {
            self.changes.push(Change { facility, operation, index });
        }
    }

    /// Sends what nobody asked for to a client that speaks version `since` or later.
    pub(crate) fn notify<P: Packet>(&mut self, session: SessionKey, since: u32, packet: &P) {
        let Some(session_state) = self.sessions.get_mut(session) else { return };
        if session_state.version >= since {
            let buffer = session_state.link.packet_buffer();
            let packet = encode_command_into(buffer, NO_TAG, packet, session_state.version);
            session_state.link.send_packet(packet);
            self.mark_dirty(session);
        }
    }

    /// The same to the client whose stream it is about, if it is one's.
    pub(crate) fn notify_owner<P: Packet>(
        &mut self,
        owner: Owner,
        since: u32,
        packet: impl FnOnce(u32) -> P,
    ) {
        if let Some((session, channel)) = owner.client() {
            self.notify(session, since, &packet(channel));
        }
    }

    /// Answers a command.
    pub(crate) fn reply<R: Field>(&mut self, session: SessionKey, tag: u32, reply: &R) {
        let Some(session_state) = self.sessions.get_mut(session) else { return };
        let packet = encode_reply(tag, reply, session_state.version);
        if packet.len() > FRAME_SIZE_MAX as usize {
            // A list of everything, after many clients filled their properties.
            return self.refuse(session, tag, ErrorCode::TooLarge);
        }
        session_state.link.send_packet(packet);
        self.mark_dirty(session);
    }

    /// Says that a command failed.
    pub(crate) fn refuse(&mut self, session: SessionKey, tag: u32, error: ErrorCode) {
        let Some(session_state) = self.sessions.get_mut(session) else { return };
        session_state.link.send_packet(encode_error(tag, error));
        self.mark_dirty(session);
    }

    /// The session is flushed at the end of the turn.
    pub(crate) fn mark_dirty(&mut self, session: SessionKey) {
        let Some(session_state) = self.sessions.get_mut(session) else { return };
        if !std::mem::replace(&mut session_state.dirty, true) {
            self.dirty.push(session);
        }
    }

    /// Tells clients, with the next flush, which of their blocks were played.
    pub(crate) fn flush_players(&mut self) {
        self.sessions.mark_players(&mut self.dirty);
    }

    /// Sends this turn's events to those who subscribed.
    pub(crate) fn send_events(&mut self) {
        while let Some(event) = self.events.pop() {
            let packet = SubscribeEvent {
                event: SubscriptionEvent::new(event.facility, event.operation),
                index: (event.index != SERVER_INDEX).then_some(event.index),
            };
            for session in self.sessions.subscribed_to(event.facility) {
                self.notify(session, 8, &packet);
            }
        }
    }
}
