//! Steady playback and recording allocate nothing in a link, at either end. Any allocation in the steps between
//! ends the program.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use assert_no_alloc::assert_no_alloc;
use common::{Pair, registered, with_ring};
use sealpulse_protocol::command::{Command, Request};
use sealpulse_protocol::{NO_TAG, ServerPacket, VERSION, decode_server_packet, encode_command_into};
use sealpulse_transport::{Incoming, Link, Payload, TransportKind};

#[global_allocator]
static ALLOCATOR: assert_no_alloc::AllocDisabler = assert_no_alloc::AllocDisabler;

/// Turns until everything has the size that it keeps.
const WARM_UP: usize = 1_000;

const BLOCK: usize = 4096;

/// A pair of links, and what both ends need to take what comes.
struct Loop {
    pair: Pair,
    incoming: Vec<Incoming>,
    sample: [u8; 1],
}

impl Loop {
    fn new(pair: Pair) -> Loop {
        Loop { pair, incoming: Vec::with_capacity(16), sample: [0] }
    }

    /// The server asks for a block and records one; the client plays one, and the other is read.
    fn turn(&mut self, turn: usize) {
        let Loop { pair: Pair { client, server }, incoming, sample } = self;
        let request = Request { channel: 3, bytes: BLOCK as u32 };
        let buffer = server.packet_buffer();
        server.send_packet(encode_command_into(buffer, NO_TAG, &request, VERSION));
        send(server, turn);
        server.flush().unwrap();

        let (mut requests, mut blocks) = (0, 0);
        receive(client, incoming);
        for item in incoming.drain(..) {
            match item {
                Incoming::Packet { data, .. } => {
                    let decoded = decode_server_packet(&data, VERSION).unwrap();
                    let command = Command::Request(request.clone());
                    requests += usize::from(decoded == ServerPacket::Command { tag: NO_TAG, command });
                    client.reuse(data);
                }
                Incoming::Block { payload: Payload::Chunk(chunk), .. } => {
                    chunk.read_at(0, sample).unwrap();
                    blocks += usize::from(*sample == [turn as u8]);
                }
                Incoming::Block { .. } => {}
            }
        }
        assert!(requests == 1 && blocks == 1);
        send(client, turn);
        client.flush().unwrap();
        receive(server, incoming);
        assert!(incoming.len() == 1);
        // Played: the next flush tells the client.
        incoming.clear();
        server.flush().unwrap();
    }
}

fn send(link: &mut Link, turn: usize) {
    let mut block = link.take_record_block(BLOCK);
    block.write_at(0, &[turn as u8]).unwrap();
    link.send_block(3, block, BLOCK);
}

fn receive(link: &mut Link, incoming: &mut Vec<Incoming>) {
    link.receive(incoming).unwrap();
    while link.look_into_ring(incoming).unwrap() {}
}

fn check(pair: Pair) {
    let mut link = Loop::new(pair);
    for turn in 0..WARM_UP {
        link.turn(turn);
    }
    assert_no_alloc(|| {
        for turn in 0..WARM_UP {
            link.turn(turn);
        }
    });
    assert_eq!(link.pair.client.counters().bytes_copied, 0);
    assert_eq!(link.pair.server.counters().bytes_copied, 0);
}

#[test]
fn nothing_is_allocated_over_a_socket() {
    check(registered(TransportKind::Memfd));
}

#[test]
fn nothing_is_allocated_over_a_ring() {
    check(with_ring(TransportKind::Memfd));
}
