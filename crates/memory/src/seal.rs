//! Seals: what makes memory that a peer may change safe to map.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, MemfdFlags, SealFlags};
use rustix::io::Errno;

use crate::error::MemoryError;

/// What everything that we map is sealed with: it can neither shrink under us nor grow past what was checked,
/// and nobody can add a seal that the other side does not expect.
pub(crate) const SEALS: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW).union(SealFlags::SEAL);

/// `statfs`'s magic number of tmpfs.
const TMPFS_MAGIC: u64 = 0x0102_1994;

/// Name of our memfds in `/proc`, the same as libpulse's.
const MEMFD_NAME: &str = "pulseaudio";

/// Makes a sealed memfd of `length` bytes.
pub(crate) fn create(length: usize) -> Result<OwnedFd, MemoryError> {
    let flags = MemfdFlags::ALLOW_SEALING | MemfdFlags::CLOEXEC;
    let fd = match rustix::fs::memfd_create(MEMFD_NAME, flags | MemfdFlags::NOEXEC_SEAL) {
        // Before Linux 6.3 the flag is unknown.
        Err(Errno::INVAL) => rustix::fs::memfd_create(MEMFD_NAME, flags),
        other => other,
    }
    .map_err(MemoryError::system("memfd_create"))?;
    rustix::fs::ftruncate(&fd, length as u64).map_err(MemoryError::system("ftruncate"))?;
    rustix::fs::fcntl_add_seals(&fd, SEALS).map_err(MemoryError::system("F_ADD_SEALS"))?;
    let seals = rustix::fs::fcntl_get_seals(&fd).map_err(MemoryError::system("F_GET_SEALS"))?;
    if !seals.contains(SEALS) {
        return Err(MemoryError::NotSealed { seals: seals.bits() });
    }
    Ok(fd)
}

/// Checks that a peer's descriptor is a memfd in tmpfs and seals it. False: it cannot be sealed.
pub(crate) fn take(fd: BorrowedFd<'_>) -> Result<bool, MemoryError> {
    let seals = match rustix::fs::fcntl_get_seals(fd) {
        Ok(seals) => seals,
        Err(Errno::INVAL) => return Err(MemoryError::NotMemfd),
        Err(errno) => return Err(MemoryError::System { call: "F_GET_SEALS", errno }),
    };
    check_tmpfs(fd)?;
    if !seals.contains(SealFlags::SEAL) {
        match rustix::fs::fcntl_add_seals(fd, SEALS) {
            // PERM: the descriptor is not writable, or another process sealed it just now.
            Ok(()) | Err(Errno::PERM) => {}
            Err(errno) => return Err(MemoryError::System { call: "F_ADD_SEALS", errno }),
        }
    }
    let seals = rustix::fs::fcntl_get_seals(fd).map_err(MemoryError::system("F_GET_SEALS"))?;
    Ok(seals.contains(SEALS))
}

/// Refuses what is not in tmpfs.
pub(crate) fn check_tmpfs(fd: BorrowedFd<'_>) -> Result<(), MemoryError> {
    let magic = rustix::fs::fstatfs(fd).map_err(MemoryError::system("fstatfs"))?.f_type as u64;
    if magic == TMPFS_MAGIC { Ok(()) } else { Err(MemoryError::NotTmpfs { magic }) }
}

/// Size of a regular file in bytes, which has to be within `1..=limit`.
pub(crate) fn size(fd: BorrowedFd<'_>, limit: usize) -> Result<usize, MemoryError> {
    let stat = rustix::fs::fstat(fd.as_fd()).map_err(MemoryError::system("fstat"))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(MemoryError::NotMemfd);
    }
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    match usize::try_from(size) {
        Ok(length) if length > 0 && length <= limit => Ok(length),
        _ => Err(MemoryError::BadSize { size, limit }),
    }
}
