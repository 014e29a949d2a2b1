//! The live table and the summary.

use std::io::{IsTerminal, Write};

use sealpulse_server::status::{ClientStatus, DeviceStatus};

use super::Seen;
use super::player::Player;
use super::recording::Recording;
use crate::table::{Table, bytes, milliseconds, or_unknown, yes};
use crate::tools::transport;

/// Draws in place on a terminal, and nothing elsewhere.
pub(crate) struct Screen {
    live: bool,
    lines: usize,
}

impl Screen {
    pub(crate) fn new() -> Self {
        Self { live: std::io::stdout().is_terminal(), lines: 0 }
    }

    /// Shows what plays now.
    pub(crate) fn draw(&mut self, players: &[Player], recorder: i32, seen: &Seen, devices: &[DeviceStatus]) {
        if !self.live {
            return;
        }
        let mut table = Table::new(&CLIENT_COLUMNS);
        for player in players {
            table.row(&current_row(player.name(), player.pids().last(), seen));
        }
        table.row(&current_row("parec (monitor)", Some(recorder), seen));
        let mut text = table.finish();
        for device in devices {
            text += &device_line(device);
        }
        self.replace(&text);
    }

    /// Writes `text` over what was written last.
    fn replace(&mut self, text: &str) {
        let mut out = std::io::stdout().lock();
        let mut screen = String::new();
        if self.lines > 0 {
            screen = format!("\x1b[{}F", self.lines);
        }
        for line in text.lines() {
            screen += line;
            screen += "\x1b[K\n";
        }
        self.lines = text.lines().count();
        // Who closes the terminal does not want to read on.
        let _ = out.write_all(screen.as_bytes()).and_then(|()| out.flush());
    }

    /// Shows what each application did as a whole.
    pub(crate) fn summary(
        &mut self,
        players: &[Player],
        recorder: i32,
        seen: &Seen,
        devices: &[DeviceStatus],
        recording: &Recording,
    ) {
        let mut table = Table::new(&[
            "APPLICATION",
            "FILES",
            "TRANSPORT",
            "SEALED",
            "RING",
            "REFERENCED",
            "COPIED",
            "UNDERRUNS",
        ]);
        for player in players {
            table.row(&total_row(player.name(), player.pids().collect(), seen));
        }
        table.row(&total_row("parec (monitor)", vec![recorder], seen));
        let mut text = table.finish();
        for device in devices {
            text += &device_line(device);
        }
        text += &match &recording.problem {
            Some(problem) => format!("recording: {problem}\n"),
            None => format!("recording: {:.1} s, peak {:.3}\n", recording.seconds, recording.peak),
        };
        println!();
        self.lines = 0;
        print!("{text}");
    }
}

/// What is shown of a client.
const CLIENT_COLUMNS: [&str; 8] =
    ["CLIENT", "TRANSPORT", "SEALED", "RING", "REFERENCED", "COPIED", "LATENCY", "UNDERRUNS"];

/// A client's row under [`CLIENT_COLUMNS`].
fn client_row(client: &ClientStatus) -> [String; 8] {
    let latency = client.streams.iter().map(|stream| stream.latency_usec).max();
    [
        client.name.clone(),
        transport(client.transport).to_owned(),
        yes(client.sealed),
        yes(client.srbchannel),
        bytes(client.bytes_referenced),
        bytes(client.bytes_copied),
        or_unknown(latency, milliseconds),
        client.underruns.to_string(),
    ]
}

fn current_row(name: &str, pid: Option<i32>, seen: &Seen) -> [String; 8] {
    let mut row = match pid.and_then(|pid| seen.get(&pid)) {
        Some(client) => client_row(client),
        None => std::array::from_fn(|_| "-".to_owned()),
    };
    row[0] = name.to_owned();
    row
}

fn total_row(name: &str, pids: Vec<i32>, seen: &Seen) -> [String; 8] {
    let clients: Vec<_> = pids.iter().filter_map(|pid| seen.get(pid)).collect();
    let sum = |of: fn(&&&ClientStatus) -> u64| clients.iter().map(|c| of(&c)).sum();
    let mut transports: Vec<_> = clients.iter().map(|client| transport(client.transport)).collect();
    transports.sort_unstable();
    transports.dedup();
    [
        name.to_owned(),
        pids.len().to_string(),
        transports.join(", "),
        yes(clients.iter().all(|client| client.sealed) && !clients.is_empty()),
        yes(clients.iter().all(|client| client.srbchannel) && !clients.is_empty()),
        bytes(sum(|client| client.bytes_referenced)),
        bytes(sum(|client| client.bytes_copied)),
        sum(|client| client.underruns).to_string(),
    ]
}

fn device_line(device: &DeviceStatus) -> String {
    format!(
        "sink {}: {} {}ch {} Hz, cycle {:.1} ms, {} streams on {} buses, load {:.2} %\n",
        device.name,
        device.format,
        device.channels,
        device.rate,
        device.cycle_usec as f64 / 1000.0,
        device.streams,
        device.buses,
        device.load * 100.0
    )
}
