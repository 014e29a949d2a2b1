//! Names of devices (`pa_namereg`): what is valid, and how two devices do not get the same one.

use std::collections::HashMap;

/// Longest name in bytes.
const NAME_MAX: usize = 128;

/// The highest number that is put behind a name that is taken.
const SUFFIX_MAX: u32 = 99;

/// Stands for the default sink in a request.
pub(crate) const DEFAULT_SINK: &str = "@DEFAULT_SINK@";
/// Stands for the default source in a request.
pub(crate) const DEFAULT_SOURCE: &str = "@DEFAULT_SOURCE@";
/// Stands for the monitor of the default sink in a request.
pub(crate) const DEFAULT_MONITOR: &str = "@DEFAULT_MONITOR@";

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    Sink(u32),
    Source(u32),
    Sample(u32),
}

/// All names that are taken. Sinks, sources and samples share them.
#[derive(Debug, Default)]
pub(crate) struct Names {
    taken: HashMap<String, Named>,
}

fn is_valid_char(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_')
}

/// Whether a device can have this name.
pub(crate) fn is_valid(name: &str) -> bool {
    !name.is_empty() && name.len() <= NAME_MAX && name.chars().all(is_valid_char)
}

/// Whether a request can mean a sink with this.
pub(crate) fn is_sink_reference(name: &str) -> bool {
    is_valid(name) || name == DEFAULT_SINK
}

/// Whether a request can mean a source with this.
pub(crate) fn is_source_reference(name: &str) -> bool {
    is_valid(name) || name == DEFAULT_SOURCE || name == DEFAULT_MONITOR
}

/// The valid name that is closest to `wish`; `None` for an empty one.
fn make_valid(wish: &str) -> Option<String> {
    let name: String =
        wish.bytes().take(NAME_MAX).map(char::from).map(|c| if is_valid_char(c) { c } else { '_' }).collect();
    (!name.is_empty()).then_some(name)
}

impl Names {
    /// The name that a device gets that wishes for `wish`: with characters that are not allowed replaced, and
    /// `.2` to `.99` behind one that is taken. `None` where that is not possible.
    pub(crate) fn free_name(&self, wish: &str) -> Option<String> {
        let name = if is_valid(wish) { wish.to_owned() } else { make_valid(wish)? };
        if !self.taken.contains_key(&name) {
            return Some(name);
        }
        if name.len() + 4 > NAME_MAX {
            return None;
        }
        (2..=SUFFIX_MAX).map(|number| format!("{name}.{number}")).find(|name| !self.taken.contains_key(name))
    }

    pub(crate) fn register(&mut self, name: String, device: Named) {
        self.taken.insert(name, device);
    }

    pub(crate) fn unregister(&mut self, name: &str) {
        self.taken.remove(name);
    }

    /// Whether a sink has this name.
    pub(crate) fn is_sink(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Named::Sink(_)))
    }

    /// Whether a source has this name.
    pub(crate) fn is_source(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Named::Source(_)))
    }

    pub(crate) fn get(&self, name: &str) -> Option<Named> {
        self.taken.get(name).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taken_names_get_a_number() {
        let mut names = Names::default();
        for expected in ["null", "null.2", "null.3"] {
            let name = names.free_name("null").unwrap();
            assert_eq!(name, expected);
            names.register(name, Named::Sink(0));
        }
        names.unregister("null.2");
        assert_eq!(names.free_name("null").as_deref(), Some("null.2"));
        for number in 2..=SUFFIX_MAX {
            names.register(format!("null.{number}"), Named::Source(0));
        }
        assert_eq!(names.free_name("null"), None);
    }

    #[test]
    fn names_are_made_valid() {
        let mut names = Names::default();
        assert_eq!(names.free_name("a b/ü").as_deref(), Some("a_b___"));
        assert_eq!(names.free_name(""), None);
        let long = "x".repeat(200);
        assert_eq!(names.free_name(&long).map(|name| name.len()), Some(NAME_MAX));
        names.register("x".repeat(NAME_MAX), Named::Sink(0));
        assert_eq!(names.free_name(&long), None, "there is no room for a number");
    }

    #[test]
    fn wildcards_belong_to_their_kind() {
        assert!(is_sink_reference(DEFAULT_SINK) && !is_source_reference(DEFAULT_SINK));
        assert!(is_source_reference(DEFAULT_MONITOR) && !is_sink_reference(DEFAULT_MONITOR));
        assert!(!is_sink_reference("a b") && !is_sink_reference(""));
    }
}
