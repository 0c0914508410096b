//! The `omc` binary.

use std::process::ExitCode;

/// The system's allocator keeps a third more memory and costs a fifth of the pace: the daemon's work is many small,
/// short-lived values on several threads. `.cargo/config.toml` says how this one is set.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    omc::cli::main()
}
