//! A server without a stream sleeps.

use sealpulse_tests::{Kind, ServerOptions, Transport, process, wait};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

/// Two seconds, by waiting for what never comes: the interval is what is measured.
fn interval() {
    let (silent, _other) = UnixDatagram::pair().expect("a pair of sockets can be made");
    assert!(!wait::readable(&silent, Duration::from_secs(2)));
}

fn expect_asleep(pid: u32, when: &str) {
    let before = process::voluntary_switches(pid);
    assert!(!before.is_empty(), "the server has threads");
    interval();
    let after = process::voluntary_switches(pid);
    assert_eq!(before, after, "threads woke {when}");
}

#[test]
fn nothing_wakes_a_server_without_streams() {
    let server = ServerOptions::new(&["module-null-sink sink_name=out"]).kind(Kind::Sealpulse).start();
    let client = server.client(Transport::Memfd);
    client.pactl(&["info"]);
    // What the last client leaves to do may take a moment more.
    interval();
    expect_asleep(server.pid(), "before the first stream");

    std::fs::write(client.path("sound"), vec![0; 48_000]).expect("the file can be written");
    client.run("pacat", &["--raw", "sound"]).expect_success("pacat");
    interval();
    expect_asleep(server.pid(), "after the last stream");

    let _subscriber = client.start("pactl", &["subscribe"]);
    client.pactl(&["info"]);
    interval();
    expect_asleep(server.pid(), "while a client without streams is there");
}
