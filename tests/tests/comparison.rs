//! The same scripts on PulseAudio 16.1 and on sealpulse: the answers, events and errors agree, save for
//! what stands in `differences.toml`.

use sealpulse_tests::compare::{Script, compare};

const OUT: &str = "module-null-sink sink_name=out rate=48000";
const ALL: [&str; 9] =
    ["info", "sinks", "sources", "sink-inputs", "source-outputs", "clients", "modules", "cards", "samples"];

#[test]
fn an_idle_server() {
    compare("an idle server", &[OUT], |script| {
        script.list("everything", &ALL);
        for command in ["get-default-sink", "get-default-source"] {
            script.pactl(&[command]);
        }
        for kind in ["sinks", "sources", "cards", "samples"] {
            script.pactl(&["list", "short", kind]);
        }
        script.pactl(&["list", "sinks"]);
        script.pactl(&["list", "sources"]);
    });
}

#[test]
fn no_device_at_all() {
    compare("no device at all", &[], |script| {
        script.list("everything", &ALL);
        script.pactl(&["get-default-sink"]);
        script.pactl(&["get-default-source"]);
        script.pactl(&["get-sink-volume", "@DEFAULT_SINK@"]);
        script.pactl(&["set-sink-volume", "@DEFAULT_SINK@", "50%"]);
        script.pactl(&["set-default-sink", "nobody"]);
    });
}

#[test]
fn null_sinks_with_every_argument() {
    compare("null sinks", &[OUT], |script| {
        let loads: &[&[&str]] = &[
            &[],
            &[],
            &["sink_name=out"],
            &["sink_name=named"],
            &["sink_name=named"],
            &["sink_name=described", "sink_properties=device.description=Loudspeaker"],
            &["sink_name=quoted", "sink_properties=device.description=\"A\\ loud\\ one\""],
            &["sink_name=listed", "sink_properties='device.description=\"A loud one\" a.b=c'"],
            &["sink_name=floats", "format=float32le"],
            &["sink_name=packed", "format=s24le", "rate=96000"],
            &["sink_name=slow", "rate=8000", "channels=1"],
            &["sink_name=many", "channels=6"],
            &["sink_name=mapped", "channels=6", "channel_map=surround-51"],
            &["sink_name=mapped2", "channel_map=front-left,front-right,lfe"],
            &["sink_name=mapped3", "channels=3", "channel_map=front-left,front-right,lfe"],
            &["sink_name=encoded", "formats=pcm;ac3-iec61937,format.rate=\"[32000,44100,48000]\""],
            &["sink_name=rewindless", "norewinds=1"],
            &["sink_name=bad name"],
            &["sink_name=bad1", "rate=0"],
            &["sink_name=bad2", "rate=1000000"],
            &["sink_name=bad3", "channels=0"],
            &["sink_name=bad4", "channels=33"],
            &["sink_name=bad5", "format=nonsense"],
            &["sink_name=bad6", "channel_map=nonsense"],
            &["sink_name=bad7", "channels=2", "channel_map=mono"],
            &["sink_name=bad8", "nonsense=1"],
            &["sink_name=bad9", "sink_properties=nonsense"],
            &["sink_name=bad10", "formats=nonsense"],
            &["sink_name="],
            &["nonsense"],
        ];
        for arguments in loads {
            let mut all = vec!["load-module", "module-null-sink"];
            all.extend_from_slice(arguments);
            script.pactl(&all);
        }
        script.list("all of them", &["sinks", "sources", "modules", "info"]);
        script.pactl(&["load-module", "module-that-is-not-there"]);
        script.pactl(&["load-module", ""]);
        script.pactl(&["unload-module", "9999"]);
        script.pactl(&["unload-module", "module-that-is-not-there"]);
        script.pactl(&["unload-module", "module-null-sink"]);
        script.list("none of them", &["sinks", "sources", "modules", "info"]);
    });
}

#[test]
fn loading_and_unloading() {
    compare("loading and unloading", &[OUT], |script| {
        let second = script.pactl(&["load-module", "module-null-sink", "sink_name=second"]);
        script.pactl(&["set-default-sink", "second"]);
        script.pactl(&["set-default-source", "second.monitor"]);
        script.list("the default is the second", &["info"]);
        script.pactl(&["unload-module", second.stdout.trim()]);
        script.list("the default is the first again", &["info", "sinks", "sources", "modules"]);
        script.pactl(&["load-module", "module-null-sink", "sink_name=second"]);
        script.list("and the second has come back", &["info"]);
        script.pactl(&["unload-module", second.stdout.trim()]);
    });
}

fn streams(script: &mut Script<'_>) {
    script.list("streams", &["sink-inputs", "source-outputs", "clients", "sinks", "sources", "modules"]);
}

#[test]
fn a_stream_that_plays() {
    compare("a stream that plays", &[OUT], |script| {
        script.play("plain", &[]);
        streams(script);
        script.stop("plain");
        streams(script);
    });
}

#[test]
fn streams_of_many_kinds() {
    compare("streams of many kinds", &[OUT], |script| {
        let kinds: &[(&str, &[&str])] = &[
            ("same", &["--rate=48000"]),
            ("unsigned", &["--format=u8", "--rate=8000", "--channels=1"]),
            ("alaw", &["--format=aLaw", "--rate=8000", "--channels=1"]),
            ("big", &["--format=s32be", "--rate=96000"]),
            ("packed", &["--format=s24-32le"]),
            ("surround", &["--format=float32le", "--channels=6", "--channel-map=surround-51"]),
            ("quiet", &["--volume=32768"]),
            ("fixed-rate", &["--fix-rate", "--rate=8000"]),
            ("fixed-channels", &["--fix-channels", "--channels=1"]),
            ("no-remap", &["--no-remap", "--channels=1"]),
            ("no-remix", &["--no-remix", "--channels=1"]),
            ("device", &["--device=out"]),
            ("properties", &["--property=media.role=music", "--property=a.b=c d"]),
        ];
        for (name, arguments) in kinds {
            script.play(name, arguments);
        }
        streams(script);
        for (name, _) in kinds {
            script.stop(name);
        }
        streams(script);
    });
}

#[test]
fn buffer_attributes() {
    compare("buffer attributes", &[OUT], |script| {
        let attributes: &[(&str, &[&str])] = &[
            ("default", &[]),
            ("l10", &["--latency-msec=10"]),
            ("l1", &["--latency-msec=1"]),
            ("l20", &["--latency-msec=20", "--rate=48000"]),
            ("l100", &["--latency-msec=100"]),
            ("l5000", &["--latency-msec=5000"]),
            ("process", &["--latency-msec=100", "--process-time-msec=20"]),
            ("bytes", &["--latency=1", "--process-time=1"]),
            ("odd", &["--latency=12345", "--process-time=1234", "--channels=6"]),
            ("huge", &["--latency=2000000000"]),
        ];
        for (name, arguments) in attributes {
            script.play(name, arguments);
            script.stop(name);
        }
        for (name, arguments) in attributes {
            script.record(&format!("record-{name}"), arguments);
            script.stop(&format!("record-{name}"));
        }
    });
}

#[test]
fn streams_that_record() {
    compare("streams that record", &[OUT], |script| {
        script.record("default", &[]);
        script.record("monitor", &["--device=out.monitor", "--rate=48000"]);
        script.record("mono", &["--channels=1", "--format=float32le", "--latency-msec=20"]);
        // pacat takes a fixed format for the end of its file, now and then.
        script.record("fixed", &["--fix-format", "--fix-rate", "--fix-channels", "--format=float32le"]);
        streams(script);
        script.play("played", &[]);
        let index = script.index("sink-inputs", "played");
        script.record("one", &[&format!("--monitor-stream={index}")]);
        streams(script);
        for name in ["one", "played", "fixed", "mono", "monitor", "default"] {
            script.stop(name);
        }
        streams(script);
    });
}

#[test]
fn streams_that_cannot_be() {
    compare("streams that cannot be", &[OUT], |script| {
        for (program, arguments) in [
            ("pacat", vec!["--device=nobody"]),
            ("pacat", vec!["--channels=33"]),
            ("pacat", vec!["--rate=0"]),
            ("pacat", vec!["--rate=1000000"]),
            ("parec", vec!["--device=nobody"]),
            ("parec", vec!["--device=out"]),
            ("parec", vec!["--monitor-stream=999"]),
        ] {
            let client = script.server().client(sealpulse_tests::Transport::Memfd);
            let mut all = vec!["--raw"];
            all.extend(&arguments);
            all.push("/dev/null");
            let output = client.run(program, &all);
            script.note(
                &format!("{program} {}", arguments.join(" ")),
                serde_json::json!({ "code": output.code(), "stderr": output.stderr.trim() }),
            );
        }
    });
}

#[test]
fn volumes_of_devices() {
    compare("volumes of devices", &[OUT], |script| {
        for (set, get, name) in [
            ("set-sink-volume", "get-sink-volume", "out"),
            ("set-source-volume", "get-source-volume", "out.monitor"),
        ] {
            for volume in [
                &["50%"][..],
                &["+10%"],
                &["-5%"],
                &["32768"],
                &["0x4000"],
                &["0.5"],
                &["-6dB"],
                &["+3dB"],
                &["0"],
                &["0dB"],
                &["100%", "50%"],
                &["200%"],
                &["99999999999"],
                &["nonsense"],
                &["100%"],
            ] {
                let mut all = vec![set, name];
                all.extend(volume);
                script.pactl(&all);
                script.pactl(&[get, name]);
            }
            script.pactl(&[set, "nobody", "50%"]);
            script.pactl(&[get, "nobody"]);
            script.pactl(&[set, "0", "40%"]);
            script.pactl(&[set, "9999", "40%"]);
        }
        script.pactl(&["set-sink-volume", "@DEFAULT_SINK@", "30%"]);
        script.pactl(&["set-source-volume", "@DEFAULT_MONITOR@", "30%"]);
        script.pactl(&["set-source-volume", "@DEFAULT_SOURCE@", "35%"]);
        script.list("afterwards", &["sinks", "sources"]);
    });
}

#[test]
fn mute_of_devices() {
    compare("mute of devices", &[OUT], |script| {
        for (set, get, name) in
            [("set-sink-mute", "get-sink-mute", "out"), ("set-source-mute", "get-source-mute", "out.monitor")]
        {
            for mute in ["1", "1", "toggle", "toggle", "0", "yes", "false", "nonsense"] {
                script.pactl(&[set, name, mute]);
                script.pactl(&[get, name]);
            }
            script.pactl(&[set, "nobody", "1"]);
            script.pactl(&[get, "nobody"]);
        }
        script.list("afterwards", &["sinks", "sources"]);
    });
}

#[test]
fn volume_and_mute_of_streams() {
    compare("volume and mute of streams", &[OUT], |script| {
        script.play("played", &[]);
        script.record("recorded", &[]);
        let input = script.index("sink-inputs", "played");
        let output = script.index("source-outputs", "recorded");
        for (kind, index) in [("sink-input", &input), ("source-output", &output)] {
            let (volume, mute) = (format!("set-{kind}-volume"), format!("set-{kind}-mute"));
            for value in [&["50%"][..], &["+10%"], &["-6dB"], &["100%", "20%"], &["x"]] {
                let mut all = vec![volume.as_str(), index];
                all.extend(value);
                script.pactl(&all);
            }
            for value in ["1", "1", "toggle", "0", "x"] {
                script.pactl(&[&mute, index, value]);
            }
            script.pactl(&[&volume, "9999", "50%"]);
            script.pactl(&[&mute, "9999", "1"]);
            script.pactl(&[&volume, "nonsense", "50%"]);
        }
        streams(script);
        script.stop("recorded");
        script.stop("played");
    });
}

#[test]
fn defaults() {
    let second = "module-null-sink sink_name=second channels=6";
    compare("defaults", &[OUT, second], |script| {
        script.list("at first", &["info"]);
        script.play("without-a-wish", &[]);
        script.record("recorder", &[]);
        script.pactl(&["set-default-sink", "second"]);
        script.list("sink changed", &["info", "sink-inputs", "source-outputs"]);
        script.pactl(&["set-default-source", "second.monitor"]);
        script.pactl(&["set-default-source", "out.monitor"]);
        script.list("source changed", &["info", "sink-inputs", "source-outputs"]);
        script.pactl(&["set-default-sink", "nobody"]);
        script.pactl(&["set-default-source", "nobody"]);
        script.pactl(&["set-default-sink", "0"]);
        script.pactl(&["set-default-sink", "@NONE@"]);
        script.list("afterwards", &["info"]);
        script.stop("without-a-wish");
        script.stop("recorder");
    });
}

#[test]
fn moving_streams() {
    let second = "module-null-sink sink_name=second channels=6 rate=44100";
    compare("moving streams", &[OUT, second], |script| {
        script.play("played", &["--device=out"]);
        script.record("recorded", &["--device=out.monitor"]);
        let input = script.index("sink-inputs", "played");
        let output = script.index("source-outputs", "recorded");
        script.pactl(&["move-sink-input", &input, "second"]);
        script.pactl(&["move-source-output", &output, "second.monitor"]);
        streams(script);
        script.pactl(&["move-sink-input", &input, "second"]);
        script.pactl(&["move-sink-input", &input, "@DEFAULT_SINK@"]);
        script.pactl(&["move-sink-input", &input, "nobody"]);
        script.pactl(&["move-sink-input", "9999", "second"]);
        script.pactl(&["move-sink-input", "nonsense", "second"]);
        script.pactl(&["move-source-output", &output, "nobody"]);
        script.pactl(&["move-source-output", "9999", "second.monitor"]);
        script.pactl(&["move-source-output", &output, "@DEFAULT_MONITOR@"]);
        streams(script);
        script.stop("played");
        script.stop("recorded");
    });
}

#[test]
fn a_device_that_goes_from_under_its_streams() {
    compare("a device that goes", &[], |script| {
        let first = script.pactl(&["load-module", "module-null-sink", "sink_name=first"]);
        script.play("played", &[]);
        script.record("recorded", &[]);
        script.pactl(&["unload-module", first.stdout.trim()]);
        script.wait_end("played");
        script.wait_end("recorded");
        script.list("afterwards", &ALL);
    });
}

#[test]
fn a_device_that_goes_while_another_stays() {
    compare("a device that goes while another stays", &[OUT], |script| {
        let second = script.pactl(&["load-module", "module-null-sink", "sink_name=second"]);
        script.play("chosen", &["--device=second"]);
        script.record("recorder", &["--device=second.monitor"]);
        script.pactl(&["set-default-sink", "second"]);
        script.play("default", &[]);
        streams(script);
        script.pactl(&["unload-module", second.stdout.trim()]);
        streams(script);
        script.stop("chosen");
        script.stop("recorder");
        script.stop("default");
    });
}

#[test]
fn suspending() {
    let second = "module-null-sink sink_name=second";
    compare("suspending", &[OUT, second], |script| {
        script.play("played", &["--device=out"]);
        script.record("recorded", &["--device=out.monitor"]);
        script.pactl(&["suspend-sink", "out", "1"]);
        streams(script);
        script.pactl(&["suspend-sink", "out", "1"]);
        script.pactl(&["suspend-source", "out.monitor", "1"]);
        script.pactl(&["suspend-sink", "out", "0"]);
        streams(script);
        script.pactl(&["suspend-source", "second.monitor", "1"]);
        script.list("a suspended monitor", &["sinks", "sources"]);
        script.pactl(&["suspend-source", "second.monitor", "0"]);
        script.pactl(&["suspend-sink", "nobody", "1"]);
        script.pactl(&["suspend-source", "nobody", "1"]);
        script.pactl(&["suspend-sink", "out", "nonsense"]);
        script.pactl(&["suspend-sink", "1"]);
        streams(script);
        script.pactl(&["suspend-sink", "0"]);
        script.stop("played");
        script.stop("recorded");
        streams(script);
    });
}

#[test]
fn what_is_not_there() {
    compare("what is not there", &[OUT], |script| {
        for command in [
            &["set-card-profile", "nobody", "off"][..],
            &["set-card-profile", "0", "off"],
            &["set-sink-port", "out", "nobody"],
            &["set-sink-port", "nobody", "nobody"],
            &["set-source-port", "out.monitor", "nobody"],
            &["set-port-latency-offset", "nobody", "nobody", "1"],
            &["set-sink-formats", "0", "pcm"],
            &["set-sink-formats", "9999", "pcm"],
            &["set-sink-formats", "0", "nonsense"],
            &["play-sample", "nobody"],
            &["play-sample", "nobody", "out"],
            &["remove-sample", "nobody"],
            &["send-message", "/core", "list-handlers"],
            &["send-message", "/core", "nonsense"],
            &["send-message", "/nobody", "nonsense"],
            &["send-message", "nobody", "nonsense"],
            &["list", "message-handlers"],
            &["exit"],
            &["list", "nonsense"],
            &["nonsense"],
            &["get-sink-volume"],
        ] {
            script.pactl(command);
        }
        script.list("afterwards", &["info", "sinks", "sources"]);
    });
}
