//! What waits to be sent, and the bytes that it becomes. No I/O.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;

use sealpulse_memory::Block;
use sealpulse_protocol::frame::{BlockReference, Descriptor};

use crate::spare::Spare;

/// Bytes that are staged for one system call, unless one frame's head has to go over it.
const STAGE: usize = 64 * 1024;

/// Room that an idle queue keeps.
const KEEP: usize = 4 * 1024;

/// What goes beside the bytes of a packet.
#[derive(Debug)]
pub(crate) enum Ancillary {
    /// Descriptors, closed on our side once they are sent.
    Descriptors(Vec<OwnedFd>),
    /// Our process, user and group.
    Credentials,
}

/// Frames in the order in which they are to be sent.
#[derive(Debug, Default)]
pub(crate) struct SendQueue {
    items: VecDeque<Item>,
    /// Bytes of the front item's body that are staged already, if its head is.
    staged_body: Option<usize>,
    stage: Vec<u8>,
    /// Bytes of `stage` that are sent.
    sent: usize,
    /// Goes with the first byte of `stage`.
    ancillary: Option<Ancillary>,
    /// `stage` is of a frame that goes over the socket as a whole.
    socket_only: bool,
    bytes: usize,
}

#[derive(Debug)]
struct Item {
    head: [u8; Descriptor::SIZE],
    body: Body,
    ancillary: Option<Ancillary>,
    /// It has, or had, ancillary data: the socket carries all of it, in messages without other frames.
    alone: bool,
}

/// Bytes to send next.
#[derive(Debug)]
pub(crate) struct Staged<'a> {
    pub(crate) bytes: &'a [u8],
    /// What goes with the first of them.
    pub(crate) ancillary: Option<&'a Ancillary>,
    /// They must not go into a ring.
    pub(crate) socket_only: bool,
}

#[derive(Debug)]
enum Body {
    None,
    Bytes(Vec<u8>),
    Reference([u8; BlockReference::SIZE]),
    Block(Block, usize),
}

impl Body {
    fn len(&self) -> usize {
        match self {
            Body::None => 0,
            Body::Bytes(bytes) => bytes.len(),
            Body::Reference(bytes) => bytes.len(),
            Body::Block(_, length) => *length,
        }
    }

    fn append(&self, from: usize, count: usize, stage: &mut Vec<u8>) {
        match self {
            Body::None => {}
            Body::Bytes(bytes) => stage.extend_from_slice(&bytes[from..from + count]),
            Body::Reference(bytes) => stage.extend_from_slice(&bytes[from..from + count]),
            Body::Block(block, _) => {
                let start = stage.len();
                stage.resize(start + count, 0);
                // A block that cannot be read any more is sent as zeros: the frame has to have its length.
                let _ = block.read_at(from, &mut stage[start..]);
            }
        }
    }
}

impl SendQueue {
    pub(crate) fn packet(&mut self, data: Vec<u8>, ancillary: Option<Ancillary>) {
        let descriptor = Descriptor::packet(data.len() as u32);
        self.push(descriptor, Body::Bytes(data), ancillary);
    }

    /// Audio data that the peer cannot reach otherwise.
    pub(crate) fn inline(&mut self, descriptor: Descriptor, block: Block, length: usize) {
        self.push(descriptor, Body::Block(block, length), None);
    }

    pub(crate) fn reference(&mut self, descriptor: Descriptor, block: BlockReference) {
        self.push(descriptor, Body::Reference(block.encode()), None);
    }

    pub(crate) fn release(&mut self, block_id: u32) {
        self.push(Descriptor::release(block_id), Body::None, None);
    }

    fn push(&mut self, descriptor: Descriptor, body: Body, ancillary: Option<Ancillary>) {
        self.bytes += Descriptor::SIZE + body.len();
        let alone = ancillary.is_some();
        self.items.push_back(Item { head: descriptor.encode(), body, ancillary, alone });
    }

    /// Bytes that are not sent yet.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Bytes of as many frames as go together. None: all is sent. The buffers of packets go to `spare`.
    pub(crate) fn stage(&mut self, spare: &mut Spare) -> Option<Staged<'_>> {
        if self.sent == self.stage.len() {
            self.stage.clear();
            self.sent = 0;
            self.fill(spare);
        }
        if self.stage.is_empty() {
            self.stage.shrink_to(KEEP);
            return None;
        }
        Some(Staged {
            bytes: &self.stage[self.sent..],
            ancillary: self.ancillary.as_ref(),
            socket_only: self.socket_only,
        })
    }

    fn fill(&mut self, spare: &mut Spare) {
        while self.stage.len() < STAGE {
            let Some(item) = self.items.front_mut() else { return };
            let alone = item.alone;
            if alone && !self.stage.is_empty() {
                return;
            }
            self.socket_only = alone;
            let from = match self.staged_body {
                Some(from) => from,
                None => {
                    self.stage.extend_from_slice(&item.head);
                    0
                }
            };
            self.ancillary = item.ancillary.take();
            let count = (item.body.len() - from).min(STAGE.saturating_sub(self.stage.len()));
            item.body.append(from, count, &mut self.stage);
            if from + count < item.body.len() {
                self.staged_body = Some(from + count);
                return;
            }
            self.staged_body = None;
            if let Some(Item { body: Body::Bytes(bytes), .. }) = self.items.pop_front() {
                spare.give(bytes);
            }
            // The receiver takes descriptors for those of the last frame in the message: it has to be alone.
            if alone {
                return;
            }
        }
    }

    /// The first `count` bytes that [`SendQueue::stage`] gave are sent.
    pub(crate) fn advance(&mut self, count: usize) {
        let count = count.min(self.stage.len() - self.sent);
        if count > 0 {
            self.ancillary = None;
            self.sent += count;
            self.bytes -= count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::{Frame, FrameReader};
    use sealpulse_protocol::frame::SeekMode;

    #[test]
    fn frames_go_together_but_ancillary_data_goes_alone() {
        let mut queue = SendQueue::default();
        queue.packet(vec![1; 10], None);
        queue.packet(vec![2; 10], None);
        queue.packet(vec![3; 10], Some(Ancillary::Credentials));
        queue.release(4);
        assert_eq!(queue.bytes(), 3 * 30 + 20);
        let mut messages = Vec::new();
        while let Some(Staged { bytes, ancillary, socket_only }) = queue.stage(&mut Spare::default()) {
            messages.push((bytes.len(), ancillary.is_some()));
            assert_eq!(ancillary.is_some(), socket_only);
            let count = bytes.len();
            queue.advance(count);
        }
        assert_eq!(messages, [(60, false), (30, true), (20, false)]);
        assert!(queue.is_empty());
    }

    #[test]
    fn what_is_long_is_staged_in_parts_and_comes_out_whole() {
        let mut queue = SendQueue::default();
        let data: Vec<u8> = (0..200_000).map(|i| (i % 251) as u8).collect();
        let mut block = Block::private(data.len());
        block.write_at(0, &data).unwrap();
        queue.packet(data.clone(), Some(Ancillary::Credentials));
        let descriptor = Descriptor::block(1, 0, SeekMode::Relative, data.len() as u32);
        queue.inline(descriptor, block, data.len());
        let (mut reader, mut frames, mut with_ancillary) = (FrameReader::default(), Vec::new(), 0);
        let mut over_socket = 0;
        while let Some(Staged { bytes, ancillary, socket_only }) = queue.stage(&mut Spare::default()) {
            assert!(bytes.len() <= STAGE);
            let count = bytes.len().min(777);
            let mut input = &bytes[..count];
            with_ancillary += usize::from(ancillary.is_some());
            over_socket += if socket_only { count } else { 0 };
            while let Some(frame) = reader.next(&mut input, false, &mut Spare::default()).unwrap() {
                frames.push(frame);
            }
            queue.advance(count);
        }
        assert_eq!(with_ancillary, 1);
        assert_eq!(over_socket, Descriptor::SIZE + data.len());
        assert_eq!(frames.len(), 2);
        assert_eq!(frames[0], Frame::Packet(data.clone()));
        assert!(matches!(&frames[1], Frame::Block { data: got, .. } if *got == data));
    }
}
