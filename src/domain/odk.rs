//! ODK Central as a source of auth data: MTS itself pulls a form's submissions (MTS: `POST /authtoken/odk`).

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use url::Url;

use super::batch::Batch;
use super::opaque::Secret;

/// A form of an ODK Central, and who may read its submissions.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// Without a trailing slash, and without ODK's version.
    pub base_url: String,
    pub project: String,
    pub form: String,
    pub email: Secret,
    pub password: Secret,
    /// Submissions of before are not wanted.
    pub begin: Option<DateTime<Utc>>,
}

/// Who logs in, and by what, is not shown.
impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Form")
            .field("base_url", &self.base_url)
            .field("project", &self.project)
            .field("form", &self.form)
            .finish_non_exhaustive()
    }
}

/// Submissions of a time: from its begin to before its end, by ODK's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    pub begin: DateTime<Utc>,
    pub end: DateTime<Utc>,
}

/// A window that MTS has taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pulled {
    pub window: Window,
    pub batch: Batch,
}

/// How far a form is read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Everything that was submitted before has its result. Unset: nothing.
    pub read_until: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pulled: Option<Pulled>,
}

impl Cursor {
    /// The next window. It begins where the last one that gave submissions ended, less the overlap: the two clocks differ.
    pub fn window(&self, form: &Form, overlap: TimeDelta, now: DateTime<Utc>) -> Window {
        let begin = self.read_until.map(|until| until - overlap).max(form.begin);
        Window { begin: begin.unwrap_or(DateTime::UNIX_EPOCH).min(now), end: now }
    }
}

/// Project and form in the address of a form's OData service, `.../projects/P/forms/F.svc`, whatever follows.
pub fn project_and_form(odata_url: &Url) -> Option<(String, String)> {
    let segments: Vec<&str> = odata_url.path_segments()?.collect();
    let at = segments.windows(4).position(|part| part[0] == "projects" && part[2] == "forms")?;
    let (project, form) = (segments[at + 1], segments[at + 3].strip_suffix(".svc")?);
    let plain = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~%".contains(&byte))
    };
    (plain(project) && plain(form)).then(|| (project.to_owned(), form.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn project_and_form_stand_in_the_address() {
        let read = |text: &str| project_and_form(&Url::parse(text).unwrap());
        let found = Some(("7".to_owned(), "enrol-2".to_owned()));
        assert_eq!(read("https://odk.example.org/v1/projects/7/forms/enrol-2.svc"), found);
        assert_eq!(read("https://odk.example.org/v1/projects/7/forms/enrol-2.svc/Submissions?x=1"), found);
        for wrong in ["/", "/v1/projects/7/forms/enrol-2", "/v1/projects//forms/x.svc", "/projects/7/forms/.svc"] {
            assert_eq!(read(&format!("https://odk.example.org{wrong}")), None, "{wrong}");
        }
    }

    #[test]
    fn a_window_begins_before_the_last_one_ended_and_never_after_its_end() {
        let at = |minutes| DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes);
        let mut form = Form {
            base_url: "https://odk.example.org".to_owned(),
            project: "7".to_owned(),
            form: "x".to_owned(),
            email: Secret("a@example.org".to_owned()),
            password: Secret("geheim".to_owned()),
            begin: None,
        };
        let window = |cursor: &Cursor, form: &Form, now| cursor.window(form, TimeDelta::minutes(10), at(now));
        let mut cursor = Cursor::default();
        assert_eq!(window(&cursor, &form, 60), Window { begin: DateTime::UNIX_EPOCH, end: at(60) });
        form.begin = Some(at(40));
        assert_eq!(window(&cursor, &form, 60).begin, at(40));
        cursor.read_until = Some(at(60));
        assert_eq!(window(&cursor, &form, 90), Window { begin: at(50), end: at(90) });
        assert_eq!(window(&cursor, &form, 30), Window { begin: at(30), end: at(30) }, "the clock went back");
        let shown = format!("{form:?}");
        assert!(!shown.contains("geheim") && !shown.contains("a@example.org"), "{shown}");
    }
}
