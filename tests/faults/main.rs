//! The fault matrix: what OMC does about each fault of Odoo, of MTS and of whoever calls it, what the administrator sees, and how
//! it ends. Each row of the tables in `docs/faults.md` is a test here, and each test here is a row.

#![cfg(feature = "sim")]
#![forbid(unsafe_code)]

mod callbacks;
#[path = "../certificates/mod.rs"]
#[allow(dead_code, reason = "the tests of the daemon use the rest of it")]
mod certificates;
mod document;
mod evidence;
#[path = "../daemon/harness/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the tests of the daemon use the rest of it")]
mod harness;
mod http;
mod mts;
mod odoo;
mod relay;
mod row;
mod scene;
#[path = "../hostile/mts.rs"]
mod silent_mts;
