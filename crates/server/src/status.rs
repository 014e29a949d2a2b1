//! The status: what the server does right now, as JSON for tools and people.
//!
//! `pactl send-message /sealpulse status` and `sealpulse status --json` print it. The structs here are its
//! definition; fields may be added, none will change its meaning.
//!
//! ```
//! use sealpulse_server::status::Status;
//! let json = r#"{"server": {"name": "sealpulse", "version": "0.1.0", "pid": 1}, "clients": [],
//!                "devices": [], "threads": []}"#;
//! let status: Status = serde_json::from_str(json)?;
//! assert_eq!(status.server.name, "sealpulse");
//! # Ok::<(), serde_json::Error>(())
//! ```

use serde::{Deserialize, Serialize};

use sealpulse_engine::PlaybackTiming;
use sealpulse_protocol::ErrorCode;
use sealpulse_protocol::command::SendObjectMessageReply;
use sealpulse_transport::TransportKind;

use crate::queries::Timings;
use crate::session::{Ring, Session, SessionKey};
use crate::state::State;

/// All of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The server itself.
    pub server: ServerStatus,
    /// Everybody who is connected, in the order in which they came.
    pub clients: Vec<ClientStatus>,
    /// All sinks.
    pub devices: Vec<DeviceStatus>,
    /// All threads.
    pub threads: Vec<ThreadStatus>,
}

/// The server itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerStatus {
    /// `sealpulse`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its process.
    pub pid: u32,
}

/// How a client's audio data travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// By reference to memfds.
    Memfd,
    /// By reference to POSIX shared memory, which is read without being mapped.
    PosixShm,
    /// Through the socket.
    Socket,
}

/// One client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClientStatus {
    /// Its index, as `pactl list clients` has it.
    pub index: u32,
    /// `application.name`.
    pub name: String,
    /// Its process, as the kernel says; 0 where that is not known.
    pub pid: i32,
    /// The protocol version that it speaks, 8 to 35.
    pub protocol: u32,
    /// How its audio data travels.
    pub transport: Transport,
    /// Whether its commands go over a srbchannel.
    pub srbchannel: bool,
    /// Whether it has memory registered and all of that is sealed.
    pub sealed: bool,
    /// Bytes of audio data, in both directions, that were only referred to.
    pub bytes_referenced: u64,
    /// Bytes of audio data, in both directions, that were copied.
    pub bytes_copied: u64,
    /// Bytes of address space that the memory shared with it takes.
    pub memory_mapped: u64,
    /// Gaps in its playback that could be heard, those of streams that have ended too.
    pub underruns: u64,
    /// Its streams.
    pub streams: Vec<StreamStatus>,
}

/// Which way a stream goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// A sink input.
    Playback,
    /// A source output.
    Record,
}

/// One stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StreamStatus {
    /// Which way it goes.
    pub direction: Direction,
    /// Its index, as `pactl list sink-inputs` or `source-outputs` has it.
    pub index: u32,
    /// `media.name`.
    pub name: String,
    /// The name of its sink or source.
    pub device: String,
    /// Format, channels and rate.
    pub spec: String,
    /// Whether it is paused.
    pub corked: bool,
    /// Time from the client's write to the ear, or from the device to the client, in microseconds.
    pub latency_usec: u64,
    /// What the lengths that its client set come to, in microseconds: its own buffer and the device's.
    #[serde(default)]
    pub asked_latency_usec: u64,
    /// Bytes in its queue (playback).
    pub queued_bytes: u64,
    /// Bytes that the queue is to hold (playback), or that are sent at once (record).
    pub buffer_bytes: u64,
    /// Gaps that could be heard (playback).
    pub underruns: u64,
    /// Bytes that were lost since the client did not take them (record).
    pub lost_bytes: u64,
}

/// One sink with its monitor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceStatus {
    /// The sink's index.
    pub index: u32,
    /// The sink's name.
    pub name: String,
    /// `running`, `idle` or `suspended`.
    pub state: String,
    /// Frames per second.
    pub rate: u32,
    /// Channels.
    pub channels: u8,
    /// Sample format.
    pub format: String,
    /// Length of a cycle in microseconds; 0 while nothing plays or records.
    pub cycle_usec: u64,
    /// Playback streams that are not paused.
    pub streams: u32,
    /// Rate buses.
    pub buses: u32,
    /// Share of the time that rendering takes, 0 to 1.
    pub load: f32,
}

/// One thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadStatus {
    /// Its name; `control` is the one that serves clients.
    pub name: String,
    /// How often it woke since it started.
    pub wakeups: u64,
    /// Processor time that it took since it started, in microseconds; 0 where the kernel does not say.
    #[serde(default)]
    pub cpu_usec: u64,
    /// Whether it has real-time priority.
    pub realtime: bool,
}

impl State {
    /// Answers a status message, once the streams' timings are there.
    pub(crate) fn reply_status(&mut self, session: SessionKey, tag: u32, timings: &Timings) {
        match serde_json::to_string(&self.status(timings)) {
            Ok(json) => self.reply(session, tag, &SendObjectMessageReply { response: Some(json) }),
            Err(error) => {
                tracing::error!(%error, "the status cannot be written");
                self.refuse(session, tag, ErrorCode::Internal);
            }
        }
    }

    fn status(&self, timings: &Timings) -> Status {
        let clients = self.registry.clients.iter().filter_map(|(index, client)| {
            let name = client.proplist.get_str("application.name").unwrap_or_default();
            Some(self.client_status(index, name, self.sessions.get(client.session?)?, timings))
        });
        let control = ThreadStatus {
            name: "control".to_owned(),
            wakeups: self.wakeups,
            cpu_usec: cpu_usec(rustix::thread::gettid().as_raw_nonzero().get()),
            realtime: self.realtime,
        };
        let sound = self.engine.thread_stats().into_iter().map(|thread| ThreadStatus {
            name: thread.name.to_owned(),
            wakeups: thread.wakeups,
            cpu_usec: thread.tid.map_or(0, cpu_usec),
            realtime: thread.realtime,
        });
        Status {
            server: ServerStatus {
                name: "sealpulse".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                pid: std::process::id(),
            },
            clients: clients.collect(),
            devices: self
                .registry
                .sinks
                .indexes()
                .into_iter()
                .filter_map(|index| self.device_status(index))
                .collect(),
            threads: std::iter::once(control).chain(sound).collect(),
        }
    }

    fn client_status(&self, index: u32, name: &str, session: &Session, timings: &Timings) -> ClientStatus {
        let counters = session.link.counters();
        let playback = session.playback.values().filter_map(|&input| self.playback_status(input, timings));
        let record = session.record.values().filter_map(|&output| self.record_status(output, timings));
        let streams: Vec<StreamStatus> = playback.chain(record).collect();
        ClientStatus {
            index,
            name: name.to_owned(),
            pid: session.peer.map_or(0, |peer| peer.pid),
            protocol: session.version,
            transport: match session.transport {
                TransportKind::Memfd => Transport::Memfd,
                TransportKind::PosixShm => Transport::PosixShm,
                TransportKind::Socket => Transport::Socket,
            },
            srbchannel: matches!(session.ring, Ring::Active { .. }),
            sealed: counters.sealed,
            bytes_referenced: counters.bytes_referenced,
            bytes_copied: counters.bytes_copied,
            memory_mapped: counters.memory_mapped,
            underruns: session.past_underruns + streams.iter().map(|stream| stream.underruns).sum::<u64>(),
            streams,
        }
    }

    fn playback_status(&self, index: u32, timings: &Timings) -> Option<StreamStatus> {
        let input = self.registry.sink_inputs.get(index)?;
        let timing = timings.playback.get(&input.stream).copied().unwrap_or_default();
        let queued_bytes = queued(&timing);
        Some(StreamStatus {
            direction: Direction::Playback,
            index,
            name: input.proplist.get_str("media.name").unwrap_or_default().to_owned(),
            device: self.registry.sinks.get(input.sink).map(|sink| sink.name.clone()).unwrap_or_default(),
            spec: input.spec.to_string(),
            corked: input.corked,
            latency_usec: timing.sink_usec.saturating_add(input.spec.bytes_to_usec(queued_bytes)),
            asked_latency_usec: input
                .spec
                .bytes_to_usec(u64::from(input.attr.tlength))
                .saturating_add(input.latency_usec),
            queued_bytes,
            buffer_bytes: u64::from(input.attr.tlength),
            underruns: input.underruns,
            lost_bytes: 0,
        })
    }

    fn record_status(&self, index: u32, timings: &Timings) -> Option<StreamStatus> {
        let output = self.registry.source_outputs.get(index)?;
        let timing = timings.record.get(&output.stream).copied().unwrap_or_default();
        let source = self.registry.sources.get(output.source);
        let waiting = timing.write_index.saturating_sub(timing.handed_over);
        Some(StreamStatus {
            direction: Direction::Record,
            index,
            name: output.proplist.get_str("media.name").unwrap_or_default().to_owned(),
            device: source.map(|source| source.name.clone()).unwrap_or_default(),
            spec: output.spec.to_string(),
            corked: output.corked,
            latency_usec: timing.source_usec.saturating_add(output.spec.bytes_to_usec(waiting)),
            asked_latency_usec: output
                .spec
                .bytes_to_usec(u64::from(output.attr.fragsize))
                .saturating_add(output.latency_usec),
            queued_bytes: waiting,
            buffer_bytes: u64::from(output.attr.fragsize),
            underruns: 0,
            lost_bytes: output.lost,
        })
    }

    fn device_status(&self, index: u32) -> Option<DeviceStatus> {
        let sink = self.registry.sinks.get(index)?;
        let stats = self.engine.device_stats(sink.device);
        Some(DeviceStatus {
            index,
            name: sink.name.clone(),
            state: format!("{:?}", sink.state).to_ascii_lowercase(),
            rate: sink.spec.rate,
            channels: sink.spec.channels,
            format: sink.spec.format.name().to_owned(),
            cycle_usec: stats.cycle_usec,
            streams: stats.streams,
            buses: stats.buses,
            load: stats.load,
        })
    }
}

/// Bytes that were written and not read yet.
fn queued(timing: &PlaybackTiming) -> u64 {
    timing.write_index.saturating_sub(timing.read_index).max(0) as u64
}

/// The processor time of one of our threads, which the kernel's scheduler counts in nanoseconds.
fn cpu_usec(tid: i32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/self/task/{tid}/schedstat")).unwrap_or_default();
    text.split(' ').next().and_then(|nanoseconds| nanoseconds.parse::<u64>().ok()).unwrap_or(0) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_knows_its_processor_time() {
        let tid = rustix::thread::gettid().as_raw_nonzero().get();
        let before = cpu_usec(tid);
        let end = std::time::Instant::now() + std::time::Duration::from_secs(5);
        // The kernel adds up at its ticks.
        while cpu_usec(tid) == before {
            assert!(std::time::Instant::now() < end, "it stays at {before}");
        }
        assert_eq!(cpu_usec(-1), 0);
    }
}
