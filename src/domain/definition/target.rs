//! Where MTS is, and what it wants to know beside the records.

use url::Url;

use super::row::Row;

/// The base address of MTS.
pub(super) fn mts_url(row: &mut Row<'_>) -> Option<Url> {
    let field = "mts_url";
    let text =
        row.required(field, "write the address of MTS, for example http://mosip-token-seeder.mosip-token-seeder")?;
    let Ok(mut url) = Url::parse(&text) else {
        return row.problem(field, "not an address; write it with its scheme, for example https://mts.example.org");
    };
    let reason = if !matches!(url.scheme(), "http" | "https") {
        "must begin with http:// or https://"
    } else if url.host_str().is_none_or(str::is_empty) {
        "names no host"
    } else if !url.username().is_empty() || url.password().is_some() {
        "must not hold a user name or password; MTS has none"
    } else if url.query().is_some() || url.fragment().is_some() {
        "must have nothing after a `?` or `#`"
    } else {
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        return Some(url);
    };
    row.problem(field, reason)
}

/// MOSIP's language code; MTS's own default if unset.
pub(super) fn language(row: &mut Row<'_>) -> Option<String> {
    let field = "lang_code";
    let code = row.text(field).unwrap_or("eng").to_ascii_lowercase();
    if code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_lowercase()) {
        Some(code)
    } else {
        row.problem(field, "write MOSIP's language code of three letters, for example eng")
    }
}

/// The inner `None` if unset.
pub(super) fn phone_country_code(row: &mut Row<'_>) -> Option<Option<String>> {
    let field = "phone_country_code";
    let Some(text) = row.text(field) else {
        return row.readable(field).then_some(None);
    };
    let digits = text.strip_prefix('+').unwrap_or_default();
    if (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0') {
        Some(Some(text.to_owned()))
    } else {
        row.problem(field, "write a plus sign and the country's digits, for example +251")
    }
}
