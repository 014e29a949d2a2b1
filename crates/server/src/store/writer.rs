//! The thread that writes: waiting for a disk must not hold up the control thread.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};

use super::files;

/// Writes files, one after the other, on a thread that starts with the first. Dropping it waits for the last.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    jobs: Mutex<Jobs>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct Jobs {
    /// The newest content of each file; older ones need not be written any more.
    waiting: BTreeMap<PathBuf, Vec<u8>>,
    ending: bool,
}

impl Shared {
    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    /// Has a file replaced, soon.
    pub(crate) fn write(&mut self, path: &Path, bytes: Vec<u8>) {
        if self.thread.is_none() {
            let shared = Arc::clone(&self.shared);
            match thread::Builder::new().name("state".to_owned()).spawn(move || work(&shared)) {
                Ok(thread) => self.thread = Some(thread),
                Err(error) => {
                    tracing::warn!(%error, "no thread to write the state: the server waits for the disk");
                    if let Err(error) = files::replace(path, &bytes) {
                        tracing::error!(path = %path.display(), %error, "the state is not saved");
                    }
                    return;
                }
            }
        }
        self.shared.jobs().waiting.insert(path.to_owned(), bytes);
        self.shared.wake.notify_one();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.jobs().ending = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn work(shared: &Shared) {
    be_patient();
    // What could not be written is tried once more at the end.
    let mut failed = BTreeMap::new();
    let mut jobs = shared.jobs();
    loop {
        while let Some((path, bytes)) = jobs.waiting.pop_first() {
            drop(jobs);
            failed.remove(&path);
            if let Err(error) = files::replace(&path, &bytes) {
                tracing::error!(path = %path.display(), %error, "the state is not saved; the last one stays");
                failed.insert(path, bytes);
            }
            jobs = shared.jobs();
        }
        if jobs.ending {
            break;
        }
        jobs = shared.wake.wait(jobs).unwrap_or_else(PoisonError::into_inner);
    }
    for (path, bytes) in failed {
        if files::replace(&path, &bytes).is_ok() {
            tracing::info!(path = %path.display(), "the state is saved after all");
        }
    }
}

/// Gives up the priority that the thread has inherited.
pub(crate) fn be_patient() {
    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other);
    let _ = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy);
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_end_waits_for_the_last_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = |number: usize| directory.path().join(number.to_string());
        let mut writer = Writer::default();
        for round in 0..10 {
            for number in 0..10 {
                writer.write(&path(number), format!("{number}, {round}").into_bytes());
            }
        }
        drop(writer);
        for number in 0..10 {
            assert_eq!(fs::read_to_string(path(number)).unwrap(), format!("{number}, 9"));
        }
    }

    #[test]
    fn what_failed_is_tried_again_at_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let blocked = directory.path().join("blocked");
        fs::write(&blocked, b"").unwrap();
        let mut writer = Writer::default();
        writer.write(&blocked.join("volumes"), b"state".to_vec());
        // Written after it, so the first has been tried.
        let next = directory.path().join("next");
        writer.write(&next, b"state".to_vec());
        while !next.exists() {
            thread::yield_now();
        }
        fs::remove_file(&blocked).unwrap();
        drop(writer);
        assert_eq!(fs::read(blocked.join("volumes")).unwrap(), b"state");
    }

    #[test]
    fn one_that_never_wrote_has_no_thread() {
        assert!(Writer::default().thread.is_none());
    }
}
