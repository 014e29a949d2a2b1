//! What a sound thread sends to the control thread: events, and everything that is to be dropped there.

use std::collections::VecDeque;

use rtrb::Producer;
use sealpulse_dsp::RemixMatrix;
use sealpulse_memory::{Block, Chunk};

use crate::bus::Bus;
use crate::device::Device;
use crate::gains::Gains;
use crate::link::{Fit, Link};
use crate::playback::Playback;
use crate::queue::Room;
use crate::record::{Converter, Record};
use crate::types::{Event, PlaybackId};

/// One message to the control thread.
pub(crate) enum ToControl {
    Event(Event),
    /// A chunk of this stream that was played, overwritten or flushed.
    Chunk(PlaybackId, Chunk),
    /// A queued chunk of this stream became two, which come back one by one.
    Split(PlaybackId),
    Garbage(Garbage),
}

/// What only has to be dropped.
#[allow(dead_code, reason = "the contents are held to be dropped, not to be read")]
pub(crate) enum Garbage {
    Device(Box<Device>),
    Bus(Box<Bus>),
    Playback(Box<Playback>),
    Record(Box<Record>),
    Room(Room),
    Remix(Box<RemixMatrix>),
    Gains(Box<Gains>),
    Chunk(Chunk),
    Block(Block),
    Samples(Vec<f32>),
    Converter(Box<Converter>),
    Link(Box<Link>),
    Fit(Fit),
}

/// Messages that each object can cause in one step, at most: what a stream asks for and says, and what is replaced.
const PER_OBJECT: usize = 8;

/// Messages that may wait beside those of one step when the ring is full, before the sound thread stops working.
const SLACK: usize = 1024;

/// The sending side of the ring to the control thread, with a preallocated overflow.
///
/// What a step says is bounded by the number of objects and always fits. What clients can make many of (chunks, recorded blocks)
/// is sent while [`Self::is_flowing`] and otherwise stays where it is.
pub(crate) struct Outbox {
    ring: Producer<ToControl>,
    backlog: VecDeque<ToControl>,
    step: usize,
    limit: usize,
    held: bool,
    sent: bool,
}

impl Outbox {
    pub(crate) fn new(ring: Producer<ToControl>, objects: u32) -> Self {
        let step = PER_OBJECT * objects as usize + SLACK;
        let limit = step + SLACK;
        Self { ring, backlog: VecDeque::with_capacity(limit), step, limit, held: false, sent: false }
    }

    fn send(&mut self, message: ToControl) {
        self.sent = true;
        if self.backlog.is_empty() {
            if let Err(rtrb::PushError::Full(message)) = self.ring.push(message) {
                self.backlog.push_back(message);
            }
        } else if self.backlog.len() < self.limit {
            self.backlog.push_back(message);
        } else {
            // Cannot be reached while `has_room` is asked before each step. Dropping would free memory here.
            debug_assert!(false, "a step says more than {} things", self.step);
            std::mem::forget(message);
        }
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.send(ToControl::Event(event));
    }

    pub(crate) fn chunk(&mut self, stream: PlaybackId, chunk: Chunk) {
        self.send(ToControl::Chunk(stream, chunk));
    }

    pub(crate) fn split(&mut self, stream: PlaybackId) {
        self.send(ToControl::Split(stream));
    }

    pub(crate) fn discard(&mut self, garbage: Garbage) {
        self.send(ToControl::Garbage(garbage));
    }

    /// Whether another step's messages fit. `false` only while the control thread does not read.
    pub(crate) fn has_room(&mut self) -> bool {
        while let Some(message) = self.backlog.pop_front() {
            if let Err(rtrb::PushError::Full(message)) = self.ring.push(message) {
                self.backlog.push_front(message);
                break;
            }
            self.sent = true;
        }
        self.limit - self.backlog.len() >= self.step
    }

    /// Whether the ring takes more, so that what there can be any number of may be sent.
    pub(crate) fn is_flowing(&self) -> bool {
        self.backlog.is_empty() && !self.ring.is_full()
    }

    /// Remembers that a stream holds chunks back.
    pub(crate) fn hold(&mut self) {
        self.held = true;
    }

    /// Whether a stream has held chunks back since the last call.
    pub(crate) fn take_held(&mut self) -> bool {
        std::mem::take(&mut self.held)
    }

    /// Whether there is something that is to be tried again soon.
    pub(crate) fn is_stuck(&self) -> bool {
        self.held || !self.backlog.is_empty()
    }

    /// Whether something was sent since the last call: the control thread is to be woken.
    pub(crate) fn take_sent(&mut self) -> bool {
        std::mem::take(&mut self.sent)
    }
}
