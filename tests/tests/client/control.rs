//! Volumes, mutes, moves, defaults, modules, the sample cache.

use crate::stage::play;
use crate::stage::{SPEC, Tape, connect, get, millis, noise, options, playback, scenarios, until, wait};
use sealpulse_client::{ChannelVolumes, ClientError, ErrorCode, PropList, Volume};
use sealpulse_tests::Server;

scenarios! {
    volumes_of_sinks
    volumes_of_streams
    volumes_of_record_streams
    a_volume_can_be_heard
    mutes
    the_default_sink_changes
    devices_are_suspended
    streams_are_moved
    modules_come_and_go
    a_sample_is_played_from_the_cache
}

fn half() -> ChannelVolumes {
    ChannelVolumes::all(2, Volume(0x8000))
}

fn volumes_of_sinks(server: &Server) {
    let context = connect(server);
    let left = ChannelVolumes::from_slice(&[Volume(0x8000), Volume(0x4000)]).unwrap();
    get(context.set_sink_volume("out", left));
    until("volume", || (get(context.sink("out")).volume == left).then_some(()));
    get(context.set_source_volume("out.monitor", half()));
    until("volume", || (get(context.source("out.monitor")).volume == half()).then_some(()));
}

fn volumes_of_streams(server: &Server) {
    let context = connect(server);
    let mut tape = Tape::start(&context);
    let stream = get(context.playback(options("quiet").on("out").volume(half())));
    let volume = || get(context.sink_input(stream.index())).volume;
    // A session manager may have to see the stream first.
    get(stream.write(&noise(millis(200), 1)));
    tape.after(millis(100));
    until("volume", || (volume() == half()).then_some(()));
    get(context.set_sink_input_volume(stream.index(), ChannelVolumes::norm(2)));
    until("volume", || (volume() == ChannelVolumes::norm(2)).then_some(()));
}

fn volumes_of_record_streams(server: &Server) {
    let context = connect(server);
    let tape = Tape::start(&context);
    get(context.set_source_output_volume(tape.stream.index(), half()));
    until("volume", || (get(context.source_output(tape.stream.index())).volume == half()).then_some(()));
    get(context.set_source_output_mute(tape.stream.index(), true));
    until("mute", || get(context.source_output(tape.stream.index())).mute.then_some(()));
}

fn a_volume_can_be_heard(server: &Server) {
    let context = connect(server);
    let mut tape = Tape::start(&context);
    let stream = get(context.playback(options("quiet").on("out").volume(half()).corked()));
    until("volume", || (get(context.sink_input(stream.index())).volume == half()).then_some(()));
    let sound: Vec<u8> = 0.8f32.to_le_bytes().repeat(2 * 9600);
    get(stream.cork(false));
    get(stream.write(&sound));
    get(stream.drain());
    // A volume of one half on PulseAudio's scale is one eighth of the amplitude.
    let peaks = |bytes: &[u8]| {
        let samples = bytes.as_chunks::<4>().0.iter().map(|&sample| f32::from_le_bytes(sample));
        samples.filter(|sample| (sample - 0.1).abs() < 0.001).count()
    };
    let heard = peaks(tape.after(millis(300)));
    assert!(heard > 9_000, "{heard} samples of the right height");
}

fn mutes(server: &Server) {
    let context = connect(server);
    let stream = playback(&context);
    for mute in [true, false] {
        get(context.set_sink_mute("out", mute));
        until("mute", || (get(context.sink("out")).mute == mute).then_some(()));
        get(context.set_source_mute("out.monitor", mute));
        until("mute", || (get(context.source("out.monitor")).mute == mute).then_some(()));
        get(context.set_sink_input_mute(stream.index(), mute));
        until("mute", || (get(context.sink_input(stream.index())).mute == mute).then_some(()));
    }
}

fn the_default_sink_changes(server: &Server) {
    let context = connect(server);
    get(context.set_default_sink("other"));
    until("default", || (get(context.server_info()).default_sink_name? == "other").then_some(()));
    let stream = get(context.playback(options("default")));
    let index = get(context.sink("other")).index;
    until("stream", || (get(context.sink_input(stream.index())).sink_index? == index).then_some(()));
    get(context.set_default_source("out.monitor"));
    until("default", || (get(context.server_info()).default_source_name? == "out.monitor").then_some(()));
}

fn devices_are_suspended(server: &Server) {
    let context = connect(server);
    get(context.suspend_sink("out", true));
    until("suspension", || {
        (get(context.sink("out")).state == sealpulse_client::DeviceState::Suspended).then_some(())
    });
    get(context.suspend_sink("out", false));
    let mut tape = Tape::start(&context);
    let stream = playback(&context);
    let sound = noise(millis(100), 4);
    play(&stream, &sound);
    tape.expect(&sound);
}

fn streams_are_moved(server: &Server) {
    let context = connect(server);
    let stream = playback(&context);
    get(stream.write(&noise(millis(50), 3)));
    let other = get(context.sink("other")).index;
    get(context.move_sink_input(stream.index(), "other"));
    until("move", || (get(context.sink_input(stream.index())).sink_index? == other).then_some(()));
    let tape = Tape::start(&context);
    let source = get(context.source("other.monitor")).index;
    get(context.move_source_output(tape.stream.index(), source));
    let moved = || get(context.source_output(tape.stream.index())).source_index;
    until("move", || (moved()? == source).then_some(()));
}

fn modules_come_and_go(server: &Server) {
    let context = connect(server);
    let index = get(context.load_module("module-null-sink", "sink_name=third"));
    let module = get(context.module(index));
    assert_eq!(module.name, "module-null-sink");
    assert!(module.argument.unwrap().contains("sink_name=third"));
    until("sink", || wait(context.sink("third")).ok());
    get(context.unload_module(index));
    until("end of the sink", || wait(context.sink("third")).err());
    assert!(wait(context.module(index)).is_err());
    let refused = wait(context.load_module("module-that-is-not-there", ""));
    assert!(matches!(refused, Err(ClientError::Server { .. })), "{refused:?}");
}

fn a_sample_is_played_from_the_cache(server: &Server) {
    let context = connect(server);
    let sound = noise(millis(300), 9);
    get(context.upload_sample("bell", SPEC, None, &sound, PropList::new()));
    let info = get(context.sample("bell"));
    assert_eq!((info.length as usize, info.sample_spec), (sound.len(), SPEC));
    assert_eq!(get(context.samples()).len(), 1);
    let mut tape = Tape::start(&context);
    get(context.play_sample("bell", Some("out".into()), None, PropList::new()));
    // Its end may wait for a whole cycle of the device.
    tape.expect(&sound[..millis(200)]);
    get(context.remove_sample("bell"));
    assert!(get(context.samples()).is_empty());
    let gone = wait(context.play_sample("bell", None, None, PropList::new()));
    assert!(matches!(gone, Err(ClientError::Server { code: ErrorCode::NoEntity, .. })), "{gone:?}");
}
