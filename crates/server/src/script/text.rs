//! Words of lists: volumes, properties, channels, as PulseAudio writes them for people.

use std::fmt::Write;

use sealpulse_protocol::{DeviceState, PropList};
use sealpulse_spec::{ChannelMap, ChannelVolumes, Volume};

pub(super) fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

pub(super) fn state_name(state: DeviceState) -> &'static str {
    match state {
        DeviceState::Running => "RUNNING",
        DeviceState::Idle => "IDLE",
        _ => "SUSPENDED",
    }
}

pub(super) fn properties(proplist: &PropList) -> String {
    let lines = proplist.iter().map(|(key, value)| match proplist.get_str(key) {
        Some(text) => format!("{key} = \"{}\"", text.replace('"', "\\\"")),
        None => format!("{key} = {}", hex(value)),
    });
    format!("\tproperties:\n\t\t{}\n", lines.collect::<Vec<_>>().join("\n\t\t"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold("hex:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

pub(super) fn one_volume(volume: Volume, decibel: bool) -> String {
    let percent = (u64::from(volume.0) * 100 + u64::from(Volume::NORM.0) / 2) / u64::from(Volume::NORM.0);
    let mut text = format!("{} / {percent:3}%", volume.0);
    if decibel {
        let linear = volume.to_linear();
        if linear > 0.0 {
            let _ = write!(text, " / {:.2} dB", 20.0 * linear.log10());
        } else {
            text.push_str(" / -inf dB");
        }
    }
    text
}

pub(super) fn volumes(volume: &ChannelVolumes, map: &ChannelMap, decibel: bool) -> String {
    let channels = map.as_slice().iter().zip(volume.as_slice());
    let one =
        channels.map(|(position, volume)| format!("{}: {}", position.name(), one_volume(*volume, decibel)));
    one.collect::<Vec<_>>().join(",   ")
}

pub(super) fn balance(volume: &ChannelVolumes, map: &ChannelMap) -> f64 {
    let side = |left: bool| {
        let pairs = map.as_slice().iter().zip(volume.as_slice());
        let on_side =
            pairs.filter(|(position, _)| if left { position.is_left() } else { position.is_right() });
        let (sum, count) =
            on_side.fold((0.0, 0.0), |(sum, count), (_, v)| (sum + f64::from(v.0), count + 1.0));
        (count > 0.0).then(|| sum / count)
    };
    let (Some(left), Some(right)) = (side(true), side(false)) else { return 0.0 };
    if left > right {
        right / left - 1.0
    } else if right > left {
        1.0 - left / right
    } else {
        0.0
    }
}

pub(super) fn milliseconds(usec: u64) -> f64 {
    usec as f64 / 1000.0
}

/// A channel map with what people call it on a line of its own.
pub(super) fn channels(map: &ChannelMap) -> String {
    match map.pretty_name() {
        Some(name) => format!("{map}\n\t             {name}"),
        None => map.to_string(),
    }
}

/// A number of bytes for people (`pa_bytes_snprint`).
pub(super) fn bytes(count: u64) -> String {
    let scaled = |unit: &str, shift: u32| format!("{:.1} {unit}", count as f64 / f64::from(1u32 << shift));
    match count {
        0..1024 => format!("{count} B"),
        1024..0x10_0000 => scaled("KiB", 10),
        0x10_0000..0x4000_0000 => scaled("MiB", 20),
        _ => scaled("GiB", 30),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_units() {
        let texts = [0, 1023, 1024, 763_904, 5 << 20, 3 << 30].map(bytes);
        assert_eq!(texts, ["0 B", "1023 B", "1.0 KiB", "746.0 KiB", "5.0 MiB", "3.0 GiB"]);
    }

    #[test]
    fn properties_are_quoted_or_hex() {
        let mut proplist = PropList::new();
        assert_eq!(properties(&proplist), "\tproperties:\n\t\t\n");
        proplist.set_str("a", "x \"y\"");
        proplist.set("b", vec![0xff, 1]);
        assert_eq!(properties(&proplist), "\tproperties:\n\t\ta = \"x \\\"y\\\"\"\n\t\tb = hex:ff01\n");
    }

    #[test]
    fn balance_is_that_of_the_louder_side() {
        let volumes = |left, right| ChannelVolumes::from_slice(&[Volume(left), Volume(right)]).unwrap();
        let of = |left, right| balance(&volumes(left, right), &ChannelMap::stereo());
        assert_eq!([of(8, 8), of(8, 4), of(2, 8), of(0, 0)], [0.0, -0.5, 0.75, 0.0]);
        assert_eq!(balance(&ChannelVolumes::norm(1), &ChannelMap::parse("front-left").unwrap()), 0.0);
    }
}
