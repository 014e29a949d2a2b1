//! The sound threads: devices, stream queues, rate buses, clocks, rendering, capture and timing.
//!
//! The control thread holds an [`Engine`]; behind it one sound thread serves all virtual devices on one software
//! clock. They talk through two bounded rings and an eventfd in each direction. A sound thread never allocates,
//! frees, locks, logs or waits on anything but its clock: what it needs is made by the control thread before, and
//! what it is done with goes back to be dropped there.
//!
//! A virtual device renders the past: at the end of a cycle it renders the time that has just gone by. So there is
//! never anything rendered but not yet played, a command takes effect at the moment it arrives, and no rewind is
//! needed. A cycle is as long as the least latency that a stream on the device asks for.
//!
//! The engine knows nothing of clients, the protocol or files.
//!
//! ```
//! use sealpulse_engine::{DeviceConfig, Engine, EngineConfig};
//! use sealpulse_spec::{ChannelMap, SampleFormat, SampleSpec};
//!
//! let mut engine = Engine::start(&EngineConfig::default())?;
//! let spec = SampleSpec { format: SampleFormat::S16Le, channels: 2, rate: 48_000 };
//! let sink = engine.add_device(&DeviceConfig { spec, map: ChannelMap::stereo() })?;
//! assert_eq!(engine.device_stats(sink).streams, 0);
//! engine.remove_device(sink);
//! engine.commit();
//! # Ok::<(), sealpulse_engine::EngineError>(())
//! ```
#![forbid(unsafe_code)]

mod bus;
mod command;
mod core;
mod device;
mod flow;
mod gains;
mod graph;
mod handle;
mod joint;
mod link;
mod outbox;
mod playback;
mod queue;
mod record;
mod render;
mod slab;
mod thread;
mod types;

#[cfg(test)]
mod tests;

pub use handle::Engine;
pub use types::{
    Data, DeviceConfig, DeviceId, DeviceStats, EngineConfig, EngineError, Event, MAX_CAPTURE_USEC,
    MAX_LATENCY_USEC, MAX_LINK_USEC, MIN_LATENCY_USEC, PlaybackConfig, PlaybackId, PlaybackTiming, QueueAttr,
    RecordConfig, RecordFrom, RecordId, RecordTiming, Remix, Seek, ThreadStats,
};
