//! What a connection needs to know, and where it learns that.

mod client_conf;
mod cookie;
mod default_properties;
mod environment;
mod error;
mod property_list;

use std::path::Path;
use std::time::Duration;

use sealpulse_protocol::{Cookie, PropList, UpdateMode, VERSION};

use crate::address::{AddressError, AddressFamily, DEFAULT_PORT, ServerAddress, parse_list};

use client_conf::ClientConf;
pub(crate) use client_conf::parse_unsigned;
use environment::Environment;
pub use error::{ConfigError, ConfigLineError, Origin};
pub use property_list::{PropertyListError, PropertyListProblem, property_list};

/// Time that a server has for an answer, where the program does not say.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// Which server, how, and as whom. [`from_env`](Config::from_env) is what a program wants; [`Config::default`] knows no
/// server and nothing of the process.
///
/// ```no_run
/// use sealpulse_client::Config;
///
/// let config = Config::from_env()?.named("Player");
/// for warning in &config.warnings {
///     eprintln!("{warning}");
/// }
/// # Ok::<(), sealpulse_client::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    /// Where servers are; the first that answers is taken.
    pub servers: Vec<ServerAddress>,
    /// What we prove ourselves with to a server of another user or machine; zeros are shown for `None`.
    pub cookie: Option<Cookie>,
    /// Whether audio may go through shared memory. Without, it goes over the socket.
    pub shm: bool,
    /// Whether shared memory may be a memfd. Without, it is POSIX shared memory.
    pub memfd: bool,
    /// Whether control may go through rings in shared memory (srbchannel), where the server offers them.
    pub ring: bool,
    /// Bytes of the pool that playback blocks come from (`shm-size-bytes`); `None` for the default.
    pub shm_size: Option<u32>,
    /// Highest version of the protocol to speak, 8 to 35.
    pub max_version: u32,
    /// The sink of playback streams that do not name one; `None` for the server's default.
    pub sink: Option<String>,
    /// The source of record streams that do not name one; `None` for the server's default.
    pub source: Option<String>,
    /// Properties of the client. What is sent is [`client_properties`](Config::client_properties).
    pub properties: PropList,
    /// Properties that the user wants whatever the program says (`PULSE_PROP_OVERRIDE`).
    pub overrides: PropList,
    /// Time that the server has for an answer.
    pub timeout: Duration,
    /// What of the environment and of the files could not be used, and was left out as libpulse leaves it out; for a
    /// log.
    pub warnings: Vec<ConfigError>,
}

impl Default for Config {
    /// No server, no cookie, no property; every transport, version 35, 30 s.
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            cookie: None,
            shm: true,
            memfd: true,
            ring: true,
            shm_size: None,
            max_version: VERSION,
            sink: None,
            source: None,
            properties: PropList::new(),
            overrides: PropList::new(),
            timeout: DEFAULT_TIMEOUT,
            warnings: Vec::new(),
        }
    }
}

impl Config {
    /// What libpulse 16 would do in this process.
    ///
    /// | | |
    /// | --- | --- |
    /// | server | `$PULSE_SERVER` ([syntax](ServerAddress::parse_list)), else `default-server`, else the user's socket, the machine's (`/var/run/pulse/native`) and, with `auto-connect-localhost`, port 4713 of this machine |
    /// | user's socket | `native` in `$PULSE_RUNTIME_PATH`, else `$XDG_RUNTIME_DIR/pulse`, else `<machine-id>-runtime` in `~/.pulse` or the configuration directory |
    /// | configuration directory | `$XDG_CONFIG_HOME/pulse`, else `~/.config/pulse` |
    /// | cookie | `$PULSE_COOKIE`, `cookie-file`, `cookie` in the configuration directory, `~/.pulse-cookie`; made where there is none |
    /// | devices | `$PULSE_SINK`, `$PULSE_SOURCE`, else `default-sink`, `default-source` |
    /// | properties | `$PULSE_PROP` ([syntax](crate::property_list)), `$PULSE_PROP_key`, `$PULSE_PROP_OVERRIDE`, `$PULSE_PROP_OVERRIDE_key`, and the name, process, user, host, language, display, machine and session of the program |
    /// | `client.conf` | `$PULSE_CLIENTCONFIG`, else in `$PULSE_CONFIG_PATH`, else in `~/.pulse` or `~/.config/pulse`, else `/etc/pulse/client.conf`: the first that is there, and the `*.conf` in the directory `client.conf.d` beside it |
    ///
    /// It differs from libpulse where this library is another: it starts no server (`autospawn`), reads no properties
    /// of the X11 root window, follows no display (`auto-connect-display`), and makes no runtime directory. `PULSE_SINK`,
    /// `PULSE_SOURCE`, `PULSE_RUNTIME_PATH` and `XDG_RUNTIME_DIR` that are empty count as not set.
    ///
    /// What libpulse would only complain of is in [`warnings`](Config::warnings).
    ///
    /// # Errors
    /// [`ConfigError::Server`] when `PULSE_SERVER` or `default-server` has no address that can be used, and
    /// [`ConfigError::NotUtf8`] for such a `PULSE_SERVER`.
    pub fn from_env() -> Result<Config, ConfigError> {
        Self::from_environment(&Environment::of_process(), None)
    }

    /// As [`from_env`](Config::from_env), with servers that the user named in another way, as by an option of the
    /// program: `PULSE_SERVER` and `default-server` do not matter then.
    ///
    /// # Errors
    /// [`ConfigError::Server`] when `servers` has no address that can be used.
    ///
    /// ```no_run
    /// use sealpulse_client::{Config, ServerAddress};
    ///
    /// let config = Config::from_env_with_server("unix:/run/studio/native")?;
    /// assert_eq!(config.servers, [ServerAddress::Unix("/run/studio/native".into())]);
    /// # Ok::<(), sealpulse_client::ConfigError>(())
    /// ```
    pub fn from_env_with_server(servers: &str) -> Result<Config, ConfigError> {
        Self::from_environment(&Environment::of_process(), Some(servers))
    }

    /// With these servers, in the [syntax](ServerAddress::parse_list) of `PULSE_SERVER`, in place of the others.
    ///
    /// # Errors
    /// [`ConfigError::Server`] when there is no address that can be used.
    ///
    /// ```
    /// use sealpulse_client::Config;
    ///
    /// let config = Config::default().with_server("unix:/run/studio/native tcp:studio")?;
    /// assert_eq!(config.servers[1].to_string(), "tcp4:studio:4713");
    ///
    /// let error = Config::default().with_server("tcp:studio:high").unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "the server that was given: `high` in `tcp:studio:high` is not a port (1 to 65535); \
    ///      an IPv6 address goes into [brackets]",
    /// );
    /// # Ok::<(), sealpulse_client::ConfigError>(())
    /// ```
    pub fn with_server(mut self, servers: &str) -> Result<Config, ConfigError> {
        let machine_id = Environment::of_process().machine_id().unwrap_or_default();
        self.servers = named_servers(servers, Origin::Argument, &machine_id, &mut self.warnings)?;
        Ok(self)
    }

    /// With the cookie in a file (`pa_context_load_cookie_from_file`), which is made where it is missing. A relative
    /// name is relative to the configuration directory.
    ///
    /// # Errors
    /// [`ConfigError::Cookie`] when the file can neither be read nor made.
    pub fn with_cookie_file(mut self, path: impl AsRef<Path>) -> Result<Config, ConfigError> {
        self.cookie = Some(cookie::load_named(&Environment::of_process(), path.as_ref())?);
        Ok(self)
    }

    /// With the name that the user sees (`application.name`).
    ///
    /// ```
    /// let config = sealpulse_client::Config::default().named("Player");
    /// assert_eq!(config.properties.get_str("application.name"), Some("Player"));
    /// ```
    pub fn named(mut self, application_name: &str) -> Config {
        self.properties.set_str("application.name", application_name);
        self
    }

    /// The properties to send: the [program's](Config::properties), with what the
    /// [user overrides](Config::overrides).
    ///
    /// ```
    /// use sealpulse_client::{Config, PropList};
    ///
    /// let overrides: PropList = [("application.name", "Quiet")].into_iter().collect();
    /// let config = Config { overrides, ..Config::default() }.named("Player");
    /// assert_eq!(config.client_properties().get_str("application.name"), Some("Quiet"));
    /// ```
    pub fn client_properties(&self) -> PropList {
        let mut properties = self.properties.clone();
        properties.update(UpdateMode::Replace, &self.overrides);
        properties
    }

    pub(crate) fn from_environment(
        environment: &Environment,
        servers: Option<&str>,
    ) -> Result<Config, ConfigError> {
        let mut warnings = Vec::new();
        let conf = ClientConf::load(environment, &mut warnings);
        let servers = find_servers(environment, servers, &conf, &mut warnings)?;
        let cookie = cookie::load(environment, conf.cookie_file.as_deref(), &mut warnings);
        let mut device = |variable, configured: Option<String>| match environment.text(variable) {
            Ok(Some(name)) => Some(name.to_owned()),
            Ok(None) => configured,
            Err(error) => {
                warnings.push(error);
                configured
            }
        };
        let sink = device("PULSE_SINK", conf.default_sink);
        let source = device("PULSE_SOURCE", conf.default_source);
        let properties = default_properties::collect(environment, &mut warnings);
        Ok(Config {
            servers,
            cookie,
            shm: !conf.disable_shm,
            memfd: !conf.disable_memfd,
            shm_size: Some(conf.shm_size).filter(|&size| size > 0),
            sink,
            source,
            properties: properties.own,
            overrides: properties.overrides,
            warnings,
            ..Config::default()
        })
    }
}

fn find_servers(
    environment: &Environment,
    argument: Option<&str>,
    conf: &ClientConf,
    warnings: &mut Vec<ConfigError>,
) -> Result<Vec<ServerAddress>, ConfigError> {
    let variable = "PULSE_SERVER";
    let named = if let Some(list) = argument {
        Some((list, Origin::Argument))
    } else if let Some(list) = environment.variable(variable) {
        let not_utf8 = || ConfigError::NotUtf8 { variable: variable.to_owned() };
        Some((list.to_str().ok_or_else(not_utf8)?, Origin::Variable(variable)))
    } else {
        conf.default_server.as_ref().map(|(list, origin)| (list.as_str(), origin.clone()))
    };
    if let Some((list, origin)) = named {
        let machine_id = environment.machine_id().unwrap_or_default();
        return named_servers(list, origin, &machine_id, warnings);
    }
    let mut servers = Vec::new();
    match environment.user_socket() {
        Ok(socket) => servers.extend(socket.map(ServerAddress::Unix)),
        Err(error) => warnings.push(error),
    }
    servers.push(ServerAddress::Unix(environment.system_socket()));
    if conf.auto_connect_localhost {
        let local =
            |host: &str, family| ServerAddress::Tcp { host: host.to_owned(), port: DEFAULT_PORT, family };
        servers.push(local("127.0.0.1", AddressFamily::V4));
        servers.push(local("::1", AddressFamily::V6));
    }
    Ok(servers)
}

fn named_servers(
    list: &str,
    origin: Origin,
    machine_id: &str,
    warnings: &mut Vec<ConfigError>,
) -> Result<Vec<ServerAddress>, ConfigError> {
    let error = |source: AddressError| ConfigError::Server { origin: origin.clone(), source };
    let parsed = parse_list(list, machine_id).map_err(error)?;
    warnings.extend(parsed.malformed.into_iter().map(error));
    Ok(parsed.servers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    fn machine(client_conf: &str) -> TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("etc/pulse")).unwrap();
        fs::write(root.path().join("etc/machine-id"), "3d12\n").unwrap();
        fs::write(root.path().join("etc/pulse/client.conf"), client_conf).unwrap();
        root
    }

    fn load(
        root: &TempDir,
        variables: &[(&str, &str)],
        argument: Option<&str>,
    ) -> Result<Config, ConfigError> {
        let home = root.path().to_str().unwrap();
        let variables = [("HOME", home)].into_iter().chain(variables.iter().copied());
        Config::from_environment(&Environment::for_test(root.path(), variables), argument)
    }

    fn servers(config: &Config) -> Vec<String> {
        config.servers.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_servers_of_this_machine_are_tried_where_none_is_named() {
        let root = machine("auto-connect-localhost = yes\n");
        let config = load(&root, &[("PULSE_RUNTIME_PATH", "/run/p")], None).unwrap();
        let system = format!("unix:{}/var/run/pulse/native", root.path().display());
        assert_eq!(
            servers(&config),
            ["unix:/run/p/native", &system, "tcp4:127.0.0.1:4713", "tcp6:[::1]:4713"]
        );
        assert!(config.warnings.is_empty(), "{:?}", config.warnings);

        let root = machine("");
        let config = load(&root, &[("XDG_RUNTIME_DIR", "/")], None);
        // Who runs the tests may own / or not.
        let expected = if rustix::process::getuid().is_root() { 2 } else { 1 };
        assert_eq!(config.unwrap().servers.len(), expected);
    }

    #[test]
    fn a_server_is_named_by_the_program_the_variable_or_the_file() {
        let root = machine("default-server = {3d12}unix:/file\n");
        let config = |variables: &[_], argument| load(&root, variables, argument);
        assert_eq!(servers(&config(&[], None).unwrap()), ["unix:/file"]);
        let variable = [("PULSE_SERVER", "{other}unix:/x unix:/variable")];
        assert_eq!(servers(&config(&variable, None).unwrap()), ["unix:/variable"]);
        assert_eq!(servers(&config(&[("PULSE_SERVER", "")], Some("unix:/a")).unwrap()), ["unix:/a"]);

        let half = config(&[("PULSE_SERVER", "h:x unix:/y")], None).unwrap();
        assert_eq!(servers(&half), ["unix:/y"]);
        assert_eq!(half.warnings.len(), 1);
    }

    #[test]
    fn a_server_that_cannot_be_used_is_an_error_that_says_where() {
        let root = machine("\ndefault-server = tcp:\n");
        let error = load(&root, &[], None).unwrap_err().to_string();
        let file = root.path().join("etc/pulse/client.conf");
        assert_eq!(
            error,
            format!("{}:2: `tcp:` names no host: write tcp:host or tcp:host:port", file.display())
        );
        let error = load(&root, &[("PULSE_SERVER", "")], None).unwrap_err().to_string();
        assert!(error.starts_with("the variable PULSE_SERVER: no server is named"), "{error}");
        let error = load(&root, &[("PULSE_SERVER", "{x}/y")], None).unwrap_err();
        let other = matches!(error, ConfigError::Server { source: AddressError::OtherMachines { .. }, .. });
        assert!(other, "{error}");
    }

    #[test]
    fn variables_precede_the_file() {
        let root = machine(
            "default-sink = a\ndefault-source = b\nenable-memfd = no\ndisable-shm = yes\nshm-size-bytes = 65536\n",
        );
        let config = load(&root, &[("PULSE_SINK", ""), ("PULSE_SOURCE", "c")], None).unwrap();
        assert_eq!((config.sink.as_deref(), config.source.as_deref()), (Some("a"), Some("c")));
        assert_eq!((config.shm, config.memfd, config.ring), (false, false, true));
        assert_eq!(config.shm_size, Some(65536));
        assert_eq!((config.max_version, config.timeout), (35, Duration::from_secs(30)));
        assert!(config.cookie.is_some());
        assert_eq!(config.properties.get_str("application.process.machine_id"), Some("3d12"));
    }

    #[test]
    fn what_is_broken_does_not_keep_a_program_from_its_sound() {
        let root = machine("nonsense\n");
        let config = load(&root, &[("PULSE_PROP", "nonsense")], None).unwrap();
        assert_eq!(config.warnings.len(), 2);
        assert_eq!(config.servers.len(), 2);
    }

    #[test]
    fn the_cookie_is_not_printed() {
        let config = Config { cookie: Some(Cookie([7; 256])), ..Config::default() };
        assert!(!format!("{config:?}").contains("7, 7"));
    }
}
