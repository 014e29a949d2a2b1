//! Volumes as people write them.

use std::str::FromStr;

/// One channel's part of a volume.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Step {
    /// To a value of PulseAudio's scale, 0 to [`VALUE_MAX`].
    Value(u32),
    /// By values of PulseAudio's scale.
    ByValue(i64),
    /// To percents of PulseAudio's scale.
    Percent(f64),
    /// By percents of PulseAudio's scale.
    ByPercent(f64),
    /// To decibels.
    Decibels(f64),
    /// By decibels.
    ByDecibels(f64),
}

/// A volume, or a change of one: for all channels, or for each.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct VolumeValue(pub(crate) Vec<Step>);

/// The loudest value that PulseAudio's scale has (`PA_VOLUME_MAX`).
pub(crate) const VALUE_MAX: u32 = u32::MAX / 2;

/// What 100 % is (`PA_VOLUME_NORM`).
const VALUE_NORM: f64 = 65_536.0;

/// Channels that a device can have.
const CHANNELS_MAX: usize = 32;

impl FromStr for VolumeValue {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let steps: Vec<Step> = text.split(',').map(step).collect::<Result<_, _>>()?;
        if steps.len() > CHANNELS_MAX {
            return Err(format!(
                "these are volumes for {} channels; there are at most {CHANNELS_MAX}",
                steps.len()
            ));
        }
        Ok(Self(steps))
    }
}

fn step(text: &str) -> Result<Step, String> {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    let (number, unit) = match lower.strip_suffix("db") {
        Some(number) => (number, Unit::Decibels),
        None => lower.strip_suffix('%').map_or((&*lower, Unit::Value), |number| (number, Unit::Percent)),
    };
    // `=-20dB` is minus twenty, `-20dB` is twenty less.
    let (relative, number) = match number.strip_prefix('=') {
        Some(number) => (false, number),
        None => (number.starts_with(['+', '-']), number),
    };
    let wrong = || {
        format!(
            "`{text}` is no volume; write it as 50%, +5%, -3dB, 0dB, =-20dB or as a number from 0 to 65536 (100 %)"
        )
    };
    let number = number.trim_end();
    if !number.contains(|letter: char| letter.is_ascii_digit()) {
        return Err(wrong());
    }
    let value: f64 = number.parse().map_err(|_| wrong())?;
    if !value.is_finite() {
        return Err(wrong());
    }
    let whole = value.fract() == 0.0;
    let loudest = |value: f64| match value <= f64::from(VALUE_MAX) {
        true => Ok(()),
        false => Err(format!("`{text}` is louder than there is: at most {VALUE_MAX} of 65536 (100 %)")),
    };
    match (unit, relative) {
        (Unit::Value, _) if !whole => Err(format!("{}; a share of one is `{:.0}%`", wrong(), value * 100.0)),
        (_, false) if value < 0.0 && !matches!(unit, Unit::Decibels) => Err(wrong()),
        (Unit::Value, false) => loudest(value).map(|()| Step::Value(value as u32)),
        (Unit::Value, true) => loudest(value.abs()).map(|()| Step::ByValue(value as i64)),
        (Unit::Percent, false) => loudest(value / 100.0 * VALUE_NORM).map(|()| Step::Percent(value)),
        (Unit::Percent, true) => loudest(value.abs() / 100.0 * VALUE_NORM).map(|()| Step::ByPercent(value)),
        (Unit::Decibels, false) => Ok(Step::Decibels(value)),
        (Unit::Decibels, true) => Ok(Step::ByDecibels(value)),
    }
}

#[derive(Clone, Copy)]
enum Unit {
    Value,
    Percent,
    Decibels,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Step>, String> {
        text.parse::<VolumeValue>().map(|value| value.0)
    }

    #[test]
    fn volumes_are_read_as_people_write_them() {
        assert_eq!(parse("50%"), Ok(vec![Step::Percent(50.0)]));
        assert_eq!(parse("+5%"), Ok(vec![Step::ByPercent(5.0)]));
        assert_eq!(parse("-12.5%"), Ok(vec![Step::ByPercent(-12.5)]));
        assert_eq!(parse("-3dB"), Ok(vec![Step::ByDecibels(-3.0)]));
        assert_eq!(parse("0db"), Ok(vec![Step::Decibels(0.0)]));
        assert_eq!(parse("=-20 dB"), Ok(vec![Step::Decibels(-20.0)]));
        assert_eq!(parse("65536"), Ok(vec![Step::Value(65_536)]));
        assert_eq!(parse("-1000"), Ok(vec![Step::ByValue(-1000)]));
        assert_eq!(parse("100%,50%"), Ok(vec![Step::Percent(100.0), Step::Percent(50.0)]));
    }

    #[test]
    fn what_is_no_volume_is_explained() {
        for text in
            ["", "loud", "%", "dB", "=-5%", "nan", "inf%", "1e999%", "99999999999", "5%,", "--5%", "+-5%"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse("0.5").unwrap_err().contains("50%"));
        assert!(parse(&["1"; 33].join(",")).unwrap_err().contains("33"));
    }
}
