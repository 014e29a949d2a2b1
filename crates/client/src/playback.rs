//! Playback streams.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use sealpulse_protocol::command::{
    CorkPlaybackStream, CreatePlaybackStream, DrainPlaybackStream, FlushPlaybackStream, PrebufPlaybackStream,
    RemovePlaybackStreamProplist, SetPlaybackStreamBufferAttr, SetPlaybackStreamName, TriggerPlaybackStream,
    UpdatePlaybackStreamProplist, UpdatePlaybackStreamSampleRate,
};
use sealpulse_protocol::{PropList, UpdateMode};
use sealpulse_spec::{ChannelMap, ChannelVolumes, SampleSpec};

use crate::block::PlaybackBlock;
use crate::callback::Callback;
use crate::common::common_methods;
use crate::connection::Connection;
use crate::error::ClientError;
use crate::handle::StreamHandle;
use crate::options::{Buffer, StreamOptions};
use crate::pending::Kind;
use crate::streams::{Stream, StreamEvent};
use crate::timing::Timing;

/// A stream that plays: a sink input. It ends when this is dropped; [`drain`](Self::drain) first to hear the end of it.
///
/// The server asks for sound ([`writable`](Self::writable)), the program fills blocks ([`block`](Self::block)) of
/// memory that both share.
///
/// ```no_run
/// use sealpulse_client::{Config, Context, SampleFormat, SampleSpec, StreamOptions, Wait};
/// let context = Context::connect(Config::from_env()?.named("beep")).wait()?;
/// let spec = SampleSpec { format: SampleFormat::F32Le, channels: 1, rate: 48_000 };
/// let stream = context.playback(StreamOptions::new(spec).named("a beep")).wait()?;
/// let mut wave = (0..48_000).map(|frame| (frame as f32 * 0.0576).sin() * 0.2).peekable();
/// while wave.peek().is_some() {
///     stream.block(usize::MAX).wait()?.push_samples(&mut wave);
/// }
/// stream.drain().wait()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct PlaybackStream {
    pub(crate) handle: StreamHandle,
    spec: SampleSpec,
}

/// Makes a stream, and waits until the server has it.
pub(crate) async fn create(
    connection: &Arc<Connection>,
    options: StreamOptions,
    callback: Option<Callback>,
) -> Result<PlaybackStream, ClientError> {
    let map = options.channels()?;
    let (buffer, adjust_latency) = options.wanted_buffer();
    let mut state = Stream::new(true, options.corked, callback);
    (state.spec, state.map, state.buffer) = (options.spec, map, buffer);
    let handle = StreamHandle::new(connection, state);
    let mut properties = options.properties;
    properties.set_str("media.name", &options.name);
    let flags = options.flags;
    let command = CreatePlaybackStream {
        name: Some(options.name),
        sample_spec: Some(options.spec),
        channel_map: map,
        sink_index: None,
        sink_name: options.device.or_else(|| connection.config.sink.clone()),
        maxlength: buffer.maxlength,
        corked: options.corked,
        tlength: buffer.tlength,
        prebuf: buffer.prebuf,
        minreq: buffer.minreq,
        // Numbers of our own are counted from the top, so that they do not meet those that programs choose.
        sync_id: options.sync.unwrap_or(u32::MAX - (handle.key as u32 & 0x7fff_ffff)),
        volume: options.volume.unwrap_or_else(|| ChannelVolumes::norm(options.spec.channels)),
        no_remap: flags.no_remap,
        no_remix: flags.no_remix,
        fix_format: flags.fix_format,
        fix_rate: flags.fix_rate,
        fix_channels: flags.fix_channels,
        no_move: flags.no_move,
        variable_rate: flags.variable_rate,
        muted: options.muted.unwrap_or(false),
        adjust_latency,
        properties,
        volume_set: options.volume.is_some(),
        early_requests: flags.early_requests,
        muted_set: options.muted.is_some(),
        dont_inhibit_auto_suspend: flags.dont_inhibit_auto_suspend,
        fail_on_suspend: flags.fail_on_suspend,
        relative_volume: flags.relative_volume,
        passthrough: flags.passthrough,
        formats: options.formats,
    };
    connection.call(&command, Kind::Create(handle.key), true)?.await?;
    let spec = handle.look(|stream| stream.spec)?;
    Ok(PlaybackStream { handle, spec })
}

common_methods!(PlaybackStream, "sink input", "sink");

impl PlaybackStream {
    /// Bytes that the server asks for at this moment; whole frames.
    pub fn writable(&self) -> usize {
        self.handle.look(|stream| stream.writable()).unwrap_or(0)
    }

    /// Waits until the server asks for sound, and gives a block to fill: of at most `max` bytes, but at least a frame.
    ///
    /// # Errors
    /// Why the stream has ended.
    pub async fn block(&self, max: usize) -> Result<PlaybackBlock<'_>, ClientError> {
        poll_fn(|context| self.poll_block(context, max)).await
    }

    /// As [`block`](Self::block), if the server asks for sound at this moment.
    ///
    /// # Errors
    /// Why the stream has ended.
    pub fn try_block(&self, max: usize) -> Result<Option<PlaybackBlock<'_>>, ClientError> {
        self.handle.channel()?;
        let block = self.handle.connection.take_block(self.handle.key, max);
        Ok(block.map(|(block, length)| PlaybackBlock::new(block, length, Some(self))))
    }

    /// As [`block`](Self::block), for futures that are written by hand.
    pub fn poll_block(
        &self,
        context: &mut Context<'_>,
        max: usize,
    ) -> Poll<Result<PlaybackBlock<'_>, ClientError>> {
        ready!(
            self.handle
                .poll(context, |stream| { (stream.ended.is_none() && stream.writable() > 0).then_some(()) })
        )?;
        match self.try_block(max)? {
            Some(block) => Poll::Ready(Ok(block)),
            None => {
                // Another task was faster.
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    /// Writes all of `bytes`, whole frames, as the server asks for them.
    ///
    /// # Errors
    /// [`ClientError::Invalid`] for a part of a frame, or why the stream has ended.
    pub async fn write(&self, bytes: &[u8]) -> Result<(), ClientError> {
        if !bytes.len().is_multiple_of(self.spec.frame_size().max(1)) {
            let value = format!("{} bytes with frames of {}", bytes.len(), self.spec.frame_size());
            return Err(ClientError::Invalid { what: "length", value });
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let mut block = self.block(rest.len()).await?;
            let count = block.push(rest);
            block.commit()?;
            rest = &rest[count..];
        }
        Ok(())
    }

    /// The stream as a [`futures_io::AsyncWrite`]. Flushing it drains the stream.
    pub fn writer(&self) -> Writer<'_> {
        Writer { stream: self, part: Vec::new(), drain: None }
    }

    /// Pauses the stream, or lets it go on.
    ///
    /// # Errors
    /// Those of [`Context::request`](crate::Context::request), or why the stream has ended; so it is for all commands
    /// below.
    pub async fn cork(&self, cork: bool) -> Result<(), ClientError> {
        self.handle.set_corked(cork);
        self.handle.ask(|channel| CorkPlaybackStream { channel, cork }, true).await?;
        Ok(())
    }

    /// Drops what is in the buffer and not yet heard.
    pub async fn flush(&self) -> Result<(), ClientError> {
        self.handle.ask(|channel| FlushPlaybackStream { channel }, true).await?;
        self.handle.jump();
        Ok(())
    }

    /// Waits until all that was written has been heard.
    pub async fn drain(&self) -> Result<(), ClientError> {
        self.handle.ask(|channel| DrainPlaybackStream { channel }, false).await?;
        Ok(())
    }

    /// Starts playing before `prebuf` is there.
    pub async fn trigger(&self) -> Result<(), ClientError> {
        self.handle.ask(|channel| TriggerPlaybackStream { channel }, true).await?;
        Ok(())
    }

    /// Stops playing until `prebuf` is there.
    pub async fn prebuf(&self) -> Result<(), ClientError> {
        self.handle.ask(|channel| PrebufPlaybackStream { channel }, true).await?;
        Ok(())
    }

    /// Names the stream.
    pub async fn set_name(&self, name: &str) -> Result<(), ClientError> {
        let name = Some(name.to_owned());
        self.handle.ask(|channel| SetPlaybackStreamName { channel, name }, true).await?;
        Ok(())
    }

    /// Changes the lengths of the buffer; what the server chose.
    pub async fn set_buffer(&self, buffer: Buffer, flags: BufferFlags) -> Result<Buffer, ClientError> {
        let Buffer { maxlength, tlength, prebuf, minreq, .. } = buffer;
        let BufferFlags { adjust_latency, early_requests } = flags;
        let command = |channel| SetPlaybackStreamBufferAttr {
            channel,
            maxlength,
            tlength,
            prebuf,
            minreq,
            adjust_latency,
            early_requests,
        };
        let reply = self.handle.ask(command, true).await?;
        self.handle.look(|stream| {
            stream.set_playback_buffer(reply.maxlength, reply.tlength, reply.prebuf, reply.minreq);
            stream.device_latency = reply.sink_latency.0;
            stream.buffer
        })
    }

    /// Changes the rate, in Hz, of a stream that was made with `variable_rate`.
    pub async fn set_rate(&self, rate: u32) -> Result<(), ClientError> {
        self.handle.ask(|channel| UpdatePlaybackStreamSampleRate { channel, rate }, true).await?;
        self.handle.look(|stream| stream.spec.rate = rate)
    }

    /// Changes the stream's properties.
    pub async fn update_properties(&self, mode: UpdateMode, properties: PropList) -> Result<(), ClientError> {
        self.handle.ask(|channel| UpdatePlaybackStreamProplist { channel, mode, properties }, true).await?;
        Ok(())
    }

    /// Removes properties of the stream.
    pub async fn remove_properties(&self, names: Vec<String>) -> Result<(), ClientError> {
        self.handle.ask(|channel| RemovePlaybackStreamProplist { channel, names }, true).await?;
        Ok(())
    }

    /// The time in the stream of what is heard at this moment; none until the server has first answered. Goes on
    /// between the server's answers, and back only after a flush.
    pub fn time(&self) -> Option<Duration> {
        self.handle.time()
    }

    /// How long what is written at this moment takes to the ear; none until the server has first answered.
    pub fn latency(&self) -> Option<Duration> {
        let time = self.time()?;
        let written = self.handle.look(|stream| {
            let timing = stream.clock.timing()?;
            let written = u64::try_from(timing.write_index).unwrap_or(0);
            Some(Duration::from_micros(stream.spec.bytes_to_usec(written)))
        });
        Some(written.ok()??.saturating_sub(time))
    }
}

/// How a buffer's new lengths are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BufferFlags {
    /// The device's latency is chosen so that the whole comes to what the lengths say.
    pub adjust_latency: bool,
    /// Playback: the server asks as soon as `minreq` fits, rather than for latency's sake.
    pub early_requests: bool,
}

/// What happens to a stream.
#[derive(Debug)]
pub struct Events<'a>(pub(crate) &'a StreamHandle);

impl futures_core::Stream for Events<'_> {
    type Item = StreamEvent;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<StreamEvent>> {
        self.0.poll_event(context)
    }
}

/// A playback stream that bytes are written to. Bytes that are a part of a frame wait for the rest of it.
pub struct Writer<'a> {
    stream: &'a PlaybackStream,
    part: Vec<u8>,
    drain: Option<Draining<'a>>,
}

type Draining<'a> = Pin<Box<dyn Future<Output = Result<(), ClientError>> + Send + 'a>>;

impl std::fmt::Debug for Writer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("stream", &self.stream).finish_non_exhaustive()
    }
}

impl futures_io::AsyncWrite for Writer<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let frame = self.stream.spec.frame_size().max(1);
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if self.part.len() + bytes.len() < frame {
            self.part.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        let mut block = ready!(self.stream.poll_block(context, self.part.len() + bytes.len()))?;
        block.push(&self.part);
        let whole = (block.room().min(bytes.len()) + self.part.len()) / frame * frame;
        let count = block.push(&bytes[..whole - self.part.len()]);
        block.commit()?;
        self.part.clear();
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let stream = self.stream;
        let drain = self.drain.get_or_insert_with(|| Box::pin(stream.drain()));
        let drained = ready!(drain.as_mut().poll(context));
        self.drain = None;
        Poll::Ready(Ok(drained?))
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.poll_flush(context)
    }
}
