//! The engine on its own thread and the real clock. Tests wait for what the engine says, with a limit.

use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

/// An engine, and what it has said.
struct Live {
    engine: Engine,
    events: Vec<Event>,
}

impl Live {
    fn start() -> Self {
        let config = EngineConfig { realtime_priority: None, max_objects: 16 };
        Self { engine: Engine::start(&config).unwrap(), events: vec![] }
    }

    fn device(&mut self) -> DeviceId {
        let config = DeviceConfig { spec: s16_stereo(), map: ChannelMap::stereo() };
        self.engine.add_device(&config).unwrap()
    }

    fn wait_for(&mut self, what: &str) {
        let start = Instant::now();
        self.engine.commit();
        loop {
            if let Some(found) = self.events.iter().position(|event| describe(event).starts_with(what)) {
                self.events.drain(..=found);
                return;
            }
            assert!(start.elapsed() < PATIENCE, "no {what} among {:?}", self.events);
            let mut fds = [PollFd::from_borrowed_fd(self.engine.event_fd(), PollFlags::IN)];
            let limit = Timespec { tv_sec: PATIENCE.as_secs() as i64, tv_nsec: 0 };
            poll(&mut fds, Some(&limit)).unwrap();
            self.engine.poll_events(&mut self.events);
            self.engine.commit();
        }
    }

    fn wakeups(&self) -> u64 {
        self.engine.thread_stats()[0].wakeups
    }
}

fn silence(frames: usize) -> Data {
    Data::Chunk(Chunk::from_vec(vec![0; frames * 4]))
}

#[test]
fn a_write_to_a_hungry_stream_wakes_the_thread() {
    let mut live = Live::start();
    let device = live.device();
    let stream = live.engine.add_playback(device, &playback_config(s16_stereo())).unwrap();
    // The thread sleeps without a deadline before each round, so that nothing but the write can wake it.
    for round in 0..50 {
        live.engine.push(stream, Seek::Relative, 0, silence(48));
        live.wait_for(if round == 0 { "started" } else { "resumed" });
        live.wait_for("underflow");
    }
}

#[test]
fn a_write_to_a_stream_that_plays_wakes_nobody() {
    let mut live = Live::start();
    let device = live.device();
    let mut config = playback_config(s16_stereo());
    config.latency_usec = 1_000_000;
    let stream = live.engine.add_playback(device, &config).unwrap();
    live.engine.push(stream, Seek::Relative, 0, silence(480_000));
    live.wait_for("started");
    live.engine.query_playback(stream, 1);
    live.wait_for("timing");
    let start = Instant::now();
    let before = live.wakeups();
    for _ in 0..1_000 {
        live.engine.push(stream, Seek::Relative, 0, silence(1));
        live.engine.commit();
    }
    let woken = live.wakeups() - before;
    assert!(woken <= 2 + start.elapsed().as_secs(), "{woken} wake-ups");
}

#[test]
fn an_engine_without_work_sleeps_and_ends_when_it_is_dropped() {
    let mut live = Live::start();
    let device = live.device();
    let record = live.engine.add_record(&record_config(RecordFrom::Monitor(device), s16_stereo())).unwrap();
    live.engine.supply(record, Block::private(65_536));
    live.engine.query_record(record, 1);
    live.wait_for("record timing");
    live.wait_for("recorded");
    let shared = std::sync::Arc::downgrade(&live.engine.shared);
    drop(live);
    assert_eq!(shared.strong_count(), 0, "the thread has gone");
}

#[test]
fn all_that_is_asked_for_at_once_is_answered() {
    let mut live = Live::start();
    let device = live.device();
    let stream = live.engine.add_playback(device, &playback_config(s16_stereo())).unwrap();
    // More than both rings hold.
    for token in 0..40_000 {
        live.engine.query_playback(stream, token);
    }
    for _ in 0..40_000 {
        live.wait_for("timing");
    }
}
