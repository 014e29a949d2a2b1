//! A client of PulseAudio's native protocol: what a Rust program uses to play, record and control sound, with
//! sealpulse, PulseAudio and pipewire-pulse alike. It needs no libpulse.
//!
//! - [`Config`] says where servers are, as libpulse finds them; [`Context`] is a connection.
//! - [`PlaybackStream`] and [`RecordStream`] carry sound. Where the server shares memory, blocks are filled and read in
//!   place: nothing is copied between the program's samples and the server's mixer.
//! - [`Context`] also says what there is at the server and changes it: devices, streams, modules, the sample cache.
//!   [`extension`] has what modules add.
//! - [`Subscription`] tells what happens at the server.
//!
//! Futures of this library need no particular executor, and [`Wait`] waits for any of them. One thread, shared by all
//! connections of the process, receives; it ends with the last connection. Handles are `Send` and `Sync`, and may be
//! dropped at any moment.
//!
//! It never trusts the server: whatever comes from there can make the connection fail, and nothing else. It never
//! starts a server (libpulse's autospawn), and does not look at properties of the X11 root window.
//!
//! ```no_run
//! use sealpulse_client::{Config, Context, SampleFormat, SampleSpec, StreamOptions, Wait};
//!
//! let context = Context::connect(Config::from_env()?.named("tone")).wait()?;
//! let spec = SampleSpec { format: SampleFormat::S16Le, channels: 1, rate: 48_000 };
//! let stream = context.playback(StreamOptions::new(spec).named("a second of 440 Hz")).wait()?;
//! let mut tone = (0..48_000).map(|frame| ((frame as f32 * 0.0576).sin() * 6_000.0) as i16).peekable();
//! while tone.peek().is_some() {
//!     stream.block(usize::MAX).wait()?.push_samples(&mut tone);
//! }
//! stream.drain().wait()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod address;
mod administration;
mod backlog;
mod block;
mod callback;
mod clock;
mod common;
mod config;
mod connect;
mod connection;
mod context;
mod control;
mod error;
pub mod extension;
mod handle;
mod introspect;
mod options;
mod pending;
mod playback;
mod reactor;
mod record;
mod sample;
mod selector;
mod spin;
mod streams;
mod subscribe;
mod timing;
mod wait;

pub use address::{AddressError, AddressFamily, ServerAddress};
pub use block::{PlaybackBlock, RecordBlock, Sample};
pub use config::{
    Config, ConfigError, ConfigLineError, Origin, PropertyListError, PropertyListProblem, property_list,
};
pub use connection::State;
pub use context::{ConnectionInfo, Context, States};
pub use error::ClientError;
pub use options::{Buffer, StreamFlags, StreamOptions};
pub use playback::{BufferFlags, Events, PlaybackStream, Writer};
pub use record::{Reader, RecordStream};
pub use sample::SAMPLE_SIZE_MAX;
pub use selector::Selector;
pub use streams::StreamEvent;
pub use subscribe::{News, Subscription};
pub use timing::Timing;
pub use wait::Wait;

pub use sealpulse_protocol::command;
pub use sealpulse_protocol::command::{
    CardInfo, CardPort, CardProfile, ClientInfo, DevicePort, ModuleInfo, SampleInfo, ServerInfo, SinkInfo,
    SinkInputInfo, SourceInfo, SourceOutputInfo, StatReply,
};
pub use sealpulse_protocol::frame::SeekMode;
pub use sealpulse_protocol::tagstruct;
pub use sealpulse_protocol::{
    CommandCode, Cookie, DeviceState, Encoding, ErrorCode, Facility, FormatInfo, Operation, PortAvailable,
    PortDirection, PortType, PropList, SinkFlags, SourceFlags, SubscriptionEvent, SubscriptionMask,
    UpdateMode, Usec,
};
pub use sealpulse_spec::{ChannelMap, ChannelPosition, ChannelVolumes, SampleFormat, SampleSpec, Volume};
pub use sealpulse_transport::{LinkCounters, TransportKind};
