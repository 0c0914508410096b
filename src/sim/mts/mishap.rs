//! What the faults make of one request.

use axum::http::Method;

use super::simulator::Simulator;

/// What goes wrong with one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    Nothing,
    /// 500, with a text that quotes the record.
    Broken,
    /// 404 of a request that is known.
    Denied,
    /// 502 of a gateway in front, before or after the work was done.
    Gateway {
        done: bool,
    },
    /// The connection is closed, before or after the work was done.
    Close {
        done: bool,
    },
    /// No answer ever, before or after the work was done.
    Hang {
        done: bool,
    },
    /// 200 and no JSON.
    Garbage,
    /// The answer ends after so many bytes.
    Cut(usize),
}

impl Mishap {
    /// Rolls the dice for a request.
    pub fn roll(simulator: &Simulator, method: &Method) -> Mishap {
        let (faults, dice) = (simulator.faults(), &simulator.dice);
        let done = dice.below(2) == 0;
        if dice.hit(faults.error_rate) {
            return match dice.below(4) {
                0 if *method != Method::POST && done => Mishap::Denied,
                0 => Mishap::Broken,
                1 => Mishap::Gateway { done },
                _ => Mishap::Close { done },
            };
        }
        match () {
            () if *method == Method::POST && dice.hit(faults.broken_rate) => Mishap::Broken,
            () if dice.hit(faults.hang_rate) => Mishap::Hang { done },
            () if dice.hit(faults.garbage_rate) => Mishap::Garbage,
            () if dice.hit(faults.truncate_rate) => Mishap::Cut(20 + dice.below(240) as usize),
            () => Mishap::Nothing,
        }
    }
}
