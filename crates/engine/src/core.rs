//! The sound thread without its thread: commands and the time in, events and the next deadline out.

use crate::bus::Bus;
use crate::command::{Command, DeviceVolume, PlaybackCommand, RecordCommand};
use crate::device::{Device, DeviceClock};
use crate::graph::Graph;
use crate::link::{Fit, Link};
use crate::outbox::{Garbage, Outbox};
use crate::playback::{Input, Playback, Scratch};
use crate::record::{Attachment, Record, Sink};
use crate::slab::{NONE, Slab, link, unlink};
use crate::types::{Event, Seek};

/// How long to wait, in nanoseconds, for a control thread that does not take its messages.
pub(crate) const STALLED_WAIT: u64 = 5_000_000;

/// All that a sound thread knows.
pub(crate) struct Core {
    pub(crate) devices: Slab<Device>,
    pub(crate) buses: Slab<Bus>,
    pub(crate) playbacks: Slab<Playback>,
    pub(crate) records: Slab<Record>,
    pub(crate) links: Slab<Link>,
    pub(crate) graph: Graph,
    pub(crate) outbox: Outbox,
    pub(crate) scratch: Scratch,
    /// Nanoseconds, for measuring the load only.
    pub(crate) stopwatch: fn() -> u64,
    /// Slots of devices and links that have ever been in use.
    pub(crate) device_slots: u32,
    pub(crate) link_slots: u32,
    /// When `run` asked to be called again.
    pub(crate) deadline: Option<u64>,
    /// When the machine last went on after it had stood still.
    pub(crate) resumed: u64,
}

impl Core {
    pub(crate) fn new(slots: u32, outbox: Outbox, stopwatch: fn() -> u64) -> Self {
        Self {
            devices: Slab::new(slots),
            buses: Slab::new(slots),
            playbacks: Slab::new(slots),
            records: Slab::new(slots),
            links: Slab::new(slots),
            graph: Graph::new(slots),
            outbox,
            scratch: Scratch::new(),
            stopwatch,
            device_slots: 0,
            link_slots: 0,
            deadline: None,
            resumed: 0,
        }
    }

    /// Renders what is due at `now` (nanoseconds); the time at which to be called again, if any.
    pub(crate) fn run(&mut self, now: u64) -> Option<u64> {
        if self.outbox.take_held() {
            self.hand_back();
        }
        if self.graph.stale {
            self.relink();
        }
        let devices = 0..self.device_slots.min(self.devices.slots());
        let deadline = devices.filter_map(|device| self.service(device, now)).min();
        let retry = self.outbox.is_stuck().then_some(now + STALLED_WAIT);
        self.deadline = deadline.into_iter().chain(retry).min();
        self.deadline
    }

    fn hand_back(&mut self) {
        for slot in 0..self.playbacks.slots() {
            if let Some(Input::Client(flow)) = self.playbacks.get_mut(slot).map(|stream| &mut stream.input) {
                flow.hand_back(&mut self.outbox);
            }
        }
    }

    fn service(&mut self, slot: u32, now: u64) -> Option<u64> {
        match self.devices.get(slot)?.joint.head {
            NONE => self.service_alone(slot, now),
            head if head == slot => self.service_joined(head, now),
            _ => None,
        }
    }

    fn service_alone(&mut self, slot: u32, now: u64) -> Option<u64> {
        // Rendering can change who is active; a second look then gives the deadline.
        for _ in 0..4 {
            let survey = self.survey(slot, now)?;
            let device = self.devices.get_mut(slot)?;
            let rate = device.spec.rate;
            device.gauges.set(survey.cycle_usec, survey.streams, survey.buses);
            device.lively = survey.lively;
            if !survey.active {
                self.stop(slot);
                return None;
            }
            let clock = device.clock.get_or_insert(DeviceClock::starting_at(now));
            let deadline = match survey.hold {
                // Nothing can be rendered before the client writes or its time is over.
                Some(hold) if hold.frames == 0 => hold.until,
                _ => clock.time_of(survey.frames_left(rate), rate),
            };
            if deadline > now {
                return Some(deadline);
            }
            self.catch_up(slot, now);
        }
        Some(now + 1_000_000)
    }

    /// Carries out one command at `now`.
    pub(crate) fn apply(&mut self, command: Command, now: u64) {
        match command {
            Command::AddDevice(device) => {
                let slot = device.id.0;
                self.device_slots = self.device_slots.max(slot + 1);
                if let Some(old) = self.devices.put(slot, device) {
                    self.outbox.discard(Garbage::Device(old));
                }
            }
            Command::RemoveDevice(slot) => {
                // Others may be joined with it.
                self.catch_up(slot, now);
                self.remove_device(slot);
            }
            Command::SetDeviceGains(slot, which, mut gains) => {
                self.catch_up(slot, now);
                if let Some(device) = self.devices.get_mut(slot) {
                    let target = match which {
                        DeviceVolume::Sink => &mut device.gains,
                        DeviceVolume::Monitor => &mut device.monitor_gains,
                    };
                    std::mem::swap(target, &mut gains);
                }
                self.outbox.discard(Garbage::Gains(gains));
            }
            Command::SuspendDevice(slot, suspended) => {
                self.catch_up(slot, now);
                if let Some(device) = self.devices.get_mut(slot) {
                    device.suspended = suspended;
                }
                self.graph.stale = true;
                self.settle(slot, now);
            }
            Command::AddBus(bus) => self.add_bus(bus),
            Command::RemoveBus(slot) => self.remove_bus(slot),
            Command::AddPlayback(stream, sync) => self.add_playback(stream, sync, now),
            Command::RemovePlayback(slot) => self.remove_playback(slot, now),
            Command::Playback(slot, command) => self.playback(slot, command, now),
            Command::AddRecord(record) => self.add_record(record, now),
            Command::RemoveRecord(slot) => self.remove_record(slot, now),
            Command::Record(slot, command) => self.record(slot, command, now),
            Command::AddLink(link, record, playback) => {
                let slot = link.id;
                self.link_slots = self.link_slots.max(slot + 1);
                if let Some(old) = self.links.put(slot, link) {
                    self.outbox.discard(Garbage::Link(old));
                }
                self.add_record(record, now);
                self.add_playback(playback, None, now);
            }
            Command::FitLink(slot, fit) => self.fit_link(slot, fit, now),
        }
    }

    fn remove_device(&mut self, slot: u32) {
        let Some(device) = self.devices.take(slot) else { return };
        self.graph.stale = true;
        // Nothing should be left. What is must not meet the next device of this number.
        let mut at = device.buses;
        while let Some(bus) = self.buses.get_mut(at) {
            at = std::mem::replace(&mut bus.next, NONE);
            bus.device = NONE;
        }
        let mut at = device.records;
        while let Some(record) = self.records.get_mut(at) {
            at = std::mem::replace(&mut record.next, NONE);
            record.attached = Attachment::Nothing;
        }
        self.outbox.discard(Garbage::Device(device));
    }

    fn add_bus(&mut self, bus: Box<Bus>) {
        let (slot, device) = (bus.id, bus.device);
        if let Some(old) = self.buses.put(slot, bus) {
            self.outbox.discard(Garbage::Bus(old));
        }
        if let Some(device) = self.devices.get_mut(device) {
            link(&mut self.buses, &mut device.buses, slot);
        }
    }

    fn remove_bus(&mut self, slot: u32) {
        let Some(bus) = self.buses.get(slot) else { return };
        if let Some(device) = self.devices.get_mut(bus.device) {
            unlink(&mut self.buses, &mut device.buses, slot);
        }
        let Some(bus) = self.buses.take(slot) else { return };
        self.graph.stale = true;
        let mut at = bus.streams;
        while let Some(stream) = self.playbacks.get_mut(at) {
            at = std::mem::replace(&mut stream.next, NONE);
            stream.bus = NONE;
        }
        self.outbox.discard(Garbage::Bus(bus));
    }

    fn device_of_bus(&self, bus: u32) -> u32 {
        self.buses.get(bus).map_or(NONE, |bus| bus.device)
    }

    pub(crate) fn device_of(&self, stream: u32) -> u32 {
        self.playbacks.get(stream).map_or(NONE, |stream| self.device_of_bus(stream.bus))
    }

    fn add_playback(&mut self, mut stream: Box<Playback>, sync: Option<u32>, now: u64) {
        let (slot, bus) = (stream.id.0, stream.bus);
        self.catch_up(self.device_of_bus(bus), now);
        let with = sync.and_then(|sync| self.playbacks.get(sync));
        if let (Input::Client(flow), Some(Input::Client(with))) =
            (&mut stream.input, with.map(|with| &with.input))
        {
            flow.queue.start_at(with.queue.read_index());
        }
        if let Some(old) = self.playbacks.put(slot, stream) {
            self.outbox.discard(Garbage::Playback(old));
        }
        self.join_bus(slot, bus, now);
    }

    fn join_bus(&mut self, slot: u32, bus: u32, now: u64) {
        if let Some(bus) = self.buses.get_mut(bus) {
            link(&mut self.playbacks, &mut bus.streams, slot);
        }
        self.graph.stale = true;
        let device = self.device_of_bus(bus);
        if let Some(stream) = self.playbacks.get_mut(slot) {
            stream.bus = bus;
            let running = plays(&self.devices, device, stream);
            stream.settle(now, running, &mut self.outbox);
        }
    }

    pub(crate) fn is_running(&self, device: u32) -> bool {
        self.devices.get(device).is_some_and(|device| !device.suspended)
    }

    fn leave_bus(&mut self, slot: u32, now: u64) {
        self.catch_up(self.device_of(slot), now);
        let Some(bus) = self.playbacks.get(slot).map(|stream| stream.bus) else { return };
        self.graph.stale = true;
        if let Some(bus) = self.buses.get_mut(bus) {
            unlink(&mut self.playbacks, &mut bus.streams, slot);
        }
    }

    fn remove_playback(&mut self, slot: u32, now: u64) {
        self.leave_bus(slot, now);
        let Some(stream) = self.playbacks.take(slot) else { return };
        let mut tap = stream.voice.taps;
        while let Some(record) = self.records.get_mut(tap) {
            tap = std::mem::replace(&mut record.next, NONE);
            record.attached = Attachment::Nothing;
        }
        if let Some(link) = stream.link() {
            self.leave_link(link, |link| link.playback = NONE);
        }
        self.outbox.discard(Garbage::Playback(stream));
    }

    /// One of its ends has gone; with the second the link goes.
    fn leave_link(&mut self, slot: u32, leave: impl FnOnce(&mut Link)) {
        let Some(link) = self.links.get_mut(slot) else { return };
        leave(link);
        if (link.record, link.playback) == (NONE, NONE)
            && let Some(link) = self.links.take(slot)
        {
            self.outbox.discard(Garbage::Link(link));
        }
    }

    fn fit_link(&mut self, slot: u32, fit: Fit, now: u64) {
        let old = match self.links.get(slot).map(|link| (link.source, link.target)) {
            Some((source, target)) => {
                self.catch_up(source, now);
                self.catch_up(target, now);
                self.links.get_mut(slot).map(|link| link.ring.refit(fit))
            }
            None => Some(fit),
        };
        if let Some(old) = old {
            self.outbox.discard(Garbage::Fit(old));
        }
    }

    fn playback(&mut self, slot: u32, command: PlaybackCommand, now: u64) {
        if let PlaybackCommand::Move { bus, remix, raw_ok } = command {
            return self.move_playback(slot, bus, remix, raw_ok, now);
        }
        let device = self.device_of(slot);
        let Some(stream) = self.playbacks.get(slot) else { return self.discard_playback_command(command) };
        // Data for a stream that plays on is all that needs no look at the clock.
        let appends = matches!(
            command,
            PlaybackCommand::Write { seek: Seek::Relative, offset: 0, .. } | PlaybackCommand::Grow(_)
        );
        let readable = matches!(&stream.input, Input::Client(flow) if flow.queue.is_readable());
        let undisturbed = matches!(command, PlaybackCommand::Query(_)) || (appends && readable);
        if !undisturbed {
            self.catch_up(device, now);
        }
        match command {
            PlaybackCommand::Query(token) => return self.query_playback(slot, device, token, now),
            PlaybackCommand::Cork(corked) => self.cork_playback(slot, corked, now),
            _ => {}
        }
        let Some(stream) = self.playbacks.get_mut(slot) else { return };
        let outbox = &mut self.outbox;
        match command {
            PlaybackCommand::SetGains(mut gains) => {
                std::mem::swap(&mut stream.voice.gains, &mut gains);
                outbox.discard(Garbage::Gains(gains));
            }
            PlaybackCommand::SetRate(rate, sum) => {
                stream.voice.spec.rate = rate;
                if let Some(bus) = self.buses.get_mut(stream.bus) {
                    bus.set_rate(rate, sum, outbox);
                    stream.voice.raw_ok &= bus.resampler.as_ref().is_some_and(|filter| filter.is_identity());
                }
                stream.voice.tell_taps_rate(&mut self.records);
            }
            command => match &mut stream.input {
                Input::Client(flow) => {
                    if let PlaybackCommand::SetAttr(_, latency_usec) = command {
                        stream.latency_usec = latency_usec;
                    }
                    flow.command(command, outbox);
                }
                Input::Loop(_) | Input::Link(_) => return self.discard_playback_command(command),
            },
        }
        let running = plays(&self.devices, device, stream);
        stream.settle(now, running, outbox);
    }

    fn cork_playback(&mut self, slot: u32, corked: bool, now: u64) {
        let link = self.playbacks.get(slot).and_then(Playback::link);
        if let Some(link) = link {
            let record = self.links.get(link).map_or(NONE, |link| link.record);
            let source = self.records.get(record).map_or(Attachment::Nothing, |record| record.attached);
            self.catch_up(self.device_of_attachment(source), now);
        }
        if let Some(stream) = self.playbacks.get_mut(slot) {
            stream.input.cork(corked, now);
            self.graph.stale |= stream.link().is_some();
        }
    }

    // What a command for a stream that has gone carries must not be dropped here.
    fn discard_playback_command(&mut self, command: PlaybackCommand) {
        match command {
            PlaybackCommand::Write { data: crate::types::Data::Chunk(chunk), .. } => {
                self.outbox.discard(Garbage::Chunk(chunk));
            }
            PlaybackCommand::Grow(room) => self.outbox.discard(Garbage::Room(room)),
            PlaybackCommand::SetGains(gains) => self.outbox.discard(Garbage::Gains(gains)),
            PlaybackCommand::SetRate(_, sum) => self.outbox.discard(Garbage::Samples(sum)),
            _ => {}
        }
    }

    fn move_playback(
        &mut self,
        slot: u32,
        bus: u32,
        mut remix: Option<Box<sealpulse_dsp::RemixMatrix>>,
        raw_ok: bool,
        now: u64,
    ) {
        self.leave_bus(slot, now);
        self.catch_up(self.device_of_bus(bus), now);
        if let Some(stream) = self.playbacks.get_mut(slot) {
            std::mem::swap(&mut stream.voice.remix, &mut remix);
            stream.voice.raw_ok = raw_ok;
            stream.input.forget_tail();
            if let Some(bus) = self.buses.get(bus).filter(|bus| bus.rate != stream.voice.spec.rate) {
                stream.voice.spec.rate = bus.rate;
                stream.voice.tell_taps_rate(&mut self.records);
            }
        }
        if let Some(remix) = remix {
            self.outbox.discard(Garbage::Remix(remix));
        }
        self.join_bus(slot, bus, now);
    }

    fn query_playback(&mut self, slot: u32, device: u32, token: u64, now: u64) {
        let (ahead, running) = self.unrendered_usec(device, now);
        let Some(stream) = self.playbacks.get(slot) else { return };
        let running = running && plays(&self.devices, device, stream);
        let delay_usec = self.buses.get(stream.bus).map_or(0, Bus::delay_usec);
        let timing = stream.timing(ahead, delay_usec, now, running, &self.links);
        self.outbox.event(Event::PlaybackTiming { stream: stream.id, token, timing });
    }

    /// Time that has gone by since the device last rendered, and whether it runs.
    fn unrendered_usec(&self, device: u32, now: u64) -> (u64, bool) {
        let Some(device) = self.devices.get(device) else { return (0, false) };
        let (spec, running) = (device.spec, !device.suspended);
        let due = device.clock.map_or(0, |clock| clock.due(now, spec.rate));
        (spec.frames_to_usec(due), running && device.clock.is_some())
    }

    fn add_record(&mut self, record: Box<Record>, now: u64) {
        let (slot, attachment) = (record.id.0, record.attached);
        if let Some(old) = self.records.put(slot, record) {
            self.outbox.discard(Garbage::Record(old));
        }
        self.attach_record(slot, attachment, now);
    }

    fn attach_record(&mut self, slot: u32, attachment: Attachment, now: u64) {
        self.catch_up(self.device_of_attachment(attachment), now);
        self.graph.stale = true;
        if let Some(record) = self.records.get_mut(slot) {
            record.attached = attachment;
        }
        match attachment {
            Attachment::Device(device) => {
                if let Some(device) = self.devices.get_mut(device) {
                    link(&mut self.records, &mut device.records, slot);
                }
            }
            Attachment::Playback(stream) => {
                if let Some(stream) = self.playbacks.get_mut(stream) {
                    link(&mut self.records, &mut stream.voice.taps, slot);
                }
            }
            Attachment::Nothing => {}
        }
    }

    pub(crate) fn device_of_attachment(&self, attachment: Attachment) -> u32 {
        match attachment {
            Attachment::Device(device) => device,
            Attachment::Playback(stream) => self.device_of(stream),
            Attachment::Nothing => NONE,
        }
    }

    fn detach_record(&mut self, slot: u32, now: u64) {
        let Some(attachment) = self.records.get(slot).map(|record| record.attached) else { return };
        self.catch_up(self.device_of_attachment(attachment), now);
        self.graph.stale = true;
        match attachment {
            Attachment::Device(device) => {
                if let Some(device) = self.devices.get_mut(device) {
                    unlink(&mut self.records, &mut device.records, slot);
                }
            }
            Attachment::Playback(stream) => {
                if let Some(stream) = self.playbacks.get_mut(stream) {
                    unlink(&mut self.records, &mut stream.voice.taps, slot);
                }
            }
            Attachment::Nothing => {}
        }
    }

    fn remove_record(&mut self, slot: u32, now: u64) {
        self.detach_record(slot, now);
        let Some(record) = self.records.take(slot) else { return };
        if let Some(link) = record.link() {
            self.leave_link(link, |link| link.record = NONE);
        }
        self.outbox.discard(Garbage::Record(record));
    }

    fn record(&mut self, slot: u32, command: RecordCommand, now: u64) {
        let Some(attachment) = self.records.get(slot).map(|record| record.attached) else {
            return self.discard_record_command(command);
        };
        let device = self.device_of_attachment(attachment);
        if let RecordCommand::Query(token) = command {
            let (source_usec, _) = self.unrendered_usec(device, now);
            if let Some(record) = self.records.get(slot) {
                let timing = record.sink.timing(source_usec + record.converter.delay_usec(), &self.links);
                self.outbox.event(Event::RecordTiming { stream: record.id, token, timing });
            }
            return;
        }
        if !matches!(command, RecordCommand::Supply(_)) {
            self.catch_up(device, now);
        }
        if let RecordCommand::Move { attachment, converter, raw_ok } = command {
            return self.move_record(slot, attachment, converter, raw_ok, now);
        }
        if matches!(command, RecordCommand::Cork(_)) {
            self.catch_up_target(slot, now);
        }
        let running = self.is_running(device);
        let Some(record) = self.records.get_mut(slot) else { return };
        let outbox = &mut self.outbox;
        match command {
            RecordCommand::Cork(corked) => {
                record.corked = corked;
                self.graph.stale |= record.link().is_some();
            }
            RecordCommand::SetGains(mut gains) => {
                std::mem::swap(&mut record.converter.gains, &mut gains);
                outbox.discard(Garbage::Gains(gains));
            }
            RecordCommand::SetRate(rate) => {
                record.sink.set_spec_rate(rate);
                record.set_rates(record.converter.source_rate, rate);
            }
            command => match &mut record.sink {
                Sink::Blocks(output) => match command {
                    RecordCommand::Supply(block) => return output.supply(block, outbox),
                    RecordCommand::Flush => output.flush(),
                    RecordCommand::SetAttr { fragsize, latency_usec } => {
                        output.set_attr(fragsize, latency_usec)
                    }
                    _ => {}
                },
                Sink::Link(_) => return self.discard_record_command(command),
            },
        }
        // A corked stream has what came before it was corked, as with PulseAudio.
        record.settle(running && !record.corked, outbox);
    }

    /// Before the end of a link is corked or goes on.
    fn catch_up_target(&mut self, record: u32, now: u64) {
        let Some(link) = self.records.get(record).and_then(Record::link) else { return };
        let playback = self.links.get(link).map_or(NONE, |link| link.playback);
        self.catch_up(self.device_of(playback), now);
    }

    fn move_record(
        &mut self,
        slot: u32,
        attachment: Attachment,
        mut converter: Box<crate::record::Converter>,
        raw_ok: bool,
        now: u64,
    ) {
        self.detach_record(slot, now);
        if let Some(record) = self.records.get_mut(slot) {
            record.sink.set_spec_rate(converter.spec.rate);
            std::mem::swap(&mut record.converter, &mut *converter);
            record.raw_ok = raw_ok;
        }
        self.outbox.discard(Garbage::Converter(converter));
        self.attach_record(slot, attachment, now);
    }

    fn discard_record_command(&mut self, command: RecordCommand) {
        match command {
            RecordCommand::Supply(block) => self.outbox.discard(Garbage::Block(block)),
            RecordCommand::SetGains(gains) => self.outbox.discard(Garbage::Gains(gains)),
            RecordCommand::Move { converter, .. } => self.outbox.discard(Garbage::Converter(converter)),
            _ => {}
        }
    }
}

/// Whether what is active of a stream is played on its device.
fn plays(devices: &Slab<Device>, device: u32, stream: &Playback) -> bool {
    devices.get(device).is_some_and(|device| !device.suspended && (device.lively || !stream.passive))
}
