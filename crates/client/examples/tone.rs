//! Plays a second of 440 Hz, and says how it travelled.

use std::error::Error;

use sealpulse_client::{Config, Context, SampleFormat, SampleSpec, StreamOptions, Wait};

fn main() -> Result<(), Box<dyn Error>> {
    let context = Context::connect(Config::from_env()?.named("tone")).wait()?;
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
    while let Some(event) = next_event(&stream) {
        println!("{event:?}");
    }
    Ok(())
}

/// An event that is there already.
fn next_event(stream: &sealpulse_client::PlaybackStream) -> Option<sealpulse_client::StreamEvent> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut event = std::pin::pin!(stream.event());
    match event.as_mut().poll(&mut context) {
        std::task::Poll::Ready(event) => event,
        std::task::Poll::Pending => None,
    }
}
