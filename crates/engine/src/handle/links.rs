//! Links, as the control thread makes them and fits them to the devices that they join.

use sealpulse_spec::SampleSpec;

use super::Engine;
use crate::command::Command;
use crate::link::{Fit, Link, Ring};
use crate::playback::{Input, LinkEnd};
use crate::record::Sink;
use crate::types::{
    DeviceId, EngineError, MAX_LINK_USEC, PlaybackConfig, PlaybackId, RecordConfig, RecordFrom, RecordId,
};

pub(super) struct LinkInfo {
    spec: SampleSpec,
    delay_usec: u64,
    /// Its ends, as long as they are there.
    pub(super) record: Option<RecordId>,
    pub(super) playback: Option<PlaybackId>,
}

impl Engine {
    /// Lets what `record` hears play on `device`, `delay_usec` (at most [`MAX_LINK_USEC`]) later: the monitor of one
    /// device in the mix of another, without a client between them. The spec of both streams is that of the link.
    ///
    /// The devices that it joins render together. Where they and the link have one rate, what plays on the one plays on
    /// the other to the frame; where rates differ, a few frames later. A link that leads back to where its sound comes
    /// from has at least 10 ms of delay. What makes a device play makes those play that its links lead to, and who
    /// listens to a device makes those run that feed it.
    ///
    /// The streams take all that other streams do, but there are no blocks, no sizes and no events except answers
    /// to queries. The link is gone when both have been removed.
    ///
    /// # Errors
    /// [`EngineError::BadSpec`] where the specs differ, or a spec or map is not valid or does not fit, or there is
    /// nothing to listen to or to play on; [`EngineError::Full`].
    pub fn add_link(
        &mut self,
        device: DeviceId,
        playback: &PlaybackConfig,
        record: &RecordConfig,
        delay_usec: u64,
    ) -> Result<(RecordId, PlaybackId), EngineError> {
        let spec = playback.spec;
        if record.spec != spec {
            return Err(EngineError::BadSpec { spec: record.spec, map_channels: record.map.channels() });
        }
        let slot = self.link_slots.take()?;
        let record = RecordConfig { variable_rate: false, peak_detect: false, ..record.clone() };
        let record = match self.make_record(&record, |_| Sink::Link(slot)) {
            Ok(record) => record,
            Err(error) => {
                self.link_slots.free.push(slot);
                return Err(error);
            }
        };
        let playback = PlaybackConfig { variable_rate: false, passive: false, ..playback.clone() };
        let end = Input::Link(LinkEnd { link: slot, corked: playback.corked });
        let playback = match self.make_playback(device, &playback, |_| end) {
            Ok(playback) => playback,
            Err(error) => {
                self.records.remove(&record.id);
                self.record_slots.free.push(record.id.0);
                self.link_slots.free.push(slot);
                return Err(error);
            }
        };
        let ends = (record.id, playback.id);
        let info = LinkInfo {
            spec,
            delay_usec: delay_usec.min(MAX_LINK_USEC),
            record: Some(record.id),
            playback: Some(playback.id),
        };
        let fit = self.fit(&info);
        let ring = Ring::new(spec, fit);
        self.links.insert(slot, info);
        let link = Link::new(slot, record.id.0, playback.id.0, ring);
        self.queue_and_wake(Command::AddLink(Box::new(link), record, playback));
        Ok(ends)
    }

    /// What the rates on the way of a link make of its ring.
    fn fit(&self, link: &LinkInfo) -> Fit {
        let mut rates = [link.spec.rate; 3];
        let from = link.record.and_then(|record| self.records.get(&record)).map(|info| info.config.from);
        let mut source = match from {
            Some(RecordFrom::Monitor(device)) => Some(device),
            Some(RecordFrom::Playback(_)) | None => None,
        };
        if let Some(RecordFrom::Playback(stream)) = from
            && let Some(info) = self.playbacks.get(&stream)
        {
            rates[0] = info.spec.rate;
            source = Some(info.device);
        }
        let target = link.playback.and_then(|stream| self.playbacks.get(&stream)).map(|info| info.device);
        for (rate, device) in rates[1..].iter_mut().zip([source, target]) {
            if let Some(info) = device.and_then(|device| self.devices.get(&device)) {
                *rate = info.spec.rate;
            }
        }
        let rate = link.spec.rate;
        let step: usize = rates.iter().map(|other| rate.div_ceil(*other) as usize).sum();
        // Each stage is ahead or behind by less than one of its frames, when sound begins to flow and later.
        let slack = if rates == [rate; 3] { 0 } else { 2 * step };
        let delay = (u128::from(link.delay_usec) * u128::from(rate) / 1_000_000) as usize;
        // What a held up device or a resampler's tail bring at once.
        let frames = delay + slack + 2 * step + rate as usize / 4;
        Fit { delay, slack, bytes: vec![0; frames * link.spec.frame_size()] }
    }

    /// After an end of the link, or what it listens to, has moved.
    pub(super) fn fit_link(&mut self, link: u32) {
        if let Some(info) = self.links.get(&link) {
            let fit = self.fit(info);
            self.queue_and_wake(Command::FitLink(link, fit));
        }
    }

    /// After a playback stream has moved: the link that ends there, and those that listen to it.
    pub(super) fn fit_links_of(&mut self, stream: PlaybackId) {
        if self.links.is_empty() {
            return;
        }
        let own = self.playbacks.get(&stream).and_then(|info| info.link);
        let here = RecordFrom::Playback(stream);
        let taps = self.records.values().filter(|info| info.config.from == here).filter_map(|info| info.link);
        for link in own.into_iter().chain(taps).collect::<Vec<_>>() {
            self.fit_link(link);
        }
    }

    /// One of a link's ends was removed.
    pub(super) fn forget_link_end(&mut self, link: Option<u32>, forget: impl FnOnce(&mut LinkInfo)) {
        let Some(slot) = link else { return };
        let Some(info) = self.links.get_mut(&slot) else { return };
        forget(info);
        if info.record.is_none() && info.playback.is_none() {
            self.links.remove(&slot);
        }
    }
}
