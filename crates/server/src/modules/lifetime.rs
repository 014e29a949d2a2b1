//! Modules that go by themselves: with the client that loaded them, or when nobody has used them for a while.

use std::time::{Duration, Instant};

use super::args::ModuleArgs;
use super::{Kind, ModuleError};
use crate::session::SessionKey;
use crate::state::State;
use crate::timers::Alarm;

/// When a module goes by itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lifetime {
    /// The client that takes it along.
    pub(crate) with: Option<SessionKey>,
    ttl: Option<Duration>,
    /// When somebody last ended to use it.
    used: Option<Instant>,
    /// When it is looked at.
    due: Option<Instant>,
}

impl Lifetime {
    pub(super) fn from_args(
        kind: &'static Kind,
        args: &ModuleArgs,
        maker: Option<SessionKey>,
    ) -> Result<Self, ModuleError> {
        if kind.argument("lifetime").is_none() {
            return Ok(Self::default());
        }
        let with = match args.text("lifetime").as_deref() {
            Some("client") => Some(maker.ok_or_else(|| ModuleError::Conflict {
                what: "`lifetime=client` is for modules that a client loads".to_owned(),
            })?),
            _ => None,
        };
        Ok(Self { with, ttl: args.time("ttl"), used: None, due: None })
    }
}

impl State {
    pub(super) fn start_lifetime(&mut self, index: u32) {
        let Some(module) = self.registry.modules.get_mut(index) else { return };
        if let Some(ttl) = module.lifetime.ttl {
            module.lifetime.due = Some(self.timers.set(ttl, Alarm::ModuleTtl(index)));
        }
    }

    pub(super) fn end_lifetime(&mut self, index: u32, lifetime: &Lifetime) {
        if let Some(due) = lifetime.due {
            self.timers.cancel(due, Alarm::ModuleTtl(index));
        }
    }

    /// A stream leaves a device of the module.
    pub(crate) fn note_use(&mut self, index: u32) {
        if let Some(module) = self.registry.modules.get_mut(index).filter(|m| m.lifetime.ttl.is_some()) {
            module.lifetime.used = Some(Instant::now());
        }
    }

    /// The time of a module has come: it goes, unless somebody uses it, or did not long ago.
    pub(crate) fn ttl_is_over(&mut self, index: u32) {
        let Some(module) = self.registry.modules.get(index) else { return };
        let Some(ttl) = module.lifetime.ttl else { return };
        let in_use = module.in_use(self);
        let last = module.lifetime.used.filter(|_| !in_use);
        let left =
            if in_use { ttl } else { last.map_or(Duration::ZERO, |last| ttl.saturating_sub(last.elapsed())) };
        if left.is_zero() {
            tracing::info!(
                module = index,
                name = module.kind.name,
                "nobody has used it for its time to live"
            );
            return self.unload_module(index);
        }
        let due = self.timers.set(left, Alarm::ModuleTtl(index));
        if let Some(module) = self.registry.modules.get_mut(index) {
            module.lifetime.due = Some(due);
        }
    }

    /// A client has gone: what it wanted to live as long as itself goes, too.
    pub(crate) fn unload_with_client(&mut self, session: SessionKey) {
        let with = self.registry.modules.iter().filter(|(_, module)| module.lifetime.with == Some(session));
        let modules: Vec<u32> = with.map(|(index, _)| index).collect();
        for index in modules {
            self.unload_module(index);
        }
    }
}
