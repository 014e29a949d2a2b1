//! The server as a script that would make it anew (`dump`), its memory (`stat`), and every volume (`dump-volumes`).

use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use sealpulse_protocol::DeviceState;
use sealpulse_spec::{ChannelMap, ChannelVolumes};

use super::text::{bytes, volumes, yes_no};
use crate::state::State;

/// Kinds of memory blocks in PulseAudio. What clients share with us is imported; there is no common pool.
const OTHER_BLOCKS: [&str; 5] = ["POOL", "POOL_EXTERNAL", "APPENDED", "USER", "FIXED"];

impl State {
    pub(super) fn dump_memory(&self, out: &mut String) {
        let stat = self.memory_stat();
        let (allocated, size) = (stat.allocated_blocks, bytes(u64::from(stat.allocated_size)));
        let (accumulated, moved) = (stat.accumulated_blocks, bytes(u64::from(stat.accumulated_size)));
        let name = |name: Option<&String>| name.map_or("none", String::as_str).to_owned();
        let sink = self.registry.default_sink.and_then(|sink| self.registry.sinks.get(sink));
        let source = self.registry.default_source.and_then(|source| self.registry.sources.get(source));
        let _ = write!(
            out,
            "Memory blocks currently allocated: {allocated}, size: {size}.\n\
             Memory blocks allocated during the whole lifetime: {accumulated}, size: {moved}.\n\
             Memory blocks imported from other processes: {allocated}, size: {size}.\n\
             Memory blocks exported to other processes: 0, size: 0 B.\n\
             Total sample cache size: {}.\n\
             Default sample spec: {}\nDefault channel map: {}\n\
             Default sink name: {}\nDefault source name: {}\n",
            bytes(u64::from(stat.sample_cache_size)),
            self.settings.default_spec,
            self.settings.default_map,
            name(sink.map(|sink| &sink.name)),
            name(source.map(|source| &source.name)),
        );
        for kind in OTHER_BLOCKS {
            let _ = writeln!(out, "Memory blocks of type {kind}: 0 allocated/0 accumulated.");
        }
        let _ =
            writeln!(out, "Memory blocks of type IMPORTED: {allocated} allocated/{accumulated} accumulated.");
    }

    pub(super) fn dump_script(&self, out: &mut String) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let _ = writeln!(out, "### Configuration dump generated at {}\n", utc(now));
        for module in self.registry.modules.values() {
            let argument = module.argument.as_ref().map(|text| format!(" {text}")).unwrap_or_default();
            let _ = writeln!(out, "load-module {}{argument}", module.kind.name);
        }
        let device = |out: &mut String, kind: &str, name: &str, volume: &ChannelVolumes, muted, state| {
            let _ = write!(
                out,
                "set-{kind}-volume {name} {:#05x}\nset-{kind}-mute {name} {}\nsuspend-{kind} {name} {}\n",
                volume.max().0,
                yes_no(muted),
                yes_no(state == DeviceState::Suspended)
            );
        };
        let between = |out: &mut String, any: bool| out.push_str(if any { "\n" } else { "" });
        between(out, self.registry.sinks.len() > 0);
        for sink in self.registry.sinks.values() {
            device(out, "sink", &sink.name, &sink.volume, sink.muted, sink.state);
        }
        between(out, self.registry.sources.len() > 0);
        for source in self.registry.sources.values() {
            device(out, "source", &source.name, &source.volume, source.muted, source.state);
        }
        let sink = self.registry.default_sink.and_then(|sink| self.registry.sinks.get(sink));
        let source = self.registry.default_source.and_then(|source| self.registry.sources.get(source));
        between(out, sink.is_some() || source.is_some());
        if let Some(sink) = sink {
            let _ = writeln!(out, "set-default-sink {}", sink.name);
        }
        if let Some(source) = source {
            let _ = writeln!(out, "set-default-source {}", source.name);
        }
        out.push_str("\n### EOF\n");
    }

    pub(super) fn dump_volumes(&self, out: &mut String) {
        for (index, sink) in self.registry.sinks.iter() {
            let (volume, saved) = (&sink.volume, sink.by_user.volume);
            device_volumes(out, &format!("Sink {index}"), volume, &sink.map, saved);
            for &input in &sink.inputs {
                let Some(stream) = self.registry.sink_inputs.get(input) else { continue };
                let factors = stream.factors.iter().map(|(_, factor)| factor);
                let factor = factors
                    .fold(ChannelVolumes::norm(stream.spec.channels), |all, factor| all.scaled_by(factor));
                let name = format!("\tInput {input}");
                let saved = stream.by_user.volume;
                let of_device = ("volume_factor_sink", &sink.map);
                stream_volumes(out, &name, (&stream.volume, &factor, &stream.map), of_device, saved);
            }
        }
        for (index, source) in self.registry.sources.iter() {
            let (volume, saved) = (&source.volume, source.by_user.volume);
            device_volumes(out, &format!("Source {index}"), volume, &source.map, saved);
            for &output in &source.outputs {
                let Some(stream) = self.registry.source_outputs.get(output) else { continue };
                let factor = ChannelVolumes::norm(stream.spec.channels);
                let name = format!("\tOutput {output}");
                let saved = stream.by_user.volume;
                let of_device = ("volume_factor_source", &source.map);
                stream_volumes(out, &name, (&stream.volume, &factor, &stream.map), of_device, saved);
            }
        }
    }
}

/// All volumes of a device: it has no other than the one that it is set to, and that is done in software.
fn device_volumes(out: &mut String, name: &str, volume: &ChannelVolumes, map: &ChannelMap, saved: bool) {
    let text = volumes(volume, map, true);
    let none = volumes(&ChannelVolumes::norm(volume.channels()), map, true);
    let saved = yes_no(saved);
    let _ = writeln!(
        out,
        "{name}: reference = {text}, real = {text}, soft = {text}, current_hw = {none}, save = {saved}"
    );
}

/// All volumes of a stream: its own is relative to its device's.
fn stream_volumes(
    out: &mut String,
    name: &str,
    (volume, factor, map): (&ChannelVolumes, &ChannelVolumes, &ChannelMap),
    (of_device, device_map): (&str, &ChannelMap),
    saved: bool,
) {
    let text = volumes(volume, map, true);
    let soft = volumes(&volume.scaled_by(factor), map, true);
    let factor = volumes(factor, map, true);
    let none = volumes(&ChannelVolumes::norm(device_map.channels()), device_map, true);
    let _ = writeln!(
        out,
        "{name}: volume = {text}, reference_ratio = {text}, real_ratio = {text}, soft = {soft}, \
         volume_factor = {factor}, {of_device} = {none}, save = {}",
        yes_no(saved)
    );
}

/// Seconds since 1970 as `Tue Nov 24 10:51:26 2026`: the time in Greenwich, as the server knows no other.
fn utc(seconds: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb"];
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years that begin in March have their leap day at the end; 400 of them have 146,097 days.
    let since_march_0 = days + 719_468;
    let (era, day) = (since_march_0 / 146_097, since_march_0 % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let year = era * 400 + year + u64::from(month >= 10);
    let (weekday, month) = (DAYS[(days % 7) as usize], MONTHS[(month % 12) as usize]);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{weekday} {month} {of_month:2} {hour:02}:{minute:02}:{second:02} {year}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dates() {
        assert_eq!(utc(0), "Thu Jan  1 00:00:00 1970");
        assert_eq!(utc(951_782_400), "Tue Feb 29 00:00:00 2000");
        assert_eq!(utc(1_795_517_486), "Tue Nov 24 10:51:26 2026");
        assert_eq!(utc(4_107_542_399), "Sun Feb 28 23:59:59 2100");
    }
}
