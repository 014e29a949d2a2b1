//! What the server tells of itself.

use crate::stage::{SPEC, Tape, config, connect, get, options, scenarios, wait};
use sealpulse_client::command::{SinkInputInfo, SourceOutputInfo};
use sealpulse_client::{ClientError, Context, ErrorCode, News, Operation, Subscription, SubscriptionMask};
use sealpulse_tests::{Server, Transport};

scenarios! {
    the_server_describes_itself
    lists_and_single_answers_agree
    monitors_belong_to_sinks
    streams_are_listed
    what_is_not_there_is_no_entity
    memory_is_counted
}

fn the_server_describes_itself(server: &Server) {
    let info = get(connect(server).server_info());
    assert_eq!(info.default_sink_name.as_deref(), Some("out"));
    assert!(info.package_name.is_some() && info.package_version.is_some());
    assert!(info.user_name.is_some() && info.host_name.is_some());
    assert!(info.sample_spec.is_valid());
    assert_eq!(info.channel_map.channels(), info.sample_spec.channels);
}

fn lists_and_single_answers_agree(server: &Server) {
    let context = connect(server);
    let sinks = get(context.sinks());
    assert_eq!(sinks.iter().map(|sink| sink.name.as_str()).collect::<Vec<_>>(), ["out", "other"]);
    for sink in sinks {
        assert_eq!(get(context.sink(sink.index)).name, sink.name);
        assert_eq!(get(context.sink(sink.name.as_str())).index, sink.index);
        assert_eq!(get(context.lookup_sink(&sink.name)), sink.index);
        assert_eq!(sink.sample_spec, SPEC);
        assert!(sink.description.is_some());
    }
    for source in get(context.sources()) {
        assert_eq!(get(context.source(source.index)).name, source.name);
        assert_eq!(get(context.lookup_source(&source.name)), source.index);
    }
    for module in get(context.modules()) {
        assert_eq!(get(context.module(module.index)).name, module.name);
    }
    for client in get(context.clients()) {
        assert_eq!(get(context.client(client.index)).index, client.index);
    }
    assert!(get(context.cards()).is_empty());
    let modules = get(context.modules());
    let null_sinks = modules.iter().filter(|module| module.name == "module-null-sink");
    assert_eq!(null_sinks.count(), 2);
}

fn monitors_belong_to_sinks(server: &Server) {
    let context = connect(server);
    let sink = get(context.sink("out"));
    let monitor = get(context.source("out.monitor"));
    assert_eq!(sink.monitor_source_index, Some(monitor.index));
    assert_eq!(sink.monitor_source_name.as_deref(), Some("out.monitor"));
    assert_eq!(monitor.monitor_of_sink_index, Some(sink.index));
}

fn streams_are_listed(server: &Server) {
    let context = connect(server);
    let mut wanted = options("a name").on("out").corked();
    wanted.properties.set_str("media.role", "music");
    let stream = get(context.playback(wanted));
    let tape = Tape::start(&context);
    let own = context.connection().client_index;
    let info: SinkInputInfo = get(context.sink_input(stream.index()));
    assert_eq!(info.name.as_deref(), Some("a name"));
    assert_eq!(info.client_index, own);
    assert_eq!(info.sink_index, Some(get(context.sink("out")).index));
    assert_eq!(info.properties.get_str("media.role"), Some("music"));
    assert_eq!((info.sample_spec, info.corked), (SPEC, true));
    let index = stream.index();
    let listed = || get(context.sink_inputs()).iter().any(|input| input.index == index);
    assert!(listed());
    let info: SourceOutputInfo = get(context.source_output(tape.stream.index()));
    assert_eq!((info.client_index, info.corked), (own, false));
    assert_eq!(info.source_index, Some(get(context.source("out.monitor")).index));
    let mut gone = news_of_streams(&context);
    drop((stream, tape));
    until_removed(&mut gone, 2);
    assert!(!listed());
    assert!(get(context.source_outputs()).is_empty());
}

fn news_of_streams(context: &Context) -> Subscription {
    get(context.subscribe(SubscriptionMask::SINK_INPUT | SubscriptionMask::SOURCE_OUTPUT))
}

/// Waits until so many streams are gone: PipeWire answers before it has acted.
fn until_removed(news: &mut Subscription, mut streams: usize) {
    while streams > 0 {
        match wait(news.next()) {
            Some(News::Object { event, .. }) => {
                streams -= usize::from(event.operation() == Some(Operation::Remove));
            }
            other => panic!("no more news of streams: {other:?}"),
        }
    }
}

fn what_is_not_there_is_no_entity(server: &Server) {
    let context = get(Context::connect(config(server, Transport::Memfd)));
    let nowhere = 12_345_678;
    macro_rules! refused {
        ($($question:expr),* $(,)?) => {$(
            let answer = wait($question);
            let refused = matches!(answer, Err(ClientError::Server { code: ErrorCode::NoEntity, .. }));
            assert!(refused, "{}: {:?}", stringify!($question), answer.err());
        )*};
    }
    refused!(
        context.sink(nowhere),
        context.sink("nothing"),
        context.source(nowhere),
        context.source("nothing"),
        context.client(nowhere),
        context.module(nowhere),
        context.sink_input(nowhere),
        context.source_output(nowhere),
        context.lookup_sink("nothing"),
        context.card(nowhere),
        context.kill_sink_input(nowhere),
        context.playback(options("x").on("nothing")),
    );
}

fn memory_is_counted(server: &Server) {
    let context = connect(server);
    let _tape = Tape::start(&context);
    let stat = get(context.stat());
    assert!(stat.accumulated_blocks >= stat.allocated_blocks, "{stat:?}");
}
