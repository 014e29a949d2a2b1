//! Which devices are joined by links, and the order in which they render.

use crate::core::Core;
use crate::playback::Input;
use crate::slab::NONE;

/// What a device has to do with others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Joint {
    /// The first of the devices that this one is joined with, which may be itself; none without open links.
    pub(crate) head: u32,
    /// The next of them in the order in which they render.
    pub(crate) after: u32,
    /// Place in that order; of a head, also the earliest that has been put into its list so far.
    place: u32,
    listed: u32,
    /// The first open link from another device, and to another device.
    pub(crate) first_in: u32,
    pub(crate) first_out: u32,
    seen: bool,
    /// Whether sound is to be expected from it, and whether somebody listens.
    pub(crate) sounding: bool,
    pub(crate) wanted: bool,
    /// Longest time, in microseconds, that a late client is waited for, and the stream that may go past the mix.
    pub(crate) grace_usec: u64,
    pub(crate) solo: u32,
}

impl Default for Joint {
    fn default() -> Self {
        Self {
            head: NONE,
            after: NONE,
            place: 0,
            listed: NONE,
            first_in: NONE,
            first_out: NONE,
            seen: false,
            sounding: false,
            wanted: false,
            grace_usec: 0,
            solo: NONE,
        }
    }
}

impl Joint {
    pub(crate) fn is_active(&self) -> bool {
        self.sounding || self.wanted
    }
}

/// Lists for walks along the links. Made once, since a sound thread cannot allocate.
pub(crate) struct Graph {
    /// Links have come, gone or changed since they were last looked at.
    pub(crate) stale: bool,
    order: Vec<u32>,
    /// Devices to go on from, with the next link to follow where that matters.
    pub(crate) stack: Vec<(u32, u32)>,
}

impl Graph {
    pub(crate) fn new(slots: u32) -> Self {
        let slots = slots as usize;
        Self { stale: false, order: Vec::with_capacity(slots), stack: Vec::with_capacity(slots) }
    }
}

impl Core {
    /// Works out again what links join, after streams or devices have changed.
    pub(crate) fn relink(&mut self) {
        self.graph.stale = false;
        if self.link_slots == 0 {
            return;
        }
        for slot in 0..self.device_slots {
            if let Some(device) = self.devices.get_mut(slot) {
                device.joint = Joint::default();
            }
        }
        for slot in 0..self.link_slots {
            self.place_link(slot);
        }
        self.sort();
        self.group();
    }

    /// The devices at both ends of a link through which sound can flow.
    fn ends_of(&self, slot: u32) -> Option<(u32, u32)> {
        let link = self.links.get(slot)?;
        let record = self.records.get(link.record).filter(|record| !record.corked)?;
        let playback = self.playbacks.get(link.playback)?;
        let Input::Link(end) = &playback.input else { return None };
        let (source, target) = (self.device_of_attachment(record.attached), self.device_of(link.playback));
        (!end.corked && self.is_running(source) && self.is_running(target)).then_some((source, target))
    }

    fn place_link(&mut self, slot: u32) {
        let ends = self.ends_of(slot);
        let Some(link) = self.links.get_mut(slot) else { return };
        let was_open = link.open;
        link.open = ends.is_some();
        let Some((source, target)) = ends else {
            if was_open {
                self.close_link(slot);
            }
            return;
        };
        if (link.source, link.target) != (source, target) {
            link.ring.unalign();
        }
        (link.source, link.target) = (source, target);
        if let Some(device) = self.devices.get_mut(source) {
            link.next_out = std::mem::replace(&mut device.joint.first_out, slot);
        }
        if let Some(device) = self.devices.get_mut(target) {
            link.next_in = std::mem::replace(&mut device.joint.first_in, slot);
        }
    }

    fn close_link(&mut self, slot: u32) {
        let Some(link) = self.links.get_mut(slot) else { return };
        link.taking = false;
        link.ring.clear();
        (link.source, link.target) = (NONE, NONE);
        if let Some(record) = self.records.get_mut(link.record) {
            record.converter.reset();
        }
    }

    /// Puts those that feed others first, but for what goes round.
    fn sort(&mut self) {
        let Self { graph, devices, links, .. } = self;
        graph.order.clear();
        for root in 0..self.device_slots {
            let Some(device) = devices.get_mut(root) else { continue };
            let joint = &mut device.joint;
            if std::mem::replace(&mut joint.seen, true) || (joint.first_in, joint.first_out) == (NONE, NONE) {
                continue;
            }
            graph.stack.clear();
            graph.stack.push((root, joint.first_out));
            while let Some((device, at)) = graph.stack.last_mut() {
                let Some(link) = links.get(*at) else {
                    graph.order.push(*device);
                    graph.stack.pop();
                    continue;
                };
                *at = link.next_out;
                if let Some(target) = devices.get_mut(link.target)
                    && !std::mem::replace(&mut target.joint.seen, true)
                {
                    graph.stack.push((link.target, target.joint.first_out));
                }
            }
        }
        // The walk leaves a device when all that it feeds have been left.
        graph.order.reverse();
        for (place, slot) in graph.order.iter().enumerate() {
            if let Some(device) = devices.get_mut(*slot) {
                device.joint.place = place as u32;
            }
        }
        for slot in 0..self.link_slots {
            let Some(link) = links.get_mut(slot).filter(|link| link.open) else { continue };
            let place = |slot: u32| devices.get(slot).map_or(0, |device| device.joint.place);
            let back = place(link.source) >= place(link.target);
            if std::mem::replace(&mut link.back, back) != back {
                link.ring.unalign();
            }
        }
    }

    /// Gives those that are joined, however far, the same head.
    fn group(&mut self) {
        let Self { graph: Graph { order, stack, .. }, devices, links, .. } = self;
        for &head in order.iter() {
            if devices.get(head).is_none_or(|device| device.joint.head != NONE) {
                continue;
            }
            stack.clear();
            stack.push((head, NONE));
            while let Some((slot, _)) = stack.pop() {
                let Some(device) = devices.get_mut(slot) else { continue };
                device.joint.head = head;
                let (mut into, mut out) = (device.joint.first_in, device.joint.first_out);
                while let Some(link) = links.get(into) {
                    into = link.next_in;
                    if let Some(source) =
                        devices.get_mut(link.source).filter(|device| device.joint.head == NONE)
                    {
                        source.joint.head = head;
                        stack.push((link.source, NONE));
                    }
                }
                while let Some(link) = links.get(out) {
                    out = link.next_out;
                    if let Some(target) =
                        devices.get_mut(link.target).filter(|device| device.joint.head == NONE)
                    {
                        target.joint.head = head;
                        stack.push((link.target, NONE));
                    }
                }
            }
        }
        // From the end, so that each finds the one that comes after it: the head keeps the first of its list.
        for &slot in order.iter().rev() {
            let Some(head) = devices.get(slot).map(|device| device.joint.head) else { continue };
            let Some(head) = devices.get_mut(head) else { continue };
            let after = std::mem::replace(&mut head.joint.listed, slot);
            if let Some(device) = devices.get_mut(slot) {
                device.joint.after = after;
            }
        }
    }

    /// The devices that are joined with `head`, in order.
    pub(crate) fn joined(&self, head: u32) -> impl Iterator<Item = u32> {
        std::iter::successors(Some(head), |slot| {
            self.devices.get(*slot).map(|device| device.joint.after).filter(|after| *after != NONE)
        })
    }

    pub(crate) fn joint(&self, slot: u32) -> Joint {
        self.devices.get(slot).map(|device| device.joint).unwrap_or_default()
    }
}
