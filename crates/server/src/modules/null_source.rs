//! `module-null-source`: a source of silence.

use sealpulse_protocol::PropList;

use super::argument::{Argument, LIFE, SOURCE, SPEC, Type};
use super::{Instance, Kind, Loading, ModuleError};
use crate::policy::NewSource;
use crate::state::State;

/// Longest latency in milliseconds that a source may be given, and has where it is given none.
const MAX_LATENCY_MSEC: u32 = 2_000;

pub(super) static KIND: Kind = Kind {
    name: "module-null-source",
    description: "Clocked NULL source",
    driver: "module-null-source.c",
    arguments: &[
        SOURCE,
        SPEC,
        &[
            Argument::new("description", Type::Text, "Null Input", "What people read."),
            Argument::new(
                "max_latency_msec",
                Type::Number(0, u32::MAX),
                "2000",
                "Longest latency in milliseconds.",
            ),
        ],
        LIFE,
    ],
    once: false,
    load,
};

fn load(state: &mut State, loading: &Loading<'_>) -> Result<Box<dyn Instance>, ModuleError> {
    let args = loading.args;
    let (spec, map) = args.sample_spec(state.settings.default_spec, state.settings.default_map)?;
    let mut proplist = PropList::new();
    let description = args.text("description");
    proplist.set_str("device.description", description.as_deref().unwrap_or("Null Input"));
    proplist.set_str("device.class", "abstract");
    args.proplist("source_properties", &mut proplist);
    let name = args.text("source_name").unwrap_or_else(|| "source.null".to_owned());
    let mut new = NewSource::new(name, loading, spec, map, proplist);
    let max_latency = args.number("max_latency_msec").unwrap_or(MAX_LATENCY_MSEC).min(MAX_LATENCY_MSEC);
    new.max_latency_usec = u64::from(max_latency) * 1_000;
    Ok(Box::new(OwnSource { source: state.add_source(new)? }))
}

/// A source that needs nothing but to be removed.
#[derive(Debug)]
pub(super) struct OwnSource {
    pub(super) source: u32,
}

impl Instance for OwnSource {
    fn in_use(&self, state: &State) -> bool {
        state.source_linked_by(self.source) > 0
    }

    fn unload(self: Box<Self>, state: &mut State, _me: u32) {
        state.remove_source(self.source);
    }
}
