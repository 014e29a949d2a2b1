//! PulseAudio's native protocol, versions 8 to 35, without I/O: bytes become values and values bytes.
//!
//! - [`frame`] has the twenty bytes that precede everything, and references to shared memory.
//! - [`tagstruct`] has the typed values that control packets consist of.
//! - [`command`] has a struct for each command and reply, made from one field list each, with the versions that
//!   know a field. [`Command`] is any of them; [`COMMANDS`] lists them.
//! - [`extension`] has what modules add.
//!
//! Nothing here does I/O, maps memory, or knows what a command is good for. Whatever a peer sends, nothing
//! panics, and what is allocated stays in proportion to the bytes that have come: numbers in a packet never
//! reserve memory. Text that is not UTF-8, lengths out of range, bytes left over: all are [`DecodeError`]s, with
//! the place and the numbers. Values that are only unknown (a sample format, an encoding, a state) are kept or
//! read as "not valid", so that whoever handles the command can answer, as PulseAudio does.
//!
//! ```
//! use sealpulse_protocol::command::{Ack, Command, SetSinkMute};
//! use sealpulse_protocol::{ErrorCode, VERSION, encode_command, encode_error, encode_reply};
//!
//! let packet = encode_command(1, &SetSinkMute { index: Some(0), name: None, mute: true }, VERSION);
//!
//! let answer = match Command::decode(&packet, VERSION) {
//!     Ok((tag, Command::SetSinkMute(command))) => {
//!         assert_eq!(command.index, Some(0));
//!         encode_reply(tag, &Ack {}, VERSION)
//!     }
//!     Ok((tag, _)) => encode_error(tag, ErrorCode::NotSupported),
//!     Err(error) => panic!("{error}"),
//! };
//! assert_eq!(answer, [b'L', 0, 0, 0, 2, b'L', 0, 0, 0, 1]);
//! ```
#![forbid(unsafe_code)]

mod code;
pub mod command;
mod error_code;
pub mod extension;
mod field;
mod format;
pub mod frame;
mod packet;
mod proplist;
mod table;
pub mod tagstruct;
#[cfg(test)]
mod testing;
mod values;
mod version;

pub use code::{COMMANDS, CommandCode, CommandInfo, Direction, FieldInfo};
pub use command::{Answered, Command, Packet};
pub use error_code::ErrorCode;
pub use field::Field;
pub use format::FormatInfo;
pub use packet::{
    DecodeError, ServerPacket, decode_reply, decode_server_packet, encode_command, encode_command_into,
    encode_error, encode_reply,
};
pub use proplist::{PROPERTIES_MAX, PROPERTY_SIZE_MAX, PropList};
pub use values::{
    Cookie, DeviceState, Encoding, Facility, Opaque, Operation, PortAvailable, PortDirection, PortType,
    SinkFlags, SourceFlags, SubscriptionEvent, SubscriptionMask, Timeval, UpdateMode, Usec,
};
pub use version::{MIN_VERSION, VERSION, VersionWord};

/// Bytes of the cookie that a client authenticates with.
pub const COOKIE_LENGTH: usize = 256;

/// The index that stands for "none" (`PA_INVALID_INDEX`); in this crate's types `None`.
pub const INVALID_INDEX: u32 = u32::MAX;

/// The tag of what the server sends without having been asked.
pub const NO_TAG: u32 = u32::MAX;
