//! The documents that a tokenizer is trained on: a seeded share of those that stay.

use super::Job;
use super::plan::{Fate, Fates, Plan};
use super::units::{Unit, Units};
use anyhow::Result;
use std::collections::VecDeque;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Iterator over their texts, a row group in memory at a time.
pub struct Texts<'a> {
    job: &'a Job<'a>,
    units: VecDeque<Unit>,
    fates: Fates<'a>,
    below: u64,
    waiting: VecDeque<String>,
}

impl<'a> Texts<'a> {
    /// About `share` (0 to 1) of the kept documents.
    ///
    /// # Errors
    /// When the plan cannot be read.
    pub fn new(job: &'a Job<'a>, plan: &'a Plan, share: f64) -> Result<Self> {
        Ok(Self {
            job,
            units: Units::missing(&job.corpus, |_| false)
                .iter()
                .copied()
                .collect(),
            fates: plan.read(job)?,
            below: if share >= 1.0 {
                u64::MAX
            } else {
                (share * u64::MAX as f64) as u64
            },
            waiting: VecDeque::new(),
        })
    }

    fn fill(&mut self, unit: Unit) -> Result<()> {
        let mut fates = self.fates.take(unit.part, unit.rows)?.into_iter();
        unit.for_each(self.job, |document, _| {
            let kept = matches!(fates.next(), Some((_, Fate::Keep { .. })));
            if kept && xxh3_64_with_seed(&document.id.0, self.job.context.seed) <= self.below {
                self.waiting
                    .extend(document.content.pieces().map(str::to_owned));
            }
            Ok(())
        })
    }
}

impl Iterator for Texts<'_> {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(text) = self.waiting.pop_front() {
                return Some(Ok(text));
            }
            let unit = self.units.pop_front()?;
            if let Err(error) = self.fill(unit) {
                self.units.clear();
                return Some(Err(error));
            }
        }
    }
}
