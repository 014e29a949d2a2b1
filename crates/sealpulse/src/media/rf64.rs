//! RF64, which is WAV beyond 4 GB: shown to the library as the WAV that it would be.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use symphonia::core::io::MediaSource;

/// Most chunks before the samples.
const CHUNKS_MAX: usize = 1000;

/// An RF64 file that begins as a RIFF file does and ends where the samples end.
pub(super) struct Rf64 {
    file: File,
    position: u64,
    end: u64,
}

impl Rf64 {
    /// Takes an RF64 file; gives any other back, at its beginning.
    pub(super) fn new(mut file: File) -> io::Result<Result<Rf64, File>> {
        if !file.metadata()?.is_file() {
            return Ok(Err(file));
        }
        let end = samples_end(&mut file);
        file.seek(SeekFrom::Start(0))?;
        Ok(match end {
            Some(end) => Ok(Rf64 { file, position: 0, end }),
            None => Err(file),
        })
    }
}

/// Where the samples of an RF64 file end, if it is one.
fn samples_end(file: &mut File) -> Option<u64> {
    let mut head = [0; 36];
    file.read_exact(&mut head).ok()?;
    let length = file.metadata().ok()?.len();
    if !head.starts_with(b"RF64") || &head[8..16] != b"WAVEds64" {
        return None;
    }
    let (_, samples) = head.split_last_chunk::<8>()?;
    let mut at = 12u64;
    for _ in 0..CHUNKS_MAX {
        let mut chunk = [0; 8];
        file.seek(SeekFrom::Start(at)).ok()?;
        file.read_exact(&mut chunk).ok()?;
        let (name, size) = chunk.split_first_chunk::<4>()?;
        at += 8;
        if name == b"data" {
            return Some(at.checked_add(u64::from_le_bytes(*samples))?.min(length));
        }
        let size = u64::from(u32::from_le_bytes(size.try_into().ok()?));
        at += size + size % 2;
    }
    None
}

impl Read for Rf64 {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let most = buffer.len().min(left);
        let count = self.file.read(&mut buffer[..most])?;
        for (byte, at) in buffer[..count].iter_mut().zip(self.position..4) {
            *byte = b"RIFF"[at as usize];
        }
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Rf64 {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::End(offset) => {
                SeekFrom::Start(self.end.checked_add_signed(offset).ok_or(io::ErrorKind::InvalidInput)?)
            }
            other => other,
        };
        self.position = self.file.seek(to)?;
        Ok(self.position)
    }
}

impl MediaSource for Rf64 {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.end)
    }
}
