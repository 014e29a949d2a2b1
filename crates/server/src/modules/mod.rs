//! Modules. All are built in: `load-module` finds them by PulseAudio's names.

mod args;
mod null_sink;

use sealpulse_protocol::{Facility, Operation, PropList};
use sealpulse_spec::SampleSpec;

use crate::policy::SinkError;
use crate::registry::{Module, ModuleKind};
use crate::state::State;

/// The module that stands for a listening socket.
const NATIVE_PROTOCOL: &str = "module-native-protocol-unix";

/// Why a module cannot be loaded. Clients see `PA_ERR_MODINITFAILED`; the log says more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModuleError {
    /// There is no module of this name.
    #[error("there is no module `{name}`")]
    Unknown {
        /// The name.
        name: String,
    },
    /// The arguments are not `key=value` pairs, or a quote is not closed.
    #[error("the arguments cannot be read from byte {at} on")]
    Syntax {
        /// Where reading failed.
        at: usize,
    },
    /// The module does not know an argument.
    #[error("unknown argument `{key}`")]
    UnknownArgument {
        /// The argument.
        key: String,
    },
    /// An argument is there twice.
    #[error("the argument `{key}` is there twice")]
    Repeated {
        /// The argument.
        key: String,
    },
    /// An argument cannot have this value.
    #[error("`{value}` is no value for `{key}`")]
    BadValue {
        /// The argument.
        key: &'static str,
        /// Its value.
        value: String,
    },
    /// Channels or rate are out of range.
    #[error("{spec} is not possible")]
    BadSpec {
        /// The spec.
        spec: SampleSpec,
    },
    /// The channel map is for another number of channels.
    #[error("a map of {map_channels} channels does not fit {channels} channels")]
    MapMismatch {
        /// Channels of the spec.
        channels: u8,
        /// Channels of the map.
        map_channels: u8,
    },
    /// The name of a device is empty, or taken up to `.99`.
    #[error("a device cannot be named `{name}`")]
    Name {
        /// The name.
        name: String,
    },
    /// So many modules are loaded already.
    #[error("{limit} modules are loaded already")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// The engine has no room for the device.
    #[error(transparent)]
    Engine(#[from] sealpulse_engine::EngineError),
}

impl From<SinkError> for ModuleError {
    fn from(error: SinkError) -> Self {
        match error {
            SinkError::Name(name) => Self::Name { name },
            SinkError::Engine(error) => Self::Engine(error),
        }
    }
}

fn properties(description: &str) -> PropList {
    [
        ("module.author", "The sealpulse developers"),
        ("module.description", description),
        ("module.version", env!("CARGO_PKG_VERSION")),
    ]
    .into_iter()
    .collect()
}

impl State {
    /// Loads a module; its index.
    pub(crate) fn load_module(&mut self, name: &str, argument: Option<&str>) -> Result<u32, ModuleError> {
        if self.registry.modules.len() >= self.settings.limits.modules {
            return Err(ModuleError::TooMany { limit: self.settings.limits.modules });
        }
        // PulseAudio takes the file's name too.
        let known = match name.strip_suffix(".so").unwrap_or(name) {
            null_sink::NAME => null_sink::NAME,
            _ => return Err(ModuleError::Unknown { name: name.to_owned() }),
        };
        // One that fails uses up an index, as in PulseAudio.
        let index = self.registry.modules.reserve();
        let sink = self.load_null_sink(index, argument.unwrap_or_default())?;
        let module = Module {
            name: known,
            argument: argument.map(str::to_owned),
            proplist: properties("Clocked NULL sink"),
            kind: ModuleKind::NullSink { sink },
        };
        self.registry.modules.insert(index, module);
        self.post(Facility::Module, Operation::New, index);
        tracing::info!(module = index, name, argument, "loaded");
        Ok(index)
    }

    /// Makes the module that owns what comes by a configured socket.
    pub(crate) fn add_protocol_module(&mut self, listener: usize) -> u32 {
        self.registry.modules.add(Module {
            name: NATIVE_PROTOCOL,
            argument: None,
            proplist: properties("Native protocol (UNIX sockets)"),
            kind: ModuleKind::NativeProtocol { listener },
        })
    }

    /// Unloads a module and all that it made.
    pub(crate) fn unload_module(&mut self, index: u32) {
        let Some(module) = self.registry.modules.remove(index) else { return };
        match module.kind {
            ModuleKind::NullSink { sink } => self.remove_sink(sink),
            ModuleKind::NativeProtocol { listener } => self.close_listener(listener),
        }
        self.post(Facility::Module, Operation::Remove, index);
        tracing::info!(module = index, name = module.name, "unloaded");
    }

    /// Unloads what was asked to go during the turn.
    pub(crate) fn unload_requested(&mut self) {
        for index in std::mem::take(&mut self.unloading) {
            self.unload_module(index);
        }
    }
}
