//! Who we are and where, for people.

use std::env;
use std::fs;

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
    }
}
