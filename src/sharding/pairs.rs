//! The pairs of kept preferences: both answers with their prompt, for `prep train --objective dpo`.
//!
//! A preference is kept or dropped by its chosen answer, as a chat. Of a kept one a pair is made as
//! well, if both sides are whole within `--max-length`; what makes none is counted by its reason, so
//! that pairs and reasons add up to the preferences that were kept. See [`crate::shard::pairs`] for
//! where they go.

use super::account::PartAccount;
use super::assemble::for_each;
use super::encode::TokenColumns;
use super::{Job, work};
use crate::corpus::PartEntry;
use crate::document::{Content, Document, Message};
use crate::shard::{ShardInfo, Split, pairs};
use crate::tokenize::{Checks, Encoded, Piece, Pieces, Tokenizer};
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::ops::AddAssign;

/// The stage's files between encoding and assembly.
pub const STAGE: &str = "pairs";

/// What became of the preferences that are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairCounts {
    /// Preferences that are kept.
    pub preferences: u64,
    /// Those that make a pair.
    pub pairs: u64,
    /// Tokens of both sides of the pairs.
    pub tokens: u64,
    /// Those whose answers are the same tokens: there is nothing to prefer.
    pub answers_equal: u64,
    /// Those of which a side is longer than `--max-length`.
    pub too_long: u64,
    /// Those of which the chat template refuses a side, or renders no token of its answer.
    pub not_rendered: u64,
}

impl AddAssign for PairCounts {
    fn add_assign(&mut self, other: Self) {
        self.preferences += other.preferences;
        self.pairs += other.pairs;
        self.tokens += other.tokens;
        self.answers_equal += other.answers_equal;
        self.too_long += other.too_long;
        self.not_rendered += other.not_rendered;
    }
}

impl PairCounts {
    /// Whether every preference is a pair or has a reason why not.
    #[must_use]
    pub fn add_up(&self) -> bool {
        self.preferences == self.pairs + self.answers_equal + self.too_long + self.not_rendered
    }
}

/// What encoding the pairs of a unit has made.
#[derive(Default)]
pub(super) struct Made {
    /// Both sides of each pair, the chosen first.
    pub(super) columns: TokenColumns,
    /// What became of the preferences.
    pub(super) counts: PairCounts,
    /// What the self-check looked at.
    pub(super) checks: Checks,
}

impl Made {
    /// Makes the pair of a kept document, where it is a preference.
    pub(super) fn add(
        &mut self,
        tokenizer: &Tokenizer,
        document: &Document,
        split: Split,
        most: Option<u64>,
        copies: u32,
    ) {
        let Content::Preference { messages, rejected } = &document.content else {
            return;
        };
        self.counts.preferences += 1;
        let prompt = &messages[..prompt_len(messages, rejected)];
        let other = [prompt, rejected].concat();
        let sides = [messages, &other].map(|side| answer(tokenizer, prompt, side));
        let [Ok(chosen), Ok(worse)] = sides else {
            self.counts.not_rendered += 1;
            return;
        };
        self.checks += worse.checks;
        let sides = [chosen, worse];
        let long = |side: &Encoded| most.is_some_and(|most| side.ids.len() as u64 > most);
        if sides.iter().any(|side| !side.loss_mask.contains(&true)) {
            self.counts.not_rendered += 1;
        } else if sides[0].ids == sides[1].ids {
            self.counts.answers_equal += 1;
        } else if sides.iter().any(long) {
            self.counts.too_long += 1;
        } else {
            self.counts.pairs += 1;
            let bytes = [messages, &other].map(|side| bytes_of(side));
            let pieces = sides.into_iter().zip(bytes).map(|(encoded, bytes_text)| {
                self.counts.tokens += encoded.ids.len() as u64;
                Piece {
                    encoded,
                    bytes_text,
                    messages: 0..usize::MAX,
                }
            });
            let pieces = Pieces {
                pieces: pieces.collect(),
                ..Pieces::default()
            };
            self.columns.append(document, split, &pieces, copies);
        }
    }
}

fn bytes_of(messages: &[Message]) -> u64 {
    messages.iter().map(|turn| turn.content.len() as u64).sum()
}

/// How many of a preference's messages are the prompt of both answers: those up to the user's last,
/// or, where the user speaks in the answers, as many as leave both answers the same turns.
fn prompt_len(messages: &[Message], rejected: &[Message]) -> usize {
    let is_user = |turn: &Message| turn.role == "user";
    if rejected.iter().any(is_user) {
        return messages.len().saturating_sub(rejected.len());
    }
    (messages.iter().rposition(is_user)).map_or(0, |last| last + 1)
}

/// A prompt with an answer; the mask counts the answer alone. Earlier turns of the assistant are the
/// same on both sides: they would say nothing, and blur means over tokens.
fn answer(tokenizer: &Tokenizer, prompt: &[Message], whole: &[Message]) -> Result<Encoded> {
    let mut encoded = tokenizer.encode_chat(whole)?;
    if prompt.iter().any(|turn| turn.role == "assistant") {
        let asked = tokenizer.render_chat(prompt, true)?;
        let pairs = encoded.ids.iter().zip(&asked);
        let shared = pairs.take_while(|(a, b)| a == b).count();
        encoded.loss_mask[..shared].fill(false);
    }
    Ok(encoded)
}

/// Writes the pairs of all parts in the order of the corpus; no entry where there are none.
///
/// # Errors
/// When a file cannot be written.
pub(super) fn assemble(
    job: &Job,
    config: &serde_json::Value,
    info: &ShardInfo,
    account: &PartAccount,
) -> Result<Vec<PartEntry>> {
    if account.pairs.pairs == 0 {
        return Ok(Vec::new());
    }
    let out = &job.options.out;
    let mut writers = pairs::writers(out, info, job.options.shard_bytes)?;
    for_each(job, STAGE, account.most_copies, |item| {
        let writer = &mut writers[usize::from(item.split == Split::Val)];
        writer.push(item.id, item.ids, item.mask, item.bytes_text)
    })?;
    let [train, val] = writers;
    let splits = [train.finish()?, val.finish()?];
    Ok(vec![pairs::finish(out, config, info, splits)?])
}

/// The file between the stages of part `part`.
pub(super) fn writer(job: &Job, part: usize) -> work::BatchWriter {
    work::BatchWriter::new(job.work.part(STAGE, part))
}
