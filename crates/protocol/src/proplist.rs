//! Property lists.

use std::fmt;

use indexmap::IndexMap;

use crate::field::Field;
use crate::tagstruct::{Reader, TagstructError, Writer, tag};
use crate::values::UpdateMode;

/// Longest value of a property, in bytes, that is accepted from a peer (64 KiB, as in PulseAudio).
pub const PROPERTY_SIZE_MAX: usize = 64 * 1024;

/// Most properties that are accepted in one list; keeps what a packet costs in proportion to its size.
pub const PROPERTIES_MAX: usize = 1024;

/// Names and values (`pa_proplist`), in the order in which they were set first. Names are ASCII and not empty;
/// values are bytes, in most cases text that ends with a zero byte.
///
/// ```
/// use sealpulse_protocol::PropList;
/// let mut properties = PropList::new();
/// assert!(properties.set_str("media.name", "Song"));
/// assert_eq!(properties.get("media.name"), Some(&b"Song\0"[..]));
/// assert_eq!(properties.get_str("media.name"), Some("Song"));
/// assert!(!properties.set_str("", "no name"));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PropList {
    entries: IndexMap<String, Vec<u8>>,
}

impl PropList {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a property can have this name.
    pub fn is_valid_name(name: &str) -> bool {
        !name.is_empty() && name.is_ascii() && !name.contains('\0')
    }

    /// Sets a property to bytes; false, and nothing done, when the name is not valid.
    pub fn set(&mut self, name: &str, value: impl Into<Vec<u8>>) -> bool {
        let valid = Self::is_valid_name(name);
        if valid {
            self.entries.insert(name.to_owned(), value.into());
        }
        valid
    }

    /// Sets a property to text; a zero byte is added. False, and nothing done, when the name is not valid.
    pub fn set_str(&mut self, name: &str, value: &str) -> bool {
        let mut bytes = Vec::with_capacity(value.len() + 1);
        bytes.extend_from_slice(value.as_bytes());
        bytes.push(0);
        self.set(name, bytes)
    }

    /// The bytes of a property.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.entries.get(name).map(Vec::as_slice)
    }

    /// The text of a property; `None` also when it is not text (UTF-8 and one zero byte, at the end).
    pub fn get_str(&self, name: &str) -> Option<&str> {
        text(self.get(name)?)
    }

    /// Removes a property; whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        self.entries.shift_remove(name).is_some()
    }

    /// Whether there is a property of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// Number of properties.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Removes all.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Names and values, in the order in which they were set first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.entries.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// Brings `other` in, as `mode` says. False, and nothing done, for a mode that does not exist, and when there
    /// would be more than [`PROPERTIES_MAX`] properties: a list does not grow with a peer's patience.
    pub fn update(&mut self, mode: UpdateMode, other: &PropList) -> bool {
        let added = || other.entries.keys().filter(|name| !self.contains(name)).count();
        match mode {
            UpdateMode::Set => self.clone_from(other),
            UpdateMode::Merge | UpdateMode::Replace if self.len() + added() > PROPERTIES_MAX => return false,
            UpdateMode::Merge => {
                for (name, value) in &other.entries {
                    self.entries.entry(name.clone()).or_insert_with(|| value.clone());
                }
            }
            UpdateMode::Replace => {
                self.entries.extend(other.entries.iter().map(|(name, value)| (name.clone(), value.clone())));
            }
            UpdateMode::Other(_) => return false,
        }
        true
    }
}

/// Properties that are text; those whose name is not valid are left out.
impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for PropList {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(entries: I) -> Self {
        let mut list = Self::new();
        for (name, value) in entries {
            list.set_str(name.as_ref(), value.as_ref());
        }
        list
    }
}

impl fmt::Debug for PropList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (name, value) in &self.entries {
            match text(value) {
                Some(text) => map.entry(name, &text),
                None => map.entry(name, value),
            };
        }
        map.finish()
    }
}

fn text(value: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(value.strip_suffix(&[0])?).ok()?;
    (!text.contains('\0')).then_some(text)
}

impl Field for PropList {
    fn encode(&self, writer: &mut Writer) {
        writer.bytes(&[tag::PROPLIST]);
        for (name, value) in &self.entries {
            writer.string(Some(name));
            writer.u32(u32::try_from(value.len()).unwrap_or(u32::MAX));
            writer.arbitrary(value);
        }
        writer.string(None);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, TagstructError> {
        reader.tag(tag::PROPLIST)?;
        let mut entries = IndexMap::new();
        let mut count = 0;
        loop {
            let offset = reader.position();
            // A name that is not UTF-8 is not ASCII either.
            let name = reader.string().map_err(|error| match error {
                TagstructError::NotUtf8 { offset } => TagstructError::PropertyName { offset },
                other => other,
            })?;
            let Some(name) = name else { break };
            if !Self::is_valid_name(name) {
                return Err(TagstructError::PropertyName { offset: offset + 1 });
            }
            count += 1;
            if count > PROPERTIES_MAX {
                return Err(TagstructError::Length { offset, length: count, limit: PROPERTIES_MAX });
            }
            let length_offset = reader.position();
            let length = reader.u32()? as usize;
            if length > PROPERTY_SIZE_MAX {
                let limit = PROPERTY_SIZE_MAX;
                return Err(TagstructError::Length { offset: length_offset, length, limit });
            }
            entries.insert(name.to_owned(), reader.arbitrary(length)?.to_vec());
        }
        Ok(Self { entries })
    }

    fn absent() -> Self {
        Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn updates_follow_their_mode() {
        let old: PropList = [("a", "1"), ("b", "2")].into_iter().collect();
        let new: PropList = [("b", "3"), ("c", "4")].into_iter().collect();
        let updated = |mode| {
            let mut list = old.clone();
            assert!(list.update(mode, &new));
            list.iter().map(|(name, value)| (name.to_owned(), value[0])).collect::<Vec<_>>()
        };
        let pairs = |list: &[(&str, u8)]| list.iter().map(|&(n, v)| (n.to_owned(), v)).collect::<Vec<_>>();
        assert_eq!(updated(UpdateMode::Set), pairs(&[("b", b'3'), ("c", b'4')]));
        assert_eq!(updated(UpdateMode::Merge), pairs(&[("a", b'1'), ("b", b'2'), ("c", b'4')]));
        assert_eq!(updated(UpdateMode::Replace), pairs(&[("a", b'1'), ("b", b'3'), ("c", b'4')]));
        assert!(!old.clone().update(UpdateMode::Other(3), &new));

        let mut full: PropList = (0..PROPERTIES_MAX).map(|number| (number.to_string(), "")).collect();
        let before = full.clone();
        assert!(!full.update(UpdateMode::Merge, &old) && !full.update(UpdateMode::Replace, &old));
        assert!(full == before && full.update(UpdateMode::Replace, &before));
    }

    #[test]
    fn what_is_not_text_reads_as_bytes_only() {
        let mut list = PropList::new();
        for value in [&b"no end"[..], b"two\0ends\0", b"\xff\0", b""] {
            list.set("x", value);
            assert_eq!(list.get("x"), Some(value));
            assert_eq!(list.get_str("x"), None);
        }
    }

    #[test]
    fn limits_hold() {
        let mut writer = Writer::new(35);
        writer.bytes(&[tag::PROPLIST]);
        for _ in 0..=PROPERTIES_MAX {
            writer.string(Some("again"));
            writer.u32(0);
            writer.arbitrary(&[]);
        }
        let bytes = writer.into_bytes();
        let error = PropList::decode(&mut Reader::new(&bytes, 35)).unwrap_err();
        assert!(matches!(error, TagstructError::Length { length: 1025, limit: PROPERTIES_MAX, .. }));

        let long = b"Pta\0L\0\x01\0\x01x\0\x01\0\x01";
        let error = PropList::decode(&mut Reader::new(long, 35)).unwrap_err();
        assert_eq!(error, TagstructError::Length { offset: 4, length: 65537, limit: PROPERTY_SIZE_MAX });

        for bytes in [&b"Pt\0"[..], b"Pt\xc3\xa9\0", b"Pt\xff\0"] {
            let error = PropList::decode(&mut Reader::new(bytes, 35)).unwrap_err();
            assert_eq!(error, TagstructError::PropertyName { offset: 2 });
        }
    }
}
