//! Plays a second of 440 Hz, and says how it travelled.
//!
//! `cargo run -p sealpulse-client --example tone`
use std::error::Error;

use sealpulse_client::{Config, Context, SampleFormat, SampleSpec, StreamOptions, Wait};

fn main() -> Result<(), Box<dyn Error>> {
    run(Config::from_env()?.named("tone"))
}

pub(crate) fn run(config: Config) -> Result<(), Box<dyn Error>> {
    let context = Context::connect(config).wait()?;
    let spec = SampleSpec { format: SampleFormat::S16Le, channels: 2, rate: 48_000 };
    let stream = context.playback(StreamOptions::new(spec).named("a second of 440 Hz")).wait()?;
    let sample =
        |frame: u32| ((frame as f32 * 440.0 / 48_000.0 * std::f32::consts::TAU).sin() * 6_000.0) as i16;
    let mut tone = (0..96_000).map(|at| sample(at / 2)).peekable();
    while tone.peek().is_some() {
        stream.block(usize::MAX).wait()?.push_samples(&mut tone);
    }
    stream.drain().wait()?;
    let info = context.connection();
    println!("{:?}, ring: {}, {:?}", info.transport, info.ring, info.counters);
    println!("{:?}", stream.timing().wait()?);
    Ok(())
}
