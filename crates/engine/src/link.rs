//! Links: what a device plays goes through a ring of bytes into the mix of another.

use sealpulse_memory::Samples;
use sealpulse_spec::SampleSpec;

use crate::slab::NONE;

/// Longest time, in nanoseconds, that joined devices render one after the other. A link that leads back to where
/// its sound comes from is late by as much.
pub(crate) const SLICE_NANOS: u64 = 10_000_000;

/// From a record stream without blocks to a playback stream without a queue.
pub(crate) struct Link {
    pub(crate) id: u32,
    /// The streams that are its ends; none that has gone.
    pub(crate) record: u32,
    pub(crate) playback: u32,
    /// The devices that it joins, and the next link into the target and out of the source, while it is open.
    pub(crate) source: u32,
    pub(crate) target: u32,
    pub(crate) next_in: u32,
    pub(crate) next_out: u32,
    /// Whether both ends are there, not corked, on devices that are not suspended.
    pub(crate) open: bool,
    /// Whether the source is rendered after the target.
    pub(crate) back: bool,
    /// Whether what the source plays goes into the ring.
    pub(crate) taking: bool,
    pub(crate) ring: Ring,
}

impl Link {
    pub(crate) fn new(id: u32, record: u32, playback: u32, ring: Ring) -> Self {
        Self {
            id,
            record,
            playback,
            source: NONE,
            target: NONE,
            next_in: NONE,
            next_out: NONE,
            open: false,
            back: false,
            taking: false,
            ring,
        }
    }

    /// Whether its playback stream has something to play.
    pub(crate) fn sounds(&self) -> bool {
        self.taking || self.ring.holds_sound()
    }

    /// Frames that should be in the ring when the source has rendered up to `source` and the target up to `target`,
    /// in nanoseconds; less than none where the sound to come is too late for the target.
    fn wanted_frames(&self, source: u64, target: u64) -> i64 {
        let rate = self.ring.spec.rate;
        let at = |time: u64| crate::device::position(time, rate) as i64;
        let back = if self.back { at(SLICE_NANOS) + 1 } else { 0 };
        (self.ring.fit.delay as i64).max(back) + self.ring.fit.slack as i64 + at(source) - at(target)
    }

    /// Whether the ring holds what it should hold at these times, where that is known to the frame.
    #[cfg(test)]
    pub(crate) fn is_exact(&self, source: u64, target: u64) -> bool {
        let frames = self.ring.len() / self.ring.spec.frame_size();
        let known = self.taking && self.ring.aligned && self.ring.fit.slack == 0;
        !known || frames as i64 == self.wanted_frames(source, target).max(0)
    }

    /// Before the source renders: where sound begins to flow, puts as much silence in front as is wanted.
    pub(crate) fn align(&mut self, source: u64, target: u64) {
        if self.taking && !self.ring.aligned {
            let frames = self.wanted_frames(source, target);
            self.ring.align(frames);
        }
    }

    /// Takes what the source plays.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        if self.taking {
            self.ring.write(bytes);
        }
    }
}

/// What the rates of a link's devices make of its ring.
pub(crate) struct Fit {
    /// Frames of silence in front of sound that begins to flow.
    pub(crate) delay: usize,
    /// Frames more, by which the devices' steps can differ.
    pub(crate) slack: usize,
    /// Room, whole frames.
    pub(crate) bytes: Vec<u8>,
}

/// The sound on its way.
pub(crate) struct Ring {
    spec: SampleSpec,
    fit: Fit,
    /// Bytes of silence before what is stored.
    silence: usize,
    start: usize,
    len: usize,
    /// Bytes up to the end of the last that was not silence.
    sound: usize,
    /// Bytes that come too late to be played.
    skip: usize,
    /// Whether there is as much in it as there should be.
    aligned: bool,
    written: u64,
    played: u64,
}

impl Ring {
    pub(crate) fn new(spec: SampleSpec, fit: Fit) -> Self {
        Self {
            spec,
            fit,
            silence: 0,
            start: 0,
            len: 0,
            sound: 0,
            skip: 0,
            aligned: false,
            written: 0,
            played: 0,
        }
    }

    fn len(&self) -> usize {
        self.silence + self.len
    }

    pub(crate) fn usec(&self) -> u64 {
        self.spec.bytes_to_usec(self.len() as u64)
    }

    /// Bytes that went in, and bytes that came out.
    pub(crate) fn totals(&self) -> (u64, u64) {
        (self.written, self.played)
    }

    pub(crate) fn holds_sound(&self) -> bool {
        self.sound > 0
    }

    /// Frames until the last sound has been played.
    pub(crate) fn sound_frames(&self) -> usize {
        self.sound / self.spec.frame_size()
    }

    /// The next sound has its place in time looked up again.
    pub(crate) fn unalign(&mut self) {
        self.aligned = false;
        self.skip = 0;
    }

    pub(crate) fn clear(&mut self) {
        (self.silence, self.start, self.len, self.sound) = (0, 0, 0, 0);
        self.unalign();
    }

    fn align(&mut self, frames: i64) {
        self.aligned = true;
        let frame_size = self.spec.frame_size();
        let wanted =
            usize::try_from(frames).unwrap_or(0).saturating_mul(frame_size).min(self.fit.bytes.len());
        self.skip = usize::try_from(frames.saturating_neg()).unwrap_or(0).saturating_mul(frame_size);
        if let Some(much) = self.len().checked_sub(wanted) {
            self.drop_oldest(much);
        } else if self.len == 0 {
            self.silence = wanted;
        } else {
            self.store_silence(wanted - self.len());
        }
    }

    fn drop_oldest(&mut self, bytes: usize) {
        let silence = bytes.min(self.silence);
        self.silence -= silence;
        self.advance((bytes - silence).min(self.len));
        self.sound = self.sound.saturating_sub(bytes);
    }

    fn advance(&mut self, bytes: usize) {
        self.len -= bytes;
        // From the start again, so that a short ring stays in the cache.
        self.start = if self.len == 0 { 0 } else { (self.start + bytes) % self.fit.bytes.len() };
    }

    /// Makes room, and gives the two parts of it in which so many bytes go.
    fn reserve(&mut self, bytes: usize) -> (&mut [u8], &mut [u8]) {
        let room = self.fit.bytes.len();
        let bytes = bytes.min(room);
        self.drop_oldest((self.len() + bytes).saturating_sub(room));
        let from = if room == 0 { 0 } else { (self.start + self.len) % room };
        self.len += bytes;
        let (front, back) = self.fit.bytes.split_at_mut(from);
        let first = bytes.min(back.len());
        (&mut back[..first], &mut front[..bytes - first])
    }

    fn store_silence(&mut self, bytes: usize) {
        let silence = self.spec.format.silence_byte();
        let (first, second) = self.reserve(bytes);
        first.fill(silence);
        second.fill(silence);
    }

    fn write(&mut self, bytes: &[u8]) {
        self.written += bytes.len() as u64;
        let late = self.skip.min(bytes.len());
        self.skip -= late;
        let bytes = &bytes[late..];
        let bytes = &bytes[bytes.len().saturating_sub(self.fit.bytes.len())..];
        let (first, second) = self.reserve(bytes.len());
        let (start, end) = bytes.split_at(first.len());
        first.copy_from_slice(start);
        second.copy_from_slice(end);
        let silence = self.spec.format.silence_byte();
        if bytes.iter().any(|byte| *byte != silence) {
            self.sound = self.len();
        }
    }

    /// Takes `frames` frames, or what there is: `consume` gets the sound and the frame at which it belongs.
    pub(crate) fn pull(&mut self, frames: usize, mut consume: impl FnMut(usize, Samples<'_>)) {
        let frame_size = self.spec.frame_size();
        let wanted = frames * frame_size;
        let mut at = wanted.min(self.silence);
        self.silence -= at;
        while at < wanted && self.len > 0 {
            let end = self.fit.bytes.len().min(self.start + self.len).min(self.start + wanted - at);
            let part = &self.fit.bytes[self.start..end];
            let bytes = part.len();
            consume(at / frame_size, Samples::of(part));
            self.advance(bytes);
            at += bytes;
        }
        self.sound = self.sound.saturating_sub(at);
        self.played += at as u64;
        if at < wanted {
            self.unalign();
        }
    }

    /// Takes over other sizes, and room for them; the old comes back, to be freed elsewhere.
    pub(crate) fn refit(&mut self, fit: Fit) -> Fit {
        let old = std::mem::replace(&mut self.fit, fit);
        let room = old.bytes.len();
        let silence = self.silence.min(self.fit.bytes.len());
        let (start, len) = (self.start, self.len.min(self.fit.bytes.len() - silence));
        let first = len.min(room - start);
        self.fit.bytes[..first].copy_from_slice(&old.bytes[start..start + first]);
        self.fit.bytes[first..len].copy_from_slice(&old.bytes[..len - first]);
        (self.silence, self.start, self.len) = (silence, 0, len);
        self.sound = self.sound.min(silence + len);
        self.unalign();
        old
    }
}
