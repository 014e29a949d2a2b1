//! `module-always-sink` and `module-always-source`: a null device is there as long as no other is.

use sealpulse_protocol::{Facility, Operation};

use super::argument::{Argument, Type};
use super::{Instance, Kind, Loading, ModuleError};
use crate::state::State;
use crate::subscribe::Event as Change;

pub(super) static SINK: Kind = Kind {
    name: "module-always-sink",
    description: "Keeps a null sink loaded while there is no other sink",
    driver: "module-always-sink.c",
    arguments: &[&[Argument::new("sink_name", Type::Text, "auto_null", "Name of the null sink.")]],
    once: true,
    load: |state, loading| load(state, loading, Which::Sink, "sink_name"),
};

pub(super) static SOURCE: Kind = Kind {
    name: "module-always-source",
    description: "Keeps a null source loaded while there is no other source",
    driver: "module-always-source.c",
    arguments: &[&[Argument::new("source_name", Type::Text, "auto_null", "Name of the null source.")]],
    once: true,
    load: |state, loading| load(state, loading, Which::Source, "source_name"),
};

/// Name of the null device.
const NAME: &str = "auto_null";

#[derive(Clone, Copy, Debug)]
enum Which {
    Sink,
    Source,
}

#[derive(Debug)]
struct Always {
    which: Which,
    name: String,
    /// The module of the null device, while there is one.
    null: Option<u32>,
}

fn load(
    state: &mut State,
    loading: &Loading<'_>,
    which: Which,
    key: &str,
) -> Result<Box<dyn Instance>, ModuleError> {
    let name = loading.args.text(key).unwrap_or_else(|| NAME.to_owned());
    let mut module = Always { which, name, null: None };
    let none = match which {
        Which::Sink => state.registry.sinks.len() == 0,
        Which::Source => state.registry.sources.len() == 0,
    };
    if none {
        module.load_null(state);
    }
    Ok(Box::new(module))
}

impl Always {
    fn load_null(&mut self, state: &mut State) {
        let (module, arguments) = match self.which {
            Which::Sink => (
                "module-null-sink",
                format!("sink_name={} sink_properties='device.description=\"Dummy Output\"'", self.name),
            ),
            Which::Source => ("module-null-source", format!("source_name={}", self.name)),
        };
        match state.load_module(module, Some(&arguments), None) {
            Ok(index) => self.null = Some(index),
            Err(error) => tracing::warn!(module, %error, "there is no device, and no null device either"),
        }
    }

    /// A device other than ours has come.
    fn came(&mut self, state: &mut State, module: u32) {
        if let Some(null) = self.null.filter(|&null| null != module) {
            tracing::info!("there is a device now: the null device goes");
            state.request_unload(null);
            self.null = None;
        }
    }

    /// A device is about to go; `others` says whether one is left that counts.
    fn goes(&mut self, state: &mut State, module: u32, others: bool) {
        if self.null == Some(module) {
            self.null = None;
        } else if self.null.is_none() && !others {
            self.load_null(state);
        }
    }
}

/// Whether a sink is a real one: filters need another.
fn sink_counts(state: &State, sink: u32) -> bool {
    state.registry.master_of_sink(sink).is_none()
}

/// Whether a source is a real one: filters and monitors are not.
fn source_counts(state: &State, source: u32) -> bool {
    let is_monitor = state.registry.sources.get(source).is_some_and(|source| source.monitor_of.is_some());
    !is_monitor && state.registry.master_of_source(source).is_none()
}

impl Instance for Always {
    fn listens(&self) -> bool {
        true
    }

    fn changed(&mut self, state: &mut State, _me: u32, change: Change) {
        let module = match (self.which, change.facility, change.operation) {
            (Which::Sink, Facility::Sink, Operation::New) if sink_counts(state, change.index) => {
                state.registry.sinks.get(change.index).map(|sink| sink.module)
            }
            (Which::Source, Facility::Source, Operation::New) if source_counts(state, change.index) => {
                state.registry.sources.get(change.index).map(|source| source.module)
            }
            _ => None,
        };
        if let Some(module) = module {
            self.came(state, module);
        }
    }

    fn sink_unlinks(&mut self, state: &mut State, _me: u32, sink: u32) {
        if let (Which::Sink, Some(gone)) = (self.which, state.registry.sinks.get(sink)) {
            let module = gone.module;
            let counts = |&other: &u32| other != sink && sink_counts(state, other);
            let others = state.registry.sinks.indexes().iter().any(counts);
            self.goes(state, module, others);
        }
    }

    fn source_unlinks(&mut self, state: &mut State, _me: u32, source: u32) {
        if let (Which::Source, Some(gone)) = (self.which, state.registry.sources.get(source)) {
            let module = gone.module;
            let counts = |&other: &u32| other != source && source_counts(state, other);
            let others = state.registry.sources.indexes().iter().any(counts);
            self.goes(state, module, others);
        }
    }

    fn unload(self: Box<Self>, state: &mut State, _me: u32) {
        if let Some(null) = self.null {
            state.request_unload(null);
        }
    }
}
