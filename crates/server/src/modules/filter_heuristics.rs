//! `module-filter-heuristics`: streams that want a filter are given it where that makes sense.

use std::collections::BTreeMap;

use sealpulse_protocol::{Facility, Operation, PropList};

use super::{Instance, Kind};
use crate::state::State;
use crate::subscribe::Event as Change;

pub(super) static KIND: Kind = Kind {
    name: "module-filter-heuristics",
    description: "Decides which streams are given the filters that they want",
    driver: "module-filter-heuristics.c",
    arguments: &[],
    once: true,
    load: |_, _| Ok(Box::new(FilterHeuristics::default())),
};

/// The filter that a stream is given.
const APPLY: &str = "filter.apply";
/// Marks that the filter was chosen here.
const CHOSEN: &str = "filter.heuristics";

#[derive(Debug, Default)]
struct FilterHeuristics {
    /// By facility, `true` for playback, and index.
    places: BTreeMap<(bool, u32), Place>,
}

/// Decides about a stream on a device.
fn decide(stream: &mut PropList, for_phone: bool) {
    // What its maker has decided stays.
    if !stream.contains(CHOSEN) && stream.contains(APPLY) {
        return;
    }
    if for_phone {
        // Such devices cancel echoes themselves.
        if stream.get_str(APPLY) == Some("echo-cancel") {
            stream.remove(APPLY);
            stream.remove(CHOSEN);
        }
        return;
    }
    if let Some(wanted) = stream.get_str("filter.want").map(str::to_owned) {
        stream.set_str(APPLY, &wanted);
        stream.set_str(CHOSEN, "1");
    }
}

/// Whether a device is meant for calls.
fn is_for_phone(device: &PropList) -> bool {
    let roles = device.get_str("device.intended_roles").unwrap_or_default();
    roles.split_ascii_whitespace().any(|role| role == "phone")
}

/// Where a stream is: the device, and the name of the module that has made it.
type Place = (u32, &'static str);

fn place(state: &State, device: u32, module: u32) -> Place {
    (device, state.registry.modules.get(module).map_or("", |module| module.kind.name))
}

impl FilterHeuristics {
    /// A stream is at a place; whether that is news, which a move to or from the filter that it wants is not.
    fn arrives(&mut self, stream: (bool, u32), place: Place, proplist: &PropList) -> bool {
        let wanted = proplist.get_str("filter.want");
        let is_filter = |(_, module): Place| wanted.is_some() && module.strip_prefix("module-") == wanted;
        match self.places.insert(stream, place) {
            Some(was) => was != place && !is_filter(was) && !is_filter(place),
            None => true,
        }
    }
}

impl Instance for FilterHeuristics {
    fn listens(&self) -> bool {
        true
    }

    fn changed(&mut self, state: &mut State, _me: u32, change: Change) {
        let playback = match change.facility {
            Facility::SinkInput => true,
            Facility::SourceOutput => false,
            _ => return,
        };
        let stream = (playback, change.index);
        if change.operation == Operation::Remove {
            self.places.remove(&stream);
        } else if playback {
            let Some(input) = state.registry.sink_inputs.get(change.index) else { return };
            let Some(sink) = state.registry.sinks.get(input.sink) else { return };
            let place = place(state, input.sink, sink.module);
            let for_phone = is_for_phone(&sink.proplist);
            if self.arrives(stream, place, &input.proplist)
                && let Some(input) = state.registry.sink_inputs.get_mut(change.index)
            {
                decide(&mut input.proplist, for_phone);
            }
        } else {
            let Some(output) = state.registry.source_outputs.get(change.index) else { return };
            let Some(source) = state.registry.sources.get(output.source) else { return };
            let place = place(state, output.source, source.module);
            let for_phone = is_for_phone(&source.proplist);
            if self.arrives(stream, place, &output.proplist)
                && let Some(output) = state.registry.source_outputs.get_mut(change.index)
            {
                decide(&mut output.proplist, for_phone);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(properties: &[(&str, &str)], for_phone: bool) -> Option<String> {
        let mut stream: PropList = properties.iter().copied().collect();
        decide(&mut stream, for_phone);
        stream.get_str(APPLY).map(str::to_owned)
    }

    #[test]
    fn what_is_wanted_is_applied() {
        assert_eq!(decided(&[("filter.want", "a")], false).as_deref(), Some("a"));
        assert_eq!(decided(&[("filter.want", "a")], true), None);
        assert_eq!(decided(&[("filter.want", "a"), (APPLY, "b")], false).as_deref(), Some("b"));
        let chosen = [("filter.want", "a"), (APPLY, "echo-cancel"), (CHOSEN, "1")];
        assert_eq!(decided(&chosen, true), None);
        assert_eq!(decided(&[], false), None);
    }
}
