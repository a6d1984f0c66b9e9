//! `--dedup-lines`: lines that stand in many documents are taken out of texts.
//!
//! One pass over the corpus counts in how many documents each line stands (once a document), sorted
//! on disk; the hashes of those that are in enough are held in memory, the most frequent first,
//! within an eighth of `--memory`. Every later pass takes the same lines out of the same texts.
//!
//! Nothing is lost: one of the documents keeps the line, that with the smallest id. And a text of which
//! more than four fifths would go is left whole: it is a copy of others, or nearly one, and the search
//! for copies, which keeps one of them, decides on it.

use super::Job;
use super::units::{Unit, Units};
use crate::dedup::lines;
use crate::document::{Content, DocumentId, count_characters};
use crate::spill::{Reader, RecordWriter, Sorter};
use crate::{atomic, interrupt, ordered, record};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::ops::AddAssign;

/// Lines that are shown.
const SHOWN: usize = 20;
/// Characters of a line that are shown.
const SHOWN_CHARACTERS: usize = 200;
/// Bytes that a hash with its keeper takes in memory.
const HASH_BYTES: u64 = 48;
/// The largest share of a text's characters that is taken out.
const MOST_TAKEN: f64 = 0.8;

record! {
    /// A line and how many documents of a unit have it.
    struct Counted {
        hash: u64,
        documents: u32,
        /// The smallest id among them.
        keeper: DocumentId,
    }
}

record! {
    /// A line that is in many documents, the most frequent first.
    struct Frequent {
        /// `u32::MAX` less the documents.
        rarity: u32,
        hash: u64,
        keeper: DocumentId,
    }
}

/// What the count found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Lines that are taken out, each counted once.
    pub lines: u64,
    /// Lines that are frequent enough, but for which there was no memory.
    pub left_out: u64,
}

/// The lines that are taken out of texts.
pub struct RepeatedLines {
    /// By hash, the document that keeps the line.
    keepers: HashMap<u64, DocumentId>,
    /// The most frequent, with their documents.
    shown: Vec<(u64, u32)>,
    counts: Counts,
    /// Documents from which on a line goes.
    documents: u32,
}

/// What was taken out of one text.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    /// Lines.
    pub lines: u64,
    /// Their characters.
    pub characters: u64,
    /// Those that are shown, by hash.
    pub examples: BTreeMap<u64, String>,
}

impl RepeatedLines {
    /// Counts the lines of the corpus, if that is not done yet.
    ///
    /// # Errors
    /// When the corpus is damaged or the work directory cannot be written.
    pub fn find(job: &Job, documents: u32) -> Result<Self> {
        let path = job.work.file("lines");
        let done = job.work.file("lines.json");
        if !done.exists() {
            let counts = count(job, documents, &path)?;
            atomic::write_json(&done, &counts)?;
        }
        let text = std::fs::read(&done)?;
        let counts = serde_json::from_slice(&text)
            .with_context(|| format!("{} is damaged; remove the directory", done.display()))?;
        let (mut keepers, mut shown) = (HashMap::new(), Vec::new());
        for line in Reader::<Frequent>::open(&path)? {
            let line = line?;
            keepers.insert(line.hash, line.keeper);
            if shown.len() < SHOWN {
                shown.push((line.hash, u32::MAX - line.rarity));
            }
        }
        Ok(Self {
            keepers,
            shown,
            counts,
            documents,
        })
    }

    /// What is left of the text of the document `id`, and what was taken; `None` where it is left whole.
    #[must_use]
    pub fn take(&self, id: DocumentId, text: &str) -> Option<(String, Taken)> {
        let goes = |hash| self.keepers.get(&hash).is_some_and(|keeper| *keeper != id);
        let left = lines::without(text, goes)?;
        let mut taken = Taken::default();
        for (hash, range) in left.taken {
            let line = &text[range];
            taken.lines += 1;
            taken.characters += count_characters(line) as u64;
            if self.shown.iter().any(|(shown, _)| *shown == hash) {
                let line = line.trim().chars().take(SHOWN_CHARACTERS).collect();
                taken.examples.entry(hash).or_insert(line);
            }
        }
        let most = count_characters(text) as f64 * MOST_TAKEN;
        (taken.characters as f64 <= most).then_some((left.text, taken))
    }
}

fn count(job: &Job, documents: u32, path: &std::path::Path) -> Result<Counts> {
    let units = Units::missing(&job.corpus, |_| false);
    let progress = job.progress("count lines", &units);
    let mut sorter = Sorter::new(&job.work.file("lines-counted"), job.context.memory / 4);
    ordered::map_fold(
        job.context.threads,
        units.iter().map(|unit| Ok(*unit)),
        |unit: Unit| Ok((unit, of_unit(job, unit)?)),
        |(unit, counted)| {
            interrupt::check()?;
            for (hash, (documents, keeper)) in counted {
                sorter.push(Counted {
                    hash,
                    documents,
                    keeper,
                })?;
            }
            progress.add(unit.bytes);
            Ok(())
        },
    )?;
    let mut frequent = Sorter::new(&job.work.file("lines-frequent"), job.context.memory / 8);
    let mut counted = sorter.sorted()?.peekable();
    while let Some(first) = counted.next().transpose()? {
        let (mut sum, mut keeper) = (first.documents, first.keeper);
        while let Some(next) = counted
            .next_if(|next| next.as_ref().is_ok_and(|next| next.hash == first.hash))
            .transpose()?
        {
            sum = sum.saturating_add(next.documents);
            keeper = keeper.min(next.keeper);
        }
        if sum >= documents {
            frequent.push(Frequent {
                rarity: u32::MAX - sum,
                hash: first.hash,
                keeper,
            })?;
        }
    }
    progress.finish();
    let room = job.context.memory / 8 / HASH_BYTES;
    let (mut counts, mut writer) = (Counts::default(), RecordWriter::create(path)?);
    for line in frequent.sorted()? {
        if counts.lines < room {
            writer.push(&line?)?;
            counts.lines += 1;
        } else {
            counts.left_out += 1;
        }
    }
    writer.commit()?;
    Ok(counts)
}

/// In how many documents of the unit each line stands, and the smallest id among them.
fn of_unit(job: &Job, unit: Unit) -> Result<BTreeMap<u64, (u32, DocumentId)>> {
    let mut counted = BTreeMap::<u64, (u32, DocumentId)>::new();
    unit.for_each(job, |document, _| {
        if let Content::Text(text) = &document.content {
            for hash in lines::hashes(text) {
                let (documents, keeper) = counted.entry(hash).or_insert((0, document.id));
                *documents += 1;
                *keeper = document.id.min(*keeper);
            }
        }
        Ok(())
    })?;
    Ok(counted)
}

/// What was taken out of the texts of one source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceLines {
    /// Documents that lost lines.
    pub documents: u64,
    /// Lines that went.
    pub lines: u64,
    /// Their characters.
    pub characters: u64,
}

/// The account of what was taken out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinesAccount {
    /// By source.
    pub by_source: BTreeMap<String, SourceLines>,
    /// Lines that are shown, as they stood where they were first taken out.
    pub examples: BTreeMap<u64, String>,
}

impl LinesAccount {
    /// Books what was taken out of a document of `source`.
    pub fn add(&mut self, source: &str, taken: &Taken) {
        let of = self.by_source.entry(source.to_owned()).or_default();
        of.documents += 1;
        of.lines += taken.lines;
        of.characters += taken.characters;
        self.show(&taken.examples);
    }

    fn show(&mut self, examples: &BTreeMap<u64, String>) {
        for (hash, line) in examples {
            self.examples.entry(*hash).or_insert_with(|| line.clone());
        }
    }
}

impl AddAssign<&LinesAccount> for LinesAccount {
    fn add_assign(&mut self, other: &LinesAccount) {
        for (source, lines) in &other.by_source {
            let of = self.by_source.entry(source.clone()).or_default();
            of.documents += lines.documents;
            of.lines += lines.lines;
            of.characters += lines.characters;
        }
        self.show(&other.examples);
    }
}

/// A line that was taken out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownLine {
    /// Documents that have it.
    pub documents: u32,
    /// The line, up to 200 characters of it.
    pub text: String,
}

/// The report of it all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinesReport {
    /// Documents from which on a line goes.
    pub from_documents: u32,
    /// What the count found.
    pub distinct: Counts,
    /// What was taken out, by source.
    pub by_source: BTreeMap<String, SourceLines>,
    /// The most frequent lines that were taken out, most documents first.
    pub top: Vec<ShownLine>,
}

impl LinesReport {
    /// From the count and the account.
    #[must_use]
    pub fn new(repeated: &RepeatedLines, account: &LinesAccount) -> Self {
        let shown = |(hash, documents): &(u64, u32)| {
            let text = account.examples.get(hash)?.clone();
            let documents = *documents;
            Some(ShownLine { documents, text })
        };
        Self {
            from_documents: repeated.documents,
            distinct: repeated.counts,
            by_source: account.by_source.clone(),
            top: repeated.shown.iter().filter_map(shown).collect(),
        }
    }
}
