//! `module-filter-apply`: streams that ask for a filter are put on one, which is loaded for them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sealpulse_protocol::{Facility, Operation, PropList};

use super::argument::{Argument, Type};
use super::{Instance, Kind, ModuleStream, kind};
use crate::registry::Device;
use crate::state::State;
use crate::subscribe::Event as Change;
use crate::timers::Alarm;

pub(super) static KIND: Kind = Kind {
    name: "module-filter-apply",
    description: "Loads the filters that streams ask for",
    driver: "module-filter-apply.c",
    arguments: &[&[Argument::new(
        "autoclean",
        Type::Boolean,
        "yes",
        "Whether filters that nobody uses any more are unloaded.",
    )]],
    once: true,
    load: |_, loading| {
        Ok(Box::new(FilterApply {
            autoclean: loading.args.boolean("autoclean", true),
            filters: Vec::new(),
            seen: BTreeMap::new(),
            cleaning: None,
        }))
    },
};

/// How long filters stay when streams have left.
const CLEAN_AFTER: Duration = Duration::from_secs(10);

/// The filter that a stream asks for.
const APPLY: &str = "filter.apply";
/// Marks a stream that was given its filter by being moved there.
const SET_HERE: &str = "filter.apply.set_by_mfa";
/// Tells the device manager that the stream is where it is for its filter.
const AUTO_FILTERED: &str = "module-device-manager.auto_filtered";

/// Where the parameters of a filter stand.
fn parameters_key(filter: &str) -> String {
    format!("filter.apply.{filter}.parameters")
}

/// A filter that was loaded here.
#[derive(Debug)]
struct Filter {
    name: String,
    parameters: Option<String>,
    module: u32,
    master: Device,
    device: Device,
}

/// What matters of a stream: where it is, and what it asks for.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    device: Device,
    wants: Option<String>,
}

#[derive(Debug)]
struct FilterApply {
    autoclean: bool,
    filters: Vec<Filter>,
    /// Streams by facility, `true` for playback, and index.
    seen: BTreeMap<(bool, u32), Seen>,
    cleaning: Option<Instant>,
}

fn key(stream: ModuleStream) -> (bool, u32) {
    match stream {
        ModuleStream::Input(index) => (true, index),
        ModuleStream::Output(index) => (false, index),
    }
}

fn device_of(state: &State, stream: ModuleStream) -> Option<Device> {
    Some(match stream {
        ModuleStream::Input(index) => Device::Sink(state.registry.sink_inputs.get(index)?.sink),
        ModuleStream::Output(index) => Device::Source(state.registry.source_outputs.get(index)?.source),
    })
}

fn proplist_of(state: &mut State, stream: ModuleStream) -> Option<&mut PropList> {
    match stream {
        ModuleStream::Input(index) => state.registry.sink_inputs.get_mut(index).map(|s| &mut s.proplist),
        ModuleStream::Output(index) => state.registry.source_outputs.get_mut(index).map(|s| &mut s.proplist),
    }
}

/// Name, properties and module of a device.
fn about(state: &State, device: Device) -> Option<(&str, &PropList, u32)> {
    match device {
        Device::Sink(index) => {
            state.registry.sinks.get(index).map(|sink| (sink.name.as_str(), &sink.proplist, sink.module))
        }
        Device::Source(index) => {
            let source = state.registry.sources.get(index);
            source.map(|source| (source.name.as_str(), &source.proplist, source.module))
        }
    }
}

fn streams_on(state: &State, device: Device) -> Vec<ModuleStream> {
    match device {
        Device::Sink(index) => {
            let inputs = state.registry.sinks.get(index).map(|sink| sink.inputs.clone());
            inputs.unwrap_or_default().into_iter().map(ModuleStream::Input).collect()
        }
        Device::Source(index) => {
            let outputs = state.registry.sources.get(index).map(|source| source.outputs.clone());
            outputs.unwrap_or_default().into_iter().map(ModuleStream::Output).collect()
        }
    }
}

/// The device that a module has made, on the side of `master`.
fn made_by(state: &State, module: u32, master: Device) -> Option<Device> {
    match master {
        Device::Sink(_) => {
            let mut sinks = state.registry.sinks.iter();
            sinks.find(|(_, sink)| sink.module == module).map(|(index, _)| Device::Sink(index))
        }
        Device::Source(_) => {
            let mut sources = state.registry.sources.iter();
            let own = sources.find(|(_, source)| source.module == module && source.monitor_of.is_none());
            own.map(|(index, _)| Device::Source(index))
        }
    }
}

/// What a stream asks for, unless it does not want that after all.
fn wanted(proplist: &PropList) -> Option<String> {
    let applied = proplist.get_str(APPLY).filter(|applied| !applied.is_empty())?;
    (proplist.get_str("filter.suppress") != Some(applied)).then(|| applied.to_owned())
}

/// Notes at a stream that it is on a filter.
fn set_properties(proplist: &mut PropList, filter: &Filter) {
    proplist.set_str(APPLY, &filter.name);
    if let Some(parameters) = &filter.parameters {
        proplist.set_str(&parameters_key(&filter.name), parameters);
    }
    proplist.set_str(SET_HERE, "1");
}

/// Takes back that it is on the filter `name`.
fn unset_properties(proplist: &mut PropList, name: &str) {
    for key in [&parameters_key(name), APPLY, SET_HERE] {
        proplist.remove(key);
    }
}

impl FilterApply {
    fn on_device(&self, device: Device) -> Option<&Filter> {
        self.filters.iter().find(|filter| filter.device == device)
    }

    /// Puts a stream where it wants to be.
    fn process(&mut self, state: &mut State, me: u32, stream: ModuleStream, asked_anew: bool) {
        let Some(device) = device_of(state, stream) else { return };
        let Some(proplist) = proplist_of(state, stream) else { return };
        let set_here = proplist.contains(SET_HERE);
        match wanted(proplist) {
            Some(name) => {
                let module =
                    about(state, device).and_then(|(_, _, module)| state.registry.modules.get(module));
                let Some(module) = module else { return };
                if module.kind.name.strip_prefix("module-") == Some(&name) {
                    return;
                }
                if set_here {
                    // It was on a filter just since somebody had put it there, and is not any more.
                    self.forget_filter(state, stream, device, &name);
                } else if !self.put_on_filter(state, stream, device, &name) {
                    return;
                }
                self.clean_later(state, me);
            }
            None => {
                let Some(filter) = self.on_device(device) else { return };
                let Some(proplist) = proplist_of(state, stream) else { return };
                if asked_anew {
                    unset_properties(proplist, &filter.name);
                    self.move_stream(state, stream, filter.master);
                    self.clean_later(state, me);
                } else {
                    set_properties(proplist, filter);
                }
            }
        }
    }

    fn forget_filter(&self, state: &mut State, stream: ModuleStream, device: Device, name: &str) {
        let Some(proplist) = proplist_of(state, stream) else { return };
        unset_properties(proplist, name);
        if let Some(filter) = self.on_device(device) {
            set_properties(proplist, filter);
        }
    }

    /// Moves a stream to the filter `name` of its device, which is loaded for it where it is not there.
    fn put_on_filter(&mut self, state: &mut State, stream: ModuleStream, master: Device, name: &str) -> bool {
        let there = |filter: &&Filter| filter.master == master && filter.name == name;
        let device = match self.filters.iter().find(there) {
            Some(filter) => Some(filter.device),
            None => self.load_filter(state, stream, master, name),
        };
        let Some(device) = device else { return false };
        if let Some(proplist) = proplist_of(state, stream) {
            proplist.set_str(AUTO_FILTERED, "1");
        }
        self.move_stream(state, stream, device);
        true
    }

    fn load_filter(
        &mut self,
        state: &mut State,
        stream: ModuleStream,
        master: Device,
        name: &str,
    ) -> Option<Device> {
        let key = parameters_key(name);
        let own = proplist_of(state, stream)?.get_str(&key).map(str::to_owned);
        let (master_name, proplist, _) = about(state, master)?;
        let parameters = own.or_else(|| proplist.get_str(&key).map(str::to_owned));
        let module_name = format!("module-{name}");
        let knows = |argument: &str| kind(&module_name).is_some_and(|kind| kind.argument(argument).is_some());
        let master_key = match master {
            Device::Sink(_) if knows("sink_master") => "sink_master",
            Device::Source(_) if knows("source_master") => "source_master",
            _ => "master",
        };
        let mut arguments = format!("{master_key}={master_name}");
        if knows("autoloaded") {
            arguments.push_str(" autoloaded=1");
        }
        if let Some(parameters) = &parameters {
            arguments.push(' ');
            arguments.push_str(parameters);
        }
        let module = match state.load_module(&module_name, Some(&arguments), None) {
            Ok(module) => module,
            Err(error) => {
                tracing::warn!(filter = name, %error, "a stream does without the filter that it asks for");
                return None;
            }
        };
        let Some(device) = made_by(state, module, master) else {
            tracing::warn!(filter = name, "it is no filter for such streams");
            state.request_unload(module);
            return None;
        };
        self.filters.push(Filter { name: name.to_owned(), parameters, module, master, device });
        Some(device)
    }

    /// A move that we know of: when we are told, it is no news.
    fn move_stream(&self, state: &mut State, stream: ModuleStream, to: Device) {
        let moved = match (stream, to) {
            (ModuleStream::Input(input), Device::Sink(sink)) => state.move_sink_input(input, sink, false),
            (ModuleStream::Output(output), Device::Source(source)) => {
                state.move_source_output(output, source, false)
            }
            _ => return,
        };
        if let Err(error) = moved {
            tracing::info!(?stream, ?to, %error, "the stream does not move to or from its filter");
        }
    }

    fn remember(&mut self, state: &mut State, stream: ModuleStream) {
        let Some(device) = device_of(state, stream) else { return };
        let Some(proplist) = proplist_of(state, stream) else { return };
        let wants = wanted(proplist);
        self.seen.insert(key(stream), Seen { device, wants });
    }

    fn clean_later(&mut self, state: &mut State, me: u32) {
        if self.autoclean && self.cleaning.is_none() {
            self.cleaning = Some(state.timers.set(CLEAN_AFTER, Alarm::Module(me)));
        }
    }

    fn device_goes(&mut self, state: &mut State, device: Device) {
        let concerned = |filter: &mut Filter| filter.device == device || filter.master == device;
        let gone: Vec<Filter> = self.filters.extract_if(.., concerned).collect();
        for filter in gone {
            if filter.device == device {
                for stream in streams_on(state, device) {
                    self.move_stream(state, stream, filter.master);
                    self.remember(state, stream);
                }
            }
            state.request_unload(filter.module);
        }
    }

    fn stream_changed(&mut self, state: &mut State, me: u32, stream: ModuleStream) {
        let was = self.seen.get(&key(stream)).cloned();
        self.remember(state, stream);
        let now = self.seen.get(&key(stream));
        if now == was.as_ref() {
            return;
        }
        let stays = was.is_some_and(|was| now.is_some_and(|now| was.device == now.device));
        self.process(state, me, stream, stays);
        self.remember(state, stream);
    }
}

impl Instance for FilterApply {
    fn listens(&self) -> bool {
        true
    }

    fn changed(&mut self, state: &mut State, me: u32, change: Change) {
        let stream = match change.facility {
            Facility::SinkInput => ModuleStream::Input(change.index),
            Facility::SourceOutput => ModuleStream::Output(change.index),
            _ => return,
        };
        if change.operation != Operation::Remove {
            self.stream_changed(state, me, stream);
        } else if self.seen.remove(&key(stream)).is_some() && !self.filters.is_empty() {
            self.clean_later(state, me);
        }
    }

    fn sink_unlinks(&mut self, state: &mut State, _me: u32, sink: u32) {
        self.device_goes(state, Device::Sink(sink));
    }

    fn source_unlinks(&mut self, state: &mut State, _me: u32, source: u32) {
        self.device_goes(state, Device::Source(source));
    }

    fn alarm(&mut self, state: &mut State, _me: u32) {
        self.cleaning = None;
        let unused = |filter: &mut Filter| streams_on(state, filter.device).is_empty();
        let unused: Vec<Filter> = self.filters.extract_if(.., unused).collect();
        for filter in unused {
            tracing::debug!(filter = filter.name, "nobody uses it any more");
            state.request_unload(filter.module);
        }
    }

    fn unload(self: Box<Self>, state: &mut State, me: u32) {
        if let Some(at) = self.cleaning {
            state.timers.cancel(at, Alarm::Module(me));
        }
        for &(playback, index) in self.seen.keys() {
            let stream = if playback { ModuleStream::Input(index) } else { ModuleStream::Output(index) };
            if let Some(proplist) = proplist_of(state, stream) {
                proplist.remove(AUTO_FILTERED);
            }
        }
        for filter in self.filters {
            state.request_unload(filter.module);
        }
    }
}
