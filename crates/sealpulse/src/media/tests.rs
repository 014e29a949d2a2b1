//! Files of other programs are read as they were meant, ours are read by other programs, and damaged ones do no harm.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use proptest::prelude::*;
use sealpulse_spec::{ChannelMap, SampleFormat, SampleSpec};

use super::decode::Decoder;
use super::write::{Kind, create};

/// Everything that a decoder gives, and what it is.
fn decoded(decoder: &mut Decoder) -> (SampleSpec, Vec<u8>) {
    let (spec, mut samples) = (decoder.spec(), Vec::new());
    while let Some((at, block)) = decoder.next().unwrap() {
        assert_eq!(at, (samples.len() / spec.frame_size()) as u64, "frames are counted");
        samples.extend_from_slice(block);
    }
    (spec, samples)
}

fn decoded_file(path: &Path) -> (SampleSpec, Vec<u8>) {
    decoded(&mut Decoder::open(path).unwrap())
}

/// Runs a program that has to succeed; what it printed.
fn run(program: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A second and some of music-like sound as a file of 32 bit samples, 44100 Hz, two channels.
const FRAMES: usize = 55_555;
fn original(directory: &Path) -> PathBuf {
    let path = directory.join("original.wav");
    let effects = "synth 55555s sine 300-3000 pinknoise gain -6";
    let mut arguments = vec!["-R", "-r", "44100", "-n", "-c", "2", "-b", "32", text(&path)];
    arguments.extend(effects.split(' '));
    run("sox", &arguments);
    path
}

fn converted(original: &Path, name: &str, arguments: &str) -> PathBuf {
    let path = original.with_file_name(name);
    let mut all = vec!["-v", "error", "-nostdin", "-y", "-i", text(original)];
    all.extend(arguments.split(' '));
    all.push(text(&path));
    run("ffmpeg", &all);
    path
}

/// The samples of a file as ffmpeg decodes it.
fn as_ffmpeg(path: &Path, format: SampleFormat) -> Vec<u8> {
    let (format, codec) = match format {
        SampleFormat::U8 => ("u8", "pcm_u8"),
        SampleFormat::S16Le => ("s16le", "pcm_s16le"),
        SampleFormat::S24Le => ("s24le", "pcm_s24le"),
        SampleFormat::S32Le => ("s32le", "pcm_s32le"),
        _ => ("f32le", "pcm_f32le"),
    };
    run("ffmpeg", &["-v", "error", "-nostdin", "-i", text(path), "-f", format, "-c:a", codec, "-"])
}

#[test]
fn lossless_files_are_read_to_the_bit() {
    let directory = tempfile::tempdir().unwrap();
    let original = original(directory.path());
    for (name, arguments, format) in [
        ("8.wav", "-c:a pcm_u8", SampleFormat::U8),
        ("16.wav", "-c:a pcm_s16le", SampleFormat::S16Le),
        ("24.wav", "-c:a pcm_s24le", SampleFormat::S24Le),
        ("32.wav", "-c:a pcm_s32le", SampleFormat::S32Le),
        ("float.wav", "-c:a pcm_f32le", SampleFormat::F32Le),
        ("double.wav", "-c:a pcm_f64le", SampleFormat::F32Le),
        ("alaw.wav", "-c:a pcm_alaw", SampleFormat::S16Le),
        ("rf64.wav", "-c:a pcm_s16le -rf64 always", SampleFormat::S16Le),
        ("16.aiff", "-c:a pcm_s16be", SampleFormat::S16Le),
        ("24.caf", "-c:a pcm_s24be", SampleFormat::S24Le),
        ("16.flac", "-c:a flac -sample_fmt s16", SampleFormat::S16Le),
        ("24.flac", "-c:a flac -sample_fmt s32", SampleFormat::S24Le),
        ("16.oga", "-c:a flac -sample_fmt s16", SampleFormat::S16Le),
        ("16.m4a", "-c:a alac -sample_fmt s16p", SampleFormat::S16Le),
        ("24.m4a", "-c:a alac -sample_fmt s32p", SampleFormat::S24Le),
        ("16.mka", "-c:a flac -sample_fmt s16", SampleFormat::S16Le),
    ] {
        let path = converted(&original, name, arguments);
        let (spec, samples) = decoded_file(&path);
        assert_eq!(spec, SampleSpec { format, channels: 2, rate: 44_100 }, "{name}");
        assert_eq!(samples.len() / spec.frame_size(), FRAMES, "{name}");
        assert!(samples == as_ffmpeg(&path, format), "{name} differs from what ffmpeg reads");
        assert!(
            Decoder::open(&path).unwrap().frames().is_none_or(|frames| frames == FRAMES as u64),
            "{name}"
        );
    }
}

#[test]
fn lossy_files_have_the_length_of_what_they_were_made_of() {
    let directory = tempfile::tempdir().unwrap();
    let original = original(directory.path());
    for (name, arguments) in [
        ("a.mp3", "-c:a libmp3lame -b:a 128k"),
        ("a.ogg", "-c:a libvorbis"),
        ("a.m4a", "-c:a aac -aac_pns 0 -b:a 128k"),
        ("b.mp4", "-c:a aac -aac_pns 0 -b:a 128k -movflags +faststart"),
    ] {
        let path = converted(&original, name, arguments);
        let (spec, samples) = decoded_file(&path);
        assert_eq!(spec, SampleSpec { format: SampleFormat::F32Le, channels: 2, rate: 44_100 }, "{name}");
        assert_eq!(samples.len() / spec.frame_size(), FRAMES, "{name}");
        let theirs = as_ffmpeg(&path, spec.format);
        let difference = difference(&samples, &theirs);
        assert!(difference < 1e-3, "{name} differs from what ffmpeg reads by {difference}");
    }
}

/// Root of the mean square of the difference of float samples, where both have some.
fn difference(ours: &[u8], theirs: &[u8]) -> f64 {
    let floats = |bytes: &[u8]| {
        bytes.as_chunks().0.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes))).collect::<Vec<_>>()
    };
    let (ours, theirs) = (floats(ours), floats(theirs));
    let sum: f64 = ours.iter().zip(&theirs).map(|(a, b)| (a - b).powi(2)).sum();
    (sum / ours.len().min(theirs.len()).max(1) as f64).sqrt()
}

#[test]
fn after_a_seek_comes_what_would_have_come_there() {
    let directory = tempfile::tempdir().unwrap();
    let original = original(directory.path());
    for (name, arguments) in [
        ("16.wav", "-c:a pcm_s16le"),
        ("24.flac", "-c:a flac -sample_fmt s32"),
        ("a.mp3", "-c:a libmp3lame -b:a 128k"),
        ("a.ogg", "-c:a libvorbis"),
        ("a.m4a", "-c:a aac -aac_pns 0 -b:a 128k"),
    ] {
        let path = converted(&original, name, arguments);
        let (spec, all) = decoded_file(&path);
        let mut decoder = Decoder::open(&path).unwrap();
        for frame in [30_000u64, 0, 1, 44_099, 1_153, 55_000] {
            decoder.seek(frame).unwrap();
            let (at, block) = decoder.next().unwrap().unwrap_or_else(|| panic!("{name} ends at {frame}"));
            assert_eq!(at, frame, "{name}");
            let from = frame as usize * spec.frame_size();
            let expected = &all[from..from + block.len()];
            if spec.format == SampleFormat::F32Le {
                assert!(difference(block, expected) < 1e-4, "{name} at {frame}");
            } else {
                assert!(block == expected, "{name} at {frame}");
            }
        }
        decoder.seek(FRAMES as u64 + 1000).map(|()| assert!(decoder.next().unwrap().is_none())).ok();
    }
}

#[test]
fn what_is_no_audio_file_is_said_to_be_none() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("text.wav");
    std::fs::write(&path, "no sound\n".repeat(1000)).unwrap();
    let message = |path: &Path| Decoder::open(path).err().unwrap().to_string();
    assert!(message(&path).contains("not an audio file"), "{}", message(&path));
    assert!(message(&directory.path().join("missing.wav")).contains("cannot read"));
    assert!(message(directory.path()).contains("cannot read"));
}

fn spec(format: SampleFormat, channels: u8) -> SampleSpec {
    SampleSpec { format, channels, rate: 48_000 }
}

fn write(path: &Path, spec: SampleSpec, samples: &[u8]) {
    let mut file =
        create(path, Kind::of(path).unwrap(), spec, &ChannelMap::default_for(spec.channels)).unwrap();
    for block in samples.chunks(spec.frame_size() * 1000) {
        file.write(block).unwrap();
        file.update().unwrap();
    }
    file.finish().unwrap();
}

/// Samples without any pattern, of which some are at full scale.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(|index| if index / 96 % 16 == 0 { 0xff } else { next() }).collect()
}

#[test]
fn what_is_written_is_read_again_by_us_and_others() {
    let directory = tempfile::tempdir().unwrap();
    for (name, formats) in [
        ("a.wav", &[SampleFormat::U8, SampleFormat::S16Le, SampleFormat::S24Le, SampleFormat::S32Le][..]),
        ("a.flac", &[SampleFormat::S16Le, SampleFormat::S24Le, SampleFormat::S32Le][..]),
    ] {
        for &format in formats {
            for (channels, frames) in [(1, 1), (1, 4096), (2, 9_999), (6, 5_000), (2, 15)] {
                let spec = spec(format, channels);
                let path = directory.path().join(name);
                let samples = noise(frames * spec.frame_size());
                write(&path, spec, &samples);
                let (read_spec, read) = decoded_file(&path);
                assert_eq!(read_spec, spec, "{name}");
                assert!(read == samples, "{name} {spec} {frames} frames");
                // Before version 6, ffmpeg does not read 32 bit FLAC.
                if name == "a.wav" || format != SampleFormat::S32Le {
                    assert!(as_ffmpeg(&path, format) == samples, "ffmpeg: {name} {spec} {frames} frames");
                }
            }
        }
    }
}

#[test]
fn floats_are_kept_beyond_full_scale() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.wav");
    let samples = [0.0f32, -0.0, 1.5, -3.25, 1e-30, 1.0].map(f32::to_le_bytes).concat();
    write(&path, spec(SampleFormat::F32Le, 2), &samples);
    assert_eq!(decoded_file(&path), (spec(SampleFormat::F32Le, 2), samples));
}

#[test]
fn a_file_is_valid_before_it_is_finished() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["a.wav", "a.flac"] {
        let path = directory.path().join(name);
        let spec = spec(SampleFormat::S16Le, 2);
        let mut file = create(&path, Kind::of(&path).unwrap(), spec, &ChannelMap::stereo()).unwrap();
        assert!(Decoder::open(&path).is_err(), "{name}");
        let samples = noise(4 * 4096 * 3);
        file.write(&samples).unwrap();
        file.update().unwrap();
        let copy = directory.path().join(format!("copy-{name}"));
        std::fs::copy(&path, &copy).unwrap();
        assert!(decoded_file(&copy).1 == samples, "{name}");
        assert!(as_ffmpeg(&copy, spec.format) == samples, "ffmpeg: {name}");
        file.finish().unwrap();
    }
}

#[test]
fn what_a_kind_cannot_hold_is_refused_and_replaces_nothing() {
    let directory = tempfile::tempdir().unwrap();
    for (name, spec) in [
        ("a.wav", spec(SampleFormat::S16Be, 2)),
        ("a.flac", spec(SampleFormat::F32Le, 2)),
        ("a.flac", spec(SampleFormat::S16Le, 9)),
        ("a.flac", SampleSpec { rate: 768_000, ..spec(SampleFormat::S16Le, 2) }),
    ] {
        let path = directory.path().join(name);
        std::fs::write(&path, "old").unwrap();
        let kind = Kind::of(&path).unwrap();
        assert!(create(&path, kind, spec, &ChannelMap::default_for(spec.channels)).is_err(), "{name} {spec}");
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        let best = kind.best_format(spec.format);
        assert!(create(&path, kind, self::spec(best, 2), &ChannelMap::stereo()).is_ok(), "{name} {best}");
    }
}

/// Small files of every kind.
fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let directory = tempfile::tempdir().unwrap();
    let original = original(directory.path());
    let short = "-t 0.2 ";
    let kinds = [
        ("16.wav", "-c:a pcm_s16le"),
        ("ima.wav", "-c:a adpcm_ima_wav"),
        ("ms.wav", "-c:a adpcm_ms"),
        ("24.aiff", "-c:a pcm_s24be"),
        ("16.caf", "-c:a pcm_s16be"),
        ("alac.caf", "-c:a alac"),
        ("16.flac", "-c:a flac -sample_fmt s16"),
        ("flac.oga", "-c:a flac -sample_fmt s16"),
        ("a.ogg", "-c:a libvorbis"),
        ("a.mp3", "-c:a libmp3lame -metadata title=x"),
        ("a.mp2", "-c:a mp2"),
        ("a.m4a", "-c:a aac"),
        ("a.aac", "-c:a aac"),
        ("alac.m4a", "-c:a alac"),
        ("vorbis.mka", "-c:a libvorbis"),
        ("frag.mp4", "-c:a aac -movflags +frag_keyframe+empty_moov"),
    ];
    kinds
        .into_iter()
        .map(|(name, arguments)| {
            let path = converted(&original, name, &format!("{short}{arguments}"));
            (name, std::fs::read(path).unwrap())
        })
        .collect()
}

/// Decodes it all, seeks here and there; whatever the file says.
fn survive(path: &Path) {
    let Ok(mut decoder) = Decoder::open(path) else { return };
    for frame in [0, 5_000, 1, u64::MAX] {
        let mut blocks = 0;
        while let Ok(Some((_, block))) = decoder.next() {
            assert!(block.len() <= 1 << 25, "{} bytes at once", block.len());
            blocks += 1;
            assert!(blocks < 100_000, "goes on for ever");
        }
        let _ = decoder.seek(frame);
    }
}

#[test]
fn damaged_files_are_survived() {
    let directory = tempfile::tempdir().unwrap();
    let cases = std::env::var("SEALPULSE_FUZZ_CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(40);
    for (name, seed) in seeds() {
        let path = directory.path().join(name);
        let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 1..20);
        let strategy = (changes, any::<prop::sample::Index>(), any::<bool>());
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
            cases,
            failure_persistence: None,
            ..ProptestConfig::default()
        });
        let result = runner.run(&strategy, |(changes, cut, cuts)| {
            let mut file = seed.clone();
            for (place, value, how) in changes {
                // Most of what matters is at the beginning.
                let reach = if how == 0 { file.len() } else { file.len().min(400) };
                let at = place.index(reach);
                file[at] = if how == 2 { file[at] ^ 1 << (value % 8) } else { value };
            }
            if cuts {
                file.truncate(cut.index(file.len()).max(1));
            }
            std::fs::write(&path, file).unwrap();
            survive(&path);
            Ok(())
        });
        if let Err(error) = result {
            panic!("{name}: {error}");
        }
    }
}
