//! JSON as MTS's Python reads and writes it: the same syntax errors, the same spacing, the same numbers.
//!
//! Values are jaq's own, so that a record is parsed once and then goes through mapping and output format as it is.

use std::fmt::Write as _;

use jaq_json::{Num, Val};

pub use super::json_reader::{Fault, parse};

/// The text of a string value.
pub fn text(value: &Val) -> Option<&str> {
    match value {
        Val::TStr(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    }
}

/// The member of an object.
pub fn member<'v>(value: &'v Val, key: &str) -> Option<&'v Val> {
    match value {
        Val::Obj(map) => map.get(&Val::utf8_str(key.to_owned())),
        _ => None,
    }
}

/// Whether Python takes the value for true.
pub fn truthy(value: &Val) -> bool {
    match value {
        Val::Null => false,
        Val::Bool(b) => *b,
        Val::Num(n) => double(n) != 0.0,
        Val::BStr(s) | Val::TStr(s) => !s.is_empty(),
        Val::Arr(items) => !items.is_empty(),
        Val::Obj(map) => !map.is_empty(),
    }
}

/// What Python calls the value's type.
pub fn type_name(value: &Val) -> &'static str {
    match value {
        Val::Null => "NoneType",
        Val::Bool(_) => "bool",
        Val::Num(n) => match whole(double(n)) {
            Some(_) => "int",
            None => "float",
        },
        Val::BStr(_) | Val::TStr(_) => "str",
        Val::Arr(_) => "list",
        Val::Obj(_) => "dict",
    }
}

/// What `str` makes of a scalar, as pydantic does for a field of type text; nothing for lists, objects and null.
pub fn coerced(value: &Val) -> Option<String> {
    match value {
        Val::TStr(_) => text(value).map(str::to_owned),
        Val::Bool(b) => Some(if *b { "True" } else { "False" }.to_owned()),
        Val::Num(n) => {
            let mut out = String::new();
            write_number(n, &mut out);
            Some(out)
        }
        _ => None,
    }
}

pub fn double(n: &Num) -> f64 {
    match n {
        Num::Int(i) => *i as f64,
        Num::Float(f) => *f,
        other => other.to_string().parse().unwrap_or(f64::NAN),
    }
}

/// The jq inside MTS hands back an integer only where it fits a C int.
pub fn whole(x: f64) -> Option<i32> {
    (x.fract() == 0.0 && x >= f64::from(i32::MIN) && x <= f64::from(i32::MAX)).then_some(x as i32)
}

fn write_number(n: &Num, out: &mut String) {
    let x = double(n);
    match whole(x) {
        // Writing to a String cannot fail, here and below.
        Some(int) => _ = write!(out, "{int}"),
        None => write_float(x, out),
    }
}

/// Python's repr of a float: shortest digits, exponent below 1e-4 and from 1e16.
fn write_float(x: f64, out: &mut String) {
    if x.is_nan() {
        return out.push_str("NaN");
    }
    if x.is_infinite() {
        return out.push_str(if x > 0.0 { "Infinity" } else { "-Infinity" });
    }
    let size = x.abs();
    if size != 0.0 && !(1e-4..1e16).contains(&size) {
        let text = format!("{x:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let sign = if exponent < 0 { '-' } else { '+' };
        _ = write!(out, "{digits}e{sign}{:02}", exponent.abs());
    } else {
        _ = write!(out, "{x:?}");
    }
}

/// `json.dumps`: ", " and ": ", everything beyond ASCII escaped.
pub fn dumps(value: &Val) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

/// [`dumps`] into an existing text.
pub fn write(value: &Val, out: &mut String) {
    match value {
        Val::Null => out.push_str("null"),
        Val::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Val::Num(n) => write_number(n, out),
        Val::BStr(s) | Val::TStr(s) => write_text(&String::from_utf8_lossy(s), out),
        Val::Arr(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                write(item, out);
            }
            out.push(']');
        }
        Val::Obj(map) => {
            out.push('{');
            for (i, (key, item)) in map.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                write(key, out);
                out.push_str(": ");
                write(item, out);
            }
            out.push('}');
        }
    }
}

/// A quoted text, ASCII only.
pub fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(text: &str) -> String {
        dumps(&parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn writes_as_python_does() {
        assert_eq!(
            round(r#"{"b":1,"a":[true,null,"ä😀\n"],"b":2.50}"#),
            "{\"b\": 2.5, \"a\": [true, null, \"\\u00e4\\ud83d\\ude00\\n\"]}"
        );
        assert_eq!(
            round("[1.0, -0, 1e300, 0.00001, 1e-4, 12345678901234567890]"),
            "[1, 0, 1e+300, 1e-05, 0.0001, 1.2345678901234567e+19]"
        );
        assert_eq!(round("[2147483647, 9000000001, 1e16]"), "[2147483647, 9000000001.0, 1e+16]");
        assert_eq!(round(r#""\ud83d\ude00\u00e4\ud800""#), "\"\\ud83d\\ude00\\u00e4\\ufffd\"");
    }

    #[test]
    fn coerces_scalars_to_text() {
        let text = |t: &str| coerced(&parse(t.as_bytes()).unwrap());
        assert_eq!(text("123").as_deref(), Some("123"));
        assert_eq!(text("1.5").as_deref(), Some("1.5"));
        assert_eq!(text("true").as_deref(), Some("True"));
        assert_eq!(text("1234567890123456789012").as_deref(), Some("1.2345678901234568e+21"));
        assert_eq!(text("[1]"), None);
    }
}
