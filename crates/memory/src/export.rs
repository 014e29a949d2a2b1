//! What we let a peer see: the blocks that it was told of and did not release yet.

use crate::error::MemoryError;
use crate::pool::Block;
use crate::segment::SegmentKind;

/// Blocks that a peer may hold at once. PulseAudio's client can import 160 (`PA_MEMIMPORT_SLOTS_MAX`).
pub const EXPORT_BLOCKS_MAX: usize = 128;

/// A block as the peer is told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportedRef {
    /// What the segment is made of.
    pub kind: SegmentKind,
    /// Our id of the block, which the peer will release.
    pub block_id: u32,
    /// Our id of the segment.
    pub shm_id: u32,
    /// First byte in the segment.
    pub offset: u32,
    /// Bytes of the block.
    pub length: u32,
}

/// Why a block was not exported, and the block.
#[derive(Debug)]
pub struct ExportRefused {
    /// The block, as it was.
    pub block: Block,
    /// What was in the way.
    pub reason: MemoryError,
}

/// The blocks that one peer holds.
#[derive(Debug)]
pub struct ExportTable {
    entries: Vec<Entry>,
    free: Vec<usize>,
}

/// A place in the table. Its id changes each time it is used, so that a peer which releases a block twice
/// does not release another.
#[derive(Debug)]
struct Entry {
    block_id: u32,
    held: Held,
}

#[derive(Debug)]
enum Held {
    Nothing,
    Block(#[expect(dead_code, reason = "held so that its slot stays in use")] Block),
    /// Memory that stays ours whatever the peer releases.
    Pinned,
}

impl Default for ExportTable {
    fn default() -> ExportTable {
        ExportTable::new()
    }
}

impl ExportTable {
    /// An empty table.
    pub fn new() -> ExportTable {
        ExportTable { entries: Vec::new(), free: Vec::new() }
    }

    /// Keeps `block` in use until the peer releases it, and says how to refer to its first `len` bytes.
    ///
    /// # Errors
    /// The block comes back with [`MemoryError::TooManyBlocks`], [`MemoryError::NotShareable`] or
    /// [`MemoryError::OutOfBounds`].
    pub fn put(&mut self, block: Block, len: usize) -> Result<ExportedRef, Box<ExportRefused>> {
        match self.refer(&block, len) {
            Ok((index, exported)) => {
                self.entries[index].held = Held::Block(block);
                Ok(exported)
            }
            Err(reason) => Err(Box::new(ExportRefused { block, reason })),
        }
    }

    /// As [`ExportTable::put`] for a block that stays in use whether or not the peer releases it: the ring of
    /// a srbchannel.
    ///
    /// # Errors
    /// As [`ExportTable::put`].
    pub fn put_pinned(&mut self, block: &Block, len: usize) -> Result<ExportedRef, MemoryError> {
        let (index, exported) = self.refer(block, len)?;
        self.entries[index].held = Held::Pinned;
        Ok(exported)
    }

    fn refer(&mut self, block: &Block, len: usize) -> Result<(usize, ExportedRef), MemoryError> {
        crate::error::check_range(0, len, block.len())?;
        let (Some(shm_id), Some(segment)) = (block.shm_id(), block.segment()) else {
            return Err(MemoryError::NotShareable);
        };
        let out_of_reach =
            MemoryError::OutOfBounds { offset: block.offset(), length: len, limit: u32::MAX as usize };
        let offset = u32::try_from(block.offset()).map_err(|_| out_of_reach)?;
        let length = u32::try_from(len).map_err(|_| out_of_reach)?;
        let index = match self.free.pop() {
            Some(index) => index,
            None if self.entries.len() < EXPORT_BLOCKS_MAX => {
                let block_id = self.entries.len() as u32;
                self.entries.push(Entry { block_id, held: Held::Nothing });
                self.entries.len() - 1
            }
            None => return Err(MemoryError::TooManyBlocks { limit: EXPORT_BLOCKS_MAX }),
        };
        let block_id = self.entries[index].block_id;
        Ok((index, ExportedRef { kind: segment.kind(), block_id, shm_id, offset, length }))
    }

    /// The peer no longer uses a block: it is dropped.
    ///
    /// # Errors
    /// [`MemoryError::UnknownBlock`] for an id that the peer does not hold.
    pub fn release(&mut self, block_id: u32) -> Result<(), MemoryError> {
        let index = block_id as usize % EXPORT_BLOCKS_MAX;
        match self.entries.get_mut(index) {
            Some(entry) if entry.block_id == block_id && !matches!(entry.held, Held::Nothing) => {
                entry.held = Held::Nothing;
                entry.block_id = block_id.wrapping_add(EXPORT_BLOCKS_MAX as u32);
                self.free.push(index);
                Ok(())
            }
            _ => Err(MemoryError::UnknownBlock { block_id }),
        }
    }

    /// Blocks that the peer holds.
    pub fn in_use(&self) -> usize {
        self.entries.len() - self.free.len()
    }
}
