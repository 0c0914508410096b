//! Writes answers byte for byte as Python's marshaller does: one element a line, only `&`, `<` and `>` escaped, control
//! characters dropped, no `nil`.

use super::escape::push_escaped;
use super::value::{Value, double};

const HEAD: &str = "<?xml version='1.0'?>\n<methodResponse>\n";

/// A good answer.
pub fn result(value: &Value) -> String {
    let mut out = String::with_capacity(4096);
    out.push_str(HEAD);
    out.push_str("<params>\n<param>\n");
    push_value(value, &mut out);
    out.push_str("</param>\n</params>\n</methodResponse>\n");
    out
}

/// A fault of `/xmlrpc/2`: the code is a number.
pub fn fault(code: i64, text: &str) -> String {
    faulty(Value::Int(code), text)
}

/// A fault of `/xmlrpc`: the code is a text.
pub fn string_fault(code: &str, text: &str) -> String {
    faulty(Value::text(code), text)
}

fn faulty(code: Value, text: &str) -> String {
    let mut out = String::with_capacity(512 + text.len());
    out.push_str(HEAD);
    out.push_str("<fault>\n");
    push_value(&Value::from([("faultCode", code), ("faultString", Value::text(text))]), &mut out);
    out.push_str("</fault>\n</methodResponse>\n");
    out
}

fn push_value(value: &Value, out: &mut String) {
    out.push_str("<value>");
    match value {
        // Never reached by an answer: `None` faults before it is marshalled.
        Value::Nil => out.push_str("<nil/>"),
        Value::Bool(flag) => {
            out.push_str(if *flag { "<boolean>1</boolean>" } else { "<boolean>0</boolean>" });
        }
        Value::Int(number) => {
            out.push_str("<int>");
            push_int(*number, out);
            out.push_str("</int>");
        }
        Value::Double(number) => {
            out.push_str("<double>");
            out.push_str(&double(*number));
            out.push_str("</double>");
        }
        Value::Text(text) | Value::DateTime(text) | Value::Base64(text) => {
            out.push_str("<string>");
            push_escaped(text, out);
            out.push_str("</string>");
        }
        Value::Array(items) => {
            out.push_str("<array><data>\n");
            for item in items {
                push_value(item, out);
            }
            out.push_str("</data></array>");
        }
        Value::Struct(members) => {
            out.push_str("<struct>\n");
            for (name, member) in members {
                out.push_str("<member>\n<name>");
                push_escaped(name, out);
                out.push_str("</name>\n");
                push_value(member, out);
                out.push_str("</member>\n");
            }
            out.push_str("</struct>");
        }
    }
    out.push_str("</value>\n");
}

fn push_int(number: i64, out: &mut String) {
    use std::fmt::Write;
    let _ = write!(out, "{number}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_array_and_a_string_are_laid_out_as_python_does() {
        assert_eq!(
            result(&Value::Array(vec![])),
            "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value><array><data>\n</data></array></value>\n\
             </param>\n</params>\n</methodResponse>\n"
        );
        let answer = result(&Value::from([("a", Value::text("<&>\"'\u{1}\u{1F600}\r\n"))]));
        assert!(answer.contains("<value><struct>\n<member>\n<name>a</name>\n"));
        assert!(answer.contains("<string>&lt;&amp;&gt;\"'\u{1F600}\r\n</string>"));
    }

    #[test]
    fn a_float_always_has_a_fraction() {
        assert!(result(&Value::Double(0.0)).contains("<double>0.0</double>"));
        assert!(result(&Value::Double(1234.5)).contains("<double>1234.5</double>"));
    }

    #[test]
    fn a_fault_is_a_struct_of_code_and_string() {
        let answer = fault(2, "ID Type must be unique.");
        assert!(
            answer.contains("<fault>\n<value><struct>\n<member>\n<name>faultCode</name>\n<value><int>2</int></value>")
        );
        assert!(answer.ends_with("</struct></value>\n</fault>\n</methodResponse>\n"));
    }
}
