//! Times as people write and read them.

use std::time::Duration;

/// What is not a time.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a time: write 30, 2.5, 500ms, 1:30 or 1:02:03")]
pub(crate) struct TimeError;

/// Longest time that is taken, in seconds: a year.
const SECONDS_MAX: f64 = 366.0 * 86_400.0;

/// Seconds (`30`, `2.5`, `30s`), milliseconds (`500ms`), or minutes and hours (`1:30`, `1:02:03.5`).
pub(crate) fn parse(text: &str) -> Result<Duration, TimeError> {
    let seconds = if let Some(milliseconds) = text.strip_suffix("ms") {
        number(milliseconds)? / 1000.0
    } else if let Some(seconds) = text.strip_suffix('s') {
        number(seconds)?
    } else {
        let mut parts = text.split(':');
        let mut total = number(parts.next().unwrap_or_default())?;
        for (count, part) in parts.enumerate() {
            let part = number(part)?;
            if count >= 2 || part >= 60.0 || total.fract() != 0.0 {
                return Err(TimeError);
            }
            total = total * 60.0 + part;
        }
        total
    };
    if seconds <= SECONDS_MAX { Ok(Duration::from_secs_f64(seconds)) } else { Err(TimeError) }
}

/// A number without sign, exponent or name (`inf`).
fn number(text: &str) -> Result<f64, TimeError> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if plain { text.parse().map_err(|_| TimeError) } else { Err(TimeError) }
}

/// `m:ss`, and hours where there are some.
pub(crate) fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        for (text, milliseconds) in [
            ("30", 30_000),
            ("2.5", 2_500),
            ("7s", 7_000),
            ("500ms", 500),
            ("1:30", 90_000),
            ("1:02:03.5", 3_723_500),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "-1", "1e3", "inf", "1:60", "1:2:3:4", "1.5:00", "abc", "1:", ".", "99999999999"] {
            assert_eq!(parse(text), Err(TimeError), "{text}");
        }
        assert_eq!(clock(Duration::from_secs(3723)), "1:02:03");
        assert_eq!(clock(Duration::from_millis(61_900)), "1:01");
    }
}
