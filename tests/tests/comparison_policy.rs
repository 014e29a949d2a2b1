//! Modules that decide about devices and streams, on PulseAudio 16.1 and on sealpulse: the same happens, save for what
//! stands in `differences.toml`.

use sealpulse_tests::compare::{Script, compare};

const OUT: &str = "module-null-sink sink_name=out rate=48000";

fn defaults(script: &mut Script<'_>) {
    script.pactl(&["get-default-sink"]);
    script.pactl(&["get-default-source"]);
}

/// What devices there are.
fn devices(script: &mut Script<'_>, label: &str) {
    script.list(label, &["sinks", "sources"]);
    defaults(script);
}

#[test]
fn always_a_sink() {
    compare("always a sink", &["module-always-sink"], |script| {
        devices(script, "the null sink");
        script.play("rescued", &[]);
        let real = script.pactl(&["load-module", "module-null-sink", "sink_name=real"]);
        devices(script, "a real one");
        script.list("the stream is there", &["sink-inputs"]);
        script.pactl(&["unload-module", real.stdout.trim()]);
        devices(script, "the null sink again");
        script.list("the stream is back", &["sink-inputs"]);
        script.pactl(&["unload-module", "module-null-sink"]);
        devices(script, "nothing, as somebody wished");
        script.wait_end("rescued");
        script.pactl(&["unload-module", "module-always-sink"]);
        script.pactl(&["load-module", "module-always-sink", "sink_name=mine"]);
        devices(script, "with another name");
        script.pactl(&["load-module", "module-always-sink"]);
        script.pactl(&["unload-module", "module-always-sink"]);
        devices(script, "nothing");
    });
}

#[test]
fn switching_to_what_comes() {
    compare("switching to what comes", &[OUT], |script| {
        script.play("follows", &[]);
        script.pactl(&["load-module", "module-switch-on-connect"]);
        script.pactl(&["load-module", "module-null-sink", "sink_name=virtual"]);
        devices(script, "virtual ones do not count");
        script.pactl(&["unload-module", "module-switch-on-connect"]);
        for (label, arguments) in [
            ("they do", &["ignore_virtual=no"][..]),
            ("only where nothing is plugged in", &["ignore_virtual=no", "only_from_unavailable=yes"]),
            ("some do not", &["ignore_virtual=no", "blacklist=^extra"]),
            ("all do", &["ignore_virtual=no", "blacklist="]),
        ] {
            let mut load = vec!["load-module", "module-switch-on-connect"];
            load.extend(arguments);
            script.pactl(&load);
            let loaded = script.pactl(&["load-module", "module-null-sink", "sink_name=extra"]);
            script.list(label, &["sink-inputs"]);
            defaults(script);
            script.pactl(&["set-default-sink", "virtual"]);
            script.list("the user's choice counts", &["sink-inputs"]);
            defaults(script);
            script.pactl(&["unload-module", loaded.stdout.trim()]);
            script.pactl(&["unload-module", "module-switch-on-connect"]);
        }
        // PulseAudio ends by a bad regular expression.
        for bad in ["ignore_virtual=perhaps", "only_from_unavailable=perhaps", "a=b"] {
            script.pactl(&["load-module", "module-switch-on-connect", bad]);
        }
        script.stop("follows");
    });
}

#[test]
fn suspending_idle_devices() {
    compare("suspending idle devices", &[OUT], |script| {
        script.pactl(&["load-module", "module-suspend-on-idle", "timeout=1"]);
        script.wait_until("sinks", "out", |sink| sink["state"] == "SUSPENDED");
        devices(script, "idle for too long");
        script.play("resumes", &[]);
        devices(script, "in use");
        script.stop("resumes");
        script.wait_until("sinks", "out", |sink| sink["state"] == "SUSPENDED");
        script.record("monitored", &["--device=out.monitor"]);
        devices(script, "its monitor is in use");
        script.stop("monitored");
        script.wait_until("sinks", "out", |sink| sink["state"] == "SUSPENDED");
        let forever = ["sink_name=forever", "sink_properties=module-suspend-on-idle.timeout=-1"];
        script.pactl(&["load-module", "module-null-sink", forever[0], forever[1]]);
        let soon = ["sink_name=soon", "sink_properties=module-suspend-on-idle.timeout=0"];
        script.pactl(&["load-module", "module-null-sink", soon[0], soon[1]]);
        script.wait_until("sinks", "soon", |sink| sink["state"] == "SUSPENDED");
        devices(script, "devices with a timeout of their own");
        script.pactl(&["suspend-sink", "out", "1"]);
        script.pactl(&["suspend-sink", "out", "0"]);
        devices(script, "the user has no say in it");
        script.pactl(&["unload-module", "module-suspend-on-idle"]);
        devices(script, "all run again");
        for bad in ["timeout=-1", "timeout=soon", "nonsense=1"] {
            script.pactl(&["load-module", "module-suspend-on-idle", bad]);
        }
    });
}
