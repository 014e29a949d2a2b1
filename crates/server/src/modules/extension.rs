//! What modules with commands of their own have in common.

use sealpulse_protocol::command::Extension;
use sealpulse_protocol::tagstruct::{TagstructError, Writer};
use sealpulse_protocol::{Field, Opaque, extension};

use crate::session::SessionKey;
use crate::state::State;

/// Why a module's command is not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExtensionError {
    /// The module has no commands.
    #[error("the module has no commands")]
    None,
    /// There is no such command.
    #[error("there is no command {0}")]
    Unknown(u32),
    /// What follows the command is not made as it has to be.
    #[error(transparent)]
    Malformed(#[from] TagstructError),
    /// What follows the command makes no sense. As in PulseAudio this ends the connection.
    #[error("{0}")]
    Nonsense(&'static str),
}

/// An answer of one value.
pub(super) fn answer<V: Field>(value: &V) -> Vec<u8> {
    let mut writer = extension::writer();
    value.encode(&mut writer);
    writer.into_bytes()
}

/// Clients that want to know of changes.
#[derive(Debug, Default)]
pub(super) struct Subscribers(Vec<SessionKey>);

impl Subscribers {
    pub(super) fn set(&mut self, state: &State, session: SessionKey, subscribed: bool) {
        self.0.retain(|&other| other != session && state.sessions.get(other).is_some());
        if subscribed {
            self.0.push(session);
        }
    }

    /// Tells them; `event` is the module's own number of it, with what follows.
    pub(super) fn tell(&self, state: &mut State, me: u32, name: &str, event: Writer) {
        if self.0.is_empty() {
            return;
        }
        let content = Opaque(event.into_bytes());
        let packet = Extension { index: Some(me), name: Some(name.to_owned()), content };
        for &session in &self.0 {
            state.notify(session, 14, &packet);
        }
    }
}
