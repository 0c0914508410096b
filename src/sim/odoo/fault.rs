//! What goes wrong, in Odoo's classes and words. Over `/xmlrpc/2` four numbers are all that is left of the class.

/// A Python exception on its way out of Odoo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    class: Class,
    message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    User,
    Validation,
    Missing,
    AccessDenied,
    Access,
    /// Anything else: answered with a traceback. The name is the exception's.
    Other(&'static str),
}

/// What an Odoo method ends in.
pub type Outcome<T> = Result<T, Fault>;

impl Fault {
    pub fn user(message: impl Into<String>) -> Self {
        Self { class: Class::User, message: message.into() }
    }

    pub fn validation(message: impl Into<String>) -> Self {
        Self { class: Class::Validation, message: message.into() }
    }

    /// `MissingError` about these records.
    pub fn missing(model: &str, ids: &[i32], uid: i32) -> Self {
        let list = match ids {
            [one] => format!("({one},)"),
            all => format!("({})", all.iter().map(i32::to_string).collect::<Vec<_>>().join(", ")),
        };
        let message = format!("Record does not exist or has been deleted.\n(Record: {model}{list}, User: {uid})");
        Self { class: Class::Missing, message }
    }

    pub fn access_denied() -> Self {
        Self { class: Class::AccessDenied, message: "Access Denied".into() }
    }

    pub fn access(message: impl Into<String>) -> Self {
        Self { class: Class::Access, message: message.into() }
    }

    /// Any other exception, by its class's full name.
    pub fn other(exception: &'static str, message: impl Into<String>) -> Self {
        Self { class: Class::Other(exception), message: message.into() }
    }

    pub fn value_error(message: impl Into<String>) -> Self {
        Self::other("ValueError", message)
    }

    pub fn type_error(message: impl Into<String>) -> Self {
        Self::other("TypeError", message)
    }

    /// A method that returned nothing: its effect stays, and the answer cannot be marshalled.
    pub fn none_returned() -> Self {
        Self::type_error("cannot marshal None unless allow_none is enabled")
    }

    /// From a text that starts with the exception's class (the XML reader's errors).
    pub fn from_line(line: &str) -> Self {
        const KNOWN: [&str; 6] = [
            "xml.parsers.expat.ExpatError",
            "xmlrpc.client.ResponseError",
            "ValueError",
            "TypeError",
            "RecursionError",
            "KeyError",
        ];
        let (class, message) = line.split_once(": ").unwrap_or((line, ""));
        let class = KNOWN.into_iter().find(|known| *known == class).unwrap_or("Exception");
        Self::other(class, message)
    }

    /// `faultCode` of `/xmlrpc/2`.
    pub fn code(&self) -> i64 {
        match self.class {
            Class::User | Class::Validation | Class::Missing => 2,
            Class::AccessDenied => 3,
            Class::Access => 4,
            Class::Other(_) => 1,
        }
    }

    /// `faultString` of `/xmlrpc/2`: the message, or the traceback.
    pub fn text(&self) -> String {
        match self.class {
            Class::Other(_) => self.traceback(),
            _ => self.message.clone(),
        }
    }

    /// `faultCode` and `faultString` of `/xmlrpc` (the first version).
    pub fn strings(&self) -> (String, String) {
        let warning = |kind: &str| (format!("warning -- {kind}\n\n{}", self.message), String::new());
        match self.class {
            Class::User | Class::Validation => warning("UserError"),
            Class::Missing => warning("MissingError"),
            Class::Access => warning("AccessError"),
            Class::AccessDenied => ("AccessDenied".into(), self.message.clone()),
            Class::Other(_) => (self.message.clone(), self.traceback()),
        }
    }

    /// The exception's full name, as JSON-RPC gives it.
    pub fn name(&self) -> &'static str {
        match self.class {
            Class::User => "odoo.exceptions.UserError",
            Class::Validation => "odoo.exceptions.ValidationError",
            Class::Missing => "odoo.exceptions.MissingError",
            Class::AccessDenied => "odoo.exceptions.AccessDenied",
            Class::Access => "odoo.exceptions.AccessError",
            Class::Other(name) => match name {
                "ValueError" => "builtins.ValueError",
                "TypeError" => "builtins.TypeError",
                other => other,
            },
        }
    }

    pub fn message(&self) -> &str {
        &self.message
    }

    /// The traceback, ending in the exception's own line.
    pub fn traceback(&self) -> String {
        const FRAMES: [(&str, u32, &str); 9] = [
            ("odoo/http.py", 1783, "_serve_db"),
            ("odoo/service/model.py", 133, "retrying"),
            ("odoo/addons/base/controllers/rpc.py", 148, "xmlrpc_2"),
            ("odoo/addons/base/controllers/rpc.py", 129, "_xmlrpc"),
            ("odoo/http.py", 389, "dispatch_rpc"),
            ("odoo/service/model.py", 37, "dispatch"),
            ("odoo/service/model.py", 59, "execute_kw"),
            ("odoo/service/model.py", 72, "execute_cr"),
            ("odoo/api.py", 468, "call_kw"),
        ];
        let mut text = "Traceback (most recent call last):\n".to_owned();
        for (file, line, function) in FRAMES {
            text += &format!("  File \"/opt/odoo/{file}\", line {line}, in {function}\n");
        }
        text + self.name().strip_prefix("builtins.").unwrap_or(self.name()) + ": " + &self.message + "\n"
    }
}
