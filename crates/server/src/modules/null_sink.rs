//! `module-null-sink`: a sink that drops what is played, and whose monitor has it.

use sealpulse_engine::MAX_LATENCY_USEC;
use sealpulse_protocol::{Encoding, FormatInfo, PropList, SinkFlags};

use super::args::parse_proplist;
use super::argument::{Argument, LIFE, SINK, SPEC, Type};
use super::{Instance, Kind, Loading, ModuleError};
use crate::policy::NewSink;
use crate::state::State;

pub(super) static KIND: Kind = Kind {
    name: "module-null-sink",
    description: "Clocked NULL sink",
    driver: "module-null-sink.c",
    arguments: &[
        SINK,
        SPEC,
        &[
            Argument::new("formats", Type::Formats, "pcm", "Formats that the sink takes."),
            Argument::new("norewinds", Type::LenientBoolean, "no", "Keeps the latency at 50 ms or less."),
        ],
        LIFE,
    ],
    once: false,
    load,
};

/// Longest latency of a sink with `norewinds`, in microseconds.
const NOREWINDS_LATENCY_USEC: u64 = 50_000;

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

/// The encoding of this name.
pub(super) fn encoding(name: &str) -> Option<Encoding> {
    ENCODINGS.into_iter().find(|encoding| encoding.name() == Some(name))
}

/// Formats, separated by semicolons: an encoding, then after a comma its properties.
fn parse_formats(text: &str) -> Option<Vec<FormatInfo>> {
    let parts = text.split(';').filter(|part| !part.is_empty());
    let formats: Vec<FormatInfo> = parts.map(parse_format).collect::<Option<_>>()?;
    // A list with none, or with more than the wire has room for, cannot be shown to clients.
    (1..=usize::from(u8::MAX)).contains(&formats.len()).then_some(formats)
}

fn parse_format(text: &str) -> Option<FormatInfo> {
    let (name, rest) = text.split_once(',').unwrap_or((text, ""));
    let encoding = encoding(name.trim())?;
    let mut properties = PropList::new();
    for (key, value) in parse_proplist(rest)? {
        properties.set(&key, value);
    }
    Some(FormatInfo { encoding, properties })
}

fn load(state: &mut State, loading: &Loading<'_>) -> Result<Box<dyn Instance>, ModuleError> {
    let args = loading.args;
    let (spec, map) = args.sample_spec(state.settings.default_spec, state.settings.default_map)?;
    let mut proplist: PropList =
        [("device.description", "Null Output"), ("device.class", "abstract")].into_iter().collect();
    args.proplist("sink_properties", &mut proplist);
    let name = args.text("sink_name").unwrap_or_else(|| "null".to_owned());
    let mut new = NewSink::new(name, loading, spec, map, proplist);
    new.flags |= SinkFlags::SET_FORMATS;
    new.can_reconfigure = true;
    if let Some(text) = args.text("formats") {
        new.formats =
            parse_formats(&text).ok_or_else(|| ModuleError::bad("formats", text, &Type::Formats))?;
    }
    // Nothing is rendered ahead here, so there is never anything to rewind: what remains of it is that the
    // latency is short.
    if args.boolean("norewinds", false) {
        new.max_latency_usec = NOREWINDS_LATENCY_USEC.min(MAX_LATENCY_USEC);
    }
    Ok(Box::new(NullSink { sink: state.add_sink(new)? }))
}

#[derive(Debug)]
struct NullSink {
    sink: u32,
}

impl Instance for NullSink {
    fn used(&self, state: &State) -> Option<u32> {
        Some(state.sink_linked_by(self.sink))
    }

    fn unload(self: Box<Self>, state: &mut State, _me: u32) {
        state.remove_sink(self.sink);
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
