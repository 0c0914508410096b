//! What OMC is about, without I/O and without a time of its own: nothing else of this crate is imported here.

pub mod audit;
pub mod batch;
pub mod code;
pub mod connector;
pub mod correlation;
pub mod definition;
pub mod delivery;
pub mod duplicate;
pub mod elsewhere;
pub mod expression;
pub mod filter;
pub mod generation;
pub mod identity;
pub mod mapping;
pub mod opaque;
pub mod portable;
pub mod preflight;
pub mod record;
pub mod registrant_field;
pub mod retry;
pub mod run;
pub mod shape;
pub mod span;
pub mod timetable;
pub mod transition;
pub mod vid_rules;
