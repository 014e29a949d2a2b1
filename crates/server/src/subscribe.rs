//! What subscribers are told, and in which order (`core-subscribe.c`).
//!
//! Events wait until the end of the turn. What a later one makes superfluous is left out: a change of an object
//! whose creation or change waits already, and everything about an object that is gone by then.

use std::collections::VecDeque;

use sealpulse_protocol::{Facility, Operation};

/// The index in events about the server itself.
pub(crate) const SERVER_INDEX: u32 = u32::MAX;

/// Something that happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) facility: Facility,
    pub(crate) operation: Operation,
    pub(crate) index: u32,
}

/// Events of this turn.
#[derive(Debug, Default)]
pub(crate) struct EventQueue {
    events: VecDeque<Event>,
}

impl EventQueue {
    pub(crate) fn post(&mut self, facility: Facility, operation: Operation, index: u32) {
        let same = |event: &Event| event.facility == facility && event.index == index;
        match operation {
            Operation::New => {}
            Operation::Change if self.events.iter().any(same) => return,
            Operation::Change => {}
            Operation::Remove => self.events.retain(|event| !same(event)),
        }
        self.events.push_back(Event { facility, operation, index });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    pub(crate) fn pop(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    pub(crate) fn clear(&mut self) {
        self.events.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(queue: &mut EventQueue) -> Vec<(Facility, Operation, u32)> {
        std::iter::from_fn(|| queue.pop())
            .map(|event| (event.facility, event.operation, event.index))
            .collect()
    }

    #[test]
    fn changes_merge_into_what_waits() {
        let mut queue = EventQueue::default();
        queue.post(Facility::Sink, Operation::Change, 1);
        queue.post(Facility::Sink, Operation::New, 1);
        queue.post(Facility::Sink, Operation::Change, 1);
        queue.post(Facility::Sink, Operation::Change, 2);
        queue.post(Facility::Source, Operation::Change, 1);
        assert_eq!(
            drain(&mut queue),
            [
                (Facility::Sink, Operation::Change, 1),
                (Facility::Sink, Operation::New, 1),
                (Facility::Sink, Operation::Change, 2),
                (Facility::Source, Operation::Change, 1),
            ]
        );
    }

    #[test]
    fn a_removal_drops_what_waits() {
        let mut queue = EventQueue::default();
        queue.post(Facility::Client, Operation::New, 7);
        queue.post(Facility::Client, Operation::Change, 7);
        queue.post(Facility::Client, Operation::New, 8);
        queue.post(Facility::Client, Operation::Remove, 7);
        assert_eq!(
            drain(&mut queue),
            [(Facility::Client, Operation::New, 8), (Facility::Client, Operation::Remove, 7)]
        );
        assert!(queue.is_empty());
    }
}
