//! The `pulseaudio` crate as an independent reader and writer of the same packets, versions 13 to 35: what is
//! encoded here is read there, written again there, and has to be the same bytes. Where the crate is known to
//! be wrong, or to know less, it says so here.

use std::io::Cursor;

use proptest::collection::vec;
use proptest::prelude::*;
use pulseaudio::protocol as theirs;

use super::*;
use crate::testing::{Entropy, Sample};
use crate::{VERSION, encode_reply};

/// The oldest version that the crate knows.
const OLDEST: u32 = 13;

/// The packet that the crate writes after it has read ours.
fn rewritten(packet: &[u8], version: u32) -> Result<Vec<u8>, String> {
    let text = |error| format!("{error:?}");
    let mut cursor = Cursor::new(packet);
    let (tag, command) = theirs::Command::read_tag_prefixed(&mut cursor, version as u16).map_err(text)?;
    all_read(&cursor)?;
    let mut written = Vec::new();
    command.write_tag_prefixed(tag, &mut written, version as u16).map_err(text)?;
    Ok(written)
}

/// The content of a reply that the crate writes after it has read ours.
fn reply_rewritten<T: theirs::CommandReply>(content: &[u8], version: u32) -> Result<Vec<u8>, String> {
    let text = |error| format!("{error:?}");
    let mut cursor = Cursor::new(content);
    let reply: T = theirs::TagStructReader::new(&mut cursor, version as u16).read().map_err(text)?;
    all_read(&cursor)?;
    let mut written = Vec::new();
    theirs::TagStructWriter::new(&mut written, version as u16).write(reply).map_err(text)?;
    Ok(written)
}

fn all_read(cursor: &Cursor<&[u8]>) -> Result<(), String> {
    let (read, length) = (cursor.position() as usize, cursor.get_ref().len());
    if read == length { Ok(()) } else { Err(format!("read {read} of {length} bytes")) }
}

macro_rules! define_samples {
    ($($value:literal $wire:ident $name:ident $direction:ident $since:literal $(=> $reply:ty)?;)*) => {
        fn sample_commands(entropy: &[u8]) -> Vec<Command> {
            vec![$($name::sample(&mut Entropy::tame(entropy)).into(),)*]
        }
    };
}

for_each_command!(define_samples);

/// Prepares a command for the crate; false for what it cannot read.
fn prepare(command: &mut Command) -> bool {
    match command {
        // It forgets a volume and a mute that do not count.
        Command::CreatePlaybackStream(stream) => {
            stream.volume_set = true;
            stream.muted_set = true;
        }
        Command::CreateRecordStream(stream) => {
            stream.volume_set = true;
            stream.muted_set = true;
        }
        // It has only bits that mean something.
        Command::Subscribe(subscribe) => subscribe.mask.0 &= 0x2ff,
        Command::SubscribeEvent(event) => event.event.0 &= 0x27,
        // It does not know that these have a content, or a part of it.
        Command::Extension(_)
        | Command::GetSampleInfo(_)
        | Command::RemoveClientProplist(_)
        | Command::RemovePlaybackStreamProplist(_)
        | Command::RemoveRecordStreamProplist(_) => return false,
        // It does not know these at all.
        Command::AddAutoload(_)
        | Command::RemoveAutoload(_)
        | Command::GetAutoloadInfo(_)
        | Command::GetAutoloadInfoList(_)
        | Command::EnableSrbchannel(_)
        | Command::DisableSrbchannel(_)
        | Command::RegisterMemfdShmid(_)
        | Command::SendObjectMessage(_) => return false,
        _ => {}
    }
    true
}

/// Prepares a reply for the crate; false where it is wrong about this version.
trait Prepare {
    fn prepare(&mut self, version: u32) -> bool;
}

macro_rules! prepare {
    ($($ours:ty: |$reply:pat_param, $version:pat_param| $prepare:expr;)*) => {$(
        impl Prepare for $ours {
            fn prepare(&mut self, $version: u32) -> bool {
                let $reply = self;
                $prepare
            }
        }
    )*};
}

prepare! {
    AuthReply: |_, _| true;
    // It refuses negative latency offsets.
    CardInfo: |card, _| {
        card.ports.iter_mut().for_each(|port| port.latency_offset &= i64::MAX);
        true
    };
    ClientInfo: |_, _| true;
    CreatePlaybackStreamReply: |_, _| true;
    // It expects the format from version 21 on; PulseAudio sends it from 22 on.
    CreateRecordStreamReply: |_, version| version != 21;
    CreateUploadStreamReply: |_, _| true;
    LookupReply: |_, _| true;
    ModuleInfo: |_, _| true;
    PlaybackLatency: |_, _| true;
    RecordLatency: |_, _| true;
    // It forgets the file of a sample that is loaded.
    SampleInfo: |sample, _| {
        sample.lazy = true;
        true
    };
    // It writes the channel map also to those that do not know it.
    ServerInfo: |_, version| version >= 15;
    SetClientNameReply: |_, _| true;
    SetPlaybackStreamBufferAttrReply: |_, _| true;
    SetRecordStreamBufferAttrReply: |_, _| true;
    // It keeps the active port as one of the ports, and only flags that mean something.
    SinkInfo: |sink, _| {
        sink.active_port = sink.ports.first().map(|port| port.name.clone());
        sink.flags.0 &= 0x1ff;
        true
    };
    SinkInputInfo: |_, _| true;
    // As with sinks; it expects the formats from version 21 on, PulseAudio sends them from 22 on; and of what
    // ports have since version 34 it writes nothing.
    SourceInfo: |source, version| {
        source.active_port = source.ports.first().map(|port| port.name.clone());
        source.flags.0 &= 0xff;
        version != 21 && (version < 34 || source.ports.is_empty())
    };
    SourceOutputInfo: |_, _| true;
    StatReply: |_, _| true;
}

impl<T: Prepare> Prepare for Vec<T> {
    fn prepare(&mut self, version: u32) -> bool {
        self.iter_mut().all(|entry| entry.prepare(version))
    }
}

fn check_reply<Ours, Theirs>(entropy: &[u8], version: u32)
where
    Ours: Field + Sample + Prepare,
    Theirs: theirs::CommandReply,
{
    let mut reply = Ours::sample(&mut Entropy::tame(entropy));
    if reply.prepare(version) {
        let packet = encode_reply(0, &reply, version);
        let content = &packet[10..];
        let name = std::any::type_name::<Ours>();
        assert_eq!(reply_rewritten::<Theirs>(content, version).as_deref(), Ok(content), "{name} {version}");
    }
}

macro_rules! check_replies {
    ($entropy:expr, $version:expr, $($ours:ty => $theirs:ident;)*) => {
        $(check_reply::<$ours, theirs::$theirs>($entropy, $version);)*
    };
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn commands_agree(entropy in vec(any::<u8>(), 0..600), tag: u32) {
        for mut command in sample_commands(&entropy) {
            if !prepare(&mut command) {
                continue;
            }
            for version in OLDEST..=VERSION {
                let packet = command.encode(tag, version);
                let code = command.code();
                let theirs = rewritten(&packet, version);
                prop_assert_eq!(theirs, Ok(packet), "{} {}", code, version);
            }
        }
    }

    #[test]
    fn replies_agree(entropy in vec(any::<u8>(), 0..600)) {
        for version in OLDEST..=VERSION {
            check_replies! {
                &entropy, version,
                AuthReply => AuthReply;
                CardInfo => CardInfo;
                ClientInfo => ClientInfo;
                CreatePlaybackStreamReply => CreatePlaybackStreamReply;
                CreateRecordStreamReply => CreateRecordStreamReply;
                CreateUploadStreamReply => CreateUploadStreamReply;
                LookupReply => LookupReply;
                ModuleInfo => ModuleInfo;
                PlaybackLatency => PlaybackLatency;
                RecordLatency => RecordLatency;
                SampleInfo => SampleInfo;
                ServerInfo => ServerInfo;
                SetClientNameReply => SetClientNameReply;
                SetPlaybackStreamBufferAttrReply => SetPlaybackStreamBufferAttrReply;
                SetRecordStreamBufferAttrReply => SetRecordStreamBufferAttrReply;
                SinkInfo => SinkInfo;
                SinkInputInfo => SinkInputInfo;
                SourceInfo => SourceInfo;
                SourceOutputInfo => SourceOutputInfo;
                StatReply => StatInfo;
                Vec<CardInfo> => CardInfoList;
                Vec<ClientInfo> => ClientInfoList;
                Vec<ModuleInfo> => ModuleInfoList;
                Vec<SampleInfo> => SampleInfoList;
                Vec<SinkInfo> => SinkInfoList;
                Vec<SinkInputInfo> => SinkInputInfoList;
                Vec<SourceInfo> => SourceInfoList;
                Vec<SourceOutputInfo> => SourceOutputInfoList;
            }
        }
    }
}

/// The crate drops the memfd flag of a descriptor; the other flags it has agree.
#[test]
fn descriptors_agree() {
    use crate::frame::Descriptor;
    for ours in [Descriptor::packet(9), Descriptor::release(3), Descriptor::revoke(4)] {
        let theirs = theirs::read_descriptor(&mut Cursor::new(ours.encode())).unwrap();
        let mut bytes = [0; 20];
        theirs::encode_descriptor(&mut bytes, &theirs);
        assert_eq!(bytes, ours.encode());
    }
}
