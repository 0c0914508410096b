//! The addon's door (`docs/door.md`): the methods of `omc.connector` the daemon works through.

mod alarm;
mod apply;
mod connector;
mod duplicates;
mod holders;
mod lease;
mod preview;
mod pull;
mod report;

pub use alarm::alarm;
pub use apply::apply;
pub use duplicates::duplicates;
pub use holders::holders;
pub use lease::{LASTS, Leases};
pub use pull::pull;
pub use report::report;

/// What the methods need to know of the server around them.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Every transaction that began before this has ended. Microseconds since 1970.
    pub horizon: i64,
    /// Share of results answered `busy`, and the dice for it.
    pub busy_rate: f64,
    pub seed: u64,
}
