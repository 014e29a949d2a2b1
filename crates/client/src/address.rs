//! Where servers are: the words of `PULSE_SERVER`.

use std::fmt;
use std::io;
use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

/// The TCP port of servers that do not say.
pub(crate) const DEFAULT_PORT: u16 = 4713;

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ServerAddress {
    /// A socket in the file system.
    Unix(PathBuf),
    /// A server on the network. Audio goes over the socket there, never through shared memory.
    Tcp {
        /// A name, or an IPv4 or IPv6 address without brackets.
        host: String,
        /// The port, 4713 where none is said.
        port: u16,
        /// Which addresses of the host count.
        family: AddressFamily,
    },
}

/// Which of a host's addresses are tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AddressFamily {
    /// All, in the system's order.
    #[default]
    Any,
    /// IPv4 alone (`tcp:` and `tcp4:`).
    V4,
    /// IPv6 alone (`tcp6:`).
    V6,
}

/// What is wrong with an address, or with a list of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// The list is empty.
    #[error(
        "no server is named: give one, as in unix:/run/user/1000/pulse/native or tcp:host, or none at all"
    )]
    Empty,
    /// Each address of the list is for another machine.
    #[error(
        "all of `{list}` is for other machines than this one ({machine_id}): add an address without {{…}}"
    )]
    OtherMachines {
        /// The list.
        list: String,
        /// The identifier of this machine.
        machine_id: String,
    },
    /// An address starts with `{`, and there is no `}`.
    #[error("`{address}` starts with {{ and lacks the }} behind the machine's identifier")]
    MachineId {
        /// The address.
        address: String,
    },
    /// There is no path behind `unix:`.
    #[error("`{address}` names no socket: write unix:/path")]
    NoPath {
        /// The address.
        address: String,
    },
    /// There is no host.
    #[error("`{address}` names no host: write tcp:host or tcp:host:port")]
    NoHost {
        /// The address.
        address: String,
    },
    /// A bracket is not closed, or followed by something else than a port.
    #[error("`{address}` is not of the form [host] or [host]:port")]
    Bracket {
        /// The address.
        address: String,
    },
    /// What follows the last colon is not a port.
    #[error("`{port}` in `{address}` is not a port (1 to 65535); an IPv6 address goes into [brackets]")]
    Port {
        /// The address.
        address: String,
        /// What stands where the port belongs.
        port: String,
    },
}

impl ServerAddress {
    /// Reads a list of addresses, separated by white space, as `PULSE_SERVER` has it:
    ///
    /// | | |
    /// | --- | --- |
    /// | `/path`, `unix:/path` | a socket in the file system |
    /// | `tcp:host`, `tcp4:host` | IPv4 |
    /// | `tcp6:host` | IPv6 |
    /// | `host` | either |
    /// | `host:port`, `[host]:port`, `[host]` | behind any of `tcp:`, `tcp4:`, `tcp6:`, or alone |
    /// | `{machine-id}address` | only on the machine whose identifier is `machine_id` |
    ///
    /// Addresses for other machines are left out, and so are malformed ones, as libpulse tries the next, too. An
    /// IPv6 address in brackets is also accepted behind `tcp:`.
    ///
    /// # Errors
    /// When no address is left: what is wrong with the first malformed one, or [`AddressError::OtherMachines`], or
    /// [`AddressError::Empty`].
    ///
    /// ```
    /// use sealpulse_client::{AddressFamily, ServerAddress};
    ///
    /// let list = "{3d12}unix:/run/pulse/native {ffff}unix:/elsewhere tcp6:[::1]:4000 studio";
    /// let servers = ServerAddress::parse_list(list, "3d12")?;
    /// assert_eq!(servers, [
    ///     ServerAddress::Unix("/run/pulse/native".into()),
    ///     ServerAddress::Tcp { host: "::1".into(), port: 4000, family: AddressFamily::V6 },
    ///     ServerAddress::Tcp { host: "studio".into(), port: 4713, family: AddressFamily::Any },
    /// ]);
    /// assert!(ServerAddress::parse_list("studio:port", "3d12").is_err());
    /// # Ok::<(), sealpulse_client::AddressError>(())
    /// ```
    pub fn parse_list(list: &str, machine_id: &str) -> Result<Vec<ServerAddress>, AddressError> {
        parse_list(list, machine_id).map(|parsed| parsed.servers)
    }

    /// The network addresses to try, in this order; none for a socket in the file system. Asks the resolver, which
    /// can take seconds.
    ///
    /// # Errors
    /// The resolver's, and [`io::ErrorKind::NotFound`] where the host has no address of the family.
    pub fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        let ServerAddress::Tcp { host, port, family } = self else { return Ok(Vec::new()) };
        let mut found: Vec<SocketAddr> = (host.as_str(), *port).to_socket_addrs()?.collect();
        found.retain(|address| match family {
            AddressFamily::Any => true,
            AddressFamily::V4 => address.is_ipv4(),
            AddressFamily::V6 => address.is_ipv6(),
        });
        if found.is_empty() {
            let version = if *family == AddressFamily::V6 { 6 } else { 4 };
            let message = format!("{host} has no IPv{version} address");
            return Err(io::Error::new(io::ErrorKind::NotFound, message));
        }
        Ok(found)
    }
}

/// As `PULSE_SERVER` has it.
impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServerAddress::Unix(path) => write!(f, "unix:{}", path.display()),
            ServerAddress::Tcp { host, port, family } => {
                f.write_str(match family {
                    AddressFamily::Any => "",
                    AddressFamily::V4 => "tcp4:",
                    AddressFamily::V6 => "tcp6:",
                })?;
                // A host may be called as a prefix is.
                if host.contains(':') || ["unix", "tcp", "tcp4", "tcp6"].contains(&host.as_str()) {
                    write!(f, "[{host}]:{port}")
                } else {
                    write!(f, "{host}:{port}")
                }
            }
        }
    }
}

/// A list that has a usable address.
#[derive(Debug)]
pub(crate) struct ParsedList {
    pub(crate) servers: Vec<ServerAddress>,
    /// What was left out because it is malformed.
    pub(crate) malformed: Vec<AddressError>,
}

pub(crate) fn parse_list(list: &str, machine_id: &str) -> Result<ParsedList, AddressError> {
    let mut parsed = ParsedList { servers: Vec::new(), malformed: Vec::new() };
    for word in list.split_ascii_whitespace() {
        match parse(word, machine_id) {
            Ok(Some(server)) => parsed.servers.push(server),
            Ok(None) => {}
            Err(error) => parsed.malformed.push(error),
        }
    }
    if !parsed.servers.is_empty() {
        return Ok(parsed);
    }
    Err(match parsed.malformed.into_iter().next() {
        Some(error) => error,
        None if list.trim_ascii().is_empty() => AddressError::Empty,
        None => AddressError::OtherMachines { list: list.to_owned(), machine_id: machine_id.to_owned() },
    })
}

/// One address; `None` where it is for another machine.
fn parse(word: &str, machine_id: &str) -> Result<Option<ServerAddress>, AddressError> {
    let address = match word.strip_prefix('{') {
        None => word,
        Some(rest) => match rest.split_once('}') {
            None => return Err(AddressError::MachineId { address: word.to_owned() }),
            Some((id, address)) if id == machine_id => address,
            Some(_) => return Ok(None),
        },
    };
    let path = if address.starts_with('/') { Some(address) } else { address.strip_prefix("unix:") };
    if let Some(path) = path {
        if path.is_empty() {
            return Err(AddressError::NoPath { address: word.to_owned() });
        }
        return Ok(Some(ServerAddress::Unix(path.into())));
    }
    if address.parse::<Ipv6Addr>().is_ok() {
        let family = AddressFamily::Any;
        return Ok(Some(ServerAddress::Tcp { host: address.to_owned(), port: DEFAULT_PORT, family }));
    }
    let families = [("tcp:", AddressFamily::V4), ("tcp4:", AddressFamily::V4), ("tcp6:", AddressFamily::V6)];
    let (rest, family) = families
        .iter()
        .find_map(|(prefix, family)| Some((address.strip_prefix(prefix)?, *family)))
        .unwrap_or((address, AddressFamily::Any));
    let (host, port) = host_and_port(rest, word)?;
    let literal = host.parse::<Ipv6Addr>().is_ok() && address.starts_with("tcp:");
    let family = if literal { AddressFamily::V6 } else { family };
    Ok(Some(ServerAddress::Tcp { host: host.to_owned(), port, family }))
}

fn host_and_port<'a>(text: &'a str, word: &str) -> Result<(&'a str, u16), AddressError> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let bracket = || AddressError::Bracket { address: word.to_owned() };
        let (host, tail) = rest.split_once(']').ok_or_else(bracket)?;
        let port = if tail.is_empty() { None } else { Some(tail.strip_prefix(':').ok_or_else(bracket)?) };
        (host, port)
    } else {
        text.rsplit_once(':').map_or((text, None), |(host, port)| (host, Some(port)))
    };
    let port = match port {
        None => DEFAULT_PORT,
        Some(text) => match crate::config::parse_unsigned(text).and_then(|port| u16::try_from(port).ok()) {
            None => return Err(AddressError::Port { address: word.to_owned(), port: text.to_owned() }),
            Some(0) => DEFAULT_PORT,
            Some(port) => port,
        },
    };
    if host.is_empty() {
        return Err(AddressError::NoHost { address: word.to_owned() });
    }
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: &str = "3d1219c7c4c5404aaa1f6d2a48adfda4";

    fn one(text: &str) -> Result<ServerAddress, AddressError> {
        let mut servers = ServerAddress::parse_list(text, ID)?;
        assert_eq!(servers.len(), 1);
        Ok(servers.remove(0))
    }

    fn tcp(host: &str, port: u16, family: AddressFamily) -> ServerAddress {
        ServerAddress::Tcp { host: host.to_owned(), port, family }
    }

    #[test]
    fn every_form_is_read() {
        use AddressFamily::{Any, V4, V6};
        for (text, server) in [
            ("/run/native", ServerAddress::Unix("/run/native".into())),
            ("unix:/run/native", ServerAddress::Unix("/run/native".into())),
            ("unix:native", ServerAddress::Unix("native".into())),
            ("{3d1219c7c4c5404aaa1f6d2a48adfda4}/run/native", ServerAddress::Unix("/run/native".into())),
            ("host", tcp("host", 4713, Any)),
            ("host:1", tcp("host", 1, Any)),
            ("host:0", tcp("host", 4713, Any)),
            ("host:0x10", tcp("host", 16, Any)),
            ("tcp:host", tcp("host", 4713, V4)),
            ("tcp4:host:65535", tcp("host", 65535, V4)),
            ("tcp6:host", tcp("host", 4713, V6)),
            ("tcp6:[::1]", tcp("::1", 4713, V6)),
            ("tcp:[::1]:4000", tcp("::1", 4000, V6)),
            ("[fe80::1]:4000", tcp("fe80::1", 4000, Any)),
            ("[host]", tcp("host", 4713, Any)),
            ("::1", tcp("::1", 4713, Any)),
            ("127.0.0.1", tcp("127.0.0.1", 4713, Any)),
            ("  host\t", tcp("host", 4713, Any)),
        ] {
            assert_eq!(one(text).unwrap(), server, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let address = |text: &str| text.to_owned();
        for (text, error) in [
            ("", AddressError::Empty),
            (" \n", AddressError::Empty),
            ("unix:", AddressError::NoPath { address: address("unix:") }),
            ("tcp:", AddressError::NoHost { address: address("tcp:") }),
            (":4713", AddressError::NoHost { address: address(":4713") }),
            ("[]:1", AddressError::NoHost { address: address("[]:1") }),
            ("[::1", AddressError::Bracket { address: address("[::1") }),
            ("[::1]4713", AddressError::Bracket { address: address("[::1]4713") }),
            ("tcp:h:", AddressError::Port { address: address("tcp:h:"), port: String::new() }),
            ("h:65536", AddressError::Port { address: address("h:65536"), port: address("65536") }),
            ("h:-1", AddressError::Port { address: address("h:-1"), port: address("-1") }),
            ("{3d12", AddressError::MachineId { address: address("{3d12") }),
        ] {
            assert_eq!(one(text).unwrap_err(), error, "{text}");
        }
        let foreign = one("{3d12}host").unwrap_err();
        assert_eq!(
            foreign.to_string(),
            format!(
                "all of `{{3d12}}host` is for other machines than this one ({ID}): add an address without {{…}}"
            )
        );
    }

    #[test]
    fn the_next_address_is_taken_where_one_is_of_no_use() {
        let parsed = parse_list("h:x {other}/a {3d12}/b /c", "3d12").unwrap();
        assert_eq!(parsed.servers, [ServerAddress::Unix("/b".into()), ServerAddress::Unix("/c".into())]);
        assert_eq!(parsed.malformed, [AddressError::Port { address: "h:x".into(), port: "x".into() }]);
    }

    #[test]
    fn a_literal_address_resolves_by_itself() {
        let found = one("[::1]:4000").unwrap().resolve().unwrap();
        assert_eq!(found, ["[::1]:4000".parse().unwrap()]);
        let error = one("tcp6:127.0.0.1").unwrap().resolve().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(one("/run/native").unwrap().resolve().unwrap().is_empty());
    }

    #[test]
    fn a_host_called_as_a_prefix_is_printed_so_that_it_stays_one() {
        let server = tcp("tcp", 1, AddressFamily::Any);
        assert_eq!(server.to_string(), "[tcp]:1");
        assert_eq!(one("[tcp]:1").unwrap(), server);
    }

    proptest! {
        #[test]
        fn anything_is_an_address_or_an_error(text in ".*") {
            if let Ok(parsed) = parse_list(&text, ID) {
                for server in parsed.servers {
                    prop_assert!(!server.to_string().is_empty());
                }
            }
        }

        #[test]
        fn what_is_printed_is_read_again(
            host in "[a-z][a-z0-9.-]{0,20}|[0-9a-f]{1,4}::[0-9a-f]{1,4}", port in 1u16..,
            family in prop::sample::select(vec![AddressFamily::Any, AddressFamily::V4, AddressFamily::V6]),
        ) {
            let server = ServerAddress::Tcp { host, port, family };
            prop_assert_eq!(one(&server.to_string()).unwrap(), server);
        }
    }
}
