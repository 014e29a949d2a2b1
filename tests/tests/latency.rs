//! A stream that wants little latency, beside others, for a minute. It is a test binary of its own, so that no
//! other test takes the processor from it.

use sealpulse_tests::{Kind, Orchestra, ServerOptions, Transport, Witness, samples};
use std::time::Duration;

#[test]
fn ten_milliseconds_for_a_minute_beside_five_others() {
    let server =
        ServerOptions::new(&["module-null-sink sink_name=out rate=48000"]).kind(Kind::Sealpulse).start();
    let client = server.client(Transport::Memfd);
    let mut all = Orchestra::new(&client);
    let tone = client.path("tone.wav");
    let sine = samples::sine(440.0, 0.1, 44_100, 2, 64.0);
    std::fs::write(&tone, samples::wav(&sine, 44_100, 2)).expect("the file can be written");
    let noise = samples::noise("s16le", 2, 60 * 48_000, 11);
    std::fs::write(client.path("noise"), noise).expect("the file can be written");
    all.gstreamer(&tone);
    all.gstreamer(&tone);
    all.mplayer(&tone);
    all.mplayer(&tone);
    all.paplay(&tone);
    // Five programs that load their libraries at once would take the processor for themselves.
    all.until_playing(5, Duration::from_secs(30));
    let low = ["--raw", "--rate=48000", "--format=s16le", "--channels=2", "--latency-msec=10", "-v", "noise"];
    let witness = Witness::start();
    all.start("pacat", &low);
    all.play(Duration::from_secs(120));
    let stalls = witness.finish();
    println!("a processor was gone {stalls} times");
    assert_eq!(all.at_once(), 6, "all six played at once");
    all.expect_sealed_and_whole();
}
