//! What modules tell those who have subscribed to them.

use sealpulse_protocol::command::Extension;
use sealpulse_protocol::extension::{device_manager, device_restore, stream_restore};
use sealpulse_protocol::tagstruct::TagstructError;
use sealpulse_protocol::{Field, extension};

use super::DeviceType;

/// A module's news.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExtensionEvent {
    /// The entries of `module-stream-restore` are different now.
    StreamRestore,
    /// `module-device-restore` has other formats for a device.
    DeviceRestore {
        /// What the device is.
        device_type: DeviceType,
        /// Its index.
        index: u32,
    },
    /// The devices of `module-device-manager` are different now.
    DeviceManager,
    /// Another module's, or one that this library does not know.
    Other {
        /// The module's index.
        index: Option<u32>,
        /// The module's name.
        name: Option<String>,
        /// A tagstruct whose form only the module knows.
        content: Vec<u8>,
    },
}

impl ExtensionEvent {
    /// Reads an event. An event of a known module that is not made as it has to be is an error.
    pub(crate) fn decode(command: Extension) -> Result<Self, TagstructError> {
        let mut reader = extension::reader(&command.content.0);
        let event = match (command.name.as_deref(), reader.u32()) {
            (Some(stream_restore::MODULE), Ok(stream_restore::EVENT)) => Self::StreamRestore,
            (Some(device_manager::MODULE), Ok(device_manager::EVENT)) => Self::DeviceManager,
            (Some(device_restore::MODULE), Ok(device_restore::EVENT)) => {
                Self::DeviceRestore { device_type: Field::decode(&mut reader)?, index: reader.u32()? }
            }
            _ => {
                let Extension { index, name, content } = command;
                return Ok(Self::Other { index, name, content: content.0 });
            }
        };
        reader.finish()?;
        Ok(event)
    }
}

#[cfg(test)]
mod tests {
    use super::super::command;
    use super::*;
    use sealpulse_protocol::Opaque;

    fn decode(name: &str, content: Vec<u8>) -> Result<ExtensionEvent, TagstructError> {
        ExtensionEvent::decode(Extension {
            index: Some(5),
            name: Some(name.to_owned()),
            content: Opaque(content),
        })
    }

    #[test]
    fn events_of_known_modules() {
        let event = decode("module-stream-restore", command(5).into_bytes());
        assert_eq!(event, Ok(ExtensionEvent::StreamRestore));
        let event = decode("module-device-manager", command(7).into_bytes());
        assert_eq!(event, Ok(ExtensionEvent::DeviceManager));
        let mut writer = command(2);
        writer.u32(1);
        writer.u32(7);
        let event = decode("module-device-restore", writer.into_bytes());
        let device_type = DeviceType::Source;
        assert_eq!(event, Ok(ExtensionEvent::DeviceRestore { device_type, index: 7 }));
    }

    #[test]
    fn events_of_others_are_handed_on() {
        let content = command(6).into_bytes();
        let other = ExtensionEvent::Other {
            index: Some(5),
            name: Some("module-stream-restore".to_owned()),
            content: content.clone(),
        };
        assert_eq!(decode("module-stream-restore", content), Ok(other));
        assert!(matches!(decode("module-of-others", Vec::new()), Ok(ExtensionEvent::Other { .. })));
    }

    #[test]
    fn broken_events_are_errors() {
        let mut writer = command(5);
        writer.u8(0);
        assert!(decode("module-stream-restore", writer.into_bytes()).is_err());
        assert!(decode("module-device-restore", command(2).into_bytes()).is_err());
    }
}
