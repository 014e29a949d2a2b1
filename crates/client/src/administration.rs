//! The server itself, what this client says of itself, and messages to objects.

use sealpulse_protocol::UpdateMode;
use sealpulse_protocol::command::{
    Exit, LoadModule, RemoveClientProplist, SendObjectMessage, SetClientName, UnloadModule,
    UpdateClientProplist,
};

use crate::selector::{text, text_or_empty};
use crate::{ClientError, Context, PropList};

/// First version in which a client's name is one of its properties.
const PROPERTIES_SINCE: u32 = 13;

/// Most names that [`RemoveClientProplist`] can carry.
const NAMES_MAX: usize = 4096;

/// # Modules, properties and messages
///
/// ```no_run
/// use sealpulse_client::{Config, Context, Wait};
///
/// let context = Context::connect(Config::from_env()?).wait()?;
/// let module = context.load_module("module-null-sink", "sink_name=meeting rate=48000").wait()?;
/// println!("{:?}", context.module(module).wait()?);
/// println!("{}", context.message("/core", "list-handlers", "").wait()?);
/// context.unload_module(module).wait()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl Context {
    /// Loads a module, `module-null-sink` say, with arguments as on PulseAudio's command line, and gives its index.
    /// A server that cannot, or does not know it, answers
    /// [`ModuleInitFailed`](crate::ErrorCode::ModuleInitFailed) or [`NoEntity`](crate::ErrorCode::NoEntity).
    /// The module stays when the connection ends.
    pub async fn load_module(&self, name: &str, arguments: &str) -> Result<u32, ClientError> {
        let (name, argument) = (Some(text("module", name)?), text_or_empty("arguments", arguments)?);
        Ok(self.request(LoadModule { name, argument }).await?.index)
    }

    /// Unloads a module. One that must not be unloaded answers [`Access`](crate::ErrorCode::Access).
    pub async fn unload_module(&self, index: u32) -> Result<(), ClientError> {
        self.request(UnloadModule { index: Some(index) }).await.map(drop)
    }

    /// Names this client anew (`application.name`).
    pub async fn set_name(&self, name: &str) -> Result<(), ClientError> {
        let name = text("name", name)?;
        if self.connection().version < PROPERTIES_SINCE {
            let command = SetClientName { name: Some(name), properties: PropList::new() };
            return self.request(command).await.map(drop);
        }
        let mut properties = PropList::new();
        properties.set_str("application.name", &name);
        self.update_client_properties(UpdateMode::Replace, properties).await
    }

    /// Changes the properties of this client. Needs version 13.
    pub async fn update_client_properties(
        &self,
        mode: UpdateMode,
        properties: PropList,
    ) -> Result<(), ClientError> {
        self.request(UpdateClientProplist { mode, properties }).await.map(drop)
    }

    /// Removes properties of this client, at most 4,096 at once; one that is not there is no error. Needs version 13.
    pub async fn remove_client_properties(&self, names: &[&str]) -> Result<(), ClientError> {
        if names.len() > NAMES_MAX {
            return Err(ClientError::Invalid { what: "number of names", value: names.len().to_string() });
        }
        let names = names.iter().map(|name| text("property", name)).collect::<Result<_, _>>()?;
        self.request(RemoveClientProplist { names }).await.map(drop)
    }

    /// Asks the server to end. One that was told not to answers [`Access`](crate::ErrorCode::Access).
    pub async fn exit_daemon(&self) -> Result<(), ClientError> {
        self.request(Exit {}).await.map(drop)
    }

    /// Sends a message to an object, and gives its answer, in most cases JSON. `/core` answers `list-handlers` with
    /// what objects there are. Parameters may be empty. Fails with [`NoEntity`](crate::ErrorCode::NoEntity) where
    /// there is no such object, with [`NotImplemented`](crate::ErrorCode::NotImplemented) where it does not know
    /// the message. Needs version 35.
    pub async fn message(
        &self,
        object: &str,
        message: &str,
        parameters: &str,
    ) -> Result<String, ClientError> {
        let command = SendObjectMessage {
            object_path: Some(text("object", object)?),
            message: Some(text("message", message)?),
            parameters: text_or_empty("parameters", parameters)?,
        };
        Ok(self.request(command).await?.response.unwrap_or_default())
    }
}
