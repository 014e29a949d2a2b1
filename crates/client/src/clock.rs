//! A stream's clock: goes on between the server's answers, and never back.

use std::time::{Duration, Instant};

use crate::timing::Timing;

/// How old an answer may get before the server is asked again, where somebody looks at the clock.
const REFRESH: Duration = Duration::from_millis(200);

#[derive(Debug, Default)]
pub(crate) struct Clock {
    last: Option<(Timing, Instant)>,
    /// What was shown last.
    shown: Duration,
    asked: Option<Instant>,
    stale: bool,
}

impl Clock {
    pub(crate) fn set(&mut self, timing: Timing, now: Instant) {
        self.last = Some((timing, now));
        self.asked = None;
        self.stale = false;
    }

    pub(crate) fn timing(&self) -> Option<Timing> {
        self.last.map(|(timing, _)| timing)
    }

    /// The time in the stream at `now`.
    pub(crate) fn time(&mut self, now: Instant) -> Option<Duration> {
        let (timing, at) = self.last?;
        let passed = if timing.running { now.saturating_duration_since(at) } else { Duration::ZERO };
        self.shown = self.shown.max(timing.time + passed);
        Some(self.shown)
    }

    /// Whether to ask the server; whoever is told yes does it.
    pub(crate) fn wants_answer(&mut self, now: Instant) -> bool {
        let old = |at: Instant| now.saturating_duration_since(at) > REFRESH;
        let wants = (self.stale || self.last.is_none_or(|(_, at)| old(at))) && self.asked.is_none_or(old);
        if wants {
            self.asked = Some(now);
        }
        wants
    }

    /// Nothing flows from `now` on.
    pub(crate) fn stop(&mut self, now: Instant) {
        let time = self.time(now);
        if let (Some(time), Some((timing, at))) = (time, &mut self.last) {
            (timing.time, timing.running, *at) = (time, false, now);
        }
        self.stale = true;
    }

    /// What is known no longer holds.
    pub(crate) fn stale(&mut self) {
        self.stale = true;
    }

    /// The stream has jumped, possibly back.
    pub(crate) fn jump(&mut self) {
        *self = Clock::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing(millis: u64, running: bool) -> Timing {
        Timing {
            time: Duration::from_millis(millis),
            latency: Duration::ZERO,
            device_latency: Duration::ZERO,
            write_index: 0,
            read_index: 0,
            transport: Duration::ZERO,
            running,
            underrun_for: 0,
            playing_for: 0,
        }
    }

    #[test]
    fn the_clock_goes_on_between_answers_and_never_back() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut clock = Clock::default();
        assert_eq!(clock.time(start), None);
        assert!(clock.wants_answer(start));
        assert!(!clock.wants_answer(at(1)), "one question at a time");
        clock.set(timing(10, true), at(5));
        assert_eq!(clock.time(at(25)), Some(Duration::from_millis(30)));
        clock.set(timing(20, true), at(26));
        assert_eq!(clock.time(at(26)), Some(Duration::from_millis(30)));
        assert_eq!(clock.time(at(40)), Some(Duration::from_millis(34)));
        assert!(clock.wants_answer(at(300)));
    }

    #[test]
    fn a_clock_that_was_stopped_stands() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut clock = Clock::default();
        clock.set(timing(10, true), start);
        clock.stop(at(10));
        assert_eq!(clock.time(at(500)), Some(Duration::from_millis(20)));
        clock.jump();
        clock.set(timing(1, false), at(500));
        assert_eq!(clock.time(at(900)), Some(Duration::from_millis(1)));
    }
}
