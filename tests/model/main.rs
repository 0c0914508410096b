//! The model test: random histories of everything that can happen to the pipeline, lived through by the daemon's own steps,
//! store and callback receiver between scripted servers of Odoo and MTS, over real HTTP, on a clock that moves only when told
//! to. After every operation the laws of the design must hold, judged by what the scripted servers hold and saw; at the end,
//! with all faults gone, everybody must have come to their end.
//!
//! `cargo test --test model` lives through a few hundred histories. For many more:
//!
//! ```text
//! OMC_MODEL_HISTORIES=100000 OMC_MODEL_SEED=7 cargo test --release --test model -- --nocapture histories
//! ```
//!
//! The seed decides which histories there are. Where one breaks a law it is made as short as it can be, and printed so that it
//! can be pasted into `regressions.rs`; the daemon's own random numbers (jitter, nonces) are not part of it.

#![forbid(unsafe_code)]
#![cfg(feature = "sim")]

mod audit;
mod http;
mod laws;
mod mts;
mod odoo;
mod operation;
mod regressions;
mod servers;
mod tales;
mod world;
mod xml;

use std::cell::RefCell;
use std::time::Instant;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use tokio::runtime::Runtime;

use operation::History;
use world::Grounds;

/// Histories without any being asked for.
const FEW: u32 = 200;
/// Tries to make a history that broke a law shorter.
const SHORTER: u32 = 3000;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} must be a number")))
}

/// One runtime with the scripted servers, for many histories.
struct Stage {
    runtime: Runtime,
    grounds: RefCell<Grounds>,
}

impl Stage {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let grounds = RefCell::new(runtime.block_on(Grounds::new()));
        Self { runtime, grounds }
    }

    fn live(&self, history: &History) -> Result<(), String> {
        self.runtime.block_on(laws::live(&mut self.grounds.borrow_mut(), history))
    }

    /// Leaves out whatever is not needed for a law to be broken.
    fn shorten(&self, mut history: History) -> (String, History) {
        let mut why = self.live(&history).err().unwrap_or_else(|| "it does not break at every try".to_owned());
        for place in (0..history.operations.len()).rev() {
            let mut shorter = history.clone();
            shorter.operations.remove(place);
            if let Err(broken) = self.live(&shorter) {
                (why, history) = (broken, shorter);
            }
        }
        (why, history)
    }
}

#[test]
fn histories_break_no_law() {
    let histories = u32::try_from(number("OMC_MODEL_HISTORIES", u64::from(FEW))).expect("so many histories");
    let seed = number("OMC_MODEL_SEED", 1);
    let stage = Stage::new();
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let config = Config { cases: histories, max_shrink_iters: SHORTER, failure_persistence: None, ..Config::default() };
    let (began, lived) = (Instant::now(), RefCell::new(0_u32));
    let outcome = TestRunner::new_with_rng(config, rng).run(&operation::history(), |history| {
        *lived.borrow_mut() += 1;
        if *lived.borrow() % 5000 == 0 {
            println!("seed {seed}: {} histories in {:?}", lived.borrow(), began.elapsed());
        }
        stage.live(&history).map_err(TestCaseError::fail)
    });
    println!("seed {seed}: {} histories in {:?}", lived.borrow(), began.elapsed());
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(first, found)) => {
            let (why, History { door, two_mts, download, operations }) = stage.shorten(found);
            let way = if download { "lives_through_downloads" } else { "lives_through" };
            panic!(
                "seed {seed}: {first}\nshortened: {why}\nas a regression:\n    {way}({door}, {two_mts}, &{operations:?});\n"
            )
        }
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}
