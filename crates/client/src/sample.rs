//! The sample cache: short sounds that the server keeps, and plays by name.

use sealpulse_memory::Block;
use sealpulse_protocol::command::{
    CreateUploadStream, DeleteUploadStream, FinishUploadStream, PlaySample, RemoveSample,
};

use crate::context;
use crate::pending::Kind;
use crate::selector::text;
use crate::{ChannelMap, ClientError, Context, PropList, SampleSpec, Selector, Volume};

/// Longest sample, in bytes, that PulseAudio takes (16 MiB).
pub const SAMPLE_SIZE_MAX: usize = 16 * 1024 * 1024;

/// Bytes of a block on its way: fits in a slot of the pool.
const PIECE: usize = 32 * 1024;

/// The properties that a server may take a sample's name from.
const EVENT_ID: &str = "event.id";
const MEDIA_NAME: &str = "media.name";

/// First version in which a sample's own volume can be asked for.
const OWN_VOLUME_SINCE: u32 = 15;

/// # The sample cache
///
/// ```no_run
/// use sealpulse_client::{Config, Context, PropList, SampleFormat, SampleSpec, Wait};
///
/// let context = Context::connect(Config::from_env()?).wait()?;
/// let spec = SampleSpec { format: SampleFormat::U8, channels: 1, rate: 8000 };
/// let square: Vec<u8> = (0..4000).map(|frame| if frame % 20 < 10 { 64 } else { 192 }).collect();
/// context.upload_sample("beep", spec, None, &square, PropList::new()).wait()?;
/// context.play_sample("beep", None, None, PropList::new()).wait()?;
/// context.remove_sample("beep").wait()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl Context {
    /// Puts a sample into the cache, in place of one of the same name. Without a map the channels are those of
    /// [`ChannelMap::default_for`].
    ///
    /// Fails with [`ClientError::Invalid`] for a spec or map that is not valid and bytes that are not whole frames,
    /// none, or more than [`SAMPLE_SIZE_MAX`]; as [`Context::request`]; and with [`ClientError::Server`]:
    /// [`TooLarge`](crate::ErrorCode::TooLarge) where it is longer than the server likes,
    /// [`NotSupported`](crate::ErrorCode::NotSupported) where the server has no cache.
    pub async fn upload_sample(
        &self,
        name: &str,
        spec: SampleSpec,
        map: Option<ChannelMap>,
        bytes: &[u8],
        mut properties: PropList,
    ) -> Result<(), ClientError> {
        let name = text("sample", name)?;
        // PipeWire takes the name from here.
        if !properties.contains(EVENT_ID) && !properties.contains(MEDIA_NAME) {
            properties.set_str(MEDIA_NAME, &name);
        }
        let map = map.unwrap_or_else(|| ChannelMap::default_for(spec.channels));
        let length = length(&spec, &map, bytes)?;
        let command = CreateUploadStream {
            name: Some(name),
            sample_spec: Some(spec),
            channel_map: map,
            length,
            properties,
        };
        let channel = context::ask_for(&self.connection, command, Kind::Upload, true).await?.channel;
        let upload = Upload { context: self, channel, pending: true };
        upload.send(bytes)?;
        upload.finish().await
    }

    /// Plays a sample, and gives the index of its sink input, where the server says it (since version 13).
    ///
    /// Without a sink it plays on that of the configuration or the default one; without a volume, at the sample's
    /// own. `properties` are those of the sink input. Fails with [`NoEntity`](crate::ErrorCode::NoEntity) where
    /// there is no such sample or sink.
    pub async fn play_sample(
        &self,
        name: &str,
        sink: Option<Selector>,
        volume: Option<Volume>,
        properties: PropList,
    ) -> Result<Option<u32>, ClientError> {
        let name = Some(text("sample", name)?);
        let sink = sink.or_else(|| self.connection.config.sink.as_deref().map(Selector::from));
        let (sink_index, sink_name) = sink.map_or(Ok((None, None)), |sink| sink.split("sink"))?;
        let volume = match volume {
            Some(volume) if volume.is_valid() => volume.0,
            Some(volume) => return Err(ClientError::Invalid { what: "volume", value: volume.0.to_string() }),
            None if self.connection().version < OWN_VOLUME_SINCE => Volume::NORM.0,
            None => u32::MAX,
        };
        let command = PlaySample { sink_index, sink_name, volume, name, properties };
        Ok(self.request(command).await?.sink_input_index)
    }

    /// Removes a sample from the cache.
    pub async fn remove_sample(&self, name: &str) -> Result<(), ClientError> {
        let name = Some(text("sample", name)?);
        self.request(RemoveSample { name }).await.map(drop)
    }
}

/// A sample that the server waits for. It asks for nothing: all may be sent at once. Dropped, it is given up.
struct Upload<'a> {
    context: &'a Context,
    channel: u32,
    pending: bool,
}

impl Upload<'_> {
    fn send(&self, bytes: &[u8]) -> Result<(), ClientError> {
        self.context.connection.with(|inner, _| {
            let link = inner.link.as_mut().ok_or(ClientError::NotConnected)?;
            for piece in bytes.chunks(PIECE) {
                // PulseAudio keeps a block that is a whole sample, and a slot of our pool would be gone with it.
                let whole = piece.len() == bytes.len();
                let mut block =
                    if whole { Block::private(piece.len()) } else { link.take_record_block(piece.len()) };
                block.write_at(0, piece)?;
                link.send_block(self.channel, block, piece.len());
            }
            Ok(())
        })
    }

    async fn finish(mut self) -> Result<(), ClientError> {
        // The server forgets the stream, whatever its answer is.
        self.pending = false;
        self.context.request(FinishUploadStream { channel: self.channel }).await.map(drop)
    }
}

impl Drop for Upload<'_> {
    fn drop(&mut self) {
        if self.pending {
            let command = DeleteUploadStream { channel: self.channel };
            // Nobody waits for the answer.
            drop(self.context.connection.call(&command, Kind::Plain, false));
        }
    }
}

/// The length of a sample that a server would take.
fn length(spec: &SampleSpec, map: &ChannelMap, bytes: &[u8]) -> Result<u32, ClientError> {
    let invalid = |what, value| Err(ClientError::Invalid { what, value });
    if !spec.is_valid() {
        return invalid("sample spec", format!("{spec:?}"));
    }
    if !map.is_valid() || map.channels() != spec.channels {
        return invalid("channel map", format!("{map} for {} channels", spec.channels));
    }
    match u32::try_from(bytes.len()) {
        Ok(length @ 1..)
            if bytes.len() <= SAMPLE_SIZE_MAX && bytes.len().is_multiple_of(spec.frame_size()) =>
        {
            Ok(length)
        }
        _ => invalid("length of the sample", bytes.len().to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SampleFormat;

    #[test]
    fn samples_are_whole_frames() {
        let spec = SampleSpec { format: SampleFormat::S16Le, channels: 2, rate: 44_100 };
        let stereo = ChannelMap::stereo();
        assert_eq!(length(&spec, &stereo, &[0; 8]).unwrap(), 8);
        assert!(length(&spec, &stereo, &[0; 6]).is_err());
        assert!(length(&spec, &stereo, &[]).is_err());
        assert!(length(&spec, &ChannelMap::mono(), &[0; 8]).is_err());
        assert!(length(&SampleSpec { rate: 0, ..spec }, &stereo, &[0; 8]).is_err());
        assert!(length(&spec, &stereo, &vec![0; SAMPLE_SIZE_MAX]).is_ok());
        assert!(length(&spec, &stereo, &vec![0; SAMPLE_SIZE_MAX + 4]).is_err());
    }
}
