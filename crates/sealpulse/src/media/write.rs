//! Writing audio files that are valid whenever they end.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use sealpulse_spec::{ChannelMap, SampleFormat, SampleSpec};

use super::flac::Flac;
use super::wav::Wav;

/// Why a file cannot be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("{kind} files hold no {format} samples")]
    Format { kind: &'static str, format: SampleFormat },
    #[error("{kind} files hold at most {most} channels, not {channels}")]
    Channels { kind: &'static str, channels: u8, most: u8 },
    #[error("the FLAC encoder does not take this: {0}")]
    Flac(flac_codec::Error),
}

/// Kinds of files that can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Wav,
    Flac,
    /// Samples without a header.
    Raw,
}

impl Kind {
    /// By the end of a file's name; `-` and `.raw` and `.pcm` are bare samples.
    pub(crate) fn of(path: &Path) -> Option<Kind> {
        if path == Path::new("-") {
            return Some(Kind::Raw);
        }
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "wav" | "wave" => Some(Kind::Wav),
            "flac" => Some(Kind::Flac),
            "raw" | "pcm" => Some(Kind::Raw),
            _ => None,
        }
    }

    /// The format that such a file best keeps samples of `format` in: the same one, or the nearest that the file knows.
    pub(crate) fn best_format(self, format: SampleFormat) -> SampleFormat {
        use SampleFormat::{
            Alaw, F32Be, F32Le, S16Be, S16Le, S24Be, S24In32Be, S24In32Le, S24Le, S32Be, S32Le, U8, Ulaw,
        };
        if self == Kind::Raw {
            return format;
        }
        let little = match format {
            S16Be => S16Le,
            F32Be => F32Le,
            S32Be => S32Le,
            S24Be | S24In32Le | S24In32Be => S24Le,
            same => same,
        };
        match (self, little) {
            (Kind::Flac, U8 | Alaw | Ulaw) => S16Le,
            (Kind::Flac, F32Le) => S24Le,
            (_, format) => format,
        }
    }
}

/// A file of some kind. Samples are interleaved, of the spec that it was made with; a write holds whole frames.
pub(crate) trait Writer {
    /// Appends frames.
    fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError>;
    /// Brings the file up to date with what was written, so far as the kind allows.
    fn update(&mut self) -> Result<(), WriteError>;
    /// Completes the file.
    fn finish(self: Box<Self>) -> Result<(), WriteError>;
}

/// Makes a file, or opens standard output for `-`.
pub(crate) fn create(
    path: &Path,
    kind: Kind,
    spec: SampleSpec,
    map: &ChannelMap,
) -> Result<Box<dyn Writer>, WriteError> {
    if kind == Kind::Raw && path == Path::new("-") {
        return Ok(Box::new(Raw { out: io::stdout() }));
    }
    // A header that nothing can be written under must not replace what was there.
    match kind {
        Kind::Wav => Wav::check(spec)?,
        Kind::Flac => Flac::check(spec)?,
        Kind::Raw => {}
    }
    let file = Output::new(File::create(path)?)?;
    Ok(match kind {
        Kind::Wav => Box::new(Wav::new(file, spec, map)?),
        Kind::Flac => Box::new(Flac::new(file, spec)?),
        Kind::Raw => Box::new(Raw { out: file }),
    })
}

struct Raw<W> {
    out: W,
}

impl<W: Write> Writer for Raw<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        Ok(self.out.write_all(bytes)?)
    }

    fn update(&mut self) -> Result<(), WriteError> {
        Ok(self.out.flush()?)
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        self.update()
    }
}

/// A file whose beginning can be written anew, unless it is a pipe.
pub(super) struct Output {
    file: BufWriter<File>,
    seekable: bool,
}

impl Output {
    fn new(file: File) -> io::Result<Self> {
        let seekable = file.metadata()?.is_file();
        Ok(Self { file: BufWriter::with_capacity(1 << 16, file), seekable })
    }

    /// Whether headers can be brought up to date.
    pub(super) fn is_seekable(&self) -> bool {
        self.seekable
    }

    /// Replaces the first bytes.
    pub(super) fn replace_start(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.flush()?;
        if self.seekable {
            self.file.seek(SeekFrom::Start(0))?;
            self.file.write_all(bytes)?;
            self.file.seek(SeekFrom::End(0))?;
        }
        Ok(())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
