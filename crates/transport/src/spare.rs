//! Buffers of control packets that can be used again.

/// Buffers that are kept.
const BUFFERS_MAX: usize = 16;

/// Bytes of the largest that is kept: most packets have fewer, and what is large is rare.
const BUFFER_SIZE_MAX: usize = 4 * 1024;

/// A few small buffers, so that a steady stream of small packets allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Spare(Vec<Vec<u8>>);

impl Spare {
    /// An empty buffer for about `size` bytes.
    pub(crate) fn take(&mut self, size: usize) -> Vec<u8> {
        match self.0.pop() {
            Some(buffer) if size <= BUFFER_SIZE_MAX => buffer,
            Some(buffer) => {
                self.0.push(buffer);
                Vec::with_capacity(size)
            }
            None => Vec::with_capacity(size),
        }
    }

    /// Keeps a buffer, if it is worth it.
    pub(crate) fn give(&mut self, mut buffer: Vec<u8>) {
        if self.0.len() < BUFFERS_MAX && (1..=BUFFER_SIZE_MAX).contains(&buffer.capacity()) {
            buffer.clear();
            self.0.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded() {
        let mut spare = Spare::default();
        for _ in 0..100 {
            spare.give(vec![1; 100]);
        }
        spare.give(Vec::new());
        assert_eq!(spare.0.len(), BUFFERS_MAX);
        assert_eq!(spare.take(BUFFER_SIZE_MAX + 1).capacity(), BUFFER_SIZE_MAX + 1);
        assert_eq!(spare.0.len(), BUFFERS_MAX);
        let buffer = spare.take(10);
        assert!(buffer.is_empty() && buffer.capacity() >= 100);
        assert_eq!(spare.0.len(), BUFFERS_MAX - 1);
        spare.give(vec![0; BUFFER_SIZE_MAX + 1]);
        assert_eq!(spare.0.len(), BUFFERS_MAX - 1);
    }
}
