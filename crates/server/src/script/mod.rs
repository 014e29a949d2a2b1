//! PulseAudio's script language: `default.pa`, `-L`, and what `pacmd` sends (`cli-command.c`).
//!
//! A script is lines: commands, `#` comments, and meta commands that begin with a dot: `.include FILE|DIRECTORY`,
//! `.fail` and `.nofail` (whether an error ends the script), `.ifexists MODULE`, `.else`, `.endif`.

mod commands;
mod devices;
mod dump;
mod lists;
mod log;
mod samples;
mod streams;
mod text;
mod words;

use std::path::{Path, PathBuf};

use crate::config::StartStep;
use crate::modules::{self, ModuleError};
use crate::state::State;

/// Scripts that include one another, at most.
const DEPTH_MAX: usize = 16;

/// Why a script ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Scripts include one another without an end.
    #[error("{path} is included by itself, or {DEPTH_MAX} deep")]
    Depth {
        /// The file.
        path: PathBuf,
    },
    /// A line that failed, while failing was on.
    #[error("{path}:{line}: {message}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong, for people.
        message: String,
    },
    /// A module of the configuration that cannot be loaded.
    #[error("{origin}: {name} cannot be loaded: {source}")]
    Module {
        /// Where the configuration asks for it.
        origin: String,
        /// Its name.
        name: String,
        /// Why not.
        source: ModuleError,
    },
    /// A command of the command line that failed.
    #[error("`{command}`: {message}")]
    Command {
        /// The command.
        command: String,
        /// What is wrong, for people.
        message: String,
    },
}

/// Where a script stands between its lines.
#[derive(Debug)]
pub(crate) struct Script {
    /// Whether an error ends it.
    pub(crate) fail: bool,
    branch: Branch,
    depth: usize,
}

/// Which part of an `.ifexists` it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Branch {
    Outside,
    Taken,
    LeftOut,
}

impl Script {
    pub(crate) fn new(fail: bool) -> Self {
        Self { fail, branch: Branch::Outside, depth: 0 }
    }
}

/// What is wrong with a line, for people.
type Failure = String;

impl State {
    /// Carries out one line. What it says is added to `out`; an error is one only while failing is on.
    pub(crate) fn run_line(
        &mut self,
        script: &mut Script,
        line: &str,
        out: &mut String,
    ) -> Result<(), Failure> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let done = match line.strip_prefix('.') {
            Some(_) => self.meta_command(script, line, out),
            None if script.branch == Branch::LeftOut => Ok(()),
            None => self.command(line, out),
        };
        match done {
            Err(failure) if script.fail => {
                out.push_str(&failure);
                out.push('\n');
                Err(failure)
            }
            Err(failure) => {
                out.push_str(&failure);
                out.push('\n');
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    fn meta_command(&mut self, script: &mut Script, line: &str, out: &mut String) -> Result<(), Failure> {
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        match (word, script.branch) {
            (".else" | ".endif", Branch::Outside) => return Err(format!("{word} without .ifexists")),
            (".else", Branch::Taken) => script.branch = Branch::LeftOut,
            (".else", Branch::LeftOut) => script.branch = Branch::Taken,
            (".endif", _) => script.branch = Branch::Outside,
            (_, Branch::LeftOut) => {}
            (".fail", _) => script.fail = true,
            (".nofail", _) => script.fail = false,
            (".ifexists", Branch::Taken) => return Err("an .ifexists within another".to_owned()),
            (".ifexists", Branch::Outside) => {
                let file = Path::new(rest).file_name().and_then(|name| name.to_str()).unwrap_or(rest);
                let known = modules::kind(file).is_some();
                script.branch = if known { Branch::Taken } else { Branch::LeftOut };
            }
            (".include", _) => return self.include(script, Path::new(rest), out),
            _ => return Err(format!("there is no meta command {word}")),
        }
        Ok(())
    }

    fn include(&mut self, script: &mut Script, path: &Path, out: &mut String) -> Result<(), Failure> {
        let depth = script.depth + 1;
        let files = if path.is_dir() {
            scripts_in(path).map_err(|error| error.to_string())?
        } else {
            vec![path.to_owned()]
        };
        for file in files {
            // What an included file switches, stays switched.
            let mut inner = Script { fail: script.fail, branch: Branch::Outside, depth };
            let done = self.run_file(&file, &mut inner, out);
            script.fail = inner.fail;
            match done {
                Err(error) if script.fail => return Err(error.to_string()),
                Err(error) => tracing::warn!(%error, "left out"),
                Ok(()) => {}
            }
        }
        Ok(())
    }

    /// Carries out a file.
    pub(crate) fn run_file(
        &mut self,
        path: &Path,
        script: &mut Script,
        out: &mut String,
    ) -> Result<(), ScriptError> {
        if script.depth > DEPTH_MAX {
            return Err(ScriptError::Depth { path: path.to_owned() });
        }
        let bytes =
            std::fs::read(path).map_err(|source| ScriptError::Read { path: path.to_owned(), source })?;
        for (number, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
            self.run_line(script, line, out).map_err(|message| ScriptError::Line {
                path: path.to_owned(),
                line: number + 1,
                message,
            })?;
        }
        Ok(())
    }

    /// Carries out what the server was started with. What fails is logged, unless it has to go `strictly`.
    pub(crate) fn start_up(&mut self, steps: &[StartStep], strictly: bool) -> Result<(), ScriptError> {
        for step in steps {
            let mut out = String::new();
            let done = match step {
                StartStep::File(path) => self.run_file(path, &mut Script::new(strictly), &mut out),
                StartStep::Command(command) => self
                    .run_line(&mut Script::new(true), command, &mut out)
                    .map_err(|message| ScriptError::Command { command: command.clone(), message }),
                StartStep::Module { name, arguments, origin } => self
                    .load_module(name, Some(arguments.as_str()).filter(|text| !text.is_empty()), None)
                    .map(|_| ())
                    .map_err(|source| ScriptError::Module {
                        origin: origin.clone(),
                        name: name.clone(),
                        source,
                    }),
            };
            for line in out.lines() {
                tracing::info!("{line}");
            }
            match done {
                Err(error) if strictly => return Err(error),
                Err(error) => tracing::error!(%error, "left out"),
                Ok(()) => {}
            }
            // A script may make a hundred devices: subscribers and modules hear of each.
            self.tell_changes();
        }
        Ok(())
    }
}

/// The scripts in a directory, in the order of their names.
fn scripts_in(directory: &Path) -> Result<Vec<PathBuf>, ScriptError> {
    let failed = |source| ScriptError::Read { path: directory.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "pa") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
