//! Makes a sink for meetings, moves all that plays there, sets volumes, and puts everything back.
//!
//! `cargo run -p sealpulse-client --example control`
use std::error::Error;

use sealpulse_client::{Config, Context, Selector, Volume, Wait};

const SINK: &str = "example-meeting";

fn main() -> Result<(), Box<dyn Error>> {
    run(Config::from_env()?.named("control"))
}

/// All of it, on whatever server the configuration names.
pub(crate) fn run(config: Config) -> Result<(), Box<dyn Error>> {
    let context = Context::connect(config).wait()?;
    let module = context.load_module("module-null-sink", &format!("sink_name={SINK}")).wait()?;
    let result = control(&context).wait();
    // Streams that are there still go back to another sink when this one goes.
    context.unload_module(module).wait()?;
    result
}

async fn control(context: &Context) -> Result<(), Box<dyn Error>> {
    // One volume for all channels; half as loud for the ear is half the number.
    context.set_sink_volume(SINK, Volume(Volume::NORM.0 / 2)).await?;
    context.set_sink_mute(SINK, false).await?;

    // Or by channel: the left one only.
    let mut channels = context.sink(SINK).await?.volume.as_slice().to_vec();
    if let Some(right) = channels.get_mut(1) {
        *right = Volume::MUTED;
    }
    if let Some(volume) = sealpulse_client::ChannelVolumes::from_slice(&channels) {
        context.set_sink_volume(SINK, volume).await?;
    }
    println!("{SINK} is at {:?}", context.sink(SINK).await?.volume);

    let home = context.sink(Selector::DEFAULT_SINK).await?;
    for stream in context.sink_inputs().await? {
        context.move_sink_input(stream.index, SINK).await?;
        println!("moved {}", stream.name.as_deref().unwrap_or("a stream"));
        context.move_sink_input(stream.index, home.index).await?;
    }

    // What is not there is an error that says so.
    match context.kill_sink_input(4_000_000).await {
        Ok(()) => println!("killed something"),
        Err(error) => println!("{error}"),
    }
    Ok(())
}
