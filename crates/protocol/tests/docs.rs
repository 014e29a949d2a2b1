//! `docs/commands.md` is made from the command table, and says of each command which test exercises it.
//!
//! `make docs` writes it anew.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use sealpulse_protocol::{COMMANDS, CommandInfo, Direction, FieldInfo, MIN_VERSION, VERSION};

/// Set to write the page, instead of comparing it.
const WRITE: &str = "SEALPULSE_WRITE_DOCS";

const AUTHENTICATION: &str = "crates/server/tests/authentication.rs";
const CARDS: &str = "crates/server/tests/cards.rs";
const COMMANDS_TESTS: &str = "crates/server/tests/commands.rs";
const EXTENSIONS: &str = "crates/server/tests/extensions.rs";
const HOSTILE: &str = "crates/server/tests/hostile.rs";
const LIBPULSE: &str = "crates/transport/tests/libpulse.rs";
const RECORD: &str = "crates/server/tests/record_streams.rs";
const ROLES: &str = "crates/server/tests/policy_modules.rs";
const SAMPLES: &str = "crates/server/tests/samples.rs";
const STATE: &str = "crates/server/tests/state.rs";
const STREAMS: &str = "crates/server/tests/streams.rs";

/// A file, a test in it, and the commands that it exercises.
const TESTS: &[(&str, &str, &[&str])] = &[
    (AUTHENTICATION, "a_client_does_nothing_before_it_has_authenticated", &["AUTH"]),
    (
        CARDS,
        "there_are_no_cards",
        &["GET_CARD_INFO", "GET_CARD_INFO_LIST", "SET_CARD_PROFILE", "SET_PORT_LATENCY_OFFSET"],
    ),
    (CARDS, "devices_have_no_ports", &["SET_SINK_PORT", "SET_SOURCE_PORT"]),
    (CARDS, "messages_go_to_objects", &["SEND_OBJECT_MESSAGE"]),
    (
        COMMANDS_TESTS,
        "what_is_not_there_is_not_found",
        &["GET_SINK_INPUT_INFO_LIST", "GET_MODULE_INFO", "LOOKUP_SINK", "LOOKUP_SOURCE", "SET_SOURCE_VOLUME"],
    ),
    (
        COMMANDS_TESTS,
        "every_command_is_answered_at_every_version",
        &["GET_MODULE_INFO_LIST", "GET_SINK_INFO_LIST", "GET_SOURCE_INFO_LIST"],
    ),
    (EXTENSIONS, "entries_are_written_read_and_deleted", &["EXTENSION"]),
    (EXTENSIONS, "sinks_and_monitors_get_their_volumes_again", &["SET_SINK_VOLUME", "SET_SINK_MUTE"]),
    (
        EXTENSIONS,
        "what_a_user_sets_outlives_stream_and_server",
        &["SET_SINK_INPUT_VOLUME", "SET_SINK_INPUT_MUTE"],
    ),
    (
        HOSTILE,
        "what_cannot_be_read_ends_the_connection",
        &["ADD_AUTOLOAD", "GET_AUTOLOAD_INFO", "GET_AUTOLOAD_INFO_LIST", "REMOVE_AUTOLOAD"],
    ),
    (
        LIBPULSE,
        "libpulse_plays_through_a_sealed_memfd_and_a_ring",
        &["ENABLE_SRBCHANNEL", "REGISTER_MEMFD_SHMID"],
    ),
    (
        RECORD,
        "a_record_stream_obeys_every_command",
        &[
            "CORK_RECORD_STREAM",
            "DELETE_RECORD_STREAM",
            "FLUSH_RECORD_STREAM",
            "GET_RECORD_LATENCY",
            "GET_SOURCE_OUTPUT_INFO",
            "GET_SOURCE_OUTPUT_INFO_LIST",
            "SET_RECORD_STREAM_BUFFER_ATTR",
            "SET_RECORD_STREAM_NAME",
            "SET_SOURCE_OUTPUT_MUTE",
            "SET_SOURCE_OUTPUT_VOLUME",
            "UPDATE_RECORD_STREAM_SAMPLE_RATE",
        ],
    ),
    (
        RECORD,
        "record_streams_hear_that_their_source_stands_still",
        &["GET_SOURCE_INFO", "RECORD_STREAM_SUSPENDED", "SET_SOURCE_MUTE", "SUSPEND_SOURCE"],
    ),
    (
        RECORD,
        "properties_of_streams_and_clients_come_and_go",
        &[
            "GET_CLIENT_INFO",
            "GET_CLIENT_INFO_LIST",
            "GET_SINK_INPUT_INFO",
            "REMOVE_CLIENT_PROPLIST",
            "REMOVE_PLAYBACK_STREAM_PROPLIST",
            "REMOVE_RECORD_STREAM_PROPLIST",
            "UPDATE_CLIENT_PROPLIST",
            "UPDATE_PLAYBACK_STREAM_PROPLIST",
            "UPDATE_RECORD_STREAM_PROPLIST",
        ],
    ),
    (
        RECORD,
        "a_stream_that_is_written_too_much_or_too_little_is_told",
        &["OVERFLOW", "STARTED", "UNDERFLOW"],
    ),
    (RECORD, "a_server_ends_where_that_is_allowed", &["EXIT"]),
    (ROLES, "music_pauses_while_somebody_calls", &["PLAYBACK_STREAM_EVENT"]),
    (
        SAMPLES,
        "a_sample_comes_is_shown_and_goes",
        &[
            "CREATE_UPLOAD_STREAM",
            "FINISH_UPLOAD_STREAM",
            "GET_SAMPLE_INFO",
            "GET_SAMPLE_INFO_LIST",
            "REMOVE_SAMPLE",
            "STAT",
            "SUBSCRIBE",
            "SUBSCRIBE_EVENT",
        ],
    ),
    (SAMPLES, "an_upload_ends_once_and_needs_something", &["DELETE_UPLOAD_STREAM"]),
    (SAMPLES, "a_sample_is_played_once_and_its_stream_goes", &["PLAY_SAMPLE"]),
    (
        STATE,
        "default_devices_are_chosen_again",
        &["GET_SERVER_INFO", "SET_DEFAULT_SINK", "SET_DEFAULT_SOURCE"],
    ),
    (
        STREAMS,
        "what_is_played_is_recorded_and_drained",
        &["CREATE_PLAYBACK_STREAM", "CREATE_RECORD_STREAM", "DRAIN_PLAYBACK_STREAM", "REQUEST"],
    ),
    (STREAMS, "timing_is_told_in_both_directions", &["GET_PLAYBACK_LATENCY"]),
    (STREAMS, "subscribers_see_a_stream_come_and_go", &["DELETE_PLAYBACK_STREAM"]),
    (
        STREAMS,
        "streams_are_killed_moved_and_suspended_by_others",
        &[
            "KILL_CLIENT",
            "KILL_SINK_INPUT",
            "KILL_SOURCE_OUTPUT",
            "MOVE_SINK_INPUT",
            "MOVE_SOURCE_OUTPUT",
            "PLAYBACK_STREAM_KILLED",
            "PLAYBACK_STREAM_MOVED",
            "PLAYBACK_STREAM_SUSPENDED",
            "RECORD_STREAM_KILLED",
            "RECORD_STREAM_MOVED",
            "SUSPEND_SINK",
        ],
    ),
    (STREAMS, "streams_that_must_not_move_are_killed_with_their_sink", &["LOAD_MODULE", "UNLOAD_MODULE"]),
    (STREAMS, "synchronised_streams_are_corked_together", &["CORK_PLAYBACK_STREAM"]),
    (STREAMS, "an_unused_sink_takes_the_rate_of_its_stream", &["GET_SINK_INFO"]),
    (STREAMS, "defaults_and_names_follow_the_users_choice", &["SET_CLIENT_NAME", "SET_PLAYBACK_STREAM_NAME"]),
    (
        STREAMS,
        "a_rate_that_was_announced_can_change",
        &[
            "FLUSH_PLAYBACK_STREAM",
            "PREBUF_PLAYBACK_STREAM",
            "SET_PLAYBACK_STREAM_BUFFER_ATTR",
            "TRIGGER_PLAYBACK_STREAM",
            "UPDATE_PLAYBACK_STREAM_SAMPLE_RATE",
        ],
    ),
];

/// What this server has no reason to send: how it reads is all that can be tested.
const NEVER_SENT: &[(&str, &str, &[&str])] = &[(
    "crates/protocol/src/command/round_trip.rs",
    "commands_survive_every_version",
    &[
        "CLIENT_EVENT",
        "DISABLE_SRBCHANNEL",
        "PLAYBACK_BUFFER_ATTR_CHANGED",
        "RECORD_BUFFER_ATTR_CHANGED",
        "RECORD_STREAM_EVENT",
    ],
)];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn tests() -> impl Iterator<Item = &'static (&'static str, &'static str, &'static [&'static str])> {
    TESTS.iter().chain(NEVER_SENT)
}

/// The tests of each command: file and name.
fn tests_by_command() -> BTreeMap<&'static str, Vec<(&'static str, &'static str)>> {
    let mut by_command: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (file, test, commands) in tests() {
        for command in *commands {
            by_command.entry(*command).or_default().push((*file, *test));
        }
    }
    by_command
}

/// The fields that not every version of the command has.
fn versions_of(fields: &[FieldInfo], since: u32) -> String {
    let mut said: Vec<String> = Vec::new();
    for field in fields {
        match (field.since.filter(|&first| first > since), field.until) {
            (Some(first), _) => said.push(format!("`{}` since {first}", field.name)),
            (None, Some(until)) if until > since => said.push(format!("`{}` before {until}", field.name)),
            _ => {}
        }
    }
    said.join(", ")
}

fn row(info: &CommandInfo, tests: &[(&str, &str)]) -> String {
    let sender = match info.direction {
        Direction::Client => "client",
        Direction::Server => "server",
        Direction::Both => "both",
    };
    let reply = match info.reply {
        Some(reply) => format!("`{reply}`"),
        None => "nothing".to_owned(),
    };
    let mut fields = versions_of(info.fields, info.since);
    let of_reply = versions_of(info.reply_fields, info.since);
    if !of_reply.is_empty() {
        let _ = write!(fields, "{}answer: {of_reply}", if fields.is_empty() { "" } else { "; " });
    }
    let tests: Vec<String> = tests.iter().map(|(file, test)| format!("[`{test}`](../{file})")).collect();
    format!(
        "| {} | {} | {} | {sender} | {reply} | {fields} | {} |\n",
        info.code.to_wire(),
        info.name,
        info.since,
        tests.join(", ")
    )
}

fn page() -> String {
    let tests = tests_by_command();
    let mut page = format!(
        "# Commands of the native protocol\n\n\
        Made by `make docs` from the command table of `crates/protocol`; do not edit. Versions are {MIN_VERSION} to \
        {VERSION}; a command exists in all from its first on, and a field in all where nothing else is said. Who sends \
        it, what answers it, which of its fields and of the answer's came later, and the test that exercises it.\n\n\
        | code | name | since | sender | answer | fields by version | tests |\n\
        | --- | --- | --- | --- | --- | --- | --- |\n"
    );
    for info in COMMANDS {
        page.push_str(&row(info, tests.get(info.name).map_or(&[], Vec::as_slice)));
    }
    page
}

#[test]
fn every_command_has_a_test() {
    let tests = tests_by_command();
    let without: Vec<&str> =
        COMMANDS.iter().map(|info| info.name).filter(|name| !tests.contains_key(name)).collect();
    assert!(without.is_empty(), "these have no test: {without:?}");
    let unknown: Vec<&&str> =
        tests.keys().filter(|name| !COMMANDS.iter().any(|info| info.name == **name)).collect();
    assert!(unknown.is_empty(), "these are no commands: {unknown:?}");
}

#[test]
fn every_test_is_there() {
    for (file, test, _) in tests() {
        let path = repository().join(file);
        let source = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
        let lines: Vec<&str> = source.lines().map(str::trim_start).collect();
        let declared = format!("fn {test}(");
        let at = lines.iter().position(|line| line.starts_with(&declared));
        let at = at.unwrap_or_else(|| panic!("{file} has no {test}"));
        let marked = lines[..at].iter().rev().take_while(|line| line.starts_with(['#', '/']));
        assert!(marked.into_iter().any(|line| *line == "#[test]"), "{file}: {test} is no test");
    }
}

#[test]
fn the_page_is_up_to_date() {
    let path = repository().join("docs/commands.md");
    let page = page();
    if env::var_os(WRITE).is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, page).unwrap();
        return;
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/commands.md is not what the command table says: run `make docs`");
}
