//! Histories that once broke a law, as short as they could be made.

#![allow(unused_imports, reason = "a history that is pasted here may need any of them")]

use crate::Stage;
use crate::operation::Edit::*;
use crate::operation::FileFault;
use crate::operation::Forgery::*;
use crate::operation::History;
use crate::operation::OdooFault::*;
use crate::operation::Op::{self, *};
use crate::operation::Part::*;
use crate::operation::Point::*;
use crate::operation::PostFault::*;
use crate::operation::StatusFault::*;
use crate::operation::Twist::*;

#[track_caller]
pub fn lives_through(door: bool, two_mts: bool, operations: &[Op]) {
    lives_through_all(History { door, two_mts, download: false, operations: operations.to_vec() });
}

/// With the results of the first connector fetched.
#[track_caller]
pub fn lives_through_downloads(door: bool, two_mts: bool, operations: &[Op]) {
    lives_through_all(History { door, two_mts, download: true, operations: operations.to_vec() });
}

#[track_caller]
fn lives_through_all(history: History) {
    if let Err(broken) = Stage::new().live(&history) {
        panic!("{broken}");
    }
}

#[test]
fn a_history_without_trouble() {
    for door in [true, false] {
        lives_through(door, false, &[Tick, Pull(0), Submit(0), Deliver(0, All, Plain), Write(0), Round]);
    }
}

#[test]
fn a_history_of_downloads_without_trouble() {
    for door in [true, false] {
        lives_through_downloads(
            door,
            false,
            &[Tick, Pull(0), Submit(0), Deliver(0, All, Plain), Pass(11), Reconcile, Write(0)],
        );
    }
}

/// Of a file in another order nobody's token is taken: each row must have the VID that was sent in its place.
#[test]
fn a_file_in_another_order_gives_nobody_a_token() {
    for door in [true, false] {
        let end = [NextFile(FileFault::Shuffled), Pass(11), Reconcile];
        let history = [&[Tick, Pull(0), Submit(0), Deliver(0, All, Plain)][..], &end, &[Write(0), Pass(11), Reconcile]];
        lives_through_downloads(door, false, &history.concat());
    }
}

/// A token came for a VID that had been corrected meanwhile. It was shown as contradicting the token of the right VID, and the
/// corrected VID stayed.
#[test]
fn a_token_for_a_vid_that_was_corrected_contradicts_nobody() {
    for door in [true, false] {
        lives_through(door, false, &[Tick, Pull(0), Submit(0), Edit(1, NewVid), Edit(1, RightToken)]);
    }
}

/// A newer VID beside a token was a correction for whichever connector came first, also where only another one takes the person:
/// it was never sent, and stayed.
#[test]
fn a_correction_goes_to_the_connector_that_takes_the_person() {
    for door in [true, false] {
        lives_through(door, false, &[Edit(2, RightToken), Edit(2, TouchVid), Filter(0, 2)]);
    }
}
