//! Ends that nobody planned, of the real program: kills, full and read-only disks, damaged files, power cuts. Whatever was
//! acknowledged is there afterwards, and the laws hold.
//!
//! `OMC_KILL_ROUNDS`, `OMC_DAMAGE_ROUNDS` and `OMC_POWER_CUTS` make the runs longer, `OMC_TEST_SEED` repeats one.

#![forbid(unsafe_code)]
#![cfg(feature = "sim")]

#[expect(
    dead_code,
    unused_imports,
    reason = "made for the tests of the daemon, and shared with them; not all of it is needed here"
)]
#[path = "../daemon/harness/mod.rs"]
mod harness;

mod bad_disks;
mod damage;
mod disk_world;
mod image;
mod kills;
mod power_cuts;
mod seeder;

/// How often to do it: so many times, unless the environment asks for more.
fn rounds(name: &str, usual: u32) -> u32 {
    std::env::var(name).ok().map_or(usual, |rounds| rounds.parse().unwrap_or_else(|_| panic!("{name}={rounds}")))
}
