//! `module-null-sink`: a sink that drops what is played, and whose monitor has it.

use sealpulse_protocol::{Encoding, FormatInfo, PropList};

use sealpulse_engine::MAX_LATENCY_USEC;

use super::ModuleError;
use super::args::{ModuleArgs, parse_proplist};
use crate::policy::NewSink;
use crate::state::State;

pub(super) const NAME: &str = "module-null-sink";

/// Source file name in PulseAudio, which clients see as the driver.
const DRIVER: &str = "module-null-sink.c";

/// What a sink is called whose loader has no wish.
const DEFAULT_NAME: &str = "null";

/// Longest latency of a sink with `norewinds`, in microseconds.
const NOREWINDS_LATENCY_USEC: u64 = 50_000;

const ARGUMENTS: &[&str] =
    &["sink_name", "sink_properties", "format", "rate", "channels", "channel_map", "formats", "norewinds"];

/// Every encoding, for `formats=`.
const ENCODINGS: [Encoding; 9] = [
    Encoding::Any,
    Encoding::Pcm,
    Encoding::Ac3,
    Encoding::Eac3,
    Encoding::Mpeg,
    Encoding::Dts,
    Encoding::Mpeg2Aac,
    Encoding::TrueHd,
    Encoding::DtsHd,
];

/// Formats, separated by semicolons: an encoding, then after a comma its properties.
fn parse_formats(text: &str) -> Option<Vec<FormatInfo>> {
    let parts = text.split(';').filter(|part| !part.is_empty());
    let formats: Vec<FormatInfo> = parts.map(parse_format).collect::<Option<_>>()?;
    // A list with none, or with more than the wire has room for, cannot be shown to clients.
    (1..=usize::from(u8::MAX)).contains(&formats.len()).then_some(formats)
}

fn parse_format(text: &str) -> Option<FormatInfo> {
    let (name, rest) = text.split_once(',').unwrap_or((text, ""));
    let encoding = ENCODINGS.into_iter().find(|encoding| encoding.name() == Some(name.trim()))?;
    let mut properties = PropList::new();
    for (key, value) in parse_proplist(rest)? {
        properties.set(&key, value);
    }
    Some(FormatInfo { encoding, properties })
}

impl State {
    /// Makes the sink of a null sink module; its index.
    pub(super) fn load_null_sink(&mut self, module: u32, arguments: &str) -> Result<u32, ModuleError> {
        let args = ModuleArgs::parse(arguments, ARGUMENTS)?;
        let (spec, map) = args.sample_spec(self.settings.default_spec, self.settings.default_map)?;
        let formats = match args.value("formats") {
            None => vec![FormatInfo { encoding: Encoding::Pcm, ..FormatInfo::default() }],
            Some(text) => {
                parse_formats(&text).ok_or(ModuleError::BadValue { key: "formats", value: text })?
            }
        };
        let mut proplist: PropList =
            [("device.description", "Null Output"), ("device.class", "abstract")].into_iter().collect();
        args.proplist("sink_properties", &mut proplist)?;
        // Nothing is rendered ahead here, so there is never anything to rewind: what remains of it is that the
        // latency is short. PulseAudio only warns of a value that it cannot read.
        let max_latency_usec = match args.boolean("norewinds") {
            Ok(Some(true)) => NOREWINDS_LATENCY_USEC,
            Ok(_) => MAX_LATENCY_USEC,
            Err(error) => {
                tracing::warn!(%error, "ignored");
                MAX_LATENCY_USEC
            }
        };
        let name = args.value("sink_name").unwrap_or_else(|| DEFAULT_NAME.to_owned());
        Ok(self.add_sink(NewSink {
            name,
            module,
            driver: DRIVER,
            spec,
            map,
            proplist,
            formats,
            max_latency_usec,
        })?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_read_as_pulseaudio_writes_them() {
        let formats = parse_formats("pcm; ac3-iec61937, format.rate = \"[ 32000, 44100 ]\"").unwrap();
        assert_eq!(formats.len(), 2);
        assert_eq!(formats[0].encoding, Encoding::Pcm);
        assert_eq!(formats[1].encoding, Encoding::Ac3);
        assert_eq!(formats[1].properties.get_str("format.rate"), Some("[ 32000, 44100 ]"));
        for bad in ["", "mp3", "pcm, x", ";"] {
            assert!(parse_formats(bad).is_none(), "{bad}");
        }
    }
}
