//! The options of the tools that work on audio files.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::time;

#[derive(Debug, Args)]
pub(crate) struct PlotOptions {
    /// The recording: WAV, FLAC, Ogg Vorbis, MP3, AAC and others; `-` reads standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Where to draw to: a file that ends in .svg or .png
    #[arg(short, long, value_name = "FILE.svg|png")]
    pub(crate) output: PathBuf,

    /// Begin this far into the recording (30, 1:30, 500ms)
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    pub(crate) start: Option<Duration>,

    /// Show only so much (30, 1:30, 500ms)
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    pub(crate) duration: Option<Duration>,

    /// Width of the picture in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 1400, value_parser = clap::value_parser!(u16).range(480..=16_384))]
    pub(crate) width: u16,

    /// Least level that is told from silence in the spectrogram, in dB below full scale
    #[arg(long, value_name = "DB", default_value_t = 100, value_parser = clap::value_parser!(u16).range(20..=180))]
    pub(crate) range: u16,

    /// Give every octave the same height in the spectrogram
    #[arg(long)]
    pub(crate) log: bool,
}
