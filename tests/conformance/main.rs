//! The simulators against the facts of the real servers, and the real servers too where they are there.

mod mts;
mod odoo;
