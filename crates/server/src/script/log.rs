//! The commands about the log.

use super::Failure;
use super::commands::Entry;
use super::words::Words;
use crate::log_control::LogControl;
use crate::state::State;

pub(super) const COMMANDS: &[Entry] = &[
    Entry::new(
        "set-log-target",
        2,
        "null|auto|syslog|journal|stderr|file:PATH|newfile:PATH",
        |state, words, _| {
            let target = words.get(1, "where to log to")?;
            log(state)?.set_target(target)
        },
    ),
    Entry::new("set-log-level", 2, "0 … 4", |state, words, _| {
        let level = words.number(1, "a level from 0 to 4")?;
        if log(state)?.set_level(level) { Ok(()) } else { Err(format!("there is no log level {level}")) }
    }),
    Entry::new("set-log-meta", 2, "BOOLEAN", |state, words, _| {
        let shown = words.boolean(1)?;
        log(state)?.show_place(shown);
        Ok(())
    }),
    Entry::new("set-log-time", 2, "BOOLEAN", |state, words, _| {
        let shown = words.boolean(1)?;
        log(state)?.show_time(shown);
        Ok(())
    }),
    Entry::new("set-log-backtrace", 2, "FRAMES", without_backtrace),
];

fn log(state: &State) -> Result<&dyn LogControl, Failure> {
    state.settings.log.as_deref().ok_or_else(|| "the log is not this server's to change".to_owned())
}

fn without_backtrace(_: &mut State, words: &Words<'_>, _: &mut String) -> Result<(), Failure> {
    words.number(1, "how many frames")?;
    tracing::info!("log messages have no backtrace: this has no meaning here");
    Ok(())
}
