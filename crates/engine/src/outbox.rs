//! What a sound thread sends to the control thread: events, and everything that is to be dropped there.

use std::collections::VecDeque;

use rtrb::Producer;
use sealpulse_dsp::RemixMatrix;
use sealpulse_memory::{Block, Chunk};

use crate::bus::Bus;
use crate::device::Device;
use crate::gains::Gains;
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
}

/// How many messages wait when the ring is full, before the sound thread stops working for the others.
const BACKLOG: usize = 8192;

/// Messages that one step of a sound thread can send at most, about; rendering stops below this room.
const HEADROOM: usize = BACKLOG / 2;

/// The sending side of the ring to the control thread, with a preallocated overflow.
pub(crate) struct Outbox {
    ring: Producer<ToControl>,
    backlog: VecDeque<ToControl>,
    sent: bool,
}

impl Outbox {
    pub(crate) fn new(ring: Producer<ToControl>) -> Self {
        Self { ring, backlog: VecDeque::with_capacity(BACKLOG), sent: false }
    }

    fn send(&mut self, message: ToControl) {
        self.sent = true;
        if self.backlog.is_empty() {
            if let Err(rtrb::PushError::Full(message)) = self.ring.push(message) {
                self.backlog.push_back(message);
            }
        } else if self.backlog.len() < BACKLOG {
            self.backlog.push_back(message);
        } else {
            // Cannot be reached while `has_room` is asked before each step. Dropping would free memory here.
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
        self.backlog.len() < HEADROOM
    }

    /// Whether something was sent since the last call: the control thread is to be woken.
    pub(crate) fn take_sent(&mut self) -> bool {
        std::mem::take(&mut self.sent)
    }
}
