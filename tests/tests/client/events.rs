//! What the server tells without having been asked.

use crate::stage::{Tape, connect, event, get, millis, noise, options, playback, scenarios, wait};
use sealpulse_client::{ClientError, Facility, News, Operation, StreamEvent, Subscription, SubscriptionMask};
use sealpulse_tests::Server;

scenarios! {
    a_stream_starts_and_runs_dry
    a_stream_that_is_moved_learns_of_it
    a_stream_that_is_suspended_learns_of_it
    a_stream_that_is_killed_learns_of_it
    a_record_stream_that_is_killed_learns_of_it
    a_stream_ends_with_its_sink
    too_much_is_an_overflow
    streams_come_change_and_go
    sinks_come_and_go
    nobody_hears_what_nobody_subscribed_to
    a_client_message_reaches_the_stream
}

fn a_stream_starts_and_runs_dry(server: &Server) {
    let context = connect(server);
    let stream = playback(&context);
    get(stream.write(&noise(millis(200), 1)));
    event(&stream, "start", |event| *event == StreamEvent::Started);
    event(&stream, "underflow", |event| matches!(event, StreamEvent::Underflow { .. }));
    get(stream.write(&noise(millis(200), 1)));
    event(&stream, "start", |event| *event == StreamEvent::Started);
}

fn a_stream_that_is_moved_learns_of_it(server: &Server) {
    let context = connect(server);
    let stream = playback(&context);
    get(stream.write(&noise(millis(50), 1)));
    let index = get(context.sink("other")).index;
    get(context.move_sink_input(stream.index(), "other"));
    let moved = event(&stream, "move", |event| matches!(event, StreamEvent::Moved { .. }));
    assert_eq!(moved, StreamEvent::Moved { device: index, name: "other".into() });
    assert_eq!(stream.device(), (Some(index), Some("other".into())));
}

fn a_stream_that_is_suspended_learns_of_it(server: &Server) {
    let context = connect(server);
    let stream = playback(&context);
    get(stream.write(&noise(millis(50), 1)));
    for suspended in [true, false] {
        get(context.suspend_sink("out", suspended));
        event(&stream, "suspension", |event| *event == StreamEvent::Suspended(suspended));
        assert_eq!(stream.is_suspended(), suspended);
    }
}

fn a_stream_that_is_killed_learns_of_it(server: &Server) {
    let context = connect(server);
    let (stream, other) = (playback(&context), playback(&context));
    get(context.kill_sink_input(stream.index()));
    event(&stream, "end", |event| matches!(event, StreamEvent::Ended { .. }));
    assert_eq!(wait(stream.event()), None);
    assert!(matches!(wait(stream.write(&[0; 80])), Err(ClientError::Killed)));
    assert!(matches!(wait(stream.drain()), Err(ClientError::Killed)));
    assert!(matches!(stream.ended(), Some(ClientError::Killed)));
    get(other.write(&noise(millis(100), 1)));
    get(other.drain());
}

fn a_record_stream_that_is_killed_learns_of_it(server: &Server) {
    let context = connect(server);
    let tape = Tape::start(&context);
    get(context.kill_source_output(tape.stream.index()));
    let end = async { while tape.stream.block().await.is_ok() {} };
    wait(end);
    assert!(matches!(tape.stream.ended(), Some(ClientError::Killed)));
}

fn a_stream_ends_with_its_sink(server: &Server) {
    let context = connect(server);
    let module = get(context.load_module("module-null-sink", "sink_name=brief"));
    crate::stage::until("sink", || wait(context.sink("brief")).ok());
    let mut wanted = options("pinned").on("brief");
    wanted.flags.no_move = true;
    let stream = get(context.playback(wanted));
    get(context.unload_module(module));
    event(&stream, "end", |event| matches!(event, StreamEvent::Ended { .. }));
}

fn too_much_is_an_overflow(server: &Server) {
    let context = connect(server);
    let mut wanted = options("too much").on("out").corked();
    wanted.buffer.maxlength = millis(100) as u32;
    let stream = get(context.playback(wanted));
    // Beyond what the buffer takes, by seeking there.
    let length = stream.buffer().maxlength as i64;
    let mut block = get(stream.block(8000));
    block.push(&noise(8000, 1));
    block.seek(sealpulse_client::SeekMode::Absolute, 2 * length);
    block.commit().unwrap();
    event(&stream, "overflow", |event| *event == StreamEvent::Overflow);
}

fn news(subscription: &mut Subscription, facility: Facility, operation: Operation, index: u32) {
    loop {
        let news = wait(subscription.next()).unwrap();
        let News::Object { event, index: of } = news else { continue };
        if (event.facility(), event.operation(), of) == (Some(facility), Some(operation), Some(index)) {
            return;
        }
    }
}

fn streams_come_change_and_go(server: &Server) {
    let (context, other) = (connect(server), connect(server));
    let mut subscription =
        get(other.subscribe(SubscriptionMask::SINK_INPUT | SubscriptionMask::SOURCE_OUTPUT));
    let stream = playback(&context);
    let index = stream.index();
    news(&mut subscription, Facility::SinkInput, Operation::New, index);
    get(context.set_sink_input_mute(index, true));
    news(&mut subscription, Facility::SinkInput, Operation::Change, index);
    let tape = Tape::start(&context);
    news(&mut subscription, Facility::SourceOutput, Operation::New, tape.stream.index());
    drop(stream);
    news(&mut subscription, Facility::SinkInput, Operation::Remove, index);
}

fn sinks_come_and_go(server: &Server) {
    let context = connect(server);
    let mut subscription = get(context.subscribe(SubscriptionMask::ALL));
    let module = get(context.load_module("module-null-sink", "sink_name=third"));
    let index = crate::stage::until("sink", || wait(context.sink("third")).ok()).index;
    news(&mut subscription, Facility::Sink, Operation::New, index);
    get(context.set_sink_mute("third", true));
    news(&mut subscription, Facility::Sink, Operation::Change, index);
    get(context.unload_module(module));
    news(&mut subscription, Facility::Sink, Operation::Remove, index);
}

fn nobody_hears_what_nobody_subscribed_to(server: &Server) {
    let context = connect(server);
    let mut streams = get(context.subscribe(SubscriptionMask::SINK_INPUT));
    let mut modules = get(context.subscribe(SubscriptionMask::MODULE));
    let stream = playback(&context);
    let module = get(context.load_module("module-null-sink", "sink_name=third"));
    news(&mut modules, Facility::Module, Operation::New, module);
    news(&mut streams, Facility::SinkInput, Operation::New, stream.index());
    while let Some(news) = modules.try_next() {
        let News::Object { event, .. } = news else { panic!("{news:?}") };
        assert_eq!(event.facility(), Some(Facility::Module));
    }
    drop(modules);
    get(context.unload_module(module));
    get(context.set_sink_input_mute(stream.index(), true));
    news(&mut streams, Facility::SinkInput, Operation::Change, stream.index());
}

fn a_client_message_reaches_the_stream(server: &Server) {
    let context = connect(server);
    let properties = [("media.role", "phone")].into_iter().collect();
    get(context.load_module("module-role-cork", ""));
    let mut music = options("music").on("out");
    music.properties.set_str("media.role", "music");
    let stream = get(context.playback(music));
    let mut phone = options("phone").on("out");
    phone.properties = properties;
    let call = get(context.playback(phone));
    get(call.write(&noise(millis(50), 2)));
    let request = event(&stream, "request", |event| matches!(event, StreamEvent::Request { .. }));
    let StreamEvent::Request { name, .. } = request else { return };
    assert_eq!(name, "request-cork");
}
