//! `module-remap-sink` and `module-remap-source`: a device with other channels of another.

use sealpulse_protocol::PropList;
use sealpulse_spec::{ChannelMap, SampleSpec};

use super::args::ModuleArgs;
use super::argument::{Argument, LIFE, SINK, SOURCE, SPEC, Type};
use super::filter::{self, FilterStream};
use super::{Instance, Kind, Loading, ModuleError};
use crate::policy::{NewSink, NewSource};
use crate::state::State;

const REMAP: &[Argument] = &[
    Argument::new(
        "master_channel_map",
        Type::ChannelMap,
        "channel_map",
        "Positions of the channels on the master.",
    ),
    Argument::new(
        "remix",
        Type::Boolean,
        "yes",
        "Whether channels are mixed up and down to those of the master.",
    ),
    Argument::new("resample_method", Type::Text, "the server's", "Accepted; there is one resampler."),
];

pub(super) static SINK_KIND: Kind = Kind {
    name: "module-remap-sink",
    description: "Virtual channel remapping sink",
    driver: "module-remap-sink.c",
    arguments: &[
        SINK,
        &[Argument::new("master", Type::Sink, "the default sink", "The sink that it is made of.")],
        SPEC,
        REMAP,
        LIFE,
    ],
    once: false,
    load: load_sink,
};

pub(super) static SOURCE_KIND: Kind = Kind {
    name: "module-remap-source",
    description: "Virtual channel remapping source",
    driver: "module-remap-source.c",
    arguments: &[
        SOURCE,
        &[Argument::new("master", Type::Source, "the default source", "The source that it is made of.")],
        SPEC,
        REMAP,
        LIFE,
    ],
    once: false,
    load: load_source,
};

/// Spec and positions of the device, and positions of its stream on the master.
fn layout(
    args: &ModuleArgs,
    master: &SampleSpec,
    master_map: &ChannelMap,
) -> Result<(SampleSpec, ChannelMap, ChannelMap), ModuleError> {
    let (spec, map) = args.sample_spec(*master, *master_map)?;
    let stream_map = args.text("master_channel_map").as_deref().and_then(ChannelMap::parse).unwrap_or(map);
    if stream_map.channels() != spec.channels {
        return Err(ModuleError::MapMismatch {
            channels: spec.channels,
            map_channels: stream_map.channels(),
        });
    }
    Ok((spec, map, stream_map))
}

fn describe(master: &str, _name: &str) -> String {
    format!("Remapped {master}")
}

/// The properties of the device.
fn properties(args: &ModuleArgs, key: &str, master: &str) -> PropList {
    let mut proplist: PropList =
        [("device.master_device", master), ("device.class", "filter")].into_iter().collect();
    args.proplist(key, &mut proplist);
    proplist
}

fn load_sink(state: &mut State, loading: &Loading<'_>) -> Result<Box<dyn Instance>, ModuleError> {
    let args = loading.args;
    let index = state.argument_sink(args, "master")?;
    let none = || ModuleError::NoDevice { kind: "sink", name: String::new() };
    let master = state.registry.sinks.get(index).ok_or_else(none)?;
    let (spec, map, stream_map) = layout(args, &master.spec, &master.map)?;
    let mut proplist = properties(args, "sink_properties", &master.name);
    let named = proplist.contains("device.description");
    if !named {
        let master_is = master.proplist.get_str("device.description").unwrap_or(&master.name);
        proplist.set_str("device.description", &describe(master_is, ""));
    }
    let name = args.text("sink_name").unwrap_or_else(|| format!("{}.remapped", master.name));
    let mut new = NewSink::new(name, loading, spec, map, proplist);
    new.flags = filter::sink_flags(master.flags);
    new.max_latency_usec = master.max_latency_usec;
    let stream = FilterStream {
        master: index,
        map: stream_map,
        media_name: "Remapped Stream".to_owned(),
        remix: args.boolean("remix", true),
    };
    let describe = (!named).then_some(describe as filter::Describe);
    Ok(Box::new(filter::make_sink(state, loading, new, &stream, describe)?))
}

fn load_source(state: &mut State, loading: &Loading<'_>) -> Result<Box<dyn Instance>, ModuleError> {
    let args = loading.args;
    let index = state.argument_source(args, "master")?;
    let none = || ModuleError::NoDevice { kind: "source", name: String::new() };
    let master = state.registry.sources.get(index).ok_or_else(none)?;
    let (spec, map, stream_map) = layout(args, &master.spec, &master.map)?;
    let mut proplist = properties(args, "source_properties", &master.name);
    let named = proplist.contains("device.description");
    if !named {
        let master_is = master.proplist.get_str("device.description").unwrap_or(&master.name);
        proplist.set_str("device.description", &describe(master_is, ""));
    }
    let name = args.text("source_name").unwrap_or_else(|| format!("{}.remapped", master.name));
    let mut new = NewSource::new(name, loading, spec, map, proplist);
    new.flags = filter::source_flags(master.flags);
    new.max_latency_usec = master.max_latency_usec;
    let stream = FilterStream {
        master: index,
        map: stream_map,
        media_name: "Remapped Stream".to_owned(),
        remix: args.boolean("remix", true),
    };
    let describe = (!named).then_some(describe as filter::Describe);
    Ok(Box::new(filter::make_source(state, loading, new, &stream, describe)?))
}
