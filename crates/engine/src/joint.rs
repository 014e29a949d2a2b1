//! Devices that are joined by links: who of them must run, and how they render together.

use crate::core::Core;
use crate::device::DeviceClock;
use crate::link::SLICE_NANOS;
use crate::render::GRACE_USEC;
use crate::slab::NONE;

/// What several devices have in common.
struct Outlook {
    /// When something has to be done next.
    deadline: Option<u64>,
    /// Up to when they may render, and until when the stream that is waited for has time.
    hold: Option<(u64, u64)>,
}

impl Core {
    /// Lets those joined with `head` run or stand still, and renders what is due; the time of the next deadline.
    pub(crate) fn service_joined(&mut self, head: u32, now: u64) -> Option<u64> {
        self.assess(head);
        if self.someone_starts(head) {
            // Those that run already come as far as they can, and the others start from there.
            self.catch_up_joined(head, now);
            self.assess(head);
        }
        // Rendering can change who is active; a second look then gives the deadline.
        for _ in 0..4 {
            self.start_and_stop(head, now);
            let outlook = self.outlook(head, now);
            let deadline = match outlook.hold {
                Some((end, until)) if self.earliest(head).is_some_and(|time| end <= time) => until,
                _ => outlook.deadline?,
            };
            if deadline > now {
                return Some(deadline);
            }
            self.catch_up_joined(head, now);
            self.assess(head);
        }
        Some(now + 1_000_000)
    }

    /// Renders what is due of those joined with `head`, together and source first.
    pub(crate) fn catch_up_joined(&mut self, head: u32, now: u64) {
        if !self.is_due(head, now) {
            return;
        }
        self.assess(head);
        let outlook = self.outlook(head, now);
        let end = outlook.hold.map_or(now, |(end, _)| end.min(now));
        self.leave_out(head, now);
        let started = (self.stopwatch)();
        while let Some(time) = self.earliest(head).filter(|time| *time < end) {
            if !self.render_slice(head, end.min(time + SLICE_NANOS), now, started) {
                self.leave_out_until(head, end);
                self.unalign_all(head);
                break;
            }
        }
        let mut at = head;
        while at != NONE {
            if self.devices.get(at).is_some_and(|device| device.clock.is_some()) {
                self.settle(at, now);
            }
            at = self.joint(at).after;
        }
    }

    fn is_due(&self, head: u32, now: u64) -> bool {
        let mut devices = self.joined(head).filter_map(|slot| self.devices.get(slot));
        devices.any(|device| device.clock.is_some_and(|clock| clock.due(now, device.spec.rate) > 0))
    }

    /// Whether there was time for all of it.
    fn render_slice(&mut self, head: u32, end: u64, now: u64, started: u64) -> bool {
        let mut in_time = true;
        let mut at = head;
        while at != NONE {
            self.align_links(at);
            let joint = self.joint(at);
            in_time &= self.render(at, end, joint.solo, now, started);
            at = joint.after;
        }
        in_time
    }

    fn align_links(&mut self, slot: u32) {
        let mut at = self.joint(slot).first_out;
        while let Some(link) = self.links.get_mut(at) {
            let time =
                |slot: u32| self.devices.get(slot).and_then(|device| device.clock).map(|clock| clock.time);
            if let (Some(source), Some(target)) = (time(link.source), time(link.target)) {
                link.align(source, target);
            }
            at = link.next_out;
        }
    }

    /// The time of the device that is farthest behind.
    fn earliest(&self, head: u32) -> Option<u64> {
        let clocks = self.joined(head).filter_map(|slot| self.devices.get(slot)?.clock);
        clocks.map(|clock| clock.time).min()
    }

    /// Leaves out what lies too far back.
    fn leave_out(&mut self, head: u32, now: u64) {
        if let Some(from) = self.earliest(head).map(|time| DeviceClock::starting_at(time).from(now)) {
            self.leave_out_until(head, from);
        }
    }

    /// Leaves out what has not been rendered before `time`, everywhere alike.
    fn leave_out_until(&mut self, head: u32, time: u64) {
        let mut left_out = false;
        let mut at = head;
        while let Some(device) = self.devices.get_mut(at) {
            if let Some(clock) = device.clock.as_mut().filter(|clock| clock.time < time) {
                clock.time = time;
                left_out = true;
            }
            at = device.joint.after;
        }
        if left_out {
            self.unalign_all(head);
        }
    }

    fn unalign_all(&mut self, head: u32) {
        let mut at = head;
        while at != NONE {
            let joint = self.joint(at);
            let mut link = joint.first_out;
            while let Some(open) = self.links.get_mut(link) {
                open.ring.unalign();
                link = open.next_out;
            }
            at = joint.after;
        }
    }

    fn someone_starts(&self, head: u32) -> bool {
        let mut devices = self.joined(head).filter_map(|slot| self.devices.get(slot));
        devices.any(|device| device.joint.is_active() && device.clock.is_none())
    }

    fn start_and_stop(&mut self, head: u32, now: u64) {
        let time = self.earliest(head).unwrap_or(now);
        let mut changed = false;
        let mut at = head;
        while let Some(device) = self.devices.get_mut(at) {
            let (joint, runs) = (device.joint, device.clock.is_some());
            if joint.is_active() && !runs {
                device.clock = Some(DeviceClock::starting_at(time));
            } else if !joint.is_active() && runs {
                self.stop(at);
            }
            changed |= joint.is_active() != runs;
            at = joint.after;
        }
        if changed {
            self.assess(head);
        }
    }

    /// Looks at all devices: what is to be done when, and what holds them up.
    fn outlook(&mut self, head: u32, now: u64) -> Outlook {
        let mut outlook = Outlook { deadline: None, hold: None };
        let mut at = head;
        while at != NONE {
            let Some(survey) = self.survey(at, now) else { break };
            let Some(device) = self.devices.get_mut(at) else { break };
            device.gauges.set(survey.cycle_usec, survey.streams, survey.buses);
            device.joint.solo = survey.solo;
            at = device.joint.after;
            let (Some(clock), rate) = (device.clock, device.spec.rate) else { continue };
            let deadline = clock.time_of(survey.frames_left(rate), rate);
            outlook.deadline = outlook.deadline.into_iter().chain([deadline]).min();
            if let Some(hold) = survey.hold {
                let (end, until) = outlook.hold.unwrap_or((u64::MAX, u64::MAX));
                outlook.hold = Some((end.min(clock.time_of(hold.frames, rate)), until.min(hold.until)));
            }
        }
        outlook
    }

    /// Works out from what sounds and who listens which of the devices have to run, and which links take sound.
    fn assess(&mut self, head: u32) {
        self.look_at_streams(head);
        self.spread_wanted(head);
        self.find_sources(head);
        self.spread_sounding(head);
        let mut at = head;
        while at != NONE {
            let joint = self.joint(at);
            let mut link = joint.first_out;
            while let Some(next) = self.links.get(link).map(|link| link.next_out) {
                self.tend_link(link, joint.sounding);
                link = next;
            }
            at = joint.after;
        }
    }

    /// Who listens, and how long clients may be late for that.
    fn look_at_streams(&mut self, head: u32) {
        let mut grace_usec = GRACE_USEC;
        let mut at = head;
        while at != NONE {
            let (wanted, closest) = self.look_at_listeners(at);
            grace_usec = grace_usec.min(closest / 4);
            let Some(device) = self.devices.get_mut(at) else { break };
            (device.joint.wanted, device.joint.sounding) = (wanted, false);
            at = device.joint.after;
        }
        let mut at = head;
        while let Some(device) = self.devices.get_mut(at) {
            device.joint.grace_usec = grace_usec;
            at = device.joint.after;
        }
    }

    /// Whether somebody wants to hear the device, and the least latency that was asked for.
    fn look_at_listeners(&self, slot: u32) -> (bool, u64) {
        let Some(device) = self.devices.get(slot) else { return (false, u64::MAX) };
        let (mut wanted, mut closest) = (false, u64::MAX);
        let taps = self.streams_of(device.buses).flat_map(|playback| self.listeners(playback.voice.taps));
        for (record, output) in self.listeners(device.records).chain(taps) {
            wanted |= !record.passive;
            closest = closest.min(output.latency_usec);
        }
        (wanted, closest)
    }

    fn streams_of(&self, buses: u32) -> impl Iterator<Item = &crate::playback::Playback> {
        let buses = std::iter::successors(self.buses.get(buses), |bus| self.buses.get(bus.next));
        buses.flat_map(|bus| {
            let first = self.playbacks.get(bus.streams);
            std::iter::successors(first, |playback| self.playbacks.get(playback.next))
        })
    }

    /// Those who feed a device that is wanted are wanted.
    fn spread_wanted(&mut self, head: u32) {
        self.graph.stack.clear();
        let mut at = head;
        while let Some(device) = self.devices.get(at) {
            if device.joint.wanted {
                self.graph.stack.push((at, NONE));
            }
            at = device.joint.after;
        }
        while let Some((slot, _)) = self.graph.stack.pop() {
            let mut at = self.joint(slot).first_in;
            while let Some(link) = self.links.get(at) {
                at = link.next_in;
                if let Some(source) = self.devices.get_mut(link.source).filter(|device| !device.joint.wanted)
                {
                    source.joint.wanted = true;
                    self.graph.stack.push((link.source, NONE));
                }
            }
        }
    }

    /// Which devices have sound of their own. What is left in a link sounds, but is no reason for passive streams to
    /// play on: it may be their own echo.
    fn find_sources(&mut self, head: u32) {
        let mut at = head;
        while at != NONE {
            let Some(device) = self.devices.get(at) else { return };
            let mut buses =
                std::iter::successors(self.buses.get(device.buses), |bus| self.buses.get(bus.next));
            let tail = buses.any(|bus| bus.tail > 0);
            let plays = |lively: bool| {
                let mut own = self.streams_of(device.buses).filter(|playback| playback.link().is_none());
                own.any(|playback| playback.is_active(lively, &self.links))
            };
            let lively = device.joint.wanted || plays(false);
            let rest = self.streams_of(device.buses).any(|playback| {
                let link = playback.link().and_then(|link| self.links.get(link));
                link.is_some_and(|link| link.ring.holds_sound())
            });
            let sounding = tail || rest || plays(lively);
            let Some(device) = self.devices.get_mut(at) else { return };
            device.joint.sounding = sounding;
            device.lively = lively;
            at = device.joint.after;
        }
    }

    /// Sound goes on to all that a device feeds.
    fn spread_sounding(&mut self, head: u32) {
        self.graph.stack.clear();
        let mut at = head;
        while let Some(device) = self.devices.get(at) {
            if device.joint.sounding {
                self.graph.stack.push((at, NONE));
            }
            at = device.joint.after;
        }
        while let Some((slot, _)) = self.graph.stack.pop() {
            let Some(source) = self.devices.get(slot) else { continue };
            let (lively, mut at) = (source.lively, source.joint.first_out);
            while let Some(link) = self.links.get(at) {
                at = link.next_out;
                let Some(target) = self.devices.get_mut(link.target) else { continue };
                let news = !target.joint.sounding || (lively && !target.lively);
                target.joint.sounding = true;
                target.lively |= lively;
                if news && !self.graph.stack.iter().any(|(waiting, _)| *waiting == link.target) {
                    self.graph.stack.push((link.target, NONE));
                }
            }
        }
    }

    /// Opens or closes the way into a link's ring, and empties it when nothing of it will be heard.
    fn tend_link(&mut self, slot: u32, sounding: bool) {
        let Self { links, records, devices, outbox, scratch, .. } = self;
        let Some(link) = links.get(slot) else { return };
        let (taking, record) = (link.taking, link.record);
        let running = |slot: u32| devices.get(slot).is_some_and(|device| device.clock.is_some());
        let active = devices.get(link.target).is_some_and(|device| device.joint.is_active());
        let takes = sounding && active && running(link.source) && running(link.target);
        let ends = taking && !takes;
        if let Some(record) = records.get_mut(record).filter(|_| ends) {
            record.finish(scratch.silence(), links, outbox);
        }
        let Some(link) = links.get_mut(slot) else { return };
        link.taking = takes;
        if !takes {
            link.ring.unalign();
            if !link.ring.holds_sound() {
                link.ring.clear();
            }
        }
    }
}
