//! `truth.jsonl`: what is true of every document, by which a search for copies is judged.

use super::maker::Made;
use super::plant::Role;
use serde::{Deserialize, Serialize};

/// A row of the truth file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// The document's id, which is the field `id` of its record too.
    pub id: String,
    /// File it is in, below the output directory.
    pub file: String,
    /// Number of its first line in the file, from 1: ingest's `record`.
    pub record: u64,
    /// ISO 639-1 code of its language.
    pub language: String,
    /// `none`, `exact`, `same_key`, `near`, `chain_middle`, `chain_end`, `boilerplate`, `template`.
    pub plant: String,
    /// Id of the document it was made from; of boilerplate and templates, of the one before it.
    pub of: Option<String>,
    /// Jaccard similarity to that, of word 5-grams of the comparison key.
    pub jaccard: Option<f64>,
    /// Of near-duplicates, the similarity that was wanted.
    pub wanted: Option<f64>,
    /// At the end of a chain, id of its beginning.
    pub root: Option<String>,
    /// Jaccard similarity to that.
    pub root_jaccard: Option<f64>,
}

/// The id of document `number`.
#[must_use]
pub fn id(number: u64) -> String {
    format!("synth-{number:010}")
}

impl Truth {
    /// What is true of document `number`; its place is not known yet.
    #[must_use]
    pub fn of(number: u64, made: &Made) -> Self {
        Self {
            id: id(number),
            file: String::new(),
            record: 0,
            language: made.language.to_owned(),
            plant: made.role.name().to_owned(),
            of: made.of.map(|(of, _)| id(of)),
            jaccard: made.of.map(|(_, jaccard)| jaccard),
            wanted: match made.role {
                Role::Near(level) => Some(level),
                Role::ChainMiddle | Role::ChainEnd => Some(super::plant::CHAIN_LEVEL),
                _ => None,
            },
            root: made.root.map(|(root, _)| id(root)),
            root_jaccard: made.root.map(|(_, jaccard)| jaccard),
        }
    }
}
