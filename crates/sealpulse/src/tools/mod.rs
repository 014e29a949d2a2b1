//! The tools: programs on top of the client library, one to a file.

mod complete;
mod control;
mod error;
mod inputs;
mod list;
mod lists;
mod meter;
mod overview;
pub(crate) mod play;
pub(crate) mod plot;
pub(crate) mod record;
mod server;
mod status;
mod target;
pub(crate) mod top;
mod volume;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use sealpulse_client::{Config, ConfigError};

pub(crate) use self::complete::command;
pub(crate) use self::control::{default, load, move_stream, mute, unload, volume};
pub(crate) use self::list::list;
pub(crate) use self::overview::transport;
pub(crate) use self::status::{of_server as server_status, status};
use crate::cli::time;

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
