//! Shared and private memory of sealpulse: segments, seals, pools, blocks, export and import tables.
//! The only crate that maps memory. It knows nothing of sockets, protocols or audio.
//!
//! Much of this memory is written by a peer while we look at it. Three laws follow, and the whole crate keeps
//! them:
//!
//! 1. **No reference to shared bytes.** No `&[u8]` or `&mut [u8]` to memory that a peer can write is ever made.
//!    Bytes are copied out and in by volatile accesses ([`Samples`], [`Segment::read_at`], [`Block::write_at`]).
//!    Words that both sides change are atomics ([`Segment::load`], [`Segment::fetch_add`]).
//! 2. **Nothing is mapped that can go away.** Only private memory and memfds sealed against shrinking are mapped,
//!    so that no access raises SIGBUS and nobody needs a handler for it. What cannot be sealed is read by `pread`.
//! 3. **Shared memory holds samples, never bookkeeping.** Lengths, offsets, reference counts and free lists are
//!    in private memory. What a peer says of its memory is checked against them before use.
//!
//! A [`Block`] is written once, in a slot of a [`Pool`], and sent by way of an [`ExportTable`]. What a peer sends
//! is looked up in an [`ImportTable`] and read as a [`Chunk`]. Chunks and blocks can be used on a sound thread:
//! nothing that it does with them allocates, locks or makes a system call; their last owner should be elsewhere,
//! since dropping may free memory.
//!
//! ```
//! use sealpulse_memory::{ExportTable, ImportLimits, ImportTable, Pool, Segment, SegmentKind};
//!
//! // One side: a pool, and a block of it.
//! let mut pool = Pool::new(SegmentKind::Memfd, 64 * 1024, 16)?;
//! let mut exports = ExportTable::new();
//! let mut block = pool.take().expect("a new pool has free slots");
//! block.write_at(0, b"samples")?;
//! let sent = exports.put(block, 7).map_err(|refused| refused.reason)?;
//!
//! // The other side: it gets the descriptor once and references from then on.
//! let limits = ImportLimits::default();
//! let fd = pool.segment().fd().expect("a memfd").try_clone_to_owned()?;
//! let mut imports = ImportTable::new(limits);
//! imports.register(sent.shm_id, Segment::import_memfd(fd, &limits)?)?;
//! let (offset, length) = (sent.offset as usize, sent.length as usize);
//! let chunk = imports.get(sent.kind, sent.block_id, sent.shm_id, offset, length)?;
//! let mut samples = [0; 7];
//! assert!(chunk.samples().copy_to(0, &mut samples));
//! assert_eq!(&samples, b"samples");
//!
//! // When the last chunk is gone, the block goes back to its owner.
//! drop(chunk);
//! let mut released = Vec::new();
//! imports.take_released(&mut released);
//! assert_eq!(released, [sent.block_id]);
//! exports.release(sent.block_id)?;
//! assert_eq!(pool.used(), 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod chunk;
mod error;
mod export;
mod import;
mod mapping;
mod pool;
mod posix;
mod seal;
mod segment;
mod words;

pub use chunk::{Chunk, Samples};
pub use error::MemoryError;
pub use export::{EXPORT_BLOCKS_MAX, ExportRefused, ExportTable, ExportedRef};
pub use import::{ImportLimits, ImportTable};
pub use pool::{Block, Pool};
pub use segment::{SEGMENT_SIZE_MAX, Segment, SegmentKind};
