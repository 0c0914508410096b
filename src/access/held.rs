//! What is shown, for as long as it is good.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use metrics::counter;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::error::{Cause, Denied};
use super::{Credential, Way, client_credentials, lifetime, mosip};
use crate::clock::Clock;

/// One way of being let in, and what it gave last.
///
/// One login is under way at a time; who asks meanwhile gets what comes of it, good or bad. After a failure it is for the caller to
/// wait before asking again: an account can be locked by asking.
#[derive(Debug)]
pub struct Access {
    /// As people find it in the configuration.
    name: String,
    way: Way,
    http: reqwest::Client,
    clock: Arc<dyn Clock>,
    held: Mutex<Held>,
    /// Logins that are over.
    over: AtomicU64,
}

#[derive(Debug, Default)]
struct Held {
    credential: Option<Credential>,
    /// From when on another is to be had; unset: never.
    stale_at: Option<Instant>,
    /// What became of the last login.
    failed: Option<Denied>,
}

impl Held {
    fn fresh(&self) -> Option<&Credential> {
        let is_stale = self.stale_at.is_some_and(|at| at <= Instant::now());
        self.credential.as_ref().filter(|_| !is_stale)
    }
}

impl Access {
    /// `name` is how errors call it; `http` must follow no redirect.
    pub fn new(name: String, way: Way, http: reqwest::Client, clock: Arc<dyn Clock>) -> Self {
        Self { name, way, http, clock, held: Mutex::default(), over: AtomicU64::new(0) }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn way(&self) -> &Way {
        &self.way
    }

    /// What to show; logs in if nothing good is held.
    pub async fn credential(&self) -> Result<Credential, Denied> {
        self.other_than(None).await
    }

    /// What to show after a server answered 401 to this one. Asks for another only once, however many calls met the same 401.
    pub async fn renew(&self, refused: &Credential) -> Result<Credential, Denied> {
        if self.way.login().is_none() {
            return Err(self.not_let_in(401));
        }
        self.other_than(Some(refused)).await
    }

    /// What there is to say when a server does not let in who shows what is held.
    pub fn not_let_in(&self, status: u16) -> Denied {
        self.denied(Cause::NotLetIn { status, keys: self.way.keys() })
    }

    fn denied(&self, cause: Cause) -> Denied {
        Denied { access: self.name.clone(), cause }
    }

    async fn other_than(&self, refused: Option<&Credential>) -> Result<Credential, Denied> {
        let over = self.over.load(Ordering::Acquire);
        let mut held = self.held.lock().await;
        let is_refused = |credential: &&Credential| refused.is_some_and(|refused| refused.number == credential.number);
        if let Some(credential) = held.fresh().filter(|credential| !is_refused(credential)) {
            return Ok(credential.clone());
        }
        if self.over.load(Ordering::Acquire) != over
            && let Some(denied) = &held.failed
        {
            return Err(denied.clone());
        }
        held.credential = None;
        let got = self.log_in().await;
        let number = self.over.fetch_add(1, Ordering::AcqRel);
        match got {
            Ok((mut credential, lifetime)) => {
                credential.number = number;
                *held = Held {
                    credential: Some(credential.clone()),
                    stale_at: lifetime.map(|lifetime| Instant::now() + lifetime),
                    failed: None,
                };
                Ok(credential)
            }
            Err(cause) => {
                let denied = self.denied(cause);
                held.failed = Some(denied.clone());
                Err(denied)
            }
        }
    }

    /// What to show, and how long, if not for ever.
    async fn log_in(&self) -> Result<(Credential, Option<Duration>), Cause> {
        let now = self.clock.now();
        let (token, expires_in, show): (_, _, fn(&_) -> _) = match &self.way {
            Way::Bearer { token } => return fixed(Credential::bearer(token), "token"),
            Way::Basic { username, password } => return fixed(Credential::basic(username, password), "password"),
            Way::Mosip { login_url, app_id, client_id, secret_key } => {
                let login = mosip::Login { login_url, app_id, client_id, secret_key };
                (self.count(mosip::log_in(&self.http, &login, now).await)?, None, Credential::cookie)
            }
            Way::ClientCredentials { token_url, client_id, client_secret, scope } => {
                let scope = scope.as_deref();
                let login = client_credentials::Login { token_url, client_id, client_secret, scope };
                let (token, expires_in) = self.count(client_credentials::log_in(&self.http, &login).await)?;
                (token, expires_in, Credential::bearer)
            }
        };
        let lifetime = lifetime::usable(token.expose(), expires_in, now);
        tracing::debug!(access = self.name, usable_seconds = lifetime.as_secs(), "logged in");
        let credential = show(&token).ok_or(Cause::Strange { key: "the login server" })?;
        Ok((credential, Some(lifetime)))
    }

    fn count<T>(&self, outcome: Result<T, Cause>) -> Result<T, Cause> {
        let result = match &outcome {
            Ok(_) => "accepted",
            Err(Cause::Refused { .. }) => "refused",
            Err(_) => "failed",
        };
        counter!("omc_logins_total", "result" => result).increment(1);
        outcome
    }
}

/// The configuration was checked: this does not fail.
fn fixed(credential: Option<Credential>, key: &'static str) -> Result<(Credential, Option<Duration>), Cause> {
    Ok((credential.ok_or(Cause::Strange { key })?, None))
}
