//! `module-device-restore`: the formats that a sink takes, remembered for each of its ports.

use sealpulse_protocol::tagstruct::{Reader, TagstructError, Writer};
use sealpulse_protocol::{Field, FormatInfo};

use super::{Done, command};
use crate::subscribe::ModuleTopic;
use crate::{ClientError, Context, Subscription};

pub(super) const MODULE: &str = "module-device-restore";

const TEST: u32 = 0;
const SUBSCRIBE: u32 = 1;
pub(super) const EVENT: u32 = 2;
const READ_FORMATS_ALL: u32 = 3;
const READ_FORMATS: u32 = 4;
const SAVE_FORMATS: u32 = 5;

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

/// # Formats of devices: `module-device-restore`
///
/// ```no_run
/// use sealpulse_client::{Config, Context, Wait};
///
/// let context = Context::connect(Config::from_env()?).wait()?;
/// for device in context.device_restore_read_all_formats().wait()? {
///     println!("sink {}: {} formats", device.index, device.formats.len());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl Context {
    /// The version of the module's commands, 1 in PulseAudio.
    pub async fn device_restore_version(&self) -> Result<u32, ClientError> {
        self.extension_request(MODULE, command(TEST)).await
    }

    /// The formats of all sinks.
    pub async fn device_restore_read_all_formats(&self) -> Result<Vec<DeviceFormats>, ClientError> {
        self.extension_request(MODULE, command(READ_FORMATS_ALL)).await
    }

    /// The formats of a sink. PulseAudio ends the connection when there is none of that index.
    pub async fn device_restore_read_formats(&self, sink: u32) -> Result<DeviceFormats, ClientError> {
        let mut writer = command(READ_FORMATS);
        DeviceType::Sink.encode(&mut writer);
        writer.u32(sink);
        self.extension_request(MODULE, writer).await
    }

    /// Sets the formats that a sink takes, 1 to 255, and has them remembered for its port. Whether the sink could
    /// follow is not said. PulseAudio ends the connection when there is no sink of that index.
    pub async fn device_restore_save_formats(
        &self,
        sink: u32,
        formats: &[FormatInfo],
    ) -> Result<(), ClientError> {
        if formats.is_empty() || formats.len() > usize::from(u8::MAX) {
            return Err(ClientError::Invalid { what: "number of formats", value: formats.len().to_string() });
        }
        let mut writer = command(SAVE_FORMATS);
        let formats = formats.to_vec();
        DeviceFormats { device_type: DeviceType::Sink, index: sink, formats }.encode(&mut writer);
        self.extension_request(MODULE, writer).await.map(|Done| ())
    }

    /// Tells of changes, by [`ExtensionEvent::DeviceRestore`](super::ExtensionEvent::DeviceRestore).
    pub async fn device_restore_subscribe(&self) -> Result<Subscription, ClientError> {
        let topic = ModuleTopic { module: MODULE, subscribe: SUBSCRIBE };
        Subscription::to_module(&self.connection, topic).await
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;
    use crate::{SampleFormat, SampleSpec};

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
