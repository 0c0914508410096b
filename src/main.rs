//! The `omc` binary.

fn main() {}
