//! The listening socket and the `pid` file beside it: what is stale is taken over, what is alive is left alone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};

use crate::ServerError;

/// A bound socket. Dropping it removes the socket's file, if it is still the one that was made.
#[derive(Debug)]
pub(crate) struct Socket {
    path: PathBuf,
    identity: Identity,
}

/// Device, inode and time of birth of a socket's file: an inode's number may be used again at once.
type Identity = (u64, u64, i64, i64);

fn identity(metadata: &fs::Metadata) -> Identity {
    (metadata.dev(), metadata.ino(), metadata.mtime(), metadata.mtime_nsec())
}

impl Socket {
    /// Listens at `path`: takes over a stale socket, leaves a live one alone.
    pub(crate) fn bind(path: &Path) -> Result<(Socket, UnixListener), ServerError> {
        if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            make_directory(directory)?;
        }
        remove_stale(path)?;
        let failed = |source| ServerError::Listen { path: path.to_owned(), source };
        let listener = UnixListener::bind(path).map_err(failed)?;
        // Connections inherit it; one that is made later than its first packet misses who sent that.
        rustix::net::sockopt::set_socket_passcred(&listener, true).map_err(|errno| failed(errno.into()))?;
        // Who may connect is decided by the directory and by authentication, as in PulseAudio.
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let metadata = fs::symlink_metadata(path).map_err(failed)?;
        Ok((Socket { path: path.to_owned(), identity: identity(&metadata) }, listener))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path).is_ok_and(|there| identity(&there) == self.identity);
        if ours {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Makes the directory of a socket, for us alone. One that is there must be ours, unless everybody may write to
/// it (`/tmp`), or we are root.
fn make_directory(directory: &Path) -> Result<(), ServerError> {
    let failed = |source| ServerError::Directory { path: directory.to_owned(), source };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
    let metadata = fs::metadata(directory).map_err(failed)?;
    let user = rustix::process::geteuid().as_raw();
    let shared = metadata.mode() & 0o1002 == 0o1002;
    if metadata.uid() != user && !shared && user != 0 {
        return Err(ServerError::ForeignDirectory {
            path: directory.to_owned(),
            owner: metadata.uid(),
            user,
        });
    }
    Ok(())
}

fn remove_stale(path: &Path) -> Result<(), ServerError> {
    let failed = |source| ServerError::Listen { path: path.to_owned(), source };
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(failed)?,
    };
    if !metadata.file_type().is_socket() {
        return Err(ServerError::NotASocket { path: path.to_owned() });
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            tracing::info!(path = %path.display(), "taking over a stale socket");
            fs::remove_file(path).map_err(failed)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(_) => Err(ServerError::AlreadyRunning { path: path.to_owned(), pid: PidFile::read_beside(path) }),
        Err(error) => Err(failed(error)),
    }
}

/// The `pid` file beside the main socket: scripts and clients look into it. It is locked as long as it is ours,
/// so two servers that start at once cannot both have it.
#[derive(Debug)]
pub(crate) struct PidFile {
    path: PathBuf,
    file: File,
}

impl PidFile {
    /// Writes our process id into `pid` beside `socket`. `None` where the directory is not for us to write.
    pub(crate) fn create(socket: &Path) -> Result<Option<PidFile>, ServerError> {
        Self::create_at(socket.with_file_name("pid"), socket)
    }

    /// Writes our process id into a file; `socket` is what an error names.
    pub(crate) fn create_at(path: PathBuf, socket: &Path) -> Result<Option<PidFile>, ServerError> {
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(OFlags::NOFOLLOW.bits() as i32)
            .open(&path);
        let mut file = match opened {
            Ok(file) => file,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "cannot write the pid file");
                return Ok(None);
            }
        };
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(ServerError::AlreadyRunning { path: socket.to_owned(), pid: read_pid(&mut file) });
        }
        let written = (|| {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        })();
        if let Err(error) = written {
            tracing::warn!(path = %path.display(), %error, "cannot write the pid file");
            return Ok(None);
        }
        Ok(Some(PidFile { path, file }))
    }

    fn read_beside(socket: &Path) -> Option<u32> {
        File::open(socket.with_file_name("pid")).ok().and_then(|mut file| read_pid(&mut file))
    }
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(20).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

impl Drop for PidFile {
    fn drop(&mut self) {
        let ours = self.file.metadata().and_then(|ours| Ok((ours, fs::symlink_metadata(&self.path)?)));
        if ours.is_ok_and(|(ours, there)| ours.ino() == there.ino() && ours.dev() == there.dev()) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_socket_is_taken_over_and_a_live_one_left() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run/pulse/native");
        let (socket, listener) = Socket::bind(&path).unwrap();
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
        assert!(matches!(Socket::bind(&path), Err(ServerError::AlreadyRunning { .. })));
        drop(listener);
        let (second, _listener) = Socket::bind(&path).unwrap();
        drop(socket);
        assert!(path.exists(), "the first one must not remove the second one's file");
        drop(second);
        assert!(!path.exists());
    }

    #[test]
    fn what_is_not_a_socket_is_not_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("native");
        fs::write(&path, b"precious").unwrap();
        assert!(matches!(Socket::bind(&path), Err(ServerError::NotASocket { .. })));
        assert!(path.exists());
    }

    #[test]
    fn a_pid_file_is_taken_over_unless_its_owner_lives() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("native");
        fs::write(directory.path().join("pid"), "4294967290\n").unwrap();
        let file = PidFile::create(&socket).unwrap().unwrap();
        assert_eq!(PidFile::read_beside(&socket), Some(std::process::id()));
        assert!(matches!(
            PidFile::create(&socket),
            Err(ServerError::AlreadyRunning { pid: Some(pid), .. }) if pid == std::process::id()
        ));
        drop(file);
        assert!(!directory.path().join("pid").exists());
    }
}
