//! XML-RPC as Python's `xmlrpc.client` and Odoo 17 speak it: its values, the reading of calls, the writing of answers.

mod call;
mod cursor;
mod escape;
mod json;
mod response;
mod value;

pub use call::parse_call;
pub use json::{from_json, to_json};
pub use response::{fault, result, string_fault};
pub use value::{Key, Value};
