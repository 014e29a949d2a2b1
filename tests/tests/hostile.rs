//! What a hostile peer sends ends its own connection and nothing else.

use sealpulse_tests::wire::{self, AUTH, CONTROL, GET_SERVER_INFO, Wire, frame, packet};
use sealpulse_tests::{Recorder, Server, Transport, process, samples, wait};
use std::fs::File;
use std::os::fd::AsFd;
use std::time::Duration;

const OUT: &str = "module-null-sink sink_name=out rate=48000";

/// Frames that end a connection, whether it has authenticated or not.
fn broken_frames() -> Vec<(&'static str, Vec<u8>)> {
    let junk = samples::noise("s16le", 2, 1_024, 99);
    let info = wire::command(GET_SERVER_INFO, 7, b"");
    vec![
        ("no length", frame(0, CONTROL, 0, 0, b"")),
        ("a block without length", frame(0, 0, 0, 0, b"")),
        ("4 GiB", frame(u32::MAX, CONTROL, 0, 0, b"")),
        ("16 MiB and a byte", frame((16 << 20) + 1, CONTROL, 0, 0, b"")),
        ("a control packet with flags", frame(10, CONTROL, 0, 1, &[0; 10])),
        ("a control packet with the highest flag", frame(16, CONTROL, 0, 0x8000_0000, &[0; 16])),
        ("seek mode 4", frame(4, 0, 0, 4, b"abcd")),
        ("seek mode 255", frame(4, 0, 0, 255, b"abcd")),
        ("unknown flags", frame(4, 0, 0, 0x0100_0000, b"abcd")),
        ("a packet that is no tagstruct", packet(b"nonsense")),
        ("a packet of one byte", packet(b"L")),
        ("a header with a wrong tag", packet(b"XXXXXXXXXX")),
        ("a string without end", wire::command(24, 3, b"Lxxxxtendless")),
        ("arguments missing", wire::command(3, 3, b"L")),
        ("bytes left over", wire::command(GET_SERVER_INFO, 3, b"left over")),
        ("junk", junk),
        ("a frame in a frame", frame(info.len() as u32, CONTROL, 0, 0, &info)),
    ]
}

/// Shared memory frames: forbidden without shared memory, and wrong with it.
fn broken_references() -> Vec<(&'static str, Vec<u8>)> {
    let reference = |id: u32, shm: u32, offset: u32, length: u32| -> Vec<u8> {
        [id, shm, offset, length].iter().flat_map(|word| word.to_be_bytes()).collect()
    };
    vec![
        ("a short reference", frame(15, 0, 0, 0x8000_0000, &[0; 15])),
        ("a long reference", frame(17, 0, 0, 0x8000_0000, &[0; 17])),
        ("only the memfd flag", frame(16, 0, 0, 0x2000_0000, &reference(1, 1, 0, 64))),
        ("a release with a payload", frame(4, CONTROL, 0, 0x4000_0000, b"abcd")),
        ("every flag", frame(16, 0, 0, 0xffff_ffff, &reference(1, 1, 0, 64))),
    ]
}

/// Plays and records while `attack` runs, and checks that it was not heard.
fn while_others_play(attack: impl FnOnce(&Server)) {
    let server = Server::start(&[OUT]);
    let client = server.client(Transport::Memfd);
    let recorder = Recorder::start(&client, "out.monitor", "s16le", 48_000, 2);
    let sound = samples::noise("s16le", 2, 3 * 48_000, 5);
    let file = client.path("sound");
    std::fs::write(&file, &sound).expect("the file can be written");
    let file = file.display().to_string();
    let mut player =
        client.start("pacat", &["--raw", "--rate=48000", "--format=s16le", "--channels=2", &file]);
    attack(&server);
    player.wait(wait::LIMIT).expect_success("the well-behaved client");
    let wanted = if server.is_sealpulse() { &sound } else { &sound[4 * 48_000..] };
    recorder.wait_for(wanted, 4, Duration::from_secs(15));
    client.pactl(&["info"]);
}

#[test]
fn broken_frames_end_one_connection() {
    while_others_play(|server| {
        for (what, bytes) in broken_frames() {
            let mut wire = Wire::connect(server.socket());
            let _ = wire.send(&bytes);
            wire.shut_down();
            assert!(wire.is_closed_within(wait::LIMIT), "{what}, before AUTH");
            let mut wire = Wire::authenticated(server.socket(), wire::version(false, false));
            let _ = wire.send(&bytes);
            // A frame that is too long, or incomplete, is known by its head or by the end of the stream.
            if !what.ends_with("end") {
                wire.shut_down();
            }
            assert!(wire.is_closed_within(wait::LIMIT), "{what}, after AUTH");
        }
        for (what, bytes) in broken_references() {
            for shared_memory in [false, true] {
                let mut wire =
                    Wire::authenticated(server.socket(), wire::version(shared_memory, shared_memory));
                let _ = wire.send(&bytes);
                wire.shut_down();
                assert!(wire.is_closed_within(wait::LIMIT), "{what}, shared memory: {shared_memory}");
            }
        }
    });
}

#[test]
fn broken_frames_are_known_without_waiting_for_the_rest() {
    let server = Server::start(&[OUT]);
    for (what, bytes) in broken_frames() {
        if what == "a string without end" || what == "junk" {
            continue;
        }
        let mut wire = Wire::authenticated(server.socket(), wire::version(false, false));
        let _ = wire.send(&bytes);
        assert!(wire.is_closed_within(wait::LIMIT), "{what}");
    }
}

#[test]
fn references_to_memory_that_is_not_there_harm_nobody() {
    // PulseAudio 16.1 aborts here.
    while_others_play(|server| {
        for (id, shm, offset, length) in
            [(1, 1, 0, 64), (0, 0, u32::MAX, u32::MAX), (u32::MAX, 7, 1 << 31, 1 << 31), (5, 5, 0, 0)]
        {
            for flags in [0x8000_0000, 0xa000_0000, 0xe000_0000_u32] {
                let mut wire = Wire::authenticated(server.socket(), wire::version(true, true));
                let reference: Vec<u8> =
                    [id, shm, offset, length].iter().flat_map(|word: &u32| word.to_be_bytes()).collect();
                let _ = wire.send(&frame(16, 0, 0, flags, &reference));
                let _ = wire.send(&frame(0, CONTROL, u64::from(id) << 32, 0x4000_0000, b""));
                let _ = wire.send(&frame(0, CONTROL, u64::from(id) << 32, 0xc000_0000, b""));
                let _ = wire.send(&wire::command(GET_SERVER_INFO, 9, b""));
                // Answered or closed, but not left waiting.
                let _ = wire.answer(9);
            }
        }
    });
}

#[test]
fn nothing_is_done_for_who_has_not_authenticated() {
    let server = Server::start(&[OUT]);
    for code in 3..105 {
        if code == AUTH {
            continue;
        }
        let mut wire = Wire::connect(server.socket());
        let _ = wire.send(&wire::command(code, 1, b""));
        wire.shut_down();
        match wire.receive() {
            Ok((answer, 1)) => assert_eq!(answer, wire::ERROR, "command {code}"),
            Ok(other) => panic!("command {code}: {other:?}"),
            Err(_) => {}
        }
    }
    server.client(Transport::Memfd).pactl(&["info"]);
}

#[test]
fn connections_that_say_nothing_keep_nobody_out() {
    let server = Server::start(&[OUT]);
    // PulseAudio accepts 64 in all.
    let count = if server.is_sealpulse() { 200 } else { 50 };
    let wires: Vec<Wire> = (0..count).map(|_| Wire::connect(server.socket())).collect();
    server.client(Transport::Memfd).pactl(&["info"]);
    drop(wires);
    server.client(Transport::Memfd).pactl(&["info"]);
}

#[test]
fn fds_that_nobody_asked_for_are_closed() {
    let server = Server::start(&[OUT]);
    let client = server.client(Transport::Memfd);
    client.pactl(&["info"]);
    let mut wire = Wire::authenticated(server.socket(), wire::version(true, true));
    let before = process::fd_targets(server.pid());
    let file = File::open("/dev/null").expect("/dev/null is there");
    let fds = vec![file.as_fd(); 16];
    for tag in 10..60 {
        if wire.send_with_fds(&wire::command(GET_SERVER_INFO, tag, b""), &fds).is_err()
            || wire.answer(tag).is_err()
        {
            // Ending the connection is an answer, too.
            break;
        }
    }
    client.pactl(&["info"]);
    let after = process::fd_targets(server.pid());
    if server.is_sealpulse() {
        assert!(after.len() <= before.len(), "before {before:?}, after {after:?}");
    }
}

#[test]
fn nothing_is_left_of_hostile_clients() {
    let server = Server::start(&[OUT]);
    let client = server.client(Transport::Memfd);
    client.pactl(&["info"]);
    let before = process::fd_targets(server.pid());
    let threads = process::voluntary_switches(server.pid()).len();
    for (what, bytes) in broken_frames().into_iter().chain(broken_references()) {
        let mut wire = Wire::authenticated(server.socket(), wire::version(true, true));
        let _ = wire.send(&bytes);
        wire.shut_down();
        assert!(wire.is_closed_within(wait::LIMIT), "{what}");
    }
    client.pactl(&["info"]);
    let after = process::fd_targets(server.pid());
    assert_eq!(before.len(), after.len(), "before {before:?}, after {after:?}");
    assert_eq!(threads, process::voluntary_switches(server.pid()).len());
}
