//! Devices: how they come and go, and their volumes.

use sealpulse_engine::{DeviceConfig, EngineError, MAX_LATENCY_USEC};
use sealpulse_protocol::{
    DeviceState, Encoding, Facility, FormatInfo, Operation, PropList, SinkFlags, SourceFlags,
};
use sealpulse_spec::{ChannelMap, ChannelVolumes, SampleSpec};

use crate::modules::Loading;
use crate::registry::{ByUser, Named, Sink, Source, SuspendCause};
use crate::state::State;

/// What a sink is made of.
#[derive(Debug)]
pub(crate) struct NewSink {
    pub(crate) name: String,
    pub(crate) module: u32,
    pub(crate) driver: &'static str,
    pub(crate) spec: SampleSpec,
    pub(crate) map: ChannelMap,
    pub(crate) proplist: PropList,
    pub(crate) formats: Vec<FormatInfo>,
    pub(crate) flags: SinkFlags,
    /// Longest latency that it has, in microseconds.
    pub(crate) max_latency_usec: u64,
    /// Whether it takes the rate of what is played, as long as nothing plays.
    pub(crate) can_reconfigure: bool,
    /// `None` for full volume.
    pub(crate) volume: Option<ChannelVolumes>,
    pub(crate) muted: bool,
    pub(crate) by_user: ByUser,
    /// Whether its volume is that of the device that it is made of.
    pub(crate) shares_volume: bool,
}

impl NewSink {
    /// A sink of a module, for PCM.
    pub(crate) fn new(
        name: String,
        loading: &Loading<'_>,
        spec: SampleSpec,
        map: ChannelMap,
        proplist: PropList,
    ) -> Self {
        Self {
            name,
            module: loading.index,
            driver: loading.kind.driver,
            spec,
            map,
            proplist,
            formats: vec![FormatInfo { encoding: Encoding::Pcm, ..FormatInfo::default() }],
            flags: SinkFlags::LATENCY | SinkFlags::DYNAMIC_LATENCY | SinkFlags::DECIBEL_VOLUME,
            max_latency_usec: MAX_LATENCY_USEC,
            can_reconfigure: false,
            volume: None,
            muted: false,
            by_user: ByUser::default(),
            shares_volume: false,
        }
    }
}

/// What a source that is no monitor is made of.
#[derive(Debug)]
pub(crate) struct NewSource {
    pub(crate) name: String,
    pub(crate) module: u32,
    pub(crate) driver: &'static str,
    pub(crate) spec: SampleSpec,
    pub(crate) map: ChannelMap,
    pub(crate) proplist: PropList,
    pub(crate) flags: SourceFlags,
    /// Longest latency that it has, in microseconds.
    pub(crate) max_latency_usec: u64,
    /// `None` for full volume.
    pub(crate) volume: Option<ChannelVolumes>,
    pub(crate) muted: bool,
    pub(crate) by_user: ByUser,
    /// Whether its volume is that of the device that it is made of.
    pub(crate) shares_volume: bool,
}

impl NewSource {
    /// A source of a module.
    pub(crate) fn new(
        name: String,
        loading: &Loading<'_>,
        spec: SampleSpec,
        map: ChannelMap,
        proplist: PropList,
    ) -> Self {
        Self {
            name,
            module: loading.index,
            driver: loading.kind.driver,
            spec,
            map,
            proplist,
            flags: SourceFlags::LATENCY | SourceFlags::DYNAMIC_LATENCY | SourceFlags::DECIBEL_VOLUME,
            max_latency_usec: MAX_LATENCY_USEC,
            volume: None,
            muted: false,
            by_user: ByUser::default(),
            shares_volume: false,
        }
    }
}

/// Why a device cannot be made.
#[derive(Debug)]
pub(crate) enum DeviceError {
    /// The name is empty, or it and its numbers are taken.
    Name(String),
    Engine(EngineError),
}

/// How much a device is preferred as the default one (`pa_device_init_priority`).
fn priority(proplist: &PropList) -> u32 {
    let is = |key, values: &[(&str, u32)]| {
        let value = proplist.get_str(key);
        values.iter().find(|(name, _)| Some(*name) == value).map_or(0, |&(_, points)| points)
    };
    let class = match proplist.get_str("device.class") {
        Some("sound") => 9_000,
        Some("modem") | None => 0,
        Some(_) => 1_000,
    };
    let form_factor = [("headphone", 900), ("hifi", 600), ("speaker", 500), ("portable", 450)];
    class
        + is("device.api", &[("jack", 10_000)])
        + is("device.form_factor", &form_factor)
        + is("device.bus", &[("bluetooth", 50), ("usb", 40), ("pci", 30)])
}

/// The icon of a device that does not name one (`pa_device_init_icon`).
fn set_icon(proplist: &mut PropList, otherwise: &str) {
    if proplist.contains("device.icon_name") {
        return;
    }
    let icon = match proplist.get_str("device.form_factor") {
        Some("microphone") => "audio-input-microphone",
        Some("webcam") => "camera-web",
        Some("computer") => "computer",
        Some("handset") => "phone",
        Some("portable") => "multimedia-player",
        Some("tv") => "video-display",
        Some("headset") => "audio-headset",
        Some("headphone") => "audio-headphones",
        Some("speaker") => "audio-speakers",
        Some("hands-free") => "audio-handsfree",
        _ if proplist.get_str("device.class") == Some("modem") => "modem",
        _ => otherwise,
    };
    let icon = match proplist.get_str("device.bus") {
        Some(bus) => format!("{icon}-{bus}"),
        None => icon.to_owned(),
    };
    proplist.set_str("device.icon_name", &icon);
}

/// What a monitor has of its sink.
fn monitor_flags(sink: SinkFlags) -> SourceFlags {
    [(SinkFlags::LATENCY, SourceFlags::LATENCY), (SinkFlags::DYNAMIC_LATENCY, SourceFlags::DYNAMIC_LATENCY)]
        .into_iter()
        .filter(|(flag, _)| sink.contains(*flag))
        .fold(SourceFlags::DECIBEL_VOLUME, |flags, (_, flag)| flags | flag)
}

impl State {
    /// Makes a sink and its monitor, and tells everybody.
    pub(crate) fn add_sink(&mut self, new: NewSink) -> Result<u32, DeviceError> {
        let index = self.make_sink(new)?;
        self.put_sink(index);
        Ok(index)
    }

    /// Makes a sink and its monitor, of which nobody hears before [`Self::put_sink`].
    pub(crate) fn make_sink(&mut self, mut new: NewSink) -> Result<u32, DeviceError> {
        self.tell_modules(|module, state, _| module.shape_sink(state, &mut new));
        let names = &mut self.registry.names;
        let name = names.free_name(&new.name).ok_or(DeviceError::Name(new.name))?;
        let monitor_name = names.free_name(&format!("{name}.monitor"));
        let monitor_name = monitor_name.ok_or_else(|| DeviceError::Name(format!("{name}.monitor")))?;
        let device = self
            .engine
            .add_device(&DeviceConfig { spec: new.spec, map: new.map })
            .map_err(DeviceError::Engine)?;

        let mut proplist = new.proplist;
        set_icon(&mut proplist, "audio-card");
        let mut monitor_proplist = PropList::new();
        let description = proplist.get_str("device.description").unwrap_or(&name);
        monitor_proplist.set_str("device.description", &format!("Monitor of {description}"));
        monitor_proplist.set_str("device.class", "monitor");
        set_icon(&mut monitor_proplist, "audio-input-microphone");

        let index = self.registry.sinks.reserve();
        let monitor = self.registry.sources.reserve();
        self.registry.names.register(name.clone(), Named::Sink(index));
        self.registry.names.register(monitor_name.clone(), Named::Source(monitor));
        let volume = new.volume.unwrap_or(ChannelVolumes::norm(new.spec.channels));
        let heard = if new.shares_volume { ChannelVolumes::norm(new.spec.channels) } else { volume };
        self.engine.set_device_volume(device, &heard, new.muted);
        self.registry.sources.insert(
            monitor,
            Source {
                name: monitor_name,
                module: new.module,
                driver: new.driver,
                device,
                spec: new.spec,
                map: new.map,
                max_latency_usec: new.max_latency_usec,
                priority: priority(&monitor_proplist),
                proplist: monitor_proplist,
                flags: monitor_flags(new.flags),
                volume: ChannelVolumes::norm(new.spec.channels),
                muted: false,
                by_user: ByUser::default(),
                shares_volume: false,
                monitor_of: Some(index),
                outputs: Vec::new(),
                state: DeviceState::Idle,
                suspended_by: SuspendCause::default(),
                unlinking: false,
            },
        );
        self.registry.sinks.insert(
            index,
            Sink {
                name,
                module: new.module,
                driver: new.driver,
                device,
                spec: new.spec,
                map: new.map,
                max_latency_usec: new.max_latency_usec,
                default_rate: new.spec.rate,
                priority: priority(&proplist),
                proplist,
                flags: new.flags,
                can_reconfigure: new.can_reconfigure,
                volume,
                muted: new.muted,
                by_user: new.by_user,
                shares_volume: new.shares_volume,
                formats: new.formats,
                monitor,
                inputs: Vec::new(),
                state: DeviceState::Idle,
                suspended_by: SuspendCause::default(),
                unlinking: false,
            },
        );
        Ok(index)
    }

    /// Tells everybody of a sink and its monitor.
    pub(crate) fn put_sink(&mut self, index: u32) {
        let Some(monitor) = self.registry.sinks.get(index).map(|sink| sink.monitor) else { return };
        // Subscribers of PulseAudio see the first change of state before the device itself.
        self.post(Facility::Sink, Operation::Change, index);
        self.post(Facility::Source, Operation::Change, monitor);
        self.post(Facility::Source, Operation::New, monitor);
        self.tell_modules(|module, state, me| module.source_came(state, me, monitor));
        self.update_default_source();
        self.move_to_preferred_source(monitor);
        self.post(Facility::Sink, Operation::New, index);
        self.tell_modules(|module, state, me| module.sink_came(state, me, index));
        self.update_default_sink();
        self.move_to_preferred_sink(index);
    }

    /// Describes a sink anew, and its monitor with it (`pa_sink_set_description`).
    pub(crate) fn describe_sink(&mut self, index: u32, description: &str) {
        let Some(sink) = self.registry.sinks.get_mut(index) else { return };
        if sink.proplist.get_str("device.description") == Some(description) {
            return;
        }
        sink.proplist.set_str("device.description", description);
        let monitor = sink.monitor;
        if let Some(source) = self.registry.sources.get_mut(monitor) {
            source.proplist.set_str("device.description", &format!("Monitor Source of {description}"));
        }
        self.post(Facility::Source, Operation::Change, monitor);
        self.post(Facility::Sink, Operation::Change, index);
    }

    /// Describes a source anew; a monitor is described with its sink.
    pub(crate) fn describe_source(&mut self, index: u32, description: &str) {
        let Some(source) = self.registry.sources.get_mut(index) else { return };
        if source.monitor_of.is_none() && source.proplist.get_str("device.description") != Some(description) {
            source.proplist.set_str("device.description", description);
            self.post(Facility::Source, Operation::Change, index);
        }
    }

    /// Removes a sink and its monitor. Streams go to the default devices; those that cannot are killed.
    pub(crate) fn remove_sink(&mut self, index: u32) {
        if self.registry.sinks.get(index).is_none_or(|sink| sink.unlinking) {
            return;
        }
        // It is still one of all until they have heard: what they make now does not become the default one yet.
        self.tell_modules(|module, state, me| module.sink_unlinks(state, me, index));
        let Some(sink) = self.registry.sinks.get_mut(index) else { return };
        if std::mem::replace(&mut sink.unlinking, true) {
            return;
        }
        let (name, monitor, device) = (sink.name.clone(), sink.monitor, sink.device);
        self.registry.names.unregister(&name);
        self.update_default_sink();
        self.rescue_sink_inputs(index);
        for input in self.registry.sinks.get(index).map(|sink| sink.inputs.clone()).unwrap_or_default() {
            self.kill_sink_input(input);
        }
        self.remove_source(monitor);
        self.registry.sinks.remove(index);
        self.engine.remove_device(device);
        self.post(Facility::Sink, Operation::Remove, index);
    }

    /// Makes a source that is no monitor, and tells everybody.
    pub(crate) fn add_source(&mut self, new: NewSource) -> Result<u32, DeviceError> {
        let index = self.make_source(new)?;
        self.put_source(index);
        Ok(index)
    }

    /// Makes a source that is no monitor, of which nobody hears before [`Self::put_source`].
    pub(crate) fn make_source(&mut self, mut new: NewSource) -> Result<u32, DeviceError> {
        self.tell_modules(|module, state, _| module.shape_source(state, &mut new));
        let name = self.registry.names.free_name(&new.name).ok_or(DeviceError::Name(new.name))?;
        let device = self
            .engine
            .add_device(&DeviceConfig { spec: new.spec, map: new.map })
            .map_err(DeviceError::Engine)?;
        let mut proplist = new.proplist;
        set_icon(&mut proplist, "audio-input-microphone");
        let index = self.registry.sources.reserve();
        self.registry.names.register(name.clone(), Named::Source(index));
        let volume = new.volume.unwrap_or(ChannelVolumes::norm(new.spec.channels));
        let heard = if new.shares_volume { ChannelVolumes::norm(new.spec.channels) } else { volume };
        self.engine.set_monitor_volume(device, &heard, new.muted);
        self.registry.sources.insert(
            index,
            Source {
                name,
                module: new.module,
                driver: new.driver,
                device,
                spec: new.spec,
                map: new.map,
                max_latency_usec: new.max_latency_usec,
                priority: priority(&proplist),
                proplist,
                flags: new.flags,
                volume,
                muted: new.muted,
                by_user: new.by_user,
                shares_volume: new.shares_volume,
                monitor_of: None,
                outputs: Vec::new(),
                state: DeviceState::Idle,
                suspended_by: SuspendCause::default(),
                unlinking: false,
            },
        );
        Ok(index)
    }

    /// Tells everybody of a source.
    pub(crate) fn put_source(&mut self, index: u32) {
        self.post(Facility::Source, Operation::Change, index);
        self.post(Facility::Source, Operation::New, index);
        self.tell_modules(|module, state, me| module.source_came(state, me, index));
        self.update_default_source();
        self.move_to_preferred_source(index);
    }

    /// Removes a source; the engine's device goes with one that is no monitor. Streams go to the default source;
    /// those that cannot are killed.
    pub(crate) fn remove_source(&mut self, index: u32) {
        if self.registry.sources.get(index).is_none_or(|source| source.unlinking) {
            return;
        }
        self.tell_modules(|module, state, me| module.source_unlinks(state, me, index));
        let Some(source) = self.registry.sources.get_mut(index) else { return };
        if std::mem::replace(&mut source.unlinking, true) {
            return;
        }
        let own_device = source.monitor_of.is_none().then_some(source.device);
        let name = source.name.clone();
        self.registry.names.unregister(&name);
        self.update_default_source();
        self.rescue_source_outputs(index);
        for output in
            self.registry.sources.get(index).map(|source| source.outputs.clone()).unwrap_or_default()
        {
            self.kill_source_output(output);
        }
        self.registry.sources.remove(index);
        if let Some(device) = own_device {
            self.engine.remove_device(device);
        }
        self.post(Facility::Source, Operation::Remove, index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abstract_devices_come_before_those_without_a_class() {
        let class = |name| [("device.class", name)].into_iter().collect::<PropList>();
        assert_eq!(priority(&class("abstract")), 1_000);
        assert_eq!(priority(&class("sound")), 9_000);
        assert_eq!(priority(&PropList::new()), 0);
    }
}
