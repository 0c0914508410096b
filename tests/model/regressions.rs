//! Histories that once broke a law, as short as they could be made.

use crate::Stage;
use crate::operation::Op::{self, *};
use crate::operation::{History, Part, Twist};

#[track_caller]
fn lives_through(door: bool, two_mts: bool, operations: &[Op]) {
    let history = History { door, two_mts, operations: operations.to_vec() };
    if let Err(broken) = Stage::new().live(&history) {
        panic!("{broken}");
    }
}

#[test]
fn a_history_without_trouble() {
    for door in [true, false] {
        lives_through(door, false, &[Tick, Pull(0), Submit(0), Deliver(0, Part::All, Twist::Plain), Write(0), Round]);
    }
}
