//! Authentication, shared memory and the srbchannel.

use std::os::fd::OwnedFd;

use sealpulse_protocol::command::{Auth, AuthReply, EnableSrbchannel, RegisterMemfdShmid};
use sealpulse_protocol::frame::FRAME_SIZE_MAX;
use sealpulse_protocol::{
    ErrorCode, MIN_VERSION, NO_TAG, VERSION, VersionWord, encode_command, encode_reply,
};
use sealpulse_transport::{Credentials, TransportKind};

use super::{Caller, Ring, SessionKey};
use crate::access::is_in_group;
use crate::state::State;
use crate::timers::Alarm;

/// The oldest version with shared memory.
const SHM_SINCE: u32 = 10;
/// From here on the client says whether it wants shared memory.
const SHM_FLAG_SINCE: u32 = 13;
/// The oldest version with the srbchannel.
const SRBCHANNEL_SINCE: u32 = 30;
/// The oldest version whose memfds work everywhere: those of 31 break in 32-bit clients on 64-bit kernels.
const MEMFD_SINCE: u32 = 32;

/// What is agreed on with a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Negotiated {
    /// What the server says that it can do.
    pub(super) offer: VersionWord,
    /// What is used.
    pub(super) transport: TransportKind,
}

/// Shared memory is for clients of our own user alone: its segments are as private as the user's files.
pub(super) fn negotiate(client: VersionWord, same_user: bool) -> Negotiated {
    let shm = same_user && client.version >= SHM_SINCE && (client.shm || client.version < SHM_FLAG_SINCE);
    let memfd = shm && client.version >= MEMFD_SINCE;
    let transport = match (shm, memfd && client.memfd) {
        (false, _) => TransportKind::Socket,
        (true, false) => TransportKind::PosixShm,
        (true, true) => TransportKind::Memfd,
    };
    Negotiated { offer: VersionWord { version: VERSION, shm, memfd }, transport }
}

impl State {
    pub(super) fn authenticate(&mut self, caller: Caller, auth: &Auth, credentials: Option<Credentials>) {
        let Caller { session: key, tag, .. } = caller;
        let version = auth.version.version;
        if version < MIN_VERSION {
            return self.refuse(key, tag, ErrorCode::Version);
        }
        let Some(session) = self.sessions.get_mut(key) else { return };
        session.version = version.min(VERSION);
        // Without a process they say nothing: it was not asked for when the packet was sent. Then who connected
        // counts.
        let credentials = credentials.filter(|sender| sender.pid != 0 || session.peer.is_none());
        session.peer = credentials.or(session.peer);
        let own = rustix::process::getuid().as_raw();
        let same_user = session.peer.is_some_and(|peer| peer.uid == own);
        let first = !session.authorized || session.transport == TransportKind::Socket;
        let known = session.authorized
            || same_user
            || session.access.cookie.as_ref().is_some_and(|cookie| cookie.matches(&auth.cookie.0))
            || session
                .access
                .group
                .is_some_and(|group| session.peer.is_some_and(|peer| is_in_group(peer.uid, peer.gid, group)));
        if let Some(client) = self.registry.clients.get_mut(key.client()) {
            client.proplist.set_str("native-protocol.version", &version.to_string());
        }
        if !known {
            if self.warnings.allow() {
                tracing::warn!(
                    client = key.client(),
                    "access denied: neither the user nor the cookie is right"
                );
            }
            return self.refuse(key, tag, ErrorCode::Access);
        }
        session.authorized = true;
        session.link.limit_frames(FRAME_SIZE_MAX as usize);
        if let Some(at) = session.auth_deadline.take() {
            self.timers.cancel(at, Alarm::Authentication(key));
        }
        let negotiated = negotiate(auth.version, same_user);
        tracing::debug!(client = key.client(), version, ?negotiated, "authenticated");
        let reply = encode_reply(tag, &AuthReply { version: negotiated.offer }, session.version);
        // The client uses shared memory only with a server of its own user, which this tells it.
        session.link.send_packet_with_credentials(reply);
        // A second AUTH changes nothing about the memory that is shared.
        if first && negotiated.transport != TransportKind::Socket {
            session.transport = negotiated.transport;
            session.link.enable(negotiated.transport);
            self.share_memory(key);
        }
        self.mark_dirty(key);
    }

    /// Offers the srbchannel, and announces our segments. Only after the reply to AUTH: the client looks at no
    /// memfd before that.
    fn share_memory(&mut self, key: SessionKey) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let version = session.version;
        // All segments go out before the ring is in use: a packet with descriptors takes the socket, and what
        // follows it in the ring could overtake it.
        let pools = match session.link.pools_to_register() {
            Ok(pools) => pools,
            Err(error) => return tracing::warn!(client = key.client(), %error, "no memory to share"),
        };
        for (shm_id, fd) in pools {
            let packet = encode_command(NO_TAG, &RegisterMemfdShmid { shm_id }, version);
            session.link.send_packet_with_fds(packet, vec![fd]);
        }
        if version < SRBCHANNEL_SINCE || !session.access.srbchannel {
            return;
        }
        let offer = match session.link.offer_ring() {
            Ok(offer) => offer,
            Err(error) => return tracing::warn!(client = key.client(), %error, "no srbchannel"),
        };
        let tag = key.client() & 0x7fff_ffff;
        let packet = encode_command(tag, &EnableSrbchannel {}, version);
        session.link.send_packet_with_fds(packet, offer.fds);
        if let Err(error) = session.link.send_ring_block() {
            return self.close_for(key, &error);
        }
        session.ring = Ring::Offered { tag };
    }

    /// The client has switched to the ring.
    pub(super) fn ring_confirmed(&mut self, key: SessionKey, tag: u32) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        if session.ring != (Ring::Offered { tag }) {
            return self.close_for(key, &"a srbchannel that was not offered");
        }
        session.ring = Ring::Switching;
        match session.link.switch_to_ring() {
            Ok(()) => self.mark_dirty(key),
            Err(error) => self.close_for(key, &error),
        }
    }

    pub(super) fn register_memfd(&mut self, key: SessionKey, shm_id: u32, fds: Vec<OwnedFd>) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        if let Err(error) = session.link.register_memfd(shm_id, fds) {
            self.close_for(key, &error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(version: u32, shm: bool, memfd: bool) -> VersionWord {
        VersionWord { version, shm, memfd }
    }

    #[test]
    fn shared_memory_is_for_our_own_user() {
        let other = negotiate(word(35, true, true), false);
        assert_eq!((other.offer, other.transport), (word(35, false, false), TransportKind::Socket));
        let own = negotiate(word(35, true, true), true);
        assert_eq!((own.offer, own.transport), (word(35, true, true), TransportKind::Memfd));
    }

    #[test]
    fn each_version_gets_what_it_can() {
        let transports = [
            (word(8, false, false), TransportKind::Socket),
            (word(10, false, false), TransportKind::PosixShm),
            (word(13, false, false), TransportKind::Socket),
            (word(13, true, false), TransportKind::PosixShm),
            (word(31, true, true), TransportKind::PosixShm),
            (word(32, true, false), TransportKind::PosixShm),
            (word(32, true, true), TransportKind::Memfd),
        ];
        for (client, transport) in transports {
            assert_eq!(negotiate(client, true).transport, transport, "{client:?}");
        }
        assert!(!negotiate(word(31, true, true), true).offer.memfd);
        assert!(negotiate(word(32, true, false), true).offer.memfd);
    }
}
