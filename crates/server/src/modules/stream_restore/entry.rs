//! What is remembered of a kind of stream, and how streams are told apart.

use std::fs;
use std::io;
use std::path::Path;

use sealpulse_protocol::PropList;
use sealpulse_protocol::extension::stream_restore::StreamRestoreEntry;
use sealpulse_spec::{ChannelMap, ChannelVolumes, Volume};
use serde::{Deserialize, Serialize};

use super::super::extension::ExtensionError;
use super::super::saved_volume::SavedVolume;
use crate::registry::names;

/// The property that a stream's key is shown in, and that a client may choose it by.
pub(super) const KEY_PROPERTY: &str = "module-stream-restore.id";

/// What is remembered; `None` is not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Entry {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) volume: Option<SavedVolume>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) muted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) device: Option<String>,
}

impl Entry {
    /// As a client wrote it, with its name.
    pub(super) fn from_wire(wire: StreamRestoreEntry) -> Result<(String, Self), ExtensionError> {
        if wire.name.is_empty() {
            return Err(ExtensionError::Nonsense("an entry has no name"));
        }
        let volume = match wire.volume.channels() {
            0 => None,
            _ => {
                let volume = SavedVolume::new(wire.map, wire.volume);
                Some(volume.ok_or(ExtensionError::Nonsense("an entry's volume does not fit its channels"))?)
            }
        };
        let device = wire.device.filter(|device| !device.is_empty());
        if device.as_deref().is_some_and(|device| !names::is_valid(device)) {
            return Err(ExtensionError::Nonsense("an entry's device cannot have that name"));
        }
        Ok((wire.name, Self { volume, muted: Some(wire.muted), device }))
    }

    /// As clients read it.
    pub(super) fn to_wire(&self, name: &str) -> StreamRestoreEntry {
        let none = || (ChannelMap::default_for(0), ChannelVolumes::all(0, Volume::NORM));
        let (map, volume) = self.volume.as_ref().map_or_else(none, |saved| (saved.map(), saved.volume()));
        StreamRestoreEntry {
            name: name.to_owned(),
            map,
            volume,
            device: self.device.clone(),
            muted: self.muted.unwrap_or(false),
        }
    }
}

/// What tells a stream's kind: `prefix` is `sink-input` or `source-output`. It is written into the properties.
pub(super) fn key(proplist: &mut PropList, prefix: &str) -> String {
    if let Some(key) = proplist.get_str(KEY_PROPERTY) {
        return key.to_owned();
    }
    let by = [
        ("media-role", "media.role"),
        ("application-id", "application.id"),
        ("application-name", "application.name"),
        ("media-name", "media.name"),
    ];
    let known = by.iter().find_map(|(by, property)| proplist.get_str(property).map(|value| (by, value)));
    let key = match known {
        Some((by, value)) => format!("{prefix}-by-{by}:{value}"),
        None => format!("{prefix}-fallback:(null)"),
    };
    proplist.set_str(KEY_PROPERTY, &key);
    key
}

/// Reads a table of volumes for streams that nothing is remembered of: a key and decibels in each line.
pub(super) fn read_fallback_table(path: &Path) -> io::Result<Vec<(String, Entry)>> {
    let mut entries = Vec::new();
    for (number, line) in fs::read_to_string(path)?.lines().enumerate() {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let (key, volume) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        let volume = volume.trim();
        if volume.is_empty() {
            let reason = format!("{}, line {}: too few words", path.display(), number + 1);
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        match volume.parse::<f64>() {
            Ok(decibels) if decibels <= 0.0 => {
                let volume = Volume::from_linear(10_f64.powf(decibels / 20.0));
                let volume = SavedVolume::new(ChannelMap::mono(), ChannelVolumes::all(1, volume));
                entries.push((key.to_owned(), Entry { volume, ..Entry::default() }));
            }
            _ => {
                tracing::warn!(path = %path.display(), line = number + 1, "that is no volume of 0 dB or less")
            }
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_told_apart_by_what_is_known_best() {
        let mut list: PropList =
            [("media.name", "song"), ("application.name", "player")].into_iter().collect();
        assert_eq!(key(&mut list, "sink-input"), "sink-input-by-application-name:player");
        assert_eq!(list.get_str(KEY_PROPERTY), Some("sink-input-by-application-name:player"));
        list.set_str("media.role", "music");
        assert_eq!(key(&mut list, "sink-input"), "sink-input-by-application-name:player", "it stays");
        list.remove(KEY_PROPERTY);
        assert_eq!(key(&mut list, "source-output"), "source-output-by-media-role:music");
        assert_eq!(key(&mut PropList::new(), "sink-input"), "sink-input-fallback:(null)");
    }

    #[test]
    fn the_fallback_table_is_in_decibels() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("table");
        fs::write(&path, "# volumes\nsink-input-by-media-role:event \t -20.0\nloud 3\nodd x\n").unwrap();
        let entries = read_fallback_table(&path).unwrap();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].0, "sink-input-by-media-role:event");
        let volume = entries[0].1.volume.as_ref().unwrap().volume();
        assert_eq!(volume, ChannelVolumes::all(1, Volume::from_linear(0.1)));
        fs::write(&path, "alone\n").unwrap();
        assert!(read_fallback_table(&path).is_err());
        assert!(read_fallback_table(&directory.path().join("none")).is_err());
    }
}
