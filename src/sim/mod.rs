//! Simulators of the servers that OMC meets, as difficult as the real ones: Odoo, MTS, MOSIP's services beside it, and the ODK
//! Central that MTS pulls from.
//!
//! Of this crate they see only [`crate::clock`]: they share no wire type and no parser with the daemon.

pub mod mosip;
pub mod mts;
pub mod odk;
pub mod odoo;
pub mod psut;
