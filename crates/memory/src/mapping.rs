//! Mapped memory: the pointers, the copies in and out, the shared words. Nearly all `unsafe` of the crate is here.

use std::os::fd::BorrowedFd;
use std::ptr::{self, NonNull};
use std::sync::atomic::AtomicU32;

use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};

use crate::error::{MemoryError, check_range};

/// What a mapping may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    ReadWrite,
}

impl Access {
    fn protection(self) -> ProtFlags {
        match self {
            Access::Read => ProtFlags::READ,
            Access::ReadWrite => ProtFlags::READ | ProtFlags::WRITE,
        }
    }
}

/// Mapped pages, unmapped when dropped. The bytes may change at any time, so no slice of them is ever made.
#[derive(Debug)]
pub(crate) struct Mapping {
    start: NonNull<u8>,
    length: usize,
    access: Access,
}

// SAFETY: the pages belong to the process, not to a thread.
unsafe impl Send for Mapping {}
// SAFETY: all access is by volatile copies and atomic words, for which a concurrent change is harmless.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `length` bytes of a file from `offset` on (a multiple of the page size), shared with all who map it.
    ///
    /// The caller sees to it that the file cannot shrink (it is sealed), or that the bytes are reached
    /// by system calls alone.
    pub(crate) fn of_file(
        fd: BorrowedFd<'_>,
        offset: usize,
        length: usize,
        access: Access,
    ) -> Result<Mapping, MemoryError> {
        let flags = MapFlags::SHARED | MapFlags::NORESERVE;
        // SAFETY: a new mapping at an address that the kernel picks changes no memory that exists.
        let start = unsafe { mmap(ptr::null_mut(), length, access.protection(), flags, fd, offset as u64) };
        Mapping::from_start(start, length, access)
    }

    /// Maps private zeroed memory.
    pub(crate) fn private(length: usize) -> Result<Mapping, MemoryError> {
        let access = Access::ReadWrite;
        // SAFETY: a new mapping at an address that the kernel picks changes no memory that exists.
        let start =
            unsafe { mmap_anonymous(ptr::null_mut(), length, access.protection(), MapFlags::PRIVATE) };
        Mapping::from_start(start, length, access)
    }

    fn from_start(
        start: rustix::io::Result<*mut core::ffi::c_void>,
        length: usize,
        access: Access,
    ) -> Result<Mapping, MemoryError> {
        let start = start.map_err(MemoryError::system("mmap"))?;
        let start = NonNull::new(start.cast::<u8>())
            .ok_or(MemoryError::System { call: "mmap", errno: rustix::io::Errno::NOMEM })?;
        Ok(Mapping { start, length, access })
    }

    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// A range of the mapping, valid as long as the mapping lives.
    pub(crate) fn range(&self, offset: usize, length: usize) -> Result<RawRange, MemoryError> {
        check_range(offset, length, self.length)?;
        // SAFETY: the offset was checked to lie within the mapping, or one past its end.
        let start = unsafe { self.start.as_ptr().add(offset) };
        Ok(RawRange { start, length })
    }

    /// Copies bytes out.
    pub(crate) fn read(&self, offset: usize, out: &mut [u8]) -> Result<(), MemoryError> {
        let range = self.range(offset, out.len())?;
        // SAFETY: the range lies within this mapping, which lives as long as `self`.
        unsafe { range.copy_out(out) };
        Ok(())
    }

    /// Copies bytes in.
    pub(crate) fn write(&self, offset: usize, data: &[u8]) -> Result<(), MemoryError> {
        if self.access != Access::ReadWrite {
            return Err(MemoryError::ReadOnly);
        }
        let range = self.range(offset, data.len())?;
        // SAFETY:
        // - the range lies within this mapping, which lives as long as `self` and may be written;
        // - no Rust reference to these bytes exists, since none is ever made, so nothing is aliased.
        unsafe { range.copy_in(data) };
        Ok(())
    }

    /// A word that both sides change by atomic operations. The caller must not use it where the page may be
    /// gone, other than to hand its address to the kernel.
    pub(crate) fn word(&self, offset: usize) -> Result<&AtomicU32, MemoryError> {
        if !offset.is_multiple_of(4) {
            return Err(MemoryError::Misaligned { offset });
        }
        let range = self.range(offset, 4)?;
        // SAFETY:
        // - the pointer is aligned: mappings start at a page, and the offset is a multiple of 4;
        // - it is valid as long as `self`, whose lifetime the reference has;
        // - an atomic may be changed by others, also in other processes, at any time;
        // - a read-only mapping never gets here with a store: `Segment` checks for write access first.
        Ok(unsafe { AtomicU32::from_ptr(range.start.cast::<u32>()) })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the pages are this mapping's own; ranges of it are kept with the segment's `Arc`.
        let unmapped = unsafe { munmap(self.start.as_ptr().cast(), self.length) };
        debug_assert!(unmapped.is_ok());
    }
}

/// The address of bytes that somebody else keeps alive and may change at any time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawRange {
    start: *mut u8,
    length: usize,
}

// SAFETY: an address and a length; who copies from it has to show that the memory is alive.
unsafe impl Send for RawRange {}
// SAFETY: as for Send; there is no interior state.
unsafe impl Sync for RawRange {}

/// Eight bytes at any address.
#[repr(C, packed)]
#[derive(Clone, Copy)]
struct Lane(u64);

const LANE: usize = size_of::<Lane>();

impl RawRange {
    /// The bytes of a vector. They stay where they are while the vector is moved, not while it is changed.
    pub(crate) fn of_vec(bytes: &mut Vec<u8>) -> RawRange {
        RawRange { start: bytes.as_mut_ptr(), length: bytes.len() }
    }

    /// The bytes of a slice, to be read while it is borrowed.
    pub(crate) fn of_slice(bytes: &[u8]) -> RawRange {
        RawRange { start: bytes.as_ptr().cast_mut(), length: bytes.len() }
    }

    pub(crate) fn length(self) -> usize {
        self.length
    }

    /// A part of the range.
    pub(crate) fn part(self, offset: usize, length: usize) -> Result<RawRange, MemoryError> {
        check_range(offset, length, self.length)?;
        Ok(RawRange { start: self.start.wrapping_add(offset), length })
    }

    /// Copies as many bytes as `out` has, which must not be more than the range has.
    ///
    /// # Safety
    /// The memory of the range is mapped and readable during the call.
    pub(crate) unsafe fn copy_out(self, out: &mut [u8]) {
        debug_assert!(out.len() <= self.length);
        let count = out.len().min(self.length);
        let mut at = 0;
        let mut lanes = out[..count].chunks_exact_mut(LANE);
        for lane in &mut lanes {
            let from = self.start.wrapping_add(at).cast::<Lane>();
            // SAFETY: `at + LANE <= count <= length`, the memory is readable, a lane needs no alignment.
            let Lane(value) = unsafe { from.read_volatile() };
            lane.copy_from_slice(&value.to_ne_bytes());
            at += LANE;
        }
        for byte in lanes.into_remainder() {
            // SAFETY: `at < count <= length`, and the memory is readable.
            *byte = unsafe { self.start.wrapping_add(at).read_volatile() };
            at += 1;
        }
    }

    /// Copies `data`, which must not be longer than the range, into it.
    ///
    /// # Safety
    /// The memory of the range is mapped and writable during the call, and no reference to it exists.
    pub(crate) unsafe fn copy_in(self, data: &[u8]) {
        debug_assert!(data.len() <= self.length);
        let count = data.len().min(self.length);
        let mut at = 0;
        let mut lanes = data[..count].chunks_exact(LANE);
        for lane in &mut lanes {
            let mut value = [0; LANE];
            value.copy_from_slice(lane);
            let to = self.start.wrapping_add(at).cast::<Lane>();
            // SAFETY: `at + LANE <= count <= length`, the memory is writable, a lane needs no alignment.
            unsafe { to.write_volatile(Lane(u64::from_ne_bytes(value))) };
            at += LANE;
        }
        for byte in lanes.remainder() {
            // SAFETY: `at < count <= length`, and the memory is writable.
            unsafe { self.start.wrapping_add(at).write_volatile(*byte) };
            at += 1;
        }
    }
}
