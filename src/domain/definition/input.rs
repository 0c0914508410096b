//! Where auth data come from.

use chrono::{DateTime, NaiveDateTime, Utc};
use url::Url;

use super::row::Row;
use crate::domain::connector::Input;
use crate::domain::odk::{self, Form};
use crate::domain::opaque::Secret;

pub(super) fn input(row: &mut Row<'_>) -> Option<Input> {
    let field = "input_type";
    match row.text(field) {
        Some("custom") => Some(Input::Registry),
        Some("odk") => form(row).map(|form| Input::Odk(Box::new(form))),
        _ => row.problem(field, "choose OpenG2P Registry, or ODK"),
    }
}

fn form(row: &mut Row<'_>) -> Option<Form> {
    let base_url =
        address(row, "odk_base_url", "write the address of ODK Central, for example https://odk.example.org");
    let odata = address(
        row,
        "odk_odata_url",
        "write the OData address of the form, for example https://odk.example.org/v1/projects/7/forms/enrol.svc",
    );
    let parts = odata.and_then(|url| match odk::project_and_form(&url) {
        Some(parts) => Some(parts),
        None => row.problem("odk_odata_url", "must name project and form: .../projects/P/forms/F.svc"),
    });
    let email = row.required("odk_email", "write the e-mail by which MTS is to log in at ODK Central");
    let password = row.required("odk_password", "write the password by which MTS is to log in at ODK Central");
    let begin = begin(row);
    let (project, form) = parts?;
    let base_url = base_url?.as_str().trim_end_matches('/').trim_end_matches("/v1").to_owned();
    Some(Form { base_url, project, form, email: Secret(email?), password: Secret(password?), begin: begin? })
}

fn address(row: &mut Row<'_>, field: &'static str, missing: &str) -> Option<Url> {
    let text = row.required(field, missing)?;
    match Url::parse(&text) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() => {
            row.problem(field, "must begin with http:// or https://")
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            row.problem(field, "must not hold a user name or password; they have fields of their own")
        }
        Ok(url) => Some(url),
        Err(_) => row.problem(field, "not an address; write it with its scheme, for example https://odk.example.org"),
    }
}

/// The inner `None` if unset: from the first submission on.
fn begin(row: &mut Row<'_>) -> Option<Option<DateTime<Utc>>> {
    let field = "start_datetime";
    match row.text(field) {
        None => row.readable(field).then_some(None),
        Some(text) => match NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S") {
            Ok(time) => Some(Some(time.and_utc())),
            Err(_) => row.problem(field, "not a time"),
        },
    }
}
