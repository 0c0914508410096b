//! Pulls records from an ODK Central, as `POST /authtoken/odk` does.

use jaq_json::Val;
use reqwest::Method;

use super::Release;
use super::fields::{Fields, NO_DICT};
use super::json::{self, text, truthy};
use super::refusal::Refusal;
use super::sender::{Body, Call, Headers, Sender};

/// Where an ODK Central is, and what to pull from it.
pub struct OdkConfig {
    pub odata_url: Option<String>,
    pub base_url: String,
    pub version: String,
    pub project: Option<String>,
    pub form: Option<String>,
    pub email: String,
    pub password: String,
    pub start: Option<String>,
    pub end: Option<String>,
}

impl OdkConfig {
    /// Reads the `odkconfig` of a request; its faults go to the request's.
    pub fn read(fields: &mut Fields) -> Option<Self> {
        let value = fields.required("odkconfig")?;
        let Some(mut inner) = Fields::of(&value) else {
            fields.fault(NO_DICT);
            return None;
        };
        let odata_url = inner.optional_text("odataurl");
        let base_url = inner.required_text("baseurl");
        let version = inner.text_or("version", "v1");
        let project = inner.optional_text("projectid");
        let form = inner.optional_text("formid");
        let email = inner.required_text("email");
        let password = inner.required_text("password");
        let start = inner.optional_text("startdate");
        let end = inner.optional_text("enddate");
        fields.faults.append(&mut inner.faults);
        let (base_url, email, password) = (base_url?, email?, password?);
        Some(Self { odata_url, base_url, version, project, form, email, password, start, end })
    }
}

pub async fn pull(config: &OdkConfig, release: Release, sender: &Sender) -> Result<Vec<Val>, Refusal> {
    let given = |value: &str, code: &str, message: &str| match value.is_empty() {
        true => Err(Refusal::bad(code, message)),
        false => Ok(()),
    };
    given(&config.base_url, "ATS-REQ-18", "no odk baseurl provided")?;
    given(&config.email, "ATS-REQ-19", "no email provided")?;
    given(&config.password, "ATS-REQ-20", "no password provided")?;
    let version = if config.version.is_empty() { "v1" } else { &config.version };
    let older = release == Release::V1_0_1;
    if let Some(port) = port(&config.base_url).filter(|port| older && port.parse::<u16>().is_err()) {
        return Err(Refusal::broken(format!("nonnumeric port: '{port}'")));
    }
    let scheme = if older { "https://" } else { "" };
    let base = format!("{scheme}{}/{version}", config.base_url);

    let mut login = String::from(r#"{"email": "#);
    json::write_text(&config.email, &mut login);
    login.push_str(r#", "password": "#);
    json::write_text(&config.password, &mut login);
    login.push('}');
    let session = ask(sender, Method::POST, format!("{base}/sessions"), Headers::default(), Body::Json(login)).await?;
    let token = json::member(&session, "token").and_then(text).ok_or_else(|| Refusal::broken("'token'"))?;

    let url = match config.odata_url.as_deref().filter(|url| !url.is_empty()) {
        Some(url) if older => format!("{url}/Submissions"),
        Some(url) => url.to_owned(),
        None => {
            let project = config.project.as_deref().unwrap_or_default();
            given(project, "ATS-REQ-21", "no odk project id provided")?;
            let form = config.form.as_deref().unwrap_or_default();
            given(form, "ATS-REQ-22", "no odk form id provided")?;
            format!("{base}/projects/{project}/forms/{form}.svc/Submissions")
        }
    };
    let set = |value: &Option<String>| value.clone().filter(|v| !v.is_empty());
    let url = match set(&config.start).zip(set(&config.end)) {
        None => url,
        Some((start, end)) => {
            let joint = if url.contains('?') && !older { '&' } else { '?' };
            let from = if older { "gt" } else { "ge" };
            let date = "__system/submissionDate";
            format!("{url}{joint}$filter={date}%20{from}%20{start}%20and%20{date}%20lt%20{end}")
        }
    };
    let mut headers = Headers::default();
    headers.set("Authorization", format!("Bearer {token}"));
    let found = ask(sender, Method::GET, url, headers, Body::None).await?;
    match json::member(&found, "value") {
        Some(Val::Arr(records)) if !records.is_empty() => Ok(records.to_vec()),
        Some(value) if truthy(value) => Err(Refusal::broken("no list of submissions")),
        _ => Err(Refusal::bad("ATS-REQ-23", "no submissions found for odk pull")),
    }
}

/// What follows the last colon of a host, as release 1.0.1 reads it: it wants no scheme.
fn port(host: &str) -> Option<&str> {
    host.rsplit_once(':').map(|(_, port)| port)
}

async fn ask(sender: &Sender, method: Method, url: String, headers: Headers, body: Body) -> Result<Val, Refusal> {
    let place = url::Url::parse(&url).ok();
    let reply = sender.send(&Call { method, url, headers, body, timeout: None }).await.map_err(|_| {
        let (pool, host, port, path) = match &place {
            Some(u) => (
                if u.scheme() == "https" { "HTTPS" } else { "HTTP" },
                u.host_str().unwrap_or_default(),
                u.port_or_known_default().unwrap_or_default(),
                u.path(),
            ),
            None => ("HTTP", "", 0, ""),
        };
        Refusal::broken(format!(
            "{pool}ConnectionPool(host='{host}', port={port}): Max retries exceeded with url: {path} (Caused by NewConnectionError)"
        ))
    })?;
    json::parse(&reply.body).map_err(|fault| match fault {
        json::Fault::Syntax(message) => Refusal::broken(message),
        json::Fault::Unreadable => Refusal::broken("unreadable answer"),
    })
}
