//! What the shell may complete: the names that the running server has at that moment.

use std::time::Duration;

use clap::CommandFactory;
use clap::builder::StyledStr;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use sealpulse_client::{Config, Context, Wait};

use super::lists::Lists;
use super::server;
use super::target::{DEFAULT_MONITOR, DEFAULT_SINK, DEFAULT_SOURCE, Kind, Object, Objects};
use crate::cli::{Cli, ServerOption};
use crate::table::clean;

/// Longest time that somebody who pressed Tab waits for a server that does not answer.
const TIMEOUT: Duration = Duration::from_millis(1500);

/// Modules that people load; no server tells which it has.
const MODULES: [&str; 17] = [
    "module-always-sink",
    "module-combine-sink",
    "module-device-restore",
    "module-echo-cancel",
    "module-loopback",
    "module-native-protocol-tcp",
    "module-native-protocol-unix",
    "module-null-sink",
    "module-null-source",
    "module-pipe-sink",
    "module-pipe-source",
    "module-remap-sink",
    "module-remap-source",
    "module-stream-restore",
    "module-suspend-on-idle",
    "module-virtual-sink",
    "module-virtual-source",
];

/// The command line, with what its arguments can be.
pub(crate) fn command() -> clap::Command {
    Cli::command()
        .mut_subcommand("volume", |command| with(command, &[("target", targets)]))
        .mut_subcommand("mute", |command| with(command, &[("target", targets)]))
        .mut_subcommand("move", |command| with(command, &[("stream", streams), ("device", devices)]))
        .mut_subcommand("default", |command| with(command, &[("name", devices)]))
        .mut_subcommand("load", |command| with(command, &[("module", loadable)]))
        .mut_subcommand("unload", |command| with(command, &[("module", loaded)]))
}

type Candidates = fn() -> Vec<CompletionCandidate>;

/// The command with candidates for some of its arguments. All are visited, since `mut_arg` would change their order.
fn with(command: clap::Command, candidates: &[(&str, Candidates)]) -> clap::Command {
    command.mut_args(|arg| match candidates.iter().find(|(id, _)| arg.get_id() == id) {
        Some(&(_, candidates)) => arg.add(ArgValueCandidates::new(candidates)),
        None => arg,
    })
}

fn targets() -> Vec<CompletionCandidate> {
    of(&Kind::ALL)
}

fn streams() -> Vec<CompletionCandidate> {
    of(&Kind::STREAMS)
}

fn devices() -> Vec<CompletionCandidate> {
    of(&Kind::DEVICES)
}

fn loadable() -> Vec<CompletionCandidate> {
    MODULES.iter().map(CompletionCandidate::new).collect()
}

fn loaded() -> Vec<CompletionCandidate> {
    let Some(modules) = ask(async |context| context.modules().await) else { return Vec::new() };
    let candidate = |module: &sealpulse_client::command::ModuleInfo| {
        let arguments = module.argument.as_deref().unwrap_or_default();
        candidate(module.index.to_string(), format!("{} {arguments}", module.name).trim())
    };
    modules.iter().map(candidate).collect()
}

fn of(kinds: &[Kind]) -> Vec<CompletionCandidate> {
    let Some(lists) = ask(async |context| Lists::of_sound(context).await) else { return Vec::new() };
    of_objects(&Objects::new(&lists), kinds)
}

fn of_objects(objects: &Objects, kinds: &[Kind]) -> Vec<CompletionCandidate> {
    let mut all: Vec<CompletionCandidate> =
        objects.of(kinds).flat_map(|object| words(objects, kinds, object)).collect();
    for alias in [DEFAULT_SINK, DEFAULT_SOURCE, DEFAULT_MONITOR] {
        if let Some(object) = objects.of(kinds).find(|object| object.aliases.contains(&alias)) {
            all.push(candidate(alias.to_owned(), &object.key()));
        }
    }
    all
}

/// A device's name; a stream's key, and its application where that needs no quotes and fits nothing else.
fn words(objects: &Objects, kinds: &[Kind], object: &Object) -> Vec<CompletionCandidate> {
    let key = object.key();
    let mut words = Vec::new();
    let is_plain =
        |word: &str| word.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-+/".contains(letter));
    if is_plain(&key) {
        words.push(candidate(key, &object.title()));
    }
    if let (None, Some(application)) = (&object.name, object.titles.first()) {
        let fits_only_it =
            objects.find(application, kinds, "stream").is_ok_and(|found| std::ptr::eq(found, object));
        if is_plain(application) && fits_only_it {
            words.push(candidate(application.clone(), &object.title()));
        }
    }
    words
}

fn candidate(word: String, help: &str) -> CompletionCandidate {
    let help = clean(help);
    CompletionCandidate::new(word).help((!help.is_empty()).then(|| StyledStr::from(help)))
}

/// Asks the server that the command line names so far; none when that does not work, since a shell that completes
/// has no place for an error.
fn ask<T>(question: impl AsyncFnOnce(&Context) -> Result<T, sealpulse_client::ClientError>) -> Option<T> {
    let config = server::config(&named_server(std::env::args()), "sealpulse completion").ok()?;
    let context = Context::connect(Config { timeout: TIMEOUT, ..config }).wait().ok()?;
    let answer = std::pin::pin!(question(&context));
    answer.wait().ok()
}

/// The value of `--server` among the words that are being completed.
fn named_server(words: impl Iterator<Item = String>) -> ServerOption {
    let mut words = words.skip_while(|word| word != "--");
    let mut server = None;
    while let Some(word) = words.next() {
        if word == "--server" {
            server = words.next();
        } else if let Some(value) = word.strip_prefix("--server=") {
            server = Some(value.to_owned());
        }
    }
    ServerOption { server: server.filter(|server| !server.is_empty()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        command().debug_assert();
    }

    #[test]
    fn the_server_of_the_command_line_is_asked() {
        let named = |words: &str| named_server(words.split(' ').map(str::to_owned)).server;
        assert_eq!(named("bin -- sealpulse volume --server /a/b x"), Some("/a/b".to_owned()));
        assert_eq!(named("bin -- sealpulse volume --server=/a/b"), Some("/a/b".to_owned()));
        assert_eq!(named("bin --server x -- sealpulse volume"), None);
        assert_eq!(named("bin -- sealpulse volume --server"), None);
    }
}
