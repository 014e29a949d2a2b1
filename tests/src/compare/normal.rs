//! What necessarily differs from run to run, made equal: indexes, process ids, paths, latencies.

use crate::Event;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Gives the objects of one run names that do not depend on their indexes: the first sink that is seen is
/// `sink 1`, and so on.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: BTreeMap<(String, u64), String>,
    replaced: Vec<(String, String)>,
}

impl Names {
    /// From now on `text` is shown as `name`.
    pub(super) fn replace(&mut self, text: String, name: &str) {
        self.replaced.push((text, name.to_owned()));
    }

    /// The name of an object.
    pub(super) fn of(&mut self, facility: &str, index: u64) -> String {
        let number = self.known.keys().filter(|(other, _)| other == facility).count() + 1;
        let key = (facility.to_owned(), index);
        self.known.entry(key).or_insert_with(|| format!("{facility} {number}")).clone()
    }

    /// A text without what is particular to this run.
    pub(super) fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (from, to) in &self.replaced {
            text = text.replace(from, to);
        }
        let varies = |line: &str| match line.trim_start().strip_prefix("Latency: ") {
            Some(rest) => {
                let number = rest.split(' ').next().unwrap_or_default();
                line.replacen(&format!(": {number} "), ": VARIES ", 1)
            }
            None => line.to_owned(),
        };
        text.split('\n').map(varies).collect::<Vec<_>>().join("\n")
    }

    /// An event as `new sink-input 1`.
    pub(super) fn event(&mut self, event: &Event) -> String {
        format!("{} {}", event.event, self.of(&event.on, u64::from(event.index)))
    }

    /// A listing of `kind` (`sinks`, …) as `pactl -f json` prints it.
    pub(super) fn listing(&mut self, kind: &str, listing: &Value) -> Value {
        match listing {
            Value::Array(list) => list.iter().map(|object| self.object(kind, object)).collect(),
            other => self.object(kind, other),
        }
    }

    fn object(&mut self, kind: &str, object: &Value) -> Value {
        let Value::Object(map) = object else { return self.leaf(object) };
        map.iter().map(|(key, value)| (key.clone(), self.field(kind, key, value))).collect()
    }

    fn field(&mut self, kind: &str, key: &str, value: &Value) -> Value {
        let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
        let facility = match key {
            "index" => kind.strip_suffix('s'),
            "sink" | "source" | "client" => Some(key),
            "owner_module" => Some("module"),
            _ => None,
        };
        if let (Some(facility), Some(index)) = (facility, number) {
            return json!(self.of(facility, index));
        }
        match key {
            // They change from moment to moment, and are judged by tests of their own.
            "actual" | "buffer_latency_usec" | "sink_latency_usec" | "source_latency_usec" => json!("varies"),
            "client_index" | "cookie" | "application.process.id" => json!("varies"),
            _ => match value {
                Value::Array(list) => list.iter().map(|value| self.object("", value)).collect(),
                _ => self.object("", value),
            },
        }
    }

    fn leaf(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => json!(self.text(text)),
            other => other.clone(),
        }
    }
}
