//! Where a stream is.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sealpulse_protocol::Timeval;
use sealpulse_protocol::command::{PlaybackLatency, RecordLatency};

use crate::streams::Stream;

/// Where a stream was when the server was last asked. Indexes are in bytes since the stream began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// The sound that is at the ear, or at the microphone, at the moment of the answer, as a time in the stream.
    pub time: Duration,
    /// From the program to the ear, or from the microphone to the program.
    pub latency: Duration,
    /// The device's part of it.
    pub device_latency: Duration,
    /// Bytes written to the stream.
    pub write_index: i64,
    /// Bytes read from the stream.
    pub read_index: i64,
    /// How long the question or the answer was on its way.
    pub transport: Duration,
    /// Sound flows at this moment.
    pub running: bool,
    /// Playback: bytes that the sink wanted since the stream ran dry.
    pub underrun_for: u64,
    /// Playback: bytes played since the stream last ran dry.
    pub playing_for: u64,
}

/// A moment on both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) instant: Instant,
    wall: u64,
}

impl Moment {
    pub(crate) fn now() -> Moment {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment { instant: Instant::now(), wall: wall.as_micros() as u64 }
    }

    pub(crate) fn timeval(self) -> Timeval {
        Timeval::from_unix_usec(self.wall)
    }
}

/// What is remembered of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) at: Instant,
    /// Bytes that had been written by then.
    pub(crate) written: u64,
}

/// How long ago the server looked, and how long either way took: exact where both have the same clock, as libpulse has
/// it (`stream.c`).
fn age(asked: Asked, now: Moment, local: Timeval, remote: Timeval) -> (Duration, Duration) {
    let (local, remote) = (local.to_unix_usec(), remote.to_unix_usec());
    if local <= remote && remote <= now.wall {
        let age = Duration::from_micros(now.wall - remote);
        return (age, Duration::from_micros(remote - local));
    }
    let half = now.instant.saturating_duration_since(asked.at) / 2;
    (half, half)
}

impl Timing {
    pub(crate) fn of_playback(reply: &PlaybackLatency, asked: Asked, now: Moment, stream: &Stream) -> Timing {
        let (age, transport) = age(asked, now, reply.local_time, reply.remote_time);
        let usec = |bytes: i64| stream.spec.bytes_to_usec(u64::try_from(bytes).unwrap_or(0));
        let running = reply.playing && !stream.corked && !stream.suspended;
        let device_latency = Duration::from_micros(reply.sink_latency.0);
        let mut time = Duration::from_micros(usec(reply.read_index)).saturating_sub(device_latency);
        if running {
            time += age;
        }
        // What was written after the question is at the server by now.
        let since = i64::try_from(stream.written.saturating_sub(asked.written)).unwrap_or(0);
        let write_index = reply.write_index.saturating_add(since);
        Timing {
            time,
            latency: Duration::from_micros(usec(write_index)).saturating_sub(time),
            device_latency,
            write_index,
            read_index: reply.read_index,
            transport,
            running,
            underrun_for: reply.underrun_for,
            playing_for: reply.playing_for,
        }
    }

    pub(crate) fn of_record(reply: &RecordLatency, asked: Asked, now: Moment, stream: &Stream) -> Timing {
        let (age, transport) = age(asked, now, reply.local_time, reply.remote_time);
        let usec = |bytes: i64| stream.spec.bytes_to_usec(u64::try_from(bytes).unwrap_or(0));
        let running = reply.recording && !stream.corked && !stream.suspended;
        let source = Duration::from_micros(reply.source_latency.0);
        // What a monitor hears now is played only later.
        let device_latency = source.saturating_sub(Duration::from_micros(reply.monitor_latency.0));
        let mut time = Duration::from_micros(usec(reply.write_index)) + device_latency;
        if running {
            time += age;
        }
        let unread = i64::try_from(stream.recorded_bytes).unwrap_or(i64::MAX);
        let read_index = reply.read_index.saturating_sub(unread);
        Timing {
            time,
            latency: time.saturating_sub(Duration::from_micros(usec(read_index))),
            device_latency,
            write_index: reply.write_index,
            read_index,
            transport,
            running,
            underrun_for: 0,
            playing_for: 0,
        }
    }
}
