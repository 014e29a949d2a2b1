//! A client's and a server's link, each way of sending, what well-behaved peers do.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::OwnedFd;

use common::{Pair, bytes_of, is_readable, look, pair, receive, registered, with_ring};
use sealpulse_memory::Block;
use sealpulse_protocol::frame::SeekMode;
use sealpulse_transport::{Incoming, Link, LinkCounters, LinkError, Payload, TransportKind};

const KINDS: [TransportKind; 3] = [TransportKind::Socket, TransportKind::PosixShm, TransportKind::Memfd];

fn filled(link: &mut Link, data: &[u8]) -> Block {
    let mut block = link.take_record_block(data.len());
    block.write_at(0, data).unwrap();
    block
}

fn samples(count: usize) -> Vec<u8> {
    (0..count).map(|i| (i % 247) as u8).collect()
}

#[test]
fn packets_arrive_in_order_with_the_senders_credentials() {
    let Pair { mut client, mut server } = pair(TransportKind::Socket);
    client.send_packet(vec![1; 10]);
    client.send_packet_with_credentials(vec![2; 3000]);
    client.send_packet(vec![3; 1]);
    assert_eq!(client.queued_bytes(), 3011 + 60);
    assert!(!client.flush().unwrap());
    assert_eq!(client.queued_bytes(), 0);
    let got = receive(&mut server).unwrap();
    assert_eq!(got.iter().map(bytes_of).collect::<Vec<_>>(), [vec![1; 10], vec![2; 3000], vec![3; 1]]);
    for packet in &got {
        let Incoming::Packet { credentials: Some(sender), fds, .. } = packet else { panic!() };
        assert_eq!(sender.pid as u32, std::process::id());
        assert_eq!(sender.uid, rustix::process::getuid().as_raw());
        assert!(fds.is_empty());
    }
    assert_eq!(server.peer().map(|peer| peer.pid as u32), Some(std::process::id()));
}

#[test]
fn descriptors_arrive_with_their_packet_and_nothing_is_read_beyond_it() {
    let Pair { mut client, mut server } = pair(TransportKind::Socket);
    let mut file = rustix::fs::memfd_create("x", rustix::fs::MemfdFlags::empty()).map(File::from).unwrap();
    file.write_all(b"hello").unwrap();
    client.send_packet(vec![1; 10]);
    client.send_packet_with_fds(vec![2; 100_000], vec![file.into()]);
    client.send_packet(vec![3; 10]);
    let mut got = Vec::new();
    while client.queued_bytes() > 0 || got.len() < 3 {
        client.flush().unwrap();
        let before = got.len();
        server.receive(&mut got).unwrap();
        let handed_over = got[before..]
            .iter()
            .position(|packet| matches!(packet, Incoming::Packet { fds, .. } if !fds.is_empty()));
        assert!(handed_over.is_none_or(|at| before + at + 1 == got.len()));
    }
    let counts: Vec<usize> = got
        .iter()
        .map(|packet| match packet {
            Incoming::Packet { fds, .. } => fds.len(),
            Incoming::Block { .. } => panic!(),
        })
        .collect();
    assert_eq!(counts, [0, 1, 0]);
    let Incoming::Packet { fds, data, .. } = got.swap_remove(1) else { panic!() };
    assert_eq!(data, vec![2; 100_000]);
    let fd: OwnedFd = fds.into_iter().next().unwrap();
    assert!(rustix::io::fcntl_getfd(&fd).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
    let (mut file, mut text) = (File::from(fd), String::new());
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello");
}

#[test]
fn blocks_arrive_on_each_transport_in_both_directions() {
    for kind in KINDS {
        let Pair { mut client, mut server } = registered(kind);
        for turn in 0..200usize {
            for swapped in [false, true] {
                let (from, to) =
                    if swapped { (&mut server, &mut client) } else { (&mut client, &mut server) };
                let data = samples(1000 + turn);
                let block = filled(from, &data);
                from.send_block_at(9, -5, SeekMode::RelativeEnd, block, data.len());
                from.flush().unwrap();
                let got = receive(to).unwrap();
                let [Incoming::Block { channel: 9, offset: -5, seek, .. }] = &got[..] else { panic!() };
                assert_eq!(*seek, SeekMode::RelativeEnd);
                assert_eq!(bytes_of(&got[0]), data);
                drop(got);
                // Tells the sender that the block is free.
                to.flush().unwrap();
                assert!(receive(from).unwrap().is_empty());
            }
        }
        let LinkCounters { bytes_referenced, bytes_copied, memory_mapped, sealed, .. } = server.counters();
        let each: u64 = (0..200).map(|turn| 1000 + turn).sum();
        let (referenced, copied) = match kind {
            TransportKind::Socket => (0, 2 * each),
            // What the peer sends by reference is copied on arrival.
            TransportKind::PosixShm => (each, each),
            TransportKind::Memfd => (2 * each, 0),
        };
        assert_eq!((bytes_referenced, bytes_copied), (referenced, copied), "{kind:?}");
        assert_eq!(sealed, kind == TransportKind::Memfd);
        assert_eq!(memory_mapped > 0, kind == TransportKind::Memfd);
        for counters in [client.counters(), server.counters()] {
            let LinkCounters { blocks_used, blocks_lent, blocks_borrowed, .. } = counters;
            assert_eq!((blocks_used, blocks_lent, blocks_borrowed), (0, 0, 0), "{kind:?}");
        }
    }
}

#[test]
fn blocks_go_inline_when_the_pool_is_used_up_and_by_reference_again_afterwards() {
    let Pair { mut client, mut server } = registered(TransportKind::Memfd);
    let mut held = Vec::new();
    for turn in 0..40u8 {
        let block = filled(&mut client, &[turn; 500]);
        client.send_block(1, block, 500);
        client.flush().unwrap();
        server.receive(&mut held).unwrap();
    }
    for (turn, block) in held.iter().enumerate() {
        assert_eq!(bytes_of(block), [turn as u8; 500]);
    }
    assert_eq!(client.counters().bytes_copied, 8 * 500);
    assert_eq!(client.counters().bytes_referenced, 32 * 500);
    drop(held);
    server.flush().unwrap();
    receive(&mut client).unwrap();
    let block = filled(&mut client, &[1; 500]);
    client.send_block(1, block, 500);
    assert_eq!(client.counters().bytes_referenced, 33 * 500);
}

#[test]
fn a_block_is_not_used_again_before_its_last_chunk_is_gone() {
    let Pair { mut client, mut server } = registered(TransportKind::Memfd);
    let block = filled(&mut client, b"first");
    let place = block.offset();
    client.send_block(1, block, 5);
    client.flush().unwrap();
    let got = receive(&mut server).unwrap();
    let Incoming::Block { payload: Payload::Chunk(chunk), .. } = &got[0] else { panic!() };
    let part = chunk.slice(1, 3).unwrap();
    drop(got);
    server.flush().unwrap();
    receive(&mut client).unwrap();
    assert_ne!(client.take_record_block(5).offset(), place);
    let mut out = [0; 3];
    part.read_at(0, &mut out).unwrap();
    assert_eq!(&out, b"irs");
    // The last one may go on another thread; flush tells the peer.
    std::thread::spawn(move || drop(part)).join().unwrap();
    server.flush().unwrap();
    receive(&mut client).unwrap();
    assert_eq!(client.take_record_block(5).offset(), place);
}

#[test]
fn a_long_queue_passes_a_full_socket_in_parts() {
    let Pair { mut client, mut server } = pair(TransportKind::Socket);
    let data = samples(3_000_000);
    let mut block = Block::private(data.len());
    block.write_at(0, &data).unwrap();
    client.send_block(4, block, data.len());
    client.send_packet(vec![7]);
    assert!(client.flush().unwrap(), "the socket does not take it all");
    let mut got = Vec::new();
    while got.len() < 2 {
        server.receive(&mut got).unwrap();
        client.flush().unwrap();
    }
    assert_eq!(bytes_of(&got[0]), data);
    assert_eq!(bytes_of(&got[1]), [7]);
}

#[test]
fn the_end_of_the_stream_is_told_from_an_end_within_a_frame() {
    let Pair { mut client, mut server } = pair(TransportKind::Socket);
    client.send_packet(vec![1, 2]);
    client.flush().unwrap();
    drop(client);
    let mut out = Vec::new();
    let error = server.receive(&mut out).and_then(|()| server.receive(&mut out)).unwrap_err();
    assert!(matches!(error, LinkError::Closed));
    assert_eq!(out.len(), 1);

    let (mut peer, mut server) = common::raw(TransportKind::Socket);
    peer.write_all(&[0, 0, 0, 8]).unwrap();
    drop(peer);
    let error = server.receive(&mut out).and_then(|()| server.receive(&mut out)).unwrap_err();
    assert!(matches!(error, LinkError::ClosedInFrame { missing: 16 }));
    server.send_packet(vec![1]);
    assert!(matches!(server.flush(), Err(LinkError::Closed)));
}

#[test]
fn a_ring_carries_on_where_the_socket_stopped() {
    for kind in [TransportKind::Memfd, TransportKind::PosixShm] {
        let mut pair = registered(kind);
        let before = filled(&mut pair.client, b"before");
        pair.client.send_block(1, before, 6);
        pair.client.flush().unwrap();
        assert_eq!(bytes_of(&receive(&mut pair.server).unwrap()[0]), b"before");

        let Pair { mut client, mut server } = with_ring(kind);
        for turn in 0..3000u32 {
            let data = turn.to_ne_bytes();
            let block = filled(&mut client, &data);
            client.send_block(1, block, 4);
            client.send_packet(turn.to_be_bytes().to_vec());
            server.send_packet(vec![turn as u8; 50]);
            let from_server = filled(&mut server, &data);
            server.send_block(2, from_server, 4);
            assert!(!client.flush().unwrap() && !server.flush().unwrap());
            let got = look(&mut server);
            let texts: Vec<Vec<u8>> = got.iter().map(bytes_of).collect();
            assert_eq!(texts, [data.to_vec(), turn.to_be_bytes().to_vec()]);
            let got = look(&mut client);
            let texts: Vec<Vec<u8>> = got.iter().map(bytes_of).collect();
            assert_eq!(texts, [vec![turn as u8; 50], data.to_vec()]);
        }
        assert!(receive(&mut server).unwrap().is_empty(), "nothing went over the socket");
    }
}

#[test]
fn what_was_sent_over_the_socket_before_the_switch_comes_first() {
    let Pair { mut client, mut server } = with_ring(TransportKind::Memfd);
    // Packets with descriptors still take the socket: as if they had been sent before the switch.
    client.send_packet_with_credentials(vec![1]);
    client.send_packet(vec![2]);
    client.flush().unwrap();
    let got = look(&mut server);
    assert_eq!(got.iter().map(bytes_of).collect::<Vec<_>>(), [[1], [2]]);
}

#[test]
fn nobody_is_woken_who_does_not_wait() {
    let Pair { mut client, mut server } = with_ring(TransportKind::Memfd);
    client.send_packet(vec![1]);
    client.flush().unwrap();
    assert!(!is_readable(server.ring_fd().unwrap()));
    assert!(server.prepare_to_sleep(), "there is something to do");
    assert_eq!(look(&mut server).len(), 1);
    assert!(!server.prepare_to_sleep());
    client.send_packet(vec![2]);
    client.flush().unwrap();
    assert!(is_readable(server.ring_fd().unwrap()));
    let mut out = Vec::new();
    assert!(!server.receive_ring(&mut out).unwrap());
    assert_eq!(out.len(), 1);
    assert!(!is_readable(server.ring_fd().unwrap()));
}

#[test]
fn what_does_not_fit_in_the_ring_waits_for_the_reader() {
    let Pair { mut client, mut server } = with_ring(TransportKind::Memfd);
    let data = samples(500_000);
    server.send_packet(data.clone());
    assert!(!server.flush().unwrap(), "the socket has nothing to do with it");
    assert!(server.queued_bytes() > 400_000);
    let mut got = Vec::new();
    while got.is_empty() {
        assert!(!server.prepare_to_sleep());
        client.look_into_ring(&mut got).unwrap();
        if server.queued_bytes() > 0 {
            assert!(is_readable(server.ring_fd().unwrap()), "room in a full ring wakes the writer");
            server.receive_ring(&mut Vec::new()).unwrap();
            server.flush().unwrap();
        }
    }
    assert_eq!(bytes_of(&got[0]), data);
}

#[test]
fn a_ring_is_offered_once_and_only_with_shared_memory() {
    let mut without = pair(TransportKind::Socket);
    assert!(matches!(without.server.offer_ring(), Err(LinkError::NotShared)));
    assert!(matches!(without.server.switch_to_ring(), Err(LinkError::RingState)));
    assert!(matches!(without.server.send_ring_block(), Err(LinkError::RingState)));
    let mut unregistered = pair(TransportKind::Memfd);
    assert!(matches!(unregistered.server.offer_ring(), Err(LinkError::NotShared)));
    let mut with = with_ring(TransportKind::Memfd);
    assert!(matches!(with.server.offer_ring(), Err(LinkError::RingState)));
    assert!(matches!(with.server.switch_to_ring(), Err(LinkError::RingState)));
}

#[test]
fn a_long_packet_with_descriptors_takes_the_socket_as_a_whole() {
    let Pair { mut client, mut server } = with_ring(TransportKind::Memfd);
    let (end, _other) = rustix::pipe::pipe().unwrap();
    let data = samples(400_000);
    client.send_packet_with_fds(data.clone(), vec![end]);
    client.send_packet(vec![2; 10]);
    assert!(client.flush().unwrap(), "the socket is full");
    assert!(!client.prepare_to_sleep(), "there is room in the ring, but nothing waits for it");
    let mut got = Vec::new();
    while got.len() < 2 {
        server.receive(&mut got).unwrap();
        client.flush().unwrap();
        server.look_into_ring(&mut got).unwrap();
    }
    assert_eq!(got.iter().map(bytes_of).collect::<Vec<_>>(), [data, vec![2; 10]]);
    assert!(matches!(&got[0], Incoming::Packet { fds, .. } if fds.len() == 1));
}

#[test]
fn what_a_peer_left_in_the_ring_is_not_lost_when_it_goes() {
    let Pair { mut client, mut server } = with_ring(TransportKind::Memfd);
    client.send_packet(vec![1; 10]);
    client.flush().unwrap();
    drop(client);
    let mut got = Vec::new();
    assert!(matches!(server.receive(&mut got), Err(LinkError::Closed)));
    assert_eq!(got.iter().map(bytes_of).collect::<Vec<_>>(), [[1; 10]]);
}
