//! `module-native-protocol-unix`, `-tcp` and `-fd`: where PulseAudio's clients connect.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::args::ModuleArgs;
use super::argument::{Argument, Type};
use super::sockets::{TCP, UNIX_SOCKET, tcp_sockets, unix_socket};
use super::{Instance, Kind, Loading, ModuleError};
use crate::access::{Access, IpAcl, group_number};
use crate::config::CookieSource;
use crate::cookie;
use crate::listeners::{Bound, Greeting, Peer};
use crate::state::State;

/// PulseAudio's port (`PA_NATIVE_DEFAULT_PORT`).
const PORT: u16 = 4713;

const AUTH: &[Argument] = &[
    Argument::new("auth-anonymous", Type::Boolean, "no", "Whether everybody who can connect is let in."),
    Argument::new(
        "auth-cookie",
        Type::Path,
        "the user's cookie",
        "The file with the cookie that clients show.",
    ),
    Argument::new("cookie", Type::Path, "the user's cookie", "The old name of auth-cookie."),
    Argument::new("auth-cookie-enabled", Type::Boolean, "yes", "Whether a cookie is enough."),
    Argument::new("srbchannel", Type::Boolean, "yes", "Whether clients are offered rings in shared memory."),
];

const GROUP: &[Argument] = &[
    Argument::new("auth-group", Type::Text, "none", "A group whose members are let in."),
    Argument::new("auth-group-enable", Type::Boolean, "yes", "Whether auth-group counts."),
];

const ACL: &[Argument] = &[Argument::new(
    "auth-ip-acl",
    Type::Text,
    "none",
    "Addresses and networks that are let in, separated by semicolons.",
)];

pub(super) static UNIX: Kind = Kind {
    name: "module-native-protocol-unix",
    description: "Native protocol (UNIX sockets)",
    driver: "module-native-protocol-unix.c",
    arguments: &[AUTH, GROUP, UNIX_SOCKET],
    once: false,
    load: |state, loading| {
        let path = unix_socket(loading.args, "native")?;
        let bound = Bound::unix(&mut state.passed, &path).map_err(Box::new)?;
        load(state, loading, vec![bound])
    },
};

pub(super) static TCP_KIND: Kind = Kind {
    name: "module-native-protocol-tcp",
    description: "Native protocol (TCP sockets)",
    driver: "module-native-protocol-tcp.c",
    arguments: &[AUTH, ACL, TCP],
    once: false,
    load: |state, loading| {
        let sockets = tcp_sockets(state, loading.args, PORT)?;
        load(state, loading, sockets)
    },
};

pub(super) static FD: Kind = Kind {
    name: "module-native-protocol-fd",
    description: "Native protocol for one connection that is there already",
    driver: "module-native-protocol-fd.c",
    arguments: &[&[Argument::new(
        "fd",
        Type::Number(0, i32::MAX as u32),
        "required",
        "The number of the connection's descriptor, which the server was started with.",
    )]],
    once: true,
    load: load_fd,
};

fn load(
    state: &mut State,
    loading: &Loading<'_>,
    sockets: Vec<Bound>,
) -> Result<Box<dyn Instance>, ModuleError> {
    let access = access(state, loading.args)?;
    let listener =
        state.listen(loading.index, sockets, &Greeting::Native(Rc::new(access))).map_err(Box::new)?;
    Ok(Box::new(NativeProtocol { listener, connection: None }))
}

fn access(state: &State, args: &ModuleArgs) -> Result<Access, ModuleError> {
    let cookie = match args.text("auth-cookie").or_else(|| args.text("cookie")) {
        _ if !args.boolean("auth-cookie-enabled", true) => None,
        None => state.cookie.clone(),
        Some(file) => {
            let source = CookieSource::File(cookie_path(&file));
            cookie::load(&source).map_err(Box::new)?.map(Rc::new)
        }
    };
    let group = match args.known_text("auth-group") {
        Some(name) if args.boolean("auth-group-enable", true) => {
            let number = group_number(&name);
            Some(
                number
                    .ok_or_else(|| ModuleError::Conflict { what: format!("there is no group `{name}`") })?,
            )
        }
        None if args.knows("auth-group") && args.boolean("auth-group-enable", true) => {
            state.settings.auth_group
        }
        _ => None,
    };
    let addresses = match args.known_text("auth-ip-acl") {
        Some(text) => Some(IpAcl::parse(&text).ok_or_else(|| ModuleError::BadValue {
            key: "auth-ip-acl",
            value: text,
            expected: "addresses such as 127.0.0.1;192.168.0.0/16".to_owned(),
        })?),
        None => None,
    };
    Ok(Access {
        anonymous: args.boolean("auth-anonymous", false),
        cookie,
        addresses,
        group,
        srbchannel: args.boolean("srbchannel", true),
    })
}

/// A cookie's file: in the configuration directory, unless it says where it is.
fn cookie_path(file: &str) -> PathBuf {
    let path = Path::new(file);
    if path.is_absolute() {
        return path.to_owned();
    }
    cookie::configuration_directory().map_or_else(|| path.to_owned(), |directory| directory.join(path))
}

fn load_fd(state: &mut State, loading: &Loading<'_>) -> Result<Box<dyn Instance>, ModuleError> {
    let number = loading.args.number("fd").ok_or(ModuleError::Missing { key: "fd" })?;
    // What a parent left open is reached by its number alone; a copy of ours is as good.
    let copy = std::fs::read_link(format!("/proc/self/fd/{number}"))
        .and_then(|_| duplicate(number))
        .map_err(|source| ModuleError::Io { what: format!("the descriptor {number}"), source })?;
    let access = Access { anonymous: true, srbchannel: true, ..Access::default() };
    let listener = state.listen(loading.index, Vec::new(), &Greeting::Module).map_err(Box::new)?;
    let connection = copy.try_clone().ok();
    state.open_session(copy, listener, Peer::Unix, &Rc::new(access));
    Ok(Box::new(NativeProtocol { listener, connection }))
}

/// Another descriptor of the socket that `number` is, fetched from ourselves.
fn duplicate(number: u32) -> std::io::Result<OwnedFd> {
    let own = rustix::process::getpid();
    let pidfd = rustix::process::pidfd_open(own, rustix::process::PidfdFlags::empty())?;
    let fd = i32::try_from(number).unwrap_or(-1);
    Ok(rustix::process::pidfd_getfd(&pidfd, fd, rustix::process::PidfdGetfdFlags::empty())?)
}

/// Sockets that listen, by their place.
#[derive(Debug)]
pub(super) struct NativeProtocol {
    pub(super) listener: usize,
    /// A connection that was there already: its first descriptor stays open, so it must be told of the end.
    pub(super) connection: Option<OwnedFd>,
}

impl Instance for NativeProtocol {
    fn unload(self: Box<Self>, state: &mut State, _me: u32) {
        state.close_listener(self.listener);
        if let Some(connection) = self.connection {
            let _ = rustix::net::shutdown(connection, rustix::net::Shutdown::Both);
        }
    }
}
