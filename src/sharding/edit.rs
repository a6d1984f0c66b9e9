//! Changes to the content that the user asked for, made before anything judges or compares it.
//!
//! Every pass over the corpus makes them anew, so a document is the same document in each. The
//! ledger counts documents as they stand afterwards; what was taken away is in the account of edits.

use super::benchmarks::Remedy;
use super::lines::{RepeatedLines, Taken};
use crate::decontaminate::{Benchmarks, Hit};
use crate::document::{Content, Document, Kind, count_characters};
use crate::filter::Filters;
use crate::pii::Masker;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::AddAssign;

/// A text that would keep less than this share of its characters is dropped, not trimmed.
const LEAST_LEFT: f64 = 0.5;

/// What one kind of edit did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Documents that it changed.
    pub documents: u64,
    /// Their characters before.
    pub characters_before: u64,
    /// Their characters after.
    pub characters_after: u64,
    /// What was masked or cut, by kind.
    pub items: BTreeMap<String, u64>,
}

impl AddAssign<&Change> for Change {
    fn add_assign(&mut self, other: &Change) {
        self.documents += other.documents;
        self.characters_before += other.characters_before;
        self.characters_after += other.characters_after;
        for (name, count) in &other.items {
            *self.items.entry(name.clone()).or_default() += count;
        }
    }
}

/// What each kind of edit did, by name: `mask_pii`, `trim_contamination`, `dedup_lines`, `c4_lines`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Changes(pub BTreeMap<String, Change>);

impl Changes {
    fn add(&mut self, edit: &str, before: u64, after: u64, items: BTreeMap<String, u64>) {
        let change = Change {
            documents: 1,
            characters_before: before,
            characters_after: after,
            items,
        };
        *self.0.entry(edit.to_owned()).or_default() += &change;
    }

    /// Characters that the edits took away (negative: added).
    #[must_use]
    pub fn characters_lost(&self) -> i64 {
        self.0
            .values()
            .map(|change| change.characters_before as i64 - change.characters_after as i64)
            .sum()
    }
}

impl AddAssign<&Changes> for Changes {
    fn add_assign(&mut self, other: &Changes) {
        for (name, change) in &other.0 {
            *self.0.entry(name.clone()).or_default() += change;
        }
    }
}

/// What was done to one document.
#[derive(Clone, Debug, Default)]
pub struct Edited {
    /// The account of it.
    pub changes: Changes,
    /// Items of benchmarks that were found in it.
    pub hits: Vec<Hit>,
    /// Whether it must be dropped for them.
    pub contaminated: bool,
    /// Repeated lines that were taken out of it.
    pub lines: Option<Taken>,
}

/// The edits of a run.
pub struct Edits<'a> {
    masker: Option<&'a Masker>,
    benchmarks: Option<(&'a Benchmarks, Remedy)>,
    repeated: Option<&'a RepeatedLines>,
}

impl<'a> Edits<'a> {
    /// These edits.
    #[must_use]
    pub fn new(
        masker: Option<&'a Masker>,
        benchmarks: Option<(&'a Benchmarks, Remedy)>,
        repeated: Option<&'a RepeatedLines>,
    ) -> Self {
        Self {
            masker,
            benchmarks,
            repeated,
        }
    }

    /// Edits `document`: masks, and cuts what is trimmed.
    #[must_use]
    pub fn apply(&self, document: &mut Document) -> Edited {
        let mut edited = Edited::default();
        if let Some(masker) = self.masker {
            let before = document.content.characters();
            let items = masker.mask_content(&mut document.content);
            if !items.is_empty() {
                let after = document.content.characters();
                edited.changes.add("mask_pii", before, after, items);
            }
        }
        if let Some((benchmarks, Remedy::Trim)) = self.benchmarks
            && let Some((left, hits)) = benchmarks.trim(&document.content)
        {
            trim(document, left, &mut edited);
            edited.hits = hits;
        }
        // Last, as the lines were counted in texts that the other edits had changed.
        if let Some(repeated) = self.repeated {
            take_lines(document, repeated, &mut edited);
        }
        edited
    }

    /// Looks for benchmarks in a document whose lines are not cut; only the pass that decides on
    /// documents needs to.
    pub fn judge(&self, document: &Document, edited: &mut Edited) {
        if let Some((benchmarks, remedy)) = self.benchmarks
            && (remedy == Remedy::Drop || document.content.kind() != Kind::Text)
        {
            edited.hits = benchmarks.hits(&document.content);
            edited.contaminated = !edited.hits.is_empty();
        }
    }
}

fn trim(document: &mut Document, left: String, edited: &mut Edited) {
    let before = document.content.characters();
    let after = count_characters(&left) as u64;
    edited.contaminated = (after as f64) < before as f64 * LEAST_LEFT;
    if !edited.contaminated {
        edited
            .changes
            .add("trim_contamination", before, after, BTreeMap::new());
        document.content = Content::Text(left);
    }
}

/// Takes repeated lines out of a text.
fn take_lines(document: &mut Document, repeated: &RepeatedLines, edited: &mut Edited) {
    let Content::Text(text) = &document.content else {
        return;
    };
    let Some((left, taken)) = repeated.take(document.id, text) else {
        return;
    };
    let (before, after) = (count_characters(text), count_characters(&left));
    let items = BTreeMap::from([("lines".to_owned(), taken.lines)]);
    edited
        .changes
        .add("dedup_lines", before as u64, after as u64, items);
    edited.lines = Some(taken);
    document.content = Content::Text(left);
}

/// The lines that C4 cuts out of a text that is kept, where the profile has them cut.
pub fn clean(filters: &Filters, document: &mut Document, changes: &mut Changes) {
    let Some(cleaned) = filters.clean(document) else {
        return;
    };
    let before = document.content.characters();
    let after = count_characters(&cleaned.text) as u64;
    if before == after {
        return;
    }
    let cut = cleaned.cut;
    let items = [
        ("long_word", cut.long_word),
        ("few_words", cut.few_words),
        ("javascript", cut.javascript),
        ("policy", cut.policy),
    ];
    let items = items
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| (name.to_owned(), count as u64))
        .collect();
    changes.add("c4_lines", before, after, items);
    document.content = Content::Text(cleaned.text);
}
