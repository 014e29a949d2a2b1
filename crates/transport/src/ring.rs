//! The srbchannel: a ring in each direction in memory that both sides write, so that bytes pass without a system
//! call. Whoever waits says so in a word, and only then is woken.
//!
//! Any word in shared memory may have any value at any time. What the peer can change is loaded once, clamped, and
//! used for nothing but how many bytes may be copied now; where they are copied stays in private memory. No call does
//! more than go through the ring once, and none blocks.
//!
//! The layout is PulseAudio's, eleven words and the two buffers behind them:
//!
//! | word | |
//! | --- | --- |
//! | 0, 1 | bytes in the buffer that the maker reads, bytes in the one that it writes |
//! | 2, 3, 4 | `waiting`, `signalled`, `in_pipe` of the semaphore that the maker listens to |
//! | 5, 6, 7 | the same of the one that it signals |
//! | 8, 9, 10 | bytes of each buffer, where the first starts, where the second starts |

use std::os::fd::BorrowedFd;
use std::sync::Arc;

use sealpulse_memory::{Block, MemoryError, Segment};

use crate::error::LinkError;
use crate::wake::Wake;

const READ_COUNT: usize = 0;
const WRITE_COUNT: usize = 4;
const READ_SEMAPHORE: usize = 8;
const WRITE_SEMAPHORE: usize = 20;
const CAPACITY: usize = 32;
const READ_START: usize = 36;
const WRITE_START: usize = 40;
/// Where the buffers start in a ring that we make: the header, aligned for every peer.
const HEADER: usize = 48;

/// Offsets in a semaphore of the layout.
const WAITING: usize = 0;
const SIGNALLED: usize = 4;
const IN_PIPE: usize = 8;

/// Both directions of a ring and the semaphores that belong to them.
#[derive(Debug)]
pub(crate) struct Ring {
    segment: Arc<Segment>,
    input: Buffer,
    output: Buffer,
    /// The semaphore that we listen to, as an offset in the segment.
    listen: usize,
    /// The semaphore that the peer listens to.
    signal: usize,
    wake: Wake,
    /// The peer was told that we wait.
    waiting: bool,
    /// The memory of a ring of ours stays in use as long as the ring.
    _block: Option<Block>,
}

/// One direction.
#[derive(Debug)]
struct Buffer {
    /// Where the count of bytes is, which both sides change.
    count: usize,
    /// Where the bytes are.
    start: usize,
    capacity: usize,
    /// Where we read or write next, relative to `start`. Private: the peer keeps its own.
    index: usize,
}

impl Buffer {
    /// Bytes in the buffer, as far as the peer's word can be true.
    fn filled(&self, segment: &Segment) -> Result<usize, MemoryError> {
        let count = segment.load(self.count)? as i32;
        Ok(usize::try_from(count).unwrap_or(0).min(self.capacity))
    }

    fn advance(&mut self, count: usize) {
        self.index = (self.index + count) % self.capacity;
    }
}

impl Ring {
    /// Makes a ring in a block of ours.
    pub(crate) fn make(block: Block, wake: Wake) -> Result<Ring, LinkError> {
        let segment = Arc::clone(block.segment().ok_or(LinkError::NotShared)?);
        let (base, length) = (block.offset(), block.len());
        let capacity = (length.saturating_sub(HEADER) / 2) & !7;
        let (first, second) = (HEADER, HEADER + capacity);
        for word in (0..HEADER).step_by(4) {
            segment.store(base + word, 0)?;
        }
        segment.store(base + CAPACITY, capacity as u32)?;
        segment.store(base + READ_START, first as u32)?;
        segment.store(base + WRITE_START, second as u32)?;
        let buffer = |count, start| Buffer { count: base + count, start: base + start, capacity, index: 0 };
        Ok(Ring {
            input: buffer(READ_COUNT, first),
            output: buffer(WRITE_COUNT, second),
            listen: base + READ_SEMAPHORE,
            signal: base + WRITE_SEMAPHORE,
            segment,
            wake,
            waiting: false,
            _block: Some(block),
        })
    }

    /// Uses a ring that the peer made at `base` of a segment. What the peer reads is what we write.
    pub(crate) fn attach(
        segment: Arc<Segment>,
        base: usize,
        length: usize,
        wake: Wake,
    ) -> Result<Ring, LinkError> {
        let capacity = segment.load(base + CAPACITY)?;
        let read = segment.load(base + READ_START)?;
        let write = segment.load(base + WRITE_START)?;
        let fits = |start: u32| match start.checked_add(capacity) {
            Some(end) => start as usize >= WRITE_START + 4 && end as usize <= length,
            None => false,
        };
        if capacity == 0 || capacity > i32::MAX as u32 || !fits(read) || !fits(write) {
            return Err(LinkError::RingLayout { capacity, read, write, length });
        }
        let buffer = |count, start: u32| Buffer {
            count: base + count,
            start: base + start as usize,
            capacity: capacity as usize,
            index: 0,
        };
        Ok(Ring {
            input: buffer(WRITE_COUNT, write),
            output: buffer(READ_COUNT, read),
            listen: base + WRITE_SEMAPHORE,
            signal: base + READ_SEMAPHORE,
            segment,
            wake,
            waiting: false,
            _block: None,
        })
    }

    /// Becomes readable when the peer wakes us.
    pub(crate) fn listen_fd(&self) -> BorrowedFd<'_> {
        self.wake.listen()
    }

    /// Reads what is there, no more than fits in `out` and in the ring. A peer that waited for room is woken.
    pub(crate) fn read(&mut self, out: &mut [u8]) -> Result<usize, LinkError> {
        let (segment, input) = (&self.segment, &mut self.input);
        let limit = out.len().min(input.capacity);
        let (mut done, mut was_full) = (0, false);
        while done < limit {
            let there = input.filled(segment)?;
            let count = there.min(input.capacity - input.index).min(limit - done);
            if count == 0 {
                break;
            }
            segment.read_at(input.start + input.index, &mut out[done..done + count])?;
            let before = segment.fetch_add(input.count, -(count as i32))? as i32;
            was_full |= before >= input.capacity as i32;
            input.advance(count);
            done += count;
        }
        if was_full {
            self.post()?;
        }
        Ok(done)
    }

    /// Writes as much as there is room for. The peer does not learn of it before [`Ring::post`].
    pub(crate) fn write(&mut self, data: &[u8]) -> Result<usize, LinkError> {
        let (segment, output) = (&self.segment, &mut self.output);
        let limit = data.len().min(output.capacity);
        let mut done = 0;
        while done < limit {
            let room = output.capacity - output.filled(segment)?;
            let count = room.min(output.capacity - output.index).min(limit - done);
            if count == 0 {
                break;
            }
            segment.write_at(output.start + output.index, &data[done..done + count])?;
            segment.fetch_add(output.count, count as i32)?;
            output.advance(count);
            done += count;
        }
        Ok(done)
    }

    /// Tells the peer to look, and wakes it if it waits.
    pub(crate) fn post(&self) -> Result<(), LinkError> {
        let segment = &self.segment;
        let before = segment.swap(self.signal + SIGNALLED, 1)?;
        // Without a mapping the swap is two steps, between which the peer may have gone to sleep.
        let told = before != 0 && segment.is_mapped();
        if !told && segment.load(self.signal + WAITING)? != 0 && self.wake.signal() {
            // Counted after the write: whoever goes by the count finds as many wake-ups, and never blocks.
            segment.fetch_add(self.signal + IN_PIPE, 1)?;
        }
        Ok(())
    }

    /// Says that we wait from now on, unless there is something to do: true then. `want_room`: there is something
    /// to write.
    pub(crate) fn prepare_to_sleep(&mut self, want_room: bool) -> Result<bool, LinkError> {
        if !self.waiting {
            self.segment.swap(self.listen + WAITING, 1)?;
            self.waiting = true;
        }
        // First the word, then the counts: a peer that comes after this look finds the word cleared, and wakes us.
        self.segment.swap(self.listen + SIGNALLED, 0)?;
        let busy = self.has_input()? || (want_room && self.has_room()?);
        if busy {
            self.awake()?;
        }
        Ok(busy)
    }

    /// Says that we do not wait any more.
    pub(crate) fn awake(&mut self) -> Result<(), LinkError> {
        if self.waiting {
            self.segment.swap(self.listen + WAITING, 0)?;
            self.waiting = false;
        }
        Ok(())
    }

    /// Takes off the wake-ups that made [`Ring::listen_fd`] readable.
    pub(crate) fn drain(&self) {
        self.wake.drain();
    }

    /// Whether there is something to read.
    pub(crate) fn has_input(&self) -> Result<bool, LinkError> {
        Ok(self.input.filled(&self.segment)? > 0)
    }

    fn has_room(&self) -> Result<bool, LinkError> {
        Ok(self.output.filled(&self.segment)? < self.output.capacity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sealpulse_memory::{ImportLimits, Pool, SegmentKind};

    fn pair(kind: SegmentKind, slot: usize) -> (Ring, Ring, Arc<Segment>) {
        let mut pool = Pool::new(kind, slot, 2).unwrap();
        let block = pool.take().unwrap();
        let (base, length) = (block.offset(), block.len());
        let limits = ImportLimits::default();
        let seen = match kind {
            SegmentKind::Posix => Segment::import_posix_writable(pool.shm_id(), &limits),
            _ => {
                let fd = pool.segment().fd().unwrap().try_clone_to_owned().unwrap();
                Segment::import_memfd_writable(fd, &limits)
            }
        }
        .unwrap();
        let (wake, mut theirs) = Wake::make().unwrap();
        let second = theirs.pop().unwrap();
        let ours = Ring::make(block, wake).unwrap();
        let wake = Wake::attach(theirs.pop().unwrap(), second);
        let theirs = Ring::attach(Arc::clone(&seen), base, length, wake).unwrap();
        (ours, theirs, seen)
    }

    fn readable(ring: &Ring) -> bool {
        let fd = ring.listen_fd();
        let mut fds = [rustix::event::PollFd::new(&fd, rustix::event::PollFlags::IN)];
        let at_once = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        rustix::event::poll(&mut fds, Some(&at_once)).unwrap() == 1
    }

    fn round_trips(kind: SegmentKind) {
        let (mut ours, mut theirs, _) = pair(kind, 4096);
        let sent: Vec<u8> = (0..20_000u32).map(|i| (i % 253) as u8).collect();
        for (writer, reader) in [(0, 1), (1, 0)] {
            let (mut got, mut rest) = (Vec::new(), &sent[..]);
            while got.len() < sent.len() {
                let rings = [&mut ours, &mut theirs];
                let [a, b] = rings;
                let (writer, reader) = if writer < reader { (a, b) } else { (b, a) };
                let count = writer.write(&rest[..rest.len().min(1500)]).unwrap();
                rest = &rest[count..];
                writer.post().unwrap();
                let mut out = [0; 700];
                let count = reader.read(&mut out).unwrap();
                got.extend_from_slice(&out[..count]);
            }
            assert_eq!(got, sent);
        }
    }

    #[test]
    fn bytes_pass_in_both_directions_in_a_memfd() {
        round_trips(SegmentKind::Memfd);
    }

    #[test]
    fn bytes_pass_in_both_directions_in_a_posix_segment() {
        round_trips(SegmentKind::Posix);
    }

    #[test]
    fn who_waits_is_woken_and_nobody_else() {
        for kind in [SegmentKind::Memfd, SegmentKind::Posix] {
            let (mut ours, mut theirs, _) = pair(kind, 4096);
            theirs.write(b"a").unwrap();
            theirs.post().unwrap();
            assert!(!readable(&ours), "nobody waits");
            assert!(ours.prepare_to_sleep(false).unwrap(), "there is something to read");
            assert_eq!(ours.read(&mut [0; 8]).unwrap(), 1);
            assert!(!ours.prepare_to_sleep(false).unwrap());
            theirs.write(b"b").unwrap();
            theirs.post().unwrap();
            assert!(readable(&ours));
            ours.drain();
            ours.awake().unwrap();
            assert!(!readable(&ours));
            assert_eq!(ours.read(&mut [0; 8]).unwrap(), 1);
        }
    }

    #[test]
    fn who_waits_for_room_is_woken_when_a_full_ring_is_read() {
        let (mut ours, mut theirs, _) = pair(SegmentKind::Memfd, 4096);
        let all = vec![1; 5000];
        let count = ours.write(&all).unwrap();
        assert_eq!(count, ours.input.capacity);
        assert_eq!(ours.write(&all).unwrap(), 0);
        ours.post().unwrap();
        assert!(!ours.prepare_to_sleep(true).unwrap());
        assert_eq!(theirs.read(&mut [0; 100]).unwrap(), 100);
        assert!(readable(&ours));
        assert!(ours.prepare_to_sleep(true).unwrap());
        assert_eq!(ours.write(&all).unwrap(), 100);
    }

    #[test]
    fn a_segment_that_the_peer_truncates_is_an_error_and_no_signal() {
        let (mut ours, mut theirs, seen) = pair(SegmentKind::Posix, 4096);
        theirs.write(b"abc").unwrap();
        rustix::fs::ftruncate(seen.fd().unwrap(), 0).unwrap();
        assert!(ours.read(&mut [0; 8]).is_err());
        assert!(ours.write(b"abc").is_err());
        assert!(ours.post().is_err());
        assert!(ours.prepare_to_sleep(true).is_err());
    }

    #[test]
    fn a_header_that_describes_no_ring_is_refused() {
        let segment = Segment::create_memfd(4096).unwrap();
        let attach = |capacity, read, write| {
            segment.store(CAPACITY, capacity).unwrap();
            segment.store(READ_START, read).unwrap();
            segment.store(WRITE_START, write).unwrap();
            let (wake, _peers) = Wake::make().unwrap();
            Ring::attach(Arc::clone(&segment), 0, 4096, wake).is_ok()
        };
        assert!(attach(100, 48, 148));
        assert!(!attach(0, 48, 148));
        assert!(!attach(u32::MAX, 48, 148));
        assert!(!attach(4096, 48, 148));
        assert!(!attach(100, 0, 148));
        assert!(!attach(100, u32::MAX, 148));
        assert!(!attach(100, 48, 4000));
    }

    proptest! {
        #[test]
        fn wild_words_neither_harm_nor_hold_up(
            pokes in prop::collection::vec((0usize..12, any::<u32>(), 0u8..6), 1..60),
        ) {
            let (mut ours, _theirs, seen) = pair(SegmentKind::Memfd, 4096);
            let capacity = ours.input.capacity;
            for (word, value, step) in pokes {
                seen.store(word * 4, value).unwrap();
                let mut out = vec![0; 10_000];
                match step {
                    0 => prop_assert!(ours.read(&mut out).unwrap() <= capacity),
                    1 => prop_assert!(ours.write(&out).unwrap() <= capacity),
                    2 => ours.post().unwrap(),
                    3 => { ours.prepare_to_sleep(true).unwrap(); }
                    4 => ours.awake().unwrap(),
                    _ => ours.drain(),
                }
                prop_assert!(ours.input.index < capacity && ours.output.index < capacity);
            }
        }
    }
}
