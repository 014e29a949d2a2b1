//! Sound files: what the server is given of them. It decodes none itself.

use std::error::Error;
use std::path::Path;

use sealpulse_spec::{ChannelMap, SampleSpec};

/// A sound file that was decoded whole.
#[derive(Clone, Debug, PartialEq)]
pub struct SoundFile {
    /// What its samples are like.
    pub spec: SampleSpec,
    /// What its channels are for.
    pub map: ChannelMap,
    /// Its samples, interleaved.
    pub bytes: Vec<u8>,
}

/// Why a sound file was not decoded, for people.
pub type DecodeFailure = Box<dyn Error + Send + Sync>;

/// Decodes a sound file that has at most so many bytes of samples.
pub type DecodeFile = fn(&Path, usize) -> Result<SoundFile, DecodeFailure>;
