//! `module-device-restore`: the formats that a sink takes, remembered for each of its ports.

use crate::FormatInfo;
use crate::field::Field;
use crate::tagstruct::{Reader, TagstructError, Writer};

/// The module's name.
pub const MODULE: &str = "module-device-restore";

/// The version of the commands.
pub const VERSION: u32 = 1;

/// Asks for [`VERSION`].
pub const TEST: u32 = 0;
/// Whether to tell of changes.
pub const SUBSCRIBE: u32 = 1;
/// From the server: a device, by its [`DeviceType`] and its index, has changed.
pub const EVENT: u32 = 2;
/// Asks for the [`DeviceFormats`] of all sinks.
pub const READ_FORMATS_ALL: u32 = 3;
/// Asks for those of one device, by its [`DeviceType`] and its index.
pub const READ_FORMATS: u32 = 4;
/// Sets [`DeviceFormats`].
pub const SAVE_FORMATS: u32 = 5;

/// What a device is (`pa_device_type_t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeviceType {
    /// A sink.
    Sink,
    /// A source.
    Source,
    /// Any other value.
    Other(u32),
}

impl Field for DeviceType {
    fn encode(&self, writer: &mut Writer) {
        writer.u32(match *self {
            Self::Sink => 0,
            Self::Source => 1,
            Self::Other(value) => value,
        });
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, TagstructError> {
        Ok(match reader.u32()? {
            0 => Self::Sink,
            1 => Self::Source,
            other => Self::Other(other),
        })
    }

    fn absent() -> Self {
        Self::Sink
    }
}

/// The formats of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceFormats {
    /// What the device is; PulseAudio has formats of sinks only.
    pub device_type: DeviceType,
    /// Its index.
    pub index: u32,
    /// The formats, at most 255; what is beyond is not sent.
    pub formats: Vec<FormatInfo>,
}

/// As it stands in the module's commands and answers.
impl Field for DeviceFormats {
    fn encode(&self, writer: &mut Writer) {
        self.device_type.encode(writer);
        writer.u32(self.index);
        let count = u8::try_from(self.formats.len()).unwrap_or(u8::MAX);
        writer.u8(count);
        for format in self.formats.iter().take(usize::from(count)) {
            format.encode(writer);
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, TagstructError> {
        let (device_type, index) = (Field::decode(reader)?, reader.u32()?);
        let count = reader.u8()?;
        let formats = (0..count).map(|_| Field::decode(reader)).collect::<Result<_, _>>()?;
        Ok(Self { device_type, index, formats })
    }

    fn absent() -> Self {
        Self { device_type: DeviceType::Sink, index: 0, formats: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use sealpulse_spec::{SampleFormat, SampleSpec};

    use super::*;
    use crate::extension::read;

    #[test]
    fn formats_survive_the_wire() {
        let spec = SampleSpec { format: SampleFormat::S16Le, channels: 2, rate: 48_000 };
        let formats = vec![FormatInfo::pcm(&spec, None), FormatInfo::default()];
        let devices = vec![
            DeviceFormats { device_type: DeviceType::Sink, index: 3, formats },
            DeviceFormats { device_type: DeviceType::Other(9), index: 0, formats: Vec::new() },
        ];
        let mut writer = Writer::new(35);
        devices.encode(&mut writer);
        let bytes = writer.into_bytes();
        assert_eq!(read::<Vec<DeviceFormats>>(&bytes), Ok(devices));
        assert!(read::<Vec<DeviceFormats>>(&bytes[..bytes.len() - 1]).is_err());
    }

    #[test]
    fn more_formats_than_fit_are_left_out() {
        let formats = vec![FormatInfo::default(); 256];
        let mut writer = Writer::new(35);
        DeviceFormats { device_type: DeviceType::Source, index: 1, formats }.encode(&mut writer);
        let device: DeviceFormats = read(&writer.into_bytes()).unwrap();
        assert_eq!(device.formats.len(), 255);
    }
}
