//! What the configuration depends on: variables, files, who and where we are. Injected, so that tests need not touch
//! those of the process.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::error::ConfigError;

/// Most bytes that are read of a small file.
pub(crate) const FILE_SIZE_MAX: u64 = 1 << 20;

/// The surroundings of a process.
#[derive(Clone, Debug)]
pub(crate) struct Environment {
    /// In their order; of several of the same name the first counts.
    pub(crate) variables: Vec<(OsString, OsString)>,
    /// Where `etc` and `var` are.
    pub(crate) root: PathBuf,
    pub(crate) user: u32,
    pub(crate) process: u32,
    pub(crate) host: Option<String>,
    /// The name of the program's file.
    pub(crate) binary: Option<String>,
}

impl Environment {
    /// That of this process.
    pub(crate) fn of_process() -> Self {
        let host = rustix::system::uname();
        let program = fs::read_link("/proc/self/exe").ok();
        let text = |text: &OsStr| Some(printable(text)).filter(|text| !text.is_empty());
        Self {
            variables: env::vars_os().collect(),
            root: PathBuf::from("/"),
            user: rustix::process::getuid().as_raw(),
            process: std::process::id(),
            host: text(OsStr::from_bytes(host.nodename().to_bytes())),
            binary: program.as_deref().and_then(Path::file_name).and_then(text),
        }
    }

    /// A variable that is set, be it to nothing.
    pub(crate) fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_os_str())
    }

    /// A variable that is set to something.
    pub(crate) fn filled(&self, name: &str) -> Option<&OsStr> {
        self.variable(name).filter(|value| !value.is_empty())
    }

    /// A variable that is set to something, as text.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, ConfigError> {
        self.filled(name)
            .map(|value| value.to_str().ok_or_else(|| ConfigError::NotUtf8 { variable: name.to_owned() }))
            .transpose()
    }

    /// The home directory. A relative one is none.
    pub(crate) fn home(&self) -> Option<PathBuf> {
        let home = match self.variable("HOME").or_else(|| self.variable("USERPROFILE")) {
            Some(home) => PathBuf::from(home),
            None => PathBuf::from(self.password_entry()?.1),
        };
        home.is_absolute().then_some(home)
    }

    /// Where the cookie is, and what relative names of cookie files are relative to.
    pub(crate) fn config_home(&self) -> Option<PathBuf> {
        match self.filled("XDG_CONFIG_HOME") {
            Some(directory) => Some(Path::new(directory).join("pulse")),
            None => Some(self.home()?.join(".config/pulse")),
        }
    }

    /// The name of our user.
    pub(crate) fn user_name(&self) -> String {
        if self.user == 0 {
            return "root".to_owned();
        }
        ["USER", "LOGNAME", "USERNAME"]
            .into_iter()
            .find_map(|name| self.variable(name))
            .map(printable)
            .or_else(|| self.password_entry().map(|(name, _)| name))
            .unwrap_or_else(|| self.user.to_string())
    }

    /// Name and home directory of our user, from the list of users.
    fn password_entry(&self) -> Option<(String, String)> {
        let list = read_limited(&self.root.join("etc/passwd")).ok()?;
        String::from_utf8_lossy(&list).lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            (fields.nth(1)?.parse() == Ok(self.user)).then_some(())?;
            Some((name.to_owned(), fields.nth(2)?.to_owned()))
        })
    }

    /// What identifies this machine, in `{…}` before addresses of servers: the first line of the file, else the name
    /// of the host.
    pub(crate) fn machine_id(&self) -> Option<String> {
        ["etc/machine-id", "var/lib/dbus/machine-id"]
            .into_iter()
            .find_map(|file| read_limited(&self.root.join(file)).ok())
            .map(|bytes| {
                let line = bytes.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
                // As many bytes as PulseAudio reads.
                printable(OsStr::from_bytes(line.get(..32).unwrap_or(line)))
            })
            .filter(|id| !id.is_empty())
            .or_else(|| self.host.clone())
    }

    /// The socket of this user's server; `None` where there is no place for one.
    pub(crate) fn user_socket(&self) -> Result<Option<PathBuf>, ConfigError> {
        let directory = match self.runtime_directory()? {
            None => return Ok(None),
            Some(directory) => directory,
        };
        // An address of a socket has 108 bytes: links that lead somewhere shorter are followed.
        let shorter = fs::canonicalize(&directory)
            .ok()
            .filter(|real| real.as_os_str().len() <= directory.as_os_str().len());
        Ok(Some(shorter.unwrap_or(directory).join("native")))
    }

    fn runtime_directory(&self) -> Result<Option<PathBuf>, ConfigError> {
        if let Some(directory) = self.filled("PULSE_RUNTIME_PATH") {
            return Ok(Some(directory.into()));
        }
        if let Some(directory) = self.filled("XDG_RUNTIME_DIR") {
            let directory = PathBuf::from(directory);
            self.check_owner(&directory, false)?;
            return Ok(Some(directory.join("pulse")));
        }
        let Some(home) = self.home() else { return Ok(None) };
        self.check_owner(&home, true)?;
        let old = home.join(".pulse");
        let directory = if old.exists() { Some(old) } else { self.config_home() };
        let (Some(directory), Some(id)) = (directory, self.machine_id()) else { return Ok(None) };
        let link = directory.join(format!("{id}-runtime"));
        // It leads to a directory below /tmp, where anybody can make one of the name that once was ours.
        let Ok(real) = fs::canonicalize(&link) else { return Ok(Some(link)) };
        self.check_owner(&real, false)?;
        let private = fs::metadata(&real).is_ok_and(|data| data.permissions().mode() & 0o777 == 0o700);
        Ok(private.then_some(link))
    }

    fn check_owner(&self, path: &Path, root_is_fine: bool) -> Result<(), ConfigError> {
        match fs::metadata(path).map(|data| data.uid()) {
            Ok(owner) if owner != self.user && !(root_is_fine && owner == 0) => {
                Err(ConfigError::ForeignDirectory { path: path.to_owned(), owner, user: self.user })
            }
            _ => Ok(()),
        }
    }

    /// The socket of a server for the whole machine.
    pub(crate) fn system_socket(&self) -> PathBuf {
        self.root.join("var/run/pulse/native")
    }
}

/// What of it is UTF-8.
pub(crate) fn printable(text: &OsStr) -> String {
    text.as_bytes().utf8_chunks().map(|chunk| chunk.valid()).collect()
}

/// Reads a file of [`FILE_SIZE_MAX`] bytes at most; of a longer one, one byte more.
pub(crate) fn read_limited(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(FILE_SIZE_MAX + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
impl Environment {
    /// A machine whose files are below a directory.
    pub(crate) fn for_test<'a>(
        root: &Path,
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Environment {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        let (host, binary) = (Some("studio".to_owned()), Some("player".to_owned()));
        let user = rustix::process::getuid().as_raw();
        Environment { variables, root: root.to_owned(), user, process: 4321, host, binary }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn the_machine_is_known_by_its_file_or_its_name() {
        let root = tempfile::tempdir().unwrap();
        let environment = Environment::for_test(root.path(), []);
        assert_eq!(environment.machine_id().unwrap(), "studio");
        write(&root.path().join("var/lib/dbus/machine-id"), "0123456789abcdef0123456789abcdefXYZ\n");
        assert_eq!(environment.machine_id().unwrap(), "0123456789abcdef0123456789abcdef");
        write(&root.path().join("etc/machine-id"), "first\nsecond\n");
        assert_eq!(environment.machine_id().unwrap(), "first");
        write(&root.path().join("etc/machine-id"), "\n");
        assert_eq!(environment.machine_id().unwrap(), "studio");
        let nameless = Environment { host: None, ..environment };
        assert_eq!(nameless.machine_id(), None);
    }

    #[test]
    fn a_home_is_absolute_and_may_come_from_the_list_of_users() {
        let root = tempfile::tempdir().unwrap();
        let home = |variables: &[(&'static str, &'static str)]| Environment {
            user: 1234,
            ..Environment::for_test(root.path(), variables.iter().copied())
        };
        assert_eq!(home(&[("HOME", "/h")]).home(), Some("/h".into()));
        assert_eq!(home(&[("HOME", "h")]).home(), None);
        assert_eq!(home(&[("HOME", "")]).config_home(), None);
        assert_eq!(home(&[("XDG_CONFIG_HOME", "/x")]).config_home(), Some("/x/pulse".into()));
        assert_eq!(home(&[]).home(), None);
        assert_eq!(home(&[]).user_name(), "1234");
        write(
            &root.path().join("etc/passwd"),
            "broken\nroot:x:0:0::/root:/bin/sh\nbob:x:1234:1::/b:/bin/sh\n",
        );
        assert_eq!(home(&[]).home(), Some("/b".into()));
        assert_eq!(home(&[]).user_name(), "bob");
        assert_eq!(home(&[("LOGNAME", "eve")]).user_name(), "eve");
    }

    #[test]
    fn the_socket_is_in_the_runtime_directory() {
        let root = tempfile::tempdir().unwrap();
        let home = root.path().to_str().unwrap();
        let socket = |variables: &[(&'static str, &'static str)]| {
            let variables = [("HOME", home)].into_iter().chain(variables.iter().copied());
            Environment::for_test(root.path(), variables).user_socket()
        };
        assert_eq!(socket(&[("PULSE_RUNTIME_PATH", "/p")]).unwrap(), Some("/p/native".into()));
        let both = [("PULSE_RUNTIME_PATH", ""), ("XDG_RUNTIME_DIR", "/nowhere")];
        assert_eq!(socket(&both).unwrap(), Some("/nowhere/pulse/native".into()));

        let link = root.path().join(".config/pulse/studio-runtime");
        assert_eq!(socket(&[]).unwrap(), Some(link.join("native")));
        fs::create_dir(root.path().join(".pulse")).unwrap();
        let link = root.path().join(".pulse/studio-runtime");
        assert_eq!(socket(&[]).unwrap(), Some(link.join("native")));

        let real = root.path().join("r");
        fs::create_dir(&real).unwrap();
        symlink(&real, &link).unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(socket(&[]).unwrap(), None);
        fs::set_permissions(&real, fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(socket(&[]).unwrap(), Some(fs::canonicalize(&real).unwrap().join("native")));
    }

    #[test]
    fn a_directory_of_somebody_else_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().to_str().unwrap();
        let environment = Environment::for_test(root.path(), [("XDG_RUNTIME_DIR", directory)]);
        let other = Environment { user: environment.user + 1, ..environment };
        let error = other.user_socket().unwrap_err();
        assert!(
            matches!(error, ConfigError::ForeignDirectory { owner, user, .. } if owner + 1 == user),
            "{error}"
        );
    }
}
