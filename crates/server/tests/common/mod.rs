//! A server on a thread of its own, and a client that speaks the protocol over a plain socket.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "each test uses its part")]

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sealpulse_protocol::command::{
    Auth, CreatePlaybackStream, CreatePlaybackStreamReply, SetClientName, Stat,
};
use sealpulse_protocol::frame::{Descriptor, SeekMode};
use sealpulse_protocol::{
    Answered, COOKIE_LENGTH, Command, Cookie, ErrorCode, Packet, ServerPacket, VersionWord, decode_reply,
    decode_server_packet, encode_command,
};
use sealpulse_server::{Config, CookieSource, RunningServer, Server, SocketConfig};
use sealpulse_spec::{ChannelMap, ChannelVolumes, SampleFormat, SampleSpec};

/// Longer than anything takes; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server, and the directory that it lives in.
pub(crate) struct Fixture {
    pub(crate) server: Option<RunningServer>,
    pub(crate) directory: tempfile::TempDir,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// With another configuration than the usual one.
    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config {
            sockets: vec![SocketConfig::new(directory.path().join("native"))],
            cookie: CookieSource::Disabled,
            notify: false,
            handle_signals: false,
            ..Config::default()
        };
        change(&mut config);
        Self { server: Some(Server::spawn(config).unwrap()), directory }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("native")
    }

    /// A client of this version, authenticated and named.
    pub(crate) fn client(&self, version: u32) -> Client {
        let mut client = Client::connect(&self.socket());
        client.authenticate(version).unwrap();
        client
    }
}

/// One connection, without shared memory.
pub(crate) struct Client {
    stream: UnixStream,
    pub(crate) version: u32,
    next_tag: u32,
    /// What the server sent without having been asked, and has not been looked at.
    pub(crate) notices: VecDeque<Command>,
    /// Blocks of record streams: channel and bytes.
    pub(crate) blocks: VecDeque<(u32, Vec<u8>)>,
}

/// What came from the server.
enum Arrival {
    Reply { tag: u32, content: Vec<u8> },
    Error { tag: u32, code: ErrorCode },
    Notice,
    Block,
}

impl Client {
    pub(crate) fn connect(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { stream, version: 8, next_tag: 0, notices: VecDeque::new(), blocks: VecDeque::new() }
    }

    pub(crate) fn authenticate(&mut self, version: u32) -> Result<(), ErrorCode> {
        self.authenticate_with(version, [0; COOKIE_LENGTH])?;
        self.call(&SetClientName {
            name: Some("test".to_owned()),
            properties: [("application.name", "test")].into_iter().collect(),
        })?;
        Ok(())
    }

    pub(crate) fn authenticate_with(
        &mut self,
        version: u32,
        cookie: [u8; COOKIE_LENGTH],
    ) -> Result<VersionWord, ErrorCode> {
        let word = VersionWord { version, shm: false, memfd: false };
        let reply = self.call(&Auth { version: word, cookie: Cookie(cookie) })?;
        self.version = version;
        Ok(reply.version)
    }

    /// A number that no command, and nothing named by one before, has.
    pub(crate) fn next_tag(&self) -> u32 {
        self.next_tag
    }

    /// Sends bytes as they are.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        // The server may have hung up in the middle, which is what some tests want.
        let _ = self.stream.write_all(bytes);
    }

    pub(crate) fn send_packet(&mut self, packet: &[u8]) {
        let mut frame = Descriptor::packet(packet.len() as u32).encode().to_vec();
        frame.extend_from_slice(packet);
        self.send_raw(&frame);
    }

    pub(crate) fn send<C: Packet>(&mut self, command: &C) -> u32 {
        let tag = self.next_tag;
        self.next_tag += 1;
        self.send_packet(&encode_command(tag, command, self.version));
        tag
    }

    pub(crate) fn send_block(&mut self, channel: u32, bytes: &[u8]) {
        let mut frame =
            Descriptor::block(channel, 0, SeekMode::Relative, bytes.len() as u32).encode().to_vec();
        frame.extend_from_slice(bytes);
        self.send_raw(&frame);
    }

    /// Sends a command and waits for its answer.
    pub(crate) fn call<C: Answered>(&mut self, command: &C) -> Result<C::Reply, ErrorCode> {
        let tag = self.send(command);
        self.answer::<C>(tag)
    }

    /// Waits for the answer to a command that was sent.
    pub(crate) fn answer<C: Answered>(&mut self, tag: u32) -> Result<C::Reply, ErrorCode> {
        let content = self.content(tag)?;
        Ok(decode_reply(&content, self.version).unwrap())
    }

    /// Waits for the answer of whatever kind.
    pub(crate) fn content(&mut self, tag: u32) -> Result<Vec<u8>, ErrorCode> {
        loop {
            match self.receive().expect("the connection ended") {
                Arrival::Reply { tag: of, content } if of == tag => return Ok(content),
                Arrival::Error { tag: of, code } if of == tag => return Err(code),
                _ => {}
            }
        }
    }

    /// Waits until the server says something of its own that fits.
    pub(crate) fn wait_for<T>(&mut self, mut fits: impl FnMut(&Command) -> Option<T>) -> T {
        loop {
            while let Some(notice) = self.notices.pop_front() {
                if let Some(found) = fits(&notice) {
                    return found;
                }
            }
            self.receive().expect("the connection ended");
        }
    }

    /// Waits for recorded sound.
    pub(crate) fn wait_for_block(&mut self) -> (u32, Vec<u8>) {
        loop {
            if let Some(block) = self.blocks.pop_front() {
                return block;
            }
            self.receive().expect("the connection ended");
        }
    }

    /// Waits until the server hangs up.
    pub(crate) fn wait_for_end(&mut self) {
        while self.receive().is_some() {}
    }

    /// Whether the connection is still there and answers.
    pub(crate) fn is_alive(&mut self) -> bool {
        let tag = self.send(&Stat {});
        loop {
            match self.receive() {
                Some(Arrival::Reply { tag: of, .. } | Arrival::Error { tag: of, .. }) if of == tag => {
                    return true;
                }
                Some(_) => {}
                None => return false,
            }
        }
    }

    fn receive(&mut self) -> Option<Arrival> {
        let mut header = [0; Descriptor::SIZE];
        self.read_exact(&mut header)?;
        let descriptor = Descriptor::decode(&header);
        let mut payload = vec![0; descriptor.length as usize];
        self.read_exact(&mut payload)?;
        if descriptor.channel != u32::MAX {
            self.blocks.push_back((descriptor.channel, payload));
            return Some(Arrival::Block);
        }
        Some(match decode_server_packet(&payload, self.version).unwrap() {
            ServerPacket::Reply { tag, content } => Arrival::Reply { tag, content: content.to_vec() },
            ServerPacket::Error { tag, code } => Arrival::Error { tag, code },
            ServerPacket::Command { command, .. } => {
                self.notices.push_back(command);
                Arrival::Notice
            }
        })
    }

    fn read_exact(&mut self, bytes: &mut [u8]) -> Option<()> {
        match self.stream.read_exact(bytes) {
            Ok(()) => Some(()),
            Err(error) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => {
                None
            }
            Err(error) => panic!("no answer: {error}"),
        }
    }

    /// Makes a playback stream.
    pub(crate) fn play(
        &mut self,
        change: impl FnOnce(&mut CreatePlaybackStream),
    ) -> Result<CreatePlaybackStreamReply, ErrorCode> {
        let mut create = playback();
        change(&mut create);
        self.call(&create)
    }
}

/// Two channels of 16 bit at 44,100 Hz, as the null sink has.
pub(crate) fn spec() -> SampleSpec {
    SampleSpec { format: SampleFormat::S16Le, channels: 2, rate: 44_100 }
}

/// A playback stream of 100 ms.
pub(crate) fn playback() -> CreatePlaybackStream {
    CreatePlaybackStream {
        name: Some("song".to_owned()),
        sample_spec: Some(spec()),
        channel_map: ChannelMap::stereo(),
        maxlength: u32::MAX,
        tlength: spec().usec_to_bytes(100_000) as u32,
        prebuf: u32::MAX,
        minreq: u32::MAX,
        volume: ChannelVolumes::norm(2),
        adjust_latency: true,
        properties: [("media.name", "song")].into_iter().collect(),
        ..CreatePlaybackStream::default()
    }
}
