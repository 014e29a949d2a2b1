//! A setting: its type, from which come reading, errors and the documentation.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sealpulse_spec::{ChannelMap, SampleFormat};
use toml::de::DeValue;

use super::problem::Fault;

/// A setting of `T`, declared once.
pub(super) struct Setting<T: 'static> {
    pub(super) key: &'static str,
    pub(super) kind: Kind<T>,
    /// What holds where it is not given, as it would stand in the file, or in words.
    pub(super) default: &'static str,
    pub(super) text: &'static str,
}

/// What a setting can be, and where its value goes.
pub(super) enum Kind<T> {
    Boolean(fn(&mut T, bool)),
    /// A whole number within these bounds.
    Number(i64, i64, fn(&mut T, i64)),
    /// A number of things, 1 or more.
    Count(fn(&mut T, usize)),
    /// Bytes.
    Size(fn(&mut T, usize)),
    Time(fn(&mut T, Duration)),
    /// A time, or `"never"`.
    TimeOrNever(fn(&mut T, Option<Duration>)),
    Path(fn(&mut T, PathBuf)),
    /// A path, or `false`.
    PathOrNone(fn(&mut T, Option<PathBuf>)),
    Paths(fn(&mut T, Vec<PathBuf>)),
    Format(fn(&mut T, SampleFormat)),
    Map(fn(&mut T, ChannelMap)),
    /// One of these words, by its place.
    Word(&'static [&'static str], fn(&mut T, usize)),
}

impl<T> fmt::Display for Kind<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(_) => f.write_str("true or false"),
            Self::Number(least, most, _) => write!(f, "a number from {least} to {most}"),
            Self::Count(_) => f.write_str("a number from 1"),
            Self::Size(_) => f.write_str("bytes, or a size as \"64 KiB\" or \"8 MiB\""),
            Self::Time(_) => f.write_str("seconds, or a time as \"10s\", \"5m\" or \"2h\""),
            Self::TimeOrNever(_) => f.write_str("seconds, a time as \"10s\", \"5m\" or \"2h\", or \"never\""),
            Self::Path(_) => f.write_str("a path"),
            Self::PathOrNone(_) => f.write_str("a path, or false"),
            Self::Paths(_) => f.write_str("a list of paths"),
            Self::Format(_) => f.write_str("a sample format (\"s16le\", \"float32le\" …)"),
            Self::Map(_) => f.write_str("a channel map (\"stereo\", \"front-left,front-right\" …)"),
            Self::Word(words, _) => {
                let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
                f.write_str(&quoted.join(" or "))
            }
        }
    }
}

impl<T> Setting<T> {
    /// The default as it would stand in the file; `None` where it takes words to say.
    pub(super) fn default_value(&self) -> Option<&'static str> {
        let in_words =
            self.default == "required" || self.default.contains('`') || self.default == "the usual one";
        (!in_words).then_some(self.default)
    }

    /// Puts `value` where it belongs; paths that are not absolute are below `folder`.
    pub(super) fn set(&self, target: &mut T, value: &DeValue<'_>, folder: &Path) -> Result<(), Fault> {
        let text = value.as_str();
        let done = match self.kind {
            Kind::Boolean(set) => value.as_bool().map(|yes| set(target, yes)),
            Kind::Number(least, most, set) => integer(value)
                .filter(|number| (least..=most).contains(number))
                .map(|number| set(target, number)),
            Kind::Count(set) => {
                let number = integer(value).and_then(|number| usize::try_from(number).ok());
                number.filter(|number| *number > 0).map(|number| set(target, number))
            }
            Kind::Size(set) => size(value).map(|bytes| set(target, bytes)),
            Kind::Time(set) => time(value).map(|time| set(target, time)),
            Kind::TimeOrNever(set) => {
                let never = (text == Some("never")).then_some(None);
                never.or_else(|| time(value).map(Some)).map(|time| set(target, time))
            }
            Kind::PathOrNone(set) => {
                let none = (value.as_bool() == Some(false)).then_some(None);
                none.or(optional(text, folder)?.map(Some)).map(|path| set(target, path))
            }
            Kind::Path(set) => optional(text, folder)?.map(|path| set(target, path)),
            Kind::Paths(set) => paths(value, folder)?.map(|paths| set(target, paths)),
            Kind::Format(set) => text.and_then(SampleFormat::parse).map(|format| set(target, format)),
            Kind::Map(set) => text.and_then(ChannelMap::parse).map(|map| set(target, map)),
            Kind::Word(words, set) => {
                let place = words.iter().position(|word| Some(*word) == text);
                place.map(|place| set(target, place))
            }
        };
        done.ok_or_else(|| Fault::Value {
            key: self.key.to_owned(),
            value: shown(value),
            expected: self.kind.to_string(),
        })
    }
}

/// A value as people would write it, or what it is.
pub(super) fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(yes) => yes.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(_) => "[…]".to_owned(),
        DeValue::Table(_) => "{…}".to_owned(),
    }
}

fn integer(value: &DeValue<'_>) -> Option<i64> {
    let number = value.as_integer()?;
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn size(value: &DeValue<'_>) -> Option<usize> {
    let bytes = match value.as_str() {
        None => integer(value)?,
        Some(text) => {
            let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
            let shift = match text[end..].trim() {
                "" | "B" => 0,
                "KiB" => 10,
                "MiB" => 20,
                "GiB" => 30,
                _ => return None,
            };
            text[..end].parse::<i64>().ok()?.checked_mul(1 << shift)?
        }
    };
    usize::try_from(bytes).ok().filter(|bytes| *bytes > 0)
}

fn time(value: &DeValue<'_>) -> Option<Duration> {
    let seconds = match value.as_str() {
        None => integer(value)?,
        Some(text) => {
            let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
            let unit = match text[end..].trim() {
                "" | "s" => 1,
                "m" => 60,
                "h" => 3_600,
                "d" => 86_400,
                _ => return None,
            };
            text[..end].parse::<i64>().ok()?.checked_mul(unit)?
        }
    };
    u64::try_from(seconds).ok().map(Duration::from_secs)
}

fn optional(text: Option<&str>, folder: &Path) -> Result<Option<PathBuf>, Fault> {
    text.filter(|text| !text.is_empty()).map(|text| path(text, folder)).transpose()
}

fn paths(value: &DeValue<'_>, folder: &Path) -> Result<Option<Vec<PathBuf>>, Fault> {
    let Some(array) = value.as_array() else { return Ok(None) };
    array.iter().map(|entry| optional(entry.get_ref().as_str(), folder)).collect()
}

/// A path: `~/` is the home directory, `$NAME` at its start a variable of the environment.
fn path(text: &str, folder: &Path) -> Result<PathBuf, Fault> {
    let (variable, rest) = match text.strip_prefix('$') {
        Some(text) => text.split_once('/').unwrap_or((text, "")),
        None => match text.strip_prefix("~/") {
            Some(rest) => ("HOME", rest),
            None => return Ok(folder.join(text)),
        },
    };
    match std::env::var_os(variable).filter(|value| !value.is_empty()) {
        Some(value) => Ok(PathBuf::from(value).join(rest)),
        None => Err(Fault::Variable { variable: variable.to_owned() }),
    }
}
