//! What a link is set up with, and what comes out of it.

use std::os::fd::OwnedFd;

use sealpulse_memory::{Chunk, ImportLimits};
use sealpulse_protocol::frame::SeekMode;

use crate::socket::Credentials;

/// How block data travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransportKind {
    /// In the frames, through the socket.
    Socket,
    /// By reference to POSIX shared memory.
    PosixShm,
    /// By reference to memfds that were registered.
    Memfd,
}

/// Which end a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Trusts nothing, offers rings.
    Server,
    /// Lets the server write where rings are, and is offered them.
    Client,
}

/// How a link is set up.
#[derive(Debug, Clone, Copy)]
pub struct LinkConfig {
    /// Which end it is.
    pub side: Side,
    /// How much of the peer's memory is mapped and kept track of.
    pub limits: ImportLimits,
    /// Bytes of a slot of the pool for what we send; at least a page, a multiple of 8.
    pub slot_size: usize,
    /// Slots of that pool, one of which a ring takes. Memory is taken when a slot is first used.
    pub slots: usize,
}

impl Default for LinkConfig {
    /// A server's, with 32 slots of 64 KiB, the largest block that PulseAudio sends.
    fn default() -> LinkConfig {
        LinkConfig { side: Side::Server, limits: ImportLimits::default(), slot_size: 64 * 1024, slots: 32 }
    }
}

/// What came in.
#[derive(Debug)]
pub enum Incoming {
    /// A control packet: a tagstruct.
    Packet {
        /// Its bytes.
        data: Vec<u8>,
        /// Who sent it, if it came over a UNIX socket.
        credentials: Option<Credentials>,
        /// At most two descriptors that came with it. Whoever does not take them closes them by dropping this.
        fds: Vec<OwnedFd>,
    },
    /// Audio data for a stream.
    Block {
        /// Stream, as the sender numbers them.
        channel: u32,
        /// Bytes to seek before the data is written.
        offset: i64,
        /// What `offset` is relative to.
        seek: SeekMode,
        /// The data.
        payload: Payload,
    },
}

/// Audio data as it came in.
#[derive(Debug, Clone)]
pub enum Payload {
    /// The data, in the peer's memory or in ours.
    Chunk(Chunk),
    /// A reference to memory that cannot be reached. It counts as a hole, as in PulseAudio.
    Lost {
        /// Bytes that the peer said there are: any number.
        length: u32,
    },
}

/// What went through a link so far, and what it costs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LinkCounters {
    /// Bytes of audio data in either direction that were only referred to.
    pub bytes_referenced: u64,
    /// Bytes of audio data in either direction that were copied: inline, or out of memory that is not mapped.
    pub bytes_copied: u64,
    /// Bytes of address space that the link's segments take, in both directions.
    pub memory_mapped: u64,
    /// Whether the peer has memory registered and all of it is sealed.
    pub sealed: bool,
    /// Blocks of our pool that are not free: being filled, on their way, or in the peer's hands. A ring that was
    /// offered is one of them.
    pub blocks_used: u32,
    /// Blocks that the peer was told of and has not released yet.
    pub blocks_lent: u32,
    /// Blocks of the peer's that we were told of and have not released yet. What nobody here uses any more is released
    /// with the next that is sent.
    pub blocks_borrowed: u32,
}

/// What the peer needs to use a ring.
#[derive(Debug)]
pub struct RingOffer {
    /// The descriptors to send with `ENABLE_SRBCHANNEL`, in this order.
    pub fds: Vec<OwnedFd>,
}
