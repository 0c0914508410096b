//! The simulator's own pages under `/_sim`: what the registry looks like, faults to come, and the administrator's hand.

mod edit;
mod faults;
mod state;

pub use edit::{Edit, edit};
pub use faults::{Dice, Faults, Mishap};
pub use state::state;
