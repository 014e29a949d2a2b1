//! All that a server has, as it told.

use sealpulse_client::PropList;
use sealpulse_client::command::{
    CardInfo, ClientInfo, ModuleInfo, SampleInfo, ServerInfo, SinkInfo, SinkInputInfo, SourceInfo,
    SourceOutputInfo,
};
use sealpulse_client::{ClientError, Context};

/// What a server has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lists {
    pub(crate) server: ServerInfo,
    pub(crate) sinks: Vec<SinkInfo>,
    pub(crate) sources: Vec<SourceInfo>,
    pub(crate) sink_inputs: Vec<SinkInputInfo>,
    pub(crate) source_outputs: Vec<SourceOutputInfo>,
    pub(crate) clients: Vec<ClientInfo>,
    pub(crate) modules: Vec<ModuleInfo>,
    pub(crate) samples: Vec<SampleInfo>,
    pub(crate) cards: Vec<CardInfo>,
}

impl Lists {
    /// Devices, streams and clients, and the server itself.
    pub(crate) async fn of_sound(context: &Context) -> Result<Self, ClientError> {
        Ok(Self {
            server: context.server_info().await?,
            sinks: context.sinks().await?,
            sources: context.sources().await?,
            sink_inputs: context.sink_inputs().await?,
            source_outputs: context.source_outputs().await?,
            clients: context.clients().await?,
            ..Self::default()
        })
    }

    /// Everything.
    pub(crate) async fn everything(context: &Context) -> Result<Self, ClientError> {
        Ok(Self {
            modules: context.modules().await?,
            samples: context.samples().await?,
            cards: context.cards().await?,
            ..Self::of_sound(context).await?
        })
    }

    /// The name of the program that has a stream: by the stream's own properties, else by its client's.
    pub(crate) fn application<'a>(
        &'a self,
        properties: &'a PropList,
        client: Option<u32>,
    ) -> Option<&'a str> {
        properties.get_str("application.name").filter(|name| !name.is_empty()).or_else(|| {
            let client = self.clients.iter().find(|other| Some(other.index) == client)?;
            client.properties.get_str("application.name").or(client.name.as_deref())
        })
    }

    /// The name of a sink.
    pub(crate) fn sink_name(&self, index: Option<u32>) -> Option<&str> {
        self.sinks.iter().find(|sink| Some(sink.index) == index).map(|sink| &*sink.name)
    }

    /// The name of a source.
    pub(crate) fn source_name(&self, index: Option<u32>) -> Option<&str> {
        self.sources.iter().find(|source| Some(source.index) == index).map(|source| &*source.name)
    }
}
