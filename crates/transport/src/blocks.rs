//! Block references of one link: what it imports, what it exports, and the pool for what it sends.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use sealpulse_memory::{
    Block, Chunk, EXPORT_BLOCKS_MAX, ExportTable, ExportedRef, ImportLimits, ImportTable, MemoryError, Pool,
    Segment, SegmentKind,
};
use sealpulse_protocol::frame::{BlockReference, Descriptor};

use crate::error::LinkError;
use crate::queue::SendQueue;
use crate::reader::Place;
use crate::socket::Credentials;
use crate::types::{LinkConfig, Side, TransportKind};

/// Shared memory as both sides of one link see it.
#[derive(Debug)]
pub(crate) struct SharedBlocks {
    kind: TransportKind,
    side: Side,
    imports: ImportTable,
    exports: ExportTable,
    pool: Option<Pool>,
    slot_size: usize,
    slots: usize,
    /// The peer was told of the pool.
    announced: bool,
    released: Vec<u32>,
}

impl SharedBlocks {
    pub(crate) fn new(config: &LinkConfig) -> SharedBlocks {
        SharedBlocks {
            kind: TransportKind::Socket,
            side: config.side,
            imports: ImportTable::new(config.limits),
            exports: ExportTable::new(),
            pool: None,
            slot_size: config.slot_size,
            slots: config.slots,
            announced: false,
            released: Vec::new(),
        }
    }

    pub(crate) fn enable(&mut self, kind: TransportKind) {
        self.kind = kind;
    }

    pub(crate) fn kind(&self) -> TransportKind {
        self.kind
    }

    pub(crate) fn enabled(&self) -> bool {
        self.kind != TransportKind::Socket
    }

    fn segment_kind(&self) -> Option<SegmentKind> {
        match self.kind {
            TransportKind::Socket => None,
            TransportKind::PosixShm => Some(SegmentKind::Posix),
            TransportKind::Memfd => Some(SegmentKind::Memfd),
        }
    }

    /// A memfd of the peer's.
    pub(crate) fn register(&mut self, shm_id: u32, mut fds: Vec<OwnedFd>) -> Result<(), LinkError> {
        if self.kind != TransportKind::Memfd {
            return Err(LinkError::NotShared);
        }
        let count = fds.len();
        let (Some(fd), 1) = (fds.pop(), count) else {
            return Err(LinkError::DescriptorCount { count, expected: 1 });
        };
        let limits: &ImportLimits = self.imports.limits();
        let segment = match self.side {
            Side::Server => Segment::import_memfd(fd, limits)?,
            // The ring that the server will offer lies in one of them.
            Side::Client => Segment::import_memfd_writable(fd, limits)?,
        };
        Ok(self.imports.register(shm_id, segment)?)
    }

    /// What a reference of the peer's means.
    pub(crate) fn import(
        &mut self,
        memfd: bool,
        block: BlockReference,
        peer: Option<Credentials>,
    ) -> Result<Chunk, MemoryError> {
        let BlockReference { block_id, shm_id, offset, length } = block;
        let kind = if memfd { SegmentKind::Memfd } else { SegmentKind::Posix };
        if self.segment_kind() != Some(kind) {
            return Err(MemoryError::UnknownSegment { shm_id });
        }
        if kind == SegmentKind::Posix && self.imports.segment(shm_id).is_none() {
            let segment = Segment::import_posix(shm_id, self.imports.limits())?;
            // Segments of others have guessable names: only the peer's own is read on its behalf.
            if let (Some(owner), Some(peer)) = (segment.posix_owner(), peer)
                && i64::from(owner) != i64::from(peer.pid)
            {
                return Err(MemoryError::UnknownSegment { shm_id });
            }
            self.imports.register(shm_id, segment)?;
        }
        self.imports.get(kind, block_id, shm_id, offset as usize, length as usize)
    }

    /// The segment that a ring lies in.
    pub(crate) fn ring_segment(&self, memfd: bool, block: BlockReference) -> Result<Arc<Segment>, LinkError> {
        let shm_id = block.shm_id;
        if memfd {
            let segment = self.imports.segment(shm_id).ok_or(MemoryError::UnknownSegment { shm_id })?;
            Ok(Arc::clone(segment))
        } else {
            Ok(Segment::import_posix_writable(shm_id, self.imports.limits())?)
        }
    }

    pub(crate) fn revoke(&mut self, block_id: u32) {
        // An unknown one may have been released just now, which the peer does not know yet.
        let _ = self.imports.revoke(block_id);
    }

    /// The peer no longer uses a block of ours.
    pub(crate) fn released_by_peer(&mut self, block_id: u32) {
        // PulseAudio ignores unknown ones too; they free nothing.
        let _ = self.exports.release(block_id);
    }

    /// Queues what tells the peer that blocks of its own are free again.
    pub(crate) fn send_releases(&mut self, queue: &mut SendQueue) {
        self.imports.take_released(&mut self.released);
        for block_id in self.released.drain(..) {
            queue.release(block_id);
        }
    }

    /// The pool for what we send; made when it is first needed.
    fn pool(&mut self) -> Result<&mut Pool, LinkError> {
        let kind = self.segment_kind().ok_or(LinkError::NotShared)?;
        if self.pool.is_none() {
            self.pool = Some(Pool::new(kind, self.slot_size, self.slots)?);
        }
        self.pool.as_mut().ok_or(LinkError::NotShared)
    }

    /// Makes the pool and says what the peer must be told of it.
    pub(crate) fn announce(&mut self) -> Result<Option<(u32, OwnedFd)>, LinkError> {
        if self.kind != TransportKind::Memfd || self.announced {
            return Ok(None);
        }
        let pool = self.pool()?;
        let fd = pool.segment().fd().ok_or(LinkError::NotShared)?.try_clone_to_owned()?;
        let shm_id = pool.shm_id();
        self.announced = true;
        Ok(Some((shm_id, fd)))
    }

    /// Whether the peer can resolve references to the pool.
    fn usable(&self) -> bool {
        match self.kind {
            TransportKind::Socket => false,
            TransportKind::PosixShm => true,
            TransportKind::Memfd => self.announced,
        }
    }

    /// A slot, if one can be sent by reference.
    pub(crate) fn take_slot(&mut self, size: usize) -> Option<Block> {
        if !self.usable() || size > self.slot_size || self.exports.in_use() >= EXPORT_BLOCKS_MAX {
            return None;
        }
        self.pool().ok()?.take()
    }

    /// A slot for a ring, and what the peer is told of it.
    pub(crate) fn take_ring_slot(&mut self) -> Result<Block, LinkError> {
        if !self.usable() {
            return Err(LinkError::NotShared);
        }
        self.pool()?.take().ok_or(LinkError::RingState)
    }

    pub(crate) fn pin(&mut self, block: &Block) -> Result<ExportedRef, LinkError> {
        Ok(self.exports.put_pinned(block, block.len())?)
    }

    /// Queues a block: by reference if the peer can resolve it. Answers whether it is.
    pub(crate) fn send(&mut self, place: Place, block: Block, length: usize, queue: &mut SendQueue) -> bool {
        let Place { channel, offset, seek } = place;
        let ours = self.pool.as_ref().is_some_and(|pool| block.shm_id() == Some(pool.shm_id()));
        let block = if ours && self.usable() {
            match self.exports.put(block, length) {
                Ok(exported) => {
                    let memfd = exported.kind == SegmentKind::Memfd;
                    let descriptor = Descriptor::reference(channel, offset, seek, memfd, false);
                    queue.reference(descriptor, wire_reference(exported));
                    return true;
                }
                Err(refused) => refused.block,
            }
        } else {
            block
        };
        queue.inline(Descriptor::block(channel, offset, seek, length as u32), block, length);
        false
    }

    /// Bytes of address space for this link.
    pub(crate) fn mapped_bytes(&self) -> usize {
        let own = self.pool.as_ref().map_or(0, |pool| pool.segment().mapped_bytes());
        own + self.imports.mapped_bytes()
    }

    /// Blocks of the pool that are in use, that the peer holds, and that we hold of the peer's.
    pub(crate) fn in_use(&self) -> (u32, u32, u32) {
        let used = self.pool.as_ref().map_or(0, Pool::used);
        (used as u32, self.exports.in_use() as u32, self.imports.in_use() as u32)
    }

    /// Whether the peer's memory is sealed.
    pub(crate) fn is_sealed(&self) -> bool {
        self.imports.is_sealed()
    }
}

pub(crate) fn wire_reference(exported: ExportedRef) -> BlockReference {
    let ExportedRef { block_id, shm_id, offset, length, .. } = exported;
    BlockReference { block_id, shm_id, offset, length }
}
