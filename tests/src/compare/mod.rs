//! One script on two servers, and what differs.
//!
//! A [`Script`] drives a server by `pactl`, `pacat` and `parec` and writes down what it sees: answers, exit
//! codes, error texts, events. [`compare`] runs it on PulseAudio and on sealpulse and compares the two
//! transcripts. What may differ stands in `tests/differences.toml` with a reason; a difference that is not
//! there fails the test, and so does an entry that no longer occurs.

mod differences;
mod normal;
mod script;

pub use differences::{Difference, differences};
pub use script::Script;

use crate::{Kind, Server, ServerOptions};
use differences::Allowed;
use serde_json::{Map, Value};

/// Runs `script` on both servers, each started with `modules`, and judges the differences by the entries
/// of `scenario` in `tests/differences.toml`.
///
/// # Panics
/// When something differs that is not allowed, or an allowed difference does not occur.
pub fn compare(scenario: &str, modules: &[&str], script: impl Fn(&mut Script<'_>) + Sync) {
    let run = |kind| {
        let server: Server = ServerOptions::new(modules).kind(kind).start();
        let mut transcript = Script::new(&server);
        script(&mut transcript);
        Value::Object(transcript.finish().into_iter().collect::<Map<_, _>>())
    };
    let (reference, ours) = std::thread::scope(|scope| {
        let reference = scope.spawn(|| run(Kind::PulseAudio));
        let ours = run(Kind::of_scenarios());
        (reference.join().expect("the script runs on PulseAudio"), ours)
    });
    let found = differences(&reference, &ours);
    let allowed = Allowed::of_scenario(scenario);
    let new: Vec<String> = found
        .iter()
        .filter(|difference| !allowed.iter().any(|entry| entry.covers(difference)))
        .map(ToString::to_string)
        .collect();
    let gone: Vec<&str> = allowed
        .iter()
        .filter(|entry| entry.must_occur() && !found.iter().any(|difference| entry.covers(difference)))
        .map(|entry| entry.path.as_str())
        .collect();
    assert!(new.is_empty(), "{} new differences in {scenario}:\n{}", new.len(), new.join("\n"));
    if Kind::of_scenarios() == Kind::Sealpulse {
        assert!(gone.is_empty(), "these differences of {scenario} no longer occur: {gone:#?}");
    }
}
