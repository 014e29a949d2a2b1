//! Where PulseAudio's files are.

use std::path::PathBuf;

/// The system's folder.
const SYSTEM: &str = "/etc/pulse";

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The user's folder: `$PULSE_CONFIG_PATH`, else `pulse` in `$XDG_CONFIG_HOME` or `~/.config`.
fn user_folder() -> Option<PathBuf> {
    variable("PULSE_CONFIG_PATH").or_else(|| {
        let base =
            variable("XDG_CONFIG_HOME").or_else(|| variable("HOME").map(|home| home.join(".config")))?;
        Some(base.join("pulse"))
    })
}

/// The script of a server's start, if it is there; that of one for the whole machine is its owner's alone.
pub(crate) fn default_script(system: bool) -> Option<PathBuf> {
    if !system {
        return configuration_file("PULSE_SCRIPT", "default.pa");
    }
    let usual = PathBuf::from(SYSTEM).join("system.pa");
    variable("PULSE_SCRIPT").or_else(|| usual.exists().then_some(usual))
}

/// A file of PulseAudio's: the one that the environment names, else the user's, else the system's, if it is there.
pub(crate) fn configuration_file(named_by: &str, name: &str) -> Option<PathBuf> {
    if let Some(file) = variable(named_by) {
        return Some(file);
    }
    let candidates = [user_folder().map(|folder| folder.join(name)), Some(PathBuf::from(SYSTEM).join(name))];
    candidates.into_iter().flatten().find(|file| file.exists())
}
