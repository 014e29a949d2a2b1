//! What a comparison does to a server, written down.

use super::normal::Names;
use crate::{Application, Client, Events, Output, Server, Transport, wait};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A run of a script on one server.
#[derive(Debug)]
pub struct Script<'a> {
    server: &'a Server,
    client: Client,
    events: Events,
    seen: usize,
    names: Names,
    streams: BTreeMap<String, Application>,
    transcript: Vec<(String, Value)>,
}

impl<'a> Script<'a> {
    pub(super) fn new(server: &'a Server) -> Script<'a> {
        let client = server.client(Transport::Memfd);
        let events = Events::subscribe(&client);
        let seen = events.all().len();
        let mut names = Names::default();
        names.replace(server.directory().display().to_string(), "DIRECTORY");
        Script { server, client, events, seen, names, streams: BTreeMap::new(), transcript: Vec::new() }
    }

    pub(super) fn finish(mut self) -> Vec<(String, Value)> {
        self.events("at the end");
        assert!(self.events.application().is_running(), "the subscriber has lost its server");
        std::mem::take(&mut self.transcript)
    }

    /// The server that it runs on.
    pub fn server(&self) -> &Server {
        self.server
    }

    /// Writes something down.
    pub fn note(&mut self, label: &str, value: Value) {
        let label = format!("{:02} {label}", self.transcript.len() + 1);
        self.transcript.push((label, value));
    }

    /// Runs `pactl` and writes down how it ended, what it said and what events it caused.
    pub fn pactl(&mut self, arguments: &[&str]) -> Output {
        let label = self.label(arguments);
        let output = self.client.run("pactl", arguments);
        let stdout = match (arguments.first(), output.stdout.trim().parse()) {
            (Some(&"load-module"), Ok(index)) => self.names.of("module", index),
            _ => self.names.text(output.stdout.trim_end()),
        };
        let stderr = self.names.text(output.stderr.trim_end());
        let events = self.new_events();
        let mut entry = json!({ "code": output.code(), "events": events });
        for (key, text) in [("stdout", stdout), ("stderr", stderr)] {
            if !text.is_empty() {
                entry[key] = json!(text);
            }
        }
        self.note(&label, entry);
        output
    }

    /// Writes down what `pactl -f json list` (or `info`) says of each kind.
    pub fn list(&mut self, label: &str, kinds: &[&str]) {
        let mut all = serde_json::Map::new();
        for kind in kinds {
            let arguments: &[&str] = if *kind == "info" { &["info"] } else { &["list", kind] };
            let mut listing = self.client.pactl_json(arguments);
            if *kind == "clients" {
                // Those that look are not what is looked at.
                if let Some(list) = listing.as_array_mut() {
                    list.retain(|client| client["properties"]["application.process.binary"] != "pactl");
                }
            }
            all.insert((*kind).to_owned(), self.names.listing(kind, &listing));
        }
        self.note(label, Value::Object(all));
    }

    /// Writes down the events since the last ones.
    pub fn events(&mut self, label: &str) {
        let events = self.new_events();
        self.note(&format!("events {label}"), json!(events));
    }

    /// Starts `pacat`, which plays silence under this name until [`Script::stop`], and writes down the
    /// events until its stream is there.
    pub fn play(&mut self, name: &str, arguments: &[&str]) {
        self.stream("pacat", "sink-input", name, arguments);
    }

    /// Starts `parec`, which records under this name until [`Script::stop`].
    pub fn record(&mut self, name: &str, arguments: &[&str]) {
        self.stream("parec", "source-output", name, arguments);
    }

    /// Ends a stream, and writes down what it said and the events.
    pub fn stop(&mut self, name: &str) {
        let mut stream = self.streams.remove(name).expect("the stream has been started");
        let output = stream.terminate();
        self.ended(name, &output);
    }

    /// Waits for the end of a stream that the server or the script has ended, and writes it down.
    pub fn wait_end(&mut self, name: &str) {
        let mut stream = self.streams.remove(name).expect("the stream has been started");
        let output = stream.wait(wait::LIMIT);
        self.ended(name, &output);
    }

    /// The index of a stream by its name, for `pactl`.
    ///
    /// # Panics
    /// When there is none.
    pub fn index(&self, kind: &str, name: &str) -> String {
        let listing = self.client.pactl_json(&["list", kind]);
        let list = listing.as_array().expect("a listing is a list");
        let wanted = |object: &&Value| object["name"] == name || object["properties"]["media.name"] == name;
        let object = list.iter().find(wanted).unwrap_or_else(|| panic!("no {name} among {listing}"));
        object["index"].to_string()
    }

    /// Waits until an object is as it `should` be. It is looked at anew with each event.
    pub fn wait_until(&mut self, kind: &str, name: &str, should: impl Fn(&Value) -> bool) {
        loop {
            let from = self.events.all().len();
            let listing = self.client.pactl_json(&["list", kind]);
            let named =
                |object: &&Value| object["name"] == name || object["properties"]["media.name"] == name;
            if listing.as_array().and_then(|list| list.iter().find(named)).is_some_and(&should) {
                break;
            }
            self.events.wait_from(from, name, |event| event.on != "client");
        }
    }

    /// Leaves out the events since the last ones, which come sooner or later as streams answer.
    pub fn forget_events(&mut self) {
        self.new_events();
    }

    fn stream(&mut self, program: &str, facility: &str, name: &str, arguments: &[&str]) {
        let from = self.events.all().len();
        let mut all = vec!["--raw".to_owned(), "-v".into()];
        all.push(format!("--client-name={name}"));
        all.push(format!("--stream-name={name}"));
        all.extend(arguments.iter().map(|&argument| argument.to_owned()));
        if program == "pacat" {
            all.push("/dev/zero".into());
        }
        let application = self.client.start(program, &all);
        self.names.replace(format!("\"{}\"", application.pid()), "\"PID\"");
        self.events.wait_from(from, name, |event| event.on == facility && event.event == "new");
        self.streams.insert(name.to_owned(), application);
        let events = self.new_events();
        self.note(&format!("{program} {name} {}", arguments.join(" ")), json!({ "events": events }));
    }

    fn ended(&mut self, name: &str, output: &Output) {
        // What it says of its progress comes in one line that is written over; how far it came until it was
        // ended depends on the moment.
        let progress = ["Time:", "Stream started", "Stream underrun", "Stream buffer attributes"];
        let said: Vec<String> = output
            .stderr
            .split(['\n', '\r'])
            .map(str::trim)
            .filter(|line| !line.is_empty() && !progress.iter().any(|start| line.starts_with(start)))
            .map(|line| self.names.text(line))
            .collect();
        let events = self.new_events();
        self.note(
            &format!("the end of {name}"),
            json!({ "code": output.code(), "events": events, "said": said }),
        );
    }

    /// The events since the last ones, but those of clients, each object's first `new`, `change` and
    /// `remove` only: how many changes are told at once depends on the moment.
    fn new_events(&mut self) -> Vec<String> {
        let end = self.events.fence();
        let all = self.events.all();
        let mut kept: Vec<String> = Vec::new();
        for event in &all[self.seen..end] {
            if event.on == "client" {
                continue;
            }
            let text = self.names.event(event);
            let new = text.replacen("change ", "new ", 1);
            let told = kept.contains(&text) || (event.event == "change" && kept.contains(&new));
            if !told {
                kept.push(text);
            }
        }
        self.seen = end;
        kept
    }

    /// A command as it was given, without indexes that belong to this run.
    fn label(&self, arguments: &[&str]) -> String {
        let mut words = vec!["pactl"];
        words.extend(arguments);
        if arguments.len() > 1 && arguments[1].parse::<u32>().is_ok_and(|index| index < 10_000) {
            words[2] = "INDEX";
        }
        self.names.text(&words.join(" ")).replace('/', "|")
    }
}
