//! XML-RPC, as much of it as a scripted Odoo needs: no code of the daemon's, or one bug would hide on both sides.

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::{Map, Value};

/// The method and the parameters of a call.
pub fn read_call(document: &[u8]) -> (String, Vec<Value>) {
    let mut reader = Reader::from_reader(document);
    reader.config_mut().expand_empty_elements = true;
    let (mut method, mut params) = (String::new(), Vec::new());
    loop {
        match next(&mut reader) {
            Piece::Open(name) if name == "methodName" => method = text(&mut reader),
            Piece::Open(name) if name == "value" => params.push(value(&mut reader)),
            Piece::End => return (method, params),
            _ => {}
        }
    }
}

enum Piece {
    Open(String),
    Close,
    Text(String),
    End,
}

fn next(reader: &mut Reader<&[u8]>) -> Piece {
    loop {
        return match reader.read_event().expect("the daemon writes XML") {
            Event::Start(tag) => Piece::Open(tag.name().as_ref().to_owned()),
            Event::End(_) => Piece::Close,
            Event::Text(text) => Piece::Text(AsRef::<str>::as_ref(&text).to_owned()),
            Event::GeneralRef(name) => Piece::Text(
                match name.as_ref() {
                    "lt" => "<",
                    "gt" => ">",
                    "amp" => "&",
                    "quot" => "\"",
                    "apos" => "'",
                    other => panic!("the reference {other:?}"),
                }
                .to_owned(),
            ),
            Event::Eof => Piece::End,
            _ => continue,
        };
    }
}

/// The text up to the end of the element.
fn text(reader: &mut Reader<&[u8]>) -> String {
    let mut all = String::new();
    loop {
        match next(reader) {
            Piece::Text(part) => all.push_str(&part),
            _ => return all,
        }
    }
}

/// A value, its `<value>` being open; reads to its end.
fn value(reader: &mut Reader<&[u8]>) -> Value {
    let mut bare = String::new();
    let kind = loop {
        match next(reader) {
            Piece::Text(part) => bare.push_str(&part),
            Piece::Open(kind) => break kind,
            Piece::Close | Piece::End => return Value::from(bare),
        }
    };
    let read = match kind.as_str() {
        "string" => Value::from(text(reader)),
        "int" | "i4" | "i8" => Value::from(text(reader).trim().parse::<i64>().unwrap()),
        "boolean" => Value::from(text(reader).trim() == "1"),
        "double" => Value::from(text(reader).trim().parse::<f64>().unwrap()),
        "array" => return closed(reader, array),
        "struct" => return closed(reader, members),
        other => panic!("a value of the type {other}"),
    };
    // The end of `<value>`.
    until_close(reader);
    read
}

fn closed(reader: &mut Reader<&[u8]>, read: fn(&mut Reader<&[u8]>) -> Value) -> Value {
    let value = read(reader);
    until_close(reader);
    value
}

fn until_close(reader: &mut Reader<&[u8]>) {
    while !matches!(next(reader), Piece::Close | Piece::End) {}
}

/// To the end of `</array>`.
fn array(reader: &mut Reader<&[u8]>) -> Value {
    let mut items = Vec::new();
    let mut depth = 1;
    while depth > 0 {
        match next(reader) {
            Piece::Open(name) if name == "value" => items.push(value(reader)),
            Piece::Open(_) => depth += 1,
            Piece::Close | Piece::End => depth -= 1,
            Piece::Text(_) => {}
        }
    }
    Value::Array(items)
}

/// To the end of `</struct>`.
fn members(reader: &mut Reader<&[u8]>) -> Value {
    let mut members = Map::new();
    let mut name = String::new();
    let mut depth = 1;
    while depth > 0 {
        match next(reader) {
            Piece::Open(tag) if tag == "name" => name = text(reader),
            Piece::Open(tag) if tag == "value" => {
                let value = value(reader);
                members.insert(std::mem::take(&mut name), value);
            }
            Piece::Open(_) => depth += 1,
            Piece::Close | Piece::End => depth -= 1,
            Piece::Text(_) => {}
        }
    }
    Value::Object(members)
}

/// A good answer.
pub fn answer(value: &Value) -> String {
    let mut out = String::from("<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n");
    push(value, &mut out);
    out.push_str("</param>\n</params>\n</methodResponse>\n");
    out
}

/// A fault of `/xmlrpc/2`.
pub fn fault(code: i64, text: &str) -> String {
    let mut out = String::from("<?xml version='1.0'?>\n<methodResponse>\n<fault>\n");
    push(&serde_json::json!({"faultCode": code, "faultString": text}), &mut out);
    out.push_str("</fault>\n</methodResponse>\n");
    out
}

fn push(value: &Value, out: &mut String) {
    out.push_str("<value>");
    match value {
        Value::Null => panic!("Odoo has no null"),
        Value::Bool(flag) => out.push_str(if *flag { "<boolean>1</boolean>" } else { "<boolean>0</boolean>" }),
        Value::Number(number) => out.push_str(&format!("<int>{number}</int>")),
        Value::String(text) => {
            out.push_str("<string>");
            out.push_str(&text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"));
            out.push_str("</string>");
        }
        Value::Array(items) => {
            out.push_str("<array><data>\n");
            items.iter().for_each(|item| push(item, out));
            out.push_str("</data></array>");
        }
        Value::Object(members) => {
            out.push_str("<struct>\n");
            for (name, member) in members {
                out.push_str(&format!("<member>\n<name>{name}</name>\n"));
                push(member, out);
                out.push_str("</member>\n");
            }
            out.push_str("</struct>");
        }
    }
    out.push_str("</value>\n");
}

#[test]
fn a_call_is_read_as_it_was_meant() {
    let call = b"<?xml version='1.0'?><methodCall><methodName>execute_kw</methodName><params>\
        <param><value><string>a &amp; b</string></value></param>\
        <param><value><array><data><value><int>3</int></value><value><boolean>1</boolean></value></data></array></value></param>\
        <param><value><struct><member><name>x</name><value><array><data></data></array></value></member>\
        <member><name>y</name><value><string></string></value></member></struct></value></param>\
        <param><value>bare</value></param></params></methodCall>";
    let (method, params) = read_call(call);
    assert_eq!(method, "execute_kw");
    assert_eq!(Value::Array(params), serde_json::json!(["a & b", [3, true], {"x": [], "y": ""}, "bare"]));
}
