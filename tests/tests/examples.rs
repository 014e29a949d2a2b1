//! The examples of the client library do what they say.

use sealpulse_client::{Config, Context, SubscriptionMask, Wait};
use sealpulse_tests::{Kind, Server, ServerOptions};

#[path = "../../crates/client/examples/bytes.rs"]
#[allow(dead_code, reason = "main is for cargo run")]
mod bytes;
#[path = "../../crates/client/examples/callback.rs"]
#[allow(dead_code, reason = "main is for cargo run")]
mod callback;
#[path = "../../crates/client/examples/control_stream.rs"]
#[allow(dead_code, reason = "main is for cargo run")]
mod control_stream;
#[path = "../../crates/client/examples/reconnect.rs"]
#[allow(dead_code, reason = "main is for cargo run")]
mod reconnect;
#[path = "../../crates/client/examples/record.rs"]
#[allow(dead_code, reason = "main is for cargo run")]
mod record;
#[path = "../../crates/client/examples/tone.rs"]
#[allow(dead_code, reason = "main is for cargo run")]
mod tone;

fn server() -> Server {
    ServerOptions::new(&["module-null-sink sink_name=out"]).kind(Kind::Sealpulse).start()
}

fn config(server: &Server) -> Config {
    let address = format!("unix:{}", server.socket().display());
    Config::default().with_server(&address).expect("an address").named("example")
}

#[test]
fn a_tone_is_heard_by_who_records() {
    let server = server();
    let context = Context::connect(config(&server)).wait().expect("the server lets us in");
    let mut news = context.subscribe(SubscriptionMask::SOURCE_OUTPUT).wait().expect("news");
    let ear = config(&server);
    let ear = std::thread::spawn(move || record::run(ear).expect("it records"));
    news.next().wait().expect("the ear listens");
    tone::run(config(&server)).expect("it plays");
    assert!((5_900..=6_100).contains(&ear.join().expect("it ends")));
}

#[test]
fn callbacks_play_and_hear_every_frame() {
    assert_eq!(callback::run(config(&server())).expect("it plays"), 24_000);
}

#[test]
fn bytes_that_are_written_are_read_again() {
    let heard = bytes::run(config(&server())).expect("it plays");
    let ramp: Vec<u8> = (1..=44_100i32).flat_map(|sample| (sample as i16).to_le_bytes()).collect();
    let start = heard.chunks_exact(4).position(|frame| frame == &ramp[..4]).expect("its first frame") * 4;
    assert!(heard[start..].starts_with(&ramp));
}

#[test]
fn a_stream_can_be_controlled() {
    control_stream::run(config(&server())).expect("all of it is answered");
}

#[test]
fn a_connection_comes_back_with_the_server() {
    let first = server();
    let context = Context::connect(config(&first)).wait().expect("the server lets us in");
    let directory = {
        let waiting = context.clone();
        let back = std::thread::spawn(move || reconnect::until_back(&waiting));
        let directory = first.stop();
        let second = ServerOptions::new(&["module-null-sink sink_name=out"]).kind(Kind::Sealpulse);
        let second = second.start_in(directory);
        back.join().expect("it comes back");
        assert!(!context.sinks().wait().expect("a list").is_empty());
        second.stop()
    };
    drop(directory);
}
