//! `parec`, whose recording can be searched while it grows.

use crate::{Application, Client, wait};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A running `parec` that writes raw samples to a file.
#[derive(Debug)]
pub struct Recorder {
    application: Application,
    file: PathBuf,
}

impl Recorder {
    /// Starts recording `device` in `format` (as `parec --format`) and returns when samples arrive.
    pub fn start(client: &Client, device: &str, format: &str, rate: u32, channels: u8) -> Recorder {
        let rate = format!("--rate={rate}");
        let channels = format!("--channels={channels}");
        let mut arguments = vec![format!("--device={device}"), format!("--format={format}"), rate, channels];
        arguments.push("--latency-msec=50".into());
        Recorder::with_arguments(client, &arguments)
    }

    /// Starts `parec` with these arguments and returns when samples arrive.
    pub fn with_arguments(client: &Client, arguments: &[String]) -> Recorder {
        let mut all = vec!["--raw".to_owned()];
        all.extend_from_slice(arguments);
        let application = client.start("parec", &all);
        let file = application.stdout().to_owned();
        let recorder = Recorder { application, file };
        recorder.wait_length(1);
        recorder
    }

    /// Its process.
    pub fn application(&mut self) -> &mut Application {
        &mut self.application
    }

    /// What has been recorded so far.
    pub fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.file).expect("the recording can be read")
    }

    /// Bytes recorded so far.
    pub fn length(&self) -> u64 {
        std::fs::metadata(&self.file).map_or(0, |metadata| metadata.len())
    }

    /// Waits until at least `length` bytes have been recorded.
    pub fn wait_length(&self, length: u64) {
        let come =
            wait::on_directory(self.directory(), wait::LIMIT, || (self.length() >= length).then_some(()));
        assert!(
            come.is_some(),
            "{} of {length} bytes recorded; parec said: {}",
            self.length(),
            self.application.errors()
        );
    }

    /// Waits until `bytes` more have been recorded than now.
    pub fn wait_more(&self, bytes: u64) {
        self.wait_length(self.length() + bytes);
    }

    /// Waits until the recording contains `wanted` from its first byte to its last, and gives where it
    /// begins.
    ///
    /// # Panics
    /// When it does not come within `limit`; the message says how much of it matched.
    pub fn wait_for(&self, wanted: &[u8], frame: usize, limit: Duration) -> usize {
        let head = &wanted[..wanted.len().min(16 * frame)];
        let mut searched = 0;
        let mut start = None;
        let found = wait::on_directory(self.directory(), limit, || {
            let recorded = self.bytes();
            if start.is_none() {
                start = find(&recorded, head, searched, frame);
                searched = (recorded.len() / frame).saturating_sub(16) * frame;
            }
            start.filter(|start| recorded.len() >= start + wanted.len())
        });
        let recorded = self.bytes();
        let Some(start) = start else {
            panic!(
                "the beginning is not among {} bytes recorded; {}",
                recorded.len(),
                parts(&recorded, wanted, frame)
            );
        };
        let part = &recorded[start..recorded.len().min(start + wanted.len())];
        let same = part.iter().zip(wanted).take_while(|(a, b)| a == b).count();
        assert!(
            found.is_some() && same == wanted.len(),
            "the first {} of {} frames match (found at frame {}, {} frames recorded after it): {}",
            same / frame,
            wanted.len() / frame,
            start / frame,
            (recorded.len() - start) / frame,
            around(part, wanted, same)
        );
        start
    }

    /// Where its file is; it changes when more has come.
    pub fn directory(&self) -> &Path {
        self.file.parent().expect("a file has a parent")
    }
}

fn find(recorded: &[u8], head: &[u8], from: usize, frame: usize) -> Option<usize> {
    let last = recorded.len().checked_sub(head.len())?;
    (from..=last).step_by(frame).find(|&at| recorded[at..].starts_with(head))
}

/// Where parts of `wanted` are in `recorded`, for a message.
fn parts(recorded: &[u8], wanted: &[u8], frame: usize) -> String {
    let step = (wanted.len() / frame / 10).max(16) * frame;
    let mut text = String::from("of its tenths, found at frames (wanted: recorded):");
    for from in (0..wanted.len().saturating_sub(16 * frame)).step_by(step) {
        let at = find(recorded, &wanted[from..from + 16 * frame], 0, frame).map(|at| at / frame);
        text += &format!(" {}: {at:?}", from / frame);
    }
    text
}

fn around(part: &[u8], wanted: &[u8], at: usize) -> String {
    let range = at.saturating_sub(8)..at + 24;
    let cut =
        |bytes: &[u8]| format!("{:02x?}", &bytes[range.start.min(bytes.len())..range.end.min(bytes.len())]);
    format!("recorded {} instead of {}", cut(part), cut(wanted))
}
