//! Pools of slots of equal size, and the blocks that are written in them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use rustix::io::Errno;

use crate::chunk::Chunk;
use crate::error::{MemoryError, check_range};
use crate::segment::{Segment, SegmentKind};

/// Slots of equal size in one segment, for one peer. What is free is known in private memory alone.
#[derive(Debug)]
pub struct Pool {
    segment: Arc<Segment>,
    shm_id: u32,
    slot_size: usize,
    free: Arc<FreeSlots>,
}

impl Pool {
    /// Makes a segment of that kind with `slots` slots of `slot_size` bytes each. Pages are taken when a
    /// slot is first written.
    ///
    /// # Errors
    /// Those of [`Segment::create_memfd`] and its sisters.
    pub fn new(kind: SegmentKind, slot_size: usize, slots: usize) -> Result<Pool, MemoryError> {
        let length = slot_size.saturating_mul(slots);
        let (shm_id, segment) = match kind {
            SegmentKind::Memfd => (random_id()?, Segment::create_memfd(length)?),
            SegmentKind::Private => (0, Segment::create_private(length)?),
            SegmentKind::Posix => create_posix(length)?,
        };
        Ok(Pool { segment, shm_id, slot_size, free: Arc::new(FreeSlots::new(slots)) })
    }

    /// Takes a free slot. None: all are in use.
    pub fn take(&mut self) -> Option<Block> {
        let index = self.free.take()?;
        let slot = Slot {
            segment: Arc::clone(&self.segment),
            shm_id: self.shm_id,
            offset: index * self.slot_size,
            length: self.slot_size,
            index,
            free: Arc::clone(&self.free),
        };
        Some(Block(Memory::Slot(slot)))
    }

    /// What the slots lie in.
    pub fn segment(&self) -> &Arc<Segment> {
        &self.segment
    }

    /// What the segment is made of.
    pub fn kind(&self) -> SegmentKind {
        self.segment.kind()
    }

    /// Id by which a peer knows the segment; 0 for private memory.
    pub fn shm_id(&self) -> u32 {
        self.shm_id
    }

    /// Bytes in a slot.
    pub fn slot_size(&self) -> usize {
        self.slot_size
    }

    /// Slots that there are.
    pub fn slots(&self) -> usize {
        self.free.slots
    }

    /// Slots in use.
    pub fn used(&self) -> usize {
        self.free.used.load(Ordering::Acquire)
    }

    /// Slots that can be taken.
    pub fn free(&self) -> usize {
        self.slots() - self.used()
    }
}

fn random_id() -> Result<u32, MemoryError> {
    let mut id = [0; 4];
    rustix::rand::getrandom(&mut id[..], rustix::rand::GetRandomFlags::empty())
        .map_err(MemoryError::system("getrandom"))?;
    Ok(u32::from_ne_bytes(id))
}

fn create_posix(length: usize) -> Result<(u32, Arc<Segment>), MemoryError> {
    const TRIES: usize = 8;
    let mut tried = 1;
    loop {
        let id = random_id()?;
        match Segment::create_posix(id, length) {
            Err(MemoryError::System { errno: Errno::EXIST, .. }) if tried < TRIES => tried += 1,
            other => return Ok((id, other?)),
        }
    }
}

/// Which slots are free: a bit for each. A slot comes back from any thread without a lock.
#[derive(Debug)]
struct FreeSlots {
    bits: Box<[AtomicU64]>,
    slots: usize,
    used: AtomicUsize,
}

impl FreeSlots {
    fn new(slots: usize) -> FreeSlots {
        let bits = (0..slots.div_ceil(64))
            .map(|word| match slots - word * 64 {
                64.. => AtomicU64::new(u64::MAX),
                rest => AtomicU64::new((1 << rest) - 1),
            })
            .collect();
        FreeSlots { bits, slots, used: AtomicUsize::new(0) }
    }

    fn take(&self) -> Option<usize> {
        for (at, word) in self.bits.iter().enumerate() {
            let mut bits = word.load(Ordering::Relaxed);
            while bits != 0 {
                let bit = bits.trailing_zeros();
                let before = word.fetch_and(!(1 << bit), Ordering::Acquire);
                if before & (1 << bit) != 0 {
                    self.used.fetch_add(1, Ordering::Relaxed);
                    return Some(at * 64 + bit as usize);
                }
                bits = before & !(1 << bit);
            }
        }
        None
    }

    fn give_back(&self, index: usize) {
        if let Some(word) = self.bits.get(index / 64) {
            self.used.fetch_sub(1, Ordering::Relaxed);
            word.fetch_or(1 << (index % 64), Ordering::Release);
        }
    }
}

/// A slot in use.
pub(crate) struct Slot {
    pub(crate) segment: Arc<Segment>,
    pub(crate) shm_id: u32,
    pub(crate) offset: usize,
    length: usize,
    index: usize,
    free: Arc<FreeSlots>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.free.give_back(self.index);
    }
}

/// Memory that is being filled: a slot of a [`Pool`], which goes back when the block is dropped on whatever
/// thread, or private bytes.
pub struct Block(Memory);

enum Memory {
    Slot(Slot),
    Private(Vec<u8>),
}

impl Block {
    /// A block of `len` zeroed private bytes, for a peer that shares no memory.
    pub fn private(len: usize) -> Block {
        Block(Memory::Private(vec![0; len]))
    }

    /// Bytes that can be written.
    pub fn len(&self) -> usize {
        match &self.0 {
            Memory::Slot(slot) => slot.length,
            Memory::Private(bytes) => bytes.len(),
        }
    }

    /// Whether there is no room in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The segment that the block lies in; none for private bytes.
    pub fn segment(&self) -> Option<&Arc<Segment>> {
        match &self.0 {
            Memory::Slot(slot) => Some(&slot.segment),
            Memory::Private(_) => None,
        }
    }

    /// Id by which a peer knows the block's segment; none for private bytes.
    pub fn shm_id(&self) -> Option<u32> {
        match &self.0 {
            Memory::Slot(slot) if slot.segment.kind() != SegmentKind::Private => Some(slot.shm_id),
            _ => None,
        }
    }

    /// Where the block starts in its segment, in bytes; 0 for private bytes.
    pub fn offset(&self) -> usize {
        match &self.0 {
            Memory::Slot(slot) => slot.offset,
            Memory::Private(_) => 0,
        }
    }

    /// Writes `data` at `offset`. On a mapped segment and on private bytes this neither allocates, locks nor
    /// makes a system call.
    ///
    /// # Errors
    /// [`MemoryError::OutOfBounds`].
    pub fn write_at(&mut self, offset: usize, data: &[u8]) -> Result<(), MemoryError> {
        check_range(offset, data.len(), self.len())?;
        match &mut self.0 {
            Memory::Slot(slot) => slot.segment.write_at(slot.offset + offset, data),
            Memory::Private(bytes) => {
                bytes[offset..offset + data.len()].copy_from_slice(data);
                Ok(())
            }
        }
    }

    /// Copies bytes out again, as they are now: a peer that shares the block may have changed them.
    ///
    /// # Errors
    /// [`MemoryError::OutOfBounds`].
    pub fn read_at(&self, offset: usize, out: &mut [u8]) -> Result<(), MemoryError> {
        check_range(offset, out.len(), self.len())?;
        match &self.0 {
            Memory::Slot(slot) => slot.segment.read_at(slot.offset + offset, out),
            Memory::Private(bytes) => {
                out.copy_from_slice(&bytes[offset..offset + out.len()]);
                Ok(())
            }
        }
    }

    /// Makes the first `len` bytes readable and cheap to share. A slot stays in use until the last chunk is
    /// dropped; one that is not mapped is copied and given back.
    ///
    /// # Errors
    /// [`MemoryError::OutOfBounds`], and where a slot cannot be read.
    pub fn into_chunk(self, len: usize) -> Result<Chunk, MemoryError> {
        check_range(0, len, self.len())?;
        match self.0 {
            Memory::Slot(slot) => match slot.segment.range(slot.offset, len)? {
                Some(range) => Ok(Chunk::from_slot(slot, range)),
                None => {
                    let mut bytes = vec![0; len];
                    slot.segment.read_at(slot.offset, &mut bytes)?;
                    Ok(Chunk::from_vec(bytes))
                }
            },
            Memory::Private(mut bytes) => {
                bytes.truncate(len);
                Ok(Chunk::from_vec(bytes))
            }
        }
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Memory::Slot(slot) => {
                write!(out, "Block({} bytes at {} of {})", slot.length, slot.offset, slot.shm_id)
            }
            Memory::Private(bytes) => write!(out, "Block({} private bytes)", bytes.len()),
        }
    }
}
