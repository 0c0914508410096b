//! Which access is for which address.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::config::{Config, ConfigError};
use super::{Access, Reach};
use crate::clock::Clock;
use crate::tls::Trust;

const CONNECT: Duration = Duration::from_secs(10);

/// All accesses of a section, each for its own address only.
#[derive(Debug, Clone, Default)]
pub struct Accesses(Vec<(Reach, Arc<Access>)>);

/// Why the accesses cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Unmade {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("cannot prepare HTTPS for logins: {0}")]
    Http(#[from] reqwest::Error),
}

impl Accesses {
    /// Nothing is asked for yet. `trust` holds for login servers.
    pub fn new(configs: &[Config], trust: &Trust, clock: &Arc<dyn Clock>) -> Result<Self, Unmade> {
        if configs.is_empty() {
            return Ok(Self::default());
        }
        let builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            // Secrets go to the address that is written, not to whatever the environment names.
            .no_proxy()
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT);
        let http = trust.apply(builder)?.build()?;
        let parsed = Config::parse_all(configs)?;
        let bind = |(reach, way): (Reach, _)| {
            let access = Access::new(Config::name(reach.url()), way, http.clone(), Arc::clone(clock));
            (reach, Arc::new(access))
        };
        Ok(Self(parsed.into_iter().map(bind).collect()))
    }

    /// The one for an address: where several cover it, the one that says most exactly where.
    pub fn of(&self, url: &Url) -> Option<&Arc<Access>> {
        let covering = self.0.iter().filter(|(reach, _)| reach.covers(url));
        covering.max_by_key(|(reach, _)| reach.depth()).map(|(_, access)| access)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Reach, &Arc<Access>)> {
        self.0.iter().map(|(reach, access)| (reach, access))
    }
}
