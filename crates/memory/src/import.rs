//! What a peer lets us see: its segments by id, and the blocks of them that are in flight.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::chunk::{Chunk, Shared};
use crate::error::{MemoryError, check_range};
use crate::segment::{Segment, SegmentKind};

/// How much one peer may make us map and keep track of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportLimits {
    /// Bytes of one segment.
    pub max_segment: usize,
    /// Bytes of all segments together.
    pub max_total: usize,
    /// Segments.
    pub max_segments: usize,
    /// Blocks in flight.
    pub max_blocks: usize,
    /// Bytes that are copied out of memory that is not mapped, between two calls of
    /// [`ImportTable::take_released`]: a reference costs the peer nothing, the copy costs us.
    pub max_copied: usize,
}

impl Default for ImportLimits {
    /// Room for four of libpulse's default pools, with PulseAudio's own limits of segments and blocks, and for
    /// copying all that libpulse can have in flight.
    fn default() -> ImportLimits {
        ImportLimits {
            max_segment: 256 << 20,
            max_total: 256 << 20,
            max_segments: 16,
            max_blocks: 160,
            max_copied: 8 << 20,
        }
    }
}

/// The segments and blocks of one peer.
#[derive(Debug)]
pub struct ImportTable {
    limits: ImportLimits,
    segments: HashMap<u32, Arc<Segment>>,
    bytes: usize,
    blocks: HashMap<u32, Arc<Shared>>,
    /// Cells of released blocks, to be used again.
    cells: Vec<Arc<Shared>>,
    /// Blocks whose last chunk was dropped since [`ImportTable::take_released`] looked.
    returned: Arc<AtomicUsize>,
    /// Blocks that were copied on arrival and are the peer's again.
    copied: Vec<u32>,
    copied_bytes: usize,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(if self.is_free() { "free" } else { "in use" })
    }
}

impl ImportTable {
    /// An empty table.
    pub fn new(limits: ImportLimits) -> ImportTable {
        ImportTable {
            limits,
            segments: HashMap::new(),
            bytes: 0,
            blocks: HashMap::new(),
            cells: Vec::new(),
            returned: Arc::new(AtomicUsize::new(0)),
            copied: Vec::new(),
            copied_bytes: 0,
        }
    }

    /// What the peer may do.
    pub fn limits(&self) -> &ImportLimits {
        &self.limits
    }

    /// Adds a segment under the peer's id for it.
    ///
    /// # Errors
    /// [`MemoryError::SegmentExists`], [`MemoryError::TooManySegments`], [`MemoryError::TooMuchMapped`].
    pub fn register(&mut self, shm_id: u32, segment: Arc<Segment>) -> Result<(), MemoryError> {
        if self.segments.contains_key(&shm_id) {
            return Err(MemoryError::SegmentExists { shm_id });
        }
        if self.segments.len() >= self.limits.max_segments {
            return Err(MemoryError::TooManySegments { limit: self.limits.max_segments });
        }
        let bytes = self.bytes.saturating_add(segment.len());
        if bytes > self.limits.max_total {
            return Err(MemoryError::TooMuchMapped { bytes, limit: self.limits.max_total });
        }
        self.bytes = bytes;
        self.segments.insert(shm_id, segment);
        Ok(())
    }

    /// The segment with that id.
    pub fn segment(&self, shm_id: u32) -> Option<&Arc<Segment>> {
        self.segments.get(&shm_id)
    }

    /// All segments.
    pub fn segments(&self) -> impl Iterator<Item = &Arc<Segment>> {
        self.segments.values()
    }

    /// The chunk that a peer's block reference means. Of a segment that is not mapped the bytes are copied
    /// now, and the block is the peer's again at once.
    ///
    /// # Errors
    /// [`MemoryError::UnknownSegment`], also where it is of another kind than the peer says;
    /// [`MemoryError::OutOfBounds`], [`MemoryError::BlockInUse`], [`MemoryError::TooManyBlocks`],
    /// [`MemoryError::TooMuchCopied`];
    /// [`MemoryError::Shrunk`] where the bytes are gone. Nothing is in flight then.
    pub fn get(
        &mut self,
        kind: SegmentKind,
        block_id: u32,
        shm_id: u32,
        offset: usize,
        len: usize,
    ) -> Result<Chunk, MemoryError> {
        let segment = match self.segments.get(&shm_id) {
            Some(segment) if segment.kind() == kind => segment,
            _ => return Err(MemoryError::UnknownSegment { shm_id }),
        };
        check_range(offset, len, segment.len())?;
        if self.blocks.contains_key(&block_id) {
            return Err(MemoryError::BlockInUse { block_id });
        }
        if self.blocks.len() + self.copied.len() >= self.limits.max_blocks {
            return Err(MemoryError::TooManyBlocks { limit: self.limits.max_blocks });
        }
        let Some(range) = segment.range(offset, len)? else {
            let copied = self.copied_bytes.saturating_add(len);
            if copied > self.limits.max_copied {
                return Err(MemoryError::TooMuchCopied { bytes: copied, limit: self.limits.max_copied });
            }
            self.copied_bytes = copied;
            let mut bytes = vec![0; len];
            segment.read_at(offset, &mut bytes)?;
            self.copied.push(block_id);
            return Ok(Chunk::from_vec(bytes));
        };
        let (cell, chunk) = Shared::import(self.cells.pop(), segment, range, &self.returned);
        self.blocks.insert(block_id, cell);
        Ok(chunk)
    }

    /// The peer wants a block back and takes it: it need not be released any more. Chunks of it stay
    /// readable; what they read is the peer's affair.
    ///
    /// # Errors
    /// [`MemoryError::UnknownBlock`].
    pub fn revoke(&mut self, block_id: u32) -> Result<(), MemoryError> {
        match self.blocks.remove(&block_id) {
            Some(_) => Ok(()),
            None => Err(MemoryError::UnknownBlock { block_id }),
        }
    }

    /// Appends the ids of blocks that nobody uses any more, to be told to the peer.
    pub fn take_released(&mut self, out: &mut Vec<u32>) {
        out.append(&mut self.copied);
        self.copied_bytes = 0;
        if self.returned.swap(0, Ordering::Acquire) == 0 {
            return;
        }
        let (cells, spare) = (&mut self.cells, self.limits.max_blocks);
        self.blocks.retain(|&block_id, cell| {
            if !cell.is_free() {
                return true;
            }
            out.push(block_id);
            if cells.len() < spare {
                cells.push(Arc::clone(cell));
            }
            false
        });
    }

    /// Blocks in flight.
    pub fn in_use(&self) -> usize {
        self.blocks.len()
    }

    /// Bytes of address space that the peer's segments take.
    pub fn mapped_bytes(&self) -> usize {
        self.segments.values().map(|segment| segment.mapped_bytes()).sum()
    }

    /// Whether there is a segment and every one is sealed.
    pub fn is_sealed(&self) -> bool {
        !self.segments.is_empty() && self.segments.values().all(|segment| segment.is_sealed())
    }
}
