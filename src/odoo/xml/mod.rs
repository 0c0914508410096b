//! XML-RPC documents: writing calls, reading answers.

pub mod read;
pub mod write;
