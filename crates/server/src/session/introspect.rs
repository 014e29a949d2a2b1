//! What there is: lists, single objects, the server itself.

use sealpulse_protocol::command::{
    Ack, ClientInfo, GetClientInfo, GetClientInfoList, GetModuleInfo, GetModuleInfoList, GetServerInfo,
    GetSinkInfo, GetSinkInfoList, GetSinkInputInfo, GetSinkInputInfoList, GetSourceInfo, GetSourceInfoList,
    GetSourceOutputInfo, GetSourceOutputInfoList, LookupReply, LookupSink, LookupSource, ModuleInfo,
    ServerInfo, SinkInfo, SinkInputInfo, SourceInfo, SourceOutputInfo, Stat, StatReply, Subscribe,
};
use sealpulse_protocol::{DeviceState, ErrorCode, Usec};
use sealpulse_spec::{ChannelVolumes, SampleFormat, SampleSpec, Volume};

use super::dispatch::done;
use super::formats::any_pcm;
use super::{Caller, Handle, Handled, Outcome};
use crate::queries::{Question, Timings};
use crate::registry::{Sink, names};
use crate::state::State;

/// Source file names in PulseAudio, which clients see as drivers.
pub(crate) const PROTOCOL_DRIVER: &str = "protocol-native.c";

/// Steps of a software volume (`PA_VOLUME_NORM + 1`).
const VOLUME_STEPS: u32 = 0x10001;

/// The spec that a client of this version can understand: formats that came later are shown as float.
pub(super) fn known_spec(spec: SampleSpec, version: u32) -> SampleSpec {
    let format = match spec.format {
        SampleFormat::S32Le if version < 12 => SampleFormat::F32Le,
        SampleFormat::S32Be if version < 12 => SampleFormat::F32Be,
        SampleFormat::S24Le | SampleFormat::S24In32Le if version < 15 => SampleFormat::F32Le,
        SampleFormat::S24Be | SampleFormat::S24In32Be if version < 15 => SampleFormat::F32Be,
        format => format,
    };
    SampleSpec { format, ..spec }
}

impl State {
    /// The sink that index and name mean; neither is the default one.
    fn find_sink(&self, index: Option<u32>, name: Option<&str>) -> Result<u32, ErrorCode> {
        match (index, name) {
            (Some(_), Some(_)) => Err(ErrorCode::Invalid),
            (None, Some(name)) if !names::is_sink_reference(name) => Err(ErrorCode::Invalid),
            (Some(index), None) => {
                Some(index).filter(|&i| self.registry.sinks.get(i).is_some()).ok_or(ErrorCode::NoEntity)
            }
            (None, name) => self.registry.sink_by_name(name).ok_or(ErrorCode::NoEntity),
        }
    }

    fn find_source(&self, index: Option<u32>, name: Option<&str>) -> Result<u32, ErrorCode> {
        match (index, name) {
            (Some(_), Some(_)) => Err(ErrorCode::Invalid),
            (None, Some(name)) if !names::is_source_reference(name) => Err(ErrorCode::Invalid),
            (Some(index), None) => {
                Some(index).filter(|&i| self.registry.sources.get(i).is_some()).ok_or(ErrorCode::NoEntity)
            }
            (None, name) => self.registry.source_by_name(name).ok_or(ErrorCode::NoEntity),
        }
    }

    /// The sink that a command changes: index or name must be there, and not both.
    pub(super) fn named_sink(&self, index: Option<u32>, name: Option<&str>) -> Result<u32, ErrorCode> {
        if index.is_none() && name.is_none() { Err(ErrorCode::Invalid) } else { self.find_sink(index, name) }
    }

    /// The same for a source.
    pub(super) fn named_source(&self, index: Option<u32>, name: Option<&str>) -> Result<u32, ErrorCode> {
        if index.is_none() && name.is_none() {
            Err(ErrorCode::Invalid)
        } else {
            self.find_source(index, name)
        }
    }

    pub(crate) fn sink_latency(&self, sink: &Sink) -> u64 {
        match sink.state {
            DeviceState::Running => self.engine.device_stats(sink.device).cycle_usec,
            _ => 0,
        }
    }

    fn sink_info(&self, index: u32, version: u32) -> Option<SinkInfo> {
        let sink = self.registry.sinks.get(index)?;
        let monitor = self.registry.sources.get(sink.monitor);
        Some(SinkInfo {
            index,
            name: sink.name.clone(),
            description: sink.proplist.get_str("device.description").map(str::to_owned),
            sample_spec: known_spec(sink.spec, version),
            channel_map: sink.map,
            owner_module: Some(sink.module),
            volume: sink.volume,
            mute: sink.muted,
            monitor_source_index: Some(sink.monitor),
            monitor_source_name: monitor.map(|monitor| monitor.name.clone()),
            latency: Usec(self.sink_latency(sink)),
            driver: Some(sink.driver.to_owned()),
            flags: sink.flags,
            properties: sink.proplist.clone(),
            configured_latency: Usec(self.registry.sink_configured_latency(sink)),
            base_volume: Volume::NORM,
            state: sink.state,
            volume_steps: VOLUME_STEPS,
            card_index: None,
            ports: Vec::new(),
            active_port: None,
            formats: sink.formats.clone(),
        })
    }

    fn source_info(&self, index: u32, version: u32) -> Option<SourceInfo> {
        let source = self.registry.sources.get(index)?;
        let sink = source.monitor_of.and_then(|sink| self.registry.sinks.get(sink));
        Some(SourceInfo {
            index,
            name: source.name.clone(),
            description: source.proplist.get_str("device.description").map(str::to_owned),
            sample_spec: known_spec(source.spec, version),
            channel_map: source.map,
            owner_module: Some(source.module),
            volume: source.volume,
            mute: source.muted,
            monitor_of_sink_index: source.monitor_of,
            monitor_of_sink_name: sink.map(|sink| sink.name.clone()),
            latency: Usec(0),
            driver: Some(source.driver.to_owned()),
            flags: source.flags,
            properties: source.proplist.clone(),
            configured_latency: Usec(self.registry.source_configured_latency(source)),
            base_volume: Volume::NORM,
            state: source.state,
            volume_steps: VOLUME_STEPS,
            card_index: None,
            ports: Vec::new(),
            active_port: None,
            formats: any_pcm(),
        })
    }

    fn client_info(&self, index: u32) -> Option<ClientInfo> {
        let client = self.registry.clients.get(index)?;
        Some(ClientInfo {
            index,
            name: client.proplist.get_str("application.name").map(str::to_owned),
            owner_module: Some(client.module),
            driver: Some(client.driver.to_owned()),
            properties: client.proplist.clone(),
        })
    }

    fn module_info(&self, index: u32) -> Option<ModuleInfo> {
        let module = self.registry.modules.get(index)?;
        Some(ModuleInfo {
            index,
            name: module.kind.name.to_owned(),
            argument: module.argument.clone(),
            used: module.used(self).unwrap_or(u32::MAX),
            auto_unload: false,
            properties: module.proplist.clone(),
        })
    }

    /// Streams on a sink and its monitor, corked ones too.
    pub(crate) fn sink_linked_by(&self, index: u32) -> u32 {
        let Some(sink) = self.registry.sinks.get(index) else { return 0 };
        let outputs = self.registry.sources.get(sink.monitor).map_or(0, |monitor| monitor.outputs.len());
        (sink.inputs.len() + outputs) as u32
    }

    /// Streams of a source, corked ones too.
    pub(crate) fn source_linked_by(&self, index: u32) -> u32 {
        self.registry.sources.get(index).map_or(0, |source| source.outputs.len() as u32)
    }

    pub(crate) fn sink_input_info(
        &self,
        index: u32,
        version: u32,
        timings: &Timings,
    ) -> Option<SinkInputInfo> {
        let input = self.registry.sink_inputs.get(index)?;
        let timing = timings.playback.get(&input.stream).copied().unwrap_or_default();
        let queued = timing.write_index.saturating_sub(timing.read_index).max(0) as u64;
        let has_volume = !input.flags.passthrough;
        Some(SinkInputInfo {
            index,
            name: input.proplist.get_str("media.name").map(str::to_owned),
            owner_module: input.module,
            client_index: input.owner.client_index(),
            sink_index: Some(input.sink),
            sample_spec: known_spec(input.spec, version),
            channel_map: input.map,
            volume: if has_volume { input.volume } else { ChannelVolumes::norm(input.spec.channels) },
            buffer_latency: Usec(input.spec.bytes_to_usec(queued)),
            sink_latency: Usec(timing.sink_usec),
            resample_method: input.resample_method.map(str::to_owned),
            driver: Some(input.driver.to_owned()),
            mute: input.muted,
            properties: input.proplist.clone(),
            corked: input.corked,
            has_volume,
            volume_writable: true,
            format: input.format.clone(),
        })
    }

    pub(crate) fn source_output_info(
        &self,
        index: u32,
        version: u32,
        timings: &Timings,
    ) -> Option<SourceOutputInfo> {
        let output = self.registry.source_outputs.get(index)?;
        let timing = timings.record.get(&output.stream).copied().unwrap_or_default();
        let has_volume = !output.flags.passthrough;
        Some(SourceOutputInfo {
            index,
            name: output.proplist.get_str("media.name").map(str::to_owned),
            owner_module: output.module,
            client_index: output.owner.client_index(),
            source_index: Some(output.source),
            sample_spec: known_spec(output.spec, version),
            channel_map: output.map,
            buffer_latency: Usec(0),
            source_latency: Usec(timing.source_usec),
            resample_method: output.resample_method.map(str::to_owned),
            driver: Some(output.driver.to_owned()),
            properties: output.proplist.clone(),
            corked: output.corked,
            volume: if has_volume { output.volume } else { ChannelVolumes::norm(output.spec.channels) },
            mute: output.muted,
            has_volume,
            volume_writable: true,
            format: output.format.clone(),
        })
    }
}

fn found<R>(info: Option<R>) -> Handled<R> {
    info.map(Outcome::Reply).ok_or(ErrorCode::NoEntity)
}

impl Handle for LookupSink {
    fn handle(self, state: &mut State, _: Caller) -> Handled<LookupReply> {
        let name = self.name.ok_or(ErrorCode::Invalid)?;
        Ok(Outcome::Reply(LookupReply { index: state.find_sink(None, Some(&name))? }))
    }
}

impl Handle for LookupSource {
    fn handle(self, state: &mut State, _: Caller) -> Handled<LookupReply> {
        let name = self.name.ok_or(ErrorCode::Invalid)?;
        Ok(Outcome::Reply(LookupReply { index: state.find_source(None, Some(&name))? }))
    }
}

impl Handle for GetSinkInfo {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<SinkInfo> {
        let index = state.find_sink(self.index, self.name.as_deref())?;
        found(state.sink_info(index, caller.version))
    }
}

impl Handle for GetSinkInfoList {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<Vec<SinkInfo>> {
        let indexes = state.registry.sinks.indexes();
        Ok(Outcome::Reply(
            indexes.iter().filter_map(|&index| state.sink_info(index, caller.version)).collect(),
        ))
    }
}

impl Handle for GetSourceInfo {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<SourceInfo> {
        let index = state.find_source(self.index, self.name.as_deref())?;
        found(state.source_info(index, caller.version))
    }
}

impl Handle for GetSourceInfoList {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<Vec<SourceInfo>> {
        let indexes = state.registry.sources.indexes();
        Ok(Outcome::Reply(
            indexes.iter().filter_map(|&index| state.source_info(index, caller.version)).collect(),
        ))
    }
}

impl Handle for GetClientInfo {
    fn handle(self, state: &mut State, _: Caller) -> Handled<ClientInfo> {
        found(state.client_info(self.index.ok_or(ErrorCode::Invalid)?))
    }
}

impl Handle for GetClientInfoList {
    fn handle(self, state: &mut State, _: Caller) -> Handled<Vec<ClientInfo>> {
        let indexes = state.registry.clients.indexes();
        Ok(Outcome::Reply(indexes.iter().filter_map(|&index| state.client_info(index)).collect()))
    }
}

impl Handle for GetModuleInfo {
    fn handle(self, state: &mut State, _: Caller) -> Handled<ModuleInfo> {
        found(state.module_info(self.index.ok_or(ErrorCode::Invalid)?))
    }
}

impl Handle for GetModuleInfoList {
    fn handle(self, state: &mut State, _: Caller) -> Handled<Vec<ModuleInfo>> {
        let indexes = state.registry.modules.indexes();
        Ok(Outcome::Reply(indexes.iter().filter_map(|&index| state.module_info(index)).collect()))
    }
}

impl Handle for GetSinkInputInfo {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<SinkInputInfo> {
        let index = self.index.ok_or(ErrorCode::Invalid)?;
        let stream = state.registry.sink_inputs.get(index).ok_or(ErrorCode::NoEntity)?.stream;
        state.ask(caller.session, caller.tag, Question::SinkInput(index), &[stream], &[])?;
        Ok(Outcome::Later)
    }
}

impl Handle for GetSinkInputInfoList {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<Vec<SinkInputInfo>> {
        let streams: Vec<_> = state.registry.sink_inputs.values().map(|input| input.stream).collect();
        state.ask(caller.session, caller.tag, Question::SinkInputs, &streams, &[])?;
        Ok(Outcome::Later)
    }
}

impl Handle for GetSourceOutputInfo {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<SourceOutputInfo> {
        let index = self.index.ok_or(ErrorCode::Invalid)?;
        let stream = state.registry.source_outputs.get(index).ok_or(ErrorCode::NoEntity)?.stream;
        state.ask(caller.session, caller.tag, Question::SourceOutput(index), &[], &[stream])?;
        Ok(Outcome::Later)
    }
}

impl Handle for GetSourceOutputInfoList {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<Vec<SourceOutputInfo>> {
        let streams: Vec<_> = state.registry.source_outputs.values().map(|output| output.stream).collect();
        state.ask(caller.session, caller.tag, Question::SourceOutputs, &[], &streams)?;
        Ok(Outcome::Later)
    }
}

impl Handle for GetServerInfo {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<ServerInfo> {
        let registry = &state.registry;
        let sink = registry.default_sink.and_then(|index| registry.sinks.get(index));
        let source = registry.default_source.and_then(|index| registry.sources.get(index));
        Ok(Outcome::Reply(ServerInfo {
            package_name: Some("sealpulse".to_owned()),
            package_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            user_name: Some(crate::host::user_name()),
            host_name: Some(crate::host::host_name()),
            sample_spec: known_spec(state.settings.default_spec, caller.version),
            default_sink_name: sink.map(|sink| sink.name.clone()),
            default_source_name: source.map(|source| source.name.clone()),
            cookie: state.server_cookie,
            channel_map: state.settings.default_map,
        }))
    }
}

impl State {
    /// PulseAudio counts the blocks of its one pool; here it is what the clients' links have mapped.
    pub(crate) fn memory_stat(&self) -> StatReply {
        let saturate = |bytes: u64| bytes.min(u64::from(u32::MAX)) as u32;
        let (mut links, mut mapped, mut moved) = (0, 0, 0);
        for session in self.sessions.iter() {
            let counters = session.link.counters();
            links += u32::from(counters.memory_mapped > 0);
            mapped += counters.memory_mapped;
            moved += counters.bytes_referenced + counters.bytes_copied;
        }
        let samples = self.registry.samples.values().map(|sample| sample.length() as u64).sum();
        StatReply {
            allocated_blocks: links,
            allocated_size: saturate(mapped),
            accumulated_blocks: links,
            accumulated_size: saturate(moved),
            sample_cache_size: saturate(samples),
        }
    }
}

impl Handle for Stat {
    fn handle(self, state: &mut State, _: Caller) -> Handled<StatReply> {
        Ok(Outcome::Reply(state.memory_stat()))
    }
}

impl Handle for Subscribe {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<Ack> {
        if !self.mask.is_valid() {
            return Err(ErrorCode::Invalid);
        }
        state.sessions.subscribe(caller.session, self.mask);
        if !state.sessions.any_subscribed() {
            state.events.clear();
        }
        done()
    }
}
