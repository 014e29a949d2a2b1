//! The sample cache: sounds that come, go and are played.

use sealpulse_engine::{Data, PlaybackConfig, QueueAttr, Remix, Seek};
use sealpulse_memory::Chunk;
use sealpulse_protocol::{DeviceState, ErrorCode, Facility, FormatInfo, Operation, PropList, UpdateMode};
use sealpulse_spec::{ChannelMap, ChannelVolumes, SampleSpec, Volume};

use super::{NewInput, check_proplist, resample_method, with_factors};
use crate::buffer_attr::{LatencyMode, PlaybackAttr};
use crate::registry::{Named, Owner, Sample, SinkInput, StreamFlags, Upload};
use crate::state::State;

/// Bytes of a sample (`PA_SCACHE_ENTRY_SIZE_MAX`).
pub(crate) const SAMPLE_SIZE_MAX: usize = 16 << 20;

/// Source file name in PulseAudio, which clients see as the driver.
const DRIVER: &str = "play-memblockq.c";

impl State {
    /// Whether a sample of this cost still fits beside all others and those that are on their way.
    pub(crate) fn has_room_for_sample(&self, cost: usize) -> bool {
        let kept: usize = self.registry.samples.values().map(Sample::cost).sum();
        let coming: usize =
            self.sessions.iter().flat_map(|session| session.uploads.values()).map(Upload::cost).sum();
        kept + coming + cost <= self.settings.limits.sample_bytes
    }

    /// Keeps a sample, in place of one of the same name; `None` where a device has the name.
    pub(crate) fn add_sample(
        &mut self,
        name: &str,
        spec: SampleSpec,
        map: ChannelMap,
        bytes: Vec<u8>,
        properties: &PropList,
    ) -> Option<u32> {
        let mut proplist: PropList = [("media.role", "event")].into_iter().collect();
        proplist.update(UpdateMode::Replace, properties);
        let sound = Chunk::from_vec(bytes);
        if let Some(index) = self.registry.sample_by_name(name) {
            let sample = self.registry.samples.get_mut(index)?;
            let name = std::mem::take(&mut sample.name);
            *sample = Sample { name, spec, map, sound, proplist };
            self.post(Facility::SampleCache, Operation::Change, index);
            return Some(index);
        }
        if self.registry.names.get(name).is_some() {
            return None;
        }
        let name = name.to_owned();
        let index = self.registry.samples.reserve();
        self.registry.names.register(name.clone(), Named::Sample(index));
        self.registry.samples.insert(index, Sample { name, spec, map, sound, proplist });
        self.post(Facility::SampleCache, Operation::New, index);
        Some(index)
    }

    /// Forgets a sample. Where it plays it plays on.
    pub(crate) fn remove_sample(&mut self, index: u32) {
        let Some(sample) = self.registry.samples.remove(index) else { return };
        self.registry.names.unregister(&sample.name);
        self.post(Facility::SampleCache, Operation::Remove, index);
    }

    /// Plays a sample once; the index of its sink input, which ends by itself.
    pub(crate) fn play_sample(
        &mut self,
        index: u32,
        sink_index: u32,
        volume: Option<Volume>,
        properties: &PropList,
    ) -> Result<u32, ErrorCode> {
        let sample = self.registry.samples.get(index).ok_or(ErrorCode::NoEntity)?;
        let (spec, map) = (sample.spec, sample.map);
        let whole_frames = sample.sound.len() / spec.frame_size() * spec.frame_size();
        let sound = sample.sound.slice(0, whole_frames).ok_or(ErrorCode::Internal)?;
        let mut proplist: PropList =
            [("media.name", sample.name.as_str()), ("event.id", &sample.name)].into_iter().collect();
        proplist.update(UpdateMode::Replace, &sample.proplist);
        proplist.update(UpdateMode::Replace, properties);
        check_proplist(&proplist, self.settings.limits.proplist_bytes)?;

        let flags = StreamFlags { kill_on_suspend: true, ..StreamFlags::default() };
        let mut new = NewInput::new(proplist, flags, Some(sink_index));
        (new.spec, new.map) = (spec, map);
        new.volume = volume.map(|volume| ChannelVolumes::all(spec.channels, volume));
        let format = FormatInfo::pcm(&spec, Some(&map));
        self.check_sample_sink(sink_index, &format)?;
        self.reconfigure_sink(sink_index, &spec, false);
        self.shape_input(&mut new);
        let input = self.start_sample(sink_index, new, format, sound)?;
        Ok(self.put_sink_input(input))
    }

    /// Whether a sink takes one more short sound.
    fn check_sample_sink(&self, index: u32, format: &FormatInfo) -> Result<(), ErrorCode> {
        let sink = self.registry.sinks.get(index).ok_or(ErrorCode::NoEntity)?;
        if sink.state == DeviceState::Suspended {
            return Err(ErrorCode::BadState);
        }
        if self.is_passthrough(sink) {
            return Err(ErrorCode::Busy);
        }
        if !sink.formats.iter().any(|device| crate::session::formats_meet(device, format)) {
            return Err(ErrorCode::NotSupported);
        }
        if sink.inputs.len() >= self.settings.limits.streams_per_device {
            return Err(ErrorCode::TooLarge);
        }
        Ok(())
    }

    /// Gives the engine all of the sound at once.
    fn start_sample(
        &mut self,
        sink_index: u32,
        new: NewInput,
        format: FormatInfo,
        sound: Chunk,
    ) -> Result<SinkInput, ErrorCode> {
        let sink = self.registry.sinks.get(sink_index).ok_or(ErrorCode::NoEntity)?;
        let (spec, map, latency_usec) = (new.spec, new.map, sink.max_latency_usec);
        let volume = new.volume.unwrap_or(ChannelVolumes::norm(spec.channels));
        let muted = new.muted.unwrap_or(false);
        let length = sound.len();
        let queue = QueueAttr { maxlength: length, tlength: length, prebuf: 0, minreq: 1 };
        let config = PlaybackConfig {
            spec,
            map,
            attr: queue.sanitize(spec.frame_size()),
            latency_usec,
            volume: with_factors(&volume, &new.factors),
            muted,
            corked: false,
            remix: Remix::Full,
            variable_rate: false,
            sync: None,
            passive: false,
        };
        let stream = self.engine.add_playback(sink.device, &config).map_err(|_| ErrorCode::TooLarge)?;
        self.engine.push(stream, Seek::Relative, 0, Data::Chunk(sound));
        self.engine.drain(stream, 0);
        let length = length as u32;
        let attr = PlaybackAttr { maxlength: length, tlength: length, prebuf: 0, minreq: 1 };
        Ok(SinkInput {
            owner: Owner::Sample,
            module: None,
            driver: DRIVER,
            sink: sink_index,
            stream,
            spec,
            map,
            format,
            proplist: new.proplist,
            volume,
            factors: new.factors,
            muted,
            by_user: new.by_user,
            corked: false,
            flags: new.flags,
            syncid: 0,
            resample_method: resample_method(&spec, &map, &sink.spec, &sink.map, false),
            latency_mode: LatencyMode::Traditional,
            asked_attr: attr,
            attr,
            latency_usec,
            preferred_sink: new.preferred_sink,
            drain: None,
            underruns: 0,
            direct_outputs: Vec::new(),
            origin_sink: None,
        })
    }
}
