//! `pactl subscribe`, waited for.

use crate::{Application, Client, wait};
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// One event of a subscription.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct Event {
    /// Of which object.
    pub index: u32,
    /// `new`, `change` or `remove`.
    pub event: String,
    /// The facility: `sink`, `sink-input`, `client`, …
    pub on: String,
}

/// A running `pactl subscribe`.
#[derive(Debug)]
pub struct Events {
    file: PathBuf,
    application: Application,
    client: Client,
}

impl Events {
    /// Subscribes to everything. Returns when the subscription is in force.
    pub fn subscribe(client: &Client) -> Events {
        let application = client.start("pactl", &["-f", "json", "subscribe"]);
        let events = Events { file: application.stdout().to_owned(), application, client: client.clone() };
        // The subscription is in force once it reports another client.
        let end = std::time::Instant::now() + wait::LIMIT;
        while events.all().is_empty() {
            assert!(std::time::Instant::now() < end, "no event after {:?}", wait::LIMIT);
            client.pactl(&["stat"]);
            let _ = events.wait_within(Duration::from_millis(200), 0, |event| event.event == "remove");
        }
        events.fence();
        events
    }

    /// The process of the subscriber.
    pub fn application(&mut self) -> &mut Application {
        &mut self.application
    }

    /// All that came so far.
    pub fn all(&self) -> Vec<Event> {
        let bytes = std::fs::read(&self.file).unwrap_or_default();
        // The last event may be half written.
        serde_json::Deserializer::from_slice(&bytes).into_iter::<Event>().map_while(Result::ok).collect()
    }

    /// Waits until an event has come that `wanted` accepts, among all so far.
    ///
    /// # Panics
    /// When there is none after [`wait::LIMIT`].
    pub fn wait(&self, what: &str, wanted: impl FnMut(&Event) -> bool) -> Event {
        self.wait_from(0, what, wanted)
    }

    /// The same among the events from the `from`th on.
    pub fn wait_from(&self, from: usize, what: &str, wanted: impl FnMut(&Event) -> bool) -> Event {
        self.wait_within(wait::LIMIT, from, wanted)
            .unwrap_or_else(|| panic!("no event for {what}; there were {:?}", self.all()))
    }

    fn wait_within(
        &self,
        limit: Duration,
        from: usize,
        mut wanted: impl FnMut(&Event) -> bool,
    ) -> Option<Event> {
        let directory = self.file.parent().expect("a file has a parent");
        wait::on_directory(directory, limit, || self.all().into_iter().skip(from).find(|event| wanted(event)))
    }

    /// Waits until all that has been caused so far has been reported: a client comes and goes, whose going
    /// is reported after everything before it. Gives how many events came up to then.
    pub fn fence(&self) -> usize {
        let before = self.all().len();
        self.client.pactl(&["stat"]);
        let directory = self.file.parent().expect("a file has a parent");
        let found = wait::on_directory(directory, wait::LIMIT, || {
            let all = self.all();
            let is = |event: &Event, kind: &str| event.on == "client" && event.event == kind;
            let index = all.get(before..)?.iter().rfind(|event| is(event, "new"))?.index;
            let gone = all.iter().rposition(|event| is(event, "remove") && event.index == index)?;
            Some(gone + 1)
        });
        found.unwrap_or_else(|| panic!("no fence among {:?}", self.all()))
    }
}
