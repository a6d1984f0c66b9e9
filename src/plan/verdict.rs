//! What the numbers mean, before any language: how well size and data suit each other, and which
//! way to take.

use super::memory::{Method, longest_sequence};
use super::money::TOO_LONG_HOURS;
use super::route::{Name, Route};
use super::scaling::{Band, Data, FITS, FITTED_PARAMETERS, expected_loss};
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
    /// Below 13, or a model of which the tokens can use less than half.
    UnderTrained,
    /// From 13 to 30.
    NearOptimal,
    /// Above 30: more than optimal for the compute, good for a model that is used a lot.
    PastOptimal,
}

/// Share of its parameters that a model has to be worth on so many different tokens (`repeat`), else it
/// is too large for them however often they are seen. The 8.7B of Muennighoff et al. 2023 on 25B tokens,
/// 7 passes, are worth 0.64; 6.3B did better for the same FLOPs.
pub const WORTH: f64 = 0.5;

impl Training {
    /// The class of a number of tokens a parameter, for a model that is worth `worth` of its parameters:
    /// tokens that are enough only by being seen over and over do not suffice.
    pub fn of(tokens_per_parameter: f64, worth: f64) -> Self {
        match tokens_per_parameter {
            ratio if ratio < 5.0 => Self::FarUnderTrained,
            ratio if ratio < 13.0 || worth < WORTH => Self::UnderTrained,
            ratio if ratio <= 30.0 => Self::NearOptimal,
            _ => Self::PastOptimal,
        }
    }

    /// Whether the tokens suffice for the size.
    pub fn suffices(self) -> bool {
        matches!(self, Self::NearOptimal | Self::PastOptimal)
    }
}

/// Ways from a base, the one that changes it most first.
const FROM_BASE: [Name; 3] = [Name::Continue, Name::Lora, Name::Qlora];

/// The way to take: from scratch when the tokens suffice and it fits, else what fits of a base, all
/// weights first, else the size that fits the tokens; none that takes more than a year.
pub fn advice(report: &Report) -> Option<Name> {
    let order: Vec<Name> = if too_few_tokens(report) {
        FROM_BASE.to_vec()
    } else if report.training.suffices() {
        [Name::Scratch].into_iter().chain(FROM_BASE).collect()
    } else {
        FROM_BASE
            .into_iter()
            .chain([Name::ScratchFitting])
            .collect()
    };
    let mut order = order.into_iter();
    order.find(|name| report.route(*name).in_reach())
}

/// The quickest way from a base that fits the cards, which is out of reach where nothing is advised.
pub fn quickest(report: &Report) -> Option<&Route> {
    let routes = FROM_BASE.map(|name| report.route(name));
    let fitting = routes.into_iter().filter(|route| route.fits);
    fitting.min_by(|a, b| a.training_flops.total_cmp(&b.training_flops))
}

/// The GPU-hours of training all weights where it takes more than a year, on the cards of the plan or on
/// the fewest that hold it.
pub fn out_of_reach(report: &Report) -> Option<f64> {
    let hours = report.wall_hours?;
    (hours > TOO_LONG_HOURS).then_some(report.cost.gpu_hours)
}

/// A sequence so short that adapters fit the cards, where they do not fit at that of the plan: its tokens,
/// and which adapters.
pub fn shorter_sequence(report: &Report, gpu: &Gpu) -> Option<(u64, Name)> {
    let (shape, cards) = (&report.model, report.gpu.gpus);
    let longest = |method| longest_sequence(shape, report.seq_len, gpu, cards, method);
    let lora = longest(Method::Lora).map(|seq| (seq, Name::Lora));
    let qlora = longest(Method::Qlora).map(|seq| (seq, Name::Qlora));
    lora.or(qlora).filter(|(seq, _)| *seq >= SHORTEST_SEQUENCE)
}

/// Tokens below which nobody trains.
const SHORTEST_SEQUENCE: u64 = 128;

/// The loss that the fits expect of so many parameters on the tokens of the plan.
pub fn loss_here(report: &Report, parameters: f64) -> Option<Band> {
    let data = Data {
        unique: report.tokens as f64,
        epochs: report.epochs,
        vocab_size: report.model.vocab_size,
    };
    expected_loss(parameters, data)
}

/// The same on as many tokens as Llama 3 8B has seen.
pub fn loss_of_base(report: &Report, parameters: f64) -> Option<Band> {
    let data = Data {
        unique: BASE_TOKENS,
        epochs: 1.0,
        vocab_size: report.model.vocab_size,
    };
    expected_loss(parameters, data)
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
            < fit.repeated_loss(
                report.active_parameters as f64,
                report.tokens as f64,
                report.epochs,
            )
    })
}

/// Cards and hours of training all weights: on those of the plan, or on the fewest that hold it.
pub fn full_training(report: &Report) -> Option<(u64, f64)> {
    report.wall_gpus.zip(report.wall_hours)
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
