//! `module-position-event-sounds`: sounds of buttons come from where these are on the screen.

use sealpulse_protocol::PropList;
use sealpulse_spec::{ChannelMap, ChannelPosition, ChannelVolumes, Volume};

use super::{Instance, Kind};
use crate::policy::NewInput;
use crate::state::State;

pub(super) static KIND: Kind = Kind {
    name: "module-position-event-sounds",
    description: "Lets event sounds come from where they are caused on the screen",
    driver: "module-position-event-sounds.c",
    arguments: &[],
    once: true,
    load: |_, loading| Ok(Box::new(PositionEventSounds { me: loading.index })),
};

#[derive(Debug)]
struct PositionEventSounds {
    me: u32,
}

/// Whether a stream is an event sound that has a place: those that test loudspeakers and volumes have none.
fn has_place(proplist: &PropList) -> bool {
    let is_test = |id: &str| {
        id.starts_with("audio-channel-") || matches!(id, "audio-volume-change" | "audio-test-signal")
    };
    proplist.get_str("media.role") == Some("event") && !proplist.get_str("event.id").is_some_and(is_test)
}

/// A place between 0 and 1, by the mouse, else by the window.
fn place(proplist: &PropList, mouse: &str, window: &str) -> Result<Option<f64>, ()> {
    let Some(text) = proplist.get_str(mouse).or_else(|| proplist.get_str(window)) else { return Ok(None) };
    match text.trim().parse::<f64>() {
        Ok(place) if !place.is_nan() => Ok(Some(place.clamp(0.0, 1.0))),
        _ => {
            tracing::debug!(text, "no place on the screen");
            Err(())
        }
    }
}

/// What each channel is turned down to, so that the sound comes from `balance`: -1 is wholly on the `low` side.
fn balance(
    factors: &mut [f64],
    map: &ChannelMap,
    balance: f64,
    low: fn(ChannelPosition) -> bool,
    high: fn(ChannelPosition) -> bool,
) {
    let positions = map.as_slice();
    if !positions.iter().any(|position| low(*position)) || !positions.iter().any(|position| high(*position)) {
        return;
    }
    for (factor, position) in factors.iter_mut().zip(positions) {
        if low(*position) {
            *factor *= (1.0 - balance).min(1.0);
        } else if high(*position) {
            *factor *= (1.0 + balance).min(1.0);
        }
    }
}

/// What each channel is turned down to for a sound at a place; `None` where it has none.
fn factor(proplist: &PropList, map: &ChannelMap) -> Option<ChannelVolumes> {
    let across = place(proplist, "event.mouse.hpos", "window.hpos").ok()?;
    let down = place(proplist, "event.mouse.vpos", "window.vpos").ok()?;
    if across.is_none() && down.is_none() {
        return None;
    }
    let mut factors = vec![1.0; usize::from(map.channels())];
    if let Some(across) = across {
        balance(&mut factors, map, across * 2.0 - 1.0, ChannelPosition::is_left, ChannelPosition::is_right);
    }
    if let Some(down) = down {
        balance(&mut factors, map, down * 2.0 - 1.0, ChannelPosition::is_rear, ChannelPosition::is_front);
    }
    let volume = |factor: &f64| Volume((factor * f64::from(Volume::NORM.0)) as u32);
    ChannelVolumes::from_slice(&factors.iter().map(volume).collect::<Vec<_>>())
}

impl Instance for PositionEventSounds {
    fn shape_input(&mut self, _state: &mut State, new: &mut NewInput) {
        if has_place(&new.proplist)
            && let Some(factor) = factor(&new.proplist, &new.map)
        {
            new.factors.push((self.me, factor));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(across: Option<&str>, down: Option<&str>, map: &ChannelMap) -> Option<Vec<u32>> {
        let mut proplist = PropList::new();
        for (key, value) in [("event.mouse.hpos", across), ("window.vpos", down)] {
            if let Some(value) = value {
                proplist.set_str(key, value);
            }
        }
        let volumes = factor(&proplist, map)?;
        Some(volumes.as_slice().iter().map(|volume| volume.0).collect())
    }

    #[test]
    fn sounds_come_from_their_side() {
        let stereo = ChannelMap::stereo();
        assert_eq!(at(Some("0"), None, &stereo), Some(vec![0x10000, 0]));
        assert_eq!(at(Some("0.5"), None, &stereo), Some(vec![0x10000, 0x10000]));
        assert_eq!(at(Some("0.75"), None, &stereo), Some(vec![0x8000, 0x10000]));
        assert_eq!(at(Some("7"), None, &stereo), Some(vec![0, 0x10000]), "beyond the screen is its edge");
        assert_eq!(at(None, Some("0"), &stereo), Some(vec![0x10000, 0x10000]), "there is no rear");
        assert_eq!(at(Some("left"), None, &stereo), None);
        assert_eq!(at(None, None, &stereo), None);
        let four = ChannelMap::parse("front-left,front-right,rear-left,rear-right").unwrap();
        assert_eq!(at(Some("1"), Some("1"), &four), Some(vec![0, 0x10000, 0, 0]));
    }

    #[test]
    fn tests_of_loudspeakers_have_no_place() {
        let event = |id| [("media.role", "event"), ("event.id", id)].into_iter().collect::<PropList>();
        assert!(has_place(&event("button-pressed")));
        for id in ["audio-channel-front-left", "audio-volume-change", "audio-test-signal"] {
            assert!(!has_place(&event(id)), "{id}");
        }
        assert!(!has_place(&[("media.role", "music")].into_iter().collect()));
    }
}
