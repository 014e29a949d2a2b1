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

/// Storage for a queue's lists, made on the control thread.
pub(crate) struct Room {
    entries: VecDeque<Entry>,
    spent: VecDeque<Chunk>,
}

impl Room {
    /// For so many chunks, queued and spent together.
    pub(crate) fn with_capacity(chunks: usize) -> Self {
        Self { entries: VecDeque::with_capacity(chunks), spent: VecDeque::with_capacity(chunks) }
    }
}

pub(crate) struct StreamQueue {
    entries: VecDeque<Entry>,
    /// Chunks that are done with, until somebody takes them to be dropped elsewhere.
    spent: VecDeque<Chunk>,
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
            entries: room.entries,
            spent: room.spent,
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

    /// Starts at another stream's index, or just before it where frames of this one do not begin there.
    pub(crate) fn start_at(&mut self, index: i64) {
        let index = index - index.rem_euclid(self.frame_size as i64);
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

    /// Moves the read index on.
    pub(crate) fn drop(&mut self, bytes: usize) {
        self.read_index = self.read_index.saturating_add(bytes as i64);
        self.missing = self.missing.saturating_add(bytes as i64);
        self.drop_backlog();
    }

    fn drop_backlog(&mut self) {
        while self.entries.front().is_some_and(|entry| entry.end() <= self.read_index) {
            if let Some(entry) = self.entries.pop_front() {
                self.retire(entry.chunk);
            }
        }
    }

    fn retire(&mut self, chunk: Chunk) {
        if self.spent.len() < self.spent.capacity() {
            self.spent.push_back(chunk);
        } else {
            // The room is for all chunks that there are. Dropping would free memory here.
            debug_assert!(false, "{} spent chunks", self.spent.len());
            std::mem::forget(chunk);
        }
    }

    /// A chunk that was played, overwritten, flushed or refused.
    pub(crate) fn take_spent(&mut self) -> Option<Chunk> {
        self.spent.pop_front()
    }

    pub(crate) fn has_spent(&self) -> bool {
        !self.spent.is_empty()
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

    /// Writes `chunk` at the write index, over what is there; whether there was room for it.
    #[must_use]
    pub(crate) fn push(&mut self, chunk: Chunk) -> bool {
        let len = chunk.len();
        // One entry for the chunk and one for the end of an entry that it splits.
        let fits = self.can_push(len) && self.entries.capacity() - self.entries.len() >= 2;
        if !fits || len == 0 {
            self.retire(chunk);
            return fits;
        }
        let start = self.write_index;
        let end = start.saturating_add(len as i64);
        let at = self.clear_range(start, end);
        self.entries.insert(at, Entry { index: start, start: 0, len, chunk });
        self.write_index = end;
        self.requested = self.requested.saturating_sub(len as i64);
        self.drop_backlog();
        true
    }

    /// Makes room for `start..end`; the place in the list where an entry for it belongs.
    fn clear_range(&mut self, start: i64, end: i64) -> usize {
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
                self.retire(entry.chunk);
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
    pub(crate) fn seek(&mut self, offset: i64, mode: Seek, account: bool) {
        let old = self.write_index;
        let from = match mode {
            Seek::Relative => self.write_index,
            Seek::Absolute => 0,
            Seek::RelativeOnRead => self.read_index,
            Seek::RelativeEnd => self.entries.back().map_or(self.read_index, Entry::end),
        };
        // Whole frames, as all indexes are.
        let limit = INDEX_LIMIT - INDEX_LIMIT % self.frame_size as i64;
        self.write_index = from.saturating_add(offset).clamp(-limit, limit);
        self.drop_backlog();
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
    pub(crate) fn flush_write(&mut self) {
        while let Some(entry) = self.entries.pop_front() {
            self.retire(entry.chunk);
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
        self.missing = self.missing.saturating_add(attr.tlength as i64 - self.attr.tlength as i64);
        self.attr = attr;
        if attr.prebuf == 0 || self.len() >= attr.prebuf {
            self.in_prebuf = false;
        }
    }

    /// Frames that can be played before the queue is dry, as far as anybody looks ahead; `None` where it never is.
    pub(crate) fn frames_until_dry(&self) -> Option<u32> {
        let frames = || u32::try_from(self.len() / self.frame_size).unwrap_or(u32::MAX);
        (self.attr.prebuf > 0 || self.len() > 0).then(frames)
    }

    /// Takes over lists with more room; the old ones come back, to be freed elsewhere.
    pub(crate) fn grow(&mut self, mut room: Room) -> Room {
        if room.entries.capacity() > self.entries.capacity() {
            room.entries.extend(self.entries.drain(..));
            std::mem::swap(&mut self.entries, &mut room.entries);
        }
        if room.spent.capacity() > self.spent.capacity() {
            room.spent.extend(self.spent.drain(..));
            std::mem::swap(&mut self.spent, &mut room.spent);
        }
        room
    }
}

/// Farthest a client may seek, so that index arithmetic cannot overflow.
const INDEX_LIMIT: i64 = i64::MAX / 4;
