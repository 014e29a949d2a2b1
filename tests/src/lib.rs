//! Whole-program tests: a server in private directories, unmodified applications as its clients, and the
//! means to wait for what they do and to look at it from outside.
//!
//! - [`Server`] starts `sealpulse serve`, Debian's PulseAudio as the reference, or PipeWire, and ends it when dropped.
//! - [`Client`] is the environment of an application on one of the three [`Transport`]s; [`Application`] is
//!   one that runs.
//! - [`Recorder`] is a `parec` whose recording can be searched while it grows; [`samples`] makes and judges
//!   what is played.
//! - [`Events`] is a `pactl subscribe` that can be waited for.
//! - [`Orchestra`] is several real applications that play at once.
//! - [`process`] reads `/proc`: fds, seals, mappings, context switches.
//! - [`wire`] speaks to the socket in raw frames, for what no application would send.
//! - [`compare`] runs one script on two servers and judges the differences.
//!
//! Nothing here sleeps for a fixed time to let something happen: waiting is for an event, with a limit after
//! which the test fails. Whatever a test starts ends with it, and its files lie in a directory of its own.
//!
//! With `SEALPULSE_TEST_SERVER=pulseaudio` the scenarios run against the reference alone, which shows that a
//! test can pass.
//!
//! ```no_run
//! use sealpulse_tests::{Server, Transport};
//! let server = Server::start(&["module-null-sink sink_name=out"]);
//! let sinks = server.client(Transport::Memfd).pactl_json(&["list", "sinks"]);
//! assert_eq!(sinks[0]["name"], "out");
//! ```

mod client;
pub mod compare;
mod events;
mod orchestra;
mod pipewire;
pub mod process;
mod recorder;
pub mod samples;
mod server;
pub mod wait;
pub mod wire;
mod witness;

pub use client::{Application, Client, Output, Transport};
pub use events::{Event, Events};
pub use orchestra::Orchestra;
pub use recorder::Recorder;
pub use server::{Kind, Server, ServerOptions, sealpulse};
pub use witness::Witness;
