//! placeholder
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Code(Cow<'static, str>);
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Person,
    System,
    Unknown,
}
impl Code {
    pub const FAILS_ALONE: Self = Self(Cow::Borrowed("OMC-SEND-001"));
    pub const ANSWER_LOST: Self = Self(Cow::Borrowed("OMC-LOST-001"));
    pub const OTHER_TOKEN: Self = Self(Cow::Borrowed("OMC-TOKEN-001"));
    pub const MTS_FAILURE: Self = Self(Cow::Borrowed("ATS-REQ-100"));
    pub const UNREADABLE: Self = Self(Cow::Borrowed("OMC-CODE-001"));
    pub const NOT_WRITTEN: Self = Self(Cow::Borrowed("OMC-WRITE-001"));
    pub fn from_wire(text: &str) -> Self {
        Self(Cow::Owned(text.to_owned()))
    }
    pub fn reason(&self) -> &'static str {
        ""
    }
    pub fn remedy(&self) -> &'static str {
        ""
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
    pub fn class(&self) -> Class {
        if self.0.starts_with("ATS-REQ-0") || self.0.starts_with("IDA-") {
            Class::Person
        } else if self.0.starts_with("AUT_") || self.0 == "ATS-REQ-100" {
            Class::System
        } else {
            Class::Unknown
        }
    }
}
impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
