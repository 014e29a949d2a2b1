//! What playback and record streams have in common: names and properties.

use sealpulse_protocol::command::{
    Ack, RemoveClientProplist, RemovePlaybackStreamProplist, RemoveRecordStreamProplist, SetClientName,
    SetClientNameReply, SetPlaybackStreamName, SetRecordStreamName, UpdateClientProplist,
    UpdatePlaybackStreamProplist, UpdateRecordStreamProplist,
};
use sealpulse_protocol::{ErrorCode, Facility, Operation, PropList, UpdateMode};

use super::dispatch::done;
use super::{Caller, Handle, Handled, Outcome};
use crate::policy::{check_proplist, update_proplist};
use crate::state::State;

/// Where a stream's name is kept.
const MEDIA_NAME: &str = "media.name";

/// Whose properties.
#[derive(Clone, Copy)]
enum Owner {
    Playback(u32),
    Record(u32),
    Client,
}

/// The properties of a new stream: its own, then those of its client that it does not have.
pub(super) fn stream_proplist(
    state: &State,
    caller: Caller,
    name: Option<&str>,
    properties: PropList,
) -> Result<PropList, ErrorCode> {
    let mut proplist = PropList::new();
    if let Some(name) = name {
        proplist.set_str(MEDIA_NAME, name);
    }
    proplist.update(UpdateMode::Replace, &properties);
    if let Some(client) = state.registry.clients.get(caller.session.client()) {
        proplist.update(UpdateMode::Merge, &client.proplist);
    }
    check_proplist(&proplist, state.settings.limits.proplist_bytes)?;
    Ok(proplist)
}

impl State {
    /// The list of an owner, and whom to tell about a change of it.
    fn owned_proplist(&mut self, caller: Caller, owner: Owner) -> Option<(&mut PropList, Facility, u32)> {
        match owner {
            Owner::Playback(channel) => {
                let index = self.sessions.get(caller.session)?.playback_index(channel)?;
                let input = self.registry.sink_inputs.get_mut(index)?;
                Some((&mut input.proplist, Facility::SinkInput, index))
            }
            Owner::Record(channel) => {
                let index = self.sessions.get(caller.session)?.record_index(channel)?;
                let output = self.registry.source_outputs.get_mut(index)?;
                Some((&mut output.proplist, Facility::SourceOutput, index))
            }
            Owner::Client => {
                let index = caller.session.client();
                Some((&mut self.registry.clients.get_mut(index)?.proplist, Facility::Client, index))
            }
        }
    }

    fn change_proplist(
        &mut self,
        caller: Caller,
        owner: Owner,
        mode: UpdateMode,
        changes: &PropList,
    ) -> Result<(), ErrorCode> {
        let limit = self.settings.limits.proplist_bytes;
        if matches!(mode, UpdateMode::Other(_)) {
            return Err(ErrorCode::Invalid);
        }
        let (list, facility, index) = self.owned_proplist(caller, owner).ok_or(ErrorCode::NoEntity)?;
        let changed = update_proplist(list, mode, changes, limit)?;
        // An update of a client is told even if nothing is different, as in PulseAudio.
        if facility == Facility::Client {
            self.shape_client(index);
        }
        if changed || facility == Facility::Client {
            self.post(facility, Operation::Change, index);
        }
        Ok(())
    }

    fn remove_properties(&mut self, caller: Caller, owner: Owner, names: &[String]) -> Handled<Ack> {
        let (list, facility, index) = self.owned_proplist(caller, owner).ok_or(ErrorCode::NoEntity)?;
        let removed = names.iter().filter(|name| list.remove(name)).count();
        if removed > 0 {
            self.post(facility, Operation::Change, index);
        }
        done()
    }

    fn rename(&mut self, caller: Caller, owner: Owner, name: Option<&str>) -> Handled<Ack> {
        let mut changes = PropList::new();
        changes.set_str(MEDIA_NAME, name.ok_or(ErrorCode::Invalid)?);
        self.change_proplist(caller, owner, UpdateMode::Replace, &changes)?;
        done()
    }
}

impl Handle for SetClientName {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<SetClientNameReply> {
        let mut changes = self.properties;
        if let Some(name) = self.name {
            changes.set_str("application.name", &name);
        }
        state.change_proplist(caller, Owner::Client, UpdateMode::Replace, &changes)?;
        Ok(Outcome::Reply(SetClientNameReply { client_index: Some(caller.session.client()) }))
    }
}

impl Handle for SetPlaybackStreamName {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<Ack> {
        state.rename(caller, Owner::Playback(self.channel), self.name.as_deref())
    }
}

impl Handle for SetRecordStreamName {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<Ack> {
        state.rename(caller, Owner::Record(self.channel), self.name.as_deref())
    }
}

impl Handle for UpdateClientProplist {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<Ack> {
        state.change_proplist(caller, Owner::Client, self.mode, &self.properties)?;
        done()
    }
}

impl Handle for UpdatePlaybackStreamProplist {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<Ack> {
        state.change_proplist(caller, Owner::Playback(self.channel), self.mode, &self.properties)?;
        done()
    }
}

impl Handle for UpdateRecordStreamProplist {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<Ack> {
        state.change_proplist(caller, Owner::Record(self.channel), self.mode, &self.properties)?;
        done()
    }
}

impl Handle for RemoveClientProplist {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<Ack> {
        state.remove_properties(caller, Owner::Client, &self.names)
    }
}

impl Handle for RemovePlaybackStreamProplist {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<Ack> {
        state.remove_properties(caller, Owner::Playback(self.channel), &self.names)
    }
}

impl Handle for RemoveRecordStreamProplist {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<Ack> {
        state.remove_properties(caller, Owner::Record(self.channel), &self.names)
    }
}
