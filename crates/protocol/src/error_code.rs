//! The codes of ERROR packets.

use std::fmt;

macro_rules! error_codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $value:literal, $text:literal;)*) => {
        /// Why a command was not done (`PA_ERR_*`). The discriminants are those on the wire.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u32)]
        pub enum ErrorCode {
            $($(#[doc = $doc])+ $name = $value,)*
        }

        impl ErrorCode {
            /// Every code, in the order of the wire values 1 to 26.
            pub const ALL: &[ErrorCode] = &[$(Self::$name),*];

            /// The code with this wire value; [`ErrorCode::Unknown`] for any that is not known, 0 among them.
            pub fn from_wire(value: u32) -> Self {
                match value {
                    $($value => Self::$name,)*
                    _ => Self::Unknown,
                }
            }

            /// A few words for people.
            pub fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

error_codes! {
    /// Not allowed, or not authenticated.
    Access = 1, "access denied";
    /// The command does not exist.
    Command = 2, "unknown command";
    /// An argument is out of its range.
    Invalid = 3, "invalid argument";
    /// There is one of that name already.
    Exist = 4, "exists already";
    /// There is none of that index or name.
    NoEntity = 5, "no such object";
    /// Nobody listens.
    ConnectionRefused = 6, "connection refused";
    /// The peer broke the protocol.
    Protocol = 7, "protocol error";
    /// No answer in time.
    Timeout = 8, "timed out";
    /// No cookie.
    AuthKey = 9, "no authentication key";
    /// The server's fault.
    Internal = 10, "internal error";
    /// The connection ended.
    ConnectionTerminated = 11, "connection ended";
    /// Somebody killed the stream or client.
    Killed = 12, "killed";
    /// The server's address is unusable.
    InvalidServer = 13, "invalid server";
    /// A module did not load.
    ModuleInitFailed = 14, "module did not initialise";
    /// Not possible in this state.
    BadState = 15, "bad state";
    /// Nothing there yet.
    NoData = 16, "no data";
    /// Protocol version too old.
    Version = 17, "incompatible protocol version";
    /// More than there is room for.
    TooLarge = 18, "too large";
    /// Known, but not possible here.
    NotSupported = 19, "not supported";
    /// A code that this side does not know.
    Unknown = 20, "unknown error code";
    /// No module with this extension is loaded.
    NoExtension = 21, "no such extension";
    /// Gone since long.
    Obsolete = 22, "obsolete";
    /// Not written.
    NotImplemented = 23, "not implemented";
    /// A client library was used across fork().
    Forked = 24, "client forked";
    /// Input or output failed.
    Io = 25, "input/output error";
    /// Device or resource in use.
    Busy = 26, "device or resource busy";
}

impl ErrorCode {
    /// The value on the wire.
    pub fn to_wire(self) -> u32 {
        self as u32
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for ErrorCode {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_survive_the_wire() {
        for (index, &code) in ErrorCode::ALL.iter().enumerate() {
            assert_eq!(code.to_wire() as usize, index + 1);
            assert_eq!(ErrorCode::from_wire(code.to_wire()), code);
        }
        assert_eq!(ErrorCode::from_wire(0), ErrorCode::Unknown);
        assert_eq!(ErrorCode::from_wire(27), ErrorCode::Unknown);
    }
}
