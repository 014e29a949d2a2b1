//! Control of devices and of any stream: volume, mute, default, suspend, move, kill.

use sealpulse_protocol::ErrorCode;
use sealpulse_protocol::command::{
    Ack, Exit, KillClient, KillSinkInput, KillSourceOutput, MoveSinkInput, MoveSourceOutput, SetDefaultSink,
    SetDefaultSource, SetSinkInputMute, SetSinkInputVolume, SetSinkMute, SetSinkVolume, SetSourceMute,
    SetSourceOutputMute, SetSourceOutputVolume, SetSourceVolume, SuspendSink, SuspendSource,
};
use sealpulse_spec::ChannelVolumes;

use super::dispatch::done;
use super::{Caller, Handle, Handled};
use crate::registry::{SuspendCause, names};
use crate::state::State;

/// Leaves the choice of a default device to the server.
const NONE: &str = "@NONE@";

/// A volume is for one channel, which stands for all, or for each.
fn check_volume(volume: &ChannelVolumes, channels: u8) -> Result<(), ErrorCode> {
    if volume.channels() == 1 || volume.channels() == channels { Ok(()) } else { Err(ErrorCode::Invalid) }
}

fn check_valid(volume: &ChannelVolumes) -> Result<(), ErrorCode> {
    if volume.is_valid() { Ok(()) } else { Err(ErrorCode::Invalid) }
}

impl Handle for SetSinkVolume {
    fn handle(self, state: &mut State, _: Caller) -> Handled<Ack> {
        check_valid(&self.volume)?;
        let index = state.named_sink(self.index, self.name.as_deref())?;
        let sink = state.registry.sinks.get(index).ok_or(ErrorCode::NoEntity)?;
        check_volume(&self.volume, sink.spec.channels)?;
        if !state.is_passthrough(sink) {
            state.set_sink_volume(index, self.volume);
            if let Some(sink) = state.registry.sinks.get_mut(index) {
                sink.by_user.volume = true;
            }
        }
        done()
    }
}

impl Handle for SetSourceVolume {
    fn handle(self, state: &mut State, _: Caller) -> Handled<Ack> {
        check_valid(&self.volume)?;
        let index = state.named_source(self.index, self.name.as_deref())?;
        let source = state.registry.sources.get(index).ok_or(ErrorCode::NoEntity)?;
        check_volume(&self.volume, source.spec.channels)?;
        state.set_source_volume(index, self.volume);
        if let Some(source) = state.registry.sources.get_mut(index) {
            source.by_user.volume = true;
        }
        done()
    }
}

impl Handle for SetSinkInputVolume {
    fn handle(self, state: &mut State, _: Caller) -> Handled<Ack> {
        let index = self.index.ok_or(ErrorCode::Invalid)?;
        check_valid(&self.volume)?;
        let input = state.registry.sink_inputs.get(index).ok_or(ErrorCode::NoEntity)?;
        check_volume(&self.volume, input.spec.channels)?;
        state.set_sink_input_volume(index, self.volume);
        if let Some(input) = state.registry.sink_inputs.get_mut(index) {
            input.by_user.volume = true;
        }
        done()
    }
}

impl Handle for SetSourceOutputVolume {
    fn handle(self, state: &mut State, _: Caller) -> Handled<Ack> {
        let index = self.index.ok_or(ErrorCode::Invalid)?;
        check_valid(&self.volume)?;
        let output = state.registry.source_outputs.get(index).ok_or(ErrorCode::NoEntity)?;
        check_volume(&self.volume, output.spec.channels)?;
        state.set_source_output_volume(index, self.volume);
        if let Some(output) = state.registry.source_outputs.get_mut(index) {
            output.by_user.volume = true;
        }
        done()
    }
}

impl Handle for SetSinkMute {
    fn handle(self, state: &mut State, _: Caller) -> Handled<Ack> {
        let index = state.named_sink(self.index, self.name.as_deref())?;
        state.set_sink_mute(index, self.mute);
        if let Some(sink) = state.registry.sinks.get_mut(index) {
            sink.by_user.muted = true;
        }
        done()
    }
}

impl Handle for SetSourceMute {
    fn handle(self, state: &mut State, _: Caller) -> Handled<Ack> {
        let index = state.named_source(self.index, self.name.as_deref())?;
        state.set_source_mute(index, self.mute);
        if let Some(source) = state.registry.sources.get_mut(index) {
            source.by_user.muted = true;
        }
        done()
    }
}

impl Handle for SetSinkInputMute {
    fn handle(self, state: &mut State, _: Caller) -> Handled<Ack> {
        let index = self.index.ok_or(ErrorCode::Invalid)?;
        state.registry.sink_inputs.get(index).ok_or(ErrorCode::NoEntity)?;
        state.set_sink_input_mute(index, self.mute);
        if let Some(input) = state.registry.sink_inputs.get_mut(index) {
            input.by_user.muted = true;
        }
        done()
    }
}

impl Handle for SetSourceOutputMute {
    fn handle(self, state: &mut State, _: Caller) -> Handled<Ack> {
        let index = self.index.ok_or(ErrorCode::Invalid)?;
        state.registry.source_outputs.get(index).ok_or(ErrorCode::NoEntity)?;
        state.set_source_output_mute(index, self.mute);
        if let Some(output) = state.registry.source_outputs.get_mut(index) {
            output.by_user.muted = true;
        }
        done()
    }
}

impl Handle for SuspendSink {
    fn handle(self, state: &mut State, _: Caller) -> Handled<Ack> {
        if self.index.is_none() && self.name.as_deref() == Some("") {
            for index in state.registry.sinks.indexes() {
                state.suspend_sink(index, self.suspend, SuspendCause::USER);
            }
            return done();
        }
        let index = state.named_sink(self.index, self.name.as_deref())?;
        state.suspend_sink(index, self.suspend, SuspendCause::USER);
        done()
    }
}

impl Handle for SuspendSource {
    fn handle(self, state: &mut State, _: Caller) -> Handled<Ack> {
        // Monitors follow their sinks: "all" leaves them out.
        if self.index.is_none() && self.name.as_deref() == Some("") {
            for index in state.registry.sources.indexes() {
                state.suspend_source(index, self.suspend, SuspendCause::USER);
            }
            return done();
        }
        let index = state.named_source(self.index, self.name.as_deref())?;
        let source = state.registry.sources.get(index).ok_or(ErrorCode::NoEntity)?;
        if source.monitor_of.is_some() {
            return Err(ErrorCode::Invalid);
        }
        state.suspend_source(index, self.suspend, SuspendCause::USER);
        done()
    }
}

impl Handle for SetDefaultSink {
    fn handle(self, state: &mut State, _: Caller) -> Handled<Ack> {
        let name = match self.name.as_deref() {
            Some(NONE) => None,
            Some(name) if !names::is_valid(name) => return Err(ErrorCode::Invalid),
            name => {
                let index = state.registry.sink_by_name(name).ok_or(ErrorCode::NoEntity)?;
                state.registry.sinks.get(index).map(|sink| sink.name.clone())
            }
        };
        state.configure_default_sink(name);
        done()
    }
}

impl Handle for SetDefaultSource {
    fn handle(self, state: &mut State, _: Caller) -> Handled<Ack> {
        let name = match self.name.as_deref() {
            Some(NONE) => None,
            Some(name) if !names::is_valid(name) => return Err(ErrorCode::Invalid),
            name => {
                let index = state.registry.source_by_name(name).ok_or(ErrorCode::NoEntity)?;
                state.registry.sources.get(index).map(|source| source.name.clone())
            }
        };
        state.configure_default_source(name);
        done()
    }
}

impl Handle for MoveSinkInput {
    fn handle(self, state: &mut State, _: Caller) -> Handled<Ack> {
        let index = self.index.ok_or(ErrorCode::Invalid)?;
        let sink = state.named_sink(self.sink_index, self.sink_name.as_deref())?;
        state.move_sink_input(index, sink, true)?;
        done()
    }
}

impl Handle for MoveSourceOutput {
    fn handle(self, state: &mut State, _: Caller) -> Handled<Ack> {
        let index = self.index.ok_or(ErrorCode::Invalid)?;
        let source = state.named_source(self.source_index, self.source_name.as_deref())?;
        state.move_source_output(index, source, true)?;
        done()
    }
}

impl Handle for KillClient {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<Ack> {
        let index = self.index.ok_or(ErrorCode::NoEntity)?;
        let client = state.registry.clients.get(index).ok_or(ErrorCode::NoEntity)?;
        tracing::info!(client = index, by = caller.session.client(), "killed");
        match (client.session, client.module) {
            (Some(session), _) => state.close_session(session),
            (None, module) => {
                state.with_module(module, |instance, state| instance.client_killed(state, module, index));
            }
        }
        done()
    }
}

impl Handle for KillSinkInput {
    fn handle(self, state: &mut State, _: Caller) -> Handled<Ack> {
        let index = self.index.ok_or(ErrorCode::NoEntity)?;
        state.registry.sink_inputs.get(index).ok_or(ErrorCode::NoEntity)?;
        state.kill_sink_input(index);
        done()
    }
}

impl Handle for KillSourceOutput {
    fn handle(self, state: &mut State, _: Caller) -> Handled<Ack> {
        let index = self.index.ok_or(ErrorCode::NoEntity)?;
        state.registry.source_outputs.get(index).ok_or(ErrorCode::NoEntity)?;
        state.kill_source_output(index);
        done()
    }
}

impl Handle for Exit {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<Ack> {
        if !state.settings.allow_exit {
            return Err(ErrorCode::Access);
        }
        tracing::info!(client = caller.session.client(), "asked to end");
        state.stopping = true;
        done()
    }
}
