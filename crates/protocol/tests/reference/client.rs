//! A client in a few lines: one command at a time.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use sealpulse_protocol::frame::{Descriptor, FrameKind, SeekMode};
use sealpulse_protocol::*;

/// No client takes as long, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection that speaks one version.
pub(crate) struct Client {
    stream: UnixStream,
    version: u32,
    since: Instant,
    tag: u32,
    last: CommandCode,
    events: VecDeque<Command>,
    blocks: Vec<u32>,
}

enum Answer {
    Reply(Vec<u8>),
    Error(ErrorCode),
}

impl Client {
    pub(crate) fn connect(socket: &Path, version: u32) -> Self {
        let stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            stream,
            version,
            since: Instant::now(),
            tag: 0,
            last: CommandCode::Timeout,
            events: VecDeque::new(),
            blocks: Vec::new(),
        }
    }

    pub(crate) fn version(&self) -> u32 {
        self.version
    }

    /// Sends a command that has to succeed.
    pub(crate) fn call<C: Answered>(&mut self, command: &C) -> C::Reply {
        let content = match self.answer(command) {
            Answer::Reply(content) => content,
            Answer::Error(code) => panic!("{} at version {}: {code}", C::CODE, self.version),
        };
        let reply = decode_reply::<C::Reply>(&content, self.version)
            .unwrap_or_else(|error| panic!("{} at version {}: {error}", C::CODE, self.version));
        let again = encode_reply(self.tag, &reply, self.version);
        assert_eq!(again.get(10..), Some(&content[..]), "{} at version {}", C::CODE, self.version);
        reply
    }

    /// Sends a command that has to fail, but not to end the connection.
    pub(crate) fn error<C: Answered>(&mut self, command: &C) -> ErrorCode {
        match self.answer(command) {
            Answer::Reply(_) => panic!("{} at version {} succeeded", C::CODE, self.version),
            Answer::Error(code) => code,
        }
    }

    /// Sends audio.
    pub(crate) fn send_block(&mut self, channel: u32, data: &[u8]) {
        let descriptor = Descriptor::block(channel, 0, SeekMode::Relative, data.len() as u32);
        self.send(descriptor, data);
    }

    /// Waits for an event, unless it has come already; the others are kept.
    pub(crate) fn wait(&mut self, wanted: impl Fn(&Command) -> bool) {
        loop {
            if let Some(place) = self.events.iter().position(&wanted) {
                self.events.remove(place);
                return;
            }
            assert!(self.receive().is_none(), "an answer that was not asked for");
        }
    }

    /// Waits for audio.
    pub(crate) fn wait_for_block(&mut self, channel: u32) {
        while !self.blocks.contains(&channel) {
            assert!(self.receive().is_none(), "an answer that was not asked for");
        }
    }

    fn answer<C: Answered>(&mut self, command: &C) -> Answer {
        self.tag += 1;
        self.last = C::CODE;
        let packet = encode_command(self.tag, command, self.version);
        self.send(Descriptor::packet(packet.len() as u32), &packet);
        loop {
            if let Some((tag, answer)) = self.receive() {
                assert_eq!(tag, self.tag);
                return answer;
            }
        }
    }

    fn send(&mut self, descriptor: Descriptor, payload: &[u8]) {
        let mut frame = descriptor.encode().to_vec();
        frame.extend(payload);
        self.stream.write_all(&frame).unwrap();
    }

    /// Takes a frame; an answer is returned, anything else noted.
    fn receive(&mut self) -> Option<(u32, Answer)> {
        let (version, last) = (self.version, self.last);
        assert!(self.since.elapsed() < PATIENCE, "version {version} hangs after {last}");
        let mut descriptor = [0; Descriptor::SIZE];
        let ended = |error| panic!("connection ended at version {}: {error}", self.version);
        self.stream.read_exact(&mut descriptor).unwrap_or_else(ended);
        let descriptor = Descriptor::decode(&descriptor);
        let mut payload = vec![0; descriptor.length as usize];
        self.stream.read_exact(&mut payload).unwrap();
        match descriptor.kind(false).unwrap() {
            FrameKind::Block { channel, .. } => {
                self.blocks.push(channel);
                return None;
            }
            FrameKind::Packet { .. } => {}
            other => panic!("{other:?}"),
        }
        match decode_server_packet(&payload, self.version) {
            Ok(ServerPacket::Reply { tag, content }) => Some((tag, Answer::Reply(content.to_vec()))),
            Ok(ServerPacket::Error { tag, code }) => Some((tag, Answer::Error(code))),
            Ok(ServerPacket::Command { command, .. }) => {
                self.events.push_back(command);
                None
            }
            Err(error) => panic!("version {}: {error}", self.version),
        }
    }
}
