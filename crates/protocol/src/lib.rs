//! PulseAudio's native protocol, 8 to 35, without I/O.
#![forbid(unsafe_code)]

mod code;
mod error_code;
pub mod frame;
mod table;
mod version;

pub use code::{COMMANDS, CommandCode, CommandInfo, Direction};
pub use error_code::ErrorCode;
pub use version::{MIN_VERSION, VERSION, VersionWord};

/// Bytes of the cookie that a client authenticates with.
pub const COOKIE_LENGTH: usize = 256;

/// The index that stands for "none" (`PA_INVALID_INDEX`); in this crate's types `None`.
pub const INVALID_INDEX: u32 = u32::MAX;

/// The tag of what the server sends without having been asked.
pub const NO_TAG: u32 = u32::MAX;
