//! The two descriptors of a ring by which the sides wake each other.
//!
//! PulseAudio uses eventfds. A peer can make any write to an eventfd that it shares block: it fills the counter and
//! clears `O_NONBLOCK`, which belongs to the open file and so to both sides. We give it pipes instead, which carry
//! the same 8-byte words. Each side has an open file of its own, so that whether ours blocks is up to us; each is
//! open for both reading and writing, so that no end ever sees a hang-up or SIGPIPE when the other side goes: libpulse
//! aborts on a failed write.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::pipe::PipeFlags;

/// One wake-up, as an eventfd has it.
const ONE: [u8; 8] = 1u64.to_ne_bytes();

/// Bytes that a pipe of ours holds: more wake-ups than can ever be under way. One page.
const PIPE_SIZE: usize = 4096;

/// Wakes the other side and is woken by it.
#[derive(Debug)]
pub(crate) struct Wake {
    listen: OwnedFd,
    signal: OwnedFd,
    /// The open files are also the peer's, and may block: they are polled first.
    shared: bool,
}

impl Wake {
    /// Makes both, and the peer's counterparts: the one that we listen to first, as PulseAudio has them.
    ///
    /// Fails where `/proc` is not mounted.
    pub(crate) fn make() -> io::Result<(Wake, Vec<OwnedFd>)> {
        let (listen, peers_signal) = pipe()?;
        let (signal, peers_listen) = pipe()?;
        Ok((Wake { listen, signal, shared: false }, vec![peers_signal, peers_listen]))
    }

    /// Uses what a peer made: the one that it listens to first.
    pub(crate) fn attach(peers_listen: OwnedFd, peers_signal: OwnedFd) -> Wake {
        Wake { listen: peers_signal, signal: peers_listen, shared: true }
    }

    /// Becomes readable when the other side wakes us.
    pub(crate) fn listen(&self) -> BorrowedFd<'_> {
        self.listen.as_fd()
    }

    /// Wakes the other side. False: it has wake-ups enough waiting.
    pub(crate) fn signal(&self) -> bool {
        if self.shared && !ready(self.signal.as_fd(), PollFlags::OUT) {
            return false;
        }
        matches!(rustix::io::retry_on_intr(|| rustix::io::write(&self.signal, &ONE)), Ok(8))
    }

    /// Takes wake-ups off, all that there usually are. The rest makes the descriptor readable again.
    pub(crate) fn drain(&self) {
        if self.shared && !ready(self.listen.as_fd(), PollFlags::IN) {
            return;
        }
        let mut words = [0; 512];
        let _ = rustix::io::retry_on_intr(|| rustix::io::read(&self.listen, &mut words));
    }
}

/// A pipe as two open files, ours first.
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (end, _other) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    // Only a saving: every size is large enough.
    let _ = rustix::pipe::fcntl_setpipe_size(&end, PIPE_SIZE);
    let path = format!("/proc/self/fd/{}", end.as_raw_fd());
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    let own = rustix::fs::open(&path, flags | OFlags::NONBLOCK, Mode::empty())?;
    let peers = rustix::fs::open(&path, flags, Mode::empty())?;
    Ok((own, peers))
}

fn ready(fd: BorrowedFd<'_>, flags: PollFlags) -> bool {
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let mut fds = [PollFd::new(&fd, flags)];
    matches!(poll(&mut fds, Some(&at_once)), Ok(1)) && fds[0].revents().contains(flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_wake_each_other() {
        let (ours, mut peers) = Wake::make().unwrap();
        let second = peers.pop().unwrap();
        let theirs = Wake::attach(peers.pop().unwrap(), second);
        assert!(!ready(theirs.listen(), PollFlags::IN));
        assert!(ours.signal());
        assert!(ready(theirs.listen(), PollFlags::IN));
        theirs.drain();
        assert!(!ready(theirs.listen(), PollFlags::IN));
        assert!(theirs.signal());
        assert!(ready(ours.listen(), PollFlags::IN));
        ours.drain();
        assert!(!ready(ours.listen(), PollFlags::IN));
    }

    #[test]
    fn a_peer_cannot_make_us_block() {
        let (ours, peers) = Wake::make().unwrap();
        for fd in &peers {
            rustix::io::ioctl_fionbio(fd, false).unwrap();
        }
        // Nothing to read.
        ours.drain();
        // No room to write.
        while ours.signal() {}
        assert!(!ours.signal());
        // What is written beyond is as readable as before, and nobody hangs up.
        drop(peers);
        assert!(!ours.signal());
        ours.drain();
    }
}
