//! Cards, their profiles and their ports. There are none until there is hardware: what is left is what is wrong with
//! a request.

use sealpulse_protocol::ErrorCode;
use sealpulse_protocol::command::{
    Ack, CardInfo, GetCardInfo, GetCardInfoList, SetCardProfile, SetPortLatencyOffset, SetSinkPort,
    SetSourcePort,
};

use super::{Caller, Handle, Handled, Outcome};
use crate::registry::names;
use crate::state::State;

/// Checks that index or name are there, and not both.
fn check_card(index: Option<u32>, name: Option<&str>) -> Result<(), ErrorCode> {
    let valid = name.is_none_or(names::is_valid) && index.is_some() != name.is_some();
    if valid { Ok(()) } else { Err(ErrorCode::Invalid) }
}

impl Handle for GetCardInfo {
    fn handle(self, _: &mut State, _: Caller) -> Handled<CardInfo> {
        check_card(self.index, self.name.as_deref())?;
        Err(ErrorCode::NoEntity)
    }
}

impl Handle for GetCardInfoList {
    fn handle(self, _: &mut State, _: Caller) -> Handled<Vec<CardInfo>> {
        Ok(Outcome::Reply(Vec::new()))
    }
}

impl Handle for SetCardProfile {
    fn handle(self, _: &mut State, _: Caller) -> Handled<Ack> {
        check_card(self.index, self.name.as_deref())?;
        self.profile.ok_or(ErrorCode::Invalid)?;
        Err(ErrorCode::NoEntity)
    }
}

impl Handle for SetPortLatencyOffset {
    fn handle(self, _: &mut State, _: Caller) -> Handled<Ack> {
        check_card(self.index, self.name.as_deref())?;
        self.port.ok_or(ErrorCode::Invalid)?;
        Err(ErrorCode::NoEntity)
    }
}

impl Handle for SetSinkPort {
    fn handle(self, state: &mut State, _: Caller) -> Handled<Ack> {
        self.port.ok_or(ErrorCode::Invalid)?;
        state.named_sink(self.index, self.name.as_deref())?;
        Err(ErrorCode::NotImplemented)
    }
}

impl Handle for SetSourcePort {
    fn handle(self, state: &mut State, _: Caller) -> Handled<Ack> {
        self.port.ok_or(ErrorCode::Invalid)?;
        state.named_source(self.index, self.name.as_deref())?;
        Err(ErrorCode::NotImplemented)
    }
}
