//! The servers that tests can run against come up, play, and leave nothing behind.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use sealpulse_tests::{Kind, ServerOptions, Transport};
use std::fs::DirEntry;
use std::path::Path;

/// Processes whose home lies in `directory`.
fn processes_in(directory: &Path) -> usize {
    let home = format!("HOME={}\0", directory.join("home").display());
    let belongs = |entry: &DirEntry| {
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        environment.windows(home.len()).any(|part| part == home.as_bytes())
    };
    std::fs::read_dir("/proc").unwrap().filter_map(Result::ok).filter(belongs).count()
}

#[test]
fn each_kind_of_server_comes_up_and_leaves_nothing() {
    for kind in Kind::ALL {
        let options = ServerOptions::new(&["module-null-sink sink_name=out"]).kind(kind);
        let server = options.clone().start();
        let info = server.client(Transport::Memfd).pactl_json(&["info"]);
        assert_eq!(info["default_sink_name"], "out", "{kind:?}");
        // It can be started again in the directory of the one before.
        let directory = server.stop();
        assert_eq!(processes_in(directory.path()), 0, "{kind:?}");
        let server = options.start_in(directory);
        let path = server.directory().to_owned();
        assert!(processes_in(&path) > 0);
        drop(server);
        assert!(!path.exists());
    }
}
