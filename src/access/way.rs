//! The ways of being let in.

use url::Url;

use crate::seal::Personal;

/// One way, with everything that it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// A login at MOSIP's authmanager with client id and secret key; the token goes as a cookie (MOSIP 1.1.5 documentation,
    /// "AuthN and AuthZ APIs").
    Mosip {
        /// Where MOSIP is, without `/v1/authmanager`.
        login_url: Url,
        app_id: String,
        client_id: String,
        secret_key: Personal<String>,
    },
    /// A token for client credentials (RFC 6749, section 4.4), as Keycloak gives it; it goes as a bearer.
    ClientCredentials { token_url: Url, client_id: String, client_secret: Personal<String>, scope: Option<String> },
    /// A token that does not change.
    Bearer { token: Personal<String> },
    /// HTTP Basic (RFC 7617).
    Basic { username: String, password: Personal<String> },
}

impl Way {
    /// Where it logs in, if it does.
    pub fn login(&self) -> Option<&Url> {
        match self {
            Self::Mosip { login_url, .. } => Some(login_url),
            Self::ClientCredentials { token_url, .. } => Some(token_url),
            Self::Bearer { .. } | Self::Basic { .. } => None,
        }
    }

    /// The keys of the configuration that a refusal may lie in.
    pub(super) fn keys(&self) -> &'static str {
        match self {
            Self::Mosip { .. } => "client_id and secret_key",
            Self::ClientCredentials { .. } => "client_id and client_secret",
            Self::Bearer { .. } => "token",
            Self::Basic { .. } => "username and password",
        }
    }
}
