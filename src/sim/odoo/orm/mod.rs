//! Odoo's object layer over the tables: what `read`, `create`, `write` and `unlink` do, with the registry's own rules.

mod convert;
mod create;
mod encode;
mod env;
mod links;
mod rules;
mod search;
mod unlink;

pub use convert::to_cell;
pub use create::{create, write};
pub use encode::{Shape, fields_get, read};
pub use env::{Context, Env};
pub use rules::python_match;
pub use search::{default_order, parse_order};
pub use unlink::unlink;
