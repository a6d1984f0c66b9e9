//! `pairs/`: the preferences of a shard directory, both answers whole, for preference training.
//!
//! The shards themselves hold the chosen answer alone, so that whoever reads them learns nothing bad.
//! Beside them lies a shard directory of its own, in the same format and with a manifest of its own:
//! its documents come in twos, the prompt with the chosen answer and, next, the prompt with the
//! rejected one, both under the preference's id. The loss mask counts the tokens of the answers alone,
//! not those of earlier turns. A reader of the shards does not see it; shards of before have none.

use crate::atomic;
use crate::corpus::PartEntry;
use crate::document::id::{check_file, hash_file};
use crate::run_dir;
use crate::shard::manifest::SplitEntry;
use crate::shard::writer::SplitWriter;
use crate::shard::{Dataset, ShardInfo, ShardManifest, Split};
use anyhow::{Context as _, Result, ensure};
use std::path::{Path, PathBuf};

/// The folder in a shard directory.
pub const FOLDER: &str = "pairs";

/// Where the pairs of a shard directory are.
#[must_use]
pub fn dir(shards: &Path) -> PathBuf {
    shards.join(FOLDER)
}

/// Writers of both splits of the pairs of `shards`.
///
/// # Errors
/// When the folder cannot be made, or `limit` is too small for a shard.
pub fn writers(shards: &Path, info: &ShardInfo, limit: u64) -> Result<[SplitWriter; 2]> {
    let dir = dir(shards);
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    Ok([
        SplitWriter::new(&dir, Split::Train, info, limit)?,
        SplitWriter::new(&dir, Split::Val, info, limit)?,
    ])
}

/// Writes the manifest of the pairs and returns what the shards' manifest says of them.
///
/// # Errors
/// When it cannot be written.
pub fn finish(
    shards: &Path,
    config: &serde_json::Value,
    info: &ShardInfo,
    splits: [SplitEntry; 2],
) -> Result<PartEntry> {
    let rows = splits.iter().map(|split| split.documents / 2).sum();
    let manifest = ShardManifest::new(config.clone(), info.clone(), splits, Vec::new(), Vec::new());
    let path = run_dir::manifest_path(&dir(shards));
    atomic::write_json(&path, &manifest)?;
    let failed = || format!("cannot read {}", path.display());
    Ok(PartEntry {
        file: format!("{FOLDER}/manifest.json"),
        rows,
        bytes: std::fs::metadata(&path).with_context(failed)?.len(),
        xxh3: hash_file(&path)?,
    })
}

/// Opens a split of the pairs of `shards`.
///
/// # Errors
/// When the shards hold no pairs, or their files are not what the manifests say.
pub fn open(shards: &Path, split: Split) -> Result<Dataset> {
    let manifest = ShardManifest::read(shards)?;
    ensure!(
        !manifest.pairs.is_empty(),
        "{}: holds no pairs of a chosen and a rejected answer. Ingest records that have `prompt`, \
         `chosen` and `rejected` (`prep ingest`), and shard them (`prep shard`); shards of an \
         earlier prep hold the chosen answers alone: shard their corpus again",
        shards.display()
    );
    for entry in &manifest.pairs {
        check_file(shards, &entry.file, entry.bytes, &entry.xxh3)?;
    }
    let data = Dataset::open(&dir(shards), split)?;
    ensure!(
        data.documents().is_multiple_of(2),
        "{}: {} sequences are no pairs; shard the corpus again",
        dir(shards).display(),
        data.documents()
    );
    Ok(data)
}

/// Calls `each` with the first position, the tokens of the chosen and the tokens of the rejected
/// sequence of every pair of a split, in order.
pub fn for_each(data: &Dataset, each: &mut dyn FnMut(u64, u64, u64)) {
    let mut open: Option<(u64, u64)> = None;
    data.for_each_span(&mut |start, tokens| match open.take() {
        Some((first, chosen)) => each(first, chosen, tokens),
        None => open = Some((start, tokens)),
    });
}
