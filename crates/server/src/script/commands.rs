//! The commands of scripts that do something.

use sealpulse_protocol::{Facility, Operation, UpdateMode};
use sealpulse_spec::{ChannelVolumes, Volume};

use super::Failure;
use crate::modules;
use crate::modules::args::{parse_boolean, parse_number, parse_proplist};
use crate::policy::update_proplist;
use crate::registry::SuspendCause;
use crate::state::State;

/// A command: its name, what it takes, and what it does.
struct Entry {
    name: &'static str,
    usage: &'static str,
    run: fn(&mut State, &Words<'_>, &mut String) -> Result<(), Failure>,
}

/// The arguments of a command. The last one is the rest of the line.
struct Words<'a>(Vec<&'a str>);

impl<'a> Words<'a> {
    /// Takes a line apart into at most `most` words.
    fn split(line: &'a str, most: usize) -> Self {
        let mut words = Vec::new();
        let mut rest = line.trim();
        while !rest.is_empty() && words.len() + 1 < most {
            let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            words.push(word);
            rest = after.trim_start();
        }
        if !rest.is_empty() {
            words.push(rest);
        }
        Self(words)
    }

    fn get(&self, at: usize, what: &str) -> Result<&'a str, Failure> {
        self.0.get(at).copied().ok_or_else(|| format!("say {what}"))
    }

    fn index(&self, at: usize, what: &str) -> Result<u32, Failure> {
        let word = self.get(at, what)?;
        parse_number(word).ok_or_else(|| format!("`{word}` is no number"))
    }

    fn boolean(&self, at: usize) -> Result<bool, Failure> {
        let word = self.get(at, "yes or no")?;
        parse_boolean(word).ok_or_else(|| format!("`{word}` is neither yes nor no"))
    }

    fn volume(&self, at: usize) -> Result<ChannelVolumes, Failure> {
        let volume = Volume(self.index(at, "a volume, 0x10000 for full")?);
        if volume.is_valid() {
            Ok(ChannelVolumes::all(1, volume))
        } else {
            Err("a volume out of range".to_owned())
        }
    }
}

const COMMANDS: &[Entry] = &[
    Entry { name: "help", usage: "", run: help },
    Entry {
        name: "list-modules",
        usage: "",
        run: |state, _, out| {
            state.list_modules(out);
            Ok(())
        },
    },
    Entry {
        name: "list-cards",
        usage: "",
        run: |state, _, out| {
            state.list_cards(out);
            Ok(())
        },
    },
    Entry {
        name: "list-sinks",
        usage: "",
        run: |state, _, out| {
            state.list_sinks(out);
            Ok(())
        },
    },
    Entry {
        name: "list-sources",
        usage: "",
        run: |state, _, out| {
            state.list_sources(out);
            Ok(())
        },
    },
    Entry {
        name: "list-clients",
        usage: "",
        run: |state, _, out| {
            state.list_clients(out);
            Ok(())
        },
    },
    Entry {
        name: "list-sink-inputs",
        usage: "",
        run: |state, _, out| {
            state.list_sink_inputs(out);
            Ok(())
        },
    },
    Entry {
        name: "list-source-outputs",
        usage: "",
        run: |state, _, out| {
            state.list_source_outputs(out);
            Ok(())
        },
    },
    Entry { name: "info", usage: "", run: info },
    Entry { name: "ls", usage: "", run: info },
    Entry { name: "list", usage: "", run: info },
    Entry { name: "load-module", usage: "NAME [ARGUMENTS]", run: load_module },
    Entry { name: "unload-module", usage: "INDEX|NAME", run: unload_module },
    Entry { name: "describe-module", usage: "NAME", run: describe_module },
    Entry {
        name: "set-sink-volume",
        usage: "SINK VOLUME",
        run: |state, words, _| {
            let (sink, volume) = (state.script_sink(words)?, words.volume(2)?);
            state.set_sink_volume(sink, volume);
            Ok(())
        },
    },
    Entry {
        name: "set-source-volume",
        usage: "SOURCE VOLUME",
        run: |state, words, _| {
            let (source, volume) = (state.script_source(words)?, words.volume(2)?);
            state.set_source_volume(source, volume);
            Ok(())
        },
    },
    Entry {
        name: "set-sink-mute",
        usage: "SINK BOOLEAN",
        run: |state, words, _| {
            let (sink, mute) = (state.script_sink(words)?, words.boolean(2)?);
            state.set_sink_mute(sink, mute);
            Ok(())
        },
    },
    Entry {
        name: "set-source-mute",
        usage: "SOURCE BOOLEAN",
        run: |state, words, _| {
            let (source, mute) = (state.script_source(words)?, words.boolean(2)?);
            state.set_source_mute(source, mute);
            Ok(())
        },
    },
    Entry {
        name: "set-sink-input-volume",
        usage: "INDEX VOLUME",
        run: |state, words, _| {
            let (input, volume) = (state.script_input(words)?, words.volume(2)?);
            state.set_sink_input_volume(input, volume);
            Ok(())
        },
    },
    Entry {
        name: "set-source-output-volume",
        usage: "INDEX VOLUME",
        run: |state, words, _| {
            let (output, volume) = (state.script_output(words)?, words.volume(2)?);
            state.set_source_output_volume(output, volume);
            Ok(())
        },
    },
    Entry {
        name: "set-sink-input-mute",
        usage: "INDEX BOOLEAN",
        run: |state, words, _| {
            let (input, mute) = (state.script_input(words)?, words.boolean(2)?);
            state.set_sink_input_mute(input, mute);
            Ok(())
        },
    },
    Entry {
        name: "set-source-output-mute",
        usage: "INDEX BOOLEAN",
        run: |state, words, _| {
            let (output, mute) = (state.script_output(words)?, words.boolean(2)?);
            state.set_source_output_mute(output, mute);
            Ok(())
        },
    },
    Entry {
        name: "set-default-sink",
        usage: "SINK",
        run: |state, words, _| {
            let sink = state.script_sink(words)?;
            let name = state.registry.sinks.get(sink).map(|sink| sink.name.clone());
            state.configure_default_sink(name);
            Ok(())
        },
    },
    Entry {
        name: "set-default-source",
        usage: "SOURCE",
        run: |state, words, _| {
            let source = state.script_source(words)?;
            let name = state.registry.sources.get(source).map(|source| source.name.clone());
            state.configure_default_source(name);
            Ok(())
        },
    },
    Entry {
        name: "suspend-sink",
        usage: "SINK BOOLEAN",
        run: |state, words, _| {
            let (sink, suspend) = (state.script_sink(words)?, words.boolean(2)?);
            state.suspend_sink(sink, suspend, SuspendCause::USER);
            Ok(())
        },
    },
    Entry {
        name: "suspend-source",
        usage: "SOURCE BOOLEAN",
        run: |state, words, _| {
            let (source, suspend) = (state.script_source(words)?, words.boolean(2)?);
            state.suspend_source(source, suspend, SuspendCause::USER);
            Ok(())
        },
    },
    Entry {
        name: "suspend",
        usage: "BOOLEAN",
        run: |state, words, _| {
            let suspend = words.boolean(1)?;
            for sink in state.registry.sinks.indexes() {
                state.suspend_sink(sink, suspend, SuspendCause::USER);
            }
            for source in state.registry.sources.indexes() {
                state.suspend_source(source, suspend, SuspendCause::USER);
            }
            Ok(())
        },
    },
    Entry {
        name: "move-sink-input",
        usage: "INDEX SINK",
        run: |state, words, _| {
            let (input, name) = (state.script_input(words)?, words.get(2, "a sink")?);
            let sink = state.registry.sink_by_name(Some(name)).ok_or_else(|| no("sink", name))?;
            state.move_sink_input(input, sink, true).map_err(|error| format!("it cannot be moved: {error}"))
        },
    },
    Entry {
        name: "move-source-output",
        usage: "INDEX SOURCE",
        run: |state, words, _| {
            let (output, name) = (state.script_output(words)?, words.get(2, "a source")?);
            let source = state.registry.source_by_name(Some(name)).ok_or_else(|| no("source", name))?;
            state
                .move_source_output(output, source, true)
                .map_err(|error| format!("it cannot be moved: {error}"))
        },
    },
    Entry {
        name: "update-sink-proplist",
        usage: "SINK PROPERTIES",
        run: |state, words, _| {
            let (sink, limit) = (state.script_sink(words)?, state.settings.limits.proplist_bytes);
            let changes = properties(words)?;
            if let Some(device) = state.registry.sinks.get_mut(sink) {
                update_proplist(&mut device.proplist, UpdateMode::Replace, &changes, limit)
                    .map_err(|e| e.to_string())?;
            }
            state.post(Facility::Sink, Operation::Change, sink);
            Ok(())
        },
    },
    Entry {
        name: "update-source-proplist",
        usage: "SOURCE PROPERTIES",
        run: |state, words, _| {
            let (source, limit) = (state.script_source(words)?, state.settings.limits.proplist_bytes);
            let changes = properties(words)?;
            if let Some(device) = state.registry.sources.get_mut(source) {
                update_proplist(&mut device.proplist, UpdateMode::Replace, &changes, limit)
                    .map_err(|e| e.to_string())?;
            }
            state.post(Facility::Source, Operation::Change, source);
            Ok(())
        },
    },
    Entry {
        name: "kill-client",
        usage: "INDEX",
        run: |state, words, _| {
            let index = words.index(1, "a client's index")?;
            let client = state.registry.clients.get(index).ok_or_else(|| no("client", &index.to_string()))?;
            match client.session {
                Some(session) => state.close_session(session),
                None => return Err("it is no client of the native protocol".to_owned()),
            }
            Ok(())
        },
    },
    Entry {
        name: "kill-sink-input",
        usage: "INDEX",
        run: |state, words, _| {
            let input = state.script_input(words)?;
            state.kill_sink_input(input);
            Ok(())
        },
    },
    Entry {
        name: "kill-source-output",
        usage: "INDEX",
        run: |state, words, _| {
            let output = state.script_output(words)?;
            state.kill_source_output(output);
            Ok(())
        },
    },
    Entry {
        name: "exit",
        usage: "",
        run: |state, _, _| {
            state.stopping = true;
            Ok(())
        },
    },
    Entry { name: "set-log-target", usage: "TARGET", run: without_meaning },
    Entry { name: "set-log-level", usage: "LEVEL", run: without_meaning },
    Entry { name: "set-log-meta", usage: "BOOLEAN", run: without_meaning },
    Entry { name: "set-log-time", usage: "BOOLEAN", run: without_meaning },
    Entry { name: "set-log-backtrace", usage: "FRAMES", run: without_meaning },
    Entry { name: "vacuum", usage: "", run: without_meaning },
];

/// The most words that a line has: module arguments and properties are one.
const WORDS: usize = 3;

impl State {
    /// Carries out a command.
    pub(super) fn command(&mut self, line: &str, out: &mut String) -> Result<(), Failure> {
        let words = Words::split(line, WORDS);
        let name = words.get(0, "a command")?;
        let entry = COMMANDS.iter().find(|entry| entry.name == name);
        let entry = entry.ok_or_else(|| format!("there is no command `{name}`; try `help`"))?;
        (entry.run)(self, &words, out)
    }

    fn script_sink(&self, words: &Words<'_>) -> Result<u32, Failure> {
        let name = words.get(1, "a sink by name or index")?;
        self.registry.sink_by_name(Some(name)).ok_or_else(|| no("sink", name))
    }

    fn script_source(&self, words: &Words<'_>) -> Result<u32, Failure> {
        let name = words.get(1, "a source by name or index")?;
        self.registry.source_by_name(Some(name)).ok_or_else(|| no("source", name))
    }

    fn script_input(&self, words: &Words<'_>) -> Result<u32, Failure> {
        let index = words.index(1, "a sink input's index")?;
        self.registry
            .sink_inputs
            .get(index)
            .map(|_| index)
            .ok_or_else(|| no("sink input", &index.to_string()))
    }

    fn script_output(&self, words: &Words<'_>) -> Result<u32, Failure> {
        let index = words.index(1, "a source output's index")?;
        let found = self.registry.source_outputs.get(index).map(|_| index);
        found.ok_or_else(|| no("source output", &index.to_string()))
    }
}

fn no(kind: &str, name: &str) -> Failure {
    format!("there is no {kind} `{name}`")
}

fn properties(words: &Words<'_>) -> Result<sealpulse_protocol::PropList, Failure> {
    let text = words.get(2, "properties")?;
    let pairs = parse_proplist(text).ok_or_else(|| format!("`{text}` are no properties (key=value …)"))?;
    let mut proplist = sealpulse_protocol::PropList::new();
    for (key, value) in pairs {
        proplist.set(&key, value);
    }
    Ok(proplist)
}

fn help(_: &mut State, _: &Words<'_>, out: &mut String) -> Result<(), Failure> {
    out.push_str("Available commands:\n");
    for entry in COMMANDS {
        out.push_str(&format!("    {:25} {}\n", entry.name, entry.usage));
    }
    Ok(())
}

fn info(state: &mut State, _: &Words<'_>, out: &mut String) -> Result<(), Failure> {
    state.list_sinks(out);
    state.list_sources(out);
    state.list_sink_inputs(out);
    state.list_source_outputs(out);
    state.list_clients(out);
    state.list_cards(out);
    state.list_modules(out);
    Ok(())
}

fn load_module(state: &mut State, words: &Words<'_>, _: &mut String) -> Result<(), Failure> {
    let name = words.get(1, "a module, and its arguments")?;
    state.load_for_script(name, words.0.get(2).copied())
}

fn unload_module(state: &mut State, words: &Words<'_>, _: &mut String) -> Result<(), Failure> {
    let name = words.get(1, "a module by name or index")?;
    let loaded: Vec<u32> = match parse_number(name) {
        Some(index) => state.registry.modules.get(index).map(|_| index).into_iter().collect(),
        None => {
            let named = state.registry.modules.iter().filter(|(_, module)| module.kind.name == name);
            named.map(|(index, _)| index).collect()
        }
    };
    if loaded.is_empty() {
        return Err(no("loaded module", name));
    }
    loaded.into_iter().for_each(|index| state.request_unload(index));
    Ok(())
}

fn describe_module(_: &mut State, words: &Words<'_>, out: &mut String) -> Result<(), Failure> {
    let name = words.get(1, "a module")?;
    let kind = modules::kind(name).ok_or_else(|| no("module", name))?;
    out.push_str(&format!(
        "Name: {}\nDescription: {}\nUsage: {}\n",
        kind.name,
        kind.description,
        kind.usage()
    ));
    out.push_str(&format!("Load Once: {}\n", if kind.once { "yes" } else { "no" }));
    for argument in kind.arguments() {
        out.push_str(&format!(
            "  {}: {} ({}; default: {})\n",
            argument.name, argument.text, argument.kind, argument.default
        ));
    }
    Ok(())
}

fn without_meaning(_: &mut State, words: &Words<'_>, _: &mut String) -> Result<(), Failure> {
    tracing::info!(command = words.0.first().copied().unwrap_or_default(), "this has no meaning here");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_is_the_rest_of_the_line() {
        let words = Words::split("load-module  module-null-sink   sink_name=a rate=48000 ", WORDS);
        assert_eq!(words.0, ["load-module", "module-null-sink", "sink_name=a rate=48000"]);
        assert_eq!(Words::split("exit", WORDS).0, ["exit"]);
        assert!(Words::split("  ", WORDS).0.is_empty());
    }

    #[test]
    fn commands_have_one_name() {
        for entry in COMMANDS {
            assert_eq!(COMMANDS.iter().filter(|other| other.name == entry.name).count(), 1, "{}", entry.name);
        }
    }
}
