//! Search domains with Odoo's semantics: read and checked once a request, then asked of one row after another.

mod compile;
mod form;
mod leaf;
mod like;
mod names;
mod plan;
mod test;
#[cfg(test)]
mod tests;
mod token;

pub use compile::compile;
pub use plan::{Order, search};
pub use test::{Check, Filter, Node, is_archived};
