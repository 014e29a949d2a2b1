//! File descriptors that were open when the program was started.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// A descriptor number that cannot be taken over.
#[derive(Debug, thiserror::Error)]
#[error("--ready-fd {number}: there is no such open file descriptor")]
pub(crate) struct NotOpen {
    number: RawFd,
}

/// Takes over a descriptor that the parent left open for us. Called once, before anything else is opened.
#[expect(unsafe_code, reason = "a number is all that the parent can give")]
pub(crate) fn take(number: RawFd) -> Result<OwnedFd, NotOpen> {
    if number < 0 || std::fs::read_link(format!("/proc/self/fd/{number}")).is_err() {
        return Err(NotOpen { number });
    }
    // SAFETY: the descriptor is open, and nothing in this process has opened it: it is inherited. Whoever
    // names one of the standard streams gives that stream away.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}
