//! What there is, as scripts and people read it from `pacmd` (`cli-text.c`).

use std::fmt::Write;

use sealpulse_protocol::{DeviceState, PropList, SinkFlags, SourceFlags};
use sealpulse_spec::{ChannelMap, ChannelVolumes, Volume};

use crate::state::State;

fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

fn state_name(state: DeviceState) -> &'static str {
    match state {
        DeviceState::Running => "RUNNING",
        DeviceState::Idle => "IDLE",
        _ => "SUSPENDED",
    }
}

fn properties(proplist: &PropList) -> String {
    let mut lines = String::from("\tproperties:\n");
    for (key, value) in proplist.iter() {
        let text = proplist.get_str(key).map(|text| text.replace('\\', "\\\\").replace('"', "\\\""));
        let text = text.map_or_else(|| hex(value), |text| format!("\"{text}\""));
        let _ = writeln!(lines, "\t\t{key} = {text}");
    }
    lines
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold("hex:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

fn one_volume(volume: Volume, decibel: bool) -> String {
    let percent = (u64::from(volume.0) * 100 + u64::from(Volume::NORM.0) / 2) / u64::from(Volume::NORM.0);
    let mut text = format!("{} / {percent:3}%", volume.0);
    if decibel {
        let linear = volume.to_linear();
        if linear > 0.0 {
            let _ = write!(text, " / {:.2} dB", 20.0 * linear.log10());
        } else {
            text.push_str(" / -inf dB");
        }
    }
    text
}

fn volumes(volume: &ChannelVolumes, map: &ChannelMap, decibel: bool) -> String {
    let channels = map.as_slice().iter().zip(volume.as_slice());
    let one =
        channels.map(|(position, volume)| format!("{}: {}", position.name(), one_volume(*volume, decibel)));
    one.collect::<Vec<_>>().join(",   ")
}

fn balance(volume: &ChannelVolumes, map: &ChannelMap) -> f64 {
    let side = |left: bool| {
        let pairs = map.as_slice().iter().zip(volume.as_slice());
        let on_side =
            pairs.filter(|(position, _)| if left { position.is_left() } else { position.is_right() });
        let (sum, count) =
            on_side.fold((0.0, 0.0), |(sum, count), (_, v)| (sum + f64::from(v.0), count + 1.0));
        if count > 0.0 { sum / count } else { 0.0 }
    };
    let (left, right) = (side(true), side(false));
    if left > right {
        right / left - 1.0
    } else if right > left {
        1.0 - left / right
    } else {
        0.0
    }
}

fn milliseconds(usec: u64) -> f64 {
    usec as f64 / 1000.0
}

impl State {
    pub(super) fn list_modules(&self, out: &mut String) {
        let _ = writeln!(out, "{} module(s) loaded.", self.registry.modules.len());
        for (index, module) in self.registry.modules.iter() {
            let used = module.used(self).map_or(-1, i64::from);
            let argument = module.argument.as_deref().unwrap_or_default();
            let _ = write!(
                out,
                "    index: {index}\n\tname: <{}>\n\targument: <{argument}>\n\tused: {used}\n\tload once: {}\n{}",
                module.kind.name,
                yes_no(module.kind.once),
                properties(&module.proplist)
            );
        }
    }

    pub(super) fn list_cards(&self, out: &mut String) {
        out.push_str("0 card(s) available.\n");
    }

    pub(super) fn list_clients(&self, out: &mut String) {
        let _ = writeln!(out, "{} client(s) logged in.", self.registry.clients.len());
        for (index, client) in self.registry.clients.iter() {
            let _ = write!(
                out,
                "    index: {index}\n\tdriver: <{}>\n\towner module: {}\n{}",
                client.driver,
                client.module,
                properties(&client.proplist)
            );
        }
    }

    pub(super) fn list_sinks(&self, out: &mut String) {
        let _ = writeln!(out, "{} sink(s) available.", self.registry.sinks.len());
        for (index, sink) in self.registry.sinks.iter() {
            let flags: String = [
                (SinkFlags::HARDWARE, "HARDWARE "),
                (SinkFlags::NETWORK, "NETWORK "),
                (SinkFlags::HW_MUTE_CTRL, "HW_MUTE_CTRL "),
                (SinkFlags::HW_VOLUME_CTRL, "HW_VOLUME_CTRL "),
                (SinkFlags::DECIBEL_VOLUME, "DECIBEL_VOLUME "),
                (SinkFlags::LATENCY, "LATENCY "),
                (SinkFlags::FLAT_VOLUME, "FLAT_VOLUME "),
                (SinkFlags::DYNAMIC_LATENCY, "DYNAMIC_LATENCY"),
            ]
            .into_iter()
            .filter(|(flag, _)| sink.flags.contains(*flag))
            .map(|(_, name)| name)
            .collect();
            let decibel = sink.flags.contains(SinkFlags::DECIBEL_VOLUME);
            let mark = if self.registry.default_sink == Some(index) { '*' } else { ' ' };
            let configured = self.registry.sink_requested_latency(sink).unwrap_or(sink.max_latency_usec);
            let _ = write!(
                out,
                "  {mark} index: {index}\n\tname: <{}>\n\tdriver: <{}>\n\tflags: {flags}\n\tstate: {}\n\
                 \tsuspend cause: {}\n\tpriority: {}\n\tvolume: {}\n\t        balance {:.2}\n\
                 \tbase volume: {}\n\tvolume steps: 65537\n\tmuted: {}\n\tcurrent latency: 0.00 ms\n\
                 \tmonitor source: {}\n\tsample spec: {}\n\tchannel map: {}\n\tused by: {}\n\tlinked by: {}\n\
                 \tconfigured latency: {:.2} ms; range is 0.50 .. {:.2} ms\n\tmodule: {}\n{}",
                sink.name,
                sink.driver,
                state_name(sink.state),
                if sink.suspended_by.is_empty() { "(none)" } else { "(suspended)" },
                sink.priority,
                volumes(&sink.volume, &sink.map, decibel),
                balance(&sink.volume, &sink.map),
                one_volume(Volume::NORM, decibel),
                yes_no(sink.muted),
                sink.monitor,
                sink.spec,
                sink.map,
                self.registry.sink_used_by(sink),
                self.sink_linked_by(index),
                milliseconds(configured),
                milliseconds(sink.max_latency_usec),
                sink.module,
                properties(&sink.proplist)
            );
        }
    }

    pub(super) fn list_sources(&self, out: &mut String) {
        let _ = writeln!(out, "{} source(s) available.", self.registry.sources.len());
        for (index, source) in self.registry.sources.iter() {
            let flags: String = [
                (SourceFlags::HARDWARE, "HARDWARE "),
                (SourceFlags::NETWORK, "NETWORK "),
                (SourceFlags::HW_MUTE_CTRL, "HW_MUTE_CTRL "),
                (SourceFlags::HW_VOLUME_CTRL, "HW_VOLUME_CTRL "),
                (SourceFlags::DECIBEL_VOLUME, "DECIBEL_VOLUME "),
                (SourceFlags::LATENCY, "LATENCY "),
                (SourceFlags::DYNAMIC_LATENCY, "DYNAMIC_LATENCY"),
            ]
            .into_iter()
            .filter(|(flag, _)| source.flags.contains(*flag))
            .map(|(_, name)| name)
            .collect();
            let decibel = source.flags.contains(SourceFlags::DECIBEL_VOLUME);
            let mark = if self.registry.default_source == Some(index) { '*' } else { ' ' };
            let configured =
                self.registry.source_requested_latency(source).unwrap_or(source.max_latency_usec);
            let monitor =
                source.monitor_of.map_or_else(String::new, |sink| format!("\tmonitor_of: {sink}\n"));
            let _ = write!(
                out,
                "  {mark} index: {index}\n\tname: <{}>\n\tdriver: <{}>\n\tflags: {flags}\n\tstate: {}\n\
                 \tsuspend cause: {}\n\tpriority: {}\n\tvolume: {}\n\t        balance {:.2}\n\
                 \tbase volume: {}\n\tvolume steps: 65537\n\tmuted: {}\n\tcurrent latency: 0.00 ms\n\
                 \tsample spec: {}\n\tchannel map: {}\n\tused by: {}\n\tlinked by: {}\n\
                 \tconfigured latency: {:.2} ms; range is 0.50 .. {:.2} ms\n{monitor}\tmodule: {}\n{}",
                source.name,
                source.driver,
                state_name(source.state),
                if source.suspended_by.is_empty() { "(none)" } else { "(suspended)" },
                source.priority,
                volumes(&source.volume, &source.map, decibel),
                balance(&source.volume, &source.map),
                one_volume(Volume::NORM, decibel),
                yes_no(source.muted),
                source.spec,
                source.map,
                self.registry.source_used_by(source),
                source.outputs.len(),
                milliseconds(configured),
                milliseconds(source.max_latency_usec),
                source.module,
                properties(&source.proplist)
            );
        }
    }

    pub(super) fn list_sink_inputs(&self, out: &mut String) {
        let _ = writeln!(out, "{} sink input(s) available.", self.registry.sink_inputs.len());
        for (index, input) in self.registry.sink_inputs.iter() {
            let sink = self.registry.sinks.get(input.sink).map_or("", |sink| sink.name.as_str());
            let _ = write!(
                out,
                "    index: {index}\n\tdriver: <{}>\n\tstate: {}\n\tsink: {} <{sink}>\n\tvolume: {}\n\
                 \t        balance {:.2}\n\tmuted: {}\n\trequested latency: {:.2} ms\n\tsample spec: {}\n\
                 \tchannel map: {}\n\tresample method: {}\n{}{}{}",
                input.driver,
                if input.corked { "CORKED" } else { "RUNNING" },
                input.sink,
                volumes(&input.volume, &input.map, true),
                balance(&input.volume, &input.map),
                yes_no(input.muted),
                milliseconds(input.latency_usec),
                input.spec,
                input.map,
                input.resample_method.unwrap_or("(null)"),
                input.module.map_or_else(String::new, |module| format!("\tmodule: {module}\n")),
                self.client_line(input.owner.client_index()),
                properties(&input.proplist)
            );
        }
    }

    pub(super) fn list_source_outputs(&self, out: &mut String) {
        let _ = writeln!(out, "{} source output(s) available.", self.registry.source_outputs.len());
        for (index, output) in self.registry.source_outputs.iter() {
            let source = self.registry.sources.get(output.source).map_or("", |source| source.name.as_str());
            let _ = write!(
                out,
                "    index: {index}\n\tdriver: <{}>\n\tstate: {}\n\tsource: {} <{source}>\n\tvolume: {}\n\
                 \t        balance {:.2}\n\tmuted: {}\n\trequested latency: {:.2} ms\n\tsample spec: {}\n\
                 \tchannel map: {}\n\tresample method: {}\n{}{}{}",
                output.driver,
                if output.corked { "CORKED" } else { "RUNNING" },
                output.source,
                volumes(&output.volume, &output.map, true),
                balance(&output.volume, &output.map),
                yes_no(output.muted),
                milliseconds(output.latency_usec),
                output.spec,
                output.map,
                output.resample_method.unwrap_or("(null)"),
                output.module.map_or_else(String::new, |module| format!("\towner module: {module}\n")),
                self.client_line(output.owner.client_index()),
                properties(&output.proplist)
            );
        }
    }

    fn client_line(&self, index: Option<u32>) -> String {
        let Some(client) = index.and_then(|index| self.registry.clients.get(index)) else {
            return String::new();
        };
        let name = client.proplist.get_str("application.name").unwrap_or("(null)");
        format!("\tclient: {} <{name}>\n", index.unwrap_or_default())
    }
}
