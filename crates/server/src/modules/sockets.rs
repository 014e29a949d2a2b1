//! The sockets of protocol modules.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use super::ModuleError;
use super::args::ModuleArgs;
use super::argument::{Argument, Type};
use crate::activation::Passed;
use crate::listeners::Bound;
use crate::runtime_directory;
use crate::state::State;

pub(super) const UNIX_SOCKET: &[Argument] = &[Argument::new(
    "socket",
    Type::Path,
    "the protocol's",
    "The socket, in the runtime directory unless it is a whole path.",
)];

pub(super) const TCP: &[Argument] = &[
    Argument::new("port", Type::Number(1, 65_535), "the protocol's", "The port."),
    Argument::new("listen", Type::Text, "all addresses", "The address to listen at."),
];

/// The path of the socket that the arguments say.
pub(super) fn unix_socket(args: &ModuleArgs, default: &str) -> Result<PathBuf, ModuleError> {
    runtime_path(&args.text("socket").unwrap_or_else(|| default.to_owned()))
}

/// A file in the runtime directory, unless it says where it is.
pub(super) fn runtime_path(file: &str) -> Result<PathBuf, ModuleError> {
    let path = Path::new(file);
    if path.is_absolute() {
        return Ok(path.to_owned());
    }
    Ok(runtime_directory().map_err(Box::new)?.join(path))
}

/// The sockets that the arguments say. Where no port is said and the usual one is taken, any will do.
pub(super) fn tcp_sockets(
    state: &mut State,
    args: &ModuleArgs,
    usual: u16,
) -> Result<Vec<Bound>, ModuleError> {
    let asked = args.number("port").and_then(|port| u16::try_from(port).ok());
    let port = asked.unwrap_or(usual);
    match bind(&mut state.passed, args, port) {
        Err(ModuleError::Io { source, .. })
            if asked.is_none() && source.kind() == std::io::ErrorKind::AddrInUse =>
        {
            bind(&mut state.passed, args, 0)
        }
        result => result,
    }
}

fn bind(passed: &mut Passed, args: &ModuleArgs, port: u16) -> Result<Vec<Bound>, ModuleError> {
    let Some(listen) = args.text("listen") else {
        let passed = passed.tcp(port, None);
        if !passed.is_empty() {
            return Ok(passed.into_iter().map(Bound::Tcp).collect());
        }
        return Bound::tcp_any(port)
            .map_err(|source| ModuleError::Io { what: format!("port {port}"), source });
    };
    let failed = |source| ModuleError::Io { what: format!("{listen}, port {port}"), source };
    let address = match listen.parse::<IpAddr>() {
        Ok(address) => SocketAddr::new(address, port),
        Err(_) => (listen.as_str(), port).to_socket_addrs().map_err(failed)?.next().ok_or_else(|| {
            failed(std::io::Error::new(std::io::ErrorKind::AddrNotAvailable, "the name has no address"))
        })?,
    };
    match passed.tcp(port, Some(address)).pop() {
        Some(listener) => Ok(vec![Bound::Tcp(listener)]),
        None => Ok(vec![Bound::tcp(address).map_err(failed)?]),
    }
}
