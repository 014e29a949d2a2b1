//! Sinks that take the rate of what is to be played.

use sealpulse_engine::{DeviceConfig, EngineError, RecordFrom};
use sealpulse_protocol::DeviceState;
use sealpulse_spec::SampleSpec;

use crate::registry::{RecordOrigin, SuspendCause};
use crate::state::State;

impl State {
    /// The same for the sink whose monitor a source is.
    pub(crate) fn reconfigure_source(&mut self, index: u32, wanted: &SampleSpec, passthrough: bool) {
        if let Some(sink) = self.registry.sources.get(index).and_then(|source| source.monitor_of) {
            self.reconfigure_sink(sink, wanted, passthrough);
        }
    }

    /// Switches an unused sink to the rate, of its own and the alternate one, that suits a stream better; a
    /// passthrough stream gets just what it needs.
    pub(crate) fn reconfigure_sink(&mut self, index: u32, wanted: &SampleSpec, passthrough: bool) {
        let Some(sink) = self.registry.sinks.get(index) else { return };
        let Some(monitor) = self.registry.sources.get(sink.monitor) else { return };
        if !sink.can_reconfigure
            || sink.spec == *wanted
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
}
