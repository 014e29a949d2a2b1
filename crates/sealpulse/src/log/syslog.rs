//! The system's log, by the datagrams of RFC 3164.
//!
//! They have no time: whoever receives them has a clock, and knows the time zone.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use tracing::Level;

/// The facility: system daemons (`LOG_DAEMON`).
const DAEMON: u8 = 3;

/// Longest message in bytes; receivers take no more.
const MESSAGE_MAX: usize = 8_000;

/// A way to the system's log.
#[derive(Debug)]
pub(super) struct Syslog {
    socket: UnixDatagram,
    place: PathBuf,
}

impl Syslog {
    /// Finds the log at its socket.
    pub(super) fn open(place: &Path) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        // A log that does not read must not stop us.
        socket.set_nonblocking(true)?;
        socket.connect(place)?;
        Ok(Self { socket, place: place.to_owned() })
    }

    /// Sends a message; if nobody takes it, it is lost.
    pub(super) fn send(&self, level: Level, message: &[u8]) {
        let datagram = datagram(level, std::process::id(), message);
        if let Err(error) = self.socket.send(&datagram)
            && error.kind() != io::ErrorKind::WouldBlock
            // The log was started anew.
            && self.socket.connect(&self.place).is_ok()
        {
            let _ = self.socket.send(&datagram);
        }
    }
}

fn severity(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

/// `<priority>tag[pid]: message`, on one line.
fn datagram(level: Level, pid: u32, message: &[u8]) -> Vec<u8> {
    let mut datagram = format!("<{}>pulseaudio[{pid}]: ", DAEMON * 8 + severity(level)).into_bytes();
    let message = message.trim_ascii();
    let plain = message.iter().map(|&byte| if byte.is_ascii_control() { b' ' } else { byte });
    datagram.extend(plain.take(MESSAGE_MAX));
    datagram
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(level: Level, message: &str) -> String {
        String::from_utf8(datagram(level, 7, message.as_bytes())).unwrap()
    }

    #[test]
    fn a_message_has_a_priority_and_one_line() {
        assert_eq!(text(Level::ERROR, " a\n"), "<27>pulseaudio[7]: a");
        assert_eq!(text(Level::WARN, "a\n<3>b\tc"), "<28>pulseaudio[7]: a <3>b c");
        assert_eq!(text(Level::INFO, "a"), "<30>pulseaudio[7]: a");
        assert_eq!(text(Level::DEBUG, "a"), "<31>pulseaudio[7]: a");
        assert!(text(Level::INFO, &"x".repeat(20_000)).len() < 8_100);
    }

    #[test]
    fn a_log_that_was_started_anew_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("log");
        let first = UnixDatagram::bind(&place).unwrap();
        let syslog = Syslog::open(&place).unwrap();
        drop(first);
        std::fs::remove_file(&place).unwrap();
        // Nobody hears this.
        syslog.send(Level::INFO, b"one");
        let second = UnixDatagram::bind(&place).unwrap();
        syslog.send(Level::INFO, b"two");
        let mut datagram = [0; 64];
        let length = second.recv(&mut datagram).unwrap();
        assert!(datagram[..length].ends_with(b": two"));
    }

    #[test]
    fn a_log_that_does_not_read_stops_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("log");
        let _deaf = UnixDatagram::bind(&place).unwrap();
        let syslog = Syslog::open(&place).unwrap();
        (0..2_000).for_each(|_| syslog.send(Level::INFO, b"more than its queue has room for"));
    }
}
