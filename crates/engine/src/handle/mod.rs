//! The control thread's side of the engine: makes what sound threads need, keeps track of what they hold, and drops
//! what they are done with.

mod links;
mod playback;
mod record;

use std::collections::{HashMap, VecDeque};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use rtrb::{Consumer, Producer, RingBuffer};
use sealpulse_dsp::{RemixMatrix, RemixOptions};
use sealpulse_spec::{ChannelMap, ChannelVolumes, SampleSpec};

use self::links::LinkInfo;
use self::playback::PlaybackInfo;
use self::record::RecordInfo;
use crate::command::{Command, DeviceVolume};
use crate::core::Core;
use crate::device::{Device, DeviceGauges};
use crate::gains::Gains;
use crate::outbox::{Garbage, Outbox, ToControl};
use crate::thread::{self, Shared};
use crate::types::{
    DeviceConfig, DeviceId, DeviceStats, EngineConfig, EngineError, Event, MAX_LATENCY_USEC,
    MIN_LATENCY_USEC, PlaybackId, RecordId, Remix, ThreadStats,
};

/// Commands and messages on their way between the threads.
const RING: usize = 8192;

/// Numbers for objects. One is free again when the sound thread has given the object back.
pub(crate) struct Slots {
    pub(crate) free: Vec<u32>,
    pub(crate) next: u32,
    limit: u32,
}

impl Slots {
    fn new(limit: u32) -> Self {
        Self { free: Vec::new(), next: 0, limit }
    }

    fn take(&mut self) -> Result<u32, EngineError> {
        if let Some(slot) = self.free.pop() {
            return Ok(slot);
        }
        if self.next >= self.limit {
            return Err(EngineError::Full { limit: self.limit });
        }
        self.next += 1;
        Ok(self.next - 1)
    }
}

struct DeviceInfo {
    spec: SampleSpec,
    map: ChannelMap,
    gauges: Arc<DeviceGauges>,
    /// By rate: the bus that streams of this rate share, and how many do.
    buses: HashMap<u32, SharedBus>,
}

struct SharedBus {
    slot: u32,
    streams: usize,
}

/// The engine, as the control thread holds it. Dropping it stops the sound threads.
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
    thread: Option<JoinHandle<(Core, Consumer<Command>)>>,
    commands: Producer<Command>,
    overflow: VecDeque<Command>,
    messages: Consumer<ToControl>,
    /// Events that arise on this side.
    own_events: Vec<Event>,
    wake: bool,
    devices: HashMap<DeviceId, DeviceInfo>,
    playbacks: HashMap<PlaybackId, PlaybackInfo>,
    records: HashMap<RecordId, RecordInfo>,
    links: HashMap<u32, LinkInfo>,
    pub(crate) device_slots: Slots,
    pub(crate) bus_slots: Slots,
    pub(crate) playback_slots: Slots,
    pub(crate) record_slots: Slots,
    pub(crate) link_slots: Slots,
}

impl Engine {
    /// Starts the sound thread.
    ///
    /// # Errors
    /// [`EngineError::Start`] where the kernel has no eventfd or thread left.
    pub fn start(config: &EngineConfig) -> Result<Engine, EngineError> {
        let (mut engine, core, commands) = Self::without_thread(config, thread::monotonic)?;
        let (shared, priority) = (Arc::clone(&engine.shared), config.realtime_priority);
        let thread = std::thread::Builder::new()
            .name("sound-virtual".into())
            .spawn(move || thread::run(core, commands, &shared, priority))?;
        engine.thread = Some(thread);
        Ok(engine)
    }

    /// The engine and what its thread runs, for whoever drives the clock.
    pub(crate) fn without_thread(
        config: &EngineConfig,
        stopwatch: fn() -> u64,
    ) -> Result<(Engine, Core, Consumer<Command>), EngineError> {
        let (commands, their_commands) = RingBuffer::new(RING);
        let (their_messages, messages) = RingBuffer::new(RING);
        let core = Core::new(config.max_objects, Outbox::new(their_messages, config.max_objects), stopwatch);
        let slots = || Slots::new(config.max_objects);
        let engine = Engine {
            shared: Shared::new()?,
            thread: None,
            commands,
            overflow: VecDeque::new(),
            messages,
            own_events: Vec::new(),
            wake: false,
            devices: HashMap::new(),
            playbacks: HashMap::new(),
            records: HashMap::new(),
            links: HashMap::new(),
            device_slots: slots(),
            bus_slots: slots(),
            playback_slots: slots(),
            record_slots: slots(),
            link_slots: slots(),
        };
        Ok((engine, core, their_commands))
    }

    /// Readable when [`Self::poll_events`] has something to do.
    pub fn event_fd(&self) -> BorrowedFd<'_> {
        self.shared.notify.as_fd()
    }

    /// Takes what the sound threads sent: events go to `out`, everything else is dropped here. Never blocks.
    pub fn poll_events(&mut self, out: &mut Vec<Event>) {
        thread::clear(&self.shared.notify);
        out.append(&mut self.own_events);
        while let Ok(message) = self.messages.pop() {
            match message {
                ToControl::Event(event) if self.is_live(&event) => out.push(event),
                ToControl::Event(_) => {}
                ToControl::Chunk(stream, chunk) => {
                    if let Some(info) = self.playbacks.get_mut(&stream) {
                        info.chunks = info.chunks.saturating_sub(1);
                    }
                    drop(chunk);
                }
                ToControl::Split(stream) => {
                    if let Some(info) = self.playbacks.get_mut(&stream) {
                        info.chunks += 1;
                    }
                }
                ToControl::Garbage(garbage) => self.bury(garbage),
            }
        }
    }

    fn is_live(&self, event: &Event) -> bool {
        match event {
            Event::Request { stream, .. }
            | Event::Underflow { stream, .. }
            | Event::Overflow { stream }
            | Event::Started { stream, .. }
            | Event::Drained { stream, .. }
            | Event::PlaybackTiming { stream, .. } => self.playbacks.contains_key(stream),
            Event::Recorded { stream, .. }
            | Event::RecordOverrun { stream, .. }
            | Event::RecordTiming { stream, .. } => self.records.contains_key(stream),
        }
    }

    fn bury(&mut self, garbage: Garbage) {
        match garbage {
            Garbage::Device(device) => self.device_slots.free.push(device.id.0),
            Garbage::Bus(bus) => self.bus_slots.free.push(bus.id),
            Garbage::Playback(stream) => self.playback_slots.free.push(stream.id.0),
            Garbage::Record(record) => self.record_slots.free.push(record.id.0),
            Garbage::Link(link) => self.link_slots.free.push(link.id),
            _ => {}
        }
    }

    fn queue(&mut self, command: Command) {
        if !self.overflow.is_empty() {
            self.overflow.push_back(command);
        } else if let Err(rtrb::PushError::Full(command)) = self.commands.push(command) {
            self.overflow.push_back(command);
        }
    }

    fn queue_and_wake(&mut self, command: Command) {
        self.queue(command);
        self.wake = true;
    }

    /// Wakes the sound threads if something was queued that cannot wait for the end of their cycle. To be called
    /// once at the end of each turn of the event loop.
    pub fn commit(&mut self) {
        while let Some(command) = self.overflow.pop_front() {
            if let Err(rtrb::PushError::Full(command)) = self.commands.push(command) {
                self.overflow.push_front(command);
                break;
            }
        }
        self.shared.overflowing.store(!self.overflow.is_empty(), Ordering::Release);
        self.wake |= self.commands.slots() < RING / 2;
        if std::mem::take(&mut self.wake) {
            thread::signal(&self.shared.wake);
        }
    }

    /// What a latency that a stream asks of a virtual device becomes, in microseconds.
    pub fn clamp_latency(usec: u64) -> u64 {
        usec.clamp(MIN_LATENCY_USEC, MAX_LATENCY_USEC)
    }

    /// Adds a virtual device.
    ///
    /// # Errors
    /// [`EngineError::BadSpec`] where spec and map are not valid or do not fit, [`EngineError::Full`].
    pub fn add_device(&mut self, config: &DeviceConfig) -> Result<DeviceId, EngineError> {
        check(&config.spec, &config.map)?;
        let id = DeviceId(self.device_slots.take()?);
        let gauges = Arc::new(DeviceGauges::default());
        let device = Device::new(id, config.spec, Arc::clone(&gauges));
        self.devices
            .insert(id, DeviceInfo { spec: config.spec, map: config.map, gauges, buses: HashMap::new() });
        self.queue_and_wake(Command::AddDevice(Box::new(device)));
        Ok(id)
    }

    /// Removes a device. Its streams have been removed or moved before.
    pub fn remove_device(&mut self, device: DeviceId) {
        if let Some(info) = self.devices.remove(&device) {
            for bus in info.buses.into_values() {
                self.queue(Command::RemoveBus(bus.slot));
            }
            self.queue_and_wake(Command::RemoveDevice(device.0));
        }
    }

    /// Sets the volume of the sink itself.
    pub fn set_device_volume(&mut self, device: DeviceId, volume: &ChannelVolumes, muted: bool) {
        self.set_gains(device, DeviceVolume::Sink, volume, muted);
    }

    /// Sets the volume of the device's monitor.
    pub fn set_monitor_volume(&mut self, device: DeviceId, volume: &ChannelVolumes, muted: bool) {
        self.set_gains(device, DeviceVolume::Monitor, volume, muted);
    }

    fn set_gains(&mut self, device: DeviceId, which: DeviceVolume, volume: &ChannelVolumes, muted: bool) {
        if let Some(info) = self.devices.get(&device) {
            let gains = Box::new(Gains::new(volume, muted, info.spec.channels));
            self.queue_and_wake(Command::SetDeviceGains(device.0, which, gains));
        }
    }

    /// Lets a device and its monitor stand still, or go on.
    pub fn set_device_suspended(&mut self, device: DeviceId, suspended: bool) {
        if self.devices.contains_key(&device) {
            self.queue_and_wake(Command::SuspendDevice(device.0, suspended));
        }
    }

    /// What the device is doing; all zero for one that is not there.
    pub fn device_stats(&self, device: DeviceId) -> DeviceStats {
        self.devices.get(&device).map_or_else(DeviceStats::default, |info| info.gauges.stats())
    }

    /// What the sound threads are doing.
    pub fn thread_stats(&self) -> Vec<ThreadStats> {
        vec![ThreadStats {
            name: "sound-virtual",
            tid: self.shared.tid.get().copied(),
            wakeups: self.shared.wakeups.load(Ordering::Relaxed),
            realtime: self.shared.realtime.get().copied().unwrap_or(false),
        }]
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        thread::signal(&self.shared.wake);
        if let Some(thread) = self.thread.take() {
            // What the thread held is dropped here, on the control thread.
            drop(thread.join());
        }
    }
}

fn check(spec: &SampleSpec, map: &ChannelMap) -> Result<(), EngineError> {
    if spec.is_valid() && map.channels() == spec.channels {
        Ok(())
    } else {
        Err(EngineError::BadSpec { spec: *spec, map_channels: map.channels() })
    }
}

/// Whether a resampler that was made for the rate `made_for` may be set to `rate`; `other` is the rate of the other
/// side. Far from what it was made for it computes its coefficients for each frame, too much for a sound thread,
/// and one without a filter has none at all.
fn fits_resampler(made_for: u32, rate: u32, other: u32) -> bool {
    let (made_for, rate) = (u64::from(made_for), u64::from(rate));
    made_for != u64::from(other) && rate <= 2 * made_for && made_for <= 2 * rate
}

/// The matrix from one map to another; none where it would change nothing.
fn remix(from: &ChannelMap, to: &ChannelMap, how: Remix) -> Option<Box<RemixMatrix>> {
    let options = RemixOptions {
        remix: how != Remix::NamesOnly,
        by_index: how == Remix::ByIndex,
        ..RemixOptions::default()
    };
    let matrix = RemixMatrix::new(from, to, options);
    (!matrix.is_identity()).then(|| Box::new(matrix))
}
