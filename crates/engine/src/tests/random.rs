//! The whole engine under random commands: nothing is lost, nothing spins, and the books are right.

use std::collections::HashMap;

use proptest::prelude::*;
use sealpulse_memory::{Pool, SegmentKind};
use sealpulse_spec::Volume;

use super::*;
use crate::flow::Flow;
use crate::link::Link;
use crate::playback::Input;
use crate::record::Attachment;

const SPECS: [(SampleFormat, u8, u32); 8] = [
    (SampleFormat::S16Le, 2, 48_000),
    (SampleFormat::S16Le, 2, 44_100),
    (SampleFormat::F32Le, 1, 8_000),
    (SampleFormat::S24Le, 6, 96_000),
    (SampleFormat::U8, 1, 1),
    (SampleFormat::S32Be, 32, 48_000),
    (SampleFormat::Ulaw, 1, 768_000),
    (SampleFormat::S16Be, 2, 11),
];

/// Numbers choose among what is there.
#[derive(Clone, Debug)]
enum Op {
    AddDevice(usize),
    RemoveDevice(usize),
    Suspend(usize, bool),
    DeviceVolume(usize, u32),
    AddPlayback {
        device: usize,
        spec: usize,
        prebuf: Option<usize>,
        usec: u64,
        corked: bool,
        variable: bool,
        passive: bool,
    },
    AddLoop {
        device: usize,
        spec: usize,
        frames: usize,
        passive: bool,
    },
    AddLink {
        from: usize,
        tap: bool,
        device: usize,
        spec: Option<usize>,
        usec: u64,
    },
    RemovePlayback(usize),
    Push {
        stream: usize,
        frames: usize,
        seek: Seek,
        offset: i64,
        hole: bool,
    },
    Cork(usize, bool),
    Flush(usize),
    Trigger(usize),
    Prebuf(usize),
    Drain(usize),
    Attr {
        stream: usize,
        frames: usize,
        prebuf: bool,
        usec: u64,
    },
    Rate(usize, u32),
    Move(usize, usize),
    AddRecord {
        from: usize,
        tap: bool,
        spec: usize,
        usec: u64,
        peaks: bool,
        variable: bool,
        passive: bool,
    },
    RemoveRecord(usize),
    CorkRecord(usize, bool),
    MoveRecord {
        record: usize,
        from: usize,
        tap: bool,
    },
    RecordRate(usize, u32),
    FlushRecord(usize),
    Supply(usize),
    Run(u64),
    Oversleep(u64),
    /// Steps without the control thread reading.
    Unread(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let one = || 0usize..64;
    let bool = any::<bool>;
    let rarely = || prop::bool::weighted(0.2);
    let spec = || 0..SPECS.len();
    let rate = || prop_oneof![Just(1), Just(44_100), Just(48_000), Just(47_000), Just(768_000)];
    let usec = || prop_oneof![Just(0u64), Just(500), Just(10_000), Just(40_000), Just(3_000_000)];
    let seek = prop_oneof![
        12 => Just(Seek::Relative),
        1 => Just(Seek::Absolute),
        1 => Just(Seek::RelativeOnRead),
        1 => Just(Seek::RelativeEnd)
    ];
    let offset =
        prop_oneof![12 => Just(0i64), 3 => -2_000i64..2_000, 1 => Just(i64::MAX), 1 => Just(i64::MIN)];
    prop_oneof![
        1 => spec().prop_map(Op::AddDevice),
        1 => one().prop_map(Op::RemoveDevice),
        1 => (one(), bool()).prop_map(|(device, suspended)| Op::Suspend(device, suspended)),
        1 => (one(), 0u32..0x2_0000).prop_map(|(device, volume)| Op::DeviceVolume(device, volume)),
        4 => (one(), spec(), prop::option::of(0usize..3_000), usec(), bool(), bool(), rarely()).prop_map(
            |(device, spec, prebuf, usec, corked, variable, passive)| {
                Op::AddPlayback { device, spec, prebuf, usec, corked, variable, passive }
            }
        ),
        1 => (one(), spec(), 1usize..2_000, bool())
            .prop_map(|(device, spec, frames, passive)| Op::AddLoop { device, spec, frames, passive }),
        4 => (one(), rarely(), one(), prop::option::of(spec()), usec())
            .prop_map(|(from, tap, device, spec, usec)| Op::AddLink { from, tap, device, spec, usec }),
        2 => one().prop_map(Op::RemovePlayback),
        12 => (one(), 0usize..3_000, seek, offset, bool())
            .prop_map(|(stream, frames, seek, offset, hole)| Op::Push { stream, frames, seek, offset, hole }),
        3 => (one(), bool()).prop_map(|(stream, corked)| Op::Cork(stream, corked)),
        1 => one().prop_map(Op::Flush),
        1 => one().prop_map(Op::Trigger),
        1 => one().prop_map(Op::Prebuf),
        1 => one().prop_map(Op::Drain),
        1 => (one(), 0usize..9_000, bool(), usec())
            .prop_map(|(stream, frames, prebuf, usec)| Op::Attr { stream, frames, prebuf, usec }),
        2 => (one(), rate()).prop_map(|(stream, rate)| Op::Rate(stream, rate)),
        2 => (one(), one()).prop_map(|(stream, device)| Op::Move(stream, device)),
        3 => (one(), bool(), spec(), usec(), bool(), bool(), rarely()).prop_map(
            |(from, tap, spec, usec, peaks, variable, passive)| {
                Op::AddRecord { from, tap, spec, usec, peaks, variable, passive }
            }
        ),
        1 => one().prop_map(Op::RemoveRecord),
        1 => (one(), bool()).prop_map(|(record, corked)| Op::CorkRecord(record, corked)),
        1 => (one(), one(), bool()).prop_map(|(record, from, tap)| Op::MoveRecord { record, from, tap }),
        1 => (one(), rate()).prop_map(|(record, rate)| Op::RecordRate(record, rate)),
        1 => one().prop_map(Op::FlushRecord),
        2 => one().prop_map(Op::Supply),
        8 => (0u64..60_000_000).prop_map(Op::Run),
        1 => (0u64..6_000_000_000).prop_map(Op::Oversleep),
        1 => (1usize..40).prop_map(Op::Unread),
    ]
}

/// What a client knows of its stream: PulseAudio's `requested`, bytes that were asked for and not written yet.
struct Books {
    frame: i64,
    requested: i64,
    /// A seek so far that the server did not follow it: the client's books are worthless.
    ruined: bool,
}

struct World {
    bench: Bench,
    pool: Pool,
    blocks: Pool,
    devices: Vec<DeviceId>,
    playbacks: Vec<PlaybackId>,
    records: Vec<RecordId>,
    books: HashMap<PlaybackId, Books>,
}

fn pick<T: Copy>(list: &[T], number: usize) -> Option<T> {
    (!list.is_empty()).then(|| list[number % list.len()])
}

impl World {
    fn new() -> Self {
        let pool = |size| Pool::new(SegmentKind::Private, size, 4_096).unwrap();
        let mut world = Self {
            bench: Bench::new(),
            pool: pool(4_096),
            blocks: pool(2_048),
            devices: vec![],
            playbacks: vec![],
            records: vec![],
            books: HashMap::new(),
        };
        world.apply(Op::AddDevice(0));
        world
    }

    fn from(&self, number: usize, tap: bool) -> Option<RecordFrom> {
        if tap {
            pick(&self.playbacks, number).map(RecordFrom::Playback)
        } else {
            pick(&self.devices, number).map(RecordFrom::Monitor)
        }
    }

    fn apply(&mut self, op: Op) {
        if let Some(()) = self.try_apply(op) {
            self.keep_books();
        }
    }

    /// None where there is nothing to do it to.
    fn try_apply(&mut self, op: Op) -> Option<()> {
        let spec_of = |number: usize| spec(SPECS[number].0, SPECS[number].1, SPECS[number].2);
        let engine = &mut self.bench.engine;
        match op {
            Op::AddDevice(spec) => {
                if self.devices.len() < 4 {
                    let device = self.bench.device(spec_of(spec));
                    self.devices.push(device);
                }
            }
            Op::RemoveDevice(device) => {
                let gone = pick(&self.devices, device).filter(|_| self.devices.len() > 1)?;
                self.devices.retain(|device| *device != gone);
                // As the server does, mostly: streams move first. Record streams stay behind here.
                for &stream in &self.playbacks {
                    let _ = engine.move_playback(stream, self.devices[0]);
                }
                engine.remove_device(gone);
            }
            Op::Suspend(device, suspended) => {
                engine.set_device_suspended(pick(&self.devices, device)?, suspended);
            }
            Op::DeviceVolume(device, volume) => {
                let volume = ChannelVolumes::all(1, Volume(volume));
                engine.set_device_volume(pick(&self.devices, device)?, &volume, false);
                engine.set_monitor_volume(pick(&self.devices, device)?, &volume, false);
            }
            Op::AddPlayback { device, spec, prebuf, usec, corked, variable, passive } => {
                let spec = spec_of(spec);
                let mut config = playback_config(spec);
                if let Some(prebuf) = prebuf {
                    config.attr = QueueAttr { prebuf, ..config.attr }.sanitize(spec.frame_size());
                }
                (config.latency_usec, config.corked, config.variable_rate) = (usec, corked, variable);
                config.passive = passive;
                config.sync = self.playbacks.last().copied().filter(|_| corked && variable);
                if self.playbacks.len() < 12 {
                    let stream = engine.add_playback(pick(&self.devices, device)?, &config).unwrap();
                    let (frame, requested) = (spec.frame_size() as i64, config.attr.tlength as i64);
                    self.books.insert(stream, Books { frame, requested, ruined: false });
                    self.playbacks.push(stream);
                }
            }
            Op::AddLoop { device, spec, frames, passive } => {
                let spec = spec_of(spec);
                let config = PlaybackConfig { passive, ..playback_config(spec) };
                if self.playbacks.len() < 12 {
                    let sound = Chunk::from_vec(noise(spec, frames));
                    let device = pick(&self.devices, device)?;
                    self.playbacks.push(engine.add_loop(device, &config, sound).unwrap());
                }
            }
            Op::AddLink { from, tap, device, spec, usec } => {
                let spec = spec_of(spec.unwrap_or(0));
                let record = record_config(self.from(from, tap)?, spec);
                let device = pick(&self.devices, device)?;
                if self.playbacks.len() < 12 && self.records.len() < 8 {
                    let engine = &mut self.bench.engine;
                    let (record, playback) =
                        engine.add_link(device, &playback_config(spec), &record, usec).unwrap();
                    self.records.push(record);
                    self.playbacks.push(playback);
                }
            }
            Op::RemovePlayback(stream) => {
                let gone = pick(&self.playbacks, stream)?;
                self.playbacks.retain(|stream| *stream != gone);
                self.books.remove(&gone);
                engine.remove_playback(gone);
            }
            Op::Push { stream, frames, seek, offset, hole } => {
                let stream = pick(&self.playbacks, stream)?;
                let books = self.books.get_mut(&stream)?;
                let offset = offset / books.frame * books.frame;
                let bytes = frames.min(4_096 / books.frame as usize) * books.frame as usize;
                let data = match self.pool.take().filter(|_| !hole) {
                    Some(block) => Data::Chunk(block.into_chunk(bytes).unwrap()),
                    None => Data::Hole(bytes),
                };
                books.ruined |= offset.unsigned_abs() > 1 << 40;
                if seek == Seek::Relative {
                    books.requested = books.requested.wrapping_sub(offset.wrapping_add(bytes as i64));
                } else if matches!(data, Data::Chunk(_)) {
                    books.requested = books.requested.wrapping_sub(bytes as i64);
                }
                engine.push(stream, seek, offset, data);
            }
            Op::Cork(stream, corked) => engine.cork(pick(&self.playbacks, stream)?, corked),
            Op::Flush(stream) => engine.flush(pick(&self.playbacks, stream)?),
            Op::Trigger(stream) => engine.trigger(pick(&self.playbacks, stream)?),
            Op::Prebuf(stream) => engine.prebuf(pick(&self.playbacks, stream)?),
            Op::Drain(stream) => engine.drain(pick(&self.playbacks, stream)?, 1),
            Op::Attr { stream, frames, prebuf, usec } => {
                let stream = pick(&self.playbacks, stream)?;
                let frame = self.books.get(&stream)?.frame as usize;
                let bytes = frames * frame;
                let prebuf = if prebuf { usize::MAX } else { 0 };
                let attr = QueueAttr { maxlength: 4 << 20, tlength: bytes, prebuf, minreq: bytes / 4 };
                engine.set_attr(stream, attr.sanitize(frame), usec);
            }
            Op::Rate(stream, rate) => engine.set_rate(pick(&self.playbacks, stream)?, rate),
            Op::Move(stream, device) => {
                let (stream, device) = (pick(&self.playbacks, stream)?, pick(&self.devices, device)?);
                engine.move_playback(stream, device).unwrap();
            }
            Op::AddRecord { from, tap, spec, usec, peaks, variable, passive } => {
                let mut config = record_config(self.from(from, tap)?, spec_of(spec));
                (config.latency_usec, config.peak_detect, config.variable_rate) = (usec, peaks, variable);
                config.passive = passive;
                if self.records.len() < 8 {
                    let record = self.bench.engine.add_record(&config).unwrap();
                    self.records.push(record);
                    self.supply(record);
                }
            }
            Op::RemoveRecord(record) => {
                let gone = pick(&self.records, record)?;
                self.records.retain(|record| *record != gone);
                engine.remove_record(gone);
            }
            Op::CorkRecord(record, corked) => engine.cork_record(pick(&self.records, record)?, corked),
            Op::MoveRecord { record, from, tap } => {
                let (record, from) = (pick(&self.records, record)?, self.from(from, tap)?);
                self.bench.engine.move_record(record, from).unwrap();
            }
            Op::RecordRate(record, rate) => engine.set_record_rate(pick(&self.records, record)?, rate),
            Op::FlushRecord(record) => engine.flush_record(pick(&self.records, record)?),
            Op::Supply(record) => {
                let record = pick(&self.records, record)?;
                self.supply(record);
            }
            Op::Run(nanos) => self.run(nanos),
            Op::Oversleep(nanos) => self.bench.now += nanos,
            Op::Unread(steps) => {
                for _ in 0..steps {
                    self.bench.step_unread();
                    self.bench.now += MS;
                }
            }
        }
        Some(())
    }

    fn supply(&mut self, record: RecordId) {
        for _ in 0..8 {
            if let Some(block) = self.blocks.take() {
                self.bench.engine.supply(record, block);
            }
        }
    }

    /// Lets time go by; the thread may not wake more often than the shortest cycles and what runs dry explain.
    fn run(&mut self, nanos: u64) {
        let before = self.bench.steps;
        self.bench.run_for(nanos);
        let cycles = nanos as usize / 500_000 + 2;
        let reasons = self.devices.len() * (1 + self.records.len()) * cycles + 4 * self.playbacks.len() + 8;
        let steps = self.bench.steps - before;
        assert!(steps <= reasons, "{steps} wake-ups in {nanos} ns");
    }

    /// After a step: `tlength` is what is queued, what was asked for and not written, and what is missing; and
    /// what is missing has been asked for once it is worth it.
    fn keep_books(&mut self) {
        let now = self.bench.now;
        if let Some(deadline) = self.bench.step() {
            assert!(deadline > now, "a deadline that has passed");
        }
        for event in self.bench.events.drain(..) {
            if let Event::Request { stream, bytes } = event
                && let Some(books) = self.books.get_mut(&stream)
            {
                assert_eq!(bytes as i64 % books.frame, 0);
                books.requested = books.requested.wrapping_add(bytes as i64);
            }
        }
        self.bench.recorded.clear();
        self.look_at_links();
        for (stream, books) in &self.books {
            let Some(playback) = self.bench.core.playbacks.get(stream.0) else { continue };
            let Input::Client(Flow { queue, .. }) = &playback.input else { continue };
            assert_eq!((queue.write_index() % books.frame, queue.read_index() % books.frame), (0, 0));
            if books.ruined {
                continue;
            }
            let queued = queue.write_index() - queue.read_index();
            let missing = queue.attr().tlength as i64 - queued - books.requested;
            let least = if queue.prebuf_active() { 1 } else { queue.attr().minreq as i64 };
            assert!(missing < least, "{missing} bytes are missing and nobody asks");
        }
    }

    /// Where rates are the same, what flows is late to the frame.
    fn look_at_links(&self) {
        let core = &self.bench.core;
        let time = |slot: u32| core.devices.get(slot)?.clock.map(|clock| clock.time);
        // One that listens to its own end has nothing to take while that plays, nor ever any sound.
        let hears_itself = |link: &Link| {
            let record = core.records.get(link.record);
            record.is_some_and(|record| record.attached == Attachment::Playback(link.playback))
        };
        let links = (0..core.link_slots).filter_map(|slot| core.links.get(slot));
        for link in links.filter(|link| !hears_itself(link)) {
            if let (Some(source), Some(target)) = (time(link.source), time(link.target)) {
                assert!(link.is_exact(source, target), "a link from {} to {}", link.source, link.target);
            }
        }
    }

    /// Removes everything; all that was lent must come back.
    fn end(mut self) {
        for stream in std::mem::take(&mut self.playbacks) {
            self.bench.engine.remove_playback(stream);
        }
        for record in std::mem::take(&mut self.records) {
            self.bench.engine.remove_record(record);
        }
        for device in std::mem::take(&mut self.devices) {
            self.bench.engine.remove_device(device);
        }
        for _ in 0..4 {
            self.bench.step();
        }
        assert_eq!(self.bench.step(), None, "nothing is left to wake up for");
        assert_eq!((self.pool.used(), self.blocks.used()), (0, 0), "chunks and blocks");
        let engine = &self.bench.engine;
        let streams = [&engine.playback_slots, &engine.record_slots, &engine.link_slots];
        for slots in [&engine.device_slots, &engine.bus_slots].into_iter().chain(streams) {
            assert_eq!(slots.free.len(), slots.next as usize, "slots");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_happens_the_engine_keeps_its_word(ops in prop::collection::vec(op(), 1..120)) {
        let mut world = World::new();
        for op in ops {
            world.apply(op);
        }
        world.end();
    }
}
