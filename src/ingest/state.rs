//! What an ingest knows of itself: saved with each finished part, so that a kill loses one part; of many
//! sources it is long, and saved once in parts of four times its size (`parts.rs`).

use super::blocks;
use super::normalise::Repairs;
use super::source::Source;
use crate::corpus::{LanguageText, PartEntry, Shapes, SourceEntry};
use crate::ledger::Ledgers;
use crate::run_dir;
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// Bytes of a piece of a file by which a touched one is known again.
const PIECE_BYTES: u64 = 8 << 10;
/// Pieces of it.
const PIECES: u64 = 16;
/// Names of fields beside records that are told apart.
const FRAME_FIELDS: usize = 100;

/// The next block to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cursor {
    /// Index of the source.
    pub source: usize,
    /// Index of the block in it.
    pub block: u64,
}

/// What the finished parts rest on: so much of a source, with its xxh3-128.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// Name of the source.
    pub name: String,
    /// Bytes from its beginning.
    pub bytes: u64,
    /// xxh3-128 of them, hexadecimal.
    pub xxh3: String,
}

/// A source as it was when the run began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    name: String,
    bytes: u64,
    modified_ns: Option<u64>,
    /// When it was last changed in any way, `None` where the platform does not say.
    #[serde(default)]
    changed_ns: Option<u64>,
    /// xxh3-128 of pieces of it, hexadecimal; empty where it cannot be read.
    sample: String,
}

impl Stamp {
    /// The stamp of `source` now.
    #[must_use]
    pub fn of(source: &Source) -> Self {
        Self {
            name: source.name.clone(),
            bytes: source.bytes,
            modified_ns: modified_ns(source),
            changed_ns: changed_ns(source),
            sample: sampled(source),
        }
    }

    /// Whether size and times alone say that it is still the same. The time of writing can be set back
    /// (`touch -r`, `cp -p`, `rsync -t`), the time of change cannot.
    fn is_untouched(&self, source: &Source) -> bool {
        self.modified_ns.is_some()
            && self.modified_ns == modified_ns(source)
            && self.changed_ns == changed_ns(source)
            && self.bytes == source.bytes
    }
}

fn modified_ns(source: &Source) -> Option<u64> {
    source.modified.map(|since| since.as_nanos() as u64)
}

fn changed_ns(source: &Source) -> Option<u64> {
    source.changed.map(|since| since.as_nanos() as u64)
}

/// xxh3-128 of pieces of all of a file, its end among them; all of a small one.
fn sample(source: &Source) -> std::io::Result<u128> {
    let mut file = File::open(&source.path)?;
    let mut hash = Xxh3::new();
    let last = source.bytes.saturating_sub(PIECE_BYTES);
    for piece in 0..=PIECES {
        file.seek(SeekFrom::Start(
            last / PIECES * piece + last % PIECES * (piece / PIECES),
        ))?;
        let mut bytes = Vec::new();
        (&mut file).take(PIECE_BYTES).read_to_end(&mut bytes)?;
        hash.update(&bytes);
        if last == 0 {
            break;
        }
    }
    Ok(hash.digest128())
}

/// Everything that goes on from one part to the next.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// The options that decide the bytes.
    pub config: Value,
    /// The sources as they were when the run began.
    pub stamps: Vec<Stamp>,
    /// What comes next.
    pub cursor: Cursor,
    /// Finished parts of documents.
    pub documents: Vec<PartEntry>,
    /// Finished parts of rejects.
    pub rejects: Vec<PartEntry>,
    /// Where the records went.
    pub ledgers: Ledgers,
    /// What was repaired.
    pub repairs: Repairs,
    /// Documents by source and shape.
    pub shapes: BTreeMap<String, Shapes>,
    /// Text by language, that of mixed documents shared out.
    #[serde(default)]
    pub languages: BTreeMap<String, LanguageText>,
    /// Records that have a field of `--map`, by its path.
    #[serde(default)]
    pub mapped: BTreeMap<String, u64>,
    /// Records whose answer is the number of an option, where `--first-option` says how these count.
    #[serde(default)]
    pub numbered: u64,
    /// What a person should know of the sources.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Fields of JSON files beside the records, by name.
    #[serde(default)]
    pub frame_fields: BTreeMap<String, u64>,
    /// xxh3-128 of the sources that were read to their end.
    pub hashes: BTreeMap<String, String>,
    /// Members of archives that were read to their end, in order.
    pub members: Vec<SourceEntry>,
    /// The source that the finished parts end within.
    pub begun: Option<Begun>,
}

impl State {
    /// The state of the unfinished run in `dir`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(dir: &Path) -> Result<Self> {
        let damaged = || {
            format!(
                "the state in {} is damaged; remove the directory",
                dir.display()
            )
        };
        let file = File::open(run_dir::state_path(dir)).with_context(damaged)?;
        serde_json::from_reader(BufReader::with_capacity(1 << 20, file)).with_context(damaged)
    }

    /// Counts fields beside the records; of endless different names the first are told apart.
    pub fn add_frame_fields(&mut self, name: String, fields: u64) {
        let is_told =
            self.frame_fields.len() < FRAME_FIELDS || self.frame_fields.contains_key(&name);
        let name = if is_told { name } else { "…".to_owned() };
        *self.frame_fields.entry(name).or_default() += fields;
    }

    /// Checks that what the finished parts rest on is still what the sources hold. A source whose
    /// size and times are the same has not changed; of one that was touched, copied or renamed the
    /// content decides: all that was read, and pieces of the rest.
    ///
    /// # Errors
    /// Names the source that changed.
    pub fn check_sources(&self, sources: &[Arc<Source>]) -> Result<()> {
        for (stamp, source) in self.stamps.iter().zip(sources) {
            if stamp.is_untouched(source) {
                continue;
            }
            let finished = self.hashes.get(&source.name);
            let begun = self
                .begun
                .as_ref()
                .filter(|begun| begun.name == source.name);
            let unchanged = match (finished, begun) {
                // Of a file that cannot be opened, as a broken link, 0 stands there.
                (Some(xxh3), _) => hex(blocks::hash_file(&source.path).unwrap_or(0)) == *xxh3,
                (None, Some(begun)) if begun.bytes > 0 => {
                    let now = blocks::hash_prefix(&source.path, begun.bytes);
                    now.is_ok_and(|now| hex(now) == begun.xxh3)
                }
                (None, _) => true,
            };
            let unchanged = unchanged && sampled(source) == stamp.sample;
            ensure!(
                unchanged,
                "{} changed since the interrupted run began: its size is the same ({} bytes), its content is not{}; put the old file back to go on, or remove the output directory to ingest it as it is now",
                source.name,
                source.bytes,
                if stamp.modified_ns == modified_ns(source) {
                    ""
                } else {
                    ", and it was written at another time"
                }
            );
        }
        Ok(())
    }
}

fn hex(xxh3: u128) -> String {
    format!("{xxh3:032x}")
}

/// The hash of pieces of a file, empty where it cannot be read.
fn sampled(source: &Source) -> String {
    sample(source).map_or_else(|_| String::new(), hex)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::source::{Wishes, discover};

    #[cfg(unix)]
    #[test]
    fn what_cannot_be_read_has_not_changed_until_it_can() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (broken, looped) = (dir.path().join("a.txt"), dir.path().join("b.txt"));
        std::os::unix::fs::symlink("nowhere", &broken).expect("links");
        std::os::unix::fs::symlink("b.txt", &looped).expect("links");
        std::fs::write(dir.path().join("c.txt"), "text").expect("writes");
        let sources = || -> Vec<Arc<Source>> {
            let paths = ["a.txt", "b.txt", "c.txt"].map(|name| dir.path().join(name));
            let folder = [dir.path().display().to_string()];
            let found = discover(&folder, &Wishes::default()).expect("found");
            assert_eq!(found.sources.len(), paths.len());
            found.sources.into_iter().map(Arc::new).collect()
        };
        let mut state = State {
            stamps: sources().iter().map(|source| Stamp::of(source)).collect(),
            ..State::default()
        };
        state.check_sources(&sources()).expect("the same");
        let name = sources()[0].name.clone();
        state.begun = Some(Begun {
            name: name.clone(),
            bytes: 0,
            xxh3: hex(Xxh3::new().digest128()),
        });
        state.check_sources(&sources()).expect("the same");
        state.hashes.insert(name, hex(0));
        state.check_sources(&sources()).expect("the same");
        std::fs::write(dir.path().join("nowhere"), "").expect("writes");
        let error = state.check_sources(&sources()).expect_err("it can be read");
        assert!(error.to_string().contains("a.txt changed"), "{error}");
    }
}
