//! `sealpulse status`: who plays, and how, on any server.

use std::error::Error;

use sealpulse_client::{Config, Context, Wait};
use sealpulse_server::status::Status;
use serde_json::{Value, json};

use super::error::{ToolError, While};
use super::lists::Lists;
use super::overview::{Overview, Stream, ask_status};
use super::target::Kind;
use super::{server, volume};
use crate::cli::StatusOptions;
use crate::table::{Table, bytes, milliseconds, or_unknown, print, yes};

/// Prints what the server is doing.
pub(crate) fn status(options: &StatusOptions) -> Result<(), Box<dyn Error>> {
    let context = server::connect(&options.server, "sealpulse status")?;
    let what = || "ask for the status".to_owned();
    let status = ask_status(&context).wait().when(what)?;
    if let (true, Some(json)) = (options.json, &status) {
        return Ok(print(&format!("{json}\n"))?);
    }
    let lists = Lists::of_sound(&context).wait().when(what)?;
    let status: Option<Status> = status.map(|json| serde_json::from_str(&json)).transpose()?;
    let overview = Overview::new(&lists, status.as_ref());
    let text = if options.json { format!("{}\n", as_json(&overview)) } else { tables(&overview) };
    Ok(print(&text)?)
}

/// The status of the sealpulse server at a socket.
pub(crate) fn of_server(socket: &std::path::Path) -> Result<Status, ToolError> {
    let config = Config::from_env_with_server(&format!("unix:{}", socket.display()))?;
    let config = Config { shm: false, ..config.named("sealpulse demo") };
    let context = Context::connect(config).wait().map_err(ToolError::Connect)?;
    let json = context.message("/sealpulse", "status", "").wait().when(|| "ask for the status".to_owned())?;
    Ok(serde_json::from_str(&json)?)
}

fn tables(overview: &Overview) -> String {
    let server = &overview.server;
    let pid = server.pid.map(|pid| format!(", process {pid}")).unwrap_or_default();
    let mut text = format!("{} {}{pid}\n\n", server.name, server.version);
    let mut clients =
        Table::new(&["CLIENT", "TRANSPORT", "SEALED", "RING", "REFERENCED", "COPIED", "MEMORY", "UNDERRUNS"]);
    for client in &overview.clients {
        clients.row(&[
            client.name.clone(),
            or_unknown(client.transport, str::to_owned),
            or_unknown(client.sealed, yes),
            or_unknown(client.srbchannel, yes),
            or_unknown(client.bytes_referenced, bytes),
            or_unknown(client.bytes_copied, bytes),
            or_unknown(client.memory_mapped, bytes),
            or_unknown(client.underruns, |count| count.to_string()),
        ]);
    }
    text += &clients.finish();
    let mut streams = Table::new(&[
        "STREAM",
        "CLIENT",
        "DEVICE",
        "FORMAT",
        "VOLUME",
        "LATENCY",
        "ASKED",
        "QUEUED",
        "UNDERRUNS",
    ]);
    for stream in &overview.streams {
        let paused = if stream.corked { " (paused)" } else { "" };
        streams.row(&[
            format!("{}{paused}", stream.name),
            stream.application.clone(),
            stream.device.clone(),
            stream.spec.clone(),
            loudness(stream.volume.as_ref(), stream.muted),
            milliseconds(stream.latency_usec),
            or_unknown(stream.asked_latency_usec, milliseconds),
            or_unknown(stream.queued_bytes, bytes),
            or_unknown(stream.underruns, |count| count.to_string()),
        ]);
    }
    text += "\n";
    text += &streams.finish();
    let mut devices =
        Table::new(&["DEVICE", "STATE", "FORMAT", "VOLUME", "CYCLE", "STREAMS", "BUSES", "LOAD"]);
    for device in overview.devices.iter().filter(|device| !device.is_monitor) {
        devices.row(&[
            device.name.clone(),
            device.state.to_owned(),
            device.spec.clone(),
            loudness(Some(&device.volume), device.muted),
            or_unknown(device.cycle_usec, milliseconds),
            device.streams.to_string(),
            or_unknown(device.buses, |count| count.to_string()),
            or_unknown(device.load, |load| format!("{:.2} %", load * 100.0)),
        ]);
    }
    text += "\n";
    text += &devices.finish();
    if let Some(known) = &overview.threads {
        let mut threads = Table::new(&["THREAD", "WAKE-UPS", "CPU", "REAL-TIME"]);
        for thread in known {
            threads.row(&[
                thread.name.clone(),
                thread.wakeups.to_string(),
                format!("{:.2} s", thread.cpu_usec as f64 / 1e6),
                yes(thread.realtime),
            ]);
        }
        text += "\n";
        text += &threads.finish();
    }
    text
}

/// A volume, and whether it is heard.
pub(crate) fn loudness(volumes: Option<&sealpulse_client::ChannelVolumes>, muted: bool) -> String {
    match (volumes, muted) {
        (_, true) => "muted".to_owned(),
        (None, false) => "-".to_owned(),
        (Some(volumes), false) => volume::short(volumes),
    }
}

/// What another server than sealpulse tells, in the form of sealpulse's status; null is what it does not tell.
fn as_json(overview: &Overview) -> Value {
    let server = &overview.server;
    let streams_of = |client: Option<u32>| -> Vec<Value> {
        overview.streams.iter().filter(|stream| stream.client == client).map(stream_json).collect()
    };
    let clients: Vec<Value> = overview
        .clients
        .iter()
        .map(|client| {
            json!({
                "index": client.index,
                "name": client.name,
                "pid": client.pid,
                "protocol": client.protocol,
                "transport": client.transport,
                "srbchannel": client.srbchannel,
                "sealed": client.sealed,
                "bytes_referenced": client.bytes_referenced,
                "bytes_copied": client.bytes_copied,
                "memory_mapped": client.memory_mapped,
                "underruns": client.underruns,
                "streams": streams_of(Some(client.index)),
            })
        })
        .collect();
    let devices: Vec<Value> = overview
        .devices
        .iter()
        .filter(|device| device.kind == Kind::Sink)
        .map(|device| {
            json!({
                "index": device.index,
                "name": device.name,
                "state": device.state,
                "spec": device.spec,
                "cycle_usec": device.cycle_usec,
                "streams": device.streams,
                "buses": device.buses,
                "load": device.load,
            })
        })
        .collect();
    json!({
        "server": { "name": server.name, "version": server.version, "pid": server.pid },
        "clients": clients,
        "devices": devices,
        "threads": null,
    })
}

fn stream_json(stream: &Stream) -> Value {
    json!({
        "direction": if stream.kind == Kind::SinkInput { "playback" } else { "record" },
        "index": stream.index,
        "name": stream.name,
        "device": stream.device,
        "spec": stream.spec,
        "corked": stream.corked,
        "latency_usec": stream.latency_usec,
        "asked_latency_usec": stream.asked_latency_usec,
        "queued_bytes": stream.queued_bytes,
        "buffer_bytes": stream.buffer_bytes,
        "underruns": stream.underruns,
        "lost_bytes": stream.lost_bytes,
    })
}
