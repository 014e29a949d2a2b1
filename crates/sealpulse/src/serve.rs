//! `sealpulse serve`.

use std::error::Error;
use std::io::IsTerminal;

use sealpulse_server::{Config, CookieSource, PassedSocket, SocketConfig, default_socket};
use tracing::Level;

use crate::cli::{LogLevel, ServeOptions};
use crate::inherited;

/// Runs the server until it is told to end.
pub(crate) fn serve(options: ServeOptions) -> Result<(), Box<dyn Error>> {
    let ready_fd = options.ready_fd.map(inherited::take_ready).transpose()?;
    let passed_sockets = inherited::take_passed()?;
    log_to_stderr(options.log_level);
    let mut config = Config { ready_fd, ..Config::default() };
    let mut paths = options.socket;
    for path in passed_sockets.iter().filter_map(PassedSocket::path) {
        if !paths.iter().any(|known| known == path) {
            paths.push(path.to_owned());
        }
    }
    if paths.is_empty() {
        paths.push(default_socket()?);
    }
    config.sockets = paths
        .into_iter()
        .map(|path| SocketConfig { auth_anonymous: options.auth_anonymous, ..SocketConfig::new(path) })
        .collect();
    config.passed_sockets = passed_sockets;
    config.cookie = match options.cookie {
        Some(file) => CookieSource::File(file),
        None if options.no_cookie => CookieSource::Disabled,
        None => CookieSource::Default,
    };
    config.null_sink = (!options.no_null_sink).then_some(options.null_sink);
    config.state_directory = sealpulse_server::state_directory();
    config.allow_module_loading = !options.disallow_module_loading;
    config.allow_exit = !options.disallow_exit;
    if options.no_realtime {
        (config.realtime_priority, config.engine.realtime_priority) = (None, None);
    }
    sealpulse_server::run(config)?;
    Ok(())
}

fn log_to_stderr(level: LogLevel) {
    let level = match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
}
