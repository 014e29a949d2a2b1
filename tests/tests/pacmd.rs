//! The commands of `pacmd` and of scripts: each list and dump reads as PulseAudio 16.1's in the same state, and samples,
//! files and the log do what they do there.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use sealpulse_tests::samples::{constant, sine, wav};
use sealpulse_tests::{Application, Client, Events, Kind, Recorder, Server, ServerOptions, Transport, wait};

/// A server whose command line protocol listens.
struct Stage {
    server: Server,
    client: Client,
    events: Events,
}

impl Stage {
    fn new(kind: Kind, modules: &[&str]) -> Stage {
        let modules = [&["module-cli-protocol-unix"], modules].concat();
        let server = ServerOptions::new(&modules).kind(kind).start();
        let client = server.client(Transport::Memfd);
        let events = Events::subscribe(&client);
        Stage { server, client, events }
    }

    /// What a command says: as `pacmd` sends it, and reads to the end.
    fn say(&self, command: &str) -> String {
        let path = self.server.directory().join("runtime/pulse/cli");
        let mut socket = UnixStream::connect(path).expect("the command line protocol listens");
        socket.set_read_timeout(Some(wait::LIMIT)).expect("a time limit can be set");
        socket.write_all(format!("{command}\n").as_bytes()).expect("a command can be sent");
        socket.shutdown(Shutdown::Write).expect("that was all");
        let mut said = String::new();
        socket.read_to_string(&mut said).unwrap_or_else(|error| panic!("{command}: {error}"));
        said
    }

    /// A player and a recorder, once both run.
    fn streams(&self) -> [Application; 2] {
        let player = ["-p", "--raw", "-d", "out", "-n", "player", "--stream-name=tone", "/dev/zero"];
        let player = self.client.start("pacat", &player);
        self.events.wait("the player", |event| event.on == "sink-input" && event.event == "new");
        let recorder = self.client.start("parec", &["-d", "out.monitor", "-n", "recorder"]);
        self.events.wait("the recorder", |event| event.on == "source-output" && event.event == "new");
        [player, recorder]
    }

    /// A sound file of the stage's own.
    fn file(&self, name: &str, sound: &[u8]) -> PathBuf {
        let path = self.client.path(name);
        std::fs::write(&path, wav(sound, 44_100, 2)).expect("the file can be written");
        path
    }
}

/// The same on both servers, ours first.
fn both(modules: &[&str], scenario: impl Fn(&Stage)) {
    for kind in [Kind::Sealpulse, Kind::PulseAudio] {
        scenario(&Stage::new(kind, modules));
    }
}

/// What a list says, without what differs from run to run or is each server's own: process ids, the indexes of clients,
/// latencies at this moment, what could be taken back, who made a module and how its arguments are described, and what the
/// resampler is called.
fn plain(said: &str) -> String {
    const OWN: [&str; 8] = [
        "application.process.id ",
        "current latency: ",
        "max request: ",
        "max rewind: ",
        "module.author ",
        "module.usage ",
        "module.version ",
        "### Configuration dump generated at ",
    ];
    let mut in_client = false;
    let mut lines = Vec::new();
    for line in said.replace(": speex-float-1\n", ": sinc\n").lines() {
        let text = line.trim_start();
        in_client =
            if line.ends_with("logged in.") { true } else { in_client && !line.ends_with("available.") };
        if OWN.iter().any(|own| text.starts_with(own)) {
            continue;
        }
        let line = match text.split_once(": ") {
            Some(("index", _)) if in_client => "    index: of a client",
            Some(("client", name)) => name.split_once(' ').map_or(line, |(_, name)| name),
            Some((what, _)) if what.starts_with("Memory blocks") => what,
            // PulseAudio counts how many streams a device ever had; ours are named by their indexes.
            Some((what, volumes)) if what.starts_with("Input ") || what.starts_with("Output ") => volumes,
            _ => line,
        };
        lines.push(line.to_owned());
    }
    lines.join("\n")
}

#[test]
fn lists_and_dumps_read_as_pulseaudios() {
    let modules = [
        "module-null-sink sink_name=out",
        "module-null-sink sink_name=six rate=48000 channels=6 sink_properties=device.description=Six",
        "module-remap-sink sink_name=half master=out",
    ];
    let stages = [Kind::Sealpulse, Kind::PulseAudio].map(|kind| Stage::new(kind, &modules));
    let _streams = stages.each_ref().map(Stage::streams);
    let [ours, theirs] = &stages;
    let compare = |command: &str| {
        let [ours, theirs] = [ours, theirs].map(|stage| plain(&stage.say(command)));
        assert!(!theirs.is_empty(), "{command}");
        assert_eq!(ours, theirs, "{command}");
    };
    let all = [
        "list-sinks",
        "list-sources",
        "list-sink-inputs",
        "list-source-outputs",
        "list-modules",
        "list-cards",
        "list-samples",
        "stat",
        "dump",
        "dump-volumes",
    ];
    all.into_iter().for_each(compare);
    for command in [
        "set-sink-volume out 0x8000",
        "set-sink-mute six yes",
        "set-source-volume out.monitor 0",
        "set-sink-input-volume 1 0x6000",
        "set-source-output-mute 0 on",
        "update-sink-proplist six a.key=\"say \\\"so\\\"\"",
        "set-default-sink six",
        "suspend-sink half 1",
        "move-sink-input 1 six",
    ] {
        assert_eq!(stages.each_ref().map(|stage| stage.say(command)), ["", ""], "{command}");
    }
    all.into_iter().for_each(compare);
}

#[test]
fn clients_are_listed_as_pulseaudios() {
    let lists = [Kind::Sealpulse, Kind::PulseAudio].map(|kind| {
        let stage = Stage::new(kind, &["module-null-sink sink_name=out"]);
        let _streams = stage.streams();
        plain(&stage.say("list-clients"))
    });
    assert!(lists[1].contains("application.name = \"recorder\""), "{}", lists[1]);
    assert_eq!(lists[0], lists[1]);
}

#[test]
fn samples_are_loaded_played_and_removed() {
    let lists = [Kind::Sealpulse, Kind::PulseAudio].map(|kind| {
        let stage = Stage::new(kind, &["module-null-sink sink_name=out"]);
        let file = stage.file("bell.wav", &sine(440.0, 0.5, 44_100, 2, 0.2));
        let (file, directory) = (file.display().to_string(), stage.client.path("sounds"));
        std::fs::create_dir(&directory).expect("a directory can be made");
        for name in ["one.wav", "two.wav"] {
            std::fs::copy(&file, directory.join(name)).expect("the file can be copied");
        }
        let directory = directory.display().to_string();
        assert_eq!(stage.say(&format!("load-sample bell {file}")), "");
        assert_eq!(stage.say(&format!("load-sample-lazy later {file}")), "");
        assert_eq!(stage.say(&format!("load-sample-dir-lazy {directory}")), "");
        let mut lists = vec![stage.say("list-samples")];
        for name in ["bell", "later"] {
            let said = stage.say(&format!("play-sample {name} out"));
            assert!(said.starts_with("Playing on sink input #"), "{said}");
        }
        stage.events.wait("the last sample's end", |event| event.on == "sink-input" && event.index == 1);
        lists.push(stage.say("list-samples"));
        assert_eq!(stage.say("remove-sample bell"), "");
        for failing in ["play-sample bell out", "remove-sample bell", "play-sample later none", "play-sample"]
        {
            assert_ne!(stage.say(failing), "", "{failing}");
        }
        assert_ne!(stage.say("load-sample none /does/not/exist.wav"), "");
        lists.push(stage.say("list-samples"));
        // Directories are read in whatever order, and files are where the run is.
        lists.into_iter().map(|list| sorted_entries(&list, stage.server.directory())).collect::<Vec<_>>()
    });
    assert_eq!(lists[0], lists[1]);
}

/// The entries of a list of samples by their names, without their indexes.
fn sorted_entries(list: &str, directory: &std::path::Path) -> Vec<String> {
    let list = list.replace(&directory.display().to_string(), "");
    let is_index = |line: &&str| line.starts_with("\tindex: ");
    // What wrote the file, and how, is told by libsndfile.
    let is_about_the_file =
        |line: &&str| line.contains("media.format =") || line.contains("media.software =");
    let lines: Vec<&str> = list.lines().filter(|line| !is_index(line) && !is_about_the_file(line)).collect();
    let mut entries: Vec<String> = lines.join("\n").split("\n    ").map(str::to_owned).collect();
    entries.sort();
    entries
}

#[test]
fn a_file_is_played() {
    both(&["module-null-sink sink_name=out"], |stage| {
        let sound = constant(0.25, 2 * 44_100);
        let file = stage.file("sound.wav", &sound);
        let recorder = Recorder::start(&stage.client, "out.monitor", "float32le", 44_100, 2);
        assert_eq!(stage.say(&format!("play-file {} out", file.display())), "");
        stage.events.wait("the end", |event| event.on == "sink-input" && event.event == "remove");
        // A sink of 16 bits has the number itself.
        recorder.wait_for(&constant(0.25, 44_100), 8, wait::LIMIT);
        for failing in ["play-file /does/not/exist.wav out", "play-file sound.wav none", "play-file"] {
            assert_ne!(stage.say(failing), "", "{failing}");
        }
    });
}

#[test]
fn the_log_goes_where_it_is_told_to() {
    both(&["module-null-sink sink_name=out"], |stage| {
        let file = stage.client.path("log");
        for command in [format!("set-log-target newfile:{}", file.display()), "set-log-level 4".to_owned()] {
            assert_eq!(stage.say(&command), "", "{command}");
        }
        stage.say("load-module module-null-sink sink_name=another");
        let read = || std::fs::read_to_string(&file).expect("there is a log");
        assert!(read().contains("module-null-sink"), "{}", read());
        assert_eq!(stage.say("set-log-target null"), "");
        let before = read();
        stage.say("load-module module-null-sink sink_name=third");
        assert_eq!(read(), before);
        for failing in ["set-log-level 9", "set-log-target nowhere", "set-log-time maybe", "set-log-meta"] {
            assert_ne!(stage.say(failing), "", "{failing}");
        }
    });
}

#[test]
fn what_is_not_there_is_said_and_nothing_ends() {
    both(&["module-null-sink sink_name=out"], |stage| {
        for failing in [
            "nonsense",
            "set-card-profile card profile",
            "set-sink-port out port",
            "set-source-port out.monitor port",
            "set-port-latency-offset card port 1000",
            "set-sink-volume out",
            "set-sink-volume none 1",
            "set-sink-volume out loud",
            "set-sink-mute out maybe",
            "kill-client 999",
            "kill-sink-input 999",
            "move-sink-input 0 out",
            "unload-module module-none",
            "describe-module module-none",
            "send-message /core nonsense",
            "send-message /none list-handlers",
            "update-sink-proplist out nonsense",
            "exit",
        ] {
            assert_ne!(stage.say(failing), "", "{failing}");
        }
        assert!(stage.say("send-message /core list-handlers").starts_with('['));
        let described = stage.say("describe-module module-null-sink");
        for part in ["Name: module-null-sink\n", "\nDescription: Clocked NULL sink\n", "\nLoad Once: no\n"] {
            assert!(described.contains(part), "{described}");
        }
        for silent in ["vacuum", "# a comment", "set-log-backtrace 0", "suspend yes", "suspend no"] {
            assert_eq!(stage.say(silent), "", "{silent}");
        }
        let help = stage.say("help");
        for name in ["load-sample-dir-lazy", "dump-volumes", "set-port-latency-offset", "shared"] {
            assert!(help.contains(&format!("    {name} ")), "{help}");
        }
        assert!(stage.say("info").contains("1 sink(s) available."));
    });
}
