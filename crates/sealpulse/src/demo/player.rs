//! The applications that play.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::DemoError;
use super::place::{Place, terminate};
use super::recording::join_waves;

const ALSA_SOUNDS: &str = "/usr/share/sounds/alsa";
const THEME_SOUNDS: &str = "/usr/share/sounds/freedesktop/stereo";

/// How an application is called.
#[derive(Clone, Copy)]
enum Application {
    GStreamer,
    MPlayer,
    Paplay,
}

impl Application {
    fn program(self) -> &'static str {
        match self {
            Application::GStreamer => "gst-launch-1.0",
            Application::MPlayer => "mplayer",
            Application::Paplay => "paplay",
        }
    }

    fn arguments(self, command: &mut Command, file: &Path) {
        match self {
            Application::GStreamer => {
                let source = format!("location={}", file.display());
                let pipeline = "! decodebin ! audioconvert ! audioresample ! pulsesink";
                command.args(["-q", "filesrc", &source]).args(pipeline.split(' '));
            }
            Application::MPlayer => {
                command.args(["-really-quiet", "-nolirc", "-noconsolecontrols", "-ao", "pulse"]).arg(file);
            }
            Application::Paplay => {
                command.arg(file);
            }
        }
    }
}

/// One application that plays a list of files, one after the other and over again, until its time is up.
pub(crate) struct Player {
    application: Application,
    name: String,
    files: Vec<PathBuf>,
    next: usize,
    until: Instant,
    commands: Vec<Command>,
    child: Option<Child>,
    pids: Vec<i32>,
    failures: Vec<String>,
    stopped: bool,
}

/// The six, all started.
pub(crate) fn players(place: &Place, time: Duration) -> Result<Vec<Player>, DemoError> {
    let waves = sounds(ALSA_SOUNDS, "wav")?;
    let theme = sounds(THEME_SOUNDS, "oga")?;
    // What alsa-utils brings lasts a second each; its voices in a row make a file worth listening to.
    let voices = place.file("voices.wav");
    let spoken: Vec<_> = waves.iter().filter(|path| !path.ends_with("Noise.wav")).collect();
    join_waves(&spoken, &voices).map_err(|error| DemoError::Files { what: "voices.wav", error })?;
    let until = Instant::now() + time;
    let mut players = Vec::new();
    for (number, application) in
        [Application::GStreamer, Application::MPlayer, Application::Paplay].into_iter().enumerate()
    {
        let mut ring = theme.clone();
        ring.rotate_left((number * 3) % theme.len());
        for (kind, files) in [("wav", vec![voices.clone()]), ("ogg", ring)] {
            let name = format!("{} ({kind})", application.program());
            let mut player = Player {
                application,
                name,
                files,
                next: 0,
                until,
                commands: Vec::new(),
                child: None,
                pids: Vec::new(),
                failures: Vec::new(),
                stopped: false,
            };
            player.prepare(place)?;
            player.start()?;
            players.push(player);
        }
    }
    Ok(players)
}

/// The sound files of a folder, in order, those that last about a second or longer.
fn sounds(folder: &'static str, extension: &str) -> Result<Vec<PathBuf>, DemoError> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(|_| DemoError::NoSounds { folder })?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .filter(|path| path.metadata().is_ok_and(|file| file.len() > 10_000))
        .collect();
    files.sort();
    if files.is_empty() { Err(DemoError::NoSounds { folder }) } else { Ok(files) }
}

impl Player {
    fn prepare(&mut self, place: &Place) -> Result<(), DemoError> {
        for (number, file) in self.files.iter().enumerate() {
            let log = format!("{}-{number}.log", self.name.replace([' ', '/'], "-"));
            let mut command = place.command(self.application.program(), &log)?;
            self.application.arguments(&mut command, file);
            self.commands.push(command);
        }
        Ok(())
    }

    fn start(&mut self) -> Result<(), DemoError> {
        let program = self.application.program();
        let number = self.next % self.commands.len();
        self.next += 1;
        let child = self.commands[number].spawn().map_err(|error| DemoError::Start { program, error })?;
        self.pids.push(child.id() as i32);
        self.child = Some(child);
        Ok(())
    }

    /// Goes on to the next file where one has ended; whether anything plays.
    pub(crate) fn is_playing(&mut self) -> bool {
        let ended = match self.child.as_mut().map(Child::try_wait) {
            None => return false,
            Some(Ok(None)) => return true,
            Some(Ok(Some(status))) if status.success() => None,
            Some(Ok(Some(status))) => Some(status.to_string()),
            Some(Err(error)) => Some(error.to_string()),
        };
        self.child = None;
        if let Some(failure) = ended.filter(|_| !self.stopped) {
            let file = &self.files[(self.next - 1) % self.files.len()];
            self.failures.push(format!("playing {} ended with {failure}", file.display()));
        } else if Instant::now() < self.until
            && !self.stopped
            && let Err(error) = self.start()
        {
            self.failures.push(error.to_string());
        }
        self.child.is_some()
    }

    /// Ends what still plays.
    pub(crate) fn stop(&mut self) {
        self.stopped = true;
        if let Some(mut child) = self.child.take() {
            terminate(&child);
            let _ = child.wait();
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The processes so far; the last one plays now.
    pub(crate) fn pids(&self) -> impl Iterator<Item = i32> {
        self.pids.iter().copied()
    }

    pub(crate) fn failures(&self) -> &[String] {
        &self.failures
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.stop();
    }
}
