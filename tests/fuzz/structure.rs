//! Documents that are right, or wrong in one place: generators that know the form.

use chrono::{DateTime, Utc};
use omc::domain::code::Code;
use omc::domain::identity::{BatchId, ConnectorId, IdTypeId, RegIdRow, RegistrantId, RunId};
use omc::domain::opaque::{Digest, Nonce, Sealed};
use omc::domain::record::{Attempt, HeldToken, HeldVid, Record, RecordKey, Stage, State};
use omc::store::codec;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

/// Any JSON value of moderate size.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        select(vec!["2045678901234567", "a", "", "@ours", "é\u{1f600}", "1990-01-31", "[]", "{}"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            btree_map("[a-z_]{0,6}", inner, 0..5).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Answers of Odoo, of every type, with what XML allows in between.
pub fn xml_answer() -> impl Strategy<Value = Vec<u8>> {
    let gap = || select(vec!["", "", "\n", " \t", "<!-- c -->", "<?p i?>", "x", "&#32;"]);
    (json_value(), vec(gap(), 1..8), any::<bool>()).prop_map(|(value, gaps, fault)| {
        let mut gaps = gaps.into_iter().cycle();
        let mut inner = String::new();
        put_xml(&value, &mut inner, &mut || gaps.next().unwrap_or_default());
        let whole = if fault {
            let members = format!(
                "<member><name>faultCode</name><value><int>3</int></value></member><member><name>faultString</name>{inner}</member>"
            );
            format!("<methodResponse><fault><value><struct>{members}</struct></value></fault></methodResponse>")
        } else {
            format!("<?xml version='1.0'?><methodResponse><params><param>{inner}</param></params></methodResponse>")
        };
        whole.into_bytes()
    })
}

fn put_xml(value: &Value, into: &mut String, gap: &mut impl FnMut() -> &'static str) {
    into.push_str("<value>");
    into.push_str(gap());
    match value {
        Value::Null => into.push_str("<nil/>"),
        Value::Bool(flag) => into.push_str(&format!("<boolean>{}</boolean>", u8::from(*flag))),
        Value::Number(number) if number.is_f64() => into.push_str(&format!("<double>{number}</double>")),
        Value::Number(number) => into.push_str(&format!("<int>{number}</int>")),
        Value::String(text) => into.push_str(&format!("<string>{}</string>", escaped(text))),
        Value::Array(items) => {
            into.push_str("<array><data>");
            items.iter().for_each(|item| put_xml(item, into, gap));
            into.push_str("</data></array>");
        }
        Value::Object(members) => {
            into.push_str("<struct>");
            for (name, value) in members {
                into.push_str(&format!("<member><name>{}</name>", escaped(name)));
                put_xml(value, into, gap);
                into.push_str("</member>");
            }
            into.push_str("</struct>");
        }
    }
    into.push_str("</value>");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&#62;")
}

/// Results, one or many, with a field or two that is not what it should be.
pub fn callback_body() -> impl Strategy<Value = Vec<u8>> {
    let status = select(vec![json!("processed"), json!("error"), json!(null), json!(1)]);
    let token = prop_oneof!["[0-9]{0,36}".prop_map(Value::from), Just(Value::Null), json_value()];
    let code = prop_oneof![
        Just(Value::Null),
        "[A-Z]{3}-[A-Z]{3}-[0-9]{1,9}".prop_map(Value::from),
        Just(json!("")),
        json_value()
    ];
    let reference = select(vec![json!("@ours"), json!("@ours"), json!("AQAA"), json!(null), json!(7)]);
    let result = (reference, status, token, code, json_value()).prop_map(
        |(reference, status, token, code, data)| {
            json!({"omc_ref": reference, "status": status, "token": token, "code": code, "data": {"values": data}})
        },
    );
    let entry = prop_oneof![4 => result, 1 => json_value()];
    let body = prop_oneof![entry.clone(), vec(entry, 0..6).prop_map(Value::from)];
    body.prop_map(|body| body.to_string().into_bytes())
}

/// Fields of a definition, each with something that it may hold, or anything.
pub fn definition() -> impl Strategy<Value = Vec<u8>> {
    let fields = [
        "name",
        "active",
        "job_status",
        "mts_url",
        "input_type",
        "output_type",
        "delivery_type",
        "lang_code",
        "is_recurring",
        "interval_minutes",
        "schedule_cron",
        "schedule_tz",
        "mapping",
        "input_format",
        "output_format",
        "callback_url",
        "callback_httpmethod",
        "callback_timeout",
        "callback_authtype",
        "callback_extra_headers",
        "g2p_search_domain",
        "g2p_selected_fields",
        "vid_id_type_id",
        "token_id_type_id",
        "mandatory_fields",
        "remove_vid",
        "batch_size",
        "phone_country_code",
        "value_fields",
        "model",
    ];
    let text = |bytes: Vec<u8>| Value::from(String::from_utf8(bytes).unwrap_or_default());
    let value = prop_oneof![
        json_value(),
        json_value().prop_map(|value| Value::from(value.to_string())),
        filter().prop_map(text),
        expression().prop_map(text),
        select(vec![
            json!("stock"),
            json!("started"),
            json!("onetime"),
            json!("0 3 * * *"),
            json!("Asia/Manila"),
            json!("https://[::1]/x"),
            json!("[\"id\", \"gender\"]"),
            json!("gender, id"),
            json!("+251"),
            json!([3, "MOSIP VID"]),
            json!(5000),
            json!("PUT"),
            json!("{\"name\": [\"given_name\"], \"vid\": \"v\"}"),
            json!("{\"X-Key\": \"2045678901234567\"}"),
        ]),
    ];
    vec((select(fields.to_vec()), value), 0..4).prop_map(|pairs| {
        let changes: serde_json::Map<String, Value> =
            pairs.into_iter().map(|(field, value)| (field.to_owned(), value)).collect();
        Value::from(changes).to_string().into_bytes()
    })
}

/// Domains in either writing.
pub fn filter() -> impl Strategy<Value = Vec<u8>> {
    let path = select(vec!["id", "given_name", "reg_ids.value", "country_id.code", "1", "a..b", ""]);
    let operator = select(vec!["=", "!=", "in", "not in", "ilike", "child_of", "any", "=?", "<", "~"]);
    let leaf = (path, operator, json_value()).prop_map(|(path, operator, value)| json!([path, operator, value]));
    let term = prop_oneof![3 => leaf, 1 => select(vec![json!("&"), json!("|"), json!("!"), json!(1)])];
    let terms =
        term.prop_recursive(2, 12, 4, |inner| vec(inner, 0..4).prop_map(|terms| json!(["reg_ids", "any", terms])));
    (vec(terms, 0..6), any::<bool>()).prop_map(|(terms, python)| {
        let text = Value::from(terms).to_string();
        if python { as_python(&text) } else { text }.into_bytes()
    })
}

/// The words that differ; brackets and most texts are the same in both.
fn as_python(json: &str) -> String {
    let words = json.replace("null", "None").replace("true", "True").replace("false", "False");
    words.replacen('[', "(", 2).replacen(']', ",)", 2).replace('"', "'")
}

/// Expressions by their grammar.
pub fn expression() -> impl Strategy<Value = Vec<u8>> {
    let leaf = select(vec![
        ".",
        ".a",
        ".a.b[0]",
        ".[\"c d\"]?",
        "1",
        "-2.5e3",
        "\"t\"",
        "null",
        "\"\\(.a)-\\(.b)\"",
        "@base64 \"\\(.)\"",
        "[]",
        "{}",
        "{a, \"b\": 1}",
        "empty",
        "length",
        "tonumber",
        "add",
        "keys",
        "@csv",
        "..",
        "env",
        "$x",
        "input",
        ". # c\n",
        "2045678901234567",
    ])
    .prop_map(str::to_owned);
    let whole = leaf.prop_recursive(5, 40, 3, |inner| {
        let (one, two) = (inner.clone(), (inner.clone(), inner.clone()));
        let three = (inner.clone(), inner.clone(), inner);
        prop_oneof![
            (two.clone(), select(vec!["|", ",", "+", "-", "*", "/", "%", "//", "==", "<", "and", "or", "|=", "//="]))
                .prop_map(|((left, right), operator)| format!("{left} {operator} {right}")),
            one.clone().prop_map(|inner| format!("({inner})")),
            one.clone().prop_map(|inner| format!("[{inner}]")),
            one.clone().prop_map(|inner| format!("{{a: ({inner}), ({inner}): .b}}")),
            (
                one.clone(),
                select(vec!["map", "select", "first", "last", "any", "del", "sort_by", "test", "repeat", "nosuch"])
            )
                .prop_map(|(inner, name)| format!("{name}({inner})")),
            one.clone().prop_map(|inner| format!("try ({inner}) catch .")),
            one.prop_map(|inner| format!("({inner})?[1:]")),
            two.clone().prop_map(|(left, right)| format!("gsub({left}; {right})")),
            two.prop_map(|(left, right)| format!("({left}) as {{a: $x, b: [$y]}} | {right} | $x")),
            three.prop_map(|(if_, then, otherwise)| format!("if {if_} then {then} else {otherwise} end")),
        ]
    });
    whole.prop_map(String::into_bytes)
}

/// The mark of a key, and what was made with it.
fn digest((mark, made): ([u8; 4], [u8; 32])) -> Digest {
    let mut whole = [0; 36];
    whole[..4].copy_from_slice(&mark);
    whole[4..].copy_from_slice(&made);
    Digest(whole)
}

/// Records as the store writes them.
pub fn stored_value() -> impl Strategy<Value = Vec<u8>> {
    let code = select(vec![Code::VID_EXPIRED, Code::OTHER_TOKEN, Code::from_wire("IDA-MLC-018"), Code::UNREADABLE]);
    let digest = || (any::<[u8; 4]>(), any::<[u8; 32]>()).prop_map(digest);
    let sealed = || vec(any::<u8>(), 0..40).prop_map(Sealed);
    let batch = || any::<u64>().prop_map(BatchId);
    let held = (sealed(), digest(), option::of(sealed())).prop_map(|(token, digest, values)| HeldToken {
        token,
        digest,
        values,
    });
    let stage = select(vec![Stage::Submit, Stage::Answer, Stage::Authentication, Stage::Write]);
    let state = prop_oneof![
        (option::of(code.clone()), option::of(any::<u32>()))
            .prop_map(|(refused, alone)| State::Pending { refused, alone }),
        batch().prop_map(|batch| State::Submitted { batch }),
        (sealed(), digest(), option::of(sealed())).prop_map(|(token, digest, values)| State::TokenReceived {
            token,
            digest,
            values
        }),
        (sealed(), digest()).prop_map(|(token, digest)| State::TokenWritten { token, digest }),
        code.clone().prop_map(|code| State::Rejected { code }),
        (stage, code, option::of(held)).prop_map(|(stage, cause, held)| State::Abandoned { stage, cause, held }),
    ];
    let vid = (any::<u32>(), "[0-9: -]{0,26}", digest(), vec(digest(), 0..3))
        .prop_map(|(row, written, digest, also)| HeldVid { row: RegIdRow(row), written, digest, also });
    let attempt = (any::<[u8; 12]>(), digest(), batch(), any::<u32>()).prop_map(|(nonce, vid, batch, line)| Attempt {
        nonce: Nonce(nonce),
        vid,
        batch,
        line,
    });
    // From the year 1 to the year 9999.
    let time =
        || (-62_135_596_800_000_i64..253_402_300_799_000).prop_map(|ms| DateTime::from_timestamp_millis(ms).unwrap());
    let numbers = any::<(u32, u32, u32, u64, u16)>();
    let flags = any::<(bool, bool, bool)>();
    (numbers, state, option::of(vid), option::of(digest()), vec(attempt, 0..9), time(), option::of(time()), flags)
        .prop_map(
            |((kind, registrant, connector, run, failures), state, vid, data, attempts, due, failing_since, flags)| {
                let key = RecordKey { token_type: IdTypeId(kind), registrant: RegistrantId(registrant) };
                let due: DateTime<Utc> = due;
                let record = Record {
                    vid,
                    data,
                    attempts,
                    state,
                    failures,
                    failing_since,
                    met_again: flags.0,
                    reported: flags.1,
                    sent: flags.2,
                    ..Record::admitted(key, ConnectorId(connector), RunId(run), due)
                };
                let stored = codec::encode(&record).unwrap();
                assert_eq!(codec::decode::<Record>(&stored).unwrap(), record);
                [b"r".to_vec(), stored].concat()
            },
        )
}
