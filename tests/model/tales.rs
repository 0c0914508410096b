//! Histories that chance seldom makes, each of which a law depends on.

use crate::operation::Edit::*;
use crate::operation::OdooFault::*;
use crate::operation::Op::*;
use crate::operation::Part::*;
use crate::operation::PostFault::*;
use crate::operation::Twist::*;
use crate::regressions::lives_through;

/// Others hold the people at the moment of writing: their tokens are written later, and nobody is asked for again.
#[test]
fn whom_others_hold_is_written_later() {
    for before in 0..3 {
        let busy = NextOdoo(before, Busy);
        lives_through(true, false, &[Tick, Pull(0), Submit(0), Deliver(0, All, Plain), busy, Write(0), Tick, Round]);
    }
}

/// The answer to a POST is lost, the VID is corrected before the batch is sent again, and the first batch delivers at last.
#[test]
fn a_token_of_a_vid_that_was_corrected_between_two_attempts_counts_for_nothing() {
    for door in [true, false] {
        for person in 0..4 {
            let corrected = [Edit(person, NewVid), Pass(700), Reconcile, Pass(700), Reconcile, Submit(0)];
            let late = [Deliver(1, All, Plain), Write(0), Round];
            let history = [[Tick, Pull(0), NextPost(CloseAfter), Submit(0)].as_slice(), &corrected, &late].concat();
            lives_through(door, false, &history);
        }
    }
}
