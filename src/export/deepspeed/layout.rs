//! How a run lies on the cards: what is offloaded, how many sequences at once, what is computed twice.
//!
//! States and activations are counted as `prep plan` counts them ([`crate::plan::memory`]). Offloaded
//! are, as in ZeRO-Offload (Ren et al. 2021, <https://arxiv.org/abs/2101.06840>) and ZeRO-Infinity
//! (Rajbhandari et al. 2021, <https://arxiv.org/abs/2104.07857>), the f32 weights and the moments, then
//! with stage 3 the weights that the model computes with, too.

use anyhow::{Result, bail, ensure};
use clap::ValueEnum;
use serde::Serialize;

use crate::{
    ops::Precision,
    plan::{
        Gpu, Shape, activations,
        memory::{Fixed, Method, Stage},
    },
    units::human_bytes,
};

/// What lies in the memory of the host instead of the cards'.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Offload {
    /// Nothing.
    None,
    /// f32 weights and moments; from stage 1 on.
    Optimizer,
    /// The weights, too; with stage 3.
    All,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// `ZeRO`'s stage.
    pub stage: Stage,
    /// Cards.
    pub gpus: u64,
    /// Which ones.
    pub gpu: &'static Gpu,
    /// What the model computes in.
    pub dtype: Precision,
    /// What is offloaded; none for as little as fits.
    pub offload: Option<Offload>,
    /// The most sequences at once on a card.
    pub micro_batch: u64,
}

/// How the run lies on the cards.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Layout {
    /// What is offloaded.
    pub offload: Offload,
    /// Sequences at once on a card: a divisor of those that a card has in a step.
    pub micro_batch: u64,
    /// Whether layers are computed again in the backward.
    pub gradient_checkpointing: bool,
    /// Bytes on one card.
    pub bytes: u64,
}

/// Sequences of a step: as asked, or the next number that the cards divide.
#[must_use]
pub fn sequences(asked: u64, gpus: u64) -> u64 {
    asked.max(1).next_multiple_of(gpus)
}

/// The first layout that fits: as little offloaded as possible, then every activation kept.
///
/// # Errors
/// When nothing fits, or the offload does not go with the stage.
pub fn layout(shape: &Shape, seq_len: u64, sequences: u64, wanted: Wanted) -> Result<Layout> {
    let possible: &[Offload] = match wanted.stage {
        Stage::Zero0 => &[Offload::None],
        Stage::Zero1 | Stage::Zero2 => &[Offload::None, Offload::Optimizer],
        Stage::Zero3 => &[Offload::None, Offload::Optimizer, Offload::All],
    };
    let tried = match &wanted.offload {
        Some(one) => {
            ensure!(
                possible.contains(one),
                "--offload: the optimizer can be offloaded from --zero 1 on, the weights with --zero 3"
            );
            std::slice::from_ref(one)
        }
        None => possible,
    };
    let room = wanted.gpu.usable_bytes();
    let mut least = f64::INFINITY;
    for &offload in tried {
        let fixed = fixed_bytes(shape, offload, wanted);
        for gradient_checkpointing in [false, true] {
            let sequence = sequence_bytes(shape, seq_len as f64, gradient_checkpointing, wanted);
            least = least.min(fixed + sequence);
            let fitting = ((room - fixed) / sequence).floor().max(0.0) as u64;
            let most = fitting.min(wanted.micro_batch);
            if most > 0 {
                let micro_batch = largest_divisor(sequences / wanted.gpus, most);
                return Ok(Layout {
                    offload,
                    micro_batch,
                    gradient_checkpointing,
                    bytes: (fixed + micro_batch as f64 * sequence).round() as u64,
                });
            }
        }
    }
    bail!(
        "one sequence of {seq_len} tokens takes {} on each of {} x {}, of which {} can be filled: \
         choose a higher --zero, more --gpus, a larger --gpu, another --offload or a shorter --seq-len \
         (`prep plan` shows what fits)",
        human_bytes(least.round() as u64),
        wanted.gpus,
        wanted.gpu.title,
        human_bytes(room.round() as u64)
    )
}

/// Bytes on one card that do not depend on the micro-batch.
fn fixed_bytes(shape: &Shape, offload: Offload, wanted: Wanted) -> f64 {
    let fixed = Fixed::of(shape, Method::Full, wanted.stage, wanted.gpus);
    // f32 weights are their own master copy, so that both precisions take 16 bytes a parameter.
    let (width, master) = match wanted.dtype {
        Precision::F32 => (2.0, 0.0),
        Precision::Bf16 => (1.0, fixed.master_weights),
    };
    let weights = match offload {
        Offload::All => 0.0,
        Offload::None | Offload::Optimizer => width * fixed.weights,
    };
    let optimizer = match offload {
        Offload::None => master + fixed.optimizer,
        Offload::Optimizer | Offload::All => 0.0,
    };
    weights + width * (fixed.gradients + fixed.gathered) + optimizer
}

/// Bytes of one sequence at work.
fn sequence_bytes(shape: &Shape, seq: f64, gradient_checkpointing: bool, wanted: Wanted) -> f64 {
    let width = match wanted.dtype {
        Precision::F32 => 2.0,
        Precision::Bf16 => 1.0,
    };
    let kept = if gradient_checkpointing {
        activations::checkpointed(shape, seq)
    } else {
        activations::kept(shape, seq)
    };
    width * kept + activations::logits(shape, seq)
}

fn largest_divisor(of: u64, most: u64) -> u64 {
    (1..=most.min(of))
        .rev()
        .find(|divisor| of.is_multiple_of(*divisor))
        .unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::preset, plan::gpu};

    fn wanted(stage: Stage, gpus: u64) -> Wanted {
        Wanted {
            stage,
            gpus,
            gpu: gpu::parse("h100").unwrap(),
            dtype: Precision::Bf16,
            offload: None,
            micro_batch: 8,
        }
    }

    fn llama_8b() -> Shape {
        Shape::of(&preset("llama-8b").unwrap().config(128_256, 2048))
    }

    #[test]
    fn eight_billion_parameters_fit_eight_cards_with_stage_3_alone() {
        let shape = llama_8b();
        let found = layout(&shape, 2048, 64, wanted(Stage::Zero3, 8)).unwrap();
        assert_eq!(found.offload, Offload::None);
        assert!(8 % found.micro_batch == 0 && found.micro_batch > 0);
        assert!(found.bytes as f64 <= gpu::parse("h100").unwrap().usable_bytes());
        let error = layout(&shape, 2048, 64, wanted(Stage::Zero0, 8)).unwrap_err();
        assert!(error.to_string().contains("--zero"), "{error}");
        // On one card the optimizer has to go to the host, and the gradients' 16 GB stay.
        let one = layout(&shape, 2048, 64, wanted(Stage::Zero3, 1)).unwrap();
        assert_eq!(one.offload, Offload::Optimizer);
    }

    #[test]
    fn an_offload_needs_its_stage_and_is_taken_as_asked() {
        let shape = llama_8b();
        let all = |stage| Wanted {
            offload: Some(Offload::All),
            ..wanted(stage, 8)
        };
        let error = layout(&shape, 2048, 8, all(Stage::Zero2)).unwrap_err();
        assert!(error.to_string().contains("--zero 3"), "{error}");
        let found = layout(&shape, 2048, 8, all(Stage::Zero3)).unwrap();
        assert_eq!((found.offload, found.micro_batch), (Offload::All, 1));
    }

    #[test]
    fn a_step_has_as_many_sequences_as_the_cards_divide() {
        assert_eq!(
            [sequences(16, 8), sequences(4, 8), sequences(9, 8)],
            [16, 8, 16]
        );
        assert_eq!([largest_divisor(12, 5), largest_divisor(7, 5)], [4, 1]);
    }
}
