//! Clients and modules.

use sealpulse_protocol::PropList;

use crate::session::SessionKey;

/// Somebody who is connected.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) session: SessionKey,
    /// The protocol module whose socket the client came by.
    pub(crate) module: u32,
    pub(crate) proplist: PropList,
}

/// Something loaded: here all modules are built in.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) name: &'static str,
    pub(crate) argument: Option<String>,
    pub(crate) proplist: PropList,
    pub(crate) kind: ModuleKind,
}

/// What a module keeps.
#[derive(Debug)]
pub(crate) enum ModuleKind {
    /// A listening socket, by its place in the configuration.
    NativeProtocol { listener: usize },
    /// A null sink, by its index.
    NullSink { sink: u32 },
}
