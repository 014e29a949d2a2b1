//! The commands about sinks, sources and cards.

use sealpulse_protocol::{Facility, Operation, UpdateMode};

use super::Failure;
use super::commands::{Entry, no};
use super::words::Words;
use crate::policy::update_proplist;
use crate::registry::SuspendCause;
use crate::state::State;

/// Leaves the choice of a default device to the server.
const NONE: &str = "@NONE@";

pub(super) const COMMANDS: &[Entry] = &[
    Entry::new("set-sink-volume", 3, "SINK VOLUME", |state, words, _| {
        let (sink, volume) = (state.script_sink(words, 1)?, words.volume(2)?);
        state.set_sink_volume(sink, volume);
        if let Some(sink) = state.registry.sinks.get_mut(sink) {
            sink.by_user.volume = true;
        }
        Ok(())
    }),
    Entry::new("set-source-volume", 3, "SOURCE VOLUME", |state, words, _| {
        let (source, volume) = (state.script_source(words, 1)?, words.volume(2)?);
        state.set_source_volume(source, volume);
        if let Some(source) = state.registry.sources.get_mut(source) {
            source.by_user.volume = true;
        }
        Ok(())
    }),
    Entry::new("set-sink-mute", 3, "SINK BOOLEAN", |state, words, _| {
        let (sink, mute) = (state.script_sink(words, 1)?, words.boolean(2)?);
        state.set_sink_mute(sink, mute);
        if let Some(sink) = state.registry.sinks.get_mut(sink) {
            sink.by_user.muted = true;
        }
        Ok(())
    }),
    Entry::new("set-source-mute", 3, "SOURCE BOOLEAN", |state, words, _| {
        let (source, mute) = (state.script_source(words, 1)?, words.boolean(2)?);
        state.set_source_mute(source, mute);
        if let Some(source) = state.registry.sources.get_mut(source) {
            source.by_user.muted = true;
        }
        Ok(())
    }),
    Entry::new("set-default-sink", 2, "SINK", set_default_sink),
    Entry::new("set-default-source", 2, "SOURCE", set_default_source),
    Entry::new("suspend-sink", 3, "SINK BOOLEAN", |state, words, _| {
        let (sink, suspend) = (state.script_sink(words, 1)?, words.boolean(2)?);
        state.suspend_sink(sink, suspend, SuspendCause::USER);
        Ok(())
    }),
    Entry::new("suspend-source", 3, "SOURCE BOOLEAN", |state, words, _| {
        let (source, suspend) = (state.script_source(words, 1)?, words.boolean(2)?);
        state.suspend_source(source, suspend, SuspendCause::USER);
        Ok(())
    }),
    Entry::new("suspend", 2, "BOOLEAN", |state, words, _| {
        let suspend = words.boolean(1)?;
        for sink in state.registry.sinks.indexes() {
            state.suspend_sink(sink, suspend, SuspendCause::USER);
        }
        for source in state.registry.sources.indexes() {
            state.suspend_source(source, suspend, SuspendCause::USER);
        }
        Ok(())
    }),
    Entry::new("update-sink-proplist", 3, "SINK PROPERTIES", update_sink),
    Entry::new("update-source-proplist", 3, "SOURCE PROPERTIES", update_source),
    // There are no cards, and no device has a port, until there is hardware.
    Entry::new("set-card-profile", 3, "CARD PROFILE", |_, words, _| {
        let card = words.get(1, "a card by name or index")?;
        words.get(2, "a profile")?;
        Err(no("card", card))
    }),
    Entry::new("set-sink-port", 3, "SINK PORT", |state, words, _| {
        state.script_sink(words, 1)?;
        Err(no("port", words.get(2, "a port")?))
    }),
    Entry::new("set-source-port", 3, "SOURCE PORT", |state, words, _| {
        state.script_source(words, 1)?;
        Err(no("port", words.get(2, "a port")?))
    }),
    Entry::new("set-port-latency-offset", 4, "CARD PORT MICROSECONDS", |_, words, _| {
        let card = words.get(1, "a card by name or index")?;
        words.get(2, "a port")?;
        let offset = words.get(3, "microseconds")?;
        offset.parse::<i32>().map_err(|_| format!("`{offset}` is no number"))?;
        Err(no("card", card))
    }),
];

impl State {
    pub(super) fn script_sink(&self, words: &Words<'_>, at: usize) -> Result<u32, Failure> {
        let name = words.get(at, "a sink by name or index")?;
        self.registry.sink_by_name(Some(name)).ok_or_else(|| no("sink", name))
    }

    pub(super) fn script_source(&self, words: &Words<'_>, at: usize) -> Result<u32, Failure> {
        let name = words.get(at, "a source by name or index")?;
        self.registry.source_by_name(Some(name)).ok_or_else(|| no("source", name))
    }
}

/// Of a device that is not there PulseAudio speaks, and goes on with its script.
fn set_default_sink(state: &mut State, words: &Words<'_>, out: &mut String) -> Result<(), Failure> {
    let name = words.get(1, "a sink by name or index")?;
    if name == NONE {
        state.configure_default_sink(None);
        return Ok(());
    }
    match state.script_sink(words, 1) {
        Ok(sink) => {
            let name = state.registry.sinks.get(sink).map(|sink| sink.name.clone());
            state.configure_default_sink(name);
        }
        Err(failure) => out.push_str(&format!("{failure}\n")),
    }
    Ok(())
}

fn set_default_source(state: &mut State, words: &Words<'_>, out: &mut String) -> Result<(), Failure> {
    let name = words.get(1, "a source by name or index")?;
    if name == NONE {
        state.configure_default_source(None);
        return Ok(());
    }
    match state.script_source(words, 1) {
        Ok(source) => {
            let name = state.registry.sources.get(source).map(|source| source.name.clone());
            state.configure_default_source(name);
        }
        Err(failure) => out.push_str(&format!("{failure}\n")),
    }
    Ok(())
}

fn update_sink(state: &mut State, words: &Words<'_>, _: &mut String) -> Result<(), Failure> {
    let (index, changes) = (state.script_sink(words, 1)?, words.properties(2)?);
    let limit = state.settings.limits.proplist_bytes;
    let Some(sink) = state.registry.sinks.get_mut(index) else { return Ok(()) };
    update_proplist(&mut sink.proplist, UpdateMode::Replace, &changes, limit).map_err(|e| e.to_string())?;
    state.post(Facility::Sink, Operation::Change, index);
    Ok(())
}

fn update_source(state: &mut State, words: &Words<'_>, _: &mut String) -> Result<(), Failure> {
    let (index, changes) = (state.script_source(words, 1)?, words.properties(2)?);
    let limit = state.settings.limits.proplist_bytes;
    let Some(source) = state.registry.sources.get_mut(index) else { return Ok(()) };
    update_proplist(&mut source.proplist, UpdateMode::Replace, &changes, limit).map_err(|e| e.to_string())?;
    state.post(Facility::Source, Operation::Change, index);
    Ok(())
}
