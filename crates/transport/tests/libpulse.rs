//! Unmodified libpulse at the other end: a server of a few commands takes what `pacat` plays, on each transport.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::os::unix::net::UnixListener;
use std::process::{Command as Program, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sealpulse_protocol::command::{
    Ack, AuthReply, Command, CreatePlaybackStreamReply, EnableSrbchannel, RegisterMemfdShmid, Request,
    SetClientNameReply,
};
use sealpulse_protocol::{ErrorCode, Usec, VERSION, VersionWord, encode_command, encode_error, encode_reply};
use sealpulse_transport::{Incoming, Link, LinkConfig, LinkCounters, LinkError, Payload, TransportKind};

/// Tag of the commands that the server sends by itself.
const NO_TAG: u32 = u32::MAX;
const RING_TAG: u32 = 77;

struct Server {
    link: Link,
    kind: TransportKind,
    version: u32,
    played: Vec<u8>,
    ring: bool,
}

impl Server {
    fn handle(&mut self, incoming: Incoming) {
        let (data, fds) = match incoming {
            Incoming::Block { payload: Payload::Chunk(chunk), .. } => {
                let start = self.played.len();
                self.played.resize(start + chunk.len(), 0);
                chunk.read_at(0, &mut self.played[start..]).unwrap();
                let more = Request { channel: 0, bytes: chunk.len() as u32 };
                return self.link.send_packet(encode_command(NO_TAG, &more, self.version));
            }
            Incoming::Block { .. } => panic!("a block was lost"),
            Incoming::Packet { data, fds, .. } => (data, fds),
        };
        let (tag, command) = Command::decode(&data, self.version).unwrap();
        let version = self.version;
        match command {
            Command::Auth(auth) => {
                self.version = auth.version.version.min(VERSION);
                let shm = auth.version.shm;
                // libpulse says that it knows memfds also where it may not share memory.
                let memfd = shm && auth.version.memfd;
                assert_eq!(
                    (shm, memfd),
                    (self.kind != TransportKind::Socket, self.kind == TransportKind::Memfd)
                );
                let version = VersionWord { version: VERSION, shm, memfd };
                let reply = encode_reply(tag, &AuthReply { version }, self.version);
                self.link.send_packet_with_credentials(reply);
                self.link.enable(self.kind);
                self.offer();
            }
            Command::SetClientName(_) => {
                let reply = SetClientNameReply { client_index: Some(0) };
                self.link.send_packet(encode_reply(tag, &reply, version));
            }
            Command::RegisterMemfdShmid(RegisterMemfdShmid { shm_id }) => {
                self.link.register_memfd(shm_id, fds).unwrap();
            }
            Command::EnableSrbchannel(_) => {
                assert_eq!(tag, RING_TAG);
                self.link.switch_to_ring().unwrap();
                self.ring = true;
            }
            Command::CreatePlaybackStream(stream) => {
                let reply = CreatePlaybackStreamReply {
                    channel: 0,
                    sink_input_index: 0,
                    missing: 65_536,
                    maxlength: 1 << 20,
                    tlength: 65_536,
                    prebuf: 0,
                    minreq: 4096,
                    sample_spec: stream.sample_spec,
                    channel_map: stream.channel_map,
                    sink_index: Some(0),
                    sink_name: Some("sink".into()),
                    suspended: false,
                    sink_latency: Usec(0),
                    format: Default::default(),
                };
                self.link.send_packet(encode_reply(tag, &reply, version));
            }
            Command::DrainPlaybackStream(_) | Command::DeletePlaybackStream(_) => {
                self.link.send_packet(encode_reply(tag, &Ack {}, version));
            }
            _ => self.link.send_packet(encode_error(tag, ErrorCode::NotSupported)),
        }
    }

    fn offer(&mut self) {
        for (shm_id, fd) in self.link.pools_to_register().unwrap() {
            let packet = encode_command(NO_TAG, &RegisterMemfdShmid { shm_id }, self.version);
            self.link.send_packet_with_fds(packet, vec![fd]);
        }
        if self.kind != TransportKind::Socket {
            let offer = self.link.offer_ring().unwrap();
            let packet = encode_command(RING_TAG, &EnableSrbchannel {}, self.version);
            self.link.send_packet_with_fds(packet, offer.fds);
            self.link.send_ring_block().unwrap();
        }
    }

    /// Until the client goes.
    fn run(&mut self) {
        let mut incoming = Vec::new();
        loop {
            let pending = self.link.flush().unwrap();
            let (mut socket, mut ring) = (true, true);
            if !self.link.prepare_to_sleep() {
                let out = if pending { PollFlags::OUT } else { PollFlags::empty() };
                let mut fds = vec![PollFd::from_borrowed_fd(self.link.socket_fd(), PollFlags::IN | out)];
                fds.extend(self.link.ring_fd().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
                let limit = Timespec { tv_sec: 20, tv_nsec: 0 };
                assert!(poll(&mut fds, Some(&limit)).unwrap() > 0, "the client does not go on");
                socket = fds[0].revents().intersects(PollFlags::IN | PollFlags::HUP);
                ring = fds.get(1).is_some_and(|fd| !fd.revents().is_empty());
            }
            let mut ended = false;
            if ring {
                self.link.receive_ring(&mut incoming).unwrap();
            }
            if socket {
                match self.link.receive(&mut incoming) {
                    Ok(()) => {}
                    Err(LinkError::Closed) => ended = true,
                    Err(error) => panic!("{error}"),
                }
            }
            if ended {
                while self.link.look_into_ring(&mut incoming).is_ok_and(|more| more) {}
            }
            for incoming in incoming.drain(..) {
                self.handle(incoming);
            }
            if ended {
                return;
            }
        }
    }
}

fn plays(kind: TransportKind, settings: &str) -> Option<LinkCounters> {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("native");
    let listener = UnixListener::bind(&path).unwrap();
    let config = room.path().join("client.conf");
    std::fs::write(&config, format!("autospawn = no\n{settings}")).unwrap();
    let sound: Vec<u8> = (0..3_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut client = Program::new("pacat")
        .args(["--playback", "--raw", "--rate=48000", "--channels=2", "--format=s16le"])
        .env("PULSE_SERVER", format!("unix:{}", path.display()))
        .env("PULSE_CLIENTCONFIG", &config)
        .env("XDG_RUNTIME_DIR", room.path())
        .env("HOME", room.path())
        .stdin(Stdio::piped())
        .spawn()
        .inspect_err(|error| eprintln!("pacat: {error}; not tested"))
        .ok()?;
    let mut stdin = client.stdin.take().unwrap();
    let to_play = sound.clone();
    let writer = std::thread::spawn(move || stdin.write_all(&to_play));
    let (stream, _) = listener.accept().unwrap();
    let link = Link::new(stream.into(), &LinkConfig::default()).unwrap();
    let mut server = Server { link, kind, version: VERSION, played: Vec::new(), ring: false };
    server.run();
    writer.join().unwrap().unwrap();
    assert!(client.wait().unwrap().success());
    assert!(server.played == sound, "{} bytes came of {}", server.played.len(), sound.len());
    assert_eq!(server.ring, kind != TransportKind::Socket);
    let counters = server.link.counters();
    assert_eq!(counters.bytes_referenced + counters.bytes_copied, sound.len() as u64);
    Some(counters)
}

#[test]
fn libpulse_plays_through_a_sealed_memfd_and_a_ring() {
    let Some(counters) = plays(TransportKind::Memfd, "") else { return };
    assert_eq!(counters.bytes_copied, 0);
    assert!(counters.sealed);
}

#[test]
fn libpulse_plays_through_posix_memory_and_a_ring() {
    let Some(counters) = plays(TransportKind::PosixShm, "enable-memfd = no\n") else { return };
    assert_eq!(counters.bytes_referenced, 0);
    assert!(!counters.sealed);
}

#[test]
fn libpulse_plays_through_the_socket() {
    let Some(counters) = plays(TransportKind::Socket, "enable-shm = no\n") else { return };
    assert_eq!(counters.bytes_referenced, 0);
}
