//! What outlives the server: whatever happens to it or to the disk, the last good state is there.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use sealpulse_tests::{Client, Kind, Server, ServerOptions, Transport, wait};
use tempfile::TempDir;

const RESTORE: &str = "module-device-restore";

/// A server of ours that remembers volumes, in a directory with what an earlier one left.
fn start(directory: TempDir) -> (Server, Client) {
    let modules = [RESTORE, "module-default-device-restore", "module-stream-restore"];
    let sinks = ["module-null-sink sink_name=out", "module-null-sink sink_name=other"];
    let options = ServerOptions::new(&[&modules[..], &sinks].concat()).kind(Kind::Sealpulse);
    let server = options.start_in(directory);
    let client = server.client(Transport::Memfd);
    (server, client)
}

fn state(server: &Server) -> PathBuf {
    server.directory().join("home/.local/state/sealpulse")
}

/// The volume of a sink, of 65536.
fn volume(client: &Client, sink: &str) -> u32 {
    let text = client.pactl(&["get-sink-volume", sink]);
    let number = text.split_whitespace().find_map(|word| word.parse().ok());
    number.unwrap_or_else(|| panic!("no volume in {text}"))
}

fn set(client: &Client, sink: &str, volume: u32) {
    client.pactl(&["set-sink-volume", sink, &volume.to_string()]);
}

/// Has the module write what it remembers now, which it otherwise does some time later.
fn save(client: &Client) {
    client.pactl(&["unload-module", RESTORE]);
}

fn new_directory() -> TempDir {
    tempfile::Builder::new().prefix("sealpulse-test-").tempdir().expect("/tmp is there")
}

fn assert_nothing_damaged(server: &Server) {
    for entry in std::fs::read_dir(state(server)).expect("there is state").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        assert!(!name.contains("damaged"), "{name}");
    }
    assert!(!server.log().contains("damaged"), "{}", server.log());
}

#[test]
fn a_server_that_is_killed_leaves_the_last_good_state() {
    let (server, client) = start(new_directory());
    set(&client, "out", 30_000);
    let mut directory = server.stop();
    let mut before = 30_000;
    let mut written = 0;
    for round in 0..12 {
        let (server, client) = start(directory);
        assert_nothing_damaged(&server);
        let now = volume(&client, "out");
        assert!(now == before || now == before + 1, "round {round}: {now} after {before}");
        written += u32::from(now != before);
        before = now;
        set(&client, "out", now + 1);
        save(&client);
        // It is killed before, while or after it writes, as it happens; in every third round certainly after the file
        // has a place.
        if round % 3 == 0 {
            let changed = || {
                let text = std::fs::read_to_string(state(&server).join("device-volumes")).ok()?;
                text.contains(&(now + 1).to_string()).then_some(())
            };
            assert!(wait::on_directory(&state(&server), wait::LIMIT, changed).is_some(), "{}", server.log());
        }
        directory = server.kill();
    }
    assert!(written >= 3, "what was written is there: {written}");
}

#[test]
fn what_a_killed_server_had_begun_to_write_is_removed() {
    let (server, client) = start(new_directory());
    set(&client, "out", 30_000);
    let state = state(&server);
    save(&client);
    let file = state.join("device-volumes");
    let there = || file.exists().then_some(());
    std::fs::create_dir_all(&state).expect("it can be made");
    assert!(wait::on_directory(&state, wait::LIMIT, there).is_some());
    let pid = server.pid();
    let directory = server.kill();
    let half = file.with_file_name(format!(".device-volumes.tmp.{pid}"));
    let whole = std::fs::read(&file).expect("it can be read");
    std::fs::write(&half, &whole[..whole.len() / 2]).expect("it can be written");
    let (server, client) = start(directory);
    assert!(!half.exists(), "half a file helps nobody");
    assert_eq!(volume(&client, "out"), 30_000);
    drop(server);
}

/// From now on the disk is full for the file that the server writes next: what it writes beside the old one goes to a
/// device that has no room.
fn fill_disk(server: &Server) -> PathBuf {
    let beside = state(server).join(format!(".device-volumes.tmp.{}", server.pid()));
    symlink("/dev/full", &beside).expect("a link can be made");
    beside
}

/// A server that has tried in vain to write a volume of 40,000 in place of 30,000.
fn with_full_disk() -> (Server, Client) {
    let (server, client) = start(new_directory());
    set(&client, "out", 30_000);
    let (server, client) = {
        drop(client);
        start(server.stop())
    };
    let beside = fill_disk(&server);
    set(&client, "out", 40_000);
    save(&client);
    // It gives up what it could not write.
    let gone = || (!beside.is_symlink()).then_some(());
    assert!(wait::on_directory(&state(&server), wait::LIMIT, gone).is_some(), "{}", server.log());
    (server, client)
}

#[test]
fn a_full_disk_leaves_the_last_good_state() {
    let (server, client) = with_full_disk();
    // It serves on.
    assert_eq!(volume(&client, "out"), 40_000);
    assert!(server.log().contains("not saved"), "{}", server.log());
    let (server, client) = start(server.kill());
    assert_nothing_damaged(&server);
    assert_eq!(volume(&client, "out"), 30_000);
}

#[test]
fn what_a_full_disk_had_no_room_for_is_written_when_it_has() {
    let (server, client) = with_full_disk();
    drop(client);
    let (_server, client) = start(server.stop());
    assert_eq!(volume(&client, "out"), 40_000);
}

#[test]
fn a_damaged_file_is_set_aside_and_the_rest_of_it_used() {
    let (server, client) = start(new_directory());
    for (sink, volume) in [("out", 30_000), ("other", 20_000)] {
        set(&client, sink, volume);
    }
    let file = state(&server).join("device-volumes");
    let directory = server.stop();
    let whole = std::fs::read_to_string(&file).expect("it can be read");
    let lines: Vec<&str> = whole.lines().filter(|line| !line.contains("\"sink:other\"")).collect();
    assert_eq!(lines.len() + 1, whole.lines().count(), "{whole}");
    std::fs::write(&file, lines.join("\n") + "\nnonsense\n").expect("it can be written");
    let (server, client) = start(directory);
    assert_eq!(volume(&client, "out"), 30_000);
    assert_eq!(volume(&client, "other"), 65_536);
    assert!(file.with_file_name("device-volumes.damaged").exists());
    assert!(server.log().contains("damaged"), "{}", server.log());
}
