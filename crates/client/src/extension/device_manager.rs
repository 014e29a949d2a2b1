//! `module-device-manager`: names that the user gave to devices, and which device each role of streams likes best.

use sealpulse_protocol::Field;
use sealpulse_protocol::extension::device_manager::{
    DELETE, MODULE, ManagedDevice, READ, RENAME, REORDER, ROLE_DEVICE_PRIORITY_ROUTING, SUBSCRIBE, TEST,
};

use super::{Done, command};
use crate::selector::text;
use crate::subscribe::ModuleTopic;
use crate::{ClientError, Context, Subscription};

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
        let mut writer = command(ROLE_DEVICE_PRIORITY_ROUTING);
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
