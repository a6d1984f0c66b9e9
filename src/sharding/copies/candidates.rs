//! Pairs of documents that share a band of their signatures.
//!
//! Each band is sorted and searched on its own, on every core. In a bucket (documents that share
//! a band) the first 32 in the order of survival are compared with all others; what the rest would
//! have been compared with each other is counted, not done: boilerplate would make it quadratic.

use super::exact::{self, Exact};
use super::{Cursor, Member, Pair, for_each_scanned, own, sorter_memory};
use crate::dedup::minhash::Recall;
use crate::document::DocumentId;
use crate::record;
use crate::sharding::Job;
use crate::spill::{Merge, Reader, RecordWriter, Sorter};
use crate::{atomic, interrupt};
use anyhow::{Context, Result, ensure};
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use serde::{Deserialize, Serialize};

/// Documents of a bucket that all others of it are compared with.
pub const BUCKET_LEADERS: usize = 32;

/// Pairs, sorted, each once.
pub const PAIRS: &str = "near-pairs";
/// The documents that are in a pair; pairs hold their numbers in this file.
pub const MEMBERS: &str = "near-members";
/// [`Counts`], written last.
pub const COUNTS: &str = "near-candidates.json";

/// What the search for candidates did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Documents that were searched: texts of five words and more that are no exact copies.
    pub documents: u64,
    /// Pairs that share a band, each counted once.
    pub candidate_pairs: u64,
    /// Buckets of more documents than are compared with all others.
    pub capped_buckets: u64,
    /// Pairs in them that were not compared in that bucket (they may be in another).
    pub pairs_left_out: u64,
}

record! {
    /// A document in the order of survival.
    struct Entry<const B: usize> {
        own: u8,
        shortness: u64,
        id: DocumentId,
        part: u32,
        row: u32,
        source: u64,
        split: u128,
        bands: [u64; B],
    }
}

record! {
    /// A document in a bucket.
    struct InBucket {
        hash: u64,
        number: u32,
    }
}

/// Finds the pairs, if that is not done yet.
pub fn run(job: &Job) -> Result<()> {
    if job.work.file(COUNTS).exists() {
        return Ok(());
    }
    match job.options.recall {
        Recall::Default => search::<{ Recall::Default.bands() }>(job),
        Recall::High => search::<{ Recall::High.bands() }>(job),
    }
}

fn search<const B: usize>(job: &Job) -> Result<()> {
    let memory = sorter_memory(job);
    let all = job.work.file("near-all");
    let mut bands: Vec<Sorter<InBucket>> = (0..B)
        .map(|band| {
            let path = job.work.file(&format!("near-band-{band:02}"));
            Sorter::new(&path, memory / B as u64)
        })
        .collect();
    let (mut earlier, mut writer) = (0_u32, RecordWriter::<Member>::create(&all)?);
    for (number, entry) in in_order_of_survival::<B>(job)?.sorted()?.enumerate() {
        let entry = entry?;
        let number = u32::try_from(number)
            .ok()
            .filter(|number| *number < u32::MAX);
        let number = number.context("more than 4 billion documents; shard them in parts")?;
        earlier += u32::from(entry.own == 0);
        for (sorter, hash) in bands.iter_mut().zip(entry.bands) {
            sorter.push(InBucket { hash, number })?;
        }
        writer.push(&Member {
            id: entry.id,
            part: entry.part,
            row: entry.row,
            source: entry.source,
            split: entry.split,
            own: entry.own,
        })?;
    }
    let documents = writer.commit()?;
    let searched: Vec<(Sorter<Pair>, Counts)> = bands
        .into_par_iter()
        .enumerate()
        .map(|(band, sorter)| {
            let path = job.work.file(&format!("near-pairs-{band:02}"));
            let pairs = Sorter::new(&path, memory / B as u64);
            pairs_of_band(sorter.sorted()?, earlier, pairs)
        })
        .collect::<Result<_>>()?;
    let mut counts = Counts {
        documents,
        ..Counts::default()
    };
    let mut sorted = Vec::new();
    for (pairs, of_band) in searched {
        counts.capped_buckets += of_band.capped_buckets;
        counts.pairs_left_out += of_band.pairs_left_out;
        sorted.push(pairs.sorted()?);
    }
    counts.candidate_pairs = write(job, documents, Merge::new(sorted)?)?;
    std::fs::remove_file(&all)?;
    atomic::write_json(&job.work.file(COUNTS), &counts)
}

/// Documents that neither a rule nor an exact copy drops and that have a shingle.
fn in_order_of_survival<const B: usize>(job: &Job) -> Result<Sorter<Entry<B>>> {
    let mut order = Sorter::new(&job.work.file("near-order"), sorter_memory(job));
    let mut found = Cursor::<Exact>::open(&job.work.file(exact::FILE))?;
    for_each_scanned(job, |part, row, scanned, bands| {
        let found = found.at((part as u32, row), |found| (found.part, found.row))?;
        let stays = scanned.dropped.is_none() && found.is_none_or(|found| found.stays());
        let Some(bands) = bands.filter(|_| stays) else {
            return Ok(());
        };
        let mut hashes = [0; B];
        for (hash, bytes) in hashes.iter_mut().zip(bands.chunks_exact(8)) {
            let mut array = [0; 8];
            array.copy_from_slice(bytes);
            *hash = u64::from_le_bytes(array);
        }
        order.push(Entry {
            own: own(job, part),
            shortness: u64::MAX - scanned.characters,
            id: DocumentId(scanned.id),
            part: part as u32,
            row,
            source: scanned.source,
            split: scanned.split,
            bands: hashes,
        })
    })?;
    Ok(order)
}

/// The pairs of the buckets of one band. Documents below `earlier` are of an earlier set: they stay
/// in any case, and are not compared with each other.
fn pairs_of_band(
    sorted: impl Iterator<Item = Result<InBucket>>,
    earlier: u32,
    mut pairs: Sorter<Pair>,
) -> Result<(Sorter<Pair>, Counts)> {
    let mut counts = Counts::default();
    let mut bucket: Option<u64> = None;
    // The leaders of the earlier set and of this corpus, and how many documents of each came by.
    let mut leaders: [Vec<u32>; 2] = Default::default();
    let mut seen = [0_u64; 2];
    for (i, record) in sorted.enumerate() {
        let InBucket { hash, number } = record?;
        if i % 65_536 == 0 {
            interrupt::check()?;
        }
        if bucket != Some(hash) {
            bucket = Some(hash);
            leaders.iter_mut().for_each(Vec::clear);
            seen = [0; 2];
        }
        let own = usize::from(number >= earlier);
        if own == 1 {
            for a in leaders.iter().flatten() {
                pairs.push(Pair { b: number, a: *a })?;
            }
            let left_out = seen.map(|seen| seen.saturating_sub(BUCKET_LEADERS as u64));
            counts.pairs_left_out += left_out[0] + left_out[1];
            // Once a bucket: at the first document that misses some.
            let first = (seen[1] == BUCKET_LEADERS as u64 + 1 && left_out[0] == 0)
                || (seen[1] == 0 && left_out[0] > 0);
            counts.capped_buckets += u64::from(first);
        }
        if leaders[own].len() < BUCKET_LEADERS {
            leaders[own].push(number);
        }
        seen[own] += 1;
    }
    Ok((pairs, counts))
}

/// Writes pairs and members; numbers become those among the members.
fn write(job: &Job, documents: u64, sorted: impl Iterator<Item = Result<Pair>>) -> Result<u64> {
    let by_number = job.work.file("near-numbers");
    let mut marks = Marks::new(documents);
    let mut writer = RecordWriter::create(&by_number)?;
    let mut last = None;
    for pair in sorted {
        let pair = pair?;
        if last.replace(pair) != Some(pair) {
            marks.set(pair.a);
            marks.set(pair.b);
            writer.push(&pair)?;
        }
    }
    let count = writer.commit()?;
    marks.count();
    let mut members = RecordWriter::create(&job.work.file(MEMBERS))?;
    for (number, member) in Reader::<Member>::open(&job.work.file("near-all"))?.enumerate() {
        if marks.is_set(number as u32) {
            members.push(&member?)?;
        }
    }
    members.commit()?;
    let mut writer = RecordWriter::create(&job.work.file(PAIRS))?;
    for pair in Reader::<Pair>::open(&by_number)? {
        let pair = pair?;
        writer.push(&Pair {
            b: marks.before(pair.b),
            a: marks.before(pair.a),
        })?;
    }
    ensure!(
        writer.commit()? == count,
        "pairs were lost; this is a bug of prep"
    );
    std::fs::remove_file(&by_number)?;
    Ok(count)
}

/// One bit a document, and how many are set before each.
struct Marks {
    bits: Vec<u64>,
    /// Bits set before every eighth word.
    sums: Vec<u32>,
}

impl Marks {
    fn new(documents: u64) -> Self {
        Self {
            bits: vec![0; documents.div_ceil(64) as usize],
            sums: Vec::new(),
        }
    }

    fn set(&mut self, number: u32) {
        self.bits[number as usize / 64] |= 1 << (number % 64);
    }

    fn is_set(&self, number: u32) -> bool {
        self.bits[number as usize / 64] >> (number % 64) & 1 == 1
    }

    fn count(&mut self) {
        let mut sum = 0;
        self.sums = self
            .bits
            .chunks(8)
            .map(|words| {
                let before = sum;
                sum += words.iter().map(|word| word.count_ones()).sum::<u32>();
                before
            })
            .collect();
    }

    /// Bits set before `number`, after [`Marks::count`].
    fn before(&self, number: u32) -> u32 {
        let word = number as usize / 64;
        let whole: u32 = self.bits[word / 8 * 8..word]
            .iter()
            .map(|word| word.count_ones())
            .sum();
        let below = (1_u64 << (number % 64)) - 1;
        self.sums[word / 8] + whole + (self.bits[word] & below).count_ones()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(buckets: &[(u64, u32)], earlier: u32) -> (Vec<(u32, u32)>, Counts) {
        let place = tempfile::tempdir().expect("a temporary directory");
        let records = buckets.iter().map(|(hash, number)| {
            Ok(InBucket {
                hash: *hash,
                number: *number,
            })
        });
        let sorter = Sorter::new(&place.path().join("pairs"), 1 << 20);
        let (sorter, counts) = pairs_of_band(records, earlier, sorter).expect("no error");
        let pairs = sorter
            .sorted()
            .expect("sorts")
            .map(|pair| pair.expect("reads"));
        (pairs.map(|pair| (pair.b, pair.a)).collect(), counts)
    }

    #[test]
    fn all_of_a_small_bucket_are_compared_but_not_those_of_an_earlier_set() {
        let bucket = [(5, 0), (5, 1), (5, 7), (5, 9), (6, 3)];
        let (found, counts) = pairs(&bucket, 2);
        assert_eq!(found, [(7, 0), (7, 1), (9, 0), (9, 1), (9, 7)]);
        assert_eq!(counts, Counts::default());
    }

    #[test]
    fn a_huge_bucket_costs_its_size_times_the_leaders_and_the_rest_is_counted() {
        let size = 1_000_u64;
        let bucket: Vec<_> = (0..size as u32).map(|number| (1, number)).collect();
        let (found, counts) = pairs(&bucket, 0);
        let leaders = BUCKET_LEADERS as u64;
        let compared = leaders * (leaders - 1) / 2 + (size - leaders) * leaders;
        assert_eq!(found.len() as u64, compared);
        assert_eq!(counts.pairs_left_out, size * (size - 1) / 2 - compared);
        assert_eq!(counts.capped_buckets, 1);
        // Each is compared with the first in the order of survival.
        for number in 1..size as u32 {
            assert!(found.contains(&(number, 0)));
        }
    }

    #[test]
    fn marks_number_what_is_set() {
        let mut marks = Marks::new(2_000);
        let set: Vec<u32> = (0..2_000).filter(|i| i % 7 == 3 || i % 64 == 63).collect();
        for number in &set {
            marks.set(*number);
        }
        marks.count();
        for (ordinal, number) in set.iter().enumerate() {
            assert!(marks.is_set(*number));
            assert_eq!(marks.before(*number), ordinal as u32);
        }
        assert!(!marks.is_set(4));
    }
}
