//! Single calls to Odoo: the login, and `execute_kw`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tokio::time::Instant;
use tracing::debug;
use url::Url;

use super::config::{Config, ConfigError};
use super::error::Error;
use super::fault;
use super::transport::{MAX_ANSWER, Transport};
use super::wire;
use super::xml;

/// Refused logins in a row before attempts are spaced out.
const LOGIN_ATTEMPTS: u32 = 3;
/// The space between attempts then. Odoo itself does not slow down logins over XML-RPC, but each costs it about a second.
const LOGIN_PAUSE: Duration = Duration::from_secs(60);
/// `version` and `authenticate` take a second on a slow machine; waiting longer helps nobody.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(30);
/// Larger answers are decoded away from the threads that serve the network.
const DECODE_INLINE: usize = 256 * 1024;

/// Calls one database of one Odoo as one user. Logs in at the first call and again after the login was lost. Never repeats
/// a call by itself: whoever calls knows whether that is safe.
pub struct Client {
    transport: Transport,
    common: Url,
    object: Url,
    database: String,
    username: String,
    password: SecretString,
    timeout: Duration,
    login: Mutex<Login>,
    /// Counts refused logins, so that those who waited for one share its outcome.
    refusals: AtomicU64,
}

#[derive(Default)]
struct Login {
    uid: Option<u32>,
    refused_in_a_row: u32,
    paused_until: Option<Instant>,
}

/// An answer and the server's time when it was given.
pub(super) struct Answered {
    pub value: Value,
    pub server_time: Option<DateTime<Utc>>,
}

impl Client {
    /// Checks the configuration and prepares; connects to nothing yet.
    ///
    /// The process must have installed a rustls provider.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        let base = config.base()?;
        if config.database.is_empty() {
            return Err(ConfigError::Missing("database"));
        }
        if config.username.is_empty() {
            return Err(ConfigError::Missing("username"));
        }
        let password = config.password.clone().filter(|password| !password.expose_secret().is_empty());
        let password = password.ok_or(ConfigError::Missing("password (or password_file)"))?;
        if config.timeout.is_zero() {
            return Err(ConfigError::Zero("timeout"));
        }
        let endpoint = |service: &str| base.join(&format!("xmlrpc/2/{service}")).map_err(|_| ConfigError::NotHttp);
        Ok(Self {
            transport: Transport::new(&base, &config.trust()?, MAX_ANSWER)?,
            common: endpoint("common")?,
            object: endpoint("object")?,
            database: config.database.clone(),
            username: config.username.clone(),
            password,
            timeout: config.timeout.as_duration(),
            login: Mutex::default(),
            refusals: AtomicU64::new(0),
        })
    }

    /// Odoo's version, such as `17.0`; needs no login.
    pub async fn version(&self) -> Result<String, Error> {
        let answer = self.call(&self.common, "version", Vec::new(), self.timeout.min(LOGIN_TIMEOUT)).await?;
        match answer.value.get("server_version") {
            Some(Value::String(version)) => Ok(version.chars().filter(|c| c.is_ascii_graphic()).take(40).collect()),
            _ => Err(wire::unexpected("version", "server_version")),
        }
    }

    /// The user's id, from a login that is kept: one attempt serves all who wait for it. After three refusals in a row,
    /// attempts are a minute apart and [`Error::LoginPaused`] answers between them.
    pub async fn authenticate(&self) -> Result<u32, Error> {
        let seen = self.refusals.load(Ordering::SeqCst);
        let mut login = self.login.lock().await;
        if let Some(uid) = login.uid {
            return Ok(uid);
        }
        if self.refusals.load(Ordering::SeqCst) > seen {
            return Err(Error::LoginRefused);
        }
        if let Some(left) = login.paused_until.and_then(|until| until.checked_duration_since(Instant::now()))
            && !left.is_zero()
        {
            return Err(Error::LoginPaused { in_a_row: login.refused_in_a_row, seconds: left.as_secs() + 1 });
        }
        let params = vec![
            Value::from(self.database.as_str()),
            Value::from(self.username.as_str()),
            Value::from(self.password.expose_secret()),
            Value::Object(Map::new()),
        ];
        let answer = self.call(&self.common, "authenticate", params, self.timeout.min(LOGIN_TIMEOUT)).await?;
        match answer.value {
            Value::Bool(false) => {
                login.refused_in_a_row = login.refused_in_a_row.saturating_add(1);
                self.refusals.fetch_add(1, Ordering::SeqCst);
                if login.refused_in_a_row >= LOGIN_ATTEMPTS {
                    login.paused_until = Some(Instant::now() + LOGIN_PAUSE);
                }
                Err(Error::LoginRefused)
            }
            value => {
                let uid = wire::id(&value).ok_or(wire::unexpected("authenticate", "the user's id"))?;
                *login = Login { uid: Some(uid), ..Login::default() };
                Ok(uid)
            }
        }
    }

    /// Calls a method of a model, with positional and named arguments. See "External API" in Odoo's documentation.
    pub async fn execute_kw(
        &self,
        model: &str,
        method: &str,
        args: Vec<Value>,
        kwargs: Map<String, Value>,
    ) -> Result<Value, Error> {
        Ok(self.execute_timed(model, method, args, kwargs).await?.value)
    }

    /// As [`Self::execute_kw`], with the server's time.
    pub(super) async fn execute_timed(
        &self,
        model: &str,
        method: &str,
        args: Vec<Value>,
        kwargs: Map<String, Value>,
    ) -> Result<Answered, Error> {
        let uid = self.authenticate().await?;
        let params = vec![
            Value::from(self.database.as_str()),
            Value::from(uid),
            Value::from(self.password.expose_secret()),
            Value::from(model),
            Value::from(method),
            Value::Array(args),
            Value::Object(kwargs),
        ];
        let started = Instant::now();
        let answer = self.call(&self.object, "execute_kw", params, self.timeout).await;
        let milliseconds = started.elapsed().as_millis() as u64;
        match &answer {
            Ok(Answered { value: Value::Array(records), .. }) => {
                debug!(model, method, records = records.len(), milliseconds, "odoo answered");
            }
            Ok(_) => debug!(model, method, milliseconds, "odoo answered"),
            Err(error) => debug!(model, method, milliseconds, %error, "odoo failed"),
        }
        if matches!(answer, Err(Error::AccessDenied)) {
            let mut login = self.login.lock().await;
            // Another task may have logged in anew meanwhile.
            if login.uid == Some(uid) {
                login.uid = None;
            }
        }
        answer
    }

    async fn call(
        &self,
        url: &Url,
        method: &'static str,
        params: Vec<Value>,
        timeout: Duration,
    ) -> Result<Answered, Error> {
        let document = xml::write::call(method, params)?;
        let reply = self.transport.post(url, document, timeout).await?;
        let server_time = reply.server_time;
        match decode(reply.body).await? {
            xml::read::Answer::Value(value) => Ok(Answered { value, server_time }),
            xml::read::Answer::Fault(fault) => Err(fault::classify(&fault)),
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("object", &self.object.as_str())
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

async fn decode(body: Vec<u8>) -> Result<xml::read::Answer, Error> {
    if body.len() <= DECODE_INLINE {
        return Ok(xml::read::answer(&body)?);
    }
    match tokio::task::spawn_blocking(move || xml::read::answer(&body)).await {
        Ok(answer) => Ok(answer?),
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down.
            Err(_) => Err(Error::Interrupted(super::error::Interrupted::Closed)),
        },
    }
}

#[cfg(test)]
#[path = "client_test.rs"]
mod tests;
