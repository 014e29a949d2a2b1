//! Streams that are about to come: modules choose their device, and change their volume and properties, before anybody
//! sees them (`PA_CORE_HOOK_SINK_INPUT_NEW` and `…_FIXATE`).

use sealpulse_protocol::PropList;
use sealpulse_spec::{ChannelMap, ChannelVolumes, SampleSpec};

use crate::registry::{ByUser, StreamFlags};
use crate::state::State;

/// A playback stream that is about to come.
#[derive(Debug)]
pub(crate) struct NewInput {
    pub(crate) proplist: PropList,
    pub(crate) flags: StreamFlags,
    /// Where it is to play, if somebody has chosen.
    pub(crate) sink: Option<u32>,
    /// The sink that a user wants for it, by name: it goes there whenever that comes.
    pub(crate) preferred_sink: Option<String>,
    /// Known once it has a sink.
    pub(crate) spec: SampleSpec,
    /// The same.
    pub(crate) map: ChannelMap,
    /// `None` where its client has no wish.
    pub(crate) volume: Option<ChannelVolumes>,
    /// The same.
    pub(crate) muted: Option<bool>,
    pub(crate) by_user: ByUser,
    /// What a module, by its index, turns it up or down by, behind everybody's back.
    pub(crate) factors: Vec<(u32, ChannelVolumes)>,
}

/// A record stream that is about to come.
#[derive(Debug)]
pub(crate) struct NewOutput {
    pub(crate) proplist: PropList,
    pub(crate) flags: StreamFlags,
    /// What it is to hear, if somebody has chosen.
    pub(crate) source: Option<u32>,
    /// The source that a user wants for it, by name.
    pub(crate) preferred_source: Option<String>,
    /// Whether it hears one sink input alone.
    pub(crate) direct: bool,
    /// Known once it has a source.
    pub(crate) spec: SampleSpec,
    /// The same.
    pub(crate) map: ChannelMap,
    /// `None` where its client has no wish.
    pub(crate) volume: Option<ChannelVolumes>,
    /// The same.
    pub(crate) muted: Option<bool>,
    pub(crate) by_user: ByUser,
}

impl NewInput {
    pub(crate) fn new(proplist: PropList, flags: StreamFlags, sink: Option<u32>) -> Self {
        Self {
            proplist,
            flags: StreamFlags { device_requested: sink.is_some(), ..flags },
            sink,
            preferred_sink: None,
            spec: SampleSpec { format: sealpulse_spec::SampleFormat::S16Le, channels: 1, rate: 48_000 },
            map: ChannelMap::mono(),
            volume: None,
            muted: None,
            by_user: ByUser::default(),
            factors: Vec::new(),
        }
    }
}

impl NewOutput {
    pub(crate) fn new(proplist: PropList, flags: StreamFlags, source: Option<u32>) -> Self {
        Self {
            proplist,
            flags: StreamFlags { device_requested: source.is_some(), ..flags },
            source,
            preferred_source: None,
            direct: false,
            spec: SampleSpec { format: sealpulse_spec::SampleFormat::S16Le, channels: 1, rate: 48_000 },
            map: ChannelMap::mono(),
            volume: None,
            muted: None,
            by_user: ByUser::default(),
        }
    }
}

impl State {
    /// The sink of a new stream: the one that was asked for, else what a module chooses, else the default one.
    pub(crate) fn route_input(&mut self, new: &mut NewInput) -> Option<u32> {
        if new.sink.is_none() {
            self.tell_modules(|module, state, _| module.route_input(state, new));
        }
        new.sink = new.sink.or(self.registry.default_sink);
        new.sink
    }

    /// The same for a record stream.
    pub(crate) fn route_output(&mut self, new: &mut NewOutput) -> Option<u32> {
        if new.source.is_none() {
            self.tell_modules(|module, state, _| module.route_output(state, new));
        }
        new.source = new.source.or(self.registry.default_source);
        new.source
    }

    /// A client has said who it is: modules may add to it.
    pub(crate) fn shape_client(&mut self, index: u32) {
        let Some(client) = self.registry.clients.get_mut(index) else { return };
        let mut proplist = std::mem::take(&mut client.proplist);
        self.tell_modules(|module, _, _| module.shape_client(&mut proplist));
        if let Some(client) = self.registry.clients.get_mut(index) {
            client.proplist = proplist;
        }
    }

    /// Spec and map of the stream are settled: modules may change the rest.
    pub(crate) fn shape_input(&mut self, new: &mut NewInput) {
        self.tell_modules(|module, state, _| module.shape_input(state, new));
    }

    /// The same for a record stream.
    pub(crate) fn shape_output(&mut self, new: &mut NewOutput) {
        self.tell_modules(|module, state, _| module.shape_output(state, new));
    }
}

/// `volume`, turned up or down by all `factors`.
pub(crate) fn with_factors(volume: &ChannelVolumes, factors: &[(u32, ChannelVolumes)]) -> ChannelVolumes {
    factors.iter().fold(*volume, |volume, (_, factor)| volume.scaled_by(factor))
}
