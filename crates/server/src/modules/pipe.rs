//! `module-pipe-sink` and `module-pipe-source`: devices whose other side is a pipe in the file system.

use std::os::fd::AsFd;
use std::path::PathBuf;

use sealpulse_engine::{Event, RecordFrom};
use sealpulse_protocol::{DeviceState, Facility, PropList, SinkFlags, SourceFlags};

use super::argument::{Argument, LIFE, SINK, SOURCE, SPEC, Type};
use super::flow::{Feeder, Fifo, Taker, Watch};
use super::sockets::runtime_path;
use super::{Instance, Kind, Loading, ModuleError};
use crate::policy::{NewSink, NewSource, playback_config, record_config};
use crate::state::State;
use crate::subscribe::Event as Change;

/// Bytes that go into a pipe as a whole or not at all (`PIPE_BUF`).
const PIPE_BUF: usize = 4_096;

/// Sound that is fetched from a pipe ahead, in microseconds.
const SOURCE_LATENCY_USEC: u64 = 40_000;

pub(super) static SINK_KIND: Kind = Kind {
    name: "module-pipe-sink",
    description: "UNIX pipe sink",
    driver: "module-pipe-sink.c",
    arguments: &[
        SINK,
        &[
            Argument::new(
                "file",
                Type::Path,
                "fifo_output",
                "The pipe, in the runtime directory unless it is a whole path.",
            ),
            Argument::new("use_system_clock_for_timing", Type::Boolean, "yes", "Accepted: it always is."),
        ],
        SPEC,
        LIFE,
    ],
    once: false,
    load: load_sink,
};

pub(super) static SOURCE_KIND: Kind = Kind {
    name: "module-pipe-source",
    description: "UNIX pipe source",
    driver: "module-pipe-source.c",
    arguments: &[
        SOURCE,
        &[Argument::new(
            "file",
            Type::Path,
            "/tmp/music.input",
            "The pipe, in the runtime directory unless it is a whole path.",
        )],
        SPEC,
        LIFE,
    ],
    once: false,
    load: load_source,
};

fn open(path: PathBuf, reuse: bool) -> Result<(PathBuf, Fifo), ModuleError> {
    match Fifo::open(&path, reuse) {
        Ok(fifo) => Ok((path, fifo)),
        Err(source) => Err(ModuleError::Io { what: format!("the pipe {}", path.display()), source }),
    }
}

fn load_sink(state: &mut State, loading: &Loading<'_>) -> Result<Box<dyn Instance>, ModuleError> {
    let args = loading.args;
    let (spec, map) = args.sample_spec(state.settings.default_spec, state.settings.default_map)?;
    let file = args.text("file").unwrap_or_else(|| "fifo_output".to_owned());
    let (path, fifo) = open(runtime_path(&file)?, true)?;
    let mut proplist = PropList::new();
    proplist.set_str("device.string", &path.to_string_lossy());
    proplist.set_str("device.description", &format!("Unix FIFO sink {}", path.display()));
    args.proplist("sink_properties", &mut proplist);
    let name = args.text("sink_name").unwrap_or_else(|| "fifo_output".to_owned());
    let mut new = NewSink::new(name, loading, spec, map, proplist);
    new.flags = SinkFlags::LATENCY | SinkFlags::DECIBEL_VOLUME;
    let block_size = PIPE_BUF / spec.frame_size() * spec.frame_size();
    new.max_latency_usec = spec.bytes_to_usec(block_size as u64);
    let latency_usec = new.max_latency_usec;
    let sink = state.make_sink(new)?;
    let Some(device) = state.registry.sinks.get(sink).map(|sink| sink.device) else {
        return Err(ModuleError::Name { name: String::new() });
    };
    let mut config = record_config(RecordFrom::Monitor(device), spec, map);
    (config.fragsize, config.latency_usec, config.passive) = (block_size, latency_usec, true);
    let record = match state.engine.add_record(&config) {
        Ok(record) => record,
        Err(error) => {
            state.remove_sink(sink);
            return Err(error.into());
        }
    };
    state.module_record.insert(record, loading.index);
    let taker = Taker::new(state, record, block_size);
    state.put_sink(sink);
    Ok(Box::new(PipeSink { sink, taker, fifo }))
}

#[derive(Debug)]
struct PipeSink {
    sink: u32,
    taker: Taker,
    fifo: Fifo,
}

impl Instance for PipeSink {
    fn engine_event(&mut self, state: &mut State, me: u32, event: Event) {
        let Event::Recorded { block, length, .. } = event else { return };
        if let Err(error) = self.taker.take(state, self.fifo.as_fd(), &block, length) {
            tracing::warn!(module = me, %error, "the pipe takes nothing more");
            state.request_unload(me);
        }
    }

    fn used(&self, state: &State) -> Option<u32> {
        Some(state.sink_linked_by(self.sink))
    }

    fn unload(self: Box<Self>, state: &mut State, _me: u32) {
        state.module_record.remove(&self.taker.record);
        state.engine.remove_record(self.taker.record);
        state.remove_sink(self.sink);
    }
}

fn load_source(state: &mut State, loading: &Loading<'_>) -> Result<Box<dyn Instance>, ModuleError> {
    let args = loading.args;
    let (spec, map) = args.sample_spec(state.settings.default_spec, state.settings.default_map)?;
    let file = args.text("file").unwrap_or_else(|| "/tmp/music.input".to_owned());
    let (path, fifo) = open(runtime_path(&file)?, false)?;
    let mut proplist = PropList::new();
    proplist.set_str("device.string", &path.to_string_lossy());
    proplist.set_str("device.description", &format!("Unix FIFO source {}", path.display()));
    args.proplist("source_properties", &mut proplist);
    let name = args.text("source_name").unwrap_or_else(|| "fifo_input".to_owned());
    let mut new = NewSource::new(name, loading, spec, map, proplist);
    new.flags = SourceFlags::LATENCY | SourceFlags::DECIBEL_VOLUME;
    new.max_latency_usec = spec.bytes_to_usec(PIPE_BUF as u64);
    let watch = Watch::new(state, loading.index, fifo.fd(), 0)
        .map_err(|source| ModuleError::Io { what: format!("the pipe {}", path.display()), source })?;
    let source = match state.make_source(new) {
        Ok(source) => source,
        Err(error) => {
            let mut watch = watch;
            watch.remove(state);
            return Err(error.into());
        }
    };
    let mut pipe = PipeSource { source, feeder: None, fifo, watch };
    match pipe.start(state, loading.index, spec, map) {
        Ok(()) => {
            state.put_source(source);
            Ok(Box::new(pipe))
        }
        Err(error) => {
            Box::new(pipe).unload(state, loading.index);
            Err(error)
        }
    }
}

#[derive(Debug)]
struct PipeSource {
    source: u32,
    feeder: Option<Feeder>,
    fifo: Fifo,
    watch: Watch,
}

impl PipeSource {
    fn start(
        &mut self,
        state: &mut State,
        module: u32,
        spec: sealpulse_spec::SampleSpec,
        map: sealpulse_spec::ChannelMap,
    ) -> Result<(), ModuleError> {
        let Some(device) = state.registry.sources.get(self.source).map(|source| source.device) else {
            return Err(ModuleError::NoDevice { kind: "source", name: String::new() });
        };
        let mut config = playback_config(spec, map);
        config.attr = Feeder::attr(&spec, SOURCE_LATENCY_USEC);
        (config.latency_usec, config.passive) = (SOURCE_LATENCY_USEC / 4, true);
        let playback = state.engine.add_playback(device, &config)?;
        state.module_playback.insert(playback, module);
        self.feeder = Some(Feeder::new(playback, &spec, &config.attr));
        Ok(())
    }

    /// The pipe is read while somebody records, and as fast as that: its writer waits meanwhile.
    fn follow(&mut self, state: &mut State) {
        let source = state.registry.sources.get(self.source);
        let running = source.is_some_and(|source| source.state == DeviceState::Running);
        let wants = self.feeder.as_ref().is_some_and(Feeder::wants);
        self.watch.enable(state, running && wants);
    }
}

impl Instance for PipeSource {
    fn listens(&self) -> bool {
        true
    }

    fn changed(&mut self, state: &mut State, _me: u32, change: Change) {
        if change.facility == Facility::Source && change.index == self.source {
            self.follow(state);
        }
    }

    fn engine_event(&mut self, state: &mut State, _me: u32, event: Event) {
        if let (Event::Request { bytes, .. }, Some(feeder)) = (event, &mut self.feeder) {
            feeder.request(bytes);
            self.follow(state);
        }
    }

    fn ready(&mut self, state: &mut State, me: u32, _token: u32) {
        let Some(feeder) = &mut self.feeder else { return };
        if let Err(error) = feeder.feed(state, self.fifo.as_fd()) {
            tracing::warn!(module = me, %error, "the pipe cannot be read");
            state.request_unload(me);
        }
        self.follow(state);
    }

    fn used(&self, state: &State) -> Option<u32> {
        Some(state.source_linked_by(self.source))
    }

    fn unload(mut self: Box<Self>, state: &mut State, _me: u32) {
        self.watch.remove(state);
        if let Some(feeder) = &self.feeder {
            state.module_playback.remove(&feeder.playback);
            state.engine.remove_playback(feeder.playback);
        }
        state.remove_source(self.source);
    }
}
