//! Token shards: Arrow IPC stream files of at most 50 MB, written once and mapped for ever after.
//!
//! One record batch a file, uncompressed, 64-byte aligned, so that a trainer maps a shard and gets
//! one `&[u16]` without a copy, and Hugging Face `datasets`, pyarrow, polars and `DuckDB` open it too.
//! The price is 2.125 bytes a token (u16 ids and one mask bit) and 28 bytes a document.

pub mod bits;
pub mod dataset;
mod files;
pub mod format;
mod frames;
pub mod labels;
pub mod manifest;
pub mod origins;
pub mod pairs;
pub mod shuffle;
pub mod writer;

pub use dataset::Dataset;
pub use manifest::{ShardInfo, ShardManifest};
use serde::{Deserialize, Serialize};

/// The part of the data that a shard belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// What the model learns from.
    Train,
    /// What it is measured on; no copy of these is in `Train`.
    Val,
}

impl Split {
    /// Both splits, in the order in which they are written.
    pub const ALL: [Self; 2] = [Self::Train, Self::Val];

    /// The split of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|split| split.name() == name)
    }

    /// The prefix of its shard files, and its name in reports and flags.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
        }
    }
}
