use std::path::Path;
use std::time::Duration;

use proptest::sample::select;
use sealpulse_server::{CookieSource, SocketConfig, StartStep};
use sealpulse_spec::{ChannelMap, SampleFormat};

use super::read::read;
use super::*;

fn good(text: &str) -> Configuration {
    read(text.as_bytes(), Path::new("/etc/sealpulse/config.toml"))
        .unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn faults(text: &str) -> Vec<String> {
    let problems = read(text.as_bytes(), Path::new("config.toml")).expect_err("there are mistakes");
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn an_empty_file_is_the_defaults() {
    assert_eq!(format!("{:?}", good("")), format!("{:?}", Configuration::default()));
}

#[test]
fn the_template_is_the_defaults_and_so_is_what_it_shows() {
    let template = template();
    assert_eq!(format!("{:?}", good(&template)), format!("{:?}", Configuration::default()));
    let shown = |line: &&str| !line.starts_with("#[") && !line.ends_with('…');
    let sections = template.split("\n# Where clients connect").next().unwrap();
    let told: Vec<&str> = sections
        .lines()
        .filter(|line| !line.starts_with("# "))
        .filter(shown)
        .map(|line| line.strip_prefix('#').unwrap_or(line))
        .collect();
    let told = good(&told.join("\n"));
    // Channels as given are no part of what holds.
    let expected = Configuration { channels: Some(2), ..Configuration::default() };
    assert_eq!(format!("{told:?}"), format!("{expected:?}"));
}

#[test]
fn settings_go_where_they_belong() {
    let read = good(
        "[server]\nnull-sink = false\nexit-idle-time = \"5m\"\ncookie = false\nstate-directory = \"state\"\n\
         scripts = [\"a.pa\", \"/b.pa\"]\nlog-level = \"debug\"\nallow-exit = false\n\
         [devices]\nformat = \"float32le\"\nrate = 48000\nchannels = 6\n\
         [threads]\nrealtime-priority = 20\nnice-level = 0\n\
         [limits]\nclients = 0x10\nsamples = \"1 GiB\"\nqueue = 4096\nauth-timeout = 5\n\
         [[socket]]\npath = \"/run/a\"\nanonymous = true\n[[socket]]\npath = \"b\"\n",
    );
    let server = &read.server;
    assert_eq!((server.null_sink.as_ref(), server.allow_exit, read.log_level), (None, false, Level::DEBUG));
    assert_eq!(server.exit_idle_time, Some(Duration::from_secs(300)));
    assert_eq!(server.cookie, CookieSource::Disabled);
    assert_eq!(server.state_directory.as_deref(), Some(Path::new("/etc/sealpulse/state")));
    let file = |path: &str| StartStep::File(path.into());
    assert_eq!(server.start, [file("/etc/sealpulse/a.pa"), file("/b.pa")]);
    let spec = server.default_spec;
    assert_eq!((spec.format, spec.rate, spec.channels), (SampleFormat::F32Le, 48_000, 6));
    assert_eq!(server.default_map, ChannelMap::default_for(6));
    assert_eq!((server.engine.realtime_priority, server.realtime_priority), (Some(20), Some(1)));
    assert_eq!(server.nice_level, Some(0));
    let limits = &server.limits;
    assert_eq!((limits.clients, limits.sample_bytes, limits.queued_bytes), (16, 1 << 30, 4096));
    assert_eq!(limits.auth_timeout, Duration::from_secs(5));
    let everybody = SocketConfig { auth_anonymous: true, ..SocketConfig::new("/run/a") };
    assert_eq!(server.sockets, [everybody, SocketConfig::new("/etc/sealpulse/b")]);
}

#[test]
fn realtime_switched_off_wins_over_its_priority() {
    let server = good("[threads]\nrealtime = false\nrealtime-priority = 20\n").server;
    assert_eq!((server.engine.realtime_priority, server.realtime_priority), (None, None));
}

#[test]
fn a_map_says_how_many_channels_there_are() {
    let server = good("[devices]\nchannel-map = \"mono\"\n").server;
    assert_eq!((server.default_spec.channels, server.default_map), (1, ChannelMap::mono()));
    let text = "[devices]\nchannels = 2\nchannel-map = \"mono\"\n";
    assert_eq!(faults(text), ["3:15: a map of 1 channels does not fit 2 channels"]);
}

#[test]
fn modules_take_their_arguments_by_name() {
    let server = good(
        "[[module]]\nname = \"null-sink\"\nrate = 48000\nsink_name = \"a b\"\n\
         sink_properties = { device.description = \"It's \\\"mine\\\"\", \"x.y\" = \"z\" }\n\
         [[module]]\nname = \"module-combine-sink\"\nslaves = [\"a\", \"b\"]\n",
    )
    .server;
    let StartStep::Module { name, arguments, origin } = &server.start[0] else {
        panic!("{:?}", server.start)
    };
    assert_eq!((name.as_str(), origin.as_str()), ("module-null-sink", "/etc/sealpulse/config.toml:2"));
    assert!(arguments.contains("rate=48000") && arguments.contains("sink_name=\"a b\""), "{arguments}");
    assert!(arguments.contains("device.description=hex:") && arguments.contains("x.y=\"z\""), "{arguments}");
    let StartStep::Module { arguments, .. } = &server.start[1] else { panic!("{:?}", server.start) };
    assert_eq!(arguments, "slaves=a,b");
}

#[test]
fn all_mistakes_are_named_with_their_places() {
    let text = "[serber]\n\n[server]\nnul-sink = true\nallow-exit = \"no\"\nlog-level = \"loud\"\n\n\
                [limits]\nclients = 0\nqueue = \"8 MB\"\n\n[[socket]]\nanonymous = true\n\n\
                [[module]]\nname = \"nul-sink\"\n\n[[module]]\nname = \"null-sink\"\nsink_nam = \"a\"\nrate = \"fast\"\n\n\
                [[module]]\nname = \"ladspa-sink\"\n\n[[module]]\nrate = 1\n";
    let found = faults(text);
    let expected = [
        "1:2: there is no section `serber`: did you mean `server`?",
        "4:1: `server` has no setting `nul-sink`: did you mean `null-sink`?",
        "5:14: `no` is no value for `allow-exit`, which is true or false",
        "6:13: `loud` is no value for `log-level`, which is \"error\" or \"warn\" or \"info\" or \"debug\" or \"trace\"",
        "9:11: `0` is no value for `clients`, which is a number from 1",
        "10:9: `8 MB` is no value for `queue`, which is bytes, or a size as \"64 KiB\" or \"8 MiB\"",
        "12:1: `path` is missing",
        "16:8: there is no module `module-nul-sink`: did you mean `null-sink`?",
        "20:1: unknown argument `sink_nam`; there are",
        "21:8: `fast` is no value for `rate`, which is a number from 1 to 768000",
        "24:8: `module-ladspa-sink` is not there yet",
        "26:1: `name` is missing",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\n{expected}");
    }
    assert!(found[8].ends_with("did you mean `sink_name`?"), "{}", found[8]);
}

#[test]
fn all_that_is_no_toml_is_named_at_once() {
    let found = faults("[server]\nnull-sink = \nallow-exit = tru\n[server]\n");
    assert!(found.len() >= 3, "{found:#?}");
    assert!(found[0].starts_with("2:") && found[1].starts_with("3:"), "{found:#?}");
    assert_eq!(faults("[server").len(), 1);
    let read = read(b"[server]\n# \xff\n", Path::new("config.toml")).unwrap_err();
    assert_eq!(read[0].to_string(), "2:3: this is no text in UTF-8");
}

#[test]
fn sections_and_lists_are_not_confused() {
    assert_eq!(
        faults("[module]\nname = \"null-sink\"\n"),
        ["1:2: `module` is a list: write [[module]] for each"]
    );
    assert_eq!(faults("server = 1\n"), ["1:1: `server` is a section: write [server] once"]);
    let text = "[[module]]\nname = \"stream-restore\"\n[[module]]\nname = \"stream-restore\"\n";
    assert_eq!(faults(text), ["4:8: module-stream-restore can be loaded only once"]);
}

#[test]
fn paths_know_variables_and_the_home() {
    let home = std::env::var("HOME").unwrap();
    let server = good("[server]\ncookie = \"~/c\"\nstate-directory = \"$HOME/s\"\n").server;
    assert_eq!(server.cookie, CookieSource::File(Path::new(&home).join("c")));
    assert_eq!(server.state_directory, Some(Path::new(&home).join("s")));
    let found = faults("[server]\ncookie = \"$NO_SUCH_VARIABLE/c\"\n");
    assert_eq!(found, ["2:10: the environment has no NO_SUCH_VARIABLE"]);
}

#[test]
fn a_message_shows_the_line() {
    let problems = read(b"[server]\nallow-exit = \"no\"\n", Path::new("c.toml")).unwrap_err();
    let error = ConfigError::Problems { path: "c.toml".into(), problems };
    let expected = "c.toml:2:14: `no` is no value for `allow-exit`, which is true or false\n  \
                    | allow-exit = \"no\"\n  |              ^^^^";
    assert_eq!(error.to_string(), expected);
}

proptest::proptest! {
    #[test]
    fn nothing_that_a_file_holds_makes_it_panic(bytes: Vec<u8>) {
        let _ = read(&bytes, Path::new("config.toml"));
    }

    #[test]
    fn no_value_makes_it_panic(
        head in select(vec!["[server]", "[devices]", "[limits]", "[threads]", "[[socket]]", "[[module]]"]),
        key in "[a-z-]{1,12}|name|rate|queue|path|channel-map",
        value in ".{0,12}",
    ) {
        let _ = read(format!("{head}\n{key} = {value}\n").as_bytes(), Path::new("config.toml"));
    }
}
