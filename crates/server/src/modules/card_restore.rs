//! `module-card-restore`: profiles and ports of cards. There are no cards until there is hardware; scripts that load it
//! run all the same.

use super::argument::{Argument, Type};
use super::{Instance, Kind, Loading, ModuleError};
use crate::state::State;

pub(super) static KIND: Kind = Kind {
    name: "module-card-restore",
    description: "Automatically restore profile of cards",
    driver: "module-card-restore.c",
    arguments: &[&[Argument::new(
        "restore_bluetooth_profile",
        Type::Boolean,
        "no",
        "Restores the profiles of Bluetooth cards, too.",
    )]],
    once: true,
    load,
};

#[derive(Debug)]
struct CardRestore;

impl Instance for CardRestore {}

fn load(_: &mut State, _: &Loading<'_>) -> Result<Box<dyn Instance>, ModuleError> {
    Ok(Box::new(CardRestore))
}
