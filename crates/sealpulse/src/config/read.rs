//! Reads a configuration, and finds all that is wrong with it.

use std::ops::Range;
use std::path::Path;

use sealpulse_server::{ArgumentValue, ModuleError, ModuleInfo, SocketConfig, StartStep};
use sealpulse_spec::ChannelMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Configuration;
use super::problem::{Fault, Problem, nearest};
use super::setting::{Setting, shown};
use super::settings::{SECTIONS, SOCKET};

/// Reads what is in the file `path`.
pub(super) fn read(bytes: &[u8], path: &Path) -> Result<Configuration, Vec<Problem>> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let (good, _) = bytes.split_at(error.valid_up_to());
        let good = String::from_utf8_lossy(good);
        vec![Problem::new(Fault::Encoding, &good, good.len()..good.len())]
    })?;
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut reader =
        Reader { text, path, folder: path.parent().unwrap_or(Path::new("")), problems: Vec::new() };
    for error in errors {
        reader
            .fault(Fault::Syntax(error.message().to_owned()), error.span().unwrap_or(text.len()..text.len()));
    }
    if !reader.problems.is_empty() {
        // What the parser made of it is not what was meant.
        return Err(reader.problems);
    }
    let configuration = reader.document(document.get_ref());
    if reader.problems.is_empty() {
        return Ok(configuration);
    }
    reader.problems.sort_by_key(|problem| (problem.line, problem.column));
    Err(reader.problems)
}

struct Reader<'a> {
    text: &'a str,
    path: &'a Path,
    /// Where paths start that are not absolute.
    folder: &'a Path,
    problems: Vec<Problem>,
}

type Table<'t> = DeTable<'t>;
type Entry<'t> = Spanned<DeValue<'t>>;

impl Reader<'_> {
    fn fault(&mut self, fault: Fault, span: Range<usize>) {
        self.problems.push(Problem::new(fault, self.text, span));
    }

    fn document(&mut self, document: &Table<'_>) -> Configuration {
        let mut configuration = Configuration::default();
        for (name, _) in document {
            let known = || SECTIONS.iter().map(|section| section.name).chain(["socket", "module"]);
            if !known().any(|known| known == name.get_ref()) {
                let suggestion = nearest(name.get_ref(), known());
                self.fault(
                    Fault::UnknownSection { name: name.get_ref().to_string(), suggestion },
                    name.span(),
                );
            }
        }
        // Modules come before the scripts of `[server]`.
        for (place, entry, table) in self.list(document, "module") {
            configuration.server.start.extend(self.module(&place, entry, table, document));
        }
        for section in SECTIONS {
            let Some((name, entry)) = document.get_key_value(section.name) else { continue };
            match entry.get_ref().as_table() {
                Some(table) => self.settings(section.name, section.settings, &mut configuration, table),
                None => self.fault(Fault::SectionForm { name: section.name, list: false }, name.span()),
            }
        }
        for (place, _, table) in self.list(document, "socket") {
            let mut socket = SocketConfig::new("");
            self.settings("socket", SOCKET, &mut socket, table);
            if !table.contains_key("path") {
                self.fault(Fault::Missing { key: "path" }, place);
            }
            configuration.server.sockets.push(socket);
        }
        self.spec(&mut configuration, document);
        configuration
    }

    /// The tables of `[[name]]`, each with the place of its head.
    fn list<'t>(
        &mut self,
        document: &'t Table<'_>,
        name: &'static str,
    ) -> Vec<(Range<usize>, &'t Entry<'t>, &'t Table<'t>)> {
        let Some((key, entry)) = document.get_key_value(name) else { return Vec::new() };
        let Some(array) = entry.get_ref().as_array() else {
            self.fault(Fault::SectionForm { name, list: true }, key.span());
            return Vec::new();
        };
        let mut tables = Vec::new();
        for entry in array {
            match entry.get_ref().as_table() {
                Some(table) => tables.push((entry.span(), entry, table)),
                None => self.fault(Fault::SectionForm { name, list: true }, entry.span()),
            }
        }
        tables
    }

    fn settings<T>(&mut self, section: &str, settings: &[Setting<T>], target: &mut T, table: &Table<'_>) {
        // In the order of their declaration: some build upon others.
        for setting in settings {
            let Some(value) = table.get(setting.key) else { continue };
            if let Err(fault) = setting.set(target, value.get_ref(), self.folder) {
                self.fault(fault, value.span());
            }
        }
        for (key, _) in table {
            let known = || settings.iter().map(|setting| setting.key);
            if !known().any(|known| known == key.get_ref()) {
                let suggestion = nearest(key.get_ref(), known());
                let fault = Fault::UnknownKey {
                    section: section.to_owned(),
                    key: key.get_ref().to_string(),
                    suggestion,
                };
                self.fault(fault, key.span());
            }
        }
    }

    /// A `[[module]]`: its name, and its arguments by theirs.
    fn module(
        &mut self,
        place: &Range<usize>,
        entry: &Entry<'_>,
        table: &Table<'_>,
        document: &Table<'_>,
    ) -> Option<StartStep> {
        let Some(name) = table.get("name") else {
            self.fault(Fault::Missing { key: "name" }, place.clone());
            return None;
        };
        let Some(text) = name.get_ref().as_str() else {
            let expected = "the name of a module".to_owned();
            let value = shown(name.get_ref());
            self.fault(Fault::Value { key: "name".to_owned(), value, expected }, name.span());
            return None;
        };
        let module = match ModuleInfo::find(text) {
            Ok(module) => module,
            Err(error) => {
                let bare = text.strip_prefix("module-").unwrap_or(text);
                let known =
                    sealpulse_server::modules().filter_map(|module| module.name().strip_prefix("module-"));
                let suggestion =
                    matches!(error, ModuleError::Unknown { .. }).then(|| nearest(bare, known)).flatten();
                self.fault(Fault::Module { error, suggestion }, name.span());
                return None;
            }
        };
        if module.once() && first_of(document, module.name()).is_some_and(|first| first != entry.span()) {
            self.fault(Fault::Twice { name: module.name() }, name.span());
        }
        let mut arguments = Vec::new();
        for (key, value) in table {
            if key.get_ref() != "name" {
                arguments.extend(self.argument(module, key, value));
            }
        }
        let line = Problem::new(Fault::Missing { key: "name" }, self.text, name.span()).line;
        Some(StartStep::Module {
            name: module.name().to_owned(),
            arguments: arguments.join(" "),
            origin: format!("{}:{line}", self.path.display()),
        })
    }

    fn argument(
        &mut self,
        module: ModuleInfo,
        key: &Spanned<toml::de::DeString<'_>>,
        value: &Entry<'_>,
    ) -> Option<String> {
        let written = match value.get_ref() {
            DeValue::Table(table) => {
                let mut pairs = Vec::new();
                flatten("", table, &mut pairs);
                module.argument(key.get_ref(), ArgumentValue::Properties(&pairs))
            }
            DeValue::Array(array) => {
                let parts: Vec<String> = array.iter().map(|entry| shown(entry.get_ref())).collect();
                module.argument(key.get_ref(), ArgumentValue::Text(&parts.join(",")))
            }
            single => module.argument(key.get_ref(), ArgumentValue::Text(&shown(single))),
        };
        match written {
            Ok(written) => Some(written),
            Err(error) => {
                let unknown = matches!(error, ModuleError::UnknownArgument { .. });
                let suggestion = if unknown {
                    nearest(key.get_ref(), module.arguments().map(|argument| argument.name))
                } else {
                    None
                };
                self.fault(
                    Fault::Module { error, suggestion },
                    if unknown { key.span() } else { value.span() },
                );
                None
            }
        }
    }

    /// Channels and map of devices that do not say must agree.
    fn spec(&mut self, configuration: &mut Configuration, document: &Table<'_>) {
        let (channels, map) = match (configuration.channels, configuration.map) {
            (None, None) => return,
            (Some(channels), None) => (channels, ChannelMap::default_for(channels)),
            (channels, Some(map)) => {
                if let Some(channels) = channels.filter(|channels| *channels != map.channels()) {
                    let place = document
                        .get("devices")
                        .and_then(|devices| devices.get_ref().as_table()?.get("channel-map"))
                        .map_or(0..0, Spanned::span);
                    self.fault(Fault::MapMismatch { channels, map: map.channels() }, place);
                }
                (map.channels(), map)
            }
        };
        configuration.server.default_spec.channels = channels;
        configuration.server.default_map = map;
    }
}

/// Where the first `[[module]]` of this name is.
fn first_of(document: &Table<'_>, name: &str) -> Option<Range<usize>> {
    let modules = document.get("module")?.get_ref().as_array()?;
    let named = |entry: &&Entry<'_>| {
        let text = entry.get_ref().as_table().and_then(|table| table.get("name"));
        text.and_then(|text| text.get_ref().as_str())
            .and_then(|text| ModuleInfo::find(text).ok())
            .is_some_and(|module| module.name() == name)
    };
    modules.iter().find(named).map(Spanned::span)
}

/// `device.description = "x"` is a table within a table to TOML, and one property to us.
fn flatten(prefix: &str, table: &Table<'_>, pairs: &mut Vec<(String, String)>) {
    for (key, value) in table {
        let key = format!("{prefix}{}", key.get_ref());
        match value.get_ref() {
            DeValue::Table(table) => flatten(&format!("{key}."), table, pairs),
            single => pairs.push((key, shown(single))),
        }
    }
}
