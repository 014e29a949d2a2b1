//! Chunks: audio data as those see it who only read it.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{MemoryError, check_range};
use crate::mapping::RawRange;
use crate::pool::Slot;
use crate::segment::Segment;

/// A reference-counted readable range of audio data: in a peer's memory, in ours, or private.
///
/// Cloning and slicing never allocate, lock or make a system call. When the last chunk of a peer's block is
/// dropped, on any thread, its [`ImportTable`](crate::ImportTable) will say that the block can be released.
pub struct Chunk {
    range: RawRange,
    shared: Arc<Shared>,
}

/// What keeps the bytes of chunks where they are. The table of imported blocks uses it again for later blocks.
pub(crate) struct Shared {
    /// Chunks that refer to it. An import table's own reference does not count.
    chunks: AtomicUsize,
    keep: Keep,
}

enum Keep {
    Bytes {
        _bytes: Vec<u8>,
    },
    Slot {
        _slot: Slot,
    },
    Import {
        _segment: Arc<Segment>,
        /// How many blocks of the import table came back since it looked.
        returned: Arc<AtomicUsize>,
    },
}

impl Chunk {
    /// Takes private bytes.
    pub fn from_vec(mut bytes: Vec<u8>) -> Chunk {
        let range = RawRange::of_vec(&mut bytes);
        Chunk::new(range, Keep::Bytes { _bytes: bytes })
    }

    pub(crate) fn from_slot(slot: Slot, range: RawRange) -> Chunk {
        Chunk::new(range, Keep::Slot { _slot: slot })
    }

    fn new(range: RawRange, keep: Keep) -> Chunk {
        Chunk { range, shared: Arc::new(Shared { chunks: AtomicUsize::new(1), keep }) }
    }

    /// Bytes in the chunk.
    pub fn len(&self) -> usize {
        self.range.length()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it refers to a peer's memory, instead of to a private copy or memory of ours.
    pub fn is_imported(&self) -> bool {
        matches!(self.shared.keep, Keep::Import { .. })
    }

    /// A part of the chunk; none if the range does not lie within it.
    pub fn slice(&self, offset: usize, len: usize) -> Option<Chunk> {
        let range = self.range.part(offset, len).ok()?;
        let mut part = self.clone();
        part.range = range;
        Some(part)
    }

    /// The bytes, to be copied out by a mixer.
    pub fn samples(&self) -> Samples<'_> {
        Samples { range: self.range, chunk: PhantomData }
    }

    /// Copies bytes from `offset` on into `out`.
    ///
    /// # Errors
    /// [`MemoryError::OutOfBounds`].
    pub fn read_at(&self, offset: usize, out: &mut [u8]) -> Result<(), MemoryError> {
        self.samples().read_at(offset, out)
    }
}

impl Clone for Chunk {
    fn clone(&self) -> Chunk {
        self.shared.chunks.fetch_add(1, Ordering::Relaxed);
        Chunk { range: self.range, shared: Arc::clone(&self.shared) }
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        if self.shared.chunks.fetch_sub(1, Ordering::AcqRel) == 1
            && let Keep::Import { returned, .. } = &self.shared.keep
        {
            returned.fetch_add(1, Ordering::Release);
        }
    }
}

impl fmt::Debug for Chunk {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let memory = match self.shared.keep {
            Keep::Bytes { .. } => "private",
            Keep::Slot { .. } => "pool",
            Keep::Import { .. } => "imported",
        };
        write!(out, "Chunk({memory}, {} bytes)", self.len())
    }
}

impl Shared {
    /// Whether no chunk refers to it any more.
    pub(crate) fn is_free(&self) -> bool {
        self.chunks.load(Ordering::Acquire) == 0
    }

    /// The first chunk of an imported block, in a cell that has none, or in a new one.
    pub(crate) fn import(
        cell: Option<Arc<Shared>>,
        segment: &Arc<Segment>,
        range: RawRange,
        returned: &Arc<AtomicUsize>,
    ) -> (Arc<Shared>, Chunk) {
        let keep = Keep::Import { _segment: Arc::clone(segment), returned: Arc::clone(returned) };
        let fresh = Shared { chunks: AtomicUsize::new(1), keep };
        let cell = match cell {
            Some(mut cell) => match Arc::get_mut(&mut cell) {
                Some(free) => {
                    *free = fresh;
                    cell
                }
                // The thread that dropped the last chunk holds its reference for a moment more.
                None => Arc::new(fresh),
            },
            None => Arc::new(fresh),
        };
        let chunk = Chunk { range, shared: Arc::clone(&cell) };
        (cell, chunk)
    }
}

/// The bytes of a [`Chunk`], or other private ones, without a reference to them: they may change while they are looked at, so they
/// are only copied out. None of this allocates, locks or makes a system call.
#[derive(Clone, Copy)]
pub struct Samples<'a> {
    range: RawRange,
    chunk: PhantomData<&'a Chunk>,
}

impl<'a> Samples<'a> {
    /// Private bytes, for whoever mixes them as it mixes chunks.
    ///
    /// ```
    /// let mut out = [0; 2];
    /// assert!(sealpulse_memory::Samples::of(&[1, 2, 3]).copy_to(1, &mut out));
    /// assert_eq!(out, [2, 3]);
    /// ```
    pub fn of(bytes: &'a [u8]) -> Samples<'a> {
        Samples { range: RawRange::of_slice(bytes), chunk: PhantomData }
    }

    /// Bytes that there are.
    pub fn len(&self) -> usize {
        self.range.length()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A part of the bytes; none if the range does not lie within them.
    pub fn slice(&self, range: Range<usize>) -> Option<Samples<'a>> {
        let length = range.end.checked_sub(range.start)?;
        Some(Samples { range: self.range.part(range.start, length).ok()?, chunk: PhantomData })
    }

    /// Copies bytes from `offset` on into `out`. False, and `out` as it was, if there are not that many.
    #[must_use]
    pub fn copy_to(&self, offset: usize, out: &mut [u8]) -> bool {
        self.read_at(offset, out).is_ok()
    }

    /// As [`Samples::copy_to`].
    ///
    /// # Errors
    /// [`MemoryError::OutOfBounds`].
    pub fn read_at(&self, offset: usize, out: &mut [u8]) -> Result<(), MemoryError> {
        check_range(offset, out.len(), self.len())?;
        let part = self.range.part(offset, out.len())?;
        // SAFETY: what `self` borrows, a chunk mostly, keeps the memory of its range:
        // - bytes of a vector: it is neither changed nor dropped before the last chunk;
        // - bytes of a slice: they are borrowed for as long as `self` lives;
        // - a slot or an import: it holds the segment, whose mapping goes when the last holder does; it is
        //   a sealed memfd or private memory, whose pages are always there.
        unsafe { part.copy_out(out) };
        Ok(())
    }
}

impl fmt::Debug for Samples<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Samples({} bytes)", self.len())
    }
}
