//! `client.conf`: what a user or a machine's owner set for all clients.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::environment::{Environment, FILE_SIZE_MAX, read_limited};
use super::error::{ConfigError, ConfigLineError, Origin};

/// Most files that include each other: by far more than anybody needs, and an end where one includes itself.
const INCLUDE_DEPTH_MAX: u32 = 16;

/// What the files say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClientConf {
    pub(crate) default_server: Option<(String, Origin)>,
    pub(crate) default_sink: Option<String>,
    pub(crate) default_source: Option<String>,
    pub(crate) cookie_file: Option<String>,
    pub(crate) disable_shm: bool,
    pub(crate) disable_memfd: bool,
    /// Bytes of the pool; 0 for the default.
    pub(crate) shm_size: u32,
    pub(crate) auto_connect_localhost: bool,
}

impl ClientConf {
    /// Reads the file that counts, and its drop-ins. A file is read up to the first line that is not understood.
    pub(crate) fn load(environment: &Environment, warnings: &mut Vec<ConfigError>) -> Self {
        let mut conf = Self::default();
        if let Some((path, bytes)) = find(environment, warnings) {
            let mut parser = Parser { conf: &mut conf, warnings };
            parser.file(&path, &bytes, 0);
            parser.drop_ins(&path);
        }
        conf
    }
}

/// The file that counts: that of `PULSE_CLIENTCONFIG`, else the user's, else the machine's. There are no two of them.
fn find(environment: &Environment, warnings: &mut Vec<ConfigError>) -> Option<(PathBuf, Vec<u8>)> {
    if let Some(path) = environment.variable("PULSE_CLIENTCONFIG") {
        let path = PathBuf::from(path);
        return match read_limited(&path) {
            Ok(bytes) => Some((path, bytes)),
            Err(error) => {
                warnings.push(ConfigError::Read { path, source: Arc::new(error) });
                None
            }
        };
    }
    let own = match environment.variable("PULSE_CONFIG_PATH") {
        Some(directory) => vec![Path::new(directory).join("client.conf")],
        None => {
            let home = environment.home()?;
            vec![home.join(".pulse/client.conf"), home.join(".config/pulse/client.conf")]
        }
    };
    let mut failure = None;
    for path in own {
        match read_limited(&path) {
            Ok(bytes) => return Some((path, bytes)),
            Err(error) => failure = Some((path, error)),
        }
    }
    // A file that we may not read says something that we do not know; the machine's must not take its place.
    if let Some((path, error)) = failure.filter(|(_, error)| error.kind() != io::ErrorKind::NotFound) {
        warnings.push(ConfigError::Read { path, source: Arc::new(error) });
        return None;
    }
    let path = environment.root.join("etc/pulse/client.conf");
    match read_limited(&path) {
        Ok(bytes) => Some((path, bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            warnings.push(ConfigError::Read { path, source: Arc::new(error) });
            None
        }
    }
}

struct Parser<'a> {
    conf: &'a mut ClientConf,
    warnings: &'a mut Vec<ConfigError>,
}

impl Parser<'_> {
    /// Whether the file was read to its end.
    fn file(&mut self, path: &Path, bytes: &[u8], depth: u32) -> bool {
        if bytes.len() as u64 > FILE_SIZE_MAX {
            self.warnings.push(ConfigError::TooLong { path: path.to_owned(), limit: FILE_SIZE_MAX });
            return false;
        }
        for (line, bytes) in (1..).zip(bytes.split(|&byte| byte == b'\n')) {
            if let Err(problem) = self.line(bytes, path, line, depth) {
                self.warnings.push(ConfigError::Line { path: path.to_owned(), line, problem });
                return false;
            }
        }
        true
    }

    fn line(&mut self, line: &[u8], path: &Path, number: u32, depth: u32) -> Result<(), ConfigLineError> {
        // A comment may be in any encoding.
        let end = line.iter().position(|byte| matches!(byte, b'#' | b';')).unwrap_or(line.len());
        let text = str::from_utf8(&line[..end]).map_err(|_| ConfigLineError::NotUtf8)?.trim_ascii();
        if text.is_empty() {
            return Ok(());
        }
        if let Some(file) = text.strip_prefix(".include ") {
            return self.include(file.trim_ascii(), path, depth);
        }
        if let Some(section) = text.strip_prefix('[') {
            let Some(section) = section.strip_suffix(']') else {
                return Err(ConfigLineError::Section { text: text.to_owned() });
            };
            // No other section means anything.
            return if section == "Properties" { Err(ConfigLineError::Properties) } else { Ok(()) };
        }
        let (key, value) =
            text.split_once('=').ok_or_else(|| ConfigLineError::NoEquals { text: text.to_owned() })?;
        self.assign(key.trim_ascii(), value.trim_ascii(), path, number)
    }

    fn assign(&mut self, key: &str, value: &str, path: &Path, line: u32) -> Result<(), ConfigLineError> {
        let text = Some(value.to_owned()).filter(|value| !value.is_empty());
        let boolean = || {
            parse_boolean(value)
                .ok_or_else(|| ConfigLineError::Boolean { key: key.to_owned(), value: value.to_owned() })
        };
        match key {
            "default-server" => {
                self.conf.default_server =
                    text.map(|server| (server, Origin::File { path: path.to_owned(), line }));
            }
            "default-sink" => self.conf.default_sink = text,
            "default-source" => self.conf.default_source = text,
            "cookie-file" => self.conf.cookie_file = text,
            "disable-shm" => self.conf.disable_shm = boolean()?,
            "enable-shm" => self.conf.disable_shm = !boolean()?,
            "enable-memfd" => self.conf.disable_memfd = !boolean()?,
            "shm-size-bytes" => {
                let number = || ConfigLineError::Number { key: key.to_owned(), value: value.to_owned() };
                self.conf.shm_size = parse_unsigned(value).ok_or_else(number)?;
            }
            "auto-connect-localhost" => self.conf.auto_connect_localhost = boolean()?,
            // They mean nothing to us, but have to be right.
            "auto-connect-display" | "autospawn" => drop(boolean()?),
            "daemon-binary" | "extra-arguments" | "default-dbus-server" => {}
            _ => return Err(ConfigLineError::UnknownKey { key: key.to_owned() }),
        }
        Ok(())
    }

    fn include(&mut self, file: &str, from: &Path, depth: u32) -> Result<(), ConfigLineError> {
        if depth >= INCLUDE_DEPTH_MAX {
            return Err(ConfigLineError::IncludeDepth { limit: INCLUDE_DEPTH_MAX });
        }
        let path = from.parent().unwrap_or(Path::new("")).join(file);
        if self.optional_file(&path, depth + 1) { Ok(()) } else { Err(ConfigLineError::Include { path }) }
    }

    /// Whether the file was read to its end, or is not there.
    fn optional_file(&mut self, path: &Path, depth: u32) -> bool {
        match read_limited(path) {
            Ok(bytes) => self.file(path, &bytes, depth),
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(error) => {
                self.warnings.push(ConfigError::Read { path: path.to_owned(), source: Arc::new(error) });
                false
            }
        }
    }

    /// The `*.conf` in the directory beside the file, by name.
    fn drop_ins(&mut self, path: &Path) {
        let mut directory = path.as_os_str().to_owned();
        directory.push(".d");
        let directory = PathBuf::from(directory);
        let names: io::Result<Vec<_>> = fs::read_dir(&directory)
            .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.file_name())).collect());
        let mut names = match names {
            Ok(names) => names,
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    self.warnings.push(ConfigError::Read { path: directory, source: Arc::new(error) });
                }
                return;
            }
        };
        names.retain(|name| name.as_encoded_bytes().ends_with(b".conf"));
        names.sort();
        for name in names {
            self.optional_file(&directory.join(name), 0);
        }
    }
}

/// PulseAudio's words, and what starts with "y" or "n", as its test by the language in the C locale has it.
fn parse_boolean(value: &str) -> Option<bool> {
    let is = |words: &[&str]| words.iter().any(|word| value.eq_ignore_ascii_case(word));
    match value.as_bytes().first()? {
        b'y' | b'Y' => Some(true),
        b'n' | b'N' => Some(false),
        _ if is(&["1", "t", "true", "on"]) => Some(true),
        _ if is(&["0", "f", "false", "off"]) => Some(false),
        _ => None,
    }
}

/// A number, decimal whatever zeros precede it, or hexadecimal behind `0x`.
pub(crate) fn parse_unsigned(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    if digits.starts_with('+') { None } else { u32::from_str_radix(digits, radix).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A machine with files, whose user has a home `h`.
    struct Machine(tempfile::TempDir);

    impl Machine {
        fn new(files: &[(&str, &str)]) -> Self {
            let machine = Self(tempfile::tempdir().unwrap());
            for (name, text) in files {
                fs::create_dir_all(machine.path(name).parent().unwrap()).unwrap();
                fs::write(machine.path(name), text).unwrap();
            }
            machine
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn load(&self, variables: &[(&str, &str)]) -> (ClientConf, Vec<String>) {
            let home = self.path("h");
            let variables = [("HOME", home.to_str().unwrap())].into_iter().chain(variables.iter().copied());
            let mut warnings = Vec::new();
            let environment = Environment::for_test(self.0.path(), variables);
            let conf = ClientConf::load(&environment, &mut warnings);
            let prefix = format!("{}/", self.0.path().display());
            (conf, warnings.iter().map(|warning| warning.to_string().replace(&prefix, "")).collect())
        }

        fn sink(&self, variables: &[(&str, &str)]) -> Option<String> {
            let (conf, warnings) = self.load(variables);
            assert_eq!(warnings, [""; 0]);
            conf.default_sink
        }
    }

    fn conf(text: &str) -> (ClientConf, Vec<String>) {
        Machine::new(&[("etc/pulse/client.conf", text)]).load(&[])
    }

    #[test]
    fn every_key_is_read() {
        let machine = Machine::new(&[(
            "etc/pulse/client.conf",
            "# Comment \n\
             ; default-sink = no\n\
             [general]\n\
             \tdefault-sink = speaker ; not this\r\n\
             default-source=mic=1\n\
             default-server = unix:/a tcp:b\n\
             cookie-file = c\n\
             enable-shm = off\n\
             enable-memfd = FALSE\n\
             shm-size-bytes = 0x100000\n\
             auto-connect-localhost = yep\n\
             auto-connect-display = n\n\
             autospawn = t\n\
             daemon-binary = /bin/x\n\
             extra-arguments = -n\n\
             default-dbus-server = x",
        )]);
        let (conf, warnings) = machine.load(&[]);
        assert_eq!(warnings, [""; 0]);
        let origin = Origin::File { path: machine.path("etc/pulse/client.conf"), line: 6 };
        let expected = ClientConf {
            default_server: Some(("unix:/a tcp:b".to_owned(), origin)),
            default_sink: Some("speaker".to_owned()),
            default_source: Some("mic=1".to_owned()),
            cookie_file: Some("c".to_owned()),
            disable_shm: true,
            disable_memfd: true,
            shm_size: 1 << 20,
            auto_connect_localhost: true,
        };
        assert_eq!(conf, expected);
    }

    #[test]
    fn the_last_value_counts_and_an_empty_one_unsets() {
        let (conf, _) = conf("default-sink = a\ndefault-sink =\ndisable-shm = 1\nenable-shm = yes\n");
        assert_eq!(conf, ClientConf::default());
    }

    #[test]
    fn a_file_is_read_up_to_what_is_not_understood() {
        let rest = "; what follows in this file is not read";
        for (line, problem) in [
            ("nonsense", "`nonsense` lacks a `=`: write key = value"),
            ("[x", "the section `[x` lacks its `]`"),
            (
                "[Properties]",
                "a client has no [Properties] in its configuration: set them in the variable PULSE_PROP",
            ),
            ("x = 1", "there is no key `x`: remove the line (pulse-client.conf(5) lists the keys)"),
            ("enable-shm = maybe", "`maybe` for enable-shm is neither `yes` nor `no`"),
            ("autospawn =", "`` for autospawn is neither `yes` nor `no`"),
            (
                "shm-size-bytes = 4294967296",
                "`4294967296` for shm-size-bytes is not a number from 0 to 4294967295",
            ),
            ("shm-size-bytes = -1", "`-1` for shm-size-bytes is not a number from 0 to 4294967295"),
        ] {
            let (conf, warnings) = conf(&format!("default-sink=a\n{line}\ndefault-sink=b\n"));
            assert_eq!(conf.default_sink.as_deref(), Some("a"));
            assert_eq!(warnings, [format!("etc/pulse/client.conf:2: {problem}{rest}")]);
        }
    }

    #[test]
    fn the_users_file_takes_the_place_of_the_machines() {
        let machine = Machine::new(&[
            ("etc/pulse/client.conf", "default-sink=etc\ndefault-source=etc"),
            ("e/client.conf", "default-sink=path"),
            ("own", "default-sink=own"),
        ]);
        assert_eq!(machine.sink(&[]).unwrap(), "etc");
        for (name, sink) in [("h/.config/pulse/client.conf", "config"), ("h/.pulse/client.conf", "old")] {
            fs::create_dir_all(machine.path(name).parent().unwrap()).unwrap();
            fs::write(machine.path(name), format!("default-sink={sink}")).unwrap();
            assert_eq!(machine.sink(&[]).unwrap(), sink);
        }
        assert_eq!(machine.load(&[]).0.default_source, None);
        let path = machine.path("e");
        let variables = [("PULSE_CONFIG_PATH", path.to_str().unwrap())];
        assert_eq!(machine.sink(&variables).unwrap(), "path");
        let own = machine.path("own");
        let variables = [variables[0], ("PULSE_CLIENTCONFIG", own.to_str().unwrap())];
        assert_eq!(machine.sink(&variables).unwrap(), "own");

        let nowhere = machine.path("nowhere");
        let (conf, warnings) = machine.load(&[("PULSE_CLIENTCONFIG", nowhere.to_str().unwrap())]);
        assert_eq!(conf, ClientConf::default());
        assert_eq!(warnings, ["cannot read nowhere: No such file or directory (os error 2)"]);
    }

    #[test]
    fn drop_ins_follow_by_name_even_if_the_file_is_broken() {
        let machine = Machine::new(&[
            ("etc/pulse/client.conf", "default-sink=main\nbroken"),
            ("etc/pulse/client.conf.d/20-b.conf", "default-sink=b\nbroken too\ndefault-source=b"),
            ("etc/pulse/client.conf.d/10-a.conf", "default-sink=a\ndefault-source=a"),
            ("etc/pulse/client.conf.d/30-c.conf~", "default-sink=c"),
            ("h/.config/pulse/client.conf.d/a.conf", "default-sink=no main file beside it"),
        ]);
        let (conf, warnings) = machine.load(&[]);
        assert_eq!((conf.default_sink.as_deref(), conf.default_source.as_deref()), (Some("b"), Some("a")));
        assert_eq!(warnings.len(), 2);
        assert!(warnings[1].starts_with("etc/pulse/client.conf.d/20-b.conf:2: "), "{warnings:?}");
    }

    #[test]
    fn files_include_files() {
        let machine = Machine::new(&[
            ("etc/pulse/client.conf", ".include x/a.conf\n.include /nowhere\ndefault-source=after"),
            ("etc/pulse/x/a.conf", ".include b.conf "),
            ("etc/pulse/x/b.conf", "default-sink=b"),
        ]);
        assert_eq!(machine.sink(&[]).unwrap(), "b");
        assert_eq!(machine.load(&[]).0.default_source.unwrap(), "after");

        fs::write(machine.path("etc/pulse/x/b.conf"), "default-sink=c\n?").unwrap();
        let (conf, warnings) = machine.load(&[]);
        assert_eq!((conf.default_sink.as_deref(), conf.default_source), (Some("c"), None));
        assert_eq!(warnings.len(), 3);
        let last = "etc/pulse/client.conf:1: the included file etc/pulse/x/a.conf cannot be used";
        assert!(warnings[2].starts_with(last), "{warnings:?}");

        fs::write(machine.path("etc/pulse/x/b.conf"), ".include a.conf").unwrap();
        let (_, warnings) = machine.load(&[]);
        assert!(warnings[0].contains("more than 16 files include each other"), "{warnings:?}");
    }

    #[test]
    fn a_file_without_end_is_not_read_for_ever() {
        let machine = Machine::new(&[]);
        let (conf, warnings) = machine.load(&[("PULSE_CLIENTCONFIG", "/dev/zero")]);
        assert_eq!(conf, ClientConf::default());
        assert_eq!(warnings, ["/dev/zero is longer than 1048576 bytes, and is not read"]);
    }

    #[test]
    fn numbers_are_read_as_pulseaudio_reads_them() {
        for (text, number) in
            [("0", Some(0)), ("010", Some(10)), ("0x1F", Some(31)), ("4294967295", Some(u32::MAX))]
        {
            assert_eq!(parse_unsigned(text), number);
        }
        for text in ["", " 1", "+1", "-1", "0x", "0x+1", "1k", "4294967296"] {
            assert_eq!(parse_unsigned(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(bytes: Vec<u8>) {
            let (mut conf, mut warnings) = (ClientConf::default(), Vec::new());
            Parser { conf: &mut conf, warnings: &mut warnings }.file(Path::new("/nowhere/x"), &bytes, 0);
        }
    }
}
