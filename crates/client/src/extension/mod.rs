//! What modules add to the protocol: commands of their own within the EXTENSION command.
//!
//! Methods of [`Context`] for the three modules of PulseAudio that have any. A server without the module answers
//! [`NoExtension`](crate::ErrorCode::NoExtension), as sealpulse does. All need version 14.
//!
//! A [`Subscription`](crate::Subscription) to a module tells of changes, by [`ExtensionEvent`]s.

mod device_manager;
mod device_restore;
mod event;
mod stream_restore;

pub use event::ExtensionEvent;
pub use sealpulse_protocol::extension::device_manager::{ManagedDevice, RolePriority};
pub use sealpulse_protocol::extension::device_restore::{DeviceFormats, DeviceType};
pub use sealpulse_protocol::extension::stream_restore::StreamRestoreEntry;

use sealpulse_protocol::command::Extension;
use sealpulse_protocol::tagstruct::{Reader, TagstructError, Writer};
use sealpulse_protocol::{CommandCode, Field, Opaque, extension};

use crate::{ClientError, Context, Selector};

/// # Commands of modules
impl Context {
    /// Sends a module, by index or name, a command of its own, and gives its answer. Both are tagstructs
    /// ([`tagstruct`](crate::tagstruct)) whose form only the module knows. PulseAudio ends the connection when the
    /// module does not understand it.
    ///
    /// ```no_run
    /// use sealpulse_client::tagstruct::{Reader, Writer};
    /// use sealpulse_client::{Config, Context, Wait};
    ///
    /// let context = Context::connect(Config::from_env()?).wait()?;
    /// let mut test = Writer::new(35);
    /// test.u32(0);
    /// let answer = context.extension("module-stream-restore", test.into_bytes()).wait()?;
    /// println!("version {}", Reader::new(&answer, 35).u32()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn extension(
        &self,
        module: impl Into<Selector>,
        content: Vec<u8>,
    ) -> Result<Vec<u8>, ClientError> {
        let (index, name) = module.into().split("module")?;
        Ok(self.request(Extension { index, name, content: Opaque(content) }).await?.0)
    }

    /// Sends a command and reads all of the answer.
    async fn extension_request<R: Field>(&self, module: &str, content: Writer) -> Result<R, ClientError> {
        let answer = self.extension(module, content.into_bytes()).await?;
        extension::read(&answer)
            .map_err(|error| ClientError::Reply { command: CommandCode::Extension, error })
    }
}

/// Begins a command. Nothing in these depends on the connection's version.
fn command(number: u32) -> Writer {
    let mut writer = extension::writer();
    writer.u32(number);
    writer
}

/// An answer without content.
struct Done;

impl Field for Done {
    fn encode(&self, _: &mut Writer) {}

    fn decode(_: &mut Reader<'_>) -> Result<Self, TagstructError> {
        Ok(Self)
    }

    fn absent() -> Self {
        Self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_begin_with_their_number() {
        assert_eq!(command(3).into_bytes(), [b'L', 0, 0, 0, 3]);
    }

    #[test]
    fn answers_are_read_to_their_end() {
        assert!(extension::read::<Done>(&[]).is_ok());
        assert!(matches!(extension::read::<Done>(&[0]), Err(TagstructError::Trailing { .. })));
    }
}
