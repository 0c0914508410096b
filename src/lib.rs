//! OMC: turns MOSIP VIDs in an OpenG2P registry into auth tokens, by way of a MOSIP Token Seeder (MTS).
//!
//! Imports point down only; `tests/house` keeps it so:
//!
//! ```text
//! main -> cli -> { app, sim }
//!         app -> config -> { worker, import, http, schedule } -> intake -> { store, odoo, mts, mosip, jq }
//!             -> access -> { domain, seal, tls, clock }
//! ```
//!
//! Those in one pair of braces never see each other. `http` sees `intake`, `store`, `domain`, `seal`, `tls` and `clock`, and never a
//! client; nor does `intake`, by which results come into the store, however they were brought.
//! `access`, by which OMC is let in where it is a client, only `mts`, `mosip`, `worker`, `config` and `app` see.
//! `config` has a layer of its own between `app` and the rest: each module below owns its section, `config` gathers them, and
//! only who composes the daemon sees the whole.
//!
//! `sim` (the simulators of both servers) sees only `clock` of all these: a shared wire type would hide a bug on both sides.

#![forbid(unsafe_code)]

pub mod access;
pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod http;
pub mod import;
pub mod intake;
pub mod jq;
pub mod mosip;
pub mod mts;
pub mod odoo;
pub mod schedule;
pub mod seal;
#[cfg(feature = "sim")]
pub mod sim;
pub mod store;
pub mod tls;
pub mod worker;
