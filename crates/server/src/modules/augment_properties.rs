//! `module-augment-properties`: clients get the name, icon and role that the desktop file of their program has.

use std::collections::HashMap;
use std::env;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use sealpulse_protocol::{PropList, UpdateMode};

use super::args::parse_proplist;
use super::{Instance, Kind};

pub(super) static KIND: Kind = Kind {
    name: "module-augment-properties",
    description: "Completes clients' properties from the desktop files of their programs",
    driver: "module-augment-properties.c",
    arguments: &[],
    once: true,
    load: |_, _| Ok(Box::new(AugmentProperties::default())),
};

/// How long a program's file is taken to be the same.
const STAT_INTERVAL: Duration = Duration::from_secs(30);
/// Programs that are remembered.
const PROGRAMS_MAX: usize = 50;
/// Longest desktop file that is read.
const FILE_MAX: u64 = 1 << 20;
/// Where desktop files are where `$XDG_DATA_DIRS` does not say.
const DATA_DIRECTORY: &str = "/usr/share";

#[derive(Debug, Default)]
struct AugmentProperties {
    programs: HashMap<String, Program>,
}

/// What is known of a program.
#[derive(Debug)]
struct Program {
    looked: Instant,
    modified: Option<SystemTime>,
    entry: Option<Entry>,
}

/// What a desktop file says.
#[derive(Debug, Default, PartialEq)]
struct Entry {
    name: Option<String>,
    icon: Option<String>,
    role: Option<&'static str>,
    properties: PropList,
}

impl Entry {
    /// Reads the `[Desktop Entry]` group, up to what cannot be read.
    fn parse(text: &str) -> Self {
        let mut entry = Self::default();
        let mut ours = false;
        for line in text.lines().map(str::trim) {
            if let Some(group) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                ours = group == "Desktop Entry";
            }
            let Some((key, value)) = line.split_once('=').filter(|_| ours && !line.starts_with('#')) else {
                continue;
            };
            let value = value.trim();
            match key.trim() {
                "Name" => entry.name = Some(value.to_owned()),
                "Icon" => entry.icon = Some(value.to_owned()),
                "Type" if value != "Application" => break,
                "Categories" => entry.add_categories(value),
                "X-PulseAudio-Properties" => {
                    let Some(pairs) = parse_proplist(value) else { break };
                    let mut properties = PropList::new();
                    for (key, value) in pairs {
                        properties.set(&key, value);
                    }
                    entry.properties.update(UpdateMode::Merge, &properties);
                }
                _ => {}
            }
        }
        entry
    }

    fn add_categories(&mut self, categories: &str) {
        for category in categories.split(';') {
            match category {
                "Game" => self.role = Some("game"),
                "Telephony" => self.role = Some("phone"),
                _ => {}
            }
        }
    }

    /// Adds what a client of this program has not said itself.
    fn apply(&self, program: &str, proplist: &mut PropList) {
        proplist.update(UpdateMode::Merge, &self.properties);
        let mut add = |key, value: Option<&str>| {
            if let Some(value) = value.filter(|_| !proplist.contains(key)) {
                proplist.set_str(key, value);
            }
        };
        add("application.icon_name", self.icon.as_deref());
        add("media.role", self.role);
        if let Some(name) = &self.name
            && proplist.get_str("application.name").is_none_or(|said| said == program)
        {
            proplist.set_str("application.name", name);
        }
    }
}

/// Where desktop files are.
fn directories() -> Vec<PathBuf> {
    let listed = env::var_os("XDG_DATA_DIRS");
    let data: Vec<PathBuf> = match &listed {
        Some(listed) => env::split_paths(listed).collect(),
        None => vec![PathBuf::from(DATA_DIRECTORY)],
    };
    data.into_iter().map(|directory| directory.join("applications")).collect()
}

/// The desktop file of a program in a directory or one below it.
fn find(directory: &Path, program: &str) -> Option<PathBuf> {
    let file = format!("{program}.desktop");
    let direct = directory.join(&file);
    if direct.exists() {
        return Some(direct);
    }
    let below = fs::read_dir(directory).ok()?.flatten();
    let below = below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    below.map(|entry| entry.path().join(&file)).find(|path| path.exists())
}

fn read(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    fs::File::open(path).ok()?.take(FILE_MAX).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

impl AugmentProperties {
    /// What is known of a program, looked up if that is long ago.
    fn look_up(&mut self, program: &str) -> Option<&Entry> {
        let known = self.programs.get(program);
        if known.is_none_or(|known| known.looked.elapsed() > STAT_INTERVAL) {
            let found = directories().iter().find_map(|directory| find(directory, program));
            let modified = found.as_ref().and_then(|path| fs::metadata(path).ok()?.modified().ok());
            let same = known.is_some_and(|known| known.modified.is_some() && known.modified == modified);
            let entry = match self.programs.remove(program) {
                Some(known) if same => known.entry,
                _ => found.as_deref().and_then(read).map(|text| Entry::parse(&text)),
            };
            self.make_room();
            let looked = Instant::now();
            self.programs.insert(program.to_owned(), Program { looked, modified, entry });
        }
        self.programs.get(program)?.entry.as_ref()
    }

    /// Forgets the program that was looked up first.
    fn make_room(&mut self) {
        if self.programs.len() >= PROGRAMS_MAX {
            let oldest = self.programs.iter().min_by_key(|(_, program)| program.looked);
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                self.programs.remove(&oldest);
            }
        }
    }
}

impl Instance for AugmentProperties {
    fn shape_client(&mut self, proplist: &mut PropList) {
        let Some(program) = proplist.get_str("application.process.binary").map(str::to_owned) else { return };
        // It is a file's name that somebody else says.
        if program.is_empty() || program.starts_with('.') || program.contains('/') {
            return;
        }
        if let Some(entry) = self.look_up(&program) {
            entry.apply(&program, proplist);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# a comment\n[Other]\nName=wrong\n[Desktop Entry]\nType = Application\nName=Good Game\n\
        Name[de]=Gutes Spiel\nIcon=good-game\nCategories=Game;ActionGame;\n\
        X-PulseAudio-Properties=a.b=c application.language=de\n[More]\nIcon=wrong\n";

    #[test]
    fn a_desktop_file_completes_what_a_client_says() {
        let entry = Entry::parse(FILE);
        let mut client: PropList =
            [("application.name", "game"), ("application.language", "en")].into_iter().collect();
        entry.apply("game", &mut client);
        assert_eq!(client.get_str("application.name"), Some("Good Game"));
        assert_eq!(client.get_str("application.icon_name"), Some("good-game"));
        assert_eq!(client.get_str("media.role"), Some("game"));
        assert_eq!(client.get_str("a.b"), Some("c"));
        assert_eq!(client.get_str("application.language"), Some("en"), "what it has said stays");
        let mut named: PropList = [("application.name", "My own")].into_iter().collect();
        entry.apply("game", &mut named);
        assert_eq!(named.get_str("application.name"), Some("My own"));
    }

    #[test]
    fn links_are_no_applications() {
        let entry = Entry::parse("[Desktop Entry]\nName=a\nType=Link\nIcon=b\n");
        assert_eq!((entry.name.as_deref(), entry.icon), (Some("a"), None));
    }

    #[test]
    fn files_are_found_one_directory_below() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("kde")).unwrap();
        let path = directory.path().join("kde/game.desktop");
        fs::write(&path, FILE).unwrap();
        assert_eq!(find(directory.path(), "game"), Some(path));
        assert_eq!(find(directory.path(), "other"), None);
    }
}
