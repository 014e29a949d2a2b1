//! What waits for the program, within bounds: the server decides how much comes, the program when it is taken.

use std::collections::VecDeque;

use sealpulse_protocol::PropList;

/// Bytes that wait in one backlog. They count what the server decides the length of.
const BYTES_MAX: usize = 1 << 20;

/// What can wait.
pub(crate) trait Weigh {
    /// Bytes of what the server decides the length of.
    fn weight(&self) -> usize;

    /// Stands for so many that are lost.
    fn lost(count: u64) -> Self;
}

/// Bytes of a property list, with what each entry takes besides.
pub(crate) fn weight_of(properties: &PropList) -> usize {
    let entry = size_of::<(String, Vec<u8>)>();
    properties.iter().map(|(name, value)| entry + name.len() + value.len()).sum()
}

/// A queue that forgets the oldest where there is too much, and says how many it forgot.
#[derive(Debug)]
pub(crate) struct Backlog<T> {
    items: VecDeque<T>,
    items_max: usize,
    bytes: usize,
    lost: u64,
}

impl<T: Weigh> Backlog<T> {
    /// For at most so many.
    pub(crate) fn new(items_max: usize) -> Self {
        Self { items: VecDeque::new(), items_max, bytes: 0, lost: 0 }
    }

    pub(crate) fn last(&self) -> Option<&T> {
        self.items.back()
    }

    pub(crate) fn push(&mut self, item: T) {
        self.bytes += item.weight();
        self.items.push_back(item);
        while self.items.len() > self.items_max || self.bytes > BYTES_MAX {
            self.take();
            self.lost += 1;
        }
    }

    /// The next; where some were forgotten, that first.
    pub(crate) fn pop(&mut self) -> Option<T> {
        match std::mem::take(&mut self.lost) {
            0 => self.take(),
            count => Some(T::lost(count)),
        }
    }

    fn take(&mut self) -> Option<T> {
        let item = self.items.pop_front()?;
        self.bytes -= item.weight();
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    enum Item {
        Text(usize),
        Lost(u64),
    }

    impl Weigh for Item {
        fn weight(&self) -> usize {
            if let Self::Text(bytes) = self { *bytes } else { 0 }
        }

        fn lost(count: u64) -> Self {
            Self::Lost(count)
        }
    }

    #[test]
    fn the_oldest_are_forgotten_and_counted() {
        let mut backlog = Backlog::new(2);
        (1..=4).for_each(|bytes| backlog.push(Item::Text(bytes)));
        let rest: Vec<Item> = std::iter::from_fn(|| backlog.pop()).collect();
        assert_eq!(rest, [Item::Lost(2), Item::Text(3), Item::Text(4)]);
    }

    #[test]
    fn the_bytes_are_bounded() {
        let mut backlog = Backlog::new(100);
        for _ in 0..50 {
            backlog.push(Item::Text(BYTES_MAX / 4));
            assert!(backlog.bytes <= BYTES_MAX);
        }
        backlog.push(Item::Text(BYTES_MAX + 1));
        assert_eq!((backlog.pop(), backlog.pop()), (Some(Item::Lost(51)), None), "too long for itself");
    }
}
