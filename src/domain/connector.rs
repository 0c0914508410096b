//! A connector: one administrator's definition of whom to take, what to send, when, and how results come back.
//!
//! A [`Connector`] is made only by [`super::definition::parse`], from what Odoo holds, and is then right in every field.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;

use super::delivery::Delivery;
use super::elsewhere::Elsewhere;
use super::expression::Expression;
use super::filter::Filter;
use super::identity::{ConnectorId, IdTypeId};
use super::mapping::{Mandatory, Mapping};
use super::odk::Form;
use super::registrant_field::SelectedField;
use super::timetable::Timetable;

/// Which Odoo model a definition comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Model {
    /// `omc.connector`, from OMC's own addon.
    Omc,
    /// `mts.connector`, from OpenG2P's addon as it ships.
    Stock,
}

impl Model {
    /// The model's name in Odoo.
    pub fn name(self) -> &'static str {
        match self {
            Self::Omc => "omc.connector",
            Self::Stock => "mts.connector",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Omc, Self::Stock].into_iter().find(|model| model.name() == name)
    }
}

/// Whether the administrator wants the connector to work now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activity {
    /// Runs by its timetable, and by hand.
    Started,
    /// Sends nothing new; what MTS holds is still written.
    Stopped,
}

/// How MTS shows that it may call OMC's receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallbackAuth {
    /// `authType: odoo`: a login at the receiver, then a session cookie.
    Odoo,
    /// `authType: staticBearer`.
    StaticBearer,
    /// `authType: oauth`: an access token, fetched at the receiver with client credentials.
    Oauth,
    /// `authType: none`: by nothing. Only where the daemon's configuration allows it.
    None,
}

/// The HTTP method of the callback; MTS sends the JSON body with each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum CallbackMethod {
    Post,
    Put,
    Patch,
    Get,
}

/// What MTS is told about calling back. Credentials are not here: OMC makes its own.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Callback {
    pub auth: CallbackAuth,
    pub method: CallbackMethod,
    /// MTS's limit for one call, whole seconds above zero.
    pub timeout: Duration,
    /// Sent by MTS with each callback; names and values are plain header text.
    pub extra_headers: Vec<(String, String)>,
}

/// Headers can hold a gateway's keys: only their number is shown.
impl std::fmt::Debug for Callback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Callback")
            .field("auth", &self.auth)
            .field("method", &self.method)
            .field("timeout", &self.timeout)
            .field("extra_headers", &self.extra_headers.len())
            .finish()
    }
}

/// Where auth data come from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// Registrants whom the filter takes.
    #[default]
    Registry,
    /// Submissions, which MTS pulls. Filter, fields and formats mean nothing then.
    Odk(Box<Form>),
}

/// A definition that is right in every field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Connector {
    pub id: ConnectorId,
    pub model: Model,
    pub name: String,
    pub activity: Activity,
    /// Base URL of MTS; `http` or `https`. Its path has no trailing slash, a bare host's excepted, where a URL has one by its
    /// nature.
    pub mts_url: Url,
    /// Definitions that were kept by earlier releases do not say.
    #[serde(default)]
    pub input: Input,
    pub timetable: Timetable,
    /// Whom to take: an Odoo domain over `res.partner`.
    pub filter: Filter,
    /// Fields of the registrant that are read for each record, each once.
    pub fields: Vec<SelectedField>,
    pub mapping: Mapping,
    /// Which of the mapped values MTS will not do without.
    pub mandatory: Mandatory,
    /// Reshapes the record before mapping (jq).
    pub input_format: Option<Expression>,
    /// What of MTS's answer is kept for the registry (jq, evaluated by MTS, or by OMC where the answer is a download).
    pub output_format: Option<Expression>,
    /// MOSIP language, three letters.
    pub language: String,
    /// Definitions that were kept by earlier releases do not say.
    #[serde(default)]
    pub delivery: Delivery,
    /// Of no use with a download.
    pub callback: Callback,
    /// With [`Delivery::Elsewhere`], and only then.
    #[serde(default)]
    pub elsewhere: Option<Elsewhere>,
    pub vid_type: IdTypeId,
    pub token_type: IdTypeId,
    /// Whether the VID leaves the registry once the token is there.
    pub remove_vid: bool,
    /// Records in one POST, 1 or more; unset takes the daemon's own.
    pub batch_size: Option<u32>,
    /// Cut off the front of phone numbers, as digits with `+`.
    pub phone_country_code: Option<String>,
    /// Registrant fields that the output format may set.
    pub value_fields: BTreeSet<String>,
}

impl Connector {
    /// The form whose submissions MTS pulls, if it is no connector of registrants.
    pub fn odk(&self) -> Option<&Form> {
        match &self.input {
            Input::Registry => None,
            Input::Odk(form) => Some(form),
        }
    }

    /// The names of the fields that are read.
    pub fn field_names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|field| field.name.as_str())
    }

    /// Everything that decides whom a run takes and what of them is sent, as one stable text: when it changes, what was
    /// looked at before must be looked at again.
    pub fn pull_digest_source(&self) -> String {
        let fields: BTreeSet<&str> = self.field_names().collect();
        json!({
            "mapping": self.mapping.to_json(),
            "mandatory": self.mandatory,
            "fields": fields,
            "filter": self.filter.terms(),
            "input_format": self.input_format.as_ref().map(Expression::source),
            "phone_country_code": self.phone_country_code,
            "types": [self.vid_type, self.token_type],
        })
        .to_string()
    }
}
