//! `module-device-manager`: names that the user gave to devices, and which device each role of streams likes best.

use sealpulse_protocol::Field;
use sealpulse_protocol::tagstruct::{Reader, TagstructError, Writer};

use super::{Done, command};
use crate::selector::text;
use crate::subscribe::ModuleTopic;
use crate::{ClientError, Context, Subscription};

pub(super) const MODULE: &str = "module-device-manager";

const TEST: u32 = 0;
const READ: u32 = 1;
const RENAME: u32 = 2;
const DELETE: u32 = 3;
const ROUTING: u32 = 4;
const REORDER: u32 = 5;
const SUBSCRIBE: u32 = 6;
pub(super) const EVENT: u32 = 7;

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

/// # Which device streams like best: `module-device-manager`
///
/// ```no_run
/// use sealpulse_client::{Config, Context, Wait};
///
/// let context = Context::connect(Config::from_env()?).wait()?;
/// context.device_manager_reorder("music", &["sink:speakers", "sink:headset"]).wait()?;
/// for device in context.device_manager_read().wait()? {
///     println!("{} {:?}", device.name, device.priorities);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl Context {
    /// The version of the module's commands, 1 in PulseAudio.
    pub async fn device_manager_version(&self) -> Result<u32, ClientError> {
        self.extension_request(MODULE, command(TEST)).await
    }

    /// All devices that were ever seen.
    pub async fn device_manager_read(&self) -> Result<Vec<ManagedDevice>, ClientError> {
        self.extension_request(MODULE, command(READ)).await
    }

    /// Gives a device (`sink:` or `source:` and its name) another name for people. One that was never seen is no
    /// error.
    pub async fn device_manager_rename(&self, device: &str, description: &str) -> Result<(), ClientError> {
        let mut writer = command(RENAME);
        text("device", device)?.encode(&mut writer);
        text("description", description)?.encode(&mut writer);
        self.extension_request(MODULE, writer).await.map(|Done| ())
    }

    /// Forgets devices; one that was never seen is no error.
    pub async fn device_manager_delete(&self, devices: &[&str]) -> Result<(), ClientError> {
        let mut writer = command(DELETE);
        for device in devices {
            text("device", device)?.encode(&mut writer);
        }
        self.extension_request(MODULE, writer).await.map(|Done| ())
    }

    /// Whether streams go to the device that their role likes best.
    pub async fn device_manager_enable_routing(&self, enable: bool) -> Result<(), ClientError> {
        let mut writer = command(ROUTING);
        writer.boolean(enable);
        self.extension_request(MODULE, writer).await.map(|Done| ())
    }

    /// Says which devices a role likes best, the best first: at least one, sinks only or sources only, all of which
    /// were seen. PulseAudio ends the connection otherwise.
    pub async fn device_manager_reorder(&self, role: &str, devices: &[&str]) -> Result<(), ClientError> {
        if devices.is_empty() {
            return Err(ClientError::Invalid { what: "number of devices", value: 0.to_string() });
        }
        let mut writer = command(REORDER);
        text("role", role)?.encode(&mut writer);
        writer.u32(u32::try_from(devices.len()).unwrap_or(u32::MAX));
        for device in devices {
            text("device", device)?.encode(&mut writer);
        }
        self.extension_request(MODULE, writer).await.map(|Done| ())
    }

    /// Tells of changes, by [`ExtensionEvent::DeviceManager`](super::ExtensionEvent::DeviceManager).
    pub async fn device_manager_subscribe(&self) -> Result<Subscription, ClientError> {
        let topic = ModuleTopic { module: MODULE, subscribe: SUBSCRIBE };
        Subscription::to_module(&self.connection, topic).await
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

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
