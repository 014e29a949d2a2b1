//! A table that a module keeps: saved some time after it has changed, and when the module goes.

use std::ops::{Deref, DerefMut};
use std::time::Instant;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::state::State;
use crate::store::{SAVE_DELAY, Store};
use crate::timers::Alarm;

/// A table of a module's. Its module hands the alarm on.
#[derive(Debug)]
pub(super) struct Saved<T> {
    store: Store<T>,
    /// When it will be saved.
    due: Option<Instant>,
}

impl<T: Serialize + DeserializeOwned + PartialEq> Saved<T> {
    /// The table of this name.
    pub(super) fn open(state: &State, name: &str) -> Self {
        Self { store: Store::open(state.settings.state_directory.as_deref(), name), due: None }
    }

    /// It has changed: the module `me` is to be reminded of it.
    pub(super) fn save_later(&mut self, state: &mut State, me: u32) {
        if self.due.is_none() {
            self.due = Some(state.timers.set(SAVE_DELAY, Alarm::Module(me)));
        }
    }

    /// The alarm went off.
    pub(super) fn save(&mut self, state: &mut State) {
        self.due = None;
        self.store.save(&mut state.writer);
    }

    /// The module goes.
    pub(super) fn close(mut self, state: &mut State, me: u32) {
        if let Some(due) = self.due {
            state.timers.cancel(due, Alarm::Module(me));
        }
        self.save(state);
    }
}

impl<T> Deref for Saved<T> {
    type Target = Store<T>;

    fn deref(&self) -> &Store<T> {
        &self.store
    }
}

impl<T> DerefMut for Saved<T> {
    fn deref_mut(&mut self) -> &mut Store<T> {
        &mut self.store
    }
}
