//! Faults of whoever calls the callback listener.

use super::row::rows;

rows! { Callbacks; }
