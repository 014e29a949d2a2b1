//! `module-suspend-on-idle`: devices that nobody uses for a while stand still.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sealpulse_protocol::{DeviceState, Facility, Operation, PropList};

use super::argument::{Argument, Type};
use super::{Instance, Kind, Loading, ModuleError};
use crate::policy::{NewInput, NewOutput};
use crate::registry::{Device, SuspendCause};
use crate::state::State;
use crate::subscribe::Event as Change;
use crate::timers::Alarm;

pub(super) static KIND: Kind = Kind {
    name: "module-suspend-on-idle",
    description: "Suspends sinks and sources that have been idle for a while",
    driver: "module-suspend-on-idle.c",
    arguments: &[&[Argument::new(
        "timeout",
        Type::Number(0, u32::MAX),
        "5",
        "Seconds that a device may be idle before it is suspended.",
    )]],
    once: true,
    load,
};

/// Seconds that a device may be idle.
const TIMEOUT: u32 = 5;

/// A device's own timeout in seconds; a negative one keeps it running.
const OWN_TIMEOUT: &str = "module-suspend-on-idle.timeout";

fn load(state: &mut State, loading: &Loading<'_>) -> Result<Box<dyn Instance>, ModuleError> {
    let timeout = loading.args.number("timeout").unwrap_or(TIMEOUT);
    let mut module = SuspendOnIdle {
        me: loading.index,
        timeout: Duration::from_secs(timeout.into()),
        devices: BTreeMap::new(),
        alarm: None,
    };
    for sink in state.registry.sinks.indexes() {
        module.watch(state, Device::Sink(sink));
    }
    for source in state.registry.sources.indexes() {
        module.watch(state, Device::Source(source));
    }
    module.set_alarm(state);
    Ok(Box::new(module))
}

#[derive(Debug)]
struct SuspendOnIdle {
    me: u32,
    timeout: Duration,
    /// All but monitors, which follow their sinks.
    devices: BTreeMap<Device, Watched>,
    /// The next time at which a device may have been idle for long enough, and what cancels it.
    alarm: Option<(Instant, Instant)>,
}

#[derive(Debug)]
struct Watched {
    timeout: Duration,
    /// When it is suspended, unless somebody uses it.
    due: Option<Instant>,
    wanted: bool,
    suspended: bool,
}

impl Watched {
    fn restart(&mut self) {
        self.due = Some(Instant::now() + self.timeout);
    }
}

/// How a device is now.
struct Condition {
    wanted: bool,
    state: DeviceState,
    causes: SuspendCause,
}

fn condition(state: &State, device: Device) -> Option<Condition> {
    let registry = &state.registry;
    Some(match device {
        Device::Sink(index) => {
            let sink = registry.sinks.get(index)?;
            Condition { wanted: registry.sink_is_wanted(sink), state: sink.state, causes: sink.suspended_by }
        }
        Device::Source(index) => {
            let source = registry.sources.get(index)?;
            Condition {
                wanted: registry.source_is_wanted(source),
                state: source.state,
                causes: source.suspended_by,
            }
        }
    })
}

fn suspend(state: &mut State, device: Device, suspend: bool) {
    match device {
        Device::Sink(index) => state.suspend_sink(index, suspend, SuspendCause::IDLE),
        Device::Source(index) => state.suspend_source(index, suspend, SuspendCause::IDLE),
    }
}

/// The device whose clock a source has: a monitor's is its sink.
fn clock_of_source(state: &State, index: u32) -> Device {
    let monitor_of = state.registry.sources.get(index).and_then(|source| source.monitor_of);
    monitor_of.map_or(Device::Source(index), Device::Sink)
}

impl SuspendOnIdle {
    /// A device has come.
    fn watch(&mut self, state: &State, device: Device) {
        let proplist = match device {
            Device::Sink(index) => state.registry.sinks.get(index).map(|sink| &sink.proplist),
            Device::Source(index) => {
                let source = state.registry.sources.get(index);
                source.filter(|source| source.monitor_of.is_none()).map(|source| &source.proplist)
            }
        };
        let Some(timeout) = proplist.and_then(|proplist| self.timeout_of(proplist)) else { return };
        let Some(now) = condition(state, device) else { return };
        let suspended = now.state == DeviceState::Suspended;
        let mut watched = Watched { timeout, due: None, wanted: now.wanted, suspended };
        if !now.wanted {
            watched.restart();
        }
        self.devices.insert(device, watched);
    }

    /// How long a device may be idle; `None` where it never is to be suspended.
    fn timeout_of(&self, proplist: &PropList) -> Option<Duration> {
        match proplist.get_str(OWN_TIMEOUT).and_then(|text| text.parse::<i32>().ok()) {
            Some(seconds) => u64::try_from(seconds).ok().map(Duration::from_secs),
            None => Some(self.timeout),
        }
    }

    /// Something about a device or its streams has changed.
    fn look_at(&mut self, state: &mut State, device: Device) {
        let Some(watched) = self.devices.get_mut(&device) else { return };
        let Some(now) = condition(state, device) else { return };
        let suspended = now.state == DeviceState::Suspended;
        if now.wanted {
            watched.due = None;
            if now.causes.contains(SuspendCause::IDLE) {
                suspend(state, device, false);
            }
        } else if watched.wanted || (watched.suspended && !suspended) {
            watched.restart();
        }
        (watched.wanted, watched.suspended) = (now.wanted, suspended);
    }

    /// A stream is about to come, corked or not: its device must be open while the stream is set up.
    fn wake(&mut self, state: &mut State, device: Device) {
        let Some(watched) = self.devices.get_mut(&device) else { return };
        let Some(now) = condition(state, device) else { return };
        if now.causes.contains(SuspendCause::IDLE) {
            tracing::debug!(?device, "resumed");
            suspend(state, device, false);
        }
        if !now.wanted {
            watched.restart();
        }
    }

    /// Makes the server remind us when the next device is due.
    fn set_alarm(&mut self, state: &mut State) {
        let due = self.devices.values().filter_map(|watched| watched.due).min();
        if due == self.alarm.map(|(due, _)| due) {
            return;
        }
        if let Some((_, at)) = self.alarm.take() {
            state.timers.cancel(at, Alarm::Module(self.me));
        }
        if let Some(due) = due {
            let after = due.saturating_duration_since(Instant::now());
            self.alarm = Some((due, state.timers.set(after, Alarm::Module(self.me))));
        }
    }
}

impl Instance for SuspendOnIdle {
    fn listens(&self) -> bool {
        true
    }

    fn changed(&mut self, state: &mut State, _me: u32, change: Change) {
        match (change.facility, change.operation) {
            (Facility::Sink, Operation::New) => self.watch(state, Device::Sink(change.index)),
            (Facility::Source, Operation::New) => self.watch(state, Device::Source(change.index)),
            (Facility::Sink, Operation::Remove) => {
                self.devices.remove(&Device::Sink(change.index));
            }
            (Facility::Source, Operation::Remove) => {
                self.devices.remove(&Device::Source(change.index));
            }
            (Facility::Sink, Operation::Change) => self.look_at(state, Device::Sink(change.index)),
            (Facility::Source, Operation::Change) => {
                let device = clock_of_source(state, change.index);
                self.look_at(state, device);
            }
            // Where it was, or comes from, nobody says: and there are few devices.
            (Facility::SinkInput | Facility::SourceOutput, _) => {
                for device in self.devices.keys().copied().collect::<Vec<_>>() {
                    self.look_at(state, device);
                }
            }
            _ => return,
        }
        self.set_alarm(state);
    }

    fn shape_input(&mut self, state: &mut State, new: &mut NewInput) {
        if let Some(sink) = new.sink {
            self.wake(state, Device::Sink(sink));
            self.set_alarm(state);
        }
    }

    fn shape_output(&mut self, state: &mut State, new: &mut NewOutput) {
        if let Some(source) = new.source {
            let device = clock_of_source(state, source);
            self.wake(state, device);
            self.set_alarm(state);
        }
    }

    fn alarm(&mut self, state: &mut State, _me: u32) {
        self.alarm = None;
        let now = Instant::now();
        let due = self.devices.iter_mut().filter(|(_, watched)| watched.due.is_some_and(|due| due <= now));
        let idle: Vec<Device> = due
            .map(|(device, watched)| {
                watched.due = None;
                *device
            })
            .collect();
        for device in idle {
            let Some(now) = condition(state, device) else { continue };
            if !now.wanted && !now.causes.contains(SuspendCause::IDLE) {
                tracing::info!(?device, "idle for too long: suspended");
                suspend(state, device, true);
            }
        }
        self.set_alarm(state);
    }

    fn unload(self: Box<Self>, state: &mut State, _me: u32) {
        if let Some((_, at)) = self.alarm {
            state.timers.cancel(at, Alarm::Module(self.me));
        }
        for device in self.devices.into_keys() {
            suspend(state, device, false);
        }
    }
}
