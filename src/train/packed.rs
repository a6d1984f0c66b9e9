//! What a plan of sequences made of the documents: what is in them, and what is in none.

use serde::Serialize;

use crate::units::grouped;

/// What the plan made of the documents, in the pairs of an epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Packed {
    /// Documents.
    pub documents: u64,
    /// Of them, how many are in more than one piece.
    pub cut_documents: u64,
    /// Of the cut ones, how many would have fitted one sequence.
    pub cut_needlessly: u64,
    /// Chats, and documents with a label, whose end was left out, and pairs of answers that were left
    /// out whole.
    pub truncated_documents: u64,
    /// Documents of which nothing is in a sequence, because the loss counts nothing of them, or nothing
    /// of what truncation left; pairs of answers that are too long are not among them.
    pub silent_documents: u64,
    /// Sequences of an epoch.
    pub sequences: u64,
    /// Pieces in them.
    pub pieces: u64,
    /// Tokens that sequences have room for.
    pub room_tokens: u64,
    /// Tokens in them.
    pub used_tokens: u64,
    /// Of them, how many the loss counts.
    pub counted_tokens: u64,
    /// Their tokens that were left out.
    pub truncated_tokens: u64,
    /// Of these, how many the loss would count: with `counted_tokens` they are all that it counts.
    pub lost_tokens: u64,
    /// Tokens of pieces in which the loss counts nothing: they are left out.
    pub silent_tokens: u64,
    /// Memory of the plan, bytes.
    pub plan_bytes: u64,
}

impl Packed {
    /// The share of room that is padding.
    #[must_use]
    pub fn padded_share(&self) -> f64 {
        share(self.room_tokens - self.used_tokens, self.room_tokens)
    }

    /// The share of tokens that are cut off.
    #[must_use]
    pub fn truncated_share(&self) -> f64 {
        share(self.truncated_tokens, self.all_tokens())
    }

    /// The share of tokens that are left out because nothing is counted in their piece.
    #[must_use]
    pub fn silent_share(&self) -> f64 {
        share(self.silent_tokens, self.all_tokens())
    }

    fn all_tokens(&self) -> u64 {
        self.used_tokens + self.truncated_tokens + self.silent_tokens
    }

    /// What of a split is not measured because sequences of `seq` tokens do not take it, in words; none
    /// where all is.
    #[must_use]
    pub fn left_out(&self, split: &str, seq: usize) -> Option<String> {
        let all = self.counted_tokens + self.lost_tokens;
        (self.lost_tokens > 0).then(|| {
            format!(
                "warning: {split}: {} of {} tokens that the loss counts are not measured: {} chats are \
                 longer than --seq-len {seq} and lose their ends, {} documents have nothing to count \
                 and are left out. A longer --seq-len measures more",
                grouped(self.lost_tokens),
                grouped(all),
                grouped(self.truncated_documents),
                grouped(self.silent_documents)
            )
        })
    }
}

fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}
