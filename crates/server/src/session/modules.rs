//! Loading and unloading modules, and their own commands.

use sealpulse_protocol::command::{Ack, Extension, LoadModule, LoadModuleReply, UnloadModule};

use sealpulse_protocol::{ErrorCode, Opaque};

use super::dispatch::done;
use super::{Caller, Handle, Handled, Outcome};
use crate::modules::ExtensionError;
use crate::state::State;

impl Handle for LoadModule {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<LoadModuleReply> {
        let name =
            self.name.filter(|name| !name.is_empty() && !name.contains('/')).ok_or(ErrorCode::Invalid)?;
        if !state.settings.allow_module_loading {
            return Err(ErrorCode::ModuleInitFailed);
        }
        match state.load_module(&name, self.argument.as_deref(), Some(caller.session)) {
            Ok(index) => Ok(Outcome::Reply(LoadModuleReply { index })),
            Err(error) => {
                if state.warnings.allow() {
                    let argument = self.argument.unwrap_or_default();
                    tracing::warn!(client = caller.session.client(), name, argument, %error, "module not loaded");
                }
                Err(ErrorCode::ModuleInitFailed)
            }
        }
    }
}

impl Handle for Extension {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<Opaque> {
        let index = match (self.index, self.name.as_deref()) {
            (Some(index), None) => Some(index),
            (None, Some(name)) => {
                let mut modules = state.registry.modules.iter();
                modules.find(|(_, module)| module.kind.name == name).map(|(index, _)| index)
            }
            _ => return Err(ErrorCode::Invalid),
        };
        let index = index.ok_or(ErrorCode::NoExtension)?;
        let module = state.registry.modules.get(index).ok_or(ErrorCode::NoExtension)?;
        let name = module.kind.name;
        let answer = state.with_module(index, |instance, state| {
            instance.extension(state, index, caller.session, &self.content.0)
        });
        match answer {
            Some(Ok(answer)) => Ok(Outcome::Reply(Opaque(answer))),
            Some(Err(ExtensionError::None)) | None => Err(ErrorCode::NoExtension),
            Some(Err(error)) => {
                state.close_for(caller.session, &format_args!("a command to {name}: {error}"));
                Ok(Outcome::Later)
            }
        }
    }
}

impl Handle for UnloadModule {
    fn handle(self, state: &mut State, _: Caller) -> Handled<Ack> {
        let index = self.index.ok_or(ErrorCode::NoEntity)?;
        state.registry.modules.get(index).ok_or(ErrorCode::NoEntity)?;
        // It happens at the end of the turn, after the answer. Where it is not allowed nothing happens, and
        // PulseAudio says that all is well.
        if state.settings.allow_module_loading {
            state.request_unload(index);
        }
        done()
    }
}
