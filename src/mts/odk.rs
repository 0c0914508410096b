//! The request by which MTS pulls submissions from an ODK Central (its API page: "POST /authtoken/odk").

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::domain::delivery::FileForm;
use crate::domain::odk::{Form, Window};
use crate::seal::Personal;

/// What MTS is to pull, and how to read it. MTS is told the password, as it logs in itself.
#[derive(Clone)]
pub struct Pull<'a> {
    pub form: &'a Form,
    pub window: Window,
    pub mapping: Value,
    pub language: &'a str,
}

impl Pull<'_> {
    /// The body of the POST.
    pub(super) fn body(&self, now: DateTime<Utc>) -> Personal<Value> {
        let Form { base_url, project, form, email, password, .. } = self.form;
        let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
        Personal::new(json!({
            "id": "omc.authtoken", "version": "1.0", "metadata": "", "requesttime": time(now),
            "request": {
                "output": FileForm::Json.name(), "deliverytype": "download", "mapping": self.mapping, "lang": self.language,
                "odkconfig": {
                    "baseurl": base_url, "version": "v1", "email": email.0, "password": password.0,
                    "projectid": project, "formid": form,
                    "startdate": time(self.window.begin), "enddate": time(self.window.end),
                },
            },
        }))
    }
}
