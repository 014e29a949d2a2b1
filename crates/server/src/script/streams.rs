//! The commands about streams and clients.

use sealpulse_protocol::{Facility, Operation, UpdateMode};

use super::Failure;
use super::commands::{Entry, no};
use super::words::Words;
use crate::policy::update_proplist;
use crate::state::State;

pub(super) const COMMANDS: &[Entry] = &[
    Entry::new("set-sink-input-volume", 3, "INDEX VOLUME", |state, words, _| {
        let (input, volume) = (state.script_input(words)?, words.volume(2)?);
        state.set_sink_input_volume(input, volume);
        if let Some(input) = state.registry.sink_inputs.get_mut(input) {
            input.by_user.volume = true;
        }
        Ok(())
    }),
    Entry::new("set-source-output-volume", 3, "INDEX VOLUME", |state, words, _| {
        let (output, volume) = (state.script_output(words)?, words.volume(2)?);
        state.set_source_output_volume(output, volume);
        if let Some(output) = state.registry.source_outputs.get_mut(output) {
            output.by_user.volume = true;
        }
        Ok(())
    }),
    Entry::new("set-sink-input-mute", 3, "INDEX BOOLEAN", |state, words, _| {
        let (input, mute) = (state.script_input(words)?, words.boolean(2)?);
        state.set_sink_input_mute(input, mute);
        if let Some(input) = state.registry.sink_inputs.get_mut(input) {
            input.by_user.muted = true;
        }
        Ok(())
    }),
    Entry::new("set-source-output-mute", 3, "INDEX BOOLEAN", |state, words, _| {
        let (output, mute) = (state.script_output(words)?, words.boolean(2)?);
        state.set_source_output_mute(output, mute);
        if let Some(output) = state.registry.source_outputs.get_mut(output) {
            output.by_user.muted = true;
        }
        Ok(())
    }),
    Entry::new("move-sink-input", 3, "INDEX SINK", |state, words, _| {
        let (input, sink) = (state.script_input(words)?, state.script_sink(words, 2)?);
        state.move_sink_input(input, sink, true).map_err(|error| format!("it cannot be moved: {error}"))
    }),
    Entry::new("move-source-output", 3, "INDEX SOURCE", |state, words, _| {
        let (output, source) = (state.script_output(words)?, state.script_source(words, 2)?);
        state.move_source_output(output, source, true).map_err(|error| format!("it cannot be moved: {error}"))
    }),
    Entry::new("update-sink-input-proplist", 3, "INDEX PROPERTIES", update_input),
    Entry::new("update-source-output-proplist", 3, "INDEX PROPERTIES", update_output),
    Entry::new("kill-client", 2, "INDEX", kill_client),
    Entry::new("kill-sink-input", 2, "INDEX", |state, words, _| {
        let input = state.script_input(words)?;
        state.kill_sink_input(input);
        Ok(())
    }),
    Entry::new("kill-source-output", 2, "INDEX", |state, words, _| {
        let output = state.script_output(words)?;
        state.kill_source_output(output);
        Ok(())
    }),
];

impl State {
    fn script_input(&self, words: &Words<'_>) -> Result<u32, Failure> {
        let index = words.number(1, "a sink input's index")?;
        let found = self.registry.sink_inputs.get(index).map(|_| index);
        found.ok_or_else(|| no("sink input", &index.to_string()))
    }

    fn script_output(&self, words: &Words<'_>) -> Result<u32, Failure> {
        let index = words.number(1, "a source output's index")?;
        let found = self.registry.source_outputs.get(index).map(|_| index);
        found.ok_or_else(|| no("source output", &index.to_string()))
    }
}

fn update_input(state: &mut State, words: &Words<'_>, _: &mut String) -> Result<(), Failure> {
    let (index, changes) = (state.script_input(words)?, words.properties(2)?);
    let limit = state.settings.limits.proplist_bytes;
    let Some(input) = state.registry.sink_inputs.get_mut(index) else { return Ok(()) };
    update_proplist(&mut input.proplist, UpdateMode::Replace, &changes, limit).map_err(|e| e.to_string())?;
    state.post(Facility::SinkInput, Operation::Change, index);
    Ok(())
}

fn update_output(state: &mut State, words: &Words<'_>, _: &mut String) -> Result<(), Failure> {
    let (index, changes) = (state.script_output(words)?, words.properties(2)?);
    let limit = state.settings.limits.proplist_bytes;
    let Some(output) = state.registry.source_outputs.get_mut(index) else { return Ok(()) };
    update_proplist(&mut output.proplist, UpdateMode::Replace, &changes, limit).map_err(|e| e.to_string())?;
    state.post(Facility::SourceOutput, Operation::Change, index);
    Ok(())
}

fn kill_client(state: &mut State, words: &Words<'_>, _: &mut String) -> Result<(), Failure> {
    let index = words.number(1, "a client's index")?;
    let client = state.registry.clients.get(index).ok_or_else(|| no("client", &index.to_string()))?;
    match (client.session, client.module) {
        (Some(session), _) => state.close_session(session),
        (None, module) => state
            .with_module(module, |instance, state| instance.client_killed(state, module, index))
            .ok_or("it is one of those who ask")?,
    }
    Ok(())
}
