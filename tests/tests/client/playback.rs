//! Playing: every transport, every way of writing, and what a stream can be told.

use crate::stage::play;
use crate::stage::{
    FRAME, SPEC, Tape, config, connect, event, get, millis, noise, options, playback, scenarios, until, wait,
};
use futures_io::AsyncWrite;
use sealpulse_client::{
    Buffer, BufferFlags, Context, SeekMode, StreamEvent, StreamFlags, StreamOptions, TransportKind,
};
use sealpulse_tests::{Server, Transport};
use std::future::poll_fn;
use std::pin::Pin;
use std::time::{Duration, Instant};

scenarios! {
    memfds_are_exact_and_nothing_is_copied
    posix_memory_is_exact_and_nothing_is_copied
    the_socket_is_exact
    blocks_are_filled_in_place
    a_callback_is_asked_for_sound
    bytes_of_any_number_are_written
    a_corked_stream_stands_still
    what_is_flushed_is_not_heard
    a_drain_ends_when_the_sound_does
    a_trigger_starts_before_the_prebuffer_is_full
    what_is_written_can_be_overwritten
    lengths_of_the_buffer_are_agreed_on
    the_rate_changes
    a_name_changes
    streams_play_together
}

fn exact(server: &Server, transport: Transport, kind: TransportKind) {
    let context = get(Context::connect(config(server, transport)));
    assert_eq!(context.connection().transport, kind);
    // Over another connection, since only what is played is counted.
    let other = connect(server);
    let mut tape = Tape::start(&other);
    let stream = playback(&context);
    let sound = noise(millis(1000), 1);
    play(&stream, &sound);
    tape.expect(&sound);
    let counters = context.connection().counters;
    if kind == TransportKind::Socket {
        assert!(counters.bytes_copied as usize >= sound.len(), "{counters:?}");
    } else {
        assert_eq!(counters.bytes_copied, 0, "{counters:?}");
        assert!(counters.bytes_referenced as usize >= sound.len(), "{counters:?}");
    }
}

fn memfds_are_exact_and_nothing_is_copied(server: &Server) {
    exact(server, Transport::Memfd, TransportKind::Memfd);
}

fn posix_memory_is_exact_and_nothing_is_copied(server: &Server) {
    exact(server, Transport::PosixShm, TransportKind::PosixShm);
}

fn the_socket_is_exact(server: &Server) {
    exact(server, Transport::Socket, TransportKind::Socket);
}

fn blocks_are_filled_in_place(server: &Server) {
    let context = connect(server);
    let mut tape = Tape::start(&context);
    let stream = playback(&context);
    let sound = noise(millis(500), 2);
    let mut samples = sound.as_chunks::<4>().0.iter().map(|&sample| f32::from_le_bytes(sample)).peekable();
    let mut turn = 0;
    while samples.peek().is_some() {
        let mut block = get(stream.block(1000 * FRAME));
        assert!(block.len() >= FRAME && block.len() % FRAME == 0 && block.len() <= 1000 * FRAME);
        turn += 1;
        match turn % 3 {
            // Committed by hand, by being dropped, and not at all.
            0 => drop(block),
            1 => {
                block.push_samples(&mut samples);
                block.commit().unwrap();
            }
            _ => drop(block.push_samples(&mut samples)),
        }
    }
    get(stream.drain());
    tape.expect(&sound);
}

fn a_callback_is_asked_for_sound(server: &Server) {
    let context = connect(server);
    let mut tape = Tape::start(&context);
    let sound = noise(millis(700), 3);
    let mut rest = sound.clone();
    let source = move |block: &mut sealpulse_client::PlaybackBlock<'static>| {
        let count = block.push(&rest);
        rest.drain(..count);
    };
    let stream = get(context.playback_from(options("callback").on("out"), source));
    event(&stream, "end of the callback", |event| *event == StreamEvent::CallbackEnded);
    get(stream.drain());
    tape.expect(&sound);
}

fn bytes_of_any_number_are_written(server: &Server) {
    let context = connect(server);
    let mut tape = Tape::start(&context);
    let stream = playback(&context);
    let sound = noise(millis(300), 4);
    let mut writer = stream.writer();
    let (mut at, mut size) = (0, 1);
    while at < sound.len() {
        let piece = &sound[at..sound.len().min(at + size)];
        at += wait(poll_fn(|task| Pin::new(&mut writer).poll_write(task, piece))).unwrap();
        size = size * 5 % 4099 + 1;
    }
    wait(poll_fn(|task| Pin::new(&mut writer).poll_flush(task))).unwrap();
    tape.expect(&sound);
}

fn a_corked_stream_stands_still(server: &Server) {
    let context = connect(server);
    let mut tape = Tape::start(&context);
    let stream = get(context.playback(options("corked").on("out").corked()));
    let sound = noise(millis(10), 5);
    get(stream.write(&sound));
    tape.after(millis(200));
    assert!(!tape.has(&sound) && stream.is_corked());
    assert!(get(context.sink_input(stream.index())).corked);
    get(stream.cork(false));
    // More than the prebuffer takes.
    let more = noise(millis(400), 6);
    get(stream.write(&more));
    get(stream.drain());
    let at = tape.expect(&[sound, more].concat());
    assert!(at > 0);
    get(stream.cork(true));
    until("cork", || get(context.sink_input(stream.index())).corked.then_some(()));
}

fn what_is_flushed_is_not_heard(server: &Server) {
    let context = connect(server);
    let mut tape = Tape::start(&context);
    let stream = get(context.playback(options("flushed").on("out").corked()));
    let (old, new) = (noise(millis(10), 7), noise(millis(400), 8));
    get(stream.write(&old));
    get(stream.flush());
    get(stream.cork(false));
    play(&stream, &new);
    tape.expect(&new);
    assert!(!tape.has(&old));
}

fn a_drain_ends_when_the_sound_does(server: &Server) {
    let context = connect(server);
    let mut tape = Tape::start(&context);
    let stream = get(context.playback(options("drained").on("out").latency(Duration::from_millis(600))));
    let sound = noise(millis(500), 9);
    let before = Instant::now();
    get(stream.write(&sound));
    get(stream.drain());
    let passed = before.elapsed();
    assert!(passed >= Duration::from_millis(400), "{passed:?}");
    tape.expect(&sound);
    // With nothing to drain it is done at once.
    get(stream.drain());
}

fn a_trigger_starts_before_the_prebuffer_is_full(server: &Server) {
    let context = connect(server);
    let mut tape = Tape::start(&context);
    let length = millis(1000) as u32;
    let buffer = Buffer { tlength: length, prebuf: length, ..Buffer::default() };
    let stream = get(context.playback(StreamOptions::new(SPEC).on("out").buffer(buffer)));
    let sound = noise(millis(100), 10);
    get(stream.write(&sound));
    tape.after(millis(300));
    assert!(!tape.has(&sound));
    get(stream.trigger());
    tape.expect(&sound);
}

fn what_is_written_can_be_overwritten(server: &Server) {
    let context = connect(server);
    let mut tape = Tape::start(&context);
    let buffer = Buffer { tlength: millis(2000) as u32, prebuf: 0, ..Buffer::default() };
    let stream = get(context.playback(StreamOptions::new(SPEC).on("out").buffer(buffer).corked()));
    let (mut first, second) = (noise(millis(1000), 11), noise(millis(50), 12));
    play(&stream, &first);
    let place = millis(700);
    let mut block = get(stream.block(second.len()));
    block.seek(SeekMode::Absolute, place as i64);
    assert_eq!(block.push(&second), second.len());
    block.commit().unwrap();
    first[place..place + second.len()].copy_from_slice(&second);
    get(stream.cork(false));
    // Writing goes on behind the place: whether what lies there is still heard is up to the server.
    tape.expect(&first[..place + second.len()]);
}

fn lengths_of_the_buffer_are_agreed_on(server: &Server) {
    let context = connect(server);
    let wanted = Buffer {
        maxlength: millis(4000) as u32,
        tlength: millis(1000) as u32,
        prebuf: millis(500) as u32,
        minreq: millis(100) as u32,
        ..Buffer::default()
    };
    let stream = get(context.playback(StreamOptions::new(SPEC).on("out").buffer(wanted)));
    let sane = |buffer: Buffer| {
        let Buffer { maxlength, tlength, prebuf, minreq, .. } = buffer;
        assert!(minreq > 0 && tlength >= minreq && maxlength >= tlength && prebuf <= tlength, "{buffer:?}");
        assert!([maxlength, tlength, prebuf, minreq].iter().all(|length| length % FRAME as u32 == 0));
    };
    let first = stream.buffer();
    sane(first);
    let distance = |a: u32, b: u32| a.abs_diff(b);
    assert!(distance(first.tlength, wanted.tlength) <= wanted.tlength / 2, "{first:?}");
    assert!(stream.writable() >= first.tlength as usize / 2);
    let smaller = Buffer { tlength: millis(200) as u32, minreq: millis(50) as u32, ..wanted };
    let second = get(stream.set_buffer(smaller, BufferFlags::default()));
    sane(second);
    assert!(second.tlength < first.tlength, "{second:?}");
    assert_eq!(stream.buffer(), second);
}

fn the_rate_changes(server: &Server) {
    let context = connect(server);
    let flags = StreamFlags { variable_rate: true, ..StreamFlags::default() };
    let stream = get(context.playback(options("varied").on("out").flags(flags)));
    get(stream.write(&noise(millis(100), 13)));
    get(stream.set_rate(44_100));
    until("rate", || (get(context.sink_input(stream.index())).sample_spec.rate == 44_100).then_some(()));
}

fn a_name_changes(server: &Server) {
    let context = connect(server);
    let stream = playback(&context);
    get(stream.set_name("another"));
    let name = || get(context.sink_input(stream.index())).name;
    until("name", || (name()? == "another").then_some(()));
    let properties = [("media.artist", "somebody")].into_iter().collect();
    get(stream.update_properties(sealpulse_client::UpdateMode::Replace, properties));
    let artist = || {
        let properties = get(context.sink_input(stream.index())).properties;
        properties.get_str("media.artist").map(str::to_owned)
    };
    until("property", || (artist()? == "somebody").then_some(()));
    get(stream.remove_properties(vec!["media.artist".into()]));
    until("end of the property", || artist().is_none().then_some(()));
}

fn streams_play_together(server: &Server) {
    let context = connect(server);
    let streams: Vec<_> = (0..32).map(|_| playback(&context)).collect();
    for stream in &streams {
        get(stream.write(&noise(millis(200), 14)));
    }
    assert_eq!(get(context.sink_inputs()).len(), streams.len());
    for stream in &streams {
        get(stream.drain());
    }
}
