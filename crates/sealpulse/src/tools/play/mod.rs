//! `sealpulse play`.

mod books;
mod source;

use std::error::Error;
use std::io::{self, IsTerminal};
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use sealpulse_client::command::{GetSinkInputInfo, SetSinkInputVolume};
use sealpulse_client::{
    ChannelMap, ChannelVolumes, ClientError, Context, PlaybackStream, SampleSpec, StreamEvent, StreamOptions,
    TransportKind, Volume, Wait,
};
use serde_json::json;

use self::books::Books;
use self::source::{Place, Source};
use super::inputs::{First, Input, Inputs};
use super::meter::{self, Line};
use super::{now, time};
use crate::cli::PlayOptions;

/// How far the arrow keys go.
const STEP: Duration = Duration::from_secs(5);

/// One press of a volume key: 5 % of PulseAudio's scale.
const VOLUME_STEP: u32 = Volume::NORM.0 / 20;

/// The loudest that the keys go to: 150 %.
const VOLUME_MAX: u32 = Volume::NORM.0 / 2 * 3;

/// Exit status after Ctrl-C: the shell's for SIGINT.
const INTERRUPTED: u8 = 130;

/// Why a stream cannot be played on.
#[derive(Debug, thiserror::Error)]
enum PlayError {
    #[error("cannot play to {}: {error}", device.as_deref().unwrap_or("the default sink"))]
    Stream { device: Option<String>, error: ClientError },
    #[error("playback ended early: {0}")]
    Ended(#[from] ClientError),
}

/// Plays all files.
pub(crate) fn play(options: &PlayOptions) -> Result<ExitCode, Box<dyn Error>> {
    let context = Context::connect(super::config(options.server.as_deref(), "sealpulse play")?).wait()?;
    let inputs = Inputs::new()?;
    let on_terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
    // The order matters: the line ends before the terminal gets its old mode back.
    let keys = if on_terminal { Some(inputs.keys()?) } else { None };
    let mut player = Player {
        context: &context,
        options,
        inputs: &inputs,
        source: Source::new(&options.files),
        line: on_terminal.then(Line::default),
        volume: options.volume.map(Volume),
        paused: false,
        underruns: 0,
        latency: None,
        written: 0,
    };
    let played = player.run();
    player.line = None;
    drop(keys);
    if options.json {
        println!("{:#}", player.summary());
    }
    Ok(match played? {
        Stop::Interrupted => ExitCode::from(INTERRUPTED),
        _ if player.source.has_failed() => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    })
}

/// Why something is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    End,
    Quit,
    Interrupted,
}

/// What a key leads to.
enum Action {
    GoOn,
    Jump(Place),
    Stop(Stop),
}

/// A stream, and what is known of it.
struct Playing {
    stream: Arc<PlaybackStream>,
    spec: SampleSpec,
    map: Option<ChannelMap>,
    books: Books,
}

impl Playing {
    /// What is heard at this moment.
    fn heard(&mut self) -> Option<(Place, f32)> {
        let time = self.stream.time()?;
        let usec = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.books.heard(self.spec.usec_to_bytes(usec), self.spec.frame_size())
    }
}

struct Player<'a> {
    context: &'a Context,
    options: &'a PlayOptions,
    inputs: &'a Inputs,
    source: Source,
    line: Option<Line>,
    volume: Option<Volume>,
    paused: bool,
    underruns: u64,
    latency: Option<Duration>,
    written: u64,
}

/// Says on a terminal or elsewhere what is wrong with a file.
fn complaint(line: &mut Option<Line>) -> impl FnMut(&str) + '_ {
    move |text| match line {
        Some(line) => line.say(&format!("sealpulse: {text}")),
        None => eprintln!("sealpulse: {text}"),
    }
}

impl Player<'_> {
    /// A stream for each run of files that are alike.
    fn run(&mut self) -> Result<Stop, PlayError> {
        loop {
            let Some(pending) = self.source.pending(&mut complaint(&mut self.line)) else {
                return Ok(Stop::End);
            };
            let (spec, map, file) = (pending.spec, pending.map, pending.place.file);
            let mut playing = self.open(spec, map, file)?;
            let stop = self.play(&mut playing);
            self.look(&playing);
            match stop? {
                // Another stream for what comes next, if there is something.
                Stop::End => {}
                stop => return Ok(stop),
            }
        }
    }

    fn open(&self, spec: SampleSpec, map: Option<ChannelMap>, file: usize) -> Result<Playing, PlayError> {
        let mut wanted = StreamOptions::new(spec).named(self.source.name(file));
        wanted.map = map;
        wanted.device.clone_from(&self.options.device);
        wanted.latency = self.options.latency;
        wanted.volume = self.volume.map(|volume| ChannelVolumes::all(spec.channels, volume));
        wanted.corked = self.paused;
        wanted.properties.set_str("media.role", "music");
        wanted.properties.set_str("media.filename", &self.source.name(file));
        let stream = self
            .context
            .playback(wanted)
            .wait()
            .map_err(|error| PlayError::Stream { device: self.options.device.clone(), error })?;
        Ok(Playing { stream: Arc::new(stream), spec, map, books: Books::default() })
    }

    /// Plays for as long as what comes fits into the stream.
    fn play(&mut self, playing: &mut Playing) -> Result<Stop, PlayError> {
        loop {
            let more = self
                .source
                .pending(&mut complaint(&mut self.line))
                .is_some_and(|pending| pending.fits(playing.spec, playing.map.as_ref()));
            let stop = if more { self.write(playing)? } else { self.drain(playing)? };
            if let Some(stop) = stop {
                return Ok(stop);
            }
        }
    }

    /// Fills a block when the server asks for one.
    fn write(&mut self, playing: &mut Playing) -> Result<Option<Stop>, PlayError> {
        let stream = Arc::clone(&playing.stream);
        let mut block = match self.inputs.or(|context| stream.poll_block(context, usize::MAX)) {
            First::Input(input) => return self.input(input, playing),
            First::Other(block) => block?,
        };
        let Playing { spec, map, books, .. } = playing;
        while block.room() > 0 {
            let Some(pending) = self.source.pending(&mut complaint(&mut self.line)) else { break };
            if !pending.fits(*spec, map.as_ref()) {
                break;
            }
            let bytes = pending.bytes();
            let count = block.push(bytes);
            if count == 0 {
                break;
            }
            let shown = self.line.is_some();
            let level = || meter::peaks(*spec, &bytes[..count]).into_iter().fold(0.0, f32::max);
            books.enter(pending.at(), spec.frame_size(), count, shown.then(level));
            pending.advance(count);
            self.written += count as u64;
        }
        block.commit()?;
        self.source.prepare(&mut complaint(&mut self.line));
        self.look(playing);
        self.latency = playing.stream.latency().or(self.latency);
        Ok(None)
    }

    /// Waits until all is heard; a key can still lead back.
    fn drain(&mut self, playing: &mut Playing) -> Result<Option<Stop>, PlayError> {
        if playing.books.written() == 0 {
            return Ok(Some(Stop::End));
        }
        self.look(playing);
        let stream = Arc::clone(&playing.stream);
        let mut drained = pin!(stream.drain());
        loop {
            match self.inputs.or(|context| drained.as_mut().poll(context)) {
                First::Other(drained) => {
                    drained?;
                    // To run dry at the end is what it is for.
                    while let Some(Some(_)) = now(stream.event()) {}
                    return Ok(Some(Stop::End));
                }
                First::Input(Input::Tick) => {
                    self.input(Input::Tick, playing)?;
                }
                First::Input(input) => return self.input(input, playing),
            }
        }
    }

    fn input(&mut self, input: Input, playing: &mut Playing) -> Result<Option<Stop>, PlayError> {
        match input {
            Input::Tick => {
                let heard = playing.heard();
                self.draw(heard, playing.stream.latency(), playing.spec);
            }
            Input::Interrupt => return Ok(Some(Stop::Interrupted)),
            Input::Key(key) => match self.key(key, playing)? {
                Action::GoOn => {}
                Action::Jump(place) => self.jump(place, playing)?,
                Action::Stop(stop) => return Ok(Some(stop)),
            },
        }
        Ok(None)
    }

    fn key(&mut self, key: KeyEvent, playing: &mut Playing) -> Result<Action, PlayError> {
        let heard = playing.heard().map(|(place, _)| place).unwrap_or_default();
        let step = (STEP.as_secs_f64() * f64::from(playing.spec.rate)) as u64;
        let jump = |file, frame| Action::Jump(Place { file, frame });
        Ok(match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                Action::Stop(Stop::Interrupted)
            }
            KeyCode::Char('q') | KeyCode::Esc => Action::Stop(Stop::Quit),
            KeyCode::Char(' ') => {
                self.paused = !self.paused;
                playing.stream.cork(self.paused).wait()?;
                Action::GoOn
            }
            KeyCode::Left => jump(heard.file, heard.frame.saturating_sub(step)),
            KeyCode::Right => jump(heard.file, heard.frame.saturating_add(step)),
            KeyCode::Char('n') if heard.file + 1 < self.source.files() => jump(heard.file + 1, 0),
            KeyCode::Char('n') => Action::Stop(Stop::Quit),
            // The beginning first, then the file before.
            KeyCode::Char('p') if heard.frame > step / 2 => jump(heard.file, 0),
            KeyCode::Char('p') => jump(heard.file.saturating_sub(1), 0),
            KeyCode::Up | KeyCode::Char('+') => self.change_volume(playing, i64::from(VOLUME_STEP))?,
            KeyCode::Down | KeyCode::Char('-') => self.change_volume(playing, -i64::from(VOLUME_STEP))?,
            _ => Action::GoOn,
        })
    }

    /// Changes the volume that the stream has by now, whoever set it.
    fn change_volume(&mut self, playing: &Playing, by: i64) -> Result<Action, PlayError> {
        let index = Some(playing.stream.index());
        let info = self.context.request(GetSinkInputInfo { index }).wait()?;
        let volume = (i64::from(info.volume.max().0) + by).clamp(0, i64::from(VOLUME_MAX));
        let volume = Volume(u32::try_from(volume).unwrap_or_default());
        let volumes = ChannelVolumes::all(playing.spec.channels, volume);
        match self.context.request(SetSinkInputVolume { index, volume: volumes }).wait() {
            Ok(_) => self.volume = Some(volume),
            // The server may not let us; the sound goes on.
            Err(ClientError::Server { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(Action::GoOn)
    }

    fn jump(&mut self, place: Place, playing: &mut Playing) -> Result<(), PlayError> {
        if !self.source.jump(place, &mut complaint(&mut self.line)) {
            return Ok(());
        }
        playing.stream.flush().wait()?;
        let timing = playing.stream.timing().wait()?;
        playing.books.restart(u64::try_from(timing.write_index).unwrap_or(0));
        Ok(())
    }

    /// Takes what has happened to the stream.
    fn look(&mut self, playing: &Playing) {
        while let Some(Some(event)) = now(playing.stream.event()) {
            if matches!(event, StreamEvent::Underflow { .. }) {
                self.underruns += 1;
            }
        }
    }

    fn draw(&mut self, heard: Option<(Place, f32)>, latency: Option<Duration>, spec: SampleSpec) {
        let Some(line) = &mut self.line else { return };
        let (place, level) = heard.unwrap_or_default();
        let clock = |frames| time::clock(Duration::from_micros(spec.frames_to_usec(frames)));
        let frames = self.source.frames(place.file);
        let sign = if self.paused { "⏸" } else { "▶" };
        let number = if self.source.files() > 1 {
            format!("{}/{} ", place.file + 1, self.source.files())
        } else {
            String::new()
        };
        let name: String = self.source.name(place.file).chars().take(24).collect();
        let start = format!("{sign} {number}{name}  {}", clock(place.frame));
        let length = frames.map_or_else(String::new, |frames| format!(" / {}", clock(frames)));
        let latency = latency.map_or_else(String::new, |latency| format!("  {} ms", latency.as_millis()));
        let volume = self.volume.map_or_else(String::new, |volume| {
            format!("  {:.0}%", f64::from(volume.0) * 100.0 / f64::from(Volume::NORM.0))
        });
        let end = format!("{length}  {} {}{latency}{volume}", meter::bar(level, 10), meter::decibels(level));
        let used = start.chars().count() + end.chars().count() + 3;
        let bar = Line::width().saturating_sub(used).min(50);
        let progress = match frames {
            Some(frames) if bar >= 5 => {
                format!(" {}", meter::share(place.frame as f64 / frames.max(1) as f64, bar))
            }
            _ => String::new(),
        };
        line.show(&format!("{start}{progress}{end}"));
    }

    /// What was played, and how.
    fn summary(&self) -> serde_json::Value {
        let connection = self.context.connection();
        let transport = match connection.transport {
            TransportKind::Memfd => "memfd",
            TransportKind::PosixShm => "posix-shm",
            TransportKind::Socket => "socket",
        };
        json!({
            "files": self.source.summary(),
            "server": connection.server.map(|server| server.to_string()),
            "transport": transport,
            "written_bytes": self.written,
            "referenced_bytes": connection.counters.bytes_referenced,
            "copied_bytes": connection.counters.bytes_copied,
            "latency_usec": self.latency.map(|latency| u64::try_from(latency.as_micros()).unwrap_or(u64::MAX)),
            "underruns": self.underruns,
        })
    }
}
