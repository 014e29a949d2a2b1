//! What a volume becomes by what is asked for, and how it is shown.

use sealpulse_client::{ChannelMap, ChannelVolumes, Volume};

use crate::cli::{Step, VolumeValue};

/// Why a volume cannot be set as asked.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum VolumeError {
    #[error("{given} volumes were given for {channels} channels ({map}); give one for all, or one for each")]
    Channels { given: usize, channels: usize, map: String },
}

/// `value` set on, or added to, `now`.
pub(crate) fn apply(
    value: &VolumeValue,
    now: &ChannelVolumes,
    map: &ChannelMap,
) -> Result<ChannelVolumes, VolumeError> {
    let volumes = now.as_slice();
    let steps = &value.0;
    if let [step] = steps.as_slice() {
        return Ok(for_all(*step, now));
    }
    if steps.len() != volumes.len() {
        let (given, channels) = (steps.len(), volumes.len());
        return Err(VolumeError::Channels { given, channels, map: map.to_string() });
    }
    let new: Vec<Volume> = volumes.iter().zip(steps).map(|(&volume, &step)| moved(volume, step)).collect();
    Ok(ChannelVolumes::from_slice(&new).unwrap_or(*now))
}

/// One step for all channels. A change keeps the balance: the loudest channel changes by it, and the others in
/// proportion.
fn for_all(step: Step, now: &ChannelVolumes) -> ChannelVolumes {
    let loudest = now.max();
    let new = moved(loudest, step);
    let is_change = matches!(step, Step::ByValue(_) | Step::ByPercent(_) | Step::ByDecibels(_));
    if !is_change || loudest == Volume::MUTED {
        return ChannelVolumes::all(now.channels(), new);
    }
    let scale = |volume: &Volume| {
        let scaled = (f64::from(volume.0) * f64::from(new.0) / f64::from(loudest.0)).round();
        limited(scaled)
    };
    let scaled: Vec<Volume> = now.as_slice().iter().map(scale).collect();
    ChannelVolumes::from_slice(&scaled).unwrap_or(*now)
}

fn moved(now: Volume, step: Step) -> Volume {
    let percent = |percent: f64| percent / 100.0 * f64::from(Volume::NORM.0);
    let now_value = f64::from(now.0);
    match step {
        Step::Value(value) => limited(f64::from(value)),
        Step::ByValue(by) => limited(now_value + by as f64),
        Step::Percent(value) => limited(percent(value).round()),
        Step::ByPercent(by) => limited((now_value + percent(by)).round()),
        Step::Decibels(decibels) => Volume::from_linear(factor(decibels)),
        Step::ByDecibels(by) => Volume::from_linear(now.to_linear() * factor(by)),
    }
}

fn factor(decibels: f64) -> f64 {
    10_f64.powf(decibels / 20.0)
}

fn limited(value: f64) -> Volume {
    Volume(value.clamp(0.0, f64::from(Volume::MAX.0)) as u32)
}

/// A volume in percents.
pub(crate) fn percent(volume: Volume) -> String {
    format!("{:.0}%", f64::from(volume.0) * 100.0 / f64::from(Volume::NORM.0))
}

/// A volume in decibels.
pub(crate) fn decibels(volume: Volume) -> String {
    match volume {
        Volume::MUTED => "-inf dB".to_owned(),
        // Not "-0.00".
        _ => format!("{:.2} dB", 20.0 * volume.to_linear().log10() + 0.0),
    }
}

/// The volumes of all channels, as short as they can be told: one where they are the same.
pub(crate) fn short(volumes: &ChannelVolumes) -> String {
    match volumes.as_slice() {
        [] => "-".to_owned(),
        [first, rest @ ..] if rest.iter().all(|volume| volume == first) => percent(*first),
        all => all.iter().map(|&volume| percent(volume)).collect::<Vec<_>>().join(","),
    }
}

/// The same with the names of the channels and decibels.
pub(crate) fn long(volumes: &ChannelVolumes, map: &ChannelMap) -> String {
    let map = map.to_string();
    let channels: Vec<String> = volumes
        .as_slice()
        .iter()
        .zip(map.split(',').chain(std::iter::repeat("?")))
        .map(|(&volume, name)| format!("{name} {} ({})", percent(volume), decibels(volume)))
        .collect();
    channels.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stereo(left: u32, right: u32) -> ChannelVolumes {
        ChannelVolumes::from_slice(&[Volume(left), Volume(right)]).unwrap()
    }

    fn applied(text: &str, now: ChannelVolumes) -> ChannelVolumes {
        apply(&text.parse().unwrap(), &now, &ChannelMap::stereo()).unwrap()
    }

    #[test]
    fn volumes_are_set() {
        let now = stereo(0x10000, 0x8000);
        assert_eq!(applied("50%", now), stereo(0x8000, 0x8000));
        assert_eq!(applied("0dB", now), stereo(0x10000, 0x10000));
        assert_eq!(applied("=-20dB", now), stereo(30_419, 30_419));
        assert_eq!(applied("12345", now), stereo(12_345, 12_345));
        assert_eq!(applied("100%,25%", now), stereo(0x10000, 0x4000));
        assert_eq!(applied("2147483647", now).max(), Volume::MAX);
    }

    #[test]
    fn a_change_keeps_the_balance_and_the_limits() {
        assert_eq!(applied("-50%", stereo(0x10000, 0x8000)), stereo(0x8000, 0x4000));
        assert_eq!(applied("-3dB", stereo(0x10000, 0x10000)), stereo(58_409, 58_409));
        assert_eq!(applied("+10%", stereo(0, 0)), stereo(6554, 6554));
        assert_eq!(applied("-10%", stereo(100, 50)), stereo(0, 0));
        assert_eq!(applied("+2147483647", stereo(0x10000, 0)), stereo(Volume::MAX.0, 0));
        assert_eq!(applied("+9999dB", stereo(1, 1)).max(), Volume::MAX);
        assert_eq!(applied("-10%,+10%", stereo(0x8000, 0x8000)), stereo(26_214, 39_322));
    }

    #[test]
    fn the_number_of_channels_must_fit() {
        let map = ChannelMap::stereo();
        let error = apply(&"1,2,3".parse().unwrap(), &stereo(0, 0), &map).unwrap_err();
        assert!(
            error.to_string().contains("3 volumes") && error.to_string().contains("front-left"),
            "{error}"
        );
    }

    #[test]
    fn volumes_are_shown() {
        assert_eq!(short(&stereo(0x10000, 0x10000)), "100%");
        assert_eq!(short(&stereo(0x10000, 0x8000)), "100%,50%");
        let map = ChannelMap::stereo();
        assert_eq!(long(&stereo(0x10000, 0), &map), "front-left 100% (0.00 dB), front-right 0% (-inf dB)");
    }
}
