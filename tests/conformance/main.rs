//! The simulators against the facts of the real servers, and the real servers too where they are there.

#![forbid(unsafe_code)]

mod mosip;
mod mts;
mod odoo;
