//! Pure sound: sample formats, volume, mixing, remixing and resampling.
//!
//! Everything works on slices of interleaved `f32` samples with full scale at ±1, which the caller owns:
//!
//! - [`decode`], [`encode`] and [`scrub`] go between the 13 sample formats and `f32`;
//! - [`scale`], [`mix_into`], [`mix_scaled_into`] and [`Ramp`] are volume and mixing;
//! - [`RemixMatrix`] takes one channel map to another by PulseAudio's rules;
//! - [`Resampler`] takes one rate to another, [`PeakDetector`] does so for level meters.
//!
//! What it never does: it knows no threads, devices or protocol, and after construction nothing here allocates,
//! locks, logs or makes a system call, so that all of it may run on a sound thread. Constructing a
//! [`Resampler`] computes a filter and belongs on the control thread; so does dropping one.
//!
//! Samples are untrusted: [`decode`] turns NaN and infinity into silence, [`encode`] saturates and never wraps.
//! A filter's response is finite, so that whatever overflows within it is gone some milliseconds later.
//! Slices of the wrong length are the caller's mistake: debug builds assert, release builds process what both
//! sides have.
//!
//! # Why the resampler is our own
//!
//! The device's cycle asks for any number of frames, from 1 to 96,000, must know beforehand how many frames of
//! input that takes, and must be able to take some of them back. General crates (rubato was looked at) work on
//! chunks of a size set before, hold a position that is rounded at each chunk, size their buffers for the greatest
//! chunk times the ratio (which at 768 kHz to 1 Hz is all of the memory), or are bound to fixed blocks by an FFT.
//! Here the position is an exact fraction: rates never drift apart, and output does not depend on how it was cut
//! into calls, to the bit. What computes a sample from its window is a private trait with a portable
//! implementation, the place for faster ones.
//!
//! # Example
//!
//! ```
//! use sealpulse_dsp::{Resampler, decode, encode, scale};
//! use sealpulse_spec::SampleFormat;
//!
//! // Half of the volume, as 24 bit.
//! let mut samples = [0.0; 2];
//! decode(SampleFormat::S16Le, &[0x00, 0x40, 0x00, 0xc0], &mut samples);
//! scale(2, &[0.5, 0.5], &mut samples);
//! let mut bytes = [0; 6];
//! encode(SampleFormat::S24Le, &samples, &mut bytes);
//! assert_eq!(bytes, [0x00, 0x00, 0x20, 0x00, 0x00, 0xe0]);
//!
//! // 10 ms of stereo for a device at 48 kHz from a stream at 44.1 kHz.
//! let mut resampler = Resampler::new(2, 44_100, 48_000);
//! let input = vec![0.0; resampler.input_needed(480) * 2];
//! let mut output = vec![0.0; 480 * 2];
//! resampler.process(&input, &mut output);
//! assert_eq!(input.len(), 441 * 2);
//! ```
#![forbid(unsafe_code)]

mod format;
mod mix;
mod peaks;
mod ramp;
mod remix;
mod resampler;

pub use format::{decode, encode, scrub};
pub use mix::{mix_into, mix_scaled_into, scale};
pub use peaks::PeakDetector;
pub use ramp::Ramp;
pub use remix::{RemixMatrix, RemixOptions};
pub use resampler::Resampler;
