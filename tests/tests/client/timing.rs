//! Where a stream is, and its clock.

use crate::stage::{Tape, connect, event, get, millis, noise, options, playback, scenarios, until};
use sealpulse_client::StreamEvent;
use sealpulse_tests::Server;
use std::time::{Duration, Instant};

scenarios! {
    indices_count_bytes
    the_clock_keeps_time_and_never_goes_back
    a_corked_clock_stands_still
    latency_is_what_was_asked_for
    a_recording_has_a_clock
}

fn indices_count_bytes(server: &Server) {
    let context = connect(server);
    let stream = get(context.playback(options("counted").on("out").corked()));
    let sound = noise(millis(10), 1);
    get(stream.write(&sound));
    let timing = get(stream.timing());
    assert_eq!((timing.write_index, timing.read_index), (sound.len() as i64, 0));
    assert!(!timing.running);
    get(stream.cork(false));
    get(stream.write(&noise(millis(400), 2)));
    get(stream.drain());
    let timing = get(stream.timing());
    assert_eq!(timing.write_index, millis(410) as i64);
    // A server may go on counting while there is nothing to play.
    assert!(timing.read_index >= millis(410) as i64, "{timing:?}");
}

fn the_clock_keeps_time_and_never_goes_back(server: &Server) {
    let context = connect(server);
    let stream = playback(&context);
    let sound = noise(millis(3000), 3);
    std::thread::scope(|scope| {
        scope.spawn(|| get(stream.write(&sound)));
        event(&stream, "start", |event| *event == StreamEvent::Started);
        get(stream.timing());
        let first = until("time", || stream.time().filter(|time| *time > Duration::from_millis(300)));
        let (begin, mut last, mut steps) = (Instant::now(), first, 0);
        while begin.elapsed() < Duration::from_millis(1500) {
            let time = stream.time().unwrap();
            assert!(time >= last, "{time:?} after {last:?}");
            steps += u32::from(time > last);
            last = time;
            std::thread::yield_now();
        }
        let (shown, passed) = (last - first, begin.elapsed());
        let difference = shown.abs_diff(passed);
        assert!(difference < Duration::from_millis(150), "{shown:?} in {passed:?}");
        assert!(steps > 500, "it moved only {steps} times");
    });
}

fn a_corked_clock_stands_still(server: &Server) {
    let context = connect(server);
    let mut tape = Tape::start(&context);
    let stream = playback(&context);
    get(stream.write(&noise(millis(400), 4)));
    event(&stream, "start", |event| *event == StreamEvent::Started);
    get(stream.cork(true));
    let first = get(stream.timing());
    tape.after(millis(100));
    let second = get(stream.timing());
    assert!(!second.running);
    let moved = second.time.saturating_sub(first.time);
    assert!(moved < Duration::from_millis(20), "{moved:?}");
}

fn latency_is_what_was_asked_for(server: &Server) {
    let context = connect(server);
    let wanted = Duration::from_millis(200);
    let stream = get(context.playback(options("late").on("out").latency(wanted)));
    let sound = noise(millis(1500), 5);
    get(stream.write(&sound));
    let timing = get(stream.timing());
    assert!(timing.running, "{timing:?}");
    let range = Duration::from_millis(100)..Duration::from_millis(400);
    assert!(range.contains(&timing.latency), "{timing:?}");
    let shown = stream.latency().unwrap();
    assert!(shown < Duration::from_millis(400), "{shown:?}");
}

fn a_recording_has_a_clock(server: &Server) {
    let context = connect(server);
    let mut tape = Tape::start(&context);
    let first = get(tape.stream.timing());
    tape.after(millis(200));
    let second = get(tape.stream.timing());
    let moved = second.write_index - first.write_index;
    assert!(moved >= millis(100) as i64, "{first:?} {second:?}");
    assert!(second.latency < Duration::from_secs(1), "{second:?}");
}
