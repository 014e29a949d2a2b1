use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use sealpulse_client::{ChannelVolumes, Volume};
use sealpulse_server::status::ThreadStatus;

use super::super::super::overview::{Overview, Server};
use super::super::keys::{Effect, pressed};
use super::super::worker::Action;
use super::*;

fn overview(streams: u32) -> Overview {
    let device = |index, name: &str| Device {
        kind: Kind::Sink,
        index,
        name: name.to_owned(),
        is_default: index == 0,
        is_monitor: false,
        state: "running",
        spec: "s16le 2ch 44100Hz".to_owned(),
        volume: ChannelVolumes::norm(2),
        muted: false,
        cycle_usec: Some(5000),
        streams: 1,
        buses: Some(1),
        load: Some(0.012),
    };
    let stream = |index| Stream {
        kind: Kind::SinkInput,
        index,
        application: format!("player {index}"),
        name: "music\x1b[2J".to_owned(),
        client: Some(3),
        device: "out".to_owned(),
        spec: "s16le 2ch 44100Hz".to_owned(),
        corked: false,
        volume: Some(ChannelVolumes::all(2, Volume(0x8000))),
        muted: false,
        latency_usec: 12_300,
        asked_latency_usec: Some(20_000),
        queued_bytes: Some(1),
        buffer_bytes: Some(1),
        underruns: Some(2),
        lost_bytes: None,
    };
    let client = Client {
        index: 3,
        name: "player".to_owned(),
        pid: Some(99),
        protocol: Some(35),
        transport: Some("memfd"),
        srbchannel: Some(true),
        sealed: Some(true),
        bytes_referenced: Some(20_000),
        bytes_copied: Some(0),
        memory_mapped: Some(67_108_864),
        underruns: Some(0),
        streams: 1,
    };
    let thread = ThreadStatus { name: "control".to_owned(), wakeups: 10, cpu_usec: 5000, realtime: true };
    Overview {
        server: Server { name: "sealpulse".to_owned(), version: "1".to_owned(), ..Server::default() },
        devices: vec![device(0, "out"), device(1, "two")],
        streams: (7..7 + streams).map(stream).collect(),
        clients: vec![client],
        threads: Some(vec![thread]),
    }
}

fn drawn(view: &mut View, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(view, frame.area(), frame.buffer_mut())).unwrap();
    terminal.backend().to_string()
}

fn press(view: &mut View, code: KeyCode) -> Effect {
    pressed(view, KeyEvent::new(code, KeyModifiers::NONE))
}

#[test]
fn everything_fits_on_a_small_screen() {
    let mut view = View::default();
    let now = Instant::now();
    view.see(overview(1), now);
    let mut later = overview(1);
    later.threads.as_mut().unwrap()[0].cpu_usec += 20_000;
    view.see(later, now + Duration::from_secs(1));
    let screen = drawn(&mut view, 80, 24);
    for word in ["sealpulse 1", "2.0 % cpu", "*out", "player 7", "12.3/20.0", "memfd", "67.1 MB", "50%"] {
        assert!(screen.contains(word), "{word}: {screen}");
    }
    assert!(!screen.contains('\x1b'));
    assert!(drawn(&mut view, 140, 40).contains("REFERENCED"));
}

#[test]
fn any_size_and_any_number_of_lines_can_be_drawn() {
    let mut view = View::default();
    for (width, height) in [(1, 1), (2, 2), (20, 5), (80, 3), (200, 60)] {
        drawn(&mut view, width, height);
    }
    view.see(overview(100), Instant::now());
    view.popup = Some(Popup::Help);
    for (width, height) in [(1, 1), (2, 2), (20, 5), (80, 3), (200, 60)] {
        drawn(&mut view, width, height);
    }
    view.popup = None;
    press(&mut view, KeyCode::End);
    press(&mut view, KeyCode::Up);
    assert!(drawn(&mut view, 140, 24).contains("player 106"), "the chosen line is seen");
}

#[test]
fn what_is_not_known_is_a_dash() {
    let mut all = overview(1);
    all.threads = None;
    all.streams[0].asked_latency_usec = None;
    all.clients[0].transport = None;
    let mut view = View::default();
    view.see(all, Instant::now());
    let screen = drawn(&mut view, 80, 24);
    assert!(screen.contains("12.3/-") && screen.contains("does not tell"), "{screen}");
}

#[test]
fn keys_change_what_is_chosen() {
    let mut view = View::default();
    view.see(overview(1), Instant::now());
    let kind = Kind::Sink;
    assert_eq!(
        press(&mut view, KeyCode::Char('m')),
        Effect::Do(Action::Mute { kind, index: 0, muted: true })
    );
    assert_eq!(press(&mut view, KeyCode::Char('x')), Effect::None);
    assert!(drawn(&mut view, 80, 24).contains("only streams and clients"));
    press(&mut view, KeyCode::Tab);
    assert_eq!(press(&mut view, KeyCode::Char('v')), Effect::None);
    assert!(drawn(&mut view, 80, 24).contains("Move player 7"));
    press(&mut view, KeyCode::Down);
    let moved = Action::Move { kind: Kind::SinkInput, index: 7, device: 1 };
    assert_eq!(press(&mut view, KeyCode::Enter), Effect::Do(moved));
    press(&mut view, KeyCode::Char('x'));
    let killed = Action::Kill { kind: Kind::SinkInput, index: 7 };
    assert_eq!(press(&mut view, KeyCode::Char('y')), Effect::Do(killed));
    press(&mut view, KeyCode::Tab);
    press(&mut view, KeyCode::Char('x'));
    assert_eq!(press(&mut view, KeyCode::Char('n')), Effect::None);
    assert_eq!(press(&mut view, KeyCode::Char('q')), Effect::Quit);
}
