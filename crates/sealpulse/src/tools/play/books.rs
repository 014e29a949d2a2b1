//! Which part of which file is heard when.

use std::collections::VecDeque;

use super::source::Place;

/// What was written to a stream and is not heard yet, in bytes of the stream.
#[derive(Debug, Default)]
pub(super) struct Books {
    /// Where the next byte goes.
    written: u64,
    /// Where each stretch of a file begins. The first is what is heard.
    stretches: VecDeque<(u64, Place)>,
    /// Where pieces end, and how loud they are.
    levels: VecDeque<(u64, f32)>,
}

impl Books {
    /// Says that the next byte goes to this place of the stream, and that what was not heard yet is gone.
    pub(super) fn restart(&mut self, written: u64) {
        *self = Self { written, ..Self::default() };
    }

    /// Bytes of the stream that were written.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Enters what is written.
    pub(super) fn enter(&mut self, place: Place, frame_size: usize, length: usize, level: Option<f32>) {
        let goes_on = self.stretches.back().is_some_and(|&(start, first)| {
            first.file == place.file
                && first.frame + (self.written - start) / frame_size as u64 == place.frame
        });
        if !goes_on {
            self.stretches.push_back((self.written, place));
        }
        self.written += length as u64;
        if let Some(level) = level {
            self.levels.push_back((self.written, level));
        }
    }

    /// The place, and the level, that are heard at a byte of the stream.
    pub(super) fn heard(&mut self, position: u64, frame_size: usize) -> Option<(Place, f32)> {
        while self.stretches.get(1).is_some_and(|&(start, _)| start <= position) {
            self.stretches.pop_front();
        }
        let mut loudest = None;
        while let Some(&(end, level)) = self.levels.front() {
            loudest = Some(loudest.unwrap_or(0.0f32).max(level));
            if end > position {
                break;
            }
            self.levels.pop_front();
        }
        let &(start, first) = self.stretches.front()?;
        let frames = position.min(self.written).saturating_sub(start) / frame_size as u64;
        Some((Place { frame: first.frame + frames, ..first }, loudest.unwrap_or(0.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_goes_into_the_next() {
        let mut books = Books::default();
        let place = |file, frame| Place { file, frame };
        books.enter(place(0, 0), 4, 400, Some(0.5));
        books.enter(place(0, 100), 4, 400, Some(0.25));
        books.enter(place(1, 0), 4, 400, Some(0.75));
        assert_eq!(books.heard(0, 4), Some((place(0, 0), 0.5)));
        assert_eq!(books.heard(500, 4), Some((place(0, 125), 0.5)));
        assert_eq!(books.heard(500, 4), Some((place(0, 125), 0.25)));
        assert_eq!(books.heard(804, 4), Some((place(1, 1), 0.75)));
        assert_eq!(books.heard(9999, 4).unwrap().0, place(1, 100));
        books.restart(850);
        assert_eq!(books.heard(850, 4), None);
        books.enter(place(0, 7), 4, 40, None);
        assert_eq!(books.heard(858, 4), Some((place(0, 9), 0.0)));
    }
}
