//! Who we are and where, for people.

use std::env;
use std::fs;
use std::path::PathBuf;

use crate::config::path_variable;

/// The user that the server runs as: from the environment, else from `/etc/passwd`, else the number.
pub(crate) fn user_name() -> String {
    let from_environment = ["USER", "LOGNAME", "USERNAME"].iter().filter_map(|name| env::var(name).ok());
    if let Some(name) = from_environment.into_iter().find(|name| !name.is_empty()) {
        return name;
    }
    let user = rustix::process::getuid().as_raw();
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    name_of(user, &users).map_or_else(|| user.to_string(), str::to_owned)
}

fn name_of(user: u32, users: &str) -> Option<&str> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(user)).then_some(name)
    })
}

/// Our home: what the environment says, else `/etc/passwd`.
pub(crate) fn home() -> Option<PathBuf> {
    let listed = || {
        let users = fs::read_to_string("/etc/passwd").ok()?;
        home_of(rustix::process::getuid().as_raw(), &users).map(PathBuf::from)
    };
    path_variable("HOME").or_else(listed).filter(|home| home.is_absolute())
}

fn home_of(user: u32, users: &str) -> Option<&str> {
    users.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let number = fields.get(2)?;
        if number.parse() == Ok(user) { fields.get(5).copied() } else { None }
    })
}

/// What tells this machine from others that share our home: its id, else its name.
pub(crate) fn machine_id() -> String {
    let ids = ["/etc/machine-id", "/var/lib/dbus/machine-id"].into_iter().find_map(|file| {
        let text = fs::read_to_string(file).ok()?;
        // As many characters as PulseAudio reads.
        let id: String = text.lines().next()?.chars().take(32).collect();
        (!id.is_empty()).then_some(id)
    });
    ids.unwrap_or_else(host_name)
}

/// The name of this machine.
pub(crate) fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_number() {
        let users = "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/:/bin/false\nbad\n";
        assert_eq!(name_of(65534, users), Some("nobody"));
        assert_eq!(name_of(7, users), None);
        assert_eq!((home_of(0, users), home_of(7, users)), (Some("/root"), None));
    }
}
