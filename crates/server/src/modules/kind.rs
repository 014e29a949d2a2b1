//! What a module is: its description, its arguments, how it is loaded, and what it is told.

use std::fmt;
use std::os::fd::OwnedFd;

use sealpulse_engine::Event;
use sealpulse_protocol::PropList;

use super::ModuleError;
use super::args::ModuleArgs;
use super::argument::Argument;
use super::extension::ExtensionError;
use crate::listeners::Peer;
use crate::policy::{NewInput, NewOutput, NewSink, NewSource};
use crate::session::SessionKey;
use crate::state::State;
use crate::subscribe::Event as Change;

/// Makes what the module stands for.
pub(crate) type Load = fn(&mut State, &Loading<'_>) -> Result<Box<dyn Instance>, ModuleError>;

/// A module that can be loaded.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    /// Source file name in PulseAudio, which clients see as the driver of what the module makes.
    pub(crate) driver: &'static str,
    pub(crate) arguments: &'static [&'static [Argument]],
    /// Whether it can be loaded only once.
    pub(crate) once: bool,
    pub(crate) load: Load,
}

impl Kind {
    /// All its arguments.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = &'static Argument> {
        self.arguments.iter().flat_map(|group| group.iter())
    }

    pub(crate) fn argument(&self, name: &str) -> Option<&'static Argument> {
        self.arguments().find(|argument| argument.name == name)
    }

    /// It has no argument `key`.
    pub(crate) fn unknown_argument(&self, key: &str) -> ModuleError {
        let known: Vec<&str> = self.arguments().map(|argument| argument.name).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        ModuleError::UnknownArgument { key: key.to_owned(), known }
    }

    /// One line that shows all arguments (`PA_MODULE_USAGE`).
    pub(crate) fn usage(&self) -> String {
        let shown = |argument: &Argument| format!("{}=<{}>", argument.name, argument.kind);
        self.arguments().map(shown).collect::<Vec<_>>().join(" ")
    }
}

/// A module that is being loaded.
pub(crate) struct Loading<'a> {
    /// Its index, which what it makes names as its owner.
    pub(crate) index: u32,
    pub(crate) kind: &'static Kind,
    pub(crate) args: &'a ModuleArgs,
}

/// An end of a stream that a module made, or that feeds one of its devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ModuleStream {
    Input(u32),
    Output(u32),
}

/// A module that is loaded. What it does not care for it leaves out.
pub(crate) trait Instance: fmt::Debug {
    /// Something happened, as subscribers are told. Called when the command that did it is done.
    fn changed(&mut self, _state: &mut State, _me: u32, _change: Change) {}

    /// Whether it wants to know of changes.
    fn listens(&self) -> bool {
        false
    }

    /// A sink has come, and may become the default one. A filter's stream comes after it.
    fn sink_came(&mut self, _state: &mut State, _me: u32, _sink: u32) {}

    /// The same for a source, monitors among them.
    fn source_came(&mut self, _state: &mut State, _me: u32, _source: u32) {}

    /// A sink is about to go; its streams are still there.
    fn sink_unlinks(&mut self, _state: &mut State, _me: u32, _sink: u32) {}

    /// A source is about to go; its streams are still there.
    fn source_unlinks(&mut self, _state: &mut State, _me: u32, _source: u32) {}

    /// A sink is about to come.
    fn shape_sink(&self, _state: &State, _new: &mut NewSink) {}

    /// A source is about to come.
    fn shape_source(&self, _state: &State, _new: &mut NewSource) {}

    /// A playback stream has no sink yet: the module may choose one.
    fn route_input(&mut self, _state: &State, _new: &mut NewInput) {}

    /// A record stream has no source yet.
    fn route_output(&mut self, _state: &State, _new: &mut NewOutput) {}

    /// A playback stream is about to come: its volume and properties may be changed.
    fn shape_input(&mut self, _state: &mut State, _new: &mut NewInput) {}

    /// A record stream is about to come.
    fn shape_output(&mut self, _state: &mut State, _new: &mut NewOutput) {}

    /// A client has said who it is.
    fn shape_client(&mut self, _proplist: &mut PropList) {}

    /// A client sends the module a command of its own; the answer.
    fn extension(
        &mut self,
        _state: &mut State,
        _me: u32,
        _session: SessionKey,
        _command: &[u8],
    ) -> Result<Vec<u8>, ExtensionError> {
        Err(ExtensionError::None)
    }

    /// A sound thread says something about a stream of this module's.
    fn engine_event(&mut self, _state: &mut State, _me: u32, _event: Event) {}

    /// Bytes have come from elsewhere, for one of its streams.
    fn bytes(&mut self, _state: &mut State, _me: u32, _bytes: Vec<u8>) {}

    /// A time that it asked for has come.
    fn alarm(&mut self, _state: &mut State, _me: u32) {}

    /// One of its descriptors, by the number it gave it, is ready.
    fn ready(&mut self, _state: &mut State, _me: u32, _token: u32) {}

    /// Somebody has connected to a socket of the module's.
    fn accepted(&mut self, _state: &mut State, _me: u32, _stream: OwnedFd, _peer: Peer) {}

    /// Somebody ended the connection of a client of the module's own protocol.
    fn client_killed(&mut self, _state: &mut State, _me: u32, _client: u32) {}

    /// Somebody ended one of its streams.
    fn stream_killed(&mut self, state: &mut State, me: u32, _stream: ModuleStream) {
        state.request_unload(me);
    }

    /// How much it is used; `None` where that cannot be said.
    fn used(&self, _state: &State) -> Option<u32> {
        None
    }

    /// Whether somebody uses what it made, for its time to live.
    fn in_use(&self, state: &State) -> bool {
        self.used(state).is_some_and(|used| used > 0)
    }

    /// Takes back all that it made.
    fn unload(self: Box<Self>, _state: &mut State, _me: u32) {}
}
