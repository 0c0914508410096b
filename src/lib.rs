//! OMC: turns MOSIP VIDs in an OpenG2P registry into auth tokens, by way of a MOSIP Token Seeder (MTS).
//!
//! Imports point down only; `tests/house.rs` keeps it so:
//!
//! ```text
//! main -> cli -> { app, sim }
//!         app -> config -> { worker, http, schedule } -> { store, odoo, mts, jq } -> { domain, seal, clock }
//! ```
//!
//! `sim` (the simulators of both servers) sees only `clock` of all these: a shared wire type would hide a bug on both sides.

pub mod clock;
pub mod domain;
pub mod jq;
pub mod odoo;
pub mod seal;
#[cfg(feature = "sim")]
pub mod sim;
