//! State that outlives the server: small tables, one file for each purpose.
//!
//! A file has a line of JSON for each entry, the one that was not used for longest first, after a line that says how many there
//! are. It is written whole, beside the old one, whose place it takes when it is safe on the disk. A file that cannot be
//! read is set aside; what it still has is kept.

mod files;
mod writer;

pub(crate) use writer::{Writer, be_patient};

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// How long a change waits for others before it is saved.
pub(crate) const SAVE_DELAY: Duration = Duration::from_secs(2);

/// Entries of a table. The one that was not used for longest goes first.
const ENTRIES_MAX: usize = 4096;

/// Bytes of a key. Clients make keys of their properties, which may be far longer; such are not remembered.
const KEY_MAX: usize = 1024;

/// Bytes of a file that are read: more than a full table has.
const FILE_MAX: u64 = 64 << 20;

/// The first line of a file.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    version: u32,
    entries: usize,
}

/// The version of the files that is written, and the only one that is read.
const VERSION: u32 = 1;

/// Any other line.
#[derive(Debug, Serialize, Deserialize)]
struct Line<T> {
    key: String,
    value: T,
}

#[derive(Debug)]
struct Entry<T> {
    /// When it was last used, as a number that only grows.
    used: u64,
    value: T,
}

/// A table by name.
#[derive(Debug)]
pub(crate) struct Store<T> {
    /// `None` for a table that is forgotten at the end.
    path: Option<PathBuf>,
    entries: BTreeMap<String, Entry<T>>,
    /// Keys by their last use.
    order: BTreeMap<u64, String>,
    uses: u64,
    /// Different from the file.
    changed: bool,
}

impl<T: Serialize + DeserializeOwned + PartialEq> Store<T> {
    /// The table that the file `name` holds, empty where there is none.
    pub(crate) fn open(directory: Option<&Path>, name: &str) -> Self {
        let path = directory.map(|directory| directory.join(name));
        let mut store =
            Self { path, entries: BTreeMap::new(), order: BTreeMap::new(), uses: 0, changed: false };
        if let Some(path) = store.path.clone() {
            files::remove_leftovers(&path);
            store.load(&path);
        }
        store
    }

    /// Reads a file, as far as it can be.
    fn load(&mut self, path: &Path) {
        let reason = match read(path) {
            Ok(None) => return,
            Ok(Some(text)) => match self.parse(&text) {
                Ok(()) => return,
                Err(reason) => reason,
            },
            Err(reason) => reason,
        };
        self.changed = true;
        match files::set_aside(path) {
            Ok(aside) => {
                let (kept, aside) = (self.entries.len(), aside.display());
                tracing::warn!(path = %path.display(), %aside, kept, "damaged state is set aside: {reason}");
            }
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "damaged state is not read: {reason}");
            }
        }
    }

    fn parse(&mut self, text: &str) -> Result<(), String> {
        let mut lines = text.lines();
        let head = serde_json::from_str::<Head>(lines.next().unwrap_or_default());
        let head = head.map_err(|error| format!("line 1: {error}"))?;
        if head.version != VERSION {
            return Err(format!("version {} is not {VERSION}", head.version));
        }
        let mut problem = None;
        let mut read = 0;
        for (number, line) in lines.enumerate() {
            match serde_json::from_str::<Line<T>>(line) {
                Ok(Line { key, value }) => {
                    self.set(&key, value);
                    read += 1;
                }
                Err(error) => problem = problem.or_else(|| Some(format!("line {}: {error}", number + 2))),
            }
        }
        self.changed = false;
        match problem {
            Some(problem) => Err(problem),
            None if read != head.entries => Err(format!("{read} of {} entries are there", head.entries)),
            None => Ok(()),
        }
    }

    /// What is remembered under a name; it counts as used.
    pub(crate) fn get(&mut self, key: &str) -> Option<&T> {
        let entry = self.entries.get_mut(key)?;
        self.order.remove(&entry.used);
        self.uses += 1;
        entry.used = self.uses;
        self.order.insert(self.uses, key.to_owned());
        Some(&entry.value)
    }

    /// The same without counting as used.
    pub(crate) fn peek(&self, key: &str) -> Option<&T> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    /// Remembers something under a name; whether anything is different now.
    pub(crate) fn set(&mut self, key: &str, value: T) -> bool {
        if key.len() > KEY_MAX {
            tracing::debug!(bytes = key.len(), "a name is too long to be remembered");
            return false;
        }
        self.uses += 1;
        let used = self.uses;
        self.order.insert(used, key.to_owned());
        let old = self.entries.insert(key.to_owned(), Entry { used, value });
        if let Some(old) = &old {
            self.order.remove(&old.used);
        } else if self.entries.len() > ENTRIES_MAX
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.entries.remove(&oldest);
        }
        let same = old.is_some_and(|old| self.entries.get(key).is_some_and(|new| new.value == old.value));
        self.changed |= !same;
        !same
    }

    /// Forgets an entry; whether there was one.
    pub(crate) fn remove(&mut self, key: &str) -> bool {
        let Some(entry) = self.entries.remove(key) else { return false };
        self.order.remove(&entry.used);
        self.changed = true;
        true
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.changed |= !self.entries.is_empty();
        self.entries.clear();
        self.order.clear();
    }

    /// All entries, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.entries.iter().map(|(key, entry)| (key.as_str(), &entry.value))
    }

    /// Has it written, if it is different from the file.
    pub(crate) fn save(&mut self, writer: &mut Writer) {
        if !std::mem::take(&mut self.changed) {
            return;
        }
        let Some(path) = &self.path else { return };
        match self.to_bytes() {
            Ok(bytes) => writer.write(path, bytes),
            Err(error) => tracing::error!(path = %path.display(), %error, "the state is not saved"),
        }
    }

    fn to_bytes(&self) -> serde_json::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec(&Head { version: VERSION, entries: self.entries.len() })?;
        bytes.push(b'\n');
        for key in self.order.values() {
            let Some(entry) = self.entries.get(key) else { continue };
            serde_json::to_writer(&mut bytes, &Line { key: key.clone(), value: &entry.value })?;
            bytes.push(b'\n');
        }
        Ok(bytes)
    }
}

/// A file's text; `None` where there is no file.
fn read(path: &Path) -> Result<Option<String>, String> {
    let bytes = match fs::metadata(path) {
        Ok(metadata) if metadata.len() > FILE_MAX => return Err(format!("it has {} bytes", metadata.len())),
        Ok(_) => fs::read(path),
        Err(error) => Err(error),
    };
    match bytes {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(store: &mut Store<u32>) {
        let mut writer = Writer::default();
        store.save(&mut writer);
    }

    fn entries(store: &Store<u32>) -> Vec<(&str, u32)> {
        store.iter().map(|(key, &value)| (key, value)).collect()
    }

    #[test]
    fn what_was_saved_is_there_again() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::open(Some(directory.path()), "volumes");
        assert!(store.set("a \"name\"\n", 1) && store.set("b", 2) && store.set("c", 3));
        assert!(store.set("b", 4) && !store.set("b", 4) && store.remove("c") && !store.remove("c"));
        saved(&mut store);
        let mut again = Store::open(Some(directory.path()), "volumes");
        assert_eq!(entries(&again), [("a \"name\"\n", 1), ("b", 4)]);
        assert!(!again.changed);
        again.clear();
        saved(&mut again);
        assert_eq!(Store::<u32>::open(Some(directory.path()), "volumes").entries.len(), 0);
    }

    #[test]
    fn what_is_the_same_is_not_written() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::open(Some(directory.path()), "volumes");
        store.set("a", 1);
        saved(&mut store);
        fs::remove_file(directory.path().join("volumes")).unwrap();
        store.set("a", 1);
        assert!(store.get("a").is_some());
        saved(&mut store);
        assert!(!directory.path().join("volumes").exists());
    }

    #[test]
    fn what_was_not_used_for_longest_goes() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::open(Some(directory.path()), "volumes");
        for number in 0..ENTRIES_MAX as u32 {
            store.set(&number.to_string(), number);
        }
        assert_eq!(store.get("0"), Some(&0));
        saved(&mut store);
        // The order of use is kept, too.
        let mut store = Store::open(Some(directory.path()), "volumes");
        store.set("new", 1);
        assert_eq!(store.entries.len(), ENTRIES_MAX);
        let mut has = |key| store.get(key).is_some();
        assert!(has("0") && !has("1") && has("2") && has("new"));
        assert_eq!(store.order.len(), ENTRIES_MAX);
    }

    #[test]
    fn a_damaged_file_is_set_aside() {
        let good =
            "{\"version\":1,\"entries\":2}\n{\"key\":\"a\",\"value\":1}\n{\"key\":\"b\",\"value\":2}\n";
        let cases = [
            (good[..good.len() - 8].to_owned(), 1),
            (good.replace("\"entries\":2", "\"entries\":3"), 2),
            (good.replace("\"value\":1", "\"value\":-1"), 1),
            (good.replace("\"version\":1", "\"version\":9"), 0),
            ("\0".repeat(512), 0),
            (String::new(), 0),
        ];
        for (text, kept) in cases {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("volumes");
            fs::write(&path, &text).unwrap();
            let mut store = Store::<u32>::open(Some(directory.path()), "volumes");
            assert_eq!(store.entries.len(), kept, "{text:?}");
            assert_eq!(fs::read_to_string(directory.path().join("volumes.damaged")).unwrap(), text);
            saved(&mut store);
            assert_eq!(Store::<u32>::open(Some(directory.path()), "volumes").entries.len(), kept);
        }
    }

    #[test]
    fn what_cannot_be_read_is_no_reason_not_to_start() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("volumes")).unwrap();
        assert_eq!(Store::<u32>::open(Some(directory.path()), "volumes").entries.len(), 0);
    }

    #[test]
    fn names_of_any_length_are_no_burden() {
        let mut store = Store::open(None, "volumes");
        assert!(!store.set(&"x".repeat(KEY_MAX + 1), 1));
        assert!(store.set(&"x".repeat(KEY_MAX), 1));
        saved(&mut store);
    }
}
