//! What a server does, as far as it tells: sealpulse by its status, any server by its lists.

use sealpulse_client::{ChannelVolumes, ClientError, Context, PropList};
use sealpulse_protocol::DeviceState;
use sealpulse_server::status::{ClientStatus, Direction, Status, StreamStatus, ThreadStatus, Transport};

use super::error::ToolError;
use super::lists::Lists;
use super::target::Kind;

/// What a server does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overview {
    pub(crate) server: Server,
    pub(crate) devices: Vec<Device>,
    pub(crate) streams: Vec<Stream>,
    pub(crate) clients: Vec<Client>,
    /// Only sealpulse tells.
    pub(crate) threads: Option<Vec<ThreadStatus>>,
}

/// The server itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) host: String,
    pub(crate) user: String,
    pub(crate) pid: Option<u32>,
}

/// A sink or source.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    pub(crate) kind: Kind,
    pub(crate) index: u32,
    pub(crate) name: String,
    pub(crate) is_default: bool,
    /// The monitor of a sink.
    pub(crate) is_monitor: bool,
    /// `running`, `idle` or `suspended`.
    pub(crate) state: &'static str,
    /// Format, channels and rate.
    pub(crate) spec: String,
    pub(crate) volume: ChannelVolumes,
    pub(crate) muted: bool,
    /// Length of a cycle in microseconds.
    pub(crate) cycle_usec: Option<u64>,
    /// Streams that are there.
    pub(crate) streams: usize,
    pub(crate) buses: Option<u32>,
    /// Share of the time that rendering takes, 0 to 1.
    pub(crate) load: Option<f32>,
}

/// A sink input or source output.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    pub(crate) kind: Kind,
    pub(crate) index: u32,
    pub(crate) application: String,
    pub(crate) name: String,
    pub(crate) client: Option<u32>,
    pub(crate) device: String,
    pub(crate) spec: String,
    pub(crate) corked: bool,
    /// `None` where it has no volume.
    pub(crate) volume: Option<ChannelVolumes>,
    pub(crate) muted: bool,
    /// From the client to the ear, or back, in microseconds.
    pub(crate) latency_usec: u64,
    pub(crate) asked_latency_usec: Option<u64>,
    pub(crate) queued_bytes: Option<u64>,
    pub(crate) buffer_bytes: Option<u64>,
    pub(crate) underruns: Option<u64>,
    pub(crate) lost_bytes: Option<u64>,
}

/// A program.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) index: u32,
    pub(crate) name: String,
    pub(crate) pid: Option<i64>,
    pub(crate) protocol: Option<u32>,
    pub(crate) transport: Option<&'static str>,
    pub(crate) srbchannel: Option<bool>,
    pub(crate) sealed: Option<bool>,
    pub(crate) bytes_referenced: Option<u64>,
    pub(crate) bytes_copied: Option<u64>,
    pub(crate) memory_mapped: Option<u64>,
    pub(crate) underruns: Option<u64>,
    pub(crate) streams: usize,
}

impl Overview {
    /// Asks the server.
    pub(crate) async fn ask(context: &Context) -> Result<Self, ToolError> {
        let failed = |error| ToolError::Failed { what: "ask the server".to_owned(), error };
        let status = ask_status(context).await.map_err(failed)?;
        let status = status.map(|json| serde_json::from_str(&json)).transpose()?;
        let lists = Lists::of_sound(context).await.map_err(failed)?;
        Ok(Self::new(&lists, status.as_ref()))
    }

    /// Puts together what both tell.
    pub(crate) fn new(lists: &Lists, status: Option<&Status>) -> Self {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let server = Server {
            name: text(&lists.server.package_name),
            version: text(&lists.server.package_version),
            host: text(&lists.server.host_name),
            user: text(&lists.server.user_name),
            pid: status.map(|status| status.server.pid),
        };
        let mut server = server;
        if let Some(status) = status {
            // What it says to libpulse is which PulseAudio it stands for.
            server.name.clone_from(&status.server.name);
            server.version.clone_from(&status.server.version);
        }
        let streams_of = |status: &Status| -> Vec<StreamStatus> {
            status.clients.iter().flat_map(|client| client.streams.clone()).collect()
        };
        let known = status.map(streams_of).unwrap_or_default();
        Self {
            server,
            devices: devices(lists, status),
            streams: streams(lists, &known),
            clients: lists.clients.iter().map(|info| client(lists, info, status)).collect(),
            threads: status.map(|status| status.threads.clone()),
        }
    }
}

/// The status as JSON; none of a server that has no such thing.
pub(crate) async fn ask_status(context: &Context) -> Result<Option<String>, ClientError> {
    match context.message("/sealpulse", "status", "").await {
        Ok(json) => Ok(Some(json)),
        Err(ClientError::Server { .. } | ClientError::Unsupported { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn devices(lists: &Lists, status: Option<&Status>) -> Vec<Device> {
    let mut devices: Vec<Device> = Vec::new();
    for sink in &lists.sinks {
        let known = status.and_then(|status| status.devices.iter().find(|known| known.index == sink.index));
        devices.push(Device {
            kind: Kind::Sink,
            index: sink.index,
            name: sink.name.clone(),
            is_default: lists.server.default_sink_name.as_ref() == Some(&sink.name),
            is_monitor: false,
            state: state(sink.state),
            spec: sink.sample_spec.to_string(),
            volume: sink.volume,
            muted: sink.mute,
            cycle_usec: known.map(|known| known.cycle_usec),
            streams: lists.sink_inputs.iter().filter(|other| other.sink_index == Some(sink.index)).count(),
            buses: known.map(|known| known.buses),
            load: known.map(|known| known.load),
        });
    }
    for source in &lists.sources {
        let outputs = lists.source_outputs.iter();
        devices.push(Device {
            kind: Kind::Source,
            index: source.index,
            name: source.name.clone(),
            is_default: lists.server.default_source_name.as_ref() == Some(&source.name),
            is_monitor: source.monitor_of_sink_index.is_some(),
            state: state(source.state),
            spec: source.sample_spec.to_string(),
            volume: source.volume,
            muted: source.mute,
            cycle_usec: None,
            streams: outputs.filter(|other| other.source_index == Some(source.index)).count(),
            buses: None,
            load: None,
        });
    }
    devices
}

fn streams(lists: &Lists, known: &[StreamStatus]) -> Vec<Stream> {
    let find = |direction: Direction, index: u32| {
        known.iter().find(|known| known.direction == direction && known.index == index)
    };
    let name = |properties: &PropList, name: &Option<String>| {
        properties.get_str("media.name").or(name.as_deref()).unwrap_or_default().to_owned()
    };
    let application = |properties: &PropList, client: Option<u32>| {
        lists.application(properties, client).unwrap_or_default().to_owned()
    };
    let mut streams = Vec::new();
    for input in &lists.sink_inputs {
        let known = find(Direction::Playback, input.index);
        streams.push(Stream {
            kind: Kind::SinkInput,
            index: input.index,
            application: application(&input.properties, input.client_index),
            name: name(&input.properties, &input.name),
            client: input.client_index,
            device: lists.sink_name(input.sink_index).unwrap_or_default().to_owned(),
            spec: input.sample_spec.to_string(),
            corked: input.corked,
            volume: input.has_volume.then_some(input.volume),
            muted: input.mute,
            latency_usec: known.map_or_else(
                || input.buffer_latency.0.saturating_add(input.sink_latency.0),
                |known| known.latency_usec,
            ),
            asked_latency_usec: known.map(|known| known.asked_latency_usec),
            queued_bytes: known.map(|known| known.queued_bytes),
            buffer_bytes: known.map(|known| known.buffer_bytes),
            underruns: known.map(|known| known.underruns),
            lost_bytes: None,
        });
    }
    for output in &lists.source_outputs {
        let known = find(Direction::Record, output.index);
        streams.push(Stream {
            kind: Kind::SourceOutput,
            index: output.index,
            application: application(&output.properties, output.client_index),
            name: name(&output.properties, &output.name),
            client: output.client_index,
            device: lists.source_name(output.source_index).unwrap_or_default().to_owned(),
            spec: output.sample_spec.to_string(),
            corked: output.corked,
            volume: output.has_volume.then_some(output.volume),
            muted: output.mute,
            latency_usec: known.map_or_else(
                || output.buffer_latency.0.saturating_add(output.source_latency.0),
                |known| known.latency_usec,
            ),
            asked_latency_usec: known.map(|known| known.asked_latency_usec),
            queued_bytes: known.map(|known| known.queued_bytes),
            buffer_bytes: known.map(|known| known.buffer_bytes),
            underruns: None,
            lost_bytes: known.map(|known| known.lost_bytes),
        });
    }
    streams
}

fn client(lists: &Lists, info: &sealpulse_client::command::ClientInfo, status: Option<&Status>) -> Client {
    let known: Option<&ClientStatus> =
        status.and_then(|status| status.clients.iter().find(|known| known.index == info.index));
    let number = |name: &str| info.properties.get_str(name).and_then(|value| value.parse::<i64>().ok());
    let of_client = |client: Option<u32>| client == Some(info.index);
    Client {
        index: info.index,
        name: info
            .properties
            .get_str("application.name")
            .or(info.name.as_deref())
            .unwrap_or_default()
            .to_owned(),
        pid: known
            .map(|known| i64::from(known.pid))
            .filter(|&pid| pid > 0)
            .or_else(|| number("application.process.id")),
        protocol: known
            .map(|known| known.protocol)
            .or_else(|| u32::try_from(number("native-protocol.version")?).ok()),
        transport: known.map(|known| transport(known.transport)),
        srbchannel: known.map(|known| known.srbchannel),
        sealed: known.map(|known| known.sealed),
        bytes_referenced: known.map(|known| known.bytes_referenced),
        bytes_copied: known.map(|known| known.bytes_copied),
        memory_mapped: known.map(|known| known.memory_mapped),
        underruns: known.map(|known| known.underruns),
        streams: lists.sink_inputs.iter().filter(|input| of_client(input.client_index)).count()
            + lists.source_outputs.iter().filter(|output| of_client(output.client_index)).count(),
    }
}

/// How a client's audio travels, as the JSON has it.
pub(crate) fn transport(transport: Transport) -> &'static str {
    match transport {
        Transport::Memfd => "memfd",
        Transport::PosixShm => "posix-shm",
        Transport::Socket => "socket",
    }
}

/// What a device does.
pub(crate) fn state(state: DeviceState) -> &'static str {
    match state {
        DeviceState::Running => "running",
        DeviceState::Idle => "idle",
        DeviceState::Suspended => "suspended",
        DeviceState::Other(_) => "-",
    }
}
