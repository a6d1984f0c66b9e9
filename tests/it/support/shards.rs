//! What `prep shard` wrote: every document's tokens, its parts joined.

use super::{Prep, write};
use prep::document::DocumentId;
use prep::shard::{Dataset, Split};
use prep::tokenize::Tokenizer;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The tokens of one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    pub split: Split,
    pub ids: Vec<u32>,
    pub mask: Vec<bool>,
    /// Rows that it spans.
    pub rows: usize,
}

impl Tokens {
    /// The text of it: without BOS and EOS.
    pub fn text(&self, tokenizer: &Tokenizer) -> String {
        let mut ids = self.ids.as_slice();
        if tokenizer.adds_bos() {
            assert_eq!(ids.first().copied(), tokenizer.bos_id(), "begins with BOS");
            ids = &ids[1..];
        }
        assert_eq!(
            ids.last().copied(),
            Some(tokenizer.eos_id()),
            "ends with EOS"
        );
        tokenizer.decode(&ids[..ids.len() - 1], false)
    }

    /// What the loss counts, as text with special tokens.
    pub fn learned(&self, tokenizer: &Tokenizer) -> String {
        let ids: Vec<u32> = self
            .ids
            .iter()
            .zip(&self.mask)
            .filter_map(|(id, counts)| counts.then_some(*id))
            .collect();
        tokenizer.decode(&ids, false)
    }
}

/// The documents of both splits by id.
pub fn documents(shards: &Path) -> BTreeMap<DocumentId, Tokens> {
    let mut documents: BTreeMap<DocumentId, Tokens> = BTreeMap::new();
    for split in Split::ALL {
        let dataset = Dataset::open(shards, split).expect("shards");
        let mut last = None;
        for number in 0..dataset.rows() {
            let row = dataset.row(number);
            let (mut ids, mut mask) = (vec![0; row.len as usize], vec![false; row.len as usize]);
            dataset.window(row.start, &mut ids, &mut mask);
            if row.continuation {
                assert_eq!(last, Some(row.document_id), "a part follows its beginning");
                let whole = documents.get_mut(&row.document_id).expect("a beginning");
                whole.ids.extend(ids);
                whole.mask.extend(mask);
                whole.rows += 1;
            } else {
                let tokens = Tokens {
                    split,
                    ids,
                    mask,
                    rows: 1,
                };
                let before = documents.insert(row.document_id, tokens);
                assert_eq!(before, None, "{} is in the shards twice", row.document_id);
            }
            last = Some(row.document_id);
        }
    }
    documents
}

/// The tokenizer that lies beside the shards.
pub fn tokenizer(shards: &Path) -> Tokenizer {
    Tokenizer::from_dir(shards).expect("the tokenizer of the shards")
}

/// A corpus of these JSON lines by source, sharded.
pub fn of_lines(place: &Path, sources: &[(&str, Vec<Value>)], options: &[&str]) -> (Prep, PathBuf) {
    let raw = place.join("raw");
    std::fs::create_dir(&raw).expect("creates");
    for (name, lines) in sources {
        let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
        write(&raw.join(name), lines.join("\n"));
    }
    Prep::ingest(&raw, &place.join("corpus")).json();
    let out = place.join("shards");
    let command = Prep::talkative(["shard"])
        .arg(place.join("corpus"))
        .arg("--out")
        .arg(&out)
        .arg("--tokenizer")
        .arg(super::fixture("golden/tokenizer.json"))
        .args(options);
    (command, out)
}
