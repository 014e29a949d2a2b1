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
fn always_a_source() {
    compare("always a source", &["module-always-source"], |script| {
        devices(script, "the null source");
        script.record("rescued", &[]);
        let real = script.pactl(&["load-module", "module-null-source", "source_name=real"]);
        devices(script, "a real one");
        script.pactl(&["unload-module", real.stdout.trim()]);
        devices(script, "the null source again");
        script.stop("rescued");
        let sink = script.pactl(&["load-module", "module-null-sink", "sink_name=out"]);
        devices(script, "monitors do not count");
        script.pactl(&["unload-module", sink.stdout.trim()]);
        devices(script, "nor when they go");
        script.pactl(&["unload-module", "module-always-source"]);
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
        script.events("until out stands still");
        devices(script, "idle for too long");
        script.play("resumes", &[]);
        devices(script, "in use");
        script.stop("resumes");
        script.wait_until("sinks", "out", |sink| sink["state"] == "SUSPENDED");
        script.events("until out stands still");
        script.record("monitored", &["--device=out.monitor"]);
        devices(script, "its monitor is in use");
        script.stop("monitored");
        script.wait_until("sinks", "out", |sink| sink["state"] == "SUSPENDED");
        script.events("until out stands still");
        let forever = ["sink_name=forever", "sink_properties=module-suspend-on-idle.timeout=-1"];
        script.pactl(&["load-module", "module-null-sink", forever[0], forever[1]]);
        let soon = ["sink_name=soon", "sink_properties=module-suspend-on-idle.timeout=0"];
        script.pactl(&["load-module", "module-null-sink", soon[0], soon[1]]);
        script.wait_until("sinks", "soon", |sink| sink["state"] == "SUSPENDED");
        script.events("until soon stands still");
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

/// Waits until these streams are corked, or play, as their players answer when they are asked.
fn corked(script: &mut Script<'_>, streams: &[&str], corked: bool) {
    for stream in streams {
        script
            .wait_until("sink-inputs", stream, |input| input["corked"] == corked && input["mute"] == corked);
    }
    script.forget_events();
}

/// Music that makes way for calls in all the ways in which calls come and go. `pauses` are the streams that pause.
fn make_way(script: &mut Script<'_>, pauses: &[&str], global: bool) {
    script.play("music", &["--property=media.role=music"]);
    script.play("plain", &[]);
    script.play("call", &["--property=media.role=phone"]);
    corked(script, pauses, true);
    script.list("the music makes way", &["sink-inputs"]);
    let call = script.index("sink-inputs", "call");
    script.pactl(&["set-sink-input-mute", &call, "1"]);
    corked(script, pauses, false);
    script.list("a call that is muted does not count", &["sink-inputs"]);
    script.pactl(&["set-sink-input-mute", &call, "0"]);
    corked(script, pauses, true);
    script.list("it counts again", &["sink-inputs"]);
    if !global {
        script.pactl(&["move-sink-input", &call, "other"]);
        corked(script, pauses, false);
        script.list("the call is on another sink", &["sink-inputs"]);
        script.pactl(&["move-sink-input", &call, "out"]);
        corked(script, pauses, true);
        script.list("it is back", &["sink-inputs"]);
    }
    script.stop("call");
    corked(script, pauses, false);
    script.list("it is over", &["sink-inputs"]);
    script.play("second call", &["--property=media.role=phone"]);
    corked(script, pauses, true);
}

/// Ends what [`make_way`] began; the streams say what they were asked for.
fn end_streams(script: &mut Script<'_>) {
    for stream in ["music", "plain", "second call"] {
        script.stop(stream);
    }
}

const OTHER: &str = "module-null-sink sink_name=other";
const PLAIN: &str = "module-null-sink sink_name=out";

#[test]
fn corking_by_role() {
    compare("corking by role", &[PLAIN, OTHER], |script| {
        script.pactl(&["load-module", "module-role-cork"]);
        make_way(script, &["music"], false);
        script.pactl(&["unload-module", "module-role-cork"]);
        corked(script, &["music"], false);
        end_streams(script);
        script.pactl(&["load-module", "module-role-cork", "volume=50%"]);
    });
}

#[test]
fn corking_everywhere() {
    compare("corking everywhere", &[PLAIN, OTHER], |script| {
        let arguments = ["global=1", "cork_roles=any_role", "use_source_trigger=1"];
        script.pactl(&[&["load-module", "module-role-cork"], &arguments[..]].concat());
        make_way(script, &["music", "plain"], true);
        end_streams(script);
        script.play("music", &[]);
        script.record("call", &["--property=media.role=phone", "--device=other.monitor"]);
        corked(script, &["music"], true);
        script.list("a call that is recorded", &["sink-inputs"]);
        script.stop("call");
        corked(script, &["music"], false);
        script.list("it is over", &["sink-inputs"]);
        script.stop("music");
    });
}

#[test]
fn ducking_by_role() {
    compare("ducking by role", &[PLAIN, OTHER], |script| {
        script.pactl(&["load-module", "module-role-ducking"]);
        make_way(script, &[], false);
        script.pactl(&["unload-module", "module-role-ducking"]);
        end_streams(script);
        // PulseAudio may end by arguments that cannot be.
        for argument in [
            "volume=50%",
            "volume=-6dB",
            "volume=32768",
            "trigger_roles=a/b ducking_roles=c/d volume=50%/10%",
            "cork_roles=a",
        ] {
            script.pactl(&["load-module", "module-role-ducking", argument]);
            script.pactl(&["unload-module", "module-role-ducking"]);
        }
    });
}

#[test]
fn devices_for_roles() {
    compare("devices for roles", &[PLAIN], |script| {
        let calls = ["sink_name=calls", "sink_properties='device.intended_roles=\"phone event\"'"];
        let other_calls = ["sink_name=other_calls", "sink_properties=device.intended_roles=phone"];
        let load =
            |arguments: [&'static str; 2]| ["load-module", "module-null-sink", arguments[0], arguments[1]];
        script.pactl(&["load-module", "module-intended-roles"]);
        script.play("call", &["--property=media.role=phone"]);
        script.play("chosen", &["--property=media.role=phone", "--device=out"]);
        script.play("music", &["--property=media.role=music"]);
        let first = script.pactl(&load(calls));
        where_streams_are(script, "the calls go to their device");
        script.play("late call", &["--property=media.role=phone"]);
        script.play("late music", &["--property=media.role=music"]);
        script.play("sent elsewhere", &["--property=media.role=phone", "--device=out"]);
        script.pactl(&load(other_calls));
        where_streams_are(script, "they stay there");
        script.pactl(&["unload-module", first.stdout.trim()]);
        where_streams_are(script, "they are rescued by their role");
        script.pactl(&["unload-module", "module-intended-roles"]);
        script.pactl(&["load-module", "module-intended-roles", "on_hotplug=no", "on_rescue=no"]);
        let again = script.pactl(&load(calls));
        where_streams_are(script, "nothing moves");
        script.pactl(&["unload-module", again.stdout.trim()]);
        where_streams_are(script, "nor here");
        for bad in ["on_hotplug=perhaps", "nonsense=1"] {
            script.pactl(&["load-module", "module-intended-roles", bad]);
        }
        for stream in ["call", "chosen", "music", "late call", "late music", "sent elsewhere"] {
            script.stop(stream);
        }
    });
}

/// Writes down which stream is where.
fn where_streams_are(script: &mut Script<'_>, label: &str) {
    script.forget_events();
    script.list(label, &["sink-inputs"]);
}

#[test]
fn a_table_of_volumes_and_roles() {
    const TABLE: &str = "# volumes and roles\n^song 32768\n^song$ 0x4000\nring(ing|s) phone\n\
        ^film replace video\n^show merge video\n\"quoted\" \"my role\" more\n";
    compare("a table of volumes and roles", &[PLAIN], |script| {
        let path = script.server().directory().join("match.table");
        std::fs::write(&path, TABLE).expect("the table can be written");
        let table = format!("table={}", path.display());
        script.pactl(&["load-module", "module-match", &table]);
        for name in ["song", "songs", "it rings", "film", "show", "a song", "\"quoted\""] {
            script.play(name, &["--property=media.role=music"]);
            script.play(&format!("{name} "), &[]);
        }
        script.list("as the table says", &["sink-inputs"]);
        script.pactl(&["load-module", "module-match", &table, "key=media.role"]);
        script.pactl(&["load-module", "module-match", "table=/nowhere"]);
        for bad in ["alone\n", "( 5\n", "a replace\n", "a \"open\n"] {
            std::fs::write(&path, bad).expect("the table can be written");
            script.pactl(&["load-module", "module-match", &table]);
        }
        for name in ["song", "songs", "it rings", "film", "show", "a song", "\"quoted\""] {
            script.stop(name);
            script.stop(&format!("{name} "));
        }
    });
}

#[test]
fn filters_that_are_not_there() {
    compare("filters that are not there", &[PLAIN], |script| {
        script.pactl(&["load-module", "module-filter-heuristics"]);
        script.pactl(&["load-module", "module-filter-apply"]);
        script.play("wants", &["--property=filter.want=nothing"]);
        script.play("applies", &["--property=filter.apply=nothing"]);
        script.play("suppresses", &["--property=filter.want=nothing", "--property=filter.suppress=nothing"]);
        script.list("they are on no filter", &["sink-inputs"]);
        for stream in ["wants", "applies", "suppresses"] {
            script.stop(stream);
        }
        script.pactl(&["load-module", "module-filter-apply", "autoclean=perhaps"]);
    });
}

#[test]
fn event_sounds_with_a_place() {
    compare("event sounds with a place", &[PLAIN], |script| {
        script.pactl(&["load-module", "module-position-event-sounds"]);
        script.pactl(&["load-module", "module-position-event-sounds", "nonsense=1"]);
        script.play("click", &["--property=media.role=event", "--property=event.mouse.hpos=0"]);
        script.list("its own volume is as before", &["sink-inputs"]);
        script.stop("click");
    });
}

#[test]
fn properties_of_programs() {
    compare("properties of programs", &[PLAIN], |script| {
        script.pactl(&["load-module", "module-augment-properties"]);
        script.pactl(&["load-module", "module-augment-properties", "nonsense=1"]);
        script.play("unknown", &[]);
        script.list("nothing is known of it", &["sink-inputs"]);
        script.stop("unknown");
    });
}
