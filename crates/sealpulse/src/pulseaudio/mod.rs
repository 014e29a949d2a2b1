//! The program as `pulseaudio`: its options, `daemon.conf` and `default.pa`, so that what was made for PulseAudio works
//! when only the program is exchanged.

mod daemon_conf;
mod files;
mod options;
mod process;
mod system;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use sealpulse_server::{Config, LogControl, StartStep, runtime_directory};
use sealpulse_spec::{ChannelMap, SampleFormat};
use tracing::Level;

use self::daemon_conf::DaemonConf;
use self::files::default_script;
use self::options::Options;
use self::system::{ACCESS_GROUP, SystemError};
use crate::inherited;
use crate::log::{self, LogOptions};
use crate::media::whole;

/// Seconds after which a server ends that nobody uses, as PulseAudio's.
const EXIT_IDLE_SECONDS: i64 = 20;

/// What is loaded where there is no `default.pa`.
const BUILT_IN: &[&str] = &[
    "load-module module-device-restore",
    "load-module module-stream-restore",
    "load-module module-native-protocol-unix",
    "load-module module-default-device-restore",
    "load-module module-always-sink",
    "load-module module-suspend-on-idle",
];

/// Whether the program was called as `pulseaudio`.
pub(crate) fn is_called_so() -> bool {
    let name = std::env::args_os().next().map(PathBuf::from);
    name.and_then(|name| name.file_name().map(|name| name == "pulseaudio")).unwrap_or(false)
}

/// Does what the options say.
pub(crate) fn run() -> Result<ExitCode, Box<dyn Error>> {
    let options = Options::parse();
    // pacmd looks for a process of this name.
    let _ = rustix::thread::set_name(c"pulseaudio");
    if options.dump_modules {
        for module in sealpulse_server::modules() {
            println!("{:40} {}", module.name(), module.description());
        }
        return Ok(ExitCode::SUCCESS);
    }
    if options.dump_resample_methods {
        println!("sinc");
        return Ok(ExitCode::SUCCESS);
    }
    if options.cleanup_shm {
        // Nothing of ours outlives the processes that use it.
        return Ok(ExitCode::SUCCESS);
    }
    if options.check {
        let running = process::running(&pid_file()?).is_some();
        return Ok(if running { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    if options.kill {
        let pid = process::running(&pid_file()?).ok_or("no server is running")?;
        process::kill(pid)?;
        return Ok(ExitCode::SUCCESS);
    }
    let conf = DaemonConf::load()?;
    if options.dump_conf {
        conf.lines().for_each(|line| println!("{line}"));
        return Ok(ExitCode::SUCCESS);
    }
    let system = options.system.or(conf.boolean("system-instance")?).unwrap_or(false);
    if system && options.start {
        return Err(SystemError::Start.into());
    }
    if system && system::is_to_become() {
        return Err(system::start_again().into());
    }
    let pid_file = pid_file()?;
    if options.start && process::running(&pid_file).is_some() {
        return Ok(ExitCode::SUCCESS);
    }
    let daemonize = options.daemonize.or(conf.boolean("daemonize")?).unwrap_or(false) || options.start;
    if daemonize && !process::is_background() {
        // Of clients that start one at the same moment, the first does, and the others find it.
        let _alone = options.start.then(|| process::start_alone(&pid_file)).transpose()?;
        if options.start && process::running(&pid_file).is_some() {
            return Ok(ExitCode::SUCCESS);
        }
        return Ok(process::to_background(&std::env::args_os().skip(1).collect::<Vec<_>>())?);
    }
    if process::is_background() {
        process::leave_terminal();
    }
    let ready_fd = process::ready_fd().map(inherited::take_ready).transpose()?;
    let passed_sockets = inherited::take_passed()?;
    let log = Some(start_log(&options, &conf)?);
    let config = Config {
        ready_fd,
        passed_sockets,
        log,
        open_sound_file: Some(whole::open),
        ..config(&options, &conf, pid_file, system)?
    };
    sealpulse_server::run(config)?;
    Ok(ExitCode::SUCCESS)
}

/// Where the server says which process it is.
fn pid_file() -> Result<PathBuf, sealpulse_server::ServerError> {
    Ok(runtime_directory()?.join("pid"))
}

fn config(
    options: &Options,
    conf: &DaemonConf,
    pid_file: PathBuf,
    system: bool,
) -> Result<Config, Box<dyn Error>> {
    let mut config = Config { sockets: Vec::new(), null_sink: None, ..Config::default() };
    let spec = &mut config.default_spec;
    if let Some(format) = conf.value("default-sample-format", SampleFormat::parse)? {
        spec.format = format;
    }
    if let Some(rate) = conf.value("default-sample-rate", |text| text.parse().ok())? {
        spec.rate = rate;
    }
    if let Some(channels) = conf.value("default-sample-channels", |text| text.parse::<u8>().ok())? {
        (spec.channels, config.default_map) = (channels, ChannelMap::default_for(channels));
    }
    if let Some(map) = conf.value("default-channel-map", ChannelMap::parse)? {
        (spec.channels, config.default_map) = (map.channels(), map);
    }
    if !spec.is_valid() {
        return Err(format!("the default sample spec {spec} of daemon.conf is not possible").into());
    }
    if let Some(rate) = conf.value("alternate-sample-rate", |text| text.parse().ok())? {
        config.alternate_rate = rate;
    }
    let disallowed = |option: Option<bool>, allowed: Option<bool>| option.unwrap_or(!allowed.unwrap_or(true));
    config.allow_exit = !disallowed(options.disallow_exit, conf.boolean("allow-exit")?);
    config.allow_module_loading =
        !disallowed(options.disallow_module_loading, conf.boolean("allow-module-loading")?);
    if !options.realtime.or(conf.boolean("realtime-scheduling")?).unwrap_or(true) {
        (config.realtime_priority, config.engine.realtime_priority) = (None, None);
    }
    let idle = conf.value("exit-idle-time", |text| text.parse::<i64>().ok())?;
    let idle = options.exit_idle_time.or(idle).unwrap_or(EXIT_IDLE_SECONDS);
    config.exit_idle_time = u64::try_from(idle).ok().map(Duration::from_secs);
    let samples = conf.value("scache-idle-time", |text| text.parse::<i64>().ok())?;
    if let Some(seconds) = options.scache_idle_time.or(samples) {
        config.sample_idle_time = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    }
    if options.use_pid_file.or(conf.boolean("use-pid-file")?).unwrap_or(true) {
        process::make_directory_of(&pid_file)?;
        config.pid_file = Some(pid_file);
    }
    config.state_directory = sealpulse_server::state_directory();
    config.start = steps(options, conf, system)?;
    // PulseAudio 16.1 starts whatever fails, in spite of its manual: containers have come to depend on it.
    config.start_strictly = options.fail.unwrap_or(false);
    if system {
        config.exit_idle_time = None;
        config.auth_group = Some(ACCESS_GROUP.to_owned());
        let unwise = [
            ("--disallow-exit", config.allow_exit),
            ("--disallow-module-loading", config.allow_module_loading),
        ];
        for (option, _) in unwise.into_iter().filter(|(_, allowed)| *allowed) {
            tracing::warn!("a server for the whole machine runs without {option}");
        }
    }
    Ok(config)
}

/// What is carried out at the start, in the order in which PulseAudio does.
fn steps(options: &Options, conf: &DaemonConf, system: bool) -> Result<Vec<StartStep>, Box<dyn Error>> {
    let mut steps: Vec<StartStep> = Vec::new();
    let command = |command: String| StartStep::Command(command);
    steps.extend(options.load.iter().map(|module| command(format!("load-module {module}"))));
    steps.extend(options.file.iter().cloned().map(StartStep::File));
    let default = conf.boolean("load-default-script-file")?.unwrap_or(true) && !options.no_default_script;
    if default {
        let file = conf.text("default-script-file").map(PathBuf::from);
        match file.or_else(|| default_script(system)) {
            Some(file) => steps.push(StartStep::File(file)),
            None => steps.extend(BUILT_IN.iter().map(|line| command((*line).to_owned()))),
        }
    }
    if options.command_line {
        steps.push(command("load-module module-cli exit_on_eof=1".to_owned()));
    }
    if steps.is_empty() {
        return Err(
            "nothing would be loaded: nobody could use the server (leave out -n, or use -L or -F)".into()
        );
    }
    Ok(steps)
}

/// Starts the log, and says in it once which settings have no meaning here.
fn start_log(options: &Options, conf: &DaemonConf) -> Result<Box<dyn LogControl>, Box<dyn Error>> {
    let named = options.log_level.as_deref().or(conf.text("log-level"));
    let base = match named {
        None | Some("2" | "notice" | "1" | "warn" | "warning") => 2,
        Some("0" | "error") => 0,
        Some("3" | "info") => 3,
        Some("4" | "debug") => 4,
        Some(other) => return Err(format!("`{other}` is no log level").into()),
    };
    let more = u32::from(options.verbose);
    // Notices are warnings here: what is one more than an error is that, too.
    let level = log::level_of(base + more).unwrap_or(Level::DEBUG);
    let control = log::start(LogOptions {
        level,
        target: options.log_target.as_deref().or(conf.text("log-target")).unwrap_or("auto"),
        time: options.log_time.or(conf.boolean("log-time")?).unwrap_or(true),
        place: options.log_meta.or(conf.boolean("log-meta")?).unwrap_or(false),
        background: process::is_background(),
    })?;
    let without_meaning: Vec<&str> = options.without_meaning().chain(conf.without_meaning()).collect();
    if !without_meaning.is_empty() {
        tracing::warn!("these settings have no meaning here: {}", without_meaning.join(", "));
    }
    Ok(control)
}
