//! A connector whose results go to an address that is not OMC's: an API of the registry, say, that writes the tokens itself.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

use super::opaque::Secret;

/// Where MTS is to deliver, one call for each record, and how it shows that it may.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elsewhere {
    pub url: Url,
    pub login: Login,
}

/// The administrator's own credentials, which MTS keeps in clear (its `callbackProperties`).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Login {
    /// `authType: none`; what is needed may stand in an extra header.
    None,
    /// `authType: staticBearer`.
    StaticBearer { token: Secret },
    /// `authType: odoo`: a login before each delivery, then a session cookie.
    Odoo { auth_url: Url, database: String, username: String, password: Secret },
    /// `authType: oauth`, by client credentials.
    Oauth { auth_url: Url, client_id: String, client_secret: Secret },
}

/// Paths and queries can hold keys: only the host is shown.
impl fmt::Debug for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Elsewhere({}, {:?})", self.host(), self.login)
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::StaticBearer { .. } => "StaticBearer(..)",
            Self::Odoo { .. } => "Odoo(..)",
            Self::Oauth { .. } => "Oauth(..)",
        })
    }
}

impl Elsewhere {
    /// What may be told of the address.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }
}
