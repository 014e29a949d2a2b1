//! The examples, run against each server.

use crate::bench::{Bench, config, on_each_server};
use sealpulse_tests::Kind;

macro_rules! examples {
    ($($name:ident $path:literal)*) => {$(
        #[path = $path]
        #[allow(dead_code, reason = "the example is a program too")]
        mod $name;
    )*};
}
examples! {
    example_control "../../../crates/client/examples/control.rs"
    example_introspect "../../../crates/client/examples/introspect.rs"
    example_samples "../../../crates/client/examples/samples.rs"
    example_subscribe "../../../crates/client/examples/subscribe.rs"
}

on_each_server! { control introspect samples subscribe }

fn control(kind: Kind) {
    let bench = Bench::new(kind, &[]);
    let _stream = bench.playback("out");
    example_control::run(config(&bench.server)).unwrap();
}

fn introspect(kind: Kind) {
    let bench = Bench::new(kind, &[]);
    let _streams = (bench.playback("out"), bench.record("out.monitor"));
    example_introspect::run(config(&bench.server)).unwrap();
}

fn samples(kind: Kind) {
    example_samples::run(config(&Bench::new(kind, &[]).server)).unwrap();
}

fn subscribe(kind: Kind) {
    let bench = Bench::new(kind, &[]);
    example_subscribe::run(config(&bench.server), Some(1)).unwrap();
}
