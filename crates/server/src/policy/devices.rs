//! Devices: how they come and go, run, idle and are suspended, and change their rate.

use sealpulse_engine::{DeviceConfig, EngineError, RecordFrom};
use sealpulse_protocol::command::{PlaybackStreamSuspended, RecordStreamSuspended};
use sealpulse_protocol::{DeviceState, Facility, FormatInfo, Operation, PropList, SinkFlags, SourceFlags};
use sealpulse_spec::{ChannelMap, ChannelVolumes, SampleSpec, Volume};

use crate::registry::{Named, RecordOrigin, Sink, Source, SuspendCause};
use crate::state::State;

/// What a sink is made of.
pub(crate) struct NewSink {
    pub(crate) name: String,
    pub(crate) module: u32,
    pub(crate) driver: &'static str,
    pub(crate) spec: SampleSpec,
    pub(crate) map: ChannelMap,
    pub(crate) proplist: PropList,
    pub(crate) formats: Vec<FormatInfo>,
    /// Longest latency that it has, in microseconds.
    pub(crate) max_latency_usec: u64,
}

/// Why a sink cannot be made.
#[derive(Debug)]
pub(crate) enum SinkError {
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

impl State {
    /// Makes a sink and its monitor, and tells everybody.
    pub(crate) fn add_sink(&mut self, new: NewSink) -> Result<u32, SinkError> {
        let names = &mut self.registry.names;
        let name = names.free_name(&new.name).ok_or(SinkError::Name(new.name))?;
        let monitor_name = names.free_name(&format!("{name}.monitor"));
        let monitor_name = monitor_name.ok_or_else(|| SinkError::Name(format!("{name}.monitor")))?;
        let device = self
            .engine
            .add_device(&DeviceConfig { spec: new.spec, map: new.map })
            .map_err(SinkError::Engine)?;

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
        let volume = ChannelVolumes::all(new.spec.channels, Volume::NORM);
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
                flags: SourceFlags::LATENCY | SourceFlags::DYNAMIC_LATENCY | SourceFlags::DECIBEL_VOLUME,
                volume,
                muted: false,
                monitor_of: index,
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
                flags: SinkFlags::LATENCY
                    | SinkFlags::DYNAMIC_LATENCY
                    | SinkFlags::SET_FORMATS
                    | SinkFlags::DECIBEL_VOLUME,
                volume,
                muted: false,
                formats: new.formats,
                monitor,
                inputs: Vec::new(),
                state: DeviceState::Idle,
                suspended_by: SuspendCause::default(),
                unlinking: false,
            },
        );
        // Subscribers of PulseAudio see the first change of state before the device itself.
        self.post(Facility::Sink, Operation::Change, index);
        self.post(Facility::Source, Operation::Change, monitor);
        self.post(Facility::Source, Operation::New, monitor);
        self.update_default_source();
        self.move_to_preferred_source(monitor);
        self.post(Facility::Sink, Operation::New, index);
        self.update_default_sink();
        self.move_to_preferred_sink(index);
        Ok(index)
    }

    /// Removes a sink and its monitor. Streams go to the default devices; those that cannot are killed.
    pub(crate) fn remove_sink(&mut self, index: u32) {
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

    fn remove_source(&mut self, index: u32) {
        let Some(source) = self.registry.sources.get_mut(index) else { return };
        if std::mem::replace(&mut source.unlinking, true) {
            return;
        }
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
        self.post(Facility::Source, Operation::Remove, index);
    }

    /// Running or idle, after a stream came, went or was corked.
    pub(crate) fn update_sink_status(&mut self, index: u32) {
        let Some(sink) = self.registry.sinks.get(index) else { return };
        if sink.state == DeviceState::Suspended || sink.unlinking {
            return;
        }
        let state = self.open_sink_state(sink);
        self.set_sink_state(index, state, SuspendCause::default());
    }

    /// Running or idle, after a stream came, went or was corked.
    pub(crate) fn update_source_status(&mut self, index: u32) {
        let Some(source) = self.registry.sources.get(index) else { return };
        if source.state == DeviceState::Suspended || source.unlinking {
            return;
        }
        let state = self.open_source_state(source);
        self.set_source_state(index, state, SuspendCause::default());
    }

    fn open_sink_state(&self, sink: &Sink) -> DeviceState {
        if self.registry.sink_used_by(sink) > 0 { DeviceState::Running } else { DeviceState::Idle }
    }

    fn open_source_state(&self, source: &Source) -> DeviceState {
        if self.registry.source_used_by(source) > 0 { DeviceState::Running } else { DeviceState::Idle }
    }

    /// Adds or removes a reason to stand still.
    pub(crate) fn suspend_sink(&mut self, index: u32, suspend: bool, cause: SuspendCause) {
        let Some(sink) = self.registry.sinks.get(index) else { return };
        let causes = if suspend { sink.suspended_by.with(cause) } else { sink.suspended_by.without(cause) };
        let state = if causes.is_empty() { self.open_sink_state(sink) } else { DeviceState::Suspended };
        self.set_sink_state(index, state, causes);
    }

    fn set_sink_state(&mut self, index: u32, state: DeviceState, causes: SuspendCause) {
        let Some(sink) = self.registry.sinks.get_mut(index) else { return };
        let old_state = std::mem::replace(&mut sink.state, state);
        let old_causes = std::mem::replace(&mut sink.suspended_by, causes);
        let (device, monitor, inputs) = (sink.device, sink.monitor, sink.inputs.clone());
        if old_state != state {
            self.post(Facility::Sink, Operation::Change, index);
        }
        let suspended = state == DeviceState::Suspended;
        let switched = (old_state == DeviceState::Suspended) != suspended;
        if switched {
            self.engine.set_device_suspended(device, suspended);
            for input in inputs {
                let Some(stream) = self.registry.sink_inputs.get(input) else { continue };
                if suspended && stream.flags.kill_on_suspend {
                    self.kill_sink_input(input);
                } else {
                    let (session, channel) = (stream.session, stream.channel);
                    self.notify(session, 12, &PlaybackStreamSuspended { channel, suspended });
                }
            }
        }
        if switched || old_causes != causes {
            let Some(source) = self.registry.sources.get(monitor) else { return };
            let state = if suspended { DeviceState::Suspended } else { self.open_source_state(source) };
            self.set_source_state(monitor, state, causes);
        }
    }

    fn set_source_state(&mut self, index: u32, state: DeviceState, causes: SuspendCause) {
        let Some(source) = self.registry.sources.get_mut(index) else { return };
        let old_state = std::mem::replace(&mut source.state, state);
        source.suspended_by = causes;
        let outputs = source.outputs.clone();
        if old_state != state {
            self.post(Facility::Source, Operation::Change, index);
        }
        let suspended = state == DeviceState::Suspended;
        if (old_state == DeviceState::Suspended) == suspended {
            return;
        }
        for output in outputs {
            let Some(stream) = self.registry.source_outputs.get(output) else { continue };
            if suspended && stream.flags.kill_on_suspend {
                self.kill_source_output(output);
            } else {
                let (session, channel) = (stream.session, stream.channel);
                self.notify(session, 12, &RecordStreamSuspended { channel, suspended });
            }
        }
    }

    /// Switches an unused sink to the rate, of its own and the alternate one, that suits a stream better; a
    /// passthrough stream gets just what it needs.
    pub(crate) fn reconfigure_sink(&mut self, index: u32, wanted: &SampleSpec, passthrough: bool) {
        let Some(sink) = self.registry.sinks.get(index) else { return };
        let Some(monitor) = self.registry.sources.get(sink.monitor) else { return };
        if sink.spec == *wanted
            || sink.state == DeviceState::Running
            || monitor.state == DeviceState::Running
            || (sink.default_rate == self.settings.alternate_rate && !passthrough)
            || self.registry.sink_used_by(sink) > 0
        {
            return;
        }
        let mut spec = sink.spec;
        if passthrough {
            (spec.format, spec.rate) = (wanted.format, wanted.rate);
        } else {
            spec.rate = closest_rate(sink.default_rate, self.settings.alternate_rate, wanted.rate);
        }
        if spec == sink.spec {
            return;
        }
        self.suspend_sink(index, true, SuspendCause::INTERNAL);
        if let Err(error) = self.change_spec(index, spec) {
            tracing::warn!(sink = index, %spec, %error, "cannot change the sink's sample spec");
        }
        self.suspend_sink(index, false, SuspendCause::INTERNAL);
    }

    /// Puts a device with another spec in the place of a sink's device.
    fn change_spec(&mut self, index: u32, spec: SampleSpec) -> Result<(), EngineError> {
        let Some(sink) = self.registry.sinks.get_mut(index) else { return Ok(()) };
        let device = self.engine.add_device(&DeviceConfig { spec, map: sink.map })?;
        let old_device = std::mem::replace(&mut sink.device, device);
        sink.spec = spec;
        self.engine.set_device_volume(device, &sink.volume, sink.muted);
        self.engine.set_device_suspended(device, true);
        let (monitor, inputs) = (sink.monitor, sink.inputs.clone());
        let map = sink.map;
        let mut outputs = Vec::new();
        if let Some(source) = self.registry.sources.get_mut(monitor) {
            (source.spec, source.device) = (spec, device);
            self.engine.set_monitor_volume(device, &source.volume, source.muted);
            outputs.clone_from(&source.outputs);
        }
        for input in inputs {
            let Some(stream) = self.registry.sink_inputs.get_mut(input) else { continue };
            stream.resample_method =
                super::resample_method(&stream.spec, &stream.map, &spec, &map, stream.flags.variable_rate);
            if self.engine.move_playback(stream.stream, device).is_err() {
                self.kill_sink_input(input);
            }
        }
        for output in outputs {
            let Some(stream) = self.registry.source_outputs.get_mut(output) else { continue };
            if !stream.peak_detect {
                stream.resample_method = super::resample_method(
                    &stream.spec,
                    &stream.map,
                    &spec,
                    &map,
                    stream.flags.variable_rate,
                );
            }
            // A stream that listens to one sink input follows that.
            if stream.origin == RecordOrigin::Source
                && self.engine.move_record(stream.stream, RecordFrom::Monitor(device)).is_err()
            {
                self.kill_source_output(output);
            }
        }
        self.engine.remove_device(old_device);
        Ok(())
    }

    pub(crate) fn set_sink_volume(&mut self, index: u32, volume: ChannelVolumes) {
        let Some(sink) = self.registry.sinks.get_mut(index) else { return };
        let volume = super::fit_volume(&sink.volume, &volume);
        if sink.volume != volume {
            sink.volume = volume;
            self.engine.set_device_volume(sink.device, &sink.volume, sink.muted);
            self.post(Facility::Sink, Operation::Change, index);
        }
    }

    pub(crate) fn set_sink_mute(&mut self, index: u32, muted: bool) {
        let Some(sink) = self.registry.sinks.get_mut(index) else { return };
        if sink.muted != muted {
            sink.muted = muted;
            self.engine.set_device_volume(sink.device, &sink.volume, muted);
            self.post(Facility::Sink, Operation::Change, index);
        }
    }

    pub(crate) fn set_source_volume(&mut self, index: u32, volume: ChannelVolumes) {
        let Some(source) = self.registry.sources.get_mut(index) else { return };
        let volume = super::fit_volume(&source.volume, &volume);
        if source.volume != volume {
            source.volume = volume;
            self.engine.set_monitor_volume(source.device, &source.volume, source.muted);
            self.post(Facility::Source, Operation::Change, index);
        }
    }

    pub(crate) fn set_source_mute(&mut self, index: u32, muted: bool) {
        let Some(source) = self.registry.sources.get_mut(index) else { return };
        if source.muted != muted {
            source.muted = muted;
            self.engine.set_monitor_volume(source.device, &source.volume, muted);
            self.post(Facility::Source, Operation::Change, index);
        }
    }
}

/// The rate for a stream of `wanted`: that rate if the device has it, else the one of the two that is related
/// to it by a simple ratio.
fn closest_rate(default: u32, alternate: u32, wanted: u32) -> u32 {
    if wanted == default || wanted == alternate {
        return wanted;
    }
    let related = |rate: u32| {
        [11_025, 4_000].iter().any(|family| rate.is_multiple_of(*family) && wanted.is_multiple_of(*family))
    };
    if related(alternate) && !related(default) { alternate } else { default }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_related_rate_is_chosen() {
        assert_eq!(closest_rate(44_100, 48_000, 48_000), 48_000);
        assert_eq!(closest_rate(44_100, 48_000, 96_000), 48_000);
        assert_eq!(closest_rate(44_100, 48_000, 22_050), 44_100);
        assert_eq!(closest_rate(48_000, 44_100, 88_200), 44_100);
        assert_eq!(closest_rate(44_100, 48_000, 12_345), 44_100);
    }

    #[test]
    fn abstract_devices_come_before_those_without_a_class() {
        let class = |name| [("device.class", name)].into_iter().collect::<PropList>();
        assert_eq!(priority(&class("abstract")), 1_000);
        assert_eq!(priority(&class("sound")), 9_000);
        assert_eq!(priority(&PropList::new()), 0);
    }
}
