//! `module-stream-restore`: volumes, mutes and devices that streams get back when they come again.

use sealpulse_protocol::extension::stream_restore::{
    DELETE, MODULE, READ, SUBSCRIBE, StreamRestoreEntry, TEST, WRITE,
};
use sealpulse_protocol::tagstruct::Writer;
use sealpulse_protocol::{Field, UpdateMode};

use super::{Done, command};
use crate::selector::text;
use crate::subscribe::ModuleTopic;
use crate::{ClientError, Context, Subscription};

/// Refuses an entry that no server takes.
fn check(entry: &StreamRestoreEntry) -> Result<(), ClientError> {
    text("name of the entry", &entry.name)?;
    if let Some(device) = &entry.device {
        text("device of the entry", device)?;
    }
    if entry.volume.channels() > 0 && entry.volume.channels() != entry.map.channels() {
        let value = format!("{:?} for {} channels", entry.volume, entry.map.channels());
        return Err(ClientError::Invalid { what: "volume of the entry", value });
    }
    Ok(())
}

/// # What streams get back: `module-stream-restore`
///
/// ```no_run
/// use sealpulse_client::extension::StreamRestoreEntry;
/// use sealpulse_client::{ChannelMap, ChannelVolumes, Config, Context, UpdateMode, Volume, Wait};
///
/// let context = Context::connect(Config::from_env()?).wait()?;
/// let mut events = StreamRestoreEntry::new("sink-input-by-media-role:event");
/// events.map = ChannelMap::mono();
/// events.volume = ChannelVolumes::all(1, Volume::from_linear(0.25));
/// context.stream_restore_write(UpdateMode::Replace, &[events], true).wait()?;
/// for entry in context.stream_restore_read().wait()? {
///     println!("{} {:?} {:?}", entry.name, entry.volume, entry.device);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl Context {
    /// The version of the module's commands, 1 in PulseAudio.
    pub async fn stream_restore_version(&self) -> Result<u32, ClientError> {
        self.extension_request(MODULE, command(TEST)).await
    }

    /// All entries.
    pub async fn stream_restore_read(&self) -> Result<Vec<StreamRestoreEntry>, ClientError> {
        self.extension_request(MODULE, command(READ)).await
    }

    /// Writes entries: in place of all that there are, only those that are not there yet, or over those of the same
    /// name, as `mode` says. With `apply` streams that play or record now follow.
    ///
    /// Fails with [`ClientError::Invalid`] when an entry has no name, or a volume for other channels than its map's.
    pub async fn stream_restore_write(
        &self,
        mode: UpdateMode,
        entries: &[StreamRestoreEntry],
        apply: bool,
    ) -> Result<(), ClientError> {
        self.extension_request(MODULE, write(mode, entries, apply)?).await.map(|Done| ())
    }

    /// Removes entries by name; one that is not there is no error.
    pub async fn stream_restore_delete(&self, names: &[&str]) -> Result<(), ClientError> {
        let mut writer = command(DELETE);
        for name in names {
            text("name of the entry", name)?.encode(&mut writer);
        }
        self.extension_request(MODULE, writer).await.map(|Done| ())
    }

    /// Tells of changes, by [`ExtensionEvent::StreamRestore`](super::ExtensionEvent::StreamRestore).
    pub async fn stream_restore_subscribe(&self) -> Result<Subscription, ClientError> {
        let topic = ModuleTopic { module: MODULE, subscribe: SUBSCRIBE };
        Subscription::to_module(&self.connection, topic).await
    }
}

fn write(mode: UpdateMode, entries: &[StreamRestoreEntry], apply: bool) -> Result<Writer, ClientError> {
    let mut writer = command(WRITE);
    mode.encode(&mut writer);
    writer.boolean(apply);
    for entry in entries {
        check(entry)?;
        entry.encode(&mut writer);
    }
    Ok(writer)
}

#[cfg(test)]
mod tests {
    use sealpulse_protocol::extension::read;

    use super::*;
    use crate::{ChannelMap, ChannelVolumes, Volume};

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
        let bytes = write(UpdateMode::Merge, &entries(), true).unwrap().into_bytes();
        let head = [b'L', 0, 0, 0, 2, b'L', 0, 0, 0, 1, b'1'];
        let rest = bytes.strip_prefix(&head).unwrap();
        assert_eq!(read::<Vec<StreamRestoreEntry>>(rest), Ok(entries()));
    }

    #[test]
    fn entries_that_no_server_takes_are_refused() {
        let nameless = StreamRestoreEntry::new("");
        assert!(write(UpdateMode::Set, &[nameless], false).is_err());
        let mut odd = StreamRestoreEntry::new("odd");
        odd.volume = ChannelVolumes::all(2, Volume::NORM);
        assert!(write(UpdateMode::Set, &[odd.clone()], false).is_err());
        odd.map = ChannelMap::stereo();
        assert!(write(UpdateMode::Set, &[odd], false).is_ok());
    }
}
