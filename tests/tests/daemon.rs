//! The program as scripts and containers start PulseAudio: by its name, its options, `daemon.conf` and `default.pa`. Each
//! scenario runs on PulseAudio 16.1 as well.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use sealpulse_tests::{sealpulse, wait};
use tempfile::TempDir;

/// A home where `pulseaudio` is ours or PulseAudio's.
struct Home {
    directory: TempDir,
    program: PathBuf,
    ours: bool,
}

/// What a command said and how it ended.
struct Said {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Said {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Said { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Home {
    fn new(ours: bool) -> Home {
        let directory = tempfile::tempdir().expect("/tmp is there");
        for folder in ["bin", "home/.config/pulse", "run"] {
            fs::create_dir_all(directory.path().join(folder)).expect("it can be made");
        }
        let program = directory.path().join("bin/pulseaudio");
        let target = if ours { sealpulse().to_owned() } else { PathBuf::from("/usr/bin/pulseaudio") };
        std::os::unix::fs::symlink(target, &program).expect("the program can be linked");
        Home { directory, program, ours }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new("timeout");
        command.arg("20").arg(program).args(arguments).env_clear().current_dir(self.directory.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.path("home")).env("XDG_RUNTIME_DIR", self.path("run"));
        command.env("XDG_CONFIG_HOME", self.path("home/.config")).env("LC_ALL", "C");
        command
    }

    fn pulseaudio(&self, arguments: &[&str]) -> Said {
        self.command(&self.program, arguments).output().expect("timeout runs").into()
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Said {
        self.command(Path::new(program), arguments).output().expect("timeout runs").into()
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).expect("it can be written");
        path.display().to_string()
    }

    /// ffmpeg that plays a source of its own until it is stopped; its stream is there.
    fn player(&self, source: &str, environment: &[(&str, &str)]) -> Player {
        let arguments = ["-v", "error", "-f", "lavfi", "-i", source, "-f", "pulse", "player"];
        let mut command = self.command(Path::new("ffmpeg"), &arguments);
        let mut player = Player(command.envs(environment.iter().copied()).spawn().expect("ffmpeg starts"));
        while self.run("pactl", &["list", "short", "sink-inputs"]).stdout.is_empty() {
            assert!(player.0.try_wait().is_ok_and(|ended| ended.is_none()), "ffmpeg ended without a stream");
        }
        player
    }

    fn sinks(&self) -> Vec<String> {
        let list = self.run("pactl", &["list", "short", "sinks"]);
        assert_eq!(list.code, Some(0), "{}", list.stderr);
        list.stdout.lines().filter_map(|line| line.split('\t').nth(1)).map(str::to_owned).collect()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = self.pulseaudio(&["-k"]);
    }
}

/// A running ffmpeg, below a `timeout` that ends it at last.
struct Player(Child);

impl Player {
    fn stop(mut self) {
        // `timeout` hands the signal on.
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        self.0.wait().expect("ffmpeg ends");
    }
}

/// The same with ours and with PulseAudio's.
fn both(scenario: impl Fn(&Home)) {
    for ours in [true, false] {
        scenario(&Home::new(ours));
    }
}

#[test]
fn a_server_goes_to_the_background_and_is_ended() {
    both(|home| {
        assert_eq!(home.pulseaudio(&["--check"]).code, Some(1));
        assert_ne!(home.pulseaudio(&["-k"]).code, Some(0));
        let started =
            home.pulseaudio(&["-n", "-D", "--exit-idle-time=-1", "-L", "module-native-protocol-unix"]);
        assert_eq!(started.code, Some(0), "{}", started.stderr);
        assert_eq!(home.pulseaudio(&["--check"]).code, Some(0));
        assert_eq!(home.run("pactl", &["info"]).code, Some(0));
        assert_eq!(home.pulseaudio(&["--start"]).code, Some(0), "one runs");
        assert_ne!(home.pulseaudio(&["-n", "-D", "-L", "module-native-protocol-unix"]).code, Some(0));
        assert_eq!(home.pulseaudio(&["-k"]).code, Some(0));
        let gone = || (home.pulseaudio(&["--check"]).code == Some(1)).then_some(());
        assert!(wait::on_directory(&home.path("run/pulse"), wait::LIMIT, gone).is_some());
        assert_ne!(home.run("pactl", &["info"]).code, Some(0));
    });
}

#[test]
fn modules_come_from_the_command_line() {
    both(|home| {
        let loads =
            ["-L", "module-null-sink sink_name=first", "-L", "module-null-sink sink_name=second rate=48000"];
        let arguments =
            ["-n", "-D", "--exit-idle-time=-1", "--disallow-exit", "-L", "module-native-protocol-unix"];
        let started = home.pulseaudio(&[&arguments[..], &loads].concat());
        assert_eq!(started.code, Some(0), "{}", started.stderr);
        assert_eq!(home.sinks(), ["first", "second"]);
        assert_eq!(home.run("pactl", &["exit"]).code, Some(1), "it was disallowed");
    });
}

#[test]
fn nothing_to_load_is_an_error() {
    both(|home| {
        let said = home.pulseaudio(&["-n"]);
        assert_eq!(said.code, Some(1));
        assert!(!said.stderr.is_empty());
    });
}

#[test]
fn a_module_that_fails_is_left_out_unless_told_otherwise() {
    let loads = ["-n", "-L", "module-native-protocol-unix", "-L", "module-null-sink rate=x"];
    both(|home| {
        let started = home.pulseaudio(&[&loads[..], &["-D", "--exit-idle-time=-1"]].concat());
        assert_eq!(started.code, Some(0), "{}", started.stderr);
        assert!(home.sinks().is_empty());
    });
    let said = Home::new(true).pulseaudio(&[&loads[..], &["--fail"]].concat());
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("rate"), "{}", said.stderr);
}

#[test]
fn a_script_has_conditions_and_includes() {
    both(|home| {
        fs::create_dir(home.path("more.d")).expect("it can be made");
        home.write("more.d/10.pa", "load-module module-null-sink sink_name=ten\n");
        home.write("more.d/20.pa", "load-module module-null-sink sink_name=twenty\n");
        home.write("more.d/30.txt", "nonsense\n");
        let more = home.path("more.d");
        let script = format!(
            "#!/usr/bin/pulseaudio -nF\n.fail\nload-module module-native-protocol-unix\n\
             .ifexists module-null-sink.so\nload-module module-null-sink sink_name=there\n\
             .else\nload-module module-null-sink sink_name=not_there\n.endif\n\
             .ifexists module-nonsense.so\nload-module module-nonsense\n.endif\n\
             .nofail\nload-module module-nonsense\nnonsense\n.fail\n\
             .include {}\nset-default-sink twenty\nset-sink-volume ten 0x8000\nset-sink-mute there 1\n",
            more.display()
        );
        let script = home.write("script.pa", &script);
        let started = home.pulseaudio(&["-n", "-D", "--exit-idle-time=-1", "-F", &script]);
        assert_eq!(started.code, Some(0), "{}", started.stderr);
        assert_eq!(home.sinks(), ["there", "ten", "twenty"]);
        assert_eq!(home.run("pactl", &["get-default-sink"]).stdout.trim(), "twenty");
        assert!(home.run("pactl", &["get-sink-volume", "ten"]).stdout.contains("50%"));
        assert!(home.run("pactl", &["get-sink-mute", "there"]).stdout.contains("yes"));
    });
}

#[test]
fn a_script_that_fails_says_where() {
    let home = Home::new(true);
    let script = home.write("script.pa", "load-module module-native-protocol-unix\n\nnonsense here\n");
    let said = home.pulseaudio(&["-n", "--fail", "-F", &script]);
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("script.pa:3") && said.stderr.contains("nonsense"), "{}", said.stderr);
}

#[test]
fn debians_default_script_starts() {
    both(|home| {
        let started = home.pulseaudio(&["-D", "--exit-idle-time=-1"]);
        assert_eq!(started.code, Some(0), "{}", started.stderr);
        assert_eq!(home.sinks(), ["auto_null"]);
        let modules = home.run("pactl", &["list", "short", "modules"]).stdout;
        for module in ["module-stream-restore", "module-native-protocol-unix", "module-suspend-on-idle"] {
            assert!(modules.contains(module), "{modules}");
        }
    });
}

#[test]
fn daemon_conf_is_read_and_its_mistakes_named() {
    both(|home| {
        home.write(
            "home/.config/pulse/daemon.conf",
            "default-sample-rate = 32000\nflat-volumes = no\nexit-idle-time = -1\n",
        );
        let arguments = ["-n", "-D", "-L", "module-native-protocol-unix", "-L", "module-null-sink"];
        let started = home.pulseaudio(&arguments);
        assert_eq!(started.code, Some(0), "{}", started.stderr);
        let info = home.run("pactl", &["info"]).stdout;
        assert!(info.contains("s16le 2ch 32000Hz"), "{info}");
        assert_eq!(home.pulseaudio(&["-k"]).code, Some(0));
        home.write("home/.config/pulse/daemon.conf", "\nnonsense = 1\n");
        let said = home.pulseaudio(&["-n", "--daemonize=no", "-L", "module-native-protocol-unix"]);
        assert_eq!(said.code, Some(1));
        assert!(said.stderr.contains("daemon.conf:2"), "{}", said.stderr);
    });
}

#[test]
fn a_server_that_nobody_uses_ends() {
    both(|home| {
        let said = home.pulseaudio(&[
            "-n",
            "--daemonize=no",
            "--exit-idle-time=0",
            "-L",
            "module-native-protocol-unix",
        ]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
    });
}

/// What a recorder of meetings in a container does: a null sink that the browser plays on, a microphone that it hears,
/// and a recording of the one.
#[test]
fn a_meeting_recorder_finds_what_it_needs() {
    both(|home| {
        let started = home.pulseaudio(&["-D", "--exit-idle-time=-1"]);
        assert_eq!(started.code, Some(0), "{}", started.stderr);
        let ok = |program: &str, arguments: &[&str]| {
            let said = home.run(program, arguments);
            assert_eq!(said.code, Some(0), "{program} {arguments:?}: {}", said.stderr);
            said.stdout
        };
        ok(
            "pacmd",
            &[
                "load-module",
                "module-null-sink",
                "sink_name=speaker",
                "sink_properties=device.description=Speaker",
            ],
        );
        ok("pactl", &["load-module", "module-null-sink", "sink_name=mic_feed"]);
        let microphone = ["source_name=microphone", "master=mic_feed.monitor"];
        ok("pactl", &[&["load-module", "module-remap-source"], &microphone[..]].concat());
        ok("pacmd", &["set-default-sink", "speaker"]);
        ok("pactl", &["set-default-source", "microphone"]);
        assert_eq!(ok("pactl", &["get-default-sink"]).trim(), "speaker");
        assert_eq!(ok("pactl", &["get-default-source"]).trim(), "microphone");
        let tone = ["-v", "error", "-f", "lavfi", "-i", "sine=440:duration=4", "-f", "pulse", "call"];
        let mut call = home.command(Path::new("ffmpeg"), &tone).spawn().expect("ffmpeg starts");
        let recording = home.path("call.wav").display().to_string();
        ok("ffmpeg", &["-v", "error", "-y", "-f", "pulse", "-i", "speaker.monitor", "-t", "3", &recording]);
        call.wait().expect("ffmpeg ends");
        assert!(loudness(home, &recording) > -30.0, "the call is in the recording");
    });
}

/// What a runner of browser tests does: a null sink of its own, and a look whether anything was played.
#[test]
fn a_browser_test_runner_hears_whether_there_was_sound() {
    both(|home| {
        let loads =
            ["-L", "module-native-protocol-unix", "-L", "module-null-sink sink_name=browser rate=48000"];
        let started =
            home.pulseaudio(&[&["-n", "-D", "--exit-idle-time=-1", "--disallow-exit"], &loads[..]].concat());
        assert_eq!(started.code, Some(0), "{}", started.stderr);
        let heard = |play: Option<&str>| {
            let player = play.map(|source| home.player(source, &[]));
            let recording = home.path("page.wav").display().to_string();
            let record = ["-v", "error", "-y", "-f", "pulse", "-i", "browser.monitor", "-t", "2", &recording];
            let said = home.run("ffmpeg", &record);
            assert_eq!(said.code, Some(0), "{}", said.stderr);
            if let Some(player) = player {
                player.stop();
            }
            loudness(home, &recording)
        };
        assert!(heard(None) < -80.0, "nothing was played");
        assert!(heard(Some("sine=1000")) > -30.0, "a tone was played");
    });
}

/// What a game streaming session does: a sink for each session, chosen by `PULSE_SINK`.
#[test]
fn game_sessions_have_sinks_of_their_own() {
    both(|home| {
        let started =
            home.pulseaudio(&["-n", "-D", "--exit-idle-time=-1", "-L", "module-native-protocol-unix"]);
        assert_eq!(started.code, Some(0), "{}", started.stderr);
        for session in ["session_1", "session_2"] {
            let sink = format!("sink_name={session}");
            assert_eq!(
                home.run("pactl", &["load-module", "module-null-sink", &sink, "channels=2"]).code,
                Some(0)
            );
        }
        let game = home.player("sine=440", &[("PULSE_SINK", "session_2")]);
        let record = |monitor: &str| {
            let recording = home.path(monitor).with_extension("wav").display().to_string();
            home.run("ffmpeg", &["-v", "error", "-y", "-f", "pulse", "-i", monitor, "-t", "1", &recording]);
            loudness(home, &recording)
        };
        let (second, first) = (record("session_2.monitor"), record("session_1.monitor"));
        game.stop();
        assert!(second > -40.0 && first < -80.0, "{second} dB and {first} dB");
    });
}

/// The loudest sample of a file in dB, by ffmpeg.
fn loudness(home: &Home, file: &str) -> f64 {
    let said = home.run("ffmpeg", &["-hide_banner", "-i", file, "-af", "volumedetect", "-f", "null", "-"]);
    let line =
        said.stderr.lines().find_map(|line| line.split_once("max_volume: ").map(|(_, rest)| rest.to_owned()));
    let line = line.unwrap_or_else(|| panic!("no volume: {}", said.stderr));
    line.trim_end_matches(" dB").parse().expect("a number of dB")
}

#[test]
fn pacmd_lists_and_changes() {
    both(|home| {
        let arguments = ["-n", "-D", "--exit-idle-time=-1", "-L", "module-native-protocol-unix"];
        let cli = ["-L", "module-cli-protocol-unix", "-L", "module-null-sink sink_name=out"];
        let started = home.pulseaudio(&[&arguments[..], &cli].concat());
        assert_eq!(started.code, Some(0), "{}", started.stderr);
        let pacmd = |arguments: &[&str]| home.run("pacmd", arguments);
        let sinks = pacmd(&["list-sinks"]);
        assert_eq!(sinks.code, Some(0), "{}", sinks.stderr);
        for line in ["1 sink(s) available.", "  * index: 0", "\tname: <out>", "\tstate: IDLE", "\tmuted: no"]
        {
            assert!(sinks.stdout.lines().any(|said| said == line), "{line}: {}", sinks.stdout);
        }
        assert!(sinks.stdout.contains("\tvolume: front-left: 65536 / 100% / 0.00 dB,"), "{}", sinks.stdout);
        pacmd(&["set-sink-volume", "out", "32768"]);
        pacmd(&["set-sink-mute", "out", "1"]);
        pacmd(&["load-module", "module-null-sink", "sink_name=second"]);
        pacmd(&["set-default-sink", "second"]);
        let sinks = pacmd(&["list-sinks"]).stdout;
        assert!(sinks.contains("32768 /  50% / -18.06 dB") && sinks.contains("\tmuted: yes"), "{sinks}");
        assert!(sinks.contains("2 sink(s) available."), "{sinks}");
        assert_eq!(home.run("pactl", &["get-default-sink"]).stdout.trim(), "second");
        for (list, first) in [
            ("list-sources", "2 source(s) available."),
            ("list-sink-inputs", "0 sink input(s) available."),
            ("list-source-outputs", "0 source output(s) available."),
            ("list-cards", "0 card(s) available."),
        ] {
            assert!(pacmd(&[list]).stdout.starts_with(first), "{list}");
        }
        assert!(pacmd(&["list-modules"]).stdout.contains("\tname: <module-cli-protocol-unix>"));
        assert!(pacmd(&["info"]).stdout.contains("sink(s) available."));
        pacmd(&["exit"]);
        let gone = || (home.pulseaudio(&["--check"]).code == Some(1)).then_some(());
        assert!(
            wait::on_directory(&home.path("run/pulse"), Duration::from_secs(10), gone).is_some(),
            "{}",
            home.ours
        );
    });
}

#[test]
fn settings_without_a_meaning_are_named_once() {
    let home = Home::new(true);
    home.write(
        "home/.config/pulse/daemon.conf",
        "flat-volumes = no\nenable-remixing = yes\nexit-idle-time = 0\nflat-volumes = yes\n",
    );
    let log = home.path("log").display().to_string();
    let arguments = ["-n", "--daemonize=no", "-L", "module-native-protocol-unix", "--disable-shm=yes"];
    let target = format!("--log-target=file:{log}");
    let more = ["--resample-method=speex-float-3", "--log-backtrace=3", &target];
    let said = home.pulseaudio(&[&arguments[..], &more].concat());
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let text = fs::read_to_string(&log).expect("there is a log");
    for name in ["flat-volumes", "enable-remixing", "--disable-shm", "--resample-method", "--log-backtrace"] {
        assert_eq!(text.matches(name).count(), 1, "{name} in {text}");
    }
    assert!(!text.contains("exit-idle-time"), "{text}");
}

#[test]
fn the_log_has_the_places_and_the_form_that_it_is_told() {
    both(|home| {
        let start = |target: &str, more: &[&str]| {
            let arguments =
                ["-n", "--daemonize=no", "--exit-idle-time=0", "-L", "module-native-protocol-unix"];
            let target = format!("--log-target={target}");
            home.pulseaudio(&[&arguments[..], &[&target, "-vvv"], more].concat())
        };
        let path = home.path("log").display().to_string();
        let read = |name: &str| fs::read_to_string(home.path(name)).expect("there is a log");
        for _ in 0..2 {
            assert_eq!(start(&format!("newfile:{path}"), &[]).code, Some(0));
        }
        assert!(!read("log").is_empty() && !read("log.1").is_empty());
        let before = read("log").len();
        assert_eq!(start(&format!("file:{path}"), &["--log-time=no"]).code, Some(0));
        assert!(!read("log").is_empty());
        if home.ours {
            assert!(read("log").len() > before, "it goes on where it was");
            let log = read("log");
            let timed = |line: &str| line.starts_with(|first: char| first.is_ascii_digit());
            assert!(!log.split_at(before).1.lines().any(timed), "no time was asked for: {log}");
        }
        let said = start("stderr", &["--log-meta=yes"]);
        // Where in the source something is said: PulseAudio's and ours.
        assert!(said.stderr.contains(if home.ours { ".rs:" } else { ".c:" }), "{}", said.stderr);
        assert_eq!(start("null", &[]).stderr.lines().filter(|line| line.contains("INFO")).count(), 0);
        let said = start("nowhere", &[]);
        assert_eq!(said.code, Some(1));
        // Wherever there is no system log, its messages go to standard error or nowhere.
        assert_eq!(start("syslog", &[]).code, Some(0));
        assert_eq!(start("journal", &[]).code, Some(0));
    });
}

/// Whoever started a server reads what it says until it is ready; then nobody does.
#[test]
fn a_server_in_the_background_talks_to_nobody_and_goes_on() {
    both(|home| {
        let arguments = ["-n", "-D", "--exit-idle-time=-1", "-vvvv", "--log-target=stderr"];
        let started = home.pulseaudio(&[&arguments[..], &["-L", "module-native-protocol-unix"]].concat());
        assert_eq!(started.code, Some(0), "{}", started.stderr);
        for _ in 0..3 {
            let loaded = home.run("pactl", &["load-module", "module-null-sink"]);
            assert_eq!(loaded.code, Some(0), "{}", loaded.stderr);
        }
        assert_eq!(home.sinks().len(), 3);
    });
}
