//! The request MTS wants (its API page: "POST /authtoken/json").

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::{Map, Value, json};
use url::Url;

use crate::domain::connector::CallbackMethod;
use crate::domain::delivery::FileForm;
use crate::seal::Personal;

/// Where MTS is to deliver results.
#[derive(Clone)]
pub struct CallbackAddress {
    pub url: Url,
    pub method: CallbackMethod,
    /// Whole seconds, for each call.
    pub timeout_seconds: u64,
    pub extra_headers: Vec<(String, String)>,
    pub credentials: Credentials,
    /// One call for all results of a batch, or one for each.
    pub in_bulk: bool,
}

/// Headers can hold a gateway's keys: only their number is shown.
impl std::fmt::Debug for CallbackAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallbackAddress")
            .field("url", &self.url.as_str())
            .field("extra_headers", &self.extra_headers.len())
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

/// What MTS shows at the receiver. Made by OMC for its own receiver: MTS keeps them in clear.
#[derive(Debug, Clone)]
pub enum Credentials {
    StaticBearer(Personal<String>),
    Odoo {
        auth_url: Url,
        database: String,
        username: String,
        password: Personal<String>,
    },
    /// MTS fetches an access token at `auth_url`, by client credentials (RFC 6749, section 4.4).
    Oauth {
        auth_url: Url,
        client_id: String,
        client_secret: Personal<String>,
    },
    None,
}

/// How the results are to come.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// Called in, in the form that the output format makes.
    Callback { address: Box<CallbackAddress>, output_format: Option<String> },
    /// As a file. In MTS's own form: release 1.0.1 does not look at an output format.
    Download(FileForm),
}

/// One batch, ready to go.
#[derive(Debug, Clone)]
pub struct Submission {
    pub mapping: Value,
    pub language: String,
    pub delivery: Wanted,
    pub records: Vec<Personal<Map<String, Value>>>,
}

#[derive(Serialize)]
struct Envelope<'a> {
    id: &'static str,
    version: &'static str,
    /// Must be a text.
    metadata: &'static str,
    requesttime: String,
    request: Request<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    output: &'static str,
    #[serde(rename = "deliverytype")]
    delivery_type: &'static str,
    mapping: &'a Value,
    lang: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_format: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_properties: Option<Value>,
    authdata: Vec<&'a Map<String, Value>>,
}

impl Submission {
    /// The body of the POST.
    pub(super) fn body(&self, now: DateTime<Utc>) -> Result<Vec<u8>, serde_json::Error> {
        let (output, delivery_type, output_format, callback_properties) = match &self.delivery {
            Wanted::Callback { address, output_format } => {
                ("json", "callback", output_format.as_deref(), Some(address.properties()))
            }
            Wanted::Download(form) => (form.name(), "download", None, None),
        };
        serde_json::to_vec(&Envelope {
            id: "omc.authtoken",
            version: "1.0",
            metadata: "",
            // MTS takes a fraction and `Z`, and nothing else.
            requesttime: now.to_rfc3339_opts(SecondsFormat::Millis, true),
            request: Request {
                output,
                delivery_type,
                mapping: &self.mapping,
                lang: &self.language,
                output_format,
                callback_properties,
                authdata: self.records.iter().map(Personal::expose).collect(),
            },
        })
    }
}

impl CallbackAddress {
    pub(super) fn properties(&self) -> Value {
        let headers: Map<String, Value> =
            self.extra_headers.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
        let mut properties = json!({
            "url": self.url.as_str(),
            "httpMethod": self.method,
            "extraHeaders": headers,
            "timeoutSeconds": self.timeout_seconds,
            "callInBulk": self.in_bulk,
        });
        match &self.credentials {
            Credentials::StaticBearer(token) => {
                properties["authType"] = json!("staticBearer");
                properties["authStaticBearer"] = json!({ "token": token.expose() });
            }
            Credentials::Odoo { auth_url, database, username, password } => {
                properties["authType"] = json!("odoo");
                properties["authOdoo"] = json!({
                    "authUrl": auth_url.as_str(),
                    "database": database,
                    "username": username,
                    "password": password.expose(),
                });
            }
            Credentials::Oauth { auth_url, client_id, client_secret } => {
                properties["authType"] = json!("oauth");
                properties["authOauth"] = json!({
                    "authUrl": auth_url.as_str(),
                    "clientId": client_id,
                    "clientSecret": client_secret.expose(),
                });
            }
            Credentials::None => properties["authType"] = json!("none"),
        }
        properties
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(credentials: Credentials) -> Value {
        let url = Url::parse("http://omc.example:8100/callback/4").unwrap();
        let method = CallbackMethod::Post;
        CallbackAddress { url, method, timeout_seconds: 10, extra_headers: Vec::new(), credentials, in_bulk: true }
            .properties()
    }

    #[test]
    fn names_each_way_of_showing_who_it_is_as_mts_does() {
        let auth_url = Url::parse("http://omc.example:8100/oauth/token").unwrap();
        let secret = || Personal::new("secret".to_owned());
        let odoo = properties(Credentials::Odoo {
            auth_url: auth_url.clone(),
            database: "omc".to_owned(),
            username: "omc-4".to_owned(),
            password: secret(),
        });
        assert_eq!(odoo["authType"], "odoo");
        let expected = json!({"authUrl": auth_url, "database": "omc", "username": "omc-4", "password": "secret"});
        assert_eq!(odoo["authOdoo"], expected);
        let client_id = "omc-4".to_owned();
        let oauth = properties(Credentials::Oauth { auth_url: auth_url.clone(), client_id, client_secret: secret() });
        assert_eq!(oauth["authType"], "oauth");
        // With a user name MTS would ask for another grant.
        assert_eq!(oauth["authOauth"], json!({"authUrl": auth_url, "clientId": "omc-4", "clientSecret": "secret"}));
        let none = properties(Credentials::None);
        assert_eq!(none["authType"], "none");
        assert!(none.as_object().unwrap().keys().all(|key| key == "authType" || !key.starts_with("auth")), "{none}");
    }

    #[test]
    fn has_every_key_that_mts_asks_for() {
        let submission = Submission {
            mapping: json!({"vid": "vid"}),
            language: "eng".to_owned(),
            delivery: Wanted::Callback {
                address: Box::new(CallbackAddress {
                    url: Url::parse("http://omc.example:8100/callback/4").unwrap(),
                    method: CallbackMethod::Put,
                    timeout_seconds: 10,
                    extra_headers: vec![("X-Site".to_owned(), "north".to_owned())],
                    credentials: Credentials::StaticBearer(Personal::new("secret".to_owned())),
                    in_bulk: true,
                }),
                output_format: Some(".output".to_owned()),
            },
            records: vec![Personal::new(Map::from_iter([("vid".to_owned(), json!("2045"))]))],
        };
        assert!(!format!("{submission:?}").contains("secret") && !format!("{submission:?}").contains("2045"));
        let body: Value = serde_json::from_slice(&submission.body(DateTime::UNIX_EPOCH).unwrap()).unwrap();
        assert_eq!(
            body,
            json!({
                "id": "omc.authtoken", "version": "1.0", "metadata": "", "requesttime": "1970-01-01T00:00:00.000Z",
                "request": {
                    "output": "json", "deliverytype": "callback", "mapping": {"vid": "vid"}, "lang": "eng",
                    "outputFormat": ".output", "authdata": [{"vid": "2045"}],
                    "callbackProperties": {
                        "url": "http://omc.example:8100/callback/4", "httpMethod": "PUT", "timeoutSeconds": 10,
                        "extraHeaders": {"X-Site": "north"}, "callInBulk": true, "authType": "staticBearer",
                        "authStaticBearer": {"token": "secret"},
                    },
                },
            })
        );
    }

    #[test]
    fn a_download_has_nothing_that_an_older_release_does_not_know() {
        let record = Map::from_iter([("vid".to_owned(), json!("2045"))]);
        let submission = Submission {
            mapping: json!({"vid": "vid"}),
            language: "eng".to_owned(),
            delivery: Wanted::Download(FileForm::Csv),
            records: vec![Personal::new(record)],
        };
        let body: Value = serde_json::from_slice(&submission.body(DateTime::UNIX_EPOCH).unwrap()).unwrap();
        assert_eq!(
            body["request"],
            json!({"output": "csv", "deliverytype": "download", "mapping": {"vid": "vid"}, "lang": "eng",
                   "authdata": [{"vid": "2045"}]})
        );
    }
}
