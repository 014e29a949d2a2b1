//! The vocabulary that every room of sealpulse shares: what a sample is ([`SampleFormat`], [`SampleSpec`]),
//! which loudspeaker a channel is meant for ([`ChannelPosition`], [`ChannelMap`]) and how loud it is
//! ([`Volume`], [`ChannelVolumes`]).
//!
//! Values and numbers are PulseAudio's, so that they can go over the wire as they are. Nothing here does
//! I/O, allocates for a peer's number, or panics on one.
//!
//! ```
//! use sealpulse_spec::{SampleFormat, SampleSpec};
//! let spec = SampleSpec { format: SampleFormat::S16Le, channels: 2, rate: 48_000 };
//! assert_eq!(spec.frame_size(), 4);
//! assert_eq!(spec.usec_to_bytes(10_000), 1_920);
//! ```
#![forbid(unsafe_code)]

mod channel_map;
mod sample;
mod volume;

pub use channel_map::{ChannelMap, ChannelPosition};
pub use sample::{SampleFormat, SampleSpec};
pub use volume::{ChannelVolumes, Volume};

/// Most channels that a stream or device can have (`PA_CHANNELS_MAX`).
pub const CHANNELS_MAX: u8 = 32;

/// Highest sample rate in Hz (`PA_RATE_MAX`).
pub const RATE_MAX: u32 = 768_000;
