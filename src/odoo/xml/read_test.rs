use proptest::prelude::*;
use serde_json::json;

use super::*;

fn respond(value: &str) -> String {
    format!(
        "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n{value}\n</param>\n</params>\n</methodResponse>\n"
    )
}

fn value(value: &str) -> Result<Value, DecodeError> {
    match answer(respond(value).as_bytes())? {
        Answer::Value(value) => Ok(value),
        Answer::Fault(_) => panic!("a fault"),
    }
}

fn fault_of(document: &str) -> (FaultCode, String) {
    match answer(document.as_bytes()) {
        Ok(Answer::Fault(fault)) => (fault.code, fault.text),
        _ => panic!("no fault"),
    }
}

#[test]
fn records_as_odoo_writes_them() {
    let document = "<value><array><data>\n<value><struct>\n<member>\n<name>id</name>\n<value><int>17</int></value>\n</member>\n\
        <member>\n<name>given_name</name>\n<value><string>Ana &amp; Söhne &lt;x&gt; \u{1f600}</string></value>\n</member>\n\
        <member>\n<name>gender</name>\n<value><array><data>\n<value><int>1</int></value>\n<value><string>Female</string></value>\n\
        </data></array></value>\n</member>\n<member>\n<name>phone</name>\n<value><boolean>0</boolean></value>\n</member>\n\
        <member>\n<name>share</name>\n<value><double>0.5</double></value>\n</member>\n</struct></value>\n</data></array></value>";
    let expected = json!([{"id": 17, "given_name": "Ana & Söhne <x> \u{1f600}", "gender": [1, "Female"], "phone": false, "share": 0.5}]);
    assert_eq!(value(document), Ok(expected));
    assert_eq!(value("<value><array><data>\n</data></array></value>"), Ok(json!([])));
}

#[test]
fn every_type_is_read() {
    for (document, expected) in [
        ("<value><int> 7 </int></value>", json!(7)),
        ("<value><i4>-7</i4></value>", json!(-7)),
        ("<value><i8>5000000000</i8></value>", json!(5_000_000_000_i64)),
        ("<value><boolean>1</boolean></value>", json!(true)),
        ("<value><double>1e3</double></value>", json!(1000.0)),
        ("<value><double>nan</double></value>", json!(null)),
        ("<value><string></string></value>", json!("")),
        ("<value><string/></value>", json!("")),
        ("<value/>", json!("")),
        ("<value></value>", json!("")),
        ("<value>bare</value>", json!("bare")),
        ("<value> <int>7</int> </value>", json!(7)),
        ("<value><nil/></value>", json!(null)),
        ("<value><nil></nil></value>", json!(null)),
        ("<value><dateTime.iso8601>20261121T21:14:08</dateTime.iso8601></value>", json!("20261121T21:14:08")),
        ("<value><base64>QUJD</base64></value>", json!("QUJD")),
        ("<value><struct/></value>", json!({})),
        ("<value><struct><member><name/><value/></member></struct></value>", json!({"": ""})),
        ("<value><array><data/></array></value>", json!([])),
        ("<value><array><data><value/><value>x</value></data></array></value>", json!(["", "x"])),
    ] {
        assert_eq!(value(document), Ok(expected), "{document}");
    }
}

#[test]
fn text_keeps_its_white_space_but_not_its_carriage_returns() {
    for (document, expected) in [
        ("<value><string>   </string></value>", "   "),
        ("<value>   </value>", "   "),
        ("<value><string>&#32;&#x9;</string></value>", " \t"),
        ("<value><string>a\r\nb\rc\n</string></value>", "a\nb\nc\n"),
        ("<value><string>a&#13;\nb</string></value>", "a\r\nb"),
        ("<value><string>&quot;&apos;&#128512;</string></value>", "\"'\u{1f600}"),
        ("<value><string>a<!-- no -->b<![CDATA[<&>]]>c<?x y?>d</string></value>", "ab<&>cd"),
    ] {
        assert_eq!(value(document), Ok(json!(expected)), "{document}");
    }
}

#[test]
fn faults_have_a_number_or_a_text() {
    let fault = |code: &str| {
        format!(
            "<?xml version='1.0'?>\n<methodResponse>\n<fault>\n<value><struct>\n<member>\n<name>faultCode</name>\n<value>{code}\
             </value>\n</member>\n<member>\n<name>faultString</name>\n<value><string>Access Denied</string></value>\n</member>\n\
             </struct></value>\n</fault>\n</methodResponse>\n"
        )
    };
    assert!(fault_of(&fault("<int>3</int>")) == (FaultCode::Number(3), "Access Denied".into()));
    assert!(fault_of(&fault("<i8>3</i8>")) == (FaultCode::Number(3), "Access Denied".into()));
    assert!(
        fault_of(&fault("<string>AccessDenied</string>"))
            == (FaultCode::Text("AccessDenied".into()), "Access Denied".into())
    );
    assert_eq!(answer(fault("<boolean>0</boolean>").as_bytes()).err(), Some(DecodeError::NotAnswer));
}

#[test]
fn what_is_no_whole_answer_is_refused() {
    let good = respond("<value><int>7</int></value>");
    let cases: [(String, DecodeError); 14] = [
        (String::new(), DecodeError::Incomplete),
        ("not xml".into(), DecodeError::NotAnswer),
        ("<html></html>".into(), DecodeError::NotAnswer),
        (format!("{good}x"), DecodeError::Trailing),
        (format!("{good}<x/>"), DecodeError::Trailing),
        (respond("<value><int>7</int>"), DecodeError::NotXml),
        (respond("<value><int>seven</int></value>"), DecodeError::BadValue("int")),
        (respond("<value><boolean>yes</boolean></value>"), DecodeError::BadValue("boolean")),
        (respond("<value><what>7</what></value>"), DecodeError::NotAnswer),
        (respond("<value>x<int>7</int></value>"), DecodeError::NotAnswer),
        (respond("<value><string>&nbsp;</string></value>"), DecodeError::UnknownEntity),
        (respond("<value><string>&#0;</string></value>"), DecodeError::UnknownEntity),
        (respond("<value/><value/>"), DecodeError::NotAnswer),
        (format!("<!DOCTYPE x [<!ENTITY a \"aa\">]>{good}"), DecodeError::DocumentType),
    ];
    for (document, expected) in cases {
        assert_eq!(answer(document.as_bytes()).err(), Some(expected), "{document}");
    }
    assert_eq!(answer(b"<methodResponse>\xff").err(), Some(DecodeError::NotUtf8));
}

#[test]
fn an_answer_cut_off_anywhere_is_no_answer() {
    let good = respond("<value><array><data>\n<value><string>é&amp;</string></value>\n</data></array></value>");
    let end = good.trim_end().len();
    for length in 0..end {
        assert!(answer(&good.as_bytes()[..length]).is_err(), "cut at {length}");
    }
    assert!(answer(&good.as_bytes()[..end]).is_ok());
}

#[test]
fn a_byte_order_mark_is_no_text() {
    let document = format!("\u{feff}{}", respond("<value><int>7</int></value>"));
    assert!(answer(document.as_bytes()).is_ok());
}

#[test]
fn nesting_has_a_limit() {
    let nested = |depth: usize| {
        format!("{}<value/>{}", "<value><array><data>".repeat(depth), "</data></array></value>".repeat(depth))
    };
    assert!(value(&nested(MAX_DEPTH)).is_ok());
    assert_eq!(value(&nested(MAX_DEPTH + 1)), Err(DecodeError::TooDeep));
    assert_eq!(value(&nested(100_000)), Err(DecodeError::TooDeep));
}

#[test]
fn more_values_than_the_size_warrants_are_refused() {
    let many = |count: usize| format!("<value><array><data>{}</data></array></value>", "<value/>".repeat(count));
    assert!(value(&many(50)).is_ok());
    assert_eq!(value(&many(100_000)), Err(DecodeError::TooManyValues));
}

#[test]
fn an_error_does_not_quote_the_document() {
    for document in
        ["<value><int>Ana Lima</int></value>", "<value>Ana Lima<int/></value>", "<value><Ana>Lima</Ana></value>"]
    {
        let error = value(document).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("Ana"), "{error:?}");
    }
}

/// Writes values as Odoo does.
fn written(value: &Value, document: &mut String) {
    document.push_str("<value>");
    match value {
        Value::Null => document.push_str("<nil/>"),
        Value::Bool(flag) => document.push_str(if *flag { "<boolean>1</boolean>" } else { "<boolean>0</boolean>" }),
        Value::Number(number) if number.is_f64() => document.push_str(&format!("<double>{number}</double>")),
        Value::Number(number) => document.push_str(&format!("<int>{number}</int>")),
        Value::String(text) => document.push_str(&format!("<string>{}</string>", escaped(text))),
        Value::Array(items) => {
            document.push_str("<array><data>\n");
            items.iter().for_each(|item| written(item, document));
            document.push_str("</data></array>");
        }
        Value::Object(members) => {
            document.push_str("<struct>\n");
            for (name, value) in members {
                document.push_str(&format!("<member>\n<name>{}</name>\n", escaped(name)));
                written(value, document);
                document.push_str("</member>\n");
            }
            document.push_str("</struct>");
        }
    }
    document.push_str("</value>\n");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\r', "&#13;")
}

fn any_text() -> impl Strategy<Value = String> {
    "[ -~\t\n\r\u{a0}-\u{24f}\u{1f600}-\u{1f64f}]{0,12}"
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|n| Value::from(f64::from(n) / 8.0)),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any_text(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_odoo_writes_reads_back(expected in any_value()) {
        let mut document = String::new();
        written(&expected, &mut document);
        prop_assert_eq!(value(&document), Ok(expected));
    }

    #[test]
    fn what_we_write_reads_back(expected in any_value()) {
        // A call and an answer differ only around the value.
        let call = crate::odoo::xml::write::call("x", vec![expected.clone()]).unwrap();
        let call = String::from_utf8(call).unwrap();
        let document = call.replace("<methodCall>", "<methodResponse>").replace("<methodName>x</methodName>", "")
            .replace("</methodCall>", "</methodResponse>");
        let Ok(Answer::Value(read)) = answer(document.as_bytes()) else { panic!("unreadable") };
        prop_assert_eq!(read, as_arrived(expected));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = answer(&bytes);
    }

    #[test]
    fn no_damage_makes_it_panic(expected in any_value(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut document = String::new();
        written(&expected, &mut document);
        let mut bytes = respond(&document).into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = answer(&bytes);
    }
}

/// What becomes of a value on the way: null is Odoo's `False`, line ends are one line feed, whole floats print as such.
fn as_arrived(value: Value) -> Value {
    let text = |text: String| text.replace("\r\n", "\n").replace('\r', "\n");
    match value {
        Value::Null => Value::Bool(false),
        Value::String(string) => Value::String(text(string)),
        Value::Array(items) => items.into_iter().map(as_arrived).collect(),
        Value::Object(members) => {
            Value::Object(members.into_iter().map(|(name, value)| (text(name), as_arrived(value))).collect())
        }
        other => other,
    }
}
