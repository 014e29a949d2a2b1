//! `sealpulse serve`.

use std::error::Error;
use std::path::{Path, PathBuf};

use sealpulse_server::{
    Config, CookieSource, LogControl, PassedSocket, ServerError, SocketConfig, default_socket,
};
use tracing::Level;

use crate::cli::{LogLevel, ServeOptions};
use crate::config::{self, Configuration};
use crate::inherited;
use crate::log::{self, LogError, LogOptions};
use crate::media::whole;

/// Runs the server until it is told to end.
pub(crate) fn serve(options: ServeOptions) -> Result<(), Box<dyn Error>> {
    let ready_fd = options.ready_fd.map(inherited::take_ready).transpose()?;
    let passed_sockets = inherited::take_passed()?;
    let file = if options.no_config { None } else { config::file(options.config.as_deref()) };
    let configuration = file.as_deref().map(Configuration::load).transpose()?.unwrap_or_default();
    let log = Some(start_log(options.log_level.map_or(configuration.log_level, level))?);
    let mut config =
        Config { ready_fd, passed_sockets, log, open_sound_file: Some(whole::open), ..configuration.server };
    overlay(&mut config, options)?;
    sealpulse_server::run(config)?;
    Ok(())
}

/// What the command line says wins over the configuration.
fn overlay(config: &mut Config, options: ServeOptions) -> Result<(), ServerError> {
    if !options.socket.is_empty() {
        config.sockets = options.socket.into_iter().map(SocketConfig::new).collect();
    }
    let known = |config: &Config, path: &Path| config.sockets.iter().any(|socket| socket.path == path);
    let passed: Vec<PathBuf> =
        config.passed_sockets.iter().filter_map(PassedSocket::path).map(Path::to_owned).collect();
    for path in passed {
        if !known(config, &path) {
            config.sockets.push(SocketConfig::new(path));
        }
    }
    if config.sockets.is_empty() {
        config.sockets.push(SocketConfig::new(default_socket()?));
    }
    if options.auth_anonymous {
        config.sockets.iter_mut().for_each(|socket| socket.auth_anonymous = true);
    }
    match options.cookie {
        Some(file) => config.cookie = CookieSource::File(file),
        None if options.no_cookie => config.cookie = CookieSource::Disabled,
        None => {}
    }
    match options.null_sink {
        Some(arguments) => config.null_sink = Some(arguments),
        None if options.no_null_sink => config.null_sink = None,
        None => {}
    }
    config.allow_module_loading &= !options.disallow_module_loading;
    config.allow_exit &= !options.disallow_exit;
    if options.no_realtime {
        (config.realtime_priority, config.engine.realtime_priority) = (None, None);
    }
    Ok(())
}

fn level(level: LogLevel) -> Level {
    match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    }
}

fn start_log(level: Level) -> Result<Box<dyn LogControl>, LogError> {
    log::start(LogOptions { level, target: "stderr", time: true, place: false, background: false })
}
