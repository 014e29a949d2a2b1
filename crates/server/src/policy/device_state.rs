//! Whether devices run, are idle or stand still.

use sealpulse_protocol::command::{PlaybackStreamSuspended, RecordStreamSuspended};
use sealpulse_protocol::{DeviceState, Facility, Operation};

use crate::registry::{Sink, Source, SuspendCause};
use crate::state::State;

impl State {
    /// Running or idle, after a stream came, went or was corked.
    pub(crate) fn update_sink_status(&mut self, index: u32) {
        let Some(sink) = self.registry.sinks.get(index) else { return };
        if sink.state == DeviceState::Suspended || sink.unlinking {
            return;
        }
        let state = self.open_sink_state(sink);
        let causes = sink.suspended_by;
        self.set_sink_state(index, state, causes);
    }

    /// Running or idle, after a stream came, went or was corked.
    pub(crate) fn update_source_status(&mut self, index: u32) {
        let Some(source) = self.registry.sources.get(index) else { return };
        if source.state == DeviceState::Suspended || source.unlinking {
            return;
        }
        let state = self.open_source_state(source);
        let causes = source.suspended_by;
        self.set_source_state(index, state, causes);
    }

    fn open_sink_state(&self, sink: &Sink) -> DeviceState {
        if self.registry.sink_used_by(sink) > 0 { DeviceState::Running } else { DeviceState::Idle }
    }

    fn open_source_state(&self, source: &Source) -> DeviceState {
        if self.registry.source_used_by(source) > 0 { DeviceState::Running } else { DeviceState::Idle }
    }

    /// Adds or removes a reason to stand still.
    pub(crate) fn suspend_sink(&mut self, index: u32, suspend: bool, cause: SuspendCause) {
        let Some(sink) = self.registry.sinks.get(index) else { return };
        let causes = if suspend { sink.suspended_by.with(cause) } else { sink.suspended_by.without(cause) };
        let state = if causes.is_empty() { self.open_sink_state(sink) } else { DeviceState::Suspended };
        self.set_sink_state(index, state, causes);
    }

    /// The same for a source that is no monitor; those follow their sinks.
    pub(crate) fn suspend_source(&mut self, index: u32, suspend: bool, cause: SuspendCause) {
        let Some(source) = self.registry.sources.get(index).filter(|source| source.monitor_of.is_none())
        else {
            return;
        };
        let causes =
            if suspend { source.suspended_by.with(cause) } else { source.suspended_by.without(cause) };
        let state = if causes.is_empty() { self.open_source_state(source) } else { DeviceState::Suspended };
        let switched = (source.state == DeviceState::Suspended) != (state == DeviceState::Suspended);
        let device = source.device;
        self.set_source_state(index, state, causes);
        if switched {
            self.engine.set_device_suspended(device, state == DeviceState::Suspended);
        }
    }

    fn set_sink_state(&mut self, index: u32, state: DeviceState, causes: SuspendCause) {
        let Some(sink) = self.registry.sinks.get_mut(index) else { return };
        let old_state = std::mem::replace(&mut sink.state, state);
        let old_causes = std::mem::replace(&mut sink.suspended_by, causes);
        let (device, monitor, inputs) = (sink.device, sink.monitor, sink.inputs.clone());
        if old_state != state {
            self.post(Facility::Sink, Operation::Change, index);
        }
        let suspended = state == DeviceState::Suspended;
        let switched = (old_state == DeviceState::Suspended) != suspended;
        if switched {
            self.engine.set_device_suspended(device, suspended);
            for input in inputs {
                let Some(stream) = self.registry.sink_inputs.get(input) else { continue };
                if suspended && stream.flags.kill_on_suspend {
                    self.kill_sink_input(input);
                } else {
                    self.notify_owner(stream.owner, 12, |channel| PlaybackStreamSuspended {
                        channel,
                        suspended,
                    });
                }
            }
        }
        if switched || old_causes != causes {
            let Some(source) = self.registry.sources.get(monitor) else { return };
            let state = if suspended { DeviceState::Suspended } else { self.open_source_state(source) };
            self.set_source_state(monitor, state, causes);
        }
    }

    fn set_source_state(&mut self, index: u32, state: DeviceState, causes: SuspendCause) {
        let Some(source) = self.registry.sources.get_mut(index) else { return };
        let old_state = std::mem::replace(&mut source.state, state);
        source.suspended_by = causes;
        let outputs = source.outputs.clone();
        if old_state != state {
            self.post(Facility::Source, Operation::Change, index);
        }
        let suspended = state == DeviceState::Suspended;
        if (old_state == DeviceState::Suspended) == suspended {
            return;
        }
        for output in outputs {
            let Some(stream) = self.registry.source_outputs.get(output) else { continue };
            if suspended && stream.flags.kill_on_suspend {
                self.kill_source_output(output);
            } else {
                self.notify_owner(stream.owner, 12, |channel| RecordStreamSuspended { channel, suspended });
            }
        }
    }
}
