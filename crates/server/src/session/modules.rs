//! Loading and unloading modules.

use sealpulse_protocol::ErrorCode;
use sealpulse_protocol::command::{Ack, LoadModule, LoadModuleReply, UnloadModule};

use super::dispatch::done;
use super::{Caller, Handle, Handled, Outcome};
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
