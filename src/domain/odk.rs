//! ODK Central as a source of auth data: MTS itself pulls a form's submissions (MTS: `POST /authtoken/odk`).

mod cursor;

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use url::Url;

use super::batch::Batch;
use super::opaque::Secret;
pub use cursor::{Cursor, Held, Passed, Reading};

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

/// Submissions of a time: from its begin to before its end, by ODK's clock. Whole milliseconds, as ODK's dates are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    pub begin: DateTime<Utc>,
    pub end: DateTime<Utc>,
}

impl Window {
    /// One in which nothing can be: whether MTS is let in at ODK shows all the same.
    pub fn nothing(self) -> Self {
        Self { end: self.begin, ..self }
    }
}

/// A window that MTS has taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pulled {
    pub window: Window,
    pub batch: Batch,
}

impl Form {
    /// Which form it is, whoever reads it.
    pub fn place(&self) -> String {
        format!("{}/projects/{}/forms/{}", self.base_url, self.project, self.form)
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
    fn a_form_shows_nobodys_login() {
        let form = Form {
            base_url: "https://odk.example.org".to_owned(),
            project: "7".to_owned(),
            form: "x".to_owned(),
            email: Secret("a@example.org".to_owned()),
            password: Secret("geheim".to_owned()),
            begin: None,
        };
        let shown = format!("{form:?} {}", form.place());
        assert!(!shown.contains("geheim") && !shown.contains("a@example.org"), "{shown}");
    }

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
}
