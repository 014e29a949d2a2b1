//! What there is to see, and what is chosen.

use std::time::Instant;

use super::super::overview::{Client, Device, Overview, Stream};
use super::super::target::Kind;
use super::worker::Action;

/// One of the three tables.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Section {
    Devices,
    Streams,
    Clients,
}

impl Section {
    pub(crate) const ALL: [Section; 3] = [Section::Devices, Section::Streams, Section::Clients];
}

/// What a line is about, which stays the same while lines come and go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Item {
    Object(Kind, u32),
    Client(u32),
}

/// What lies over the tables.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Popup {
    Help,
    /// Devices to move a stream to, and which of them is chosen.
    Move {
        kind: Kind,
        index: u32,
        title: String,
        devices: Vec<(u32, String)>,
        chosen: usize,
    },
    /// Something that cannot be taken back.
    Confirm {
        question: String,
        action: Action,
    },
}

/// What there is to see.
#[derive(Debug, Default)]
pub(crate) struct View {
    pub(crate) overview: Overview,
    /// Whether the server has been seen at all.
    pub(crate) is_seen: bool,
    seen: Option<Instant>,
    /// Share of a processor that each thread takes, 0 to 1, in the order of the overview's threads.
    pub(crate) thread_load: Vec<Option<f64>>,
    /// Wake-ups of each thread in a second.
    pub(crate) thread_rate: Vec<Option<f64>>,
    pub(crate) chosen: Option<Item>,
    /// First lines that the tables show.
    pub(crate) offsets: [usize; 3],
    pub(crate) shows_monitors: bool,
    pub(crate) popup: Option<Popup>,
    /// What did not work.
    pub(crate) message: Option<String>,
    /// Why the connection has ended.
    pub(crate) gone: Option<String>,
}

impl View {
    /// Takes what the server said at `now`.
    pub(crate) fn see(&mut self, overview: Overview, now: Instant) {
        let elapsed = self.seen.map(|seen| now.saturating_duration_since(seen).as_secs_f64());
        let before = self.overview.threads.take().unwrap_or_default();
        let threads = overview.threads.iter().flatten();
        let rates = threads.map(|thread| {
            let before = before.iter().find(|before| before.name == thread.name);
            let per_second = |now: u64, before: u64| {
                elapsed
                    .filter(|&seconds| seconds > 0.0)
                    .map(|seconds| now.saturating_sub(before) as f64 / seconds)
            };
            let load = before.and_then(|before| per_second(thread.cpu_usec, before.cpu_usec));
            (
                load.map(|usec| usec / 1e6),
                before.and_then(|before| per_second(thread.wakeups, before.wakeups)),
            )
        });
        (self.thread_load, self.thread_rate) = rates.unzip();
        (self.overview, self.seen, self.is_seen, self.gone) = (overview, Some(now), true, None);
        let items = self.items();
        if self.chosen.is_none_or(|chosen| !items.contains(&chosen)) {
            self.chosen = items.first().copied();
        }
    }

    /// The devices that are shown.
    pub(crate) fn devices(&self) -> Vec<&Device> {
        self.overview.devices.iter().filter(|device| self.shows_monitors || !device.is_monitor).collect()
    }

    /// What each line of a table is about.
    pub(crate) fn section(&self, section: Section) -> Vec<Item> {
        match section {
            Section::Devices => {
                self.devices().iter().map(|device| Item::Object(device.kind, device.index)).collect()
            }
            Section::Streams => {
                self.overview.streams.iter().map(|stream| Item::Object(stream.kind, stream.index)).collect()
            }
            Section::Clients => {
                self.overview.clients.iter().map(|client| Item::Client(client.index)).collect()
            }
        }
    }

    /// All lines, from top to bottom.
    pub(crate) fn items(&self) -> Vec<Item> {
        Section::ALL.into_iter().flat_map(|section| self.section(section)).collect()
    }

    /// Chooses the line that is so much further down, or up.
    pub(crate) fn step(&mut self, by: isize) {
        let items = self.items();
        let at = self.chosen.and_then(|chosen| items.iter().position(|&item| item == chosen)).unwrap_or(0);
        let last = items.len().saturating_sub(1);
        self.chosen = items.get(at.saturating_add_signed(by).min(last)).copied();
    }

    /// Chooses the first line of the next table that has one, or of the one before.
    pub(crate) fn next_section(&mut self, forward: bool) {
        let heads: Vec<Item> =
            Section::ALL.into_iter().filter_map(|section| self.section(section).first().copied()).collect();
        let within = |head: &Item| {
            Section::ALL.into_iter().map(|section| self.section(section)).any(|items| {
                items.first() == Some(head) && self.chosen.is_some_and(|chosen| items.contains(&chosen))
            })
        };
        let at = heads.iter().position(within).unwrap_or(0);
        let count = heads.len().max(1);
        let next = if forward { at + 1 } else { at + count - 1 } % count;
        self.chosen = heads.get(next).copied();
    }

    /// The chosen device.
    pub(crate) fn device(&self) -> Option<&Device> {
        let Some(Item::Object(kind, index)) = self.chosen else { return None };
        self.overview.devices.iter().find(|device| device.kind == kind && device.index == index)
    }

    /// The chosen stream.
    pub(crate) fn stream(&self) -> Option<&Stream> {
        let Some(Item::Object(kind, index)) = self.chosen else { return None };
        self.overview.streams.iter().find(|stream| stream.kind == kind && stream.index == index)
    }

    /// The chosen client.
    pub(crate) fn client(&self) -> Option<&Client> {
        let Some(Item::Client(index)) = self.chosen else { return None };
        self.overview.clients.iter().find(|client| client.index == index)
    }
}
