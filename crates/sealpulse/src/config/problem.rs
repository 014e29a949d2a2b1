//! What is wrong with a configuration, and where.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::PathBuf;

use sealpulse_server::ModuleError;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("cannot read the configuration {path}: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("{}", listed(path, problems))]
    Problems { path: PathBuf, problems: Vec<Problem> },
}

/// One mistake.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) fault: Fault,
    /// From 1.
    pub(crate) line: usize,
    /// In characters, from 1.
    pub(crate) column: usize,
    /// The line, and how many of its characters are meant.
    source: String,
    width: usize,
}

/// What is wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("{0}")]
    Syntax(String),
    #[error("this is no text in UTF-8")]
    Encoding,
    #[error("there is no section `{name}`{}", meant(suggestion))]
    UnknownSection { name: String, suggestion: Option<&'static str> },
    #[error("`{name}` is a {}", if *list { format!("list: write [[{name}]] for each") } else { format!("section: write [{name}] once") })]
    SectionForm { name: &'static str, list: bool },
    #[error("`{section}` has no setting `{key}`{}", meant(suggestion))]
    UnknownKey { section: String, key: String, suggestion: Option<&'static str> },
    #[error("`{key}` is missing")]
    Missing { key: &'static str },
    #[error("`{value}` is no value for `{key}`, which is {expected}")]
    Value { key: String, value: String, expected: String },
    #[error("the environment has no {variable}")]
    Variable { variable: String },
    #[error("a map of {map} channels does not fit {channels} channels")]
    MapMismatch { channels: u8, map: u8 },
    #[error("{name} can be loaded only once")]
    Twice { name: &'static str },
    #[error("{error}{}", meant(suggestion))]
    Module { error: ModuleError, suggestion: Option<&'static str> },
}

fn meant(suggestion: &Option<&'static str>) -> String {
    suggestion.map(|name| format!(": did you mean `{name}`?")).unwrap_or_default()
}

impl Problem {
    /// `fault` at `span`, in bytes of `text`.
    pub(super) fn new(fault: Fault, text: &str, span: Range<usize>) -> Self {
        let floor = |mut at: usize| {
            at = at.min(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let (start, end) = (floor(span.start), floor(span.end));
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let end = end.clamp(start, line_end);
        Self {
            fault,
            line: text[..start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            source: text[line_start..line_end].trim_end().replace('\t', " "),
            width: text[start..end].chars().count().max(1),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.fault)
    }
}

/// All mistakes, each with the line that it is in.
fn listed(path: &std::path::Path, problems: &[Problem]) -> String {
    let shown = |problem: &Problem| {
        let marks = "^".repeat(problem.width);
        format!(
            "{}:{problem}\n  | {}\n  | {}{marks}",
            path.display(),
            problem.source,
            " ".repeat(problem.column - 1)
        )
    };
    problems.iter().map(shown).collect::<Vec<_>>().join("\n")
}

/// The name among `known` that `name` is most like, if any is near.
pub(super) fn nearest(name: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let name = name.to_ascii_lowercase().replace('_', "-");
    let distance = |other: &str| strsim::damerau_levenshtein(&name, &other.replace('_', "-"));
    known
        .map(|other| (distance(other), other))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, other)| *distance <= (other.len() / 3).max(1))
        .map(|(_, other)| other)
}
