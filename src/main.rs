//! The `omc` binary.

#![forbid(unsafe_code)]

use std::process::ExitCode;

/// The daemon's work is many small, short-lived values on several threads: with the system's allocator its memory is larger,
/// and wanders (README, "Benchmark"). `.cargo/config.toml` says how this one is set.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    omc::cli::main()
}
