//! Sound files as scripts load and play them; a function of the program opens them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use common::{Client, Fixture};
use sealpulse_protocol::command::*;
use sealpulse_protocol::{ErrorCode, Facility, Operation, SubscriptionEvent, SubscriptionMask};
use sealpulse_server::{Config, DecodeFailure, SoundFile, StartStep};
use sealpulse_spec::{ChannelMap, SampleFormat, SampleSpec};

const SPEC: SampleSpec = SampleSpec { format: SampleFormat::S16Le, channels: 1, rate: 8_000 };

/// A file by whose name it is good, or not.
fn open(path: &Path) -> Result<SoundFile, DecodeFailure> {
    let bytes = match path.to_str() {
        Some("/short") => 800,
        Some("/empty") => 0,
        Some("/huge") => 65 << 20,
        Some("/damaged") => {
            let decode = Box::new(|_| Err("it is damaged".into()));
            return Ok(SoundFile { spec: SPEC, map: ChannelMap::mono(), decode });
        }
        Some("/nonsense") => {
            let decode = Box::new(|_| Ok(vec![0; 800]));
            return Ok(SoundFile { spec: SPEC, map: ChannelMap::stereo(), decode });
        }
        _ => return Err("it is no sound".into()),
    };
    Ok(SoundFile { spec: SPEC, map: ChannelMap::mono(), decode: Box::new(move |_| Ok(vec![0; bytes])) })
}

fn server(commands: &[&str], change: impl FnOnce(&mut Config)) -> Fixture {
    Fixture::with(|config| {
        config.open_sound_file = Some(open);
        config.start_strictly = false;
        config.start = commands.iter().map(|command| StartStep::Command((*command).to_owned())).collect();
        change(config);
    })
}

fn sample(client: &mut Client, name: &str) -> Result<SampleInfo, ErrorCode> {
    client.call(&GetSampleInfo { index: None, name: Some(name.to_owned()) })
}

fn play(client: &mut Client, name: &str) -> Result<PlaySampleReply, ErrorCode> {
    client.call(&PlaySample { name: Some(name.to_owned()), volume: u32::MAX, ..PlaySample::default() })
}

fn wait_for(client: &mut Client, facility: Facility, operation: Operation) {
    let wanted = SubscriptionEvent::new(facility, operation);
    client.wait_for(|notice| match notice {
        Command::SubscribeEvent(event) if event.event == wanted => Some(()),
        _ => None,
    });
}

#[test]
fn a_lazy_sample_is_in_memory_while_it_is_used() {
    let fixture =
        server(&["load-sample-lazy bell /short"], |config| config.sample_idle_time = Duration::ZERO);
    let mut client = fixture.client(35);
    client.call(&Subscribe { mask: SubscriptionMask::ALL }).unwrap();
    let before = sample(&mut client, "bell").unwrap();
    assert_eq!((before.lazy, before.length, before.file_name.as_deref()), (true, 0, Some("/short")));
    assert_eq!((before.sample_spec.channels, before.channel_map.channels()), (0, 0));
    assert_eq!(before.properties.get_str("media.filename"), Some("/short"));
    for _ in 0..2 {
        play(&mut client, "bell").unwrap();
        // It comes, and goes at once, since no time was given.
        wait_for(&mut client, Facility::SampleCache, Operation::Change);
        wait_for(&mut client, Facility::SinkInput, Operation::Remove);
        assert_eq!(sample(&mut client, "bell").unwrap(), before);
    }
    client.call(&RemoveSample { name: Some("bell".to_owned()) }).unwrap();
}

#[test]
fn a_lazy_sample_stays_for_its_time() {
    let fixture = server(&["load-sample-lazy bell /short"], |config| {
        config.sample_idle_time = Duration::from_secs(3_600);
    });
    let mut client = fixture.client(35);
    play(&mut client, "bell").unwrap();
    let loaded = sample(&mut client, "bell").unwrap();
    assert_eq!((loaded.lazy, loaded.length, loaded.sample_spec), (true, 800, SPEC));
    assert_eq!(client.call(&Stat {}).unwrap().sample_cache_size, 800);
    play(&mut client, "bell").unwrap();
    client.call(&RemoveSample { name: Some("bell".to_owned()) }).unwrap();
    assert_eq!(client.call(&Stat {}).unwrap().sample_cache_size, 0);
}

#[test]
fn what_does_not_sound_is_not_kept() {
    let bad = ["/empty", "/huge", "/damaged", "/nonsense", "/no"];
    let load = |how: &str| bad.map(|file| format!("{how} {} {file}", &file[1..]));
    let commands = [load("load-sample"), load("load-sample-lazy")].concat();
    let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
    let fixture = server(&commands[..5], |_| {});
    let mut client = fixture.client(35);
    assert_eq!(client.call(&GetSampleInfoList {}).unwrap(), []);
    // Of a lazy one it shows when it is played.
    let fixture = server(&commands[5..], |_| {});
    let mut client = fixture.client(35);
    assert_eq!(client.call(&GetSampleInfoList {}).unwrap().len(), bad.len());
    for file in bad {
        assert_eq!(play(&mut client, &file[1..]).map(|_| ()), Err(ErrorCode::NoEntity), "{file}");
    }
}

#[test]
fn samples_of_files_count_against_the_limit() {
    let commands = ["load-sample one /short", "load-sample two /short", "load-sample-lazy three /short"];
    let fixture = server(&commands, |config| config.limits.sample_bytes = 2_500);
    let mut client = fixture.client(35);
    assert!(sample(&mut client, "one").is_ok());
    assert_eq!(sample(&mut client, "two").map(|_| ()), Err(ErrorCode::NoEntity));
    assert_eq!(play(&mut client, "three").map(|_| ()), Err(ErrorCode::NoEntity));
}

#[test]
fn a_file_is_played_once() {
    let fixture = server(&[], |_| {});
    let mut client = fixture.client(35);
    let socket = fixture.directory.path().join("cli");
    let argument = Some(format!("socket={}", socket.display()));
    client.call(&LoadModule { name: Some("module-cli-protocol-unix".to_owned()), argument }).unwrap();
    client.call(&Subscribe { mask: SubscriptionMask::ALL }).unwrap();
    let mut script = UnixStream::connect(socket).unwrap();
    script.write_all(b"play-file /damaged 0\nplay-file /short 0\n").unwrap();
    wait_for(&mut client, Facility::SinkInput, Operation::Remove);
    assert_eq!(client.call(&GetSinkInputInfoList {}).unwrap(), []);
    assert!(client.is_alive());
}

#[test]
fn without_a_decoder_files_are_refused() {
    let fixture = server(&["load-sample bell /short"], |config| config.open_sound_file = None);
    let mut client = fixture.client(35);
    assert_eq!(client.call(&GetSampleInfoList {}).unwrap(), []);
}
