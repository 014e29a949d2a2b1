//! Who may use what comes by a socket.

use std::net::IpAddr;
use std::rc::Rc;

use crate::cookie::Cookie;

/// What a client of a socket must show.
#[derive(Debug, Default)]
pub(crate) struct Access {
    /// Nothing.
    pub(crate) anonymous: bool,
    /// This cookie is enough.
    pub(crate) cookie: Option<Rc<Cookie>>,
    /// An address that is in here is enough.
    pub(crate) addresses: Option<IpAcl>,
    /// Being in this group is enough.
    pub(crate) group: Option<u32>,
    /// Whether clients are offered a srbchannel.
    pub(crate) srbchannel: bool,
}

/// Networks, as `auth-ip-acl` lists them: addresses with an optional prefix length, separated by semicolons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IpAcl(Vec<(IpAddr, u32)>);

impl IpAcl {
    pub(crate) fn parse(text: &str) -> Option<IpAcl> {
        let entry = |part: &str| {
            let (address, bits) = match part.split_once('/') {
                Some((address, bits)) => (address.parse::<IpAddr>().ok()?, Some(bits.parse::<u32>().ok()?)),
                None => (part.parse::<IpAddr>().ok()?, None),
            };
            let most = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits.unwrap_or(most);
            (bits <= most).then_some((address, bits))
        };
        text.split(';').filter(|part| !part.is_empty()).map(entry).collect::<Option<_>>().map(IpAcl)
    }

    /// Whether an address is in one of the networks; one of IPv4 that came by IPv6 counts as what it is.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|&(network, bits)| match (network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differ = network.to_bits() ^ address.to_bits();
                bits == 0 || differ >> (32 - bits) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differ = network.to_bits() ^ address.to_bits();
                bits == 0 || differ >> (128 - bits) == 0
            }
            _ => false,
        })
    }
}

/// Whether a user is in a group, by the group's list or as the user's own.
pub(crate) fn is_in_group(uid: u32, gid: u32, group: u32) -> bool {
    if gid == group {
        return true;
    }
    let Some(user) = name_of("/etc/passwd", uid) else { return false };
    let groups = std::fs::read_to_string("/etc/group").unwrap_or_default();
    groups.lines().any(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        fields.get(2).is_some_and(|number| number.parse() == Ok(group))
            && fields.get(3).is_some_and(|members| members.split(',').any(|member| member == user))
    })
}

/// The number of a group.
pub(crate) fn group_number(name: &str) -> Option<u32> {
    let groups = std::fs::read_to_string("/etc/group").unwrap_or_default();
    let line = groups.lines().find(|line| line.split(':').next() == Some(name))?;
    line.split(':').nth(2)?.parse().ok()
}

fn name_of(file: &str, number: u32) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.split(':').nth(2).is_some_and(|id| id.parse() == Ok(number)))?;
    line.split(':').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_contain_their_addresses() {
        let acl = IpAcl::parse("127.0.0.0/8;192.168.7.9;fe80::/10").unwrap();
        for (address, inside) in [
            ("127.1.2.3", true),
            ("128.0.0.1", false),
            ("192.168.7.9", true),
            ("192.168.7.8", false),
            ("fe80::1", true),
            ("2001::1", false),
            ("::ffff:127.0.0.1", true),
        ] {
            assert_eq!(acl.contains(address.parse().unwrap()), inside, "{address}");
        }
        assert!(IpAcl::parse("0.0.0.0/0").unwrap().contains("8.8.8.8".parse().unwrap()));
        for bad in ["localhost", "1.2.3.4/33", "::1/129", "1.2.3.4/x"] {
            assert_eq!(IpAcl::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn root_is_in_its_group() {
        assert_eq!(group_number("root"), Some(0));
        assert!(is_in_group(0, 0, 0));
        assert!(!is_in_group(4_000_000_000, 4_000_000_000, 0));
    }
}
