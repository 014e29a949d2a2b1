//! Sound files whole, for the server's sample cache.

use std::path::Path;

use sealpulse_server::{DecodeFailure, SoundFile};
use sealpulse_spec::{ChannelMap, SampleSpec};

use super::decode::Decoder;

/// Why a file is not taken whole.
#[derive(Debug, thiserror::Error)]
enum WholeError {
    #[error("it is no file")]
    NoFile,
    #[error("it has more than {most} bytes of sound")]
    TooLong { most: usize },
    #[error("its rate or its channels change")]
    Changes,
}

/// Opens a file, and decodes its beginning.
pub(crate) fn open(path: &Path) -> Result<SoundFile, DecodeFailure> {
    // A pipe or a device could keep whoever opens it waiting.
    if !std::fs::metadata(path)?.is_file() {
        return Err(WholeError::NoFile.into());
    }
    let decoder = Decoder::open(path)?;
    let spec = decoder.spec();
    let map = match spec.channels {
        // Files say that a single channel is the left one.
        1 => ChannelMap::mono(),
        channels => decoder.map().copied().unwrap_or_else(|| ChannelMap::default_for(channels)),
    };
    Ok(SoundFile { spec, map, decode: Box::new(move |most| decode(decoder, spec, most)) })
}

fn decode(mut decoder: Decoder, spec: SampleSpec, most: usize) -> Result<Vec<u8>, DecodeFailure> {
    let mut bytes = Vec::new();
    while let Some((_, block)) = decoder.next()? {
        if block.len() > most - bytes.len() {
            return Err(WholeError::TooLong { most }.into());
        }
        bytes.extend_from_slice(block);
        if decoder.spec() != spec {
            return Err(WholeError::Changes.into());
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use sealpulse_spec::SampleFormat;

    use super::*;

    #[test]
    fn a_file_is_taken_whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.wav");
        let spec = SampleSpec { format: SampleFormat::S16Le, channels: 2, rate: 44_100 };
        let mut bytes = Vec::new();
        wav(&mut bytes, spec, &[1, 2, 3, 4]);
        std::fs::write(&path, &bytes).unwrap();
        let whole = open(&path).unwrap();
        assert_eq!((whole.spec, whole.map), (spec, ChannelMap::stereo()));
        assert_eq!((whole.decode)(8).unwrap(), [1, 0, 2, 0, 3, 0, 4, 0]);
        let too_long = (open(&path).unwrap().decode)(7).unwrap_err();
        assert!(too_long.to_string().contains("more than 7 bytes"));
        for no_file in [directory.path(), Path::new("/dev/null")] {
            assert!(open(no_file).unwrap_err().to_string().contains("no file"));
        }
    }

    fn wav(file: &mut Vec<u8>, spec: SampleSpec, samples: &[i16]) {
        let data = samples.len() as u32 * 2;
        let frame = spec.frame_size() as u32;
        file.extend(b"RIFF");
        file.extend((36 + data).to_le_bytes());
        file.extend(b"WAVEfmt \x10\0\0\0\x01\0");
        file.extend(u16::from(spec.channels).to_le_bytes());
        file.extend(spec.rate.to_le_bytes());
        file.extend((spec.rate * frame).to_le_bytes());
        file.extend((frame as u16).to_le_bytes());
        file.extend(16u16.to_le_bytes());
        file.extend(b"data");
        file.extend(data.to_le_bytes());
        samples.iter().for_each(|sample| file.extend(sample.to_le_bytes()));
    }
}
