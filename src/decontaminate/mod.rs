//! Documents that hold what a benchmark asks: found by shared word 13-grams, and by questions.
//!
//! Both sides are folded to the comparison key. One shared 13-gram proves little: a public audit of
//! 114 flagged sources found 88 to be false alarms. So a document counts as contaminated only when
//! it shares at least [`FEWEST_SHARED`] distinct 13-grams with one and the same item, or half of the
//! item's, or asks the item's very question, or is the very text. 13-grams that stand in many items of a benchmark are
//! its template, not its content, and count for nothing.

mod grams;
#[cfg(test)]
mod tests;

pub use grams::{GRAM_WORDS, Grams};

use crate::dedup::keys;
use crate::document::comparison_key::{Numbers, append_key_with};
use crate::document::{Content, Document};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_128;

/// Distinct 13-grams of one item that a document may not share.
pub const FEWEST_SHARED: u32 = 2;
/// Share of an item's 13-grams that a document may not have.
pub const LARGEST_COVERAGE: f64 = 0.5;
/// A 13-gram in more items than this, and in a larger share than the next, is a template's.
const TEMPLATE_ITEMS: u32 = 20;
const TEMPLATE_SHARE: f64 = 0.02;
/// 1 bit of the filter in front of the table of 13-grams is set for this many bits.
const FILTER_BITS: usize = 16;

/// One question, answer or text of a benchmark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// File of the benchmark, as the user gave it.
    pub file: String,
    /// 1-based number of the record in it.
    pub record: u64,
    /// Its distinct 13-grams, without a template's.
    pub grams: u32,
}

/// What a document shares with one item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Number of the item in [`Benchmarks::items`].
    pub item: u32,
    /// Distinct 13-grams that both have.
    pub shared: u32,
    /// Share of the item's 13-grams that the document has; 1 when it asks the very question.
    pub coverage: f64,
}

/// Everything that documents are compared with. 12 bytes a 13-gram of the benchmarks, and 2 for the
/// filter.
#[derive(Debug, Default)]
pub struct Benchmarks {
    items: Vec<Item>,
    /// Hash of a 13-gram, and an item that has it; sorted.
    grams: Vec<(u64, u32)>,
    /// Bit `hash mod size` is set for each 13-gram.
    filter: Vec<u64>,
    /// Keys of the questions of chats, each with the first item that asks it; sorted.
    questions: Vec<(u128, u32)>,
}

/// Gathers items.
#[derive(Debug, Default)]
pub struct Builder(Benchmarks);

impl Builder {
    /// Adds one record of a benchmark.
    pub fn add(&mut self, document: &Document) {
        let number = self.0.items.len() as u32;
        let mut grams: Vec<u64> = Grams::of(&document.content).map(|gram| gram.hash).collect();
        grams.sort_unstable();
        grams.dedup();
        self.0.items.push(Item {
            file: document.source.clone(),
            record: document.record,
            grams: grams.len() as u32,
        });
        self.0
            .grams
            .extend(grams.into_iter().map(|hash| (hash, number)));
        if let Some(question) = question(&document.content) {
            self.0.questions.push((question, number));
        }
    }

    /// The index of what was added.
    #[must_use]
    pub fn build(self) -> Benchmarks {
        let Benchmarks {
            mut items,
            mut grams,
            mut questions,
            ..
        } = self.0;
        grams.sort_unstable();
        let mut of_file = BTreeMap::<String, u32>::new();
        for item in &items {
            *of_file.entry(item.file.clone()).or_default() += 1;
        }
        let kept: Vec<(u64, u32)> = grams
            .chunk_by(|a, b| a.0 == b.0)
            .filter(|same| {
                let all = of_file[&items[same[0].1 as usize].file];
                let count = same.len() as u32;
                count <= TEMPLATE_ITEMS || f64::from(count) <= TEMPLATE_SHARE * f64::from(all)
            })
            .flatten()
            .copied()
            .collect();
        for item in &mut items {
            item.grams = 0;
        }
        for (_, item) in &kept {
            items[*item as usize].grams += 1;
        }
        questions.sort_unstable();
        questions.dedup_by_key(|(question, _)| *question);
        let mut filter = vec![0_u64; (kept.len() * FILTER_BITS / 64).max(1).next_power_of_two()];
        for (hash, _) in &kept {
            let bit = *hash as usize & (filter.len() * 64 - 1);
            filter[bit / 64] |= 1 << (bit % 64);
        }
        Benchmarks {
            items,
            grams: kept,
            filter,
            questions,
        }
    }
}

impl Benchmarks {
    /// What was added, in order.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The items that `content` holds, the one with most shared 13-grams first.
    #[must_use]
    pub fn hits(&self, content: &Content) -> Vec<Hit> {
        let mut found: Vec<(u32, u64)> = Vec::new();
        for gram in Grams::of(content) {
            found.extend(self.items_with(gram.hash).map(|item| (item, gram.hash)));
        }
        found.sort_unstable();
        found.dedup();
        let mut hits: Vec<Hit> = found
            .chunk_by(|a, b| a.0 == b.0)
            .filter_map(|shared| self.judge(shared[0].0, shared.len() as u32))
            .collect();
        if let Some(item) = question(content).and_then(|question| self.asked(question))
            && hits.iter().all(|hit| hit.item != item)
        {
            hits.push(Hit {
                item,
                shared: 0,
                coverage: 1.0,
            });
        }
        hits.sort_by_key(|hit| (std::cmp::Reverse(hit.shared), hit.item));
        hits
    }

    /// `text` without the lines that hold 13-grams of items that it hits, and these hits; `None` when
    /// there are none.
    #[must_use]
    pub fn trim(&self, content: &Content) -> Option<(String, Vec<Hit>)> {
        let Content::Text(text) = content else {
            return None;
        };
        let hits = self.hits(content);
        if hits.is_empty() {
            return None;
        }
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let mut cut = vec![false; lines.len()];
        for gram in Grams::of(content) {
            if self
                .items_with(gram.hash)
                .any(|item| hits.iter().any(|hit| hit.item == item))
            {
                cut[gram.first_line as usize..=gram.last_line as usize].fill(true);
            }
        }
        let kept = lines
            .iter()
            .zip(&cut)
            .filter(|(_, cut)| !**cut)
            .map(|(line, _)| *line)
            .collect::<String>();
        Some((kept.trim_end().to_owned(), hits))
    }

    fn judge(&self, item: u32, shared: u32) -> Option<Hit> {
        let coverage = f64::from(shared) / f64::from(self.items[item as usize].grams.max(1));
        (shared >= FEWEST_SHARED || coverage >= LARGEST_COVERAGE).then_some(Hit {
            item,
            shared,
            coverage,
        })
    }

    fn items_with(&self, hash: u64) -> impl Iterator<Item = u32> {
        let bit = hash as usize & (self.filter.len() * 64 - 1);
        let may = self.filter[bit / 64] >> (bit % 64) & 1 == 1;
        let start = if may {
            self.grams.partition_point(|(gram, _)| *gram < hash)
        } else {
            self.grams.len()
        };
        self.grams[start..]
            .iter()
            .take_while(move |(gram, _)| *gram == hash)
            .map(|(_, item)| *item)
    }

    fn asked(&self, question: u128) -> Option<u32> {
        let at = self
            .questions
            .binary_search_by_key(&question, |(question, _)| *question);
        at.ok().map(|at| self.questions[at].1)
    }
}

/// The key of the first question of a conversation, or of all of a text.
fn question(content: &Content) -> Option<u128> {
    match content {
        // Numbers stay, as in the 13-grams.
        Content::Text(text) => {
            let mut key = String::with_capacity(text.len());
            append_key_with(text, &mut key, Numbers::Keep);
            (!key.is_empty()).then(|| xxh3_128(key.as_bytes()))
        }
        Content::Chat(_) | Content::Preference { .. } => Some(keys::of(content).split),
    }
}
