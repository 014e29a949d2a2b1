//! The demonstration's private directory, and its server.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::DemoError;

/// A private directory: socket, cookie, logs, recording. It goes when this is dropped.
pub(crate) struct Place {
    directory: TempDir,
}

impl Place {
    pub(crate) fn make() -> Result<Place, DemoError> {
        let failed = |error| DemoError::Files { what: "a private directory", error };
        let directory = tempfile::Builder::new().prefix("sealpulse-").tempdir().map_err(failed)?;
        File::create(directory.path().join("client.conf")).map_err(failed)?;
        Ok(Place { directory })
    }

    /// A file in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.file("native")
    }

    /// A command that knows this place's server and no other, whatever the user's own configuration says.
    pub(crate) fn command(&self, program: &str, log: &str) -> Result<Command, DemoError> {
        let log = File::create(self.file(log)).map_err(|error| DemoError::Files { what: "a log", error })?;
        let cache = std::env::var_os("XDG_CACHE_HOME")
            .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache").into_os_string()));
        let mut command = Command::new(program);
        command
            .env("PULSE_SERVER", format!("unix:{}", self.socket().display()))
            .env("PULSE_RUNTIME_PATH", self.directory.path())
            .env("XDG_RUNTIME_DIR", self.directory.path())
            .env("PULSE_COOKIE", self.file("cookie"))
            .env("PULSE_CLIENTCONFIG", self.file("client.conf"))
            .env("HOME", self.directory.path())
            .envs(cache.map(|cache| ("XDG_CACHE_HOME", cache)))
            .env_remove("PULSE_SINK")
            .env_remove("PULSE_SOURCE")
            .env_remove("PULSE_LATENCY_MSEC")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        Ok(command)
    }

    pub(crate) fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap_or_default()
    }
}

/// Asks a process to end.
pub(crate) fn terminate(child: &Child) {
    // One that has ended needs no signal.
    let _ = kill_process(Pid::from_child(child), Signal::TERM);
}

/// The server: this very program.
pub(crate) struct ServerProcess {
    child: Child,
}

impl ServerProcess {
    /// Starts it and waits until clients can connect.
    pub(crate) fn start(place: &Place) -> Result<ServerProcess, DemoError> {
        let start = |error| DemoError::Start { program: "the server", error };
        let program = std::env::current_exe().map_err(start)?;
        let mut child = place
            .command(&program.to_string_lossy(), "server.log")?
            .args(["serve", "--ready-fd", "1", "--socket"])
            .arg(place.socket())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(start)?;
        let mut line = String::new();
        if let Some(ready) = child.stdout.take() {
            BufReader::new(ready).read_line(&mut line).map_err(start)?;
        }
        if line.is_empty() {
            let status = child.wait().map_err(start)?.to_string();
            return Err(DemoError::Server { status, log: place.log("server.log") });
        }
        Ok(ServerProcess { child })
    }

    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends it as a service manager would.
    pub(crate) fn stop(mut self) -> Result<(), DemoError> {
        terminate(&self.child);
        self.child.wait().map_err(|error| DemoError::Start { program: "the server", error })?;
        Ok(())
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
