//! Whole packets: a code, a tag, and what the command consists of.

use thiserror::Error;

use crate::command::{Command, Packet};
use crate::field::Field;
use crate::tagstruct::{Reader, TagstructError, Writer};
use crate::{CommandCode, ErrorCode};

/// Why a packet is not a command that can be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DecodeError {
    /// It does not even have a code and a tag.
    #[error("packet without a header: {0}")]
    Header(TagstructError),
    /// A code that this side does not know.
    #[error("unknown command {code}")]
    UnknownCommand {
        /// The code.
        code: u32,
        /// The tag that an answer would have.
        tag: u32,
    },
    /// A code that is not a command: an answer, where only a command can be.
    #[error("{code} is not a command")]
    NotACommand {
        /// ERROR, TIMEOUT or REPLY.
        code: CommandCode,
        /// The packet's tag.
        tag: u32,
    },
    /// A known command that is not made as it has to be.
    #[error("{code}: {error}")]
    Content {
        /// The command.
        code: CommandCode,
        /// The tag that an answer would have.
        tag: u32,
        /// What is wrong.
        error: TagstructError,
    },
}

impl DecodeError {
    /// The packet's tag, if it could be read.
    pub fn tag(&self) -> Option<u32> {
        match *self {
            Self::Header(_) => None,
            Self::UnknownCommand { tag, .. } | Self::NotACommand { tag, .. } | Self::Content { tag, .. } => {
                Some(tag)
            }
        }
    }

    /// The tag and code of an ERROR that would do, where the connection need not end: PulseAudio takes a
    /// string that is not UTF-8 for an invalid argument, everything else for a broken protocol. An unknown
    /// command is answerable too, although PulseAudio ends the connection there.
    pub fn answer(&self) -> Option<(u32, ErrorCode)> {
        match *self {
            Self::UnknownCommand { tag, .. } => Some((tag, ErrorCode::Command)),
            Self::Content { tag, error: TagstructError::NotUtf8 { .. }, .. } => {
                Some((tag, ErrorCode::Invalid))
            }
            _ => None,
        }
    }
}

/// What a server sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "a packet is decoded, handled and dropped at once")]
pub enum ServerPacket<'a> {
    /// The answer to the command of this tag; [`decode_reply`] reads it.
    Reply {
        /// The command's tag.
        tag: u32,
        /// What the reply consists of.
        content: &'a [u8],
    },
    /// The command of this tag failed.
    Error {
        /// The command's tag.
        tag: u32,
        /// Why.
        code: ErrorCode,
    },
    /// Something that the client did not ask for.
    Command {
        /// [`NO_TAG`](crate::NO_TAG) but for the srbchannel's.
        tag: u32,
        /// What.
        command: Command,
    },
}

fn header(reader: &mut Reader<'_>) -> Result<(u32, u32), DecodeError> {
    let code = reader.u32().map_err(DecodeError::Header)?;
    let tag = reader.u32().map_err(DecodeError::Header)?;
    Ok((code, tag))
}

impl Command {
    /// Reads a command of any kind, and its tag, as protocol `version` has it. What is left over is an error.
    ///
    /// ```
    /// use sealpulse_protocol::command::{Command, Subscribe};
    /// use sealpulse_protocol::{SubscriptionMask, encode_command};
    /// let subscribe = Subscribe { mask: SubscriptionMask::SINK | SubscriptionMask::SERVER };
    /// let packet = encode_command(5, &subscribe, 35);
    /// assert_eq!(Command::decode(&packet, 35), Ok((5, Command::Subscribe(subscribe))));
    /// ```
    pub fn decode(packet: &[u8], version: u32) -> Result<(u32, Self), DecodeError> {
        let mut reader = Reader::new(packet, version);
        let (value, tag) = header(&mut reader)?;
        Ok((tag, Self::decode_after_header(value, tag, reader)?))
    }

    fn decode_after_header(value: u32, tag: u32, mut reader: Reader<'_>) -> Result<Self, DecodeError> {
        let code = CommandCode::from_wire(value).ok_or(DecodeError::UnknownCommand { code: value, tag })?;
        let content = |error| DecodeError::Content { code, tag, error };
        let command = Self::decode_content(code, &mut reader).map_err(content)?;
        let command = command.ok_or(DecodeError::NotACommand { code, tag })?;
        reader.finish().map_err(content)?;
        Ok(command)
    }

    /// The packet, as protocol `version` has it.
    pub fn encode(&self, tag: u32, version: u32) -> Vec<u8> {
        let mut writer = start(self.code(), tag, version);
        self.encode_content(&mut writer);
        writer.into_bytes()
    }
}

fn start(code: CommandCode, tag: u32, version: u32) -> Writer {
    let mut writer = Writer::new(version);
    writer.u32(code.to_wire());
    writer.u32(tag);
    writer
}

/// The packet of a command, as protocol `version` has it.
pub fn encode_command<C: Packet>(tag: u32, command: &C, version: u32) -> Vec<u8> {
    let mut writer = start(C::CODE, tag, version);
    command.encode(&mut writer);
    writer.into_bytes()
}

/// As [`encode_command`], in a buffer that was used before.
pub fn encode_command_into<C: Packet>(buffer: Vec<u8>, tag: u32, command: &C, version: u32) -> Vec<u8> {
    let mut writer = Writer::reusing(buffer, version);
    writer.u32(C::CODE.to_wire());
    writer.u32(tag);
    command.encode(&mut writer);
    writer.into_bytes()
}

/// The packet that answers the command of this tag, as protocol `version` has it.
pub fn encode_reply<R: Field>(tag: u32, reply: &R, version: u32) -> Vec<u8> {
    let mut writer = start(CommandCode::Reply, tag, version);
    reply.encode(&mut writer);
    writer.into_bytes()
}

/// The packet that says that the command of this tag failed.
pub fn encode_error(tag: u32, error: ErrorCode) -> Vec<u8> {
    let mut writer = start(CommandCode::Error, tag, crate::VERSION);
    writer.u32(error.to_wire());
    writer.into_bytes()
}

/// Reads what a client gets: an answer or a command.
///
/// ```
/// use sealpulse_protocol::command::LookupReply;
/// use sealpulse_protocol::{ServerPacket, decode_reply, decode_server_packet, encode_reply};
/// let packet = encode_reply(9, &LookupReply { index: 3 }, 35);
/// match decode_server_packet(&packet, 35)? {
///     ServerPacket::Reply { tag: 9, content } => {
///         assert_eq!(decode_reply::<LookupReply>(content, 35), Ok(LookupReply { index: 3 }));
///     }
///     other => panic!("{other:?}"),
/// }
/// # Ok::<(), sealpulse_protocol::DecodeError>(())
/// ```
pub fn decode_server_packet(packet: &[u8], version: u32) -> Result<ServerPacket<'_>, DecodeError> {
    let mut reader = Reader::new(packet, version);
    let (value, tag) = header(&mut reader)?;
    match CommandCode::from_wire(value) {
        Some(CommandCode::Reply) => Ok(ServerPacket::Reply { tag, content: reader.rest() }),
        Some(code @ CommandCode::Error) => {
            let content = |error| DecodeError::Content { code, tag, error };
            let error = ErrorCode::from_wire(reader.u32().map_err(content)?);
            reader.finish().map_err(content)?;
            Ok(ServerPacket::Error { tag, code: error })
        }
        _ => {
            let command = Command::decode_after_header(value, tag, reader)?;
            Ok(ServerPacket::Command { tag, command })
        }
    }
}

/// Reads the content of a reply, as protocol `version` has it. What is left over is an error.
pub fn decode_reply<R: Field>(content: &[u8], version: u32) -> Result<R, TagstructError> {
    let mut reader = Reader::new(content, version);
    let reply = R::decode(&mut reader)?;
    reader.finish()?;
    Ok(reply)
}
