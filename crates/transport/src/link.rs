//! The link itself: what comes in from a socket and a ring, and what goes out.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use sealpulse_memory::{Block, Chunk};
use sealpulse_protocol::frame::{BlockReference, Descriptor, FRAME_SIZE_MAX, SeekMode};

use crate::blocks::{SharedBlocks, wire_reference};
use crate::error::LinkError;
use crate::queue::{Ancillary, SendQueue, Staged};
use crate::reader::{Frame, FrameReader, Place};
use crate::ring::Ring;
use crate::socket::{self, Credentials, DESCRIPTORS_MAX};
use crate::spare::Spare;
use crate::types::{Incoming, LinkConfig, LinkCounters, Payload, RingOffer, Side, TransportKind};
use crate::wake::Wake;

/// Bytes of one read.
const READ_SIZE: usize = 64 * 1024;

/// Bytes that a new buffer of a packet to be sent has room for: enough for most.
const PACKET_SIZE: usize = 64;

/// Reads of the socket in one call of [`Link::receive`]: what one peer may occupy us with at a time.
const READS_MAX: usize = 4;

thread_local! {
    /// What was read and is not yet taken apart; empty between calls, so that all links of a thread share it.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

#[derive(Debug)]
enum RingState {
    None,
    /// Made; the peer does not use it yet.
    Offered(Ring, BlockReference),
    /// On the client: descriptors are here, the memory is not, or the other way round.
    Expected(Option<Vec<OwnedFd>>, Option<(bool, BlockReference)>),
    /// Both sides agree; what is queued goes over the socket first.
    Switching(Ring),
    Active {
        ring: Ring,
        /// What the peer sent over the socket before it switched has not been read for sure.
        socket_first: bool,
    },
}

/// A link to one peer.
#[derive(Debug)]
pub struct Link {
    stream: OwnedFd,
    side: Side,
    peer: Option<Credentials>,
    blocks: SharedBlocks,
    queue: SendQueue,
    /// Buffers of packets in either direction.
    spare: Spare,
    socket_reader: FrameReader,
    ring_reader: FrameReader,
    /// Came with the frame that the socket's reader is in.
    fds: Vec<OwnedFd>,
    ring: RingState,
    /// What is queued did not fit in the ring.
    waits_for_room: bool,
    referenced: u64,
    copied: u64,
}

impl Link {
    /// Takes a connected stream socket and sets it up: non-blocking, with credentials, buffers of 64 KiB.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn new(stream: OwnedFd, config: &LinkConfig) -> io::Result<Link> {
        socket::configure(stream.as_fd())?;
        Ok(Link {
            peer: socket::peer(stream.as_fd()),
            stream,
            side: config.side,
            blocks: SharedBlocks::new(config),
            queue: SendQueue::default(),
            spare: Spare::default(),
            socket_reader: FrameReader::default(),
            ring_reader: FrameReader::default(),
            fds: Vec::new(),
            ring: RingState::None,
            waits_for_room: false,
            referenced: 0,
            copied: 0,
        })
    }

    /// The socket. Wait for it to be readable, and writable while [`Link::flush`] says so.
    pub fn socket_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// Of a ring in use: becomes readable when the peer wakes us. Only ever read it by [`Link::receive_ring`].
    pub fn ring_fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.ring {
            RingState::Active { ring, .. } => Some(ring.listen_fd()),
            _ => None,
        }
    }

    /// Who made the connection; none over TCP.
    pub fn peer(&self) -> Option<Credentials> {
        self.peer
    }

    /// How block data travels.
    pub fn transport(&self) -> TransportKind {
        self.blocks.kind()
    }

    /// Allows references to shared memory, once it is agreed on.
    pub fn enable(&mut self, kind: TransportKind) {
        self.blocks.enable(kind);
    }

    /// What went through so far.
    pub fn counters(&self) -> LinkCounters {
        let (blocks_used, blocks_lent, blocks_borrowed) = self.blocks.in_use();
        LinkCounters {
            bytes_referenced: self.referenced,
            bytes_copied: self.copied,
            memory_mapped: self.blocks.mapped_bytes() as u64,
            sealed: self.blocks.is_sealed(),
            blocks_used,
            blocks_lent,
            blocks_borrowed,
        }
    }

    /// Refuses frames of more than `bytes` bytes from now on; 16 MiB at first, which nothing goes beyond. A peer
    /// that nobody knows yet should not be able to make us hold that much.
    pub fn limit_frames(&mut self, bytes: usize) {
        self.socket_reader.limit(bytes);
        self.ring_reader.limit(bytes);
    }

    /// Takes back the buffer of a packet that has been handled, for the next one. A few small ones are kept.
    pub fn reuse(&mut self, data: Vec<u8>) {
        self.spare.give(data);
    }

    /// An empty buffer for a packet that is to be sent: one that was used before, if there is one.
    pub fn packet_buffer(&mut self) -> Vec<u8> {
        self.spare.take(PACKET_SIZE)
    }

    // What comes in.

    /// Reads the socket, when it is readable. Appends what came as a whole to `out`; what comes before an error
    /// is there too. One call does a bounded amount of work, and nothing comes behind a packet with descriptors,
    /// since what follows may need it to be handled: a socket that has more is still readable.
    ///
    /// # Errors
    /// Each ends the link; [`LinkError::Closed`] is the usual end.
    pub fn receive(&mut self, out: &mut Vec<Incoming>) -> Result<(), LinkError> {
        let received = with_scratch(|buffer| {
            for _ in 0..READS_MAX {
                if self.receive_once(buffer, out)? != After::More {
                    break;
                }
            }
            Ok(())
        });
        if let Err(LinkError::Closed) = received {
            // What the peer left in the ring before it went.
            self.read_ring(out)?;
        }
        received
    }

    /// Reads the socket once.
    fn receive_once(&mut self, buffer: &mut [u8], out: &mut Vec<Incoming>) -> Result<After, LinkError> {
        // No further than to the end of a packet that has descriptors.
        let size = if self.fds.is_empty() { buffer.len() } else { self.socket_reader.missing().max(1) };
        let size = size.min(buffer.len());
        let Some(received) = socket::receive(self.stream.as_fd(), &mut buffer[..size])? else {
            return Ok(After::Empty);
        };
        if received.count == 0 {
            return Err(match self.socket_reader.missing() {
                0 => LinkError::Closed,
                missing => LinkError::ClosedInFrame { missing },
            });
        }
        let mut input = &buffer[..received.count];
        let mut arrived = received.descriptors;
        let with_descriptors = !arrived.is_empty() || !self.fds.is_empty();
        while let Some(frame) = self.socket_reader.next(&mut input, self.blocks.enabled(), &mut self.spare)? {
            let mut fds = std::mem::take(&mut self.fds);
            if input.is_empty() {
                fds.append(&mut arrived);
            }
            check_count(&fds)?;
            self.take_frame(frame, received.credentials, fds, out)?;
        }
        self.fds.append(&mut arrived);
        check_count(&self.fds)?;
        Ok(match with_descriptors {
            true if self.fds.is_empty() => After::Handle,
            true => After::More,
            false if received.count == size => After::More,
            false => After::Empty,
        })
    }

    /// Reads the ring, when [`Link::ring_fd`] is readable. True: there is more, call [`Link::look_into_ring`] in
    /// the next turn. Afterwards [`Link::flush`]: there may be room for what waits.
    ///
    /// # Errors
    /// As [`Link::receive`].
    pub fn receive_ring(&mut self, out: &mut Vec<Incoming>) -> Result<bool, LinkError> {
        if let RingState::Active { ring, .. } = &self.ring {
            ring.drain();
        }
        self.look_into_ring(out)
    }

    /// As [`Link::receive_ring`], when nobody was woken: because [`Link::prepare_to_sleep`] said that there is
    /// data, or before a cycle begins. Makes no system call on a memfd link, unless the peer waits for room.
    ///
    /// # Errors
    /// As [`Link::receive`].
    pub fn look_into_ring(&mut self, out: &mut Vec<Incoming>) -> Result<bool, LinkError> {
        let RingState::Active { ring, socket_first } = &mut self.ring else { return Ok(false) };
        ring.awake()?;
        if !ring.has_input()? {
            return Ok(false);
        }
        if *socket_first {
            // The peer wrote to the ring after all that it sent over the socket.
            let drained = with_scratch(|buffer| {
                for _ in 0..READS_MAX {
                    match self.receive_once(buffer, out)? {
                        After::More => {}
                        After::Empty => return Ok(true),
                        After::Handle => break,
                    }
                }
                Ok(false)
            })?;
            match &mut self.ring {
                RingState::Active { socket_first, .. } if drained => *socket_first = false,
                _ => return Ok(true),
            }
        }
        self.read_ring(out)
    }

    /// Reads what is in the ring, at most once through it. Answers whether there is more.
    fn read_ring(&mut self, out: &mut Vec<Incoming>) -> Result<bool, LinkError> {
        with_scratch(|buffer| {
            let RingState::Active { ring, .. } = &mut self.ring else { return Ok(false) };
            let count = ring.read(buffer)?;
            let more = ring.has_input()?;
            let mut input = &buffer[..count];
            while let Some(frame) =
                self.ring_reader.next(&mut input, self.blocks.enabled(), &mut self.spare)?
            {
                self.take_frame(frame, None, Vec::new(), out)?;
            }
            Ok(more)
        })
    }

    /// Call it after each [`Link::receive_ring`] or [`Link::look_into_ring`], before waiting for [`Link::ring_fd`]:
    /// only then does the peer wake us. True: do not wait, there is something to do in the ring; call
    /// [`Link::look_into_ring`] and [`Link::flush`] in the next turn. A ring that fails counts as something to do.
    pub fn prepare_to_sleep(&mut self) -> bool {
        match &mut self.ring {
            RingState::Active { ring, .. } => ring.prepare_to_sleep(self.waits_for_room).unwrap_or(true),
            _ => false,
        }
    }

    fn take_frame(
        &mut self,
        frame: Frame,
        credentials: Option<Credentials>,
        fds: Vec<OwnedFd>,
        out: &mut Vec<Incoming>,
    ) -> Result<(), LinkError> {
        match frame {
            Frame::Packet(data) => out.push(Incoming::Packet { data, credentials, fds }),
            Frame::Block { place: Place { channel, offset, seek }, data } => {
                self.copied += data.len() as u64;
                let payload = Payload::Chunk(Chunk::from_vec(data));
                out.push(Incoming::Block { channel, offset, seek, payload });
            }
            Frame::Reference { memfd, writable: true, block, .. } if self.side == Side::Client => {
                self.expect_ring(None, Some((memfd, block)))?;
            }
            Frame::Reference { place: Place { channel, offset, seek }, memfd, block, .. } => {
                let payload = match self.blocks.import(memfd, block, self.peer) {
                    Ok(chunk) => {
                        let count = if chunk.is_imported() { &mut self.referenced } else { &mut self.copied };
                        *count += chunk.len() as u64;
                        Payload::Chunk(chunk)
                    }
                    Err(_) => Payload::Lost { length: block.length },
                };
                out.push(Incoming::Block { channel, offset, seek, payload });
            }
            Frame::Release { block_id } => self.blocks.released_by_peer(block_id),
            Frame::Revoke { block_id } => self.blocks.revoke(block_id),
        }
        Ok(())
    }

    /// The peer announced a memfd: it is sealed and mapped, or read where that cannot be.
    ///
    /// # Errors
    /// [`LinkError::NotShared`] if memfds were not agreed on, [`LinkError::DescriptorCount`] if it is not one,
    /// [`LinkError::Memory`] if it cannot be used. Each is the peer's fault and ends the link in PulseAudio.
    pub fn register_memfd(&mut self, shm_id: u32, fds: Vec<OwnedFd>) -> Result<(), LinkError> {
        self.blocks.register(shm_id, fds)
    }

    // What goes out.

    /// Queues a control packet of at most 16 MiB.
    pub fn send_packet(&mut self, data: Vec<u8>) {
        self.queue_packet(data, None);
    }

    /// Queues a control packet with at most two descriptors, which are closed here when they are sent. It goes
    /// over the socket even if there is a ring, and what is in the ring may overtake it.
    pub fn send_packet_with_fds(&mut self, data: Vec<u8>, fds: Vec<OwnedFd>) {
        self.queue_packet(data, Some(Ancillary::Descriptors(fds)));
    }

    /// Queues a control packet with our process, user and group, over the socket even if there is a ring.
    pub fn send_packet_with_credentials(&mut self, data: Vec<u8>) {
        self.queue_packet(data, Some(Ancillary::Credentials));
    }

    fn queue_packet(&mut self, data: Vec<u8>, ancillary: Option<Ancillary>) {
        debug_assert!((1..=FRAME_SIZE_MAX as usize).contains(&data.len()));
        self.queue.packet(data, ancillary);
    }

    /// A block of at least `size` bytes to fill and send: a slot of the pool if the peer can see it and one is free,
    /// otherwise private bytes.
    pub fn take_record_block(&mut self, size: usize) -> Block {
        self.blocks.take_slot(size).unwrap_or_else(|| Block::private(size))
    }

    /// Queues the first `length` bytes (at least 1, at most 16 MiB) of a block for a stream, to be appended there.
    /// It goes by reference if it is of this link's pool and the peer holds fewer than 128; otherwise it is copied.
    pub fn send_block(&mut self, channel: u32, block: Block, length: usize) {
        self.send_block_at(channel, 0, SeekMode::Relative, block, length);
    }

    /// As [`Link::send_block`], at some place of the stream.
    pub fn send_block_at(&mut self, channel: u32, offset: i64, seek: SeekMode, block: Block, length: usize) {
        let length = length.min(block.len()).min(FRAME_SIZE_MAX as usize);
        if length == 0 {
            return;
        }
        let place = Place { channel, offset, seek };
        let by_reference = self.blocks.send(place, block, length, &mut self.queue);
        let count = if by_reference { &mut self.referenced } else { &mut self.copied };
        *count += length as u64;
    }

    /// What the peer must be told of with `REGISTER_MEMFD_SHMID`, before anything else is sent that lies in it and
    /// before a ring is offered. Once it was asked for, blocks are sent by reference.
    ///
    /// # Errors
    /// [`LinkError::Memory`] where no memory can be made.
    pub fn pools_to_register(&mut self) -> Result<Vec<(u32, OwnedFd)>, LinkError> {
        Ok(self.blocks.announce()?.into_iter().collect())
    }

    /// Sends what is queued, and tells the peer which of its blocks nobody uses any more. True: wait for the socket
    /// to be writable and call it again. What waits for room in the ring does not count: the peer wakes us.
    ///
    /// # Errors
    /// Each ends the link.
    pub fn flush(&mut self) -> Result<bool, LinkError> {
        if self.blocks.enabled() {
            self.blocks.send_releases(&mut self.queue);
        }
        let mut pending = false;
        let mut written = false;
        self.waits_for_room = false;
        while let Some(Staged { bytes, ancillary, socket_only }) = self.queue.stage(&mut self.spare) {
            let count = match &mut self.ring {
                RingState::Active { ring, .. } if !socket_only => {
                    let count = ring.write(bytes)?;
                    if count == 0 {
                        self.waits_for_room = true;
                        break;
                    }
                    written = true;
                    count
                }
                _ => match socket::send(self.stream.as_fd(), bytes, ancillary)? {
                    Some(count) => count,
                    None => {
                        pending = true;
                        break;
                    }
                },
            };
            self.queue.advance(count);
        }
        match &self.ring {
            RingState::Active { ring, .. } if written => ring.post()?,
            RingState::Switching(_) if self.queue.is_empty() => self.activate(),
            _ => {}
        }
        Ok(pending)
    }

    /// Bytes that are queued and not sent.
    pub fn queued_bytes(&self) -> usize {
        self.queue.bytes()
    }

    // The ring.

    /// Makes a ring and says which descriptors go with `ENABLE_SRBCHANNEL`. Queues nothing: send that packet, then
    /// call [`Link::send_ring_block`]. On a memfd link the pool must be registered before.
    ///
    /// # Errors
    /// [`LinkError::NotShared`], [`LinkError::RingState`] if there is one, [`LinkError::Io`] where `/proc` is not
    /// mounted. The link goes on without a ring.
    pub fn offer_ring(&mut self) -> Result<RingOffer, LinkError> {
        if !matches!(self.ring, RingState::None) {
            return Err(LinkError::RingState);
        }
        let (wake, fds) = Wake::make()?;
        let block = self.blocks.take_ring_slot()?;
        let exported = wire_reference(self.blocks.pin(&block)?);
        self.ring = RingState::Offered(Ring::make(block, wake)?, exported);
        Ok(RingOffer { fds })
    }

    /// Queues the reference to the memory of the ring that was offered.
    ///
    /// # Errors
    /// [`LinkError::RingState`] if none was.
    pub fn send_ring_block(&mut self) -> Result<(), LinkError> {
        let RingState::Offered(_, block) = &self.ring else { return Err(LinkError::RingState) };
        let memfd = self.blocks.kind() == TransportKind::Memfd;
        self.queue.reference(Descriptor::reference(0, 0, SeekMode::Relative, memfd, true), *block);
        Ok(())
    }

    /// The client's part: the descriptors that came with `ENABLE_SRBCHANNEL`. True: the ring is attached; confirm
    /// the command, then [`Link::switch_to_ring`]. False: ask [`Link::ring_is_attached`] after the next
    /// [`Link::receive`].
    ///
    /// # Errors
    /// [`LinkError::DescriptorCount`] if there are not two, [`LinkError::RingState`] if there is a ring, or what is
    /// wrong with its memory.
    pub fn attach_ring(&mut self, fds: Vec<OwnedFd>) -> Result<bool, LinkError> {
        if fds.len() != 2 {
            return Err(LinkError::DescriptorCount { count: fds.len(), expected: 2 });
        }
        self.expect_ring(Some(fds), None)?;
        Ok(self.ring_is_attached())
    }

    /// Whether a ring is there that the peer does not use yet.
    pub fn ring_is_attached(&self) -> bool {
        matches!(self.ring, RingState::Offered(..))
    }

    fn expect_ring(
        &mut self,
        fds: Option<Vec<OwnedFd>>,
        memory: Option<(bool, BlockReference)>,
    ) -> Result<(), LinkError> {
        let (fds, memory) = match (std::mem::replace(&mut self.ring, RingState::None), fds, memory) {
            (RingState::None, fds, memory) => (fds, memory),
            (RingState::Expected(None, memory), Some(fds), None) => (Some(fds), memory),
            (RingState::Expected(fds, None), None, Some(memory)) => (fds, Some(memory)),
            (other, _, _) => {
                self.ring = other;
                return Err(LinkError::RingState);
            }
        };
        self.ring = match (fds, memory) {
            (Some(mut fds), Some((memfd, block))) => {
                let (Some(signal), Some(listen)) = (fds.pop(), fds.pop()) else {
                    return Err(LinkError::RingState);
                };
                let segment = self.blocks.ring_segment(memfd, block)?;
                let (base, length) = (block.offset as usize, block.length as usize);
                let ring = Ring::attach(segment, base, length, Wake::attach(listen, signal))?;
                RingState::Offered(ring, block)
            }
            (fds, memory) => RingState::Expected(fds, memory),
        };
        Ok(())
    }

    /// Both sides have the ring: uses it as soon as all that is queued went over the socket. Add
    /// [`Link::ring_fd`] to what is waited for after the next [`Link::flush`], and look into the ring once.
    ///
    /// # Errors
    /// [`LinkError::RingState`] if there is no ring to switch to.
    pub fn switch_to_ring(&mut self) -> Result<(), LinkError> {
        match std::mem::replace(&mut self.ring, RingState::None) {
            RingState::Offered(ring, _) => {
                self.ring = RingState::Switching(ring);
                if self.queue.is_empty() {
                    self.activate();
                }
                Ok(())
            }
            other => {
                self.ring = other;
                Err(LinkError::RingState)
            }
        }
    }

    fn activate(&mut self) {
        self.ring = match std::mem::replace(&mut self.ring, RingState::None) {
            RingState::Switching(ring) => RingState::Active { ring, socket_first: true },
            other => other,
        };
    }
}

/// What to do after a read of the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// There may be more.
    More,
    /// There is nothing more now.
    Empty,
    /// A packet with descriptors came, which has to be handled before the rest is read.
    Handle,
}

fn check_count(fds: &[OwnedFd]) -> Result<(), LinkError> {
    if fds.len() > DESCRIPTORS_MAX {
        return Err(LinkError::TooManyDescriptors { count: fds.len(), limit: DESCRIPTORS_MAX });
    }
    Ok(())
}

fn with_scratch<T>(read: impl FnOnce(&mut [u8]) -> Result<T, LinkError>) -> Result<T, LinkError> {
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.resize(READ_SIZE, 0);
        read(scratch)
    })
}
