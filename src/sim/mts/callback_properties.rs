//! The `callbackProperties` of a request.

use jaq_json::Val;

use super::fields::{Fields, NO_DICT};
use super::json::{text, truthy};
use super::refusal::Refusal;

/// How results are called back, as the client wrote it: an odd method, header or scheme shows only when the call is made.
pub struct CallbackProperties {
    pub url: String,
    pub method: String,
    pub extra_headers: Val,
    pub timeout_seconds: i64,
    pub in_bulk: bool,
    pub file_name: String,
    pub login: Login,
}

/// How MTS identifies itself at the receiver.
pub enum Login {
    None,
    Odoo { url: String, database: String, username: String, password: String, extra_headers: Val },
    OAuth { url: Option<String>, form: Vec<(&'static str, String)>, extra_headers: Val },
    StaticBearer(String),
}

impl CallbackProperties {
    /// The faults of the model go to `faults`; MTS's own checks end at once.
    pub fn read(value: &Val, faults: &mut Vec<String>) -> Result<Option<Self>, Refusal> {
        let Some(mut fields) = Fields::of(value) else {
            faults.push(NO_DICT.to_owned());
            return Ok(None);
        };
        let url = url(&mut fields, "url", true);
        let method = fields.text_or("httpMethod", "POST");
        let extra_headers = fields.dict_or_empty("extraHeaders");
        let timeout_seconds = fields.int_or("timeoutSeconds", 10);
        let in_bulk = fields.flag_or("callInBulk", false);
        let file_name = fields.text_or("requestFileName", "");
        let login = login(&mut fields)?;
        let read = url.zip(login).filter(|_| fields.faults.is_empty());
        faults.append(&mut fields.faults);
        Ok(read.map(|(url, login)| Self { url, method, extra_headers, timeout_seconds, in_bulk, file_name, login }))
    }
}

fn login(fields: &mut Fields) -> Result<Option<Login>, Refusal> {
    let kind = match fields.get("authType") {
        None => "none".to_owned(),
        Some(value) => text(value).unwrap_or_default().to_owned(),
    };
    if !["none", "odoo", "oauth", "staticBearer"].contains(&kind.as_str()) {
        return Err(Refusal::bad("ATS-REQ-027", "unsupported authType in CallbackProperties"));
    }
    let mut chosen = (kind == "none").then_some(Login::None);
    // All three are checked, whichever is used.
    let readers: [(&str, &str, &str, Reader); 3] = [
        ("odoo", "authOdoo", "ATS-REQ-028", odoo),
        ("oauth", "authOauth", "ATS-REQ-029", oauth),
        ("staticBearer", "authStaticBearer", "ATS-REQ-030", bearer),
    ];
    for (name, key, code, read) in readers {
        let value = fields.get(key).cloned().unwrap_or_default();
        if kind == name && !truthy(&value) {
            return Err(Refusal::bad(code, format!("{key} cannot be empty for authType {name}")));
        }
        if matches!(value, Val::Null) {
            continue;
        }
        let Some(mut inner) = Fields::of(&value) else {
            fields.fault(NO_DICT);
            continue;
        };
        let login = read(&mut inner)?;
        fields.faults.append(&mut inner.faults);
        if kind == name {
            chosen = login;
        }
    }
    Ok(chosen)
}

type Reader = fn(&mut Fields) -> Result<Option<Login>, Refusal>;

fn odoo(fields: &mut Fields) -> Result<Option<Login>, Refusal> {
    let empty =
        |code: &str, what: &str| Refusal::bad(code, format!("{what} in authOdoo, cannot be empty for authType odoo"));
    if !fields.get("authUrl").is_some_and(truthy) {
        return Err(empty("ATS-REQ-031", "authUrl"));
    }
    let url = url(fields, "authUrl", true);
    if fields.get("database").is_some_and(|v| !truthy(v)) {
        return Err(empty("ATS-REQ-033", "database"));
    }
    let database = fields.required_text("database");
    if fields.get("username").is_some_and(|v| !truthy(v)) {
        return Err(empty("ATS-REQ-032", "username"));
    }
    let username = fields.required_text("username");
    let password = fields.required_text("password");
    let extra_headers = fields.optional_dict("extraHeaders");
    let (Some(url), Some(database), Some(username), Some(password)) = (url, database, username, password) else {
        return Ok(None);
    };
    Ok(Some(Login::Odoo { url, database, username, password, extra_headers }))
}

fn oauth(fields: &mut Fields) -> Result<Option<Login>, Refusal> {
    let url = url(fields, "authUrl", false);
    let username = fields.text_or("username", "");
    let password = fields.text_or("password", "");
    let client = fields.text_or("clientId", "");
    let secret = fields.text_or("clientSecret", "");
    let extra_headers = fields.optional_dict("extraHeaders");
    let by_password = !username.is_empty();
    let mut form = Vec::new();
    if by_password {
        form.extend([("username", username), ("grant_type", "password".to_owned())]);
    }
    if !password.is_empty() {
        form.push(("password", password));
    }
    if !client.is_empty() {
        form.push(("client_id", client));
        if !by_password {
            form.push(("grant_type", "client_credentials".to_owned()));
        }
    }
    if !secret.is_empty() {
        form.push(("client_secret", secret));
    }
    Ok(Some(Login::OAuth { url, form, extra_headers }))
}

fn bearer(fields: &mut Fields) -> Result<Option<Login>, Refusal> {
    if fields.get("token").is_some_and(|v| !truthy(v)) {
        let said = "token in authStaticBearer cannot be empty for authType staticBearer";
        return Err(Refusal::bad("ATS-REQ-034", said));
    }
    Ok(fields.required_text("token").map(Login::StaticBearer))
}

/// A URL of any scheme, kept as it was written.
fn url(fields: &mut Fields, key: &str, required: bool) -> Option<String> {
    let text = match required {
        true => fields.required_text(key)?,
        false => fields.optional_text(key)?,
    };
    let text = text.trim().to_owned();
    let fault = match text.split_once("://") {
        _ if text.is_empty() => "ensure this value has at least 1 characters",
        Some((scheme, rest)) if is_scheme(scheme) => match rest.split(['/', '?', '#']).next() {
            None | Some("") => "URL host invalid",
            Some(_) => return Some(text),
        },
        _ => "invalid or missing URL scheme",
    };
    fields.fault(fault);
    None
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::mts::json::parse;

    fn read(json: &str) -> Result<CallbackProperties, String> {
        let mut faults = Vec::new();
        match CallbackProperties::read(&parse(json.as_bytes()).unwrap(), &mut faults) {
            Err(refusal) => Err(refusal.errors[0].0.clone()),
            Ok(None) => Err(faults.join(", ")),
            Ok(Some(read)) => Ok(read),
        }
    }

    #[test]
    fn keeps_what_the_client_wrote() {
        let read = read(
            r#"{"url":"ftp://h/x","httpMethod":"brew","timeoutSeconds":"5","callInBulk":"true","extraHeaders":{"X":5}}"#,
        );
        let read = read.unwrap();
        assert_eq!((read.url.as_str(), read.method.as_str(), read.timeout_seconds), ("ftp://h/x", "brew", 5));
        assert!(read.in_bulk && matches!(read.login, Login::None));
    }

    #[test]
    fn checks_each_login() {
        let with = |rest: &str| read(&format!(r#"{{"url":"http://h/x",{rest}}}"#)).map(|_| ()).unwrap_err();
        assert_eq!(with(r#""authType":null"#), "ATS-REQ-027");
        assert_eq!(with(r#""authType":"odoo","authOdoo":{}"#), "ATS-REQ-028");
        assert_eq!(with(r#""authType":"oauth""#), "ATS-REQ-029");
        assert_eq!(with(r#""authType":"staticBearer","authStaticBearer":{}"#), "ATS-REQ-030");
        assert_eq!(with(r#""authOdoo":{"database":"d"}"#), "ATS-REQ-031");
        assert_eq!(
            with(r#""authType":"odoo","authOdoo":{"authUrl":"http://h","database":"","username":"u"}"#),
            "ATS-REQ-033"
        );
        assert_eq!(
            with(r#""authType":"odoo","authOdoo":{"authUrl":"http://h","database":"d","username":""}"#),
            "ATS-REQ-032"
        );
        assert_eq!(
            with(r#""authType":"odoo","authOdoo":{"authUrl":"http://h","username":"u"}"#),
            "field required, field required"
        );
        assert_eq!(with(r#""authType":"staticBearer","authStaticBearer":{"token":""}"#), "ATS-REQ-034");
        assert_eq!(read(r#"{"url":"nope"}"#).err().unwrap(), "invalid or missing URL scheme");
        assert_eq!(read(r#"{"url":"http://h","timeoutSeconds":null}"#).err().unwrap(), "none is not an allowed value");
    }

    #[test]
    fn makes_the_oauth_form_in_order() {
        let made =
            read(r#"{"url":"http://h","authType":"oauth","authOauth":{"clientId":"c","clientSecret":"s"}}"#).unwrap();
        let Login::OAuth { form, url: None, .. } = made.login else { panic!() };
        assert_eq!(form.iter().map(|(k, _)| *k).collect::<Vec<_>>(), ["client_id", "grant_type", "client_secret"]);
    }
}
