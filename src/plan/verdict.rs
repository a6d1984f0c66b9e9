//! What the numbers mean, before any language: how well size and data suit each other, and which
//! way to take.

use super::route::Name;
use super::scaling::{FITS, FITTED_PARAMETERS};
use super::{Gpu, Lang, Report, verdict_en, verdict_ru};
use serde::Serialize;

/// Passes over the data that are nearly as good as new data (Muennighoff et al. 2023).
pub const EPOCHS_NEARLY_NEW: f64 = 4.0;

/// Tokens behind Llama 3 8B, the base model that the loss is compared with.
pub const BASE_TOKENS: f64 = 15e12;

/// Tokens of questions and answers for which fine-tuning is priced.
pub const FINE_TUNE_TOKENS: f64 = 100e6;

/// How the tokens suit the parameters. Compute-optimal is 20 tokens a parameter, and the fits do not
/// know it better than by a factor of 1.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Training {
    /// Below 5 tokens a parameter.
    FarUnderTrained,
    /// Below 13.
    UnderTrained,
    /// From 13 to 30.
    NearOptimal,
    /// Above 30: more than optimal for the compute, good for a model that is used a lot.
    PastOptimal,
}

impl Training {
    /// The class of a number of tokens a parameter.
    pub fn of(tokens_per_parameter: f64) -> Self {
        match tokens_per_parameter {
            ratio if ratio < 5.0 => Self::FarUnderTrained,
            ratio if ratio < 13.0 => Self::UnderTrained,
            ratio if ratio <= 30.0 => Self::NearOptimal,
            _ => Self::PastOptimal,
        }
    }

    /// Whether the tokens suffice for the size.
    pub fn suffices(self) -> bool {
        matches!(self, Self::NearOptimal | Self::PastOptimal)
    }
}

/// The way to take: from scratch when the tokens suffice and it fits, else what fits of a base, all
/// weights first, else the size that fits the tokens.
pub fn advice(report: &Report) -> Option<Name> {
    let from_base = [Name::Continue, Name::Lora, Name::Qlora];
    let order: Vec<Name> = if too_few_tokens(report) {
        from_base.to_vec()
    } else if report.training.suffices() {
        [Name::Scratch].into_iter().chain(from_base).collect()
    } else {
        from_base
            .into_iter()
            .chain([Name::ScratchFitting])
            .collect()
    };
    order.into_iter().find(|name| report.route(*name).fits)
}

/// Whether a number of parameters lies outside of the models behind the fits.
pub fn outside_of_fits(parameters: f64) -> bool {
    let [low, high] = FITTED_PARAMETERS;
    !(low..=high).contains(&parameters)
}

/// Whether both fits expect a lower loss from the same FLOPs at 20 tokens a parameter. They disagree
/// about models with somewhat more tokens than that.
pub fn larger_would_be_better(report: &Report) -> bool {
    let split = &report.fits[0];
    FITS.iter().all(|fit| {
        fit.loss(split.parameters_for_flops, split.tokens_for_flops)
            < fit.loss(report.active_parameters as f64, report.effective_tokens)
    })
}

/// Cards and hours of training all weights: on those of the plan, or on the fewest that hold it.
pub fn full_training(report: &Report) -> Option<(u64, f64)> {
    let route = report.route(Name::Scratch);
    let cards = if route.fits {
        Some(report.gpu.gpus)
    } else {
        route.gpus_needed
    };
    cards.map(|cards| (cards, route.cost.gpu_hours / cards as f64))
}

/// Whether the fits may be extrapolated to this size: within a tenth and a hundred times of their
/// models.
pub fn fits_say_something(parameters: f64) -> bool {
    let [low, high] = FITTED_PARAMETERS;
    (low / 10.0..=high * 100.0).contains(&parameters)
}

/// Whether there is less than BabyLM's smallest track gives, 10M words, about 13M tokens (Warstadt
/// et al. 2023, <https://arxiv.org/abs/2301.11796>): an assumption about where language begins.
pub fn too_few_tokens(report: &Report) -> bool {
    report.effective_tokens < 13e6
}

/// Percent that attention would add to the FLOPs, where it is not counted and not small.
pub fn uncounted_attention(report: &Report) -> Option<f64> {
    let by_part = report.training_flops_by_part;
    let percent = 100.0 * by_part.attention / by_part.weights;
    (!by_part.attention_counted && (5.0..100.0).contains(&percent)).then_some(percent)
}

/// The verdict, sentence by sentence.
pub fn sentences(report: &Report, gpu: &Gpu) -> Vec<String> {
    match report.lang {
        Lang::En => verdict_en::sentences(report, gpu),
        Lang::Ru => verdict_ru::sentences(report, gpu),
    }
}
