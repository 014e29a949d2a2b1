//! `sealpulse record`.

use std::error::Error;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use sealpulse_client::command::{
    GetServerInfo, GetSinkInfo, GetSinkInputInfoList, GetSourceInfo, SinkInputInfo, SourceInfo,
};
use sealpulse_client::{
    Buffer, ChannelMap, ClientError, Context, ErrorCode, RecordStream, SampleFormat, SampleSpec, StreamEvent,
    StreamOptions, Wait,
};

use super::inputs::{First, Input, Inputs};
use super::meter::{self, Line};
use super::{now, time};
use crate::cli::RecordOptions;
use crate::media::write::{Kind, WriteError, Writer, create};

/// How much the server sends at a time, in microseconds: smooth to look at, and little to lose.
const FRAGMENT_USEC: u64 = 50_000;

/// How often the file's header is brought up to date.
const UPDATE: Duration = Duration::from_secs(1);

/// Why nothing, or not all, is recorded.
#[derive(Debug, thiserror::Error)]
enum RecordError {
    #[error("{}: the name must end in .wav, .flac or .raw, or be `-`", path.display())]
    Kind { path: PathBuf },
    #[error("`{0}` is no sample format; s16le, s24le, s32le, float32le and u8 are some")]
    Format(String),
    #[error("cannot write {}: {error}", path.display())]
    Write { path: PathBuf, error: WriteError },
    #[error("there is no {what} `{name}`; `sealpulse list` shows what there is")]
    Nothing { what: &'static str, name: String },
    #[error("no stream is called `{name}`; these play: {playing}")]
    NoStream { name: String, playing: String },
    #[error("several streams are called `{name}`: {playing}; give an index")]
    Several { name: String, playing: String },
    #[error("what is to be recorded cannot be found: {0}")]
    Lookup(ClientError),
    #[error("the recording ended early: {0}")]
    Ended(ClientError),
}

/// What to record.
struct Target {
    /// The source's name; none for one stream alone, whose source the server knows.
    source: Option<String>,
    sink_input: Option<u32>,
    /// For people.
    title: String,
    spec: SampleSpec,
    map: ChannelMap,
}

/// Records until the time is up or Ctrl-C.
pub(crate) fn record(options: &RecordOptions) -> Result<ExitCode, Box<dyn Error>> {
    let kind = Kind::of(&options.file).ok_or_else(|| RecordError::Kind { path: options.file.clone() })?;
    let format = match &options.format {
        Some(name) => Some(SampleFormat::parse(name).ok_or_else(|| RecordError::Format(name.clone()))?),
        None => None,
    };
    let config = super::config(options.server.as_deref(), "sealpulse record")?;
    let default_source = config.source.clone();
    let context = Context::connect(config).wait()?;
    let target = find(&context, options, default_source)?;
    let spec = SampleSpec {
        format: format.unwrap_or_else(|| kind.best_format(target.spec.format)),
        channels: options.channels.unwrap_or(target.spec.channels),
        rate: options.rate.unwrap_or(target.spec.rate),
    };
    let map = if spec.channels == target.map.channels() {
        target.map
    } else {
        ChannelMap::default_for(spec.channels)
    };
    let stream = stream(&context, &target, spec, map, options)?;
    let write_error = |error| RecordError::Write { path: options.file.clone(), error };
    let inputs = Inputs::new()?;
    let mut recording = Recording {
        file: create(&options.file, kind, spec, &map).map_err(write_error)?,
        spec,
        frames: 0,
        limit: options
            .duration
            .map_or(u64::MAX, |duration| (duration.as_secs_f64() * f64::from(spec.rate)).round() as u64),
        updated: Instant::now(),
        line: io::stderr().is_terminal().then(Line::default),
        peaks: Vec::new(),
        lost: 0,
    };
    if let Some(line) = &mut recording.line {
        inputs.tick()?;
        line.say(&format!(
            "Recording {} as {spec} to {}. Ctrl-C ends it.",
            target.title,
            options.file.display()
        ));
    }
    let result = recording.run(&stream, &inputs);
    // Whatever happened, what was recorded is kept.
    let finished = recording.file.finish();
    drop(recording.line);
    if recording.lost > 0 {
        let lost = spec.bytes_to_usec(recording.lost) as f64 / 1e6;
        eprintln!(
            "sealpulse: {lost:.3} s are missing, for which there is silence: this machine was too busy"
        );
    }
    match (result, finished) {
        (Ok(End::Reader), _) => Ok(ExitCode::SUCCESS),
        (Err(StopError::Write(error)), _) | (Ok(_), Err(error)) => Err(write_error(error).into()),
        (Err(StopError::Stream(error)), _) => Err(RecordError::Ended(error).into()),
        (Ok(End::Done), Ok(())) => Ok(ExitCode::SUCCESS),
    }
}

fn stream(
    context: &Context,
    target: &Target,
    spec: SampleSpec,
    map: ChannelMap,
    options: &RecordOptions,
) -> Result<RecordStream, RecordError> {
    let fragsize = u32::try_from(spec.usec_to_bytes_round_up(FRAGMENT_USEC)).unwrap_or(Buffer::ANY);
    let name = options.file.file_name().unwrap_or(options.file.as_os_str()).to_string_lossy().into_owned();
    let mut wanted = StreamOptions::new(spec)
        .map(map)
        .named(if options.file == Path::new("-") { "standard output".to_owned() } else { name })
        .buffer(Buffer { fragsize, ..Buffer::default() });
    wanted.device.clone_from(&target.source);
    wanted.sink_input = target.sink_input;
    context.record(wanted).wait().map_err(RecordError::Ended)
}

/// Why a recording is over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Done,
    /// Who read our output does not want more.
    Reader,
}

enum StopError {
    Write(WriteError),
    Stream(ClientError),
}

impl From<WriteError> for StopError {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}

struct Recording {
    file: Box<dyn Writer>,
    spec: SampleSpec,
    frames: u64,
    limit: u64,
    updated: Instant,
    line: Option<Line>,
    peaks: Vec<f32>,
    /// Bytes that never came.
    lost: u64,
}

impl Recording {
    fn run(&mut self, stream: &RecordStream, inputs: &Inputs) -> Result<End, StopError> {
        let mut bytes = Vec::new();
        while self.frames < self.limit {
            let block = match inputs.or(|context| stream.poll_block(context)) {
                First::Input(Input::Interrupt) => break,
                First::Input(Input::Tick) => {
                    self.draw();
                    continue;
                }
                First::Input(Input::Key(_)) => continue,
                First::Other(block) => block.map_err(StopError::Stream)?,
            };
            let left = (self.limit - self.frames).saturating_mul(self.spec.frame_size() as u64);
            bytes.resize(block.len().min(usize::try_from(left).unwrap_or(usize::MAX)), 0);
            block.read_at(0, &mut bytes).map_err(StopError::Stream)?;
            drop(block);
            while let Some(Some(event)) = now(stream.event()) {
                if let StreamEvent::Overrun { bytes } = event {
                    self.lost += bytes as u64;
                }
            }
            match self.file.write(&bytes) {
                Err(WriteError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                    return Ok(End::Reader);
                }
                written => written?,
            }
            self.frames += (bytes.len() / self.spec.frame_size()) as u64;
            if self.line.is_some() {
                self.hear(&bytes);
            }
            if self.updated.elapsed() >= UPDATE {
                self.file.update()?;
                self.updated = Instant::now();
            }
        }
        self.draw();
        Ok(End::Done)
    }

    /// Keeps the loudest since it was drawn last.
    fn hear(&mut self, bytes: &[u8]) {
        let heard = meter::peaks(self.spec, bytes);
        self.peaks.resize(heard.len(), 0.0);
        for (peak, heard) in self.peaks.iter_mut().zip(heard) {
            *peak = peak.max(heard);
        }
    }

    fn draw(&mut self) {
        let Some(line) = &mut self.line else { return };
        let recorded = Duration::from_micros(self.spec.frames_to_usec(self.frames));
        let tenth = recorded.subsec_millis() / 100;
        let mut text = format!("● {}.{tenth} ", time::clock(recorded));
        // More channels than fit share one bar.
        let shown = match self.peaks.len() {
            0..=2 => std::mem::take(&mut self.peaks),
            _ => vec![std::mem::take(&mut self.peaks).into_iter().fold(0.0, f32::max)],
        };
        let each = (Line::width().saturating_sub(text.chars().count() + 1) / shown.len().max(1)).min(60);
        for peak in shown {
            text += &format!(" {} {}", meter::bar(peak, each.saturating_sub(11)), meter::decibels(peak));
        }
        line.show(&text);
    }
}

/// Finds what the options mean.
fn find(context: &Context, options: &RecordOptions, default: Option<String>) -> Result<Target, RecordError> {
    if let Some(stream) = &options.stream {
        return find_stream(context, stream);
    }
    let name = match (&options.device, options.monitor) {
        (Some(name), false) => Some(name.clone()),
        (None, false) => default,
        (sink, true) => Some(monitor(context, sink.as_deref())?),
    };
    let source = source(context, name.as_deref())?;
    let title = source.description.unwrap_or_else(|| source.name.clone());
    Ok(Target {
        source: Some(source.name),
        sink_input: None,
        title,
        spec: source.sample_spec,
        map: source.channel_map,
    })
}

fn source(context: &Context, name: Option<&str>) -> Result<SourceInfo, RecordError> {
    let index = name.and_then(|name| name.parse().ok());
    let by_name = if index.is_some() { None } else { name };
    // Not every server takes a question without a name.
    let by_name = by_name.or(if index.is_none() { Some("@DEFAULT_SOURCE@") } else { None });
    let question = GetSourceInfo { index, name: by_name.map(str::to_owned) };
    context
        .request(question)
        .wait()
        .map_err(|error| missing("source", name.unwrap_or("@DEFAULT_SOURCE@"), error))
}

/// The name of a sink's monitor.
fn monitor(context: &Context, sink: Option<&str>) -> Result<String, RecordError> {
    let index = sink.and_then(|name| name.parse().ok());
    let mut name = if index.is_some() { None } else { sink.map(str::to_owned) };
    if sink.is_none() {
        name = context.request(GetServerInfo {}).wait().map_err(RecordError::Lookup)?.default_sink_name;
    }
    let asked = name.clone().or(sink.map(str::to_owned)).unwrap_or_default();
    let question = GetSinkInfo { index, name };
    let info = context.request(question).wait().map_err(|error| missing("sink", &asked, error))?;
    info.monitor_source_name.ok_or(RecordError::Nothing { what: "monitor of sink", name: asked })
}

fn missing(what: &'static str, name: &str, error: ClientError) -> RecordError {
    match error {
        ClientError::Server { code: ErrorCode::NoEntity, .. } => {
            RecordError::Nothing { what, name: name.to_owned() }
        }
        error => RecordError::Lookup(error),
    }
}

/// Finds a stream by its index, its name, or a part of a name that no other has.
fn find_stream(context: &Context, wanted: &str) -> Result<Target, RecordError> {
    let inputs = context.request(GetSinkInputInfoList {}).wait().map_err(RecordError::Lookup)?;
    let input = chosen(&inputs, wanted)?;
    let question = GetSinkInfo { index: input.sink_index, name: None };
    let sink = context.request(question).wait().map_err(RecordError::Lookup)?;
    Ok(Target {
        source: sink.monitor_source_name,
        sink_input: Some(input.index),
        title: title(input),
        // What is recorded is what the sink takes of it.
        spec: sink.sample_spec,
        map: sink.channel_map,
    })
}

fn chosen<'a>(inputs: &'a [SinkInputInfo], wanted: &str) -> Result<&'a SinkInputInfo, RecordError> {
    if let Some(input) =
        wanted.parse().ok().and_then(|index: u32| inputs.iter().find(|input| input.index == index))
    {
        return Ok(input);
    }
    let playing = |inputs: &[&SinkInputInfo]| match inputs {
        [] => "none".to_owned(),
        _ => inputs
            .iter()
            .map(|input| format!("{} ({})", input.index, title(input)))
            .collect::<Vec<_>>()
            .join(", "),
    };
    let lower = wanted.to_lowercase();
    let is = |input: &&SinkInputInfo| names(input).any(|name| name.to_lowercase() == lower);
    let contains = |input: &&SinkInputInfo| names(input).any(|name| name.to_lowercase().contains(&lower));
    let mut found: Vec<_> = inputs.iter().filter(is).collect();
    if found.is_empty() {
        found = inputs.iter().filter(contains).collect();
    }
    match found[..] {
        [input] => Ok(input),
        [] => {
            let all = inputs.iter().collect::<Vec<_>>();
            Err(RecordError::NoStream { name: wanted.to_owned(), playing: playing(&all) })
        }
        _ => Err(RecordError::Several { name: wanted.to_owned(), playing: playing(&found) }),
    }
}

fn names(input: &SinkInputInfo) -> impl Iterator<Item = &str> {
    let properties = ["application.name", "application.process.binary", "media.name"];
    let properties = properties.into_iter().filter_map(|name| input.properties.get_str(name));
    input.name.as_deref().into_iter().chain(properties)
}

fn title(input: &SinkInputInfo) -> String {
    let application = input.properties.get_str("application.name").unwrap_or("stream");
    format!("{application}: {}", input.name.as_deref().unwrap_or("unnamed"))
}
