//! `module-device-restore`: the formats that a sink takes, remembered for each of its ports.

use sealpulse_protocol::extension::device_restore::{
    DeviceFormats, DeviceType, MODULE, READ_FORMATS, READ_FORMATS_ALL, SAVE_FORMATS, SUBSCRIBE, TEST,
};
use sealpulse_protocol::{Field, FormatInfo};

use super::{Done, command};
use crate::subscribe::ModuleTopic;
use crate::{ClientError, Context, Subscription};

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
