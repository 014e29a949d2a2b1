//! No number in a packet makes a reader allocate more than a small multiple of the packet itself. One test, in
//! a program of its own, because it counts what the whole program allocates.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::alloc::System;

use cap::Cap;
use sealpulse_protocol::command::*;
use sealpulse_protocol::tagstruct::Writer;
use sealpulse_protocol::*;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Bytes allocated, all told, for each byte of a packet. An empty string in a list is the worst: two bytes on
/// the wire, 24 in memory, and four times that since lists grow by doubling and what they had counts too.
const MULTIPLE: usize = 50;

/// Bytes allocated, all told, for any packet.
const BASE: usize = 1024;

fn read(packet: &[u8]) {
    let _ = Command::decode(packet, VERSION);
    let Ok(ServerPacket::Reply { content, .. }) = decode_server_packet(packet, VERSION) else { return };
    let _ = decode_reply::<Vec<SinkInfo>>(content, VERSION);
    let _ = decode_reply::<Vec<SourceInfo>>(content, VERSION);
    let _ = decode_reply::<Vec<CardInfo>>(content, VERSION);
    let _ = decode_reply::<Vec<ClientInfo>>(content, VERSION);
    let _ = decode_reply::<Vec<SampleInfo>>(content, VERSION);
    let _ = decode_reply::<CreatePlaybackStreamReply>(content, VERSION);
}

fn check(what: &str, packet: &[u8]) {
    let before = ALLOCATOR.total_allocated();
    read(packet);
    let allocated = ALLOCATOR.total_allocated() - before;
    let limit = MULTIPLE * packet.len() + BASE;
    assert!(allocated <= limit, "{what}: {allocated} bytes for a packet of {}", packet.len());
}

#[test]
fn numbers_of_a_peer_reserve_nothing() {
    // Every four bytes of every golden packet, made as large as they can be.
    for line in include_str!("golden.txt").lines().filter(|line| !line.starts_with('#')) {
        let (name, hex) = line.split_once(' ').unwrap();
        let packet: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        check(name, &packet);
        for place in 10..packet.len().saturating_sub(3) {
            for number in [u32::MAX, 0x7fff_ffff, 0x0001_0000] {
                let mut packet = packet.clone();
                packet[place..place + 4].copy_from_slice(&number.to_be_bytes());
                check(name, &packet);
            }
        }
    }

    // A card that claims four thousand million profiles, and has none; and ports, with as many profiles.
    let header = |writer: &mut Writer| {
        writer.u32(CommandCode::Reply.to_wire());
        writer.u32(0);
        writer.u32(0);
        writer.string(Some("card"));
        writer.u32(0);
        writer.string(None);
    };
    let mut writer = Writer::new(VERSION);
    header(&mut writer);
    writer.u32(u32::MAX);
    check("profiles", &writer.into_bytes());

    let mut writer = Writer::new(VERSION);
    header(&mut writer);
    writer.u32(0);
    writer.string(None);
    PropList::new().encode(&mut writer);
    writer.u32(u32::MAX);
    writer.string(Some("port"));
    writer.string(None);
    writer.u32(0);
    writer.u32(0);
    writer.u8(1);
    PropList::new().encode(&mut writer);
    writer.u32(u32::MAX);
    let mut crowded = writer.clone();
    check("port profiles", &writer.into_bytes());
    // The shortest entries that there are: two bytes each.
    for _ in 0..100_000 {
        crowded.string(Some(""));
    }
    check("empty names", &crowded.into_bytes());

    let names = vec![String::new(); 4096];
    let properties = RemoveClientProplist { names };
    check("names to remove", &encode_command(0, &properties, VERSION));
}
