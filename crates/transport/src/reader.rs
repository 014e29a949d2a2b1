//! Bytes in, frames out: what a socket and a ring have in common. No I/O.

use sealpulse_protocol::frame::{BlockReference, Descriptor, FRAME_SIZE_MAX, FrameKind, SeekMode};

use crate::error::LinkError;
use crate::spare::Spare;

/// A frame that has come in as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    Packet(Vec<u8>),
    Block { place: Place, data: Vec<u8> },
    Reference { place: Place, memfd: bool, writable: bool, block: BlockReference },
    Release { block_id: u32 },
    Revoke { block_id: u32 },
}

/// Where in which stream a block goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) channel: u32,
    pub(crate) offset: i64,
    pub(crate) seek: SeekMode,
}

/// Puts frames together from bytes that come in pieces of any size.
#[derive(Debug)]
pub(crate) struct FrameReader {
    head: [u8; Descriptor::SIZE],
    /// Bytes of `head` that are there.
    head_length: usize,
    body: Option<Body>,
    /// Bytes that a frame may have behind its descriptor.
    limit: usize,
}

impl Default for FrameReader {
    fn default() -> FrameReader {
        FrameReader {
            head: [0; Descriptor::SIZE],
            head_length: 0,
            body: None,
            limit: FRAME_SIZE_MAX as usize,
        }
    }
}

#[derive(Debug)]
struct Body {
    kind: FrameKind,
    /// Bytes that the frame will have, checked by its descriptor.
    length: usize,
    /// Grows as bytes come: a peer's word alone allocates nothing.
    data: Vec<u8>,
}

impl FrameReader {
    /// Sets how many bytes a frame that begins from now on may have behind its descriptor.
    pub(crate) fn limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// The next frame of `input`, which is advanced past what was used. None: all was used and more is needed.
    /// The buffers of packets come from `spare`.
    pub(crate) fn next(
        &mut self,
        input: &mut &[u8],
        shared_memory: bool,
        spare: &mut Spare,
    ) -> Result<Option<Frame>, LinkError> {
        if self.body.is_none() {
            let part = take(input, Descriptor::SIZE - self.head_length);
            self.head[self.head_length..self.head_length + part.len()].copy_from_slice(part);
            self.head_length += part.len();
            if self.head_length < Descriptor::SIZE {
                return Ok(None);
            }
            let descriptor = Descriptor::decode(&self.head);
            let kind = descriptor.kind(shared_memory)?;
            self.head_length = 0;
            match kind {
                FrameKind::Release { block_id } => return Ok(Some(Frame::Release { block_id })),
                FrameKind::Revoke { block_id } => return Ok(Some(Frame::Revoke { block_id })),
                FrameKind::Reference { channel, offset, seek, memfd, writable } => {
                    // What every block of a client that plays looks like: no allocation for it.
                    if let Some((bytes, rest)) = input.split_first_chunk() {
                        *input = rest;
                        let block = BlockReference::decode(bytes);
                        let place = Place { channel, offset, seek };
                        return Ok(Some(Frame::Reference { place, memfd, writable, block }));
                    }
                }
                FrameKind::Packet { .. } | FrameKind::Block { .. } => {}
            }
            let length = descriptor.length as usize;
            if length > self.limit {
                return Err(LinkError::FrameTooLong { length, limit: self.limit });
            }
            let data = match kind {
                FrameKind::Packet { .. } => spare.take(length.min(input.len())),
                _ => Vec::with_capacity(length.min(input.len())),
            };
            self.body = Some(Body { kind, length, data });
        }
        match &mut self.body {
            Some(body) => {
                body.data.extend_from_slice(take(input, body.length - body.data.len()));
                if body.data.len() < body.length {
                    return Ok(None);
                }
            }
            None => return Ok(None),
        }
        Ok(self.body.take().map(Body::finish))
    }

    /// Bytes that are missing of a frame that has begun, as far as is known; 0 between frames.
    pub(crate) fn missing(&self) -> usize {
        match &self.body {
            Some(body) => body.length - body.data.len(),
            None if self.head_length > 0 => Descriptor::SIZE - self.head_length,
            None => 0,
        }
    }
}

impl Body {
    fn finish(self) -> Frame {
        match self.kind {
            FrameKind::Packet { .. } => Frame::Packet(self.data),
            FrameKind::Block { channel, offset, seek, .. } => {
                Frame::Block { place: Place { channel, offset, seek }, data: self.data }
            }
            FrameKind::Reference { channel, offset, seek, memfd, writable } => {
                let mut bytes = [0; BlockReference::SIZE];
                let count = self.data.len().min(bytes.len());
                bytes[..count].copy_from_slice(&self.data[..count]);
                let block = BlockReference::decode(&bytes);
                Frame::Reference { place: Place { channel, offset, seek }, memfd, writable, block }
            }
            FrameKind::Release { block_id } => Frame::Release { block_id },
            FrameKind::Revoke { block_id } => Frame::Revoke { block_id },
        }
    }
}

/// Takes at most `count` bytes off the front.
fn take<'a>(input: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (part, rest) = input.split_at(count.min(input.len()));
    *input = rest;
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frames(bytes: &[u8], sizes: &[usize]) -> Result<Vec<Frame>, LinkError> {
        let (mut reader, mut spare) = (FrameReader::default(), Spare::default());
        let mut sizes = sizes.iter().copied().cycle();
        let (mut found, mut rest) = (Vec::new(), bytes);
        while !rest.is_empty() {
            let (mut piece, after) = rest.split_at(sizes.next().unwrap_or(1).clamp(1, rest.len()));
            rest = after;
            while let Some(frame) = reader.next(&mut piece, true, &mut spare)? {
                found.push(frame);
            }
            assert!(piece.is_empty());
        }
        assert_eq!(reader.missing(), 0);
        Ok(found)
    }

    fn some_frame() -> impl Strategy<Value = (Vec<u8>, Frame)> {
        let place = (0..u32::MAX, any::<i64>(), 0u32..4).prop_map(|(channel, offset, seek)| Place {
            channel,
            offset,
            seek: SeekMode::from_wire(seek).unwrap(),
        });
        prop_oneof![
            prop::collection::vec(any::<u8>(), 1..300).prop_map(|data| {
                let head = Descriptor::packet(data.len() as u32).encode();
                ([&head[..], &data].concat(), Frame::Packet(data))
            }),
            (place.clone(), prop::collection::vec(any::<u8>(), 1..300)).prop_map(|(place, data)| {
                let Place { channel, offset, seek } = place;
                let head = Descriptor::block(channel, offset, seek, data.len() as u32).encode();
                ([&head[..], &data].concat(), Frame::Block { place, data })
            }),
            (place, any::<[u8; 16]>(), any::<bool>(), any::<bool>()).prop_map(
                |(place, bytes, memfd, writable)| {
                    let Place { channel, offset, seek } = place;
                    let head = Descriptor::reference(channel, offset, seek, memfd, writable).encode();
                    let block = BlockReference::decode(&bytes);
                    ([&head[..], &bytes].concat(), Frame::Reference { place, memfd, writable, block })
                }
            ),
            any::<u32>().prop_map(|block_id| {
                (Descriptor::release(block_id).encode().to_vec(), Frame::Release { block_id })
            }),
            any::<u32>().prop_map(|block_id| {
                (Descriptor::revoke(block_id).encode().to_vec(), Frame::Revoke { block_id })
            }),
        ]
    }

    proptest! {
        #[test]
        fn frames_come_out_as_they_went_in_whatever_the_pieces(
            sent in prop::collection::vec(some_frame(), 1..20),
            sizes in prop::collection::vec(1usize..200, 1..20),
        ) {
            let bytes: Vec<u8> = sent.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
            let expected: Vec<Frame> = sent.into_iter().map(|(_, frame)| frame).collect();
            prop_assert_eq!(&frames(&bytes, &sizes).unwrap(), &expected);
            prop_assert_eq!(&frames(&bytes, &[1]).unwrap(), &expected);
        }

        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200), shared: bool) {
            let (mut reader, mut spare) = (FrameReader::default(), Spare::default());
            let mut input = &bytes[..];
            while let Ok(Some(_)) = reader.next(&mut input, shared, &mut spare) {}
        }
    }

    #[test]
    fn a_long_frame_allocates_only_as_its_bytes_come() {
        let mut reader = FrameReader::default();
        let bytes = [&Descriptor::packet(16 << 20).encode()[..], &[7; 100]].concat();
        let next = reader.next(&mut &bytes[..], false, &mut Spare::default());
        assert!(matches!(next, Ok(None)));
        assert!(reader.body.as_ref().unwrap().data.capacity() < 4096);
        assert_eq!(reader.missing(), (16 << 20) - 100);
    }

    #[test]
    fn a_frame_above_the_limit_is_refused_by_its_head() {
        let mut reader = FrameReader::default();
        reader.limit(1000);
        let mut next = |length| {
            let head = Descriptor::packet(length).encode();
            let result = reader.next(&mut &head[..], false, &mut Spare::default());
            result.map(|frame| assert_eq!(frame, None))
        };
        assert!(matches!(next(1001), Err(LinkError::FrameTooLong { length: 1001, limit: 1000 })));
        assert!(next(1000).is_ok());
    }
}
