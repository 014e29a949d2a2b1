//! Streams as `AsyncWrite` and `AsyncRead`: bytes in, bytes out, with any executor (here: none).
//!
//! `cargo run -p sealpulse-client --example bytes`
use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;

use futures_io::{AsyncRead, AsyncWrite};
use sealpulse_client::{Config, Context, SampleFormat, SampleSpec, StreamOptions, Wait};

fn main() -> Result<(), Box<dyn Error>> {
    let heard = run(Config::from_env()?.named("bytes"))?;
    println!("heard {} bytes", heard.len());
    Ok(())
}

async fn write_all(mut writer: impl AsyncWrite + Unpin, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = poll_fn(|task| Pin::new(&mut writer).poll_write(task, bytes)).await?;
        bytes = &bytes[count..];
    }
    // To flush is to hear it to its end.
    poll_fn(|task| Pin::new(&mut writer).poll_flush(task)).await
}

async fn read_exact(mut reader: impl AsyncRead + Unpin, bytes: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while filled < bytes.len() {
        filled += poll_fn(|task| Pin::new(&mut reader).poll_read(task, &mut bytes[filled..])).await?;
    }
    Ok(())
}

/// Plays half a second of a ramp; the second that was heard from its beginning on.
pub(crate) fn run(config: Config) -> Result<Vec<u8>, Box<dyn Error>> {
    let context = Context::connect(config).wait()?;
    let spec = SampleSpec { format: SampleFormat::S16Le, channels: 2, rate: 44_100 };
    let ear = context.record(StreamOptions::new(spec).on("@DEFAULT_MONITOR@")).wait()?;
    let mouth = context.playback(StreamOptions::new(spec)).wait()?;
    let ramp: Vec<u8> = (1..=44_100i32).flat_map(|sample| (sample as i16).to_le_bytes()).collect();
    write_all(mouth.writer(), &ramp).wait()?;
    let mut heard = vec![0; spec.bytes_per_second() as usize];
    read_exact(ear.reader(), &mut heard).wait()?;
    Ok(heard)
}
