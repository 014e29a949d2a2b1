//! Which format a stream gets, of those that its client offers and its device takes.

use sealpulse_protocol::{Encoding, ErrorCode, FormatInfo};
use sealpulse_spec::{ChannelMap, ChannelVolumes, RATE_MAX, SampleFormat, SampleSpec};
use serde_json::Value;

/// What a client wants.
pub(super) struct Wish {
    formats: Vec<FormatInfo>,
    /// The map that the volume is for, where the client gave one.
    map: Option<ChannelMap>,
}

/// Parts that are to be taken from the device.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fix {
    pub(super) format: bool,
    pub(super) rate: bool,
    pub(super) channels: bool,
}

impl Wish {
    /// From a list of formats, or where that is empty from spec and map. `volume` must fit those.
    pub(super) fn new(
        formats: Vec<FormatInfo>,
        spec: Option<SampleSpec>,
        map: &ChannelMap,
        volume: Option<&ChannelVolumes>,
        fix: Fix,
    ) -> Result<Self, ErrorCode> {
        let given_map = Some(*map).filter(ChannelMap::is_valid);
        if !formats.is_empty() {
            let valid = formats.iter().all(|format| format.encoding.name().is_some());
            return if valid { Ok(Self { formats, map: given_map }) } else { Err(ErrorCode::Invalid) };
        }
        let spec = spec.filter(SampleSpec::is_valid).ok_or(ErrorCode::Invalid)?;
        let fits = |volume: &ChannelVolumes| volume.channels() == spec.channels;
        if map.channels() != spec.channels || !volume.is_none_or(fits) {
            return Err(ErrorCode::Invalid);
        }
        let mut format = FormatInfo::pcm(&spec, Some(map));
        for (wanted, keys) in [
            (fix.format, &["format.sample_format"][..]),
            (fix.rate, &["format.rate"]),
            (fix.channels, &["format.channels", "format.channel_map"]),
        ] {
            for key in keys.iter().filter(|_| wanted) {
                format.properties.remove(key);
            }
        }
        Ok(Self { formats: vec![format], map: given_map })
    }

    /// The first format that the device takes too.
    pub(super) fn negotiate(&self, device: &[FormatInfo]) -> Result<&FormatInfo, ErrorCode> {
        let taken = |format: &&FormatInfo| device.iter().any(|device| is_compatible(device, format));
        self.formats.iter().find(taken).ok_or(ErrorCode::NotSupported)
    }

    /// The map that a volume of the client is for.
    pub(super) fn volume_map(
        &self,
        volume: &ChannelVolumes,
        format: &FormatInfo,
    ) -> Result<ChannelMap, ErrorCode> {
        let map = match self.map {
            Some(map) => {
                return if map.channels() == volume.channels() { Ok(map) } else { Err(ErrorCode::Invalid) };
            }
            None => text(format, "format.channel_map")?
                .map(|text| ChannelMap::parse(&text).ok_or(ErrorCode::Invalid)),
        };
        match map.transpose()? {
            Some(map) if map.channels() == volume.channels() => Ok(map),
            _ if volume.channels() == 1 => Ok(ChannelMap::mono()),
            _ => Err(ErrorCode::Invalid),
        }
    }
}

/// The formats of a device that takes any PCM.
pub(super) fn any_pcm() -> Vec<FormatInfo> {
    vec![FormatInfo { encoding: Encoding::Pcm, ..FormatInfo::default() }]
}

/// Spec and map of a PCM format; what it leaves open is taken from the device.
pub(super) fn sample_spec(
    format: &FormatInfo,
    device: &SampleSpec,
    device_map: &ChannelMap,
) -> Result<(SampleSpec, ChannelMap), ErrorCode> {
    if format.encoding != Encoding::Pcm {
        return Err(ErrorCode::NotSupported);
    }
    let sample_format = match text(format, "format.sample_format")? {
        Some(name) => SampleFormat::parse(&name).ok_or(ErrorCode::Invalid)?,
        None => device.format,
    };
    let rate = match number(format, "format.rate")? {
        Some(rate) => {
            u32::try_from(rate).ok().filter(|rate| (1..=RATE_MAX).contains(rate)).ok_or(ErrorCode::Invalid)?
        }
        None => device.rate,
    };
    let map = match text(format, "format.channel_map")? {
        Some(text) => Some(ChannelMap::parse(&text).ok_or(ErrorCode::Invalid)?),
        None => None,
    };
    let channels = match (number(format, "format.channels")?, &map) {
        (Some(channels), _) => u8::try_from(channels).map_err(|_| ErrorCode::Invalid)?,
        (None, Some(map)) => map.channels(),
        (None, None) => device.channels,
    };
    let map = match map {
        Some(map) => map,
        None if device_map.channels() == channels => *device_map,
        None => ChannelMap::default_for(channels),
    };
    let spec = SampleSpec { format: sample_format, channels, rate };
    if spec.is_valid() && map.channels() == channels { Ok((spec, map)) } else { Err(ErrorCode::Invalid) }
}

fn value(format: &FormatInfo, key: &str) -> Result<Option<Value>, ErrorCode> {
    let Some(text) = format.properties.get_str(key) else { return Ok(None) };
    serde_json::from_str(text).map(Some).map_err(|_| ErrorCode::Invalid)
}

fn text(format: &FormatInfo, key: &str) -> Result<Option<String>, ErrorCode> {
    match value(format, key)? {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(ErrorCode::Invalid),
    }
}

fn number(format: &FormatInfo, key: &str) -> Result<Option<i64>, ErrorCode> {
    match value(format, key)? {
        None => Ok(None),
        Some(value) => value.as_i64().map(Some).ok_or(ErrorCode::Invalid),
    }
}

/// Whether a device that takes `device` takes `stream` (`pa_format_info_is_compatible`).
pub(crate) fn is_compatible(device: &FormatInfo, stream: &FormatInfo) -> bool {
    device.encoding == stream.encoding
        && device.properties.iter().all(|(key, _)| match (value(device, key), value(stream, key)) {
            (Ok(Some(ours)), Ok(Some(theirs))) => values_meet(&ours, &theirs),
            _ => false,
        })
}

/// Whether two values of a property, of which at most one is a list or a range, have something in common.
fn values_meet(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(list), single) | (single, Value::Array(list)) if is_single(single) => {
            list.contains(single)
        }
        (Value::Object(range), single) | (single, Value::Object(range)) if is_single(single) => {
            let bound = |key| range.get(key).and_then(Value::as_i64);
            match (bound("min"), bound("max"), single.as_i64()) {
                (Some(min), Some(max), Some(value)) => (min..=max).contains(&value),
                _ => false,
            }
        }
        _ => is_single(a) && a == b,
    }
}

fn is_single(value: &Value) -> bool {
    !value.is_array() && !value.is_object()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> SampleSpec {
        SampleSpec { format: SampleFormat::S16Le, channels: 2, rate: 44_100 }
    }

    fn pcm(properties: &[(&str, &str)]) -> FormatInfo {
        FormatInfo { encoding: Encoding::Pcm, properties: properties.iter().copied().collect() }
    }

    #[test]
    fn what_is_to_be_fixed_is_the_devices() {
        let device = SampleSpec { format: SampleFormat::F32Le, channels: 6, rate: 96_000 };
        let map = ChannelMap::default_for(6);
        let fix = Fix { format: true, rate: true, channels: true };
        let wish = Wish::new(Vec::new(), Some(spec()), &ChannelMap::stereo(), None, fix).unwrap();
        let format = wish.negotiate(&any_pcm()).unwrap();
        assert_eq!(sample_spec(format, &device, &map), Ok((device, map)));
        let wish = Wish::new(Vec::new(), Some(spec()), &ChannelMap::stereo(), None, Fix::default()).unwrap();
        let format = wish.negotiate(&any_pcm()).unwrap();
        assert_eq!(sample_spec(format, &device, &map), Ok((spec(), ChannelMap::stereo())));
    }

    #[test]
    fn formats_meet_the_devices() {
        let sink =
            [pcm(&[("format.rate", "[44100, 48000]"), ("format.channels", r#"{"min": 1, "max": 2}"#)])];
        let offered = |rate, channels| {
            let formats = vec![pcm(&[("format.rate", rate), ("format.channels", channels)])];
            Wish::new(formats, None, &ChannelMap::default_for(0), None, Fix::default()).unwrap()
        };
        assert!(offered("48000", "2").negotiate(&sink).is_ok());
        assert!(offered("96000", "2").negotiate(&sink).is_err());
        assert!(offered("48000", "3").negotiate(&sink).is_err());
        let ac3 = FormatInfo { encoding: Encoding::Ac3, ..FormatInfo::default() };
        let wish = Wish::new(vec![ac3], None, &ChannelMap::default_for(0), None, Fix::default()).unwrap();
        assert_eq!(wish.negotiate(&any_pcm()), Err(ErrorCode::NotSupported));
    }

    #[test]
    fn nonsense_is_invalid() {
        for (key, text) in [
            ("format.rate", "0"),
            ("format.rate", "\"x\""),
            ("format.rate", "["),
            ("format.channels", "33"),
            ("format.channels", "-1"),
            ("format.sample_format", "\"mp3\""),
            ("format.channel_map", "7"),
        ] {
            let result = sample_spec(&pcm(&[(key, text)]), &spec(), &ChannelMap::stereo());
            assert_eq!(result, Err(ErrorCode::Invalid), "{key} {text}");
        }
        let mismatch = pcm(&[("format.channels", "2"), ("format.channel_map", "\"mono\"")]);
        assert!(sample_spec(&mismatch, &spec(), &ChannelMap::stereo()).is_err());
    }

    #[test]
    fn a_volume_needs_a_map() {
        let format = pcm(&[("format.channel_map", "\"front-left,front-right\"")]);
        let none = ChannelMap::default_for(0);
        let wish = Wish::new(vec![format.clone()], None, &none, None, Fix::default()).unwrap();
        assert_eq!(wish.volume_map(&ChannelVolumes::norm(2), &format), Ok(ChannelMap::stereo()));
        assert_eq!(wish.volume_map(&ChannelVolumes::norm(1), &format), Ok(ChannelMap::mono()));
        assert_eq!(wish.volume_map(&ChannelVolumes::norm(3), &format), Err(ErrorCode::Invalid));
    }
}
