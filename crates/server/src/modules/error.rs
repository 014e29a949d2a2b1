//! Why a module cannot be loaded.

use sealpulse_spec::SampleSpec;

use super::argument::Type;
use crate::policy::DeviceError;

/// Why a module cannot be loaded. Clients see `PA_ERR_MODINITFAILED`; the log says more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModuleError {
    /// There is no module of this name.
    #[error("there is no module `{name}`")]
    Unknown {
        /// The name.
        name: String,
    },
    /// PulseAudio has it, and this version does not.
    #[error("`{name}` is not there yet: {reason}")]
    NotYet {
        /// The name.
        name: &'static str,
        /// What it needs.
        reason: &'static str,
    },
    /// It is loaded, and can be but once.
    #[error("`{name}` is loaded already, and can be only once")]
    Loaded {
        /// The name.
        name: &'static str,
    },
    /// The arguments are not `key=value` pairs, or a quote is not closed.
    #[error("the arguments cannot be read from byte {at} on")]
    Syntax {
        /// Where reading failed.
        at: usize,
    },
    /// The module does not know an argument.
    #[error("unknown argument `{key}`; there are {known}")]
    UnknownArgument {
        /// The argument.
        key: String,
        /// Those that it knows.
        known: String,
    },
    /// An argument is there twice.
    #[error("the argument `{key}` is there twice")]
    Repeated {
        /// The argument.
        key: String,
    },
    /// An argument cannot have this value.
    #[error("`{value}` is no value for `{key}`, which is {expected}")]
    BadValue {
        /// The argument.
        key: &'static str,
        /// Its value.
        value: String,
        /// What it can have.
        expected: String,
    },
    /// An argument that has to be there is not.
    #[error("`{key}` is missing")]
    Missing {
        /// The argument.
        key: &'static str,
    },
    /// Arguments do not go together.
    #[error("{what}")]
    Conflict {
        /// Which, and why.
        what: String,
    },
    /// Channels or rate are out of range.
    #[error("{spec} is not possible")]
    BadSpec {
        /// The spec.
        spec: SampleSpec,
    },
    /// The channel map is for another number of channels.
    #[error("a map of {map_channels} channels does not fit {channels} channels")]
    MapMismatch {
        /// Channels of the spec.
        channels: u8,
        /// Channels of the map.
        map_channels: u8,
    },
    /// The name of a device is empty, or taken up to `.99`.
    #[error("a device cannot be named `{name}`")]
    Name {
        /// The name.
        name: String,
    },
    /// There is no such device.
    #[error("there is no {kind} `{name}`")]
    NoDevice {
        /// `sink` or `source`.
        kind: &'static str,
        /// Its name; empty for the default one.
        name: String,
    },
    /// A stream cannot be made there.
    #[error("cannot make a stream: {0}")]
    Stream(sealpulse_protocol::ErrorCode),
    /// So many modules are loaded already.
    #[error("{limit} modules are loaded already")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// A file, socket or pipe cannot be used.
    #[error("{what}: {source}")]
    Io {
        /// What was tried with which.
        what: String,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// A socket cannot be made.
    #[error(transparent)]
    Server(#[from] Box<crate::ServerError>),
    /// The engine has no room for the device.
    #[error(transparent)]
    Engine(#[from] sealpulse_engine::EngineError),
}

impl ModuleError {
    /// `value` is none for `key`, whose type is `expected`.
    pub(super) fn bad(key: &'static str, value: impl Into<String>, expected: &Type) -> Self {
        Self::BadValue { key, value: value.into(), expected: expected.to_string() }
    }
}

impl From<DeviceError> for ModuleError {
    fn from(error: DeviceError) -> Self {
        match error {
            DeviceError::Name(name) => Self::Name { name },
            DeviceError::Engine(error) => Self::Engine(error),
        }
    }
}
