//! `module-rescue-streams`: obsolete. Streams of a device that goes are moved to the default one by the server itself.

use super::{Instance, Kind};

pub(super) static KIND: Kind = Kind {
    name: "module-rescue-streams",
    description: "Obsolete: streams are rescued without it",
    driver: "module-rescue-streams.c",
    arguments: &[],
    once: true,
    load: |state, loading| {
        tracing::warn!("module-rescue-streams is obsolete: please take it out of the configuration");
        state.request_unload(loading.index);
        Ok(Box::new(RescueStreams))
    },
};

#[derive(Debug)]
struct RescueStreams;

impl Instance for RescueStreams {}
