//! Volumes as they are kept in files.

use sealpulse_spec::{ChannelMap, ChannelVolumes, Volume};
use serde::{Deserialize, Serialize};

use crate::policy::remap_volume;

/// A volume and the channels that it is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Text", into = "Text")]
pub(super) struct SavedVolume {
    map: ChannelMap,
    volume: ChannelVolumes,
}

/// How it is written.
#[derive(Serialize, Deserialize)]
struct Text {
    map: String,
    volume: Vec<u32>,
}

impl SavedVolume {
    /// `None` where they do not fit.
    pub(super) fn new(map: ChannelMap, volume: ChannelVolumes) -> Option<Self> {
        let fits = map.is_valid() && volume.is_valid() && volume.channels() == map.channels();
        fits.then_some(Self { map, volume })
    }

    pub(super) fn map(&self) -> ChannelMap {
        self.map
    }

    pub(super) fn volume(&self) -> ChannelVolumes {
        self.volume
    }

    /// The volume for these channels.
    pub(super) fn for_map(&self, map: &ChannelMap) -> ChannelVolumes {
        remap_volume(&self.volume, &self.map, map)
    }
}

impl From<SavedVolume> for Text {
    fn from(saved: SavedVolume) -> Self {
        let volume = saved.volume.as_slice().iter().map(|volume| volume.0).collect();
        Self { map: saved.map.to_string(), volume }
    }
}

impl TryFrom<Text> for SavedVolume {
    type Error = &'static str;

    fn try_from(text: Text) -> Result<Self, Self::Error> {
        let map = ChannelMap::parse(&text.map).ok_or("that is no channel map")?;
        let volume: Vec<Volume> = text.volume.into_iter().map(Volume).collect();
        let volume = ChannelVolumes::from_slice(&volume).ok_or("too many channels")?;
        Self::new(map, volume).ok_or("the volume does not fit the channel map")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_are_kept_as_text() {
        let saved = SavedVolume::new(ChannelMap::stereo(), ChannelVolumes::all(2, Volume(0x8000))).unwrap();
        let text = serde_json::to_string(&saved).unwrap();
        assert_eq!(text, r#"{"map":"front-left,front-right","volume":[32768,32768]}"#);
        assert_eq!(serde_json::from_str::<SavedVolume>(&text).unwrap(), saved);
        for bad in [
            r#"{"map":"mono","volume":[1,2]}"#,
            r#"{"map":"x","volume":[]}"#,
            r#"{"map":"mono","volume":[4294967295]}"#,
        ] {
            assert!(serde_json::from_str::<SavedVolume>(bad).is_err(), "{bad}");
        }
    }
}
