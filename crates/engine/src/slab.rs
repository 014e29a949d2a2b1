//! Objects by slot, and lists that are linked by slots: a sound thread cannot allocate.

use crate::bus::Bus;
use crate::playback::Playback;
use crate::record::Record;

/// No slot: the end of a list.
pub(crate) const NONE: u32 = u32::MAX;

/// Objects by slot. The slots are made once, since a sound thread cannot allocate.
pub(crate) struct Slab<T>(Vec<Option<Box<T>>>);

impl<T> Slab<T> {
    pub(crate) fn new(slots: u32) -> Self {
        Self((0..slots).map(|_| None).collect())
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&T> {
        self.0.get(slot as usize)?.as_deref()
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.0.get_mut(slot as usize)?.as_deref_mut()
    }

    pub(crate) fn put(&mut self, slot: u32, object: Box<T>) -> Option<Box<T>> {
        match self.0.get_mut(slot as usize) {
            Some(place) => place.replace(object),
            None => Some(object),
        }
    }

    pub(crate) fn take(&mut self, slot: u32) -> Option<Box<T>> {
        self.0.get_mut(slot as usize)?.take()
    }

    pub(crate) fn slots(&self) -> u32 {
        self.0.len() as u32
    }
}

/// Something in a list that is linked by slots.
pub(crate) trait Linked {
    fn next(&mut self) -> &mut u32;
}

impl Linked for Bus {
    fn next(&mut self) -> &mut u32 {
        &mut self.next
    }
}

impl Linked for Playback {
    fn next(&mut self) -> &mut u32 {
        &mut self.next
    }
}

impl Linked for Record {
    fn next(&mut self) -> &mut u32 {
        &mut self.next
    }
}

pub(crate) fn link<T: Linked>(slab: &mut Slab<T>, head: &mut u32, slot: u32) {
    if let Some(object) = slab.get_mut(slot) {
        *object.next() = *head;
        *head = slot;
    }
}

pub(crate) fn unlink<T: Linked>(slab: &mut Slab<T>, head: &mut u32, slot: u32) {
    let Some(after) = slab.get_mut(slot).map(|object| std::mem::replace(object.next(), NONE)) else { return };
    if *head == slot {
        *head = after;
        return;
    }
    let mut at = *head;
    while let Some(object) = slab.get_mut(at) {
        at = *object.next();
        if at == slot {
            *object.next() = after;
            return;
        }
    }
}
