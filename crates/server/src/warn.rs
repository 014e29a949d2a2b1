//! Warnings that a peer can cause are limited, so that nobody floods the log.

use std::time::{Duration, Instant};

/// Warnings within one [`PERIOD`].
const BURST: u32 = 20;

/// After this time the count starts again.
const PERIOD: Duration = Duration::from_secs(5);

/// Counts warnings.
#[derive(Debug)]
pub(crate) struct RateLimit {
    since: Instant,
    count: u32,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self { since: Instant::now(), count: 0 }
    }
}

impl RateLimit {
    /// Whether another warning may be logged; says so once when they are being left out.
    pub(crate) fn allow(&mut self) -> bool {
        self.allow_at(Instant::now())
    }

    fn allow_at(&mut self, now: Instant) -> bool {
        if now.duration_since(self.since) >= PERIOD {
            if self.count > BURST {
                tracing::warn!("{} more warnings about clients were left out", self.count - BURST);
            }
            *self = Self { since: now, count: 0 };
        }
        self.count = self.count.saturating_add(1);
        self.count <= BURST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_the_rest_waits() {
        let mut limit = RateLimit::default();
        let start = limit.since;
        assert_eq!((0..100).filter(|_| limit.allow_at(start)).count(), BURST as usize);
        assert!(limit.allow_at(start + PERIOD));
    }
}
