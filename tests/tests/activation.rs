//! The server as a service manager starts it: with a socket that listens already, and with somebody to tell that it is
//! ready. What is started as `pulseaudio` is held against PulseAudio 16.1.

use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use sealpulse_tests::{sealpulse, wait};
use tempfile::TempDir;

/// Becomes the program with standard input as descriptor 3, as a service manager does.
const PASS: &str = "exec env LISTEN_PID=$$ LISTEN_FDS=${COUNT:-1} \"$@\" 3<&0 </dev/null";

/// A server that can be passed a socket.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Program {
    Serve,
    Ours,
    PulseAudios,
}

impl Program {
    const ALL: [Program; 3] = [Program::Serve, Program::Ours, Program::PulseAudios];
}

/// A private place where one is started.
struct Place {
    directory: TempDir,
    program: Program,
    notifications: UnixDatagram,
    notify: String,
}

impl Place {
    fn new(program: Program) -> Place {
        let directory = tempfile::tempdir().expect("/tmp is there");
        for folder in ["bin", "home/.config/pulse", "run/pulse"] {
            fs::create_dir_all(directory.path().join(folder)).expect("it can be made");
        }
        let private = fs::Permissions::from_mode(0o700);
        fs::set_permissions(directory.path().join("run/pulse"), private).expect("it is ours");
        std::os::unix::fs::symlink(sealpulse(), directory.path().join("bin/pulseaudio"))
            .expect("it can be linked");
        let notify = directory.path().join("notify");
        let notifications = UnixDatagram::bind(&notify).expect("it can be bound");
        let notify = notify.display().to_string();
        Place { directory, program, notifications, notify }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn socket(&self) -> PathBuf {
        self.path("run/pulse/native")
    }

    /// A command that dies with the test.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--", program]).env_clear().current_dir(self.directory.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.path("home")).env("XDG_RUNTIME_DIR", self.path("run"));
        command.env("LC_ALL", "C").env("NOTIFY_SOCKET", &self.notify).stdin(Stdio::null());
        command
    }

    /// The server's command line.
    fn server(&self) -> Vec<String> {
        let program = match self.program {
            Program::Serve => sealpulse().display().to_string(),
            Program::Ours => self.path("bin/pulseaudio").display().to_string(),
            Program::PulseAudios => "/usr/bin/pulseaudio".to_owned(),
        };
        let arguments: &[&str] = match self.program {
            Program::Serve => &["serve", "--no-realtime"],
            _ => &[
                "-n",
                "--daemonize=no",
                "--exit-idle-time=-1",
                "--realtime=no",
                "-L",
                "module-native-protocol-unix",
            ],
        };
        std::iter::once(program).chain(arguments.iter().map(|&argument| argument.to_owned())).collect()
    }

    /// Starts the server with a socket as its descriptor 3.
    fn start(&self, socket: impl Into<OwnedFd>, count: &str) -> Running {
        let mut command = self.command("sh");
        command.args(["-c", PASS, "sh"]).args(self.server()).env("COUNT", count);
        command.stdin(Stdio::from(socket.into()));
        Running::start(command, self.path("log"))
    }

    fn pactl(&self, arguments: &[&str]) -> Output {
        let output = self.command("timeout").args(["20", "pactl"]).args(arguments).output();
        output.expect("pactl is there")
    }

    fn info(&self) -> String {
        let output = self.pactl(&["info"]);
        assert!(output.status.success(), "{:?}: {}", self.program, String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What the server says to the service manager next.
    fn said(&self) -> String {
        assert!(wait::readable(&self.notifications, wait::LIMIT), "{:?} says nothing", self.program);
        let mut message = [0; 256];
        let length = self.notifications.recv(&mut message).expect("it can be read");
        String::from_utf8_lossy(&message[..length]).into_owned()
    }
}

/// A server that runs.
struct Running {
    process: Child,
    log: PathBuf,
}

impl Running {
    fn start(mut command: Command, log: PathBuf) -> Running {
        let file = File::create(&log).expect("a log can be made");
        let process = command.stdout(Stdio::null()).stderr(file).spawn().expect("setpriv is there");
        Running { process, log }
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn ended(&mut self) -> ExitStatus {
        let pid = rustix::process::Pid::from_child(&self.process);
        let fd = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).expect("it is ours");
        assert!(wait::readable(&fd, wait::LIMIT), "it does not end: {}", self.log());
        self.process.wait().expect("it is ours")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

#[test]
fn a_passed_socket_is_listened_at_and_stays() {
    for program in Program::ALL {
        let place = Place::new(program);
        let listener = UnixListener::bind(place.socket()).expect("it can be bound");
        let inode =
            |path: &Path| std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).expect("it is there"));
        let there = inode(&place.socket());
        for _ in 0..2 {
            let mut server = place.start(listener.try_clone().expect("it can be copied"), "1");
            assert_eq!(place.said().lines().next(), Some("READY=1"), "{program:?}");
            let info = place.info();
            let string = format!("Server String: {}", place.socket().display());
            assert!(info.contains(&string), "{program:?}: {info}");
            assert!(place.pactl(&["exit"]).status.success(), "{program:?}");
            assert_eq!(place.said().lines().next(), Some("STOPPING=1"), "{program:?}");
            assert!(server.ended().success(), "{program:?}: {}", server.log());
            assert_eq!(inode(&place.socket()), there, "{program:?} leaves the socket alone");
        }
        // Who comes while no server runs is served by the next.
        let mut early = place.command("timeout");
        early.args(["20", "pactl", "info"]).stdout(Stdio::null());
        let mut early = early.spawn().expect("pactl is there");
        assert!(wait::readable(&listener, wait::LIMIT), "it connects");
        let _server = place.start(listener, "1");
        assert!(early.wait().expect("it is ours").success(), "{program:?}");
    }
}

#[test]
fn a_connection_starts_the_server() {
    for program in Program::ALL {
        let place = Place::new(program);
        let mut command = place.command("systemd-socket-activate");
        command.arg("-l").arg(place.socket());
        for name in ["HOME", "XDG_RUNTIME_DIR", "NOTIFY_SOCKET"] {
            command.args(["-E", name]);
        }
        command.args(place.server());
        let mut server = Running::start(command, place.path("log"));
        // It says so when it listens.
        let listens = || server.log().contains("Listening").then_some(());
        let listens = wait::on_directory(&place.path(""), wait::LIMIT, listens);
        assert!(listens.is_some(), "systemd-socket-activate, of Debian's systemd: {}", server.log());
        place.info();
        assert!(place.pactl(&["exit"]).status.success(), "{program:?}");
        assert!(server.ended().success(), "{program:?}: {}", server.log());
        assert!(exists(&place.socket()), "{program:?}");
    }
}

#[test]
fn a_socket_of_a_module_is_passed_as_well() {
    for program in [Program::Ours, Program::PulseAudios] {
        let place = Place::new(program);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it has one").port();
        let mut server = place.start(listener, "1");
        place.said();
        let module = format!("port={port}");
        let loaded =
            place.pactl(&["load-module", "module-native-protocol-tcp", &module, "auth-anonymous=yes"]);
        assert!(loaded.status.success(), "{program:?}: {}", server.log());
        let mut client = place.command("pactl");
        client.args(["info"]).env("PULSE_SERVER", format!("tcp:127.0.0.1:{port}"));
        assert!(client.output().expect("pactl is there").status.success(), "{program:?}");
        assert!(place.pactl(&["exit"]).status.success());
        server.ended();
    }
}

#[test]
fn a_socket_that_nobody_asked_for_is_named() {
    let place = Place::new(Program::Ours);
    let elsewhere = place.path("elsewhere");
    let server = place.start(UnixListener::bind(&elsewhere).expect("it can be bound"), "1");
    place.said();
    assert!(server.log().contains(&elsewhere.display().to_string()), "{}", server.log());
    place.info();
    // The other program has nothing that could ask: it serves there.
    let place = Place::new(Program::Serve);
    let elsewhere = place.path("elsewhere");
    let _server = place.start(UnixListener::bind(&elsewhere).expect("it can be bound"), "1");
    place.said();
    let client = format!("unix:{}", elsewhere.display());
    let output = place.command("pactl").arg("info").env("PULSE_SERVER", client).output();
    assert!(output.expect("pactl is there").status.success());
    assert!(!exists(&place.socket()));
}

#[test]
fn what_was_passed_has_to_be_a_socket_that_listens() {
    for program in [Program::Serve, Program::Ours] {
        for (count, word) in [("1", "listens"), ("nonsense", "LISTEN_FDS=nonsense"), ("2", "descriptor")] {
            let place = Place::new(program);
            let mut server = place.start(File::open("/dev/null").expect("it is there"), count);
            assert_eq!(server.ended().code(), Some(1), "{program:?} {count}");
            assert!(server.log().contains(word), "{program:?} {count}: {}", server.log());
            assert!(!exists(&place.socket()));
        }
    }
}

#[test]
fn a_socket_for_another_process_is_not_taken() {
    for program in [Program::Serve, Program::Ours] {
        let place = Place::new(program);
        let server = place.server();
        let mut command = place.command(&server[0]);
        command.args(&server[1..]).env("LISTEN_PID", "1").env("LISTEN_FDS", "1");
        let _server = Running::start(command, place.path("log"));
        place.said();
        assert!(place.info().contains(&place.socket().display().to_string()));
    }
}

#[test]
fn an_abstract_name_is_told_too() {
    for program in [Program::Serve, Program::Ours] {
        let mut place = Place::new(program);
        let name = format!("sealpulse-test{}", place.path("").display());
        let address = SocketAddr::from_abstract_name(&name).expect("it is short enough");
        place.notifications = UnixDatagram::bind_addr(&address).expect("it is free");
        place.notify = format!("@{name}");
        let server = place.server();
        let mut command = place.command(&server[0]);
        command.args(&server[1..]);
        let _server = Running::start(command, place.path("log"));
        assert_eq!(place.said(), "READY=1");
    }
}
