//! Telling others that the server accepts connections.

use std::env;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Writes a newline to `fd` and closes it.
pub(crate) fn tell_fd(fd: OwnedFd) {
    if let Err(error) = File::from(fd).write_all(b"\n") {
        tracing::warn!(%error, "cannot tell that the server is ready");
    }
}

/// sd_notify: one datagram to `$NOTIFY_SOCKET`, which is a path or (with `@`) an abstract name.
pub(crate) fn tell_service_manager(state: &str) {
    let Some(name) = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else { return };
    let address = match name.as_bytes() {
        [b'@', rest @ ..] => SocketAddr::from_abstract_name(rest),
        path => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(path)),
    };
    let sent = address.and_then(|address| UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address));
    if let Err(error) = sent {
        tracing::warn!(%error, "cannot reach the service manager");
    }
}
