//! The daemon as a process of its own, between simulators that are processes of their own: killed, stopped, misconfigured and
//! lied to.

#![forbid(unsafe_code)]
#![cfg(feature = "sim")]

#[path = "../certificates/mod.rs"]
mod certificates;
mod harness;

mod access;
mod asking;
mod audit;
mod auth_types;
mod bad_definitions;
mod bad_input;
mod clean_up;
mod definition_changes;
mod demo;
mod discretion;
mod downloads;
mod elsewhere;
mod failed_parts;
mod first_start;
mod hanging_mts;
mod import;
mod init;
mod keys;
mod leases;
mod mts_trouble;
mod notify;
mod odk;
mod older_release;
mod operations;
mod previews;
mod privacy;
mod receiver;
mod registry_changes;
mod reloads;
mod runaway_formats;
mod secure;
mod signals;
mod token_policy;
mod unreadable;
mod usage;
mod vid_rules;
mod wording;
