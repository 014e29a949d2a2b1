//! Who may use the server.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use common::{Client, Fixture};
use sealpulse_protocol::command::{GetServerInfo, SetClientName, Stat};
use sealpulse_protocol::frame::Descriptor;
use sealpulse_protocol::{COOKIE_LENGTH, ErrorCode};
use sealpulse_server::{CookieSource, SocketConfig};

/// Some other user.
const STRANGER: u32 = 65_534;

#[test]
fn a_client_does_nothing_before_it_has_authenticated() {
    let fixture = Fixture::new();
    let mut client = Client::connect(&fixture.socket());
    assert_eq!(client.call(&Stat {}).unwrap_err(), ErrorCode::Access);
    assert_eq!(client.call(&SetClientName::default()).unwrap_err(), ErrorCode::Access);
    client.authenticate(35).unwrap();
    assert!(client.call(&GetServerInfo {}).is_ok());
}

#[test]
fn who_has_not_authenticated_sends_small_frames_only() {
    let fixture = Fixture::new();
    let head = Descriptor::packet(64 * 1024 + 1).encode();
    let mut unknown = Client::connect(&fixture.socket());
    unknown.send_raw(&head);
    unknown.wait_for_end();
    let mut known = fixture.client(35);
    known.send_raw(&head);
    // More of it, as large as it says: it is read, and ends the connection only then, being no command.
    known.send_raw(&[0; 64 * 1024]);
    assert!(fixture.client(35).is_alive());
    known.send_raw(&[0]);
    known.wait_for_end();
}

#[test]
fn a_version_that_is_too_old_is_refused() {
    let fixture = Fixture::new();
    let mut client = Client::connect(&fixture.socket());
    assert_eq!(client.authenticate(7), Err(ErrorCode::Version));
    client.authenticate(8).unwrap();
}

#[test]
fn who_does_not_authenticate_in_time_is_disconnected() {
    let fixture = Fixture::with(|config| config.limits.auth_timeout = Duration::from_millis(50));
    let mut authenticated = fixture.client(35);
    let mut silent = Client::connect(&fixture.socket());
    silent.wait_for_end();
    assert!(authenticated.is_alive());
}

#[test]
fn strangers_need_the_cookie_or_an_open_socket() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can become another user");
        return;
    }
    let fixture = Fixture::with(|config| {
        let directory = config.sockets[0].path.parent().unwrap().to_owned();
        config.cookie = CookieSource::File(directory.join("cookie"));
        let open = SocketConfig { path: directory.join("open"), auth_anonymous: true };
        config.sockets.push(open);
    });
    let directory = fixture.directory.path();
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
    // The test program itself is where another user may not get at it.
    let program = directory.join("stranger");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let cookie: String =
        fs::read(directory.join("cookie")).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
    let output = Command::new(&program)
        .args(["--exact", "stranger", "--nocapture"])
        .env("STRANGER_DIRECTORY", directory)
        .env("STRANGER_COOKIE", cookie)
        .current_dir("/")
        .uid(STRANGER)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}

/// The other half of [`strangers_need_the_cookie_or_an_open_socket`], which runs it as another user.
#[test]
fn stranger() {
    let Some(directory) = std::env::var_os("STRANGER_DIRECTORY").map(std::path::PathBuf::from) else {
        return;
    };
    let digits = std::env::var("STRANGER_COOKIE").unwrap();
    let mut cookie = [0; COOKIE_LENGTH];
    for (byte, pair) in cookie.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    }

    let mut client = Client::connect(&directory.join("native"));
    assert_eq!(client.authenticate_with(35, [0; COOKIE_LENGTH]), Err(ErrorCode::Access));
    assert_eq!(client.call(&Stat {}).unwrap_err(), ErrorCode::Access);
    let word = client.authenticate_with(35, cookie).unwrap();
    assert!(!word.shm && !word.memfd, "shared memory is for the server's own user");
    assert!(client.is_alive());

    let mut client = Client::connect(&directory.join("open"));
    client.version = 35;
    assert!(client.is_alive(), "everybody may use the open socket");
    assert!(!client.authenticate_with(35, [0; COOKIE_LENGTH]).unwrap().shm);
}
