//! Modules. All are built in: `load-module` finds them by PulseAudio's names. A module is a file here and a line in
//! [`KINDS`].

mod always;
pub(crate) mod args;
pub(crate) mod argument;
mod augment_properties;
mod card_restore;
mod catalogue;
mod cli_protocol;
mod combine_sink;
mod default_device_restore;
mod device_manager;
mod device_restore;
mod error;
mod extension;
mod filter;
mod filter_apply;
mod filter_heuristics;
mod flow;
mod intended_roles;
mod kind;
mod later;
mod lifetime;
mod loopback;
mod match_table;
mod native_protocol;
mod null_sink;
mod null_source;
mod pipe;
mod position_event_sounds;
mod remap;
mod rescue_streams;
mod saved;
mod saved_volume;
mod simple_protocol;
mod sine;
mod sockets;
mod stream_interaction;
mod stream_restore;
mod suspend_on_idle;
mod switch_on_connect;
mod tunnel;
mod virtual_device;
mod virtual_mic;

pub use catalogue::{ArgumentInfo, ArgumentValue, ModuleInfo, modules};
pub use error::ModuleError;
pub(crate) use extension::ExtensionError;
pub(crate) use kind::{Instance, Kind, Loading, ModuleStream};
pub(crate) use lifetime::Lifetime;

use sealpulse_protocol::{Facility, Operation, PropList};

use crate::session::SessionKey;
use crate::state::State;
use args::ModuleArgs;

/// All modules, by name.
pub(crate) static KINDS: &[&Kind] = &[
    &always::SINK,
    &always::SOURCE,
    &augment_properties::KIND,
    &card_restore::KIND,
    &cli_protocol::TCP_KIND,
    &cli_protocol::TERMINAL,
    &cli_protocol::UNIX,
    &combine_sink::KIND,
    &default_device_restore::KIND,
    &device_manager::KIND,
    &device_restore::KIND,
    &filter_apply::KIND,
    &filter_heuristics::KIND,
    &intended_roles::KIND,
    &loopback::KIND,
    &match_table::KIND,
    &native_protocol::FD,
    &native_protocol::TCP_KIND,
    &native_protocol::UNIX,
    &null_sink::KIND,
    &null_source::KIND,
    &pipe::SINK_KIND,
    &pipe::SOURCE_KIND,
    &position_event_sounds::KIND,
    &remap::SINK_KIND,
    &remap::SOURCE_KIND,
    &rescue_streams::KIND,
    &simple_protocol::TCP_KIND,
    &simple_protocol::UNIX,
    &sine::SINK,
    &sine::SOURCE_KIND,
    &stream_interaction::CORK,
    &stream_interaction::DUCKING,
    &stream_restore::KIND,
    &suspend_on_idle::KIND,
    &switch_on_connect::KIND,
    &tunnel::NEW_SINK_KIND,
    &tunnel::NEW_SOURCE_KIND,
    &tunnel::SINK_KIND,
    &tunnel::SOURCE_KIND,
    &virtual_device::SINK_KIND,
    &virtual_device::SOURCE_KIND,
    &virtual_mic::KIND,
];

/// A module that is loaded.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) kind: &'static Kind,
    pub(crate) argument: Option<String>,
    pub(crate) proplist: PropList,
    pub(crate) lifetime: Lifetime,
    /// `None` while it is loaded, or busy with what it was told.
    instance: Option<Box<dyn Instance>>,
}

impl Module {
    fn new(kind: &'static Kind, argument: Option<&str>) -> Self {
        let mut proplist: PropList = [
            ("module.author", "The sealpulse developers"),
            ("module.description", kind.description),
            ("module.version", env!("CARGO_PKG_VERSION")),
        ]
        .into_iter()
        .collect();
        let usage = kind.usage();
        if !usage.is_empty() {
            proplist.set_str("module.usage", &usage);
        }
        let argument = argument.map(str::to_owned);
        Self { kind, argument, proplist, lifetime: Lifetime::default(), instance: None }
    }

    /// Whether somebody uses what it made.
    fn in_use(&self, state: &State) -> bool {
        self.instance.as_ref().is_some_and(|instance| instance.in_use(state))
    }

    /// How much it is used; `None` where that cannot be said.
    pub(crate) fn used(&self, state: &State) -> Option<u32> {
        self.instance.as_ref().and_then(|instance| instance.used(state))
    }
}

/// The module of this name, which may be that of its file.
pub(crate) fn kind(name: &str) -> Option<&'static Kind> {
    let name = name.strip_suffix(".so").unwrap_or(name);
    KINDS.iter().find(|kind| kind.name == name).copied()
}

/// The same, with the reason where there is none.
fn known_kind(name: &str) -> Result<&'static Kind, ModuleError> {
    kind(name).ok_or_else(|| match later::reason(name.strip_suffix(".so").unwrap_or(name)) {
        Some((name, reason)) => ModuleError::NotYet { name, reason },
        None => ModuleError::Unknown { name: name.to_owned() },
    })
}

impl State {
    /// Loads a module, for a client or for the configuration; its index.
    pub(crate) fn load_module(
        &mut self,
        name: &str,
        argument: Option<&str>,
        maker: Option<SessionKey>,
    ) -> Result<u32, ModuleError> {
        if self.registry.modules.len() >= self.settings.limits.modules {
            return Err(ModuleError::TooMany { limit: self.settings.limits.modules });
        }
        let kind = known_kind(name)?;
        if kind.once && self.registry.modules.values().any(|module| std::ptr::eq(module.kind, kind)) {
            return Err(ModuleError::Loaded { name: kind.name });
        }
        // One that fails uses up an index, as in PulseAudio.
        let index = self.registry.modules.reserve();
        let mut module = Module::new(kind, argument);
        let args = ModuleArgs::parse(argument.unwrap_or_default(), kind)?;
        module.lifetime = Lifetime::from_args(kind, &args, maker)?;
        self.registry.modules.insert(index, module);
        let loaded = (kind.load)(self, &Loading { index, kind, args: &args });
        match loaded {
            Ok(instance) => self.module_loaded(index, instance),
            Err(error) => {
                self.registry.modules.remove(index);
                return Err(error);
            }
        }
        tracing::info!(module = index, name, argument, "loaded");
        Ok(index)
    }

    fn module_loaded(&mut self, index: u32, instance: Box<dyn Instance>) {
        if instance.listens() {
            self.listening_modules.push(index);
        }
        if let Some(module) = self.registry.modules.get_mut(index) {
            module.instance = Some(instance);
        }
        self.post(Facility::Module, Operation::New, index);
        self.start_lifetime(index);
    }

    /// Makes the module that owns what comes by a configured socket.
    pub(crate) fn add_protocol_module(&mut self, listener: usize) -> u32 {
        let index = self.registry.modules.add(Module::new(&native_protocol::UNIX, None));
        self.module_loaded(index, Box::new(native_protocol::NativeProtocol { listener, connection: None }));
        index
    }

    /// Unloads a module and all that it made.
    pub(crate) fn unload_module(&mut self, index: u32) {
        let Some(module) = self.registry.modules.remove(index) else { return };
        self.listening_modules.retain(|&listening| listening != index);
        self.end_lifetime(index, &module.lifetime);
        // One that is busy is unloaded when it is done.
        if let Some(instance) = module.instance {
            instance.unload(self, index);
        }
        self.post(Facility::Module, Operation::Remove, index);
        tracing::info!(module = index, name = module.kind.name, "unloaded");
    }

    /// Unloads a module at the end of the turn.
    pub(crate) fn request_unload(&mut self, index: u32) {
        if !self.unloading.contains(&index) {
            self.unloading.push(index);
        }
    }

    /// Unloads what was asked to go during the turn.
    pub(crate) fn unload_requested(&mut self) {
        for index in std::mem::take(&mut self.unloading) {
            self.unload_module(index);
        }
    }

    /// Lets a module do something with the state. It hears nothing of what it does meanwhile.
    pub(crate) fn with_module<R>(
        &mut self,
        index: u32,
        tell: impl FnOnce(&mut dyn Instance, &mut State) -> R,
    ) -> Option<R> {
        let mut instance = self.registry.modules.get_mut(index)?.instance.take()?;
        let result = tell(&mut *instance, self);
        match self.registry.modules.get_mut(index) {
            Some(module) => module.instance = Some(instance),
            None => instance.unload(self, index),
        }
        Some(result)
    }

    /// Tells all modules, in the order in which they came.
    pub(crate) fn tell_modules(&mut self, mut tell: impl FnMut(&mut dyn Instance, &mut State, u32)) {
        for index in self.registry.modules.indexes() {
            self.with_module(index, |instance, state| tell(instance, state, index));
        }
    }

    /// Tells the modules that want to know what has changed since the last time.
    pub(crate) fn tell_changes(&mut self) {
        // What a module changes may concern another; a loop between two of them must end.
        for _ in 0..CHANGE_ROUNDS {
            if self.changes.is_empty() {
                return;
            }
            for change in std::mem::take(&mut self.changes) {
                for index in self.listening_modules.clone() {
                    self.with_module(index, |instance, state| instance.changed(state, index, change));
                }
            }
        }
        if !self.changes.is_empty() && self.warnings.allow() {
            tracing::warn!("modules keep changing what others have changed");
        }
        self.changes.clear();
    }
}

/// How often modules hear of what modules have changed, before the server goes on with something else.
const CHANGE_ROUNDS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_declared_well() {
        for kind in KINDS {
            assert!(kind.name.starts_with("module-"), "{}", kind.name);
            assert!(KINDS.iter().filter(|other| other.name == kind.name).count() == 1, "{}", kind.name);
            assert!(later::reason(kind.name).is_none(), "{} is there", kind.name);
            for argument in kind.arguments() {
                let same = kind.arguments().filter(|other| other.name == argument.name).count();
                assert_eq!(same, 1, "{}: {}", kind.name, argument.name);
                assert!(argument.text.ends_with('.'), "{}: {}", kind.name, argument.name);
                assert!(!argument.default.is_empty(), "{}: {}", kind.name, argument.name);
            }
        }
    }
}
