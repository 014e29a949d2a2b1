//! The server's own configuration, in TOML. It is checked whole before anything starts: all mistakes at once, each with
//! its line and column. The settings are declared once, in [`settings`]; reading, messages and `docs/configuration.md`
//! come from there.

#[cfg(test)]
mod page;
mod problem;
mod read;
mod setting;
mod settings;
mod template;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use sealpulse_server::Config;
use sealpulse_spec::ChannelMap;
use tracing::Level;

pub(crate) use self::problem::{ConfigError, Problem};
pub(crate) use self::template::template;

/// What a configuration says, over the defaults.
#[derive(Debug)]
pub(crate) struct Configuration {
    pub(crate) server: Config,
    pub(crate) log_level: Level,
    /// Of devices that do not say, as given: they have to agree.
    channels: Option<u8>,
    map: Option<ChannelMap>,
}

impl Default for Configuration {
    fn default() -> Self {
        let state_directory = sealpulse_server::state_directory();
        Self {
            server: Config { state_directory, ..Config::default() },
            log_level: Level::WARN,
            channels: None,
            map: None,
        }
    }
}

impl Configuration {
    /// Reads a file.
    pub(crate) fn load(path: &Path) -> Result<Configuration, ConfigError> {
        let bytes =
            std::fs::read(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        read::read(&bytes, path).map_err(|problems| ConfigError::Problems { path: path.to_owned(), problems })
    }
}

/// Where the configuration is looked for, the first that is there being used: `sealpulse/config.toml` in
/// `$XDG_CONFIG_HOME` or `~/.config`, then in `/etc`.
pub(crate) fn places() -> Vec<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let user = variable("XDG_CONFIG_HOME").or_else(|| variable("HOME").map(|home| home.join(".config")));
    user.into_iter()
        .chain([PathBuf::from("/etc")])
        .map(|folder| folder.join("sealpulse/config.toml"))
        .collect()
}

/// The configuration to use: `given`, or the first of [`places`] that is there.
pub(crate) fn file(given: Option<&Path>) -> Option<PathBuf> {
    match given {
        Some(path) => Some(path.to_owned()),
        None => places().into_iter().find(|path| path.exists()),
    }
}
