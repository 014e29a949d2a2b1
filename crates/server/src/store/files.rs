//! Files that are always whole: what a crash or a full disk leaves is the last state that was written completely.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::process::{Pid, test_kill_process};

/// What is done to put a file in the place of another. Tests stop between any two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Create,
    WriteHalf,
    WriteRest,
    Sync,
    Rename,
    SyncDirectory,
}

/// Puts `bytes` in the place of what is at `path`. Whatever fails, what was there stays.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let result = replace_in_steps(path, bytes, &mut |_| Ok(()));
    if result.is_err() {
        let _ = fs::remove_file(temporary(path));
    }
    result
}

/// The same, asking before each step.
pub(super) fn replace_in_steps(
    path: &Path,
    bytes: &[u8],
    before: &mut dyn FnMut(Step) -> io::Result<()>,
) -> io::Result<()> {
    let directory = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    before(Step::Create)?;
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let temporary = temporary(path);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    let (half, rest) = bytes.split_at(bytes.len() / 2);
    before(Step::WriteHalf)?;
    file.write_all(half)?;
    before(Step::WriteRest)?;
    file.write_all(rest)?;
    before(Step::Sync)?;
    // Otherwise the name could reach the disk before the content.
    file.sync_all()?;
    before(Step::Rename)?;
    fs::rename(&temporary, path)?;
    before(Step::SyncDirectory)?;
    File::open(directory)?.sync_all()
}

/// Where a file is written before it takes its place. Each process has its own.
fn temporary(path: &Path) -> PathBuf {
    let mut name = temporary_prefix(path);
    name.push(std::process::id().to_string());
    path.with_file_name(name)
}

fn temporary_prefix(path: &Path) -> OsString {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".tmp.");
    name
}

/// Removes what processes left that were stopped while they wrote.
pub(super) fn remove_leftovers(path: &Path) {
    let prefix = temporary_prefix(path);
    let Some(entries) = path.parent().and_then(|directory| fs::read_dir(directory).ok()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(owner) = name.as_encoded_bytes().strip_prefix(prefix.as_encoded_bytes()) else { continue };
        let owner = std::str::from_utf8(owner).ok().and_then(|text| text.parse::<i32>().ok());
        let lives = owner.and_then(Pid::from_raw).is_some_and(|pid| test_kill_process(pid).is_ok());
        if !lives {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Puts a damaged file out of the way, for whoever wants to look at it.
pub(super) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".damaged");
    let aside = path.with_file_name(name);
    fs::rename(path, &aside)?;
    Ok(aside)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: [Step; 6] =
        [Step::Create, Step::WriteHalf, Step::WriteRest, Step::Sync, Step::Rename, Step::SyncDirectory];

    /// As if the process had been killed, or the disk been full, before this step.
    fn stop_before(stop: Step) -> impl FnMut(Step) -> io::Result<()> {
        move |step| if step == stop { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    #[test]
    fn whenever_it_stops_a_whole_state_is_there() {
        for stop in STEPS {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("state/volumes");
            replace(&path, b"the old state").unwrap();
            assert!(replace_in_steps(&path, b"the new state", &mut stop_before(stop)).is_err());
            let expected: &[u8] =
                if stop == Step::SyncDirectory { b"the new state" } else { b"the old state" };
            assert_eq!(fs::read(&path).unwrap(), expected, "{stop:?}");
            replace(&path, b"a later one").unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"a later one");
            assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left over");
        }
    }

    #[test]
    fn a_first_write_that_stops_leaves_nothing() {
        for stop in &STEPS[..5] {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("volumes");
            assert!(replace_in_steps(&path, b"state", &mut stop_before(*stop)).is_err());
            assert!(!path.exists(), "{stop:?}");
        }
    }

    #[test]
    fn leftovers_of_the_dead_go() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("volumes");
        replace(&path, b"state").unwrap();
        let ours = temporary(&path);
        fs::write(&ours, b"half").unwrap();
        // No process has the highest number.
        let dead = directory.path().join(".volumes.tmp.2147483647");
        fs::write(&dead, b"half").unwrap();
        let other = directory.path().join(".others.tmp.2147483647");
        fs::write(&other, b"half").unwrap();
        remove_leftovers(&path);
        assert!(path.exists() && ours.exists() && other.exists() && !dead.exists());
    }

    #[test]
    fn what_cannot_be_written_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, b"").unwrap();
        assert!(replace(&file.join("volumes"), b"state").is_err(), "a file is no directory");
        let taken = directory.path().join("taken");
        fs::create_dir_all(taken.join("inside")).unwrap();
        assert!(replace(&taken, b"state").is_err(), "a directory is in its place");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "nothing is left over");
    }
}
