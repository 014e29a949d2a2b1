//! What scripts change of the log (`set-log-level`, `set-log-target`, …). The log itself is the program's.

use std::fmt::Debug;

/// The log of the program that the server runs in.
pub trait LogControl: Debug + Send {
    /// Logs what is as important as this, from 0 (errors) to 4 (everything); whether there is such a level.
    fn set_level(&self, level: u32) -> bool;

    /// Logs to another place: `null`, `auto`, `stderr`, `syslog`, `journal`, `file:PATH` or `newfile:PATH`.
    ///
    /// # Errors
    /// What is wrong, for people; the log stays where it was.
    fn set_target(&self, target: &str) -> Result<(), String>;

    /// Whether messages say where in the source they come from.
    fn show_place(&self, shown: bool);

    /// Whether messages have their time.
    fn show_time(&self, shown: bool);
}
