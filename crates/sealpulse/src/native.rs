//! As much of a client as a question to the server takes: over the socket, one command after the other.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use sealpulse_protocol::command::{
    Auth, AuthReply, SendObjectMessage, SendObjectMessageReply, SetClientName, SetClientNameReply,
};
use sealpulse_protocol::frame::{CONTROL_CHANNEL, Descriptor, FRAME_SIZE_MAX};
use sealpulse_protocol::{
    COOKIE_LENGTH, Cookie, ErrorCode, Field, Packet, PropList, ServerPacket, VERSION, VersionWord,
    decode_reply, decode_server_packet, encode_command,
};

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NativeError {
    #[error("cannot connect to {}: {error}; is a server running there?", path.display())]
    Connect { path: PathBuf, error: io::Error },
    #[error("the connection to the server broke: {0}")]
    Broken(#[from] io::Error),
    #[error("the server speaks version {version} of the protocol, which cannot carry this; 35 is needed")]
    Version { version: u32 },
    #[error("the server refused: {0:?}")]
    Refused(ErrorCode),
    #[error("the server's answer cannot be understood: {0}")]
    Answer(String),
}

/// A connection that asks.
pub(crate) struct Native {
    stream: UnixStream,
    tag: u32,
}

impl Native {
    /// Connects and authenticates, by the user that we are or by the cookie.
    pub(crate) fn connect(path: &Path) -> Result<Native, NativeError> {
        let stream = UnixStream::connect(path)
            .map_err(|error| NativeError::Connect { path: path.to_owned(), error })?;
        let mut native = Native { stream, tag: 0 };
        let version = VersionWord { version: VERSION, shm: false, memfd: false };
        let reply: AuthReply = native.ask(&Auth { version, cookie: cookie() })?;
        if reply.version.version < VERSION {
            return Err(NativeError::Version { version: reply.version.version });
        }
        let mut properties = PropList::new();
        properties.set_str("application.name", "sealpulse status");
        let _: SetClientNameReply = native.ask(&SetClientName { name: None, properties })?;
        Ok(native)
    }

    /// Sends an object message; the answer.
    pub(crate) fn message(&mut self, object: &str, message: &str) -> Result<String, NativeError> {
        let command = SendObjectMessage {
            object_path: Some(object.to_owned()),
            message: Some(message.to_owned()),
            parameters: None,
        };
        let reply: SendObjectMessageReply = self.ask(&command)?;
        Ok(reply.response.unwrap_or_default())
    }

    fn ask<C: Packet, R: Field>(&mut self, command: &C) -> Result<R, NativeError> {
        self.tag += 1;
        let packet = encode_command(self.tag, command, VERSION);
        let mut frame = Descriptor::packet(packet.len() as u32).encode().to_vec();
        frame.extend_from_slice(&packet);
        self.stream.write_all(&frame)?;
        loop {
            let packet = self.receive()?;
            match decode_server_packet(&packet, VERSION) {
                Ok(ServerPacket::Reply { tag, content }) if tag == self.tag => {
                    return decode_reply(content, VERSION)
                        .map_err(|error| NativeError::Answer(error.to_string()));
                }
                Ok(ServerPacket::Error { tag, code }) if tag == self.tag => {
                    return Err(NativeError::Refused(code));
                }
                Ok(_) => {}
                Err(error) => return Err(NativeError::Answer(error.to_string())),
            }
        }
    }

    /// The next control packet.
    fn receive(&mut self) -> Result<Vec<u8>, NativeError> {
        loop {
            let mut head = [0; Descriptor::SIZE];
            self.stream.read_exact(&mut head)?;
            let descriptor = Descriptor::decode(&head);
            if descriptor.length > FRAME_SIZE_MAX {
                return Err(NativeError::Answer(format!("a frame of {} bytes", descriptor.length)));
            }
            let mut content = Vec::new();
            Read::by_ref(&mut self.stream).take(u64::from(descriptor.length)).read_to_end(&mut content)?;
            if content.len() < descriptor.length as usize {
                return Err(NativeError::Broken(io::ErrorKind::UnexpectedEof.into()));
            }
            if descriptor.channel == CONTROL_CHANNEL {
                return Ok(content);
            }
        }
    }
}

/// The cookie where there is one; zeros otherwise, which do for a server of the same user.
fn cookie() -> Cookie {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let in_config = || {
        let config = variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config")))?;
        Some(config.join("pulse/cookie"))
    };
    let read = |path: PathBuf| <[u8; COOKIE_LENGTH]>::try_from(std::fs::read(path).ok()?).ok();
    Cookie(variable("PULSE_COOKIE").or_else(in_config).and_then(read).unwrap_or([0; COOKIE_LENGTH]))
}
