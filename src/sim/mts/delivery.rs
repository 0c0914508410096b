//! Delivers the results of a request to its callback URL.
//!
//! Whatever the receiver answers is as good as any other answer; the first call that gets none ends the delivery.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use reqwest::Method;
use tokio_util::sync::CancellationToken;

use super::callback_properties::{CallbackProperties, Login};
use super::csv_text::CsvWriter;
use super::json::{self, double, text};
use super::ledger::Working;
use super::line::{Crash, Line};
use super::sender::{Body, Call, Failed, Headers, Reply};
use super::simulator::Simulator;
use super::token_request::{Output, TokenRequest};

/// How a delivery ended early.
#[derive(Debug)]
pub enum End {
    Failed,
    Crash,
}

impl From<Failed> for End {
    fn from(_: Failed) -> Self {
        Self::Failed
    }
}

impl From<Crash> for End {
    fn from(_: Crash) -> Self {
        Self::Crash
    }
}

/// A delivery in progress.
pub struct Delivery<'d> {
    pub simulator: &'d Arc<Simulator>,
    /// The end of the process that delivers.
    pub stop: &'d CancellationToken,
    pub request: &'d TokenRequest,
    pub properties: &'d CallbackProperties,
    pub lines: &'d [Line],
    pub working: &'d Arc<Working>,
}

impl Delivery<'_> {
    pub async fn run(&self) -> Result<(), End> {
        match self.request.output {
            Output::Json => {
                let login = self.log_in().await?;
                if self.properties.in_bulk {
                    let body = self.bulk()?;
                    self.call(Body::Json(body), login.as_ref(), None).await?;
                } else {
                    for (i, line) in self.lines.iter().enumerate() {
                        let value = line.formatted(&self.request.format, self.simulator.options.release)?;
                        let body = match value {
                            jaq_json::Val::Null => Body::None,
                            value => Body::Json(json::dumps(&value)),
                        };
                        self.call(body, login.as_ref(), Some(i)).await?;
                    }
                }
                self.log_out(login.as_ref()).await?;
            }
            Output::Csv => {
                let body = self.form()?;
                let login = self.log_in().await?;
                self.call(body, login.as_ref(), None).await?;
                self.log_out(login.as_ref()).await?;
            }
        }
        Ok(())
    }

    fn bulk(&self) -> Result<String, Crash> {
        let mut out = String::from("[");
        for (i, line) in self.lines.iter().enumerate() {
            out.push_str(if i == 0 { "" } else { ", " });
            json::write(&line.formatted(&self.request.format, self.simulator.options.release)?, &mut out);
        }
        out.push(']');
        Ok(out)
    }

    fn form(&self) -> Result<Body, End> {
        let mut csv = CsvWriter::default();
        for line in self.lines {
            let value = line.formatted(&self.request.format, self.simulator.options.release)?;
            csv.row(&value).map_err(|_| End::Failed)?;
        }
        let boundary = uuid::Uuid::new_v4().simple().to_string();
        let name = self.properties.file_name.replace('"', "%22").replace(['\r', '\n'], " ");
        // Python reads the file back as text, which turns every end of line into a line feed.
        let csv = csv.finish().replace("\r\n", "\n").replace('\r', "\n");
        let body = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{name}\"\r\n\r\n{csv}\r\n--{boundary}--\r\n"
        );
        Ok(Body::Other(body, format!("multipart/form-data; boundary={boundary}")))
    }

    async fn log_in(&self) -> Result<Option<Reply>, Failed> {
        let sender = &self.simulator.sender;
        let mut headers = Headers::default();
        match &self.properties.login {
            Login::None | Login::StaticBearer(_) => Ok(None),
            Login::Odoo { url, database, username, password, extra_headers } => {
                headers.extend(extra_headers)?;
                let mut body = String::from(r#"{"jsonrpc": "2.0", "params": {"db": "#);
                json::write_text(database, &mut body);
                body.push_str(r#", "login": "#);
                json::write_text(username, &mut body);
                body.push_str(r#", "password": "#);
                json::write_text(password, &mut body);
                body.push_str("}}");
                let call =
                    Call { method: Method::GET, url: url.clone(), headers, body: Body::Json(body), timeout: None };
                sender.send(&call).await.map(Some)
            }
            Login::OAuth { url, form, extra_headers } => {
                headers.extend(extra_headers)?;
                let body = match form.is_empty() {
                    true => Body::None,
                    false => {
                        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
                        Body::Other(form, "application/x-www-form-urlencoded".to_owned())
                    }
                };
                let url = url.clone().ok_or(Failed)?;
                sender.send(&Call { method: Method::POST, url, headers, body, timeout: None }).await.map(Some)
            }
        }
    }

    async fn log_out(&self, login: Option<&Reply>) -> Result<(), Failed> {
        let (Login::Odoo { url, extra_headers, .. }, Some(login)) = (&self.properties.login, login) else {
            return Ok(());
        };
        let mut headers = Headers::default();
        headers.extend(extra_headers)?;
        cookies(login, &mut headers);
        // A trailing slash goes together with the letter before it.
        let cut = if url.ends_with('/') { url.get(..url.len() - 2).unwrap_or_default() } else { url };
        let base = cut.rsplit_once('/').map_or("", |(base, _)| base);
        let url = format!("{base}/logout");
        let call = Call { method: Method::GET, url, headers, body: Body::None, timeout: None };
        self.simulator.sender.send(&call).await.map(|_| ())
    }

    async fn call(&self, body: Body, login: Option<&Reply>, line: Option<usize>) -> Result<(), Failed> {
        let properties = self.properties;
        let mut headers = Headers::default();
        match (&properties.login, login) {
            (Login::Odoo { .. }, Some(login)) => cookies(login, &mut headers),
            (Login::OAuth { .. }, Some(login)) => {
                let renewed;
                let login = match login.ok && !self.expired(login)? {
                    true => login,
                    false => {
                        renewed = self.log_in().await?.ok_or(Failed)?;
                        &renewed
                    }
                };
                headers.set("Authorization", format!("Bearer {}", access_token(login)?));
            }
            (Login::StaticBearer(token), _) => headers.set("Authorization", format!("Bearer {token}")),
            _ => {}
        }
        headers.extend(&properties.extra_headers)?;
        let method = properties.method.to_ascii_uppercase();
        if !["GET", "OPTIONS", "HEAD", "POST", "PUT", "PATCH", "DELETE"].contains(&method.as_str()) {
            return Err(Failed);
        }
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| Failed)?;
        let timeout = Some(properties.timeout_seconds);
        self.dispatch(Call { method, url: properties.url.clone(), headers, body, timeout }, line).await
    }

    /// Sends a callback, or does with it what the faults ask for.
    async fn dispatch(&self, call: Call, line: Option<usize>) -> Result<(), Failed> {
        let faults = self.simulator.faults();
        let dice = &self.simulator.dice;
        if faults.delay_callbacks_ms > 0 {
            tokio::time::sleep(faults.callback_delay()).await;
        }
        let told = move |working: &Working| match line {
            Some(line) => working.told(line),
            None => working.all_told(),
        };
        if dice.hit(faults.drop_callbacks) {
            told(self.working);
            return Ok(());
        }
        let repeat = dice.hit(faults.repeat_callbacks);
        if dice.hit(faults.reorder_callbacks) {
            let (simulator, working) = (self.simulator.clone(), self.working.clone());
            let wait = std::time::Duration::from_millis(20 + dice.below(400));
            tokio::spawn(self.stop.clone().run_until_cancelled_owned(async move {
                tokio::time::sleep(wait).await;
                told(&working);
                for _ in 0..=u8::from(repeat) {
                    simulator.callbacks_sent.fetch_add(1, Ordering::Relaxed);
                    _ = simulator.sender.send(&call).await;
                }
            }));
            return Ok(());
        }
        told(self.working);
        self.simulator.callbacks_sent.fetch_add(1, Ordering::Relaxed);
        self.simulator.sender.send(&call).await?;
        if repeat {
            self.simulator.callbacks_sent.fetch_add(1, Ordering::Relaxed);
            _ = self.simulator.sender.send(&call).await;
        }
        Ok(())
    }

    /// Looks at `exp` in the token's payload, which is decoded without the padding that JWTs leave out: most real tokens fail here.
    fn expired(&self, login: &Reply) -> Result<bool, Failed> {
        let token = access_token(login)?;
        let payload = token.split('.').nth(1).ok_or(Failed)?;
        let payload = python_b64decode(payload).ok_or(Failed)?;
        let payload = json::parse(&payload).map_err(|_| Failed)?;
        match json::member(&payload, "exp") {
            Some(jaq_json::Val::Num(exp)) => {
                Ok(self.simulator.clock.now().timestamp_micros() as f64 / 1e6 >= double(exp))
            }
            _ => Err(Failed),
        }
    }
}

fn access_token(login: &Reply) -> Result<String, Failed> {
    let answer = json::parse(&login.body).map_err(|_| Failed)?;
    json::member(&answer, "access_token").and_then(text).map(str::to_owned).ok_or(Failed)
}

fn cookies(login: &Reply, headers: &mut Headers) {
    if !login.cookies.is_empty() {
        let pairs: Vec<String> = login.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        headers.set("Cookie", pairs.join("; "));
    }
}

/// Python's `urlsafe_b64decode`: letters that are none are skipped, padding must be there, left-over bits are ignored.
fn python_b64decode(text: &str) -> Option<Vec<u8>> {
    let engine =
        GeneralPurpose::new(&alphabet::URL_SAFE, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));
    let kept: String = text.chars().filter(|c| c.is_ascii_alphanumeric() || "-_=".contains(*c)).collect();
    engine.decode(kept).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_only_what_is_padded() {
        assert_eq!(python_b64decode("eyJhIjoxfQ==").as_deref(), Some(&br#"{"a":1}"#[..]));
        assert_eq!(python_b64decode("eyJhIjoxfQ"), None);
        assert_eq!(python_b64decode("eyJhIjoxMX0g").as_deref(), Some(&br#"{"a":11} "#[..]));
    }
}
