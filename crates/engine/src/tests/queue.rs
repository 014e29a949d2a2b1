//! The stream queue against a model that keeps each byte by itself.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sealpulse_memory::Chunk;

use crate::queue::{Peek, Room, StreamQueue};
use crate::types::{QueueAttr, Seek};

const FRAME: usize = 2;

#[derive(Clone, Debug)]
enum Op {
    Push(usize, u8),
    Seek(i64, Seek),
    Read(usize),
    Flush,
    PrebufForce,
    PrebufDisable,
    PopMissing,
    Attr(QueueAttr),
}

fn attr() -> impl Strategy<Value = QueueAttr> {
    (1usize..400, 0usize..400, 0usize..300, 0usize..100)
        .prop_map(|(maxlength, tlength, prebuf, minreq)| QueueAttr { maxlength, tlength, prebuf, minreq })
        .prop_map(|attr| attr.sanitize(FRAME))
}

fn op() -> impl Strategy<Value = Op> {
    let seek = prop_oneof![
        Just(Seek::Relative),
        Just(Seek::Absolute),
        Just(Seek::RelativeOnRead),
        Just(Seek::RelativeEnd)
    ];
    prop_oneof![
        5 => (1usize..60, any::<u8>()).prop_map(|(frames, value)| Op::Push(frames * FRAME, value)),
        2 => (-60i64..60, seek).prop_map(|(frames, mode)| Op::Seek(frames * FRAME as i64, mode)),
        4 => (1usize..80).prop_map(|frames| Op::Read(frames * FRAME)),
        1 => Just(Op::Flush),
        1 => Just(Op::PrebufForce),
        1 => Just(Op::PrebufDisable),
        3 => Just(Op::PopMissing),
        1 => attr().prop_map(Op::Attr),
    ]
}

/// The same as the queue, byte by byte.
struct Model {
    bytes: BTreeMap<i64, u8>,
    read: i64,
    write: i64,
    attr: QueueAttr,
    in_prebuf: bool,
    missing: i64,
}

impl Model {
    fn len(&self) -> i64 {
        (self.write - self.read).max(0)
    }

    fn waits(&mut self) -> bool {
        self.in_prebuf = if self.in_prebuf {
            self.len() < self.attr.prebuf as i64
        } else {
            self.attr.prebuf > 0 && self.len() == 0
        };
        self.in_prebuf
    }

    fn end(&self) -> Option<i64> {
        self.bytes.last_key_value().map(|(at, _)| at + 1)
    }

    fn push(&mut self, len: usize, value: u8) -> bool {
        let target = self.write + len as i64;
        // What goes behind the read index does not count (`can_push` in memblockq.c).
        let counted = target - (self.read - self.write).max(0);
        let fits = target <= self.read
            || counted <= self.end().unwrap_or(self.write)
            || counted - self.read <= self.attr.maxlength as i64;
        if fits {
            self.bytes.extend((self.write..target).map(|at| (at, value)));
            self.write = target;
            self.forget();
        }
        fits
    }

    fn forget(&mut self) {
        self.bytes = self.bytes.split_off(&self.read);
    }

    fn advance(&mut self, bytes: usize) {
        self.read += bytes as i64;
        self.missing += bytes as i64;
        self.forget();
    }
}

/// Reads up to `max` bytes from both; what the queue gives must be what the model has there.
fn read_both(queue: &mut StreamQueue, model: &mut Model, max: usize) -> Result<(), TestCaseError> {
    let mut left = max;
    while left > 0 {
        let waits = model.waits();
        let bytes = match queue.peek(left) {
            Peek::Nothing => {
                prop_assert!(waits);
                return Ok(());
            }
            Peek::Silence(bytes) => {
                let at = model.read;
                prop_assert_eq!(model.bytes.range(at..at + bytes as i64).next(), None);
                bytes
            }
            Peek::Data(samples) => {
                let mut got = vec![0; samples.len()];
                prop_assert!(samples.copy_to(0, &mut got));
                let expected: Vec<u8> =
                    (model.read..).map_while(|at| model.bytes.get(&at).copied()).take(got.len()).collect();
                prop_assert_eq!(&got, &expected);
                got.len()
            }
        };
        prop_assert!(!waits && bytes > 0);
        queue.drop(bytes);
        model.advance(bytes);
        left -= bytes;
    }
    Ok(())
}

proptest! {
    #[test]
    fn the_queue_is_what_the_model_is(attr in attr(), ops in prop::collection::vec(op(), 1..80)) {
        let mut queue = StreamQueue::new(attr, FRAME, Room::with_capacity(1024));
        let mut model = Model {
            bytes: BTreeMap::new(),
            read: 0,
            write: 0,
            attr,
            in_prebuf: attr.prebuf > 0,
            missing: 0,
        };
        for op in ops {
            match op {
                Op::Push(len, value) => {
                    let taken = queue.push(Chunk::from_vec(vec![value; len]));
                    prop_assert_eq!(taken, model.push(len, value));
                }
                Op::Seek(offset, mode) => {
                    let account = mode == Seek::Relative;
                    queue.seek(offset, mode, account);
                    let old = model.write;
                    model.write = offset + match mode {
                        Seek::Relative => model.write,
                        Seek::Absolute => 0,
                        Seek::RelativeOnRead => model.read,
                        Seek::RelativeEnd => model.end().unwrap_or(model.read),
                    };
                    if !account {
                        model.missing -= model.write - old;
                    }
                }
                Op::Read(max) => read_both(&mut queue, &mut model, max)?,
                Op::Flush => {
                    queue.flush_write();
                    model.missing += model.write - model.read;
                    model.write = model.read;
                    model.bytes.clear();
                    model.in_prebuf = model.attr.prebuf > 0;
                }
                Op::PrebufForce => {
                    queue.prebuf_force();
                    model.in_prebuf = model.attr.prebuf > 0;
                }
                Op::PrebufDisable => {
                    queue.prebuf_disable();
                    model.in_prebuf = false;
                }
                Op::PopMissing => {
                    // Asking does not change the state.
                    let kept = model.in_prebuf;
                    let active = model.waits();
                    model.in_prebuf = kept;
                    let due = model.missing > 0 && (model.missing >= model.attr.minreq as i64 || active);
                    let expected = if due { std::mem::take(&mut model.missing) } else { 0 };
                    prop_assert_eq!(queue.pop_missing() as i64, expected);
                }
                Op::Attr(attr) => {
                    queue.apply_attr(attr);
                    model.missing += attr.tlength as i64 - model.attr.tlength as i64;
                    model.attr = attr;
                    if attr.prebuf == 0 || model.len() >= attr.prebuf as i64 {
                        model.in_prebuf = false;
                    }
                }
            }
            while queue.take_spent().is_some() {}
            prop_assert_eq!(queue.read_index(), model.read);
            prop_assert_eq!(queue.write_index(), model.write);
            prop_assert_eq!(queue.len() as i64, model.len());
        }
    }
}
