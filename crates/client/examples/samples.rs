//! Puts a beep into the server's sample cache, plays it there, and removes it.
//!
//! `cargo run -p sealpulse-client --example samples`
use std::error::Error;
use std::f32::consts::TAU;

use sealpulse_client::{
    ClientError, Config, Context, ErrorCode, PropList, SampleFormat, SampleSpec, Volume, Wait,
};

const NAME: &str = "example-beep";

fn main() -> Result<(), Box<dyn Error>> {
    run(Config::from_env()?.named("samples"))
}

/// All of it, on whatever server the configuration names.
pub(crate) fn run(config: Config) -> Result<(), Box<dyn Error>> {
    let context = Context::connect(config).wait()?;
    let spec = SampleSpec { format: SampleFormat::F32Le, channels: 1, rate: 48_000 };
    let properties: PropList = [("media.role", "event")].into_iter().collect();
    match context.upload_sample(NAME, spec, None, &beep(spec.rate), properties).wait() {
        Err(ClientError::Server { code: ErrorCode::NotSupported, .. }) => {
            println!("this server has no sample cache");
            return Ok(());
        }
        result => result?,
    }
    for sample in context.samples().wait()? {
        println!("{}: {}, {} ms", sample.name, sample.sample_spec, sample.duration.0 / 1000);
    }
    // On the default sink, at half the volume.
    let stream = context.play_sample(NAME, None, Some(Volume(Volume::NORM.0 / 2)), PropList::new()).wait()?;
    println!("plays as sink input {stream:?}");
    context.remove_sample(NAME).wait()?;
    Ok(())
}

/// A fifth of a second of 440 Hz, faded in and out.
fn beep(rate: u32) -> Vec<u8> {
    let frames = rate / 5;
    let sample = |frame: u32| {
        let fade = frame.min(frames - frame) as f32 / (rate as f32 / 100.0);
        (frame as f32 * 440.0 / rate as f32 * TAU).sin() * fade.min(1.0) * 0.5
    };
    (0..frames).flat_map(|frame| sample(frame).to_le_bytes()).collect()
}
