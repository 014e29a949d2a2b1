//! Every command and reply, at every version, there and back; cut short, too long, and made of noise.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::testing::{Entropy, Sample};
use crate::{DecodeError, MIN_VERSION, VERSION, decode_reply, decode_server_packet, encode_reply};

macro_rules! define_samples {
    ($($value:literal $wire:ident $name:ident $direction:ident $since:literal $(=> $reply:ty)?;)*) => {
        /// A command of each kind.
        fn sample_commands(entropy: &[u8]) -> Vec<Command> {
            vec![$($name::sample(&mut Entropy::new(entropy)).into(),)*]
        }

        fn seen_by(command: Command, version: u32) -> Command {
            match command {
                $(Command::$name(command) => command.seen_by(version).into(),)*
            }
        }

        fn check_replies(entropy: &[u8], version: u32) {
            $($(check_reply::<$reply>(entropy, version);)?)*
        }

        /// Reads a content as each reply there is.
        fn read_as_any_reply(content: &[u8], version: u32) {
            $($(let _ = decode_reply::<$reply>(content, version);)?)*
        }
    };
}

for_each_command!(define_samples);

fn check_reply<R: Sample + Field + Clone + std::fmt::Debug + PartialEq>(entropy: &[u8], version: u32) {
    let reply = R::sample(&mut Entropy::new(entropy));
    let packet = encode_reply(7, &reply, version);
    let content = &packet[10..];
    assert_eq!(decode_reply::<R>(content, version), Ok(reply.seen_by(version)), "version {version}");
    for end in 0..content.len() {
        let _ = decode_reply::<R>(&content[..end], version);
    }
}

/// Those whose content is not looked into.
fn is_opaque(command: &Command) -> bool {
    matches!(
        command,
        Command::Extension(_)
            | Command::AddAutoload(_)
            | Command::RemoveAutoload(_)
            | Command::GetAutoloadInfo(_)
            | Command::GetAutoloadInfoList(_)
    )
}

fn entropy() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..600)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn commands_survive_every_version(entropy in entropy(), tag: u32) {
        for command in sample_commands(&entropy) {
            for version in MIN_VERSION..=VERSION {
                let packet = command.encode(tag, version);
                let expected = seen_by(command.clone(), version);
                prop_assert_eq!(Command::decode(&packet, version), Ok((tag, expected)));
            }
        }
    }

    #[test]
    fn replies_survive_every_version(entropy in entropy()) {
        for version in MIN_VERSION..=VERSION {
            check_replies(&entropy, version);
        }
    }

    #[test]
    fn commands_cut_short_or_too_long_are_errors(entropy in entropy(), version in MIN_VERSION..=VERSION) {
        for command in sample_commands(&entropy).into_iter().filter(|command| !is_opaque(command)) {
            let mut packet = command.encode(0, version);
            for end in 0..packet.len() {
                let error = Command::decode(&packet[..end], version).unwrap_err();
                prop_assert_eq!(error.tag(), (end >= 10).then_some(0));
            }
            packet.push(b'N');
            let error = Command::decode(&packet, version).unwrap_err();
            let trailing = TagstructError::Trailing { offset: packet.len() - 1, count: 1 };
            let code = command.code();
            prop_assert_eq!(error, DecodeError::Content { code, tag: 0, error: trailing });
        }
    }

    #[test]
    fn damaged_packets_do_no_harm(
        entropy in entropy(),
        version in MIN_VERSION..=VERSION,
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        for command in sample_commands(&entropy) {
            let mut packet = command.encode(0, version);
            for (place, byte) in &damage {
                let place = place.index(packet.len());
                packet[place] = *byte;
            }
            let _ = Command::decode(&packet, version);
            let _ = decode_server_packet(&packet, version);
        }
    }

    #[test]
    fn noise_does_no_harm(noise in vec(any::<u8>(), 0..200), version: u32) {
        let _ = Command::decode(&noise, version);
        let _ = decode_server_packet(&noise, version);
        read_as_any_reply(&noise, version);
        for code in 0..=105_u32 {
            let mut packet = vec![b'L'];
            packet.extend(code.to_be_bytes());
            packet.extend(b"L\0\0\0\0");
            packet.extend(&noise);
            let _ = Command::decode(&packet, version);
        }
    }
}

#[test]
fn old_peers_see_formats_that_they_know() {
    use sealpulse_spec::{SampleFormat::*, SampleSpec};
    let seen = |format, version| {
        let sample_spec = SampleSpec { format, channels: 2, rate: 48_000 };
        let info = SinkInfo { sample_spec, ..Default::default() };
        let packet = encode_reply(0, &info, version);
        decode_reply::<SinkInfo>(&packet[10..], version).unwrap().sample_spec.format
    };
    assert_eq!([seen(S32Le, 11), seen(S32Be, 11), seen(S32Le, 12)], [F32Le, F32Be, S32Le]);
    assert_eq!([seen(S24In32Be, 14), seen(S24Le, 14), seen(S24Le, 15)], [F32Be, F32Le, S24Le]);
}

#[test]
fn absent_fields_have_their_defaults() {
    let all_set = [0xff; 4000];
    let stream = |version| match seen_by(sample_commands(&all_set).swap_remove(0), version) {
        Command::CreatePlaybackStream(stream) => stream,
        other => panic!("{other:?}"),
    };
    let oldest = stream(8);
    assert!(oldest.name.is_some() && oldest.volume_set && !oldest.no_remap && !oldest.muted);
    let newer = stream(13);
    assert!(newer.name.is_none() && newer.no_remap && newer.muted && !newer.muted_set);
    assert_eq!(SinkInfo::default().volume_steps, 0x10001);
    assert!(SinkInputInfo::default().has_volume);
    assert_eq!(CardProfile::default().available, 1);
}

#[test]
fn what_is_not_a_command_is_told_apart() {
    let packet = |code: u8| [b'L', 0, 0, 0, code, b'L', 0, 0, 0, 9];
    for code in [CommandCode::Error, CommandCode::Timeout, CommandCode::Reply] {
        let error = Command::decode(&packet(code as u8), 35).unwrap_err();
        assert_eq!(error, DecodeError::NotACommand { code, tag: 9 });
        assert_eq!(error.answer(), None);
    }
    let error = Command::decode(&packet(105), 35).unwrap_err();
    assert_eq!(error, DecodeError::UnknownCommand { code: 105, tag: 9 });
    assert_eq!(error.answer(), Some((9, crate::ErrorCode::Command)));
    let error = Command::decode(b"L\0\0\0\x0aL\0\0\0\x09t\xff\0", 35).unwrap_err();
    assert_eq!(error.answer(), Some((9, crate::ErrorCode::Invalid)));
    assert_eq!(Command::decode(b"L\0\0", 35).unwrap_err().tag(), None);
}
