//! Arguments of modules, declared once: from here come parsing, errors, usage and the manual page.

use std::fmt;

use sealpulse_spec::{ChannelMap, SampleFormat};

use super::args::{parse_boolean, parse_number, parse_proplist};

/// An argument that a module takes.
#[derive(Debug)]
pub(crate) struct Argument {
    pub(crate) name: &'static str,
    pub(crate) kind: Type,
    /// What holds where it is not given, as a user reads it.
    pub(crate) default: &'static str,
    pub(crate) text: &'static str,
}

impl Argument {
    pub(crate) const fn new(
        name: &'static str,
        kind: Type,
        default: &'static str,
        text: &'static str,
    ) -> Self {
        Self { name, kind, default, text }
    }
}

/// What an argument can be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Type {
    /// Any text.
    Text,
    /// A name, or a number, of a sink.
    Sink,
    /// A name, or a number, of a source.
    Source,
    /// A path.
    Path,
    Boolean,
    /// A boolean that, unreadable, is only warned of.
    LenientBoolean,
    /// A whole number within these bounds.
    Number(u32, u32),
    /// One of these words.
    Word(&'static [&'static str]),
    /// Seconds: 0, or 0.1 and more.
    Seconds,
    /// A time: seconds, or with `s`, `m`, `h`, `d`.
    Time,
    SampleFormat,
    ChannelMap,
    /// `key=value` pairs.
    Properties,
    /// Encodings with their properties, separated by semicolons.
    Formats,
    /// Names, separated by commas.
    List,
}

impl Type {
    /// Whether `value`, without its escapes, can be one; `raw` is it as it was written.
    pub(crate) fn accepts(&self, value: &str, raw: &str) -> bool {
        match self {
            Self::Text | Self::Path | Self::List | Self::LenientBoolean | Self::Formats => true,
            Self::Sink | Self::Source => !value.is_empty(),
            Self::Boolean => parse_boolean(value).is_some(),
            Self::Number(least, most) => parse_number(value).is_some_and(|n| (*least..=*most).contains(&n)),
            Self::Word(words) => words.contains(&value),
            Self::Seconds => value.parse::<f64>().is_ok_and(|seconds| seconds == 0.0 || seconds >= 0.1),
            Self::Time => parse_time(value).is_some(),
            Self::SampleFormat => SampleFormat::parse(value).is_some(),
            Self::ChannelMap => ChannelMap::parse(value).is_some(),
            Self::Properties => parse_proplist(raw).is_some(),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("text"),
            Self::Sink => f.write_str("a sink's name"),
            Self::Source => f.write_str("a source's name"),
            Self::Path => f.write_str("a path"),
            Self::Boolean | Self::LenientBoolean => f.write_str("yes or no"),
            Self::Number(0, u32::MAX) => f.write_str("a number"),
            Self::Number(least, u32::MAX) => write!(f, "a number from {least}"),
            Self::Number(least, most) => write!(f, "a number from {least} to {most}"),
            Self::Word(words) => f.write_str(&words.join(" or ")),
            Self::Seconds => f.write_str("seconds: 0, or 0.1 and more"),
            Self::Time => f.write_str("a time (seconds, or 10m, 2h, 1d)"),
            Self::SampleFormat => f.write_str("a sample format (s16le, float32le ...)"),
            Self::ChannelMap => f.write_str("a channel map"),
            Self::Properties => f.write_str("properties (key=value ...)"),
            Self::Formats => f.write_str("formats (pcm;ac3-iec61937 ...)"),
            Self::List => f.write_str("names, separated by commas"),
        }
    }
}

/// Seconds, or with a unit: `90`, `30s`, `10m`, `2h`, `1d`.
pub(crate) fn parse_time(text: &str) -> Option<std::time::Duration> {
    let (digits, unit) = match text.char_indices().last()? {
        (at, 's') => (&text[..at], 1),
        (at, 'm') => (&text[..at], 60),
        (at, 'h') => (&text[..at], 3_600),
        (at, 'd') => (&text[..at], 86_400),
        _ => (text, 1),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u64>().ok()?.checked_mul(unit).map(std::time::Duration::from_secs)
}

/// How a device's samples look.
pub(crate) const SPEC: &[Argument] = &[
    Argument::new("format", Type::SampleFormat, "the server's", "Sample format."),
    Argument::new("rate", Type::Number(1, sealpulse_spec::RATE_MAX), "the server's", "Sample rate in Hz."),
    Argument::new(
        "channels",
        Type::Number(1, sealpulse_spec::CHANNELS_MAX as u32),
        "the server's",
        "Number of channels.",
    ),
    Argument::new("channel_map", Type::ChannelMap, "the usual one", "Positions of the channels."),
];

/// The name and properties of a sink.
pub(crate) const SINK: &[Argument] = &[
    Argument::new("sink_name", Type::Text, "the module's", "Name of the sink."),
    Argument::new("sink_properties", Type::Properties, "none", "Properties of the sink."),
];

/// The name and properties of a source.
pub(crate) const SOURCE: &[Argument] = &[
    Argument::new("source_name", Type::Text, "the module's", "Name of the source."),
    Argument::new("source_properties", Type::Properties, "none", "Properties of the source."),
];

/// When what was made goes by itself.
pub(crate) const LIFE: &[Argument] = &[
    Argument::new(
        "lifetime",
        Type::Word(&["server", "client"]),
        "server",
        "`client` unloads the module as soon as the client that loaded it disconnects.",
    ),
    Argument::new(
        "ttl",
        Type::Time,
        "none",
        "Unloads the module when nobody has used its devices for so long.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        let seconds = |text| parse_time(text).map(|time| time.as_secs());
        assert_eq!(seconds("90"), Some(90));
        assert_eq!(seconds("30s"), Some(30));
        assert_eq!(seconds("10m"), Some(600));
        assert_eq!(seconds("2h"), Some(7_200));
        assert_eq!(seconds("1d"), Some(86_400));
        for bad in ["", "m", "-1", "+1", "1w", "1.5m", "99999999999999999999d"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }

    #[test]
    fn values_are_checked_by_their_type() {
        let accepts = |kind: Type, value: &str| kind.accepts(value, value);
        assert!(accepts(Type::Number(1, 10), "0x0a") && !accepts(Type::Number(1, 10), "11"));
        assert!(accepts(Type::Word(&["a", "b"]), "b") && !accepts(Type::Word(&["a", "b"]), "c"));
        assert!(accepts(Type::Properties, "a=b") && !accepts(Type::Properties, "a"));
        assert!(accepts(Type::Boolean, "on") && !accepts(Type::Boolean, "maybe"));
        assert!(accepts(Type::LenientBoolean, "maybe"));
    }
}
