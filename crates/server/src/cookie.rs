//! The authentication cookie: 256 random bytes in a file that only its owner can read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::rand::{GetRandomFlags, getrandom};

use sealpulse_protocol::COOKIE_LENGTH;

use crate::ServerError;
use crate::config::{CookieSource, path_variable};

impl std::fmt::Debug for Cookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cookie(…)")
    }
}

/// The secret that a client of another user shows.
pub(crate) struct Cookie(Box<[u8; COOKIE_LENGTH]>);

impl Cookie {
    /// Whether a client knows the cookie. Takes the same time wherever the first difference is.
    pub(crate) fn matches(&self, shown: &[u8]) -> bool {
        shown.len() == COOKIE_LENGTH
            && self.0.iter().zip(shown).fold(0, |difference, (ours, theirs)| difference | (ours ^ theirs))
                == 0
    }
}

/// Reads the cookie, making it where there is none.
pub(crate) fn load(source: &CookieSource) -> Result<Option<Cookie>, ServerError> {
    let path = match source {
        CookieSource::Disabled => return Ok(None),
        CookieSource::File(path) => path.clone(),
        CookieSource::Default => default_path()?,
    };
    match load_file(&path) {
        Ok(cookie) => Ok(Some(cookie)),
        Err(source) => Err(ServerError::Cookie { path, source }),
    }
}

/// PulseAudio's directory of the user's configuration.
pub(crate) fn configuration_directory() -> Option<PathBuf> {
    path_variable("XDG_CONFIG_HOME")
        .or_else(|| path_variable("HOME").map(|home| home.join(".config")))
        .map(|directory| directory.join("pulse"))
}

fn default_path() -> Result<PathBuf, ServerError> {
    if let Some(path) = path_variable("PULSE_COOKIE") {
        return Ok(path);
    }
    let home = path_variable("HOME");
    let path = configuration_directory().ok_or(ServerError::NoHome)?.join("cookie");
    let old = home.map(|home| home.join(".pulse-cookie")).filter(|old| !path.exists() && old.exists());
    Ok(old.unwrap_or(path))
}

fn load_file(path: &Path) -> io::Result<Cookie> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    let opened =
        OpenOptions::new().read(true).write(true).create(true).mode(0o600).truncate(false).open(path);
    let mut file = match opened {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
            ) =>
        {
            File::open(path)?
        }
        other => other?,
    };
    // A server that starts at the same time must not overwrite what we just made.
    let _ = flock(&file, FlockOperation::LockExclusive);

    let mut bytes = Box::new([0; COOKIE_LENGTH]);
    match file.read_exact(&mut bytes[..]) {
        Ok(()) => return Ok(Cookie(bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
        Err(error) => return Err(error),
    }
    let mut filled = 0;
    while filled < COOKIE_LENGTH {
        filled += getrandom(&mut bytes[filled..], GetRandomFlags::empty())?;
    }
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(&bytes[..])?;
    Ok(Cookie(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_missing_cookie_is_made_private_and_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pulse/cookie");
        let first = load(&CookieSource::File(path.clone())).unwrap().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = load(&CookieSource::File(path)).unwrap().unwrap();
        assert!(first.matches(&again.0[..]));
        assert_ne!(&first.0[..], &[0; COOKIE_LENGTH][..]);
    }

    #[test]
    fn a_short_cookie_is_replaced_and_a_wrong_one_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cookie");
        fs::write(&path, b"short").unwrap();
        let cookie = load(&CookieSource::File(path.clone())).unwrap().unwrap();
        assert_eq!(fs::read(&path).unwrap(), &cookie.0[..]);
        assert!(!cookie.matches(b"short"));
        assert!(!cookie.matches(&[0; COOKIE_LENGTH]));
    }
}
