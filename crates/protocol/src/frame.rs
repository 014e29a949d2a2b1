//! Frames: what goes over a socket or a ring. Each begins with a [`Descriptor`] of five big-endian words;
//! what follows is a packet, audio data, or a [`BlockReference`] to shared memory.
//!
//! ```
//! use sealpulse_protocol::frame::{Descriptor, FrameKind, SeekMode};
//! let sent = Descriptor::block(7, 0, SeekMode::Relative, 4096).encode();
//! let kind = Descriptor::decode(&sent).kind(false)?;
//! assert_eq!(kind, FrameKind::Block { channel: 7, offset: 0, seek: SeekMode::Relative, length: 4096 });
//! # Ok::<(), sealpulse_protocol::frame::FrameError>(())
//! ```

use thiserror::Error;

/// The channel of a control packet; every other channel carries a stream's audio.
pub const CONTROL_CHANNEL: u32 = u32::MAX;

/// Longest payload of one frame in bytes (16 MiB).
pub const FRAME_SIZE_MAX: u32 = 16 * 1024 * 1024;

/// The bits of [`Descriptor::flags`].
pub mod flags {
    /// The payload is a [`BlockReference`](super::BlockReference).
    pub const SHM_DATA: u32 = 0x8000_0000;
    /// With [`SHM_DATA`]: the block lies in a registered memfd, not in a POSIX segment.
    pub const MEMFD_BLOCK: u32 = 0x2000_0000;
    /// With [`SHM_DATA`]: both sides may write to the block (the ring of a srbchannel).
    pub const SHM_WRITABLE: u32 = 0x0080_0000;
    /// The whole word of a release frame: the receiver of a block no longer uses it.
    pub const SHM_RELEASE: u32 = 0x4000_0000;
    /// The whole word of a revoke frame: the owner of a block wants it back.
    pub const SHM_REVOKE: u32 = 0xC000_0000;
    /// All bits that stand for shared memory.
    pub const SHM_MASK: u32 = 0xFF00_0000;
    /// Where the seek mode is.
    pub const SEEK_MASK: u32 = 0x0000_00FF;
}

/// What the offset of a block is relative to (`pa_seek_mode_t`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SeekMode {
    /// The write index.
    #[default]
    Relative = 0,
    /// The start of the stream's queue.
    Absolute = 1,
    /// The read index.
    RelativeOnRead = 2,
    /// The end of what is queued.
    RelativeEnd = 3,
}

impl SeekMode {
    /// The mode with this wire value.
    pub fn from_wire(value: u32) -> Option<Self> {
        Some(match value {
            0 => Self::Relative,
            1 => Self::Absolute,
            2 => Self::RelativeOnRead,
            3 => Self::RelativeEnd,
            _ => return None,
        })
    }

    /// The value on the wire.
    pub fn to_wire(self) -> u32 {
        self as u32
    }
}

/// The head of a frame, as it stands on the wire. [`Descriptor::kind`] checks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Descriptor {
    /// Bytes that follow.
    pub length: u32,
    /// Stream, or [`CONTROL_CHANNEL`].
    pub channel: u32,
    /// Bytes to seek; its upper half is the block id in release and revoke frames.
    pub offset: i64,
    /// See [`flags`].
    pub flags: u32,
}

/// A checked [`Descriptor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameKind {
    /// A tagstruct of `length` bytes follows.
    Packet {
        /// 1 to [`FRAME_SIZE_MAX`] bytes.
        length: u32,
    },
    /// `length` bytes of audio follow.
    Block {
        /// The stream.
        channel: u32,
        /// Bytes to seek before the block is written.
        offset: i64,
        /// What `offset` is relative to.
        seek: SeekMode,
        /// 1 to [`FRAME_SIZE_MAX`] bytes.
        length: u32,
    },
    /// A [`BlockReference`] follows.
    Reference {
        /// The stream.
        channel: u32,
        /// Bytes to seek before the block is written.
        offset: i64,
        /// What `offset` is relative to.
        seek: SeekMode,
        /// The block is in a registered memfd.
        memfd: bool,
        /// Both sides may write to the block.
        writable: bool,
    },
    /// The peer no longer uses a block of ours. Nothing follows.
    Release {
        /// The id under which we exported it.
        block_id: u32,
    },
    /// The peer wants a block of its own back. Nothing follows.
    Revoke {
        /// The id under which the peer exported it.
        block_id: u32,
    },
}

/// What makes a descriptor unacceptable; each ends the connection, as in PulseAudio.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum FrameError {
    /// A shared memory flag where shared memory was not agreed on.
    #[error("shared memory frame (flags {flags:#010x}) on a connection without shared memory")]
    SharedMemoryDisabled {
        /// The descriptor's flags.
        flags: u32,
    },
    /// No payload, or one above [`FRAME_SIZE_MAX`].
    #[error("frame of {length} bytes; 1 to {FRAME_SIZE_MAX} are allowed")]
    Length {
        /// The descriptor's length.
        length: u32,
    },
    /// A control packet with flags.
    #[error("control packet with flags {flags:#010x}")]
    PacketFlags {
        /// The descriptor's flags.
        flags: u32,
    },
    /// A seek mode that does not exist.
    #[error("block with seek mode {mode}")]
    SeekMode {
        /// The value on the wire.
        mode: u32,
    },
    /// A block reference whose payload is not [`BlockReference::SIZE`] long.
    #[error("block reference of {length} bytes; it has 16")]
    ReferenceLength {
        /// The descriptor's length.
        length: u32,
    },
    /// Shared memory flags that mean nothing.
    #[error("block with flags {flags:#010x}")]
    BlockFlags {
        /// The descriptor's flags.
        flags: u32,
    },
}

impl Descriptor {
    /// Bytes of a descriptor on the wire.
    pub const SIZE: usize = 20;

    /// For a control packet of `length` bytes.
    pub fn packet(length: u32) -> Self {
        Self { length, channel: CONTROL_CHANNEL, offset: 0, flags: 0 }
    }

    /// For `length` bytes of audio that follow inline.
    pub fn block(channel: u32, offset: i64, seek: SeekMode, length: u32) -> Self {
        Self { length, channel, offset, flags: seek.to_wire() }
    }

    /// For a [`BlockReference`] that follows.
    pub fn reference(channel: u32, offset: i64, seek: SeekMode, memfd: bool, writable: bool) -> Self {
        let mut flags = flags::SHM_DATA | seek.to_wire();
        if memfd {
            flags |= flags::MEMFD_BLOCK;
        }
        if writable {
            flags |= flags::SHM_WRITABLE;
        }
        Self { length: BlockReference::SIZE as u32, channel, offset, flags }
    }

    /// For telling the owner of a block that it is no longer used.
    pub fn release(block_id: u32) -> Self {
        Self { length: 0, channel: CONTROL_CHANNEL, offset: id_offset(block_id), flags: flags::SHM_RELEASE }
    }

    /// For asking a block back.
    pub fn revoke(block_id: u32) -> Self {
        Self { length: 0, channel: CONTROL_CHANNEL, offset: id_offset(block_id), flags: flags::SHM_REVOKE }
    }

    /// The bytes on the wire.
    pub fn encode(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[0..4].copy_from_slice(&self.length.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.channel.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.offset.to_be_bytes());
        bytes[16..20].copy_from_slice(&self.flags.to_be_bytes());
        bytes
    }

    /// Takes the five words apart. Every value can be taken apart; [`Self::kind`] says what it means.
    pub fn decode(bytes: &[u8; Self::SIZE]) -> Self {
        let offset_high = u64::from(word(bytes, 2));
        let offset = (offset_high << 32) | u64::from(word(bytes, 3));
        Self { length: word(bytes, 0), channel: word(bytes, 1), offset: offset as i64, flags: word(bytes, 4) }
    }

    /// What the frame is, or why it is none. `shared_memory` says whether this connection agreed on it.
    pub fn kind(&self, shared_memory: bool) -> Result<FrameKind, FrameError> {
        let Self { length, channel, offset, flags } = *self;
        if !shared_memory && flags & flags::SHM_MASK != 0 {
            return Err(FrameError::SharedMemoryDisabled { flags });
        }
        let block_id = (offset as u64 >> 32) as u32;
        match flags {
            flags::SHM_RELEASE => return Ok(FrameKind::Release { block_id }),
            flags::SHM_REVOKE => return Ok(FrameKind::Revoke { block_id }),
            _ => {}
        }
        if length == 0 || length > FRAME_SIZE_MAX {
            return Err(FrameError::Length { length });
        }
        if channel == CONTROL_CHANNEL {
            return if flags == 0 {
                Ok(FrameKind::Packet { length })
            } else {
                Err(FrameError::PacketFlags { flags })
            };
        }
        let mode = flags & flags::SEEK_MASK;
        let seek = SeekMode::from_wire(mode).ok_or(FrameError::SeekMode { mode })?;
        if flags & flags::SHM_DATA != 0 {
            if length != BlockReference::SIZE as u32 {
                return Err(FrameError::ReferenceLength { length });
            }
            let memfd = flags & flags::MEMFD_BLOCK != 0;
            let writable = flags & flags::SHM_WRITABLE != 0;
            Ok(FrameKind::Reference { channel, offset, seek, memfd, writable })
        } else if flags & flags::SHM_MASK == 0 {
            Ok(FrameKind::Block { channel, offset, seek, length })
        } else {
            Err(FrameError::BlockFlags { flags })
        }
    }
}

/// A range of shared memory that holds audio. Nothing here is checked against what is mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlockReference {
    /// Id by which the block is released and revoked; chosen by its owner.
    pub block_id: u32,
    /// The segment.
    pub shm_id: u32,
    /// First byte of the block in the segment.
    pub offset: u32,
    /// Bytes of the block.
    pub length: u32,
}

impl BlockReference {
    /// Bytes of a reference on the wire.
    pub const SIZE: usize = 16;

    /// The bytes on the wire.
    pub fn encode(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[0..4].copy_from_slice(&self.block_id.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.shm_id.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.offset.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.length.to_be_bytes());
        bytes
    }

    /// Takes the four words apart.
    pub fn decode(bytes: &[u8; Self::SIZE]) -> Self {
        Self {
            block_id: word(bytes, 0),
            shm_id: word(bytes, 1),
            offset: word(bytes, 2),
            length: word(bytes, 3),
        }
    }
}

/// Big-endian word number `index` of an array that has it.
fn word<const N: usize>(bytes: &[u8; N], index: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[index * 4..][..4]);
    u32::from_be_bytes(word)
}

fn id_offset(block_id: u32) -> i64 {
    (u64::from(block_id) << 32) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_memfd_reference_has_libpulses_words() {
        let bytes = Descriptor::reference(3, -2, SeekMode::RelativeEnd, true, false).encode();
        assert_eq!(bytes[0..8], [0, 0, 0, 16, 0, 0, 0, 3]);
        assert_eq!(bytes[8..16], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe]);
        assert_eq!(bytes[16..20], [0xa0, 0, 0, 3]);
    }

    #[test]
    fn the_rules_of_frames_hold() {
        let shm = |flags, length, channel| Descriptor { length, channel, offset: 0, flags }.kind(true);
        assert_eq!(shm(0, 0, 1), Err(FrameError::Length { length: 0 }));
        assert_eq!(shm(0, FRAME_SIZE_MAX + 1, 1), Err(FrameError::Length { length: FRAME_SIZE_MAX + 1 }));
        assert_eq!(shm(1, 9, CONTROL_CHANNEL), Err(FrameError::PacketFlags { flags: 1 }));
        assert_eq!(shm(4, 9, 1), Err(FrameError::SeekMode { mode: 4 }));
        assert_eq!(shm(flags::SHM_DATA, 15, 1), Err(FrameError::ReferenceLength { length: 15 }));
        assert_eq!(shm(flags::MEMFD_BLOCK, 16, 1), Err(FrameError::BlockFlags { flags: flags::MEMFD_BLOCK }));
        for descriptor in [
            Descriptor::release(1),
            Descriptor::revoke(1),
            Descriptor::reference(1, 0, SeekMode::Relative, false, false),
        ] {
            let flags = descriptor.flags;
            assert_eq!(descriptor.kind(false), Err(FrameError::SharedMemoryDisabled { flags }));
        }
        assert_eq!(Descriptor::release(9).kind(true), Ok(FrameKind::Release { block_id: 9 }));
        assert_eq!(Descriptor::revoke(u32::MAX).kind(true), Ok(FrameKind::Revoke { block_id: u32::MAX }));
    }

    proptest! {
        #[test]
        fn any_words_survive_and_are_judged(bytes in any::<[u8; 20]>(), shared_memory: bool) {
            let descriptor = Descriptor::decode(&bytes);
            prop_assert_eq!(descriptor.encode(), bytes);
            let _ = descriptor.kind(shared_memory);
        }

        #[test]
        fn references_survive(bytes in any::<[u8; 16]>()) {
            prop_assert_eq!(BlockReference::decode(&bytes).encode(), bytes);
        }
    }
}
