//! The sample cache, as clients fill and use it.

use sealpulse_memory::Chunk;
use sealpulse_protocol::command::{
    Ack, CreateUploadStream, CreateUploadStreamReply, DeleteUploadStream, FinishUploadStream, GetSampleInfo,
    GetSampleInfoList, PlaySample, PlaySampleReply, RemoveSample, SampleInfo,
};
use sealpulse_protocol::{ErrorCode, PropList, UpdateMode, Usec};
use sealpulse_spec::{ChannelMap, ChannelVolumes, SampleFormat, SampleSpec, Volume};

use super::dispatch::done;
use super::introspect::known_spec;
use super::{Caller, Handle, Handled, Outcome};
use crate::policy::{SAMPLE_SIZE_MAX, check_proplist};
use crate::registry::{Sound, Upload, names};
use crate::state::State;

/// The properties that a sample's name may be taken from.
const NAMES: [&str; 2] = ["event.id", "media.name"];

/// What PulseAudio says of a sample that is not in memory.
const NOT_LOADED: SampleSpec = SampleSpec { format: SampleFormat::U8, channels: 0, rate: 0 };

fn no_channels() -> ChannelMap {
    ChannelMap::from_slice(&[]).unwrap_or_else(ChannelMap::mono)
}

/// A name that a sample can have.
fn valid_name(name: Option<&str>) -> Result<&str, ErrorCode> {
    name.filter(|name| names::is_valid(name)).ok_or(ErrorCode::Invalid)
}

impl Handle for CreateUploadStream {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<CreateUploadStreamReply> {
        let spec = self.sample_spec.filter(SampleSpec::is_valid).ok_or(ErrorCode::Invalid)?;
        let map = Some(self.channel_map).filter(ChannelMap::is_valid).ok_or(ErrorCode::Invalid)?;
        let length = self.length as usize;
        if map.channels() != spec.channels || length == 0 || !length.is_multiple_of(spec.frame_size()) {
            return Err(ErrorCode::Invalid);
        }
        if length > SAMPLE_SIZE_MAX {
            return Err(ErrorCode::TooLarge);
        }
        let mut proplist = self.properties;
        if let Some(name) = self.name.as_deref().filter(|_| caller.version < 13) {
            proplist.set_str("media.name", name);
        }
        let otherwise =
            || NAMES.iter().find_map(|key| proplist.get_str(key)).filter(|_| caller.version >= 13);
        let name = valid_name(self.name.as_deref().or_else(otherwise))?.to_owned();
        state.add_client_properties(caller, &mut proplist);
        check_proplist(&proplist, state.settings.limits.proplist_bytes)?;
        let upload = Upload { name, spec, map, proplist, length, bytes: None };
        let room = state.has_room_for_sample(upload.cost());
        let limit = state.settings.limits.streams_per_client;
        let session = state.sessions.get_mut(caller.session).ok_or(ErrorCode::Killed)?;
        if session.streams() >= limit || !room {
            return Err(ErrorCode::TooLarge);
        }
        let channel = session.add_upload(upload);
        Ok(Outcome::Reply(CreateUploadStreamReply { channel, length: self.length }))
    }
}

impl State {
    /// Adds those properties of the client that a stream or sample does not have itself.
    fn add_client_properties(&self, caller: Caller, proplist: &mut PropList) {
        if let Some(client) = self.registry.clients.get(caller.session.client()) {
            proplist.update(UpdateMode::Merge, &client.proplist);
        }
    }

    /// Takes an upload from its client.
    fn end_upload(&mut self, caller: Caller, channel: u32) -> Result<Upload, ErrorCode> {
        let session = self.sessions.get_mut(caller.session);
        session.and_then(|session| session.uploads.remove(&channel)).ok_or(ErrorCode::NoEntity)
    }

    /// The sample that index or name mean: one of them must be there, and not both.
    fn named_sample(&self, index: Option<u32>, name: Option<&str>) -> Result<u32, ErrorCode> {
        let found = match (index, name) {
            (Some(index), None) => Some(index).filter(|&index| self.registry.samples.get(index).is_some()),
            (None, Some(name)) if names::is_valid(name) => self.registry.sample_by_name(name),
            _ => return Err(ErrorCode::Invalid),
        };
        found.ok_or(ErrorCode::NoEntity)
    }

    fn sample_info(&self, index: u32, version: u32) -> Option<SampleInfo> {
        let sample = self.registry.samples.get(index)?;
        let length = sample.length();
        let sound = sample.sound.as_ref();
        Some(SampleInfo {
            index,
            name: sample.name.clone(),
            // Nothing in the protocol gives it one.
            volume: ChannelVolumes::all(0, Volume::NORM),
            duration: Usec(sound.map_or(0, |sound| sound.spec.bytes_to_usec(length as u64))),
            sample_spec: sound.map_or(NOT_LOADED, |sound| known_spec(sound.spec, version)),
            channel_map: sound.map_or_else(no_channels, |sound| sound.map),
            length: length as u32,
            lazy: sample.lazy.is_some(),
            file_name: sample.lazy.as_ref().map(|lazy| lazy.file.display().to_string()),
            properties: sample.proplist.clone(),
        })
    }
}

impl Handle for DeleteUploadStream {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<Ack> {
        state.end_upload(caller, self.channel)?;
        done()
    }
}

impl Handle for FinishUploadStream {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<Ack> {
        let upload = state.end_upload(caller, self.channel)?;
        let bytes = upload.bytes.ok_or(ErrorCode::TooLarge)?;
        let sound = Sound { spec: upload.spec, map: upload.map, chunk: Chunk::from_vec(bytes) };
        state.add_sample(&upload.name, Some(sound), None, &upload.proplist).ok_or(ErrorCode::Internal)?;
        done()
    }
}

impl Handle for PlaySample {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<PlaySampleReply> {
        let sink_name = self.sink_name.as_deref();
        if !sink_name.is_none_or(names::is_sink_reference)
            || (self.sink_index.is_some() && sink_name.is_some())
        {
            return Err(ErrorCode::Invalid);
        }
        let name = valid_name(self.name.as_deref())?;
        let sink = match self.sink_index {
            Some(index) => Some(index).filter(|&index| state.registry.sinks.get(index).is_some()),
            None => state.registry.sink_by_name(sink_name),
        };
        let sink = sink.ok_or(ErrorCode::NoEntity)?;
        let sample = state.registry.sample_by_name(name).ok_or(ErrorCode::NoEntity)?;
        let mut proplist = self.properties;
        state.add_client_properties(caller, &mut proplist);
        let volume = Some(Volume(self.volume)).filter(|&volume| volume <= Volume::MAX);
        // Whatever is in the way, PulseAudio has but one answer.
        let played = state.play_sample(sample, sink, volume, &proplist).map_err(|_| ErrorCode::NoEntity)?;
        Ok(Outcome::Reply(PlaySampleReply { sink_input_index: Some(played) }))
    }
}

impl Handle for RemoveSample {
    fn handle(self, state: &mut State, _: Caller) -> Handled<Ack> {
        let name = valid_name(self.name.as_deref())?;
        let index = state.registry.sample_by_name(name).ok_or(ErrorCode::NoEntity)?;
        state.remove_sample(index);
        done()
    }
}

impl Handle for GetSampleInfo {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<SampleInfo> {
        let index = state.named_sample(self.index, self.name.as_deref())?;
        state.sample_info(index, caller.version).map(Outcome::Reply).ok_or(ErrorCode::NoEntity)
    }
}

impl Handle for GetSampleInfoList {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<Vec<SampleInfo>> {
        let indexes = state.registry.samples.indexes();
        let infos = indexes.iter().filter_map(|&index| state.sample_info(index, caller.version));
        Ok(Outcome::Reply(infos.collect()))
    }
}
