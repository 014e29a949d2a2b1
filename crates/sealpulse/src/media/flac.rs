//! FLAC files.
//!
//! The frames are flac-codec's; the header is written here, so that it can be brought up to date at any time and no list
//! of seek points grows with the file.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use flac_codec::encode::{FlacStreamWriter, Options};
use sealpulse_spec::{SampleFormat, SampleSpec};

use super::write::{Output, WriteError, Writer};

/// Frames of sound in one of FLAC's.
const BLOCK: usize = 4096;

/// Most samples that the header can tell.
const SAMPLES_MAX: u64 = (1 << 36) - 1;

/// A FLAC file.
pub(super) struct Flac {
    file: Output,
    encoder: FlacStreamWriter<Encoded>,
    encoded: Encoded,
    spec: SampleSpec,
    /// Interleaved samples that do not fill a block yet.
    samples: Vec<i32>,
    /// Frames of sound in the file.
    frames: u64,
    smallest: u32,
    largest: u32,
    md5: md5::Context,
}

/// Where the encoder writes a frame to.
#[derive(Clone, Default)]
struct Encoded(Rc<RefCell<Vec<u8>>>);

impl Write for Encoded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Flac {
    /// Whether FLAC can hold it: integers of 16, 24 or 32 bits, 8 channels, rates that a frame's header can tell.
    pub(super) fn check(spec: SampleSpec) -> Result<(), WriteError> {
        if bits(spec.format).is_none() {
            return Err(WriteError::Format { kind: "FLAC", format: spec.format });
        }
        if spec.channels > 8 {
            return Err(WriteError::Channels { kind: "FLAC", channels: spec.channels, most: 8 });
        }
        let mut encoder = FlacStreamWriter::new(io::sink(), Options::default());
        encode(&mut encoder, spec, &[0; 8][..usize::from(spec.channels)])
    }

    /// Writes the header of an empty file.
    pub(super) fn new(file: Output, spec: SampleSpec) -> Result<Self, WriteError> {
        let encoded = Encoded::default();
        let mut flac = Self {
            file,
            encoder: FlacStreamWriter::new(encoded.clone(), Options::default()),
            encoded,
            spec,
            samples: Vec::new(),
            frames: 0,
            smallest: 0,
            largest: 0,
            md5: md5::Context::new(),
        };
        let header = flac.header([0; 16]);
        flac.file.write_all(&header)?;
        flac.file.flush()?;
        Ok(flac)
    }

    /// The marker, and STREAMINFO as the only metadata (RFC 9639, section 8.2). A checksum of 0 is unknown.
    fn header(&self, md5: [u8; 16]) -> Vec<u8> {
        let mut header = b"fLaC\x80\0\0\x22".to_vec();
        for _ in 0..2 {
            header.extend((BLOCK as u16).to_be_bytes());
        }
        for size in [self.smallest, self.largest] {
            header.extend(&size.min(0xff_ffff).to_be_bytes()[1..]);
        }
        let frames = if self.frames > SAMPLES_MAX { 0 } else { self.frames };
        let word = u64::from(self.spec.rate) << 44
            | u64::from(self.spec.channels.saturating_sub(1)) << 41
            | u64::from(bits(self.spec.format).unwrap_or(16) - 1) << 36
            | frames;
        header.extend(word.to_be_bytes());
        header.extend(md5);
        header
    }

    /// Encodes all whole blocks, and at the end what is left.
    fn encode(&mut self, end: bool) -> Result<(), WriteError> {
        let channels = usize::from(self.spec.channels);
        let samples = std::mem::take(&mut self.samples);
        let mut blocks = samples.chunks_exact(BLOCK * channels);
        for block in &mut blocks {
            self.encode_block(block)?;
        }
        let rest = blocks.remainder();
        if end && !rest.is_empty() {
            self.encode_block(rest)?;
        } else {
            self.samples = rest.to_vec();
        }
        Ok(())
    }

    fn encode_block(&mut self, block: &[i32]) -> Result<(), WriteError> {
        encode(&mut self.encoder, self.spec, block)?;
        let mut encoded = self.encoded.0.borrow_mut();
        self.file.write_all(&encoded)?;
        let size = encoded.len() as u32;
        encoded.clear();
        self.smallest = if self.frames == 0 { size } else { self.smallest.min(size) };
        self.largest = self.largest.max(size);
        self.frames += (block.len() / usize::from(self.spec.channels)) as u64;
        Ok(())
    }
}

impl Writer for Flac {
    fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        // The checksum is over the samples as they are: little endian.
        self.md5.consume(bytes);
        let sample = |bytes: &[u8]| bytes.iter().rev().fold(0, |sample, &byte| sample << 8 | i32::from(byte));
        let size = self.spec.format.size();
        let unused = 32 - 8 * size as u32;
        self.samples.extend(bytes.chunks_exact(size).map(|bytes| sample(bytes) << unused >> unused));
        self.encode(false)
    }

    fn update(&mut self) -> Result<(), WriteError> {
        let header = self.header([0; 16]);
        Ok(self.file.replace_start(&header)?)
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        self.encode(true)?;
        let header = self.header(self.md5.clone().finalize().0);
        Ok(self.file.replace_start(&header)?)
    }
}

fn encode<W: Write>(
    encoder: &mut FlacStreamWriter<W>,
    spec: SampleSpec,
    samples: &[i32],
) -> Result<(), WriteError> {
    let bits = bits(spec.format).unwrap_or(16);
    encoder.write(spec.rate, spec.channels, bits, samples).map_err(|error| match error {
        flac_codec::Error::Io(error) => error.into(),
        error => WriteError::Flac(error),
    })
}

fn bits(format: SampleFormat) -> Option<u32> {
    match format {
        SampleFormat::S16Le => Some(16),
        SampleFormat::S24Le => Some(24),
        SampleFormat::S32Le => Some(32),
        _ => None,
    }
}
