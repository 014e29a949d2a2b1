//! The files that are played, as one row of blocks.

use std::path::{Path, PathBuf};

use sealpulse_spec::{ChannelMap, SampleSpec};
use serde_json::{Value, json};

use crate::media::decode::{DecodeError, Decoder};

/// Blocks of a file after which the next one is opened, so that nothing has to wait for it at the end.
const AHEAD: u64 = 4;

/// A place in the row of files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Number of the file, from 0.
    pub(super) file: usize,
    pub(super) frame: u64,
}

/// What has been read and not been written to a stream yet.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) spec: SampleSpec,
    pub(super) map: Option<ChannelMap>,
    pub(super) place: Place,
    bytes: Vec<u8>,
    done: usize,
}

impl Pending {
    /// The bytes that are left.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(self.done..).unwrap_or_default()
    }

    /// Where they come from.
    pub(super) fn at(&self) -> Place {
        let frames = self.done / self.spec.frame_size();
        Place { frame: self.place.frame + frames as u64, ..self.place }
    }

    pub(super) fn advance(&mut self, count: usize) {
        self.done += count;
    }

    /// Whether both can be in one stream.
    pub(super) fn fits(&self, spec: SampleSpec, map: Option<&ChannelMap>) -> bool {
        self.spec == spec && self.map.as_ref() == map
    }
}

/// A file of the row, and what has come out of it.
struct Entry {
    path: PathBuf,
    spec: Option<SampleSpec>,
    frames: Option<u64>,
    decoded: u64,
    damaged: u64,
    error: Option<String>,
}

/// Reads the files, one after the other.
pub(super) struct Source {
    entries: Vec<Entry>,
    current: Option<(usize, Decoder)>,
    next: Option<(usize, Decoder)>,
    /// The file to open when there is no decoder.
    file: usize,
    blocks: u64,
    pending: Option<Pending>,
}

impl Source {
    pub(super) fn new(files: &[PathBuf]) -> Self {
        let entry = |path: &PathBuf| Entry {
            path: path.clone(),
            spec: None,
            frames: None,
            decoded: 0,
            damaged: 0,
            error: None,
        };
        Self {
            entries: files.iter().map(entry).collect(),
            current: None,
            next: None,
            file: 0,
            blocks: 0,
            pending: None,
        }
    }

    pub(super) fn files(&self) -> usize {
        self.entries.len()
    }

    /// What a file is called.
    pub(super) fn name(&self, file: usize) -> String {
        let path = self.entries.get(file).map(|entry| entry.path.as_path()).unwrap_or(Path::new(""));
        path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
    }

    /// Frames of a file, if it says so.
    pub(super) fn frames(&self, file: usize) -> Option<u64> {
        self.entries.get(file)?.frames
    }

    /// Whether a file could not be played, or not to its end.
    pub(super) fn has_failed(&self) -> bool {
        self.entries.iter().any(|entry| entry.error.is_some())
    }

    /// What comes next, and nothing at the end of the last file. Files that cannot be read are left out; `complain` is
    /// told why.
    pub(super) fn pending(&mut self, complain: &mut dyn FnMut(&str)) -> Option<&mut Pending> {
        while self.pending.as_ref().is_none_or(|pending| pending.bytes().is_empty()) {
            self.pending = None;
            if self.current.is_none() {
                if self.file >= self.entries.len() {
                    return None;
                }
                self.current = match self.next.take() {
                    Some((file, decoder)) if file == self.file => Some((file, decoder)),
                    _ => self.open(self.file, complain),
                };
                self.file += 1;
                self.blocks = 0;
                continue;
            }
            self.read(complain);
        }
        self.pending.as_mut()
    }

    /// Opens the next file while there is time.
    pub(super) fn prepare(&mut self, complain: &mut dyn FnMut(&str)) {
        if self.blocks >= AHEAD && self.next.is_none() && self.file < self.entries.len() {
            self.next = self.open(self.file, complain);
            if self.next.is_none() {
                self.file += 1;
            }
        }
    }

    /// Continues at another place. Says no, and goes on as before, if the file cannot be sought in.
    pub(super) fn jump(&mut self, place: Place, complain: &mut dyn FnMut(&str)) -> bool {
        if self.entries.get(place.file).is_none_or(|entry| entry.path == Path::new("-")) {
            return false;
        }
        let (file, mut decoder) = match self.current.take() {
            Some((file, decoder)) if file == place.file => (file, decoder),
            other => match self.open(place.file, complain) {
                Some(opened) => opened,
                None => {
                    self.current = other;
                    return false;
                }
            },
        };
        let sought =
            place.frame == 0 && decoder.is_fresh() || self.sought(file, &mut decoder, place.frame, complain);
        self.current = Some((file, decoder));
        self.file = file + 1;
        self.pending = None;
        self.blocks = 0;
        sought
    }

    fn sought(
        &mut self,
        file: usize,
        decoder: &mut Decoder,
        frame: u64,
        complain: &mut dyn FnMut(&str),
    ) -> bool {
        match decoder.seek(frame) {
            Ok(()) => true,
            Err(error) => {
                self.fail(file, &error, complain);
                false
            }
        }
    }

    fn open(&mut self, file: usize, complain: &mut dyn FnMut(&str)) -> Option<(usize, Decoder)> {
        let path = self.entries.get(file)?.path.clone();
        let opened = if path == Path::new("-") { Decoder::stdin() } else { Decoder::open(&path) };
        match opened {
            Ok(decoder) => {
                let entry = self.entries.get_mut(file)?;
                entry.spec = Some(decoder.spec());
                entry.frames = decoder.frames();
                Some((file, decoder))
            }
            Err(error) => {
                self.fail(file, &error, complain);
                None
            }
        }
    }

    fn read(&mut self, complain: &mut dyn FnMut(&str)) {
        let Some((file, decoder)) = &mut self.current else { return };
        let file = *file;
        let error = match decoder.next() {
            Ok(Some((frame, block))) => {
                let bytes = block.to_vec();
                let place = Place { file, frame };
                let (spec, map) = (decoder.spec(), decoder.map().cloned());
                if let Some(entry) = self.entries.get_mut(file) {
                    entry.decoded += (bytes.len() / spec.frame_size()) as u64;
                    entry.damaged = decoder.damaged();
                }
                self.pending = Some(Pending { spec, map, place, bytes, done: 0 });
                self.blocks += 1;
                return;
            }
            Ok(None) => None,
            Err(error) => Some(error),
        };
        self.current = None;
        if let Some(error) = error {
            self.fail(file, &error, complain);
        }
    }

    fn fail(&mut self, file: usize, error: &DecodeError, complain: &mut dyn FnMut(&str)) {
        let error = error.to_string();
        complain(&error);
        if let Some(entry) = self.entries.get_mut(file) {
            entry.error = Some(error);
        }
    }

    /// What was read of each file.
    pub(super) fn summary(&self) -> Vec<Value> {
        let one = |entry: &Entry| {
            json!({
                "file": entry.path.display().to_string(),
                "format": entry.spec.map(|spec| spec.format.name()),
                "channels": entry.spec.map(|spec| spec.channels),
                "rate": entry.spec.map(|spec| spec.rate),
                "frames": entry.frames,
                "decoded_frames": entry.decoded,
                "damaged_packets": entry.damaged,
                "error": entry.error,
            })
        };
        self.entries.iter().map(one).collect()
    }
}
