//! Memory of one card: weights, gradients, optimizer, activations, and the largest micro-batch.
//!
//! Accounting for mixed precision with AdamW: bf16 weights 2, bf16 gradients 2, f32 master weights 4,
//! two f32 moments 8: 16 bytes a parameter (Rajbhandari et al. 2020, ZeRO,
//! <https://arxiv.org/abs/1910.02054>, section 3.1; 128 GB for 8B). Gradients accumulated in f32 add 2.
//! prep's own trainer keeps weights, gradients and moments in f32: also 16.
//!
//! ZeRO over n cards divides the optimizer (master weights and moments) by n at stage 1, the
//! gradients too at stage 2, the weights too at stage 3. Stage 3 gathers the weights of two layers
//! at a time, one at work and one on its way.
//!
//! LoRA (Hu et al. 2021) freezes bf16 weights, 2 bytes; the adapters take 16 bytes each. QLoRA
//! (Dettmers et al. 2023, <https://arxiv.org/abs/2305.14314>) holds the layers' weights in 4-bit
//! NormalFloat with double quantisation, 4.127 bits; token table and head stay bf16. (prep's own
//! `--base-quant nf4` keeps f32 scales, 4.5 bits.)
//!
//! Two ways trade something else for memory on one card: AdamW with moments in 8 bits (Dettmers et al.
//! 2021, <https://arxiv.org/abs/2110.02861>: 2.03 bytes a parameter, `--optimizer-bits 8`), and an optimizer
//! in the host's memory (Ren et al. 2021, ZeRO-Offload, <https://arxiv.org/abs/2101.06840>, `--offload
//! optimizer`), for which every step waits.

use super::activations;
use super::gpu::Gpu;
use super::shape::Shape;
use serde::Serialize;

/// Rank of LoRA's adapters, in all matrices of all layers.
pub const LORA_RANK: f64 = 16.0;

/// Bytes of a weight in 4-bit NormalFloat with double quantisation.
const NF4_BYTES: f64 = 4.127 / 8.0;

/// Bytes of two moments in 8 bits with an f32 scale for each 256.
const MOMENTS8_BYTES: f64 = 2.0 * (1.0 + 4.0 / 256.0);

/// What is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// All weights.
    Full,
    /// Adapters on bf16 weights.
    Lora,
    /// Adapters on 4-bit weights.
    Qlora,
}

/// ZeRO's stage: what is divided between the cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub enum Stage {
    /// Nothing.
    Zero0,
    /// Optimizer.
    Zero1,
    /// Optimizer and gradients.
    Zero2,
    /// Optimizer, gradients and weights.
    Zero3,
}

/// Bytes on one card that do not depend on the micro-batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fixed {
    /// Weights that the model computes with, adapters included.
    pub weights: f64,
    /// Gradients.
    pub gradients: f64,
    /// f32 copy of the weights.
    pub master_weights: f64,
    /// AdamW's two moments.
    pub optimizer: f64,
    /// Weights of the layers that stage 3 gathers.
    pub gathered: f64,
}

impl Fixed {
    /// Bytes of `method` under `stage` over `cards`.
    pub fn of(shape: &Shape, method: Method, stage: Stage, cards: u64) -> Self {
        let adapters = shape.lora_parameters(LORA_RANK);
        Self::with_adapters(shape, method, stage, cards, adapters)
    }

    /// As [`Fixed::of`], for a number of adapter parameters.
    pub fn with_adapters(
        shape: &Shape,
        method: Method,
        stage: Stage,
        cards: u64,
        adapters: f64,
    ) -> Self {
        let frozen_embeddings = shape.embedding_parameters();
        let (frozen, trained) = match method {
            Method::Full => (0.0, shape.parameters),
            Method::Lora => (2.0 * shape.parameters, adapters),
            Method::Qlora => {
                let layers = shape.parameters - frozen_embeddings;
                (NF4_BYTES * layers + 2.0 * frozen_embeddings, adapters)
            }
        };
        let divided = |from: Stage| {
            if stage >= from { cards as f64 } else { 1.0 }
        };
        let weights = frozen + 2.0 * trained;
        Self {
            weights: weights / divided(Stage::Zero3),
            gradients: 2.0 * trained / divided(Stage::Zero2),
            master_weights: 4.0 * trained / divided(Stage::Zero1),
            optimizer: 8.0 * trained / divided(Stage::Zero1),
            gathered: if stage == Stage::Zero3 && cards > 1 {
                2.0 * shape.layer_parameters() * weights / shape.parameters
            } else {
                0.0
            },
        }
    }

    /// Weights, gradients, optimizer: what the ZeRO paper counts.
    pub fn states(&self) -> f64 {
        self.weights + self.gradients + self.master_weights + self.optimizer
    }
}

/// How training could be laid out on the cards.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Setup {
    /// `full`, `zero-1`, `zero-2`, `zero-3`, `lora`, `lora-zero-3`, `qlora`, `qlora-zero-3`;
    /// `full-adam8` and `full-offload`, which trade something else for memory.
    pub name: &'static str,
    /// What is trained.
    pub method: Method,
    /// Cards that share the state.
    pub gpus: u64,
    /// Bytes on one card before activations.
    pub state_bytes: u64,
    /// Bytes on one card with one sequence, layers recomputed.
    pub bytes: u64,
    /// Whether that fits.
    pub fits: bool,
    /// Sequences at once on one card, all activations kept; 0 when none fits.
    pub micro_batch: u64,
    /// Sequences at once on one card, layers recomputed; 0 when none fits.
    pub micro_batch_checkpointed: u64,
}

/// Every layout, by method, the least divided first.
const SETUPS: [(&str, Method, Stage); 8] = [
    ("full", Method::Full, Stage::Zero0),
    ("zero-1", Method::Full, Stage::Zero1),
    ("zero-2", Method::Full, Stage::Zero2),
    ("zero-3", Method::Full, Stage::Zero3),
    ("lora", Method::Lora, Stage::Zero0),
    ("lora-zero-3", Method::Lora, Stage::Zero3),
    ("qlora", Method::Qlora, Stage::Zero0),
    ("qlora-zero-3", Method::Qlora, Stage::Zero3),
];

/// All weights on each card, with an optimizer that takes less there.
fn trades(shape: &Shape) -> [(&'static str, Fixed); 2] {
    let full = Fixed::of(shape, Method::Full, Stage::Zero0, 1);
    let eight = Fixed {
        optimizer: MOMENTS8_BYTES * shape.parameters,
        ..full
    };
    let offloaded = Fixed {
        optimizer: 0.0,
        master_weights: 0.0,
        ..full
    };
    [("full-adam8", eight), ("full-offload", offloaded)]
}

/// All layouts that make sense on `gpus` cards.
pub fn setups(shape: &Shape, seq: f64, gpu: &Gpu, gpus: u64) -> Vec<Setup> {
    let trades = trades(shape).into_iter();
    let trades =
        trades.map(|(name, fixed)| setup(shape, seq, gpu, gpus, (name, Method::Full), fixed));
    divided(shape, seq, gpu, gpus).chain(trades).collect()
}

/// Those that only divide the state.
pub fn divided(shape: &Shape, seq: f64, gpu: &Gpu, gpus: u64) -> impl Iterator<Item = Setup> {
    SETUPS
        .iter()
        .filter(move |(_, _, stage)| gpus > 1 || *stage == Stage::Zero0)
        .map(move |&(name, method, stage)| {
            let fixed = Fixed::of(shape, method, stage, gpus);
            setup(shape, seq, gpu, gpus, (name, method), fixed)
        })
}

fn setup(
    shape: &Shape,
    seq: f64,
    gpu: &Gpu,
    gpus: u64,
    (name, method): (&'static str, Method),
    fixed: Fixed,
) -> Setup {
    let state = fixed.states() + fixed.gathered;
    let logits = activations::logits(shape, seq);
    let recomputed = activations::checkpointed(shape, seq) + logits;
    let batch = |sequence: f64| ((gpu.usable_bytes() - state) / sequence).floor().max(0.0) as u64;
    Setup {
        name,
        method,
        gpus,
        state_bytes: state.round() as u64,
        bytes: (state + recomputed).round() as u64,
        fits: batch(recomputed) > 0,
        micro_batch: batch(activations::kept(shape, seq) + logits),
        micro_batch_checkpointed: batch(recomputed),
    }
}

/// The least divided layout of `method` that fits `gpus` cards.
pub fn fitting(shape: &Shape, seq: f64, gpu: &Gpu, gpus: u64, method: Method) -> Option<Setup> {
    divided(shape, seq, gpu, gpus).find(|setup| setup.method == method && setup.fits)
}

/// The most sequences at once on one card that any division of `method` between them allows, layers
/// recomputed; 0 when none fits.
pub fn largest_micro_batch(shape: &Shape, seq: f64, gpu: &Gpu, gpus: u64, method: Method) -> u64 {
    let setups = divided(shape, seq, gpu, gpus).filter(|setup| setup.method == method);
    let batches = setups.map(|setup| setup.micro_batch_checkpointed);
    batches.max().unwrap_or(0)
}

/// Most cards that are tried.
const MOST_CARDS: u64 = 1 << 16;

/// The fewest cards on which `method` fits. More cards never hold less: each stage's share of a card
/// shrinks with them.
pub fn gpus_needed(shape: &Shape, seq: f64, gpu: &Gpu, method: Method) -> Option<u64> {
    let holds = |gpus: u64| fitting(shape, seq, gpu, gpus, method).is_some();
    if !holds(MOST_CARDS) {
        return None;
    }
    let (mut too_few, mut enough) = (0, MOST_CARDS);
    while enough - too_few > 1 {
        let middle = too_few + (enough - too_few) / 2;
        if holds(middle) {
            enough = middle;
        } else {
            too_few = middle;
        }
    }
    Some(enough)
}

/// An optimizer that takes less memory of the cards, for which all weights fit where they else would not.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Trade {
    /// `full-adam8` or `full-offload`.
    pub setup: &'static str,
    /// The flags of `prep train`.
    pub flags: &'static str,
    /// Bytes on one card with one sequence, layers recomputed.
    pub bytes: u64,
    /// Bytes in the host's memory for each card: master weights and moments.
    pub host_bytes: u64,
    /// Bytes that each step moves between host and card: gradients there, weights back.
    pub moved_bytes: u64,
}

/// The cheapest such optimizer, with all weights on each card: 8 bits cost no time, the host's memory does.
pub fn trade(shape: &Shape, seq: f64, gpu: &Gpu) -> Option<Trade> {
    trades(shape).into_iter().find_map(|(name, fixed)| {
        let setup = setup(shape, seq, gpu, 1, (name, Method::Full), fixed);
        let on_host = if fixed.optimizer > 0.0 { 0.0 } else { 1.0 };
        setup.fits.then(|| Trade {
            setup: name,
            flags: if fixed.optimizer > 0.0 {
                "--optimizer-bits 8"
            } else {
                "--offload optimizer"
            },
            bytes: setup.bytes,
            host_bytes: (on_host * 12.0 * shape.parameters).round() as u64,
            moved_bytes: (on_host * 4.0 * shape.parameters).round() as u64,
        })
    })
}

/// The longest sequence, halved again and again from `seq`, at which `method` fits.
pub fn longest_sequence(
    shape: &Shape,
    seq: u64,
    gpu: &Gpu,
    gpus: u64,
    method: Method,
) -> Option<u64> {
    std::iter::successors(Some(seq), |seq| (*seq > 1).then_some(seq / 2))
        .find(|seq| fitting(shape, *seq as f64, gpu, gpus, method).is_some())
}

/// Memory by part: full training with AdamW on one card, nothing divided, one sequence at once.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Parts {
    /// bf16 weights.
    pub weights: u64,
    /// bf16 gradients.
    pub gradients: u64,
    /// f32 master weights.
    pub master_weights: u64,
    /// Two f32 moments.
    pub optimizer: u64,
    /// Activations of a sequence, all kept, flash attention.
    pub activations: u64,
    /// Activations of a sequence, all kept, attention scores too.
    pub activations_without_flash: u64,
    /// Activations of a sequence, layers recomputed.
    pub activations_checkpointed: u64,
    /// Logits of a sequence and their gradients, f32.
    pub logits: u64,
    /// Weights, gradients, master weights and optimizer.
    pub states: u64,
    /// States, checkpointed activations and logits.
    pub total: u64,
}

/// Memory by part.
pub fn parts(shape: &Shape, seq: f64) -> Parts {
    let fixed = Fixed::of(shape, Method::Full, Stage::Zero0, 1);
    let whole = |bytes: f64| bytes.round() as u64;
    let checkpointed = whole(activations::checkpointed(shape, seq));
    let logits = whole(activations::logits(shape, seq));
    let states = whole(fixed.states());
    Parts {
        weights: whole(fixed.weights),
        gradients: whole(fixed.gradients),
        master_weights: whole(fixed.master_weights),
        optimizer: whole(fixed.optimizer),
        activations: whole(activations::kept(shape, seq)),
        activations_without_flash: whole(activations::kept_with_scores(shape, seq)),
        activations_checkpointed: checkpointed,
        logits,
        states,
        total: states + checkpointed + logits,
    }
}
