//! `module-stream-restore`: volumes, mutes and devices that streams get back when they come again.

use sealpulse_spec::{ChannelMap, ChannelVolumes, Volume};

use crate::field::Field;
use crate::tagstruct::{Reader, TagstructError, Writer};

/// The module's name.
pub const MODULE: &str = "module-stream-restore";

/// The version of the commands.
pub const VERSION: u32 = 1;

/// Asks for [`VERSION`].
pub const TEST: u32 = 0;
/// Asks for all entries.
pub const READ: u32 = 1;
/// Writes entries: an [`UpdateMode`](crate::UpdateMode), whether streams follow at once, the entries.
pub const WRITE: u32 = 2;
/// Removes entries, by their names.
pub const DELETE: u32 = 3;
/// Whether to tell of changes.
pub const SUBSCRIBE: u32 = 4;
/// From the server: the entries have changed.
pub const EVENT: u32 = 5;

/// What is remembered of one kind of stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamRestoreEntry {
    /// Which: `sink-input-by-media-role:event`, `source-output-by-application-name:parec`, and so on. It is never
    /// empty.
    pub name: String,
    /// The channels of the volume.
    pub map: ChannelMap,
    /// The volume, relative to the device's or absolute as the server is configured; of no channel when none is
    /// remembered.
    pub volume: ChannelVolumes,
    /// The sink or source; `None` when none is remembered.
    pub device: Option<String>,
    /// It is muted.
    pub muted: bool,
}

impl StreamRestoreEntry {
    /// An entry that remembers nothing but that it is not muted.
    ///
    /// ```
    /// use sealpulse_protocol::extension::stream_restore::StreamRestoreEntry;
    /// let entry = StreamRestoreEntry::new("sink-input-by-media-role:event");
    /// assert_eq!(entry.volume.channels(), 0);
    /// ```
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::absent() }
    }
}

/// As it stands in the module's commands and answers.
impl Field for StreamRestoreEntry {
    fn encode(&self, writer: &mut Writer) {
        self.name.encode(writer);
        self.map.encode(writer);
        self.volume.encode(writer);
        self.device.encode(writer);
        self.muted.encode(writer);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, TagstructError> {
        Ok(Self {
            name: Field::decode(reader)?,
            map: Field::decode(reader)?,
            volume: Field::decode(reader)?,
            device: Field::decode(reader)?,
            muted: Field::decode(reader)?,
        })
    }

    fn absent() -> Self {
        Self {
            name: String::new(),
            map: ChannelMap::default_for(0),
            volume: ChannelVolumes::all(0, Volume::NORM),
            device: None,
            muted: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extension::{read, writer};

    fn entries() -> Vec<StreamRestoreEntry> {
        let full = StreamRestoreEntry {
            name: "sink-input-by-application-name:mpv".to_owned(),
            map: ChannelMap::stereo(),
            volume: ChannelVolumes::all(2, Volume(0x8000)),
            device: Some("out".to_owned()),
            muted: true,
        };
        vec![full, StreamRestoreEntry::new("source-output-by-media-role:phone")]
    }

    #[test]
    fn entries_survive_the_wire() {
        let mut writer = writer();
        entries().encode(&mut writer);
        assert_eq!(read::<Vec<StreamRestoreEntry>>(&writer.into_bytes()), Ok(entries()));
    }

    #[test]
    fn half_an_entry_is_an_error() {
        let mut writer = writer();
        entries()[0].encode(&mut writer);
        let bytes = writer.into_bytes();
        for length in 1..bytes.len() {
            assert!(read::<Vec<StreamRestoreEntry>>(&bytes[..length]).is_err(), "{length} bytes");
        }
    }
}
