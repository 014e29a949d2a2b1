//! Finding differences, and those that are allowed.

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;

/// One place where two transcripts differ.
#[derive(Clone, Debug)]
pub struct Difference {
    /// Where, with `/` between the steps.
    pub path: String,
    /// What PulseAudio has there; `None` where it has nothing.
    pub pulseaudio: Option<Value>,
    /// What sealpulse has there.
    pub sealpulse: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |value: &Option<Value>| value.as_ref().map_or("nothing".into(), ToString::to_string);
        write!(
            f,
            "{}\n    pulseaudio: {}\n    sealpulse:  {}",
            self.path,
            show(&self.pulseaudio),
            show(&self.sealpulse)
        )
    }
}

/// Every place where `reference` and `ours` differ. The elements of a list go by their name where they have
/// one, else by their number.
pub fn differences(reference: &Value, ours: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    walk(&mut String::new(), Some(reference), Some(ours), &mut found);
    found
}

fn walk(path: &mut String, a: Option<&Value>, b: Option<&Value>, found: &mut Vec<Difference>) {
    if a == b {
        return;
    }
    let (Some(a), Some(b)) = (a.and_then(children), b.and_then(children)) else {
        let (pulseaudio, sealpulse) = (a.cloned(), b.cloned());
        found.push(Difference { path: path.clone(), pulseaudio, sealpulse });
        return;
    };
    let keys: BTreeSet<&String> = a.iter().chain(&b).map(|(key, _)| key).collect();
    for key in keys {
        let get = |all: &[(String, Value)]| {
            all.iter().find(|(other, _)| other == key).map(|(_, value)| value.clone())
        };
        let length = path.len();
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(key);
        walk(path, get(&a).as_ref(), get(&b).as_ref(), found);
        path.truncate(length);
    }
}

/// The parts of an object, or of a list of objects. Other lists are compared as a whole.
fn children(value: &Value) -> Option<Vec<(String, Value)>> {
    match value {
        Value::Object(map) => Some(map.iter().map(|(key, value)| (key.clone(), value.clone())).collect()),
        Value::Array(list) if list.iter().all(Value::is_object) => {
            let name = |value: &Value| value.get("name").and_then(Value::as_str).map(str::to_owned);
            let names: BTreeSet<_> = list.iter().filter_map(name).collect();
            let unique = names.len() == list.len();
            let key = |(number, value): (usize, &Value)| match name(value) {
                Some(name) if unique => (name, value.clone()),
                _ => (number.to_string(), value.clone()),
            };
            Some(list.iter().enumerate().map(key).collect())
        }
        _ => None,
    }
}

/// Stands for all scenarios.
const EVERYWHERE: &str = "*";

/// An entry of `tests/differences.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Allowed {
    /// The scenarios where it occurs; `*` for any.
    scenarios: Vec<String>,
    /// Where: `*` is any part of one step, `**` any steps.
    pub(super) path: String,
    /// What PulseAudio has there; anything when left out.
    pulseaudio: Option<toml::Value>,
    /// What sealpulse has there; anything when left out.
    sealpulse: Option<toml::Value>,
    /// Why it may.
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    difference: Vec<Allowed>,
}

impl Allowed {
    pub(super) fn of_scenario(scenario: &str) -> Vec<Allowed> {
        let file: File =
            toml::from_str(include_str!("../../differences.toml")).expect("differences.toml is well-formed");
        let mut all = file.difference;
        for entry in &all {
            assert!(!entry.reason.trim().is_empty(), "{} lacks a reason", entry.path);
        }
        all.retain(|entry| entry.scenarios.iter().any(|other| other == scenario || other == EVERYWHERE));
        all
    }

    /// Whether it has to occur: one that may occur anywhere need not everywhere.
    pub(super) fn must_occur(&self) -> bool {
        self.scenarios.iter().all(|scenario| scenario != EVERYWHERE)
    }

    pub(super) fn covers(&self, difference: &Difference) -> bool {
        let agrees = |expected: &Option<toml::Value>, seen: &Option<Value>| {
            expected
                .as_ref()
                .is_none_or(|expected| seen.as_ref() == serde_json::to_value(expected).ok().as_ref())
        };
        matches(self.path.as_bytes(), difference.path.as_bytes())
            && agrees(&self.pulseaudio, &difference.pulseaudio)
            && agrees(&self.sealpulse, &difference.sealpulse)
    }
}

/// Whether `path` is one that `pattern` means.
fn matches(pattern: &[u8], path: &[u8]) -> bool {
    match pattern {
        [] => path.is_empty(),
        [b'*', b'*', rest @ ..] => (0..=path.len()).any(|skip| matches(rest, &path[skip..])),
        [b'*', rest @ ..] => {
            let step = path.iter().position(|&byte| byte == b'/').unwrap_or(path.len());
            (0..=step).any(|skip| matches(rest, &path[skip..]))
        }
        [first, rest @ ..] => path.first() == Some(first) && matches(rest, &path[1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn differences_are_found_by_name_and_by_number() {
        let a = json!({"1 list": [{"name": "x", "v": 1}, {"name": "y", "v": 2}], "2 events": ["new"]});
        let b =
            json!({"1 list": [{"name": "y", "v": 3}, {"name": "x", "v": 1}], "2 events": ["new", "change"]});
        let found = differences(&a, &b);
        let paths: Vec<&str> = found.iter().map(|difference| difference.path.as_str()).collect();
        assert_eq!(paths, ["1 list/y/v", "2 events"]);
    }

    #[test]
    fn a_star_stays_within_its_step() {
        assert!(matches(b"*/sinks/*/driver", b"1 x/sinks/out/driver"));
        assert!(!matches(b"*/driver", b"1 x/sinks/out/driver"));
        assert!(matches(b"**/driver", b"1 x/sinks/out/driver"));
    }
}
