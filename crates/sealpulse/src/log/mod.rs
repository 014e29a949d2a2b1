//! The log: where it goes, how much it says, and how; all of it can change while the server runs.

mod syslog;

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use sealpulse_server::LogControl;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::{Format, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;

use self::syslog::Syslog;

/// Where programs reach the system's log, and the journal with it.
const SYSLOG_SOCKET: &str = "/dev/log";

/// Why the log cannot go where it should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
    #[error("`{0}` is no log target: null, auto, stderr, syslog, journal, file:PATH or newfile:PATH")]
    Target(String),
    #[error("cannot log to {}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
}

/// Where messages go.
#[derive(Debug)]
enum Target {
    Null,
    Stderr,
    File(File),
    Syslog(Syslog),
    /// Of a server in the background: whoever started it reads what it says until it is ready.
    Background(Syslog),
}

impl Target {
    /// What a target's name means; `place` is where the system's log is.
    fn parse(name: &str, place: &Path, background: bool) -> Result<Self, LogError> {
        let file = |path: &str, options: &mut OpenOptions| {
            let opened = options.open(path);
            opened.map(Self::File).map_err(|source| LogError::File { path: PathBuf::from(path), source })
        };
        match name.split_once(':') {
            Some(("file", path)) => file(path, OpenOptions::new().create(true).append(true)),
            Some(("newfile", path)) => new_file(path, file),
            _ => match name {
                "null" => Ok(Self::Null),
                "stderr" => Ok(Self::Stderr),
                "auto" if background => Ok(Syslog::open(place).map_or(Self::Stderr, Self::Background)),
                "auto" => Ok(Self::Stderr),
                // The journal listens there, too.
                "syslog" | "journal" => Ok(match Syslog::open(place) {
                    Ok(syslog) => Self::Syslog(syslog),
                    // What libpulse starts must not speak on its application's behalf.
                    Err(_) if background => Self::Null,
                    Err(error) => {
                        tracing::warn!(place = %place.display(), %error, "no system log: on standard error");
                        Self::Stderr
                    }
                }),
                other => Err(LogError::Target(other.to_owned())),
            },
        }
    }

    fn is_syslog(&self) -> bool {
        matches!(self, Self::Syslog(_))
    }
}

/// Most files that one `newfile:` leads to.
const NEW_FILES_MAX: u32 = 100;

/// A file that was not there: `PATH`, else `PATH.1`, and so on.
fn new_file(
    path: &str,
    open: impl Fn(&str, &mut OpenOptions) -> Result<Target, LogError>,
) -> Result<Target, LogError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let mut number = 0;
    loop {
        let name = if number == 0 { path.to_owned() } else { format!("{path}.{number}") };
        match open(&name, &mut options) {
            Err(LogError::File { source, .. })
                if source.kind() == io::ErrorKind::AlreadyExists && number < NEW_FILES_MAX =>
            {
                number += 1;
            }
            done => return done,
        }
    }
}

/// What scripts change.
#[derive(Debug)]
struct Shared {
    target: RwLock<Target>,
    time: AtomicBool,
    place: AtomicBool,
}

impl Shared {
    fn is_syslog(&self) -> bool {
        self.target.read().unwrap_or_else(PoisonError::into_inner).is_syslog()
    }
}

/// How the log begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogOptions<'a> {
    /// What is less important is left out.
    pub(crate) level: Level,
    /// Where it goes, by PulseAudio's names.
    pub(crate) target: &'a str,
    /// Whether messages have their time.
    pub(crate) time: bool,
    /// Whether messages say where in the source they come from.
    pub(crate) place: bool,
    /// Whether this is a server in the background.
    pub(crate) background: bool,
}

/// Starts the log; what scripts change of it.
pub(crate) fn start(options: LogOptions<'_>) -> Result<Box<dyn LogControl>, LogError> {
    let shared = Arc::new(Shared {
        target: RwLock::new(Target::Stderr),
        time: AtomicBool::new(options.time),
        place: AtomicBool::new(options.place),
    });
    let (filter, level) = reload::Layer::new(LevelFilter::from_level(options.level));
    let ansi = options.target == "stderr" && io::stderr().is_terminal();
    let messages = tracing_subscriber::fmt::layer()
        .with_ansi(ansi)
        .event_format(Style(Arc::clone(&shared)))
        .with_writer(Lines(Arc::clone(&shared)));
    tracing_subscriber::registry().with(filter).with(messages).init();
    let control = Control { shared, level, background: options.background };
    // Only now, so that what is to be said of it is heard.
    control.point_to(options.target)?;
    Ok(Box::new(control))
}

#[derive(Debug)]
struct Control {
    shared: Arc<Shared>,
    level: reload::Handle<LevelFilter, Registry>,
    background: bool,
}

impl Control {
    fn point_to(&self, target: &str) -> Result<(), LogError> {
        let target = Target::parse(target, Path::new(SYSLOG_SOCKET), self.background)?;
        *self.shared.target.write().unwrap_or_else(PoisonError::into_inner) = target;
        Ok(())
    }
}

/// PulseAudio's levels: errors, warnings, notices (which are warnings here), information, everything.
pub(crate) fn level_of(number: u32) -> Option<Level> {
    match number {
        0 => Some(Level::ERROR),
        1 | 2 => Some(Level::WARN),
        3 => Some(Level::INFO),
        4 => Some(Level::DEBUG),
        _ => None,
    }
}

impl LogControl for Control {
    fn set_level(&self, level: u32) -> bool {
        let Some(level) = level_of(level) else { return false };
        self.level.reload(LevelFilter::from_level(level)).is_ok()
    }

    fn set_target(&self, target: &str) -> Result<(), String> {
        self.point_to(target).map_err(|error| error.to_string())
    }

    fn show_place(&self, shown: bool) {
        self.shared.place.store(shown, Ordering::Relaxed);
    }

    fn show_time(&self, shown: bool) {
        self.shared.time.store(shown, Ordering::Relaxed);
    }
}

/// How a message is written. The system's log has time and importance of its own.
struct Style(Arc<Shared>);

impl<S, N> FormatEvent<S, N> for Style
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let (place, syslog) = (self.0.place.load(Ordering::Relaxed), self.0.is_syslog());
        let format =
            Format::default().with_target(false).with_file(place).with_line_number(place).with_level(!syslog);
        if self.0.time.load(Ordering::Relaxed) && !syslog {
            format.format_event(context, writer, event)
        } else {
            format.without_time().format_event(context, writer, event)
        }
    }
}

/// Makes the writer of each message.
struct Lines(Arc<Shared>);

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { shared: &self.0, level: Level::INFO }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Line<'a> {
        Line { shared: &self.0, level: *metadata.level() }
    }
}

/// The writer of one message, which comes in one piece.
struct Line<'a> {
    shared: &'a Shared,
    level: Level,
}

impl Write for Line<'_> {
    fn write(&mut self, message: &[u8]) -> io::Result<usize> {
        match &*self.shared.target.read().unwrap_or_else(PoisonError::into_inner) {
            Target::Null => {}
            Target::Stderr => io::stderr().write_all(message)?,
            Target::File(file) => (&*file).write_all(message)?,
            Target::Syslog(syslog) => syslog.send(self.level, message),
            Target::Background(syslog) => {
                syslog.send(self.level, message);
                // Nobody may read it any more.
                let _ = io::stderr().write_all(message);
            }
        }
        Ok(message.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::*;

    fn write(target: Target, level: Level, message: &str) {
        let shared = Shared {
            target: RwLock::new(target),
            time: AtomicBool::new(false),
            place: AtomicBool::new(false),
        };
        Line { shared: &shared, level }.write_all(message.as_bytes()).unwrap();
    }

    #[test]
    fn targets_have_pulseaudios_names() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("log");
        let parse = |name: &str| Target::parse(name, &place, false);
        assert!(matches!(parse("null"), Ok(Target::Null)));
        assert!(matches!(parse("auto"), Ok(Target::Stderr)));
        assert!(matches!(parse("syslog"), Ok(Target::Stderr)), "there is no system log yet");
        assert!(matches!(Target::parse("syslog", &place, true), Ok(Target::Null)));
        let _listening = UnixDatagram::bind(&place).unwrap();
        assert!(matches!(parse("syslog"), Ok(Target::Syslog(_))));
        assert!(matches!(parse("journal"), Ok(Target::Syslog(_))));
        assert!(matches!(Target::parse("auto", &place, true), Ok(Target::Background(_))));
        assert!(matches!(parse("nonsense"), Err(LogError::Target(name)) if name == "nonsense"));
        assert!(matches!(parse("file:/does/not/exist"), Err(LogError::File { .. })));
    }

    #[test]
    fn a_file_grows_and_a_new_file_is_new() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("messages");
        let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
        let file = format!("file:{}", path.display());
        for message in ["one\n", "two\n"] {
            write(Target::parse(&file, Path::new("/"), false).unwrap(), Level::INFO, message);
        }
        assert_eq!(read("messages"), "one\ntwo\n");
        for message in ["three\n", "four\n"] {
            let target = Target::parse(&format!("new{file}"), Path::new("/"), false).unwrap();
            write(target, Level::INFO, message);
        }
        assert_eq!((read("messages"), read("messages.1")), ("one\ntwo\n".to_owned(), "three\n".to_owned()));
        assert_eq!(read("messages.2"), "four\n");
    }

    #[test]
    fn the_system_log_gets_what_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("log");
        let listening = UnixDatagram::bind(&place).unwrap();
        write(Target::parse("syslog", &place, false).unwrap(), Level::ERROR, "it is over\n");
        let mut datagram = [0; 256];
        let length = listening.recv(&mut datagram).unwrap();
        let text = String::from_utf8_lossy(&datagram[..length]).into_owned();
        assert!(text.starts_with("<27>") && text.ends_with("]: it is over"), "{text}");
    }
}
