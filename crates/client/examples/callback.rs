//! Plays what a function makes, and hands what the sink plays to another: both run on the library's thread.
//!
//! `cargo run -p sealpulse-client --example callback`
use std::error::Error;
use std::sync::mpsc;

use sealpulse_client::{
    Config, Context, PlaybackBlock, SampleFormat, SampleSpec, StreamEvent, StreamOptions, Wait,
};

fn main() -> Result<(), Box<dyn Error>> {
    println!("heard {} of 24000 frames", run(Config::from_env()?.named("callback"))?);
    Ok(())
}

/// Frames with sound that came back from the monitor.
pub(crate) fn run(config: Config) -> Result<usize, Box<dyn Error>> {
    let context = Context::connect(config).wait()?;
    let spec = SampleSpec { format: SampleFormat::F32Le, channels: 1, rate: 48_000 };

    let (heard, count) = mpsc::channel();
    let listener = context
        .record_to(StreamOptions::new(spec).named("ear").on("@DEFAULT_MONITOR@"), move |block| {
            heard.send(block.samples::<f32>().filter(|sample| *sample != 0.0).count()).is_ok()
        })
        .wait()?;

    // To push nothing is to be done.
    let mut wave = (0..24_000).map(|frame| (frame as f32 * 0.05).sin() * 0.2 + 0.3);
    let options = StreamOptions::new(spec).named("mouth");
    let speak = move |block: &mut PlaybackBlock<'static>| {
        block.push_samples(&mut wave);
    };
    let player = context.playback_from(options, speak).wait()?;
    while player.event().wait().is_some_and(|event| event != StreamEvent::CallbackEnded) {}
    player.drain().wait()?;
    // What was played a moment ago is still on its way to the ear.
    let mut total: usize = count.try_iter().sum();
    while total < 24_000 {
        total += count.recv()?;
    }
    drop(listener);
    Ok(total)
}
