//! Peers that break the rules: each loses its own link, and nothing else happens.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::io::{IoSlice, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use common::{answer, raw, receive};
use proptest::prelude::*;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use sealpulse_memory::{ImportLimits, MemoryError};
use sealpulse_protocol::frame::{BlockReference, Descriptor, FRAME_SIZE_MAX, FrameError, SeekMode, flags};
use sealpulse_transport::{Incoming, Link, LinkConfig, LinkError, Payload, TransportKind};

const MEMFD: TransportKind = TransportKind::Memfd;

fn refused(kind: TransportKind, length: u32, channel: u32, flags: u32) -> FrameError {
    let descriptor = Descriptor { length, channel, offset: 0, flags };
    match answer(kind, &descriptor.encode()) {
        Err(LinkError::Frame(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_rule_of_descriptors_is_kept() {
    let too_long = FRAME_SIZE_MAX + 1;
    let control = u32::MAX;
    for (kind, length, channel, flags, expected) in [
        (MEMFD, 0, control, 0, FrameError::Length { length: 0 }),
        (MEMFD, 0, 1, 0, FrameError::Length { length: 0 }),
        (MEMFD, too_long, control, 0, FrameError::Length { length: too_long }),
        (MEMFD, u32::MAX, 1, 0, FrameError::Length { length: u32::MAX }),
        (MEMFD, 4, control, 1, FrameError::PacketFlags { flags: 1 }),
        (MEMFD, 16, control, flags::SHM_DATA, FrameError::PacketFlags { flags: flags::SHM_DATA }),
        (MEMFD, 4, 1, 4, FrameError::SeekMode { mode: 4 }),
        (MEMFD, 17, 1, flags::SHM_DATA, FrameError::ReferenceLength { length: 17 }),
        (MEMFD, 16, 1, 0x0100_0000, FrameError::BlockFlags { flags: 0x0100_0000 }),
        (MEMFD, 16, 1, flags::SHM_RELEASE | 1, FrameError::BlockFlags { flags: flags::SHM_RELEASE | 1 }),
    ] {
        assert_eq!(refused(kind, length, channel, flags), expected);
    }
    for flags in [flags::SHM_DATA, flags::SHM_RELEASE, flags::SHM_REVOKE, flags::MEMFD_BLOCK] {
        let expected = FrameError::SharedMemoryDisabled { flags };
        assert_eq!(refused(TransportKind::Socket, 16, 1, flags), expected);
    }
}

#[test]
fn frames_may_come_a_byte_at_a_time() {
    let (mut peer, mut server) = raw(TransportKind::Socket);
    let mut bytes = Descriptor::packet(3).encode().to_vec();
    bytes.extend([1, 2, 3]);
    bytes.extend(Descriptor::block(5, 9, SeekMode::Absolute, 2).encode());
    bytes.extend([4, 5]);
    let mut got = Vec::new();
    for byte in bytes {
        peer.write_all(&[byte]).unwrap();
        server.receive(&mut got).unwrap();
    }
    assert!(matches!(&got[0], Incoming::Packet { data, .. } if data == &[1, 2, 3]));
    assert!(matches!(&got[1], Incoming::Block { channel: 5, offset: 9, seek: SeekMode::Absolute, .. }));
    assert_eq!(common::bytes_of(&got[1]), [4, 5]);
}

fn reference(memfd: bool, block: BlockReference) -> Vec<u8> {
    let head = Descriptor::reference(1, 0, SeekMode::Relative, memfd, false).encode();
    [&head[..], &block.encode()].concat()
}

fn payload(incoming: &Incoming) -> &Payload {
    match incoming {
        Incoming::Block { payload, .. } => payload,
        Incoming::Packet { .. } => panic!(),
    }
}

#[test]
fn references_to_nothing_are_holes() {
    let block = BlockReference { block_id: 1, shm_id: 2, offset: 3, length: 4_000_000_000 };
    for kind in [TransportKind::PosixShm, MEMFD] {
        for memfd in [false, true] {
            let got = answer(kind, &reference(memfd, block)).unwrap();
            assert!(matches!(payload(&got[0]), Payload::Lost { length: 4_000_000_000 }));
        }
    }
}

fn send_fds(peer: &UnixStream, bytes: &[u8], fds: &[OwnedFd]) {
    let borrowed: Vec<_> = fds.iter().map(AsFd::as_fd).collect();
    let mut space = vec![MaybeUninit::uninit(); 2048];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(&borrowed)));
    rustix::net::sendmsg(peer, &[IoSlice::new(bytes)], &mut control, SendFlags::empty()).unwrap();
}

fn memfd(length: u64) -> OwnedFd {
    let flags = rustix::fs::MemfdFlags::ALLOW_SEALING | rustix::fs::MemfdFlags::CLOEXEC;
    let fd = rustix::fs::memfd_create("peer", flags).unwrap();
    rustix::fs::ftruncate(&fd, length).unwrap();
    fd
}

#[test]
fn references_out_of_bounds_or_twice_are_holes() {
    let (mut peer, mut server) = raw(MEMFD);
    server.register_memfd(7, vec![memfd(4096)]).unwrap();
    let block = BlockReference { block_id: 1, shm_id: 7, offset: 4000, length: 96 };
    for (block, good) in [
        (block, true),
        (block, false),
        (BlockReference { block_id: 2, length: 97, ..block }, false),
        (BlockReference { block_id: 2, offset: u32::MAX, length: u32::MAX, ..block }, false),
        (BlockReference { block_id: 2, offset: 4096, length: 0, ..block }, true),
        (BlockReference { block_id: 3, shm_id: 8, ..block }, false),
    ] {
        peer.write_all(&reference(true, block)).unwrap();
        let got = receive(&mut server).unwrap();
        assert_eq!(matches!(payload(&got[0]), Payload::Chunk(_)), good, "{block:?}");
        // Held until the end of the test, so that the second use of an id is a second use.
        std::mem::forget(got);
    }
}

#[test]
fn releases_and_revokes_of_anything_are_survived() {
    let (mut peer, mut server) = raw(MEMFD);
    server.pools_to_register().unwrap();
    let block = server.take_record_block(100);
    server.send_block(1, block, 100);
    for block_id in [0, 0, 1, 127, 128, u32::MAX] {
        peer.write_all(&Descriptor::release(block_id).encode()).unwrap();
        peer.write_all(&Descriptor::revoke(block_id).encode()).unwrap();
    }
    assert!(receive(&mut server).unwrap().is_empty());
    server.flush().unwrap();
}

#[test]
fn registrations_are_checked() {
    let (_peer, mut server) = raw(MEMFD);
    assert!(matches!(
        server.register_memfd(1, vec![]),
        Err(LinkError::DescriptorCount { count: 0, expected: 1 })
    ));
    assert!(matches!(
        server.register_memfd(1, vec![memfd(4096), memfd(4096)]),
        Err(LinkError::DescriptorCount { count: 2, .. })
    ));
    let (end, _other) = rustix::pipe::pipe().unwrap();
    assert!(matches!(server.register_memfd(1, vec![end]), Err(LinkError::Memory(MemoryError::NotMemfd))));
    server.register_memfd(1, vec![memfd(4096)]).unwrap();
    let again = server.register_memfd(1, vec![memfd(4096)]);
    assert!(matches!(again, Err(LinkError::Memory(MemoryError::SegmentExists { shm_id: 1 }))));
    let too_large = server.register_memfd(2, vec![memfd(1 << 40)]);
    assert!(matches!(too_large, Err(LinkError::Memory(MemoryError::BadSize { .. }))));
    let (_peer, mut other) = raw(TransportKind::PosixShm);
    assert!(matches!(other.register_memfd(1, vec![memfd(4096)]), Err(LinkError::NotShared)));
}

#[test]
fn more_descriptors_than_a_packet_has_end_the_link() {
    let packet = [&Descriptor::packet(4).encode()[..], &[0; 4]].concat();
    let fds = |count: usize| (0..count).map(|_| memfd(0)).collect::<Vec<_>>();
    for count in [3, 100, 253] {
        let (peer, mut server) = raw(MEMFD);
        send_fds(&peer, &packet, &fds(count));
        let error = receive(&mut server).unwrap_err();
        assert!(matches!(error, LinkError::TooManyDescriptors { count: found, limit: 2 } if found == count));
    }
    // Also where they come with parts of one packet.
    let (peer, mut server) = raw(MEMFD);
    send_fds(&peer, &packet[..10], &fds(2));
    send_fds(&peer, &packet[10..], &fds(1));
    let mut out = Vec::new();
    let result = server.receive(&mut out).and_then(|()| server.receive(&mut out));
    assert!(matches!(result, Err(LinkError::TooManyDescriptors { count: 3, limit: 2 })));
    // Two are fine, wherever the packet is cut.
    for cut in 1..packet.len() {
        let (mut peer, mut server) = raw(MEMFD);
        peer.write_all(&packet).unwrap();
        send_fds(&peer, &packet[..cut], &fds(2));
        peer.write_all(&packet[cut..]).unwrap();
        peer.write_all(&packet).unwrap();
        let mut out = Vec::new();
        while out.len() < 3 {
            server.receive(&mut out).unwrap();
        }
        let counts: Vec<usize> = out
            .iter()
            .map(|packet| match packet {
                Incoming::Packet { fds, .. } => fds.len(),
                Incoming::Block { .. } => panic!(),
            })
            .collect();
        assert_eq!(counts, [0, 2, 0], "cut at {cut}");
    }
}

#[test]
fn a_flood_is_taken_in_portions() {
    let (mut peer, mut server) = raw(MEMFD);
    rustix::io::ioctl_fionbio(&peer, true).unwrap();
    let flood: Vec<u8> = (0..100_000).flat_map(|id| Descriptor::release(id).encode()).collect();
    let mut sent = 0;
    let mut turns = 0;
    while sent < flood.len() {
        // As much as the kernel holds, all the time.
        while let Ok(count) = peer.write(&flood[sent..]) {
            sent += count;
            if sent == flood.len() {
                break;
            }
        }
        assert!(receive(&mut server).unwrap().is_empty());
        turns += 1;
    }
    assert!(turns >= flood.len() / (4 * 64 * 1024), "{turns}");
}

#[test]
fn references_to_memory_that_has_to_be_copied_cost_us_only_so_much() {
    let limits = ImportLimits { max_copied: 1 << 20, ..ImportLimits::default() };
    let (mut peer, socket) = UnixStream::pair().unwrap();
    let mut server = Link::new(socket.into(), &LinkConfig { limits, ..LinkConfig::default() }).unwrap();
    server.enable(MEMFD);
    let fd = rustix::fs::memfd_create("peer", rustix::fs::MemfdFlags::empty()).unwrap();
    rustix::fs::ftruncate(&fd, 64 << 20).unwrap();
    server.register_memfd(7, vec![fd]).unwrap();
    for block_id in 0..50 {
        let length = if block_id == 0 { 64 << 20 } else { 100_000 };
        let block = BlockReference { block_id, shm_id: 7, offset: 0, length };
        peer.write_all(&reference(true, block)).unwrap();
    }
    let got = receive(&mut server).unwrap();
    let copied = got.iter().filter(|block| matches!(payload(block), Payload::Chunk(_))).count();
    assert_eq!((got.len(), copied), (50, 10));
    assert!(!server.counters().sealed);
}

proptest! {
    #[test]
    fn any_bytes_are_survived(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        kind in prop_oneof![Just(TransportKind::Socket), Just(TransportKind::PosixShm), Just(MEMFD)],
    ) {
        let _ = answer(kind, &bytes);
    }

    #[test]
    fn any_frames_are_survived(
        frames in prop::collection::vec(
            (
                prop_oneof![0u32..40, any::<u32>()],
                prop_oneof![Just(u32::MAX), 0u32..3],
                prop_oneof![
                    Just(0), Just(flags::SHM_RELEASE), Just(flags::SHM_REVOKE), Just(flags::SHM_DATA),
                    Just(flags::SHM_DATA | flags::MEMFD_BLOCK), any::<u32>()
                ],
                prop_oneof![Just(16usize), 0usize..40],
                any::<[u8; 40]>(),
            ),
            1..20,
        ),
    ) {
        let (mut peer, mut server) = raw(MEMFD);
        server.register_memfd(0, vec![memfd(65_536)]).unwrap();
        for (length, channel, flags, body, bytes) in frames {
            let length = if length < 40 { body as u32 } else { length };
            let descriptor = Descriptor { length, channel, offset: i64::from(channel) << 32, flags };
            peer.write_all(&descriptor.encode()).unwrap();
            peer.write_all(&bytes[..body]).unwrap();
            if server.receive(&mut Vec::new()).is_err() || server.flush().is_err() {
                break;
            }
        }
    }
}
