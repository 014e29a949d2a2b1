//! What there is in the server. Each method is one command and its reply; nothing is remembered between calls.
//!
//! All can fail as [`Context::request`] does. One that asks about a single object also fails with
//! [`ClientError::Server`] and [`ErrorCode::NoEntity`](crate::ErrorCode::NoEntity) where there is none of that index
//! or name, and with [`ErrorCode::Invalid`](crate::ErrorCode::Invalid) where the name cannot be one.

use sealpulse_protocol::command::{
    CardInfo, ClientInfo, GetCardInfo, GetCardInfoList, GetClientInfo, GetClientInfoList, GetModuleInfo,
    GetModuleInfoList, GetSampleInfo, GetSampleInfoList, GetServerInfo, GetSinkInfo, GetSinkInfoList,
    GetSinkInputInfo, GetSinkInputInfoList, GetSourceInfo, GetSourceInfoList, GetSourceOutputInfo,
    GetSourceOutputInfoList, LookupSink, LookupSource, ModuleInfo, SampleInfo, ServerInfo, SinkInfo,
    SinkInputInfo, SourceInfo, SourceOutputInfo, Stat, StatReply,
};

use crate::selector::text;
use crate::{ClientError, Context, Selector};

/// # What there is
///
/// Lists are in the order of the indices; one that is empty is no error.
///
/// ```no_run
/// use sealpulse_client::{Config, Context, Selector, Volume, Wait};
///
/// let context = Context::connect(Config::from_env()?).wait()?;
/// let server = context.server_info().wait()?;
/// println!("{} {}", server.package_name.unwrap_or_default(), server.package_version.unwrap_or_default());
/// for sink in context.sinks().wait()? {
///     println!("{} {} {}", sink.index, sink.name, sink.sample_spec);
/// }
/// let default = context.sink(Selector::DEFAULT_SINK).wait()?;
/// println!("{} is at {} % at most", default.name, default.volume.max().0 / (Volume::NORM.0 / 100));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl Context {
    /// The server: its name and version, and its default devices.
    pub async fn server_info(&self) -> Result<ServerInfo, ClientError> {
        self.request(GetServerInfo {}).await
    }

    /// How much memory the server's blocks take, in bytes.
    pub async fn stat(&self) -> Result<StatReply, ClientError> {
        self.request(Stat {}).await
    }

    /// All sinks.
    pub async fn sinks(&self) -> Result<Vec<SinkInfo>, ClientError> {
        self.request(GetSinkInfoList {}).await
    }

    /// A sink, by index or name; [`Selector::DEFAULT_SINK`] is the default one.
    pub async fn sink(&self, sink: impl Into<Selector>) -> Result<SinkInfo, ClientError> {
        let (index, name) = sink.into().split("sink")?;
        self.request(GetSinkInfo { index, name }).await
    }

    /// All sources, monitors included.
    pub async fn sources(&self) -> Result<Vec<SourceInfo>, ClientError> {
        self.request(GetSourceInfoList {}).await
    }

    /// A source, by index or name; [`Selector::DEFAULT_SOURCE`] is the default one.
    pub async fn source(&self, source: impl Into<Selector>) -> Result<SourceInfo, ClientError> {
        let (index, name) = source.into().split("source")?;
        self.request(GetSourceInfo { index, name }).await
    }

    /// All that plays: the streams of all clients, and of modules.
    pub async fn sink_inputs(&self) -> Result<Vec<SinkInputInfo>, ClientError> {
        self.request(GetSinkInputInfoList {}).await
    }

    /// One sink input.
    pub async fn sink_input(&self, index: u32) -> Result<SinkInputInfo, ClientError> {
        self.request(GetSinkInputInfo { index: Some(index) }).await
    }

    /// All that records: the streams of all clients, and of modules.
    pub async fn source_outputs(&self) -> Result<Vec<SourceOutputInfo>, ClientError> {
        self.request(GetSourceOutputInfoList {}).await
    }

    /// One source output.
    pub async fn source_output(&self, index: u32) -> Result<SourceOutputInfo, ClientError> {
        self.request(GetSourceOutputInfo { index: Some(index) }).await
    }

    /// All clients, this one among them.
    pub async fn clients(&self) -> Result<Vec<ClientInfo>, ClientError> {
        self.request(GetClientInfoList {}).await
    }

    /// One client.
    pub async fn client(&self, index: u32) -> Result<ClientInfo, ClientError> {
        self.request(GetClientInfo { index: Some(index) }).await
    }

    /// All modules.
    pub async fn modules(&self) -> Result<Vec<ModuleInfo>, ClientError> {
        self.request(GetModuleInfoList {}).await
    }

    /// One module.
    pub async fn module(&self, index: u32) -> Result<ModuleInfo, ClientError> {
        self.request(GetModuleInfo { index: Some(index) }).await
    }

    /// All cards. Needs version 15.
    pub async fn cards(&self) -> Result<Vec<CardInfo>, ClientError> {
        self.request(GetCardInfoList {}).await
    }

    /// A card, by index or name. Needs version 15.
    pub async fn card(&self, card: impl Into<Selector>) -> Result<CardInfo, ClientError> {
        let (index, name) = card.into().split("card")?;
        self.request(GetCardInfo { index, name }).await
    }

    /// All that is in the sample cache.
    pub async fn samples(&self) -> Result<Vec<SampleInfo>, ClientError> {
        self.request(GetSampleInfoList {}).await
    }

    /// What is in the sample cache under this index or name.
    pub async fn sample(&self, sample: impl Into<Selector>) -> Result<SampleInfo, ClientError> {
        let (index, name) = sample.into().split("sample")?;
        self.request(GetSampleInfo { index, name }).await
    }

    /// The index of the sink of this name.
    pub async fn lookup_sink(&self, name: &str) -> Result<u32, ClientError> {
        let name = Some(text("sink", name)?);
        Ok(self.request(LookupSink { name }).await?.index)
    }

    /// The index of the source of this name.
    pub async fn lookup_source(&self, name: &str) -> Result<u32, ClientError> {
        let name = Some(text("source", name)?);
        Ok(self.request(LookupSource { name }).await?.index)
    }
}
