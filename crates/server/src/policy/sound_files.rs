//! Sound files that are played or kept. Those that are kept are short, and whoever asks waits for them, as in PulseAudio;
//! those that are just played are decoded on a thread of their own.

use std::io;
use std::path::Path;

use calloop::channel::{Event, channel};
use sealpulse_memory::Chunk;
use sealpulse_protocol::{ErrorCode, PropList};

use super::{NewInput, SAMPLE_SIZE_MAX};
use crate::registry::{Sound, StreamFlags};
use crate::sound_file::{DecodeFailure, SoundFile};
use crate::state::State;
use crate::store::be_patient;

/// Bytes of a file that is played at once: it is decoded whole, six minutes of a CD at most.
const FILE_SIZE_MAX: usize = 64 << 20;

/// Files that are decoded at the same time.
const DECODING_MAX: usize = 4;

/// Source file name in PulseAudio, which clients see as the driver.
const DRIVER: &str = "sound-file-stream.c";

/// Why a file does not sound.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SampleError {
    #[error("this server does not decode sound files")]
    NoDecoder,
    #[error("{0}")]
    Decode(DecodeFailure),
    #[error("{bytes} bytes of sound, of which at most {most} are kept")]
    TooLong { bytes: usize, most: usize },
    #[error("there is no sound in it")]
    Empty,
    #[error("all samples together have no room for it")]
    NoRoom,
    #[error("{DECODING_MAX} files are being decoded already")]
    Busy,
    #[error("no thread decodes it: {0}")]
    Thread(io::Error),
    #[error("it cannot be played: {0}")]
    Refused(ErrorCode),
}

/// Decodes an opened file.
fn read(file: SoundFile, most: usize) -> Result<Sound, SampleError> {
    let SoundFile { spec, map, decode } = file;
    if !spec.is_valid() || map.channels() != spec.channels {
        return Err(SampleError::Empty);
    }
    let bytes = decode(most).map_err(SampleError::Decode)?;
    match bytes.len() {
        0 => Err(SampleError::Empty),
        bytes if bytes > most => Err(SampleError::TooLong { bytes, most }),
        _ => Ok(Sound { spec, map, chunk: Chunk::from_vec(bytes) }),
    }
}

impl State {
    fn open_sound_file(&self, file: &Path) -> Result<SoundFile, SampleError> {
        let open = self.settings.open_sound_file.ok_or(SampleError::NoDecoder)?;
        open(file).map_err(SampleError::Decode)
    }

    /// Decodes a file that is to be kept.
    pub(crate) fn decode_sample(&self, file: &Path) -> Result<Sound, SampleError> {
        let sound = read(self.open_sound_file(file)?, SAMPLE_SIZE_MAX)?;
        if !self.has_room_for_sample(sound.chunk.len()) {
            return Err(SampleError::NoRoom);
        }
        Ok(sound)
    }

    /// Plays a file once, as soon as it is decoded. Its sink input ends by itself.
    pub(crate) fn play_file(&mut self, file: &Path, sink: u32) -> Result<(), SampleError> {
        let opened = self.open_sound_file(file)?;
        if self.files_decoding >= DECODING_MAX {
            return Err(SampleError::Busy);
        }
        let (sender, receiver) = channel();
        let path = file.to_owned();
        let source = self.handle.insert_source(receiver, move |event, (), state: &mut State| match event {
            Event::Msg(decoded) => state.play_decoded(&path, sink, decoded),
            // The thread has ended.
            Event::Closed => state.files_decoding = state.files_decoding.saturating_sub(1),
        });
        let token = source.map_err(|error| SampleError::Thread(io::Error::other(error.error.to_string())))?;
        let work = move || {
            be_patient();
            // Where the server has ended, nobody listens.
            let _ = sender.send(read(opened, FILE_SIZE_MAX));
        };
        if let Err(error) = std::thread::Builder::new().name("decoder".to_owned()).spawn(work) {
            self.handle.remove(token);
            return Err(SampleError::Thread(error));
        }
        self.files_decoding += 1;
        Ok(())
    }

    fn play_decoded(&mut self, file: &Path, sink: u32, decoded: Result<Sound, SampleError>) {
        let mut proplist = PropList::new();
        let name = file.file_name().unwrap_or(file.as_os_str());
        proplist.set_str("media.name", &name.to_string_lossy());
        proplist.set_str("media.filename", &file.to_string_lossy());
        let new = NewInput::new(proplist, StreamFlags::default(), Some(sink));
        let played =
            decoded.and_then(|sound| self.play_sound(DRIVER, sink, new, sound).map_err(SampleError::Refused));
        if let Err(error) = played {
            tracing::warn!(file = %file.display(), %error, "a file is not played");
        }
    }
}
