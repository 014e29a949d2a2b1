//! What can be done to a stream while it plays: pausing, jumping, other lengths, its clock, and what happens to it.
//!
//! `cargo run -p sealpulse-client --example control_stream`
use std::error::Error;
use std::time::Duration;

use sealpulse_client::{
    Buffer, BufferFlags, Config, Context, SampleFormat, SampleSpec, SeekMode, StreamEvent, StreamOptions,
    Wait,
};

fn main() -> Result<(), Box<dyn Error>> {
    run(Config::from_env()?.named("control a stream"))
}

pub(crate) fn run(config: Config) -> Result<(), Box<dyn Error>> {
    let context = Context::connect(config).wait()?;
    let spec = SampleSpec { format: SampleFormat::S16Le, channels: 1, rate: 8_000 };
    let options = StreamOptions::new(spec).named("patience").latency(Duration::from_millis(200)).corked();
    let stream = context.playback(options).wait()?;

    // Nothing is heard while it is corked, but it can be filled.
    let second = vec![1; 16_000];
    stream.write(&second[..stream.writable()]).wait()?;
    println!("filled {:?} of {:?}", stream.timing().wait()?.latency, stream.buffer());

    // Another beginning, over what was there.
    stream.flush().wait()?;
    let mut block = stream.block(1_600).wait()?;
    block.seek(SeekMode::Absolute, 0);
    block.push(&second[..1_600]);
    block.commit()?;

    let tlength = spec.bytes_per_second() as u32 / 2;
    let buffer = Buffer { tlength, ..Buffer::default() };
    println!("now {:?}", stream.set_buffer(buffer, BufferFlags::default()).wait()?);

    stream.cork(false).wait()?;
    stream.trigger().wait()?;
    stream.drain().wait()?;
    // The clock stands where the sound ended.
    println!("heard {:?}", stream.timing().wait()?.time);
    while let Some(event) = stream.event().wait() {
        println!("{event:?}");
        if matches!(event, StreamEvent::Underflow { .. }) {
            break;
        }
    }
    Ok(())
}
