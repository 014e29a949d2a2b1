//! `module-native-protocol-unix`: a socket where PulseAudio's clients connect.

use super::{Instance, Kind, Loading, ModuleError};
use crate::state::State;

pub(super) static UNIX: Kind = Kind {
    name: "module-native-protocol-unix",
    description: "Native protocol (UNIX sockets)",
    driver: "module-native-protocol-unix.c",
    arguments: &[],
    once: false,
    load,
};

fn load(_: &mut State, loading: &Loading<'_>) -> Result<Box<dyn Instance>, ModuleError> {
    Err(ModuleError::NotYet { name: loading.kind.name, reason: "sockets come from the configuration" })
}

/// A listening socket, by its place.
#[derive(Debug)]
pub(super) struct NativeProtocol {
    pub(super) listener: usize,
}

impl Instance for NativeProtocol {
    fn unload(self: Box<Self>, state: &mut State, _me: u32) {
        state.close_listener(self.listener);
    }
}
