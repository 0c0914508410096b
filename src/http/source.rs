//! Where a call comes from.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The address of a caller, as far as it tells one from another: of IPv6 its network, of which one caller has all addresses.
/// Behind a proxy all callers are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Source(IpAddr);

impl From<SocketAddr> for Source {
    fn from(address: SocketAddr) -> Self {
        Self(match address.ip().to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (!0 << 64))),
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(f, "{address}"),
            IpAddr::V6(network) => write!(f, "{network}/64"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_caller_is_one_source() {
        let source = |text: &str| Source::from(text.parse::<SocketAddr>().unwrap()).to_string();
        assert_eq!(source("192.0.2.7:80"), "192.0.2.7");
        assert_eq!(source("[::ffff:192.0.2.7]:81"), "192.0.2.7");
        assert_eq!(source("[2001:db8:1:2:3:4:5:6]:80"), "2001:db8:1:2::/64");
    }
}
