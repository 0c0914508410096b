//! Keys, keyed digests, MACs, encryption at rest, and the types that keep secrets and personal data from being printed.

pub mod personal;

pub use personal::Personal;
