//! Sound on its way: blocks to fill for a playback stream, and blocks that a record stream lends.

use sealpulse_memory::Block;
use sealpulse_protocol::frame::SeekMode;
use sealpulse_spec::SampleSpec;

use crate::error::ClientError;
use crate::playback::PlaybackStream;
use crate::streams::Piece;

/// Bytes that samples go through between a program and shared memory.
const STAGE: usize = 256;

mod sealed {
    pub trait Sealed {}
}

/// A sample in memory, little endian: `u8`, `i16`, `i32` or `f32`, for the sample formats of those names.
pub trait Sample: Copy + sealed::Sealed {
    /// Bytes of a sample.
    const SIZE: usize;
    #[doc(hidden)]
    fn put(self, out: &mut [u8]);
    #[doc(hidden)]
    fn take(bytes: &[u8]) -> Self;
}

macro_rules! samples {
    ($($ty:ty),*) => {$(
        impl sealed::Sealed for $ty {}
        impl Sample for $ty {
            const SIZE: usize = size_of::<$ty>();
            fn put(self, out: &mut [u8]) {
                out.copy_from_slice(&self.to_le_bytes());
            }
            fn take(bytes: &[u8]) -> Self {
                let mut sample = [0; size_of::<$ty>()];
                sample.copy_from_slice(bytes);
                <$ty>::from_le_bytes(sample)
            }
        }
    )*};
}
samples!(u8, i16, i32, f32);

/// A block of the pool that is shared with the server, to be filled in place. What has been filled is written to the
/// stream when the block is committed or dropped.
#[derive(Debug)]
pub struct PlaybackBlock<'a> {
    block: Option<Block>,
    length: usize,
    filled: usize,
    seek: SeekMode,
    offset: i64,
    stream: Option<&'a PlaybackStream>,
}

impl<'a> PlaybackBlock<'a> {
    pub(crate) fn new(block: Block, length: usize, stream: Option<&'a PlaybackStream>) -> PlaybackBlock<'a> {
        let length = length.min(block.len());
        PlaybackBlock { block: Some(block), length, filled: 0, seek: SeekMode::Relative, offset: 0, stream }
    }

    /// Bytes that can be filled; whole frames.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Never: there is always room for a frame.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Bytes that have been filled.
    pub fn filled(&self) -> usize {
        self.filled
    }

    /// Bytes that can still be filled.
    pub fn room(&self) -> usize {
        self.length - self.filled
    }

    /// Appends as many bytes as there is room for; how many it were.
    pub fn push(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.room());
        let written = self.block.as_mut().map(|block| block.write_at(self.filled, &bytes[..count]));
        if !matches!(written, Some(Ok(()))) {
            return 0;
        }
        self.filled += count;
        count
    }

    /// Appends samples for as long as there are any and there is room; how many it were. The samples' type has to be
    /// the stream's format.
    pub fn push_samples<T: Sample>(&mut self, samples: impl IntoIterator<Item = T>) -> usize {
        let mut samples = samples.into_iter();
        let mut stage = [0; STAGE];
        let mut total = 0;
        loop {
            let most = self.room().min(STAGE) / T::SIZE;
            let mut count = 0;
            for (out, sample) in stage.chunks_exact_mut(T::SIZE).take(most).zip(&mut samples) {
                sample.put(out);
                count += 1;
            }
            if count == 0 || self.push(&stage[..count * T::SIZE]) == 0 {
                return total;
            }
            total += count;
        }
    }

    /// Puts the block at another place of the stream than behind what was written last.
    pub fn seek(&mut self, mode: SeekMode, offset: i64) {
        (self.seek, self.offset) = (mode, offset);
    }

    /// Writes what has been filled to the stream.
    ///
    /// # Errors
    /// Why the stream has ended.
    pub fn commit(mut self) -> Result<(), ClientError> {
        self.send()
    }

    /// Gives the block back unused.
    pub fn discard(mut self) {
        self.block = None;
    }

    fn send(&mut self) -> Result<(), ClientError> {
        match (self.block.take(), self.stream) {
            (Some(block), Some(stream)) if self.filled > 0 => {
                stream.handle.send(block, self.filled, self.seek, self.offset)
            }
            _ => Ok(()),
        }
    }

    /// For whoever sends it without a handle.
    pub(crate) fn into_parts(mut self) -> (Option<Block>, usize, SeekMode, i64) {
        (self.block.take(), self.filled, self.seek, self.offset)
    }
}

impl Drop for PlaybackBlock<'_> {
    fn drop(&mut self) {
        // A stream that has ended says so at the next call.
        let _ = self.send();
    }
}

/// A piece of recorded sound, in the memory that the server wrote it to. The server can use that memory again when this
/// is dropped: copy out what is to be kept.
#[derive(Debug)]
pub struct RecordBlock {
    pub(crate) piece: Piece,
    pub(crate) spec: SampleSpec,
}

impl RecordBlock {
    /// Bytes.
    pub fn len(&self) -> usize {
        self.piece.len()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether this much sound is missing: it reads as silence.
    pub fn is_hole(&self) -> bool {
        matches!(self.piece, Piece::Hole(_))
    }

    /// Copies bytes out.
    ///
    /// # Errors
    /// [`ClientError::Memory`] beyond its end.
    pub fn read_at(&self, offset: usize, out: &mut [u8]) -> Result<(), ClientError> {
        match &self.piece {
            Piece::Sound(chunk) => Ok(chunk.read_at(offset, out)?),
            Piece::Hole(_) => {
                out.fill(self.spec.format.silence_byte());
                Ok(())
            }
        }
    }

    /// The samples, one after the other. Their type has to be the stream's format.
    pub fn samples<T: Sample>(&self) -> impl Iterator<Item = T> + '_ {
        (0..self.len() / T::SIZE * T::SIZE).step_by(STAGE).flat_map(move |at| {
            let mut stage = [0; STAGE];
            let count = STAGE.min(self.len() - at) / T::SIZE;
            let read = self.read_at(at, &mut stage[..count * T::SIZE]).is_ok();
            (0..if read { count } else { 0 }).map(move |index| T::take(&stage[index * T::SIZE..][..T::SIZE]))
        })
    }
}

#[cfg(test)]
mod tests {
    use sealpulse_memory::Chunk;
    use sealpulse_spec::SampleFormat;

    use super::*;

    #[test]
    fn samples_pass_through_blocks_unchanged() {
        let samples: Vec<i16> = (-5000..5000).collect();
        let mut block = PlaybackBlock::new(Block::private(64 * 1024), 20_000, None);
        assert_eq!(block.push_samples(samples.iter().copied()), 10_000);
        assert_eq!((block.room(), block.push(&[1])), (0, 0));
        let (Some(filled), length, ..) = block.into_parts() else { panic!() };
        let spec = SampleSpec { format: SampleFormat::S16Le, channels: 2, rate: 48_000 };
        let chunk: Chunk = filled.into_chunk(length).unwrap();
        let block = RecordBlock { piece: Piece::Sound(chunk), spec };
        assert_eq!(block.samples::<i16>().collect::<Vec<_>>(), samples);
    }

    #[test]
    fn a_hole_is_silence() {
        let spec = SampleSpec { format: SampleFormat::U8, channels: 1, rate: 8_000 };
        let block = RecordBlock { piece: Piece::Hole(300), spec };
        assert!(block.samples::<u8>().all(|sample| sample == 0x80));
        assert_eq!(block.samples::<u8>().count(), 300);
    }
}
