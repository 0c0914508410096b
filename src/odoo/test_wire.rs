//! Values in Odoo's XML, for tests.

use serde_json::Value;

/// What stands between `<value>` and `</value>`.
pub fn xml(value: &Value) -> String {
    match value {
        Value::Null => "<nil/>".into(),
        Value::Bool(flag) => format!("<boolean>{}</boolean>", u8::from(*flag)),
        Value::Number(number) => format!("<int>{number}</int>"),
        Value::String(text) => format!("<string>{text}</string>"),
        Value::Array(items) => {
            let items: String = items.iter().map(|item| format!("<value>{}</value>\n", xml(item))).collect();
            format!("<array><data>\n{items}</data></array>")
        }
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                format!("<member>\n<name>{name}</name>\n<value>{}</value>\n</member>\n", xml(value))
            };
            format!("<struct>\n{}</struct>", members.iter().map(member).collect::<String>())
        }
    }
}
