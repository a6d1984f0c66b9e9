//! What size suits a number of tokens, and what loss to expect.
//!
//! Hoffmann et al. 2022 ("Chinchilla", <https://arxiv.org/abs/2203.15556>) estimated three ways how
//! to split a compute budget C = 6ND. Approaches 1 and 2 say N and D grow alike, about 20 tokens a
//! parameter (table 3 of the paper: 10B on 205B, 67B on 1.5T). Approach 3 fits
//! L(N, D) = E + A/N^α + B/D^β; minimised under C = 6ND it gives N = G·(C/6)^(β/(α+β)) with
//! G = (αA/βB)^(1/(α+β)). Its printed coefficients are rounded and disagree with the paper's own
//! approaches 1 and 2: at 8B they ask for 69 tokens a parameter. Besiroglu et al. 2024
//! (<https://arxiv.org/abs/2404.10102>) refitted the same data and got about 20 again. All are shown.
//!
//! The fits are of dense models from 44M to 16B parameters on English web text with a vocabulary of
//! 32,000. A loss a token depends on text and tokenizer, so the expected loss compares plans with
//! each other; it does not predict the loss on the user's data.

use super::repeat;
use serde::Serialize;

/// Compute-optimal tokens for a parameter: approaches 1 and 2.
pub const TOKENS_PER_PARAMETER: f64 = 20.0;

/// The smallest and the largest model behind the fits.
pub const FITTED_PARAMETERS: [f64; 2] = [44e6, 16e9];

/// A fit of L(N, D) = E + A/N^α + B/D^β, in nats a token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// Name in reports.
    pub name: &'static str,
    /// Loss that no model goes below.
    pub e: f64,
    /// Scale of the part that parameters reduce.
    pub a: f64,
    /// Scale of the part that tokens reduce.
    pub b: f64,
    /// Exponent of parameters.
    pub alpha: f64,
    /// Exponent of tokens.
    pub beta: f64,
}

/// Both published fits.
pub const FITS: [Fit; 2] = [
    Fit {
        name: "hoffmann-2022-approach-3",
        e: 1.69,
        a: 406.4,
        b: 410.7,
        alpha: 0.34,
        beta: 0.28,
    },
    Fit {
        name: "besiroglu-2024",
        e: 1.8172,
        a: 482.01,
        b: 2085.43,
        alpha: 0.3478,
        beta: 0.3658,
    },
];

impl Fit {
    /// Expected loss in nats a token.
    pub fn loss(&self, parameters: f64, tokens: f64) -> f64 {
        self.e + self.a / parameters.powf(self.alpha) + self.b / tokens.powf(self.beta)
    }

    /// Expected loss in nats a token of `epochs` passes over `unique` tokens: with what the passes and
    /// the parameters are worth (`repeat`).
    pub fn repeated_loss(&self, parameters: f64, unique: f64, epochs: f64) -> f64 {
        let seen = unique * epochs.min(1.0);
        let worth = repeat::effective_parameters(parameters, self.optimal_parameters(seen));
        self.loss(worth, repeat::effective_tokens(unique, epochs))
    }

    /// The split of C = 6ND with the lowest loss: parameters, tokens.
    pub fn split(&self, flops: f64) -> (f64, f64) {
        let product = flops / 6.0;
        let parameters = self.g() * product.powf(self.beta / (self.alpha + self.beta));
        (parameters, product / parameters)
    }

    /// Tokens for which `parameters` is the optimal size.
    pub fn optimal_tokens(&self, parameters: f64) -> f64 {
        (parameters / self.g()).powf((self.alpha + self.beta) / self.beta) / parameters
    }

    /// Parameters for which `tokens` is the optimal number.
    pub fn optimal_parameters(&self, tokens: f64) -> f64 {
        (tokens * self.g()).powf((self.alpha + self.beta) / self.alpha) / tokens
    }

    fn g(&self) -> f64 {
        (self.alpha * self.a / (self.beta * self.b)).powf(1.0 / (self.alpha + self.beta))
    }
}

/// The split of C = 6ND at 20 tokens a parameter: parameters, tokens.
pub fn split(flops: f64) -> (f64, f64) {
    let parameters = (flops / (6.0 * TOKENS_PER_PARAMETER)).sqrt();
    (parameters, TOKENS_PER_PARAMETER * parameters)
}

/// Between which losses the fits expect a run to end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Band {
    /// The lower one.
    pub low: f64,
    /// The higher one.
    pub high: f64,
}

/// Tokens to learn from, how often, and how many ids they have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Data {
    /// Different tokens.
    pub unique: f64,
    /// Passes over them.
    pub epochs: f64,
    /// Token ids: a model that knows nothing has a loss of their logarithm.
    pub vocab_size: f64,
}

/// What a fit expects, in nats a token; nothing far outside of the models that it was made on (below a
/// tenth of the smallest, above a hundred times the largest), or where it would be worse than guessing.
pub fn expected(fit: &Fit, parameters: f64, data: Data) -> Option<f64> {
    let [low, high] = FITTED_PARAMETERS;
    let loss = fit.repeated_loss(parameters, data.unique, data.epochs);
    let says = (low / 10.0..=high * 100.0).contains(&parameters) && loss < data.vocab_size.ln();
    says.then_some(loss)
}

/// What both fits expect, in nats a token; nothing unless both say something.
pub fn expected_loss(parameters: f64, data: Data) -> Option<Band> {
    let [one, other] = FITS.map(|fit| expected(&fit, parameters, data));
    let (one, other) = (one?, other?);
    Some(Band {
        low: one.min(other),
        high: one.max(other),
    })
}
