//! Duplicates: who survives is defined by an explicit key, never raced.

pub mod exact;
pub mod keys;
pub mod lines;
pub mod minhash;
pub mod shingles;
