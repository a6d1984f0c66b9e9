//! Whether the files of a directory are those of its manifest, and no others.

use super::Check;
use crate::corpus::PartEntry;
use crate::document::id::check_file;
use crate::shard::{ShardManifest, Split, pairs};
use anyhow::{Context as _, Result, ensure};
use std::path::Path;

/// The files of a shard directory that are no shards.
pub(super) fn beside(manifest: &ShardManifest) -> impl Iterator<Item = &PartEntry> {
    let labels = manifest.labels.iter().flat_map(|labels| &labels.files);
    (manifest.keys.iter())
        .chain(&manifest.origins)
        .chain(&manifest.pairs)
        .chain(labels)
        .chain(&manifest.removed)
        .chain(&manifest.conflicts)
}

/// The shards of preferences, which have a manifest of their own.
pub(super) fn files_of_pairs(dir: &Path) -> Vec<Check> {
    let dir = pairs::dir(dir);
    let manifest = match ShardManifest::read(&dir) {
        Ok(manifest) => manifest,
        Err(error) => return vec![Check::of("the manifest of the pairs", Err(error))],
    };
    let entries = Split::ALL
        .into_iter()
        .flat_map(|split| &manifest.split(split).shards);
    entries
        .map(|entry| {
            let (name, folder) = (&entry.file, pairs::FOLDER);
            let found = file(&dir, name, entry.bytes, &entry.xxh3);
            Check::of(
                format!("{folder}/{name} has the size and hash of its manifest"),
                found,
            )
        })
        .collect()
}

pub(super) fn file(dir: &Path, name: &str, bytes: u64, xxh3: &str) -> Result<String> {
    check_file(dir, name, bytes, xxh3)?;
    Ok(format!("{bytes} bytes"))
}

/// Whether no other shard lies between those of the manifest, and no other file in their folders: what
/// reads a folder would read it too.
pub(super) fn none_foreign(dir: &Path, manifest: &ShardManifest) -> Result<String> {
    let mut foreign = Vec::new();
    let entries =
        std::fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        for split in Split::ALL {
            let is_shard = (name.strip_prefix(split.name()))
                .and_then(|rest| rest.strip_prefix('-')?.strip_suffix(".arrow"))
                .is_some();
            let shards = &manifest.split(split).shards;
            if is_shard && shards.iter().all(|shard| shard.file != name) {
                foreign.push(name.clone());
            }
        }
    }
    let mut listed: Vec<String> = beside(manifest).map(|entry| entry.file.clone()).collect();
    if !manifest.pairs.is_empty() {
        let of_pairs = ShardManifest::read(&pairs::dir(dir))?;
        let shards = Split::ALL
            .into_iter()
            .flat_map(|split| &of_pairs.split(split).shards);
        listed.extend(shards.map(|shard| format!("{}/{}", pairs::FOLDER, shard.file)));
    }
    let folders = [
        "dedup",
        "origins",
        "labels",
        pairs::FOLDER,
        "removed",
        "conflicts",
    ];
    let listed: Vec<&str> = listed.iter().map(String::as_str).collect();
    foreign.extend(others(dir, &folders, &listed)?);
    is_none(foreign)
}

/// Whether nothing lies in these folders but what is listed.
pub(super) fn no_other(dir: &Path, folders: &[&str], listed: &[&str]) -> Result<String> {
    is_none(others(dir, folders, listed)?)
}

fn is_none(mut foreign: Vec<String>) -> Result<String> {
    foreign.sort();
    ensure!(
        foreign.is_empty(),
        "{} not in the manifest; move such files out of the directory",
        foreign.join(", ")
    );
    Ok("no other file".to_owned())
}

/// What lies in these folders, of those that exist, beside what is listed.
fn others(dir: &Path, folders: &[&str], listed: &[&str]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for folder in folders {
        let path = dir.join(folder);
        if !path.is_dir() {
            continue;
        }
        let entries =
            std::fs::read_dir(&path).with_context(|| format!("cannot read {}", path.display()))?;
        for entry in entries {
            let name = format!("{folder}/{}", entry?.file_name().to_string_lossy());
            if !listed.contains(&name.as_str()) {
                found.push(name);
            }
        }
    }
    Ok(found)
}
