//! A token request: the envelope of a POST, checked in the order in which MTS checks it.

use chrono::NaiveDateTime;
use jaq_json::Val;

use super::Release;
use super::callback_properties::CallbackProperties;
use super::fields::{Fields, NO_DICT, NO_LIST, dict};
use super::jq::Program;
use super::json::{coerced, text, truthy};
use super::mapping::Mapping;
use super::odk::OdkConfig;
use super::refusal::Refusal;

/// What comes with the request, besides the envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Json,
    Csv,
    Odk,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    Json,
    Csv,
}

/// What is made of a record's result.
pub enum Format {
    /// `.output` as it is.
    Output,
    Program(Program),
}

/// A request that was taken.
pub struct TokenRequest {
    pub output: Output,
    /// `None` is a download.
    pub callback: Option<CallbackProperties>,
    pub mapping: Mapping,
    pub language: String,
    pub format: Format,
    pub authdata: Vec<Val>,
    pub csv_delimiter: String,
    pub odk: Option<OdkConfig>,
}

/// Reads the body of a POST.
pub fn read(body: &Val, kind: Kind, release: Release) -> Result<TokenRequest, Refusal> {
    let Some(mut fields) = Fields::of(body) else {
        return Err(Refusal::unprocessable([NO_DICT.to_owned()]));
    };
    fields.required_text("id");
    fields.required_text("version");
    fields.required_text("metadata");
    match fields.get("requesttime") {
        None => fields.fault("field required"),
        Some(time) if text(time).is_some_and(is_time) => {}
        Some(_) => return Err(own(release, "requesttime is not in valid format")),
    }
    let request = match fields.required("request") {
        None => None,
        Some(value) => match Fields::of(&value) {
            None => {
                fields.fault(NO_DICT);
                None
            }
            Some(mut inner) => {
                let request = request(&mut inner, kind, release)?;
                fields.faults.append(&mut inner.faults);
                request
            }
        },
    };
    match request {
        Some(request) if fields.faults.is_empty() => Ok(request),
        _ => Err(Refusal::unprocessable(fields.faults)),
    }
}

/// A check of MTS's own; release 1.0.1 says it without the prefix.
fn own(release: Release, message: &str) -> Refusal {
    let prefix = if release == Release::V1_1 { "invalid input. " } else { "" };
    Refusal::bad("ATS-REQ-102", format!("{prefix}{message}"))
}

/// Only this form with a fraction of one to six digits; case does not matter.
fn is_time(time: &str) -> bool {
    let fraction = time.rsplit('.').next().unwrap_or_default();
    let upper = time.to_ascii_uppercase();
    (2..=7).contains(&fraction.len())
        && fraction[..fraction.len() - 1].bytes().all(|b| b.is_ascii_digit())
        && !upper.contains(":60.")
        && NaiveDateTime::parse_from_str(&upper, "%Y-%m-%dT%H:%M:%S%.fZ").is_ok()
        && !upper.starts_with([' ', '+', '-'])
}

fn one_of(
    fields: &mut Fields,
    key: &str,
    name: &str,
    known: &[&str],
    release: Release,
) -> Result<Option<String>, Refusal> {
    match fields.get(key) {
        None => {
            fields.fault("field required");
            Ok(None)
        }
        Some(value) if !truthy(value) => Err(own(release, &format!("{name} is not mentioned"))),
        Some(value) => match text(value).filter(|t| known.contains(t)) {
            Some(t) => Ok(Some(t.to_owned())),
            None => Err(own(release, &format!("{name} is not supported"))),
        },
    }
}

fn request(fields: &mut Fields, kind: Kind, release: Release) -> Result<Option<TokenRequest>, Refusal> {
    let new = release == Release::V1_1;
    let output = one_of(fields, "output", "output type", &["json", "csv"], release)?;
    let deliveries: &[&str] = if new { &["download", "callback"] } else { &["download"] };
    let delivery = one_of(fields, "deliverytype", "delivery type", deliveries, release)?;
    let mapping = fields.get("mapping").cloned();
    let mut faults = Vec::new();
    let mapping = Mapping::read(mapping.as_ref(), release, &mut faults);
    fields.faults.append(&mut faults);
    let language = fields.optional_text("lang").filter(|l| !l.is_empty()).unwrap_or_else(|| "eng".to_owned());
    let format = if new { format(fields)? } else { Format::Output };
    let callback = if new { callback(fields, output.as_deref(), delivery.as_deref())? } else { None };
    let csv_delimiter = if kind == Kind::Csv { fields.text_or("csvDelimiter", ",") } else { String::new() };
    let odk = if kind == Kind::Odk { OdkConfig::read(fields) } else { None };
    let authdata = if kind == Kind::Json { authdata(fields, release)? } else { Vec::new() };
    let output = match output.as_deref() {
        Some("csv") => Output::Csv,
        _ => Output::Json,
    };
    Ok(Some(TokenRequest { output, callback, mapping, language, format, authdata, csv_delimiter, odk }))
}

fn format(fields: &mut Fields) -> Result<Format, Refusal> {
    let refused = || Refusal::bad("ATS-REQ-103", "outputFormat is not a valid jq expression");
    match fields.get("outputFormat").cloned() {
        Some(value) if truthy(&value) => {
            let code = text(&value).ok_or_else(refused)?;
            Program::compile(code).map(Format::Program).ok_or_else(refused)
        }
        // 0 and false become the texts "0" and "False", which nobody compiled.
        Some(value @ (Val::Num(_) | Val::Bool(_))) => {
            Ok(Program::compile(&coerced(&value).unwrap_or_default()).map_or(Format::Output, Format::Program))
        }
        Some(Val::Arr(_) | Val::Obj(_)) => {
            fields.fault("str type expected");
            Ok(Format::Output)
        }
        _ => Ok(Format::Output),
    }
}

fn callback(
    fields: &mut Fields,
    output: Option<&str>,
    delivery: Option<&str>,
) -> Result<Option<CallbackProperties>, Refusal> {
    let Some(delivery) = delivery else {
        return Err(Refusal::broken("'deliverytype'"));
    };
    if delivery != "callback" {
        return Ok(None);
    }
    let value = fields.get("callbackProperties").cloned().unwrap_or_default();
    if !truthy(&value) {
        return Err(Refusal::bad("ATS-REQ-024", "callbackProperties cannot be empty for deliverytype callback"));
    }
    let Some(output) = output else {
        return Err(Refusal::broken("'output'"));
    };
    if output == "csv" {
        let Val::Obj(_) = value else {
            let kind = super::json::type_name(&value);
            return Err(Refusal::broken(format!("'{kind}' object has no attribute 'get'")));
        };
        let set = |key: &str| super::json::member(&value, key).is_some_and(truthy);
        if !set("requestFileName") {
            return Err(Refusal::bad("ATS-REQ-025", "requestFileName is not valid in callbackProperties"));
        }
        if !set("callInBulk") {
            return Err(Refusal::bad("ATS-REQ-026", "callInBulk cannot be false for csv output"));
        }
    }
    let mut faults = Vec::new();
    let read = CallbackProperties::read(&value, &mut faults)?;
    fields.faults.append(&mut faults);
    Ok(read)
}

fn authdata(fields: &mut Fields, release: Release) -> Result<Vec<Val>, Refusal> {
    match fields.get("authdata").cloned() {
        // Release 1.0.1 checks the list only where there is one, and counts what is not there.
        None if release == Release::V1_0_1 && fields.faults.is_empty() => {
            Err(Refusal::broken("object of type 'NoneType' has no len()"))
        }
        None | Some(Val::Null) => Err(own(release, "authdata missing")),
        Some(Val::Arr(items)) => {
            let before = fields.faults.len();
            let records = items
                .iter()
                .filter_map(|item| {
                    let fault = match item {
                        Val::Null => "none is not an allowed value",
                        item => match dict(item) {
                            Some(record) => return Some(record),
                            None => NO_DICT,
                        },
                    };
                    fields.fault(fault);
                    None
                })
                .collect::<Vec<_>>();
            match records.is_empty() && fields.faults.len() == before {
                true => Err(own(release, "authdata missing")),
                false => Ok(records),
            }
        }
        Some(_) => {
            fields.fault(NO_LIST);
            Ok(Vec::new())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::mts::json::parse;
    use serde_json::{Value, json};

    fn good() -> Value {
        json!({"id": "x", "version": "1", "metadata": "", "requesttime": "2026-11-21T00:00:00.000Z", "request": {
            "output": "json", "deliverytype": "download", "authdata": [{"vid": "1"}]}})
    }

    fn told(release: Release, change: impl FnOnce(&mut Value)) -> String {
        let mut body = good();
        change(&mut body);
        match read(&parse(body.to_string().as_bytes()).unwrap(), Kind::Json, release) {
            Ok(_) => "ok".to_owned(),
            Err(r) => format!(
                "{} {}",
                r.status,
                r.errors.iter().map(|(c, m)| format!("{c} {m}")).collect::<Vec<_>>().join("; ")
            ),
        }
    }

    #[test]
    fn times_have_one_form() {
        for good in ["2026-11-21T00:00:00.1Z", "1970-01-01T00:00:00.123456Z", "2999-01-01t00:00:00.123z"] {
            assert!(is_time(good), "{good}");
        }
        for bad in [
            "2026-11-21T00:00:00Z",
            "2026-11-21T00:00:00.123456789Z",
            "2026-11-21T00:00:00.123+00:00",
            "2026-11-21T00:00:00.123",
            "2026-11-21 00:00:00.123Z",
            "",
            "1795295721",
            "2026-11-21T00:00:60.123Z",
            " 2026-11-21T00:00:00.123Z",
            "2026-02-30T00:00:00.1Z",
            "2026-11-21T00:00:00.Z",
        ] {
            assert!(!is_time(bad), "{bad}");
        }
    }

    #[test]
    fn fails_in_the_order_of_mts() {
        let new = |change: &dyn Fn(&mut Value)| told(Release::V1_1, |b| change(b));
        assert_eq!(new(&|_| {}), "ok");
        assert_eq!(new(&|b| b["id"] = Value::Null), "422 ATS-REQ-102 Invalid Input. none is not an allowed value");
        assert_eq!(new(&|b| *b = json!([])).matches("field required").count(), 5);
        let late = "400 ATS-REQ-102 invalid input. requesttime is not in valid format";
        assert_eq!(
            new(&|b| {
                b["id"] = Value::Null;
                b["requesttime"] = json!(5);
            }),
            late
        );
        assert_eq!(
            new(&|b| {
                b["request"].as_object_mut().unwrap().remove("deliverytype");
            }),
            "500 ATS-REQ-100 'deliverytype'"
        );
        assert_eq!(new(&|b| b["request"]["authdata"] = json!([])), "400 ATS-REQ-102 invalid input. authdata missing");
        assert_eq!(
            new(&|b| b["request"]["authdata"] = json!(["x"])),
            "422 ATS-REQ-102 Invalid Input. value is not a valid dict"
        );
        assert_eq!(
            new(&|b| b["request"]["mapping"] = json!({"name": "n"})),
            "422 ATS-REQ-102 Invalid Input. value is not a valid list"
        );
        let refused = "400 ATS-REQ-103 outputFormat is not a valid jq expression";
        assert_eq!(new(&|b| b["request"]["outputFormat"] = json!("{")), refused);
        assert_eq!(new(&|b| b["request"]["outputFormat"] = json!(5)), refused);
        assert_eq!(new(&|b| b["request"]["outputFormat"] = json!("")), "ok");
    }

    #[test]
    fn the_older_release_differs() {
        let old = |change: &dyn Fn(&mut Value)| told(Release::V1_0_1, |b| change(b));
        assert_eq!(
            old(&|b| b["request"]["deliverytype"] = json!("callback")),
            "400 ATS-REQ-102 delivery type is not supported"
        );
        assert_eq!(
            old(&|b| {
                b["request"].as_object_mut().unwrap().remove("deliverytype");
            }),
            "422 ATS-REQ-102 Invalid Input. field required"
        );
        let missing = "500 ATS-REQ-100 object of type 'NoneType' has no len()";
        assert_eq!(
            old(&|b| {
                b["request"].as_object_mut().unwrap().remove("authdata");
            }),
            missing
        );
        assert_eq!(old(&|b| b["request"]["authdata"] = Value::Null), "400 ATS-REQ-102 authdata missing");
        assert_eq!(old(&|b| b["request"]["outputFormat"] = json!("{")), "ok");
    }
}
