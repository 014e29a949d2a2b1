//! What happens later: few things, none of them periodic.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::session::SessionKey;

/// What to do when its time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Alarm {
    /// A client has not authenticated.
    Authentication(SessionKey),
    /// A socket, by its place, accepts clients again.
    Accept(usize),
    /// Nobody has been connected for the time after which the server ends.
    IdleExit,
    /// What a module, by its index, wanted to be reminded of.
    Module(u32),
    /// The time to live of a module, by its index, is over.
    ModuleTtl(u32),
    /// Nobody has played a lazy sample, by its index, for long.
    Sample(u32),
}

/// Nothing is put off for longer, so that times do not overflow.
const FAR: Duration = Duration::from_secs(1 << 30);

/// All that is to happen, the next first.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    alarms: BTreeSet<(Instant, Alarm)>,
}

impl Timers {
    /// Sets an alarm; when it goes off, for [`Timers::cancel`].
    pub(crate) fn set(&mut self, after: Duration, alarm: Alarm) -> Instant {
        let at = Instant::now() + after.min(FAR);
        self.alarms.insert((at, alarm));
        at
    }

    pub(crate) fn cancel(&mut self, at: Instant, alarm: Alarm) {
        self.alarms.remove(&(at, alarm));
    }

    /// Time until the next alarm.
    pub(crate) fn patience(&self) -> Option<Duration> {
        self.alarms.first().map(|(at, _)| at.saturating_duration_since(Instant::now()))
    }

    /// Takes an alarm whose time has come.
    pub(crate) fn due(&mut self) -> Option<Alarm> {
        let (at, alarm) = *self.alarms.first()?;
        if at > Instant::now() {
            return None;
        }
        self.alarms.pop_first();
        Some(alarm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_go_off_in_their_order() {
        let mut timers = Timers::default();
        assert_eq!(timers.patience(), None);
        let later = timers.set(Duration::from_secs(3600), Alarm::Accept(1));
        timers.set(Duration::ZERO, Alarm::Accept(2));
        assert_eq!(timers.due(), Some(Alarm::Accept(2)));
        assert_eq!(timers.due(), None);
        assert!(timers.patience().is_some_and(|patience| patience > Duration::from_secs(3000)));
        timers.cancel(later, Alarm::Accept(1));
        assert_eq!(timers.patience(), None);
    }
}
