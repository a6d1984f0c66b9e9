//! Records of a fixed size on disk: sorted within a given memory, read in order or at a place.
//!
//! What the search for copies compares does not fit into memory, so it is sorted in runs, merged,
//! and read once in order. A record is its fields, little-endian, and is sorted by them from the
//! first to the last ([`record!`]).

mod file;
mod record;
mod sorter;

pub use file::{Reader, RecordWriter, Table};
pub use record::{Field, Record};
pub use sorter::{Merge, Sorted, Sorter};
