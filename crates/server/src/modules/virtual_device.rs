//! `module-virtual-sink` and `module-virtual-source`: a device with a name and volume of its own on another.

use sealpulse_protocol::{PropList, SinkFlags, SourceFlags};
use sealpulse_spec::{ChannelMap, SampleFormat, SampleSpec};

use super::args::ModuleArgs;
use super::argument::{Argument, LIFE, SINK, SOURCE, SPEC, Type};
use super::filter::{self, FilterSource, FilterStream};
use super::{Instance, Kind, Loading, ModuleError};
use crate::policy::{Link, LinkEnd, NewSink, NewSource};
use crate::state::State;
use crate::subscribe::Event as Change;

const VOLUME: &[Argument] = &[
    Argument::new("use_volume_sharing", Type::Boolean, "yes", "Whether its volume is that of the master."),
    Argument::new("force_flat_volume", Type::Boolean, "no", "Accepted; volumes are not flat."),
];

pub(super) static SINK_KIND: Kind = Kind {
    name: "module-virtual-sink",
    description: "Virtual sink",
    driver: "module-virtual-sink.c",
    arguments: &[
        SINK,
        &[Argument::new("master", Type::Sink, "the default sink", "The sink that it is made of.")],
        SPEC,
        VOLUME,
        LIFE,
    ],
    once: false,
    load: load_sink,
};

pub(super) static SOURCE_KIND: Kind = Kind {
    name: "module-virtual-source",
    description: "Virtual source",
    driver: "module-virtual-source.c",
    arguments: &[
        SOURCE,
        &[
            Argument::new("master", Type::Source, "the default source", "The source that it is made of."),
            Argument::new("uplink_sink", Type::Text, "none", "A sink to make, whose sound is mixed in."),
        ],
        SPEC,
        VOLUME,
        LIFE,
    ],
    once: false,
    load: load_source,
};

/// Whether the volume is shared; what cannot be is refused.
fn shares_volume(args: &ModuleArgs) -> Result<bool, ModuleError> {
    let shares = args.boolean("use_volume_sharing", true);
    if shares && args.boolean("force_flat_volume", false) {
        let what = "force_flat_volume needs use_volume_sharing=no".to_owned();
        return Err(ModuleError::Conflict { what });
    }
    Ok(shares)
}

/// Spec and positions: the master's, in float.
fn layout(
    args: &ModuleArgs,
    master: &SampleSpec,
    map: &ChannelMap,
) -> Result<(SampleSpec, ChannelMap), ModuleError> {
    let format = if cfg!(target_endian = "little") { SampleFormat::F32Le } else { SampleFormat::F32Be };
    args.sample_spec(SampleSpec { format, ..*master }, *map)
}

fn describe_sink(master: &str, name: &str) -> String {
    format!("Virtual Sink {name} on {master}")
}

fn describe_source(master: &str, name: &str) -> String {
    format!("Virtual Source {name} on {master}")
}

fn load_sink(state: &mut State, loading: &Loading<'_>) -> Result<Box<dyn Instance>, ModuleError> {
    let args = loading.args;
    let shares_volume = shares_volume(args)?;
    let index = state.argument_sink(args, "master")?;
    let none = || ModuleError::NoDevice { kind: "sink", name: String::new() };
    let master = state.registry.sinks.get(index).ok_or_else(none)?;
    let (spec, map) = layout(args, &master.spec, &master.map)?;
    let name = args.text("sink_name").unwrap_or_else(|| format!("{}.vsink", master.name));
    let mut proplist: PropList = [
        ("device.master_device", master.name.as_str()),
        ("device.class", "filter"),
        ("device.vsink.name", &name),
    ]
    .into_iter()
    .collect();
    args.proplist("sink_properties", &mut proplist);
    let named = proplist.contains("device.description");
    if !named {
        let master_is = master.proplist.get_str("device.description").unwrap_or(&master.name);
        proplist.set_str("device.description", &describe_sink(master_is, &name));
    }
    let description = proplist.get_str("device.description").unwrap_or_default();
    let media_name = format!("Virtual Sink Stream from {description}");
    let mut new = NewSink::new(name, loading, spec, map, proplist);
    new.flags = filter::sink_flags(master.flags);
    new.max_latency_usec = master.max_latency_usec;
    new.flags |= SinkFlags::HW_MUTE_CTRL;
    if shares_volume {
        new.shares_volume = true;
        new.flags = new.flags.without(SinkFlags::DECIBEL_VOLUME);
        new.volume = Some(crate::policy::remap_volume(&master.volume, &master.map, &map));
    } else {
        new.flags |= SinkFlags::HW_VOLUME_CTRL;
    }
    let stream = FilterStream { master: index, map, media_name, remix: true };
    let describe = (!named).then_some(describe_sink as filter::Describe);
    Ok(Box::new(filter::make_sink(state, loading, new, &stream, describe)?))
}

fn load_source(state: &mut State, loading: &Loading<'_>) -> Result<Box<dyn Instance>, ModuleError> {
    let args = loading.args;
    let shares_volume = shares_volume(args)?;
    let index = state.argument_source(args, "master")?;
    let none = || ModuleError::NoDevice { kind: "source", name: String::new() };
    let master = state.registry.sources.get(index).ok_or_else(none)?;
    let (spec, map) = layout(args, &master.spec, &master.map)?;
    let name = args.text("source_name").unwrap_or_else(|| format!("{}.vsource", master.name));
    let mut proplist: PropList = [
        ("device.master_device", master.name.as_str()),
        ("device.class", "filter"),
        ("device.vsource.name", &name),
    ]
    .into_iter()
    .collect();
    args.proplist("source_properties", &mut proplist);
    let named = proplist.contains("device.description");
    let master_is = master.proplist.get_str("device.description").unwrap_or(&master.name).to_owned();
    if !named {
        proplist.set_str("device.description", &describe_source(&master_is, &name));
    }
    let description = proplist.get_str("device.description").unwrap_or_default();
    let media_name = format!("Virtual Source Stream of {description}");
    let (master_name, latency) = (master.name.clone(), master.max_latency_usec);
    let mut new = NewSource::new(name, loading, spec, map, proplist);
    new.flags = filter::source_flags(master.flags);
    new.max_latency_usec = latency;
    new.flags |= SourceFlags::HW_MUTE_CTRL;
    if shares_volume {
        new.shares_volume = true;
        new.flags = new.flags.without(SourceFlags::DECIBEL_VOLUME);
        new.volume = Some(crate::policy::remap_volume(&master.volume, &master.map, &map));
    } else {
        new.flags |= SourceFlags::HW_VOLUME_CTRL;
    }
    let stream = FilterStream { master: index, map, media_name, remix: true };
    let describe = (!named).then_some(describe_source as filter::Describe);
    let filter = filter::make_source(state, loading, new, &stream, describe)?;
    let Some(uplink) = args.text("uplink_sink") else { return Ok(Box::new(filter)) };
    let uplink = Uplink { name: uplink, spec, map, master: master_name, master_is };
    match make_uplink(state, loading, &filter, uplink) {
        Ok((sink, link)) => Ok(Box::new(WithUplink { filter, sink, link })),
        Err(error) => {
            Box::new(filter).unload(state, loading.index);
            Err(error)
        }
    }
}

/// Latency of an uplink sink in microseconds.
const UPLINK_LATENCY_USEC: u64 = 250_000;

/// A sink whose sound is mixed into a virtual source.
struct Uplink {
    name: String,
    spec: SampleSpec,
    map: ChannelMap,
    master: String,
    master_is: String,
}

fn make_uplink(
    state: &mut State,
    loading: &Loading<'_>,
    filter: &FilterSource,
    uplink: Uplink,
) -> Result<(u32, Link), ModuleError> {
    let Uplink { name, spec, map, master, master_is } = uplink;
    let mut proplist = PropList::new();
    proplist.set_str("device.master_device", &master);
    proplist.set_str("device.class", "uplink sink");
    proplist.set_str("device.uplink_sink.name", &name);
    proplist.set_str("device.description", &format!("Uplink Sink {name} on {master_is}"));
    let mut new = NewSink::new(name, loading, spec, map, proplist);
    new.flags = SinkFlags::DECIBEL_VOLUME;
    new.max_latency_usec = UPLINK_LATENCY_USEC;
    let sink = state.add_sink(new)?;
    let from = state.registry.sinks.get(sink).map(|sink| sink.device);
    let to = state.registry.sources.get(filter.source).map(|source| source.device);
    let (Some(from), Some(to)) = (from, to) else {
        return Err(ModuleError::NoDevice { kind: "source", name: String::new() });
    };
    match state.add_link(LinkEnd::Device(from, map), LinkEnd::Device(to, map), spec, 0) {
        Ok(link) => {
            state.cork_link(&link, false);
            Ok((sink, link))
        }
        Err(error) => {
            state.remove_sink(sink);
            Err(error)
        }
    }
}

#[derive(Debug)]
struct WithUplink {
    filter: FilterSource,
    sink: u32,
    link: Link,
}

impl Instance for WithUplink {
    fn listens(&self) -> bool {
        true
    }

    fn changed(&mut self, state: &mut State, me: u32, change: Change) {
        self.filter.changed(state, me, change);
    }

    fn used(&self, state: &State) -> Option<u32> {
        Some(self.filter.used(state).unwrap_or(0) + state.sink_linked_by(self.sink))
    }

    fn unload(self: Box<Self>, state: &mut State, me: u32) {
        state.remove_link(&self.link);
        Box::new(self.filter).unload(state, me);
        state.remove_sink(self.sink);
    }
}
