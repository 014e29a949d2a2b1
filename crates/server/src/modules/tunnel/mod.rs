//! `module-tunnel-sink` and `module-tunnel-source`: a device of another server.

mod remote;

use std::time::Duration;

use calloop::RegistrationToken;
use calloop::channel::{Event as Message, channel};
use sealpulse_client::{Config, StreamOptions};
use sealpulse_engine::{Data, Event, PlaybackId, RecordFrom, Seek};
use sealpulse_memory::Chunk;
use sealpulse_protocol::{DeviceState, Facility, PropList, SinkFlags, SourceFlags};
use sealpulse_spec::{ChannelMap, SampleSpec};

use self::remote::{Direction, News, Remote, Target};
use super::args::ModuleArgs;
use super::argument::{Argument, LIFE, SINK, SOURCE, SPEC, Type};
use super::flow::{Feeder, Taker};
use super::{Instance, Kind, Loading, ModuleError};
use crate::policy::{NewSink, NewSource, playback_config, record_config};
use crate::state::State;
use crate::subscribe::Event as Change;

/// Shortest latency in milliseconds.
const LATENCY_MIN: u32 = 1;

const REMOTE: &[Argument] = &[
    Argument::new("server", Type::Text, "required", "The other server: a host, tcp:host:port or unix:path."),
    Argument::new("cookie", Type::Path, "the user's cookie", "The file with the cookie to show there."),
    Argument::new(
        "latency_msec",
        Type::Number(LATENCY_MIN, 10_000),
        "100, of a source 25",
        "Latency at the other end in milliseconds.",
    ),
    Argument::new(
        "reconnect_interval_ms",
        Type::Number(0, u32::MAX),
        "0",
        "Pause before another attempt in milliseconds; 0 for none.",
    ),
    Argument::new("auto", Type::Boolean, "no", "Accepted: the server has to be named."),
];

pub(super) static SINK_KIND: Kind = Kind {
    name: "module-tunnel-sink",
    description: "Tunnel module for sinks",
    driver: "module-tunnel.c",
    arguments: &[
        SINK,
        &[Argument::new("sink", Type::Text, "its default sink", "The other server's sink.")],
        REMOTE,
        SPEC,
        LIFE,
    ],
    once: false,
    load: load_sink,
};

pub(super) static SOURCE_KIND: Kind = Kind {
    name: "module-tunnel-source",
    description: "Tunnel module for sources",
    driver: "module-tunnel.c",
    arguments: &[
        SOURCE,
        &[Argument::new("source", Type::Text, "its default source", "The other server's source.")],
        REMOTE,
        SPEC,
        LIFE,
    ],
    once: false,
    load: load_source,
};

/// The same by their newer names.
pub(super) static NEW_SINK_KIND: Kind = Kind { name: "module-tunnel-sink-new", ..copy_of(&SINK_KIND) };
pub(super) static NEW_SOURCE_KIND: Kind = Kind { name: "module-tunnel-source-new", ..copy_of(&SOURCE_KIND) };

const fn copy_of(kind: &Kind) -> Kind {
    Kind {
        name: kind.name,
        description: kind.description,
        driver: kind.driver,
        arguments: kind.arguments,
        once: kind.once,
        load: kind.load,
    }
}

/// What both directions have in common.
struct Tunnel {
    server: String,
    device: Option<String>,
    spec: SampleSpec,
    map: ChannelMap,
    latency: Duration,
}

impl Tunnel {
    fn new(state: &State, args: &ModuleArgs, key: &str, latency_msec: u32) -> Result<Tunnel, ModuleError> {
        let (spec, map) = args.sample_spec(state.settings.default_spec, state.settings.default_map)?;
        let latency = args.number("latency_msec").unwrap_or(latency_msec);
        Ok(Tunnel {
            server: args.text("server").ok_or(ModuleError::Missing { key: "server" })?,
            device: args.text(key),
            spec,
            map,
            latency: Duration::from_millis(u64::from(latency)),
        })
    }

    fn target(&self, args: &ModuleArgs, direction: Direction) -> Result<Target, ModuleError> {
        let conflict =
            |error: sealpulse_client::ConfigError| ModuleError::Conflict { what: error.to_string() };
        let mut config =
            Config::from_env_with_server(&self.server).map_err(conflict)?.named("sealpulse tunnel");
        if let Some(cookie) = args.text("cookie") {
            config = config.with_cookie_file(cookie).map_err(conflict)?;
        }
        let name = format!("Tunnel for {}@{}", crate::host::user_name(), crate::host::host_name());
        let mut options = StreamOptions::new(self.spec).named(name).map(self.map).latency(self.latency);
        options.properties.set_str("media.role", "abstract");
        if let Some(device) = &self.device {
            options = options.on(device.as_str());
        }
        if direction == Direction::Record {
            options = options.corked();
        }
        let reconnect = args.number("reconnect_interval_ms").filter(|&pause| pause > 0);
        Ok(Target {
            config,
            direction,
            options,
            reconnect: reconnect.map(|pause| Duration::from_millis(u64::from(pause))),
            backlog: self.spec.usec_to_bytes(2 * self.latency.as_micros() as u64) as usize,
        })
    }

    fn proplist(&self, key: &str) -> PropList {
        let mut proplist = PropList::new();
        let description = match &self.device {
            Some(device) => format!("{device} on {}", self.server),
            None => self.server.clone(),
        };
        proplist.set_str("device.description", &description);
        proplist.set_str("tunnel.remote.server", &self.server);
        if let Some(device) = &self.device {
            proplist.set_str(key, device);
        }
        proplist
    }

    fn latency_usec(&self) -> u64 {
        self.latency.as_micros() as u64
    }
}

/// Starts the thread; what it says comes to the module.
fn connect(
    state: &mut State,
    module: u32,
    target: Target,
) -> Result<(Remote, RegistrationToken), ModuleError> {
    let (sender, receiver) = channel();
    let source = state.handle.insert_source(receiver, move |message, (), state: &mut State| {
        if let Message::Msg(news) = message {
            state.tunnel_news(module, news);
        }
    });
    let failed = |source| ModuleError::Io { what: "the thread of the tunnel".to_owned(), source };
    let token = source.map_err(|error| failed(std::io::Error::other(error.error.to_string())))?;
    match Remote::start(target, sender) {
        Ok(remote) => Ok((remote, token)),
        Err(error) => {
            state.handle.remove(token);
            Err(failed(error))
        }
    }
}

impl State {
    fn tunnel_news(&mut self, module: u32, news: News) {
        match news {
            News::Connected => tracing::info!(module, "the tunnel is connected"),
            News::Lost(reason) => {
                let again = self.registry.modules.get(module).is_some_and(|module| {
                    let argument = module.argument.as_deref().unwrap_or_default();
                    ModuleArgs::parse(argument, module.kind)
                        .is_ok_and(|args| args.number("reconnect_interval_ms").unwrap_or(0) > 0)
                });
                if self.warnings.allow() {
                    tracing::warn!(module, reason, again, "the tunnel has lost its connection");
                }
                if !again {
                    self.request_unload(module);
                }
            }
            News::Sound(bytes) => {
                self.with_module(module, |instance, state| instance.bytes(state, module, bytes));
            }
        }
    }
}

fn load_sink(state: &mut State, loading: &Loading<'_>) -> Result<Box<dyn Instance>, ModuleError> {
    let args = loading.args;
    let tunnel = Tunnel::new(state, args, "sink", 100)?;
    let target = tunnel.target(args, Direction::Play)?;
    let mut proplist = tunnel.proplist("tunnel.remote.sink");
    args.proplist("sink_properties", &mut proplist);
    let name = args.text("sink_name").unwrap_or_else(|| format!("tunnel-sink.{}", tunnel.server));
    let mut new = NewSink::new(name, loading, tunnel.spec, tunnel.map, proplist);
    new.flags = SinkFlags::NETWORK | SinkFlags::LATENCY | SinkFlags::DECIBEL_VOLUME;
    new.max_latency_usec = tunnel.latency_usec();
    let sink = state.make_sink(new)?;
    let made = make_sink_tunnel(state, loading.index, sink, &tunnel, target);
    match made {
        Ok(instance) => {
            state.put_sink(sink);
            Ok(Box::new(instance))
        }
        Err(error) => {
            state.remove_sink(sink);
            Err(error)
        }
    }
}

fn make_sink_tunnel(
    state: &mut State,
    module: u32,
    sink: u32,
    tunnel: &Tunnel,
    target: Target,
) -> Result<TunnelSink, ModuleError> {
    let none = || ModuleError::NoDevice { kind: "sink", name: String::new() };
    let device = state.registry.sinks.get(sink).ok_or_else(none)?.device;
    // What is recorded goes on in eighths of the latency, so that the other end has most of it.
    let part_usec = (tunnel.latency_usec() / 8).max(1_000);
    let block_size = (tunnel.spec.usec_to_bytes(part_usec) as usize).max(tunnel.spec.frame_size());
    let mut config = record_config(RecordFrom::Monitor(device), tunnel.spec, tunnel.map);
    (config.fragsize, config.latency_usec, config.passive) = (block_size, part_usec, true);
    let (remote, token) = connect(state, module, target)?;
    let record = match state.engine.add_record(&config) {
        Ok(record) => record,
        Err(error) => {
            state.handle.remove(token);
            return Err(error.into());
        }
    };
    state.module_record.insert(record, module);
    let taker = Taker::new(state, record, block_size);
    Ok(TunnelSink { sink, taker, remote, token })
}

#[derive(Debug)]
struct TunnelSink {
    sink: u32,
    taker: Taker,
    remote: Remote,
    token: RegistrationToken,
}

impl Instance for TunnelSink {
    fn engine_event(&mut self, state: &mut State, _me: u32, event: Event) {
        let Event::Recorded { block, length, .. } = event else { return };
        if let Some(bytes) = self.taker.bytes(state, &block, length) {
            self.remote.play(bytes);
        }
    }

    fn used(&self, state: &State) -> Option<u32> {
        Some(state.sink_linked_by(self.sink))
    }

    fn unload(self: Box<Self>, state: &mut State, _me: u32) {
        self.remote.stop();
        state.handle.remove(self.token);
        state.module_record.remove(&self.taker.record);
        state.engine.remove_record(self.taker.record);
        state.remove_sink(self.sink);
    }
}

fn load_source(state: &mut State, loading: &Loading<'_>) -> Result<Box<dyn Instance>, ModuleError> {
    let args = loading.args;
    let tunnel = Tunnel::new(state, args, "source", 25)?;
    let target = tunnel.target(args, Direction::Record)?;
    let mut proplist = tunnel.proplist("tunnel.remote.source");
    args.proplist("source_properties", &mut proplist);
    let name = args.text("source_name").unwrap_or_else(|| format!("tunnel-source.{}", tunnel.server));
    let mut new = NewSource::new(name, loading, tunnel.spec, tunnel.map, proplist);
    new.flags = SourceFlags::NETWORK | SourceFlags::LATENCY | SourceFlags::DECIBEL_VOLUME;
    new.max_latency_usec = tunnel.latency_usec();
    let source = state.make_source(new)?;
    match make_source_tunnel(state, loading.index, source, &tunnel, target) {
        Ok(instance) => {
            state.put_source(source);
            Ok(Box::new(instance))
        }
        Err(error) => {
            state.remove_source(source);
            Err(error)
        }
    }
}

fn make_source_tunnel(
    state: &mut State,
    module: u32,
    source: u32,
    tunnel: &Tunnel,
    target: Target,
) -> Result<TunnelSource, ModuleError> {
    let none = || ModuleError::NoDevice { kind: "source", name: String::new() };
    let device = state.registry.sources.get(source).ok_or_else(none)?.device;
    let mut config = playback_config(tunnel.spec, tunnel.map);
    // Sound begins when half of the latency is there, which is what the network may be late by.
    config.attr = Feeder::attr(&tunnel.spec, 2 * tunnel.latency_usec());
    config.attr.prebuf = tunnel.spec.usec_to_bytes(tunnel.latency_usec() / 2) as usize;
    config.attr = config.attr.sanitize(tunnel.spec.frame_size());
    (config.latency_usec, config.passive) = (tunnel.latency_usec() / 4, true);
    let (remote, token) = connect(state, module, target)?;
    let playback = match state.engine.add_playback(device, &config) {
        Ok(playback) => playback,
        Err(error) => {
            state.handle.remove(token);
            return Err(error.into());
        }
    };
    state.module_playback.insert(playback, module);
    Ok(TunnelSource { source, playback, frame_size: tunnel.spec.frame_size(), remote, token })
}

#[derive(Debug)]
struct TunnelSource {
    source: u32,
    playback: PlaybackId,
    frame_size: usize,
    remote: Remote,
    token: RegistrationToken,
}

impl Instance for TunnelSource {
    fn listens(&self) -> bool {
        true
    }

    fn changed(&mut self, state: &mut State, _me: u32, change: Change) {
        if change.facility == Facility::Source && change.index == self.source {
            let source = state.registry.sources.get(self.source);
            self.remote.cork(!source.is_some_and(|source| source.state == DeviceState::Running));
        }
    }

    fn bytes(&mut self, state: &mut State, _me: u32, mut bytes: Vec<u8>) {
        bytes.truncate(bytes.len() / self.frame_size * self.frame_size);
        if !bytes.is_empty() {
            state.engine.push(self.playback, Seek::Relative, 0, Data::Chunk(Chunk::from_vec(bytes)));
        }
    }

    fn used(&self, state: &State) -> Option<u32> {
        Some(state.source_linked_by(self.source))
    }

    fn unload(self: Box<Self>, state: &mut State, _me: u32) {
        self.remote.stop();
        state.handle.remove(self.token);
        state.module_playback.remove(&self.playback);
        state.engine.remove_playback(self.playback);
        state.remove_source(self.source);
    }
}
