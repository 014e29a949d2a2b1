//! `sealpulse top`: a live view of devices, streams and clients, with keys to change them.
//!
//! [`View`] is what there is to see and what keys do to it; [`render`] draws it; [`worker`] talks to the
//! server on a thread of its own, so that a server that does not answer holds up no key.

mod keys;
mod render;
mod view;
mod worker;

use std::error::Error;
use std::io::IsTerminal;
use std::sync::mpsc::{self, Sender};
use std::time::Instant;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use signal_hook::consts::{SIGHUP, SIGTERM};
use signal_hook::iterator::Signals;

use self::keys::{Effect, pressed};
use self::view::View;
use self::worker::{Report, Worker};
use super::error::ToolError;
use super::server;
use crate::cli::TopOptions;

/// What may happen.
enum Happening {
    Terminal(Event),
    /// The terminal cannot be read.
    Deaf(std::io::Error),
    Server(Report),
    /// Somebody wants the program to end.
    Signal,
}

/// Shows what the server does until the user has seen enough.
pub(crate) fn top(options: &TopOptions) -> Result<(), Box<dyn Error>> {
    if !std::io::stdout().is_terminal() {
        return Err(ToolError::NoTerminal.into());
    }
    // A server that is not there is said before the screen is taken.
    let context = server::connect(&options.server, "sealpulse top")?;
    let (happenings, happened) = mpsc::channel();
    let reports = happenings.clone();
    let worker = Worker::start(context, move |report| reports.send(Happening::Server(report)).is_ok())?;
    let mut signals = Signals::new([SIGTERM, SIGHUP])?;
    let signalled = happenings.clone();
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        if signals.forever().next().is_some() {
            let _ = signalled.send(Happening::Signal);
        }
    })?;
    let mut terminal = ratatui::try_init().map_err(ToolError::Terminal)?;
    let started = std::thread::Builder::new().name("keys".to_owned()).spawn(move || read_keys(&happenings));
    let result = match started {
        Ok(_) => run(&mut terminal, &worker, &happened),
        Err(error) => Err(ToolError::Terminal(error)),
    };
    ratatui::restore();
    Ok(result?)
}

fn read_keys(happenings: &Sender<Happening>) {
    loop {
        let happening = match event::read() {
            Ok(event) => Happening::Terminal(event),
            Err(error) => Happening::Deaf(error),
        };
        let is_last = matches!(happening, Happening::Deaf(_));
        if happenings.send(happening).is_err() || is_last {
            return;
        }
    }
}

fn run(
    terminal: &mut DefaultTerminal,
    worker: &Worker,
    happened: &mpsc::Receiver<Happening>,
) -> Result<(), ToolError> {
    let mut view = View::default();
    loop {
        terminal
            .draw(|frame| render::draw(&mut view, frame.area(), frame.buffer_mut()))
            .map_err(ToolError::Terminal)?;
        // What has come meanwhile is drawn together.
        let Ok(first) = happened.recv() else { return Ok(()) };
        for happening in std::iter::once(first).chain(std::iter::from_fn(|| happened.try_recv().ok())) {
            match happening {
                Happening::Terminal(Event::Key(key)) if key.kind != KeyEventKind::Release => {
                    match pressed(&mut view, key) {
                        Effect::None => {}
                        Effect::Quit => return Ok(()),
                        Effect::Do(action) => worker.act(action),
                    }
                }
                Happening::Terminal(_) => {}
                Happening::Deaf(error) => return Err(ToolError::Terminal(error)),
                Happening::Signal => return Ok(()),
                Happening::Server(Report::Seen(overview)) => view.see(*overview, Instant::now()),
                Happening::Server(Report::Problem(text)) => view.message = Some(text),
                Happening::Server(Report::Gone(reason)) => view.gone = Some(reason),
            }
        }
    }
}
