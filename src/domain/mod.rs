//! What OMC is about, without I/O and without a time of its own: nothing else of this crate is imported here.
