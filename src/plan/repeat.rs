//! What repeated passes over the same tokens are worth.
//!
//! Muennighoff et al. 2023 (<https://arxiv.org/abs/2305.16264>, section 3.1 and appendix A): U unique
//! tokens seen R + 1 times are worth D' = U + U·R*·(1 − exp(−R/R*)) new ones, with R* = 15.387756.
//! The first passes are worth nearly as much as new data (4 passes: 3.7), later ones ever less, and
//! no number of them more than 16.4 times the data. Fitted on models up to 9B parameters.

/// Repetitions after which a repeated token's worth has fallen by 1/e.
pub const R_STAR: f64 = 15.387_756;

/// Passes that reports list.
pub const EPOCHS_LISTED: [f64; 7] = [1.0, 2.0, 4.0, 8.0, 16.0, 24.0, 40.0];

/// New tokens that `epochs` passes over `unique` tokens are worth. Less than one pass is no
/// repetition.
pub fn effective_tokens(unique: f64, epochs: f64) -> f64 {
    let repetitions = (epochs - 1.0).max(0.0);
    unique * (epochs.min(1.0) + R_STAR * (1.0 - (-repetitions / R_STAR).exp()))
}

/// The most that any number of passes is worth, in passes.
pub fn limit() -> f64 {
    1.0 + R_STAR
}
