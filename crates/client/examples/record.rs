//! Records a second of what the default sink plays, in the memory that the server wrote it to, and prints how loud it is.
//!
//! `cargo run -p sealpulse-client --example record`
use std::error::Error;
use std::time::Duration;

use sealpulse_client::{Config, Context, SampleFormat, SampleSpec, StreamOptions, Wait};

fn main() -> Result<(), Box<dyn Error>> {
    println!("the loudest sample is {}", run(Config::from_env()?.named("record"))?);
    Ok(())
}

/// The loudest sample of a second.
pub(crate) fn run(config: Config) -> Result<u16, Box<dyn Error>> {
    let context = Context::connect(config).wait()?;
    let spec = SampleSpec { format: SampleFormat::S16Le, channels: 2, rate: 48_000 };
    let options = StreamOptions::new(spec).named("a second").on("@DEFAULT_MONITOR@");
    let stream = context.record(options.latency(Duration::from_millis(20))).wait()?;
    let (mut bytes, mut loudest) = (0, 0);
    while bytes < spec.bytes_per_second() as usize {
        let block = stream.block().wait()?;
        bytes += block.len();
        loudest = block.samples::<i16>().map(i16::unsigned_abs).max().unwrap_or(0).max(loudest);
    }
    Ok(loudest)
}
