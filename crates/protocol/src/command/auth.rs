//! Connecting: authentication, the client's name and properties, shared memory.

use super::define::tagstruct;
use crate::values::{Cookie, UpdateMode};
use crate::{PropList, VersionWord};

tagstruct! {
    /// The first command of a connection. Its form is the same in all versions.
    Auth {
        /// The client's version, and what it can do.
        version: VersionWord,
        /// What the client has to know if it is not of the server's user.
        cookie: Cookie,
    }

    /// The server's version; the lower of both is spoken from here on.
    AuthReply {
        /// The server's version, and what is agreed on.
        version: VersionWord,
    }

    /// Says who the client is; comes right after [`Auth`].
    SetClientName {
        /// The application's name.
        name: Option<String> [until 13],
        /// The client's properties, `application.name` among them.
        properties: PropList [since 13],
    }

    /// Answers [`SetClientName`].
    SetClientNameReply {
        /// The client's index.
        client_index: Option<u32> [since 13],
    }

    /// Changes the client's properties.
    UpdateClientProplist {
        /// How.
        mode: UpdateMode,
        /// The properties.
        properties: PropList,
    }

    /// Removes properties of the client.
    RemoveClientProplist {
        /// The names, at most 4,096.
        names: Vec<String> [as NullEnded],
    }

    /// Asks the server to end.
    Exit;

    /// Tells the client to take a srbchannel into use; its eventfds come with the packet, the ring's memory
    /// in the block after it. The client sends the same command, with the same tag, when it has done so.
    EnableSrbchannel;

    /// Ends the use of the srbchannel; the client sends it back.
    DisableSrbchannel;

    /// Makes a memfd, which comes with the packet, known under an id.
    RegisterMemfdShmid {
        /// The id in block references.
        shm_id: u32,
    }
}
