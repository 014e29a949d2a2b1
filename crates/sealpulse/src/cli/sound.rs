//! The options of the tools that play and record.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::time;

#[derive(Args, Debug)]
#[command(after_help = "\
Keys on a terminal:
  space             pause            left, right       5 s back or forth
  up, down          volume by 5 %    n, p              next or previous file
  q                 quit")]
pub(crate) struct PlayOptions {
    /// Files to play, one after the other without a gap: WAV, FLAC, Ogg Vorbis, MP3, AAC and others; `-` reads standard
    /// input
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Play to this sink [default: $PULSE_SINK, else the server's default sink]
    #[arg(short, long, value_name = "SINK")]
    pub(crate) device: Option<String>,

    /// Volume to begin with: 80% or -6dB [default: the server's choice]
    #[arg(long, value_name = "VOLUME", value_parser = level, allow_hyphen_values = true)]
    pub(crate) volume: Option<u32>,

    /// From the file to the ear (20ms, 0.5) [default: the server's choice]
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    pub(crate) latency: Option<Duration>,

    /// The server, such as unix:/run/a/native or tcp:host:4713 [default: $PULSE_SERVER, else the user's own]
    #[arg(long, value_name = "SERVER")]
    pub(crate) server: Option<String>,

    /// Print as JSON what was played, and how, when it is done
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sealpulse record voice.flac                            the default source, until Ctrl-C
  sealpulse record --monitor --duration 1:30 heard.wav   what the default sink plays
  sealpulse record --stream Firefox firefox.flac         one application alone
  sealpulse record - --format s16le --rate 16000 | ...   bare samples for another program")]
pub(crate) struct RecordOptions {
    /// Where to record to: a file that ends in .wav, .flac or .raw; `-` writes bare samples to standard output
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Record this source, or with --monitor what this sink plays [default: $PULSE_SOURCE, else the server's default]
    #[arg(short, long, value_name = "DEVICE")]
    pub(crate) device: Option<String>,

    /// Record what a sink plays: --device's, else the default sink
    #[arg(short, long)]
    pub(crate) monitor: bool,

    /// Record one application's stream alone: its index, or a part of its name or its application's
    #[arg(short, long, value_name = "STREAM", conflicts_with_all = ["device", "monitor"])]
    pub(crate) stream: Option<String>,

    /// Stop after this time (30, 1:30, 500ms) [default: at Ctrl-C]
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    pub(crate) duration: Option<Duration>,

    /// Samples: u8, s16le, s24le, s32le, float32le and others [default: the device's, so far as the file can hold them]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,

    /// Frames per second [default: the device's]
    #[arg(long, value_name = "HZ", value_parser = clap::value_parser!(u32).range(1..=768_000))]
    pub(crate) rate: Option<u32>,

    /// Channels [default: the device's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=32))]
    pub(crate) channels: Option<u8>,

    /// The server, such as unix:/run/a/native or tcp:host:4713 [default: $PULSE_SERVER, else the user's own]
    #[arg(long, value_name = "SERVER")]
    pub(crate) server: Option<String>,
}

/// A volume on PulseAudio's scale, where 65536 is 100 % and the cube of it is the amplitude.
fn level(text: &str) -> Result<u32, String> {
    let lower = text.trim().to_ascii_lowercase();
    let cubic = match lower.strip_suffix("db") {
        Some(decibels) => decibels.trim().parse::<f64>().map(|decibels| 10f64.powf(decibels / 60.0)),
        None => {
            lower.strip_suffix('%').unwrap_or(&lower).trim().parse::<f64>().map(|percent| percent / 100.0)
        }
    };
    match cubic {
        Ok(cubic) if (0.0..=10.0).contains(&cubic) => Ok((cubic * 65_536.0).round() as u32),
        Ok(_) => Err("a volume is between 0% and 1000%".to_owned()),
        Err(_) => Err("not a volume: write 80% or -6dB".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_are_read() {
        assert_eq!(level("100%"), Ok(65_536));
        assert_eq!(level("50"), Ok(32_768));
        assert_eq!(level("0dB"), Ok(65_536));
        assert_eq!(level("-18.0618dB"), Ok(32_768));
        assert!(level("-5%").is_err() && level("loud").is_err() && level("nan").is_err());
    }
}
