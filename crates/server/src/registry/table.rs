//! Objects by index, as PulseAudio's `idxset` numbers them.

use std::collections::BTreeMap;

/// Objects of one kind. Indexes only grow, so that one is never used twice; iteration is in their order.
#[derive(Debug)]
pub(crate) struct Table<T> {
    next: u32,
    items: BTreeMap<u32, T>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { next: 0, items: BTreeMap::new() }
    }
}

impl<T> Table<T> {
    /// The index of the next object. It counts as used, even if no object follows.
    pub(crate) fn reserve(&mut self) -> u32 {
        let index = self.next;
        // The highest value means "none" on the wire.
        self.next = if index >= u32::MAX - 1 { 0 } else { index + 1 };
        while self.items.contains_key(&self.next) {
            self.next = self.next.wrapping_add(1);
        }
        index
    }

    pub(crate) fn insert(&mut self, index: u32, item: T) {
        self.items.insert(index, item);
    }

    pub(crate) fn add(&mut self, item: T) -> u32 {
        let index = self.reserve();
        self.insert(index, item);
        index
    }

    pub(crate) fn get(&self, index: u32) -> Option<&T> {
        self.items.get(&index)
    }

    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        self.items.get_mut(&index)
    }

    pub(crate) fn remove(&mut self, index: u32) -> Option<T> {
        self.items.remove(&index)
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.items.iter().map(|(&index, item)| (index, item))
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.items.values()
    }

    /// A copy of all indexes, for loops that change the table.
    pub(crate) fn indexes(&self) -> Vec<u32> {
        self.items.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_not_used_twice() {
        let mut table = Table::default();
        assert_eq!((table.add('a'), table.add('b')), (0, 1));
        table.remove(1);
        assert_eq!(table.reserve(), 2);
        assert_eq!(table.add('c'), 3);
        table.next = u32::MAX - 1;
        assert_eq!(table.add('d'), u32::MAX - 1);
        assert_eq!(table.add('e'), 1, "0 is in use");
    }
}
