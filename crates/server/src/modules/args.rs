//! Module arguments: `key=value` with PulseAudio's rules of quoting (`pa_modargs`).

use std::time::Duration;

use sealpulse_protocol::PropList;
use sealpulse_spec::{ChannelMap, SampleFormat, SampleSpec};

use super::ModuleError;
use super::argument::parse_time;
use super::kind::Kind;

/// Parsed arguments of a module: known ones, each at most once, each of its type.
#[derive(Debug)]
pub(crate) struct ModuleArgs {
    kind: &'static Kind,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    key: &'static str,
    /// As it was written, between its quotes.
    raw: String,
}

impl ModuleArgs {
    /// Takes `text` apart by what the module declares.
    pub(crate) fn parse(text: &str, kind: &'static Kind) -> Result<Self, ModuleError> {
        let mut args = Self { kind, entries: Vec::new() };
        let mut rest = text.trim_start_matches(is_space);
        while !rest.is_empty() {
            let syntax = || ModuleError::Syntax { at: text.len() - rest.len() };
            let (key, after) = rest.split_once('=').ok_or_else(syntax)?;
            if key.is_empty() || key.contains(is_space) {
                return Err(syntax());
            }
            let (raw, after) = split_value(after).ok_or_else(syntax)?;
            args.add(key, raw)?;
            rest = after.trim_start_matches(is_space);
        }
        Ok(args)
    }

    fn add(&mut self, key: &str, raw: &str) -> Result<(), ModuleError> {
        let argument = self.kind.argument(key).ok_or_else(|| self.kind.unknown_argument(key))?;
        if self.raw(key).is_some() {
            return Err(ModuleError::Repeated { key: key.to_owned() });
        }
        let value = unescape(raw);
        if !argument.kind.accepts(&value, raw) {
            return Err(ModuleError::bad(argument.name, value, &argument.kind));
        }
        self.entries.push(Entry { key: argument.name, raw: raw.to_owned() });
        Ok(())
    }

    fn raw(&self, key: &str) -> Option<&str> {
        debug_assert!(self.kind.argument(key).is_some(), "{key} is not declared");
        self.entries.iter().find(|entry| entry.key == key).map(|entry| entry.raw.as_str())
    }

    /// The value of `key` without its escapes.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        self.raw(key).map(unescape)
    }

    /// Whether the module has this argument at all.
    pub(crate) fn knows(&self, key: &str) -> bool {
        self.kind.argument(key).is_some()
    }

    /// The value of an argument that not all modules of a family have.
    pub(crate) fn known_text(&self, key: &str) -> Option<String> {
        if self.knows(key) { self.text(key) } else { None }
    }

    /// A yes or no; `otherwise` where it is not given, or unreadable and that is allowed.
    pub(crate) fn boolean(&self, key: &str, otherwise: bool) -> bool {
        let Some(value) = self.text(key) else { return otherwise };
        parse_boolean(&value).unwrap_or_else(|| {
            tracing::warn!(module = self.kind.name, key, value, "neither yes nor no: ignored");
            otherwise
        })
    }

    /// A number within its bounds.
    pub(crate) fn number(&self, key: &str) -> Option<u32> {
        self.text(key).as_deref().and_then(parse_number)
    }

    /// A time.
    pub(crate) fn time(&self, key: &str) -> Option<Duration> {
        self.text(key).as_deref().and_then(parse_time)
    }

    /// The parts between commas, without those that are empty.
    pub(crate) fn list(&self, key: &str) -> Option<Vec<String>> {
        let split =
            |text: String| text.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        self.text(key).map(split)
    }

    /// `format`, `rate`, `channels` and `channel_map`, which must agree; what is not there is taken from the
    /// defaults.
    pub(crate) fn sample_spec(
        &self,
        mut spec: SampleSpec,
        mut map: ChannelMap,
    ) -> Result<(SampleSpec, ChannelMap), ModuleError> {
        if let Some(rate) = self.number("rate") {
            spec.rate = rate;
        }
        let channels = self.number("channels").and_then(|count| u8::try_from(count).ok());
        if let Some(channels) = channels {
            spec.channels = channels;
        }
        if let Some(format) = self.text("format").as_deref().and_then(SampleFormat::parse) {
            spec.format = format;
        }
        if !spec.is_valid() {
            return Err(ModuleError::BadSpec { spec });
        }
        if map.channels() != spec.channels {
            map = ChannelMap::default_for(spec.channels);
        }
        if let Some(given) = self.text("channel_map").as_deref().and_then(ChannelMap::parse) {
            map = given;
        }
        if map.channels() != spec.channels {
            if channels.is_some() {
                return Err(ModuleError::MapMismatch {
                    channels: spec.channels,
                    map_channels: map.channels(),
                });
            }
            spec.channels = map.channels();
        }
        if map.is_valid() { Ok((spec, map)) } else { Err(ModuleError::BadSpec { spec }) }
    }

    /// Adds the properties that `key` lists to `proplist`.
    pub(crate) fn proplist(&self, key: &str, proplist: &mut PropList) {
        // The quotes of a property may be escaped for the arguments' sake or not: its own parser sees to it.
        for (key, value) in self.raw(key).and_then(parse_proplist).unwrap_or_default() {
            proplist.set(&key, value);
        }
    }
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

/// The value at the start of `text` and what follows it.
fn split_value(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|first| matches!(first, '"' | '\''));
    let body = if quote.is_some() { &text[1..] } else { text };
    let mut escaped = false;
    for (at, character) in body.char_indices() {
        let ends = match quote {
            Some(quote) => character == quote,
            None => is_space(character),
        };
        if escaped {
            escaped = false;
        } else if ends {
            return Some((&body[..at], &body[at + 1..]));
        } else if character == '\\' {
            escaped = true;
        }
    }
    (quote.is_none() && !escaped).then_some((body, ""))
}

/// Drops each backslash that stands before another character.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut escaped = false;
    for character in text.chars() {
        if character == '\\' && !escaped {
            escaped = true;
        } else {
            plain.push(character);
            escaped = false;
        }
    }
    plain
}

/// `key=value` pairs, values plain, quoted or as `hex:…` (`pa_proplist_from_string`).
pub(crate) fn parse_proplist(text: &str) -> Option<Vec<(String, Vec<u8>)>> {
    let mut pairs: Vec<(String, Vec<u8>)> = Vec::new();
    let mut rest = text.trim_start_matches(is_space);
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        let key = key.trim_end_matches(is_space);
        if !PropList::is_valid_name(key) || key.contains(is_space) {
            return None;
        }
        let after = after.trim_start_matches(is_space);
        if after.is_empty() {
            return None;
        }
        let (value, after) = match after.as_bytes()[0] {
            b'"' | b'\'' => {
                let (raw, after) = split_value(after)?;
                (text_value(&unescape(raw)), after)
            }
            _ => {
                let end = after.find(is_space).unwrap_or(after.len());
                let (word, after) = after.split_at(end);
                let value = match word.strip_prefix("hex:") {
                    Some(digits) => parse_hex(digits)?,
                    None => text_value(word),
                };
                (value, after)
            }
        };
        match pairs.iter_mut().find(|(known, _)| known == key) {
            Some((_, old)) => *old = value,
            None => pairs.push((key.to_owned(), value)),
        }
        rest = after.trim_start_matches(is_space);
    }
    Some(pairs)
}

/// Text as it stands in a property list: with a zero byte at its end.
fn text_value(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

fn parse_hex(digits: &str) -> Option<Vec<u8>> {
    let nibbles: Vec<u8> =
        digits.chars().map(|digit| digit.to_digit(16).map(|value| value as u8)).collect::<Option<_>>()?;
    if !nibbles.len().is_multiple_of(2) {
        return None;
    }
    Some(nibbles.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

pub(crate) fn parse_boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "y" | "yes" | "t" | "true" | "on" => Some(true),
        "0" | "n" | "no" | "f" | "false" | "off" => Some(false),
        _ => None,
    }
}

/// A number as C writes it: decimal, `0x…`, or octal with a leading zero.
pub(crate) fn parse_number(text: &str) -> Option<u32> {
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u32::from_str_radix(digits, 16).ok();
    }
    if text.starts_with(['+', '-']) {
        return None;
    }
    match text.strip_prefix('0') {
        Some(digits) if !digits.is_empty() => u32::from_str_radix(digits, 8).ok(),
        _ => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ModuleArgs, ModuleError> {
        ModuleArgs::parse(text, &crate::modules::null_sink::KIND)
    }

    #[test]
    fn values_are_plain_or_quoted() {
        let args = parse(r#" sink_name="a b"  rate=48000 format='s16le' formats= "#).unwrap();
        assert_eq!(args.text("sink_name").as_deref(), Some("a b"));
        assert_eq!(args.text("rate").as_deref(), Some("48000"));
        assert_eq!(args.text("format").as_deref(), Some("s16le"));
        assert_eq!(args.text("formats").as_deref(), Some(""));
        assert_eq!(args.text("channel_map"), None);
        assert_eq!(parse(r"sink_name=a\ b").unwrap().text("sink_name").as_deref(), Some("a b"));
    }

    #[test]
    fn what_pulseaudio_refuses_is_refused() {
        for bad in
            ["sink_name", "=x", "sink_name =x", "foo=1", "rate=1 rate=2", "sink_name=\"x", "sink_name=x\\"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
        // A blank within an unquoted value ends it, and what follows is no argument.
        assert!(parse(r#"sink_properties=device.description="My Sink" rate=48000"#).is_err());
    }

    #[test]
    fn properties_keep_their_own_quotes() {
        let mut proplist = PropList::new();
        let args = parse(r#"sink_properties='device.description="My Sink" a.b=hex:0aff'"#).unwrap();
        args.proplist("sink_properties", &mut proplist);
        assert_eq!(proplist.get_str("device.description"), Some("My Sink"));
        assert_eq!(proplist.get("a.b"), Some(&[0x0a, 0xff][..]));
        let escaped = parse(r#"sink_properties="device.description=\"My Sink\"""#);
        assert!(escaped.is_err(), "escapes are the property's own");
        assert!(parse("sink_properties=novalue").is_err());
    }

    #[test]
    fn spec_and_map_must_agree() {
        let spec = SampleSpec { format: SampleFormat::S16Le, channels: 2, rate: 44_100 };
        let fixed = |text| parse(text).and_then(|args| args.sample_spec(spec, ChannelMap::stereo()));
        let (six, map) = fixed("channels=6 rate=0x10").unwrap();
        assert_eq!((six.channels, six.rate, map), (6, 16, ChannelMap::default_for(6)));
        let (mono, map) = fixed("channel_map=mono").unwrap();
        assert_eq!((mono.channels, map), (1, ChannelMap::mono()));
        for bad in [
            "channels=2 channel_map=mono",
            "rate=0",
            "rate=768001",
            "channels=33",
            "channels=0",
            "format=mp3",
            "rate=-1",
        ] {
            assert!(fixed(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn booleans_are_pulseaudios() {
        for (text, value) in
            [("1", Some(true)), ("Yes", Some(true)), ("off", Some(false)), ("x", None), ("", None)]
        {
            assert_eq!(parse_boolean(text), value);
        }
    }
}
