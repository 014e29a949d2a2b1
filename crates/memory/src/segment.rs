//! A segment: one piece of memory that we or a peer made.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::error::{MemoryError, check_range};
use crate::import::ImportLimits;
use crate::mapping::{Access, Mapping, RawRange};
use crate::words::WordPage;
use crate::{posix, seal};

/// Largest segment that we make ourselves, in bytes: offsets in it are 32-bit numbers on the wire.
pub const SEGMENT_SIZE_MAX: usize = 1 << 30;

/// What a segment is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SegmentKind {
    /// A memfd, passed to the peer as a descriptor. Mapped if it is sealed.
    Memfd,
    /// A named POSIX shared memory file. Never mapped for data.
    Posix,
    /// Memory of this process alone.
    Private,
}

/// One piece of memory, ours or a peer's, usually behind an [`Arc`].
///
/// Everything in it may change at any time if it is shared: bytes are only copied in and out.
#[derive(Debug)]
pub struct Segment {
    kind: SegmentKind,
    length: usize,
    writable: bool,
    mapping: Option<Mapping>,
    fd: Option<OwnedFd>,
    words: WordPage,
    /// Of a POSIX segment of ours: its name goes when the segment does.
    _name: Option<posix::OwnedName>,
}

impl Segment {
    /// Makes a memfd of `len` bytes, seals it (shrink, grow, seal) and maps it.
    ///
    /// # Errors
    /// [`MemoryError::BadSize`] above [`SEGMENT_SIZE_MAX`], [`MemoryError::System`] where the kernel refuses.
    pub fn create_memfd(len: usize) -> Result<Arc<Segment>, MemoryError> {
        check_size(len)?;
        let fd = seal::create(len)?;
        let mapping = Mapping::of_file(fd.as_fd(), 0, len, Access::ReadWrite)?;
        Ok(Arc::new(Segment {
            mapping: Some(mapping),
            fd: Some(fd),
            ..Segment::unmapped(SegmentKind::Memfd, len, true)
        }))
    }

    /// Makes the POSIX segment `/pulse-shm-<id>` of `len` bytes (and PulseAudio's marker behind them),
    /// readable by this user alone. Its name is removed when the segment is dropped.
    ///
    /// # Errors
    /// [`MemoryError::System`] with `EEXIST` where the name is taken; others as [`Segment::create_memfd`].
    pub fn create_posix(id: u32, len: usize) -> Result<Arc<Segment>, MemoryError> {
        check_size(len)?;
        let (fd, name) = posix::create(id, len)?;
        Ok(Arc::new(Segment {
            fd: Some(fd),
            _name: Some(name),
            ..Segment::unmapped(SegmentKind::Posix, len, true)
        }))
    }

    /// Makes `len` bytes of zeroed memory for this process alone.
    ///
    /// # Errors
    /// As [`Segment::create_memfd`].
    pub fn create_private(len: usize) -> Result<Arc<Segment>, MemoryError> {
        check_size(len)?;
        let mapping = Mapping::private(len)?;
        Ok(Arc::new(Segment { mapping: Some(mapping), ..Segment::unmapped(SegmentKind::Private, len, true) }))
    }

    /// Takes a peer's memfd: seals it and maps it for reading. One that cannot be sealed is not mapped.
    ///
    /// # Errors
    /// [`MemoryError::NotMemfd`], [`MemoryError::NotTmpfs`] (huge pages), [`MemoryError::BadSize`], or what
    /// the kernel answers. The descriptor is closed then.
    pub fn import_memfd(fd: OwnedFd, limits: &ImportLimits) -> Result<Arc<Segment>, MemoryError> {
        Segment::take_memfd(fd, limits, Access::Read)
    }

    /// As [`Segment::import_memfd`], but mapped for writing too: memory of a server that a client of it
    /// trusts, with the ring of a srbchannel in it.
    ///
    /// # Errors
    /// As [`Segment::import_memfd`].
    pub fn import_memfd_writable(fd: OwnedFd, limits: &ImportLimits) -> Result<Arc<Segment>, MemoryError> {
        Segment::take_memfd(fd, limits, Access::ReadWrite)
    }

    fn take_memfd(fd: OwnedFd, limits: &ImportLimits, access: Access) -> Result<Arc<Segment>, MemoryError> {
        let sealed = seal::take(fd.as_fd())?;
        // Only now does the size stay what it is.
        let length = seal::size(fd.as_fd(), limits.max_segment)?;
        let mapping = sealed.then(|| Mapping::of_file(fd.as_fd(), 0, length, access)).transpose()?;
        Ok(Arc::new(Segment {
            mapping,
            fd: Some(fd),
            ..Segment::unmapped(SegmentKind::Memfd, length, access == Access::ReadWrite)
        }))
    }

    /// Opens a peer's POSIX segment for reading. It is never mapped.
    ///
    /// # Errors
    /// [`MemoryError::System`] where there is none or it may not be read, [`MemoryError::BadSize`],
    /// [`MemoryError::NotMemfd`] for what is not a regular file.
    pub fn import_posix(id: u32, limits: &ImportLimits) -> Result<Arc<Segment>, MemoryError> {
        Segment::open_posix(id, limits, false)
    }

    /// As [`Segment::import_posix`], but for writing too: the ring of a srbchannel lies in it.
    ///
    /// # Errors
    /// As [`Segment::import_posix`].
    pub fn import_posix_writable(id: u32, limits: &ImportLimits) -> Result<Arc<Segment>, MemoryError> {
        Segment::open_posix(id, limits, true)
    }

    fn open_posix(id: u32, limits: &ImportLimits, writable: bool) -> Result<Arc<Segment>, MemoryError> {
        let (fd, length) = posix::open(id, writable, limits.max_segment)?;
        Ok(Arc::new(Segment { fd: Some(fd), ..Segment::unmapped(SegmentKind::Posix, length, writable) }))
    }

    fn unmapped(kind: SegmentKind, length: usize, writable: bool) -> Segment {
        Segment { kind, length, writable, mapping: None, fd: None, words: WordPage::default(), _name: None }
    }

    /// What the segment is made of.
    pub fn kind(&self) -> SegmentKind {
        self.kind
    }

    /// Bytes in the segment, as found when it was made or imported.
    pub fn len(&self) -> usize {
        self.length
    }

    /// False: there is no empty segment.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Whether it is a memfd that can neither shrink nor grow.
    pub fn is_sealed(&self) -> bool {
        self.kind == SegmentKind::Memfd && self.mapping.is_some()
    }

    /// Whether its bytes are reached without a system call.
    pub fn is_mapped(&self) -> bool {
        self.mapping.is_some()
    }

    /// Bytes of address space that it takes.
    pub fn mapped_bytes(&self) -> usize {
        self.mapping.as_ref().map_or(0, Mapping::length) + self.words.mapped_bytes()
    }

    /// The descriptor behind it; private memory has none.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.fd.as_ref().map(AsFd::as_fd)
    }

    /// Process that made a POSIX segment, as the marker at its end says. Whoever may write it may lie.
    pub fn posix_owner(&self) -> Option<u32> {
        match (self.kind, &self.fd) {
            (SegmentKind::Posix, Some(fd)) => posix::owner(fd, self.length),
            _ => None,
        }
    }

    /// Copies bytes from `offset` on into `out`.
    ///
    /// # Errors
    /// [`MemoryError::OutOfBounds`]; [`MemoryError::Shrunk`] where an unmapped file became shorter.
    pub fn read_at(&self, offset: usize, out: &mut [u8]) -> Result<(), MemoryError> {
        check_range(offset, out.len(), self.length)?;
        match (&self.mapping, &self.fd) {
            (Some(mapping), _) => mapping.read(offset, out),
            (None, Some(fd)) => posix::read_at(fd, offset, out),
            (None, None) => Err(MemoryError::NotShareable),
        }
    }

    /// Copies `data` to `offset`.
    ///
    /// # Errors
    /// [`MemoryError::ReadOnly`] for a peer's segment, [`MemoryError::OutOfBounds`].
    pub fn write_at(&self, offset: usize, data: &[u8]) -> Result<(), MemoryError> {
        self.check_writable()?;
        check_range(offset, data.len(), self.length)?;
        match (&self.mapping, &self.fd) {
            (Some(mapping), _) => mapping.write(offset, data),
            (None, Some(fd)) => posix::write_at(fd, offset, data),
            (None, None) => Err(MemoryError::NotShareable),
        }
    }

    /// Reads a word that a peer may change at any time. It and everything that the peer wrote before it are
    /// seen in that order.
    ///
    /// # Errors
    /// [`MemoryError::Misaligned`], [`MemoryError::OutOfBounds`], [`MemoryError::Shrunk`].
    pub fn load(&self, offset: usize) -> Result<u32, MemoryError> {
        if let Some(mapping) = &self.mapping {
            return Ok(mapping.word(offset)?.load(Ordering::SeqCst));
        }
        check_aligned(offset)?;
        let mut word = [0; 4];
        self.read_at(offset, &mut word)?;
        Ok(u32::from_ne_bytes(word))
    }

    /// Writes a word that a peer may read or change at any time.
    ///
    /// # Errors
    /// As [`Segment::load`], and [`MemoryError::ReadOnly`].
    pub fn store(&self, offset: usize, value: u32) -> Result<(), MemoryError> {
        self.check_writable()?;
        if let Some(mapping) = &self.mapping {
            mapping.word(offset)?.store(value, Ordering::SeqCst);
            return Ok(());
        }
        check_aligned(offset)?;
        self.write_at(offset, &value.to_ne_bytes())
    }

    /// Adds to a word, wrapping, and answers what it was before. The addition is atomic on every segment; the
    /// answer is only near the truth on one that is not mapped.
    ///
    /// # Errors
    /// As [`Segment::store`], and [`MemoryError::WordOutOfReach`] for a second page of an unmapped segment.
    pub fn fetch_add(&self, offset: usize, value: i32) -> Result<u32, MemoryError> {
        self.check_writable()?;
        if let Some(mapping) = &self.mapping {
            return Ok(mapping.word(offset)?.fetch_add(value as u32, Ordering::SeqCst));
        }
        let before = self.load(offset)?;
        match &self.fd {
            Some(fd) => self.words.add(fd.as_fd(), offset, value)?,
            None => return Err(MemoryError::NotShareable),
        }
        Ok(before)
    }

    /// Replaces a word and answers what it was before. On a segment that is not mapped these are two steps,
    /// and a change of the peer's between them is lost.
    ///
    /// # Errors
    /// As [`Segment::store`].
    pub fn swap(&self, offset: usize, value: u32) -> Result<u32, MemoryError> {
        self.check_writable()?;
        if let Some(mapping) = &self.mapping {
            return Ok(mapping.word(offset)?.swap(value, Ordering::SeqCst));
        }
        let before = self.load(offset)?;
        self.store(offset, value)?;
        Ok(before)
    }

    /// The address of a range, for who keeps this segment alive; none if it is not mapped.
    pub(crate) fn range(&self, offset: usize, length: usize) -> Result<Option<RawRange>, MemoryError> {
        check_range(offset, length, self.length)?;
        self.mapping.as_ref().map(|mapping| mapping.range(offset, length)).transpose()
    }

    fn check_writable(&self) -> Result<(), MemoryError> {
        if self.writable { Ok(()) } else { Err(MemoryError::ReadOnly) }
    }
}

fn check_size(length: usize) -> Result<(), MemoryError> {
    if (1..=SEGMENT_SIZE_MAX).contains(&length) {
        Ok(())
    } else {
        Err(MemoryError::BadSize { size: length as u64, limit: SEGMENT_SIZE_MAX })
    }
}

fn check_aligned(offset: usize) -> Result<(), MemoryError> {
    if offset.is_multiple_of(4) { Ok(()) } else { Err(MemoryError::Misaligned { offset }) }
}
