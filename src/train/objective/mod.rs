//! What a run learns: the next token, which of two answers is the better one, or the label of a
//! document ([`classes`]).
//!
//! The path of preferences, whose two hard points are told where they are solved:
//!
//! ```text
//! prep shard: preference ─▶ pairs/ (chosen, rejected, chosen, …; see shard::pairs)
//! prep train: PairStream ─▶ Plan (a pair is one piece) ─▶ Loader ─▶ Joints: two documents again
//!                                                                   │
//!            reference.row_losses ─┐                                ▼
//!            model: head_losses ───┴▶ Preference.judge ─▶ a weight for each row ─▶ backward
//! ```
//!
//! 1. **The gradient of a row depends on the losses of all rows of its pair**, which are known only
//!    after the head. So the head runs twice in a step, first for the losses, then for the gradients,
//!    of which each row's is multiplied by its weight ([`crate::ops::Targets::weights`]); layers run
//!    once. The price is one product with the head, and nothing is kept.
//! 2. **Both sides of a pair must be in one micro-batch**: packing never parts them, and what is
//!    longer than a sequence is left out and counted rather than cut, because of a cut answer nobody
//!    knows whether it is the better one.
//!
//! The reference is never stored: with adapters it is the base with them switched off, else a frozen
//! copy of the first weights, which a resumed run makes again from the same base. Its forward pass is
//! a quarter of the time of a step.

pub mod classes;
pub mod pairs;
pub mod places;
pub mod preference;
mod reference;
#[cfg(test)]
pub(super) mod tests;

use serde::{Deserialize, Serialize};

pub use pairs::{Joints, PairStream};
pub use preference::{Formula, Judgement, Preference, Preferred};
pub use reference::Judge;

/// What a run learns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Objective {
    /// To predict the next token.
    #[default]
    Tokens,
    /// Which of two answers is the better one.
    Preference(Preference),
    /// The label of a document: that of this field.
    Classify {
        /// The field.
        field: String,
    },
}

impl Objective {
    /// Whether the next token is learned: what runs of before have.
    #[must_use]
    pub fn is_tokens(&self) -> bool {
        *self == Self::Tokens
    }

    /// The name in flags and reports.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Classify { .. } => "classify",
            Self::Preference(preference) => match preference.formula {
                Formula::Dpo => "dpo",
                Formula::Ipo => "ipo",
            },
        }
    }
}
