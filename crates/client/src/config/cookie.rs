//! The authentication cookie: 256 bytes in a file of the user, which client and server both know.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FlockOperation, fcntl_lock, flock};
use rustix::rand::{GetRandomFlags, getrandom};
use sealpulse_protocol::{COOKIE_LENGTH, Cookie};

use super::environment::Environment;
use super::error::ConfigError;

/// The cookie: the first that can be read of `$PULSE_COOKIE`, `cookie-file` of the configuration, `cookie` in the
/// configuration directory, and `~/.pulse-cookie`. Where there is none it is made, so that a server that starts later
/// knows it. Failing that there is none to show.
pub(crate) fn load(
    environment: &Environment,
    configured: Option<&str>,
    warnings: &mut Vec<ConfigError>,
) -> Option<Cookie> {
    let named = [environment.filled("PULSE_COOKIE"), configured.map(OsStr::new)];
    for name in named.into_iter().flatten() {
        match load_named(environment, Path::new(name)) {
            Ok(cookie) => return Some(cookie),
            Err(error) => warnings.push(error),
        }
    }
    let usual = environment.config_home()?.join("cookie");
    let old = environment.home().map(|home| home.join(".pulse-cookie"));
    let there = [Some(&usual), old.as_ref()].into_iter().flatten().find_map(|path| read(path).ok());
    if there.is_some() {
        return there;
    }
    read_or_make(&usual).map_err(|source| warnings.push(cookie_error(usual, source))).ok()
}

/// The cookie in a file; relative names are relative to the configuration directory.
pub(crate) fn load_named(environment: &Environment, name: &Path) -> Result<Cookie, ConfigError> {
    let path = match environment.config_home() {
        Some(directory) => directory.join(name),
        None => name.to_owned(),
    };
    read_or_make(&path).map_err(|source| cookie_error(path, source))
}

fn cookie_error(path: PathBuf, source: io::Error) -> ConfigError {
    ConfigError::Cookie { path, source: Arc::new(source) }
}

fn read(path: &Path) -> io::Result<Cookie> {
    let mut cookie = Cookie([0; COOKIE_LENGTH]);
    File::open(path)?.read_exact(&mut cookie.0)?;
    Ok(cookie)
}

fn read_or_make(path: &Path) -> io::Result<Cookie> {
    match read(path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof) => {}
        done => return done,
    }
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    // Whoever makes one at the same time must not overwrite ours; PulseAudio locks the one way, our server the other.
    let _ = flock(&file, FlockOperation::LockExclusive);
    let _ = fcntl_lock(&file, FlockOperation::LockExclusive);
    let mut cookie = Cookie([0; COOKIE_LENGTH]);
    match file.read_exact(&mut cookie.0) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
        done => return done.map(|()| cookie),
    }
    let mut filled = 0;
    while filled < COOKIE_LENGTH {
        filled += getrandom(&mut cookie.0[filled..], GetRandomFlags::empty())?;
    }
    file.rewind()?;
    file.write_all(&cookie.0)?;
    Ok(cookie)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn write(path: &Path, byte: u8) -> Cookie {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, [byte; COOKIE_LENGTH]).unwrap();
        Cookie([byte; COOKIE_LENGTH])
    }

    #[test]
    fn the_first_of_several_counts() {
        let home = tempfile::tempdir().unwrap();
        let path = |name: &str| home.path().join(name);
        let loaded = |variable: Option<&str>, configured| {
            let variables = [("HOME", home.path().to_str().unwrap())];
            let variables = variables.into_iter().chain(variable.map(|value| ("PULSE_COOKIE", value)));
            let mut warnings = Vec::new();
            let cookie = load(&Environment::for_test(home.path(), variables), configured, &mut warnings);
            assert!(warnings.is_empty(), "{warnings:?}");
            cookie.unwrap()
        };
        let old = write(&path(".pulse-cookie"), 1);
        assert_eq!(loaded(None, None), old);
        assert!(!path(".config").exists());
        let usual = write(&path(".config/pulse/cookie"), 2);
        assert_eq!(loaded(Some(""), None), usual);
        let configured = write(&path(".config/pulse/other"), 3);
        assert_eq!(loaded(None, Some("other")), configured);
        let named = write(&path("named"), 4);
        assert_eq!(loaded(Some(path("named").to_str().unwrap()), Some("other")), named);
    }

    #[test]
    fn one_that_is_missing_or_short_is_made_private_and_kept() {
        let home = tempfile::tempdir().unwrap();
        let environment = Environment::for_test(home.path(), [("HOME", home.path().to_str().unwrap())]);
        let path = home.path().join(".config/pulse/cookie");
        let mut warnings = Vec::new();
        let made = load(&environment, None, &mut warnings).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        assert_ne!(made, Cookie([0; COOKIE_LENGTH]));
        assert_eq!(load(&environment, None, &mut warnings).unwrap(), made);

        fs::write(&path, b"short").unwrap();
        let again = load(&environment, None, &mut warnings).unwrap();
        assert_ne!(again, made);
        assert_eq!(fs::read(&path).unwrap(), again.0);
        assert!(warnings.is_empty());
    }

    #[test]
    fn failures_are_told_and_the_next_is_taken() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().to_str().unwrap();
        let variables = [("HOME", directory), ("PULSE_COOKIE", directory)];
        let environment = Environment::for_test(home.path(), variables);
        let usual = write(&home.path().join(".config/pulse/cookie"), 2);
        let mut warnings = Vec::new();
        assert_eq!(load(&environment, None, &mut warnings).unwrap(), usual);
        assert_eq!(warnings.len(), 1);
        let expected = format!("cannot use the cookie {directory}: Is a directory (os error 21)");
        assert_eq!(warnings[0].to_string(), expected);

        let homeless = Environment { variables: vec![("HOME".into(), "".into())], ..environment };
        assert_eq!(load(&homeless, None, &mut warnings), None);
    }
}
