//! What repeated passes over the same tokens are worth, and what parameters beyond those that they can use.
//!
//! Muennighoff et al. 2023 (<https://arxiv.org/abs/2305.16264>, section 3.1 and appendix A): U unique
//! tokens seen R + 1 times are worth D' = U + U·R*·(1 − exp(−R/R*)) new ones, with R* = 15.387756.
//! The first passes are worth nearly as much as new data (4 passes: 3.7), later ones ever less, and
//! no number of them more than 16.4 times the data: at R* repetitions a further one is worth 1/e of
//! the first, at 40 nearly nothing.
//!
//! Parameters decay alike (equation 6): of N parameters, U_N are those for which the unique tokens are
//! optimal, and the (N / U_N − 1) = R_N times more are worth N' = U_N + U_N·R_N*·(1 − exp(−R_N/R_N*))
//! with R_N* = 5.309743, at most 6.3 times U_N. The law holds with one pass, too. Fitted on models up to 9B
//! parameters.

/// Repetitions after which a repeated token's worth has fallen by 1/e.
pub const R_STAR: f64 = 15.387_756;

/// Excess of parameters, in parts of the optimal number, after which another's worth has fallen by 1/e.
pub const R_N_STAR: f64 = 5.309_743;

/// Passes that count when size and data are judged: the last of them is worth 1/e of the first.
pub const PASSES_JUDGED: f64 = 1.0 + R_STAR;

/// Passes that reports list.
pub const EPOCHS_LISTED: [f64; 7] = [1.0, 2.0, 4.0, 8.0, 16.0, 24.0, 40.0];

/// New tokens that `epochs` passes over `unique` tokens are worth. Less than one pass is no
/// repetition.
pub fn effective_tokens(unique: f64, epochs: f64) -> f64 {
    let repetitions = (epochs - 1.0).max(0.0);
    unique * (epochs.min(1.0) + R_STAR * (1.0 - (-repetitions / R_STAR).exp()))
}

/// [`effective_tokens`] of no more passes than [`PASSES_JUDGED`].
pub fn judged_tokens(unique: f64, epochs: f64) -> f64 {
    effective_tokens(unique, epochs.min(PASSES_JUDGED))
}

/// What `parameters` are worth where `optimal` are those for which the unique tokens are optimal.
pub fn effective_parameters(parameters: f64, optimal: f64) -> f64 {
    if parameters <= optimal {
        return parameters;
    }
    let excess = parameters / optimal - 1.0;
    optimal * (1.0 + R_N_STAR * (1.0 - (-excess / R_N_STAR).exp()))
}

/// The most that any number of passes is worth, in passes.
pub fn limit() -> f64 {
    1.0 + R_STAR
}
