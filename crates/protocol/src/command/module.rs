//! Modules, what they add to the protocol, and messages to objects.

use super::define::tagstruct;
use crate::values::Opaque;

tagstruct! {
    /// Loads a module.
    LoadModule {
        /// Its name, such as `module-null-sink`; NULL is an invalid argument.
        name: Option<String>,
        /// Its arguments.
        argument: Option<String>,
    }

    /// Answers [`LoadModule`].
    LoadModuleReply {
        /// The module's index.
        index: u32,
    }

    /// Unloads a module.
    UnloadModule {
        /// The module.
        index: Option<u32>,
    }

    /// A command that a module understands, chosen by index or by name.
    Extension {
        /// The module by index.
        index: Option<u32>,
        /// The module by name.
        name: Option<String>,
        /// The module's command and its arguments: a tagstruct whose form only the module knows.
        content: Opaque,
    }

    /// Sends a message to an object.
    SendObjectMessage {
        /// The object, such as `/core`; NULL is an invalid argument.
        object_path: Option<String>,
        /// The message, such as `list-handlers`; NULL is an invalid argument.
        message: Option<String>,
        /// Its parameters; NULL is the same as empty.
        parameters: Option<String>,
    }

    /// Answers [`SendObjectMessage`].
    SendObjectMessageReply {
        /// The object's answer; NULL is the same as empty.
        response: Option<String>,
    }

    /// Obsolete since PulseAudio 0.9.15, which no longer reads what it consists of.
    AddAutoload {
        /// As it came.
        content: Opaque,
    }

    /// Obsolete since PulseAudio 0.9.15, which no longer reads what it consists of.
    RemoveAutoload {
        /// As it came.
        content: Opaque,
    }

    /// Obsolete since PulseAudio 0.9.15, which no longer reads what it consists of.
    GetAutoloadInfo {
        /// As it came.
        content: Opaque,
    }

    /// Obsolete since PulseAudio 0.9.15, which no longer reads what it consists of.
    GetAutoloadInfoList {
        /// As it came.
        content: Opaque,
    }
}
