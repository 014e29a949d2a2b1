//! What can go wrong with a tool that asks a server.

use sealpulse_client::{ClientError, ConfigError, ErrorCode};

use super::target::{Kind, TargetError};
use super::volume::VolumeError;

/// Why a tool did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ToolError {
    #[error("cannot tell which server is meant: {0}")]
    Config(#[from] ConfigError),
    #[error("{0}; `sealpulse serve` starts a server, and --server or PULSE_SERVER says where another one is")]
    Connect(ClientError),
    #[error("cannot {what}: {error}{}", advice(error))]
    Failed { what: String, error: ClientError },
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error("cannot set the volume of {object}: {error}")]
    Volume { object: String, error: VolumeError },
    #[error("{object} has no volume: what it plays is passed through as it is")]
    NoVolume { object: String },
    #[error("a {stream} plays where {wanted}s are; {device} is a {is}")]
    WrongDevice { stream: Kind, wanted: Kind, device: String, is: Kind },
    #[error("there is no module `{name}`; `sealpulse list modules` shows those that are loaded")]
    NoModule { name: String },
    #[error("`{name}` fits {count} modules; give an index, or --all:{list}", count = list.lines().count() - 1)]
    SeveralModules { name: String, list: String },
    #[error("`{name}` comes from the server itself, not from a module")]
    NotOfAModule { name: String },
    #[error("the server's status makes no sense: {0}")]
    Status(#[from] serde_json::Error),
    #[error("cannot draw on the terminal: {0}")]
    Terminal(std::io::Error),
    #[error("top needs a terminal; `sealpulse status` prints the same once")]
    NoTerminal,
}

/// What may help, beginning with a semicolon.
fn advice(error: &ClientError) -> &'static str {
    let ClientError::Server { code, .. } = error else { return "" };
    match code {
        ErrorCode::Access => {
            "; the server does not allow it: it may run with --disallow-module-loading, or take no cookie of yours"
        }
        ErrorCode::NoEntity => "; `sealpulse list` shows what there is now",
        ErrorCode::ModuleInitFailed => "; the server's log says why: its arguments, most often",
        ErrorCode::NotSupported | ErrorCode::NotImplemented => "; this server cannot do that",
        ErrorCode::BadState => "; the device is not in a state for it",
        _ => "",
    }
}

/// Says what was asked for when it fails.
pub(crate) trait While<T> {
    /// Makes of `what`, such as "load module-null-sink", the beginning of the message.
    fn when(self, what: impl FnOnce() -> String) -> Result<T, ToolError>;
}

impl<T> While<T> for Result<T, ClientError> {
    fn when(self, what: impl FnOnce() -> String) -> Result<T, ToolError> {
        self.map_err(|error| ToolError::Failed { what: what(), error })
    }
}
