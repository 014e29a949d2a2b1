//! A virtual device: its clock, its mix and its monitor.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use sealpulse_spec::SampleSpec;

use crate::gains::Gains;
use crate::graph::Joint;
use crate::types::{DeviceId, DeviceStats};

/// Longest time that a device renders at once when it was held up; what lies further back is left out.
const MAX_CATCH_UP_SECONDS: u64 = 4;

/// Frames of the grid that all devices of `rate` share which have gone by at `time`.
pub(crate) fn position(time: u64, rate: u32) -> u64 {
    (u128::from(time) * u128::from(rate) / 1_000_000_000) as u64
}

/// The moment, in nanoseconds, up to which a device has rendered. Its frame is that of the grid, so that devices of
/// one rate render the same frames whenever they started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DeviceClock {
    pub(crate) time: u64,
}

impl DeviceClock {
    pub(crate) fn starting_at(now: u64) -> Self {
        Self { time: now }
    }

    /// The moment from which on sound is rendered at `now`: what lies too far back is left out.
    pub(crate) fn from(&self, now: u64) -> u64 {
        self.time.max(now.saturating_sub(MAX_CATCH_UP_SECONDS * 1_000_000_000))
    }

    /// Whole frames that have gone by at `now` and are not rendered, but for those that are left out.
    pub(crate) fn due(&self, now: u64, rate: u32) -> u64 {
        position(now, rate).saturating_sub(position(self.from(now), rate))
    }

    /// The moment at which `frames` more than what is rendered have gone by.
    pub(crate) fn time_of(&self, frames: u64, rate: u32) -> u64 {
        let total = u128::from(position(self.time, rate).saturating_add(frames));
        let nanos = (total * 1_000_000_000).div_ceil(u128::from(rate.max(1)));
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }
}

/// Figures that any thread may read.
#[derive(Default)]
pub(crate) struct DeviceGauges {
    cycle_usec: AtomicU64,
    streams: AtomicU32,
    buses: AtomicU32,
    load: AtomicU32,
}

impl DeviceGauges {
    pub(crate) fn stats(&self) -> DeviceStats {
        DeviceStats {
            cycle_usec: self.cycle_usec.load(Ordering::Relaxed),
            streams: self.streams.load(Ordering::Relaxed),
            buses: self.buses.load(Ordering::Relaxed),
            load: f32::from_bits(self.load.load(Ordering::Relaxed)),
        }
    }

    pub(crate) fn set(&self, cycle_usec: u64, streams: u32, buses: u32) {
        self.cycle_usec.store(cycle_usec, Ordering::Relaxed);
        self.streams.store(streams, Ordering::Relaxed);
        self.buses.store(buses, Ordering::Relaxed);
    }

    /// `spent` nanoseconds went into rendering `covered` nanoseconds of sound.
    pub(crate) fn add_load(&self, spent: u64, covered: u64) {
        let old = f32::from_bits(self.load.load(Ordering::Relaxed));
        let load = spent as f32 / covered.max(1) as f32;
        self.load.store((old + (load - old) / 16.0).to_bits(), Ordering::Relaxed);
    }
}

pub(crate) struct Device {
    pub(crate) id: DeviceId,
    pub(crate) spec: SampleSpec,
    /// The first bus and the first record stream of the monitor.
    pub(crate) buses: u32,
    pub(crate) records: u32,
    pub(crate) gains: Gains,
    pub(crate) monitor_gains: Gains,
    pub(crate) suspended: bool,
    /// Runs while anything plays or records.
    pub(crate) clock: Option<DeviceClock>,
    /// Whether it runs for another reason than passive streams and the tail of a resampler.
    pub(crate) lively: bool,
    pub(crate) joint: Joint,
    /// Frames that are rendered at once.
    pub(crate) piece: usize,
    pub(crate) mix: Vec<f32>,
    pub(crate) resampled: Vec<f32>,
    pub(crate) out: Vec<u8>,
    pub(crate) monitor: Vec<f32>,
    pub(crate) gauges: Arc<DeviceGauges>,
}

impl Device {
    pub(crate) fn new(id: DeviceId, spec: SampleSpec, gauges: Arc<DeviceGauges>) -> Self {
        let piece = Self::piece_of(spec.rate);
        let samples = piece * usize::from(spec.channels);
        Self {
            id,
            spec,
            buses: crate::slab::NONE,
            records: crate::slab::NONE,
            gains: Gains::unity(spec.channels),
            monitor_gains: Gains::unity(spec.channels),
            suspended: false,
            clock: None,
            lively: false,
            joint: Joint::default(),
            piece,
            mix: vec![0.0; samples],
            resampled: vec![0.0; samples],
            out: vec![0; piece * spec.frame_size()],
            monitor: vec![0.0; samples],
            gauges,
        }
    }

    /// Frames that a device of this rate renders at once: at most 25 ms, so that a slow device does not ask its
    /// buses for seconds at a time.
    pub(crate) fn piece_of(rate: u32) -> usize {
        (rate / 40).clamp(1, 1024) as usize
    }

    pub(crate) fn channels(&self) -> usize {
        usize::from(self.spec.channels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_counts_each_frame_once() {
        let mut clock = DeviceClock::starting_at(1_000);
        for frames in 1..5_000 {
            let at = clock.time_of(1, 44_100);
            assert_eq!(clock.due(at - 1, 44_100), 0, "frame {frames}");
            assert_eq!(clock.due(at, 44_100), 1, "frame {frames}");
            clock.time = at;
        }
    }

    #[test]
    fn clocks_of_one_rate_agree_whenever_they_started() {
        let now = 123_456_789_012_345;
        for started in [0, 1_003, now / 3, now - 1_000_000] {
            let clock = DeviceClock::starting_at(started);
            assert_eq!(
                position(started, 44_100) + clock.due(started + 999_999, 44_100),
                position(started + 999_999, 44_100)
            );
            assert_eq!(position(clock.time_of(77, 44_100), 44_100), position(started, 44_100) + 77);
        }
    }

    #[test]
    fn a_long_stop_is_not_rendered() {
        let mut clock = DeviceClock::starting_at(0);
        assert_eq!(clock.due(3_600_000_000_000, 48_000), 4 * 48_000);
        clock.time = 3_600_000_000_000;
        assert_eq!(clock.due(3_600_000_000_000, 48_000), 0);
    }
}
