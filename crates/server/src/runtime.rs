//! The directory of sockets and the `pid` file, where clients look for them.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};

use rustix::rand::{GetRandomFlags, getrandom};

use crate::ServerError;
use crate::config::path_variable;
use crate::host;

/// How often a link that somebody else replaces meanwhile is looked at again.
const ATTEMPTS: usize = 8;

/// The directory of the default socket: `$PULSE_RUNTIME_PATH`, else `$XDG_RUNTIME_DIR/pulse`. Where neither is set, it is
/// what `<machine-id>-runtime` in `~/.pulse` or the configuration directory leads to: a directory below `/tmp`, made where
/// there is none. libpulse looks there, too.
///
/// # Errors
/// [`ServerError::NoRuntimeDirectory`] where there is no home either, [`ServerError::Directory`] where it cannot be made.
pub fn runtime_directory() -> Result<PathBuf, ServerError> {
    if let Some(directory) = path_variable("PULSE_RUNTIME_PATH") {
        return Ok(directory);
    }
    if let Some(directory) = path_variable("XDG_RUNTIME_DIR") {
        return Ok(directory.join("pulse"));
    }
    let home = host::home().ok_or(ServerError::NoRuntimeDirectory)?;
    let old = home.join(".pulse");
    let folder = if old.exists() {
        old
    } else {
        path_variable("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config")).join("pulse")
    };
    let link = folder.join(format!("{}-runtime", host::machine_id()));
    linked(&folder, &link).map_err(|source| ServerError::Directory { path: link, source })
}

/// Follows a link to a private directory; makes both where they are not there, or not ours.
fn linked(folder: &Path, link: &Path) -> io::Result<PathBuf> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    for _ in 0..ATTEMPTS {
        if is_private(link) {
            return Ok(link.to_owned());
        }
        // Replaced in one step: others follow it meanwhile.
        let name = random_name()?;
        let directory = std::env::temp_dir().join(format!("pulse-{name}"));
        let new = link.with_file_name(format!("runtime-{name}"));
        DirBuilder::new().mode(0o700).create(&directory)?;
        let made = symlink(&directory, &new).and_then(|()| {
            // Who was quicker has made one that is as good.
            if is_private(link) { Err(io::ErrorKind::AlreadyExists.into()) } else { fs::rename(&new, link) }
        });
        if let Err(error) = made {
            let _ = fs::remove_file(&new);
            let _ = fs::remove_dir(&directory);
            if error.kind() != io::ErrorKind::AlreadyExists {
                return Err(error);
            }
        }
    }
    Err(io::Error::other("others keep replacing it"))
}

/// Whether a link leads to a directory that is ours alone: anybody may have made one in `/tmp`.
fn is_private(link: &Path) -> bool {
    let target = fs::read_link(link).ok().filter(|target| target.is_absolute());
    target.and_then(|target| fs::symlink_metadata(target).ok()).is_some_and(|there| {
        there.is_dir() && there.uid() == rustix::process::geteuid().as_raw() && there.mode() & 0o777 == 0o700
    })
}

fn random_name() -> io::Result<String> {
    let mut bytes = [0; 8];
    getrandom(&mut bytes[..], GetRandomFlags::empty())?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_link_is_made_once_and_replaced_where_it_leads_astray() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("config/pulse");
        let link = folder.join("id-runtime");
        let target = || fs::read_link(&link).unwrap();
        assert_eq!(linked(&folder, &link).unwrap(), link);
        let first = target();
        linked(&folder, &link).unwrap();
        assert_eq!(target(), first);
        fs::set_permissions(&first, fs::Permissions::from_mode(0o755)).unwrap();
        linked(&folder, &link).unwrap();
        let second = target();
        assert_ne!(second, first, "others can read it");
        fs::remove_dir(&second).unwrap();
        linked(&folder, &link).unwrap();
        let third = target();
        assert_ne!(third, second, "it is gone, as after a restart of the machine");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::remove_dir(first).unwrap();
        fs::remove_dir(third).unwrap();
    }
}
