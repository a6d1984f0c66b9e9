//! The order of documents in shards: that of the input, or a global shuffle in bounded memory.
//!
//! A shuffle sorts by a hash that the seed keys: documents go to buckets by their hash, and the buckets
//! are sorted one after the other, each in memory or, where it is larger than a quarter of `--memory`,
//! in several ranges of the hash. So everything is written once and read in order, the order is that of
//! the hash alone, and it is the same for any memory. Disk: 4.2 bytes a token beside the shards.

use super::Split;
use crate::atomic::cannot_write;
use crate::document::DocumentId;
use crate::interrupt;
use anyhow::{Context as _, Result, ensure};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// How documents are ordered (`--order`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Order {
    /// As they are read; repetitions of a weight come behind all others.
    #[default]
    Input,
    /// By a hash that `--seed` keys, over all shards of a split.
    Shuffle,
}

impl Order {
    /// The name in flags and configurations.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Shuffle => "shuffle",
        }
    }
}

/// A document, or a piece or repetition of one, on its way into the shards of a split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// The document.
    pub id: DocumentId,
    /// Tells pieces and repetitions of one document from each other.
    pub number: u64,
    /// The split that it goes to.
    pub split: Split,
    /// UTF-8 bytes of its content.
    pub bytes_text: u64,
    /// Its token ids.
    pub ids: &'a [u32],
    /// Whether the loss counts each.
    pub mask: &'a [bool],
}

/// The most buckets; what is too large for so many is sorted in ranges.
const MOST_BUCKETS: u64 = 128;
/// Bytes of an item in a bucket beside its tokens: hash, id, number, bytes, split, tokens.
const HEAD: usize = 8 + 16 + 8 + 8 + 1 + 4;

/// Collects items and gives them back in shuffled order.
pub struct Shuffle {
    buckets: Vec<(PathBuf, BufWriter<File>)>,
    seed: u64,
    /// Bytes that are sorted in memory at once.
    limit: u64,
    bytes: Vec<u8>,
}

impl Shuffle {
    /// A shuffle by `seed` of about `tokens` tokens that takes about `memory` bytes and keeps its
    /// buckets beside `path` until it is read.
    ///
    /// # Errors
    /// When a bucket cannot be made.
    pub fn new(path: &Path, seed: u64, memory: u64, tokens: u64) -> Result<Self> {
        let limit = (memory / 4).max(1);
        let count = (tokens * 5).div_ceil(limit).clamp(1, MOST_BUCKETS);
        let buffer = (memory / 8 / count).clamp(1 << 12, 1 << 18) as usize;
        let buckets = (0..count)
            .map(|number| {
                let mut name = path.as_os_str().to_owned();
                name.push(format!("-{number:03}"));
                let path = PathBuf::from(name);
                let file = File::create(&path).with_context(|| cannot_write(&path))?;
                Ok((path, BufWriter::with_capacity(buffer, file)))
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            buckets,
            seed,
            limit,
            bytes: Vec::new(),
        })
    }

    /// Adds an item.
    ///
    /// # Errors
    /// When its bucket cannot be written.
    pub fn push(&mut self, item: &Item) -> Result<()> {
        assert_eq!(item.ids.len(), item.mask.len(), "one mask bit a token");
        let mut key = [0; 24];
        key[..16].copy_from_slice(&item.id.0);
        key[16..].copy_from_slice(&item.number.to_le_bytes());
        let hash = xxh3_64_with_seed(&key, self.seed);
        let bytes = &mut self.bytes;
        bytes.clear();
        bytes.extend_from_slice(&hash.to_le_bytes());
        bytes.extend_from_slice(&key);
        bytes.extend_from_slice(&item.bytes_text.to_le_bytes());
        bytes.push(u8::from(item.split == Split::Val));
        bytes.extend_from_slice(&(item.ids.len() as u32).to_le_bytes());
        for id in item.ids {
            bytes.extend_from_slice(&id.to_le_bytes());
        }
        for eight in item.mask.chunks(8) {
            let bit = |(place, counts): (usize, &bool)| u8::from(*counts) << place;
            bytes.push(eight.iter().enumerate().map(bit).sum());
        }
        let bucket = range_of(hash, self.buckets.len() as u64) as usize;
        let (path, out) = &mut self.buckets[bucket];
        out.write_all(bytes).with_context(|| cannot_write(path))
    }

    /// Calls `each` with every item in the order of their hashes, and removes the buckets.
    ///
    /// # Errors
    /// That of `each`, or when a bucket cannot be read.
    pub fn for_each(self, mut each: impl FnMut(&Item) -> Result<()>) -> Result<()> {
        let count = self.buckets.len() as u64;
        // All are written before the first is read, so that a full disk is heard of now.
        let mut written = Vec::new();
        for (path, mut out) in self.buckets {
            out.flush().with_context(|| cannot_write(&path))?;
            written.push(path);
        }
        for (bucket, path) in written.iter().enumerate() {
            let bytes = std::fs::metadata(path)
                .with_context(|| format!("cannot read {}", path.display()))?
                .len();
            let ranges = bytes.div_ceil(self.limit).max(1);
            for range in 0..ranges {
                interrupt::check()?;
                let wanted = bucket as u64 * ranges + range;
                let kept = |hash| range_of(hash, count * ranges) == wanted;
                let sorted = Sorted::read(path, bytes / ranges, kept);
                sorted
                    .with_context(|| format!("cannot read {}", path.display()))?
                    .for_each(&mut each)?;
            }
            let _ = std::fs::remove_file(path);
        }
        Ok(())
    }
}

/// Which of `count` equal ranges of hashes `hash` is in.
fn range_of(hash: u64, count: u64) -> u64 {
    ((u128::from(hash) * u128::from(count)) >> 64) as u64
}

/// Items of one range, in order.
struct Sorted {
    bytes: Vec<u8>,
    /// Hash, id and number of each item, and where it begins.
    index: Vec<(u64, [u8; 24], usize)>,
}

impl Sorted {
    /// Reads the items of `path` whose hash is `kept`, about `expected` bytes.
    fn read(path: &Path, expected: u64, kept: impl Fn(u64) -> bool) -> Result<Self> {
        let mut file = BufReader::with_capacity(1 << 16, File::open(path)?);
        let mut sorted = Self {
            bytes: Vec::with_capacity(expected as usize),
            index: Vec::new(),
        };
        let mut head = [0; HEAD];
        loop {
            match file.read(&mut head[..1])? {
                0 => break,
                _ => file.read_exact(&mut head[1..])?,
            }
            let hash = u64::from_le_bytes(array(&head, 0));
            let tokens = u32::from_le_bytes(array(&head, 41)) as usize;
            let rest = 4 * tokens + tokens.div_ceil(8);
            if !kept(hash) {
                file.seek_relative(rest as i64)?;
                continue;
            }
            let begin = sorted.bytes.len();
            sorted.index.push((hash, array(&head, 8), begin));
            sorted.bytes.extend_from_slice(&head);
            sorted.bytes.resize(begin + HEAD + rest, 0);
            file.read_exact(&mut sorted.bytes[begin + HEAD..])?;
        }
        sorted.index.sort_unstable();
        Ok(sorted)
    }

    fn for_each(&self, mut each: impl FnMut(&Item) -> Result<()>) -> Result<()> {
        let (mut ids, mut mask) = (Vec::new(), Vec::new());
        for (_, key, begin) in &self.index {
            let bytes = &self.bytes[*begin..];
            let tokens = u32::from_le_bytes(array(bytes, 41)) as usize;
            let (numbers, bits) = bytes[HEAD..].split_at(4 * tokens);
            ids.clear();
            ids.extend(
                numbers
                    .chunks_exact(4)
                    .map(|four| u32::from_le_bytes(array(four, 0))),
            );
            mask.clear();
            mask.extend((0..tokens).map(|token| bits[token / 8] >> (token % 8) & 1 != 0));
            ensure!(bytes[40] <= 1, "a bucket of the shuffle is damaged");
            each(&Item {
                id: DocumentId(array(key, 0)),
                number: u64::from_le_bytes(array(key, 16)),
                split: Split::ALL[usize::from(bytes[40])],
                bytes_text: u64::from_le_bytes(array(bytes, 32)),
                ids: &ids,
                mask: &mask,
            })?;
        }
        Ok(())
    }
}

/// The `N` bytes from `at` on.
fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}

#[cfg(test)]
mod tests {
    use super::*;

    type Owned = (DocumentId, u64, Split, u64, Vec<u32>, Vec<bool>);

    fn items() -> Vec<Owned> {
        (0..3_000_u64)
            .map(|number| {
                let length = (number * 37 % 101) as u32;
                let ids: Vec<u32> = (0..length).map(|id| id * 70_001 + number as u32).collect();
                let mask = ids.iter().map(|id| id % 3 == 0).collect();
                let split = Split::ALL[usize::from(number % 10 == 0)];
                // Every second document comes twice, as a weight makes it.
                let id = DocumentId::new("test", number / 2);
                (id, number % 2, split, number, ids, mask)
            })
            .collect()
    }

    fn shuffled(items: &[Owned], seed: u64, memory: u64, tokens: u64) -> Vec<Owned> {
        let place = tempfile::tempdir().expect("a temporary directory");
        let mut shuffle =
            Shuffle::new(&place.path().join("order"), seed, memory, tokens).expect("opens");
        for (id, number, split, bytes_text, ids, mask) in items {
            let item = Item {
                id: *id,
                number: *number,
                split: *split,
                bytes_text: *bytes_text,
                ids,
                mask,
            };
            shuffle.push(&item).expect("writes");
        }
        let mut out = Vec::new();
        shuffle
            .for_each(|item| {
                let (ids, mask) = (item.ids.to_vec(), item.mask.to_vec());
                out.push((item.id, item.number, item.split, item.bytes_text, ids, mask));
                Ok(())
            })
            .expect("reads");
        let left = std::fs::read_dir(place.path()).expect("reads").count();
        assert_eq!(left, 0, "buckets are removed");
        out
    }

    #[test]
    fn any_memory_and_any_order_of_input_give_one_permutation() {
        let items = items();
        let wanted = shuffled(&items, 7, 1 << 30, 150_000);
        assert_ne!(wanted, items);
        let mut sorted = (wanted.clone(), items.clone());
        sorted.0.sort_unstable();
        sorted.1.sort_unstable();
        assert_eq!(sorted.0, sorted.1, "nothing is lost or changed");
        // Several buckets, and one bucket of several ranges.
        for (memory, tokens) in [(400_000, 150_000), (8_000, 150_000), (100_000, 1)] {
            assert_eq!(
                shuffled(&items, 7, memory, tokens),
                wanted,
                "memory {memory}"
            );
        }
        let backwards: Vec<Owned> = items.iter().rev().cloned().collect();
        assert_eq!(shuffled(&backwards, 7, 1 << 30, 150_000), wanted);
        assert_ne!(
            shuffled(&items, 8, 1 << 30, 150_000),
            wanted,
            "another seed"
        );
    }

    #[test]
    fn a_shuffle_mixes_well() {
        let items = items();
        let place = |wanted: &Owned, among: &[Owned]| {
            among.iter().position(|item| item == wanted).unwrap_or(0) as f64
        };
        let out = shuffled(&items, 0, 1 << 20, 150_000);
        // The mean distance of two random places among n is n / 3.
        let moved: f64 = (0..items.len())
            .step_by(10)
            .map(|from| (place(&items[from], &out) - from as f64).abs())
            .sum::<f64>()
            / 300.0;
        assert!((850.0..1150.0).contains(&moved), "{moved}");
    }
}
