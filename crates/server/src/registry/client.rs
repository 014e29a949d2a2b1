//! Clients.

use sealpulse_protocol::PropList;

use crate::session::SessionKey;

/// Somebody who is connected.
#[derive(Debug)]
pub(crate) struct Client {
    /// `None` for one that speaks a module's own protocol.
    pub(crate) session: Option<SessionKey>,
    /// Source file name in PulseAudio.
    pub(crate) driver: &'static str,
    /// The protocol module whose socket the client came by.
    pub(crate) module: u32,
    pub(crate) proplist: PropList,
}
