//! `module-match`: a table of regular expressions sets volumes and roles of streams.

use std::fs;
use std::path::PathBuf;

use regex::Regex;
use sealpulse_protocol::{PropList, UpdateMode};
use sealpulse_spec::{ChannelVolumes, Volume};

use super::args::parse_number;
use super::argument::{Argument, Type};
use super::{Instance, Kind, Loading, ModuleError};
use crate::cookie::configuration_directory;
use crate::policy::NewInput;
use crate::state::State;

pub(super) static KIND: Kind = Kind {
    name: "module-match",
    description: "Sets volumes and roles of playback streams by regular expressions",
    driver: "module-match.c",
    arguments: &[&[
        Argument::new("table", Type::Path, "match.table", "The file with the expressions."),
        Argument::new("key", Type::Text, "media.name", "The property that they are compared with."),
    ]],
    once: false,
    load,
};

/// The table of all users.
const SYSTEM_TABLE: &str = "/etc/pulse/match.table";

#[derive(Debug)]
struct Rule {
    pattern: Regex,
    effect: Effect,
}

#[derive(Debug)]
enum Effect {
    Volume(Volume),
    Properties(PropList, UpdateMode),
}

#[derive(Debug)]
struct Match {
    key: String,
    rules: Vec<Rule>,
}

fn load(_: &mut State, loading: &Loading<'_>) -> Result<Box<dyn Instance>, ModuleError> {
    let path = match loading.args.text("table") {
        Some(path) => PathBuf::from(path),
        None => default_table(),
    };
    let text =
        fs::read(&path).map_err(|source| ModuleError::Io { what: path.display().to_string(), source })?;
    let mut rules = Vec::new();
    for (number, line) in String::from_utf8_lossy(&text).lines().enumerate() {
        let rule = parse_line(line).map_err(|what| ModuleError::Conflict {
            what: format!("{}:{}: {what}", path.display(), number + 1),
        })?;
        rules.extend(rule);
    }
    let key = loading.args.text("key").unwrap_or_else(|| "media.name".to_owned());
    Ok(Box::new(Match { key, rules }))
}

/// The user's table where there is one, else that of all users.
fn default_table() -> PathBuf {
    let own = configuration_directory().map(|directory| directory.join("match.table"));
    own.filter(|path| path.exists()).unwrap_or_else(|| PathBuf::from(SYSTEM_TABLE))
}

/// A line: an expression, then a volume, or a role that may come with how it is set. `None` for a comment.
fn parse_line(line: &str) -> Result<Option<Rule>, String> {
    const BLANK: [char; 3] = [' ', '\t', '\r'];
    let line = line.trim_end_matches('\r');
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (pattern, rest) = line.split_once(BLANK).unwrap_or((line, ""));
    let rest = rest.trim_start_matches(BLANK);
    if pattern.is_empty() {
        return Err("the expression is missing".to_owned());
    }
    if rest.is_empty() {
        return Err("there is nothing but the expression".to_owned());
    }
    let effect = match parse_number(rest) {
        Some(volume) => Effect::Volume(Volume(volume.min(Volume::MAX.0))),
        None => role_effect(rest)?,
    };
    let pattern = Regex::new(pattern).map_err(|error| error.to_string())?;
    Ok(Some(Rule { pattern, effect }))
}

fn role_effect(text: &str) -> Result<Effect, String> {
    let (word, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    let (mode, text) = match word {
        "replace" => (UpdateMode::Replace, rest.trim_start()),
        "merge" => (UpdateMode::Merge, rest.trim_start()),
        _ => (UpdateMode::Merge, text),
    };
    let role = match text.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').ok_or("the closing quote is missing")?.0,
        None => text.split([' ', '\t']).next().unwrap_or_default(),
    };
    if text.is_empty() {
        return Err("the role is missing".to_owned());
    }
    Ok(Effect::Properties([("media.role", role)].into_iter().collect(), mode))
}

impl Instance for Match {
    fn shape_input(&mut self, _state: &mut State, new: &mut NewInput) {
        let Some(value) = new.proplist.get_str(&self.key).map(str::to_owned) else { return };
        for rule in self.rules.iter().filter(|rule| rule.pattern.is_match(&value)) {
            match &rule.effect {
                Effect::Properties(properties, mode) => {
                    new.proplist.update(*mode, properties);
                }
                Effect::Volume(volume) if !new.flags.passthrough => {
                    new.volume = Some(ChannelVolumes::all(new.spec.channels, *volume));
                }
                Effect::Volume(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(line: &str) -> (String, UpdateMode) {
        match parse_line(line).unwrap().unwrap().effect {
            Effect::Properties(properties, mode) => {
                (properties.get_str("media.role").unwrap().to_owned(), mode)
            }
            Effect::Volume(volume) => panic!("{volume:?}"),
        }
    }

    #[test]
    fn lines_are_read_as_pulseaudio_reads_them() {
        let rule = parse_line("^song 32768").unwrap().unwrap();
        assert!(rule.pattern.is_match("song two") && !rule.pattern.is_match("a song"));
        assert!(matches!(rule.effect, Effect::Volume(Volume(32768))));
        assert_eq!(role("a\tmusic"), ("music".to_owned(), UpdateMode::Merge));
        assert_eq!(role("a replace music"), ("music".to_owned(), UpdateMode::Replace));
        assert_eq!(role("a merge \"my music\" and more"), ("my music".to_owned(), UpdateMode::Merge));
        assert!(parse_line("# comment").unwrap().is_none());
        assert!(parse_line("").unwrap().is_none());
        for bad in ["alone", " 5", "a replace", "( 5", "a \"open"] {
            assert!(parse_line(bad).is_err(), "{bad}");
        }
    }
}
