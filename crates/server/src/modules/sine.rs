//! `module-sine` and `module-sine-source`: a tone on a sink, and a source of one.

use sealpulse_memory::Chunk;
use sealpulse_protocol::{PropList, SourceFlags};
use sealpulse_spec::{ChannelMap, RATE_MAX, SampleFormat, SampleSpec};

use super::args::ModuleArgs;
use super::argument::{Argument, LIFE, SOURCE, Type};
use super::{Instance, Kind, Loading, ModuleError};
use crate::policy::{ModuleStreamSpec, NewSource, playback_config};
use crate::state::State;

const TONE: &[Argument] = &[
    Argument::new("rate", Type::Number(1, RATE_MAX), "the sink's, or 44100", "Sample rate in Hz."),
    Argument::new("frequency", Type::Number(1, RATE_MAX), "440", "Frequency in Hz, at most half the rate."),
];

/// Longest latency of the source in microseconds: it is asked for as much at once.
const SOURCE_LATENCY_USEC: u64 = 2_000_000;

/// Amplitude of the tone, half of full scale, as PulseAudio's.
const AMPLITUDE: f64 = 0.5;

pub(super) static SINK: Kind = Kind {
    name: "module-sine",
    description: "Sine wave generator",
    driver: "module-sine.c",
    arguments: &[
        &[Argument::new("sink", Type::Sink, "the default sink", "The sink that it plays on.")],
        TONE,
        LIFE,
    ],
    once: false,
    load: load_input,
};

pub(super) static SOURCE_KIND: Kind = Kind {
    name: "module-sine-source",
    description: "Sine wave generator source",
    driver: "module-sine-source.c",
    arguments: &[SOURCE, TONE, LIFE],
    once: false,
    load: load_source,
};

/// Format and frequency of the tone.
fn tone(args: &ModuleArgs, rate: u32) -> Result<(SampleSpec, u32), ModuleError> {
    let rate = args.number("rate").unwrap_or(rate);
    let frequency = args.number("frequency").unwrap_or(440);
    if frequency > rate / 2 {
        return Err(ModuleError::BadValue {
            key: "frequency",
            value: frequency.to_string(),
            expected: format!("at most half the rate of {rate} Hz"),
        });
    }
    let format = if cfg!(target_endian = "little") { SampleFormat::F32Le } else { SampleFormat::F32Be };
    Ok((SampleSpec { format, channels: 1, rate }, frequency))
}

/// As many whole waves as end with the last sample of a second's part.
fn wave(spec: &SampleSpec, frequency: u32) -> Chunk {
    let frames = spec.rate / greatest_common_divisor(spec.rate, frequency);
    // A wave that is short is repeated, so that it is not taken anew at every few samples.
    let frames = frames * (1_024 / frames).max(1);
    let sample = |frame: u32| {
        let turns = f64::from(frequency) * f64::from(frame) / f64::from(spec.rate);
        (turns * std::f64::consts::TAU).sin() * AMPLITUDE
    };
    let bytes: Vec<u8> = (0..frames).flat_map(|frame| (sample(frame) as f32).to_ne_bytes()).collect();
    Chunk::from_vec(bytes)
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

fn load_input(state: &mut State, loading: &Loading<'_>) -> Result<Box<dyn Instance>, ModuleError> {
    let index = state.argument_sink(loading.args, "sink")?;
    let rate = state.registry.sinks.get(index).map_or(44_100, |sink| sink.spec.rate);
    let (spec, frequency) = tone(loading.args, rate)?;
    let mut proplist = PropList::new();
    proplist.set_str("media.name", &format!("{frequency} Hz Sine"));
    proplist.set_str("media.role", "abstract");
    proplist.set_str("sine.hz", &frequency.to_string());
    let mut stream = ModuleStreamSpec::new(loading, Some(index), ChannelMap::mono(), proplist);
    stream.maps_format = false;
    let input = state.add_loop(stream, spec, wave(&spec, frequency))?;
    Ok(Box::new(Tone { input }))
}

#[derive(Debug)]
struct Tone {
    input: u32,
}

impl Instance for Tone {
    fn unload(self: Box<Self>, state: &mut State, _me: u32) {
        state.remove_sink_input(self.input);
    }
}

fn load_source(state: &mut State, loading: &Loading<'_>) -> Result<Box<dyn Instance>, ModuleError> {
    let (spec, frequency) = tone(loading.args, 44_100)?;
    let mut proplist = PropList::new();
    proplist.set_str("device.description", &format!("Sine source at {frequency} Hz"));
    proplist.set_str("device.class", "abstract");
    proplist.set_str("sine.hz", &frequency.to_string());
    loading.args.proplist("source_properties", &mut proplist);
    let name = loading.args.text("source_name").unwrap_or_else(|| "sine_input".to_owned());
    let mut new = NewSource::new(name, loading, spec, ChannelMap::mono(), proplist);
    new.flags = SourceFlags::LATENCY | SourceFlags::DECIBEL_VOLUME;
    new.max_latency_usec = SOURCE_LATENCY_USEC;
    let source = state.make_source(new)?;
    let device = state.registry.sources.get(source).map(|source| source.device);
    // Nobody hears it by itself: it plays while somebody records.
    let mut config = playback_config(spec, ChannelMap::mono());
    config.passive = true;
    let playing = device.map(|device| state.engine.add_loop(device, &config, wave(&spec, frequency)));
    match playing.transpose() {
        Ok(Some(tone)) => {
            state.put_source(source);
            Ok(Box::new(SineSource { source, tone }))
        }
        failed => {
            state.remove_source(source);
            Err(failed.err().map_or(ModuleError::Stream(sealpulse_protocol::ErrorCode::Internal), Into::into))
        }
    }
}

#[derive(Debug)]
struct SineSource {
    source: u32,
    tone: sealpulse_engine::PlaybackId,
}

impl Instance for SineSource {
    fn used(&self, state: &State) -> Option<u32> {
        Some(state.source_linked_by(self.source))
    }

    fn unload(self: Box<Self>, state: &mut State, _me: u32) {
        state.engine.remove_playback(self.tone);
        state.remove_source(self.source);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wave_ends_where_it_begins() {
        for (rate, frequency) in [(44_100, 440), (48_000, 1), (48_000, 24_000), (8_000, 333)] {
            let spec = SampleSpec { format: SampleFormat::F32Le, channels: 1, rate };
            let frames = wave(&spec, frequency).len() / 4;
            assert_eq!(frames as u64 * u64::from(frequency) % u64::from(rate), 0, "{rate} {frequency}");
            assert!(frames >= 1_024.min(rate as usize / 2), "{rate} {frequency}: {frames}");
        }
    }
}
