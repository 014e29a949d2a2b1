//! Each method that asks what there is, on each server.

use crate::bench::{Bench, SPEC, on_each_server, refusal};
use sealpulse_client::{ClientError, ErrorCode, Selector, Wait};
use sealpulse_tests::Kind;

on_each_server! {
    server devices streams clients_and_modules what_is_not_there names_that_mean_nothing_stay_here
}

fn server(kind: Kind) {
    let Bench { context, .. } = &Bench::new(kind, &[]);
    let server = context.server_info().wait().unwrap();
    let name = match kind {
        Kind::Sealpulse => "sealpulse",
        Kind::PulseAudio => "pulseaudio",
        Kind::PipeWire => "PulseAudio (on PipeWire 0.3.65)",
    };
    assert_eq!(server.package_name.as_deref(), Some(name));
    assert_eq!(server.default_sink_name.as_deref(), Some("out"));
    assert!(server.sample_spec.is_valid() && server.channel_map.is_valid());
    let stat = context.stat().wait().unwrap();
    assert!(stat.allocated_blocks <= stat.accumulated_blocks, "{stat:?}");
}

fn devices(kind: Kind) {
    let Bench { context, .. } = &Bench::new(kind, &[]);
    let sinks = context.sinks().wait().unwrap();
    let names: Vec<_> = sinks.iter().map(|sink| sink.name.as_str()).collect();
    assert_eq!(names, ["out", "other"]);
    for sink in &sinks {
        assert_eq!(context.sink(sink.index).wait().unwrap().name, sink.name);
        assert_eq!(context.sink(&sink.name).wait().unwrap().index, sink.index);
        assert_eq!(context.lookup_sink(&sink.name).wait().unwrap(), sink.index);
    }
    assert_eq!(context.sink(Selector::DEFAULT_SINK).wait().unwrap().name, "out");

    let sources = context.sources().wait().unwrap();
    let names: Vec<_> = sources.iter().map(|source| source.name.as_str()).collect();
    assert_eq!(names, ["out.monitor", "other.monitor"]);
    for (source, sink) in sources.iter().zip(&sinks) {
        assert_eq!(source.monitor_of_sink_index, Some(sink.index));
        assert_eq!(sink.monitor_source_index, Some(source.index));
        assert_eq!(context.source(source.index).wait().unwrap().name, source.name);
        assert_eq!(context.source(&source.name).wait().unwrap().index, source.index);
        assert_eq!(context.lookup_source(&source.name).wait().unwrap(), source.index);
    }
    assert_eq!(context.source(Selector::DEFAULT_SOURCE).wait().unwrap().name, "out.monitor");
    assert_eq!(context.source(Selector::DEFAULT_MONITOR).wait().unwrap().name, "out.monitor");

    assert_eq!(context.cards().wait().unwrap(), []);
    assert_eq!(context.samples().wait().unwrap(), []);
}

fn streams(kind: Kind) {
    let bench = &Bench::new(kind, &[]);
    let context = &bench.context;
    assert_eq!(context.sink_inputs().wait().unwrap(), []);
    assert_eq!(context.source_outputs().wait().unwrap(), []);

    let (playback, record) = (bench.playback("other"), bench.record("out.monitor"));
    let inputs = context.sink_inputs().wait().unwrap();
    assert_eq!(inputs.len(), 1);
    let input = context.sink_input(playback.index()).wait().unwrap();
    assert_eq!((input.index, input.name.as_deref()), (inputs[0].index, Some("tune")));
    assert_eq!(input.client_index, Some(bench.own_index()));
    assert_eq!(input.sink_index, Some(context.lookup_sink("other").wait().unwrap()));
    assert_eq!(input.sample_spec, SPEC);

    let outputs = context.source_outputs().wait().unwrap();
    assert_eq!(outputs.len(), 1);
    let output = context.source_output(record.index()).wait().unwrap();
    assert_eq!((output.index, output.name.as_deref()), (outputs[0].index, Some("tape")));
    assert_eq!(output.client_index, Some(bench.own_index()));
    assert_eq!(output.source_index, Some(context.lookup_source("out.monitor").wait().unwrap()));
}

fn clients_and_modules(kind: Kind) {
    let bench = &Bench::new(kind, &[]);
    let context = &bench.context;
    let clients = context.clients().wait().unwrap();
    let own = clients.iter().find(|client| client.index == bench.own_index()).unwrap();
    assert_eq!(own.name.as_deref(), Some("under test"));
    assert_eq!(context.client(own.index).wait().unwrap().name, own.name);

    let modules = context.modules().wait().unwrap();
    let sinks = modules.iter().filter(|module| module.name == "module-null-sink");
    assert_eq!(sinks.clone().count(), 2);
    for module in sinks {
        let same = context.module(module.index).wait().unwrap();
        assert!(same.argument.unwrap().contains("sink_name="));
    }
}

fn what_is_not_there(kind: Kind) {
    let Bench { context, .. } = &Bench::new(kind, &[]);
    let refusals = [
        refusal(context.sink(99).wait()),
        refusal(context.sink("nowhere").wait()),
        refusal(context.source(99).wait()),
        refusal(context.source("nowhere").wait()),
        refusal(context.sink_input(99).wait()),
        refusal(context.source_output(99).wait()),
        refusal(context.client(9999).wait()),
        refusal(context.module(9999).wait()),
        refusal(context.card(0).wait()),
        refusal(context.card("nothing").wait()),
        refusal(context.sample(0).wait()),
        refusal(context.sample("silence").wait()),
        refusal(context.lookup_sink("nowhere").wait()),
        refusal(context.lookup_source("nowhere").wait()),
    ];
    assert_eq!(refusals, [ErrorCode::NoEntity; 14]);
}

fn names_that_mean_nothing_stay_here(kind: Kind) {
    let Bench { context, .. } = &Bench::new(kind, &[]);
    let here = |result: Result<(), ClientError>| matches!(result, Err(ClientError::Invalid { .. }));
    assert!(here(context.sink("").wait().map(drop)));
    assert!(here(context.sink(u32::MAX).wait().map(drop)));
    assert!(here(context.set_sink_mute("out\0", true).wait()));
    assert!(here(context.suspend_sink("", true).wait()));
    assert!(!context.sink("out").wait().unwrap().mute);
}
