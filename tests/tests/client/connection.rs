//! Connecting, versions and transports, and what happens when the connection goes.

use crate::stage::play;
use crate::stage::{SPEC, Tape, config, connect, event, get, millis, noise, options, scenarios, until, wait};
use crate::stage::{playback, server_options};
use sealpulse_client::command::Stat;
use sealpulse_client::{
    ClientError, Context, ErrorCode, PropList, ServerAddress, State, StreamEvent, TransportKind, UpdateMode,
    Wait,
};
use sealpulse_tests::{Server, Transport};
use std::net::TcpListener;

scenarios! {
    a_client_finds_itself
    properties_reach_the_server
    the_newest_version_is_spoken
    commands_go_through_a_ring
    every_version_plays
    the_first_server_that_answers_is_taken
    many_commands_are_under_way_at_once
    it_connects_again_after_the_server_was_killed
    a_client_that_is_killed_learns_of_it
    it_works_over_tcp
    handles_keep_the_connection
}

fn a_client_finds_itself(server: &Server) {
    let context = connect(server);
    assert!(matches!(context.state(), State::Ready));
    let index = context.connection().client_index.unwrap();
    let own = get(context.client(index));
    assert_eq!(own.index, index);
    assert_eq!(own.name.as_deref(), Some("scenario"));
    assert!(get(context.clients()).iter().any(|client| client.index == index));
    assert_eq!(context.connection().server, Some(ServerAddress::Unix(server.socket().to_owned())));
}

fn properties_reach_the_server(server: &Server) {
    let mut config = config(server, Transport::Memfd);
    config.properties.set_str("test.color", "green");
    let context = get(Context::connect(config));
    let own = || get(context.client(context.connection().client_index.unwrap())).properties;
    assert_eq!(own().get_str("test.color"), Some("green"));
    let change: PropList = [("test.color", "red"), ("test.size", "small")].into_iter().collect();
    get(context.update_client_properties(UpdateMode::Replace, change));
    let is = |name: &'static str, value: Option<&'static str>| {
        until(name, || (own().get_str(name) == value).then_some(()));
    };
    is("test.color", Some("red"));
    is("test.size", Some("small"));
    get(context.remove_client_properties(&["test.size"]));
    is("test.size", None);
    get(context.set_name("another name"));
    is("application.name", Some("another name"));
}

fn the_newest_version_is_spoken(server: &Server) {
    assert_eq!(connect(server).connection().version, 35);
}

fn commands_go_through_a_ring(server: &Server) {
    let context = connect(server);
    // The server offers it when it likes; each question gives it time.
    until("ring", || {
        get(context.stat());
        context.connection().ring.then_some(())
    });
    for _ in 0..100 {
        get(context.server_info());
    }
    let mut config = config(server, Transport::Memfd);
    config.ring = false;
    let without = get(Context::connect(config));
    for _ in 0..100 {
        get(without.stat());
    }
    assert!(!without.connection().ring);
}

fn every_version_plays(server: &Server) {
    let context = connect(server);
    let mut tape = Tape::start(&context);
    for version in 8..=35 {
        let mut config = config(server, Transport::Memfd);
        config.max_version = version;
        let old = get(Context::connect(config));
        assert_eq!(old.connection().version, version);
        assert_eq!(get(old.server_info()).default_sink_name.as_deref(), Some("out"), "version {version}");
        assert_eq!(get(old.sinks()).len(), 2, "version {version}");
        get(old.sources());
        get(old.clients());
        get(old.modules());
        let stream = get(old.playback(options("old").on("out")));
        let sound = noise(millis(40), u64::from(version));
        get(stream.write(&sound));
        get(stream.drain());
        get(old.sink_inputs());
        tape.expect(&sound);
        if version < 13 {
            let refused = wait(old.play_sample("none", None, None, PropList::new()));
            assert!(matches!(refused, Err(ClientError::Server { code: ErrorCode::NoEntity, .. })));
        }
        if version < 35 {
            let refused = wait(old.message("/core", "list-handlers", ""));
            assert!(matches!(refused, Err(ClientError::Unsupported { needs: 35, .. })), "{refused:?}");
        }
    }
}

fn the_first_server_that_answers_is_taken(server: &Server) {
    let servers = format!("unix:/nonexistent/native unix:{}", server.socket().display());
    let config = config(server, Transport::Memfd).with_server(&servers).unwrap();
    let context = get(Context::connect(config.clone()));
    assert_eq!(context.connection().server, Some(ServerAddress::Unix(server.socket().to_owned())));
    let nobody = wait(Context::connect(config.with_server("unix:/nonexistent/native").unwrap()));
    assert!(matches!(nobody, Err(ClientError::Connect { .. })), "{nobody:?}");
}

fn many_commands_are_under_way_at_once(server: &Server) {
    let context = connect(server);
    let sink = get(context.lookup_sink("out"));
    let asked: Vec<_> = (0..200)
        .map(|turn| {
            let context = context.clone();
            std::thread::spawn(move || match turn % 3 {
                0 => assert_eq!(context.lookup_sink("out").wait().unwrap(), sink),
                1 => assert_eq!(context.sink("out").wait().unwrap().name, "out"),
                _ => drop(context.request(Stat {}).wait().unwrap()),
            })
        })
        .collect();
    for thread in asked {
        thread.join().unwrap();
    }
}

fn it_connects_again_after_the_server_was_killed(server: &Server) {
    let options = server_options(server.kind());
    let first = options.clone().start();
    let context = connect(&first);
    let mut states = context.states();
    let stream = playback(&context);
    let address = context.connection().server;
    let directory = first.stop();
    let failed = wait(states.next());
    assert!(matches!(failed, State::Failed { .. }), "{failed:?}");
    event(&stream, "end", |event| matches!(event, StreamEvent::Ended { .. }));
    assert!(wait(context.server_info()).is_err());
    assert!(wait(stream.write(&[0; 8])).is_err());
    assert!(wait(context.reconnect()).is_err());
    let _second = options.start_in(directory);
    let mut states = context.states();
    get(context.reconnect());
    while !matches!(wait(states.next()), State::Ready) {}
    assert_eq!(context.connection().server, address);
    assert!(stream.ended().is_some());
    let sound = noise(millis(100), 1);
    let mut tape = Tape::start(&context);
    let again = playback(&context);
    play(&again, &sound);
    tape.expect(&sound);
}

fn a_client_that_is_killed_learns_of_it(server: &Server) {
    let (context, other) = (connect(server), connect(server));
    let mut states = context.states();
    get(other.kill_client(context.connection().client_index.unwrap()));
    assert!(matches!(wait(states.next()), State::Failed { .. }));
    assert!(wait(context.server_info()).is_err());
    get(context.reconnect());
    get(context.server_info());
}

fn it_works_over_tcp(server: &Server) {
    let context = connect(server);
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let arguments = format!("listen=127.0.0.1 port={port} auth-anonymous=1");
    get(context.load_module("module-native-protocol-tcp", &arguments));
    let address = format!("tcp:127.0.0.1:{port}");
    let config = config(server, Transport::Memfd).with_server(&address).unwrap();
    let far = get(Context::connect(config));
    assert_eq!(far.connection().transport, TransportKind::Socket);
    let mut tape = Tape::start(&far);
    let sound = noise(millis(200), 7);
    let stream = playback(&far);
    assert_eq!(stream.spec(), SPEC);
    play(&stream, &sound);
    tape.expect(&sound);
}

fn handles_keep_the_connection(server: &Server) {
    let observer = connect(server);
    let context = connect(server);
    let index = context.connection().client_index.unwrap();
    let stream = playback(&context);
    drop(context);
    get(stream.write(&[0; 8000]));
    get(observer.client(index));
    drop(stream);
    until("end of the client", || wait(observer.client(index)).err());
}
