//! A callback URL that is not OMC's, and what MTS shows there.

use url::Url;

use super::row::Row;
use crate::domain::elsewhere::{Elsewhere, Login};
use crate::domain::opaque::Secret;

/// The address that the connector names. The outer `None` is a problem, the inner that results come to OMC.
pub(super) fn elsewhere(row: &mut Row<'_>) -> Option<Option<Elsewhere>> {
    let Some(text) = row.text("callback_url") else {
        return row.readable("callback_url").then_some(None);
    };
    let url = address(row, "callback_url", text);
    let login = login(row);
    Some(Some(Elsewhere { url: url?, login: login? }))
}

fn login(row: &mut Row<'_>) -> Option<Login> {
    match row.text("callback_authtype") {
        Some("none") => Some(Login::None),
        None | Some("staticBearer") => {
            let token = row.required("callback_auth_password", "write the bearer that the callback URL asks for")?;
            Some(Login::StaticBearer { token: Secret(token) })
        }
        Some("odoo") => {
            let auth_url = auth_url(row);
            let database = row.required("callback_auth_database", "write the database that MTS is to log in to");
            let username =
                row.required("callback_auth_username", "write the login of the user as whom MTS is to write");
            let password = row.required("callback_auth_password", "write that user's password or API key");
            Some(Login::Odoo {
                auth_url: auth_url?,
                database: database?,
                username: username?,
                password: Secret(password?),
            })
        }
        Some("oauth") => {
            let auth_url = auth_url(row);
            let client_id = row.required("callback_auth_username", "write the client id that MTS is to use");
            let client_secret = row.required("callback_auth_password", "write that client's secret");
            Some(Login::Oauth { auth_url: auth_url?, client_id: client_id?, client_secret: Secret(client_secret?) })
        }
        Some(_) => {
            row.problem("callback_authtype", "choose none, static bearer, Odoo or OAuth; MTS knows no other kind")
        }
    }
}

fn auth_url(row: &mut Row<'_>) -> Option<Url> {
    let field = "callback_auth_url";
    let text =
        row.required(field, "write where MTS is to log in, for Odoo its address and /web/session/authenticate")?;
    address(row, field, &text)
}

fn address(row: &mut Row<'_>, field: &'static str, text: &str) -> Option<Url> {
    let Ok(url) = Url::parse(text) else {
        return row
            .problem(field, "not an address; write it with its scheme, for example https://registry.example.org");
    };
    let reason = if !matches!(url.scheme(), "http" | "https") {
        "must begin with http:// or https://"
    } else if url.host_str().is_none_or(str::is_empty) {
        "names no host"
    } else if !url.username().is_empty() || url.password().is_some() {
        "must not hold a user name or password; MTS would not use them. There are fields for them, and extra headers"
    } else {
        return Some(url);
    };
    row.problem(field, reason)
}
