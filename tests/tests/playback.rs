//! What is played arrives at the monitor as it should.

use sealpulse_tests::samples::{self, noise};
use sealpulse_tests::{Client, Recorder, Server, Transport};
use std::path::PathBuf;
use std::time::Duration;

fn null_sink(format: &str, rate: u32, channels: u8) -> Server {
    Server::start(&[&format!(
        "module-null-sink sink_name=out format={format} rate={rate} channels={channels}"
    )])
}

fn write(client: &Client, name: &str, bytes: &[u8]) -> PathBuf {
    let path = client.path(name);
    std::fs::write(&path, bytes).expect("the file can be written");
    path
}

/// Plays raw samples to their end.
fn play(client: &Client, file: &std::path::Path, format: &str, rate: u32, channels: u8, more: &[&str]) {
    let mut arguments = vec!["--raw".to_owned(), "--device=out".into(), format!("--format={format}")];
    arguments.extend([format!("--rate={rate}"), format!("--channels={channels}")]);
    arguments.extend(more.iter().map(|&argument| argument.to_owned()));
    arguments.push(file.display().to_string());
    client.run("pacat", &arguments).expect_success("pacat");
}

fn bit_for_bit(transport: Transport, format: &str) {
    let server = null_sink(format, 48_000, 2);
    let client = server.client(transport);
    let recorder = Recorder::start(&client, "out.monitor", format, 48_000, 2);
    let sound = noise(format, 2, 3 * 48_000 + 17, 7);
    play(&client, &write(&client, "sound", &sound), format, 48_000, 2, &[]);
    let frame = 2 * samples::width(format);
    // PulseAudio takes silence that a recorder has got already for played, and so loses the beginning.
    let wanted = if server.is_sealpulse() { &sound } else { &sound[48_000 * frame..] };
    recorder.wait_for(wanted, frame, Duration::from_secs(15));
}

macro_rules! bit_for_bit {
    ($($name:ident: $transport:ident $format:literal,)*) => {$(
        #[test]
        fn $name() {
            bit_for_bit(Transport::$transport, $format);
        }
    )*};
}

bit_for_bit! {
    s16le_arrives_bit_for_bit_by_memfd: Memfd "s16le",
    s16le_arrives_bit_for_bit_by_posix_shm: PosixShm "s16le",
    s16le_arrives_bit_for_bit_by_socket: Socket "s16le",
    s24le_arrives_bit_for_bit_by_memfd: Memfd "s24le",
    s24le_arrives_bit_for_bit_by_posix_shm: PosixShm "s24le",
    s24le_arrives_bit_for_bit_by_socket: Socket "s24le",
    s32le_arrives_bit_for_bit_by_memfd: Memfd "s32le",
    s32le_arrives_bit_for_bit_by_posix_shm: PosixShm "s32le",
    s32le_arrives_bit_for_bit_by_socket: Socket "s32le",
    float32le_arrives_bit_for_bit_by_memfd: Memfd "float32le",
    float32le_arrives_bit_for_bit_by_posix_shm: PosixShm "float32le",
    float32le_arrives_bit_for_bit_by_socket: Socket "float32le",
}
