//! What modules add to the protocol: the commands and values within the EXTENSION command
//! ([`Extension`](crate::command::Extension)).
//!
//! Each module's command is a number and what follows it. Nothing in them depends on the version.

pub mod device_manager;
pub mod device_restore;
pub mod stream_restore;

use crate::field::Field;
use crate::tagstruct::{Reader, TagstructError, Writer};
use crate::version::VERSION;

/// Begins a module's command, event or answer.
///
/// ```
/// use sealpulse_protocol::extension::{self, stream_restore};
/// let mut writer = extension::writer();
/// writer.u32(stream_restore::TEST);
/// assert_eq!(writer.into_bytes(), [b'L', 0, 0, 0, 0]);
/// ```
pub fn writer() -> Writer {
    Writer::new(VERSION)
}

/// Reads a module's command, event or answer.
pub fn reader(bytes: &[u8]) -> Reader<'_> {
    Reader::new(bytes, VERSION)
}

/// Reads all of an answer as one value.
///
/// # Errors
/// [`TagstructError`] where it is something else, or more.
pub fn read<R: Field>(bytes: &[u8]) -> Result<R, TagstructError> {
    let mut reader = reader(bytes);
    let value = R::decode(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_to_their_end() {
        assert_eq!(read::<u32>(&[b'L', 0, 0, 0, 1]), Ok(1));
        assert!(matches!(read::<u32>(&[b'L', 0, 0, 0, 1, 0]), Err(TagstructError::Trailing { .. })));
    }
}
