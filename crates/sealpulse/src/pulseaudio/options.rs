//! PulseAudio's own options, for where the program is called as `pulseaudio` (`cmdline.c`).

use std::path::PathBuf;

use clap::{ArgAction, Parser};

/// A sound server for PulseAudio applications, with PulseAudio's options.
#[derive(Debug, Parser)]
#[command(name = "pulseaudio", version, disable_help_subcommand = true)]
pub(crate) struct Options {
    /// Show the configuration that would hold
    #[arg(long)]
    pub(crate) dump_conf: bool,
    /// List the modules that there are
    #[arg(long)]
    pub(crate) dump_modules: bool,
    /// List the resampling methods that there are
    #[arg(long)]
    pub(crate) dump_resample_methods: bool,
    /// Remove shared memory that nobody uses any more
    #[arg(long)]
    pub(crate) cleanup_shm: bool,
    /// Start the server if it does not run
    #[arg(long)]
    pub(crate) start: bool,
    /// End a running server
    #[arg(short, long)]
    pub(crate) kill: bool,
    /// Say by the exit status whether a server runs
    #[arg(long)]
    pub(crate) check: bool,
    /// Run as a system-wide server
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "yes", value_parser = boolean)]
    pub(crate) system: Option<bool>,
    /// Go to the background once clients can connect
    #[arg(short = 'D', long, num_args = 0..=1, require_equals = true, default_missing_value = "yes", value_parser = boolean)]
    pub(crate) daemonize: Option<bool>,
    /// End when something at the start fails
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "yes", value_parser = boolean)]
    pub(crate) fail: Option<bool>,
    /// Accepted: the server asks for a high priority where that helps
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "yes", value_parser = boolean)]
    pub(crate) high_priority: Option<bool>,
    /// Run sound threads in real time
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "yes", value_parser = boolean)]
    pub(crate) realtime: Option<bool>,
    /// Do not let clients load and unload modules
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "yes", value_parser = boolean)]
    pub(crate) disallow_module_loading: Option<bool>,
    /// Do not let clients end the server
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "yes", value_parser = boolean)]
    pub(crate) disallow_exit: Option<bool>,
    /// End when nobody has been connected for so many seconds; negative for never
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) exit_idle_time: Option<i64>,
    /// Forget a lazily loaded sample when it was not played for so many seconds
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) scache_idle_time: Option<i64>,
    /// What to log: 0 to 4, or error, warn, notice, info, debug
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "4")]
    pub(crate) log_level: Option<String>,
    /// Log more
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Where to log: auto, null, stderr, syslog, journal, file:PATH, newfile:PATH
    #[arg(long)]
    pub(crate) log_target: Option<String>,
    /// Say in log messages where in the source they come from
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "yes", value_parser = boolean)]
    pub(crate) log_meta: Option<bool>,
    /// Show the time of log messages
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "yes", value_parser = boolean)]
    pub(crate) log_time: Option<bool>,
    /// Accepted: log messages have no backtrace
    #[arg(long)]
    pub(crate) log_backtrace: Option<u32>,
    /// Accepted: all modules are built in
    #[arg(short = 'p', long)]
    pub(crate) dl_search_path: Option<PathBuf>,
    /// Accepted: there is one resampler
    #[arg(long)]
    pub(crate) resample_method: Option<String>,
    /// Write a file with the process id
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "yes", value_parser = boolean)]
    pub(crate) use_pid_file: Option<bool>,
    /// Accepted: the server's use of the processor is bounded in other ways
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "yes", value_parser = boolean)]
    pub(crate) no_cpu_limit: Option<bool>,
    /// Accepted: memory is shared with each client alone
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "yes", value_parser = boolean)]
    pub(crate) disable_shm: Option<bool>,
    /// Accepted: memory is shared by memfds where the client can
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "yes", value_parser = boolean)]
    pub(crate) enable_memfd: Option<bool>,
    /// Load a module, with its arguments
    #[arg(short = 'L', long, value_name = "MODULE ARGUMENTS")]
    pub(crate) load: Vec<String>,
    /// Run a script
    #[arg(short = 'F', long, value_name = "FILE")]
    pub(crate) file: Vec<PathBuf>,
    /// Read commands from the terminal once the server runs
    #[arg(short = 'C')]
    pub(crate) command_line: bool,
    /// Do not load the default script
    #[arg(short = 'n')]
    pub(crate) no_default_script: bool,
}

impl Options {
    /// The options that were given and have no meaning here.
    pub(crate) fn without_meaning(&self) -> impl Iterator<Item = &'static str> {
        let all = [
            ("--high-priority", self.high_priority.is_some()),
            ("--log-backtrace", self.log_backtrace.is_some()),
            ("--dl-search-path", self.dl_search_path.is_some()),
            ("--resample-method", self.resample_method.is_some()),
            ("--no-cpu-limit", self.no_cpu_limit.is_some()),
            ("--disable-shm", self.disable_shm.is_some()),
            ("--enable-memfd", self.enable_memfd.is_some()),
        ];
        all.into_iter().filter_map(|(name, given)| given.then_some(name))
    }
}

fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "y" | "yes" | "t" | "true" | "on" => Ok(true),
        "0" | "n" | "no" | "f" | "false" | "off" => Ok(false),
        _ => Err("neither yes nor no".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn container_command_lines_are_understood() {
        let parse = |line: &[&str]| Options::try_parse_from(["pulseaudio"].iter().chain(line)).unwrap();
        let options = parse(&["-D", "--exit-idle-time=-1", "--system", "--disallow-exit"]);
        assert_eq!((options.daemonize, options.exit_idle_time), (Some(true), Some(-1)));
        assert_eq!((options.system, options.disallow_exit), (Some(true), Some(true)));
        let options = parse(&["-n", "-L", "module-null-sink sink_name=a", "--daemonize=no", "-vvv"]);
        assert_eq!(options.load, ["module-null-sink sink_name=a"]);
        assert_eq!((options.daemonize, options.verbose), (Some(false), 3));
        assert!(options.no_default_script);
        assert_eq!(options.without_meaning().count(), 0);
        let options = parse(&["--disable-shm", "--resample-method=speex-float-1", "--enable-memfd=no"]);
        let named = options.without_meaning().collect::<Vec<_>>();
        assert_eq!(named, ["--resample-method", "--disable-shm", "--enable-memfd"]);
        assert!(Options::try_parse_from(["pulseaudio", "--fail=maybe"]).is_err());
    }
}
