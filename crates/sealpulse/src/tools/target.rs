//! Which device or stream a person means.

use std::fmt;

use sealpulse_client::{ChannelMap, ChannelVolumes, PropList};

use super::lists::Lists;
use crate::table::clean;

/// What has a volume.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Kind {
    Sink,
    Source,
    SinkInput,
    SourceOutput,
}

impl Kind {
    pub(crate) const ALL: [Kind; 4] = [Kind::Sink, Kind::Source, Kind::SinkInput, Kind::SourceOutput];
    pub(crate) const DEVICES: [Kind; 2] = [Kind::Sink, Kind::Source];
    pub(crate) const STREAMS: [Kind; 2] = [Kind::SinkInput, Kind::SourceOutput];

    /// PulseAudio's word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Sink => "sink",
            Kind::Source => "source",
            Kind::SinkInput => "sink-input",
            Kind::SourceOutput => "source-output",
        }
    }

    /// Where streams of this kind can be; a device's own kind.
    pub(crate) fn device(self) -> Kind {
        match self {
            Kind::Sink | Kind::SinkInput => Kind::Sink,
            Kind::Source | Kind::SourceOutput => Kind::Source,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A device or stream that can be meant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Object {
    pub(crate) kind: Kind,
    pub(crate) index: u32,
    /// A device's name; none for a stream.
    pub(crate) name: Option<String>,
    /// All that it is called by: descriptions, applications, titles.
    pub(crate) titles: Vec<String>,
    /// Of all channels; `None` where it has no volume.
    pub(crate) volume: Option<ChannelVolumes>,
    pub(crate) map: ChannelMap,
    pub(crate) muted: bool,
    /// Which the default devices are, `@DEFAULT_SINK@` and the like.
    pub(crate) aliases: Vec<&'static str>,
}

impl Object {
    /// What names it and nothing else.
    pub(crate) fn key(&self) -> String {
        self.name.clone().unwrap_or_else(|| format!("{}/{}", self.kind, self.index))
    }

    /// What a person calls it.
    pub(crate) fn title(&self) -> String {
        clean(&self.titles.join(": "))
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, self.titles.is_empty()) {
            (Some(name), _) => write!(f, "{} {}", self.kind, clean(name)),
            (None, true) => write!(f, "{} {}", self.kind, self.index),
            (None, false) => write!(f, "{} {} ({})", self.kind, self.index, self.title()),
        }
    }
}

/// Why nobody knows what is meant.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum TargetError {
    #[error("there is no {what} `{}`{}", clean(target), candidates(near))]
    Unknown { what: &'static str, target: String, near: Vec<(String, String)> },
    #[error("`{}` can mean {} things; say which{}", clean(target), fits.len(), candidates(fits))]
    Ambiguous { target: String, fits: Vec<(String, String)> },
    #[error("the server has no {0}: there is no such device; `sealpulse load null-sink` makes one")]
    NoDefault(&'static str),
}

/// Lines of keys and titles.
fn candidates(list: &[(String, String)]) -> String {
    let width = list.iter().map(|(key, _)| key.chars().count()).max().unwrap_or(0);
    let line =
        |(key, title): &(String, String)| format!("\n  {}", format!("{key:<width$}  {title}").trim_end());
    match list.is_empty() {
        true => "; there is none at all".to_owned(),
        false => format!(":{}", list.iter().map(line).collect::<String>()),
    }
}

/// All devices and streams of a server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Objects(pub(crate) Vec<Object>);

impl Objects {
    pub(crate) fn new(lists: &Lists) -> Self {
        let mut all = Vec::new();
        let titles = |names: &[Option<&str>]| -> Vec<String> {
            let mut titles: Vec<String> = Vec::new();
            for name in names.iter().flatten().filter(|name| !name.is_empty()) {
                if !titles.iter().any(|title| title == name) {
                    titles.push((*name).to_owned());
                }
            }
            titles
        };
        let default_sink = lists.server.default_sink_name.as_deref();
        let default_source = lists.server.default_source_name.as_deref();
        let monitor = lists
            .sinks
            .iter()
            .find(|sink| Some(&*sink.name) == default_sink)
            .and_then(|sink| sink.monitor_source_name.as_deref());
        for sink in &lists.sinks {
            let is_default = Some(&*sink.name) == default_sink;
            all.push(Object {
                kind: Kind::Sink,
                index: sink.index,
                name: Some(sink.name.clone()),
                titles: titles(&[sink.description.as_deref()]),
                volume: Some(sink.volume),
                map: sink.channel_map,
                muted: sink.mute,
                aliases: is_default.then_some(DEFAULT_SINK).into_iter().collect(),
            });
        }
        for source in &lists.sources {
            let is_default = Some(&*source.name) == default_source;
            let is_monitor = Some(&*source.name) == monitor;
            let aliases = [is_default.then_some(DEFAULT_SOURCE), is_monitor.then_some(DEFAULT_MONITOR)];
            all.push(Object {
                kind: Kind::Source,
                index: source.index,
                name: Some(source.name.clone()),
                titles: titles(&[source.description.as_deref()]),
                volume: Some(source.volume),
                map: source.channel_map,
                muted: source.mute,
                aliases: aliases.into_iter().flatten().collect(),
            });
        }
        for input in &lists.sink_inputs {
            let application = lists.application(&input.properties, input.client_index);
            all.push(Object {
                kind: Kind::SinkInput,
                index: input.index,
                name: None,
                titles: titles(&[application, media(&input.properties, input.name.as_deref())]),
                volume: input.has_volume.then_some(input.volume),
                map: input.channel_map,
                muted: input.mute,
                aliases: Vec::new(),
            });
        }
        for output in &lists.source_outputs {
            let application = lists.application(&output.properties, output.client_index);
            all.push(Object {
                kind: Kind::SourceOutput,
                index: output.index,
                name: None,
                titles: titles(&[application, media(&output.properties, output.name.as_deref())]),
                volume: output.has_volume.then_some(output.volume),
                map: output.channel_map,
                muted: output.mute,
                aliases: Vec::new(),
            });
        }
        Self(all)
    }

    /// Those of some kinds.
    pub(crate) fn of<'a>(&'a self, kinds: &[Kind]) -> impl Iterator<Item = &'a Object> + use<'a> {
        let kinds = kinds.to_vec();
        self.0.iter().filter(move |object| kinds.contains(&object.kind))
    }

    /// What `target` means among objects of these kinds, which people call `what`. The closest wins: an exact name
    /// before an index, a title, a title in other case, and the part of one.
    pub(crate) fn find<'a>(
        &'a self,
        target: &str,
        kinds: &[Kind],
        what: &'static str,
    ) -> Result<&'a Object, TargetError> {
        let everything = || self.of(kinds).map(line).collect();
        if let Some(alias) =
            [DEFAULT_SINK, DEFAULT_SOURCE, DEFAULT_MONITOR].into_iter().find(|&a| a == target)
        {
            let found = self.of(kinds).find(|object| object.aliases.contains(&alias));
            let exists = self.0.iter().any(|object| object.aliases.contains(&alias));
            return match (found, exists) {
                (Some(object), _) => Ok(object),
                (None, false) => Err(TargetError::NoDefault(alias)),
                (None, true) => {
                    Err(TargetError::Unknown { what, target: target.to_owned(), near: everything() })
                }
            };
        }
        let mut matches: Vec<(Closeness, &Object)> =
            self.of(kinds).filter_map(|object| Some((closeness(object, target)?, object))).collect();
        matches.sort_by_key(|(closeness, object)| (*closeness, object.kind, object.index));
        let closest = matches.first().map(|(closeness, _)| *closeness);
        let fits: Vec<&Object> = matches
            .iter()
            .filter(|(closeness, _)| Some(*closeness) == closest)
            .map(|(_, object)| *object)
            .collect();
        match fits.as_slice() {
            [] => Err(TargetError::Unknown { what, target: target.to_owned(), near: everything() }),
            [object] => Ok(object),
            _ => Err(TargetError::Ambiguous {
                target: target.to_owned(),
                fits: fits.into_iter().map(line).collect(),
            }),
        }
    }
}

pub(crate) const DEFAULT_SINK: &str = "@DEFAULT_SINK@";
pub(crate) const DEFAULT_SOURCE: &str = "@DEFAULT_SOURCE@";
pub(crate) const DEFAULT_MONITOR: &str = "@DEFAULT_MONITOR@";

fn line(object: &Object) -> (String, String) {
    let key = match (&object.name, object.kind) {
        // Sinks and sources may share a name.
        (Some(name), kind) => format!("{kind}/{}", clean(name)),
        (None, _) => object.key(),
    };
    (key, object.title())
}

/// What a stream plays: `media.name`, or the name that the server has for it.
fn media<'a>(properties: &'a PropList, name: Option<&'a str>) -> Option<&'a str> {
    properties.get_str("media.name").or(name)
}

/// How well a word fits, the best first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Closeness {
    Name,
    Index,
    Title,
    TitleInOtherCase,
    Part,
}

fn closeness(object: &Object, target: &str) -> Option<Closeness> {
    if object.name.as_deref() == Some(target) {
        return Some(Closeness::Name);
    }
    // `sink/NAME` and `sink:NAME` say the kind.
    let of_kind = target
        .strip_prefix(object.kind.name())
        .and_then(|rest| rest.strip_prefix('/').or_else(|| rest.strip_prefix(':')));
    let target = of_kind.unwrap_or(target);
    if target.is_empty() {
        return None;
    }
    if object.name.as_deref() == Some(target) {
        return Some(Closeness::Name);
    }
    if target.parse() == Ok(object.index) {
        return Some(Closeness::Index);
    }
    if object.titles.iter().any(|title| title == target) {
        return Some(Closeness::Title);
    }
    let lower = target.to_lowercase();
    let names = || object.titles.iter().chain(&object.name).map(|title| title.to_lowercase());
    if names().any(|name| name == lower) {
        return Some(Closeness::TitleInOtherCase);
    }
    // A number is not looked for inside names: it would fit too much.
    let is_number = target.bytes().all(|byte| byte.is_ascii_digit());
    (!is_number && names().any(|name| name.contains(&lower))).then_some(Closeness::Part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(kind: Kind, index: u32, name: Option<&str>, titles: &[&str]) -> Object {
        Object {
            kind,
            index,
            name: name.map(str::to_owned),
            titles: titles.iter().map(|&title| title.to_owned()).collect(),
            volume: None,
            map: ChannelMap::stereo(),
            muted: false,
            aliases: Vec::new(),
        }
    }

    fn objects() -> Objects {
        let mut objects = Objects(vec![
            object(Kind::Sink, 0, Some("out"), &["Headphones"]),
            object(Kind::Sink, 1, Some("hdmi"), &["Television"]),
            object(Kind::Source, 0, Some("out.monitor"), &["Monitor of Headphones"]),
            object(Kind::SinkInput, 5, None, &["Firefox", "Music"]),
            object(Kind::SinkInput, 6, None, &["Firefox", "A call"]),
            object(Kind::SourceOutput, 5, None, &["Recorder", "A call"]),
            object(Kind::SinkInput, 9, None, &["mpv", "1.wav"]),
        ]);
        objects.0[0].aliases.push(DEFAULT_SINK);
        objects
    }

    fn found(target: &str) -> Result<(Kind, u32), TargetError> {
        objects().find(target, &Kind::ALL, "device or stream").map(|object| (object.kind, object.index))
    }

    #[test]
    fn things_are_found_by_what_people_call_them() {
        assert_eq!(found("out"), Ok((Kind::Sink, 0)));
        assert_eq!(found("@DEFAULT_SINK@"), Ok((Kind::Sink, 0)));
        assert_eq!(found("Headphones"), Ok((Kind::Sink, 0)));
        assert_eq!(found("television"), Ok((Kind::Sink, 1)));
        assert_eq!(found("monitor"), Ok((Kind::Source, 0)));
        assert_eq!(found("Music"), Ok((Kind::SinkInput, 5)));
        assert_eq!(found("MPV"), Ok((Kind::SinkInput, 9)));
        assert_eq!(found("6"), Ok((Kind::SinkInput, 6)));
        assert_eq!(found("1"), Ok((Kind::Sink, 1)));
        assert_eq!(found("sink-input/5"), Ok((Kind::SinkInput, 5)));
        assert_eq!(found("source-output:5"), Ok((Kind::SourceOutput, 5)));
        assert_eq!(found("source-output/a call"), Ok((Kind::SourceOutput, 5)));
        assert_eq!(found("sink/out"), Ok((Kind::Sink, 0)));
    }

    #[test]
    fn what_can_mean_several_things_is_listed() {
        let error = found("Firefox").unwrap_err().to_string();
        assert!(error.contains("2 things"), "{error}");
        assert!(
            error.contains("\n  sink-input/5  Firefox: Music\n  sink-input/6  Firefox: A call"),
            "{error}"
        );
        let error = found("5").unwrap_err().to_string();
        assert!(error.contains("sink-input/5") && error.contains("source-output/5  Recorder"), "{error}");
        let error = found("0").unwrap_err().to_string();
        assert!(error.contains("sink/out") && error.contains("source/out.monitor"), "{error}");
    }

    #[test]
    fn what_is_unknown_is_said_with_what_there_is() {
        for target in ["nothing", "77", "", "sink/", "sink-input/out", "sink/@DEFAULT_SINK@"] {
            let error = found(target).unwrap_err().to_string();
            assert!(error.starts_with("there is no device or stream `"), "{target}: {error}");
            assert!(error.contains("sink/hdmi") && error.contains("sink-input/9"), "{error}");
        }
        assert_eq!(found("@DEFAULT_SOURCE@"), Err(TargetError::NoDefault(DEFAULT_SOURCE)));
        let none = Objects::default().find("x", &Kind::DEVICES, "device").unwrap_err().to_string();
        assert_eq!(none, "there is no device `x`; there is none at all");
        let stream = objects().find("@DEFAULT_SINK@", &Kind::STREAMS, "stream").unwrap_err().to_string();
        assert!(stream.starts_with("there is no stream `@DEFAULT_SINK@`:\n"), "{stream}");
    }

    #[test]
    fn names_cannot_move_the_cursor() {
        let objects = Objects(vec![object(Kind::SinkInput, 1, None, &["a\x1b[2J"])]);
        assert!(!objects.find("b", &Kind::ALL, "stream").unwrap_err().to_string().contains('\x1b'));
        assert!(!objects.0[0].to_string().contains('\x1b'));
    }
}
