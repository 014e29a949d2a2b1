//! `sealpulse demo`: six real applications play real files at once to a private server, and one records what is heard.

mod place;
mod player;
mod recording;
mod screen;

use std::collections::HashMap;
use std::error::Error;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sealpulse_server::status::{ClientStatus, Status};
use signal_hook::consts::{SIGINT, SIGTERM};

use self::place::{Place, ServerProcess};
use self::player::{Player, players};
use self::recording::Recorder;
use self::screen::Screen;
use crate::cli::DemoOptions;
use crate::tools::{server_status, transport};

/// How often the table is drawn again.
const REFRESH: Duration = Duration::from_millis(100);

/// Exit status of a demonstration that Ctrl-C ended before its summary: the shell's for SIGINT.
const INTERRUPTED: u8 = 130;

/// What goes wrong with the demonstration itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    #[error("cannot make {what}: {error}")]
    Files { what: &'static str, error: std::io::Error },
    #[error("cannot start {program}: {error}; `make deps` installs it")]
    Start { program: &'static str, error: std::io::Error },
    #[error("the server ended before clients could connect ({status}):\n{log}")]
    Server { status: String, log: String },
    #[error(
        "there is no sound file in {}: the packages alsa-utils and sound-theme-freedesktop have them",
        folder
    )]
    NoSounds { folder: &'static str },
}

/// What was last seen of each client, by process.
pub(crate) type Seen = HashMap<i32, ClientStatus>;

/// Runs the demonstration. Success only if every application ended well and nothing underran.
pub(crate) fn demo(options: &DemoOptions) -> Result<ExitCode, Box<dyn Error>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&interrupted))?;
    }
    let is_interrupted = || interrupted.load(Ordering::Relaxed);
    let place = Place::make()?;
    let mut server = ServerProcess::start(&place)?;
    println!("sealpulse serves at {}", place.socket().display());

    let mut recorder = Recorder::start(&place)?;
    let mut seen = Seen::new();
    while !seen.contains_key(&recorder.pid()) && recorder.is_running() && !is_interrupted() {
        look(&place, &mut seen)?;
        std::thread::sleep(REFRESH);
    }
    let mut players = players(&place, Duration::from_secs(options.seconds))?;
    let mut screen = Screen::new();
    let mut devices = Vec::new();
    while any_playing(&mut players) && !is_interrupted() {
        devices = look(&place, &mut seen)?.devices;
        screen.draw(&players, recorder.pid(), &seen, &devices);
        std::thread::sleep(REFRESH);
    }
    if is_interrupted() {
        println!("\nInterrupted.");
        return Ok(ExitCode::from(INTERRUPTED));
    }
    let recording = recorder.finish(options.keep_recording.as_deref());
    screen.summary(&players, recorder.pid(), &seen, &devices, &recording);
    let good = verdict(&players, &seen) && recording.is_good();
    println!("{}", if good { "All played well." } else { "Not all played well." });

    if std::io::stdout().is_terminal() && !options.exit {
        println!("\nStill serving; Ctrl-C ends it. Play something:");
        println!("  PULSE_SERVER=unix:{} paplay FILE", place.socket().display());
        while !is_interrupted() && server.is_running() {
            std::thread::sleep(REFRESH);
        }
    }
    server.stop()?;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Lets each player go on to its next file; whether any plays.
fn any_playing(players: &mut [Player]) -> bool {
    players.iter_mut().map(Player::is_playing).filter(|playing| *playing).count() > 0
}

/// Asks the server, and keeps what it says of its clients.
fn look(place: &Place, seen: &mut Seen) -> Result<Status, Box<dyn Error>> {
    let status = server_status(&place.socket())?;
    for client in &status.clients {
        seen.insert(client.pid, client.clone());
    }
    Ok(status)
}

/// Says what was not as it should be; true if all was.
fn verdict(players: &[Player], seen: &Seen) -> bool {
    let mut good = true;
    let mut complain = |text: String| {
        eprintln!("{text}");
        good = false;
    };
    for player in players {
        for failure in player.failures() {
            complain(format!("{}: {failure}", player.name()));
        }
        let clients: Vec<_> = player.pids().filter_map(|pid| seen.get(&pid)).collect();
        if clients.is_empty() {
            complain(format!("{}: it never reached the server", player.name()));
        }
        for client in clients {
            if client.underruns > 0 {
                complain(format!("{}: {} underruns", player.name(), client.underruns));
            }
            if transport(client.transport) != "memfd" || !client.sealed || client.bytes_copied > 0 {
                complain(format!(
                    "{}: its sound did not travel in sealed memory alone ({}, {} bytes copied)",
                    player.name(),
                    transport(client.transport),
                    client.bytes_copied
                ));
            }
        }
    }
    good
}
