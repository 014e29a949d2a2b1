//! The commands about samples and sound files.

use std::path::{Path, PathBuf};

use sealpulse_protocol::PropList;
use sealpulse_spec::Volume;

use super::Failure;
use super::commands::{Entry, no};
use super::words::Words;
use crate::registry::names;
use crate::state::State;

pub(super) const COMMANDS: &[Entry] = &[
    Entry::new("play-sample", 3, "NAME SINK", play_sample),
    Entry::new("remove-sample", 2, "NAME", |state, words, _| {
        let sample = state.script_sample(words)?;
        state.remove_sample(sample);
        Ok(())
    }),
    Entry::new("load-sample", 3, "NAME FILE", load_sample),
    Entry::new("load-sample-lazy", 3, "NAME FILE", |state, words, out| {
        let (name, file) = (words.get(1, "a name, and a sound file")?, words.get(2, "a sound file")?);
        if let Err(failure) = state.add_lazy_sample(name, Path::new(file)) {
            out.push_str(&format!("{failure}\n"));
        }
        Ok(())
    }),
    Entry::new("load-sample-dir-lazy", 2, "DIRECTORY", load_directory),
    Entry::new("play-file", 3, "FILE SINK", |state, words, _| {
        let file = Path::new(words.get(1, "a sound file, and a sink")?);
        let sink = state.script_sink(words, 2)?;
        state.play_file(file, sink).map_err(|error| format!("{}: {error}", file.display()))
    }),
];

impl State {
    fn script_sample(&self, words: &Words<'_>) -> Result<u32, Failure> {
        let name = words.get(1, "a sample's name")?;
        self.registry.sample_by_name(name).ok_or_else(|| no("sample", name))
    }

    fn add_lazy_sample(&mut self, name: &str, file: &Path) -> Result<(), Failure> {
        let proplist = named(name, file)?;
        let added = self.add_sample(name, None, Some(file.to_owned()), &proplist);
        added.map(|_| ()).ok_or_else(|| format!("a device has the name {name}"))
    }
}

/// The properties of a sample that comes from a file, if it can have the name.
fn named(name: &str, file: &Path) -> Result<PropList, Failure> {
    if !names::is_valid(name) {
        return Err(format!("`{name}` can be no name"));
    }
    let mut proplist = PropList::new();
    proplist.set_str("media.filename", &file.to_string_lossy());
    Ok(proplist)
}

fn play_sample(state: &mut State, words: &Words<'_>, out: &mut String) -> Result<(), Failure> {
    let sample = state.script_sample(words)?;
    let sink = state.script_sink(words, 2)?;
    let played = state.play_sample(sample, sink, Some(Volume::NORM), &PropList::new());
    let input = played.map_err(|error| format!("it cannot be played: {error}"))?;
    out.push_str(&format!("Playing on sink input #{input}\n"));
    Ok(())
}

/// Of a file that cannot be loaded PulseAudio speaks, and goes on with its script.
fn load_sample(state: &mut State, words: &Words<'_>, out: &mut String) -> Result<(), Failure> {
    let (name, file) = (words.get(1, "a name, and a sound file")?, words.get(2, "a sound file")?);
    let file = Path::new(file);
    let loaded = named(name, file).and_then(|proplist| {
        let sound = state.decode_sample(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let added = state.add_sample(name, Some(sound), None, &proplist);
        added.ok_or_else(|| format!("a device has the name {name}"))
    });
    if let Err(failure) = loaded {
        out.push_str(&format!("{failure}\n"));
    }
    Ok(())
}

fn load_directory(state: &mut State, words: &Words<'_>, out: &mut String) -> Result<(), Failure> {
    let path = Path::new(words.get(1, "a directory")?);
    let files = files_of(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    for file in files {
        let Some(name) = file.file_name().and_then(|name| name.to_str()) else { continue };
        if let Err(failure) = state.add_lazy_sample(name, &file) {
            out.push_str(&format!("{}: {failure}\n", file.display()));
        }
    }
    Ok(())
}

/// The files in a directory, by their names.
fn files_of(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !hidden && entry.path().is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_directory_are_sorted_and_visible() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["b.wav", "a.wav", ".hidden", "c.ogg"] {
            std::fs::write(directory.path().join(name), "").unwrap();
        }
        std::fs::create_dir(directory.path().join("d.wav")).unwrap();
        let names = |path: &Path| -> Vec<String> {
            let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
            files_of(path).unwrap().iter().map(name).collect()
        };
        assert_eq!(names(directory.path()), ["a.wav", "b.wav", "c.ogg"]);
        assert!(files_of(&directory.path().join("none")).is_err());
    }
}
