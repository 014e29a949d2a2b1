//! `module-simple-protocol-unix` and `-tcp`: sound as it is, by a socket: what is sent is played, what is recorded is
//! received.

use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;
use sealpulse_engine::{Event, PlaybackId, RecordId};
use sealpulse_memory::Block;
use sealpulse_protocol::{Facility, Operation, PropList};
use sealpulse_spec::{ChannelMap, SampleSpec};

use super::argument::{Argument, SPEC, Type};
use super::flow::{Fed, Feeder, Taker, Watch};
use super::sockets::{TCP, UNIX_SOCKET, tcp_sockets, unix_socket};
use super::{Instance, Kind, Loading, ModuleError, ModuleStream};
use crate::listeners::{Bound, Greeting, Peer};
use crate::policy::ModuleStreamSpec;
use crate::registry::Client;
use crate::state::State;

/// PulseAudio's port.
const PORT: u16 = 4711;

/// Most connections of one module.
const CONNECTIONS_MAX: usize = 64;

/// Sound that is queued for playback, in microseconds.
const PLAYBACK_USEC: u64 = 500_000;

/// Longest latency of a sink and of a source, in microseconds.
const SINK_LATENCY_USEC: u64 = 300_000;
const SOURCE_LATENCY_USEC: u64 = 300_000;

/// Recorded sound that waits for a client that does not read, in microseconds.
const RECORD_USEC: u64 = 5_000_000;

/// Recorded sound in one block, in microseconds.
const BLOCK_USEC: u64 = 20_000;

const FLOW: &[Argument] = &[
    Argument::new("sink", Type::Sink, "the default sink", "Where what is sent is played."),
    Argument::new("source", Type::Source, "the default source", "What is recorded."),
    Argument::new("playback", Type::Boolean, "yes", "Whether what is sent is played."),
    Argument::new("record", Type::Boolean, "no", "Whether what the source has is sent back."),
];

pub(super) static UNIX: Kind = Kind {
    name: "module-simple-protocol-unix",
    description: "Simple protocol (UNIX sockets)",
    driver: "protocol-simple.c",
    arguments: &[SPEC, FLOW, UNIX_SOCKET],
    once: false,
    load: |state, loading| {
        let bound =
            Bound::unix(&mut state.passed, &unix_socket(loading.args, "simple")?).map_err(Box::new)?;
        load(state, loading, vec![bound])
    },
};

pub(super) static TCP_KIND: Kind = Kind {
    name: "module-simple-protocol-tcp",
    description: "Simple protocol (TCP sockets)",
    driver: "protocol-simple.c",
    arguments: &[SPEC, FLOW, TCP],
    once: false,
    load: |state, loading| {
        let sockets = tcp_sockets(state, loading.args, PORT)?;
        load(state, loading, sockets)
    },
};

fn load(
    state: &mut State,
    loading: &Loading<'_>,
    sockets: Vec<Bound>,
) -> Result<Box<dyn Instance>, ModuleError> {
    let args = loading.args;
    let (spec, map) = args.sample_spec(state.settings.default_spec, state.settings.default_map)?;
    let (playback, record) = (args.boolean("playback", true), args.boolean("record", false));
    if !playback && !record {
        let what = "neither playback nor record is enabled".to_owned();
        return Err(ModuleError::Conflict { what });
    }
    let listener = state.listen(loading.index, sockets, &Greeting::Module).map_err(Box::new)?;
    Ok(Box::new(SimpleProtocol {
        listener,
        driver: loading.kind.driver,
        spec,
        map,
        sink: args.text("sink"),
        source: args.text("source"),
        playback,
        record,
        connections: Vec::new(),
    }))
}

#[derive(Debug)]
struct SimpleProtocol {
    listener: usize,
    driver: &'static str,
    spec: SampleSpec,
    map: ChannelMap,
    sink: Option<String>,
    source: Option<String>,
    playback: bool,
    record: bool,
    connections: Vec<Connection>,
}

#[derive(Debug)]
struct Connection {
    /// Its client's index, which names it everywhere.
    client: u32,
    socket: OwnedFd,
    watch: Watch,
    input: Option<(u32, Feeder)>,
    output: Option<(u32, Taker)>,
    /// Recorded sound that the client has not taken yet.
    unsent: Vec<u8>,
}

impl Connection {
    fn is_fed_by(&self, stream: PlaybackId) -> bool {
        self.input.as_ref().is_some_and(|(_, feeder)| feeder.playback == stream)
    }

    fn takes_from(&self, stream: RecordId) -> bool {
        self.output.as_ref().is_some_and(|(_, taker)| taker.record == stream)
    }

    /// Takes its streams, its client and its descriptor away.
    fn close(mut self, state: &mut State) {
        self.watch.remove(state);
        if let Some((input, _)) = self.input {
            state.remove_sink_input(input);
        }
        if let Some((output, _)) = self.output {
            state.remove_source_output(output);
        }
        if state.registry.clients.remove(self.client).is_some() {
            state.post(Facility::Client, Operation::Remove, self.client);
        }
    }

    /// Reads what is there; whether the connection lives on.
    fn read(&mut self, state: &mut State) -> bool {
        let Some((_, feeder)) = &mut self.input else { return self.discard() };
        match feeder.feed(state, self.socket.as_fd()) {
            Ok(Fed::Enough) => {
                let wants = feeder.wants();
                self.watch.enable(state, wants);
                true
            }
            // What is queued is played first; one that also records ends at once, as in PulseAudio.
            Ok(Fed::End) if self.output.is_none() => {
                state.engine.drain(feeder.playback, 0);
                self.watch.enable(state, false);
                true
            }
            Ok(Fed::End) | Err(_) => false,
        }
    }

    /// What a client sends that only records is of no use.
    fn discard(&self) -> bool {
        let mut bytes = [0; 1024];
        !matches!(rustix::io::read(&self.socket, &mut bytes), Ok(0))
    }

    /// Sends recorded sound; whether the connection lives on.
    fn write(&mut self, state: &mut State, block: &Block, length: usize, most: usize) -> bool {
        let Some((_, taker)) = &mut self.output else { return true };
        let Some(bytes) = taker.bytes(state, block, length) else { return true };
        if self.unsent.len() + bytes.len() > most {
            taker.lost += bytes.len() as u64;
        } else {
            self.unsent.extend(bytes);
        }
        match rustix::net::send(&self.socket, &self.unsent, rustix::net::SendFlags::NOSIGNAL) {
            Ok(sent) => {
                self.unsent.drain(..sent);
                true
            }
            Err(Errno::AGAIN | Errno::INTR) => true,
            Err(_) => false,
        }
    }
}

impl SimpleProtocol {
    fn open(&mut self, state: &mut State, me: u32, socket: OwnedFd, peer: Peer) -> Result<(), ModuleError> {
        let client = state.registry.clients.reserve();
        let mut proplist = PropList::new();
        proplist.set_str("application.name", &format!("Simple client ({peer})"));
        proplist.set_str("simple-protocol.peer", &peer.to_string());
        let entry = Client { session: None, driver: self.driver, module: me, proplist: proplist.clone() };
        state.registry.clients.insert(client, entry);
        state.post(Facility::Client, Operation::New, client);
        let watch = Watch::new(state, me, &socket, client)
            .map_err(|source| ModuleError::Io { what: "the connection".to_owned(), source });
        let watch = match watch {
            Ok(watch) => watch,
            Err(error) => {
                state.registry.clients.remove(client);
                state.post(Facility::Client, Operation::Remove, client);
                return Err(error);
            }
        };
        let mut connection =
            Connection { client, socket, watch, input: None, output: None, unsent: Vec::new() };
        match self.add_streams(state, me, &mut connection, &proplist) {
            Ok(()) => {
                connection.watch.enable(state, true);
                self.connections.push(connection);
                Ok(())
            }
            Err(error) => {
                connection.close(state);
                Err(error)
            }
        }
    }

    fn add_streams(
        &self,
        state: &mut State,
        me: u32,
        connection: &mut Connection,
        proplist: &PropList,
    ) -> Result<(), ModuleError> {
        let stream = |device| ModuleStreamSpec {
            module: me,
            driver: self.driver,
            device: Some(device),
            map: self.map,
            proplist: proplist.clone(),
            remix: sealpulse_engine::Remix::Full,
            dont_move: false,
            corked: false,
            maps_format: true,
            latency_usec: None,
            client: Some(connection.client),
            filter: None,
        };
        if self.playback {
            let none = || ModuleError::NoDevice { kind: "sink", name: self.sink.clone().unwrap_or_default() };
            let sink = state.registry.sink_by_name(self.sink.as_deref()).ok_or_else(none)?;
            let attr = Feeder::attr(&self.spec, PLAYBACK_USEC);
            let (input, playback) = state.add_fed_input(stream(sink), self.spec, attr, SINK_LATENCY_USEC)?;
            connection.input = Some((input, Feeder::new(playback, &self.spec, &attr)));
        }
        if self.record {
            let none =
                || ModuleError::NoDevice { kind: "source", name: self.source.clone().unwrap_or_default() };
            let source = state.registry.source_by_name(self.source.as_deref()).ok_or_else(none)?;
            let size = (self.spec.usec_to_bytes(BLOCK_USEC) as usize).max(self.spec.frame_size());
            let latency_usec = SOURCE_LATENCY_USEC.min(BLOCK_USEC);
            let (output, record) = state.add_taken_output(stream(source), self.spec, size, latency_usec)?;
            connection.output = Some((output, Taker::new(state, record, size)));
        }
        Ok(())
    }

    /// Lets a connection do something, and closes it where it does not live on.
    fn with(
        &mut self,
        state: &mut State,
        which: impl Fn(&Connection) -> bool,
        act: impl FnOnce(&mut Connection, &mut State) -> bool,
    ) {
        let Some(place) = self.connections.iter().position(which) else { return };
        if !act(&mut self.connections[place], state) {
            self.connections.swap_remove(place).close(state);
        }
    }
}

impl Instance for SimpleProtocol {
    fn accepted(&mut self, state: &mut State, me: u32, stream: OwnedFd, peer: Peer) {
        if self.connections.len() >= CONNECTIONS_MAX {
            if state.warnings.allow() {
                tracing::warn!(limit = CONNECTIONS_MAX, "too many simple clients: connection refused");
            }
            return;
        }
        if let Err(error) = self.open(state, me, stream, peer)
            && state.warnings.allow()
        {
            tracing::warn!(module = me, %error, "a simple client cannot be served");
        }
    }

    fn ready(&mut self, state: &mut State, _me: u32, client: u32) {
        self.with(state, |connection| connection.client == client, Connection::read);
    }

    fn engine_event(&mut self, state: &mut State, _me: u32, event: Event) {
        let most = self.spec.usec_to_bytes(RECORD_USEC) as usize;
        match event {
            Event::Request { stream, bytes } => self.with(
                state,
                |connection| connection.is_fed_by(stream),
                |connection, state| {
                    if let Some((_, feeder)) = &mut connection.input {
                        feeder.request(bytes);
                    }
                    connection.watch.enable(state, true);
                    true
                },
            ),
            Event::Drained { stream, .. } => {
                self.with(state, |connection| connection.is_fed_by(stream), |_, _| false);
            }
            Event::Recorded { stream, block, length } => self.with(
                state,
                |connection| connection.takes_from(stream),
                |connection, state| connection.write(state, &block, length, most),
            ),
            _ => {}
        }
    }

    fn client_killed(&mut self, state: &mut State, _me: u32, client: u32) {
        self.with(state, |connection| connection.client == client, |_, _| false);
    }

    fn stream_killed(&mut self, state: &mut State, _me: u32, stream: ModuleStream) {
        let has = |connection: &Connection| match stream {
            ModuleStream::Input(index) => connection.input.as_ref().is_some_and(|(input, _)| *input == index),
            ModuleStream::Output(index) => {
                connection.output.as_ref().is_some_and(|(output, _)| *output == index)
            }
        };
        self.with(state, has, |_, _| false);
    }

    fn unload(self: Box<Self>, state: &mut State, _me: u32) {
        state.close_listener(self.listener);
        for connection in self.connections {
            connection.close(state);
        }
    }
}
