//! Raw frames on the socket, written by hand: what no application would send.

use crate::wait;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, UCred};
use rustix::process::{getgid, getpid, getuid};
use std::io::{self, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// `AUTH`.
pub const AUTH: u32 = 8;
/// `SET_CLIENT_NAME`.
pub const SET_CLIENT_NAME: u32 = 9;
/// `GET_SERVER_INFO`.
pub const GET_SERVER_INFO: u32 = 20;
/// `ERROR`.
pub const ERROR: u32 = 0;
/// `REPLY`.
pub const REPLY: u32 = 2;
/// The channel of control packets.
pub const CONTROL: u32 = u32::MAX;
/// Most fds that go with one message in the kernel.
pub const FDS_MAX: usize = 253;

/// The word 35 of a version with these flags (bit 31: shared memory, bit 30: memfd).
pub fn version(shared_memory: bool, memfd: bool) -> u32 {
    35 | u32::from(shared_memory) << 31 | u32::from(memfd) << 30
}

/// A frame: length, channel, offset (upper and lower half), flags, and what follows.
pub fn frame(length: u32, channel: u32, offset: u64, flags: u32, payload: &[u8]) -> Vec<u8> {
    let words = [length, channel, (offset >> 32) as u32, offset as u32, flags];
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    bytes.extend_from_slice(payload);
    bytes
}

/// A control packet with this content.
pub fn packet(content: &[u8]) -> Vec<u8> {
    frame(content.len() as u32, CONTROL, 0, 0, content)
}

/// A control packet of a command and its tag, with what follows them.
pub fn command(code: u32, tag: u32, rest: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    for word in [code, tag] {
        content.push(b'L');
        content.extend_from_slice(&word.to_be_bytes());
    }
    content.extend_from_slice(rest);
    packet(&content)
}

/// The content of AUTH after code and tag.
pub fn auth(version: u32, cookie: &[u8]) -> Vec<u8> {
    let mut content = vec![b'L'];
    content.extend_from_slice(&version.to_be_bytes());
    content.push(b'x');
    content.extend_from_slice(&(cookie.len() as u32).to_be_bytes());
    content.extend_from_slice(cookie);
    content
}

/// Sends bytes with the credentials of this process attached, as libpulse does with AUTH.
///
/// What is sent before the server accepts carries no credentials of itself (seen with Linux 6.18), unless the listening
/// socket asks for them, which PulseAudio's does not.
pub fn send_with_credentials(stream: &UnixStream, bytes: &[u8]) -> io::Result<()> {
    let own = UCred { pid: getpid(), uid: getuid(), gid: getgid() };
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmCredentials(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    assert!(ancillary.push(SendAncillaryMessage::ScmCredentials(own)), "there is room");
    send_ancillary(stream, bytes, &mut ancillary)
}

fn send_ancillary(
    mut stream: &UnixStream,
    bytes: &[u8],
    ancillary: &mut SendAncillaryBuffer<'_, '_, '_>,
) -> io::Result<()> {
    let sent = rustix::net::sendmsg(stream, &[IoSlice::new(bytes)], ancillary, SendFlags::NOSIGNAL)?;
    stream.write_all(&bytes[sent..])
}

/// A connection to a server.
#[derive(Debug)]
pub struct Wire {
    stream: UnixStream,
}

impl Wire {
    /// Connects.
    pub fn connect(socket: &Path) -> Wire {
        let stream = UnixStream::connect(socket).expect("the server accepts");
        stream.set_read_timeout(Some(wait::LIMIT)).expect("a timeout can be set");
        stream.set_write_timeout(Some(wait::LIMIT)).expect("a timeout can be set");
        Wire { stream }
    }

    /// Connects and authenticates as a client of the same user.
    pub fn authenticated(socket: &Path, version: u32) -> Wire {
        let mut wire = Wire::connect(socket);
        let auth = command(AUTH, 0, &auth(version, &[0; 256]));
        send_with_credentials(&wire.stream, &auth).expect("AUTH is sent");
        let (code, tag) = wire.receive().expect("AUTH is answered");
        assert_eq!((code, tag), (REPLY, 0), "AUTH is accepted");
        // application.name = "wire"
        let mut properties = vec![b'P', b't'];
        properties.extend_from_slice(b"application.name\0");
        for part in [&b"L"[..], &5_u32.to_be_bytes(), b"x", &5_u32.to_be_bytes(), b"wire\0", b"N"] {
            properties.extend_from_slice(part);
        }
        wire.send(&command(SET_CLIENT_NAME, 1, &properties)).expect("SET_CLIENT_NAME is sent");
        let reply = wire.answer(1).expect("SET_CLIENT_NAME is answered");
        assert_eq!(reply, REPLY, "SET_CLIENT_NAME is accepted");
        wire
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends bytes with fds attached to the first of them.
    pub fn send_with_fds(&mut self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        assert!(ancillary.push(SendAncillaryMessage::ScmRights(fds)), "at most {FDS_MAX} fds");
        send_ancillary(&self.stream, bytes, &mut ancillary)
    }

    /// The next control packet's code and tag.
    pub fn receive(&mut self) -> io::Result<(u32, u32)> {
        loop {
            let mut head = [0; 20];
            self.stream.read_exact(&mut head)?;
            let word = |bytes: &[u8], at: usize| {
                u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
            };
            let mut content = vec![0; word(&head, 0) as usize];
            self.stream.read_exact(&mut content)?;
            if word(&head, 4) == CONTROL && content.len() >= 10 {
                return Ok((word(&content, 1), word(&content, 6)));
            }
        }
    }

    /// The code of the answer to the command of `tag`.
    pub fn answer(&mut self, tag: u32) -> io::Result<u32> {
        loop {
            let (code, of) = self.receive()?;
            if of == tag && (code == REPLY || code == ERROR) {
                return Ok(code);
            }
        }
    }

    /// Whether the server closes the connection within `limit`. What it still sends is thrown away.
    pub fn is_closed_within(&mut self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        let mut buffer = [0; 65_536];
        while wait::readable(&self.stream, end.saturating_duration_since(Instant::now())) {
            match self.stream.read(&mut buffer) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
            }
        }
        false
    }

    /// Says that nothing more will come.
    pub fn shut_down(&self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
    }
}
