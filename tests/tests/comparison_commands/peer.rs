//! A client that says whatever it is told to, over a plain socket.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;

use sealpulse_protocol::command::{Auth, SetClientName};
use sealpulse_protocol::frame::{Descriptor, SeekMode};
use sealpulse_protocol::{
    Answered, COOKIE_LENGTH, Command, Cookie, ServerPacket, VersionWord, decode_reply, decode_server_packet,
    encode_command,
};
use sealpulse_tests::compare::Script;
use sealpulse_tests::{wait, wire};

pub(crate) struct Peer {
    stream: UnixStream,
    version: u32,
    next_tag: u32,
}

/// How a command was answered, for the transcript.
pub(crate) fn outcome<T: std::fmt::Debug>(answer: &Result<T, String>) -> String {
    match answer {
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("error: {error}"),
    }
}

fn framed(packet: &[u8]) -> Vec<u8> {
    let mut frame = Descriptor::packet(packet.len() as u32).encode().to_vec();
    frame.extend_from_slice(packet);
    frame
}

impl Peer {
    /// A client that is authenticated and has a name.
    pub(crate) fn connect(script: &Script<'_>, version: u32) -> Peer {
        let stream = UnixStream::connect(script.server().socket()).unwrap();
        stream.set_read_timeout(Some(wait::LIMIT)).unwrap();
        let mut peer = Peer { stream, version, next_tag: 1 };
        let word = VersionWord { version, shm: false, memfd: false };
        let auth = Auth { version: word, cookie: Cookie([0; COOKIE_LENGTH]) };
        wire::send_with_credentials(&peer.stream, &framed(&encode_command(0, &auth, version))).unwrap();
        peer.answer::<Auth>(0).unwrap();
        let properties = [("application.name", "peer")].into_iter().collect();
        peer.call(&SetClientName { name: Some("peer".to_owned()), properties }).unwrap();
        peer
    }

    fn send(&mut self, packet: &[u8]) {
        self.stream.write_all(&framed(packet)).unwrap();
    }

    /// Sends sound.
    pub(crate) fn block(&mut self, channel: u32, bytes: &[u8]) {
        let head = Descriptor::block(channel, 0, SeekMode::Relative, bytes.len() as u32);
        self.stream.write_all(&[&head.encode(), bytes].concat()).unwrap();
    }

    /// Sends a command and waits for its answer.
    pub(crate) fn call<C: Answered>(&mut self, command: &C) -> Result<C::Reply, String> {
        let tag = self.next_tag;
        self.next_tag += 1;
        self.send(&encode_command(tag, command, self.version));
        self.answer::<C>(tag)
    }

    fn answer<C: Answered>(&mut self, tag: u32) -> Result<C::Reply, String> {
        loop {
            let payload = self.receive().expect("the server ended the connection");
            match decode_server_packet(&payload, self.version).unwrap() {
                ServerPacket::Reply { tag: of, content } if of == tag => {
                    return Ok(decode_reply(content, self.version).unwrap());
                }
                ServerPacket::Error { tag: of, code } if of == tag => return Err(code.to_string()),
                _ => {}
            }
        }
    }

    /// Whether the server ends the connection, instead of answering the command.
    pub(crate) fn ends_after(&mut self, command: &Command) -> bool {
        let tag = self.next_tag;
        self.next_tag += 1;
        self.send(&command.encode(tag, self.version));
        while let Some(payload) = self.receive() {
            match decode_server_packet(&payload, self.version).unwrap() {
                ServerPacket::Reply { tag: of, .. } | ServerPacket::Error { tag: of, .. } if of == tag => {
                    return false;
                }
                _ => {}
            }
        }
        true
    }

    /// The next control packet; `None` where the server hung up.
    fn receive(&mut self) -> Option<Vec<u8>> {
        loop {
            let mut header = [0; Descriptor::SIZE];
            self.read(&mut header)?;
            let descriptor = Descriptor::decode(&header);
            let mut payload = vec![0; descriptor.length as usize];
            self.read(&mut payload)?;
            if descriptor.channel == u32::MAX {
                return Some(payload);
            }
        }
    }

    fn read(&mut self, bytes: &mut [u8]) -> Option<()> {
        match self.stream.read_exact(bytes) {
            Ok(()) => Some(()),
            Err(error) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => {
                None
            }
            Err(error) => panic!("no answer: {error}"),
        }
    }
}
