//! Applications: their environment, their transport, and how they end.

use crate::wait;
use rustix::process::{Pid, PidfdFlags, Signal};
use serde_json::Value;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How a client's samples travel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Transport {
    /// libpulse's default: memfds.
    Memfd,
    /// `enable-memfd=no`: POSIX shared memory.
    PosixShm,
    /// `enable-shm=no`: the socket.
    Socket,
}

impl Transport {
    /// All three.
    pub const ALL: [Transport; 3] = [Transport::Memfd, Transport::PosixShm, Transport::Socket];

    /// What `sealpulse status` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Transport::Memfd => "memfd",
            Transport::PosixShm => "posix-shm",
            Transport::Socket => "socket",
        }
    }

    fn client_conf(self) -> &'static str {
        match self {
            Transport::Memfd => "autospawn = no\n",
            Transport::PosixShm => "autospawn = no\nenable-memfd = no\n",
            Transport::Socket => "autospawn = no\nenable-shm = no\n",
        }
    }
}

/// The environment of an application: which server, which transport, whose home.
#[derive(Clone, Debug)]
pub struct Client {
    directory: PathBuf,
    environment: Vec<(String, String)>,
}

/// What a command that ended has said.
#[derive(Clone, Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

static SERIAL: AtomicU32 = AtomicU32::new(0);

impl Client {
    /// `directory` holds the home (with the cookie) and the output of what runs.
    pub(crate) fn new(directory: &Path, server: &str, transport: Transport) -> Client {
        let configuration = directory.join(format!("client-{}.conf", transport.name()));
        std::fs::write(&configuration, transport.client_conf()).expect("client.conf can be written");
        let mut client = Client { directory: directory.to_owned(), environment: base_environment(directory) };
        client.set("PULSE_SERVER", server);
        client.set("PULSE_CLIENTCONFIG", configuration.to_str().expect("the path is UTF-8"));
        client
    }

    /// Sets a variable of the environment.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(other, _)| other != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// The same with one more variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Client {
        self.set(name, value);
        self
    }

    /// The same without a variable.
    #[must_use]
    pub fn without(mut self, name: &str) -> Client {
        self.environment.retain(|(other, _)| other != name);
        self
    }

    /// A path in the test's own directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// A program in this environment, which dies with the test.
    pub fn command<S: AsRef<std::ffi::OsStr>>(&self, program: &str, arguments: &[S]) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM", "--", program]).args(arguments);
        command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(&self.directory);
        command
    }

    /// Starts a program; its output goes to files that [`Application`] knows.
    pub fn start<S: AsRef<std::ffi::OsStr>>(&self, program: &str, arguments: &[S]) -> Application {
        let name = Path::new(program).file_name().and_then(|name| name.to_str()).unwrap_or("program");
        Application::start(name, &self.directory, self.command(program, arguments))
    }

    /// Runs a program to its end.
    ///
    /// # Panics
    /// When it has not ended after [`wait::LIMIT`].
    pub fn run<S: AsRef<std::ffi::OsStr>>(&self, program: &str, arguments: &[S]) -> Output {
        self.start(program, arguments).wait(wait::LIMIT)
    }

    /// Runs `pactl`, which must succeed, and gives its standard output.
    pub fn pactl(&self, arguments: &[&str]) -> String {
        let output = self.run("pactl", arguments);
        assert!(output.status.success(), "pactl {arguments:?}: {}{}", output.stdout, output.stderr);
        output.stdout
    }

    /// Runs `pactl -f json`, which must succeed, and gives what it printed.
    pub fn pactl_json(&self, arguments: &[&str]) -> Value {
        let mut all = vec!["-f", "json"];
        all.extend(arguments);
        let text = self.pactl(&all);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("pactl {arguments:?}: {error}: {text}"))
    }

    /// What sealpulse says of itself.
    pub fn status(&self) -> Value {
        let text = self.pactl(&["send-message", "/sealpulse", "status"]);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("status: {error}: {text}"))
    }
}

/// The environment of a process that sees nothing of the machine's own sound set-up.
pub(crate) fn base_environment(directory: &Path) -> Vec<(String, String)> {
    let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".into());
    let home = directory.join("home").to_string_lossy().into_owned();
    let runtime = directory.join("runtime").to_string_lossy().into_owned();
    [
        ("PATH", path),
        ("HOME", home),
        ("XDG_RUNTIME_DIR", runtime),
        ("LANG", "C.UTF-8".into()),
        ("TERM", "dumb".into()),
        // GStreamer would otherwise rebuild its registry for each new home.
        ("GST_REGISTRY", profile_directory().join("gst-registry.bin").display().to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// The directory of what cargo has built, such as `target/debug`.
pub(crate) fn profile_directory() -> PathBuf {
    let test = std::env::current_exe().expect("the test has a path");
    test.ancestors().nth(2).expect("a test lies in target/PROFILE/deps").to_owned()
}

/// A program that runs. Dropped, it is ended.
#[derive(Debug)]
pub struct Application {
    name: String,
    child: Child,
    pidfd: OwnedFd,
    stdout: PathBuf,
    stderr: PathBuf,
    ended: Option<ExitStatus>,
}

impl Application {
    /// Starts `command` with its output in files of `directory`.
    pub(crate) fn start(name: &str, directory: &Path, mut command: Command) -> Application {
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let output = directory.join("output");
        std::fs::create_dir_all(&output).expect("the output directory can be made");
        let file = |kind: &str| {
            let path = output.join(format!("{serial}-{name}.{kind}"));
            (path.clone(), File::create(path).expect("an output file can be made"))
        };
        let (stdout, stdout_file) = file("out");
        let (stderr, stderr_file) = file("err");
        let child = command
            .stdin(Stdio::null())
            .stdout(stdout_file)
            .stderr(stderr_file)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let pid = Pid::from_child(&child);
        let pidfd = rustix::process::pidfd_open(pid, PidfdFlags::empty()).expect("pidfd_open works");
        Application { name: name.to_owned(), child, pidfd, stdout, stderr, ended: None }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where its standard output goes.
    pub fn stdout(&self) -> &Path {
        &self.stdout
    }

    /// What it has written to standard error so far.
    pub fn errors(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.stderr).unwrap_or_default()).into_owned()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        if self.ended.is_none() {
            let _ = rustix::process::pidfd_send_signal(&self.pidfd, signal);
        }
    }

    /// True until it has ended.
    pub fn is_running(&mut self) -> bool {
        self.ended_within(Duration::ZERO).is_none()
    }

    /// Its exit status if it ends within `limit`.
    pub fn ended_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        if self.ended.is_none() && wait::readable(&self.pidfd, limit) {
            self.ended = self.child.wait().ok();
        }
        self.ended
    }

    /// Waits for its end and gives what it said.
    ///
    /// # Panics
    /// When it has not ended within `limit`.
    pub fn wait(&mut self, limit: Duration) -> Output {
        let Some(status) = self.ended_within(limit) else {
            panic!("{} has not ended after {limit:?}; it said: {}", self.name, self.errors());
        };
        Output { status, stdout: read(&self.stdout), stderr: read(&self.stderr) }
    }

    /// Ends it by SIGTERM and gives what it said.
    pub fn terminate(&mut self) -> Output {
        self.signal(Signal::TERM);
        self.wait(wait::LIMIT)
    }
}

impl Output {
    /// The exit status, or 128 and the signal.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| 128 + self.status.signal().unwrap_or_default())
    }

    /// Fails the test unless the program ended well.
    pub fn expect_success(&self, what: &str) {
        assert!(self.status.success(), "{what}: {}\n{}{}", self.status, self.stdout, self.stderr);
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        if self.is_running() {
            // A client that goes in order takes its POSIX segment with it.
            self.signal(Signal::TERM);
            if self.ended_within(Duration::from_secs(2)).is_none() {
                self.signal(Signal::KILL);
                let _ = self.child.wait();
            }
        }
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}
