//! The sample cache: what is uploaded, listed, played, replaced and removed, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Client, Fixture};
use sealpulse_protocol::command::*;
use sealpulse_protocol::{
    ErrorCode, Facility, Operation, PropList, SubscriptionEvent, SubscriptionMask, Usec,
};
use sealpulse_spec::{ChannelMap, ChannelVolumes, SampleFormat, SampleSpec, Volume};

const SPEC: SampleSpec = SampleSpec { format: SampleFormat::S16Le, channels: 1, rate: 8_000 };

fn create(name: &str, length: u32) -> CreateUploadStream {
    CreateUploadStream {
        name: Some(name.to_owned()),
        sample_spec: Some(SPEC),
        channel_map: ChannelMap::mono(),
        length,
        properties: [("media.role", "test"), ("key", "value")].into_iter().collect(),
    }
}

fn upload(client: &mut Client, name: &str, bytes: &[u8]) {
    let made = client.call(&create(name, bytes.len() as u32)).unwrap();
    assert_eq!(made.length as usize, bytes.len());
    for piece in bytes.chunks(60_000) {
        client.send_block(made.channel, piece);
    }
    client.call(&FinishUploadStream { channel: made.channel }).unwrap();
}

fn play(name: &str) -> PlaySample {
    PlaySample { name: Some(name.to_owned()), volume: u32::MAX, ..PlaySample::default() }
}

fn info(client: &mut Client, name: &str) -> Result<SampleInfo, ErrorCode> {
    client.call(&GetSampleInfo { index: None, name: Some(name.to_owned()) })
}

fn sample_event(client: &mut Client, operation: Operation) -> Option<u32> {
    let wanted = SubscriptionEvent::new(Facility::SampleCache, operation);
    client.wait_for(|notice| match notice {
        Command::SubscribeEvent(event) if event.event == wanted => Some(event.index),
        _ => None,
    })
}

#[test]
fn a_sample_comes_is_shown_and_goes() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    client.call(&Subscribe { mask: SubscriptionMask::ALL }).unwrap();
    upload(&mut client, "bell", &[1; 8_000]);
    assert_eq!(sample_event(&mut client, Operation::New), Some(0));
    let bell = info(&mut client, "bell").unwrap();
    assert_eq!((bell.index, bell.name.as_str(), bell.length), (0, "bell", 8_000));
    assert_eq!((bell.duration, bell.sample_spec), (Usec(500_000), SPEC));
    assert_eq!((bell.volume.channels(), bell.lazy, bell.file_name.clone()), (0, false, None));
    assert_eq!(bell.properties.get_str("media.role"), Some("test"));
    assert_eq!(client.call(&GetSampleInfo { index: Some(0), name: None }).unwrap(), bell);
    assert_eq!(info(&mut client, "0").unwrap(), bell, "a number is an index");
    assert_eq!(client.call(&GetSampleInfoList {}).unwrap(), [bell]);
    assert_eq!(client.call(&Stat {}).unwrap().sample_cache_size, 8_000);

    upload(&mut client, "bell", &[2; 4_000]);
    assert_eq!(sample_event(&mut client, Operation::Change), Some(0));
    assert_eq!(info(&mut client, "bell").unwrap().length, 4_000);
    client.call(&RemoveSample { name: Some("bell".to_owned()) }).unwrap();
    assert_eq!(sample_event(&mut client, Operation::Remove), Some(0));
    assert_eq!(info(&mut client, "bell"), Err(ErrorCode::NoEntity));
    upload(&mut client, "bell", &[1; 2]);
    assert_eq!(info(&mut client, "bell").unwrap().index, 1, "indexes are not used twice");
}

#[test]
fn a_sample_is_played_once_and_its_stream_goes() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    upload(&mut client, "bell", &[1; 1_600]);
    client.call(&Subscribe { mask: SubscriptionMask::ALL }).unwrap();
    let mut command = play("bell");
    command.volume = 0x8000;
    command.properties = [("key", "given")].into_iter().collect();
    let index = client.call(&command).unwrap().sink_input_index.unwrap();
    let input = client.call(&GetSinkInputInfo { index: Some(index) });
    // It may have ended already.
    if let Ok(input) = input {
        assert_eq!(input.volume, ChannelVolumes::all(1, Volume(0x8000)));
        assert_eq!((input.owner_module, input.client_index), (None, None));
        let property = |key| input.properties.get_str(key);
        assert_eq!((property("media.name"), property("event.id")), (Some("bell"), Some("bell")));
        assert_eq!((property("key"), property("media.role")), (Some("given"), Some("test")));
        assert_eq!(property("application.name"), Some("test"));
    }
    client.wait_for(|notice| match notice {
        Command::SubscribeEvent(event)
            if event.event == SubscriptionEvent::new(Facility::SinkInput, Operation::Remove) =>
        {
            (event.index == Some(index)).then_some(())
        }
        _ => None,
    });
    assert_eq!(client.call(&GetSinkInputInfoList {}).unwrap(), []);
}

#[test]
fn a_played_sample_sounds_as_it_is() {
    let fixture =
        Fixture::with(|config| config.null_sink = Some("rate=8000 channels=1 format=s16le".to_owned()));
    let mut client = fixture.client(35);
    let sound: Vec<u8> = (1..=20_000_i16).flat_map(i16::to_le_bytes).collect();
    upload(&mut client, "ramp", &sound);
    client
        .call(&CreateRecordStream {
            sample_spec: Some(SPEC),
            channel_map: ChannelMap::mono(),
            source_name: Some("null.monitor".to_owned()),
            maxlength: u32::MAX,
            fragsize: 400,
            adjust_latency: true,
            volume: ChannelVolumes::norm(1),
            ..CreateRecordStream::default()
        })
        .unwrap();
    client.wait_for_block();
    client.send(&play("ramp"));
    let mut heard = Vec::new();
    while heard.len() < sound.len() {
        let (_, bytes) = client.wait_for_block();
        let silent = if heard.is_empty() { bytes.iter().take_while(|&&byte| byte == 0).count() } else { 0 };
        // The first frame is 1, 0: it begins with the byte that is not zero.
        heard.extend_from_slice(&bytes[silent..]);
    }
    assert!(heard[..sound.len()] == sound[..], "bit for bit");
}

#[test]
fn samples_outlive_who_sent_them_and_play_on_when_removed() {
    let fixture = Fixture::new();
    let mut sender = fixture.client(35);
    upload(&mut sender, "long", &[1; 160_000]);
    drop(sender);
    let mut client = fixture.client(35);
    let index = client.call(&play("long")).unwrap().sink_input_index.unwrap();
    client.call(&RemoveSample { name: Some("long".to_owned()) }).unwrap();
    assert!(client.call(&GetSinkInputInfo { index: Some(index) }).is_ok());
    client.call(&KillSinkInput { index: Some(index) }).unwrap();
    assert_eq!(client.call(&GetSinkInputInfo { index: Some(index) }).map(|_| ()), Err(ErrorCode::NoEntity));
}

#[test]
fn a_sample_moves_whole() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    let argument = Some("sink_name=second rate=48000".to_owned());
    client.call(&LoadModule { name: Some("module-null-sink".to_owned()), argument }).unwrap();
    // More than a stream's queue may hold.
    upload(&mut client, "long", &vec![1; 8 << 20]);
    let index = client.call(&play("long")).unwrap().sink_input_index;
    let second = Some("second".to_owned());
    client.call(&MoveSinkInput { index, sink_index: None, sink_name: second }).unwrap();
    let input = client.call(&GetSinkInputInfo { index }).unwrap();
    assert_eq!(input.sink_index, Some(1));
    assert!(input.buffer_latency > Usec(500_000_000), "{:?}", input.buffer_latency);
    client.call(&KillSinkInput { index }).unwrap();
}

#[test]
fn uploads_are_checked() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    let mut refused = |change: &dyn Fn(&mut CreateUploadStream)| {
        let mut command = create("bell", 100);
        change(&mut command);
        client.call(&command).map(|_| ())
    };
    let invalid = Err(ErrorCode::Invalid);
    assert_eq!(refused(&|c| c.sample_spec = None), invalid);
    assert_eq!(refused(&|c| c.channel_map = ChannelMap::stereo()), invalid);
    assert_eq!(refused(&|c| c.length = 0), invalid);
    assert_eq!(refused(&|c| c.length = 101), invalid);
    assert_eq!(refused(&|c| c.length = (16 << 20) + 2), Err(ErrorCode::TooLarge));
    assert_eq!(refused(&|c| c.name = Some("a name".to_owned())), invalid);
    assert_eq!(refused(&|c| c.name = None), invalid);
    let many: PropList = ["a", "b", "c"].map(|key| (key, "x".repeat(60_000))).into_iter().collect();
    assert_eq!(refused(&|c| c.properties = many.clone()), Err(ErrorCode::TooLarge));
    let named = |key: &'static str| {
        move |c: &mut CreateUploadStream| {
            c.name = None;
            c.properties = [(key, "from-properties")].into_iter().collect();
        }
    };
    assert_eq!(refused(&named("event.id")), Ok(()));
    assert_eq!(refused(&named("media.name")), Ok(()));
    assert_eq!(refused(&named("other")), invalid);
}

#[test]
fn an_upload_ends_once_and_needs_something() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    let channel = client.call(&create("bell", 100)).unwrap().channel;
    assert_eq!(client.call(&FinishUploadStream { channel }).map(|_| ()), Err(ErrorCode::TooLarge));
    assert_eq!(client.call(&FinishUploadStream { channel }).map(|_| ()), Err(ErrorCode::NoEntity));
    let channel = client.call(&create("bell", 100)).unwrap().channel;
    let other = client.call(&create("other", 100)).unwrap().channel;
    assert_ne!(channel, other);
    assert_eq!(client.call(&DeletePlaybackStream { channel }).map(|_| ()), Err(ErrorCode::NoEntity));
    client.call(&DeleteUploadStream { channel }).unwrap();
    client.send_block(channel, &[1; 100]);
    assert_eq!(client.call(&DeleteUploadStream { channel }).map(|_| ()), Err(ErrorCode::NoEntity));
    client.send_block(other, &[1; 60]);
    client.call(&FinishUploadStream { channel: other }).unwrap();
    assert_eq!(info(&mut client, "other").unwrap().length, 60, "what came counts");
    assert_eq!(info(&mut client, "bell"), Err(ErrorCode::NoEntity));
}

#[test]
fn names_are_shared_with_devices() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    let channel = client.call(&create("null", 2)).unwrap().channel;
    client.send_block(channel, &[0; 2]);
    assert_eq!(client.call(&FinishUploadStream { channel }).map(|_| ()), Err(ErrorCode::Internal));
    upload(&mut client, "taken", &[0; 2]);
    let argument = Some("sink_name=taken".to_owned());
    client.call(&LoadModule { name: Some("module-null-sink".to_owned()), argument }).unwrap();
    assert_eq!(client.call(&GetSinkInfo { index: Some(1), name: None }).unwrap().name, "taken.2");
}

#[test]
fn playing_is_checked() {
    let fixture = Fixture::new();
    let mut client = fixture.client(35);
    upload(&mut client, "bell", &[0; 2]);
    let mut refused = |change: &dyn Fn(&mut PlaySample)| {
        let mut command = play("bell");
        change(&mut command);
        client.call(&command).map(|_| ())
    };
    let (invalid, missing) = (Err(ErrorCode::Invalid), Err(ErrorCode::NoEntity));
    assert_eq!(refused(&|c| c.name = None), invalid);
    assert_eq!(refused(&|c| c.name = Some("no name".to_owned())), invalid);
    assert_eq!(refused(&|c| c.name = Some("other".to_owned())), missing);
    assert_eq!(refused(&|c| c.sink_name = Some("no name".to_owned())), invalid);
    assert_eq!(refused(&|c| c.sink_name = Some("other".to_owned())), missing);
    assert_eq!(refused(&|c| c.sink_index = Some(7)), missing);
    assert_eq!(refused(&|c| (c.sink_index, c.sink_name) = (Some(0), Some("null".to_owned()))), invalid);
    assert_eq!(refused(&|c| c.sink_name = Some("@DEFAULT_SINK@".to_owned())), Ok(()));
    client.call(&SuspendSink { index: Some(0), name: None, suspend: true }).unwrap();
    assert_eq!(client.call(&play("bell")).map(|_| ()), missing, "nothing plays while the sink stands still");
}

#[test]
fn all_samples_together_have_a_limit() {
    let fixture = Fixture::with(|config| config.limits.sample_bytes = 100_000);
    let mut client = fixture.client(35);
    upload(&mut client, "first", &[0; 40_000]);
    let coming = client.call(&create("second", 40_000)).unwrap().channel;
    assert_eq!(client.call(&create("third", 40_000)).map(|_| ()), Err(ErrorCode::TooLarge));
    client.call(&DeleteUploadStream { channel: coming }).unwrap();
    upload(&mut client, "third", &[0; 40_000]);
    client.call(&RemoveSample { name: Some("first".to_owned()) }).unwrap();
    upload(&mut client, "fourth", &[0; 40_000]);
}

#[test]
fn old_clients_have_samples_too() {
    let fixture = Fixture::new();
    let mut client = fixture.client(12);
    upload(&mut client, "bell", &[0; 2]);
    client.call(&play("bell")).unwrap();
    let mut new = fixture.client(35);
    assert_eq!(info(&mut new, "bell").unwrap().properties.get_str("media.name"), Some("bell"));
}
