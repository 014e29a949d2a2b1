//! File descriptors that were open when the program was started.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use rustix::io::FdFlags;
use sealpulse_server::{PassedSocket, ServerError};

/// The first descriptor that a service manager passes (`SD_LISTEN_FDS_START`).
const FIRST_PASSED: RawFd = 3;

/// A descriptor that cannot be taken over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InheritedError {
    #[error("--ready-fd {number}: there is no such open file descriptor")]
    Ready { number: RawFd },
    #[error("LISTEN_FDS={count}: the descriptor {number} is not open")]
    Passed { count: String, number: RawFd },
    #[error("LISTEN_FDS={count} is no number of descriptors")]
    Count { count: String },
    #[error("the passed descriptor {number}: {source}")]
    Flags { number: RawFd, source: std::io::Error },
    #[error(transparent)]
    Socket(#[from] ServerError),
}

/// Takes over the descriptor on which somebody waits for us to be ready.
pub(crate) fn take_ready(number: RawFd) -> Result<OwnedFd, InheritedError> {
    take(number).ok_or(InheritedError::Ready { number })
}

/// Takes over the listening sockets that a service manager passed to this very process (`sd_listen_fds(3)`).
pub(crate) fn take_passed() -> Result<Vec<PassedSocket>, InheritedError> {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    // Another process was meant where it is our parent's number: what is open here is something else.
    if variable("LISTEN_PID").as_deref() != Some(&std::process::id().to_string()) {
        return Ok(Vec::new());
    }
    let Some(count) = variable("LISTEN_FDS") else { return Ok(Vec::new()) };
    let end = count.parse::<u16>().ok().map(|number| FIRST_PASSED + RawFd::from(number));
    let end = end.ok_or_else(|| InheritedError::Count { count: count.clone() })?;
    let mut sockets = Vec::new();
    for number in FIRST_PASSED..end {
        let fd = take(number).ok_or_else(|| InheritedError::Passed { count: count.clone(), number })?;
        // Nothing that the server starts may hold them.
        rustix::io::fcntl_setfd(&fd, FdFlags::CLOEXEC)
            .map_err(|errno| InheritedError::Flags { number, source: errno.into() })?;
        sockets.push(PassedSocket::new(fd)?);
    }
    Ok(sockets)
}

/// Takes over a descriptor that the parent left open for us. Each number is asked for once, before anything else is
/// opened.
#[expect(unsafe_code, reason = "a number is all that the parent can give")]
fn take(number: RawFd) -> Option<OwnedFd> {
    if number < 0 || std::fs::read_link(format!("/proc/self/fd/{number}")).is_err() {
        return None;
    }
    // SAFETY: the descriptor is open, and nothing in this process has opened it: it is inherited. Whoever
    // names one of the standard streams gives that stream away.
    Some(unsafe { OwnedFd::from_raw_fd(number) })
}
