//! The numbers of the commands.

use std::fmt;

use crate::command::{self, *};
use crate::table::for_each_command;
use crate::values::Opaque;

/// Who sends a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The client, to the server.
    Client,
    /// The server, to the client.
    Server,
    /// Either.
    Both,
}

/// A row of [`COMMANDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandInfo {
    /// PulseAudio's name without its prefix, `CREATE_PLAYBACK_STREAM`.
    pub name: &'static str,
    /// The command.
    pub code: CommandCode,
    /// Who sends it.
    pub direction: Direction,
    /// First version that has it, 8 to 35; it exists in all later ones.
    pub since: u32,
    /// The type of the reply (or of its entries); `None` when there is no reply.
    pub reply: Option<&'static str>,
    /// Its fields, in the order of the wire.
    pub fields: &'static [FieldInfo],
    /// The fields of the reply, or of its entries.
    pub reply_fields: &'static [FieldInfo],
}

/// A field of a command or a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldInfo {
    /// Its name here.
    pub name: &'static str,
    /// First version that has it, where that is not the command's first.
    pub since: Option<u32>,
    /// First version that no longer has it.
    pub until: Option<u32>,
}

/// What has fields on the wire.
pub(crate) trait Described {
    const FIELDS: &'static [FieldInfo];
}

/// A list is as its entries.
impl<T: Described> Described for Vec<T> {
    const FIELDS: &'static [FieldInfo] = T::FIELDS;
}

impl Described for Opaque {
    const FIELDS: &'static [FieldInfo] = &[];
}

macro_rules! define_codes {
    ($($value:literal $wire:ident $name:ident $direction:ident $since:literal $(=> $reply:ty)?;)*) => {
        /// Which command a packet is. The discriminants are those on the wire.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u32)]
        pub enum CommandCode {
            /// `ERROR`: the answer when something failed.
            Error = 0,
            /// `TIMEOUT`: never on the wire.
            Timeout = 1,
            /// `REPLY`: the answer when all went well.
            Reply = 2,
            $(#[doc = concat!("`", stringify!($wire), "`")] $name = $value,)*
        }

        impl CommandCode {
            /// The command of this number.
            pub fn from_wire(value: u32) -> Option<Self> {
                Some(match value {
                    0 => Self::Error,
                    1 => Self::Timeout,
                    2 => Self::Reply,
                    $($value => Self::$name,)*
                    _ => return None,
                })
            }

            /// PulseAudio's name without its prefix, `CREATE_PLAYBACK_STREAM`.
            pub fn name(self) -> &'static str {
                match self {
                    Self::Error => "ERROR",
                    Self::Timeout => "TIMEOUT",
                    Self::Reply => "REPLY",
                    $(Self::$name => stringify!($wire),)*
                }
            }
        }

        /// Every command, in the order of the codes; `ERROR`, `TIMEOUT` and `REPLY` are not commands.
        pub const COMMANDS: &[CommandInfo] = &[$(
            CommandInfo {
                name: stringify!($wire),
                code: CommandCode::$name,
                direction: Direction::$direction,
                since: $since,
                reply: define_codes!(@reply $($reply)?),
                fields: <command::$name as Described>::FIELDS,
                reply_fields: define_codes!(@fields $($reply)?),
            },
        )*];
    };
    (@fields) => { &[] };
    (@fields $reply:ty) => { <$reply as Described>::FIELDS };
    (@reply) => { None };
    (@reply $reply:ty) => { Some(stringify!($reply)) };
}

for_each_command!(define_codes);

impl CommandCode {
    /// The number on the wire.
    pub fn to_wire(self) -> u32 {
        self as u32
    }
}

impl fmt::Display for CommandCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_without_gaps() {
        assert_eq!(COMMANDS.len(), 102);
        for (index, info) in COMMANDS.iter().enumerate() {
            assert_eq!(info.code.to_wire() as usize, index + 3, "{}", info.name);
            assert_eq!(CommandCode::from_wire(info.code.to_wire()), Some(info.code));
            assert_eq!(info.code.name(), info.name);
        }
        assert_eq!(CommandCode::from_wire(105), None);
    }
}
