//! The tools: programs on top of the client library, one to a file.

mod inputs;
mod meter;
pub(crate) mod play;
pub(crate) mod plot;
pub(crate) mod record;
pub(crate) mod time;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use sealpulse_client::{Config, ConfigError};

/// How a tool that carries sound connects.
fn config(server: Option<&str>, name: &str) -> Result<Config, ConfigError> {
    let config = match server {
        Some(server) => Config::from_env_with_server(server)?,
        None => Config::from_env()?,
    };
    Ok(config.named(name))
}

/// What a future has by now.
fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}
