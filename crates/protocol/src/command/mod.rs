//! The commands and their replies, by subject. Each is a struct whose field list is all there is: from it come
//! encoder, decoder, defaults (`..Default::default()`) and the versions in its documentation.

mod auth;
mod control;
mod define;
mod event;
mod introspect;
mod module;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod round_trip;
mod sample;
mod stream;

pub use auth::*;
pub use control::*;
pub use event::*;
pub use introspect::*;
pub use module::*;
pub use sample::*;
pub use stream::*;

use crate::CommandCode;
use crate::field::Field;
use crate::table::for_each_command;
use crate::tagstruct::{Reader, TagstructError, Writer};
use crate::values::Opaque;

define::tagstruct! {
    /// The reply of what has nothing to say but that it is done.
    Ack;
}

/// A struct that is a command.
pub trait Packet: Field + Into<Command> {
    /// Its number.
    const CODE: CommandCode;
}

/// A command that is answered.
pub trait Answered: Packet {
    /// The answer when all went well.
    type Reply: Field;
}

macro_rules! define_commands {
    ($($value:literal $wire:ident $name:ident $direction:ident $since:literal $(=> $reply:ty)?;)*) => {
        /// Any command, to the server or to the client.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[allow(clippy::large_enum_variant, reason = "a command is decoded, handled and dropped at once")]
        pub enum Command {
            $(#[doc = concat!("[`", stringify!($name), "`]")] $name($name),)*
        }

        impl Command {
            /// Which command it is.
            pub fn code(&self) -> CommandCode {
                match self {
                    $(Self::$name(_) => CommandCode::$name,)*
                }
            }

            pub(crate) fn encode_content(&self, writer: &mut Writer) {
                match self {
                    $(Self::$name(command) => command.encode(writer),)*
                }
            }

            /// `None` for the three codes that are not commands.
            pub(crate) fn decode_content(
                code: CommandCode,
                reader: &mut Reader<'_>,
            ) -> Result<Option<Self>, TagstructError> {
                Ok(Some(match code {
                    CommandCode::Error | CommandCode::Timeout | CommandCode::Reply => return Ok(None),
                    $(CommandCode::$name => Self::$name($name::decode(reader)?),)*
                }))
            }
        }

        $(
            impl From<$name> for Command {
                fn from(command: $name) -> Self {
                    Self::$name(command)
                }
            }

            impl Packet for $name {
                const CODE: CommandCode = CommandCode::$name;
            }

            $(impl Answered for $name {
                type Reply = $reply;
            })?
        )*
    };
}

for_each_command!(define_commands);
