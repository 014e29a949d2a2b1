//! The recording of the monitor, and the few things to know about WAV files.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Child;

use super::DemoError;
use super::place::{Place, terminate};

/// `parec` on the monitor of the default sink.
pub(crate) struct Recorder {
    child: Child,
    file: std::path::PathBuf,
}

/// What was recorded.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    pub(crate) seconds: f64,
    /// The loudest sample, 0 to 1.
    pub(crate) peak: f64,
    pub(crate) problem: Option<String>,
}

impl Recording {
    pub(crate) fn is_good(&self) -> bool {
        self.problem.is_none()
    }
}

impl Recorder {
    pub(crate) fn start(place: &Place) -> Result<Recorder, DemoError> {
        let file = place.file("monitor.wav");
        let child = place
            .command("parec", "parec.log")?
            .args(["--device=@DEFAULT_MONITOR@", "--format=s16le", "--file-format=wav"])
            .arg(&file)
            .spawn()
            .map_err(|error| DemoError::Start { program: "parec", error })?;
        Ok(Recorder { child, file })
    }

    pub(crate) fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends the recording and looks at it.
    pub(crate) fn finish(&mut self, keep: Option<&Path>) -> Recording {
        if !self.is_running() {
            return Recording { problem: Some("parec ended early".to_owned()), ..Recording::default() };
        }
        terminate(&self.child);
        let looked = self.child.wait().and_then(|_| {
            if let Some(keep) = keep {
                fs::copy(&self.file, keep)?;
            }
            Wave::read(&self.file)
        });
        match looked {
            Ok(wave) => wave.measure(),
            Err(error) => Recording { problem: Some(error.to_string()), ..Recording::default() },
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file of signed 16 bit samples.
struct Wave {
    format: Vec<u8>,
    data: Vec<u8>,
}

impl Wave {
    fn read(path: &Path) -> io::Result<Wave> {
        Self::parse(&fs::read(path)?)
            .ok_or_else(|| io::Error::other(format!("{} is no WAV file", path.display())))
    }

    fn parse(bytes: &[u8]) -> Option<Wave> {
        let mut rest = bytes.strip_prefix(b"RIFF")?.get(4..)?.strip_prefix(b"WAVE")?;
        let (mut format, mut data) = (None, None);
        while rest.len() >= 8 {
            let length = u32::from_le_bytes(rest[4..8].try_into().ok()?) as usize;
            // A file that was not ended may be shorter than it says.
            let content = rest.get(8..8 + length).unwrap_or(&rest[8..]);
            match &rest[..4] {
                b"fmt " => format = Some(content.to_vec()),
                b"data" => data = Some(content.to_vec()),
                _ => {}
            }
            rest = rest.get(8 + length + length % 2..).unwrap_or_default();
        }
        Some(Wave { format: format.filter(|format| format.len() >= 16)?, data: data? })
    }

    fn write(&self, path: &Path) -> io::Result<()> {
        let chunk = |name: &[u8], content: &[u8]| {
            let mut bytes = name.to_vec();
            bytes.extend_from_slice(&(content.len() as u32).to_le_bytes());
            bytes.extend_from_slice(content);
            bytes
        };
        let mut body = b"WAVE".to_vec();
        body.extend(chunk(b"fmt ", &self.format));
        body.extend(chunk(b"data", &self.data));
        fs::write(path, chunk(b"RIFF", &body))
    }

    fn measure(&self) -> Recording {
        let number = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| self.format[at + byte]));
        let seconds = self.data.len() as f64 / f64::from(number(8).max(1));
        let samples = self.data.chunks_exact(2).map(|sample| i16::from_le_bytes([sample[0], sample[1]]));
        let peak = samples.map(|sample| f64::from(sample).abs() / 32768.0).fold(0.0, f64::max);
        let problem = (peak < 0.01).then(|| "the recording is silent".to_owned());
        Recording { seconds, peak, problem }
    }
}

/// Writes the sounds of several files of one format into one.
pub(crate) fn join_waves(from: &[&std::path::PathBuf], to: &Path) -> io::Result<()> {
    let mut joined: Option<Wave> = None;
    for path in from {
        let wave = Wave::read(path)?;
        match &mut joined {
            None => joined = Some(wave),
            Some(all) if all.format == wave.format => all.data.extend(wave.data),
            Some(_) => {}
        }
    }
    joined.ok_or_else(|| io::Error::other("there is nothing to join"))?.write(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wave_is_read_as_it_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let (one, two) = (directory.path().join("one.wav"), directory.path().join("two.wav"));
        let mut format = vec![1, 0, 1, 0, 0x80, 0xbb, 0, 0];
        format.extend_from_slice(&96_000u32.to_le_bytes());
        format.extend_from_slice(&[2, 0, 16, 0]);
        Wave { format, data: [0, 64].repeat(48_000) }.write(&one).unwrap();
        join_waves(&[&one, &one], &two).unwrap();
        let measured = Wave::read(&two).unwrap().measure();
        assert_eq!((measured.seconds, measured.peak), (2.0, 0.5));
        assert!(measured.is_good());
    }

    #[test]
    fn a_file_that_is_cut_short_does_no_harm() {
        for length in 0..60 {
            let mut bytes = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0".to_vec();
            bytes.resize(60, 0);
            Wave::parse(&bytes[..length]);
        }
    }
}
