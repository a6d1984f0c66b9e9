//! How many floating-point operations training takes.
//!
//! **Weights**: 6 for each parameter and token, 2 forward and 4 backward (Kaplan et al. 2020,
//! <https://arxiv.org/abs/2001.08361>, section 2.1; Hoffmann et al. 2022,
//! <https://arxiv.org/abs/2203.15556>, appendix F, find it within some percent of a full count).
//! Published totals of GPT-3, Chinchilla and Llama are this 6ND with all parameters in N. Of a
//! mixture of experts N counts the parameters that a token passes through.
//!
//! **Attention**: scores and weighted sums take 12·L·d·S a token, forward and backward, for L layers
//! of d = heads × head size over S tokens (Chowdhery et al. 2022, PaLM,
//! <https://arxiv.org/abs/2204.02311>, appendix B). A causal mask needs half of it, 6·L·d·S, which is
//! what kernels that skip the masked half compute; llm.c counts so, and so does prep.
//!
//! **Embeddings**: reading a row of the token table is no multiplication. A table that is also the
//! head multiplies once and counts; a table beside a separate head does not count (as in llm.c).
//! Where no architecture is known N is all parameters, as in the published totals.
//!
//! **Windows**: a token that sees at most W tokens of S sees W - W²/2S on average (a causal mask alone
//! is W = S).
//!
//! Recomputed activations are not counted: MFU (PaLM, appendix B) is defined without them.

/// FLOPs of one training token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PerToken {
    /// Multiplications with weights.
    pub weights: f64,
    /// Causal attention between tokens.
    pub attention: f64,
}

/// 6N: N parameters that a token is multiplied with, forward and backward.
pub fn weights(parameters: f64) -> f64 {
    6.0 * parameters
}

/// 4N: as [`weights`], where the weights are frozen and their own gradients are left out (LoRA,
/// Hu et al. 2021, <https://arxiv.org/abs/2106.09685>): 2 forward, 2 to pass the gradient down.
pub fn frozen_weights(parameters: f64) -> f64 {
    4.0 * parameters
}

/// 12·L·d·S: attention over all pairs of a sequence, forward and backward, for one token.
pub fn attention(layers: f64, width: f64, seq: f64) -> f64 {
    12.0 * layers * width * seq
}

/// 6·L·d·S: the half that a causal mask leaves.
pub fn causal_attention(layers: f64, width: f64, seq: f64) -> f64 {
    attention(layers, width, seq) / 2.0
}

/// The attention of L layers, `banded.0`, whose tokens see at most W tokens, `banded.1`.
pub fn banded_attention((layers, window): (f64, f64), width: f64, seq: f64) -> f64 {
    let window = window.min(seq);
    attention(layers, width, window - window * window / (2.0 * seq))
}
