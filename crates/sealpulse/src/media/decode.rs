//! Decoding audio files to interleaved samples.

use std::io;
use std::path::{Path, PathBuf};

use sealpulse_spec::{CHANNELS_MAX, ChannelMap, ChannelPosition, SampleFormat, SampleSpec};
use symphonia::core::audio::conv::ConvertibleSample;
use symphonia::core::audio::sample::i24;
use symphonia::core::audio::{Channels, GenericAudioBufferRef, Position};
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::AudioDecoder;
use symphonia::core::codecs::audio::well_known::CODEC_ID_ALAC;
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatReader, SeekMode, SeekTo, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream, ReadOnlySource};
use symphonia::core::units::{TimeBase, Timestamp};

use super::guard::guarded;
use super::mp4;
use super::rf64::Rf64;

/// Most frames that a file may announce for one packet. The largest real ones, FLAC's, have 65,535.
const PACKET_FRAMES_MAX: u64 = 1 << 20;

/// How far before the target of a seek decoding begins, so that codecs whose packets lean on those before them have
/// found their feet. Ten packets of MP3, whose bit reservoir reaches back furthest.
const PREROLL_FRAMES: u64 = 11_520;

/// The position after a seek, until a packet tells its time.
const UNKNOWN: i64 = i64::MIN;

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecodeError {
    #[error("cannot read {}: {error}", path.display())]
    Open { path: PathBuf, error: io::Error },
    #[error("{name}: not an audio file of a known kind: {error}")]
    Unknown { name: String, error: SymphoniaError },
    #[error("{name}: no audio track of a known codec")]
    NoTrack { name: String },
    #[error("{name}: {codec_error}")]
    Codec { name: String, codec_error: SymphoniaError },
    #[error("{name}: {channels} channels; at most {CHANNELS_MAX} can be played")]
    Channels { name: String, channels: usize },
    #[error("{name}: a rate of {rate} Hz cannot be played")]
    Rate { name: String, rate: u32 },
    #[error("{name}: packets of {frames} frames are too long")]
    PacketSize { name: String, frames: u64 },
    #[error("{name}: is damaged in a way that it cannot be decoded")]
    Damaged { name: String },
    #[error("{name}: holds no sound")]
    Empty { name: String },
    #[error("{name}: cannot read on: {error}")]
    Read { name: String, error: SymphoniaError },
    #[error("{name}: cannot seek: {error}")]
    Seek { name: String, error: SymphoniaError },
}

/// A file (or pipe) that is being decoded, in the format that it holds its samples in, so that nothing is lost: 8, 16,
/// 24 and 32 bit integers stay what they are, everything else is 32 bit float.
///
/// Delay and padding that an encoder added are left out, where the file tells of them.
pub(crate) struct Decoder {
    name: String,
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    time_base: Option<TimeBase>,
    bits: Option<u32>,
    spec: SampleSpec,
    map: Option<ChannelMap>,
    frames: Option<u64>,
    /// Encoder delay that the library does not remove by itself, in frames.
    delay: u64,
    /// Where the next decoded packet begins. Below 0 is encoder delay.
    raw_position: i64,
    /// The first frame that is wanted.
    wanted: u64,
    /// The first frame after the end, where padding follows.
    end: Option<u64>,
    block: Vec<u8>,
    block_start: u64,
    /// Whether `block` has not been handed out yet.
    ready: bool,
    damaged: u64,
    given_up: bool,
}

impl Decoder {
    /// Opens a file and decodes its first packet.
    pub(crate) fn open(path: &Path) -> Result<Self, DecodeError> {
        let open_error = |error| DecodeError::Open { path: path.to_owned(), error };
        let file = std::fs::File::open(path).map_err(open_error)?;
        if file.metadata().map_err(open_error)?.is_dir() {
            return Err(open_error(io::ErrorKind::IsADirectory.into()));
        }
        let mut hint = Hint::new();
        if let Some(extension) = path.extension().and_then(|extension| extension.to_str()) {
            hint.with_extension(extension);
        }
        let source: Box<dyn MediaSource> = match Rf64::new(file).map_err(open_error)? {
            Ok(file) => Box::new(file),
            Err(file) => Box::new(file),
        };
        let mut decoder = Self::new(path.display().to_string(), source, &hint)?;
        if decoder.format.format_info().short_name == "isomp4" {
            let file = std::fs::File::open(path).map_err(open_error)?;
            decoder.trim(mp4::gapless(io::BufReader::new(file)));
        }
        decoder.first()?;
        Ok(decoder)
    }

    /// Decodes what comes in on standard input. It cannot be sought in.
    pub(crate) fn stdin() -> Result<Self, DecodeError> {
        let source = ReadOnlySource::new(io::stdin());
        let mut decoder = Self::new("standard input".to_owned(), Box::new(source), &Hint::new())?;
        decoder.first()?;
        Ok(decoder)
    }

    fn new(name: String, source: Box<dyn MediaSource>, hint: &Hint) -> Result<Self, DecodeError> {
        let stream = MediaSourceStream::new(source, Default::default());
        let probed =
            || symphonia::default::get_probe().probe(hint, stream, Default::default(), Default::default());
        let format = guarded(probed)
            .ok_or_else(|| DecodeError::Damaged { name: name.clone() })?
            .map_err(|error| DecodeError::Unknown { name: name.clone(), error })?;
        let chosen = choose(&*format, &name)?;
        Ok(Self {
            format,
            decoder: chosen.decoder,
            track: chosen.track,
            time_base: chosen.time_base,
            bits: chosen.bits,
            spec: SampleSpec { format: SampleFormat::F32Le, channels: 1, rate: 1 },
            map: None,
            frames: chosen.frames,
            delay: 0,
            raw_position: 0,
            wanted: 0,
            end: None,
            block: Vec::new(),
            block_start: 0,
            ready: false,
            damaged: 0,
            given_up: false,
            name,
        })
    }

    /// Leaves out what a container says that the library does not look at.
    fn trim(&mut self, gapless: mp4::Gapless) {
        self.delay = gapless.delay;
        self.raw_position = -(gapless.delay as i64);
        let left = self.frames.map(|frames| frames.saturating_sub(gapless.delay));
        self.end = match (gapless.frames, left) {
            (Some(frames), Some(left)) => Some(frames.min(left)),
            (frames, left) => frames.or(left),
        };
        self.frames = self.end;
    }

    fn first(&mut self) -> Result<(), DecodeError> {
        self.ready = self.decode()?;
        if self.ready { Ok(()) } else { Err(DecodeError::Empty { name: self.name.clone() }) }
    }

    /// What the next block's samples are like. A chained file can change it between two blocks.
    pub(crate) fn spec(&self) -> SampleSpec {
        self.spec
    }

    /// Which loudspeaker each channel is for, if the file says so.
    pub(crate) fn map(&self) -> Option<&ChannelMap> {
        self.map.as_ref()
    }

    /// Frames of the whole file, if it says so. It may be wrong.
    pub(crate) fn frames(&self) -> Option<u64> {
        self.frames
    }

    /// Whether nothing was taken of it yet.
    pub(crate) fn is_fresh(&self) -> bool {
        self.ready && self.wanted == 0 && self.block_start == 0
    }

    /// Packets that could not be decoded and were left out.
    pub(crate) fn damaged(&self) -> u64 {
        self.damaged
    }

    /// The next samples, interleaved, and the frame that they begin at; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, &[u8])>, DecodeError> {
        if !self.ready && !self.decode()? {
            return Ok(None);
        }
        self.ready = false;
        Ok(Some((self.block_start, &self.block)))
    }

    /// Continues at `frame`, exactly there if the container's timestamps are exact.
    pub(crate) fn seek(&mut self, frame: u64) -> Result<(), DecodeError> {
        let start = frame.saturating_add(self.delay).saturating_sub(PREROLL_FRAMES);
        let to = SeekTo::Timestamp { ts: self.timestamp(start), track_id: self.track };
        let sought = guarded(|| {
            let sought = self.format.seek(SeekMode::Accurate, to);
            self.decoder.reset();
            sought
        });
        match sought {
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(DecodeError::Seek { name: self.name.clone(), error }),
            None => return self.give_up().map(|_| ()),
        }
        self.wanted = frame;
        self.raw_position = UNKNOWN;
        self.ready = self.decode()?;
        Ok(())
    }

    /// Decodes packets until there is something to hand out. Says no at the end.
    fn decode(&mut self) -> Result<bool, DecodeError> {
        if self.given_up {
            return Ok(false);
        }
        match guarded(|| self.decode_unguarded()) {
            Some(decoded) => decoded,
            None => self.give_up(),
        }
    }

    /// The library lost its way in the file: nothing more comes out of it.
    fn give_up(&mut self) -> Result<bool, DecodeError> {
        self.given_up = true;
        Err(DecodeError::Damaged { name: self.name.clone() })
    }

    fn decode_unguarded(&mut self) -> Result<bool, DecodeError> {
        loop {
            if self.end.is_some_and(|end| self.raw_position >= 0 && self.raw_position as u64 >= end) {
                return Ok(false);
            }
            let packet = match self.format.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => return Ok(false),
                Err(SymphoniaError::IoError(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Ok(false);
                }
                Err(SymphoniaError::ResetRequired) => {
                    let chosen = choose(&*self.format, &self.name)?;
                    self.decoder = chosen.decoder;
                    self.track = chosen.track;
                    self.time_base = chosen.time_base;
                    self.bits = chosen.bits;
                    // How long the first part was says nothing of the whole.
                    self.frames = None;
                    continue;
                }
                Err(error) => return Err(DecodeError::Read { name: self.name.clone(), error }),
            };
            if packet.track_id != self.track {
                continue;
            }
            let buffer = match self.decoder.decode(&packet) {
                Ok(buffer) => buffer,
                Err(SymphoniaError::DecodeError(_) | SymphoniaError::IoError(_)) => {
                    self.damaged += 1;
                    if self.raw_position != UNKNOWN {
                        let lasting = i64::try_from(packet.dur.get()).unwrap_or(i64::MAX);
                        let lasting = frame_at(self.time_base, self.spec.rate, Timestamp::new(lasting));
                        self.raw_position = self.raw_position.saturating_add(lasting);
                    }
                    continue;
                }
                Err(SymphoniaError::ResetRequired) => {
                    self.decoder.reset();
                    continue;
                }
                Err(codec_error) => return Err(DecodeError::Codec { name: self.name.clone(), codec_error }),
            };
            let length = buffer.frames() as i64;
            // After a seek, the first packet of some codecs gives nothing.
            if length == 0 {
                continue;
            }
            let start = packet.pts.checked_add(packet.trim_start).unwrap_or(packet.pts);
            let spec = spec_of(&buffer, self.bits, &self.name)?;
            let wanted = i64::try_from(self.wanted).unwrap_or(i64::MAX);
            let end = self.end.map_or(i64::MAX, |end| i64::try_from(end).unwrap_or(i64::MAX));
            let start = match self.raw_position {
                UNKNOWN => frame_at(self.time_base, self.spec.rate, start).saturating_sub(self.delay as i64),
                position => position,
            };
            self.raw_position = start.saturating_add(length);
            let (from, to) = (start.max(wanted), self.raw_position.min(end));
            if from >= to {
                continue;
            }
            self.spec = spec;
            self.map = map_of(buffer.spec().channels());
            self.block.clear();
            put_samples(&buffer, spec.format, &mut self.block);
            let size = spec.frame_size();
            self.block.truncate(((to - start) as usize).saturating_mul(size));
            self.block.drain(..((from - start) as usize).saturating_mul(size).min(self.block.len()));
            self.block_start = from as u64;
            return Ok(true);
        }
    }

    /// The time of the track that is not after a frame.
    fn timestamp(&self, frame: u64) -> Timestamp {
        let Some(base) = self.time_base else {
            return Timestamp::new(i64::try_from(frame).unwrap_or(i64::MAX));
        };
        let ticks = u128::from(frame) * u128::from(base.denom.get());
        let per_tick = (u128::from(base.numer.get()) * u128::from(self.spec.rate)).max(1);
        Timestamp::new(i64::try_from(ticks / per_tick).unwrap_or(i64::MAX))
    }
}

/// The frame at a time of a track.
fn frame_at(base: Option<TimeBase>, rate: u32, timestamp: Timestamp) -> i64 {
    let Some(base) = base else { return timestamp.get() };
    let ticks = i128::from(timestamp.get()) * i128::from(base.numer.get()) * i128::from(rate);
    let frame = ticks / i128::from(base.denom.get());
    i64::try_from(frame).unwrap_or(if frame < 0 { UNKNOWN + 1 } else { i64::MAX })
}

/// A track and what decodes it.
struct Chosen {
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    time_base: Option<TimeBase>,
    bits: Option<u32>,
    frames: Option<u64>,
}

/// The first audio track, if it is within limits.
fn choose(format: &dyn FormatReader, name: &str) -> Result<Chosen, DecodeError> {
    let name = || name.to_owned();
    let track = format
        .first_track_known_codec(TrackType::Audio)
        .ok_or_else(|| DecodeError::NoTrack { name: name() })?;
    let Some(CodecParameters::Audio(parameters)) = &track.codec_params else {
        return Err(DecodeError::NoTrack { name: name() });
    };
    // Decoders make their buffers by these numbers.
    let channels = parameters.channels.as_ref().map_or(1, Channels::count);
    if channels == 0 || channels > usize::from(CHANNELS_MAX) {
        return Err(DecodeError::Channels { name: name(), channels });
    }
    if let Some(frames) = parameters.max_frames_per_packet.filter(|&frames| frames > PACKET_FRAMES_MAX) {
        return Err(DecodeError::PacketSize { name: name(), frames });
    }
    let decoder =
        guarded(|| symphonia::default::get_codecs().make_audio_decoder(parameters, &Default::default()))
            .ok_or_else(|| DecodeError::Damaged { name: name() })?
            .map_err(|codec_error| DecodeError::Codec { name: name(), codec_error })?;
    // Of ALAC, only its own configuration tells: the sixth byte (`bitDepth`).
    let bits = match &parameters.extra_data {
        Some(config) if parameters.codec == CODEC_ID_ALAC => config.get(5).map(|&bits| u32::from(bits)),
        _ => parameters.bits_per_sample,
    };
    Ok(Chosen { decoder, track: track.id, time_base: track.time_base, bits, frames: track.num_frames })
}

/// The format that holds a decoded buffer's samples without loss, and its channels and rate.
fn spec_of(
    buffer: &GenericAudioBufferRef<'_>,
    bits: Option<u32>,
    name: &str,
) -> Result<SampleSpec, DecodeError> {
    use GenericAudioBufferRef as Buffer;
    let format = match buffer {
        Buffer::U8(_) | Buffer::S8(_) => SampleFormat::U8,
        Buffer::U16(_) | Buffer::S16(_) => SampleFormat::S16Le,
        Buffer::U24(_) | Buffer::S24(_) => SampleFormat::S24Le,
        Buffer::F32(_) | Buffer::F64(_) => SampleFormat::F32Le,
        // Fewer bits are in the upper ones.
        Buffer::U32(_) | Buffer::S32(_) => match bits.unwrap_or(32) {
            0..=8 => SampleFormat::U8,
            9..=16 => SampleFormat::S16Le,
            17..=24 => SampleFormat::S24Le,
            _ => SampleFormat::S32Le,
        },
    };
    let (channels, rate) = (buffer.spec().channels().count(), buffer.spec().rate());
    let spec = SampleSpec { format, channels: u8::try_from(channels).unwrap_or(u8::MAX), rate };
    if spec.is_valid() {
        Ok(spec)
    } else if (1..=CHANNELS_MAX).contains(&spec.channels) {
        Err(DecodeError::Rate { name: name.to_owned(), rate })
    } else {
        Err(DecodeError::Channels { name: name.to_owned(), channels })
    }
}

/// Appends a buffer's samples in `format`, interleaved.
fn put_samples(buffer: &GenericAudioBufferRef<'_>, format: SampleFormat, bytes: &mut Vec<u8>) {
    match format {
        SampleFormat::U8 => put::<u8, 1>(buffer, bytes, u8::to_le_bytes),
        SampleFormat::S16Le => put::<i16, 2>(buffer, bytes, i16::to_le_bytes),
        SampleFormat::S24Le => put::<i24, 3>(buffer, bytes, i24::to_le_bytes),
        SampleFormat::S32Le => put::<i32, 4>(buffer, bytes, i32::to_le_bytes),
        _ => put::<f32, 4>(buffer, bytes, f32::to_le_bytes),
    }
}

fn put<S: ConvertibleSample, const SIZE: usize>(
    buffer: &GenericAudioBufferRef<'_>,
    bytes: &mut Vec<u8>,
    to_bytes: impl Fn(S) -> [u8; SIZE],
) {
    let mut samples = Vec::new();
    buffer.copy_to_vec_interleaved::<S>(&mut samples);
    bytes.reserve(samples.len() * SIZE);
    for sample in samples {
        bytes.extend_from_slice(&to_bytes(sample));
    }
}

/// PulseAudio's names of a file's channels, if it names them all.
fn map_of(channels: &Channels) -> Option<ChannelMap> {
    let Channels::Positioned(positions) = channels else { return None };
    if *positions == Position::FRONT_CENTER {
        return Some(ChannelMap::mono());
    }
    // The samples are in the order of these bits.
    let places = positions.iter().map(position).collect::<Option<Vec<_>>>()?;
    ChannelMap::from_slice(&places)
}

fn position(position: Position) -> Option<ChannelPosition> {
    let places = [
        (Position::FRONT_LEFT, ChannelPosition::FRONT_LEFT),
        (Position::FRONT_RIGHT, ChannelPosition::FRONT_RIGHT),
        (Position::FRONT_CENTER, ChannelPosition::FRONT_CENTER),
        (Position::LFE1, ChannelPosition::LFE),
        (Position::REAR_LEFT, ChannelPosition::REAR_LEFT),
        (Position::REAR_RIGHT, ChannelPosition::REAR_RIGHT),
        (Position::FRONT_LEFT_CENTER, ChannelPosition::FRONT_LEFT_OF_CENTER),
        (Position::FRONT_RIGHT_CENTER, ChannelPosition::FRONT_RIGHT_OF_CENTER),
        (Position::REAR_CENTER, ChannelPosition::REAR_CENTER),
        (Position::SIDE_LEFT, ChannelPosition::SIDE_LEFT),
        (Position::SIDE_RIGHT, ChannelPosition::SIDE_RIGHT),
        (Position::TOP_CENTER, ChannelPosition::TOP_CENTER),
        (Position::TOP_FRONT_LEFT, ChannelPosition::TOP_FRONT_LEFT),
        (Position::TOP_FRONT_CENTER, ChannelPosition::TOP_FRONT_CENTER),
        (Position::TOP_FRONT_RIGHT, ChannelPosition::TOP_FRONT_RIGHT),
        (Position::TOP_REAR_LEFT, ChannelPosition::TOP_REAR_LEFT),
        (Position::TOP_REAR_CENTER, ChannelPosition::TOP_REAR_CENTER),
        (Position::TOP_REAR_RIGHT, ChannelPosition::TOP_REAR_RIGHT),
    ];
    places.iter().find(|(theirs, _)| *theirs == position).map(|(_, ours)| *ours)
}
