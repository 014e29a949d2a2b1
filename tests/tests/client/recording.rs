//! Recording: every way of reading, and what a stream can be told.

use crate::stage::{
    FRAME, SPEC, Tape, bytes, config, connect, get, millis, noise, options, playback, scenarios, until, wait,
    within,
};
use crate::stage::{LIMIT, play};
use futures_io::AsyncRead;
use sealpulse_client::{Buffer, BufferFlags, Context, StreamOptions};
use sealpulse_tests::{Server, Transport};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::mpsc;
use std::time::{Duration, Instant};

scenarios! {
    recording_copies_nothing
    bytes_of_any_number_are_read
    a_callback_is_given_sound
    one_stream_alone_is_recorded
    a_corked_recording_stands_still
    what_is_flushed_is_not_read
    lengths_of_the_buffer_are_agreed_on
    sound_that_nobody_reads_is_dropped
    it_is_recorded_over_the_socket
}

fn recording_copies_nothing(server: &Server) {
    let context = connect(server);
    let stream = get(context.record(options("tape").on("out.monitor")));
    let mut heard = 0;
    while heard < millis(500) {
        heard += get(stream.block()).len();
    }
    let counters = context.connection().counters;
    assert_eq!(counters.bytes_copied, 0, "{counters:?}");
    assert!(counters.bytes_referenced as usize >= millis(500) && counters.sealed, "{counters:?}");
}

fn it_is_recorded_over_the_socket(server: &Server) {
    let context = get(Context::connect(config(server, Transport::Socket)));
    let mut tape = Tape::start(&context);
    let stream = playback(&context);
    let sound = noise(millis(300), 20);
    play(&stream, &sound);
    tape.expect(&sound);
}

fn bytes_of_any_number_are_read(server: &Server) {
    let context = connect(server);
    let _tape = Tape::start(&context);
    let stream = get(context.record(options("read").on("out.monitor")));
    let playing = playback(&context);
    let sound = noise(millis(300), 21);
    let mut heard = Vec::new();
    let mut piece = [0; 4099];
    let count = get(stream.read(&mut piece[..3]));
    heard.extend_from_slice(&piece[..count]);
    play(&playing, &sound);
    let (mut reader, mut size) = (stream.reader(), 1);
    // A monitor may lose the beginning.
    let sound = &sound[sound.len() / 2..];
    let head = &sound[..16 * FRAME];
    let end = Instant::now() + LIMIT;
    while Instant::now() < end {
        let part = &mut piece[..size];
        let count = wait(poll_fn(|task| Pin::new(&mut reader).poll_read(task, part))).unwrap();
        assert!(count > 0);
        heard.extend_from_slice(&part[..count]);
        size = size * 5 % 4099 + 1;
        let begin = heard.windows(head.len()).step_by(FRAME).position(|window| window == head);
        if let Some(at) = begin.map(|frames| frames * FRAME)
            && heard.len() >= at + sound.len()
        {
            assert!(&heard[at..at + sound.len()] == sound);
            return;
        }
    }
    panic!("not heard in {} bytes", heard.len());
}

fn a_callback_is_given_sound(server: &Server) {
    let context = connect(server);
    let _tape = Tape::start(&context);
    let (sender, receiver) = mpsc::channel();
    let sink = move |block: &sealpulse_client::RecordBlock| sender.send(bytes(block)).is_ok();
    let stream = get(context.record_to(options("callback").on("out.monitor"), sink));
    let playing = playback(&context);
    let sound = noise(millis(200), 22);
    get(playing.write(&sound));
    let mut heard = Vec::new();
    let end = Instant::now() + LIMIT;
    while !heard
        .windows(16 * FRAME)
        .step_by(FRAME)
        .any(|window| window == &sound[sound.len() / 2..][..16 * FRAME])
    {
        assert!(Instant::now() < end, "not heard in {} bytes", heard.len());
        heard.extend(receiver.recv_timeout(LIMIT).unwrap());
    }
    drop(receiver);
    let ended = async { while stream.event().await != Some(sealpulse_client::StreamEvent::CallbackEnded) {} };
    wait(ended);
}

fn one_stream_alone_is_recorded(server: &Server) {
    let context = connect(server);
    let (one, other) = (playback(&context), playback(&context));
    let (heard, unheard) = (noise(millis(400), 23), noise(millis(400), 24));
    let recording = options("one of two").on("out.monitor").of_sink_input(one.index());
    let stream = get(context.record(recording));
    get(other.write(&unheard));
    get(one.write(&heard));
    let mut bytes_heard = Vec::new();
    let head = &heard[..16 * FRAME];
    let begin = |bytes: &[u8]| bytes.windows(head.len()).step_by(FRAME).position(|window| window == head);
    let end = Instant::now() + LIMIT;
    while begin(&bytes_heard).is_none_or(|at| bytes_heard.len() < at * FRAME + millis(300)) {
        assert!(Instant::now() < end, "not heard in {} bytes", bytes_heard.len());
        bytes_heard.extend(bytes(&get(stream.block())));
    }
    let at = begin(&bytes_heard).unwrap() * FRAME;
    assert!(bytes_heard[at..at + millis(300)] == heard[..millis(300)]);
}

fn a_corked_recording_stands_still(server: &Server) {
    let context = connect(server);
    let stream = get(context.record(options("corked").on("out.monitor").corked()));
    assert!(within(Duration::from_millis(200), stream.block()).is_none());
    get(stream.cork(false));
    get(stream.block());
    get(stream.cork(true));
    until("cork", || get(context.source_output(stream.index())).corked.then_some(()));
}

fn what_is_flushed_is_not_read(server: &Server) {
    let context = connect(server);
    let stream = get(context.record(options("flushed").on("out.monitor")));
    get(stream.block());
    get(stream.cork(true));
    get(stream.flush());
    // All that the server sent before its answer has been dropped, and corked it sends nothing.
    assert_eq!(stream.readable(), 0);
}

fn lengths_of_the_buffer_are_agreed_on(server: &Server) {
    let context = connect(server);
    let buffer = Buffer { fragsize: millis(20) as u32, ..Buffer::default() };
    let stream = get(context.record(StreamOptions::new(SPEC).on("out.monitor").buffer(buffer)));
    let first = stream.buffer();
    assert!(first.fragsize >= FRAME as u32 && first.fragsize <= millis(100) as u32, "{first:?}");
    let wanted = Buffer { fragsize: millis(100) as u32, ..first };
    let second = get(stream.set_buffer(wanted, BufferFlags::default()));
    assert!(second.fragsize > first.fragsize && second == stream.buffer(), "{second:?}");
}

fn sound_that_nobody_reads_is_dropped(server: &Server) {
    let context = connect(server);
    let small = Buffer { maxlength: millis(40) as u32, fragsize: millis(10) as u32, ..Buffer::default() };
    let stream = get(context.record(StreamOptions::new(SPEC).on("out.monitor").buffer(small)));
    let lost = async {
        loop {
            match stream.event().await {
                Some(sealpulse_client::StreamEvent::Overrun { bytes }) => return bytes,
                Some(_) => {}
                None => panic!("it has ended"),
            }
        }
    };
    assert!(wait(lost) > 0);
    assert!(stream.readable() <= stream.buffer().maxlength as usize);
}
