//! XML-RPC of the tests' own.

use quick_xml::events::Event;
use quick_xml::{Reader, XmlVersion};
use serde_json::{Map, Number, Value as Json};

use super::client::Fault;

/// A call's body from parameters that are `<value>` elements already.
pub fn call(method: &str, params: &[String]) -> String {
    let params: String = params.iter().map(|param| format!("<param>\n{param}</param>\n")).collect();
    format!(
        "<?xml version='1.0'?>\n<methodCall>\n<methodName>{method}</methodName>\n<params>\n{params}</params>\n</methodCall>\n"
    )
}

/// A `<value>`; JSON's null becomes `nil`.
pub fn encode(value: &Json) -> String {
    let inside = match value {
        Json::Null => "<nil/>".to_owned(),
        Json::Bool(flag) => format!("<boolean>{}</boolean>", u8::from(*flag)),
        Json::Number(number) if number.is_f64() => format!("<double>{number}</double>"),
        Json::Number(number) => format!("<int>{number}</int>"),
        Json::String(text) => format!("<string>{}</string>", quick_xml::escape::escape(text.as_str())),
        Json::Array(items) => {
            format!("<array><data>\n{}</data></array>", items.iter().map(encode).collect::<String>())
        }
        Json::Object(members) => {
            let members: String = members
                .iter()
                .map(|(name, value)| format!("<member>\n<name>{name}</name>\n{}</member>\n", encode(value)))
                .collect();
            format!("<struct>\n{members}</struct>")
        }
    };
    format!("<value>{inside}</value>\n")
}

#[derive(Debug)]
struct Element {
    name: String,
    text: String,
    children: Vec<Element>,
}

impl Element {
    fn child(&self, name: &str) -> &Element {
        self.children.iter().find(|child| child.name == name).unwrap_or_else(|| panic!("no <{name}> in {self:?}"))
    }
}

fn tree(xml: &str) -> Element {
    let mut reader = Reader::from_str(xml);
    let mut stack = vec![Element { name: String::new(), text: String::new(), children: vec![] }];
    let open = |name: String| Element { name, text: String::new(), children: vec![] };
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("{error}: {xml}")) {
            Event::Start(tag) => stack.push(open(tag.name().as_ref().to_owned())),
            Event::Empty(tag) => stack.last_mut().unwrap().children.push(open(tag.name().as_ref().to_owned())),
            Event::End(_) => {
                let done = stack.pop().unwrap();
                stack.last_mut().unwrap().children.push(done);
            }
            Event::Text(text) => stack.last_mut().unwrap().text += &text.xml_content(XmlVersion::Implicit1_0),
            Event::GeneralRef(name) => {
                stack.last_mut().unwrap().text += match &*name.xml_content(XmlVersion::Implicit1_0) {
                    "amp" => "&",
                    "lt" => "<",
                    "gt" => ">",
                    other => panic!("an answer holds &{other};"),
                };
            }
            Event::Eof => break,
            Event::Decl(_) => {}
            other => panic!("an answer holds {other:?}"),
        }
    }
    assert_eq!(stack.len(), 1, "not closed: {xml}");
    stack.remove(0)
}

fn value(element: &Element) -> Json {
    assert_eq!(element.name, "value");
    let typed = element.children.first().unwrap_or_else(|| panic!("an untyped value: {element:?}"));
    match typed.name.as_str() {
        "int" => Json::from(typed.text.parse::<i64>().unwrap()),
        "double" => Json::Number(Number::from_f64(typed.text.parse().unwrap()).unwrap()),
        "boolean" => Json::Bool(typed.text == "1"),
        "string" => Json::String(typed.text.clone()),
        "array" => Json::Array(typed.child("data").children.iter().map(value).collect()),
        "struct" => {
            let member = |member: &Element| (member.child("name").text.clone(), value(member.child("value")));
            Json::Object(typed.children.iter().map(member).collect::<Map<_, _>>())
        }
        other => panic!("an answer holds <{other}>"),
    }
}

/// The value or the fault of an answer.
pub fn decode(xml: &str) -> Result<Json, Fault> {
    let root = tree(xml);
    let response = root.child("methodResponse");
    if let Some(fault) = response.children.iter().find(|child| child.name == "fault") {
        let fault = value(fault.child("value"));
        let text = fault["faultString"].as_str().unwrap_or_default().to_owned();
        return Err(Fault { code: fault["faultCode"].as_i64().unwrap_or(-1), text });
    }
    Ok(value(response.child("params").child("param").child("value")))
}
