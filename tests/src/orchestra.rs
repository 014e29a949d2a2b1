//! Six real applications at once, and what the server's status says of them while they play.

use crate::{Application, Client, wait};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// Applications that play, each with a name.
#[derive(Debug)]
pub struct Orchestra {
    client: Client,
    players: Vec<(String, Application)>,
    seen: BTreeMap<(String, u64), Value>,
    at_once: usize,
}

impl Orchestra {
    /// Nobody plays yet.
    pub fn new(client: &Client) -> Orchestra {
        Orchestra { client: client.clone(), players: Vec::new(), seen: BTreeMap::new(), at_once: 0 }
    }

    /// Starts `gst-launch-1.0` with `pulsesink`.
    pub fn gstreamer(&mut self, file: &Path) {
        let location = format!("location={}", file.display());
        let pipeline = [
            "-q",
            "filesrc",
            &location,
            "!",
            "decodebin",
            "!",
            "audioconvert",
            "!",
            "audioresample",
            "!",
            "pulsesink",
        ];
        self.start("gst-launch-1.0", &pipeline);
    }

    /// Starts `mplayer -ao pulse`.
    pub fn mplayer(&mut self, file: &Path) {
        self.start("mplayer", &["-really-quiet", "-noconfig", "all", "-nolirc", "-ao", "pulse", &text(file)]);
    }

    /// Starts `paplay`.
    pub fn paplay(&mut self, file: &Path) {
        self.start("paplay", &[text(file)]);
    }

    /// Starts any other program that plays.
    pub fn start<S: AsRef<std::ffi::OsStr>>(&mut self, program: &str, arguments: &[S]) {
        let name = format!("{program} {}", self.players.len() + 1);
        self.players.push((name, self.client.start(program, arguments)));
    }

    /// Plays to the end, looking at the status now and then.
    ///
    /// # Panics
    /// When an application does not end within `limit`, or not well.
    pub fn play(&mut self, limit: Duration) {
        let end = Instant::now() + limit;
        loop {
            self.look();
            let Some((name, player)) = self.running() else {
                break;
            };
            assert!(Instant::now() < end, "{name} still plays after {limit:?}");
            // How often to look, unless one ends.
            let _ = player.ended_within(Duration::from_millis(250));
        }
        for (name, player) in &mut self.players {
            player.wait(wait::LIMIT).expect_success(name);
        }
    }

    /// Waits until `count` of them play at once.
    ///
    /// # Panics
    /// If they do not within `limit`, or none plays any more.
    pub fn until_playing(&mut self, count: usize, limit: Duration) {
        let end = Instant::now() + limit;
        loop {
            self.look();
            if self.at_once >= count {
                return;
            }
            assert!(Instant::now() < end, "{} of {count} play after {limit:?}", self.at_once);
            let Some((_, player)) = self.running() else { panic!("nobody plays any more") };
            // How often to look, unless one ends.
            let _ = player.ended_within(Duration::from_millis(50));
        }
    }

    /// One that has not ended.
    fn running(&mut self) -> Option<(&str, &mut Application)> {
        self.players
            .iter_mut()
            .find_map(|(name, player)| player.is_running().then_some((name.as_str(), player)))
    }

    /// Most applications that had a stream at one moment.
    pub fn at_once(&self) -> usize {
        self.at_once
    }

    /// The last that the status said of each connection of each application.
    pub fn seen(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.seen.iter().map(|((name, _), client)| (name.as_str(), client))
    }

    /// Checks that every application's sound came by sealed memory, uncopied and without a gap.
    pub fn expect_sealed_and_whole(&self) {
        for (name, _) in &self.players {
            let mine: Vec<&Value> =
                self.seen().filter(|(other, _)| other == name).map(|(_, client)| client).collect();
            assert!(!mine.is_empty(), "{name} was never seen");
            let referenced: u64 = mine.iter().filter_map(|client| client["bytes_referenced"].as_u64()).sum();
            assert!(referenced > 0, "{name} has sent nothing by reference: {mine:?}");
            for client in mine {
                let as_wanted = client["transport"] == "memfd"
                    && client["sealed"] == true
                    && client["bytes_copied"] == 0
                    && client["underruns"] == 0;
                assert!(as_wanted, "{name}: {client:#}");
            }
        }
    }

    fn look(&mut self) {
        let status = self.client.status();
        let mut at_once = 0;
        for client in status["clients"].as_array().into_iter().flatten() {
            let player = self
                .players
                .iter()
                .find(|(_, player)| client["pid"].as_u64() == Some(u64::from(player.pid())));
            let has_stream = client["streams"].as_array().is_some_and(|streams| !streams.is_empty());
            if let (Some((name, _)), true) = (player, has_stream) {
                at_once += 1;
                let index = client["index"].as_u64().unwrap_or_default();
                self.seen.insert((name.clone(), index), client.clone());
            }
        }
        self.at_once = self.at_once.max(at_once);
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
