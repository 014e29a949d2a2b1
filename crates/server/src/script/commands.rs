//! The commands of scripts: finding them, and those about the server as a whole.

use super::Failure;
use super::words::Words;
use crate::modules;
use crate::modules::ModuleError;
use crate::modules::args::parse_number;
use crate::state::State;

/// A command: its name, the words that it has at most (the last one is the rest of the line), what it takes, and what
/// it does.
pub(super) struct Entry {
    name: &'static str,
    words: usize,
    usage: &'static str,
    run: Run,
}

enum Run {
    Do(fn(&mut State, &Words<'_>, &mut String) -> Result<(), Failure>),
    Show(fn(&State, &mut String)),
}

impl Entry {
    pub(super) const fn new(
        name: &'static str,
        words: usize,
        usage: &'static str,
        run: fn(&mut State, &Words<'_>, &mut String) -> Result<(), Failure>,
    ) -> Self {
        Self { name, words, usage, run: Run::Do(run) }
    }
}

/// A command that shows something.
const fn show(name: &'static str, show: fn(&State, &mut String)) -> Entry {
    Entry { name, words: 1, usage: "", run: Run::Show(show) }
}

/// All commands.
fn commands() -> impl Iterator<Item = &'static Entry> {
    [
        COMMANDS,
        super::devices::COMMANDS,
        super::streams::COMMANDS,
        super::samples::COMMANDS,
        super::log::COMMANDS,
    ]
    .into_iter()
    .flatten()
}

const COMMANDS: &[Entry] = &[
    show("help", help),
    show("list-modules", State::list_modules),
    show("list-cards", State::list_cards),
    show("list-sinks", State::list_sinks),
    show("list-sources", State::list_sources),
    show("list-clients", State::list_clients),
    show("list-sink-inputs", State::list_sink_inputs),
    show("list-source-outputs", State::list_source_outputs),
    show("list-samples", State::list_samples),
    show("stat", State::dump_memory),
    show("info", info),
    show("ls", info),
    show("list", info),
    show("dump", State::dump_script),
    show("dump-volumes", State::dump_volumes),
    show("shared", State::list_shared),
    Entry::new("load-module", 3, "NAME [ARGUMENTS]", load_module),
    Entry::new("unload-module", 2, "INDEX|NAME", unload_module),
    Entry::new("describe-module", 2, "NAME", describe_module),
    Entry::new("send-message", 4, "OBJECT MESSAGE [PARAMETERS]", send_message),
    Entry::new("exit", 1, "", exit),
    Entry::new("vacuum", 1, "", |_, _, _| {
        tracing::info!("memory goes back as soon as nobody uses it: there is nothing to vacuum");
        Ok(())
    }),
];

impl State {
    /// Carries out a command.
    pub(super) fn command(&mut self, line: &str, out: &mut String) -> Result<(), Failure> {
        let name = Words::split(line, 2).get(0, "a command")?;
        let entry = commands().find(|entry| entry.name == name);
        let entry = entry.ok_or_else(|| format!("there is no command `{name}`; try `help`"))?;
        match entry.run {
            Run::Do(run) => run(self, &Words::split(line, entry.words), out),
            Run::Show(show) => {
                show(self, out);
                Ok(())
            }
        }
    }
}

pub(super) fn no(kind: &str, name: &str) -> Failure {
    format!("there is no {kind} `{name}`")
}

fn help(_: &State, out: &mut String) {
    out.push_str("Available commands:\n");
    for entry in commands() {
        out.push_str(&format!("    {:30} {}\n", entry.name, entry.usage));
    }
}

fn info(state: &State, out: &mut String) {
    state.dump_memory(out);
    state.list_modules(out);
    state.list_sinks(out);
    state.list_sources(out);
    state.list_clients(out);
    state.list_cards(out);
    state.list_sink_inputs(out);
    state.list_source_outputs(out);
    state.list_samples(out);
}

fn load_module(state: &mut State, words: &Words<'_>, _: &mut String) -> Result<(), Failure> {
    let name = words.get(1, "a module, and its arguments")?;
    // What a later version brings is left out with a warning, so that scripts that were written for PulseAudio go on.
    match state.load_module(name, words.find(2), None) {
        Ok(_) => Ok(()),
        Err(error @ (ModuleError::NotYet { .. } | ModuleError::Loaded { .. })) => {
            tracing::warn!(%error, "left out");
            Ok(())
        }
        Err(error) => Err(format!("{name} cannot be loaded: {error}")),
    }
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
        "Name: {}\nVersion: {}\nDescription: {}\nUsage: {}\nLoad Once: {}\n",
        kind.name,
        env!("CARGO_PKG_VERSION"),
        kind.description,
        kind.usage(),
        if kind.once { "yes" } else { "no" }
    ));
    for argument in kind.arguments() {
        out.push_str(&format!(
            "  {}: {} ({}; default: {})\n",
            argument.name, argument.text, argument.kind, argument.default
        ));
    }
    Ok(())
}

fn send_message(state: &mut State, words: &Words<'_>, out: &mut String) -> Result<(), Failure> {
    let object = words.get(1, "an object, as /core")?;
    let message = words.get(2, "a message")?;
    let answer = state.object_message(object, message, words.find(3));
    let answer = answer.map_err(|error| format!("{object} does not take `{message}`: {error}"))?;
    match answer.text {
        Some(text) => out.push_str(&text),
        None => return Err("only clients of the native protocol are told the status".to_owned()),
    }
    out.push('\n');
    Ok(())
}

fn exit(state: &mut State, _: &Words<'_>, _: &mut String) -> Result<(), Failure> {
    if !state.settings.allow_exit {
        return Err("this server was told not to end when it is asked to".to_owned());
    }
    state.stopping = true;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The commands of PulseAudio 16.1 (`cli-command.c`).
    const PULSEAUDIOS: &str = "help list-modules list-cards list-sinks list-sources list-clients list-sink-inputs \
        list-source-outputs stat info ls list load-module unload-module describe-module set-sink-volume \
        set-source-volume set-sink-mute set-source-mute set-sink-input-volume set-source-output-volume \
        set-sink-input-mute set-source-output-mute set-default-sink set-default-source set-card-profile \
        set-sink-port set-source-port set-port-latency-offset suspend-sink suspend-source suspend move-sink-input \
        move-source-output update-sink-proplist update-source-proplist update-sink-input-proplist \
        update-source-output-proplist list-samples play-sample remove-sample load-sample load-sample-lazy \
        load-sample-dir-lazy kill-client kill-sink-input kill-source-output set-log-target set-log-level \
        set-log-meta set-log-time set-log-backtrace send-message play-file dump dump-volumes shared exit vacuum";

    #[test]
    fn every_command_of_pulseaudio_is_there_once() {
        for name in PULSEAUDIOS.split_whitespace() {
            assert_eq!(commands().filter(|entry| entry.name == name).count(), 1, "{name}");
        }
        assert_eq!(commands().count(), PULSEAUDIOS.split_whitespace().count());
    }
}
