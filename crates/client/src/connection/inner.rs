//! All of a connection that changes, behind its lock.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use sealpulse_memory::Block;
use sealpulse_protocol::command::{Command, CreateUploadStreamReply, DeleteUploadStream};
use sealpulse_protocol::frame::SeekMode;
use sealpulse_protocol::tagstruct::TagstructError;
use sealpulse_protocol::{
    COMMANDS, CommandCode, ServerPacket, VERSION, decode_reply, decode_server_packet, encode_command,
};
use sealpulse_transport::{Incoming, Link, LinkCounters, LinkError};

use super::{State, Turn};
use crate::address::ServerAddress;
use crate::config::Config;
use crate::error::ClientError;
use crate::pending::{Kind, Pending};
use crate::reactor::{Reactor, Source};
use crate::streams::{Created, Streams};
use crate::subscribe::Subscribers;
use crate::wait::Wakers;

/// Bytes that may wait for a server that does not read: several of the largest samples. One that asks for ever more
/// sound shall not take all memory.
const QUEUED_MAX: usize = 64 << 20;

/// All that changes.
#[derive(Debug)]
pub(crate) struct Inner {
    reactor: Arc<Reactor>,
    token: u64,
    pub(crate) config: Arc<Config>,
    pub(crate) link: Option<Link>,
    pub(crate) state: State,
    /// Counts the changes of `state`.
    pub(crate) state_count: u64,
    pub(crate) state_wakers: Wakers,
    /// The version that was agreed on.
    pub(crate) version: u32,
    pub(crate) server: Option<ServerAddress>,
    pub(crate) client_index: Option<u32>,
    next_tag: u32,
    pub(super) pending: HashMap<u32, Pending>,
    pub(crate) streams: Streams,
    pub(crate) subscribers: Subscribers,
    /// The tag of the ring that the server offers.
    ring_offer: Option<u32>,
    watches_writable: bool,
    pub(crate) watches_ring: bool,
    pub(crate) last_counters: LinkCounters,
    /// Streams whose callbacks the reactor has to call.
    pub(super) callbacks: Vec<u64>,
}

impl Inner {
    pub(crate) fn new(reactor: Arc<Reactor>, token: u64, config: Arc<Config>) -> Inner {
        Inner {
            reactor,
            token,
            config,
            link: None,
            state: State::Connecting,
            state_count: 0,
            state_wakers: Wakers::default(),
            version: VERSION,
            server: None,
            client_index: None,
            next_tag: 0,
            pending: HashMap::new(),
            streams: Streams::default(),
            subscribers: Subscribers::default(),
            ring_offer: None,
            watches_writable: false,
            watches_ring: false,
            last_counters: LinkCounters::default(),
            callbacks: Vec::new(),
        }
    }

    pub(super) fn tag(&mut self) -> u32 {
        // Tags of the server's have the highest bit, or all.
        self.next_tag = (self.next_tag + 1) & 0x7fff_ffff;
        self.next_tag
    }

    pub(crate) fn check_version(&self, command: CommandCode) -> Result<(), ClientError> {
        let needs = COMMANDS.iter().find(|info| info.code == command).map_or(0, |info| info.since);
        if self.version < needs {
            return Err(ClientError::Unsupported { command, needs, version: self.version });
        }
        Ok(())
    }

    pub(crate) fn set_state(&mut self, state: State, turn: &mut Turn) {
        self.state = state;
        self.state_count += 1;
        self.state_wakers.take(&mut turn.wakers);
    }

    /// Starts over on a new socket.
    pub(crate) fn start(&mut self, link: Link, server: ServerAddress) -> Result<(), ClientError> {
        self.reactor
            .watch(self.token, Source::Socket, link.socket_fd())
            .map_err(|error| ClientError::Reactor(Arc::new(error)))?;
        self.link = Some(link);
        self.server = Some(server);
        self.version = VERSION;
        self.client_index = None;
        (self.ring_offer, self.watches_writable, self.watches_ring) = (None, false, false);
        Ok(())
    }

    /// Sends what is queued. True: there is more to do.
    pub(super) fn flush_or_fail(&mut self, turn: &mut Turn) -> bool {
        match self.flush() {
            Ok(busy) => busy,
            Err(error) => {
                self.fail(error, turn);
                false
            }
        }
    }

    fn flush(&mut self) -> Result<bool, ClientError> {
        let Some(link) = &mut self.link else { return Ok(false) };
        let reactor = |error| ClientError::Reactor(Arc::new(error));
        let writable = link.flush()?;
        let bytes = link.queued_bytes();
        if bytes > QUEUED_MAX {
            return Err(ClientError::NotRead { bytes });
        }
        if writable != self.watches_writable {
            self.reactor.watch_writable(self.token, link.socket_fd(), writable).map_err(reactor)?;
            self.watches_writable = writable;
        }
        let mut busy = false;
        if let (false, Some(fd)) = (self.watches_ring, link.ring_fd()) {
            self.reactor.watch(self.token, Source::Ring, fd).map_err(reactor)?;
            self.watches_ring = true;
            busy = true;
        }
        Ok(link.prepare_to_sleep() || busy)
    }

    pub(super) fn receive(&mut self, source: Option<Source>, turn: &mut Turn) -> bool {
        turn.callbacks.append(&mut self.callbacks);
        let received = self.take_in(turn, |link, incoming| match source {
            Some(Source::Socket) => link.receive(incoming).map(|()| false),
            Some(Source::Ring) => link.receive_ring(incoming),
            None => link.look_into_ring(incoming),
        });
        match received {
            Ok(more) => self.flush_or_fail(turn) || more,
            Err(error) => {
                self.fail(error, turn);
                false
            }
        }
    }

    /// Takes what is in the ring and sends what is queued, without getting ready to sleep. Whether there was
    /// something, and whether there is a ring at all.
    pub(crate) fn send_awake(&mut self, turn: &mut Turn) -> (bool, bool) {
        let came = self.glance(turn);
        if self.watches_ring
            && let Some(Err(error)) = self.link.as_mut().map(Link::flush)
        {
            self.fail(error.into(), turn);
        }
        (came, self.watches_ring)
    }

    /// Takes what is in the ring, without getting ready to sleep. True: there was something.
    pub(crate) fn glance(&mut self, turn: &mut Turn) -> bool {
        if !self.watches_ring {
            return false;
        }
        let mut came = false;
        let taken = self.take_in(turn, |link, incoming| {
            let more = link.look_into_ring(incoming);
            came = !incoming.is_empty();
            more
        });
        if let Err(error) = taken {
            self.fail(error, turn);
            return true;
        }
        came
    }

    fn take_in(
        &mut self,
        turn: &mut Turn,
        receive: impl FnOnce(&mut Link, &mut Vec<Incoming>) -> Result<bool, LinkError>,
    ) -> Result<bool, ClientError> {
        let Some(link) = &mut self.link else { return Ok(false) };
        let mut incoming = std::mem::take(&mut turn.incoming);
        let received = receive(link, &mut incoming);
        // What came before an error counts.
        let handled = incoming.drain(..).try_for_each(|item| self.handle(item, turn));
        turn.incoming = incoming;
        handled?;
        let more = received?;
        self.take_ring()?;
        Ok(more)
    }

    /// Takes a ring into use when all of it is there.
    fn take_ring(&mut self) -> Result<(), ClientError> {
        let (Some(tag), Some(link)) = (self.ring_offer, &mut self.link) else { return Ok(()) };
        if !link.ring_is_attached() {
            return Ok(());
        }
        self.ring_offer = None;
        let confirmation = sealpulse_protocol::command::EnableSrbchannel {};
        link.send_packet(encode_command(tag, &confirmation, self.version));
        Ok(link.switch_to_ring()?)
    }

    fn handle(&mut self, item: Incoming, turn: &mut Turn) -> Result<(), ClientError> {
        let (data, fds, credentials) = match item {
            Incoming::Packet { data, credentials, fds } => (data, fds, credentials),
            Incoming::Block { channel, offset, seek, payload } => {
                self.streams.recorded(channel, offset, seek, payload, turn);
                return Ok(());
            }
        };
        let handled = match decode_server_packet(&data, self.version)? {
            ServerPacket::Reply { tag, content } => {
                let uid = credentials.map(|credentials| credentials.uid);
                self.complete(tag, Ok((content, uid)), turn)
            }
            ServerPacket::Error { tag, code } => self.complete(tag, Err(code), turn),
            ServerPacket::Command { tag, command } => self.command(tag, command, fds, turn),
        };
        if let Some(link) = &mut self.link {
            link.reuse(data);
        }
        handled
    }

    fn command(
        &mut self,
        tag: u32,
        command: Command,
        fds: Vec<std::os::fd::OwnedFd>,
        turn: &mut Turn,
    ) -> Result<(), ClientError> {
        let Some(link) = &mut self.link else { return Ok(()) };
        match command {
            // A server that hears nothing of its offer goes on without.
            Command::EnableSrbchannel(_) if !self.config.ring => {}
            Command::EnableSrbchannel(_) => {
                self.ring_offer = Some(tag);
                link.attach_ring(fds)?;
            }
            Command::RegisterMemfdShmid(memfd) => link.register_memfd(memfd.shm_id, fds)?,
            Command::SubscribeEvent(event) => self.subscribers.event(event.event, event.index, turn),
            Command::Extension(extension) => self.subscribers.extension(extension, turn)?,
            Command::ClientEvent(event) => {
                self.subscribers.client_event(event.event.unwrap_or_default(), event.properties, turn);
            }
            command => self.streams.told(command, turn)?,
        }
        Ok(())
    }

    /// The answer to a command: its content and who sent it, or an error.
    fn complete(
        &mut self,
        tag: u32,
        answer: Result<(&[u8], Option<u32>), sealpulse_protocol::ErrorCode>,
        turn: &mut Turn,
    ) -> Result<(), ClientError> {
        let Some(pending) = self.pending.get(&tag).filter(|pending| pending.outcome.is_none()) else {
            // Of a command that has timed out.
            return Ok(());
        };
        let (command, kind, abandoned) = (pending.command, pending.kind, pending.abandoned);
        let outcome = match answer {
            Err(code) => Err(ClientError::Server { command, code }),
            Ok((content, uid)) => {
                let broken = |error| ClientError::Reply { command, error };
                match kind {
                    Kind::Plain => {}
                    Kind::Upload => {
                        let channel = upload_channel(content, self.version).map_err(broken)?;
                        if abandoned {
                            self.send_delete_upload(channel);
                        }
                    }
                    Kind::Authentication => self.authenticated(content, uid)?,
                    Kind::Create(key) => {
                        let playback = command == CommandCode::CreatePlaybackStream;
                        match self.streams.created(key, playback, content, self.version).map_err(broken)? {
                            Created::Ready => turn.callbacks.push(key),
                            Created::Orphan { channel } => self.send_delete(playback, channel),
                        }
                    }
                    Kind::Timing(key, asked) => {
                        self.streams.timed(key, content, asked, self.version).map_err(broken)?;
                    }
                }
                Ok(if abandoned { Vec::new() } else { content.to_vec() })
            }
        };
        if abandoned {
            self.pending.remove(&tag);
        } else if let Some(pending) = self.pending.get_mut(&tag) {
            pending.finish(outcome, &mut turn.wakers);
        }
        Ok(())
    }

    /// Nobody waits for an answer any more. The channel of an upload that was made for nobody.
    pub(super) fn abandon(&mut self, tag: u32, turn: &mut Turn) -> Option<u32> {
        let pending = self.pending.get_mut(&tag)?;
        if pending.outcome.is_none() {
            pending.abandoned = true;
            turn.drop_later(pending.waker.take());
            return None;
        }
        let pending = self.pending.remove(&tag)?;
        let content = pending.outcome?.ok().filter(|_| pending.kind == Kind::Upload)?;
        upload_channel(&content, self.version).ok()
    }

    /// Ends a stream, and tells the server if it knows it.
    pub(crate) fn delete_stream(&mut self, key: u64, turn: &mut Turn) {
        let Some(stream) = self.streams.remove(key) else { return };
        if let Some(channel) = stream.channel {
            self.send_delete(stream.playback, channel);
        }
        turn.drop_later(stream);
    }

    /// Ends a stream of which the handle stays.
    pub(crate) fn end_stream(
        &mut self,
        key: u64,
        reason: &ClientError,
        turn: &mut Turn,
    ) -> Result<(), ClientError> {
        let Some(stream) = self.streams.get(key) else { return Ok(()) };
        let (playback, channel) = (stream.playback, stream.channel);
        stream.end(reason, turn);
        if let Some(channel) = channel {
            self.streams.forget(playback, channel);
            self.send_delete(playback, channel);
        }
        Ok(())
    }

    /// Queues sound for a playback stream.
    pub(crate) fn write(
        &mut self,
        key: u64,
        block: Block,
        length: usize,
        seek: SeekMode,
        offset: i64,
    ) -> Result<(), ClientError> {
        let stream = self.streams.get(key).ok_or(ClientError::NotConnected)?;
        let channel = stream.live()?;
        // As libpulse and the server keep account: by what was written, and by relative seeks alone.
        let skipped = if seek == SeekMode::Relative { offset } else { 0 };
        let bytes = i64::try_from(length).unwrap_or(i64::MAX).saturating_add(skipped);
        stream.wanted = stream.wanted.saturating_sub(bytes);
        stream.written += length as u64;
        if seek != SeekMode::Relative || offset != 0 {
            stream.clock.jump();
        }
        let link = self.link.as_mut().ok_or(ClientError::NotConnected)?;
        link.send_block_at(channel, offset, seek, block, length);
        Ok(())
    }

    fn send_delete(&mut self, playback: bool, channel: u32) {
        use sealpulse_protocol::command::{DeletePlaybackStream, DeleteRecordStream};
        // Nobody waits for the answer, and it is ignored.
        let tag = self.tag();
        let Some(link) = &mut self.link else { return };
        link.send_packet(if playback {
            encode_command(tag, &DeletePlaybackStream { channel }, self.version)
        } else {
            encode_command(tag, &DeleteRecordStream { channel }, self.version)
        });
    }

    /// Gives an upload up.
    pub(super) fn send_delete_upload(&mut self, channel: u32) {
        let tag = self.tag();
        let Some(link) = &mut self.link else { return };
        link.send_packet(encode_command(tag, &DeleteUploadStream { channel }, self.version));
    }

    /// The other side of what wakes us may live on, and go on waking us: closing ours would not end the watch.
    pub(super) fn unwatch_ring(&mut self) {
        if let (true, Some(fd)) = (self.watches_ring, self.link.as_ref().and_then(Link::ring_fd)) {
            self.reactor.unwatch(fd);
            self.watches_ring = false;
        }
    }

    pub(crate) fn fail(&mut self, reason: ClientError, turn: &mut Turn) {
        self.unwatch_ring();
        if let Some(link) = self.link.take() {
            // The memory, and all blocks in it, went with the link.
            let (memory_mapped, blocks_used, blocks_lent, blocks_borrowed) = (0, 0, 0, 0);
            self.last_counters =
                LinkCounters { memory_mapped, blocks_used, blocks_lent, blocks_borrowed, ..link.counters() };
        }
        self.pending.retain(|_, pending| {
            if pending.outcome.is_none() {
                pending.finish(Err(reason.clone()), &mut turn.wakers);
            }
            !pending.abandoned
        });
        self.streams.end_all(&reason, turn);
        self.subscribers.end_all(turn);
        if !matches!(self.state, State::Failed { .. }) {
            self.set_state(State::Failed { reason }, turn);
        }
    }

    pub(super) fn expire(
        &mut self,
        now: Instant,
        after: std::time::Duration,
        turn: &mut Turn,
    ) -> Option<Instant> {
        let mut next = None;
        let mut late = false;
        self.pending.retain(|_, pending| match (pending.deadline, &pending.outcome) {
            (Some(deadline), None) if deadline <= now => {
                let command = pending.command;
                late |= pending.kind == Kind::Authentication;
                pending.finish(Err(ClientError::Timeout { command, after }), &mut turn.wakers);
                !pending.abandoned
            }
            (Some(deadline), None) => {
                next = next.into_iter().chain([deadline]).min();
                true
            }
            _ => true,
        });
        if late {
            self.fail(ClientError::Timeout { command: CommandCode::Auth, after }, turn);
        }
        next
    }
}

/// The channel that the server gave an upload.
fn upload_channel(content: &[u8], version: u32) -> Result<u32, TagstructError> {
    decode_reply::<CreateUploadStreamReply>(content, version).map(|reply| reply.channel)
}
