//! Sound files: what the server is given of them. It decodes none itself.

use std::error::Error;
use std::fmt;
use std::path::Path;

use sealpulse_spec::{ChannelMap, SampleSpec};

/// A sound file that was opened.
pub struct SoundFile {
    /// What its samples are like.
    pub spec: SampleSpec,
    /// What its channels are for.
    pub map: ChannelMap,
    /// Decodes it to interleaved samples, unless they are more than so many bytes. It may take its time, on any thread.
    pub decode: Box<dyn FnOnce(usize) -> Result<Vec<u8>, DecodeFailure> + Send>,
}

impl fmt::Debug for SoundFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SoundFile").field("spec", &self.spec).field("map", &self.map).finish_non_exhaustive()
    }
}

/// Why a sound file was not decoded, for people.
pub type DecodeFailure = Box<dyn Error + Send + Sync>;

/// Opens a sound file. It must not wait for anything but the disk.
pub type OpenSoundFile = fn(&Path) -> Result<SoundFile, DecodeFailure>;
