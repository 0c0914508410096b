//! Simulators of the servers that OMC meets, as difficult as the real ones: Odoo, MTS, and MOSIP's services beside it.
//!
//! Of this crate they see only [`crate::clock`]: they share no wire type and no parser with the daemon.

pub mod mosip;
pub mod mts;
pub mod odoo;
pub mod psut;
