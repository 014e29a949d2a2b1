//! The connection of a tool.

use std::time::Duration;

use sealpulse_client::{Config, Context, Wait};

use super::error::ToolError;
use crate::cli::ServerOption;

/// How long a person waits for an answer before the server counts as stuck.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How a tool connects to the server that is meant.
pub(crate) fn config(option: &ServerOption, name: &str) -> Result<Config, ToolError> {
    let config = match &option.server {
        Some(server) => Config::from_env_with_server(server)?,
        None => Config::from_env()?,
    };
    // There is no sound to share.
    Ok(Config { shm: false, timeout: TIMEOUT, ..config.named(name) })
}

/// A connection to the server that is meant.
pub(crate) fn connect(option: &ServerOption, name: &str) -> Result<Context, ToolError> {
    Context::connect(config(option, name)?).wait().map_err(ToolError::Connect)
}
