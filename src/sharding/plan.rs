//! What becomes of each document, and which are validated.
//!
//! Documents that share a key of their split (copies, answers to one question, texts that were found to
//! be related) fall to the same one, so none straddles. Groups are chosen in the order of a seeded hash of
//! that key until there are enough documents; a group that would be too much is learned from.

use super::copies::{self, Finding, FindingKind, Statistics};
use super::options::LARGEST_VAL_SHARE;
use super::removed::Removal;
use super::scan::{self, Scanned};
use super::{Job, ValSize, work};
use crate::record;
use crate::shard::Split;
use crate::spill::{Reader, Sorter};
use anyhow::{Context, Result, ensure};
use arrow::array::RecordBatch;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::path::PathBuf;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Why an answer goes that contradicts another one.
const CONFLICT: &str = "qa_conflict";

/// What becomes of one document.
#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    /// It goes to this split; `conflict` when other answers to its question exist.
    Keep { split: Split, conflict: bool },
    /// It is dropped.
    Drop(Removal),
}

/// What was found of the documents, in order.
struct Findings {
    records: Reader<Finding>,
    next: Option<Finding>,
}

/// What was found of one document.
#[derive(Default)]
struct Found {
    /// Why it goes.
    gone: Option<Finding>,
    /// Whether other answers to its question exist.
    conflict: bool,
    /// The key of the split, if not its own.
    related: Option<u128>,
}

impl Findings {
    fn open(path: &std::path::Path) -> Result<Self> {
        let mut records = Reader::open(path)?;
        let next = records.next().transpose()?;
        Ok(Self { records, next })
    }

    /// What was found of this document; asked in the order of parts and rows.
    fn at(&mut self, part: u32, row: u32) -> Result<Found> {
        let mut found = Found::default();
        while let Some(next) = self
            .next
            .filter(|next| (next.part, next.row) <= (part, row))
        {
            if (next.part, next.row) == (part, row) {
                match next.says() {
                    FindingKind::Related => found.related = Some(next.key),
                    FindingKind::ConflictKept => found.conflict = true,
                    FindingKind::Copy
                    | FindingKind::Near
                    | FindingKind::ConflictLost
                    | FindingKind::ConflictAll => found.gone = Some(next),
                }
            }
            self.next = self.records.next().transpose()?;
        }
        Ok(found)
    }
}

/// Groups that are passed over for being too large before the search for smaller ones ends.
const MOST_PASSED_OVER: usize = 1 << 20;

record! {
    /// A kept document, to be sorted by the hash of its key.
    struct Hashed {
        hash: u64,
        key: u128,
    }
}

/// The plan of a run: the fate of each document, given in order.
pub struct Plan {
    findings: Option<PathBuf>,
    /// Groups whose hash is below this are validated.
    val_below: u64,
    /// Groups below it that are too large: 16 bytes each.
    train_keys: HashSet<u128>,
    /// Groups with a document of a source that is validated: 16 bytes each.
    val_keys: HashSet<u128>,
    seed: u64,
    /// Documents that stay, unless each is decided on by itself.
    pub kept: u64,
    /// The figures of the search for copies.
    pub copies: Statistics,
}

impl Plan {
    /// The plan of a run in which each document is decided on by itself ([`Job::decides_alone`]): all that
    /// no rule drops are learned from.
    #[must_use]
    pub fn alone(job: &Job) -> Self {
        Self::without(job, None, Statistics::default())
    }

    /// A plan that validates nothing yet.
    fn without(job: &Job, findings: Option<PathBuf>, copies: Statistics) -> Self {
        Self {
            findings,
            val_below: 0,
            train_keys: HashSet::new(),
            val_keys: HashSet::new(),
            seed: job.context.seed,
            kept: 0,
            copies,
        }
    }

    /// Makes the plan from the scans.
    ///
    /// # Errors
    /// When the work directory cannot be read or written, or all that stays would be validated.
    pub fn make(job: &Job) -> Result<Self> {
        let (findings, copies) = copies::find(job)?.unzip();
        let mut plan = Self::without(job, findings, copies.unwrap_or_default());
        plan.validate_sources(job)?;
        let memory = job.context.memory / 4;
        let mut hashed = Sorter::<Hashed>::new(&job.work.file("val-hashes"), memory);
        let (mut kept, mut left) = (0_u64, 0_u64);
        plan.for_each(job, |scanned, fate| {
            if let Fate::Drop(_) = fate {
                return Ok(());
            }
            kept += 1;
            if plan.val_keys.contains(&scanned.split) {
                return Ok(());
            }
            left += 1;
            let (hash, key) = (plan.hash(scanned.split), scanned.split);
            hashed.push(Hashed { hash, key })
        })?;
        ensure!(
            left > 0 || kept == 0,
            "every document that stays is of a source of --val-source, or is like one of it; nothing is left to learn from"
        );
        plan.kept = kept;
        plan.choose(job, hashed.sorted()?)?;
        Ok(plan)
    }

    /// Finds the groups of the sources that are validated whole: those of their documents, and of what
    /// stays in the place of one of them.
    fn validate_sources(&mut self, job: &Job) -> Result<()> {
        if job.options.val_sources.is_empty() {
            return Ok(());
        }
        let (mut of_sources, mut keys) = (HashSet::new(), HashSet::new());
        self.for_each(job, |scanned, _| {
            if scanned.of_val_source && scanned.dropped.is_none() {
                of_sources.insert(scanned.own_split);
                keys.insert(scanned.split);
            }
            Ok(())
        })?;
        // A copy of such a document, in another source, may be related to further ones.
        self.for_each(job, |scanned, _| {
            if scanned.dropped.is_none() && of_sources.contains(&scanned.own_split) {
                keys.insert(scanned.split);
            }
            Ok(())
        })?;
        self.val_keys = keys;
        Ok(())
    }

    /// Chooses the groups that are validated, of all others in the order of their hashes, until there
    /// are so many documents; a group that would be too much is passed over.
    fn choose(&mut self, job: &Job, sorted: impl Iterator<Item = Result<Hashed>>) -> Result<()> {
        let wanted = match job.options.val {
            ValSize::Share(share) => (share * self.kept as f64).ceil() as u64,
            // Of no documents the rules that left none are told, which is done where they are known.
            ValSize::Documents(_) if self.kept == 0 => 0,
            ValSize::Documents(documents) => {
                ensure!(
                    documents as f64 <= self.kept as f64 * LARGEST_VAL_SHARE,
                    "--val {documents}: {} documents stay, of which at most {:.0} % can be validated",
                    self.kept,
                    100.0 * LARGEST_VAL_SHARE
                );
                documents
            }
        };
        let mut sorted = sorted.peekable();
        let (mut last, mut chosen, mut full) = (None::<Hashed>, 0_u64, wanted == 0);
        if !full {
            self.val_below = u64::MAX;
        }
        while let Some(group) = sorted.next().transpose()? {
            let mut size = 1;
            while sorted
                .next_if(|next| next.as_ref().is_ok_and(|next| next.key == group.key))
                .is_some()
            {
                size += 1;
            }
            last = Some(group);
            if full {
                continue;
            }
            if chosen + size <= wanted {
                chosen += size;
            } else if chosen >= wanted - wanted / 50 || self.train_keys.len() == MOST_PASSED_OVER {
                full = true;
                self.val_below = group.hash;
            } else {
                self.train_keys.insert(group.key);
            }
        }
        // However small a corpus, its last group is learned from.
        self.val_below = self.val_below.min(last.map_or(0, |last| last.hash));
        if chosen < wanted.div_ceil(2) {
            job.context.note(&format!(
                "warning: {chosen} documents are validated, not {wanted}: texts that are alike, or answers to one question, make groups that are larger than that, and are learned from"
            ));
        }
        Ok(())
    }

    /// How many documents go, by the reason.
    ///
    /// # Errors
    /// When the work directory cannot be read.
    pub fn reasons(&self, job: &Job) -> Result<BTreeMap<String, u64>> {
        let mut reasons = BTreeMap::new();
        self.for_each(job, |_, fate| {
            if let Fate::Drop(why) = fate {
                *reasons.entry(why.reason.clone()).or_default() += 1;
            }
            Ok(())
        })?;
        Ok(reasons)
    }

    /// Calls `each` with every document and its fate; its split is that of the documents it is related
    /// to.
    fn for_each(
        &self,
        job: &Job,
        mut each: impl FnMut(&Scanned, &Fate) -> Result<()>,
    ) -> Result<()> {
        let mut fates = self.read(job)?;
        for part in 0..job.corpus.parts.len() {
            // A row group at a time: the fates of a part of tiny records may be many.
            for (rows, _) in &job.corpus.parts[part] {
                for (scanned, fate) in fates.take(part, *rows)? {
                    each(&scanned, &fate)?;
                }
            }
        }
        Ok(())
    }

    fn hash(&self, group: u128) -> u64 {
        xxh3_64_with_seed(&group.to_be_bytes(), self.seed)
    }

    fn split(&self, group: u128) -> Split {
        let chosen = self.hash(group) < self.val_below && !self.train_keys.contains(&group);
        if chosen || self.val_keys.contains(&group) {
            Split::Val
        } else {
            Split::Train
        }
    }

    /// A reader of fates, in order.
    ///
    /// # Errors
    /// When the work directory cannot be read.
    pub fn read<'a>(&'a self, job: &'a Job<'a>) -> Result<Fates<'a>> {
        let findings = self.findings.as_deref().map(Findings::open).transpose()?;
        Ok(Fates {
            plan: self,
            job,
            findings,
            part: None,
        })
    }

    /// The fate of a document of which nothing was found beside others.
    #[must_use]
    pub fn of_one(&self, job: &Job, scanned: &Scanned) -> Fate {
        self.fate(job, scanned, &Found::default())
    }

    fn fate(&self, job: &Job, scanned: &Scanned, found: &Found) -> Fate {
        let dropped = |reason: &str, found: &Finding| Removal {
            reason: reason.to_owned(),
            kept: Some(found.kept()),
            kept_earlier: found.own == 0,
            ..Removal::default()
        };
        let in_conflict = found.conflict;
        let removal = match (found.gone, &scanned.dropped) {
            (Some(gone), _) => match gone.says() {
                FindingKind::Near => Removal {
                    value: Some(gone.similarity()),
                    threshold: Some(job.options.threshold),
                    similarity: Some(gone.similarity()),
                    cluster_size: Some(gone.cluster),
                    ..dropped("near_duplicate", &gone)
                },
                FindingKind::ConflictLost => Removal {
                    in_conflict: true,
                    ..dropped(CONFLICT, &gone)
                },
                FindingKind::ConflictAll => Removal {
                    kept: None,
                    in_conflict: true,
                    ..dropped(CONFLICT, &gone)
                },
                // Of a copy of a near copy, the similarity to what stays.
                _ => Removal {
                    in_conflict,
                    similarity: Some(gone.similarity()),
                    cluster_size: Some(gone.cluster),
                    ..dropped("exact_duplicate", &gone)
                },
            },
            (_, Some((rule, value, threshold))) => Removal {
                reason: rule.clone(),
                value: Some(*value),
                threshold: Some(*threshold),
                ..Removal::default()
            },
            (None, None) => {
                return Fate::Keep {
                    split: self.split(scanned.split),
                    conflict: found.conflict,
                };
            }
        };
        Fate::Drop(removal)
    }
}

/// Reads fates in the order of parts and rows; whole parts may be left out.
pub struct Fates<'a> {
    plan: &'a Plan,
    job: &'a Job<'a>,
    findings: Option<Findings>,
    part: Option<OpenPart>,
}

struct OpenPart {
    part: usize,
    row: u64,
    batches: Box<dyn Iterator<Item = Result<RecordBatch>> + Send>,
    waiting: VecDeque<Scanned>,
}

impl Fates<'_> {
    /// The next `rows` fates of `part`.
    ///
    /// # Errors
    /// When the work directory is damaged.
    pub fn take(&mut self, part: usize, rows: u64) -> Result<Vec<(Scanned, Fate)>> {
        if self.part.as_ref().is_none_or(|open| open.part != part) {
            let batches = Box::new(work::read(&self.job.work.part("scan", part))?);
            self.part = Some(OpenPart {
                part,
                row: 0,
                batches,
                waiting: VecDeque::new(),
            });
        }
        let Some(open) = &mut self.part else {
            return Ok(Vec::new());
        };
        let mut taken = Vec::with_capacity(rows as usize);
        while (taken.len() as u64) < rows {
            let Some(mut scanned) = open.waiting.pop_front() else {
                let batch = open
                    .batches
                    .next()
                    .context("the scan of a part is shorter than the part")?;
                open.waiting.extend(scan::rows(&batch?));
                continue;
            };
            let found = match &mut self.findings {
                Some(findings) => findings.at(part as u32, open.row as u32)?,
                None => Found::default(),
            };
            open.row += 1;
            scanned.split = found.related.unwrap_or(scanned.split);
            let fate = self.plan.fate(self.job, &scanned, &found);
            taken.push((scanned, fate));
        }
        Ok(taken)
    }
}
