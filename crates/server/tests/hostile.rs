//! What a client does wrong ends that client, and nobody else.

mod common;

use common::{Client, Fixture};
use sealpulse_protocol::command::*;
use sealpulse_protocol::frame::{Descriptor, SeekMode};
use sealpulse_protocol::tagstruct::Writer;
use sealpulse_protocol::{CommandCode, ErrorCode, SubscriptionMask, encode_command};

/// A packet of this code with this behind its header.
fn packet(code: u32, content: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new(35);
    writer.u32(code);
    writer.u32(1);
    let mut bytes = writer.into_bytes();
    bytes.extend_from_slice(content);
    bytes
}

#[test]
fn what_cannot_be_read_ends_the_connection() {
    let fixture = Fixture::new();
    let mut bystander = fixture.client(35);
    let frame = |bytes: &[u8]| {
        let mut frame = Descriptor::packet(bytes.len() as u32).encode().to_vec();
        frame.extend_from_slice(bytes);
        frame
    };
    let descriptor = |length: u32, channel: u32, flags: u32| {
        Descriptor { length, channel, offset: 0, flags }.encode().to_vec()
    };
    let stat = CommandCode::Stat.to_wire();
    let hostile = [
        descriptor(0, u32::MAX, 0),
        descriptor(u32::MAX, u32::MAX, 0),
        descriptor(16, u32::MAX, 0x8000_0000),
        descriptor(4, 0, 0xff),
        descriptor(16, 0, 0x8000_0000),
        frame(b""),
        frame(b"L"),
        frame(b"garbage that is no tagstruct"),
        frame(&packet(stat, b"L\0\0\0\x01")),
        frame(&packet(9_999, b"")),
        frame(&packet(CommandCode::Request.to_wire(), b"L\0\0\0\0L\0\0\0\0")),
        frame(&packet(CommandCode::AddAutoload.to_wire(), b"")),
        frame(&packet(CommandCode::RemoveAutoload.to_wire(), b"N")),
        frame(&packet(CommandCode::GetAutoloadInfo.to_wire(), b"N")),
        frame(&packet(CommandCode::GetAutoloadInfoList.to_wire(), b"")),
        frame(&packet(CommandCode::GetSinkInfo.to_wire(), b"L\0\0")),
        frame(&packet(CommandCode::EnableSrbchannel.to_wire(), b"")),
        frame(&packet(CommandCode::RegisterMemfdShmid.to_wire(), b"L\0\0\0\x05")),
    ];
    for bytes in hostile {
        let mut client = fixture.client(35);
        client.send_raw(&bytes);
        client.wait_for_end();
        assert!(bystander.is_alive(), "{bytes:?}");
    }
    let clients = bystander.call(&GetClientInfoList {}).unwrap();
    assert_eq!(clients.len(), 1, "nothing is left of them");
}

#[test]
fn answers_that_nobody_asked_for_are_ignored() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    client.send_packet(&packet(CommandCode::Reply.to_wire(), b""));
    client.send_packet(&packet(CommandCode::Error.to_wire(), b"L\0\0\0\x05"));
    assert!(client.is_alive());
}

#[test]
fn text_that_is_not_utf8_is_an_invalid_argument() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    client.send_packet(&packet(CommandCode::LookupSink.to_wire(), b"t\xff\xfe\0"));
    assert_eq!(client.content(1).unwrap_err(), ErrorCode::Invalid);
    assert!(client.is_alive());
}

#[test]
fn blocks_for_no_stream_or_of_part_frames_are_dropped() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    client.send_block(4_711, &[1; 100]);
    let stream = client.play(|_| {}).unwrap();
    client.send_block(stream.channel, &[1; 7]);
    for (seek, offset) in
        [(SeekMode::Absolute, i64::MIN), (SeekMode::RelativeEnd, i64::MAX), (SeekMode::RelativeOnRead, -3)]
    {
        let mut frame = Descriptor::block(stream.channel, offset, seek, 4).encode().to_vec();
        frame.extend_from_slice(&[0; 4]);
        client.send_raw(&frame);
    }
    assert!(client.is_alive());
}

#[test]
fn who_never_reads_is_disconnected() {
    let fixture = Fixture::with(|config| config.limits.queued_bytes = 256 << 10);
    let mut bystander = fixture.client(35);
    let mut deaf = fixture.client(35);
    deaf.call(&Subscribe { mask: SubscriptionMask::ALL }).unwrap();
    let question = encode_command(7, &GetModuleInfoList {}, 35);
    let mut flood = Vec::new();
    for _ in 0..200 {
        flood.extend_from_slice(&Descriptor::packet(question.len() as u32).encode());
        flood.extend_from_slice(&question);
    }
    // Until the server hangs up; the write fails then.
    while bystander.call(&GetClientInfoList {}).unwrap().len() == 2 {
        deaf.send_raw(&flood);
    }
    assert!(bystander.is_alive());
}

#[test]
fn questions_beyond_the_limit_are_refused() {
    let fixture = Fixture::with(|config| config.limits.pending_queries = 2);
    let mut client = fixture.client(35);
    let stream = client.play(|create| create.corked = true).unwrap();
    let question =
        encode_command(0, &GetPlaybackLatency { channel: stream.channel, time: Default::default() }, 35);
    let mut frames = Vec::new();
    for tag in 100_u32..110 {
        let mut question = question.clone();
        question[6..10].copy_from_slice(&tag.to_be_bytes());
        frames.extend_from_slice(&Descriptor::packet(question.len() as u32).encode());
        frames.extend_from_slice(&question);
    }
    client.send_raw(&frames);
    // All ten come in one turn, before the sound thread can have answered.
    assert_eq!(client.content(109).unwrap_err(), ErrorCode::Busy);
    assert!(client.is_alive());
}

#[test]
fn a_client_that_vanishes_leaves_nothing() {
    let fixture = Fixture::new();
    let mut bystander = fixture.client(35);
    for _ in 0..20 {
        let mut client = fixture.client(35);
        client.play(|_| {}).unwrap();
        client.send(&GetSinkInputInfoList {});
        client.send_raw(&Descriptor::packet(100).encode()[..7]);
        drop(client);
    }
    while bystander.call(&GetClientInfoList {}).unwrap().len() > 1 {}
    assert!(bystander.call(&GetSinkInputInfoList {}).unwrap().is_empty());
    assert!(Client::connect(&fixture.socket()).authenticate(8).is_ok());
}
