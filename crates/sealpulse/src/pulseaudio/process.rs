//! The server's process: whether one runs, how it is ended, and how it goes to the background.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use rustix::fs::{FlockOperation, OFlags};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// Tells the child of a server that goes to the background that it is one.
const CHILD: &str = "SEALPULSE_BACKGROUND";

/// What servers' processes are called.
const SERVERS: [&str; 2] = ["pulseaudio", "sealpulse"];

/// The process of the server that runs, by its pid file.
pub(crate) fn running(pid_file: &Path) -> Option<Pid> {
    let text = std::fs::read_to_string(pid_file).ok()?;
    let pid = Pid::from_raw(text.trim().parse().ok()?)?;
    // After a crash, its number may be somebody else's.
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    SERVERS.contains(&name.trim_end()).then_some(pid)
}

/// Makes the directory of the pid file, for us alone, where it is missing.
pub(crate) fn make_directory_of(pid_file: &Path) -> std::io::Result<()> {
    let Some(directory) = pid_file.parent().filter(|directory| !directory.exists()) else { return Ok(()) };
    DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

/// Waits until nobody else on this machine starts a server for this user. It is PulseAudio's lock, too.
pub(crate) fn start_alone(pid_file: &Path) -> std::io::Result<File> {
    make_directory_of(pid_file)?;
    let mut how = OpenOptions::new();
    let file = how.write(true).create(true).truncate(false).mode(0o600);
    let file =
        file.custom_flags(OFlags::NOFOLLOW.bits() as i32).open(pid_file.with_file_name("autospawn.lock"))?;
    rustix::fs::fcntl_lock(&file, FlockOperation::LockExclusive)?;
    Ok(file)
}

/// Ends a server, and waits until it has gone.
pub(crate) fn kill(pid: Pid) -> std::io::Result<()> {
    let process = pidfd_open(pid, PidfdFlags::empty())?;
    pidfd_send_signal(&process, Signal::TERM)?;
    let mut fds = [rustix::event::PollFd::new(&process, rustix::event::PollFlags::IN)];
    let limit = rustix::event::Timespec { tv_sec: 5, tv_nsec: 0 };
    match rustix::event::poll(&mut fds, Some(&limit))? {
        0 => Err(std::io::Error::new(std::io::ErrorKind::TimedOut, "it does not end")),
        _ => Ok(()),
    }
}

/// Whether this process is to be the one in the background.
pub(crate) fn is_background() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// Leaves the terminal and the folder that it was started in.
pub(crate) fn leave_terminal() {
    let _ = rustix::process::setsid();
    let _ = std::env::set_current_dir("/");
}

/// Starts this program once more, in the background, and waits until clients can connect to it.
pub(crate) fn to_background(arguments: &[OsString]) -> std::io::Result<ExitCode> {
    // It must stay open in the child, which writes to it by its number.
    let (mut read, write) = std::io::pipe()?;
    rustix::io::fcntl_setfd(&write, rustix::io::FdFlags::empty())?;
    let mut command = Command::new("/proc/self/exe");
    if let Some(name) = std::env::args_os().next() {
        std::os::unix::process::CommandExt::arg0(&mut command, name);
    }
    command.args(arguments).env(CHILD, write.as_raw_fd().to_string());
    // What it says until it is ready is for whoever started it; afterwards nobody holds the other end.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    drop(write);
    let said = child
        .stderr
        .take()
        .map(|mut said| std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::stderr())));
    let mut ready = [0];
    if read.read(&mut ready)? == 1 {
        return Ok(ExitCode::SUCCESS);
    }
    child.wait()?;
    said.map(std::thread::JoinHandle::join);
    Ok(ExitCode::FAILURE)
}

/// The number of the descriptor on which the parent waits.
pub(crate) fn ready_fd() -> Option<i32> {
    std::env::var(CHILD).ok()?.parse().ok()
}
