//! Which devices are the default ones, and which streams move where (`core.c`).

use std::cmp::Ordering;

use sealpulse_engine::RecordFrom;
use sealpulse_protocol::command::{PlaybackStreamMoved, RecordStreamMoved};
use sealpulse_protocol::{DeviceState, ErrorCode, Facility, Operation, Usec};

use crate::registry::{RecordOrigin, Registry, Sink, SinkInput, Source};
use crate::state::State;
use crate::subscribe::SERVER_INDEX;

impl Registry {
    fn compare_sinks(&self, (a_index, a): (u32, &Sink), (b_index, b): (u32, &Sink)) -> Ordering {
        let rank = |index, sink: &Sink| {
            let configured = self.configured_sink.as_ref() == Some(&sink.name);
            let chosen = self.policy_sink.as_ref() == Some(&sink.name);
            (chosen, configured, sink.priority, self.default_sink == Some(index))
        };
        rank(a_index, a).cmp(&rank(b_index, b))
    }

    fn compare_sources(&self, (a_index, a): (u32, &Source), (b_index, b): (u32, &Source)) -> Ordering {
        let rank = |source: &Source| {
            let configured = self.configured_source.as_ref() == Some(&source.name);
            (
                self.policy_source.as_ref() == Some(&source.name),
                configured,
                source.monitor_of.is_none(),
                source.priority,
            )
        };
        let order = rank(a).cmp(&rank(b));
        let monitored =
            |source: &Source| source.monitor_of.and_then(|index| Some((index, self.sinks.get(index)?)));
        order.then_with(|| match (monitored(a), monitored(b)) {
            (Some(a), Some(b)) => self.compare_sinks(a, b),
            _ => (self.default_source == Some(a_index)).cmp(&(self.default_source == Some(b_index))),
        })
    }

    fn best_sink(&self) -> Option<u32> {
        let linked = self.sinks.iter().filter(|(_, sink)| !sink.unlinking);
        // The first of equals wins.
        linked
            .reduce(|best, sink| if self.compare_sinks(sink, best).is_gt() { sink } else { best })
            .map(|(i, _)| i)
    }

    fn best_source(&self) -> Option<u32> {
        let linked = self.sources.iter().filter(|(_, source)| !source.unlinking);
        let better = |best, source| if self.compare_sources(source, best).is_gt() { source } else { best };
        linked.reduce(better).map(|(index, _)| index)
    }

    /// Whether what is played on `from` goes on to the sink `origin`.
    fn sink_leads_to(&self, from: u32, origin: Option<u32>) -> bool {
        let Some(origin) = origin else { return false };
        let (mut seen, mut next) = (Vec::new(), vec![from]);
        while let Some(sink) = next.pop() {
            if sink == origin {
                return true;
            }
            if !seen.contains(&sink) {
                seen.push(sink);
                let onward = self.sink_inputs.values().filter(|input| input.origin_sink == Some(sink));
                next.extend(onward.map(|input| input.sink));
            }
        }
        false
    }

    /// Whether what the source `from` has comes from the source `destination`.
    fn source_leads_to(&self, from: u32, destination: Option<u32>) -> bool {
        let Some(destination) = destination else { return false };
        let (mut seen, mut next) = (Vec::new(), vec![from]);
        while let Some(source) = next.pop() {
            if source == destination {
                return true;
            }
            if !seen.contains(&source) {
                seen.push(source);
                let onward =
                    self.source_outputs.values().filter(|output| output.destination_source == Some(source));
                next.extend(onward.map(|output| output.source));
            }
        }
        false
    }

    /// Whether the stream's syncid has other streams too.
    fn is_synchronised(&self, input: &SinkInput) -> bool {
        let same = |other: &&SinkInput| {
            input.owner.session().is_some()
                && other.owner.session() == input.owner.session()
                && other.syncid == input.syncid
        };
        self.sink_inputs.values().filter(same).count() > 1
    }
}

impl State {
    /// Chooses the default sink anew, after sinks came, went or were chosen.
    pub(crate) fn update_default_sink(&mut self) {
        let best = self.registry.best_sink();
        let old = self.registry.default_sink;
        if best == old {
            return;
        }
        self.registry.default_sink = best;
        // Monitors are ordered by their sinks.
        self.update_default_source();
        self.post(Facility::Server, Operation::Change, SERVER_INDEX);
        if let Some(old) = old {
            self.move_inputs_to_default(old, true);
        }
    }

    /// Chooses the default source anew.
    pub(crate) fn update_default_source(&mut self) {
        let best = self.registry.best_source();
        let old = self.registry.default_source;
        if best == old {
            return;
        }
        self.registry.default_source = best;
        self.post(Facility::Server, Operation::Change, SERVER_INDEX);
        if let Some(old) = old {
            self.move_outputs_to_default(old, true);
        }
    }

    /// A user chooses the default sink; `None` leaves it to the server.
    pub(crate) fn configure_default_sink(&mut self, name: Option<String>) {
        // What the user says now overrides what a module said before.
        let chosen = self.registry.policy_sink.take_if(|name| self.registry.names.is_sink(name));
        if chosen.is_some() || self.registry.configured_sink != name {
            self.registry.configured_sink = name;
            self.post(Facility::Server, Operation::Change, SERVER_INDEX);
            self.update_default_sink();
        }
    }

    /// A user chooses the default source; `None` leaves it to the server.
    pub(crate) fn configure_default_source(&mut self, name: Option<String>) {
        // What the user says now overrides what a module said before.
        let chosen = self.registry.policy_source.take_if(|name| self.registry.names.is_source(name));
        if chosen.is_some() || self.registry.configured_source != name {
            self.registry.configured_source = name;
            self.post(Facility::Server, Operation::Change, SERVER_INDEX);
            self.update_default_source();
        }
    }

    /// A module chooses the default sink, until the user does.
    pub(crate) fn prefer_default_sink(&mut self, name: &str) {
        if self.registry.policy_sink.as_deref() != Some(name) {
            self.registry.policy_sink = Some(name.to_owned());
            self.post(Facility::Server, Operation::Change, SERVER_INDEX);
            self.update_default_sink();
        }
    }

    /// A module chooses the default source, until the user does.
    pub(crate) fn prefer_default_source(&mut self, name: &str) {
        if self.registry.policy_source.as_deref() != Some(name) {
            self.registry.policy_source = Some(name.to_owned());
            self.post(Facility::Server, Operation::Change, SERVER_INDEX);
            self.update_default_source();
        }
    }

    /// The sink goes away: all its streams that can move do.
    pub(crate) fn rescue_sink_inputs(&mut self, index: u32) {
        self.move_inputs_to_default(index, false);
    }

    /// The source goes away: all its streams that can move do.
    pub(crate) fn rescue_source_outputs(&mut self, index: u32) {
        self.move_outputs_to_default(index, false);
    }

    /// Moves streams to the default sink. Those that a user put on the old one stay there when just the
    /// default has changed; those of filters stay with what they were made for, or end with it.
    fn move_inputs_to_default(&mut self, old: u32, default_changed: bool) {
        let Some(default) = self.registry.default_sink.filter(|&default| default != old) else { return };
        let Some(sink) = self.registry.sinks.get(old) else { return };
        let name = sink.name.clone();
        for input in sink.inputs.clone() {
            let Some(stream) = self.registry.sink_inputs.get(input) else { continue };
            let chosen = default_changed && stream.preferred_sink.as_ref() == Some(&name);
            let stays = chosen || stream.origin_sink.is_some();
            if !stays && self.may_move_sink_input(input, default) {
                let _ = self.move_sink_input(input, default, false);
            }
        }
    }

    fn move_outputs_to_default(&mut self, old: u32, default_changed: bool) {
        let Some(default) = self.registry.default_source.filter(|&default| default != old) else { return };
        let Some(source) = self.registry.sources.get(old) else { return };
        let name = source.name.clone();
        for output in source.outputs.clone() {
            let Some(stream) = self.registry.source_outputs.get(output) else { continue };
            let chosen = default_changed && stream.preferred_source.as_ref() == Some(&name);
            let stays = chosen || stream.destination_source.is_some();
            if !stays && self.may_move_source_output(output, default) {
                let _ = self.move_source_output(output, default, false);
            }
        }
    }

    /// A sink has come: streams that a user once put on one of its name go there.
    pub(crate) fn move_to_preferred_sink(&mut self, index: u32) {
        let Some(sink) = self.registry.sinks.get(index) else { return };
        let wants =
            |stream: &SinkInput| stream.sink != index && stream.preferred_sink.as_ref() == Some(&sink.name);
        let inputs: Vec<u32> =
            self.registry.sink_inputs.iter().filter(|(_, stream)| wants(stream)).map(|(i, _)| i).collect();
        for input in inputs {
            let _ = self.move_sink_input(input, index, false);
        }
    }

    /// A source has come: streams that a user once put on one of its name go there.
    pub(crate) fn move_to_preferred_source(&mut self, index: u32) {
        let Some(source) = self.registry.sources.get(index) else { return };
        let streams = self.registry.source_outputs.iter();
        let outputs: Vec<u32> = streams
            .filter(|(_, stream)| {
                stream.source != index && stream.preferred_source.as_ref() == Some(&source.name)
            })
            .map(|(output, _)| output)
            .collect();
        for output in outputs {
            let _ = self.move_source_output(output, index, false);
        }
    }

    fn may_move_sink_input(&self, input: u32, to: u32) -> bool {
        let Some(stream) = self.registry.sink_inputs.get(input) else { return false };
        let Some(sink) = self.registry.sinks.get(to) else { return false };
        !sink.unlinking
            && !stream.flags.dont_move
            && !self.registry.sink_leads_to(to, stream.origin_sink)
            && !self.registry.is_synchronised(stream)
            && sink.inputs.len() < self.settings.limits.streams_per_device
            && (!stream.flags.passthrough || sink.inputs.is_empty())
            && !self.is_passthrough(sink)
    }

    fn may_move_source_output(&self, output: u32, to: u32) -> bool {
        let Some(stream) = self.registry.source_outputs.get(output) else { return false };
        let Some(source) = self.registry.sources.get(to) else { return false };
        !source.unlinking
            && !stream.flags.dont_move
            && !self.registry.source_leads_to(to, stream.destination_source)
            && stream.origin == RecordOrigin::Source
            && source.outputs.len() < self.settings.limits.streams_per_device
    }

    /// Whether a sink belongs to one stream whose bytes are not to be touched.
    pub(crate) fn is_passthrough(&self, sink: &Sink) -> bool {
        let only = match sink.inputs[..] {
            [only] => self.registry.sink_inputs.get(only),
            _ => None,
        };
        only.is_some_and(|stream| stream.flags.passthrough)
    }

    /// Moves a stream. `by_user` remembers the sink as the stream's preferred one.
    pub(crate) fn move_sink_input(&mut self, input: u32, to: u32, by_user: bool) -> Result<(), ErrorCode> {
        let Some(stream) = self.registry.sink_inputs.get(input) else { return Err(ErrorCode::NoEntity) };
        if stream.sink == to {
            return Ok(());
        }
        if !self.may_move_sink_input(input, to) {
            return Err(ErrorCode::Invalid);
        }
        let (from, spec, flags) = (stream.sink, stream.spec, stream.flags);
        for output in stream.direct_outputs.clone() {
            self.kill_source_output(output);
        }
        if let Some(sink) = self.registry.sinks.get_mut(from) {
            sink.inputs.retain(|&other| other != input);
        }
        self.update_sink_status(from);
        if !flags.variable_rate {
            self.reconfigure_sink(to, &spec, flags.passthrough);
        }
        let Some(sink) = self.registry.sinks.get_mut(to) else { return Err(ErrorCode::NoEntity) };
        sink.inputs.push(input);
        let Some(stream) = self.registry.sink_inputs.get_mut(input) else { return Err(ErrorCode::NoEntity) };
        stream.sink = to;
        stream.resample_method =
            super::resample_method(&spec, &stream.map, &sink.spec, &sink.map, flags.variable_rate);
        if self.engine.move_playback(stream.stream, sink.device).is_err() {
            self.kill_sink_input(input);
            return Err(ErrorCode::TooLarge);
        }
        stream.fix_attr(&mut self.engine, sink.max_latency_usec);
        let mut moved = PlaybackStreamMoved {
            channel: 0,
            sink_index: to,
            sink_name: Some(sink.name.clone()),
            suspended: sink.state == DeviceState::Suspended,
            maxlength: stream.attr.maxlength,
            tlength: stream.attr.tlength,
            prebuf: stream.attr.prebuf,
            minreq: stream.attr.minreq,
            sink_latency: Usec(stream.latency_usec),
        };
        let owner = stream.owner;
        let preferred = (self.registry.default_sink != Some(to)).then(|| sink.name.clone());
        let preference_changed = by_user && stream.preferred_sink != preferred;
        if preference_changed {
            stream.preferred_sink = preferred;
        }
        self.notify_owner(owner, 12, |channel| {
            moved.channel = channel;
            moved
        });
        if preference_changed {
            self.post(Facility::SinkInput, Operation::Change, input);
        }
        self.update_sink_status(to);
        self.post(Facility::SinkInput, Operation::Change, input);
        if let Some(filter) = self.registry.sink_inputs.get(input).and_then(|stream| stream.origin_sink) {
            self.adopt_sink_volume(filter);
        }
        Ok(())
    }

    /// Moves a stream. `by_user` remembers the source as the stream's preferred one.
    pub(crate) fn move_source_output(
        &mut self,
        output: u32,
        to: u32,
        by_user: bool,
    ) -> Result<(), ErrorCode> {
        let Some(stream) = self.registry.source_outputs.get(output) else { return Err(ErrorCode::NoEntity) };
        if stream.source == to {
            return Ok(());
        }
        if !self.may_move_source_output(output, to) {
            return Err(ErrorCode::Invalid);
        }
        let (from, spec, flags) = (stream.source, stream.spec, stream.flags);
        if let Some(source) = self.registry.sources.get_mut(from) {
            source.outputs.retain(|&other| other != output);
        }
        self.update_source_status(from);
        if !flags.variable_rate {
            self.reconfigure_source(to, &spec, false);
        }
        let Some(source) = self.registry.sources.get_mut(to) else { return Err(ErrorCode::NoEntity) };
        let Some(stream) = self.registry.source_outputs.get_mut(output) else {
            return Err(ErrorCode::NoEntity);
        };
        source.outputs.push(output);
        stream.source = to;
        if !stream.peak_detect {
            stream.resample_method =
                super::resample_method(&spec, &stream.map, &source.spec, &source.map, flags.variable_rate);
        }
        if self.engine.move_record(stream.stream, RecordFrom::Monitor(source.device)).is_err() {
            self.kill_source_output(output);
            return Err(ErrorCode::TooLarge);
        }
        stream.fix_attr(&mut self.engine, source.max_latency_usec);
        let mut moved = RecordStreamMoved {
            channel: 0,
            source_index: to,
            source_name: Some(source.name.clone()),
            suspended: source.state == DeviceState::Suspended,
            maxlength: stream.attr.maxlength,
            fragsize: stream.attr.fragsize,
            source_latency: Usec(stream.latency_usec),
        };
        let owner = stream.owner;
        let preferred = (self.registry.default_source != Some(to)).then(|| source.name.clone());
        let preference_changed = by_user && stream.preferred_source != preferred;
        if preference_changed {
            stream.preferred_source = preferred;
        }
        self.notify_owner(owner, 12, |channel| {
            moved.channel = channel;
            moved
        });
        if preference_changed {
            self.post(Facility::SourceOutput, Operation::Change, output);
        }
        self.update_source_status(to);
        self.post(Facility::SourceOutput, Operation::Change, output);
        if let Some(filter) =
            self.registry.source_outputs.get(output).and_then(|stream| stream.destination_source)
        {
            self.adopt_source_volume(filter);
        }
        Ok(())
    }
}
