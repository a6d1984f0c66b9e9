//! A seeded sample of the texts of a corpus, or of files that are none yet.

mod inputs;
#[cfg(test)]
mod tests;
mod texts;

pub use inputs::Inputs;
pub use texts::{LanguageWeight, Piece, Plan, Sample, Sampled, parse_weight};
