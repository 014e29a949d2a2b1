//! A line of a script, word by word.

use sealpulse_protocol::PropList;
use sealpulse_spec::{ChannelVolumes, Volume};

use super::Failure;
use crate::modules::args::{parse_boolean, parse_number, parse_proplist};

/// The command and what follows it. The last word is the rest of the line.
pub(super) struct Words<'a>(Vec<&'a str>);

impl<'a> Words<'a> {
    /// Takes a line apart into at most `most` words.
    pub(super) fn split(line: &'a str, most: usize) -> Self {
        let mut words = Vec::new();
        let mut rest = line.trim();
        while !rest.is_empty() && words.len() + 1 < most {
            let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            words.push(word);
            rest = after.trim_start();
        }
        if !rest.is_empty() {
            words.push(rest);
        }
        Self(words)
    }

    /// A word that may be missing.
    pub(super) fn find(&self, at: usize) -> Option<&'a str> {
        self.0.get(at).copied()
    }

    pub(super) fn get(&self, at: usize, what: &str) -> Result<&'a str, Failure> {
        self.find(at).ok_or_else(|| format!("say {what}"))
    }

    pub(super) fn number(&self, at: usize, what: &str) -> Result<u32, Failure> {
        let word = self.get(at, what)?;
        parse_number(word).ok_or_else(|| format!("`{word}` is no number"))
    }

    pub(super) fn boolean(&self, at: usize) -> Result<bool, Failure> {
        let word = self.get(at, "yes or no")?;
        parse_boolean(word).ok_or_else(|| format!("`{word}` is neither yes nor no"))
    }

    pub(super) fn volume(&self, at: usize) -> Result<ChannelVolumes, Failure> {
        let volume = Volume(self.number(at, "a volume, 0x10000 for full")?);
        if volume.is_valid() {
            Ok(ChannelVolumes::all(1, volume))
        } else {
            Err("a volume out of range".to_owned())
        }
    }

    pub(super) fn properties(&self, at: usize) -> Result<PropList, Failure> {
        let text = self.get(at, "properties")?;
        let pairs = parse_proplist(text);
        let pairs = pairs.ok_or_else(|| format!("`{text}` are no properties (key=value …)"))?;
        let mut proplist = PropList::new();
        for (key, value) in pairs {
            proplist.set(&key, value);
        }
        Ok(proplist)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_is_the_rest_of_the_line() {
        let words = Words::split("load-module  module-null-sink   sink_name=a rate=48000 ", 3);
        assert_eq!(words.0, ["load-module", "module-null-sink", "sink_name=a rate=48000"]);
        assert_eq!(Words::split("play a b c", 4).0, ["play", "a", "b", "c"]);
        assert_eq!(Words::split("exit now", 1).0, ["exit now"]);
        assert!(Words::split("  ", 3).0.is_empty());
    }
}
