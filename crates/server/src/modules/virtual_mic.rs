//! `module-virtual-mic`: a microphone that is no monitor, which browsers hide, and the sink that feeds it.

use sealpulse_protocol::PropList;

use super::argument::{Argument, LIFE, SPEC, Type};
use super::{Instance, Kind, Loading, ModuleError};
use crate::policy::{Link, LinkEnd, NewSink, NewSource};
use crate::state::State;

pub(super) static KIND: Kind = Kind {
    name: "module-virtual-mic",
    description: "Virtual microphone and the sink that feeds it",
    driver: "module-virtual-mic",
    arguments: &[
        &[
            Argument::new("source_name", Type::Text, "virtual_mic", "Name of the microphone."),
            Argument::new("source_properties", Type::Properties, "none", "Properties of the microphone."),
            Argument::new(
                "feed_sink_name",
                Type::Text,
                "the microphone's with .feed",
                "Name of the sink: what is played there is what the microphone hears.",
            ),
            Argument::new("feed_sink_properties", Type::Properties, "none", "Properties of the sink."),
        ],
        SPEC,
        LIFE,
    ],
    once: false,
    load,
};

fn load(state: &mut State, loading: &Loading<'_>) -> Result<Box<dyn Instance>, ModuleError> {
    let args = loading.args;
    let (spec, map) = args.sample_spec(state.settings.default_spec, state.settings.default_map)?;
    let name = args.text("source_name").unwrap_or_else(|| "virtual_mic".to_owned());
    let feed_name = args.text("feed_sink_name").unwrap_or_else(|| format!("{name}.feed"));

    // No class: what has "monitor" or "filter" is what programs leave out of their lists.
    let mut proplist: PropList =
        [("device.description", "Virtual Microphone"), ("device.form_factor", "microphone")]
            .into_iter()
            .collect();
    args.proplist("source_properties", &mut proplist);
    let mut feed_proplist = PropList::new();
    let description = proplist.get_str("device.description").unwrap_or(&name);
    feed_proplist.set_str("device.description", &format!("Feed of {description}"));
    feed_proplist.set_str("device.class", "abstract");
    args.proplist("feed_sink_properties", &mut feed_proplist);

    let source = state.make_source(NewSource::new(name, loading, spec, map, proplist))?;
    let sink = match state.make_sink(NewSink::new(feed_name, loading, spec, map, feed_proplist)) {
        Ok(sink) => sink,
        Err(error) => {
            state.remove_source(source);
            return Err(error.into());
        }
    };
    let from = state.registry.sinks.get(sink).map(|sink| sink.device);
    let to = state.registry.sources.get(source).map(|source| source.device);
    let (Some(from), Some(to)) = (from, to) else {
        return Err(ModuleError::NoDevice { kind: "source", name: String::new() });
    };
    match state.add_link(LinkEnd::Device(from, map), LinkEnd::Device(to, map), spec, 0) {
        Ok(link) => {
            state.put_source(source);
            state.put_sink(sink);
            state.cork_link(&link, false);
            Ok(Box::new(VirtualMic { source, sink, link }))
        }
        Err(error) => {
            state.remove_sink(sink);
            state.remove_source(source);
            Err(error)
        }
    }
}

#[derive(Debug)]
struct VirtualMic {
    source: u32,
    sink: u32,
    link: Link,
}

impl Instance for VirtualMic {
    fn used(&self, state: &State) -> Option<u32> {
        Some(state.source_linked_by(self.source) + state.sink_linked_by(self.sink))
    }

    fn unload(self: Box<Self>, state: &mut State, _me: u32) {
        state.remove_link(&self.link);
        state.remove_sink(self.sink);
        state.remove_source(self.source);
    }
}
