//! Copies of one set in another, and answers that contradict each other, for `prep compare`.
//!
//! The search is that of `prep shard`, with no rules: scan, exact and near copies, within half of
//! `--memory` and on disk. Nothing else of a run is made.

use super::copies::{self, Finding, FindingKind};
use super::earlier::Earlier;
use super::options::{DedupMode, Options, TokenizerChoice, ValSize};
use super::units::Corpus;
use super::work::Work;
use super::{Job, globs, scan};
use crate::cmd::Context;
use crate::corpus::CorpusManifest;
use crate::dedup::exact::Conflicts;
use crate::dedup::minhash::Recall;
use crate::filter::{Fidelity, Filters};
use crate::shard::shuffle::Order;
use crate::sharding::benchmarks::Remedy;
use crate::sharding::mixing::Weights;
use crate::spill::Reader;
use crate::tokenize::{Letters, Policy};
use anyhow::Result;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What was found of the documents of a corpus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Copies {
    /// Documents with the comparison key of one in the other set.
    pub exact: u64,
    /// Texts that share at least 0.8 of their word 5-grams with one in the other set, and are no exact
    /// copies.
    pub near: u64,
    /// Documents that go as exact copies of others of the corpus itself.
    pub exact_inside: u64,
    /// Answers that contradict another answer to the same question under the same system prompt, in
    /// either set.
    pub conflicting_answers: u64,
}

/// From this similarity on a text is a near copy.
const THRESHOLD: f64 = 0.8;

/// Searches the corpus for copies of what stands in `other`, a corpus or shards; for exact copies and
/// conflicts inside alone where there is no other. `scratch` is a directory of the caller.
///
/// # Errors
/// When a set is damaged, or the disk is full.
pub fn find(
    corpus: &Path,
    other: Option<&Path>,
    scratch: &Path,
    context: &Context,
) -> Result<Copies> {
    let options = options(corpus, other, scratch);
    let manifest = CorpusManifest::read(corpus)?;
    let opened = Corpus::open(corpus, &manifest)?;
    let filters = Filters::new(&options.profile, &[], &[]).map_err(anyhow::Error::msg)?;
    let job = Job {
        options: &options,
        context,
        earlier: Earlier::open(&options.against, opened.parts.len())?,
        corpus: opened,
        filters,
        val_sources: globs(&[])?,
        classifier: None,
        benchmarks: None,
        weights: Weights::new(&[], context.seed)?,
        repeated: None,
        work: Work::open(scratch)?,
    };
    scan::run(&job)?;
    let mut found = Copies::default();
    if let Some((path, statistics)) = copies::find(&job)? {
        for source in statistics.by_source.values() {
            found.exact += source.exact.earlier;
            found.near += source.near.earlier;
            found.exact_inside += source.exact.inside + source.exact.across;
        }
        for finding in Reader::<Finding>::open(&path)? {
            found.conflicting_answers += u64::from(finding?.says() == FindingKind::ConflictKept);
        }
    }
    job.work.remove()?;
    Ok(found)
}

fn options(corpus: &Path, other: Option<&Path>, scratch: &Path) -> Options {
    Options {
        corpus: corpus.to_owned(),
        out: scratch.to_owned(),
        tokenizer: TokenizerChoice::File(PathBuf::new()),
        profile: "none".to_owned(),
        set: Vec::new(),
        skip: Vec::new(),
        fidelity: Fidelity::Prep,
        mask_pii: None,
        decontaminate: Vec::new(),
        remedy: Remedy::Drop,
        weights: Vec::new(),
        dedup: match other {
            Some(_) => DedupMode::Near,
            None => DedupMode::Exact,
        },
        conflicts: Conflicts::Keep,
        threshold: THRESHOLD,
        recall: Recall::Default,
        dedup_lines: None,
        against: other.map(Path::to_owned).into_iter().collect(),
        val: ValSize::Share(0.0),
        val_sources: Vec::new(),
        shard_bytes: 0,
        order: Order::Input,
        bos: Policy::Auto,
        eos: None,
        chat_template: None,
        letters: Letters::Text,
        max_length: None,
        label_field: None,
        classifier: None,
    }
}
