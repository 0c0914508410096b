//! The `omc` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    omc::cli::main()
}
