//! What happens to devices and streams, to which others, and who is told.

mod device_state;
mod device_volume;
mod devices;
mod module_streams;
mod new_stream;
mod reconfigure;
mod routing;
mod samples;
mod sound_files;
mod streams;
mod volume;

pub(crate) use devices::{DeviceError, NewSink, NewSource};
pub(crate) use module_streams::{Link, LinkEnd, ModuleStreamSpec, playback_config, record_config};
pub(crate) use new_stream::{NewInput, NewOutput, with_factors};
pub(crate) use samples::SAMPLE_SIZE_MAX;
pub(crate) use streams::{
    capture_latency, check_proplist, engine_attr, playback_attr, record_attr, update_proplist,
};
pub(crate) use volume::{fit_volume, remap_volume};

use sealpulse_spec::{ChannelMap, SampleSpec};

/// How a stream is converted to or from its device's format, for lists; `None` where it is not.
pub(crate) fn resample_method(
    stream: &SampleSpec,
    stream_map: &ChannelMap,
    device: &SampleSpec,
    device_map: &ChannelMap,
    variable_rate: bool,
) -> Option<&'static str> {
    if variable_rate || stream.rate != device.rate {
        Some("sinc")
    } else if stream != device || stream_map != device_map {
        Some("copy")
    } else {
        None
    }
}
