//! Whose memory is open and mapped where, read from `/proc`.

use rustix::fs::SealFlags;
use sealpulse_tests::process::{self, Inode};
use sealpulse_tests::{Application, Recorder, Server, Transport};
use std::collections::{BTreeMap, BTreeSet};

const OUT: &str = "module-null-sink sink_name=out rate=48000";

/// Three players and two recorders, all at work.
fn five_clients(server: &Server, transport: Transport) -> (Vec<Application>, Vec<Recorder>) {
    let client = server.client(transport);
    let players = (0..3)
        .map(|_| client.start("pacat", &["--raw", "--rate=48000", "--latency-msec=100", "/dev/zero"]))
        .collect();
    let recorders: Vec<Recorder> =
        (0..2).map(|_| Recorder::start(&client, "out.monitor", "s16le", 48_000, 2)).collect();
    // The streams are at work when all are listed and sound has come.
    let listed = |kind: &str| client.pactl_json(&["list", kind]).as_array().map_or(0, Vec::len);
    let end = std::time::Instant::now() + sealpulse_tests::wait::LIMIT;
    while listed("sink-inputs") < 3 {
        assert!(std::time::Instant::now() < end, "three streams play");
    }
    recorders[1].wait_more(48_000 * 4 / 2);
    (players, recorders)
}

/// For each file of shared memory, the clients that have it open or mapped.
fn users(pids: &[u32]) -> BTreeMap<Inode, BTreeSet<u32>> {
    let mut users: BTreeMap<Inode, BTreeSet<u32>> = BTreeMap::new();
    for &pid in pids {
        for inode in process::memory_inodes(pid) {
            users.entry(inode).or_default().insert(pid);
        }
    }
    users
}

fn pids(players: &[Application], recorders: &mut [Recorder]) -> Vec<u32> {
    let recorders = recorders.iter_mut().map(|recorder| recorder.application().pid());
    players.iter().map(Application::pid).chain(recorders).collect()
}

#[test]
fn no_two_clients_share_memory() {
    let server = Server::start(&[OUT]);
    let (players, mut recorders) = five_clients(&server, Transport::Memfd);
    let pids = pids(&players, &mut recorders);
    let users = users(&pids);
    let shared: Vec<_> = users.iter().filter(|(_, pids)| pids.len() > 1).collect();
    if server.is_sealpulse() {
        assert!(shared.is_empty(), "shared by several clients: {shared:?}");
    } else {
        assert!(!shared.is_empty(), "PulseAudio shares its pool with all, so this test can fail");
    }
    // It is the memory that they share with the server that was looked at.
    let ours = process::memory_inodes(server.pid());
    for pid in pids {
        let with_server = process::memory_inodes(pid).intersection(&ours).count();
        assert!(with_server > 0, "{pid} shares nothing with the server");
    }
}

#[test]
fn no_two_clients_share_memory_by_posix_shm() {
    let server = Server::start(&[OUT]);
    let (players, mut recorders) = five_clients(&server, Transport::PosixShm);
    let users = users(&pids(&players, &mut recorders));
    let shared: Vec<_> = users.iter().filter(|(_, pids)| pids.len() > 1).collect();
    assert!(shared.is_empty() || !server.is_sealpulse(), "shared by several clients: {shared:?}");
    if server.is_sealpulse() {
        // What cannot be sealed is not mapped: a client that truncates it cannot harm the server. Only the
        // page of a ring's words is, which the server touches by futex calls alone.
        let mapped = process::memory_mappings(server.pid());
        let of_clients: Vec<_> = mapped
            .iter()
            .filter(|mapping| users.contains_key(&mapping.inode) && mapping.length > 4096)
            .collect();
        assert!(of_clients.is_empty(), "the server maps {of_clients:?}");
    }
}

#[test]
fn everything_shared_is_sealed() {
    let server = Server::start(&[OUT]);
    if !server.is_sealpulse() {
        return;
    }
    let (players, mut recorders) = five_clients(&server, Transport::Memfd);
    let needed = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
    let ours = process::memory_inodes(server.pid());
    let mut checked = BTreeSet::new();
    let mut pids = pids(&players, &mut recorders);
    pids.push(server.pid());
    for pid in pids {
        let fds = process::memory_fds(pid).into_iter().map(|fd| (fd.inode, fd.seals, fd.target));
        let mappings = process::memory_mappings(pid);
        // Only root may open what another process maps.
        let mappings = mappings.into_iter().filter(|_| rustix::process::geteuid().is_root());
        let mappings = mappings.map(|mapping| (mapping.inode, mapping.seals, mapping.target));
        for (inode, seals, target) in fds.chain(mappings) {
            if ours.contains(&inode) {
                let seals = seals.unwrap_or(SealFlags::empty());
                assert!(seals.contains(needed), "{target} in process {pid} has the seals {seals:?}");
                checked.insert(inode);
            }
        }
    }
    if rustix::process::geteuid().is_root() {
        assert!(checked.len() >= 5, "at least one segment of each client, but only {checked:?}");
    }
}

#[test]
fn the_server_maps_memory_of_clients_only_for_reading() {
    let server = Server::start(&[OUT]);
    if !server.is_sealpulse() {
        return;
    }
    let (players, _recorders) = five_clients(&server, Transport::Memfd);
    let pools: BTreeSet<Inode> = players
        .iter()
        .flat_map(|player| process::memory_mappings(player.pid()))
        // libpulse's own pool is 64 MiB.
        .filter(|mapping| mapping.length == 64 << 20)
        .map(|mapping| mapping.inode)
        .collect();
    let mapped: Vec<_> = process::memory_mappings(server.pid())
        .into_iter()
        .filter(|mapping| pools.contains(&mapping.inode))
        .collect();
    assert_eq!(mapped.len(), players.len(), "{mapped:?}");
    assert!(mapped.iter().all(|mapping| mapping.permissions.starts_with("r--")), "{mapped:?}");
}

#[test]
fn nothing_is_left_when_clients_go() {
    let server = Server::start(&[OUT]);
    let client = server.client(Transport::Memfd);
    client.pactl(&["info"]);
    let fds = process::fd_targets(server.pid());
    let mappings = process::memory_mappings(server.pid()).len();
    for transport in Transport::ALL {
        let (mut players, mut recorders) = five_clients(&server, transport);
        for player in &mut players {
            player.terminate();
        }
        for recorder in &mut recorders {
            // Without any farewell.
            recorder.application().signal(rustix::process::Signal::KILL);
            recorder.application().wait(sealpulse_tests::wait::LIMIT);
        }
        client.pactl(&["info"]);
        assert_eq!(process::fd_targets(server.pid()).len(), fds.len(), "after clients by {transport:?}");
        let after = process::memory_mappings(server.pid());
        assert_eq!(after.len(), mappings, "after clients by {transport:?}: {after:?}");
    }
}
