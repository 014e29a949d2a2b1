//! What benchmarks have in common: a server of their own, and a way to compare two things in one run.
//!
//! Figures of one machine say little about another, and those of one minute little about the next. So benchmarks measure
//! both sides in turns, and report ratios.
#![forbid(unsafe_code)]

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sealpulse_client::{Config, ConfigError};
use tempfile::TempDir;

/// A server on a private socket, ended when this is dropped.
#[derive(Debug)]
pub struct Server {
    process: Child,
    directory: TempDir,
}

impl Server {
    /// Starts the program that `SEALPULSE_BIN` names, else that of a release build, with a null sink.
    ///
    /// # Errors
    /// The system's, and [`io::ErrorKind::TimedOut`] where the server does not come up within ten seconds.
    pub fn start() -> io::Result<Server> {
        let directory = tempfile::tempdir()?;
        let binary = std::env::var_os("SEALPULSE_BIN").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/release/sealpulse"),
            PathBuf::from,
        );
        let socket = directory.path().join("native");
        let process = Command::new(&binary)
            .args(["serve", "--no-cookie", "--socket"])
            .arg(&socket)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", binary.display())))?;
        let server = Server { process, directory };
        let deadline = Instant::now() + Duration::from_secs(10);
        while std::os::unix::net::UnixStream::connect(&socket).is_err() {
            if Instant::now() > deadline {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the server does not come up"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(server)
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Where it listens, as `PULSE_SERVER` has it.
    pub fn address(&self) -> String {
        format!("unix:{}", self.directory.path().join("native").display())
    }

    /// How our client finds it.
    ///
    /// # Errors
    /// None for an address that a server of ours can have.
    pub fn config(&self) -> Result<Config, ConfigError> {
        Config::default().with_server(&self.address())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Does each of `sides` in turns, `rounds` times; the median time of each.
pub fn in_turns(rounds: usize, sides: &mut [&mut dyn FnMut()]) -> Vec<Duration> {
    let mut times = vec![Vec::with_capacity(rounds); sides.len()];
    for _ in 0..rounds {
        for (side, times) in sides.iter_mut().zip(&mut times) {
            let start = Instant::now();
            side();
            times.push(start.elapsed());
        }
    }
    for times in &mut times {
        times.sort_unstable();
    }
    times.iter().map(|times| times.get(times.len() / 2).copied().unwrap_or_default()).collect()
}

/// Seconds of processor time that a process has used so far, in the kernel and outside; 0 if there is none.
pub fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name, in parentheses, may contain spaces.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default();
    // Linux counts them in hundredths of a second for programs.
    (ticks(11) + ticks(12)) / 100.0
}
