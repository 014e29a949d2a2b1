//! Modules that make devices, loaded on PulseAudio 16.1 and on sealpulse: devices, streams, events and errors agree,
//! save for what stands in `differences.toml`.

use sealpulse_tests::compare::{Script, compare};

const OUT: &str = "module-null-sink sink_name=out rate=48000";
const ALL: [&str; 6] = ["info", "sinks", "sources", "sink-inputs", "source-outputs", "modules"];

fn load_all(script: &mut Script<'_>, module: &str, loads: &[&[&str]]) {
    for arguments in loads {
        let mut all = vec!["load-module", module];
        all.extend_from_slice(arguments);
        script.pactl(&all);
    }
}

/// Loads a module with each of the arguments, lists what is there, and unloads all.
fn loaded(module: &str, loads: &[&[&str]]) {
    compare(module, &[OUT], |script| {
        load_all(script, module, loads);
        script.list("all of them", &ALL);
        script.pactl(&["unload-module", module]);
        script.list("none of them", &ALL);
    });
}

#[test]
fn null_sources() {
    loaded(
        "module-null-source",
        &[
            &[],
            &[],
            &["source_name=mic", "rate=16000", "channels=1", "description=Microphone"],
            &["source_name=late", "max_latency_msec=50"],
            &["source_name=bad1", "rate=0"],
            &["source_name=bad2", "max_latency_msec=x"],
            &["source_name=bad3", "nonsense=1"],
        ],
    );
}

#[test]
fn sines() {
    loaded(
        "module-sine",
        &[
            &[],
            &["frequency=1000", "sink=out"],
            &["rate=8000", "frequency=3999"],
            &["sink=nobody"],
            &["frequency=0"],
            &["frequency=30000"],
            &["nonsense=1"],
        ],
    );
}

#[test]
fn sine_sources() {
    loaded(
        "module-sine-source",
        &[
            &[],
            &["source_name=tone", "frequency=1000", "rate=48000"],
            &["source_name=bad1", "frequency=0"],
            &["source_name=bad2", "frequency=30000"],
        ],
    );
}

#[test]
fn loopbacks() {
    compare("module-loopback", &[OUT, "module-null-sink sink_name=other rate=48000"], |script| {
        let loads: &[&[&str]] = &[
            &["source=out.monitor", "sink=other"],
            &[
                "source=other.monitor",
                "sink=out",
                "latency_msec=20",
                "source_dont_move=1",
                "sink_dont_move=1",
            ],
            &["source=out.monitor", "sink=other", "rate=44100", "channels=1", "remix=no"],
            &[
                "source=out.monitor",
                "sink=other",
                "sink_input_properties=media.name=Mine",
                "source_output_properties=media.role=music",
            ],
            &["source=nobody"],
            &["sink=nobody"],
            &["latency_msec=0"],
            &["latency_msec=30001"],
            &["adjust_time=x"],
            &["adjust_time=0.01"],
            &["fast_adjust_threshold_msec=99"],
            &["rate=3999"],
            &["nonsense=1"],
        ];
        load_all(script, "module-loopback", loads);
        script.list("all of them", &ALL);
        script.pactl(&["suspend-sink", "other", "1"]);
        script.list("one end is suspended", &["sinks", "sources", "sink-inputs", "source-outputs"]);
        script.pactl(&["suspend-sink", "other", "0"]);
        script.pactl(&["unload-module", "module-loopback"]);
        script.list("none of them", &ALL);
    });
}

#[test]
fn remapped_sinks() {
    loaded(
        "module-remap-sink",
        &[
            &[],
            &[
                "sink_name=left",
                "master=out",
                "channels=1",
                "channel_map=mono",
                "master_channel_map=front-left",
            ],
            &["sink_name=swapped", "master_channel_map=front-right,front-left", "remix=no"],
            &["sink_name=six", "channels=6"],
            &["sink_name=named", "sink_properties=device.description=Named"],
            &["sink_name=bad1", "master=nobody"],
            &["sink_name=bad2", "master_channel_map=mono"],
            &["sink_name=bad3", "remix=maybe"],
            &["sink_name=bad4", "nonsense=1"],
        ],
    );
}

#[test]
fn remapped_sources() {
    loaded(
        "module-remap-source",
        &[
            &["master=out.monitor"],
            &[
                "source_name=left",
                "master=out.monitor",
                "channels=1",
                "channel_map=mono",
                "master_channel_map=front-left",
            ],
            &["source_name=named", "master=out.monitor", "source_properties=device.description=Named"],
            &["source_name=bad1", "master=nobody"],
            &["source_name=bad2", "master_channel_map=mono"],
        ],
    );
}

#[test]
fn virtual_sinks() {
    compare("module-virtual-sink", &[OUT], |script| {
        let loads: &[&[&str]] = &[
            &[],
            &["sink_name=own", "use_volume_sharing=no"],
            &["sink_name=named", "sink_properties=device.description=Named"],
            &["sink_name=bad1", "force_flat_volume=yes"],
            &["sink_name=bad2", "master=nobody"],
        ];
        load_all(script, "module-virtual-sink", loads);
        script.list("all of them", &ALL);
        script.pactl(&["set-sink-volume", "out", "50%"]);
        script.list("shared volume", &["sinks"]);
        script.pactl(&["set-sink-volume", "named", "25%"]);
        script.list("shared volume, the other way", &["sinks"]);
        script.pactl(&["unload-module", "module-virtual-sink"]);
        script.list("none of them", &ALL);
    });
}

#[test]
fn virtual_sources() {
    loaded(
        "module-virtual-source",
        &[
            &["master=out.monitor"],
            &["source_name=named", "master=out.monitor", "source_properties=device.description=Named"],
            &["source_name=uplinked", "master=out.monitor", "uplink_sink=up"],
            &["source_name=bad1", "master=nobody"],
        ],
    );
}

#[test]
fn combined_sinks() {
    compare("module-combine-sink", &[OUT, "module-null-sink sink_name=other rate=44100"], |script| {
        let loads: &[&[&str]] = &[
            &["slaves=out,other"],
            &["sink_name=single", "slaves=out"],
            &[
                "sink_name=named",
                "slaves=out,other",
                "sink_properties=device.description=Named",
                "rate=32000",
            ],
            &["sink_name=automatic"],
            &["sink_name=bad1", "slaves=nobody"],
        ];
        load_all(script, "module-combine-sink", loads);
        script.list("all of them", &ALL);
        script.play("stream", &["--device=combined"]);
        script.list("one plays", &["sinks", "sink-inputs"]);
        script.stop("stream");
        script.pactl(&["unload-module", "module-combine-sink"]);
        script.list("none of them", &ALL);
    });
}

#[test]
fn pipes() {
    compare("pipes", &[OUT], |script| {
        let directory = script.server().directory().display().to_string();
        let sink = format!("file={directory}/sink.fifo");
        let source = format!("file={directory}/source.fifo");
        script.pactl(&["load-module", "module-pipe-sink", &sink, "sink_name=fifo"]);
        script.pactl(&["load-module", "module-pipe-source", &source, "source_name=fifo"]);
        // PulseAudio 16.1 ends when a pipe cannot be made; tests/module_sound.rs has that.
        script.list("both", &["sinks", "sources", "modules"]);
        script.pactl(&["unload-module", "module-pipe-sink"]);
        script.pactl(&["unload-module", "module-pipe-source"]);
        script.list("none", &["sinks", "sources", "modules"]);
    });
}

#[test]
fn a_master_that_goes_takes_its_filters_along() {
    compare("masters that go", &[OUT, "module-null-sink sink_name=other"], |script| {
        script.pactl(&["load-module", "module-remap-sink", "sink_name=filter", "master=other"]);
        script.pactl(&["load-module", "module-loopback", "source=other.monitor", "sink=out"]);
        script.list("before", &ALL);
        let other = script.index("modules", "module-null-sink");
        script.note("module", serde_json::json!(other.is_empty()));
        script.pactl(&["set-default-sink", "out"]);
        script.pactl(&["move-sink-input", "9999", "filter"]);
        script.pactl(&["unload-module", "module-remap-sink"]);
        script.pactl(&["unload-module", "module-loopback"]);
        script.list("after", &ALL);
    });
}
