//! A server in directories of its own.

use crate::client::{base_environment, profile_directory};
use crate::pipewire::Companions;
use crate::{Application, Client, Transport, wait};
use rustix::process::Signal;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;

/// Which server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// `sealpulse serve`.
    Sealpulse,
    /// Debian's PulseAudio, the reference.
    PulseAudio,
    /// Debian's PipeWire: its daemon, WirePlumber and pipewire-pulse.
    PipeWire,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 3] = [Kind::Sealpulse, Kind::PulseAudio, Kind::PipeWire];

    /// The server that scenarios run against: sealpulse, unless `SEALPULSE_TEST_SERVER=pulseaudio`.
    pub fn of_scenarios() -> Kind {
        match std::env::var("SEALPULSE_TEST_SERVER").as_deref() {
            Ok("pulseaudio") => Kind::PulseAudio,
            _ => Kind::Sealpulse,
        }
    }
}

/// How a server is to be started.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Which one.
    pub kind: Kind,
    /// Modules to load, with their arguments.
    pub modules: Vec<String>,
    /// More of its command line.
    pub arguments: Vec<String>,
    /// Runs as this user and group; else as the test does.
    pub user: Option<u32>,
}

impl ServerOptions {
    /// The server of the scenarios with these modules.
    pub fn new(modules: &[&str]) -> ServerOptions {
        ServerOptions {
            kind: Kind::of_scenarios(),
            modules: modules.iter().map(|&module| module.to_owned()).collect(),
            arguments: Vec::new(),
            user: None,
        }
    }

    /// The same for another server.
    #[must_use]
    pub fn kind(mut self, kind: Kind) -> ServerOptions {
        self.kind = kind;
        self
    }

    /// The same as another user.
    #[must_use]
    pub fn user(mut self, user: u32) -> ServerOptions {
        self.user = Some(user);
        self
    }

    /// The same with more of a command line.
    #[must_use]
    pub fn arguments(mut self, arguments: &[&str]) -> ServerOptions {
        self.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    /// Starts it, and returns when it accepts clients.
    ///
    /// # Panics
    /// When it does not come up; the message holds its log.
    pub fn start(self) -> Server {
        let directory = tempfile::Builder::new().prefix("sealpulse-test-").tempdir().expect("/tmp is there");
        self.start_in(directory)
    }

    /// The same in a directory that may hold files already.
    pub fn start_in(self, directory: TempDir) -> Server {
        let root = directory.path();
        for name in ["home", "runtime", "runtime/pulse"] {
            let path = root.join(name);
            std::fs::create_dir_all(&path).expect("a private directory can be made");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700))
                .expect("and made private");
            if let Some(user) = self.user {
                std::os::unix::fs::chown(&path, Some(user), Some(user)).expect("and given away");
            }
        }
        std::fs::set_permissions(root, std::fs::Permissions::from_mode(0o755)).expect("others may pass");
        let companions = (self.kind == Kind::PipeWire)
            .then(|| Companions::start(root, |program| self.program(root, &[program])));
        let notify = root.join("notify");
        let _ = std::fs::remove_file(&notify);
        let ready = UnixDatagram::bind(&notify).expect("the notification socket can be made");
        std::fs::set_permissions(&notify, std::fs::Permissions::from_mode(0o666)).expect("for any user");
        let mut command = self.command(root);
        command.env("NOTIFY_SOCKET", &notify);
        let socket = root.join("runtime/pulse/native");
        let process = Application::start("server", root, command);
        let kind = self.kind;
        let mut server = Server { kind, process, companions, socket, notifications: ready, directory };
        server.wait_ready();
        if kind != Kind::PulseAudio {
            let client = server.client(Transport::Memfd);
            for module in &self.modules {
                let arguments: Vec<&str> = ["load-module"].into_iter().chain(module.splitn(2, ' ')).collect();
                client.pactl(&arguments);
            }
            if let Some(companions) = &mut server.companions {
                companions.wait_for_default(&client);
            }
        }
        server
    }

    /// A program in the server's environment and as its user, which dies with the test.
    fn program(&self, root: &Path, program_and_arguments: &[&str]) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if let Some(user) = self.user {
            let user = user.to_string();
            command.args(["--reuid", &user, "--regid", &user, "--clear-groups"]);
        }
        command.arg("--").args(program_and_arguments);
        command.env_clear().envs(base_environment(root)).current_dir(root);
        // PipeWire would ask for real-time priority over D-Bus.
        command.env("DISABLE_RTKIT", "1");
        command
    }

    /// The command line of the server in `root`.
    pub fn command(&self, root: &Path) -> Command {
        let mut command = match self.kind {
            Kind::Sealpulse => {
                let program = sealpulse().to_str().expect("the program's path is UTF-8");
                self.program(root, &[program, "serve", "--no-null-sink", "--disallow-exit"])
            }
            Kind::PulseAudio => {
                let mut command = self.program(root, &["pulseaudio", "-n", "--daemonize=no"]);
                command.args(["--exit-idle-time=-1", "--disallow-exit", "--use-pid-file=no"]);
                command.args(["--log-target=stderr", "--realtime=no", "--high-priority=no"]);
                command.args(["-L", "module-native-protocol-unix"]);
                for module in &self.modules {
                    command.args(["-L", module]);
                }
                command
            }
            Kind::PipeWire => self.program(root, &["pipewire-pulse"]),
        };
        command.args(&self.arguments);
        command
    }
}

/// A running server. Dropped, it is ended and its directories are removed.
#[derive(Debug)]
pub struct Server {
    kind: Kind,
    process: Application,
    companions: Option<Companions>,
    socket: PathBuf,
    /// Where the server says, too, that it ends.
    notifications: UnixDatagram,
    directory: TempDir,
}

impl Server {
    /// Starts the server of the scenarios with these modules.
    pub fn start(modules: &[&str]) -> Server {
        ServerOptions::new(modules).start()
    }

    /// The kind of server.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// True for sealpulse, false for the reference.
    pub fn is_sealpulse(&self) -> bool {
        self.kind == Kind::Sealpulse
    }

    /// Its process.
    pub fn process(&mut self) -> &mut Application {
        &mut self.process
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Its listening socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Its private directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        let companions = self.companions.as_ref().map(Companions::log).unwrap_or_default();
        companions + &self.process.errors()
    }

    /// The environment of a client.
    pub fn client(&self, transport: Transport) -> Client {
        Client::new(self.directory(), &format!("unix:{}", self.socket.display()), transport)
    }

    /// Ends it by SIGTERM; gives its directory, for what it left there.
    pub fn stop(mut self) -> TempDir {
        let output = self.process.terminate();
        output.expect_success("the server at SIGTERM");
        self.companions = None;
        let replacement = tempfile::tempdir().expect("/tmp is there");
        std::mem::replace(&mut self.directory, replacement)
    }

    /// Ends it by SIGKILL, wherever it is just now; gives its directory, for what it left there.
    pub fn kill(mut self) -> TempDir {
        self.process.signal(Signal::KILL);
        self.process.wait(wait::LIMIT);
        self.companions = None;
        let replacement = tempfile::tempdir().expect("/tmp is there");
        std::mem::replace(&mut self.directory, replacement)
    }

    fn wait_ready(&mut self) {
        if let Some(companions) = &mut self.companions {
            return companions.wait_ready(&mut self.process, &self.socket);
        }
        let mut message = [0; 256];
        loop {
            // A server that ends instead closes nothing here, so look at it now and then.
            if wait::readable(&self.notifications, std::time::Duration::from_millis(250)) {
                let length = self.notifications.recv(&mut message).expect("the notification can be read");
                if String::from_utf8_lossy(&message[..length]).lines().any(|line| line == "READY=1") {
                    return;
                }
            }
            assert!(self.process.is_running(), "the server ended: {}", self.log());
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the log of the {:?} server:\n{}", self.kind, self.log());
        }
        self.process.signal(Signal::TERM);
    }
}

/// The program under test: `SEALPULSE_BIN`, or built now by the cargo that runs the tests.
pub fn sealpulse() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if let Some(path) = std::env::var_os("SEALPULSE_BIN") {
            return PathBuf::from(path);
        }
        let profile = profile_directory();
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build.args(["build", "--quiet", "--package", "sealpulse"]);
        build.arg("--target-dir").arg(profile.parent().expect("a profile lies in target"));
        if profile.ends_with("release") {
            build.arg("--release");
        }
        let status = build.status().expect("cargo runs");
        assert!(status.success(), "the program does not build");
        profile.join("sealpulse")
    })
}
