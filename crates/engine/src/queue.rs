//! The stream queue: what a client wrote, by position, and the accounting of what it is asked for.
//!
//! The meaning of every number is PulseAudio's memblockq, since clients keep the same books (`missing` and
//! `requested`) and stop for ever where the two differ. Positions are bytes from the start of the stream. Unlike
//! the memblockq nothing is kept behind the read index: virtual devices render only what has been played.

use std::collections::VecDeque;

use sealpulse_memory::{Chunk, Samples};

use crate::types::{QueueAttr, Seek};

impl QueueAttr {
    /// What a queue makes of these sizes, in the order of `pa_memblockq_apply_attr`: multiples of the frame
    /// size, `minreq` ≤ `tlength` ≤ `maxlength`, `prebuf` at most what can be there while less than `minreq` is
    /// missing.
    ///
    /// ```
    /// use sealpulse_engine::QueueAttr;
    /// let asked = QueueAttr { maxlength: 1000, tlength: 5000, prebuf: usize::MAX, minreq: 10 };
    /// let got = asked.sanitize(4);
    /// assert_eq!(got, QueueAttr { maxlength: 1000, tlength: 1000, prebuf: 996, minreq: 8 });
    /// ```
    pub fn sanitize(self, frame_size: usize) -> QueueAttr {
        let base = frame_size.max(1);
        let up = |bytes: usize| bytes.saturating_add(base - 1) / base * base;
        let maxlength = up(self.maxlength).max(base);
        let tlength = match self.tlength {
            0 | usize::MAX => maxlength,
            tlength => up(tlength).min(maxlength),
        };
        let minreq = (self.minreq / base * base).min(tlength).max(base);
        let limit = tlength + base - minreq;
        let prebuf = if self.prebuf == usize::MAX { limit } else { up(self.prebuf).min(limit) };
        QueueAttr { maxlength, tlength, prebuf, minreq }
    }
}

struct Entry {
    index: i64,
    start: usize,
    len: usize,
    chunk: Chunk,
}

impl Entry {
    fn end(&self) -> i64 {
        self.index + self.len as i64
    }
}

/// What can be played next.
pub(crate) enum Peek<'a> {
    /// Nothing: the queue is empty or still fills.
    Nothing,
    /// So many bytes of silence; `usize::MAX` where there is no end to it.
    Silence(usize),
    /// Sound.
    Data(Samples<'a>),
}

/// A chunk that was not taken; it comes back to be dropped elsewhere.
pub(crate) struct Refused(pub(crate) Chunk);

/// Storage for a queue's list, made on the control thread.
pub(crate) struct Room(VecDeque<Entry>);

impl Room {
    pub(crate) fn with_capacity(entries: usize) -> Self {
        Self(VecDeque::with_capacity(entries))
    }
}

pub(crate) struct StreamQueue {
    entries: VecDeque<Entry>,
    frame_size: usize,
    attr: QueueAttr,
    read_index: i64,
    write_index: i64,
    in_prebuf: bool,
    missing: i64,
    requested: i64,
    splits: usize,
}

impl StreamQueue {
    /// A queue that asks for `attr.tlength` bytes at once, which count as requested: the caller tells the client.
    pub(crate) fn new(attr: QueueAttr, frame_size: usize, room: Room) -> Self {
        Self {
            entries: room.0,
            frame_size,
            attr,
            read_index: 0,
            write_index: 0,
            in_prebuf: attr.prebuf > 0,
            missing: 0,
            requested: attr.tlength as i64,
            splits: 0,
        }
    }

    pub(crate) fn start_at(&mut self, index: i64) {
        self.read_index = index;
        self.write_index = index;
    }

    pub(crate) fn read_index(&self) -> i64 {
        self.read_index
    }

    pub(crate) fn write_index(&self) -> i64 {
        self.write_index
    }

    pub(crate) fn attr(&self) -> QueueAttr {
        self.attr
    }

    /// Bytes between the read and the write index.
    pub(crate) fn len(&self) -> usize {
        usize::try_from(self.write_index - self.read_index).unwrap_or(0)
    }

    pub(crate) fn prebuf_active(&self) -> bool {
        if self.in_prebuf {
            self.len() < self.attr.prebuf
        } else {
            self.attr.prebuf > 0 && self.read_index >= self.write_index
        }
    }

    pub(crate) fn is_readable(&self) -> bool {
        !self.prebuf_active() && self.len() > 0
    }

    fn update_prebuf(&mut self) -> bool {
        self.in_prebuf = self.prebuf_active();
        self.in_prebuf
    }

    /// The next bytes to play, at most `max`.
    pub(crate) fn peek(&mut self, max: usize) -> Peek<'_> {
        if self.update_prebuf() {
            return Peek::Nothing;
        }
        let read_index = self.read_index;
        match self.entries.front() {
            Some(entry) if entry.index <= read_index => {
                let skip = (read_index - entry.index) as usize;
                let len = (entry.len - skip).min(max);
                let from = entry.start + skip;
                match entry.chunk.samples().slice(from..from + len) {
                    Some(samples) => Peek::Data(samples),
                    None => Peek::Silence(len),
                }
            }
            Some(entry) => Peek::Silence(((entry.index - read_index) as usize).min(max)),
            None if self.len() > 0 => Peek::Silence(self.len().min(max)),
            None => Peek::Silence(max),
        }
    }

    /// Moves the read index on; chunks that are done with go to `done`.
    pub(crate) fn drop(&mut self, bytes: usize, done: &mut impl FnMut(Chunk)) {
        self.read_index = self.read_index.saturating_add(bytes as i64);
        self.missing = self.missing.saturating_add(bytes as i64);
        self.drop_backlog(done);
    }

    fn drop_backlog(&mut self, done: &mut impl FnMut(Chunk)) {
        while self.entries.front().is_some_and(|entry| entry.end() <= self.read_index) {
            if let Some(entry) = self.entries.pop_front() {
                done(entry.chunk);
            }
        }
    }

    fn end(&self) -> i64 {
        self.entries.back().map_or(self.write_index, Entry::end)
    }

    fn can_push(&self, len: usize) -> bool {
        let gap = self.read_index.saturating_sub(self.write_index).max(0) as u64;
        let Some(beyond) = (len as u64).checked_sub(gap).filter(|&beyond| gap == 0 || beyond > 0) else {
            return true;
        };
        let target = self.write_index.saturating_add(beyond as i64);
        target <= self.end() || target.saturating_sub(self.read_index) <= self.attr.maxlength as i64
    }

    /// Writes `chunk` at the write index, over what is there.
    pub(crate) fn push(&mut self, chunk: Chunk, done: &mut impl FnMut(Chunk)) -> Result<(), Refused> {
        let len = chunk.len();
        // One entry for the chunk and one for the end of an entry that it splits.
        if !self.can_push(len) || self.entries.capacity() - self.entries.len() < 2 {
            return Err(Refused(chunk));
        }
        if len == 0 {
            done(chunk);
            return Ok(());
        }
        let start = self.write_index;
        let Some(end) = start.checked_add(len as i64) else { return Err(Refused(chunk)) };
        let at = self.clear_range(start, end, done);
        self.entries.insert(at, Entry { index: start, start: 0, len, chunk });
        self.write_index = end;
        self.requested = self.requested.saturating_sub(len as i64);
        self.drop_backlog(done);
        Ok(())
    }

    /// Makes room for `start..end`; the place in the list where an entry for it belongs.
    fn clear_range(&mut self, start: i64, end: i64, done: &mut impl FnMut(Chunk)) -> usize {
        if self.entries.back().is_none_or(|last| last.end() <= start) {
            return self.entries.len();
        }
        let mut at = self.entries.partition_point(|entry| entry.end() <= start);
        if let Some(entry) = self.entries.get_mut(at).filter(|entry| entry.index < start) {
            let keep = (start - entry.index) as usize;
            let tail = (entry.end() > end).then(|| {
                let skip = (end - entry.index) as usize;
                Entry {
                    index: end,
                    start: entry.start + skip,
                    len: entry.len - skip,
                    chunk: entry.chunk.clone(),
                }
            });
            entry.len = keep;
            at += 1;
            if let Some(tail) = tail {
                self.entries.insert(at, tail);
                self.splits += 1;
                return at;
            }
        }
        while self.entries.get(at).is_some_and(|entry| entry.end() <= end) {
            if let Some(entry) = self.entries.remove(at) {
                done(entry.chunk);
            }
        }
        if let Some(entry) = self.entries.get_mut(at).filter(|entry| entry.index < end) {
            let cut = (end - entry.index) as usize;
            entry.index = end;
            entry.start += cut;
            entry.len -= cut;
        }
        at
    }

    /// How many chunks were split since the last call: so many more will come back than were pushed.
    pub(crate) fn take_splits(&mut self) -> usize {
        std::mem::take(&mut self.splits)
    }

    /// Moves the write index. `account` says whether the client counted the move as bytes that it wrote.
    pub(crate) fn seek(&mut self, offset: i64, mode: Seek, account: bool, done: &mut impl FnMut(Chunk)) {
        let old = self.write_index;
        let from = match mode {
            Seek::Relative => self.write_index,
            Seek::Absolute => 0,
            Seek::RelativeOnRead => self.read_index,
            Seek::RelativeEnd => self.entries.back().map_or(self.read_index, Entry::end),
        };
        self.write_index = from.saturating_add(offset).clamp(-INDEX_LIMIT, INDEX_LIMIT);
        self.drop_backlog(done);
        self.write_index_changed(old, account);
    }

    fn write_index_changed(&mut self, old: i64, account: bool) {
        let delta = self.write_index - old;
        if account {
            self.requested = self.requested.saturating_sub(delta);
        } else {
            self.missing = self.missing.saturating_sub(delta);
        }
    }

    /// Forgets what is queued: the write index goes back to the read index.
    pub(crate) fn flush_write(&mut self, done: &mut impl FnMut(Chunk)) {
        while let Some(entry) = self.entries.pop_front() {
            done(entry.chunk);
        }
        let old = self.write_index;
        self.write_index = self.read_index;
        self.prebuf_force();
        self.write_index_changed(old, false);
    }

    pub(crate) fn prebuf_force(&mut self) {
        self.in_prebuf = self.attr.prebuf > 0;
    }

    pub(crate) fn prebuf_disable(&mut self) {
        self.in_prebuf = false;
    }

    /// What the client is to be asked for now; 0 while less than `minreq` is missing.
    pub(crate) fn pop_missing(&mut self) -> usize {
        let few = self.missing < self.attr.minreq as i64 && !self.prebuf_active();
        if self.missing <= 0 || few {
            return 0;
        }
        let bytes = self.missing;
        self.requested = self.requested.saturating_add(bytes);
        self.missing = 0;
        bytes as usize
    }

    /// New sizes, from [`QueueAttr::sanitize`].
    pub(crate) fn apply_attr(&mut self, attr: QueueAttr) {
        self.missing += attr.tlength as i64 - self.attr.tlength as i64;
        self.attr = attr;
        if attr.prebuf == 0 || self.len() >= attr.prebuf {
            self.in_prebuf = false;
        }
    }

    /// Frames that can be played before the queue is dry; `None` where it never is.
    pub(crate) fn frames_until_dry(&self) -> Option<usize> {
        (self.attr.prebuf > 0 || self.len() > 0).then(|| self.len() / self.frame_size)
    }

    /// Takes over a list with more room; the old one comes back, to be freed elsewhere.
    pub(crate) fn grow(&mut self, mut room: Room) -> Room {
        if room.0.capacity() > self.entries.capacity() {
            room.0.extend(self.entries.drain(..));
            std::mem::swap(&mut self.entries, &mut room.0);
        }
        room
    }
}

/// Farthest a client may seek, so that index arithmetic cannot overflow.
const INDEX_LIMIT: i64 = i64::MAX / 4;
