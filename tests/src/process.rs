//! What `/proc` says of a process: its fds, their seals, what it maps, how often it woke.

use rustix::fs::{Mode, OFlags, SealFlags};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// A file as the kernel knows it: device and inode.
pub type Inode = (u64, u64);

/// One fd of a process that is a memfd or a file in `/dev/shm`.
#[derive(Clone, Debug)]
pub struct MemoryFd {
    /// Its number in the process.
    pub number: u32,
    /// What it links to, such as `/memfd:pulseaudio (deleted)`.
    pub target: String,
    /// Which file it is.
    pub inode: Inode,
    /// Its seals; `None` where it cannot have any.
    pub seals: Option<SealFlags>,
}

/// What the fds of a process link to.
pub fn fd_targets(pid: u32) -> Vec<String> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    let mut targets: Vec<String> = entries
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .map(|target| target.to_string_lossy().into_owned())
        .collect();
    targets.sort();
    targets
}

/// The fds of a process that are shared memory.
pub fn memory_fds(pid: u32) -> Vec<MemoryFd> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    entries.filter_map(|entry| memory_fd(entry.ok()?.path())).collect()
}

fn memory_fd(path: PathBuf) -> Option<MemoryFd> {
    let target = fs::read_link(&path).ok()?.to_string_lossy().into_owned();
    if !is_shared_memory(&target) {
        return None;
    }
    // Opening the link gives an fd of the same inode, whose seals can be asked for.
    let fd = rustix::fs::open(&path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let stat = rustix::fs::fstat(&fd).ok()?;
    let number = path.file_name()?.to_str()?.parse().ok()?;
    let seals = rustix::fs::fcntl_get_seals(&fd).ok();
    Some(MemoryFd { number, target, inode: (stat.st_dev, stat.st_ino), seals })
}

/// One mapping of shared memory.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// Permissions, such as `rw-s`.
    pub permissions: String,
    /// Which file is mapped.
    pub inode: Inode,
    /// Its name.
    pub target: String,
    /// Length in bytes.
    pub length: u64,
    /// Its seals; `None` where it cannot have any, or where only root may ask.
    pub seals: Option<SealFlags>,
}

/// The mappings of a process that are shared memory.
pub fn memory_mappings(pid: u32) -> Vec<Mapping> {
    let text = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    text.lines().filter_map(|line| mapping(pid, line)).collect()
}

fn mapping(pid: u32, line: &str) -> Option<Mapping> {
    let mut words = line.split_ascii_whitespace();
    let (from, to) = words.next()?.split_once('-')?;
    let permissions = words.next()?.to_owned();
    let (major, minor) = words.nth(1)?.split_once(':')?;
    let inode: u64 = words.next()?.parse().ok()?;
    let target = words.collect::<Vec<_>>().join(" ");
    if !is_shared_memory(&target) {
        return None;
    }
    let hex = |word| u64::from_str_radix(word, 16).ok();
    let device = rustix::fs::makedev(hex(major)? as u32, hex(minor)? as u32);
    let (from, to) = (hex(from)?, hex(to)?);
    let file = format!("/proc/{pid}/map_files/{from:x}-{to:x}");
    let fd = rustix::fs::open(file, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok();
    let seals = fd.and_then(|fd| rustix::fs::fcntl_get_seals(fd).ok());
    Some(Mapping { permissions, inode: (device, inode), target, length: to - from, seals })
}

fn is_shared_memory(target: &str) -> bool {
    target.starts_with("/memfd:") || target.starts_with("/dev/shm/")
}

/// Every file of shared memory that a process has open or mapped.
pub fn memory_inodes(pid: u32) -> BTreeSet<Inode> {
    let fds = memory_fds(pid).into_iter().map(|fd| fd.inode);
    fds.chain(memory_mappings(pid).into_iter().map(|mapping| mapping.inode)).collect()
}

/// Voluntary context switches of all threads of a process, by thread: (thread id, name, switches).
pub fn voluntary_switches(pid: u32) -> Vec<(u32, String, u64)> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let mut all: Vec<_> = tasks.filter_map(|task| switches(task.ok()?.path())).collect();
    all.sort();
    all
}

fn switches(task: PathBuf) -> Option<(u32, String, u64)> {
    let status = fs::read_to_string(task.join("status")).ok()?;
    let field = |name: &str| {
        status.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned())
    };
    let id = task.file_name()?.to_str()?.parse().ok()?;
    Some((id, field("Name:")?, field("voluntary_ctxt_switches:")?.parse().ok()?))
}
