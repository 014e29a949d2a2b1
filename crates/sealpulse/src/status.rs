//! `sealpulse status`.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sealpulse_server::default_socket;
use sealpulse_server::status::{ClientStatus, Status};

use crate::cli::StatusOptions;
use crate::native::Native;

/// What cannot be shown.
#[derive(Debug, thiserror::Error)]
enum StatusError {
    #[error("PULSE_SERVER={server}: only `unix:` servers can be asked; give --socket PATH")]
    NotUnix { server: String },
}

/// Prints what the server is doing.
pub(crate) fn status(options: &StatusOptions) -> Result<(), Box<dyn Error>> {
    let json = ask(&socket(options.socket.as_deref())?)?;
    if options.json {
        println!("{json}");
    } else {
        print!("{}", tables(&serde_json::from_str(&json)?));
    }
    Ok(())
}

/// The status of the server at `socket`, as JSON.
pub(crate) fn ask(socket: &Path) -> Result<String, crate::native::NativeError> {
    Native::connect(socket)?.message("/sealpulse", "status")
}

fn socket(given: Option<&Path>) -> Result<PathBuf, Box<dyn Error>> {
    if let Some(path) = given {
        return Ok(path.to_owned());
    }
    match std::env::var("PULSE_SERVER").ok().filter(|server| !server.is_empty()) {
        None => Ok(default_socket()?),
        Some(server) => match server.strip_prefix("unix:").or(server.starts_with('/').then_some(&*server)) {
            Some(path) => Ok(path.into()),
            None => Err(StatusError::NotUnix { server }.into()),
        },
    }
}

fn tables(status: &Status) -> String {
    let mut text =
        format!("{} {}, process {}\n\n", status.server.name, status.server.version, status.server.pid);
    let mut clients = Table::new(&CLIENT_COLUMNS);
    for client in &status.clients {
        clients.row(&client_row(client));
    }
    text += &clients.finish();
    let mut streams = Table::new(&["STREAM", "CLIENT", "DEVICE", "FORMAT", "LATENCY", "QUEUED", "UNDERRUNS"]);
    for client in &status.clients {
        for stream in &client.streams {
            let state = if stream.corked { " (paused)" } else { "" };
            streams.row(&[
                format!("{}{state}", stream.name),
                client.name.clone(),
                stream.device.clone(),
                stream.spec.clone(),
                milliseconds(stream.latency_usec),
                bytes(stream.queued_bytes),
                stream.underruns.to_string(),
            ]);
        }
    }
    text += "\n";
    text += &streams.finish();
    let mut devices = Table::new(&["DEVICE", "STATE", "FORMAT", "CYCLE", "STREAMS", "BUSES", "LOAD"]);
    for device in &status.devices {
        devices.row(&[
            device.name.clone(),
            device.state.clone(),
            format!("{} {}ch {}Hz", device.format, device.channels, device.rate),
            milliseconds(device.cycle_usec),
            device.streams.to_string(),
            device.buses.to_string(),
            format!("{:.2} %", device.load * 100.0),
        ]);
    }
    text += "\n";
    text += &devices.finish();
    let mut threads = Table::new(&["THREAD", "WAKE-UPS", "REAL-TIME"]);
    for thread in &status.threads {
        threads.row(&[thread.name.clone(), thread.wakeups.to_string(), yes(thread.realtime)]);
    }
    text += "\n";
    text += &threads.finish();
    text
}

/// What is shown of a client.
pub(crate) const CLIENT_COLUMNS: [&str; 8] =
    ["CLIENT", "TRANSPORT", "SEALED", "RING", "REFERENCED", "COPIED", "LATENCY", "UNDERRUNS"];

/// A client's row under [`CLIENT_COLUMNS`].
pub(crate) fn client_row(client: &ClientStatus) -> [String; 8] {
    let latency = client.streams.iter().map(|stream| stream.latency_usec).max();
    [
        client.name.clone(),
        transport(client).to_owned(),
        yes(client.sealed),
        yes(client.srbchannel),
        bytes(client.bytes_referenced),
        bytes(client.bytes_copied),
        latency.map_or_else(|| "-".to_owned(), milliseconds),
        client.underruns.to_string(),
    ]
}

/// How a client's audio travels, as the JSON has it.
pub(crate) fn transport(client: &ClientStatus) -> &'static str {
    use sealpulse_server::status::Transport;
    match client.transport {
        Transport::Memfd => "memfd",
        Transport::PosixShm => "posix-shm",
        Transport::Socket => "socket",
    }
}

pub(crate) fn yes(is: bool) -> String {
    (if is { "yes" } else { "no" }).to_owned()
}

fn milliseconds(usec: u64) -> String {
    format!("{:.1} ms", usec as f64 / 1000.0)
}

/// Bytes with a unit that keeps them short.
pub(crate) fn bytes(count: u64) -> String {
    match count {
        0..10_000 => format!("{count} B"),
        10_000..10_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        _ => format!("{:.1} MB", count as f64 / 1e6),
    }
}

/// Text in columns that are as wide as they need to be.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(head: &[&str]) -> Self {
        Self { rows: vec![head.iter().map(|&name| name.to_owned()).collect()] }
    }

    pub(crate) fn row(&mut self, cells: &[String]) {
        // What an application calls itself must not move the cursor.
        let clean = |cell: &String| cell.chars().filter(|letter| !letter.is_control()).take(40).collect();
        self.rows.push(cells.iter().map(clean).collect());
    }

    pub(crate) fn finish(&self) -> String {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width =
            |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, &width) in row.iter().zip(&widths) {
                let _ = write!(line, "{cell:<width$}  ");
            }
            text += line.trim_end();
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_control_characters_go() {
        let mut table = Table::new(&["A", "B"]);
        table.row(&["long\x1b[2J name".into(), "1".into()]);
        table.row(&["x".into(), "22".into()]);
        assert_eq!(table.finish(), "A             B\nlong[2J name  1\nx             22\n");
    }

    #[test]
    fn bytes_have_units() {
        assert_eq!(bytes(9_999), "9999 B");
        assert_eq!(bytes(10_000), "10.0 kB");
        assert_eq!(bytes(12_345_678), "12.3 MB");
    }
}
