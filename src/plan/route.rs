//! The ways to a model: from scratch, from a base, all weights or adapters; what each costs and
//! whether it fits.
//!
//! From scratch, continuing a base and fine-tuning all weights cost the same for a token; they
//! differ in where they begin and in the data. LoRA leaves out the gradients of frozen weights,
//! 4 instead of 6 FLOPs a parameter (`flops`); QLoRA has LoRA's FLOPs and unpacks weights on the
//! way, so that its MFU is lower in practice.

use super::flops::frozen_weights;
use super::memory::{self, Method, Setup, Trade};
use super::money::{Cost, Rates, TOO_LONG_HOURS};
use super::scaling::TOKENS_PER_PARAMETER;
use super::shape::Shape;
use serde::Serialize;

/// A way to a model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Route {
    /// Which one.
    pub name: Name,
    /// What is trained.
    pub method: Method,
    /// Size of the model.
    pub parameters: u64,
    /// FLOPs on all tokens and passes.
    pub training_flops: f64,
    /// GPU-hours, dollars, energy on all tokens and passes.
    #[serde(flatten)]
    pub cost: Cost,
    /// Hours until it is done on the cards of the plan; none where it does not fit them.
    pub wall_hours: Option<f64>,
    /// Bytes on one card with one sequence, layers recomputed: of the layout below, or of the most
    /// divided one where none fits.
    pub memory_bytes: u64,
    /// The least divided layout that fits; none when the cards are too few or too small.
    pub setup: Option<&'static str>,
    /// Whether it fits the cards, the whole optimizer in their memory.
    pub fits: bool,
    /// The fewest cards of this kind on which it fits.
    pub gpus_needed: Option<u64>,
    /// The cheapest optimizer of less memory with which all weights fit each card, where they else do not.
    pub trade: Option<Trade>,
}

impl Route {
    /// Whether it fits and is done within a year.
    pub fn in_reach(&self) -> bool {
        self.wall_hours.is_some_and(|hours| hours <= TOO_LONG_HOURS)
    }
}

/// Names of the routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Name {
    /// Random weights, the size asked for.
    Scratch,
    /// Random weights, the size that fits the tokens.
    ScratchFitting,
    /// A base model's weights, all trained on texts.
    Continue,
    /// A base model's weights, all trained on questions and answers.
    FineTune,
    /// Adapters on a base.
    Lora,
    /// Adapters on a base in 4 bits.
    Qlora,
}

/// What the routes share.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// The model asked for.
    pub shape: &'a Shape,
    /// Tokens of a sequence.
    pub seq: f64,
    /// Tokens times passes.
    pub trained_tokens: f64,
    /// What the passes are worth in new tokens, no more of them than count.
    pub judged_tokens: f64,
    /// Token ids of a model of another size.
    pub vocab_size: Option<u64>,
    /// Cards, MFU and price.
    pub rates: Rates,
}

/// All routes.
pub fn routes(ground: &Ground) -> Vec<Route> {
    let fitting = Shape::assume(
        (ground.judged_tokens / TOKENS_PER_PARAMETER)
            .max(1.0)
            .round(),
        ground.vocab_size,
    );
    [
        (Name::Scratch, Method::Full),
        (Name::ScratchFitting, Method::Full),
        (Name::Continue, Method::Full),
        (Name::FineTune, Method::Full),
        (Name::Lora, Method::Lora),
        (Name::Qlora, Method::Qlora),
    ]
    .into_iter()
    .map(|(name, method)| {
        let shape = if name == Name::ScratchFitting {
            &fitting
        } else {
            ground.shape
        };
        route(ground, name, method, shape)
    })
    .collect()
}

fn route(ground: &Ground, name: Name, method: Method, shape: &Shape) -> Route {
    let Rates { gpu, gpus, .. } = ground.rates;
    let flops = flops_per_token(shape, method, ground.seq) * ground.trained_tokens;
    let setup = memory::fitting(shape, ground.seq, gpu, gpus, method);
    let smallest = || {
        let all = memory::divided(shape, ground.seq, gpu, gpus);
        let of_method = all.filter(|setup| setup.method == method);
        of_method.map(|setup| setup.bytes).min().unwrap_or(0)
    };
    let cost = ground.rates.cost(flops);
    let trade = || memory::trade(shape, ground.seq, gpu);
    Route {
        name,
        method,
        parameters: shape.parameters as u64,
        training_flops: flops,
        wall_hours: setup.is_some().then(|| cost.gpu_hours / gpus as f64),
        cost,
        memory_bytes: setup
            .as_ref()
            .map_or_else(smallest, |setup: &Setup| setup.bytes),
        setup: setup.as_ref().map(|setup| setup.name),
        fits: setup.is_some(),
        gpus_needed: memory::gpus_needed(shape, ground.seq, gpu, method),
        trade: (method == Method::Full && setup.is_none())
            .then(trade)
            .flatten(),
    }
}

/// FLOPs of a training token; attention counts where the architecture is known.
pub fn flops_per_token(shape: &Shape, method: Method, seq: f64) -> f64 {
    let all = shape.flops(seq);
    let weights = match method {
        Method::Full => all.weights,
        Method::Lora | Method::Qlora => {
            let adapters = shape.lora_parameters(memory::LORA_RANK);
            frozen_weights(shape.multiplied()) + super::flops::weights(adapters)
        }
    };
    if shape.assumed {
        weights
    } else {
        weights + all.attention
    }
}
