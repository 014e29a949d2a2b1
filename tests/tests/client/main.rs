//! The client library's own test suite: written once, run unchanged against sealpulse, PulseAudio and PipeWire.
//!
//! Each scenario is a function of a running server with two sinks, `out` (the default) and `other`, and a test for each
//! kind of server. What a server lacks is listed with the reason in `tests/client_servers.toml`: there the scenario has
//! to fail, so that the list stays true.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod connection;
mod control;
mod events;
mod extensions;
mod introspection;
mod playback;
mod recording;
mod stage;
mod timing;

use sealpulse_tests::Kind;

/// The names of all scenarios.
fn names() -> Vec<String> {
    [
        connection::NAMES,
        control::NAMES,
        events::NAMES,
        extensions::NAMES,
        introspection::NAMES,
        playback::NAMES,
        recording::NAMES,
        timing::NAMES,
    ]
    .concat()
    .iter()
    .map(|&(module, name)| stage::full_name(module, name))
    .collect()
}

#[test]
fn what_servers_lack_is_listed_by_its_right_name() {
    let names = names();
    for kind in Kind::ALL {
        let lacks = stage::lacks(kind);
        println!("{kind:?} runs {} of {} scenarios, and lacks:", names.len() - lacks.len(), names.len());
        for lack in lacks {
            println!("    {}: {}", lack.scenario, lack.reason);
            assert!(names.contains(&lack.scenario), "there is no scenario {}", lack.scenario);
        }
    }
}
