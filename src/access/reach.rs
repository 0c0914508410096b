//! Where an access may be shown.

use url::{Host, Url};

/// An address and everything below it: the same scheme, host and port, and a path that begins with the same segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach(Url);

impl Reach {
    /// `None`: not http or https, or with a user, a query or a fragment, which bind nothing.
    pub fn of(url: &Url) -> Option<Self> {
        let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        let http = matches!(url.scheme(), "http" | "https") && url.fragment().is_none();
        (plain && http).then(|| Self(url.clone()))
    }

    pub fn url(&self) -> &Url {
        &self.0
    }

    /// Whether an address lies in it.
    pub fn covers(&self, url: &Url) -> bool {
        self.0.scheme() == url.scheme()
            && self.0.host() == url.host()
            && self.0.port_or_known_default() == url.port_or_known_default()
            && self
                .segments()
                .zip(segments(url).map(Some).chain(std::iter::repeat(None)))
                .all(|(own, its)| Some(own) == its)
    }

    /// How exactly it says where: of two that cover an address, the one that says more is meant.
    pub fn depth(&self) -> usize {
        self.segments().count()
    }

    fn segments(&self) -> impl Iterator<Item = &str> {
        segments(&self.0)
    }
}

/// Without the empty one that a slash at the end leaves.
fn segments(url: &Url) -> impl Iterator<Item = &str> {
    url.path().split('/').filter(|segment| !segment.is_empty())
}

/// Whether what is sent to an address stays on this machine.
pub fn is_of_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(reach: &str, url: &str) -> bool {
        Reach::of(&Url::parse(reach).unwrap()).unwrap().covers(&Url::parse(url).unwrap())
    }

    #[test]
    fn only_the_same_server_and_below_the_same_path() {
        for (reach, url) in [
            ("https://mts.example", "https://mts.example/"),
            ("https://mts.example", "https://MTS.example:443/a/b"),
            ("https://mts.example/mts", "https://mts.example/mts/authtoken/json"),
            ("https://mts.example/mts/", "https://mts.example/mts"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ] {
            assert!(covers(reach, url), "{reach} {url}");
        }
        for (reach, url) in [
            ("https://mts.example", "http://mts.example/"),
            ("https://mts.example", "https://mts.example:8443/"),
            ("https://mts.example", "https://mts.example.evil.example/"),
            ("https://mts.example", "https://mts.example@evil.example/"),
            ("https://mts.example", "https://sub.mts.example/"),
            ("https://mts.example/mts", "https://mts.example/mtsx"),
            ("https://mts.example/mts", "https://mts.example/mts/../other"),
            ("https://mts.example/mts", "https://mts.example/mts/%2e%2e/other"),
            ("https://mts.example/mts", "https://mts.example/"),
        ] {
            assert!(!covers(reach, url), "{reach} {url}");
        }
    }

    #[test]
    fn what_binds_nothing_is_refused() {
        for wrong in ["ftp://x.example", "https://u@x.example", "https://x.example/?a", "https://x.example/#a"] {
            assert_eq!(Reach::of(&Url::parse(wrong).unwrap()), None, "{wrong}");
        }
    }
}
