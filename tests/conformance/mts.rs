//! MTS: the simulator always; a real release 1.1 where `LIVE_MTS_URL` is set, a real 1.0.1 where `LIVE_MTS_101_URL` is.
//!
//! A real server must share this machine (it calls back to loopback) and make its tokens for the partner in `LIVE_MTS_PARTNER`.

mod answers;
mod callbacks;
mod csv;
mod delivery;
mod downloads;
mod harness;
mod logins;
mod older;
mod output_format;
mod paths;
mod properties;
mod receiver;
mod records;
/// These three need what only the simulator can be asked for.
mod simulated;
mod simulated_faults;
mod simulated_restart;
