//! How the server comes and goes, and who gets in.

use sealpulse_tests::{Application, Client, Kind, Server, ServerOptions, Transport, sealpulse, wait};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::Path;

const NOBODY: u32 = 65_534;

fn options() -> ServerOptions {
    ServerOptions::new(&[]).kind(Kind::Sealpulse)
}

/// `sealpulse` with these arguments in the environment of a client.
fn run(client: &Client, arguments: &[&str]) -> Application {
    client.start(sealpulse().to_str().expect("the path is UTF-8"), arguments)
}

/// A test that runs other users needs to be root.
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn a_stale_socket_is_taken_over() {
    let directory = tempfile::tempdir().expect("/tmp is there");
    let runtime = directory.path().join("runtime/pulse");
    fs::create_dir_all(&runtime).expect("it can be made");
    drop(UnixListener::bind(runtime.join("native")).expect("it can be bound"));
    fs::write(runtime.join("pid"), "1\n").expect("it can be written");
    let server = options().start_in(directory);
    server.client(Transport::Memfd).pactl(&["info"]);
}

#[test]
fn a_live_socket_is_refused() {
    let server = options().start();
    let client = server.client(Transport::Memfd);
    let output = run(&client, &["serve"]).wait(wait::LIMIT);
    assert_eq!(output.code(), 1, "{}", output.stderr);
    let socket = server.socket().display().to_string();
    assert!(output.stderr.contains("running") && output.stderr.contains(&socket), "{}", output.stderr);
    client.pactl(&["info"]);
}

#[test]
fn something_else_at_the_path_is_left_alone() {
    let server = options().start();
    let client = server.client(Transport::Memfd);
    let file = client.path("file");
    fs::write(&file, "precious").expect("it can be written");
    let output = run(&client, &["serve", "--socket", &file.display().to_string()]).wait(wait::LIMIT);
    assert_eq!(output.code(), 1, "{}", output.stderr);
    assert_eq!(fs::read_to_string(&file).expect("it is still there"), "precious");
}

#[test]
fn a_wrong_command_line_is_explained() {
    let server = options().start();
    let client = server.client(Transport::Memfd);
    for arguments in [&["serve", "--nonsense"][..], &["nonsense"], &[], &["serve", "--ready-fd", "x"]] {
        let output = run(&client, arguments).wait(wait::LIMIT);
        assert_eq!(output.code(), 2, "{arguments:?}: {}", output.stderr);
        assert!(
            output.stderr.contains("--help") || output.stderr.contains("Usage"),
            "{arguments:?}: {}",
            output.stderr
        );
    }
    let output = run(&client, &["serve", "--ready-fd", "77"]).wait(wait::LIMIT);
    assert_ne!(output.code(), 0);
    assert!(output.stderr.contains("77"), "{}", output.stderr);
    let elsewhere = client.path("other/native").display().to_string();
    let output =
        run(&client, &["serve", "--socket", &elsewhere, "--null-sink", "rate=nonsense"]).wait(wait::LIMIT);
    assert_eq!(output.code(), 1);
    assert!(output.stderr.contains("rate"), "{}", output.stderr);
    assert!(!Path::new(&elsewhere).exists(), "the socket of a server that did not start is gone");
}

#[test]
fn signals_end_it_in_order() {
    use rustix::process::Signal;
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = options().start();
        let client = server.client(Transport::Memfd);
        let mut player = client.start("pacat", &["--raw", "/dev/zero"]);
        client.pactl(&["info"]);
        let socket = server.socket().to_owned();
        server.process().signal(signal);
        server.process().wait(wait::LIMIT).expect_success("the server");
        assert!(!socket.exists(), "the socket is removed");
        assert!(!socket.with_file_name("pid").exists(), "so is the file that names its process");
        player.wait(wait::LIMIT);
        assert!(server.log().is_empty(), "{}", server.log());
    }
}

#[test]
fn a_client_may_end_it() {
    let server = options().start();
    let client = server.client(Transport::Memfd);
    let socket = client.path("own/native");
    let mut own = run(&client, &["serve", "--socket", &socket.display().to_string()]);
    let there = wait::on_directory(client.path("").as_path(), wait::LIMIT, || {
        client.path("own").exists().then_some(())
    });
    assert!(there.is_some());
    wait::on_directory(&client.path("own"), wait::LIMIT, || socket.exists().then_some(()));
    let own_client = client.clone().with("PULSE_SERVER", &format!("unix:{}", socket.display()));
    // The socket is bound a moment before it is listened at.
    while !own_client.run("pactl", &["info"]).status.success() {}
    own_client.pactl(&["exit"]);
    own.wait(wait::LIMIT).expect_success("the server");
    assert!(!socket.exists());
}

#[test]
fn readiness_is_told_to_an_inherited_fd() {
    let server = options().start();
    let client = server.client(Transport::Memfd);
    let socket = client.path("second/native");
    let script = format!(
        "exec 4<>fifo; {} serve --socket {} --ready-fd 5 5>&4 & read line <&4 && \
         PULSE_SERVER=unix:{} pactl info >info; kill $!; wait $!",
        sealpulse().display(),
        socket.display(),
        socket.display()
    );
    client.run("mkfifo", &["fifo"]).expect_success("mkfifo");
    client.run("bash", &["-c", &script]).expect_success("the script");
    let info = fs::read_to_string(client.path("info")).expect("pactl has written it");
    assert!(info.contains("Server Name: sealpulse"), "{info}");
}

#[test]
fn the_environment_says_where_it_listens() {
    let server = options().start();
    let client = server.client(Transport::Memfd);
    for (variable, directory, socket) in [
        ("PULSE_RUNTIME_PATH", "pulse-runtime", "native"),
        ("XDG_RUNTIME_DIR", "xdg-runtime", "pulse/native"),
    ] {
        let directory = client.path(directory);
        fs::create_dir(&directory).expect("it can be made");
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).expect("it is ours");
        let socket = directory.join(socket);
        let environment = client.clone().with(variable, &directory.display().to_string());
        let script = format!(
            "exec 4<>fifo-{variable}; {} serve --ready-fd 4 & read line <&4 && unset PULSE_SERVER && \
             pactl info; test -S {} || exit 9; kill $!; wait $!",
            sealpulse().display(),
            socket.display()
        );
        client.run("mkfifo", &[format!("fifo-{variable}")]).expect_success("mkfifo");
        let output = environment.run("bash", &["-c", &script]);
        output.expect_success(variable);
        assert!(output.stdout.contains(&format!("Server String: {}", socket.display())), "{}", output.stdout);
        assert!(!socket.exists());
    }
    let nowhere = client.without("XDG_RUNTIME_DIR").with("HOME", "nowhere");
    let output = run(&nowhere, &["serve"]).wait(wait::LIMIT);
    assert_eq!(output.code(), 1);
    assert!(output.stderr.contains("XDG_RUNTIME_DIR"), "{}", output.stderr);
}

#[test]
fn there_is_a_null_sink_unless_it_is_not_wanted() {
    let server = options().start();
    let client = server.client(Transport::Memfd);
    assert_eq!(client.pactl_json(&["list", "sinks"]), serde_json::json!([]));
    for (name, arguments) in [("default", &[][..]), ("named", &["--null-sink", "sink_name=x rate=96000"])] {
        let socket = client.path(name).join("native").display().to_string();
        let script = format!(
            "exec 4<>fifo-{name}; {} serve --socket {socket} --ready-fd 4 \"$@\" & read line <&4 && \
             PULSE_SERVER=unix:{socket} pactl list short sinks; kill $!; wait $!",
            sealpulse().display()
        );
        client.run("mkfifo", &[format!("fifo-{name}")]).expect_success("mkfifo");
        let mut all = vec!["-c", &script, "script"];
        all.extend(arguments);
        let output = client.run("bash", &all);
        output.expect_success("the script");
        let wanted = if arguments.is_empty() {
            "s16le 2ch 44100Hz"
        } else {
            "x\tmodule-null-sink.c\ts16le 2ch 96000Hz"
        };
        assert!(output.stdout.contains(wanted), "{}", output.stdout);
    }
}

#[test]
fn the_cookie_is_private_and_kept() {
    let server = options().start();
    let path = server.directory().join("home/.config/pulse/cookie");
    let cookie = fs::read(&path).expect("it is made");
    assert_eq!(cookie.len(), 256);
    assert_eq!(fs::metadata(&path).expect("it is there").mode() & 0o777, 0o600);
    let directory = server.stop();
    let server = options().start_in(directory);
    assert_eq!(fs::read(&path).expect("it is there"), cookie);
    server.client(Transport::Memfd).pactl(&["info"]);
}

#[test]
fn another_user_needs_the_cookie() {
    if !is_root() {
        return;
    }
    let server = options().start();
    let client = server.client(Transport::Memfd);
    // The way to the socket is open to all, so that only the cookie decides.
    for name in ["runtime", "runtime/pulse"] {
        fs::set_permissions(client.path(name), fs::Permissions::from_mode(0o755)).expect("it is ours");
    }
    let as_nobody = |more: &[&str]| {
        let mut arguments = vec!["--reuid=65534", "--regid=65534", "--clear-groups", "--"];
        arguments.extend(more);
        client.run("setpriv", &arguments)
    };
    fs::set_permissions(server.socket(), fs::Permissions::from_mode(0o777)).expect("it is ours");
    let home = client.path("nobody");
    fs::create_dir_all(&home).expect("it can be made");
    let refused = as_nobody(&["env", &format!("HOME={}", home.display()), "pactl", "info"]);
    assert_ne!(refused.code(), 0, "{}", refused.stdout);
    assert!(refused.stderr.contains("Access denied"), "{}", refused.stderr);
    // Told the cookie, it gets in, by the socket since its user is another.
    let cookie = home.join("cookie");
    fs::copy(client.path("home/.config/pulse/cookie"), &cookie).expect("it can be copied");
    std::os::unix::fs::chown(&cookie, Some(NOBODY), Some(NOBODY)).expect("root may");
    std::os::unix::fs::chown(&home, Some(NOBODY), Some(NOBODY)).expect("root may");
    let cookie = format!("PULSE_COOKIE={}", cookie.display());
    let home = format!("HOME={}", home.display());
    as_nobody(&["env", &home, &cookie, "pactl", "info"]).expect_success("with the cookie");
    let played = client.path("nobody/sound");
    fs::write(&played, vec![0; 48_000]).expect("it can be written");
    let status = as_nobody(&["env", &home, &cookie, "pactl", "send-message", "/sealpulse", "status"]);
    assert!(status.stdout.contains("\"transport\":\"socket\""), "{}", status.stdout);
    client.pactl(&["load-module", "module-null-sink"]);
    let sound = played.display().to_string();
    as_nobody(&["env", &home, &cookie, "pacat", "--raw", &sound]).expect_success("it plays");
}

#[test]
fn it_serves_another_user_than_root() {
    if !is_root() {
        return;
    }
    let server = options().user(NOBODY).start();
    let client = server.client(Transport::Memfd);
    let output = client.run(
        "setpriv",
        &[
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "--",
            "pactl",
            "load-module",
            "module-null-sink",
        ],
    );
    output.expect_success("a client of the same user");
    let status = client.run(
        "setpriv",
        &[
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "--",
            "pactl",
            "send-message",
            "/sealpulse",
            "status",
        ],
    );
    assert!(status.stdout.contains("\"transport\":\"memfd\""), "{}{}", status.stdout, status.stderr);
}

#[test]
fn anonymous_clients_get_in_where_they_may() {
    if !is_root() {
        return;
    }
    let directory = tempfile::tempdir().expect("/tmp is there");
    let socket = directory.path().join("open");
    let argument = socket.display().to_string();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
    let server = options().arguments(&["--socket", &argument, "--auth-anonymous"]).start();
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o777)).expect("it is ours");
    let client = server.client(Transport::Memfd).with("PULSE_SERVER", &format!("unix:{argument}"));
    let output = client.run(
        "setpriv",
        &["--reuid=65534", "--regid=65534", "--clear-groups", "--", "env", "HOME=/nowhere", "pactl", "info"],
    );
    output.expect_success("an anonymous client");
}

#[test]
fn the_status_is_for_people_and_programs() {
    let server: Server = options().start();
    let client = server.client(Transport::Memfd);
    client.pactl(&["load-module", "module-null-sink", "sink_name=out"]);
    let _player = client.start("pacat", &["--raw", "--client-name=a player", "/dev/zero"]);
    let end = std::time::Instant::now() + wait::LIMIT;
    loop {
        let output = run(&client, &["status", "--json"]).wait(wait::LIMIT);
        output.expect_success("status --json");
        let status: serde_json::Value = serde_json::from_str(&output.stdout).expect("it is JSON");
        if status["clients"].as_array().is_some_and(|clients| {
            clients.iter().any(|client| {
                client["name"] == "a player"
                    && client["transport"] == "memfd"
                    && client["srbchannel"] == true
                    && client["sealed"] == true
                    && client["bytes_copied"] == 0
                    && client["bytes_referenced"].as_u64() > Some(0)
                    && client["memory_mapped"].as_u64() > Some(0)
                    && client["underruns"] == 0
                    && client["protocol"] == 35
            })
        }) {
            assert_eq!(status["devices"][0]["name"], "out");
            assert!(status["threads"].as_array().is_some_and(|threads| threads.len() >= 2));
            break;
        }
        assert!(std::time::Instant::now() < end, "{status:#}");
    }
    let table = run(&client, &["status"]).wait(wait::LIMIT);
    table.expect_success("status");
    for word in ["a player", "memfd", "out"] {
        assert!(table.stdout.contains(word), "{}", table.stdout);
    }
    let lost = run(&client, &["status", "--socket", "/nowhere/native"]).wait(wait::LIMIT);
    assert_eq!(lost.code(), 1);
    assert!(lost.stderr.contains("/nowhere/native"), "{}", lost.stderr);
}
