//! libpulse starts the server by itself where none runs, as it starts PulseAudio. It refuses to do so for root, so clients
//! are another user's.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use sealpulse_tests::{sealpulse, wait};
use tempfile::TempDir;

const NOBODY: u32 = 65_534;

/// A user with a private home, whose `client.conf` says what is to be started.
struct User {
    directory: TempDir,
    program: PathBuf,
    runtime: bool,
}

impl User {
    fn new(ours: bool, arguments: &str) -> User {
        let directory = tempfile::tempdir().expect("/tmp is there");
        let program = if ours {
            let program = directory.path().join("pulseaudio");
            symlink(sealpulse(), &program).expect("it can be linked");
            program
        } else {
            PathBuf::from("/usr/bin/pulseaudio")
        };
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(directory.path(), open).expect("it is ours");
        for folder in ["home", "run", "tmp"] {
            let folder = directory.path().join(folder);
            fs::create_dir(&folder).expect("it can be made");
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("it is ours");
            if is_root() {
                chown(&folder, Some(NOBODY), Some(NOBODY)).expect("root may");
            }
        }
        let conf = format!(
            "autospawn = yes\ndaemon-binary = {}\nextra-arguments = --log-target=syslog {arguments}\n",
            program.display()
        );
        fs::write(directory.path().join("client.conf"), conf).expect("it can be written");
        User { directory, program, runtime: true }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A file of the user's.
    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        let folder = path.parent().expect("it lies in a folder");
        fs::create_dir_all(folder).expect("it can be made");
        fs::write(&path, text).expect("it can be written");
        for path in [folder, &path] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o700)).expect("it is ours");
            if is_root() {
                chown(path, Some(NOBODY), Some(NOBODY)).expect("root may");
            }
        }
    }

    fn command(&self, program: impl AsRef<Path>, arguments: &[&str]) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM"]);
        if is_root() {
            let nobody = NOBODY.to_string();
            command.args(["--reuid", &nobody, "--regid", &nobody, "--clear-groups"]);
        }
        command.args(["--", "timeout", "30"]).arg(program.as_ref()).args(arguments);
        command.env_clear().current_dir("/").stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("LC_ALL", "C");
        command.env("HOME", self.path("home")).env("TMPDIR", self.path("tmp"));
        command.env("PULSE_CLIENTCONFIG", self.path("client.conf"));
        if self.runtime {
            command.env("XDG_RUNTIME_DIR", self.path("run"));
        }
        command
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        self.command(program, arguments).output().expect("setpriv is there")
    }

    /// What tells the server that is running from all others.
    fn server(&self) -> String {
        let output = self.run("pactl", &["info"]);
        cookie(&output, &self.program)
    }

    /// A client that stays.
    fn stay(&self) -> Staying {
        let mut command = self.command("pactl", &["subscribe"]);
        Staying(command.stdout(Stdio::null()).spawn().expect("setpriv is there"))
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let _ = self.run(&self.program.display().to_string(), &["-k"]);
    }
}

struct Staying(Child);

impl Drop for Staying {
    fn drop(&mut self) {
        if let Some(pid) = rustix::process::Pid::from_raw(self.0.id().cast_signed()) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ = self.0.wait();
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn cookie(output: &Output, program: &Path) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}{errors}", program.display());
    let cookie = said.lines().find_map(|line| line.strip_prefix("Cookie: "));
    cookie.unwrap_or_else(|| panic!("{}: {said}", program.display())).to_owned()
}

#[test]
fn a_client_starts_the_server_which_goes_when_nobody_is_left() {
    for ours in [true, false] {
        let user = User::new(ours, "--exit-idle-time=2");
        let staying = user.stay();
        let first = user.server();
        let quiet = user.run("pactl", &["info"]);
        assert!(!ours || quiet.stderr.is_empty(), "{}", String::from_utf8_lossy(&quiet.stderr));
        assert_eq!(user.server(), first, "the second client finds the first one's server");
        let pid = fs::read_to_string(user.path("run/pulse/pid")).expect("it is written");
        let process = PathBuf::from(format!("/proc/{}", pid.trim()));
        let line = fs::read(process.join("cmdline")).expect("it runs");
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        assert!(line.contains("--start --log-target=syslog --exit-idle-time=2"), "{line}");
        if is_root() {
            assert_eq!(fs::metadata(&process).expect("it runs").uid(), NOBODY);
        }
        if ours {
            // Nothing of its starter's: neither the terminal's session nor the folder.
            let stat = fs::read_to_string(process.join("stat")).expect("it runs");
            let session = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(3));
            assert_eq!(session, Some(pid.trim()));
        }
        drop(staying);
        let gone = || {
            (!user.path("run/pulse/pid").exists() && !user.path("run/pulse/native").exists()).then_some(())
        };
        assert!(wait::on_directory(&user.path("run/pulse"), wait::LIMIT, gone).is_some(), "ours: {ours}");
    }
}

#[test]
fn clients_that_come_at_once_start_one_server() {
    for ours in [true, false] {
        let user = User::new(ours, "--exit-idle-time=20");
        let clients: Vec<Child> = (0..8)
            .map(|_| {
                let mut command = user.command("pactl", &["info"]);
                command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("setpriv is there")
            })
            .collect();
        let mut cookies: Vec<String> = clients
            .into_iter()
            .map(|client| cookie(&client.wait_with_output().expect("it is ours"), &user.program))
            .collect();
        cookies.dedup();
        assert_eq!(cookies.len(), 1, "ours: {ours}");
    }
}

#[test]
fn without_a_runtime_directory_it_meets_clients_below_tmp() {
    for ours in [true, false] {
        let mut user = User::new(ours, "--exit-idle-time=20");
        user.runtime = false;
        let first = user.server();
        assert_eq!(user.server(), first);
        let program = user.program.display().to_string();
        assert!(user.run(&program, &["--check"]).status.success());
        assert!(user.run(&program, &["-k"]).status.success());
        // The same where the server comes first.
        let mut other = User::new(ours, "");
        other.runtime = false;
        let arguments = ["-n", "-D", "--exit-idle-time=20", "-L", "module-native-protocol-unix"];
        let started = other.run(&other.program.display().to_string(), &arguments);
        assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
        fs::write(other.path("client.conf"), "autospawn = no\n").expect("it can be written");
        other.server();
    }
}

#[test]
fn what_a_crash_left_is_no_server() {
    for ours in [true, false] {
        let user = User::new(ours, "--exit-idle-time=20");
        // By now the number is somebody else's.
        user.write("run/pulse/pid", &format!("{}\n", std::process::id()));
        let socket = user.path("run/pulse/native");
        drop(std::os::unix::net::UnixListener::bind(&socket).expect("it can be bound"));
        fs::set_permissions(&socket, fs::Permissions::from_mode(0o777)).expect("it is ours");
        user.server();
    }
}

#[test]
fn a_server_that_does_not_start_is_said() {
    for ours in [true, false] {
        let user = User::new(ours, "--exit-idle-time=20");
        user.write("home/.config/pulse/daemon.conf", "nonsense = 1\n");
        let output = user.run("pactl", &["info"]);
        assert_eq!(output.status.code(), Some(1), "ours: {ours}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("Connection refused"), "{said}");
        if ours {
            assert!(said.contains("daemon.conf:1"), "{said}");
        }
    }
}
