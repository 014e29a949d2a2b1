//! `module-device-manager`: names that the user gave to devices, and which device each role of streams likes best.

use crate::field::Field;
use crate::tagstruct::{Reader, TagstructError, Writer};

/// The module's name.
pub const MODULE: &str = "module-device-manager";

/// The version of the commands.
pub const VERSION: u32 = 1;

/// Asks for [`VERSION`].
pub const TEST: u32 = 0;
/// Asks for all devices.
pub const READ: u32 = 1;
/// Gives a device another description.
pub const RENAME: u32 = 2;
/// Forgets devices, by their names.
pub const DELETE: u32 = 3;
/// Whether streams go to the device that their role likes best.
pub const ROLE_DEVICE_PRIORITY_ROUTING: u32 = 4;
/// Says which devices a role likes best: the role, how many devices, their names.
pub const REORDER: u32 = 5;
/// Whether to tell of changes.
pub const SUBSCRIBE: u32 = 6;
/// From the server: the devices have changed.
pub const EVENT: u32 = 7;

/// A device that was seen at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedDevice {
    /// `sink:` or `source:` and its name.
    pub name: String,
    /// Its name for people.
    pub description: Option<String>,
    /// The name of its icon.
    pub icon: Option<String>,
    /// Its index, while it is there.
    pub index: Option<u32>,
    /// How much each role likes it.
    pub priorities: Vec<RolePriority>,
}

/// How much streams of a role like a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolePriority {
    /// The role: `none`, `video`, `music`, `game`, `event`, `phone`, …
    pub role: String,
    /// The device with the lowest is taken; 0 means that there is no order.
    pub priority: u32,
}

impl Field for RolePriority {
    fn encode(&self, writer: &mut Writer) {
        self.role.encode(writer);
        writer.u32(self.priority);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, TagstructError> {
        Ok(Self { role: Field::decode(reader)?, priority: reader.u32()? })
    }

    fn absent() -> Self {
        Self { role: String::new(), priority: 0 }
    }
}

/// As it stands in the module's answers.
impl Field for ManagedDevice {
    fn encode(&self, writer: &mut Writer) {
        self.name.encode(writer);
        self.description.encode(writer);
        self.icon.encode(writer);
        self.index.encode(writer);
        writer.u32(u32::try_from(self.priorities.len()).unwrap_or(u32::MAX));
        self.priorities.encode(writer);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, TagstructError> {
        let (name, description) = (Field::decode(reader)?, Field::decode(reader)?);
        let (icon, index) = (Field::decode(reader)?, Field::decode(reader)?);
        // Nothing is reserved for the server's number: the list grows with what is really there.
        let count = reader.u32()?;
        let mut priorities = Vec::new();
        for _ in 0..count {
            priorities.push(RolePriority::decode(reader)?);
        }
        Ok(Self { name, description, icon, index, priorities })
    }

    fn absent() -> Self {
        Self { name: String::new(), description: None, icon: None, index: None, priorities: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extension::read;

    #[test]
    fn devices_survive_the_wire() {
        let role = |role: &str, priority| RolePriority { role: role.to_owned(), priority };
        let devices = vec![
            ManagedDevice {
                name: "sink:out".to_owned(),
                description: Some("Loudspeakers".to_owned()),
                icon: None,
                index: Some(4),
                priorities: vec![role("none", 1), role("music", 0)],
            },
            ManagedDevice { name: "source:gone".to_owned(), ..ManagedDevice::absent() },
        ];
        let mut writer = Writer::new(35);
        devices.encode(&mut writer);
        let bytes = writer.into_bytes();
        assert_eq!(read::<Vec<ManagedDevice>>(&bytes), Ok(devices));
        assert!(read::<Vec<ManagedDevice>>(&bytes[..bytes.len() - 1]).is_err());
    }

    #[test]
    fn a_number_of_priorities_reserves_nothing() {
        let mut writer = Writer::new(35);
        ManagedDevice::absent().encode(&mut writer);
        let mut bytes = writer.into_bytes();
        let count = bytes.len() - 4;
        bytes[count..].fill(0xff);
        assert!(matches!(read::<ManagedDevice>(&bytes), Err(TagstructError::Truncated { .. })));
    }
}
