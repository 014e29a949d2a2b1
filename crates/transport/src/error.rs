//! Why a link ends.

use std::io;

use sealpulse_memory::MemoryError;
use sealpulse_protocol::frame::FrameError;

/// What ends a link. None of these is of interest to any other peer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The peer closed the connection between two frames.
    #[error("connection closed")]
    Closed,
    /// The peer closed the connection within a frame.
    #[error("connection closed within a frame, {missing} bytes before its end")]
    ClosedInFrame {
        /// Bytes of the frame, as far as it is known, that did not come.
        missing: usize,
    },
    /// A frame's descriptor breaks the rules.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A frame is longer than is allowed yet.
    #[error("frame of {length} bytes; {limit} are allowed until the peer is known")]
    FrameTooLong {
        /// Bytes that the frame was to have.
        length: usize,
        /// What [`Link::limit_frames`](crate::Link::limit_frames) allows.
        limit: usize,
    },
    /// Ancillary data was cut off: the process is out of file descriptors, or the peer sent too much of it.
    #[error("ancillary data is incomplete")]
    AncillaryTruncated,
    /// The peer sent more descriptors with one packet than any packet has.
    #[error("{count} descriptors with one packet, at most {limit} are allowed")]
    TooManyDescriptors {
        /// Descriptors that came.
        count: usize,
        /// Descriptors that a packet may have.
        limit: usize,
    },
    /// A command needs another number of descriptors.
    #[error("{count} descriptors instead of {expected}")]
    DescriptorCount {
        /// Descriptors that came with it.
        count: usize,
        /// Descriptors that it needs.
        expected: usize,
    },
    /// Something that needs a transport which was not agreed on.
    #[error("the link has no shared memory for this")]
    NotShared,
    /// There is a ring already, or none where one is needed.
    #[error("the ring is not in a state for this")]
    RingState,
    /// The ring's header describes no ring that fits in its block.
    #[error("ring of {capacity} bytes at {read} and {write} does not fit in {length} bytes")]
    RingLayout {
        /// Bytes of each direction.
        capacity: u32,
        /// Start of what its maker reads.
        read: u32,
        /// Start of what its maker writes.
        write: u32,
        /// Bytes of the block.
        length: usize,
    },
    /// Memory that was offered cannot be used.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The socket failed.
    #[error("socket: {0}")]
    Io(#[from] io::Error),
}
