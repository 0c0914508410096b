//! The request by which MTS pulls submissions from an ODK Central (its API page: "POST /authtoken/odk").

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use super::envelope::Wanted;
use crate::domain::odk::{Form, Window};
use crate::seal::Personal;

/// What MTS is to pull, and how to read it. MTS is told the password, as it logs in itself.
#[derive(Clone)]
pub struct Pull<'a> {
    pub form: &'a Form,
    pub window: Window,
    pub mapping: Value,
    pub language: &'a str,
    pub delivery: &'a Wanted,
    /// As release 1.0.1 wants it: with ODK Central's bare host, which it asks by https, and with a window that begins after the
    /// time that it is given.
    pub older: bool,
}

/// ODK's dates are no finer.
const FINEST: TimeDelta = TimeDelta::milliseconds(1);

/// The host and port of an address that release 1.0.1 can ask: by https, and with no path.
pub fn bare_host(base_url: &str) -> Option<&str> {
    base_url.strip_prefix("https://").filter(|rest| !rest.contains('/'))
}

impl Pull<'_> {
    /// The body of the POST.
    pub(super) fn body(&self, now: DateTime<Utc>) -> Personal<Value> {
        let Form { base_url, project, form, email, password, .. } = self.form;
        let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
        let bare = bare_host(base_url).filter(|_| self.older);
        let Window { begin, end } = self.window;
        // One in which nothing can be stays so.
        let begin = if self.older && begin < end { begin - FINEST } else { begin };
        let mut request = json!({
            "mapping": self.mapping, "lang": self.language,
            "odkconfig": {
                "baseurl": bare.unwrap_or(base_url), "version": "v1", "email": email.0, "password": password.0,
                "projectid": project, "formid": form, "startdate": time(begin), "enddate": time(end),
            },
        });
        match self.delivery {
            Wanted::Download(form) => {
                request["output"] = json!(form.name());
                request["deliverytype"] = json!("download");
            }
            Wanted::Callback { address, output_format } => {
                request["output"] = json!("json");
                request["deliverytype"] = json!("callback");
                request["callbackProperties"] = address.properties();
                if let Some(format) = output_format {
                    request["outputFormat"] = json!(format);
                }
            }
        }
        Personal::new(json!({
            "id": "omc.authtoken", "version": "1.0", "metadata": "", "requesttime": time(now), "request": request,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::delivery::FileForm;
    use crate::domain::opaque::Secret;

    #[test]
    fn each_release_is_asked_in_its_own_way_for_the_same_window() {
        let form = Form {
            base_url: "https://odk.example.org:8443".to_owned(),
            project: "7".to_owned(),
            form: "x".to_owned(),
            email: Secret("a@example.org".to_owned()),
            password: Secret("geheim".to_owned()),
            begin: None,
        };
        let window =
            Window { begin: DateTime::UNIX_EPOCH + TimeDelta::days(1), end: DateTime::UNIX_EPOCH + TimeDelta::days(2) };
        let asked = |window: Window, older| {
            let delivery = &Wanted::Download(FileForm::Json);
            let pull = Pull { form: &form, window, mapping: json!({"vid": "vid"}), language: "eng", delivery, older };
            let config = pull.body(DateTime::UNIX_EPOCH).expose()["request"]["odkconfig"].clone();
            [config["baseurl"].clone(), config["startdate"].clone(), config["enddate"].clone()]
        };
        let end = "1970-01-03T00:00:00.000Z";
        assert_eq!(asked(window, false), ["https://odk.example.org:8443", "1970-01-02T00:00:00.000Z", end]);
        assert_eq!(asked(window, true), ["odk.example.org:8443", "1970-01-01T23:59:59.999Z", end]);
        for older in [false, true] {
            let [_, begin, end] = asked(window.nothing(), older);
            assert_eq!(begin, end, "nothing can be in it, however fine the dates are");
        }
        for unreachable in ["http://odk.example.org", "https://example.org/odk"] {
            assert_eq!(bare_host(unreachable), None);
        }
    }
}
