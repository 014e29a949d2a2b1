//! `--system`: a server for the whole machine, as a user of its own.
//!
//! Root makes the directories and becomes that user; then the program starts once more, in the same process, with the
//! user's environment and nothing of root's.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rustix::fs::{Gid, Mode, OFlags, Uid};
use rustix::process::{Resource, Rlimit};

/// Whom the server runs as, with a group of the same name (`PA_SYSTEM_USER`).
const USER: &str = "pulse";

/// Who is in this group may use the server (`PA_ACCESS_GROUP`).
pub(super) const ACCESS_GROUP: &str = "pulse-access";

/// Where clients look for the socket; open to all.
const RUNTIME_DIRECTORY: &str = "/var/run/pulse";

/// Where the server keeps what outlives it.
const STATE_DIRECTORY: &str = "/var/lib/pulse";

/// Tells the program that it has become the user.
const BECOME: &str = "SEALPULSE_SYSTEM";

/// What PulseAudio grants itself: priorities that its user could not ask for later.
const REALTIME_PRIORITY_MAX: u64 = 9;

/// Why there is no server for the whole machine.
#[derive(Debug, thiserror::Error)]
pub(super) enum SystemError {
    #[error("--system needs root: the server runs as the user `{USER}` and listens in {RUNTIME_DIRECTORY}")]
    NotRoot,
    #[error("--start is for the server of one user, not for --system")]
    Start,
    #[error(
        "there is no user `{USER}` for --system to run as: \
         adduser --system --group --no-create-home --home {RUNTIME_DIRECTORY} {USER}"
    )]
    NoUser,
    #[error("there is no group `{USER}` for --system to run as: addgroup --system {USER}")]
    NoGroup,
    #[error("the group of the user `{USER}` is {user}, and not the group `{USER}`, which is {group}")]
    Group { user: u32, group: u32 },
    #[error("cannot use the directory {path}: {source}")]
    Directory { path: &'static str, source: io::Error },
    #[error("cannot become the user `{USER}`: {source}")]
    Become { source: io::Error },
    #[error("cannot start as the user `{USER}`: {source}")]
    Again { source: io::Error },
}

/// The user, and what groups it is in.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    user: u32,
    group: u32,
    groups: Vec<u32>,
}

impl Identity {
    /// Finds the user in the lists of users and groups.
    fn find(users: &str, groups: &str) -> Result<Identity, SystemError> {
        let named = |list: &str| -> Option<Vec<String>> {
            let line = list.lines().find(|line| line.split(':').next() == Some(USER))?;
            Some(line.split(':').map(str::to_owned).collect())
        };
        let number = |fields: &[String], place: usize| fields.get(place)?.parse::<u32>().ok();
        let user = named(users).ok_or(SystemError::NoUser)?;
        let (Some(uid), Some(own)) = (number(&user, 2), number(&user, 3)) else {
            return Err(SystemError::NoUser);
        };
        let group = named(groups).and_then(|fields| number(&fields, 2)).ok_or(SystemError::NoGroup)?;
        if own != group {
            return Err(SystemError::Group { user: own, group });
        }
        let others = groups.lines().filter_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            let member = fields.get(3)?.split(',').any(|member| member == USER);
            if member { fields.get(2)?.parse().ok() } else { None }
        });
        let mut groups: Vec<u32> = others.chain([group]).collect();
        groups.sort_unstable();
        groups.dedup();
        Ok(Identity { user: uid, group, groups })
    }
}

/// Whether this is not yet the program as root has started it again.
pub(super) fn is_to_become() -> bool {
    rustix::process::getuid().is_root() || std::env::var_os(BECOME).is_none()
}

/// Becomes the user and starts the program again; returns only where that fails.
pub(super) fn start_again() -> SystemError {
    match prepare() {
        Ok(mut command) => SystemError::Again { source: command.exec() },
        Err(error) => error,
    }
}

fn prepare() -> Result<Command, SystemError> {
    if !rustix::process::getuid().is_root() {
        return Err(SystemError::NotRoot);
    }
    let list = |file| fs::read_to_string(file).unwrap_or_default();
    let identity = Identity::find(&list("/etc/passwd"), &list("/etc/group"))?;
    make_directory(RUNTIME_DIRECTORY, 0o755, &identity)?;
    make_directory(STATE_DIRECTORY, 0o700, &identity)?;
    let limit = Rlimit { current: Some(REALTIME_PRIORITY_MAX), maximum: Some(REALTIME_PRIORITY_MAX) };
    // Where it is refused, as in a container, there is no real time.
    let _ = rustix::process::setrlimit(Resource::Rtprio, limit);
    become_user(&identity).map_err(|source| SystemError::Become { source })?;
    let mut command = Command::new("/proc/self/exe");
    let mut arguments = std::env::args_os();
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    command.args(arguments).env(BECOME, "1").env("PULSE_SYSTEM", "1").env("HOME", RUNTIME_DIRECTORY);
    for name in ["USER", "USERNAME", "LOGNAME"] {
        command.env(name, USER);
    }
    let unset = |name: &str| std::env::var_os(name).is_none();
    for (name, directory) in [
        ("PULSE_RUNTIME_PATH", RUNTIME_DIRECTORY),
        ("PULSE_CONFIG_PATH", STATE_DIRECTORY),
        ("PULSE_STATE_PATH", STATE_DIRECTORY),
    ] {
        if unset(name) {
            command.env(name, directory);
        }
    }
    // Root's own are closed to the user.
    for name in ["XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"] {
        command.env_remove(name);
    }
    command.env(
        "XDG_STATE_HOME",
        std::env::var_os("PULSE_STATE_PATH").unwrap_or_else(|| STATE_DIRECTORY.into()),
    );
    Ok(command)
}

/// Makes a directory the user's, with this mode.
fn make_directory(path: &'static str, mode: u32, identity: &Identity) -> Result<(), SystemError> {
    let failed = |source: io::Error| SystemError::Directory { path, source };
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
    let own = || {
        let directory = rustix::fs::open(Path::new(path), flags, Mode::empty())?;
        let (user, group) = (Uid::from_raw(identity.user), Gid::from_raw(identity.group));
        rustix::fs::fchown(&directory, Some(user), Some(group))?;
        rustix::fs::fchmod(&directory, Mode::from_raw_mode(mode))
    };
    own().map_err(|errno| failed(errno.into()))
}

/// Gives up all that root may. The program has one thread yet, so that is all of it.
fn become_user(identity: &Identity) -> io::Result<()> {
    let groups: Vec<Gid> = identity.groups.iter().map(|&group| Gid::from_raw(group)).collect();
    let (user, group) = (Uid::from_raw(identity.user), Gid::from_raw(identity.group));
    rustix::thread::set_thread_groups(&groups)?;
    rustix::thread::set_thread_res_gid(group, group, group)?;
    rustix::thread::set_thread_res_uid(user, user, user)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "root:x:0:0:root:/root:/bin/sh\npulse:x:102:105:PulseAudio:/run/pulse:/bin/false\n";

    #[test]
    fn the_user_is_found_with_all_its_groups() {
        let groups = "root:x:0:\naudio:x:29:joe,pulse\npulse:x:105:\nvideo:x:44:pulses\n";
        let identity = Identity::find(USERS, groups).unwrap();
        assert_eq!(identity, Identity { user: 102, group: 105, groups: vec![29, 105] });
    }

    #[test]
    fn what_is_missing_is_named() {
        assert!(matches!(
            Identity::find("root:x:0:0::/:/bin/sh\n", "pulse:x:105:\n"),
            Err(SystemError::NoUser)
        ));
        assert!(matches!(Identity::find("pulse:x:nonsense\n", "pulse:x:105:\n"), Err(SystemError::NoUser)));
        assert!(matches!(Identity::find(USERS, "root:x:0:\n"), Err(SystemError::NoGroup)));
        let other = Identity::find(USERS, "pulse:x:7:\n");
        assert!(matches!(other, Err(SystemError::Group { user: 105, group: 7 })));
        assert!(SystemError::NoUser.to_string().contains("adduser"));
    }
}
