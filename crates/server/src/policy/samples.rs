//! The sample cache: sounds that come, go and are played.

use std::path::PathBuf;

use sealpulse_engine::{Data, PlaybackConfig, QueueAttr, Remix, Seek};
use sealpulse_memory::Chunk;
use sealpulse_protocol::{DeviceState, ErrorCode, Facility, FormatInfo, Operation, PropList, UpdateMode};
use sealpulse_spec::{ChannelVolumes, Volume};

use super::{NewInput, check_proplist, resample_method, with_factors};
use crate::buffer_attr::{LatencyMode, PlaybackAttr};
use crate::registry::{Lazy, Named, Owner, Sample, SinkInput, Sound, StreamFlags, Upload};
use crate::state::State;
use crate::timers::Alarm;

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
        sound: Option<Sound>,
        file: Option<PathBuf>,
        properties: &PropList,
    ) -> Option<u32> {
        let mut proplist: PropList = [("media.role", "event")].into_iter().collect();
        proplist.update(UpdateMode::Replace, properties);
        let lazy = file.map(|file| Lazy { file, unload_at: None });
        if let Some(index) = self.registry.sample_by_name(name) {
            self.keep_sample_loaded(index);
            let sample = self.registry.samples.get_mut(index)?;
            let name = std::mem::take(&mut sample.name);
            *sample = Sample { name, sound, lazy, proplist };
            self.post(Facility::SampleCache, Operation::Change, index);
            return Some(index);
        }
        if self.registry.names.get(name).is_some() {
            return None;
        }
        let name = name.to_owned();
        let index = self.registry.samples.reserve();
        self.registry.names.register(name.clone(), Named::Sample(index));
        self.registry.samples.insert(index, Sample { name, sound, lazy, proplist });
        self.post(Facility::SampleCache, Operation::New, index);
        Some(index)
    }

    /// Forgets a sample. Where it plays it plays on.
    pub(crate) fn remove_sample(&mut self, index: u32) {
        self.keep_sample_loaded(index);
        let Some(sample) = self.registry.samples.remove(index) else { return };
        self.registry.names.unregister(&sample.name);
        self.post(Facility::SampleCache, Operation::Remove, index);
    }

    /// The sound of a sample, which a lazy one has only from now on, and for a while.
    fn sample_sound(&mut self, index: u32) -> Result<Sound, ErrorCode> {
        self.keep_sample_loaded(index);
        let sample = self.registry.samples.get(index).ok_or(ErrorCode::NoEntity)?;
        let file = match (&sample.sound, &sample.lazy) {
            (Some(sound), None) => return Ok(sound.clone()),
            (_, Some(lazy)) => lazy.file.clone(),
            (None, None) => return Err(ErrorCode::NoEntity),
        };
        let sound = match &sample.sound {
            Some(sound) => sound.clone(),
            None => {
                let sound = self.decode_sample(&file).map_err(|error| {
                    tracing::warn!(sample = sample.name, %error, "the sample cannot be loaded");
                    ErrorCode::NoEntity
                })?;
                self.post(Facility::SampleCache, Operation::Change, index);
                sound
            }
        };
        let unload_at = self.timers.set(self.settings.sample_idle_time, Alarm::Sample(index));
        if let Some(sample) = self.registry.samples.get_mut(index) {
            sample.sound = Some(sound.clone());
            sample.lazy = Some(Lazy { file, unload_at: Some(unload_at) });
        }
        Ok(sound)
    }

    /// The time of a lazy sample is no longer over at any moment.
    fn keep_sample_loaded(&mut self, index: u32) {
        let lazy = self.registry.samples.get_mut(index).and_then(|sample| sample.lazy.as_mut());
        if let Some(at) = lazy.and_then(|lazy| lazy.unload_at.take()) {
            self.timers.cancel(at, Alarm::Sample(index));
        }
    }

    /// Nobody has played a lazy sample for long.
    pub(crate) fn unload_sample(&mut self, index: u32) {
        let Some(sample) = self.registry.samples.get_mut(index) else { return };
        if let Some(lazy) = sample.lazy.as_mut() {
            (lazy.unload_at, sample.sound) = (None, None);
            self.post(Facility::SampleCache, Operation::Change, index);
        }
    }

    /// Plays a sample once; the index of its sink input, which ends by itself.
    pub(crate) fn play_sample(
        &mut self,
        index: u32,
        sink_index: u32,
        volume: Option<Volume>,
        properties: &PropList,
    ) -> Result<u32, ErrorCode> {
        let sound = self.sample_sound(index)?;
        let sample = self.registry.samples.get(index).ok_or(ErrorCode::NoEntity)?;
        let mut proplist: PropList =
            [("media.name", sample.name.as_str()), ("event.id", &sample.name)].into_iter().collect();
        proplist.update(UpdateMode::Replace, &sample.proplist);
        proplist.update(UpdateMode::Replace, properties);
        let flags = StreamFlags { kill_on_suspend: true, ..StreamFlags::default() };
        let mut new = NewInput::new(proplist, flags, Some(sink_index));
        new.volume = volume.map(|volume| ChannelVolumes::all(sound.spec.channels, volume));
        self.play_sound(DRIVER, sink_index, new, sound)
    }

    /// Plays a sound once.
    pub(super) fn play_sound(
        &mut self,
        driver: &'static str,
        sink_index: u32,
        mut new: NewInput,
        sound: Sound,
    ) -> Result<u32, ErrorCode> {
        let Sound { spec, map, chunk } = sound;
        check_proplist(&new.proplist, self.settings.limits.proplist_bytes)?;
        let whole_frames = chunk.len() / spec.frame_size() * spec.frame_size();
        let chunk = chunk.slice(0, whole_frames).ok_or(ErrorCode::Internal)?;
        (new.spec, new.map) = (spec, map);
        let format = FormatInfo::pcm(&spec, Some(&map));
        self.check_sample_sink(sink_index, &format)?;
        self.reconfigure_sink(sink_index, &spec, false);
        self.shape_input(&mut new);
        let input = self.start_sample(driver, sink_index, new, format, chunk)?;
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
        driver: &'static str,
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
            driver,
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
