//! `module-default-device-restore`: the sink and the source that a user has chosen as the default ones, by name.

use sealpulse_protocol::Facility;

use super::saved::Saved;
use super::{Instance, Kind, Loading, ModuleError};
use crate::registry::names;
use crate::state::State;
use crate::subscribe::Event as Change;

pub(super) static KIND: Kind = Kind {
    name: "module-default-device-restore",
    description: "Automatically restore the default sink and source",
    driver: "module-default-device-restore.c",
    arguments: &[],
    once: true,
    load,
};

const SINK: &str = "sink";
const SOURCE: &str = "source";

fn load(state: &mut State, _: &Loading<'_>) -> Result<Box<dyn Instance>, ModuleError> {
    let mut store: Saved<String> = Saved::open(state, "default-devices");
    let mut chosen = |key| store.get(key).filter(|name| names::is_valid(name)).cloned();
    // What was said since the start counts more.
    if state.registry.configured_sink.is_none() {
        state.configure_default_sink(chosen(SINK));
    }
    if state.registry.configured_source.is_none() {
        state.configure_default_source(chosen(SOURCE));
    }
    Ok(Box::new(DefaultDeviceRestore { store }))
}

#[derive(Debug)]
struct DefaultDeviceRestore {
    store: Saved<String>,
}

impl DefaultDeviceRestore {
    fn remember(&mut self, key: &str, name: Option<String>) -> bool {
        match name {
            Some(name) => self.store.set(key, name),
            None => self.store.remove(key),
        }
    }
}

impl Instance for DefaultDeviceRestore {
    fn listens(&self) -> bool {
        true
    }

    fn changed(&mut self, state: &mut State, me: u32, change: Change) {
        if change.facility != Facility::Server {
            return;
        }
        let sink = self.remember(SINK, state.registry.configured_sink.clone());
        let source = self.remember(SOURCE, state.registry.configured_source.clone());
        if sink || source {
            self.store.save_later(state, me);
        }
    }

    fn alarm(&mut self, state: &mut State, _me: u32) {
        self.store.save(state);
    }

    fn unload(self: Box<Self>, state: &mut State, me: u32) {
        self.store.close(state, me);
    }
}
