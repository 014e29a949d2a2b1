//! What there is, as scripts and people read it from `pacmd` (`cli-text.c`).

use std::fmt::Write;

use sealpulse_protocol::{SinkFlags, SourceFlags};
use sealpulse_spec::Volume;

use super::text::{balance, channels, milliseconds, one_volume, properties, state_name, volumes, yes_no};
use crate::registry::Owner;
use crate::state::State;

/// What a device says of its latency, in microseconds.
fn latency_line(dynamic: bool, configured: u64, most: u64) -> String {
    let (configured, most) = (milliseconds(configured), milliseconds(most));
    if dynamic {
        format!("\tconfigured latency: {configured:.2} ms; range is 0.50 .. {most:.2} ms\n")
    } else {
        format!("\tfixed latency: {most:.2} ms\n")
    }
}

/// The latency that a client asked its device for; the streams of modules and samples take what there is.
fn requested(usec: u64, owner: Owner) -> String {
    if usec == 0 || owner.client().is_none() {
        "n/a".to_owned()
    } else {
        format!("{:.2} ms", milliseconds(usec))
    }
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
            let configured = self.registry.sink_configured_latency(sink);
            let dynamic = sink.flags.contains(SinkFlags::DYNAMIC_LATENCY);
            let latency = latency_line(dynamic, configured, sink.max_latency_usec);
            let _ = write!(
                out,
                "  {mark} index: {index}\n\tname: <{}>\n\tdriver: <{}>\n\tflags: {flags}\n\tstate: {}\n\
                 \tsuspend cause: {}\n\tpriority: {}\n\tvolume: {}\n\t        balance {:.2}\n\
                 \tbase volume: {}\n\tvolume steps: 65537\n\tmuted: {}\n\tcurrent latency: {:.2} ms\n\
                 \tmax request: {} KiB\n\tmax rewind: 0 KiB\n\
                 \tmonitor source: {}\n\tsample spec: {}\n\tchannel map: {}\n\tused by: {}\n\tlinked by: {}\n\
                 {latency}\tmodule: {}\n{}",
                sink.name,
                sink.driver,
                state_name(sink.state),
                sink.suspended_by.names(),
                sink.priority,
                volumes(&sink.volume, &sink.map, decibel),
                balance(&sink.volume, &sink.map),
                one_volume(Volume::NORM, decibel),
                yes_no(sink.muted),
                milliseconds(self.sink_latency(sink)),
                sink.spec.usec_to_bytes(configured) / 1024,
                sink.monitor,
                sink.spec,
                channels(&sink.map),
                self.registry.sink_used_by(sink),
                self.sink_linked_by(index),
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
            let configured = self.registry.source_configured_latency(source);
            let dynamic = source.flags.contains(SourceFlags::DYNAMIC_LATENCY);
            let latency = latency_line(dynamic, configured, source.max_latency_usec);
            let monitor =
                source.monitor_of.map_or_else(String::new, |sink| format!("\tmonitor_of: {sink}\n"));
            let _ = write!(
                out,
                "  {mark} index: {index}\n\tname: <{}>\n\tdriver: <{}>\n\tflags: {flags}\n\tstate: {}\n\
                 \tsuspend cause: {}\n\tpriority: {}\n\tvolume: {}\n\t        balance {:.2}\n\
                 \tbase volume: {}\n\tvolume steps: 65537\n\tmuted: {}\n\tcurrent latency: 0.00 ms\n\
                 \tmax rewind: 0 KiB\n\tsample spec: {}\n\tchannel map: {}\n\tused by: {}\n\tlinked by: {}\n\
                 {latency}{monitor}\tmodule: {}\n{}",
                source.name,
                source.driver,
                state_name(source.state),
                source.suspended_by.names(),
                source.priority,
                volumes(&source.volume, &source.map, decibel),
                balance(&source.volume, &source.map),
                one_volume(Volume::NORM, decibel),
                yes_no(source.muted),
                source.spec,
                channels(&source.map),
                self.registry.source_used_by(source),
                source.outputs.len(),
                source.module,
                properties(&source.proplist)
            );
        }
    }

    pub(super) fn list_sink_inputs(&self, out: &mut String) {
        let _ = writeln!(out, "{} sink input(s) available.", self.registry.sink_inputs.len());
        for (index, input) in self.registry.sink_inputs.iter() {
            let sink = self.registry.sinks.get(input.sink);
            let latency = sink.map_or(0, |sink| self.sink_latency(sink));
            let sink = sink.map_or("", |sink| sink.name.as_str());
            let _ = write!(
                out,
                "    index: {index}\n\tdriver: <{}>\n\tflags: {}\n\tstate: {}\n\tsink: {} <{sink}>\n\tvolume: {}\n\
                 \t        balance {:.2}\n\tmuted: {}\n\tcurrent latency: {:.2} ms\n\trequested latency: {}\n\tsample spec: {}\n\
                 \tchannel map: {}\n\tresample method: {}\n{}{}{}",
                input.driver,
                input.flags.names("NO_CREATE_SUSPEND "),
                if input.corked { "CORKED" } else { "RUNNING" },
                input.sink,
                volumes(&input.volume, &input.map, true),
                balance(&input.volume, &input.map),
                yes_no(input.muted),
                milliseconds(latency),
                requested(input.latency_usec, input.owner),
                input.spec,
                channels(&input.map),
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
            let latency = output.latency_usec;
            let _ = write!(
                out,
                "    index: {index}\n\tdriver: <{}>\n\tflags: {}\n\tstate: {}\n\tsource: {} <{source}>\n\tvolume: {}\n\
                 \t        balance {:.2}\n\tmuted: {}\n\tcurrent latency: {:.2} ms\n\trequested latency: {}\n\tsample spec: {}\n\
                 \tchannel map: {}\n\tresample method: {}\n{}{}{}",
                output.driver,
                output.flags.names("NO_CREATE_ON_SUSPEND "),
                if output.corked { "CORKED" } else { "RUNNING" },
                output.source,
                volumes(&output.volume, &output.map, true),
                balance(&output.volume, &output.map),
                yes_no(output.muted),
                milliseconds(latency),
                requested(output.latency_usec, output.owner),
                output.spec,
                channels(&output.map),
                output.resample_method.unwrap_or("(null)"),
                output.module.map_or_else(String::new, |module| format!("\towner module: {module}\n")),
                self.client_line(output.owner.client_index()),
                properties(&output.proplist)
            );
        }
    }

    pub(super) fn list_samples(&self, out: &mut String) {
        let _ = writeln!(out, "{} cache entrie(s) available.", self.registry.samples.len());
        for (index, sample) in self.registry.samples.iter() {
            let length = sample.length();
            let sound = sample.sound.as_ref();
            let text = |text: Option<String>| text.unwrap_or_else(|| "n/a".to_owned());
            let seconds = sound.map_or(0.0, |sound| length as f64 / sound.spec.bytes_per_second() as f64);
            let _ = write!(
                out,
                "    name: <{}>\n\tindex: {index}\n\tsample spec: {}\n\tchannel map: {}\n\tlength: {length}\n\
                 \tduration: {seconds:.1} s\n\tvolume: n/a\n\t        balance 0.00\n\tlazy: {}\n\tfilename: <{}>\n{}",
                sample.name,
                text(sound.map(|sound| sound.spec.to_string())),
                text(sound.map(|sound| channels(&sound.map))),
                yes_no(sample.lazy.is_some()),
                text(sample.lazy.as_ref().map(|lazy| lazy.file.display().to_string())),
                properties(&sample.proplist)
            );
        }
    }

    /// PulseAudio shows the addresses of what its modules share: there is no such thing here.
    pub(super) fn list_shared(&self, out: &mut String) {
        out.push_str("Modules share nothing.\n");
    }

    fn client_line(&self, index: Option<u32>) -> String {
        let Some(client) = index.and_then(|index| self.registry.clients.get(index)) else {
            return String::new();
        };
        let name = client.proplist.get_str("application.name").unwrap_or("(null)");
        format!("\tclient: {} <{name}>\n", index.unwrap_or_default())
    }
}
