//! POSIX shared memory segments, as libpulse up to 9.0 uses them: named files that anybody may truncate.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::shm::OFlags as ShmFlags;

use crate::error::MemoryError;
use crate::seal;

/// Bytes at the end of a segment that say who made it: a magic number, a process id, four unused `u64`.
pub(crate) const MARKER_SIZE: usize = 40;

const MARKER: u32 = 0xbeef_cafe;

fn name(id: u32) -> String {
    format!("/pulse-shm-{id}")
}

/// Makes `/dev/shm/pulse-shm-<id>` of `length` bytes and the marker. Fails where it exists.
pub(crate) fn create(id: u32, length: usize) -> Result<(OwnedFd, OwnedName), MemoryError> {
    let flags = ShmFlags::RDWR | ShmFlags::CREATE | ShmFlags::EXCL;
    let fd = rustix::shm::open(name(id), flags, Mode::RUSR | Mode::WUSR)
        .map_err(MemoryError::system("shm_open"))?;
    let name = OwnedName(id);
    rustix::fs::ftruncate(&fd, (length + MARKER_SIZE) as u64).map_err(MemoryError::system("ftruncate"))?;
    let mut marker = [0; 8];
    let pid = rustix::process::getpid().as_raw_nonzero().get();
    marker[..4].copy_from_slice(&MARKER.to_ne_bytes());
    marker[4..].copy_from_slice(&pid.to_ne_bytes());
    write_at(&fd, length, &marker)?;
    Ok((fd, name))
}

/// Opens a peer's segment and finds its size, which has to be within `1..=limit` and the marker.
pub(crate) fn open(id: u32, writable: bool, limit: usize) -> Result<(OwnedFd, usize), MemoryError> {
    let access = if writable { OFlags::RDWR } else { OFlags::RDONLY };
    // Anybody may put a FIFO or a link under this name: neither may keep us waiting nor lead elsewhere.
    let flags = access | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
    let path = format!("/dev/shm{}", name(id));
    let fd = rustix::fs::open(path, flags, Mode::empty()).map_err(MemoryError::system("shm_open"))?;
    seal::check_tmpfs(fd.as_fd())?;
    let length = seal::size(fd.as_fd(), limit.saturating_add(MARKER_SIZE))?;
    Ok((fd, length))
}

/// Process id that the segment's marker names, if it has one.
pub(crate) fn owner(fd: impl AsFd, length: usize) -> Option<u32> {
    let mut marker = [0; 8];
    read_at(fd, length.checked_sub(MARKER_SIZE)?, &mut marker).ok()?;
    let [a, b, c, d, e, f, g, h] = marker;
    (u32::from_ne_bytes([a, b, c, d]) == MARKER).then(|| u32::from_ne_bytes([e, f, g, h]))
}

/// The name of a segment of ours, removed when dropped. The memory goes when the last who has it open closes it.
#[derive(Debug)]
pub(crate) struct OwnedName(u32);

impl Drop for OwnedName {
    fn drop(&mut self) {
        // Another process of the user may have removed it; then it is gone all the same.
        let _ = rustix::shm::unlink(name(self.0));
    }
}

/// Fills `out`. A file that ends before is [`MemoryError::Shrunk`].
pub(crate) fn read_at(fd: impl AsFd, offset: usize, out: &mut [u8]) -> Result<(), MemoryError> {
    let length = out.len();
    let mut done = 0;
    while done < length {
        match rustix::io::pread(&fd, &mut out[done..], (offset + done) as u64) {
            Ok(0) => return Err(MemoryError::Shrunk { offset, length }),
            Ok(count) => done += count,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(MemoryError::System { call: "pread", errno }),
        }
    }
    Ok(())
}

/// Writes all of `data`.
pub(crate) fn write_at(fd: impl AsFd, offset: usize, data: &[u8]) -> Result<(), MemoryError> {
    let mut done = 0;
    while done < data.len() {
        match rustix::io::pwrite(&fd, &data[done..], (offset + done) as u64) {
            Ok(count) => done += count,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(MemoryError::System { call: "pwrite", errno }),
        }
    }
    Ok(())
}
