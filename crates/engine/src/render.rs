//! Rendering: who is active on a device, what is due, and the way from the queues to the monitor.

use crate::bus::Bus;
use crate::core::Core;
use crate::device::{Device, DeviceClock};
use crate::flow::Flow;
use crate::playback::{BLOCK, Input, Playback, Voice};
use crate::record::{Ears, Output, Record};
use crate::slab::NONE;
use crate::types::{MAX_LATENCY_USEC, MIN_LATENCY_USEC};

/// How long, in microseconds, a device may put off rendering the moment at which a stream runs dry: what the client
/// writes until then is heard without a gap and without being late, since nobody has heard that moment yet.
pub(crate) const GRACE_USEC: u64 = 10_000;

/// How late, in nanoseconds, the sound thread must be woken for that to count as the machine having stood still.
const LATE_NANOS: u64 = 1_000_000;

/// How far, in nanoseconds, that may move the grace of a stream: a virtual machine, or a container that has used up
/// its share, stands still for less than the 100 ms over which shares are counted.
const STANDSTILL_NANOS_MAX: u64 = 100_000_000;

/// Longest time, in nanoseconds, that a device renders at once. Who asks for more sound than the machine can make
/// loses the rest, and the thread looks at its commands and at the other devices.
pub(crate) const RENDER_NANOS_MAX: u64 = 100_000_000;

/// A stream that has run dry, and whose client still has time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hold {
    /// Frames of the device that can be rendered without the stream running dry.
    pub(crate) frames: u64,
    /// When the client's time is over, in nanoseconds.
    pub(crate) until: u64,
}

impl Hold {
    /// What holds for two streams.
    fn and(self, other: Hold) -> Hold {
        Hold { frames: self.frames.min(other.frames), until: self.until.min(other.until) }
    }
}

/// What a look at a device's streams says.
pub(crate) struct Survey {
    pub(crate) streams: u32,
    pub(crate) buses: u32,
    pub(crate) cycle_usec: u64,
    /// Whether the device has to run, and whether it has to for more than the tail of a resampler.
    pub(crate) active: bool,
    pub(crate) lively: bool,
    /// Streams that only take part.
    passive: u32,
    /// What playback streams make of the cycle; record streams say by `handover_usec` when they want something.
    playback_usec: u64,
    records: u32,
    tapped: bool,
    tail: u64,
    dry: Option<u64>,
    handover_usec: u64,
    pub(crate) solo: u32,
    pub(crate) hold: Option<Hold>,
    grace_usec: u64,
}

impl Survey {
    /// Frames of the device until something has to be done, at least one.
    pub(crate) fn frames_left(&self, rate: u32) -> u64 {
        let frames = |usec: u64| (u128::from(usec) * u128::from(rate) / 1_000_000) as u64;
        let tail = if self.streams == 0 && self.tail > 0 { self.tail } else { u64::MAX };
        let handover = if self.records > 0 { frames(self.handover_usec) + 1 } else { u64::MAX };
        frames(self.playback_usec).min(self.dry.unwrap_or(u64::MAX)).min(tail).min(handover).max(1)
    }

    fn count(&mut self, record: &Record, output: &Output) {
        self.records += 1;
        self.passive += u32::from(record.passive);
        self.cycle_usec = self.cycle_usec.min(output.latency_usec);
        self.handover_usec = self.handover_usec.min(record.usec_left(output));
        // Whoever listens closely is not made to wait for others' clients.
        self.grace_usec = self.grace_usec.min(output.latency_usec / 4);
    }

    /// Until when to wait for a stream that is dry `dry` frames from what is rendered, if it is to be waited for.
    /// Its client has not had the time until `resumed`, at which the machine went on.
    fn hold_for(&self, device: &Device, flow: &Flow, dry: u64, resumed: u64, now: u64) -> Option<u64> {
        let dry_at = device.clock?.time_of(dry, device.spec.rate);
        let from = resumed.clamp(dry_at, dry_at.saturating_add(STANDSTILL_NANOS_MAX));
        let until = from.saturating_add(self.grace_usec * 1000);
        (flow.may_be_late() && (dry_at..until).contains(&now)).then_some(until)
    }
}

impl Core {
    /// Notes that it is `now`, and that nobody could do anything before if that is well after the last deadline.
    pub(crate) fn wake(&mut self, now: u64) {
        if self.deadline.take().is_some_and(|deadline| now > deadline + LATE_NANOS) {
            self.resumed = now;
        }
    }

    /// What there is to do for a device, and when.
    pub(crate) fn survey(&self, slot: u32, now: u64) -> Option<Survey> {
        let device = self.devices.get(slot)?;
        if device.joint.head != NONE {
            return Some(self.survey_with(device, now, device.lively, device.joint.is_active()));
        }
        let survey = self.survey_with(device, now, true, false);
        // Without passive streams where nothing but the tail of a resampler is left beside them.
        let again = survey.passive > 0 && !survey.lively;
        Some(if again { self.survey_with(device, now, false, false) } else { survey })
    }

    /// `lively` says whether passive streams play, `joined` whether other devices make this one run.
    fn survey_with(&self, device: &Device, now: u64, lively: bool, joined: bool) -> Survey {
        let mut survey = Survey {
            streams: 0,
            buses: 0,
            cycle_usec: MAX_LATENCY_USEC,
            active: false,
            lively: false,
            passive: 0,
            playback_usec: MAX_LATENCY_USEC,
            records: 0,
            tapped: false,
            tail: 0,
            dry: None,
            handover_usec: u64::MAX,
            solo: NONE,
            hold: None,
            grace_usec: if joined { device.joint.grace_usec } else { GRACE_USEC },
        };
        if device.suspended {
            survey.cycle_usec = 0;
            return survey;
        }
        for (record, output) in self.listeners(device.records) {
            survey.count(record, output);
        }
        let mut at = device.buses;
        while let Some(bus) = self.buses.get(at) {
            self.survey_bus(device, bus, now, lively, &mut survey);
            at = bus.next;
        }
        survey.playback_usec = survey.playback_usec.max(MIN_LATENCY_USEC);
        survey.cycle_usec = survey.cycle_usec.min(survey.playback_usec).max(MIN_LATENCY_USEC);
        if survey.streams != 1 || survey.tapped || survey.tail > 0 || !device.gains.is_unity() {
            survey.solo = NONE;
        }
        survey.lively = survey.streams + survey.records > survey.passive;
        survey.active = survey.lively || survey.tail > 0 || joined;
        if !survey.active {
            survey.cycle_usec = 0;
        }
        survey
    }

    fn survey_bus(&self, device: &Device, bus: &Bus, now: u64, lively: bool, survey: &mut Survey) {
        let (rate, bus_rate) = (u64::from(device.spec.rate), u64::from(bus.rate.max(1)));
        let device_frames = |frames: u64| (frames * rate).div_ceil(bus_rate);
        survey.buses += 1;
        survey.tail = survey.tail.max(device_frames(bus.tail as u64));
        // What a resampler takes for so many frames varies by one.
        let slack = u64::from(bus.resampler.is_some());
        let mut slot = bus.streams;
        while let Some(playback) = self.playbacks.get(slot) {
            survey.tapped |= self.is_tapped(playback);
            for (record, output) in self.listeners(playback.voice.taps) {
                survey.count(record, output);
            }
            if playback.is_active(lively, &self.links) {
                survey.streams += 1;
                survey.passive += u32::from(playback.passive);
                survey.playback_usec = survey.playback_usec.min(playback.latency_usec);
                survey.solo = if playback.can_pass() { slot } else { NONE };
                if let Some(frames) = self.frames_until_dry(playback).map(u64::from) {
                    let dry = device_frames(frames) + 2 * slack;
                    let hold = self.hold_for(playback, survey, device, dry, now).map(|until| {
                        // What its client writes is waited for.
                        playback.appetite.set(true);
                        // One frame stays, so that the stream does not start anew.
                        Hold { frames: frames.saturating_sub(1 + slack) * rate / bus_rate, until }
                    });
                    match hold {
                        Some(hold) => survey.hold = Some(survey.hold.map_or(hold, |other| other.and(hold))),
                        None => survey.dry = survey.dry.into_iter().chain([dry]).min(),
                    }
                }
            }
            if let Input::Client(flow) = &playback.input {
                let drained =
                    flow.frames_until_drained().map(|frames| device_frames(frames as u64) + 2 * slack);
                survey.dry = survey.dry.into_iter().chain(drained).min();
            }
            slot = playback.next;
        }
    }

    fn hold_for(
        &self,
        playback: &Playback,
        survey: &Survey,
        device: &Device,
        dry: u64,
        now: u64,
    ) -> Option<u64> {
        match &playback.input {
            Input::Client(flow) => survey.hold_for(device, flow, dry, self.resumed, now),
            Input::Loop(_) | Input::Link(_) => None,
        }
    }

    /// Frames that a stream can play before it has no more, as far as that is known.
    fn frames_until_dry(&self, playback: &Playback) -> Option<u32> {
        match &playback.input {
            Input::Client(flow) => flow.queue.frames_until_dry(),
            Input::Loop(_) => None,
            Input::Link(end) => {
                let link = self.links.get(end.link).filter(|link| !link.taking)?;
                u32::try_from(link.ring.sound_frames()).ok()
            }
        }
    }

    /// Whether somebody listens to this stream alone.
    fn is_tapped(&self, playback: &Playback) -> bool {
        self.records_from(playback.voice.taps).any(|record| record.hears(&self.links))
    }

    fn records_from(&self, first: u32) -> impl Iterator<Item = &Record> {
        std::iter::successors(self.records.get(first), |record| self.records.get(record.next))
    }

    /// The record streams of clients in a list which are not corked.
    pub(crate) fn listeners(&self, first: u32) -> impl Iterator<Item = (&Record, &Output)> {
        self.records_from(first).filter_map(|record| Some((record, record.listener()?)))
    }

    /// Renders up to `now` what has not been rendered yet, on the device and those that are joined with it.
    pub(crate) fn catch_up(&mut self, slot: u32, now: u64) {
        if self.graph.stale {
            self.relink();
        }
        match self.joint(slot).head {
            NONE => self.catch_up_alone(slot, now),
            head => self.catch_up_joined(head, now),
        }
    }

    fn catch_up_alone(&mut self, slot: u32, now: u64) {
        let Some(device) = self.devices.get(slot) else { return };
        let rate = device.spec.rate;
        let Some(clock) = device.clock else { return };
        if clock.due(now, rate) == 0 || device.suspended {
            return;
        }
        let Some(survey) = self.survey(slot, now) else { return };
        let clock = DeviceClock::starting_at(clock.from(now));
        let end = survey.hold.map_or(now, |hold| now.min(clock.time_of(hold.frames, rate)));
        if let Some(device) = self.devices.get_mut(slot) {
            (device.clock, device.lively) = (Some(clock), survey.lively);
        }
        let started = (self.stopwatch)();
        self.render(slot, end, survey.solo, now, started);
        self.settle(slot, now);
    }

    /// Renders one device up to `end`. Since `started`, on the stopwatch, only so much time may go by; the rest is
    /// left out then, and the answer is no.
    pub(crate) fn render(&mut self, slot: u32, end: u64, solo: u32, now: u64, started: u64) -> bool {
        let Some(device) = self.devices.get_mut(slot) else { return true };
        let rate = device.spec.rate;
        let Some(clock) = &mut device.clock else { return true };
        let due = clock.due(end, rate);
        clock.time = clock.time.max(end);
        let before = (self.stopwatch)();
        let (mut left, mut after) = (due as usize, before);
        while left > 0 && after.saturating_sub(started) <= RENDER_NANOS_MAX {
            left -= self.render_piece(slot, left, solo, now);
            after = (self.stopwatch)();
        }
        if let Some(device) = self.devices.get(slot).filter(|_| due > 0) {
            let covered = due * 1_000_000_000 / u64::from(rate.max(1));
            device.gauges.add_load(after.saturating_sub(before), covered);
        }
        left == 0
    }

    /// Lets a device stand still for which there is nothing to do.
    pub(crate) fn stop(&mut self, slot: u32) {
        let Some(device) = self.devices.get_mut(slot) else { return };
        if device.clock.take().is_some() {
            // Those who listened all the same are given what they have.
            self.settle_records(slot, false);
        }
    }

    /// Tells what has become true of the device's streams.
    pub(crate) fn settle(&mut self, slot: u32, now: u64) {
        let running = self.is_running(slot);
        let Some(device) = self.devices.get(slot) else { return };
        let lively = running && device.lively;
        let mut at = device.buses;
        while let Some(bus) = self.buses.get(at) {
            let mut stream = bus.streams;
            while let Some(playback) = self.playbacks.get_mut(stream) {
                playback.settle(now, if playback.passive { lively } else { running }, &mut self.outbox);
                stream = playback.next;
            }
            at = bus.next;
        }
        self.settle_records(slot, running);
    }

    fn settle_records(&mut self, slot: u32, running: bool) {
        let Self { devices, buses, playbacks, records, outbox, .. } = self;
        let mut settle = |first: u32| {
            let mut at = first;
            while let Some(record) = records.get_mut(at) {
                record.settle(running, outbox);
                at = record.next;
            }
        };
        let Some(device) = devices.get(slot) else { return };
        let mut at = device.buses;
        while let Some(bus) = buses.get(at) {
            let mut stream = bus.streams;
            while let Some(playback) = playbacks.get(stream) {
                settle(playback.voice.taps);
                stream = playback.next;
            }
            at = bus.next;
        }
        settle(device.records);
    }

    /// Renders at most `left` frames; how many it were, at least one.
    fn render_piece(&mut self, slot: u32, left: usize, solo: u32, now: u64) -> usize {
        let Some(device) = self.devices.get_mut(slot) else { return left };
        let frames = left.min(device.piece);
        let Self { playbacks, records, links, outbox, .. } = self;
        let mut ears = Ears { records, links, outbox };
        if let Some(stream) = playbacks.get_mut(solo) {
            pass_through(device, stream, frames, now, &mut ears);
        } else {
            self.mix_piece(slot, frames, now);
        }
        let Some(device) = self.devices.get_mut(slot) else { return left };
        let Self { records, links, outbox, .. } = self;
        feed_monitor(device, frames, &mut Ears { records, links, outbox });
        frames
    }

    fn mix_piece(&mut self, slot: u32, frames: usize, now: u64) {
        let Self { devices, buses, playbacks, records, links, outbox, scratch, .. } = self;
        let mut ears = Ears { records, links, outbox };
        let Some(device) = devices.get_mut(slot) else { return };
        let (channels, lively) = (device.channels(), device.lively);
        let mix = &mut device.mix[..frames * channels];
        mix.fill(0.0);
        let mut at = device.buses;
        while let Some(bus) = buses.get_mut(at) {
            at = bus.next;
            let needed = bus.resampler.as_ref().map_or(frames, |resampler| resampler.input_needed(frames));
            // The room was made for the most that can be needed; less sound is better than a panic.
            let needed = if bus.resampler.is_some() { needed.min(bus.sum.len() / channels) } else { needed };
            let tail = bus.tail_frames();
            // At the lowest rates that would take minutes.
            let wait = tail.min(bus.rate as usize);
            let target = match bus.resampler {
                Some(_) => {
                    let sum = &mut bus.sum[..needed * channels];
                    sum.fill(0.0);
                    sum
                }
                None => &mut *mix,
            };
            let (mut active, mut tapped) = (false, false);
            let mut stream = bus.streams;
            while let Some(playback) = playbacks.get_mut(stream) {
                stream = playback.next;
                let is_active = playback.is_active(lively, ears.links);
                active |= is_active;
                let Playback { input, voice, .. } = playback;
                let frame_size = voice.spec.frame_size();
                // Who listens to this stream alone hears silence where it has none to give, as from the device.
                let mut heard = 0;
                if is_active {
                    input.pull(needed, wait, now, &mut ears, |at, samples, ears| {
                        voice.tap_silence(at - heard, scratch, ears);
                        let frames = samples.len() / frame_size;
                        heard = at + frames;
                        let target = &mut target[at * channels..heard * channels];
                        voice.mix(samples, target, channels, scratch, ears);
                    });
                } else {
                    input.pass_silence(needed);
                }
                tapped |= voice.taps != NONE;
                voice.tap_silence(needed - heard, scratch, &mut ears);
            }
            let Some(resampler) = &mut bus.resampler else { continue };
            // Who listens is given as much as the resampler takes, so that must go on too.
            if !active && !tapped && bus.tail == 0 {
                continue;
            }
            let resampled = &mut device.resampled[..frames * channels];
            resampler.process(target, resampled);
            sealpulse_dsp::mix_into(mix, resampled);
            bus.tail = if active { tail } else { bus.tail.saturating_sub(needed) };
            if !active && !tapped && bus.tail == 0 {
                resampler.reset();
            }
        }
        device.gains.apply(mix);
        let out = &mut device.out[..frames * device.spec.frame_size()];
        sealpulse_dsp::encode(device.spec.format, mix, out);
    }
}

/// The only stream on a device whose spec it shares reaches it bit for bit.
fn pass_through(device: &mut Device, stream: &mut Playback, frames: usize, now: u64, ears: &mut Ears<'_>) {
    let (format, frame_size) = (device.spec.format, device.spec.frame_size());
    let out = &mut device.out[..frames * frame_size];
    out.fill(format.silence_byte());
    stream.input.pull(frames, 0, now, ears, |at, samples, _| {
        let start = at * frame_size;
        let len = samples.len();
        Voice::pass(format, samples, &mut out[start..start + len]);
    });
}

/// Hands what the device plays to its record streams.
fn feed_monitor(device: &mut Device, frames: usize, ears: &mut Ears<'_>) {
    let Ears { records, links, outbox } = ears;
    if device.records == NONE {
        return;
    }
    let (spec, channels) = (device.spec, device.channels());
    let unity = device.monitor_gains.is_unity();
    let out = &device.out[..frames * spec.frame_size()];
    let mut decoded = false;
    let mut at = device.records;
    while let Some(record) = records.get_mut(at) {
        at = record.next;
        if !record.hears(links) {
            continue;
        }
        if record.can_pass() && unity {
            record.feed_raw(out, links, outbox);
            continue;
        }
        let samples = &mut device.monitor[..frames * channels];
        if !decoded {
            sealpulse_dsp::decode(spec.format, out, samples);
            device.monitor_gains.apply(samples);
            decoded = true;
        }
        for block in samples.chunks(BLOCK * channels) {
            record.feed(block, links, outbox);
        }
    }
}
