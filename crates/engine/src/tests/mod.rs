//! Tests on a virtual clock. Every step of the sound thread runs where an allocation aborts the test.

mod capture;
mod flow;
mod limits;
mod links;
mod loops;
mod mixing;
mod queue;
mod random;
mod taps;
mod threads;

use rtrb::Consumer;
use sealpulse_memory::{Block, Chunk};
use sealpulse_spec::{ChannelMap, ChannelVolumes, SampleFormat, SampleSpec};

use crate::command::Command;
use crate::core::Core;
use crate::thread;
use crate::*;

#[global_allocator]
static ALLOCATOR: assert_no_alloc::AllocDisabler = assert_no_alloc::AllocDisabler;

const MS: u64 = 1_000_000;

fn spec(format: SampleFormat, channels: u8, rate: u32) -> SampleSpec {
    SampleSpec { format, channels, rate }
}

fn s16_stereo() -> SampleSpec {
    spec(SampleFormat::S16Le, 2, 48_000)
}

/// An engine whose clock the test moves.
struct Bench {
    engine: Engine,
    core: Core,
    commands: Consumer<Command>,
    now: u64,
    steps: usize,
    events: Vec<Event>,
    recorded: Vec<u8>,
}

impl Bench {
    fn new() -> Self {
        Self::with_stopwatch(|| 0)
    }

    /// With a clock of its own for how long rendering takes.
    fn with_stopwatch(stopwatch: fn() -> u64) -> Self {
        let config = EngineConfig { realtime_priority: None, max_objects: 64 };
        let (engine, core, commands) = Engine::without_thread(&config, stopwatch).unwrap();
        Self { engine, core, commands, now: 1_000_003, steps: 0, events: vec![], recorded: vec![] }
    }

    fn device(&mut self, spec: SampleSpec) -> DeviceId {
        let map = ChannelMap::default_for(spec.channels);
        self.engine.add_device(&DeviceConfig { spec, map }).unwrap()
    }

    fn playback(&mut self, device: DeviceId, spec: SampleSpec) -> PlaybackId {
        self.engine.add_playback(device, &playback_config(spec)).unwrap()
    }

    fn monitor(&mut self, device: DeviceId, spec: SampleSpec) -> RecordId {
        let id = self.engine.add_record(&record_config(RecordFrom::Monitor(device), spec)).unwrap();
        for _ in 0..16 {
            self.engine.supply(id, Block::private(65_536));
        }
        id
    }

    fn write(&mut self, stream: PlaybackId, bytes: &[u8]) {
        self.engine.push(stream, Seek::Relative, 0, Data::Chunk(Chunk::from_vec(bytes.to_vec())));
    }

    /// One step of the sound thread at the present moment; its next deadline.
    fn step(&mut self) -> Option<u64> {
        let deadline = self.step_unread();
        self.collect();
        deadline
    }

    /// A step after which the control thread does not come to read.
    fn step_unread(&mut self) -> Option<u64> {
        self.engine.commit();
        self.steps += 1;
        let (core, commands, now) = (&mut self.core, &mut self.commands, self.now);
        assert_no_alloc::assert_no_alloc(|| thread::step(core, commands, now).0)
    }

    fn collect(&mut self) {
        let mut events = vec![];
        self.engine.poll_events(&mut events);
        for event in events {
            if let Event::Recorded { stream, block, length } = event {
                let start = self.recorded.len();
                self.recorded.resize(start + length, 0);
                block.read_at(0, &mut self.recorded[start..]).unwrap();
                self.engine.supply(stream, block);
            } else {
                self.events.push(event);
            }
        }
    }

    /// Lets time go by as the sound thread would see it.
    fn run_for(&mut self, nanos: u64) {
        let end = self.now + nanos;
        loop {
            let next = self.step();
            match next {
                Some(deadline) if deadline <= end => self.now = deadline.max(self.now),
                _ => break,
            }
        }
        self.now = end;
        self.step();
    }

    fn take_events(&mut self) -> Vec<String> {
        self.events.drain(..).map(|event| describe(&event)).collect()
    }

    fn record_timing(&mut self, stream: RecordId) -> RecordTiming {
        self.engine.query_record(stream, 7);
        self.step();
        let found = self.events.iter().position(|event| matches!(event, Event::RecordTiming { .. })).unwrap();
        match self.events.remove(found) {
            Event::RecordTiming { timing, .. } => timing,
            _ => unreachable!(),
        }
    }

    fn timing(&mut self, stream: PlaybackId) -> PlaybackTiming {
        self.engine.query_playback(stream, 7);
        self.step();
        let found =
            self.events.iter().position(|event| matches!(event, Event::PlaybackTiming { .. })).unwrap();
        match self.events.remove(found) {
            Event::PlaybackTiming { timing, .. } => timing,
            _ => unreachable!(),
        }
    }
}

fn playback_config(spec: SampleSpec) -> PlaybackConfig {
    let ms = |ms: u64| spec.usec_to_bytes(ms * 1000) as usize;
    let attr = QueueAttr { maxlength: 4 << 20, tlength: ms(40), prebuf: spec.frame_size(), minreq: ms(10) };
    PlaybackConfig {
        spec,
        map: ChannelMap::default_for(spec.channels),
        attr: attr.sanitize(spec.frame_size()),
        latency_usec: 10_000,
        volume: ChannelVolumes::norm(spec.channels),
        muted: false,
        corked: false,
        remix: Remix::Full,
        variable_rate: false,
        sync: None,
        passive: false,
    }
}

fn record_config(from: RecordFrom, spec: SampleSpec) -> RecordConfig {
    RecordConfig {
        from,
        spec,
        map: ChannelMap::default_for(spec.channels),
        fragsize: spec.usec_to_bytes(10_000).max(spec.frame_size() as u64) as usize,
        latency_usec: 10_000,
        volume: ChannelVolumes::norm(spec.channels),
        muted: false,
        corked: false,
        remix: Remix::Full,
        peak_detect: false,
        variable_rate: false,
        passive: false,
    }
}

fn describe(event: &Event) -> String {
    match event {
        Event::Request { bytes, .. } => format!("request {bytes}"),
        Event::Underflow { read_index, .. } => format!("underflow {read_index}"),
        Event::Overflow { .. } => "overflow".into(),
        Event::Started { after_underrun, .. } => {
            (if *after_underrun { "resumed" } else { "started" }).to_string()
        }
        Event::Drained { token, .. } => format!("drained {token}"),
        Event::RecordOverrun { bytes, .. } => format!("overrun {bytes}"),
        Event::PlaybackTiming { .. } => "timing".into(),
        Event::RecordTiming { .. } => "record timing".into(),
        Event::Recorded { length, .. } => format!("recorded {length}"),
    }
}

/// Bytes that never repeat soon, whole frames of any format; float samples are numbers.
fn noise(spec: SampleSpec, frames: usize) -> Vec<u8> {
    let mut state = 12_345u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as u8
    };
    let mut bytes: Vec<u8> = (0..frames * spec.frame_size()).map(|_| next() | 1).collect();
    if matches!(spec.format, SampleFormat::F32Le) {
        for sample in bytes.chunks_exact_mut(4) {
            let value = (i32::from(sample[0]) - 128) as f32 / 131.0;
            sample.copy_from_slice(&value.to_le_bytes());
        }
    }
    bytes
}

fn position_of(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
