//! Encoder delay and padding of MP4 files: from iTunes' `iTunSMPB` tag, else from the edit list.
//!
//! Only headers are read, and no more than [`HEADER_MAX`] bytes of each table; whatever does not make sense is taken
//! for a file without delay.

use std::io::{Read, Seek, SeekFrom};

/// Longest header box that is read into memory. An edit list of an audio file has one or two entries of 20 bytes.
const HEADER_MAX: u64 = 4096;

/// Most boxes that are looked at.
const BOXES_MAX: usize = 10_000;

/// What to leave out of a track.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gapless {
    /// Frames before the first that counts.
    pub(crate) delay: u64,
    /// Frames that count, if that is known.
    pub(crate) frames: Option<u64>,
}

/// What the first audio track of a file says of its delay.
pub(crate) fn gapless(file: impl Read + Seek) -> Gapless {
    let mut walk = Walk { file, boxes: 0, found: Found::default() };
    // What was found before an error still counts.
    let end = walk.file.seek(SeekFrom::End(0)).unwrap_or(0);
    let _ = walk.boxes(0, end, 0);
    walk.found.gapless()
}

/// Numbers from several boxes.
#[derive(Default)]
struct Found {
    movie_scale: Option<u32>,
    track: Track,
    audio: Option<Track>,
    tag: Option<Gapless>,
    tag_name: bool,
}

#[derive(Clone, Copy, Default)]
struct Track {
    scale: u32,
    /// Length in ticks of the movie, start in ticks of the track.
    edit: Option<(u64, u64)>,
}

impl Found {
    fn gapless(&self) -> Gapless {
        let Some(Track { scale, edit: Some((length, delay)) }) = self.audio else {
            return self.tag.unwrap_or_default();
        };
        if let Some(tag) = self.tag {
            return tag;
        }
        let exact = self.movie_scale == Some(scale);
        // In coarser ticks the length is no more than a hint; the packets' own durations are exact.
        Gapless { delay, frames: (exact && length > 0).then_some(length) }
    }
}

struct Walk<F> {
    file: F,
    boxes: usize,
    found: Found,
}

impl<F: Read + Seek> Walk<F> {
    /// Looks at the boxes between two places in the file.
    fn boxes(&mut self, mut at: u64, end: u64, depth: usize) -> Option<()> {
        while end.checked_sub(at)? >= 8 {
            self.boxes += 1;
            if self.boxes > BOXES_MAX {
                return None;
            }
            self.file.seek(SeekFrom::Start(at)).ok()?;
            let head: [u8; 8] = self.bytes()?;
            let (size, name) = head.split_first_chunk::<4>()?;
            let (length, start) = match u32::from_be_bytes(*size) {
                0 => (end - at, at + 8),
                1 => (u64::from_be_bytes(self.bytes()?), at + 16),
                size => (u64::from(size), at + 8),
            };
            let next = at.checked_add(length)?.min(end);
            if next < start {
                return None;
            }
            self.one(name, start, next, depth);
            at = next;
        }
        Some(())
    }

    fn one(&mut self, name: &[u8], start: u64, end: u64, depth: usize) -> Option<()> {
        match name {
            b"trak" => self.found.track = Track::default(),
            b"mvhd" => self.found.movie_scale = Some(self.time_scale()?),
            b"mdhd" => self.found.track.scale = self.time_scale()?,
            b"elst" => self.found.track.edit = self.edit(end - start),
            b"hdlr" => {
                let fields: [u8; 12] = self.bytes()?;
                if fields.ends_with(b"soun") && self.found.audio.is_none() {
                    self.found.audio = Some(Track::default());
                }
            }
            b"name" => {
                let text = self.contents(start, end)?;
                self.found.tag_name = text.ends_with(b"iTunSMPB");
            }
            b"data" if self.found.tag_name => {
                self.found.tag_name = false;
                let value = self.contents(start, end)?;
                self.found.tag = itunes(std::str::from_utf8(value.get(8..)?).ok()?);
            }
            _ => {}
        }
        let inner = match name {
            b"moov" | b"trak" | b"edts" | b"mdia" | b"udta" | b"ilst" | b"----" => start,
            // A full box: version and flags come first.
            b"meta" => start + 4,
            _ => return Some(()),
        };
        if depth < 8 {
            self.boxes(inner, end, depth + 1);
        }
        // The edit list comes before the handler that says that this track is sound.
        if name == b"trak" && self.found.audio.is_some_and(|track| track.scale == 0) {
            self.found.audio = Some(self.found.track);
        }
        Some(())
    }

    /// The time scale of a movie or media header.
    fn time_scale(&mut self) -> Option<u32> {
        let version: [u8; 4] = self.bytes()?;
        // Two times of 32 or 64 bits stand before it.
        let times = if version[0] == 1 { 16 } else { 8 };
        self.file.seek(SeekFrom::Current(times)).ok()?;
        Some(u32::from_be_bytes(self.bytes()?))
    }

    /// The first edit that shows something.
    fn edit(&mut self, length: u64) -> Option<(u64, u64)> {
        let version: [u8; 4] = self.bytes()?;
        let count = u32::from_be_bytes(self.bytes()?);
        for _ in 0..u64::from(count).min(length.min(HEADER_MAX) / 12) {
            let (length, start) = if version[0] == 1 {
                (u64::from_be_bytes(self.bytes()?), i64::from_be_bytes(self.bytes()?))
            } else {
                (u64::from(u32::from_be_bytes(self.bytes()?)), i64::from(i32::from_be_bytes(self.bytes()?)))
            };
            let _rate: [u8; 4] = self.bytes()?;
            // -1 is an empty edit: a pause before the sound.
            if let Ok(start) = u64::try_from(start) {
                return sane(start).then_some((length, start));
            }
        }
        None
    }

    fn contents(&mut self, start: u64, end: u64) -> Option<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(end.checked_sub(start)?.min(HEADER_MAX)).ok()?];
        self.file.read_exact(&mut bytes).ok()?;
        Some(bytes)
    }

    fn bytes<const SIZE: usize>(&mut self) -> Option<[u8; SIZE]> {
        let mut bytes = [0; SIZE];
        self.file.read_exact(&mut bytes).ok()?;
        Some(bytes)
    }
}

/// iTunes' tag: hexadecimal numbers, of which the second is the delay, the fourth the length.
fn itunes(text: &str) -> Option<Gapless> {
    let mut numbers = text.split_whitespace().map(|number| u64::from_str_radix(number, 16));
    let (_, delay, _padding, frames) =
        (numbers.next()?, numbers.next()?.ok()?, numbers.next()?, numbers.next()?.ok()?);
    (sane(delay) && frames > 0).then_some(Gapless { delay, frames: Some(frames) })
}

/// Whether an encoder may have such a delay; an edit list may also cut minutes off, which is fine, too.
fn sane(delay: u64) -> bool {
    delay < 1 << 40
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    fn boxed(name: &[u8; 4], contents: &[u8]) -> Vec<u8> {
        let mut bytes = (contents.len() as u32 + 8).to_be_bytes().to_vec();
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(contents);
        bytes
    }

    fn header(scale: u32) -> Vec<u8> {
        [&[0; 12][..], &scale.to_be_bytes(), &[0; 8]].concat()
    }

    fn movie(movie_scale: u32, tag: &[u8]) -> Vec<u8> {
        let edit: Vec<u8> =
            [0u32, 1, 44_100, 1024, 0x1_0000].iter().flat_map(|word| word.to_be_bytes()).collect();
        let media =
            [boxed(b"mdhd", &header(44_100)), boxed(b"hdlr", b"\0\0\0\0\0\0\0\0soun\0\0\0\0")].concat();
        let track =
            boxed(b"trak", &[boxed(b"edts", &boxed(b"elst", &edit)), boxed(b"mdia", &media)].concat());
        boxed(b"moov", &[boxed(b"mvhd", &header(movie_scale)), track, tag.to_vec()].concat())
    }

    #[test]
    fn an_edit_list_tells_the_delay_and_in_exact_ticks_the_length() {
        let coarse = gapless(Cursor::new(movie(1000, &[])));
        assert_eq!(coarse, Gapless { delay: 1024, frames: None });
        let exact = gapless(Cursor::new(movie(44_100, &[])));
        assert_eq!(exact, Gapless { delay: 1024, frames: Some(44_100) });
    }

    #[test]
    fn the_tag_of_itunes_goes_first() {
        let value = b"\0\0\0\x01\0\0\0\0 00000000 00000840 000001CA 00000000003F31F6 00000000";
        let entry = [
            boxed(b"mean", b"\0\0\0\0com.apple.iTunes"),
            boxed(b"name", b"\0\0\0\0iTunSMPB"),
            boxed(b"data", value),
        ]
        .concat();
        let meta = [&[0; 4][..], &boxed(b"ilst", &boxed(b"----", &entry))].concat();
        let file = movie(1000, &boxed(b"udta", &boxed(b"meta", &meta)));
        assert_eq!(gapless(Cursor::new(file)), Gapless { delay: 0x840, frames: Some(0x3f_31f6) });
    }

    proptest! {
        #[test]
        fn any_change_to_a_file_is_survived(at in 0usize..200, byte: u8, cut in 0usize..300) {
            let mut file = movie(1000, &[]);
            let length = file.len();
            file[at % length] = byte;
            file.truncate(cut.max(1));
            gapless(Cursor::new(file));
        }
    }
}
