//! How pydantic 1 reads the fields of a JSON object: what it takes for a text, a number, a flag, and what it says where it does not.

use jaq_json::{Map, Val};

use super::json::{coerced, double, text};

const REQUIRED: &str = "field required";
const NONE: &str = "none is not an allowed value";
pub const NO_DICT: &str = "value is not a valid dict";
pub const NO_LIST: &str = "value is not a valid list";

/// Python's `dict(value)`: an object, an empty text, or a list of pairs.
pub fn dict(value: &Val) -> Option<Val> {
    match value {
        Val::Obj(_) => Some(value.clone()),
        Val::TStr(s) if s.is_empty() => Some(Val::obj(Map::default())),
        Val::Arr(items) => items.iter().map(pair).collect::<Option<Map>>().map(Val::obj),
        _ => None,
    }
}

fn pair(value: &Val) -> Option<(Val, Val)> {
    match value {
        Val::Arr(two) if two.len() == 2 => Some((Val::utf8_str(coerced(&two[0])?), two[1].clone())),
        Val::TStr(_) => {
            let mut chars = text(value)?.chars().map(|c| Val::utf8_str(c.to_string()));
            let two = (chars.next()?, chars.next()?);
            chars.next().is_none().then_some(two)
        }
        _ => None,
    }
}

/// An object that is being read; the faults found so far are kept in the order of the fields.
pub struct Fields {
    object: Val,
    pub faults: Vec<String>,
}

impl Fields {
    /// `None` where the value is no object.
    pub fn of(value: &Val) -> Option<Self> {
        Some(Self { object: dict(value)?, faults: Vec::new() })
    }

    pub fn get(&self, key: &str) -> Option<&Val> {
        super::json::member(&self.object, key)
    }

    pub fn fault(&mut self, message: impl Into<String>) {
        self.faults.push(message.into());
    }

    /// A field that must be there and not null.
    pub fn required(&mut self, key: &str) -> Option<Val> {
        match self.get(key).cloned() {
            None => self.fault(REQUIRED),
            Some(Val::Null) => self.fault(NONE),
            Some(value) => return Some(value),
        }
        None
    }

    /// A field with a default: absent is fine, null is not.
    fn defaulted<T>(&mut self, key: &str, default: T, read: impl FnOnce(&Val) -> Result<T, String>) -> T {
        let read = match self.get(key) {
            None => return default,
            Some(Val::Null) => Err(NONE.to_owned()),
            Some(value) => read(value),
        };
        read.unwrap_or_else(|message| {
            self.fault(message);
            default
        })
    }

    pub fn required_text(&mut self, key: &str) -> Option<String> {
        let value = self.required(key)?;
        as_text(&value).map_err(|message| self.fault(message)).ok()
    }

    pub fn optional_text(&mut self, key: &str) -> Option<String> {
        let value = self.get(key).filter(|v| !matches!(v, Val::Null)).cloned()?;
        as_text(&value).map_err(|message| self.fault(message)).ok()
    }

    pub fn text_or(&mut self, key: &str, default: &str) -> String {
        self.defaulted(key, default.to_owned(), as_text)
    }

    /// A list of texts: a fault for each item that is none.
    pub fn texts_or(&mut self, key: &str, default: &str) -> Vec<String> {
        let default = vec![default.to_owned()];
        match self.get(key).cloned() {
            None => default,
            Some(Val::Arr(items)) => items.iter().filter_map(|item| self.item_text(item)).collect(),
            Some(Val::Null) => {
                self.fault(NONE);
                default
            }
            Some(_) => {
                self.fault(NO_LIST);
                default
            }
        }
    }

    fn item_text(&mut self, item: &Val) -> Option<String> {
        let read = match item {
            Val::Null => Err(NONE.to_owned()),
            item => as_text(item),
        };
        read.map_err(|message| self.fault(message)).ok()
    }

    pub fn int_or(&mut self, key: &str, default: i64) -> i64 {
        self.defaulted(key, default, as_int)
    }

    pub fn flag_or(&mut self, key: &str, default: bool) -> bool {
        self.defaulted(key, default, as_flag)
    }

    pub fn dict_or_empty(&mut self, key: &str) -> Val {
        self.defaulted(key, Val::obj(Map::default()), |v| dict(v).ok_or_else(|| NO_DICT.to_owned()))
    }

    pub fn optional_dict(&mut self, key: &str) -> Val {
        match self.get(key) {
            None | Some(Val::Null) => Val::obj(Map::default()),
            Some(_) => self.dict_or_empty(key),
        }
    }
}

fn as_text(value: &Val) -> Result<String, String> {
    coerced(value).ok_or_else(|| "str type expected".to_owned())
}

fn as_int(value: &Val) -> Result<i64, String> {
    let int = match value {
        Val::Bool(b) => Some(i64::from(*b)),
        Val::Num(n) => Some(double(n).trunc()).filter(|x| x.is_finite()).map(|x| x as i64),
        Val::TStr(_) => text(value).and_then(|t| t.trim().parse().ok()),
        _ => None,
    };
    int.ok_or_else(|| "value is not a valid integer".to_owned())
}

fn as_flag(value: &Val) -> Result<bool, String> {
    let word = match value {
        Val::Bool(b) => return Ok(*b),
        other => coerced(other).unwrap_or_default().to_lowercase(),
    };
    match word.as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Ok(true),
        "0" | "false" | "f" | "no" | "n" | "off" => Ok(false),
        _ => Err("value could not be parsed to a boolean".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::mts::json::{dumps, parse};

    fn fields(text: &str) -> Fields {
        Fields::of(&parse(text.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn makes_objects_of_pairs() {
        let made = |t: &str| dict(&parse(t.as_bytes()).unwrap()).map(|v| dumps(&v));
        assert_eq!(made(r#"[["vid","5"],"ab"]"#).as_deref(), Some(r#"{"vid": "5", "a": "b"}"#));
        assert_eq!(made("\"\"").as_deref(), Some("{}"));
        assert_eq!(made("[1]"), None);
        assert_eq!(made("\"text\""), None);
    }

    #[test]
    fn coerces_and_complains() {
        let mut f = fields(r#"{"a":5,"b":null,"c":[1],"n":" 7 ","m":2.7,"on":"YES","off":0,"bad":"2.7"}"#);
        assert_eq!(f.required_text("a").as_deref(), Some("5"));
        assert_eq!(f.int_or("n", 0) + f.int_or("m", 0), 9);
        assert!(f.flag_or("on", false) && !f.flag_or("off", true));
        assert!(f.faults.is_empty());
        assert!(["b", "c", "d"].iter().all(|key| f.required_text(key).is_none()));
        f.int_or("bad", 0);
        f.flag_or("a", true);
        let said =
            ["none is not an allowed value", "str type expected", "field required", "value is not a valid integer"];
        assert_eq!(f.faults[..4], said);
        assert_eq!(f.faults[4], "value could not be parsed to a boolean");
    }
}
