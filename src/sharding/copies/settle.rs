//! Who goes for whom in the end, how large each cluster is, and the figures for the report.
//!
//! An exact copy of a document that goes for another goes for that one too: it has the same
//! shingles, so what is kept for it is as similar, and stays. It is counted as the exact copy that it
//! is, whatever the threshold of near ones. Ids are hashes of source and record, so the next delivery of
//! a file has those of the last one: a document of an earlier set and one of this corpus may share theirs.

use super::candidates::MEMBERS;
use super::exact::{self, Exact};
use super::verify::{self, Gone, Relation};
use super::{DedupMode, Member, candidates, sorter_memory};
use crate::dedup::shingles::Overlap;
use crate::document::DocumentId;
use crate::sharding::Job;
use crate::spill::{Reader, RecordWriter, Sorter, Table};
use crate::{atomic, record};
use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What was found, by place.
const FILE: &str = "copies";
/// [`Statistics`], written last.
const STATISTICS: &str = "copies.json";
/// Pairs of a source that are shown.
pub const SAMPLES: usize = 5;
/// Cluster sizes that are counted together: from here to below the next.
pub const SIZES: [u64; 6] = [2, 3, 4, 5, 100, 1_000];

record! {
    /// What was found of the document at `part` and `row`.
    pub struct Finding {
        /// Part of the corpus.
        pub part: u32,
        /// Row in it.
        pub row: u32,
        /// One of [`FindingKind`].
        pub kind: u8,
        /// The document that is kept for it; of related documents, the key of their split.
        pub key: u128,
        /// 0 where that is a document of an earlier set.
        pub own: u8,
        /// Documents of the cluster, the kept one among them.
        pub cluster: u64,
        /// Shingles in both.
        pub common: u32,
        /// Shingles in one or both.
        pub all: u32,
    }
}

/// What a finding says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FindingKind {
    /// It falls to the split of this key.
    Related,
    /// It is one of several answers and stays.
    ConflictKept,
    /// It is an exact copy.
    Copy,
    /// It is a near copy.
    Near,
    /// It is one of several answers and goes in favour of another.
    ConflictLost,
    /// It is one of several answers, all of which go.
    ConflictAll,
}

impl Finding {
    /// What it says.
    #[must_use]
    pub fn says(&self) -> FindingKind {
        use FindingKind::{ConflictAll, ConflictKept, ConflictLost, Copy, Near, Related};
        [Related, ConflictKept, Copy, Near, ConflictLost, ConflictAll]
            [usize::from(self.kind).min(5)]
    }

    /// The document that is kept.
    #[must_use]
    pub fn kept(&self) -> DocumentId {
        DocumentId(self.key.to_be_bytes())
    }

    /// The similarity to it.
    #[must_use]
    pub fn similarity(&self) -> f64 {
        Overlap {
            common: self.common,
            all: self.all,
        }
        .jaccard()
    }
}

/// A document that goes, and the one that is kept for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The document that goes.
    pub removed_id: String,
    /// The one that is kept for it.
    pub kept_id: String,
    /// Their similarity, 0 to 1.
    pub similarity: f64,
}

/// Copies that go, by where the document is that is kept for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// In the same source.
    pub inside: u64,
    /// In another source.
    pub across: u64,
    /// In a set given by `--against`.
    pub earlier: u64,
}

impl Removed {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.inside + self.across + self.earlier
    }
}

impl std::ops::AddAssign for Removed {
    fn add_assign(&mut self, other: Self) {
        self.inside += other.inside;
        self.across += other.across;
        self.earlier += other.earlier;
    }
}

/// Copies of one source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SourceCopies {
    /// Exact copies that go, those of near copies among them.
    pub exact: Removed,
    /// Near copies that go.
    pub near: Removed,
    /// The first pairs of near copies.
    pub samples: Vec<Sample>,
}

/// The figures of the search.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// What the search for candidates did; without near copies nothing.
    pub candidates: candidates::Counts,
    /// What was measured.
    pub verified: verify::Counts,
    /// Clusters by their size, as [`SIZES`] counts them.
    pub clusters: [u64; SIZES.len()],
    /// By hash of the source's name.
    pub by_source: BTreeMap<u64, SourceCopies>,
}

record! {
    /// A document that goes; those that go for the same one stand together, near ones first.
    struct Link {
        target: DocumentId,
        target_own: u8,
        is_copy: u8,
        part: u32,
        row: u32,
        id: DocumentId,
        source: u64,
        kept: DocumentId,
        kept_source: u64,
        kept_own: u8,
        common: u32,
        all: u32,
    }
}

record! {
    /// A document that goes, sorted by what is kept for it in the end.
    struct Settled {
        kept: DocumentId,
        kept_own: u8,
        part: u32,
        row: u32,
        id: DocumentId,
        source: u64,
        kept_source: u64,
        near: u8,
        common: u32,
        all: u32,
    }
}

/// Settles who goes for whom, if that is not done yet; returns the findings and the figures.
pub fn run(job: &Job) -> Result<(PathBuf, Statistics)> {
    let path = job.work.file(FILE);
    let statistics = job.work.file(STATISTICS);
    if statistics.exists() {
        return Ok((path, read_json(&statistics)?));
    }
    let near = job.options.dedup == DedupMode::Near;
    let mut figures = Statistics::default();
    if near {
        figures.candidates = read_json(&job.work.file(candidates::COUNTS))?;
        figures.verified = read_json(&job.work.file(verify::COUNTS))?;
    }
    let mut findings = Sorter::new(&job.work.file("copies-findings"), sorter_memory(job));
    let mut links = Sorter::new(&job.work.file("copies-links"), sorter_memory(job));
    add_exact(job, &mut links, &mut findings)?;
    if near {
        add_near(job, &mut links, &mut findings)?;
    }
    let settled = job.work.file("copies-settled");
    settle(job, links, &settled)?;
    count_clusters(&settled, &mut figures, &mut findings)?;
    let mut writer = RecordWriter::create(&path)?;
    for finding in findings.sorted()? {
        writer.push(&finding?)?;
    }
    writer.commit()?;
    atomic::write_json(&statistics, &figures)?;
    Ok((path, figures))
}

fn read_json<T: DeserializeOwned>(path: &std::path::Path) -> Result<T> {
    let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text)
        .with_context(|| format!("{} is damaged; remove the directory", path.display()))
}

fn add_exact(job: &Job, links: &mut Sorter<Link>, findings: &mut Sorter<Finding>) -> Result<()> {
    for found in Reader::<Exact>::open(&job.work.file(exact::FILE))? {
        let found = found?;
        let conflict = match found.kind {
            exact::CONFLICT_KEPT => FindingKind::ConflictKept,
            exact::CONFLICT_LOST => FindingKind::ConflictLost,
            exact::CONFLICT_ALL => FindingKind::ConflictAll,
            _ => {
                links.push(Link {
                    target: found.kept,
                    target_own: found.kept_own,
                    is_copy: 1,
                    part: found.part,
                    row: found.row,
                    id: found.id,
                    source: found.source,
                    kept: found.kept,
                    kept_source: found.kept_source,
                    kept_own: found.kept_own,
                    common: 1,
                    all: 1,
                })?;
                continue;
            }
        };
        findings.push(Finding {
            part: found.part,
            row: found.row,
            kind: conflict as u8,
            key: u128::from_be_bytes(found.kept.0),
            own: found.kept_own,
            cluster: 0,
            common: 0,
            all: 0,
        })?;
    }
    Ok(())
}

fn add_near(job: &Job, links: &mut Sorter<Link>, findings: &mut Sorter<Finding>) -> Result<()> {
    let members = Table::<Member>::open(&job.work.file(MEMBERS))?;
    for gone in Reader::<Gone>::open(&job.work.file(verify::GONE))? {
        let gone = gone?;
        let member = members.at(u64::from(gone.member))?;
        let kept = members.at(u64::from(gone.kept))?;
        links.push(Link {
            target: member.id,
            target_own: member.own,
            is_copy: 0,
            part: member.part,
            row: member.row,
            id: member.id,
            source: member.source,
            kept: kept.id,
            kept_source: kept.source,
            kept_own: kept.own,
            common: gone.common,
            all: gone.all,
        })?;
    }
    for relation in Reader::<Relation>::open(&job.work.file(verify::RELATIONS))? {
        let relation = relation?;
        let member = members.at(u64::from(relation.member))?;
        findings.push(Finding {
            part: member.part,
            row: member.row,
            kind: FindingKind::Related as u8,
            key: members.at(u64::from(relation.root))?.split,
            own: 1,
            cluster: 0,
            common: 0,
            all: 0,
        })?;
    }
    Ok(())
}

/// Writes the links with what is kept in the end, sorted by that.
fn settle(job: &Job, links: Sorter<Link>, path: &std::path::Path) -> Result<()> {
    let mut sorter = Sorter::new(&job.work.file("copies-kept"), sorter_memory(job));
    // The document that goes as a near copy, while its exact copies pass by.
    let mut near: Option<Link> = None;
    for link in links.sorted()? {
        let link = link?;
        if link.is_copy == 0 {
            near = Some(link);
        }
        let target = |link: &Link| (link.target, link.target_own);
        let of = near.filter(|near| target(near) == target(&link));
        let end = of.unwrap_or(link);
        sorter.push(Settled {
            kept: end.kept,
            kept_own: end.kept_own,
            part: link.part,
            row: link.row,
            id: link.id,
            source: link.source,
            kept_source: end.kept_source,
            near: u8::from(link.is_copy == 0),
            common: end.common,
            all: end.all,
        })?;
    }
    let mut writer = RecordWriter::create(path)?;
    for settled in sorter.sorted()? {
        writer.push(&settled?)?;
    }
    writer.commit()?;
    Ok(())
}

/// A cluster is counted by one reader before another gives its size to each of its documents.
fn count_clusters(
    path: &std::path::Path,
    figures: &mut Statistics,
    findings: &mut Sorter<Finding>,
) -> Result<()> {
    let mut ahead = Reader::<Settled>::open(path)?.peekable();
    let mut behind = Reader::<Settled>::open(path)?;
    while let Some(first) = ahead.next().transpose()? {
        let mut gone = 1;
        while ahead
            .next_if(|next| {
                next.as_ref()
                    .is_ok_and(|next| (next.kept, next.kept_own) == (first.kept, first.kept_own))
            })
            .is_some()
        {
            gone += 1;
        }
        let cluster = gone + 1;
        let size = SIZES.iter().rposition(|from| *from <= cluster).unwrap_or(0);
        figures.clusters[size] += 1;
        for settled in behind.by_ref().take(gone as usize) {
            let settled = settled?;
            figures.book(&settled);
            let kind = if settled.near == 1 {
                FindingKind::Near
            } else {
                FindingKind::Copy
            };
            findings.push(Finding {
                part: settled.part,
                row: settled.row,
                kind: kind as u8,
                key: u128::from_be_bytes(settled.kept.0),
                own: settled.kept_own,
                cluster,
                common: settled.common,
                all: settled.all,
            })?;
        }
    }
    Ok(())
}

impl Statistics {
    fn book(&mut self, settled: &Settled) {
        let source = self.by_source.entry(settled.source).or_default();
        let near = settled.near == 1;
        let removed = if near {
            &mut source.near
        } else {
            &mut source.exact
        };
        *match (settled.kept_own == 0, settled.kept_source == settled.source) {
            (true, _) => &mut removed.earlier,
            (false, true) => &mut removed.inside,
            (false, false) => &mut removed.across,
        } += 1;
        if near && source.samples.len() < SAMPLES {
            source.samples.push(Sample {
                removed_id: settled.id.to_string(),
                kept_id: settled.kept.to_string(),
                similarity: Overlap {
                    common: settled.common,
                    all: settled.all,
                }
                .jaccard(),
            });
        }
    }
}
