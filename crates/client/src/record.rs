//! Record streams.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use sealpulse_protocol::command::{
    CorkRecordStream, CreateRecordStream, FlushRecordStream, RemoveRecordStreamProplist,
    SetRecordStreamBufferAttr, SetRecordStreamName, UpdateRecordStreamProplist, UpdateRecordStreamSampleRate,
};
use sealpulse_protocol::{PropList, UpdateMode};
use sealpulse_spec::{ChannelMap, ChannelVolumes, SampleSpec};

use crate::block::RecordBlock;
use crate::callback::Callback;
use crate::common::common_methods;
use crate::connection::Connection;
use crate::error::ClientError;
use crate::handle::StreamHandle;
use crate::options::{Buffer, StreamOptions};
use crate::pending::Kind;
use crate::playback::{BufferFlags, Events};
use crate::streams::{Piece, Stream, StreamEvent};
use crate::timing::Timing;

/// A stream that records: a source output. It ends when this is dropped.
///
/// ```no_run
/// use sealpulse_client::{Config, Context, SampleFormat, SampleSpec, StreamOptions, Wait};
/// let context = Context::connect(Config::from_env()?.named("meter")).wait()?;
/// let spec = SampleSpec { format: SampleFormat::S16Le, channels: 1, rate: 44_100 };
/// let stream = context.record(StreamOptions::new(spec).on("@DEFAULT_MONITOR@")).wait()?;
/// for _ in 0..100 {
///     let block = stream.block().wait()?;
///     println!("{}", block.samples::<i16>().map(|sample| sample.unsigned_abs()).max().unwrap_or(0));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RecordStream {
    handle: StreamHandle,
    spec: SampleSpec,
}

/// Makes a stream, and waits until the server has it.
pub(crate) async fn create(
    connection: &Arc<Connection>,
    options: StreamOptions,
    callback: Option<Callback>,
) -> Result<RecordStream, ClientError> {
    let map = options.channels()?;
    let (buffer, adjust_latency) = options.wanted_buffer();
    let mut state = Stream::new(false, options.corked, callback);
    (state.spec, state.map, state.buffer) = (options.spec, map, buffer);
    let handle = StreamHandle::new(connection, state);
    let mut properties = options.properties;
    properties.set_str("media.name", &options.name);
    let flags = options.flags;
    let command = CreateRecordStream {
        name: Some(options.name),
        sample_spec: Some(options.spec),
        channel_map: map,
        source_index: None,
        source_name: options.device.or_else(|| connection.config.source.clone()),
        maxlength: buffer.maxlength,
        corked: options.corked,
        fragsize: buffer.fragsize,
        no_remap: flags.no_remap,
        no_remix: flags.no_remix,
        fix_format: flags.fix_format,
        fix_rate: flags.fix_rate,
        fix_channels: flags.fix_channels,
        no_move: flags.no_move,
        variable_rate: flags.variable_rate,
        peak_detect: flags.peak_detect,
        adjust_latency,
        properties,
        direct_on_input: options.sink_input,
        early_requests: flags.early_requests,
        dont_inhibit_auto_suspend: flags.dont_inhibit_auto_suspend,
        fail_on_suspend: flags.fail_on_suspend,
        formats: options.formats,
        volume: options.volume.unwrap_or_else(|| ChannelVolumes::norm(options.spec.channels)),
        muted: options.muted.unwrap_or(false),
        volume_set: options.volume.is_some(),
        muted_set: options.muted.is_some(),
        relative_volume: flags.relative_volume,
        passthrough: flags.passthrough,
    };
    connection.call(&command, Kind::Create(handle.key), true)?.await?;
    let spec = handle.look(|stream| stream.spec)?;
    Ok(RecordStream { handle, spec })
}

common_methods!(RecordStream, "source output", "source");

impl RecordStream {
    /// Bytes that can be read at this moment.
    pub fn readable(&self) -> usize {
        self.handle.look(|stream| stream.recorded_bytes).unwrap_or(0)
    }

    /// Waits for sound, and lends it in the memory that the server wrote it to.
    ///
    /// # Errors
    /// Why the stream has ended, once all that came before has been read.
    pub async fn block(&self) -> Result<RecordBlock, ClientError> {
        poll_fn(|context| self.poll_block(context)).await
    }

    /// As [`block`](Self::block), if there is sound at this moment.
    ///
    /// # Errors
    /// As [`block`](Self::block).
    pub fn try_block(&self) -> Result<Option<RecordBlock>, ClientError> {
        self.handle.look(|stream| match (stream.take_piece(), &stream.ended) {
            (Some(piece), _) => Ok(Some(RecordBlock { piece, spec: self.spec })),
            (None, None) => Ok(None),
            (None, Some(reason)) => Err(reason.clone()),
        })?
    }

    /// As [`block`](Self::block), for futures that are written by hand.
    pub fn poll_block(&self, context: &mut Context<'_>) -> Poll<Result<RecordBlock, ClientError>> {
        let piece = ready!(self.handle.poll(context, Stream::take_piece))?;
        Poll::Ready(Ok(RecordBlock { piece, spec: self.spec }))
    }

    /// Waits for sound and copies it to `out`; how many bytes. 0 only if `out` is empty.
    ///
    /// # Errors
    /// As [`block`](Self::block).
    pub async fn read(&self, out: &mut [u8]) -> Result<usize, ClientError> {
        poll_fn(|context| self.poll_read(context, out)).await
    }

    fn poll_read(&self, context: &mut Context<'_>, out: &mut [u8]) -> Poll<Result<usize, ClientError>> {
        if out.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let block = ready!(self.poll_block(context))?;
        let count = block.len().min(out.len());
        block.read_at(0, &mut out[..count])?;
        let rest = match block.piece {
            Piece::Sound(chunk) => chunk.slice(count, chunk.len() - count).map(Piece::Sound),
            Piece::Hole(length) => Some(Piece::Hole(length - count)),
        };
        if let Some(rest) = rest.filter(|rest| rest.len() > 0) {
            self.handle.look(|stream| {
                stream.recorded_bytes += rest.len();
                stream.recorded.push_front(rest);
            })?;
        }
        Poll::Ready(Ok(count))
    }

    /// The stream as a [`futures_io::AsyncRead`].
    pub fn reader(&self) -> Reader<'_> {
        Reader(self)
    }

    /// Pauses the stream, or lets it go on.
    ///
    /// # Errors
    /// Those of [`Context::request`](crate::Context::request), or why the stream has ended; so it is for all commands
    /// below.
    pub async fn cork(&self, cork: bool) -> Result<(), ClientError> {
        self.handle.set_corked(cork);
        self.handle.ask(|channel| CorkRecordStream { channel, cork }, true).await?;
        Ok(())
    }

    /// Drops what was recorded and is not yet read.
    pub async fn flush(&self) -> Result<(), ClientError> {
        self.handle.ask(|channel| FlushRecordStream { channel }, true).await?;
        self.handle.look(|stream| {
            stream.recorded.clear();
            stream.recorded_bytes = 0;
        })
    }

    /// Names the stream.
    pub async fn set_name(&self, name: &str) -> Result<(), ClientError> {
        let name = Some(name.to_owned());
        self.handle.ask(|channel| SetRecordStreamName { channel, name }, true).await?;
        Ok(())
    }

    /// Changes the lengths of the buffer; what the server chose.
    pub async fn set_buffer(&self, buffer: Buffer, flags: BufferFlags) -> Result<Buffer, ClientError> {
        let Buffer { maxlength, fragsize, .. } = buffer;
        let BufferFlags { adjust_latency, early_requests } = flags;
        let command = |channel| SetRecordStreamBufferAttr {
            channel,
            maxlength,
            fragsize,
            adjust_latency,
            early_requests,
        };
        let reply = self.handle.ask(command, true).await?;
        self.handle.look(|stream| {
            (stream.buffer.maxlength, stream.buffer.fragsize) = (reply.maxlength, reply.fragsize);
            stream.device_latency = reply.source_latency.0;
            stream.buffer
        })
    }

    /// Changes the rate, in Hz, of a stream that was made with `variable_rate`.
    pub async fn set_rate(&self, rate: u32) -> Result<(), ClientError> {
        self.handle.ask(|channel| UpdateRecordStreamSampleRate { channel, rate }, true).await?;
        self.handle.look(|stream| stream.spec.rate = rate)
    }

    /// Changes the stream's properties.
    pub async fn update_properties(&self, mode: UpdateMode, properties: PropList) -> Result<(), ClientError> {
        self.handle.ask(|channel| UpdateRecordStreamProplist { channel, mode, properties }, true).await?;
        Ok(())
    }

    /// Removes properties of the stream.
    pub async fn remove_properties(&self, names: Vec<String>) -> Result<(), ClientError> {
        self.handle.ask(|channel| RemoveRecordStreamProplist { channel, names }, true).await?;
        Ok(())
    }

    /// The time in the stream of what reaches the microphone at this moment; none until the server has first answered.
    pub fn time(&self) -> Option<Duration> {
        self.handle.time()
    }

    /// How old the sound is that is read at this moment; none until the server has first answered.
    pub fn latency(&self) -> Option<Duration> {
        self.time()?;
        Some(self.handle.look(|stream| stream.clock.timing()).ok()??.latency)
    }
}

/// A record stream that bytes are read from.
#[derive(Debug)]
pub struct Reader<'a>(&'a RecordStream);

impl futures_io::AsyncRead for Reader<'_> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut [u8],
    ) -> Poll<std::io::Result<usize>> {
        Poll::Ready(Ok(ready!(self.0.poll_read(context, out))?))
    }
}
