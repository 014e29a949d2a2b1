//! Servers that break the rules. Whatever one sends, a client's connection fails or goes on: nothing panics or hangs,
//! and no file descriptor and no thread is left behind.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fake;
mod program;

use fake::{Fake, Script};
use program::exercise;
use proptest::prelude::*;
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::pipe::pipe;
use sealpulse_protocol::command::{
    AuthReply, EnableSrbchannel, Extension, LookupReply, Overflow, PlaybackStreamKilled, PlaybackStreamMoved,
    RegisterMemfdShmid, Request, Started, SubscribeEvent, Underflow,
};
use sealpulse_protocol::frame::{BlockReference, Descriptor, SeekMode, flags};
use sealpulse_protocol::{
    CommandCode, ErrorCode, NO_TAG, SubscriptionEvent, VERSION, VersionWord, encode_command, encode_error,
    encode_reply,
};
use std::fs::File;
use std::os::fd::OwnedFd;

/// A client meets each of these servers. They run one after the other: descriptors and threads are counted.
fn meet(name: &str, script: impl Fn(&mut Fake) + Send + Sync + 'static) {
    program::leaves_nothing(name, || exercise(Script::new(script)));
}

fn frame(packet: &[u8]) -> Vec<u8> {
    [&Descriptor::packet(packet.len() as u32).encode()[..], packet].concat()
}

#[test]
fn a_server_that_behaves_is_served() {
    program::leaves_nothing("well-behaved", || {
        let outcome = exercise(Script::new(|server| server.serve()));
        assert!(outcome.connected && outcome.played && outcome.recorded, "{outcome:?}");
    });
}

#[test]
fn broken_frames() {
    meet("closes at once", |_| {});
    meet("says nothing", |server| server.listen());
    for bytes in [
        Descriptor::packet(0).encode().to_vec(),
        Descriptor::packet(u32::MAX).encode().to_vec(),
        Descriptor { length: 4, channel: u32::MAX, offset: 0, flags: 0x100 }.encode().to_vec(),
        Descriptor { length: 16, channel: 1, offset: 0, flags: flags::SHM_DATA }.encode().to_vec(),
        Descriptor { length: 15, channel: 1, offset: 0, flags: flags::SHM_DATA | flags::MEMFD_BLOCK }
            .encode()
            .to_vec(),
        frame(b"no tagstruct"),
        frame(&[b'L', 0, 0]),
        frame(&[b'L', 0, 0, 0, 2, b'L', 0, 0, 0, 0, b'L']),
        vec![0; 4096],
        vec![0xff; 4096],
        Descriptor::packet(16 << 20).encode().to_vec(),
    ] {
        let other = bytes.clone();
        meet("broken before AUTH", move |server| {
            server.raw(&bytes);
            server.listen();
        });
        meet("broken after AUTH", move |server| {
            server.greet();
            server.raw(&other);
            server.serve();
        });
    }
}

#[test]
fn half_answers() {
    for keep in [1, 19, 20, 25, 60] {
        meet("half an answer", move |server| {
            server.greet();
            let Some((tag, _)) = server.command() else { return };
            let answer = frame(&encode_reply(tag, &LookupReply { index: 1 }, VERSION));
            server.raw(&answer[..keep.min(answer.len() - 1)]);
        });
    }
    meet("half of what a frame says, for ever", |server| {
        server.greet();
        server.raw(&Descriptor::packet(1000).encode());
        server.raw(&[0; 500]);
        server.listen();
    });
}

#[test]
fn wrong_answers() {
    meet("a version that is too old", |server| {
        let Some((tag, _)) = server.command() else { return };
        let version = VersionWord { version: 7, shm: true, memfd: true };
        server.reply(tag, &AuthReply { version });
        server.serve();
    });
    meet("a version from far away", |server| {
        let Some((tag, _)) = server.command() else { return };
        let version = VersionWord { version: u32::MAX, shm: true, memfd: true };
        server.reply(tag, &AuthReply { version });
        server.serve();
    });
    for code in [0, 1, 22, 24, u32::MAX] {
        meet("an error to everything", move |server| {
            while let Some((tag, _)) = server.command() {
                server.packet(encode_error(tag, ErrorCode::from_wire(code)));
            }
        });
        meet("an error to everything after the greeting", move |server| {
            server.greet();
            while let Some((tag, _)) = server.command() {
                server.packet(encode_error(tag, ErrorCode::from_wire(code)));
            }
        });
    }
    meet("answers of the wrong type", |server| {
        server.greet();
        while let Some((tag, _)) = server.command() {
            server.reply(tag, &LookupReply { index: 5 });
        }
    });
    meet("empty answers", |server| {
        server.greet();
        while let Some((tag, _)) = server.command() {
            server.packet([&[b'L', 0, 0, 0, 2, b'L'][..], &tag.to_be_bytes()].concat());
        }
    });
    meet("wrong tags", |server| {
        server.greet();
        while let Some((tag, _)) = server.command() {
            for wrong in [tag.wrapping_add(1), tag.wrapping_sub(1), NO_TAG, 0] {
                server.reply(wrong, &LookupReply { index: 5 });
                server.packet(encode_error(wrong, ErrorCode::NoEntity));
            }
        }
    });
    meet("every answer twice", |server| {
        server.twice = true;
        server.greet();
        server.serve();
    });
    meet("commands that only a client sends", |server| {
        server.greet();
        server.packet(encode_command(1, &sealpulse_protocol::command::GetServerInfo {}, VERSION));
        server.serve();
    });
    meet("obsolete and unknown commands", |server| {
        server.greet();
        for code in [0, 1, 2, 3, 60, 61, 62, 108, 109, 1000, u32::MAX] {
            server.packet([&[b'L'][..], &u32::to_be_bytes(code), &[b'L', 0, 0, 0, 9]].concat());
        }
        server.serve();
    });
}

#[test]
fn news_of_what_is_not_there() {
    meet("streams that nobody made", |server| {
        server.greet();
        for channel in [0, 1, 7, u32::MAX - 1, u32::MAX] {
            server.tell(&Request { channel, bytes: u32::MAX });
            server.tell(&Overflow { channel });
            server.tell(&Underflow { channel, offset: i64::MIN });
            server.tell(&Started { channel });
            server.tell(&PlaybackStreamKilled { channel });
            server.tell(&PlaybackStreamMoved { channel, sink_index: 3, ..Default::default() });
        }
        server.serve();
    });
    meet("events of every kind", |server| {
        server.greet();
        for word in [0, 0xff, u32::MAX, 0x10, 0x20, 0x30, 9, 8] {
            server.tell(&SubscribeEvent { event: SubscriptionEvent(word), index: Some(word) });
        }
        server.tell(&Extension { name: Some("module-nothing".into()), ..Default::default() });
        server.serve();
    });
    meet("wild numbers for a stream", |server| {
        server.greet();
        server.missing = u32::MAX;
        server.on_stream = Some(|server, channel| {
            for bytes in [u32::MAX, 0, 1, 0x8000_0000] {
                server.tell(&Request { channel, bytes });
            }
            server.tell(&Underflow { channel, offset: i64::MAX });
            let wild = PlaybackStreamMoved {
                channel,
                sink_index: u32::MAX,
                maxlength: 0,
                tlength: u32::MAX,
                prebuf: u32::MAX,
                minreq: 0,
                ..Default::default()
            };
            server.tell(&wild);
            server.tell(&PlaybackStreamKilled { channel });
            server.tell(&PlaybackStreamKilled { channel });
            server.tell(&Request { channel, bytes: 8 });
        });
        server.serve();
    });
}

/// Server numbers that stand for memory.
fn reference(block_id: u32, shm_id: u32, offset: u32, length: u32) -> BlockReference {
    BlockReference { block_id, shm_id, offset, length }
}

#[test]
fn forged_blocks() {
    for memfd in [true, false] {
        for block in [
            reference(0, 0, 0, 0),
            reference(0, 0, 0, 4096),
            reference(1, u32::MAX, u32::MAX, u32::MAX),
            reference(u32::MAX, 1, 0x7fff_ffff, 0x7fff_ffff),
        ] {
            meet("references to nothing", move |server| {
                server.greet_with(true);
                server.on_stream = Some(|_, _| {});
                let mut bytes = Vec::new();
                for channel in [0, 1, 2, 99] {
                    let seek = SeekMode::Relative;
                    let head = Descriptor::reference(channel, i64::MAX, seek, memfd, false);
                    bytes.extend([&head.encode()[..], &block.encode()].concat());
                    let head = Descriptor::reference(channel, -5, SeekMode::Absolute, memfd, channel == 2);
                    bytes.extend([&head.encode()[..], &block.encode()].concat());
                }
                server.raw(&bytes);
                server.serve();
            });
        }
    }
    meet("blocks out of its memory", |server| {
        server.greet_with(true);
        let Some(shm_id) = server.register_pool() else { return };
        server.block_for_streams = Some(shm_id);
        server.serve();
    });
    meet("releases and revocations of anything", |server| {
        server.greet_with(true);
        for id in [0, 1, 127, 128, 0xdead_beef, u32::MAX] {
            server.raw(&Descriptor::release(id).encode());
            server.raw(&Descriptor::revoke(id).encode());
        }
        server.serve();
    });
    meet("references before they were agreed on", |server| {
        server.greet();
        server.raw(&Descriptor::reference(0, 0, SeekMode::Relative, true, false).encode());
        server.serve();
    });
}

type MakeDescriptor = fn() -> OwnedFd;

/// Descriptors that are no memory, or not such as one can trust.
fn descriptors() -> Vec<(&'static str, MakeDescriptor)> {
    vec![
        ("the end of a pipe", || pipe().unwrap().0),
        ("the other end of a pipe", || pipe().unwrap().1),
        ("/dev/null", || File::open("/dev/null").unwrap().into()),
        ("/dev/zero", || File::open("/dev/zero").unwrap().into()),
        ("a directory", || File::open("/").unwrap().into()),
        ("a file that cannot be sealed", || tempfile::tempfile().unwrap().into()),
        ("an empty memfd", || memfd_create("empty", MemfdFlags::ALLOW_SEALING).unwrap()),
        ("a memfd that cannot be sealed", || sized(MemfdFlags::empty(), 1 << 20)),
        ("a huge memfd", || sized(MemfdFlags::ALLOW_SEALING, 1 << 42)),
        ("a memfd of an odd size", || sized(MemfdFlags::ALLOW_SEALING, 12_345)),
        ("an eventfd", || rustix::event::eventfd(0, rustix::event::EventfdFlags::empty()).unwrap()),
    ]
}

fn sized(flags: MemfdFlags, size: u64) -> OwnedFd {
    let memfd = memfd_create("sized", flags).unwrap();
    ftruncate(&memfd, size).unwrap();
    memfd
}

#[test]
fn descriptors_of_the_wrong_kind() {
    for (name, make) in descriptors() {
        meet(name, move |server| {
            server.greet_with(true);
            let packet = encode_command(NO_TAG, &RegisterMemfdShmid { shm_id: 5 }, VERSION);
            server.packet_with_fds(packet, vec![make()]);
            server.block_for_streams = Some(5);
            server.serve();
        });
        meet(name, move |server| {
            server.greet_with(true);
            server.register_pool();
            let packet = encode_command(0x8000_0001, &EnableSrbchannel {}, VERSION);
            server.packet_with_fds(packet, vec![make(), make()]);
            server.raw_ring_block(5);
            server.serve();
        });
        meet("a descriptor that nobody wants", move |server| {
            server.greet_with(true);
            for _ in 0..20 {
                let packet = encode_command(NO_TAG, &Started { channel: 0 }, VERSION);
                server.packet_with_fds(packet, vec![make(), make()]);
            }
            server.serve();
        });
    }
    meet("no descriptor where one belongs", |server| {
        server.greet_with(true);
        server.tell(&RegisterMemfdShmid { shm_id: 5 });
        server.serve();
    });
    meet("one descriptor for a ring", |server| {
        server.greet_with(true);
        let packet = encode_command(0x8000_0001, &EnableSrbchannel {}, VERSION);
        server.packet_with_fds(packet, vec![pipe().unwrap().0]);
        server.serve();
    });
}

#[test]
fn wild_rings() {
    for word in [0, 1, u32::MAX, 0x7fff_ffff, 0x8000_0000, 64 * 1024, 65_537] {
        for place in 0..9 {
            meet("a ring with a wild word", move |server| {
                server.greet_with(true);
                server.wild = Some((place, word));
                server.offer_ring();
                server.serve();
            });
        }
    }
    meet("a ring whose words change all the time", |server| {
        server.greet_with(true);
        server.offer_ring();
        server.scribble();
        server.serve();
    });
    meet("a ring offered twice", |server| {
        server.greet_with(true);
        server.offer_ring();
        let packet = encode_command(0x8000_0002, &EnableSrbchannel {}, VERSION);
        server.packet_with_fds(packet, vec![pipe().unwrap().0, pipe().unwrap().1]);
        server.serve();
    });
    meet("a ring that is offered and never comes", |server| {
        server.greet_with(true);
        let packet = encode_command(0x8000_0001, &EnableSrbchannel {}, VERSION);
        server.packet_with_fds(packet, vec![pipe().unwrap().0, pipe().unwrap().1]);
        server.serve();
    });
}

#[test]
fn a_connection_that_is_gone_costs_nothing() {
    program::leaves_nothing("keeps the ring's descriptors", || {
        let script = Script::new(|server| {
            server.greet_with(true);
            server.offer_ring();
            server.serve();
            // The client has gone; the other ends of what it waited on are still here.
            server.wake_ring();
            server.hold();
        });
        program::is_idle_after_a_connection(script);
    });
}

#[test]
fn who_asks_for_ever_and_never_reads_gets_no_more_than_there_is_room_for() {
    program::leaves_nothing("asks for ever", || {
        program::is_bounded(Script::new(|server| {
            server.greet();
            server.missing = u32::MAX;
            server.on_stream = Some(|server, channel| {
                for _ in 0..1000 {
                    server.tell(&Request { channel, bytes: u32::MAX });
                }
                server.hold();
            });
            server.serve();
        }));
    });
}

#[test]
fn who_lets_nobody_in_keeps_nobody_waiting() {
    program::leaves_nothing("does not accept", program::is_not_let_in);
}

/// Something that a server could send.
#[derive(Clone, Debug)]
enum Piece {
    Bytes(Vec<u8>),
    Packet { code: u32, tag: u32, content: Vec<u8> },
    Frame(Descriptor, Vec<u8>),
}

fn piece() -> impl Strategy<Value = Piece> {
    let bytes = prop::collection::vec(any::<u8>(), 0..100);
    let word = prop_oneof![0u32..4, Just(u32::MAX), any::<u32>()];
    let content = prop::collection::vec(
        prop_oneof![
            word.clone().prop_map(|word| [&b"L"[..], &word.to_be_bytes()].concat()),
            Just(b"thello\0".to_vec()),
            Just(b"N".to_vec()),
            Just(b"1".to_vec()),
            any::<u8>().prop_map(|byte| vec![byte]),
        ],
        0..12,
    );
    let codes = prop_oneof![Just(CommandCode::Reply.to_wire()), Just(0), 50u32..110, any::<u32>()];
    let packets = (codes, prop_oneof![0u32..12, any::<u32>()], content)
        .prop_map(|(code, tag, content)| Piece::Packet { code, tag, content: content.concat() });
    let lengths = prop_oneof![Just(16u32), 0u32..200, any::<u32>()];
    let flags = prop_oneof![
        0u32..5,
        Just(flags::SHM_DATA),
        Just(flags::SHM_DATA | flags::MEMFD_BLOCK),
        Just(flags::SHM_DATA | flags::MEMFD_BLOCK | flags::SHM_WRITABLE),
        Just(flags::SHM_RELEASE),
        Just(flags::SHM_REVOKE),
        any::<u32>()
    ];
    let frames = (lengths, word, any::<i64>(), flags, bytes.clone()).prop_map(
        |(length, channel, offset, flags, bytes)| {
            Piece::Frame(Descriptor { length, channel, offset, flags }, bytes)
        },
    );
    prop_oneof![1 => bytes.prop_map(Piece::Bytes), 4 => packets, 3 => frames]
}

impl Piece {
    fn encode(&self) -> Vec<u8> {
        match self {
            Piece::Bytes(bytes) => bytes.clone(),
            Piece::Packet { code, tag, content } => {
                let (code, tag) = (code.to_be_bytes(), tag.to_be_bytes());
                frame(&[b"L", &code[..], b"L", &tag[..], content].concat())
            }
            Piece::Frame(head, bytes) => {
                let length = (head.length as usize).min(300);
                let body = bytes.iter().copied().chain(std::iter::repeat(7)).take(length);
                head.encode().into_iter().chain(body).collect()
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn anything_at_all(
        pieces in prop::collection::vec(piece(), 0..30),
        greeted in prop::sample::select(vec![None, Some(false), Some(true)]),
    ) {
        meet("anything", move |server| {
            match greeted {
                None => {}
                Some(memfd) => server.greet_with(memfd),
            }
            for piece in &pieces {
                server.raw(&piece.encode());
            }
            server.serve();
        });
    }
}
