//! A server for the whole machine, as `--system` starts it. What it changes of the machine is the test's own: it runs in a
//! mount namespace with another `/etc/passwd`, `/etc/group`, `/run` and `/var/lib`, which only root can make.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use sealpulse_tests::{sealpulse, wait};
use tempfile::TempDir;

const PULSE: u32 = 40_102;
const PULSE_GROUP: u32 = 40_105;
const MEMBER: u32 = 40_201;
const STRANGER: u32 = 40_202;

/// Puts the machine's files where the test wants them, and runs a command.
const ENTER: &str = "mount --bind run /run && mount --bind lib /var/lib && \
                     mount --bind passwd /etc/passwd && mount --bind group /etc/group && cd / && exec \"$@\"";

/// A machine of one's own, as far as `--system` looks at it.
struct Machine {
    directory: TempDir,
    program: PathBuf,
    notifications: UnixDatagram,
}

impl Machine {
    fn new(ours: bool) -> Machine {
        let directory = tempfile::tempdir().expect("/tmp is there");
        let path = |name: &str| directory.path().join(name);
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
        for folder in ["run", "lib", "home"] {
            fs::create_dir(path(folder)).expect("it can be made");
        }
        let others = "root:x:0:0:root:/root:/bin/sh\n";
        let users = format!(
            "{others}pulse:x:{PULSE}:{PULSE_GROUP}::/var/run/pulse:/bin/false\n\
             member:x:{MEMBER}:{MEMBER}::/:/bin/sh\nstranger:x:{STRANGER}:{STRANGER}::/:/bin/sh\n"
        );
        let groups = format!(
            "root:x:0:\npulse:x:{PULSE_GROUP}:\npulse-access:x:40106:member\nmore:x:40107:pulse\n\
             member:x:{MEMBER}:\nstranger:x:{STRANGER}:\n"
        );
        fs::write(path("passwd"), users).expect("it can be written");
        fs::write(path("group"), groups).expect("it can be written");
        let program = if ours {
            symlink(sealpulse(), path("pulseaudio")).expect("it can be linked");
            path("pulseaudio")
        } else {
            PathBuf::from("/usr/bin/pulseaudio")
        };
        let notifications = UnixDatagram::bind(path("notify")).expect("it can be bound");
        let all = fs::Permissions::from_mode(0o666);
        fs::set_permissions(path("notify"), all).expect("it is ours");
        Machine { directory, program, notifications }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn without(&self, list: &str, name: &str) {
        let text = fs::read_to_string(self.path(list)).expect("it is there");
        let rest: Vec<&str> = text.lines().filter(|line| !line.starts_with(&format!("{name}:"))).collect();
        fs::write(self.path(list), rest.join("\n") + "\n").expect("it can be written");
    }

    fn bare(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(self.directory.path()).stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("LC_ALL", "C");
        command.env("HOME", self.path("home"));
        command
    }

    /// A command on this machine, as root.
    fn command(&self, program: &str) -> Command {
        let mut command = self.bare("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", ENTER, "sh", program]);
        command
    }

    /// The server with some of its options.
    fn server(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(&self.program.display().to_string());
        command.args(["--system", "--disallow-exit", "--realtime=no", "-n", "--log-target=stderr"]);
        command.args(["-L", "module-native-protocol-unix", "-L", "module-null-sink sink_name=all"]);
        command.args(["-L", "module-default-device-restore"]).args(arguments);
        command
    }

    fn start(&self) -> Running {
        let log = fs::File::create(self.path("log")).expect("it can be made");
        let mut command = self.server(&["--exit-idle-time=0"]);
        command.env("NOTIFY_SOCKET", self.path("notify")).stderr(log).stdout(Stdio::null());
        let server = Running(command.spawn().expect("unshare, of util-linux, is there"));
        let log = || fs::read_to_string(self.path("log")).unwrap_or_default();
        assert!(wait::readable(&self.notifications, wait::LIMIT), "it does not start: {}", log());
        let mut message = [0; 64];
        self.notifications.recv(&mut message).expect("it can be read");
        server
    }

    /// What a client says where the server runs; libpulse looks for a server of the whole machine by itself.
    fn pactl(&self, server: &Running, user: u32, arguments: &[&str]) -> Output {
        let (user, server) = (user.to_string(), server.0.id().to_string());
        let mut command = self.bare("nsenter");
        command.args(["--mount", "--target", &server, "timeout", "20"]);
        command
            .args(["setpriv", "--reuid", &user, "--regid", &user, "--init-groups", "pactl"])
            .args(arguments);
        command.env("HOME", "/").output().expect("nsenter, of util-linux, is there")
    }
}

struct Running(Child);

impl Running {
    /// A line of what the kernel says of its process.
    fn status(&self, name: &str) -> Vec<u32> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("it is there");
        line.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect()
    }

    fn end(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
        assert!(self.0.wait().expect("it is ours").success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn it_is_a_user_of_its_own_and_serves_its_group() {
    if !is_root() {
        return;
    }
    for ours in [true, false] {
        let machine = Machine::new(ours);
        let mut server = machine.start();
        assert_eq!(server.status("Uid:"), [PULSE; 4]);
        assert_eq!(server.status("Gid:"), [PULSE_GROUP; 4]);
        let groups: BTreeSet<u32> = server.status("Groups:").into_iter().collect();
        assert_eq!(groups, BTreeSet::from([PULSE_GROUP, 40_107]));
        for capabilities in ["CapPrm:\t", "CapEff:\t"] {
            let status = fs::read_to_string(format!("/proc/{}/status", server.0.id())).expect("it runs");
            assert!(status.contains(&format!("{capabilities}0000000000000000")), "{status}");
        }
        for (folder, mode) in [("run/pulse", 0o755), ("lib/pulse", 0o700)] {
            let there = fs::metadata(machine.path(folder)).expect("it is made");
            assert_eq!(
                (there.uid(), there.gid(), there.mode() & 0o777),
                (PULSE, PULSE_GROUP, mode),
                "{folder}"
            );
        }
        // A client that goes does not end it, whatever was said of idle times.
        for _ in 0..2 {
            let info = machine.pactl(&server, MEMBER, &["info"]);
            let said = text(&info.stdout) + &text(&info.stderr);
            assert!(info.status.success(), "ours: {ours}: {said}");
            assert!(said.contains("User Name: pulse"), "{said}");
        }
        let refused = machine.pactl(&server, STRANGER, &["info"]);
        assert!(!refused.status.success(), "ours: {ours}");
        assert!(text(&refused.stderr).contains("Access denied"), "{}", text(&refused.stderr));
        let changed = machine.pactl(&server, MEMBER, &["set-default-sink", "all"]);
        assert!(changed.status.success(), "{}", text(&changed.stderr));
        server.end();
        assert!(!machine.path("run/pulse/native").exists() && !machine.path("run/pulse/pid").exists());
        if ours {
            let state = fs::read_dir(machine.path("lib/pulse/sealpulse")).expect("something was kept");
            assert_ne!(state.count(), 0);
        }
        // What was left is no hindrance.
        machine.start();
    }
}

#[test]
fn it_goes_to_the_background() {
    if !is_root() {
        return;
    }
    for ours in [true, false] {
        let machine = Machine::new(ours);
        let script = "\"$@\" && stat --format %u /proc/$(cat /run/pulse/pid) && \
                      PULSE_RUNTIME_PATH=/run/pulse $1 --check && PULSE_RUNTIME_PATH=/run/pulse $1 --kill";
        let server = machine.server(&["--daemonize"]);
        let line: Vec<_> = server.get_args().skip_while(|argument| **argument != *machine.program).collect();
        let mut command = machine.command("sh");
        let output = command.args(["-c", script, "sh"]).args(line).output().expect("unshare is there");
        let said = text(&output.stdout);
        assert!(output.status.success(), "ours: {ours}: {said}{}", text(&output.stderr));
        assert_eq!(said.trim(), PULSE.to_string());
    }
}

#[test]
fn without_its_user_or_group_nothing_is_done() {
    if !is_root() {
        return;
    }
    for ours in [true, false] {
        for (list, word) in [("passwd", "user"), ("group", "group")] {
            let machine = Machine::new(ours);
            machine.without(list, "pulse");
            let output = machine.server(&[]).output().expect("unshare is there");
            assert_eq!(output.status.code(), Some(1), "ours: {ours}");
            let said = text(&output.stderr);
            assert!(said.contains(word) && said.contains("pulse"), "{said}");
            assert!(!ours || said.contains(&format!("no {word} `pulse`")), "{said}");
            assert!(!machine.path("run/pulse").exists() && !machine.path("lib/pulse").exists());
        }
    }
}

#[test]
fn it_is_roots_to_start_and_nobodys_by_the_way() {
    let machine = Machine::new(true);
    let program = machine.program.display().to_string();
    let mut command = machine.bare("setpriv");
    if is_root() {
        let nobody = STRANGER.to_string();
        command.args(["--reuid", &nobody, "--regid", &nobody, "--clear-groups"]);
    }
    let output = command.args([&program, "--system"]).output().expect("setpriv is there");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("root"), "{}", text(&output.stderr));
    let output = machine.bare(&program).args(["--system", "--start"]).output().expect("it is there");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("--start"), "{}", text(&output.stderr));
    // A file says it as well as an option.
    fs::write(machine.path("daemon.conf"), "system-instance = yes\n").expect("it can be written");
    let mut command = machine.bare(&program);
    let output = command.arg("--start").env("PULSE_CONFIG", machine.path("daemon.conf")).output();
    assert!(text(&output.expect("it is there").stderr).contains("--system"));
}
