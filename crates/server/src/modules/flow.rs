//! Sound that a module passes between a descriptor (a pipe, a socket) and a stream of its own.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use calloop::generic::Generic;
use calloop::{Interest, Mode, PostAction, RegistrationToken};
use rustix::io::Errno;
use sealpulse_engine::{Data, PlaybackId, QueueAttr, RecordId, Seek};
use sealpulse_memory::{Block, Chunk};
use sealpulse_spec::SampleSpec;

use crate::state::State;

/// Most bytes that are read at once.
const READ_MAX: usize = 64 << 10;

/// Blocks that the engine has to fill.
const BLOCKS: usize = 8;

/// A descriptor that the event loop watches for a module while that is wanted.
#[derive(Debug)]
pub(super) struct Watch {
    token: Option<RegistrationToken>,
    enabled: bool,
}

impl Watch {
    /// Watches a copy of `fd` for data, from when it is enabled; [`super::Instance::ready`] is told, with `number`.
    pub(super) fn new(state: &mut State, module: u32, fd: &OwnedFd, number: u32) -> std::io::Result<Watch> {
        let source = Generic::new(fd.try_clone()?, Interest::READ, Mode::Level);
        let inserted = state.handle.insert_source(source, move |_, _, state: &mut State| {
            state.with_module(module, |instance, state| instance.ready(state, module, number));
            Ok(PostAction::Continue)
        });
        let token = inserted.map_err(|error| std::io::Error::other(error.error.to_string()))?;
        let mut watch = Watch { token: Some(token), enabled: true };
        watch.enable(state, false);
        Ok(watch)
    }

    pub(super) fn enable(&mut self, state: &State, enable: bool) {
        let Some(token) = &self.token else { return };
        if self.enabled != enable {
            let done = if enable { state.handle.enable(token) } else { state.handle.disable(token) };
            match done {
                Ok(()) => self.enabled = enable,
                Err(error) => tracing::error!(%error, "a descriptor of a module cannot be watched"),
            }
        }
    }

    /// Ends the watch.
    pub(super) fn remove(&mut self, state: &State) {
        // The loop expects to know what it is told to forget.
        self.enable(state, true);
        if let Some(token) = self.token.take() {
            state.handle.remove(token);
        }
    }
}

/// What came of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fed {
    /// All there is, or as much as is wanted.
    Enough,
    /// The other side has closed.
    End,
}

/// Feeds a playback stream from a descriptor, as fast as the stream asks.
#[derive(Debug)]
pub(super) struct Feeder {
    pub(super) playback: PlaybackId,
    frame_size: usize,
    /// Bytes that the stream has asked for.
    wanted: usize,
    /// The begin of a frame whose rest has not come yet.
    partial: Vec<u8>,
}

impl Feeder {
    pub(super) fn new(playback: PlaybackId, spec: &SampleSpec, attr: &QueueAttr) -> Self {
        Self { playback, frame_size: spec.frame_size().max(1), wanted: attr.tlength, partial: Vec::new() }
    }

    /// The queue of such a stream: `latency_usec` long, and what is there is played.
    pub(super) fn attr(spec: &SampleSpec, latency_usec: u64) -> QueueAttr {
        let frame = spec.frame_size().max(1);
        let tlength = (spec.usec_to_bytes(latency_usec) as usize).max(4 * frame);
        let attr = QueueAttr { maxlength: 4 * tlength, tlength, prebuf: frame, minreq: tlength / 4 };
        attr.sanitize(frame)
    }

    /// The stream asks for more.
    pub(super) fn request(&mut self, bytes: usize) {
        self.wanted = self.wanted.saturating_add(bytes);
    }

    pub(super) fn wants(&self) -> bool {
        self.wanted > 0
    }

    /// Reads what is there and is wanted.
    pub(super) fn feed(&mut self, state: &mut State, fd: BorrowedFd<'_>) -> std::io::Result<Fed> {
        while self.wanted > 0 {
            let room = self.wanted.div_ceil(self.frame_size).saturating_mul(self.frame_size).min(READ_MAX);
            let mut bytes = std::mem::take(&mut self.partial);
            let begun = bytes.len();
            bytes.resize(room.max(begun + 1), 0);
            let read = match rustix::io::read(fd, &mut bytes[begun..]) {
                Ok(0) => return Ok(Fed::End),
                Ok(read) => read,
                Err(error) => {
                    bytes.truncate(begun);
                    self.partial = bytes;
                    return match error {
                        Errno::AGAIN | Errno::INTR => Ok(Fed::Enough),
                        error => Err(error.into()),
                    };
                }
            };
            bytes.truncate(begun + read);
            self.push(state, bytes);
        }
        Ok(Fed::Enough)
    }

    /// Queues bytes; a frame that is not whole waits for its rest.
    fn push(&mut self, state: &mut State, mut bytes: Vec<u8>) {
        self.partial = bytes.split_off(bytes.len() / self.frame_size * self.frame_size);
        self.wanted = self.wanted.saturating_sub(bytes.len());
        if !bytes.is_empty() {
            let data = Data::Chunk(Chunk::from_vec(bytes));
            state.engine.push(self.playback, Seek::Relative, 0, data);
        }
    }
}

/// Takes what a record stream has recorded to a descriptor.
#[derive(Debug)]
pub(super) struct Taker {
    pub(super) record: RecordId,
    block_size: usize,
    /// Bytes that were lost since the other side did not take them.
    pub(super) lost: u64,
}

impl Taker {
    /// For blocks of so many bytes, whole frames.
    pub(super) fn new(state: &mut State, record: RecordId, block_size: usize) -> Self {
        let taker = Self { record, block_size, lost: 0 };
        (0..BLOCKS).for_each(|_| taker.supply(state));
        taker
    }

    fn supply(&self, state: &mut State) {
        state.engine.supply(self.record, Block::private(self.block_size));
    }

    /// What a block holds; the engine gets another.
    pub(super) fn bytes(&mut self, state: &mut State, block: &Block, length: usize) -> Option<Vec<u8>> {
        self.supply(state);
        let mut bytes = vec![0; length];
        block.read_at(0, &mut bytes).ok()?;
        Some(bytes)
    }

    /// Writes a block; what does not go at once is lost, so that those who read late hear what is now.
    pub(super) fn take(
        &mut self,
        state: &mut State,
        fd: BorrowedFd<'_>,
        block: &Block,
        length: usize,
    ) -> std::io::Result<()> {
        let Some(bytes) = self.bytes(state, block, length) else { return Ok(()) };
        match rustix::io::write(fd, &bytes) {
            Ok(written) => self.lost += (length - written) as u64,
            Err(Errno::AGAIN | Errno::INTR) => self.lost += length as u64,
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

/// Both ends of a pipe in the file system, which never ends that way.
#[derive(Debug)]
pub(super) struct Fifo {
    path: std::path::PathBuf,
    fd: OwnedFd,
    ours: bool,
}

impl Fifo {
    /// Makes a pipe that everybody may use, or takes the one that is there if `reuse`.
    pub(super) fn open(path: &std::path::Path, reuse: bool) -> std::io::Result<Fifo> {
        use rustix::fs::{FileType, Mode, OFlags};
        let everybody = Mode::from_raw_mode(0o666);
        let ours = match rustix::fs::mknodat(rustix::fs::CWD, path, FileType::Fifo, everybody, 0) {
            Ok(()) => {
                // Whatever the mask of the process is.
                let _ = rustix::fs::chmod(path, everybody);
                true
            }
            Err(Errno::EXIST) if reuse => false,
            Err(error) => return Err(error.into()),
        };
        let fifo = rustix::fs::open(path, OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?;
        let metadata = rustix::fs::fstat(&fifo)?;
        if FileType::from_raw_mode(metadata.st_mode) != FileType::Fifo {
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "it is no pipe"));
        }
        Ok(Fifo { path: path.to_owned(), fd: fifo, ours })
    }

    pub(super) fn fd(&self) -> &OwnedFd {
        &self.fd
    }
}

impl AsFd for Fifo {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        if self.ours {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
