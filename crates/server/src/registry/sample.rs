//! Samples: sounds that are kept, and played by name.

use std::path::PathBuf;
use std::time::Instant;

use sealpulse_memory::Chunk;
use sealpulse_protocol::PropList;
use sealpulse_spec::{ChannelMap, SampleSpec};

/// A sound that is kept.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) name: String,
    /// `None` as long as a lazy one was not played.
    pub(crate) sound: Option<Sound>,
    /// Where a lazy one is loaded from when it is played.
    pub(crate) lazy: Option<Lazy>,
    pub(crate) proplist: PropList,
}

/// What a sample sounds like.
#[derive(Clone, Debug)]
pub(crate) struct Sound {
    pub(crate) spec: SampleSpec,
    pub(crate) map: ChannelMap,
    /// All of it, in memory of ours that no client can change.
    pub(crate) chunk: Chunk,
}

/// A sample that is in memory only while it is used.
#[derive(Debug)]
pub(crate) struct Lazy {
    pub(crate) file: PathBuf,
    /// When it is forgotten, unless it is played again.
    pub(crate) unload_at: Option<Instant>,
}

/// A sample that a client sends.
#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) name: String,
    pub(crate) spec: SampleSpec,
    pub(crate) map: ChannelMap,
    pub(crate) proplist: PropList,
    /// Bytes that it will have.
    pub(crate) length: usize,
    /// What has come; `None` before the first block.
    pub(crate) bytes: Option<Vec<u8>>,
}

/// What a sample costs besides its sound and its properties, about.
const OVERHEAD: usize = 1024;

fn cost(sound: usize, proplist: &PropList) -> usize {
    sound + OVERHEAD + proplist.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>()
}

impl Sample {
    /// The memory that it takes, in bytes.
    pub(crate) fn cost(&self) -> usize {
        cost(self.length(), &self.proplist)
    }

    /// Bytes of sound that are in memory.
    pub(crate) fn length(&self) -> usize {
        self.sound.as_ref().map_or(0, |sound| sound.chunk.len())
    }
}

impl Upload {
    /// The memory that it will take, in bytes.
    pub(crate) fn cost(&self) -> usize {
        cost(self.length, &self.proplist)
    }

    /// Takes a block, as much of it as is still to come. Whatever place it was meant for, it goes behind the others.
    pub(crate) fn take(&mut self, block: &Chunk) {
        let (at, length) = self.grow(block.len());
        let Some(bytes) = self.bytes.as_mut().and_then(|bytes| bytes.get_mut(at..at + length)) else {
            return;
        };
        // It cannot fail: the range lies within the block.
        let _ = block.read_at(0, bytes);
    }

    /// A block of which only the length has come.
    pub(crate) fn skip(&mut self, length: usize) {
        self.grow(length);
    }

    /// Room for a block, full of silence: where it is, and how long.
    fn grow(&mut self, length: usize) -> (usize, usize) {
        let bytes = self.bytes.get_or_insert_with(|| Vec::with_capacity(self.length));
        let at = bytes.len();
        let length = length.min(self.length - at);
        bytes.resize(at + length, self.spec.format.silence_byte());
        (at, length)
    }
}

#[cfg(test)]
mod tests {
    use sealpulse_spec::SampleFormat;

    use super::*;

    #[test]
    fn what_is_too_much_is_left_out() {
        let mut upload = Upload {
            name: "a".to_owned(),
            spec: SampleSpec { format: SampleFormat::U8, channels: 1, rate: 8_000 },
            map: ChannelMap::mono(),
            proplist: PropList::new(),
            length: 5,
            bytes: None,
        };
        upload.take(&Chunk::from_vec(vec![1, 2]));
        upload.skip(2);
        upload.take(&Chunk::from_vec(vec![3, 4]));
        upload.take(&Chunk::from_vec(vec![5]));
        upload.skip(usize::MAX);
        assert_eq!(upload.bytes.as_deref(), Some(&[1, 2, 0x80, 0x80, 3][..]));
    }
}
