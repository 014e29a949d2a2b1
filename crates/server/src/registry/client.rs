//! Clients.

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
