//! `module-cli-protocol-unix`, `-tcp` and `module-cli`: scripts' commands by a socket (`pacmd`) and on the terminal.

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use sealpulse_protocol::{Facility, Operation, PropList};

use super::argument::{Argument, Type};
use super::flow::Watch;
use super::sockets::{TCP, UNIX_SOCKET, tcp_sockets, unix_socket};
use super::{Instance, Kind, Loading, ModuleError};
use crate::listeners::{Bound, Greeting, Peer};
use crate::registry::Client;
use crate::script::Script;
use crate::state::State;

/// PulseAudio's port.
const PORT: u16 = 4712;

/// Most connections of one module.
const CONNECTIONS_MAX: usize = 25;

/// Longest line in bytes; whoever sends a longer one is disconnected.
const LINE_MAX: usize = 64 << 10;

/// Answers that wait for a client that does not read, in bytes; beyond that it is disconnected.
const UNSENT_MAX: usize = 4 << 20;

const PROMPT: &str = ">>> ";

pub(super) static UNIX: Kind = Kind {
    name: "module-cli-protocol-unix",
    description: "Command line interface protocol (UNIX sockets)",
    driver: "cli.c",
    arguments: &[UNIX_SOCKET],
    once: false,
    load: |state, loading| {
        let bound = Bound::unix(&mut state.passed, &unix_socket(loading.args, "cli")?).map_err(Box::new)?;
        load(state, loading, vec![bound])
    },
};

pub(super) static TCP_KIND: Kind = Kind {
    name: "module-cli-protocol-tcp",
    description: "Command line interface protocol (TCP sockets)",
    driver: "cli.c",
    arguments: &[TCP],
    once: false,
    load: |state, loading| {
        let sockets = tcp_sockets(state, loading.args, PORT)?;
        load(state, loading, sockets)
    },
};

pub(super) static TERMINAL: Kind = Kind {
    name: "module-cli",
    description: "Command line interface",
    driver: "cli.c",
    arguments: &[&[Argument::new(
        "exit_on_eof",
        Type::Boolean,
        "no",
        "Whether the server ends when its standard input does.",
    )]],
    once: true,
    load: load_terminal,
};

fn load(
    state: &mut State,
    loading: &Loading<'_>,
    sockets: Vec<Bound>,
) -> Result<Box<dyn Instance>, ModuleError> {
    let listener = state.listen(loading.index, sockets, &Greeting::Module).map_err(Box::new)?;
    Ok(Box::new(CliProtocol {
        listener: Some(listener),
        driver: loading.kind.driver,
        connections: Vec::new(),
        at_end: AtEnd::Nothing,
    }))
}

fn load_terminal(state: &mut State, loading: &Loading<'_>) -> Result<Box<dyn Instance>, ModuleError> {
    let failed = |source| ModuleError::Io { what: "the terminal".to_owned(), source };
    let input = rustix::io::dup(std::io::stdin()).map_err(|error| failed(error.into()))?;
    let output = rustix::io::dup(std::io::stdout()).map_err(|error| failed(error.into()))?;
    let at_end = if loading.args.boolean("exit_on_eof", false) { AtEnd::Exit } else { AtEnd::Unload };
    let mut cli =
        CliProtocol { listener: None, driver: loading.kind.driver, connections: Vec::new(), at_end };
    cli.open(state, loading.index, input, Some(output), "stdin").map_err(failed)?;
    if let Some(connection) = cli.connections.first_mut() {
        connection.interactive = true;
        connection.send(PROMPT);
    }
    Ok(Box::new(cli))
}

/// What the end of the last connection means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AtEnd {
    Nothing,
    Unload,
    Exit,
}

#[derive(Debug)]
struct CliProtocol {
    listener: Option<usize>,
    driver: &'static str,
    connections: Vec<Connection>,
    at_end: AtEnd,
}

#[derive(Debug)]
struct Connection {
    /// Its client's index, which names it everywhere.
    client: u32,
    input: OwnedFd,
    /// Where answers go, if not back.
    output: Option<OwnedFd>,
    watch: Watch,
    script: Script,
    interactive: bool,
    received: Vec<u8>,
    unsent: Vec<u8>,
    last_line: String,
}

impl Connection {
    fn close(mut self, state: &mut State) {
        self.watch.remove(state);
        if state.registry.clients.remove(self.client).is_some() {
            state.post(Facility::Client, Operation::Remove, self.client);
        }
    }

    /// Queues an answer and sends what goes at once; whether the connection lives on.
    fn send(&mut self, text: &str) -> bool {
        self.unsent.extend_from_slice(text.as_bytes());
        while !self.unsent.is_empty() {
            let written = match &self.output {
                Some(output) => rustix::io::write(output, &self.unsent),
                None => rustix::net::send(&self.input, &self.unsent, rustix::net::SendFlags::NOSIGNAL),
            };
            match written {
                Ok(written) => {
                    self.unsent.drain(..written);
                }
                Err(Errno::INTR) => {}
                // The rest goes with the next answer.
                Err(Errno::AGAIN) => return self.unsent.len() <= UNSENT_MAX,
                Err(_) => return false,
            }
        }
        true
    }

    /// Reads what is there and carries out whole lines; whether the connection lives on.
    fn read(&mut self, state: &mut State) -> bool {
        let mut bytes = [0; 4_096];
        match rustix::io::read(&self.input, &mut bytes) {
            Ok(0) => return false,
            Ok(read) => self.received.extend_from_slice(&bytes[..read]),
            Err(Errno::AGAIN | Errno::INTR) => return true,
            Err(_) => return false,
        }
        while let Some(end) = self.received.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.received.drain(..=end).collect();
            if !self.line(state, String::from_utf8_lossy(&line).trim_end()) {
                return false;
            }
        }
        self.received.len() <= LINE_MAX
    }

    fn line(&mut self, state: &mut State, line: &str) -> bool {
        // A slash repeats the last line, as modems did.
        let line = if line == "/" { self.last_line.clone() } else { line.to_owned() };
        let mut out = String::new();
        if line == "hello" {
            self.interactive = true;
            out = format!("Welcome to sealpulse {}! Try \"help\".\n", env!("CARGO_PKG_VERSION"));
        } else {
            // An error is in what it says.
            let _ = state.run_line(&mut self.script, &line, &mut out);
        }
        self.last_line = line;
        if self.interactive {
            out.push_str(PROMPT);
        }
        self.send(&out)
    }
}

impl CliProtocol {
    fn open(
        &mut self,
        state: &mut State,
        me: u32,
        input: OwnedFd,
        output: Option<OwnedFd>,
        name: &str,
    ) -> std::io::Result<()> {
        let client = state.registry.clients.reserve();
        let mut watch = Watch::new(state, me, &input, client)?;
        watch.enable(state, true);
        let mut proplist = PropList::new();
        proplist.set_str("application.name", name);
        let entry = Client { session: None, driver: self.driver, module: me, proplist };
        state.registry.clients.insert(client, entry);
        state.post(Facility::Client, Operation::New, client);
        self.connections.push(Connection {
            client,
            input,
            output,
            watch,
            script: Script::new(true),
            interactive: false,
            received: Vec::new(),
            unsent: Vec::new(),
            last_line: String::new(),
        });
        Ok(())
    }

    fn end(&mut self, state: &mut State, me: u32, client: u32) {
        let Some(place) = self.connections.iter().position(|connection| connection.client == client) else {
            return;
        };
        self.connections.swap_remove(place).close(state);
        match self.at_end {
            AtEnd::Nothing => {}
            AtEnd::Unload => state.request_unload(me),
            AtEnd::Exit => state.stopping = true,
        }
    }
}

impl Instance for CliProtocol {
    fn accepted(&mut self, state: &mut State, me: u32, stream: OwnedFd, peer: Peer) {
        if self.connections.len() >= CONNECTIONS_MAX {
            return;
        }
        if let Err(error) = self.open(state, me, stream, None, &peer.to_string()) {
            tracing::warn!(module = me, %error, "a connection cannot be served");
        }
    }

    fn ready(&mut self, state: &mut State, me: u32, client: u32) {
        let Some(connection) = self.connections.iter_mut().find(|connection| connection.client == client)
        else {
            return;
        };
        if !connection.read(state) {
            self.end(state, me, client);
        }
    }

    fn client_killed(&mut self, state: &mut State, me: u32, client: u32) {
        self.end(state, me, client);
    }

    fn unload(self: Box<Self>, state: &mut State, _me: u32) {
        if let Some(listener) = self.listener {
            state.close_listener(listener);
        }
        for connection in self.connections {
            connection.close(state);
        }
    }
}
