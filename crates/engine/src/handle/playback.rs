//! Playback streams, as the control thread makes and steers them.

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use sealpulse_dsp::{RemixMatrix, Resampler};
use sealpulse_memory::Chunk;
use sealpulse_spec::{ChannelMap, ChannelVolumes, SampleSpec};

use super::{Engine, SharedBus, check, fits_resampler, remix};
use crate::bus::Bus;
use crate::command::{Command, PlaybackCommand};
use crate::device::Device;
use crate::flow::Flow;
use crate::gains::Gains;
use crate::playback::{Appetite, Input, Loop, Playback, Voice};
use crate::queue::{Room, StreamQueue};
use crate::slab::NONE;
use crate::thread;
use crate::types::{
    Data, DeviceId, EngineError, Event, MAX_LATENCY_USEC, PlaybackConfig, PlaybackId, QueueAttr, RecordFrom,
    Remix, Seek,
};

/// Chunks that a stream's list has room for at first.
const FIRST_ROOM: usize = 64;

/// Most chunks that one stream may have queued; a client that writes crumbs overflows.
const MAX_CHUNKS: usize = 65_536;

pub(super) struct PlaybackInfo {
    pub(super) device: DeviceId,
    pub(super) bus: u32,
    pub(super) spec: SampleSpec,
    pub(super) map: ChannelMap,
    pub(super) remix: Remix,
    pub(super) variable_rate: bool,
    /// The rate that its bus was made for.
    made_for: u32,
    pub(super) appetite: Arc<Appetite>,
    /// Whether a client writes to it, and the link whose end it is.
    is_client: bool,
    pub(super) link: Option<u32>,
    /// Chunks that the sound thread holds, and how many its list has room for.
    pub(super) chunks: usize,
    pub(super) room: usize,
}

impl Engine {
    /// Adds a playback stream. It has asked its client for `attr.tlength` bytes from the start.
    ///
    /// # Errors
    /// [`EngineError::BadSpec`] where spec and map are not valid or do not fit, [`EngineError::Full`].
    pub fn add_playback(
        &mut self,
        device: DeviceId,
        config: &PlaybackConfig,
    ) -> Result<PlaybackId, EngineError> {
        let spec = config.spec;
        let queue = StreamQueue::new(config.attr, spec.frame_size(), Room::with_capacity(FIRST_ROOM));
        let flow = |id| Input::Client(Flow::new(id, queue, spec.frame_size(), config.corked));
        let stream = self.make_playback(device, config, flow)?;
        let id = stream.id;
        self.queue_and_wake(Command::AddPlayback(stream, config.sync.map(|sync| sync.0)));
        Ok(id)
    }

    /// Adds a stream that plays `sound` round and round. Sizes, `sync` and a variable rate do not matter, and there
    /// are no events.
    ///
    /// # Errors
    /// [`EngineError::BadSpec`] where spec and map are not valid or do not fit, or `sound` is not of whole frames;
    /// [`EngineError::Full`].
    pub fn add_loop(
        &mut self,
        device: DeviceId,
        config: &PlaybackConfig,
        sound: Chunk,
    ) -> Result<PlaybackId, EngineError> {
        check(&config.spec, &config.map)?;
        let frame_size = config.spec.frame_size();
        if sound.is_empty() || !sound.len().is_multiple_of(frame_size) {
            return Err(EngineError::BadSpec { spec: config.spec, map_channels: config.map.channels() });
        }
        let config = PlaybackConfig { variable_rate: false, ..config.clone() };
        let sound = Loop::new(sound, frame_size, config.corked);
        let stream = self.make_playback(device, &config, |_| Input::Loop(sound))?;
        let id = stream.id;
        self.queue_and_wake(Command::AddPlayback(stream, None));
        Ok(id)
    }

    /// A stream to be added, and its place.
    pub(super) fn make_playback(
        &mut self,
        device: DeviceId,
        config: &PlaybackConfig,
        input: impl FnOnce(PlaybackId) -> Input,
    ) -> Result<Box<Playback>, EngineError> {
        check(&config.spec, &config.map)?;
        let id = PlaybackId(self.playback_slots.take()?);
        let bus = match self.join_bus(device, &config.spec, config.variable_rate) {
            Ok(bus) => bus,
            Err(error) => {
                self.playback_slots.free.push(id.0);
                return Err(error);
            }
        };
        let appetite = Arc::new(Appetite::default());
        let input = input(id);
        let info = PlaybackInfo {
            device,
            bus,
            spec: config.spec,
            map: config.map,
            remix: config.remix,
            variable_rate: config.variable_rate,
            made_for: config.spec.rate,
            appetite: Arc::clone(&appetite),
            is_client: matches!(input, Input::Client(_)),
            link: match &input {
                Input::Link(end) => Some(end.link),
                Input::Client(_) | Input::Loop(_) => None,
            },
            chunks: 0,
            room: FIRST_ROOM,
        };
        let (remix, raw_ok) = self.match_channels(&info);
        let latency_usec = match info.link {
            // What it plays is there when it is needed, however seldom that is looked at.
            Some(_) => MAX_LATENCY_USEC,
            None => Self::clamp_latency(config.latency_usec),
        };
        let stream = Playback {
            id,
            bus,
            next: NONE,
            latency_usec,
            passive: config.passive,
            input,
            voice: Voice {
                spec: config.spec,
                gains: Gains::new(&config.volume, config.muted, config.spec.channels),
                remix,
                raw_ok,
                taps: NONE,
            },
            appetite,
        };
        self.playbacks.insert(id, info);
        Ok(Box::new(stream))
    }

    /// The bus for a stream of `spec` on `device`: the one of its rate, or one of its own for a variable rate.
    fn join_bus(&mut self, device: DeviceId, spec: &SampleSpec, own: bool) -> Result<u32, EngineError> {
        let bad = EngineError::BadSpec { spec: *spec, map_channels: 0 };
        let info = self.devices.get_mut(&device).ok_or(bad)?;
        if let Some(bus) = info.buses.get_mut(&spec.rate).filter(|_| !own) {
            bus.streams += 1;
            return Ok(bus.slot);
        }
        let slot = self.bus_slots.take()?;
        let (channels, to) = (usize::from(info.spec.channels), info.spec.rate);
        let resampler = (own || spec.rate != to).then(|| {
            let make = if own && spec.rate != to { Resampler::variable } else { Resampler::new };
            Box::new(make(channels, spec.rate, to))
        });
        let sum = resampler.as_ref().map_or(0, |_| bus_room(spec.rate, &info.spec));
        let bus = Bus {
            id: slot,
            device: device.0,
            next: NONE,
            streams: NONE,
            resampler,
            sum: vec![0.0; sum],
            tail: 0,
            rate: spec.rate,
        };
        if !own {
            info.buses.insert(spec.rate, SharedBus { slot, streams: 1 });
        }
        self.queue(Command::AddBus(Box::new(bus)));
        Ok(slot)
    }

    /// After the command that takes the stream off it: drops the bus if nobody is left.
    fn leave_bus(&mut self, device: DeviceId, rate: u32, slot: u32, own: bool) {
        let mut unused = own;
        if let Some(info) = self.devices.get_mut(&device).filter(|_| !own)
            && let Some(bus) = info.buses.get_mut(&rate).filter(|bus| bus.slot == slot)
        {
            bus.streams -= 1;
            if bus.streams == 0 {
                info.buses.remove(&rate);
                unused = true;
            }
        }
        if unused {
            self.queue(Command::RemoveBus(slot));
        }
    }

    fn match_channels(&self, stream: &PlaybackInfo) -> (Option<Box<RemixMatrix>>, bool) {
        let Some(device) = self.devices.get(&stream.device) else { return (None, false) };
        let remix = remix(&stream.map, &device.map, stream.remix);
        let raw_ok = remix.is_none() && stream.spec == device.spec;
        (remix, raw_ok)
    }

    /// Removes a playback stream; its chunks are dropped in a later [`Self::poll_events`].
    pub fn remove_playback(&mut self, stream: PlaybackId) {
        if let Some(info) = self.playbacks.remove(&stream) {
            self.queue_and_wake(Command::RemovePlayback(stream.0));
            self.leave_bus(info.device, info.spec.rate, info.bus, info.variable_rate);
            self.forget_link_end(info.link, |link| link.playback = None);
        }
    }

    /// What a client wrote. Data or offsets that are not whole frames are ignored, as PulseAudio does.
    pub fn push(&mut self, stream: PlaybackId, seek: Seek, offset: i64, data: Data) {
        let Some(info) = self.playbacks.get_mut(&stream).filter(|info| info.is_client) else { return };
        let frame_size = info.spec.frame_size();
        let bytes = match &data {
            Data::Chunk(chunk) => chunk.len(),
            Data::Hole(bytes) => *bytes,
        };
        if bytes % frame_size != 0 || offset % frame_size as i64 != 0 {
            return;
        }
        if matches!(data, Data::Chunk(_)) && info.chunks >= MAX_CHUNKS {
            // Lost, but written as far as the client knows, wherever it was to go.
            self.own_events.push(Event::Overflow { stream });
            thread::signal(&self.shared.notify);
            for (seek, offset, bytes) in [(seek, offset, 0), (Seek::Relative, 0, bytes)] {
                let write = PlaybackCommand::Write { seek, offset, data: Data::Hole(bytes) };
                self.queue_and_wake(Command::Playback(stream.0, write));
            }
            return;
        }
        let mut wider = None;
        if matches!(data, Data::Chunk(_)) {
            info.chunks += 1;
            // Each of them may have been split once since we last heard.
            if 2 * info.chunks + FIRST_ROOM / 2 > info.room {
                info.room *= 2;
                wider = Some(Room::with_capacity(info.room));
            }
        }
        let appetite = Arc::clone(&info.appetite);
        if let Some(room) = wider {
            self.queue(Command::Playback(stream.0, PlaybackCommand::Grow(room)));
        }
        self.queue(Command::Playback(stream.0, PlaybackCommand::Write { seek, offset, data }));
        // Pairs with the fence in `thread::run`.
        fence(Ordering::SeqCst);
        self.wake |= appetite.get() || seek != Seek::Relative || offset != 0;
    }

    fn playback(&mut self, stream: PlaybackId, command: PlaybackCommand) {
        if self.playbacks.contains_key(&stream) {
            self.queue_and_wake(Command::Playback(stream.0, command));
        }
    }

    /// Stops or resumes a stream; both make it fill its prebuf again, but while it drains.
    pub fn cork(&mut self, stream: PlaybackId, corked: bool) {
        self.playback(stream, PlaybackCommand::Cork(corked));
    }

    /// Forgets what is queued and not played.
    pub fn flush(&mut self, stream: PlaybackId) {
        self.playback(stream, PlaybackCommand::Flush);
    }

    /// Plays what is there without waiting for prebuf.
    pub fn trigger(&mut self, stream: PlaybackId) {
        self.playback(stream, PlaybackCommand::Trigger);
    }

    /// Waits for prebuf again.
    pub fn prebuf(&mut self, stream: PlaybackId) {
        self.playback(stream, PlaybackCommand::Prebuf);
    }

    /// Plays out what is there; [`Event::Drained`] with `token` when it has been played.
    pub fn drain(&mut self, stream: PlaybackId, token: u64) {
        self.playback(stream, PlaybackCommand::Drain(token));
    }

    /// New sizes, from [`QueueAttr::sanitize`], and the longest cycle in microseconds.
    pub fn set_attr(&mut self, stream: PlaybackId, attr: QueueAttr, latency_usec: u64) {
        self.playback(stream, PlaybackCommand::SetAttr(attr, Self::clamp_latency(latency_usec)));
    }

    /// Sets the volume of a stream.
    pub fn set_volume(&mut self, stream: PlaybackId, volume: &ChannelVolumes, muted: bool) {
        if let Some(info) = self.playbacks.get(&stream) {
            let gains = Box::new(Gains::new(volume, muted, info.spec.channels));
            self.playback(stream, PlaybackCommand::SetGains(gains));
        }
    }

    /// Changes the rate, in Hz, of a stream that was made with a variable rate.
    pub fn set_rate(&mut self, stream: PlaybackId, rate: u32) {
        let Some(info) = self.playbacks.get_mut(&stream).filter(|info| info.variable_rate) else { return };
        info.spec.rate = rate;
        let (id, made_for) = (info.device, info.made_for);
        let Some(device) = self.devices.get(&id) else { return };
        let sum = bus_room(rate, &device.spec);
        if !fits_resampler(made_for, rate, device.spec.rate) && self.move_playback(stream, id).is_ok() {
            let here = RecordFrom::Playback(stream);
            let taps = self.records.iter().filter(|(_, info)| info.config.from == here);
            for record in taps.map(|(&id, _)| id).collect::<Vec<_>>() {
                let _ = self.move_record(record, here);
            }
        } else {
            self.playback(stream, PlaybackCommand::SetRate(rate, vec![0.0; sum]));
        }
    }

    /// Takes a stream, with all that it has queued, to another device.
    ///
    /// # Errors
    /// [`EngineError::BadSpec`] where there is no such device, [`EngineError::Full`].
    pub fn move_playback(&mut self, stream: PlaybackId, device: DeviceId) -> Result<(), EngineError> {
        let Some(info) = self.playbacks.get(&stream) else { return Ok(()) };
        let (spec, own) = (info.spec, info.variable_rate);
        let bus = self.join_bus(device, &spec, own)?;
        let Some(info) = self.playbacks.get_mut(&stream) else { return Ok(()) };
        let old_device = std::mem::replace(&mut info.device, device);
        let old_bus = std::mem::replace(&mut info.bus, bus);
        info.made_for = spec.rate;
        let (remix, raw_ok) = match self.playbacks.get(&stream) {
            Some(info) => self.match_channels(info),
            None => (None, false),
        };
        self.playback(stream, PlaybackCommand::Move { bus, remix, raw_ok });
        self.leave_bus(old_device, spec.rate, old_bus, own);
        self.fit_links_of(stream);
        Ok(())
    }

    /// Asks where a stream stands: [`Event::PlaybackTiming`] with `token`.
    pub fn query_playback(&mut self, stream: PlaybackId, token: u64) {
        self.playback(stream, PlaybackCommand::Query(token));
    }
}

/// Samples that a bus of `rate` sums at once for a device of `device`.
fn bus_room(rate: u32, device: &SampleSpec) -> usize {
    Bus::room(Device::piece_of(device.rate), rate, device.rate) * usize::from(device.channels)
}
