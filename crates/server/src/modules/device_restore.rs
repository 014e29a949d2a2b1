//! `module-device-restore`: sinks and sources get the volume, the mute and the formats that one of their name had
//! last. There are no ports until there is hardware.

use std::collections::BTreeMap;

use sealpulse_protocol::extension::device_restore::{
    DeviceFormats, DeviceType, EVENT, MODULE, READ_FORMATS, READ_FORMATS_ALL, SAVE_FORMATS, SUBSCRIBE, TEST,
    VERSION,
};
use sealpulse_protocol::tagstruct::Reader;
use sealpulse_protocol::{Encoding, Facility, Field, FormatInfo, Operation, SinkFlags, extension};
use serde::{Deserialize, Serialize};

use super::argument::{Argument, Type};
use super::extension::{ExtensionError, Subscribers, answer};
use super::saved::Saved;
use super::saved_volume::SavedVolume;
use super::{Instance, Kind, Loading, ModuleError};
use crate::policy::{NewSink, NewSource};
use crate::registry::ByUser;
use crate::session::SessionKey;
use crate::state::State;
use crate::subscribe::Event as Change;

pub(super) static KIND: Kind = Kind {
    name: MODULE,
    description: "Automatically restore the volume/mute state of devices",
    driver: "module-device-restore.c",
    arguments: &[&[
        Argument::new("restore_port", Type::Boolean, "yes", "Keeps and restores ports."),
        Argument::new("restore_volume", Type::Boolean, "yes", "Keeps and restores volumes."),
        Argument::new("restore_muted", Type::Boolean, "yes", "Keeps and restores mutes."),
        Argument::new("restore_formats", Type::Boolean, "yes", "Keeps and restores formats."),
    ]],
    once: true,
    load,
};

/// What is remembered of a device; `None` is not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Entry {
    #[serde(skip_serializing_if = "Option::is_none")]
    volume: Option<SavedVolume>,
    #[serde(skip_serializing_if = "Option::is_none")]
    muted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    formats: Option<Vec<SavedFormat>>,
}

/// A format as it is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct SavedFormat {
    encoding: String,
    properties: BTreeMap<String, String>,
}

impl SavedFormat {
    fn new(format: &FormatInfo) -> Option<Self> {
        let text =
            |value: &[u8]| std::str::from_utf8(value).ok().map(|text| text.trim_end_matches('\0').to_owned());
        let properties = format.properties.iter().map(|(key, value)| Some((key.to_owned(), text(value)?)));
        let encoding = format.encoding.name()?.to_owned();
        Some(Self { encoding, properties: properties.collect::<Option<_>>()? })
    }

    fn to_format(&self) -> Option<FormatInfo> {
        let encoding = super::null_sink::encoding(&self.encoding)?;
        Some(FormatInfo { encoding, properties: self.properties.iter().collect() })
    }
}

fn load(state: &mut State, loading: &Loading<'_>) -> Result<Box<dyn Instance>, ModuleError> {
    let args = loading.args;
    let mut module = DeviceRestore {
        entries: Saved::open(state, "device-volumes"),
        subscribers: Subscribers::default(),
        volume: args.boolean("restore_volume", true),
        muted: args.boolean("restore_muted", true),
        formats: args.boolean("restore_formats", true),
    };
    for index in state.registry.sinks.indexes() {
        module.remember(state, loading.index, DeviceType::Sink, index);
    }
    for index in state.registry.sources.indexes() {
        module.remember(state, loading.index, DeviceType::Source, index);
    }
    Ok(Box::new(module))
}

#[derive(Debug)]
struct DeviceRestore {
    entries: Saved<Entry>,
    subscribers: Subscribers,
    /// Whether volumes are restored.
    volume: bool,
    muted: bool,
    formats: bool,
}

fn sink_key(name: &str) -> String {
    format!("sink:{name}")
}

fn source_key(name: &str) -> String {
    format!("source:{name}")
}

impl DeviceRestore {
    fn written(&mut self, state: &mut State, me: u32, device: DeviceType, index: u32) {
        let mut event = extension::writer();
        event.u32(EVENT);
        device.encode(&mut event);
        event.u32(index);
        self.subscribers.tell(state, me, MODULE, event);
        self.entries.save_later(state, me);
    }

    /// A device has come or changed: what its user has set is remembered.
    fn remember(&mut self, state: &mut State, me: u32, device: DeviceType, index: u32) {
        let seen = match device {
            DeviceType::Sink => state.registry.sinks.get(index).map(|sink| {
                let volume = SavedVolume::new(sink.map, sink.volume);
                (sink_key(&sink.name), volume, sink.muted, sink.by_user)
            }),
            _ => state.registry.sources.get(index).map(|source| {
                let volume = SavedVolume::new(source.map, source.volume);
                (source_key(&source.name), volume, source.muted, source.by_user)
            }),
        };
        let Some((key, volume, muted, by_user)) = seen else { return };
        let old = self.entries.get(&key).cloned();
        let mut entry = old.clone().unwrap_or_default();
        entry.volume = volume.filter(|_| by_user.volume).or(entry.volume);
        entry.muted = Some(muted).filter(|_| by_user.muted).or(entry.muted);
        if old.as_ref() != Some(&entry) && self.entries.set(&key, entry) {
            self.written(state, me, device, index);
        }
    }

    /// A monitor has come with its sink: it gets what is remembered of it.
    fn restore_monitor(&mut self, state: &mut State, index: u32) {
        let Some(source) = state.registry.sources.get_mut(index) else { return };
        if source.monitor_of.is_none() || source.by_user != ByUser::default() {
            return;
        }
        let Some(entry) = self.entries.get(&source_key(&source.name)) else { return };
        let volume = entry.volume.as_ref().filter(|_| self.volume).map(|volume| volume.for_map(&source.map));
        let muted = entry.muted.filter(|_| self.muted);
        source.by_user = ByUser { volume: volume.is_some(), muted: muted.is_some() };
        if let Some(volume) = volume {
            state.set_source_volume(index, volume);
        }
        if let Some(muted) = muted {
            state.set_source_mute(index, muted);
        }
    }

    /// The formats of a sink that are remembered; any PCM where none are.
    fn sink_formats(&self, name: &str) -> Vec<FormatInfo> {
        let saved = self.entries.peek(&sink_key(name)).and_then(|entry| entry.formats.as_ref());
        let formats = saved.map(|formats| formats.iter().filter_map(SavedFormat::to_format).collect());
        formats.unwrap_or_else(|| vec![FormatInfo { encoding: Encoding::Pcm, ..FormatInfo::default() }])
    }

    fn read_formats(&self, state: &State, index: u32) -> Result<DeviceFormats, ExtensionError> {
        let sink =
            state.registry.sinks.get(index).ok_or(ExtensionError::Nonsense("there is no such sink"))?;
        Ok(DeviceFormats { device_type: DeviceType::Sink, index, formats: self.sink_formats(&sink.name) })
    }

    fn save_formats(
        &mut self,
        state: &mut State,
        me: u32,
        mut reader: Reader<'_>,
    ) -> Result<(), ExtensionError> {
        let DeviceFormats { device_type, index, formats } = DeviceFormats::decode(&mut reader)?;
        reader.finish()?;
        if device_type != DeviceType::Sink || formats.is_empty() {
            return Err(ExtensionError::Nonsense("formats are those of sinks, one at least"));
        }
        let saved: Option<Vec<_>> = formats.iter().map(SavedFormat::new).collect();
        let sink = state.registry.sinks.get_mut(index);
        let sink = sink.ok_or(ExtensionError::Nonsense("there is no such sink"))?;
        let Some(saved) = saved.filter(|_| sink.flags.contains(SinkFlags::SET_FORMATS)) else {
            // PulseAudio says that all is well, too.
            tracing::debug!(sink = index, "the sink does not take formats");
            return Ok(());
        };
        sink.formats = formats;
        let key = sink_key(&sink.name);
        let mut entry = self.entries.get(&key).cloned().unwrap_or_default();
        entry.formats = Some(saved);
        self.entries.set(&key, entry);
        self.written(state, me, DeviceType::Sink, index);
        Ok(())
    }
}

impl Instance for DeviceRestore {
    fn listens(&self) -> bool {
        true
    }

    fn changed(&mut self, state: &mut State, me: u32, change: Change) {
        match (change.facility, change.operation) {
            (_, Operation::Remove) => {}
            (Facility::Sink, _) => self.remember(state, me, DeviceType::Sink, change.index),
            (Facility::Source, operation) => {
                if operation == Operation::New {
                    self.restore_monitor(state, change.index);
                }
                self.remember(state, me, DeviceType::Source, change.index);
            }
            _ => {}
        }
    }

    fn shape_sink(&self, state: &State, new: &mut NewSink) {
        let Some(name) = state.registry.names.free_name(&new.name) else { return };
        let Some(entry) = self.entries.peek(&sink_key(&name)) else { return };
        if let Some(volume) = entry.volume.as_ref().filter(|_| self.volume && new.volume.is_none()) {
            (new.volume, new.by_user.volume) = (Some(volume.for_map(&new.map)), true);
        }
        if let Some(muted) = entry.muted.filter(|_| self.muted) {
            (new.muted, new.by_user.muted) = (muted, true);
        }
        if self.formats && entry.formats.is_some() && new.flags.contains(SinkFlags::SET_FORMATS) {
            new.formats = self.sink_formats(&name);
        }
    }

    fn shape_source(&self, state: &State, new: &mut NewSource) {
        let Some(name) = state.registry.names.free_name(&new.name) else { return };
        let Some(entry) = self.entries.peek(&source_key(&name)) else { return };
        if let Some(volume) = entry.volume.as_ref().filter(|_| self.volume && new.volume.is_none()) {
            (new.volume, new.by_user.volume) = (Some(volume.for_map(&new.map)), true);
        }
        if let Some(muted) = entry.muted.filter(|_| self.muted) {
            (new.muted, new.by_user.muted) = (muted, true);
        }
    }

    fn extension(
        &mut self,
        state: &mut State,
        me: u32,
        session: SessionKey,
        command: &[u8],
    ) -> Result<Vec<u8>, ExtensionError> {
        let mut reader = extension::reader(command);
        match reader.u32()? {
            TEST => {
                reader.finish()?;
                Ok(answer(&VERSION))
            }
            SUBSCRIBE => {
                let subscribed = reader.boolean()?;
                reader.finish()?;
                self.subscribers.set(state, session, subscribed);
                Ok(Vec::new())
            }
            READ_FORMATS_ALL => {
                reader.finish()?;
                let all = state.registry.sinks.indexes().into_iter();
                let all: Vec<_> = all.filter_map(|index| self.read_formats(state, index).ok()).collect();
                Ok(answer(&all))
            }
            READ_FORMATS => {
                let (device, index) = (DeviceType::decode(&mut reader)?, reader.u32()?);
                reader.finish()?;
                if device != DeviceType::Sink {
                    return Err(ExtensionError::Nonsense("formats are those of sinks"));
                }
                Ok(answer(&self.read_formats(state, index)?))
            }
            SAVE_FORMATS => self.save_formats(state, me, reader).map(|()| Vec::new()),
            other => Err(ExtensionError::Unknown(other)),
        }
    }

    fn alarm(&mut self, state: &mut State, _me: u32) {
        self.entries.save(state);
    }

    fn unload(self: Box<Self>, state: &mut State, me: u32) {
        self.entries.close(state, me);
    }
}
