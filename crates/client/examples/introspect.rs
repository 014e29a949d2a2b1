//! Prints what there is in a server: itself, its devices, and what plays and records.
//!
//! `cargo run -p sealpulse-client --example introspect`
use std::error::Error;

use sealpulse_client::{Config, Context, Wait};

fn main() -> Result<(), Box<dyn Error>> {
    run(Config::from_env()?.named("introspect"))
}

/// All of it, on whatever server the configuration names.
pub(crate) fn run(config: Config) -> Result<(), Box<dyn Error>> {
    let context = Context::connect(config).wait()?;
    print(&context).wait()
}

async fn print(context: &Context) -> Result<(), Box<dyn Error>> {
    let server = context.server_info().await?;
    println!(
        "{} {} on {}",
        server.package_name.as_deref().unwrap_or("a server"),
        server.package_version.as_deref().unwrap_or("of unknown version"),
        server.host_name.as_deref().unwrap_or("an unknown machine"),
    );

    println!("\nsinks:");
    for sink in context.sinks().await? {
        let default = server.default_sink_name.as_ref() == Some(&sink.name);
        println!(
            "{:4} {}{}: {}, {:?}, {}",
            sink.index,
            sink.name,
            if default { " (default)" } else { "" },
            sink.sample_spec,
            sink.state,
            loudness(sink.volume.max().0, sink.mute),
        );
    }

    println!("\nsources:");
    for source in context.sources().await? {
        let default = server.default_source_name.as_ref() == Some(&source.name);
        println!(
            "{:4} {}{}: {}, {:?}",
            source.index,
            source.name,
            if default { " (default)" } else { "" },
            source.sample_spec,
            source.state,
        );
    }

    println!("\nwhat plays:");
    for stream in context.sink_inputs().await? {
        println!(
            "{:4} {} of {}: {}, {} ms behind, {}",
            stream.index,
            stream.name.as_deref().unwrap_or("a stream"),
            owner(context, stream.client_index).await?,
            stream.sample_spec,
            (stream.buffer_latency.0 + stream.sink_latency.0) / 1000,
            loudness(stream.volume.max().0, stream.mute),
        );
    }

    println!("\nwhat records:");
    for stream in context.source_outputs().await? {
        println!(
            "{:4} {} of {}: {}",
            stream.index,
            stream.name.as_deref().unwrap_or("a stream"),
            owner(context, stream.client_index).await?,
            stream.sample_spec,
        );
    }
    Ok(())
}

/// Whose a stream is.
async fn owner(context: &Context, client: Option<u32>) -> Result<String, Box<dyn Error>> {
    let Some(client) = client else { return Ok("the server itself".to_owned()) };
    Ok(context.client(client).await?.name.unwrap_or_else(|| format!("client {client}")))
}

/// A volume as people read it.
fn loudness(volume: u32, mute: bool) -> String {
    if mute { "muted".to_owned() } else { format!("{} %", (u64::from(volume) * 100) >> 16) }
}
