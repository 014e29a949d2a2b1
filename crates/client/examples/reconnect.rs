//! Follows the state of a connection, and connects again when the server has gone, for as long as it takes.
//!
//! `cargo run -p sealpulse-client --example reconnect`
use std::error::Error;
use std::time::Duration;

use sealpulse_client::{Config, Context, State, Wait};

fn main() -> Result<(), Box<dyn Error>> {
    let context = Context::connect(Config::from_env()?.named("reconnect")).wait()?;
    loop {
        until_back(&context);
    }
}

/// Returns when the connection has failed and stands again.
pub(crate) fn until_back(context: &Context) {
    let mut states = context.states();
    while !matches!(context.state(), State::Failed { .. }) {
        states.next().wait();
    }
    println!("lost: {:?}", context.state());
    while let Err(error) = context.reconnect().wait() {
        println!("{error}");
        std::thread::sleep(Duration::from_millis(100));
    }
    println!("back as client {:?}", context.connection().client_index);
}
