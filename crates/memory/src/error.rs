//! What can go wrong with memory, with the numbers that were wrong.

use rustix::io::Errno;

/// Why memory could not be made, shared, mapped or reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// A range does not lie within what it refers to.
    #[error("range {offset}+{length} lies outside of {limit} bytes")]
    OutOfBounds {
        /// First byte of the range.
        offset: usize,
        /// Bytes in the range.
        length: usize,
        /// Bytes that there are.
        limit: usize,
    },
    /// A word that is shared with a peer does not start at a multiple of four.
    #[error("word at {offset} is not aligned to 4")]
    Misaligned {
        /// Where the word was asked for.
        offset: usize,
    },
    /// The segment belongs to the peer, or was opened for reading.
    #[error("segment is read-only")]
    ReadOnly,
    /// A size of 0, or above what may be mapped or imported.
    #[error("size {size} is not within 1..={limit}")]
    BadSize {
        /// Bytes asked for, or found.
        size: u64,
        /// Most bytes allowed.
        limit: usize,
    },
    /// The descriptor is not a memfd: the kernel knows no seals for it.
    #[error("descriptor is not a memfd")]
    NotMemfd,
    /// The file is not in tmpfs, so seals do not keep its pages in place (hugetlbfs).
    #[error("file system {magic:#x} is not tmpfs")]
    NotTmpfs {
        /// `statfs`'s magic number.
        magic: u64,
    },
    /// Our own memory could not be sealed.
    #[error("seals {seals:#x} are not in force")]
    NotSealed {
        /// The seals that are in force.
        seals: u32,
    },
    /// Memory of a POSIX segment is gone: its owner made it smaller.
    #[error("segment ends before {offset}+{length}")]
    Shrunk {
        /// First byte of the access.
        offset: usize,
        /// Bytes of the access.
        length: usize,
    },
    /// Words of this segment outside of the one page that holds the ring's words.
    #[error("word at {offset} is outside of the page of words")]
    WordOutOfReach {
        /// Where the word was asked for.
        offset: usize,
    },
    /// A segment of that id is registered already.
    #[error("segment {shm_id} is registered already")]
    SegmentExists {
        /// The peer's id of the segment.
        shm_id: u32,
    },
    /// No segment of that id and kind is registered.
    #[error("segment {shm_id} is not registered")]
    UnknownSegment {
        /// The peer's id of the segment.
        shm_id: u32,
    },
    /// The peer registered as many segments as it may.
    #[error("more than {limit} segments")]
    TooManySegments {
        /// Segments that a peer may register.
        limit: usize,
    },
    /// The peer's segments are larger than they may be together.
    #[error("{bytes} bytes of segments, {limit} are allowed")]
    TooMuchMapped {
        /// Bytes that would be registered.
        bytes: usize,
        /// Bytes that a peer may register.
        limit: usize,
    },
    /// As many blocks as allowed are in flight.
    #[error("more than {limit} blocks in flight")]
    TooManyBlocks {
        /// Blocks that may be in flight.
        limit: usize,
    },
    /// The peer refers to more memory that has to be copied than it may at a time.
    #[error("{bytes} bytes to copy at a time, {limit} are allowed")]
    TooMuchCopied {
        /// Bytes that would be copied.
        bytes: usize,
        /// Bytes that may be.
        limit: usize,
    },
    /// The peer referred to a block that it had sent before and that was not released yet.
    #[error("block {block_id} is in use")]
    BlockInUse {
        /// The peer's id of the block.
        block_id: u32,
    },
    /// No block of that id is in flight.
    #[error("block {block_id} is not in flight")]
    UnknownBlock {
        /// Id of the block.
        block_id: u32,
    },
    /// The block is private memory, so that there is nothing a peer could refer to.
    #[error("block is private memory")]
    NotShareable,
    /// A system call failed.
    #[error("{call}: {errno}")]
    System {
        /// The system call.
        call: &'static str,
        /// What it answered.
        errno: Errno,
    },
}

impl MemoryError {
    pub(crate) fn system(call: &'static str) -> impl FnOnce(Errno) -> MemoryError {
        move |errno| MemoryError::System { call, errno }
    }
}

/// Checks that `offset..offset + length` lies within `limit` bytes.
pub(crate) fn check_range(offset: usize, length: usize, limit: usize) -> Result<(), MemoryError> {
    match offset.checked_add(length) {
        Some(end) if end <= limit => Ok(()),
        _ => Err(MemoryError::OutOfBounds { offset, length, limit }),
    }
}
