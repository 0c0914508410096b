//! What OMC is about, without I/O and without a time of its own: nothing else of this crate is imported here.

pub mod connector;
pub mod expression;
pub mod filter;
pub mod identity;
pub mod mapping;
pub mod registrant_field;
pub mod span;
pub mod timetable;
