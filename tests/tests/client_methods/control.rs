//! Each method that changes something, on each server.

use crate::bench::{Bench, on_each_server, refusal, until};
use sealpulse_client::{
    ChannelVolumes, ClientError, Context, DeviceState, ErrorCode, Facility, News, Operation, PropList, State,
    StreamEvent, SubscriptionMask, UpdateMode, Volume, Wait,
};
use sealpulse_tests::Kind;

on_each_server! {
    volumes_and_mutes_of_devices volumes_and_mutes_of_streams moving killing suspending defaults
    ports_and_profiles modules own_properties messages ending
}

const HALF: Volume = Volume(0x8000);

fn stereo(left: u32, right: u32) -> ChannelVolumes {
    ChannelVolumes::from_slice(&[Volume(left), Volume(right)]).unwrap()
}

fn volumes_and_mutes_of_devices(kind: Kind) {
    let Bench { context, .. } = &Bench::new(kind, &[]);
    let (sink, source) = (context.lookup_sink("other").wait().unwrap(), "other.monitor");

    context.set_sink_volume(sink, HALF).wait().unwrap();
    assert_eq!(context.sink(sink).wait().unwrap().volume, ChannelVolumes::all(2, HALF));
    context.set_sink_volume("other", stereo(1, 2)).wait().unwrap();
    assert_eq!(context.sink(sink).wait().unwrap().volume, stereo(1, 2));
    context.set_sink_mute("other", true).wait().unwrap();
    assert!(context.sink(sink).wait().unwrap().mute);

    context.set_source_volume(source, HALF).wait().unwrap();
    assert_eq!(context.source(source).wait().unwrap().volume, ChannelVolumes::all(2, HALF));
    context.set_source_mute(source, true).wait().unwrap();
    assert!(context.source(source).wait().unwrap().mute);

    if kind != Kind::PipeWire {
        let three = ChannelVolumes::all(3, HALF);
        assert_eq!(refusal(context.set_sink_volume(sink, three).wait()), ErrorCode::Invalid);
        assert_eq!(refusal(context.set_source_volume(source, three).wait()), ErrorCode::Invalid);
    }
    assert_eq!(refusal(context.set_sink_volume("nowhere", HALF).wait()), ErrorCode::NoEntity);
    assert_eq!(refusal(context.set_source_mute("nowhere", true).wait()), ErrorCode::NoEntity);
}

fn volumes_and_mutes_of_streams(kind: Kind) {
    let bench = &Bench::new(kind, &[]);
    let (context, playback, record) = (&bench.context, bench.playback("out"), bench.record("out.monitor"));
    let input = playback.index();
    context.set_sink_input_volume(input, HALF).wait().unwrap();
    assert_eq!(context.sink_input(input).wait().unwrap().volume, ChannelVolumes::all(2, HALF));
    context.set_sink_input_volume(input, stereo(3, 4)).wait().unwrap();
    assert_eq!(context.sink_input(input).wait().unwrap().volume, stereo(3, 4));
    context.set_sink_input_mute(input, true).wait().unwrap();
    assert!(context.sink_input(input).wait().unwrap().mute);

    let output = record.index();
    context.set_source_output_volume(output, stereo(5, 6)).wait().unwrap();
    assert_eq!(context.source_output(output).wait().unwrap().volume, stereo(5, 6));
    context.set_source_output_mute(output, true).wait().unwrap();
    assert!(context.source_output(output).wait().unwrap().mute);

    if kind != Kind::PipeWire {
        let three = ChannelVolumes::all(3, HALF);
        assert_eq!(refusal(context.set_sink_input_volume(input, three).wait()), ErrorCode::Invalid);
    }
    assert_eq!(refusal(context.set_sink_input_volume(99, HALF).wait()), ErrorCode::NoEntity);
    assert_eq!(refusal(context.set_source_output_mute(99, true).wait()), ErrorCode::NoEntity);
}

fn moving(kind: Kind) {
    let bench = &Bench::new(kind, &[]);
    let (context, playback, record) = (&bench.context, bench.playback("out"), bench.record("out.monitor"));
    let other = context.lookup_sink("other").wait().unwrap();
    context.move_sink_input(playback.index(), "other").wait().unwrap();
    assert_eq!(context.sink_input(playback.index()).wait().unwrap().sink_index, Some(other));
    loop {
        match playback.event().wait() {
            Some(StreamEvent::Moved { device, name }) => {
                break assert_eq!((device, &*name), (other, "other"));
            }
            event => assert!(event.is_some()),
        }
    }
    context.move_sink_input(playback.index(), context.lookup_sink("out").wait().unwrap()).wait().unwrap();

    let monitor = context.lookup_source("other.monitor").wait().unwrap();
    context.move_source_output(record.index(), monitor).wait().unwrap();
    assert_eq!(context.source_output(record.index()).wait().unwrap().source_index, Some(monitor));

    assert_eq!(refusal(context.move_sink_input(99, "out").wait()), ErrorCode::NoEntity);
    assert_eq!(refusal(context.move_sink_input(playback.index(), "nowhere").wait()), ErrorCode::NoEntity);
    assert_eq!(refusal(context.move_source_output(99, "out.monitor").wait()), ErrorCode::NoEntity);
}

fn killing(kind: Kind) {
    let bench = &Bench::new(kind, &[]);
    let (context, playback, record) = (&bench.context, bench.playback("out"), bench.record("out.monitor"));
    context.kill_sink_input(playback.index()).wait().unwrap();
    context.kill_source_output(record.index()).wait().unwrap();
    while playback.event().wait().is_some() {}
    while record.event().wait().is_some() {}
    assert!(matches!(playback.ended(), Some(ClientError::Killed)));
    assert!(matches!(record.ended(), Some(ClientError::Killed)));
    assert_eq!(context.sink_inputs().wait().unwrap(), []);
    assert_eq!(context.source_outputs().wait().unwrap(), []);

    let victim = bench.connect();
    let mut states = victim.states();
    context.kill_client(victim.connection().client_index.unwrap()).wait().unwrap();
    assert!(matches!(states.next().wait(), State::Failed { .. }));

    assert_eq!(refusal(context.kill_sink_input(99).wait()), ErrorCode::NoEntity);
    assert_eq!(refusal(context.kill_source_output(99).wait()), ErrorCode::NoEntity);
    assert_eq!(refusal(context.kill_client(9999).wait()), ErrorCode::NoEntity);
}

fn suspending(kind: Kind) {
    let Bench { context, .. } = &Bench::new(kind, &[]);
    if kind == Kind::PipeWire {
        // Its sinks suspend themselves as long as nobody plays, so there is nothing to see.
        context.suspend_sink("other", true).wait().unwrap();
        context.suspend_source("other.monitor", true).wait().unwrap();
        // There is no name that means all.
        assert_eq!(refusal(context.suspend_all_sinks(false).wait()), ErrorCode::NoEntity);
        return assert_eq!(refusal(context.suspend_all_sources(false).wait()), ErrorCode::NoEntity);
    }
    let is_suspended = |sink| context.sink(sink).wait().unwrap().state == DeviceState::Suspended;
    context.suspend_sink("other", true).wait().unwrap();
    assert!(is_suspended("other") && !is_suspended("out"));
    context.suspend_all_sinks(true).wait().unwrap();
    assert!(is_suspended("other") && is_suspended("out"));
    context.suspend_all_sinks(false).wait().unwrap();
    assert!(!is_suspended("other") && !is_suspended("out"));

    let state = || context.source("out.monitor").wait().unwrap().state;
    // A monitor goes with its sink.
    assert_eq!(refusal(context.suspend_source("out.monitor", true).wait()), ErrorCode::Invalid);
    context.suspend_all_sources(true).wait().unwrap();
    assert_ne!(state(), DeviceState::Suspended);
    assert_eq!(refusal(context.suspend_sink("nowhere", true).wait()), ErrorCode::NoEntity);
}

fn defaults(kind: Kind) {
    let Bench { context, .. } = &Bench::new(kind, &[]);
    context.set_default_sink("other").wait().unwrap();
    context.set_default_source("out.monitor").wait().unwrap();
    until(|| {
        let server = context.server_info().wait().unwrap();
        server.default_sink_name.as_deref() == Some("other")
            && server.default_source_name.as_deref() == Some("out.monitor")
    });
    assert_eq!(refusal(context.set_default_sink("nowhere").wait()), ErrorCode::NoEntity);
    assert_eq!(refusal(context.set_default_source("nowhere").wait()), ErrorCode::NoEntity);
    let back = context.set_default_sink("@NONE@").wait();
    match kind {
        Kind::Sealpulse => back.unwrap(),
        Kind::PulseAudio => assert_eq!(refusal(back), ErrorCode::Invalid),
        Kind::PipeWire => assert_eq!(refusal(back), ErrorCode::NoEntity),
    }
}

/// Null sinks have no ports, and there is no card: all there is to see is that the server understood.
fn ports_and_profiles(kind: Kind) {
    let Bench { context, .. } = &Bench::new(kind, &[]);
    let no_ports = if kind == Kind::PipeWire { ErrorCode::NoEntity } else { ErrorCode::NotImplemented };
    assert_eq!(refusal(context.set_sink_port("out", "speaker").wait()), no_ports);
    assert_eq!(refusal(context.set_source_port("out.monitor", "mic").wait()), no_ports);
    assert_eq!(refusal(context.set_sink_port("nowhere", "speaker").wait()), ErrorCode::NoEntity);
    assert_eq!(refusal(context.set_card_profile("card", "off").wait()), ErrorCode::NoEntity);
    assert_eq!(refusal(context.set_port_latency_offset(0, "speaker", -20).wait()), ErrorCode::NoEntity);
}

fn modules(kind: Kind) {
    let Bench { context, .. } = &Bench::new(kind, &[]);
    let mut news = context.subscribe(SubscriptionMask::MODULE).wait().unwrap();
    let index = context.load_module("module-null-sink", "sink_name=third").wait().unwrap();
    assert!(context.sink("third").wait().is_ok());
    context.unload_module(index).wait().unwrap();
    wait_for(&mut news, Facility::Module, Operation::Remove, index);
    until(|| context.sink("third").wait().is_err());
    assert_eq!(refusal(context.unload_module(index).wait()), ErrorCode::NoEntity);
    let unknown = refusal(context.load_module("module-of-nobody", "").wait());
    assert!(matches!(unknown, ErrorCode::NoEntity | ErrorCode::ModuleInitFailed), "{unknown}");
    let broken = context.load_module("module-null-sink", "rate=never").wait();
    if kind == Kind::PipeWire {
        // It makes do with another rate.
        return assert!(broken.is_ok());
    }
    assert_eq!(refusal(broken), ErrorCode::ModuleInitFailed);
}

fn wait_for(news: &mut sealpulse_client::Subscription, facility: Facility, operation: Operation, index: u32) {
    loop {
        match news.next().wait().unwrap() {
            News::Object { event, index: Some(found) }
                if found == index
                    && event.facility() == Some(facility)
                    && event.operation() == Some(operation) =>
            {
                break;
            }
            _ => {}
        }
    }
}

fn own_properties(kind: Kind) {
    let bench = &Bench::new(kind, &[]);
    let context = &bench.context;
    let get = |name: &str| {
        let properties = context.client(bench.own_index()).wait().unwrap().properties;
        properties.get_str(name).map(str::to_owned)
    };
    let list = |entries: &[(&str, &str)]| entries.iter().copied().collect::<PropList>();

    context.set_name("somebody").wait().unwrap();
    until(|| get("application.name").as_deref() == Some("somebody"));
    if kind != Kind::PipeWire {
        let own = context.client(bench.own_index()).wait().unwrap();
        assert_eq!(own.name.as_deref(), Some("somebody"));
    }

    let added = list(&[("a", "1"), ("b", "2")]);
    context.update_client_properties(UpdateMode::Merge, added).wait().unwrap();
    context.update_client_properties(UpdateMode::Merge, list(&[("a", "3")])).wait().unwrap();
    context.update_client_properties(UpdateMode::Replace, list(&[("b", "4")])).wait().unwrap();
    // PipeWire replaces what is there in every mode.
    let a = if kind == Kind::PipeWire { "3" } else { "1" };
    until(|| get("a").as_deref() == Some(a) && get("b").as_deref() == Some("4"));

    let removed = context.remove_client_properties(&["a", "not there"]).wait();
    if kind == Kind::PipeWire {
        // It does not find again what it was told.
        assert_eq!(refusal(removed), ErrorCode::NoEntity);
    } else {
        removed.unwrap();
        assert_eq!((get("a"), get("b").as_deref()), (None, Some("4")));
    }
    assert!(matches!(context.remove_client_properties(&[""]).wait(), Err(ClientError::Invalid { .. })));
}

fn messages(kind: Kind) {
    let Bench { context, .. } = &Bench::new(kind, &[]);
    let handlers = context.message("/core", "list-handlers", "").wait().unwrap();
    assert!(handlers.contains("/core"), "{handlers}");
    assert_eq!(refusal(context.message("/nobody", "hello", "").wait()), ErrorCode::NoEntity);
    assert_eq!(refusal(context.message("/core", "sing", "").wait()), ErrorCode::NotImplemented);
}

fn ending(kind: Kind) {
    let Bench { context, .. } = &Bench::new(kind, &[]);
    // The servers of these tests are told not to.
    assert_eq!(refusal(Context::exit_daemon(context).wait()), ErrorCode::Access);
    assert!(matches!(context.state(), State::Ready));
}
