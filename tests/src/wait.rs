//! Waiting for events, each with a limit.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a test waits for something that should come at once, before it fails. Long, since the machine
/// may be busy with other tests; a passing test never waits it out.
pub const LIMIT: Duration = Duration::from_secs(30);

/// Waits until `fd` is readable (or hung up); false when `limit` passed first.
pub fn readable(fd: impl AsFd, limit: Duration) -> bool {
    let end = Instant::now() + limit;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let time = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
        let mut fds = [PollFd::new(&fd, PollFlags::IN)];
        match poll(&mut fds, Some(&time)) {
            Ok(0) => return false,
            Ok(_) => return true,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => panic!("poll: {error}"),
        }
    }
}

/// Calls `look` now and each time that something in `directory` is made, written, moved or removed, until
/// it gives a value. `None` when `limit` passed first.
pub fn on_directory<T>(directory: &Path, limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    let watch = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)
        .expect("inotify is there");
    let kinds = inotify::WatchFlags::CREATE
        | inotify::WatchFlags::MODIFY
        | inotify::WatchFlags::MOVED_TO
        | inotify::WatchFlags::DELETE
        | inotify::WatchFlags::CLOSE_WRITE;
    inotify::add_watch(&watch, directory, kinds)
        .unwrap_or_else(|error| panic!("watching {}: {error}", directory.display()));
    loop {
        if let Some(value) = look() {
            return Some(value);
        }
        let left = end.checked_duration_since(Instant::now())?;
        if !readable(&watch, left) {
            return None;
        }
        let mut buffer = [0; 16_384];
        while rustix::io::read(&watch, &mut buffer).is_ok_and(|length| length > 0) {}
    }
}
