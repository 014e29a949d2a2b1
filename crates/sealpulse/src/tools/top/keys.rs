//! What keys do.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use sealpulse_client::{ChannelMap, ChannelVolumes, Volume};

use super::super::target::Kind;
use super::super::volume;
use super::view::{Popup, View};
use super::worker::Action;
use crate::cli::{Step, VolumeValue};

/// How much louder a key makes, in percents.
const VOLUME_STEP: f64 = 5.0;

/// The loudest that a key makes, which is what mixers offer (+11 dB, `PA_VOLUME_UI_MAX`).
const VOLUME_LIMIT: Volume = Volume(99_957);

/// Lines that the page keys go.
const PAGE: isize = 10;

/// What a key asks for.
#[derive(Debug, PartialEq)]
pub(crate) enum Effect {
    None,
    Quit,
    Do(Action),
}

/// A key was pressed.
pub(crate) fn pressed(view: &mut View, key: KeyEvent) -> Effect {
    if key.modifiers.contains(KeyModifiers::CONTROL) && matches!(key.code, KeyCode::Char('c' | 'd')) {
        return Effect::Quit;
    }
    view.message = None;
    if let Some(popup) = view.popup.take() {
        return in_popup(view, popup, key.code);
    }
    match key.code {
        KeyCode::Char('q') | KeyCode::Esc => return Effect::Quit,
        KeyCode::Up | KeyCode::Char('k') => view.step(-1),
        KeyCode::Down | KeyCode::Char('j') => view.step(1),
        KeyCode::PageUp => view.step(-PAGE),
        KeyCode::PageDown => view.step(PAGE),
        KeyCode::Home => view.step(isize::MIN),
        KeyCode::End => view.step(isize::MAX),
        KeyCode::Tab => view.next_section(true),
        KeyCode::BackTab => view.next_section(false),
        KeyCode::Char('?' | 'h') | KeyCode::F(1) => view.popup = Some(Popup::Help),
        KeyCode::Char('a') => view.shows_monitors = !view.shows_monitors,
        KeyCode::Char('m') => return mute(view),
        KeyCode::Char('+' | '=') | KeyCode::Right => return louder(view, VOLUME_STEP),
        KeyCode::Char('-') | KeyCode::Left => return louder(view, -VOLUME_STEP),
        KeyCode::Char('v') => ask_where(view),
        KeyCode::Char('d') => return default(view),
        KeyCode::Char('x') | KeyCode::Delete => ask_kill(view),
        _ => {}
    }
    Effect::None
}

fn in_popup(view: &mut View, popup: Popup, key: KeyCode) -> Effect {
    match popup {
        Popup::Help => Effect::None,
        Popup::Confirm { action, .. } => match key {
            KeyCode::Char('y') | KeyCode::Enter => Effect::Do(action),
            _ => Effect::None,
        },
        Popup::Move { kind, index, title, devices, chosen } => {
            let last = devices.len().saturating_sub(1);
            let chosen = match key {
                KeyCode::Up | KeyCode::Char('k') => chosen.saturating_sub(1),
                KeyCode::Down | KeyCode::Char('j') => (chosen + 1).min(last),
                KeyCode::Enter => {
                    let Some(&(device, _)) = devices.get(chosen) else { return Effect::None };
                    return Effect::Do(Action::Move { kind, index, device });
                }
                KeyCode::Esc | KeyCode::Char('q') => return Effect::None,
                _ => chosen,
            };
            view.popup = Some(Popup::Move { kind, index, title, devices, chosen });
            Effect::None
        }
    }
}

/// The chosen device or stream, with its volume, and whether it is muted.
fn audible(view: &View) -> Option<(Kind, u32, Option<ChannelVolumes>, bool)> {
    let of_device =
        view.device().map(|device| (device.kind, device.index, Some(device.volume), device.muted));
    of_device.or_else(|| view.stream().map(|stream| (stream.kind, stream.index, stream.volume, stream.muted)))
}

fn mute(view: &mut View) -> Effect {
    match audible(view) {
        Some((kind, index, _, muted)) => Effect::Do(Action::Mute { kind, index, muted: !muted }),
        None => complain(view, "only devices and streams can be muted"),
    }
}

fn louder(view: &mut View, percents: f64) -> Effect {
    let Some((kind, index, Some(now), _)) = audible(view) else {
        return complain(view, "only devices and streams have a volume");
    };
    if percents > 0.0 && now.max() >= VOLUME_LIMIT {
        return complain(view, "louder only with `sealpulse volume`");
    }
    let step = VolumeValue(vec![Step::ByPercent(percents)]);
    let volume = volume::apply(&step, &now, &ChannelMap::default_for(now.channels())).unwrap_or(now);
    let volume = if volume.max() > VOLUME_LIMIT && percents > 0.0 {
        let limit = VolumeValue(vec![Step::ByValue(i64::from(VOLUME_LIMIT.0) - i64::from(now.max().0))]);
        volume::apply(&limit, &now, &ChannelMap::default_for(now.channels())).unwrap_or(now)
    } else {
        volume
    };
    Effect::Do(Action::Volume { kind, index, volume })
}

fn default(view: &mut View) -> Effect {
    match view.device() {
        Some(device) => Effect::Do(Action::Default { kind: device.kind, name: device.name.clone() }),
        None => complain(view, "only a device can be the default"),
    }
}

fn ask_where(view: &mut View) {
    let Some(stream) = view.stream() else {
        complain(view, "only streams can be moved");
        return;
    };
    let wanted = stream.kind.device();
    let fits: Vec<_> = view.overview.devices.iter().filter(|device| device.kind == wanted).collect();
    let chosen = fits.iter().position(|device| device.name == stream.device).unwrap_or(0);
    view.popup = Some(Popup::Move {
        kind: stream.kind,
        index: stream.index,
        title: format!("{}: {}", stream.application, stream.name),
        devices: fits.iter().map(|device| (device.index, device.name.clone())).collect(),
        chosen,
    });
}

fn ask_kill(view: &mut View) {
    let asked = match (view.stream(), view.client()) {
        (Some(stream), _) => Some((
            format!("End the stream {} of {}?", stream.name, stream.application),
            Action::Kill { kind: stream.kind, index: stream.index },
        )),
        (None, Some(client)) => {
            let action = Action::KillClient { index: client.index };
            Some((format!("End the connection of {}?", client.name), action))
        }
        (None, None) => None,
    };
    match asked {
        Some((question, action)) => view.popup = Some(Popup::Confirm { question, action }),
        None => {
            complain(view, "only streams and clients can be ended");
        }
    }
}

fn complain(view: &mut View, text: &str) -> Effect {
    view.message = Some(text.to_owned());
    Effect::None
}
