//! What files are called: by the paths that were given, as far as it takes to tell them apart.

use super::format::is_nameless;
use rayon::prelude::*;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Component, Path, PathBuf};

/// Files by their canonical paths: each with the path that leads to it and how many of the last parts
/// of that its name has.
pub(super) type Named = BTreeMap<PathBuf, (PathBuf, usize)>;

/// The canonical path of a file. A broken link has none; it is reported as a source that cannot be read.
pub(super) fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// Adds a file with its canonical path. One that is given twice, or through links, has one of its names,
/// whichever came first: one with an ending, which says what it is, of these the file's own rather than a
/// link's, then the longer.
pub(super) fn add(named: &mut Named, root: &Path, path: PathBuf, canonical: PathBuf) {
    // Names begin with the last part of the argument.
    let kept = path
        .strip_prefix(root)
        .map_or(1, |below| below.components().count() + 1);
    match named.entry(canonical) {
        Entry::Vacant(free) => {
            free.insert((path, kept));
        }
        Entry::Occupied(mut taken) => {
            let rank = |path: &Path, kept: usize| {
                let given = as_given(path);
                let says = !is_nameless(&path.to_string_lossy());
                (says, given == *taken.key(), kept, Reverse(given))
            };
            if rank(&path, kept) > rank(&taken.get().0, taken.get().1) {
                taken.insert((path, kept));
            }
        }
    }
}

/// A path from the root on, by the names that were given: a link has its own name, not that of what it
/// leads to, as where caches keep files under their checksums.
fn as_given(path: &Path) -> PathBuf {
    let parts: Vec<Component> = path.components().collect();
    let up = parts.iter().rposition(|part| *part == Component::ParentDir);
    // What is above a folder only the file system knows.
    let (above, below) = parts.split_at(up.map_or(0, |at| at + 1));
    let above: PathBuf = above.iter().collect();
    let above = above.canonicalize().unwrap_or(above);
    let given = above.join(below.iter().collect::<PathBuf>());
    std::path::absolute(&given).unwrap_or(given)
}

/// Gives each file the shortest name that no other has.
pub(super) fn name_apart(found: Named) -> Vec<(String, PathBuf)> {
    let found: Vec<(PathBuf, usize)> = found.into_values().collect();
    let mut files: Vec<(PathBuf, PathBuf, usize)> = found
        .into_par_iter()
        .map(|(path, kept)| (as_given(&path), path, kept))
        .collect();
    loop {
        let mut uses: BTreeMap<String, usize> = BTreeMap::new();
        for (given, _, kept) in &files {
            *uses.entry(last_parts(given, *kept)).or_default() += 1;
        }
        let mut clash = false;
        for (given, _, kept) in &mut files {
            if uses[&last_parts(given, *kept)] > 1 && *kept < given.components().count() {
                *kept += 1;
                clash = true;
            }
        }
        if !clash {
            return files
                .into_iter()
                .map(|(given, path, kept)| (last_parts(&given, kept), path))
                .collect();
        }
    }
}

fn last_parts(path: &Path, count: usize) -> String {
    let parts: Vec<_> = path
        .components()
        .filter_map(|part| match part {
            Component::Normal(part) => Some(part.to_string_lossy()),
            _ => None,
        })
        .collect();
    parts[parts.len().saturating_sub(count)..].join("/")
}
