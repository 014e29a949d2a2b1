//! Record streams, as the control thread makes and steers them.

use sealpulse_memory::Block;
use sealpulse_spec::{ChannelVolumes, SampleSpec};

use super::{Engine, check, fits_resampler, remix};
use crate::command::{Command, RecordCommand};
use crate::gains::Gains;
use crate::record::{Attachment, Converter, Output, Record, Sink};
use crate::slab::NONE;
use crate::types::{EngineError, MAX_CAPTURE_USEC, MIN_LATENCY_USEC, RecordConfig, RecordFrom, RecordId};

pub(super) struct RecordInfo {
    pub(super) spec: SampleSpec,
    pub(super) config: RecordConfig,
    /// The rate that its converter was made for.
    made_for: u32,
    /// The link whose end it is.
    pub(super) link: Option<u32>,
}

impl Engine {
    /// Adds a record stream. It needs blocks from [`Self::supply`].
    ///
    /// # Errors
    /// [`EngineError::BadSpec`] where spec and map are not valid or there is nothing to listen to,
    /// [`EngineError::Full`].
    pub fn add_record(&mut self, config: &RecordConfig) -> Result<RecordId, EngineError> {
        let sink = |id| {
            let latency_usec = capture_latency(config.latency_usec);
            Sink::Blocks(Output::new(id, config.spec, config.fragsize, latency_usec))
        };
        let record = self.make_record(config, sink)?;
        let id = record.id;
        self.queue_and_wake(Command::AddRecord(record));
        Ok(id)
    }

    /// A stream to be added, and its place.
    pub(super) fn make_record(
        &mut self,
        config: &RecordConfig,
        sink: impl FnOnce(RecordId) -> Sink,
    ) -> Result<Box<Record>, EngineError> {
        check(&config.spec, &config.map)?;
        let (attachment, converter, raw_ok) = self.listen(config.from, config)?;
        let id = RecordId(self.record_slots.take()?);
        let sink = sink(id);
        let link = match sink {
            Sink::Blocks(_) => None,
            Sink::Link(link) => Some(link),
        };
        let (corked, passive) = (config.corked, config.passive);
        let record =
            Record { id, attached: attachment, next: NONE, corked, passive, raw_ok, converter, sink };
        let (config, spec) = (config.clone(), config.spec);
        self.records.insert(id, RecordInfo { spec, config, made_for: spec.rate, link });
        Ok(Box::new(record))
    }

    /// How to get from what `from` gives to what the stream wants.
    fn listen(
        &self,
        from: RecordFrom,
        config: &RecordConfig,
    ) -> Result<(Attachment, Converter, bool), EngineError> {
        let missing = || EngineError::BadSpec { spec: config.spec, map_channels: 0 };
        let (attachment, spec, map, moving) = match from {
            RecordFrom::Monitor(device) => {
                let info = self.devices.get(&device).ok_or_else(missing)?;
                (Attachment::Device(device.0), info.spec, info.map, false)
            }
            RecordFrom::Playback(stream) => {
                let info = self.playbacks.get(&stream).ok_or_else(missing)?;
                (Attachment::Playback(stream.0), info.spec, info.map, info.variable_rate)
            }
        };
        let remix = remix(&map, &config.map, config.remix);
        let raw_ok = remix.is_none() && spec == config.spec && !config.peak_detect;
        let gains = Gains::new(&config.volume, config.muted, config.spec.channels);
        let (peaks, variable) = (config.peak_detect, config.variable_rate || moving);
        let converter = Converter::new(config.spec, &spec, remix, gains, peaks, variable);
        Ok((attachment, converter, raw_ok))
    }

    /// Removes a record stream; its blocks are dropped in a later [`Self::poll_events`].
    pub fn remove_record(&mut self, stream: RecordId) {
        if let Some(info) = self.records.remove(&stream) {
            self.queue_and_wake(Command::RemoveRecord(stream.0));
            self.forget_link_end(info.link, |link| link.record = None);
        }
    }

    /// Gives a stream a block to fill. At most 64 wait; more are dropped.
    pub fn supply(&mut self, stream: RecordId, block: Block) {
        if self.records.get(&stream).is_some_and(|info| info.link.is_none()) {
            self.queue(Command::Record(stream.0, RecordCommand::Supply(block)));
        }
    }

    fn record(&mut self, stream: RecordId, command: RecordCommand) {
        if self.records.contains_key(&stream) {
            self.queue_and_wake(Command::Record(stream.0, command));
        }
    }

    /// Stops or resumes a record stream. One that is stopped is handed what it has recorded so far.
    pub fn cork_record(&mut self, stream: RecordId, corked: bool) {
        self.record(stream, RecordCommand::Cork(corked));
    }

    /// Forgets what was captured and not handed over.
    pub fn flush_record(&mut self, stream: RecordId) {
        self.record(stream, RecordCommand::Flush);
    }

    /// New fragment size in bytes, and how long sound may wait in microseconds.
    pub fn set_record_attr(&mut self, stream: RecordId, fragsize: usize, latency_usec: u64) {
        let latency_usec = capture_latency(latency_usec);
        self.record(stream, RecordCommand::SetAttr { fragsize, latency_usec });
    }

    /// Sets the volume of a record stream.
    pub fn set_record_volume(&mut self, stream: RecordId, volume: &ChannelVolumes, muted: bool) {
        if let Some(info) = self.records.get_mut(&stream) {
            (info.config.volume, info.config.muted) = (*volume, muted);
            let gains = Box::new(Gains::new(volume, muted, info.spec.channels));
            self.record(stream, RecordCommand::SetGains(gains));
        }
    }

    /// Changes the rate, in Hz, of a record stream that was made with a variable rate.
    pub fn set_record_rate(&mut self, stream: RecordId, rate: u32) {
        let Some(info) = self.records.get_mut(&stream).filter(|info| info.config.variable_rate) else {
            return;
        };
        (info.config.spec.rate, info.spec.rate) = (rate, rate);
        let (made_for, from) = (info.made_for, info.config.from);
        let source_rate = match from {
            RecordFrom::Monitor(device) => self.devices.get(&device).map(|info| info.spec.rate),
            RecordFrom::Playback(stream) => self.playbacks.get(&stream).map(|info| info.spec.rate),
        };
        let fits = source_rate.is_none_or(|source_rate| fits_resampler(made_for, rate, source_rate));
        if fits || self.move_record(stream, from).is_err() {
            self.record(stream, RecordCommand::SetRate(rate));
        }
    }

    /// Lets a record stream listen elsewhere.
    ///
    /// # Errors
    /// [`EngineError::BadSpec`] where there is nothing to listen to.
    pub fn move_record(&mut self, stream: RecordId, from: RecordFrom) -> Result<(), EngineError> {
        let Some(info) = self.records.get(&stream) else { return Ok(()) };
        let (attachment, converter, raw_ok) = self.listen(from, &info.config)?;
        let converter = Box::new(converter);
        self.record(stream, RecordCommand::Move { attachment, converter, raw_ok });
        if let Some(info) = self.records.get_mut(&stream) {
            info.config.from = from;
            info.made_for = info.spec.rate;
            if let Some(link) = info.link {
                self.fit_link(link);
            }
        }
        Ok(())
    }

    /// Asks where a record stream stands: [`crate::Event::RecordTiming`] with `token`.
    pub fn query_record(&mut self, stream: RecordId, token: u64) {
        self.record(stream, RecordCommand::Query(token));
    }
}

fn capture_latency(usec: u64) -> u64 {
    usec.clamp(MIN_LATENCY_USEC, MAX_CAPTURE_USEC)
}
