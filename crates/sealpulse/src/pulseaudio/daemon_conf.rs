//! `daemon.conf`: PulseAudio's settings of the server.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::files::configuration_file;

/// A file that cannot be read, or a line of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfError {
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path}:{line}: `{text}` is no setting (key = value)")]
    Syntax { path: PathBuf, line: usize, text: String },
    #[error("{path}:{line}: there is no setting `{key}`")]
    Unknown { path: PathBuf, line: usize, key: String },
    #[error("{path}:{line}: `{value}` is no value for {key}")]
    Value { path: PathBuf, line: usize, key: String, value: String },
}

/// Settings that are read here.
const READ: &[&str] = &[
    "allow-exit",
    "allow-module-loading",
    "alternate-sample-rate",
    "daemonize",
    "default-channel-map",
    "default-sample-channels",
    "default-sample-format",
    "default-sample-rate",
    "default-script-file",
    "exit-idle-time",
    "fail",
    "load-default-script-file",
    "log-level",
    "log-meta",
    "log-target",
    "log-time",
    "nice-level",
    "realtime-priority",
    "realtime-scheduling",
    "scache-idle-time",
    "system-instance",
    "use-pid-file",
];

/// PulseAudio's other settings: accepted, without meaning, and named once in the log.
const OTHERS: &[&str] = &[
    "avoid-resampling",
    "cpu-limit",
    "default-fragment-size-msec",
    "default-fragments",
    "deferred-volume-extra-delay-usec",
    "deferred-volume-safety-margin-usec",
    "disable-lfe-remixing",
    "disable-remixing",
    "dl-search-path",
    "enable-deferred-volume",
    "enable-lfe-remixing",
    "enable-memfd",
    "enable-remixing",
    "enable-shm",
    "flat-volumes",
    "high-priority",
    "local-server-type",
    "lock-memory",
    "log-backtrace",
    "lfe-crossover-freq",
    "remixing-consume-lfe",
    "remixing-produce-lfe",
    "remixing-use-all-sink-channels",
    "rescue-streams",
    "resample-method",
    "rlimit-as",
    "rlimit-core",
    "rlimit-cpu",
    "rlimit-data",
    "rlimit-fsize",
    "rlimit-locks",
    "rlimit-memlock",
    "rlimit-msgqueue",
    "rlimit-nice",
    "rlimit-nofile",
    "rlimit-nproc",
    "rlimit-rss",
    "rlimit-rtprio",
    "rlimit-rttime",
    "rlimit-sigpending",
    "rlimit-stack",
    "shm-size-bytes",
];

/// Where a value stands.
#[derive(Clone, Debug)]
struct Entry {
    path: PathBuf,
    line: usize,
    value: String,
}

/// What `daemon.conf` and the files in `daemon.conf.d` say; later ones win.
#[derive(Clone, Debug, Default)]
pub(crate) struct DaemonConf {
    entries: BTreeMap<&'static str, Entry>,
    without_meaning: BTreeSet<&'static str>,
}

impl DaemonConf {
    /// Reads the user's file, else the system's, and what lies in the folder beside it.
    pub(crate) fn load() -> Result<DaemonConf, ConfError> {
        let mut conf = DaemonConf::default();
        let Some(file) = configuration_file("PULSE_CONFIG", "daemon.conf") else { return Ok(conf) };
        conf.read(&file)?;
        let folder = file.with_extension("conf.d");
        let mut more: Vec<PathBuf> = std::fs::read_dir(folder)
            .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
            .unwrap_or_default();
        more.retain(|path| path.extension().is_some_and(|extension| extension == "conf"));
        more.sort();
        more.iter().try_for_each(|path| conf.read(path))?;
        Ok(conf)
    }

    fn read(&mut self, path: &Path) -> Result<(), ConfError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfError::Read { path: path.to_owned(), source })?;
        self.parse(path, &text)
    }

    fn parse(&mut self, path: &Path, text: &str) -> Result<(), ConfError> {
        for (number, line) in text.lines().enumerate() {
            let (path, line_number) = (path.to_owned(), number + 1);
            let line = line.split([';', '#']).next().unwrap_or_default().trim();
            if line.is_empty() || (line.starts_with('[') && line.ends_with(']')) {
                continue;
            }
            if let Some(more) = line.strip_prefix(".include ") {
                self.read(Path::new(more.trim()))?;
                continue;
            }
            let Some((key, value)) = line.split_once('=') else {
                return Err(ConfError::Syntax { path, line: line_number, text: line.to_owned() });
            };
            let (key, value) = (key.trim(), value.trim().to_owned());
            let known = |keys: &[&'static str]| keys.iter().copied().find(|known| *known == key);
            if let Some(key) = known(READ) {
                self.entries.insert(key, Entry { path, line: line_number, value });
            } else if let Some(key) = known(OTHERS) {
                self.without_meaning.insert(key);
            } else {
                return Err(ConfError::Unknown { path, line: line_number, key: key.to_owned() });
            }
        }
        Ok(())
    }

    /// The settings that were made and have no meaning here.
    pub(crate) fn without_meaning(&self) -> impl Iterator<Item = &'static str> {
        self.without_meaning.iter().copied()
    }

    /// The text of a setting.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        debug_assert!(READ.contains(&key), "{key}");
        self.entries.get(key).map(|entry| entry.value.as_str())
    }

    /// A setting that `parse` understands.
    pub(crate) fn value<T>(
        &self,
        key: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, ConfError> {
        let Some(entry) = self.entries.get(key) else { return Ok(None) };
        match parse(&entry.value) {
            Some(value) => Ok(Some(value)),
            None => Err(ConfError::Value {
                path: entry.path.clone(),
                line: entry.line,
                key: key.to_owned(),
                value: entry.value.clone(),
            }),
        }
    }

    /// A yes or no.
    pub(crate) fn boolean(&self, key: &str) -> Result<Option<bool>, ConfError> {
        self.value(key, |text| match text.to_ascii_lowercase().as_str() {
            "1" | "y" | "yes" | "t" | "true" | "on" => Some(true),
            "0" | "n" | "no" | "f" | "false" | "off" => Some(false),
            _ => None,
        })
    }

    /// All that was said, as lines.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        self.entries.iter().map(|(key, entry)| format!("{key} = {}", entry.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_and_mistakes_named() {
        let mut conf = DaemonConf::default();
        let text = "; a comment\n[section]\ndefault-sample-rate = 48000 # Hz\nflat-volumes = no\nexit-idle-time=-1\n";
        conf.parse(Path::new("daemon.conf"), text).unwrap();
        assert_eq!(conf.text("default-sample-rate"), Some("48000"));
        assert_eq!(conf.without_meaning().collect::<Vec<_>>(), ["flat-volumes"]);
        assert_eq!(conf.value("exit-idle-time", |text| text.parse::<i64>().ok()).unwrap(), Some(-1));
        assert_eq!(conf.boolean("fail").unwrap(), None);
        let error =
            |text: &str| DaemonConf::default().parse(Path::new("d.conf"), text).unwrap_err().to_string();
        assert_eq!(error("\nnonsense = 1"), "d.conf:2: there is no setting `nonsense`");
        assert_eq!(error("nonsense"), "d.conf:1: `nonsense` is no setting (key = value)");
        conf.parse(Path::new("d.conf"), "fail = maybe").unwrap();
        assert_eq!(conf.boolean("fail").unwrap_err().to_string(), "d.conf:1: `maybe` is no value for fail");
    }
}
