//! `sealpulse list`: what there is, for people and programs.

use std::error::Error;

use sealpulse_client::command::{
    CardInfo, ClientInfo, DevicePort, ModuleInfo, SampleInfo, SinkInfo, SinkInputInfo, SourceInfo,
    SourceOutputInfo,
};
use sealpulse_client::{ChannelMap, ChannelVolumes, PropList, Wait};
use sealpulse_protocol::PortAvailable;
use serde_json::{Map, Value, json};

use super::error::While;
use super::lists::Lists;
use super::overview::state;
use super::status::loudness;
use super::{server, volume};
use crate::cli::{ListKind, ListOptions};
use crate::table::{Table, or_unknown, print};

const KINDS: [ListKind; 8] = [
    ListKind::Sinks,
    ListKind::Sources,
    ListKind::SinkInputs,
    ListKind::SourceOutputs,
    ListKind::Clients,
    ListKind::Modules,
    ListKind::Samples,
    ListKind::Cards,
];

/// Prints what there is.
pub(crate) fn list(options: &ListOptions) -> Result<(), Box<dyn Error>> {
    let context = server::connect(&options.server, "sealpulse list")?;
    let lists = Lists::everything(&context).wait().when(|| "list what the server has".to_owned())?;
    let text = match (options.kind, options.json) {
        (Some(kind), true) => format!("{}\n", values(&lists, kind)),
        (None, true) => {
            let all: Map<String, Value> =
                KINDS.iter().map(|&kind| (key(kind).to_owned(), values(&lists, kind))).collect();
            format!("{}\n", Value::Object(all))
        }
        (Some(kind), false) => table(&lists, kind).finish(),
        (None, false) => {
            let tables = KINDS.iter().map(|&kind| table(&lists, kind)).filter(|table| !table.is_empty());
            tables.map(|table| table.finish()).collect::<Vec<_>>().join("\n")
        }
    };
    Ok(print(&text)?)
}

/// The key of a list in the JSON of everything.
fn key(kind: ListKind) -> &'static str {
    match kind {
        ListKind::Sinks => "sinks",
        ListKind::Sources => "sources",
        ListKind::SinkInputs => "sink_inputs",
        ListKind::SourceOutputs => "source_outputs",
        ListKind::Clients => "clients",
        ListKind::Modules => "modules",
        ListKind::Samples => "samples",
        ListKind::Cards => "cards",
    }
}

fn values(lists: &Lists, kind: ListKind) -> Value {
    match kind {
        ListKind::Sinks => lists.sinks.iter().map(sink).collect(),
        ListKind::Sources => lists.sources.iter().map(source).collect(),
        ListKind::SinkInputs => lists.sink_inputs.iter().map(sink_input).collect(),
        ListKind::SourceOutputs => lists.source_outputs.iter().map(source_output).collect(),
        ListKind::Clients => lists.clients.iter().map(client).collect(),
        ListKind::Modules => lists.modules.iter().map(module).collect(),
        ListKind::Samples => lists.samples.iter().map(sample).collect(),
        ListKind::Cards => lists.cards.iter().map(card).collect(),
    }
}

fn table(lists: &Lists, kind: ListKind) -> Table {
    let title = |name: &Option<String>| or_unknown(name.clone(), |name| name);
    let program =
        |properties: &PropList, client| or_unknown(lists.application(properties, client), str::to_owned);
    let media = |properties: &PropList, name: &Option<String>| {
        or_unknown(properties.get_str("media.name").or(name.as_deref()), str::to_owned)
    };
    let paused = |corked: bool| if corked { "paused" } else { "running" }.to_owned();
    match kind {
        ListKind::Sinks => {
            let mut table =
                Table::new(&["SINK", "NAME", "DESCRIPTION", "STATE", "FORMAT", "VOLUME", "DEFAULT"]);
            for sink in &lists.sinks {
                table.row(&[
                    sink.index.to_string(),
                    sink.name.clone(),
                    title(&sink.description),
                    state(sink.state).to_owned(),
                    sink.sample_spec.to_string(),
                    loudness(Some(&sink.volume), sink.mute),
                    mark(&lists.server.default_sink_name, &sink.name),
                ]);
            }
            table
        }
        ListKind::Sources => {
            let mut table =
                Table::new(&["SOURCE", "NAME", "DESCRIPTION", "STATE", "FORMAT", "VOLUME", "DEFAULT"]);
            for source in &lists.sources {
                table.row(&[
                    source.index.to_string(),
                    source.name.clone(),
                    title(&source.description),
                    state(source.state).to_owned(),
                    source.sample_spec.to_string(),
                    loudness(Some(&source.volume), source.mute),
                    mark(&lists.server.default_source_name, &source.name),
                ]);
            }
            table
        }
        ListKind::SinkInputs => {
            let mut table =
                Table::new(&["SINK-INPUT", "APPLICATION", "PLAYS", "SINK", "STATE", "FORMAT", "VOLUME"]);
            for input in &lists.sink_inputs {
                table.row(&[
                    input.index.to_string(),
                    program(&input.properties, input.client_index),
                    media(&input.properties, &input.name),
                    or_unknown(lists.sink_name(input.sink_index), str::to_owned),
                    paused(input.corked),
                    input.sample_spec.to_string(),
                    loudness(input.has_volume.then_some(&input.volume), input.mute),
                ]);
            }
            table
        }
        ListKind::SourceOutputs => {
            let head = ["SOURCE-OUTPUT", "APPLICATION", "RECORDS", "SOURCE", "STATE", "FORMAT", "VOLUME"];
            let mut table = Table::new(&head);
            for output in &lists.source_outputs {
                table.row(&[
                    output.index.to_string(),
                    program(&output.properties, output.client_index),
                    media(&output.properties, &output.name),
                    or_unknown(lists.source_name(output.source_index), str::to_owned),
                    paused(output.corked),
                    output.sample_spec.to_string(),
                    loudness(output.has_volume.then_some(&output.volume), output.mute),
                ]);
            }
            table
        }
        ListKind::Clients => {
            let mut table = Table::new(&["CLIENT", "APPLICATION", "PROCESS", "PROGRAM", "USER"]);
            for client in &lists.clients {
                let property = |name: &str| or_unknown(client.properties.get_str(name), str::to_owned);
                table.row(&[
                    client.index.to_string(),
                    program(&client.properties, Some(client.index)),
                    property("application.process.id"),
                    property("application.process.binary"),
                    property("application.process.user"),
                ]);
            }
            table
        }
        ListKind::Modules => {
            let mut table = Table::new(&["MODULE", "NAME", "ARGUMENTS"]);
            for module in &lists.modules {
                table.row(&[
                    module.index.to_string(),
                    module.name.clone(),
                    module.argument.clone().unwrap_or_default(),
                ]);
            }
            table
        }
        ListKind::Samples => {
            let mut table = Table::new(&["SAMPLE", "NAME", "LENGTH", "FORMAT", "VOLUME"]);
            for sample in &lists.samples {
                table.row(&[
                    sample.index.to_string(),
                    sample.name.clone(),
                    format!("{:.2} s", sample.duration.0 as f64 / 1e6),
                    sample.sample_spec.to_string(),
                    loudness(Some(&sample.volume), false),
                ]);
            }
            table
        }
        ListKind::Cards => {
            let mut table = Table::new(&["CARD", "NAME", "PROFILE"]);
            for card in &lists.cards {
                table.row(&[card.index.to_string(), card.name.clone(), title(&card.active_profile)]);
            }
            table
        }
    }
}

fn mark(default: &Option<String>, name: &str) -> String {
    if default.as_deref() == Some(name) { "yes" } else { "" }.to_owned()
}

fn properties(list: &PropList) -> Value {
    let text =
        |value: &[u8]| String::from_utf8_lossy(value.strip_suffix(b"\0").unwrap_or(value)).into_owned();
    list.iter().map(|(name, value)| (name.to_owned(), Value::from(text(value)))).collect::<Map<_, _>>().into()
}

/// The volume of each channel, by its name.
pub(super) fn volumes(volumes: &ChannelVolumes, map: &ChannelMap) -> Value {
    let names = map.to_string();
    let channels = volumes.as_slice().iter().zip(names.split(','));
    let channel = |volume: sealpulse_client::Volume| {
        json!({
            "value": volume.0,
            "value_percent": volume::percent(volume),
            "db": volume::decibels(volume),
        })
    };
    channels.map(|(&volume, name)| (name.to_owned(), channel(volume))).collect::<Map<_, _>>().into()
}

fn ports(ports: &[DevicePort]) -> Value {
    let port = |port: &DevicePort| {
        json!({
            "name": port.name,
            "description": port.description,
            "priority": port.priority,
            "availability": available(port.available),
        })
    };
    ports.iter().map(port).collect()
}

fn available(available: PortAvailable) -> &'static str {
    match available {
        PortAvailable::Yes => "available",
        PortAvailable::No => "not available",
        PortAvailable::Unknown | PortAvailable::Other(_) => "availability unknown",
    }
}

fn sink(sink: &SinkInfo) -> Value {
    json!({
        "index": sink.index,
        "state": state(sink.state).to_uppercase(),
        "name": sink.name,
        "description": sink.description,
        "driver": sink.driver,
        "sample_specification": sink.sample_spec.to_string(),
        "channel_map": sink.channel_map.to_string(),
        "owner_module": sink.owner_module,
        "mute": sink.mute,
        "volume": volumes(&sink.volume, &sink.channel_map),
        "monitor_source": sink.monitor_source_name,
        "latency": { "actual": sink.latency.0, "configured": sink.configured_latency.0 },
        "card": sink.card_index,
        "properties": properties(&sink.properties),
        "ports": ports(&sink.ports),
        "active_port": sink.active_port,
        "formats": sink.formats.iter().filter_map(|format| format.encoding.name()).collect::<Vec<_>>(),
    })
}

fn source(source: &SourceInfo) -> Value {
    json!({
        "index": source.index,
        "state": state(source.state).to_uppercase(),
        "name": source.name,
        "description": source.description,
        "driver": source.driver,
        "sample_specification": source.sample_spec.to_string(),
        "channel_map": source.channel_map.to_string(),
        "owner_module": source.owner_module,
        "mute": source.mute,
        "volume": volumes(&source.volume, &source.channel_map),
        "monitor_source": source.monitor_of_sink_name,
        "latency": { "actual": source.latency.0, "configured": source.configured_latency.0 },
        "card": source.card_index,
        "properties": properties(&source.properties),
        "ports": ports(&source.ports),
        "active_port": source.active_port,
        "formats": source.formats.iter().filter_map(|format| format.encoding.name()).collect::<Vec<_>>(),
    })
}

fn sink_input(input: &SinkInputInfo) -> Value {
    json!({
        "index": input.index,
        "driver": input.driver,
        "owner_module": input.owner_module,
        "client": input.client_index,
        "sink": input.sink_index,
        "sample_specification": input.sample_spec.to_string(),
        "channel_map": input.channel_map.to_string(),
        "corked": input.corked,
        "mute": input.mute,
        "volume": input.has_volume.then(|| volumes(&input.volume, &input.channel_map)),
        "buffer_latency_usec": input.buffer_latency.0,
        "sink_latency_usec": input.sink_latency.0,
        "resample_method": input.resample_method,
        "properties": properties(&input.properties),
    })
}

fn source_output(output: &SourceOutputInfo) -> Value {
    json!({
        "index": output.index,
        "driver": output.driver,
        "owner_module": output.owner_module,
        "client": output.client_index,
        "source": output.source_index,
        "sample_specification": output.sample_spec.to_string(),
        "channel_map": output.channel_map.to_string(),
        "corked": output.corked,
        "mute": output.mute,
        "volume": output.has_volume.then(|| volumes(&output.volume, &output.channel_map)),
        "buffer_latency_usec": output.buffer_latency.0,
        "source_latency_usec": output.source_latency.0,
        "resample_method": output.resample_method,
        "properties": properties(&output.properties),
    })
}

fn client(client: &ClientInfo) -> Value {
    json!({
        "index": client.index,
        "driver": client.driver,
        "owner_module": client.owner_module,
        "properties": properties(&client.properties),
    })
}

fn module(module: &ModuleInfo) -> Value {
    json!({
        "index": module.index,
        "name": module.name,
        "argument": module.argument,
        "usage_counter": (module.used != u32::MAX).then_some(module.used),
        "properties": properties(&module.properties),
    })
}

fn sample(sample: &SampleInfo) -> Value {
    json!({
        "index": sample.index,
        "name": sample.name,
        "sample_specification": sample.sample_spec.to_string(),
        "channel_map": sample.channel_map.to_string(),
        "volume": volumes(&sample.volume, &sample.channel_map),
        "duration": sample.duration.0 as f64 / 1e6,
        "size": sample.length,
        "lazy": sample.lazy,
        "filename": sample.file_name,
        "properties": properties(&sample.properties),
    })
}

fn card(card: &CardInfo) -> Value {
    let profiles: Map<String, Value> = card
        .profiles
        .iter()
        .map(|profile| {
            let value = json!({
                "description": profile.description,
                "sinks": profile.sinks,
                "sources": profile.sources,
                "priority": profile.priority,
                "available": profile.available != 0,
            });
            (profile.name.clone(), value)
        })
        .collect();
    let ports: Map<String, Value> = card
        .ports
        .iter()
        .map(|port| {
            let value = json!({
                "description": port.description,
                "priority": port.priority,
                "latency_offset": port.latency_offset,
                "availability": available(port.available),
                "properties": properties(&port.properties),
                "profiles": port.profiles,
            });
            (port.name.clone(), value)
        })
        .collect();
    json!({
        "index": card.index,
        "name": card.name,
        "driver": card.driver,
        "owner_module": card.owner_module,
        "properties": properties(&card.properties),
        "profiles": profiles,
        "active_profile": card.active_profile,
        "ports": ports,
    })
}
