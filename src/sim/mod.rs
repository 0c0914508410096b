//! Simulators of the two servers OMC stands between, as difficult as the real ones.
//!
//! Of this crate they see only [`crate::clock`]: they share no wire type and no parser with the daemon.

pub mod mts;
pub mod odoo;
