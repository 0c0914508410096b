//! One entry of a list such as `[[mts.access]]`.

use serde::Deserialize;
use url::Url;

use super::reach::is_of_this_machine;
use super::{Credential, Reach, Way};
use crate::seal::Personal;

/// Keys that hold a secret. Each may also be given as `<key>_file`. Secrets are read by the configuration layer alone.
pub const SECRETS: [&str; 4] = ["secret_key", "client_secret", "token", "password"];

/// An entry as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where it is shown, and below: scheme, host, port and the beginning of the path.
    pub url: Url,
    pub kind: Kind,
    /// `mosip`: where MOSIP is, without `/v1/authmanager`.
    pub login_url: Option<Url>,
    /// `mosip`.
    pub app_id: Option<String>,
    /// `mosip`, `client_credentials`.
    pub client_id: Option<String>,
    /// `client_credentials`.
    pub token_url: Option<Url>,
    /// `client_credentials`; need not be set.
    pub scope: Option<String>,
    /// `basic`.
    pub username: Option<String>,
    /// Set by the configuration layer.
    #[serde(skip)]
    pub secret: Option<Given>,
}

/// A secret, under the key that it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    pub key: &'static str,
    pub value: Personal<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Mosip,
    ClientCredentials,
    Bearer,
    Basic,
}

/// What is wrong with an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{entry}: {problem}")]
pub struct ConfigError {
    pub entry: String,
    pub problem: Problem,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("{0} is not set")]
    Missing(&'static str),
    #[error("{0} is not for this kind")]
    Superfluous(&'static str),
    #[error("{0} must be an http or https address without a user, a query and a fragment")]
    BadAddress(&'static str),
    #[error("{0} is empty, or holds what no header can hold")]
    Useless(&'static str),
    #[error("username must not hold a colon")]
    Colon,
    #[error("there are two entries for this url")]
    Twice,
}

impl Config {
    /// How errors and `omc check` call the entry for an address.
    pub(super) fn name(url: &Url) -> String {
        format!("[[mts.access]] for {url}")
    }

    /// Whether all entries are right.
    pub fn check(all: &[Self]) -> Result<(), ConfigError> {
        Self::parse_all(all).map(drop)
    }

    pub(super) fn parse_all(all: &[Self]) -> Result<Vec<(Reach, Way)>, ConfigError> {
        let mut parsed: Vec<(Reach, Way)> = Vec::new();
        for config in all {
            let wrong = |problem| ConfigError { entry: Self::name(&without_user(&config.url)), problem };
            let (reach, way) = config.parse().map_err(wrong)?;
            if parsed.iter().any(|(other, _)| other.covers(reach.url()) && reach.covers(other.url())) {
                return Err(wrong(Problem::Twice));
            }
            parsed.push((reach, way));
        }
        Ok(parsed)
    }

    /// Where it is shown, and what it takes.
    pub fn parse(&self) -> Result<(Reach, Way), Problem> {
        let reach = Reach::of(&self.url).ok_or(Problem::BadAddress("url"))?;
        let texts = [
            ("app_id", &self.app_id, self.kind == Kind::Mosip),
            ("client_id", &self.client_id, matches!(self.kind, Kind::Mosip | Kind::ClientCredentials)),
            ("scope", &self.scope, self.kind == Kind::ClientCredentials),
            ("username", &self.username, self.kind == Kind::Basic),
        ];
        let addresses = [
            ("login_url", &self.login_url, self.kind == Kind::Mosip),
            ("token_url", &self.token_url, self.kind == Kind::ClientCredentials),
        ];
        for (key, value, is_for_it) in texts {
            match value.as_deref() {
                Some(_) if !is_for_it => return Err(Problem::Superfluous(key)),
                Some("") => return Err(Problem::Useless(key)),
                _ => {}
            }
        }
        for (key, value, is_for_it) in addresses {
            match value {
                Some(_) if !is_for_it => return Err(Problem::Superfluous(key)),
                Some(url) if Reach::of(url).is_none() => return Err(Problem::BadAddress(key)),
                _ => {}
            }
        }
        let way = match self.kind {
            Kind::Mosip => Way::Mosip {
                login_url: must("login_url", &self.login_url)?,
                app_id: must("app_id", &self.app_id)?,
                client_id: must("client_id", &self.client_id)?,
                secret_key: self.secret("secret_key")?,
            },
            Kind::ClientCredentials => Way::ClientCredentials {
                token_url: must("token_url", &self.token_url)?,
                client_id: must("client_id", &self.client_id)?,
                client_secret: self.secret("client_secret")?,
                scope: self.scope.clone(),
            },
            Kind::Bearer => {
                let token = self.secret("token")?;
                Credential::bearer(&token).ok_or(Problem::Useless("token"))?;
                Way::Bearer { token }
            }
            Kind::Basic => {
                let (username, password) = (must("username", &self.username)?, self.secret("password")?);
                if username.contains(':') {
                    return Err(Problem::Colon);
                }
                Credential::basic(&username, &password).ok_or(Problem::Useless("password"))?;
                Way::Basic { username, password }
            }
        };
        Ok((reach, way))
    }

    fn secret(&self, key: &'static str) -> Result<Personal<String>, Problem> {
        match &self.secret {
            None => Err(Problem::Missing(key)),
            Some(given) if given.key != key => Err(Problem::Superfluous(given.key)),
            Some(given) if given.value.expose().is_empty() => Err(Problem::Useless(key)),
            Some(given) => Ok(given.value.clone()),
        }
    }

    /// Keys whose address has a secret go over the network in clear, to another machine than this one.
    pub fn in_clear(&self) -> Vec<&'static str> {
        let addresses =
            [("url", Some(&self.url)), ("login_url", self.login_url.as_ref()), ("token_url", self.token_url.as_ref())];
        let open = addresses.into_iter().filter(|(_, url)| url.is_some_and(is_open));
        open.map(|(key, _)| key).collect()
    }
}

fn must<T: Clone>(key: &'static str, value: &Option<T>) -> Result<T, Problem> {
    value.clone().ok_or(Problem::Missing(key))
}

fn is_open(url: &Url) -> bool {
    url.scheme() == "http" && !is_of_this_machine(url)
}

/// What may be told of an address.
fn without_user(url: &Url) -> Url {
    let mut url = url.clone();
    // An address that has no place for a user has none.
    _ = url.set_username("");
    _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn entry(value: Value, secret: Option<(&'static str, &str)>) -> Config {
        let config: Config = serde_json::from_value(value).unwrap();
        Config { secret: secret.map(|(key, value)| Given { key, value: Personal::new(value.to_owned()) }), ..config }
    }

    fn told(value: Value, secret: Option<(&'static str, &str)>) -> String {
        Config::check(&[entry(value, secret)]).map_or_else(|error| error.to_string(), |()| "right".to_owned())
    }

    fn with(base: &Value, key: &str, value: Value) -> Value {
        let mut entry = base.clone();
        entry[key] = value;
        entry
    }

    #[test]
    fn each_kind_takes_its_own_keys() {
        let url = "https://mts.example";
        let mosip =
            json!({"url": url, "kind": "mosip", "login_url": "https://mosip.example", "app_id": "a", "client_id": "c"});
        let oauth =
            json!({"url": url, "kind": "client_credentials", "token_url": "https://iam.example/t", "client_id": "c"});
        let basic = json!({"url": url, "kind": "basic", "username": "u"});
        let bearer = json!({"url": url, "kind": "bearer"});
        for (value, secret) in
            [(&mosip, "secret_key"), (&oauth, "client_secret"), (&basic, "password"), (&bearer, "token")]
        {
            assert_eq!(told(value.clone(), Some((secret, "sesame"))), "right");
            let missing = told(value.clone(), None);
            assert!(
                missing.contains("[[mts.access]] for https://mts.example/") && missing.contains(secret),
                "{missing}"
            );
            assert!(told(value.clone(), Some((secret, ""))).contains(secret));
            for key in ["login_url", "app_id", "client_id", "token_url", "username"] {
                let mut without = value.clone();
                if without.as_object_mut().unwrap().remove(key).is_some() {
                    assert!(told(without, Some((secret, "x"))).contains(&format!("{key} is not set")), "{key}");
                } else {
                    let more = with(value, key, json!("https://x.example"));
                    assert!(told(more, Some((secret, "x"))).contains(&format!("{key} is not for this kind")), "{key}");
                }
            }
        }
        assert!(told(bearer.clone(), Some(("password", "x"))).contains("password is not for this kind"));
        assert!(told(bearer, Some(("token", "a b"))).contains("token is empty, or"));
        assert!(told(with(&basic, "username", json!("a:b")), Some(("password", "x"))).contains("colon"));
    }

    #[test]
    fn addresses_bind_and_are_bound_once() {
        let token = Some(("token", "x"));
        let bearer = |url: &str| json!({"url": url, "kind": "bearer"});
        let wrong = told(bearer("https://omc:sesame@mts.example/?k=sesame"), token);
        assert!(wrong.contains("url must be") && !wrong.contains("sesame"), "{wrong}");
        let two = |one, other| Config::check(&[entry(bearer(one), token), entry(bearer(other), token)]);
        assert!(two("https://mts.example", "https://mts.example:443/").is_err());
        assert!(two("https://mts.example", "https://mts.example/north").is_ok());
        assert!(serde_json::from_value::<Config>(with(&bearer("https://x.example"), "nonsense", json!(1))).is_err());
    }

    #[test]
    fn what_goes_in_clear_is_known() {
        let entry = |url: &str, login: &str| {
            let value = json!({"url": url, "kind": "mosip", "login_url": login, "app_id": "a", "client_id": "c"});
            entry(value, None).in_clear()
        };
        assert_eq!(entry("http://127.0.0.1:1", "http://localhost:2"), Vec::<&str>::new());
        assert_eq!(entry("http://[::1]:1", "https://mosip.example"), Vec::<&str>::new());
        assert_eq!(entry("http://mts.example", "http://10.0.0.1"), ["url", "login_url"]);
    }

    #[test]
    fn no_secret_is_printed() {
        let entry = entry(json!({"url": "https://mts.example", "kind": "bearer"}), Some(("token", "sesame")));
        assert!(!format!("{entry:?} {:?}", entry.parse()).contains("sesame"));
    }
}
