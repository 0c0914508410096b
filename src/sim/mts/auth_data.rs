//! The auth data of a record, and the model that checks them.

use std::fmt;

use jaq_json::Val;

use super::json::coerced;
use super::mapping::Fault;

/// What is authenticated.
#[derive(Clone, Default)]
pub struct AuthData {
    pub vid: String,
    pub name: String,
    pub gender: String,
    pub dob: String,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub address: String,
}

impl fmt::Debug for AuthData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthData(..)")
    }
}

/// The model of the auth data, whose fields are texts.
pub struct Model {
    pub name: String,
    pub gender: Val,
    pub dob: Val,
    pub phone: Option<Val>,
    pub email: Option<Val>,
    pub address: String,
    pub vid: Val,
}

impl Model {
    pub fn checked(self) -> Result<AuthData, Fault> {
        let mut wrong = Vec::new();
        let mut field = |place: &str, value: Val| {
            let read = coerced(&value);
            if read.is_none() {
                let fault = match value {
                    Val::Null => "none is not an allowed value (type=type_error.none.not_allowed)",
                    _ => "str type expected (type=type_error.str)",
                };
                wrong.push(format!("{place}\n  {fault}"));
            }
            read.unwrap_or_default()
        };
        let gender = field("gender -> 0 -> value", self.gender);
        let dob = field("dob", self.dob);
        let phone = self.phone.map(|v| field("phoneNumber", v));
        let email = self.email.map(|v| field("emailId", v));
        let vid = field("vid", self.vid);
        if wrong.is_empty() {
            return Ok(AuthData { vid, name: self.name, gender, dob, phone, email, address: self.address });
        }
        let plural = if wrong.len() == 1 { "" } else { "s" };
        let head = format!("{} validation error{plural} for AuthTokenBaseModel", wrong.len());
        Err(Fault::Batch(format!("{head}\n{}", wrong.join("\n"))))
    }
}
