//! Sinks and sources.

use sealpulse_engine::DeviceId;
use sealpulse_protocol::{DeviceState, FormatInfo, PropList, SinkFlags, SourceFlags};
use sealpulse_spec::{ChannelMap, ChannelVolumes, SampleSpec};

use super::ByUser;

/// A sink or a source, by its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Device {
    Sink(u32),
    Source(u32),
}

/// Why a device is suspended: bits of `pa_suspend_cause_t`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SuspendCause(u32);

impl SuspendCause {
    /// Somebody asked for it.
    pub(crate) const USER: Self = Self(1);
    /// Nobody used it for a while.
    pub(crate) const IDLE: Self = Self(1 << 2);
    /// Its format changes.
    pub(crate) const INTERNAL: Self = Self(1 << 5);

    pub(crate) fn with(self, cause: Self) -> Self {
        Self(self.0 | cause.0)
    }

    pub(crate) fn without(self, cause: Self) -> Self {
        Self(self.0 & !cause.0)
    }

    pub(crate) fn contains(self, cause: Self) -> bool {
        self.0 & cause.0 != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The causes by name, as PulseAudio lists them.
    pub(crate) fn names(self) -> String {
        let all = [(Self::USER, "USER"), (Self::IDLE, "IDLE"), (Self::INTERNAL, "INTERNAL")];
        let names: Vec<&str> =
            all.into_iter().filter(|(cause, _)| self.contains(*cause)).map(|(_, name)| name).collect();
        if names.is_empty() { "(none)".to_owned() } else { names.join("|") }
    }
}

/// Where sound goes.
#[derive(Debug)]
pub(crate) struct Sink {
    pub(crate) name: String,
    pub(crate) module: u32,
    pub(crate) driver: &'static str,
    pub(crate) device: DeviceId,
    pub(crate) spec: SampleSpec,
    pub(crate) map: ChannelMap,
    /// Longest latency that it has, in microseconds.
    pub(crate) max_latency_usec: u64,
    /// The rate that it was made with.
    pub(crate) default_rate: u32,
    pub(crate) proplist: PropList,
    pub(crate) flags: SinkFlags,
    pub(crate) priority: u32,
    pub(crate) volume: ChannelVolumes,
    pub(crate) muted: bool,
    pub(crate) by_user: ByUser,
    /// Whether its volume is that of the device that it is made of.
    pub(crate) shares_volume: bool,
    pub(crate) formats: Vec<FormatInfo>,
    /// Whether it takes the rate of what is played, as long as nothing plays.
    pub(crate) can_reconfigure: bool,
    pub(crate) monitor: u32,
    /// Its sink inputs, in the order in which they came.
    pub(crate) inputs: Vec<u32>,
    pub(crate) state: DeviceState,
    pub(crate) suspended_by: SuspendCause,
    /// It is about to go: nothing moves here.
    pub(crate) unlinking: bool,
}

/// Where sound comes from: what a sink plays, or a device of its own.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) module: u32,
    pub(crate) driver: &'static str,
    pub(crate) device: DeviceId,
    pub(crate) spec: SampleSpec,
    pub(crate) map: ChannelMap,
    /// Longest latency that it has, in microseconds.
    pub(crate) max_latency_usec: u64,
    pub(crate) proplist: PropList,
    pub(crate) flags: SourceFlags,
    pub(crate) priority: u32,
    pub(crate) volume: ChannelVolumes,
    pub(crate) muted: bool,
    pub(crate) by_user: ByUser,
    /// Whether its volume is that of the device that it is made of.
    pub(crate) shares_volume: bool,
    /// The sink whose monitor it is.
    pub(crate) monitor_of: Option<u32>,
    /// Its source outputs, in the order in which they came.
    pub(crate) outputs: Vec<u32>,
    pub(crate) state: DeviceState,
    pub(crate) suspended_by: SuspendCause,
    /// It is about to go: nothing moves here.
    pub(crate) unlinking: bool,
}
