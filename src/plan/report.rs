//! The whole plan as one struct: `--json` prints it, the table and the verdict are views of it.

use super::gpu::{GPUS, PRICES_DATE};
use super::memory::{self, Method, Parts, Setup};
use super::money::{Cost, PUE, Range, Rates};
use super::route::{self, Ground, Name, Route};
use super::scaling::{self, Band, Data, FITS, TOKENS_PER_PARAMETER};
use super::verdict::{self, Training};
use super::{Lang, Request, Shape, repeat};
use serde::Serialize;

/// Everything that `prep plan` knows.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Always `plan`.
    pub command: &'static str,
    /// Different tokens.
    pub tokens: u64,
    /// Passes over them.
    pub epochs: f64,
    /// Tokens times passes.
    pub trained_tokens: f64,
    /// New tokens that those are worth.
    pub effective_tokens: f64,
    /// New tokens that the passes are worth that count when size and data are judged.
    pub judged_tokens: f64,
    /// Parameters that were asked for, where layers and width are assumed; fewer than `parameters` where the
    /// vocabulary alone takes more.
    pub asked_parameters: Option<u64>,
    /// Parameters of the model.
    pub parameters: u64,
    /// Parameters that a token passes through.
    pub active_parameters: u64,
    /// What the (active) parameters are worth on so many different tokens.
    pub effective_parameters: f64,
    /// The model's sizes.
    pub model: Shape,
    /// Tokens of a sequence.
    pub seq_len: u64,
    /// FLOPs of training all weights on all tokens and passes.
    pub training_flops: f64,
    /// The same by part.
    pub training_flops_by_part: FlopsByPart,
    /// `judged_tokens` for each (active) parameter.
    pub tokens_per_parameter: f64,
    /// Compute-optimal tokens for these (active) parameters, at 20 a parameter.
    pub optimal_tokens: f64,
    /// Compute-optimal parameters for these tokens, at 20 tokens a parameter.
    pub optimal_parameters: f64,
    /// The same by each published fit.
    pub fits: Vec<FitFigures>,
    /// Loss that the fits expect, in nats a token of their own data; none where one of them says nothing.
    pub expected_loss: Option<Band>,
    /// What more passes over the same tokens would be worth.
    pub repeated_epochs: Vec<Epochs>,
    /// Full training on one card by part.
    pub memory_bytes: Parts,
    /// Ways to lay out training on the cards.
    pub setups: Vec<Setup>,
    /// Cards and rates.
    pub gpu: GpuFigures,
    /// GPU-hours, dollars, energy of training all weights on all tokens and passes.
    #[serde(flatten)]
    pub cost: Cost,
    /// Hours until that is done on `wall_gpus` cards; none where it fits no number of them.
    pub wall_hours: Option<f64>,
    /// The cards of the plan, or the fewest that hold it where those are too few.
    pub wall_gpus: Option<u64>,
    /// The ways to a model.
    pub routes: Vec<Route>,
    /// The same training on every known card.
    pub cards: Vec<Card>,
    /// What the numbers of parameters and tokens mean for each other.
    pub training: Training,
    /// The route that the verdict advises; none when nothing fits.
    pub advice: Option<Name>,
    /// Language of the verdict.
    pub lang: Lang,
    /// All of it in words.
    pub verdict: String,
}

/// FLOPs by what they are spent on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FlopsByPart {
    /// Multiplications with weights, 6ND.
    pub weights: f64,
    /// Causal attention.
    pub attention: f64,
    /// Whether `training_flops` includes attention: not where the architecture is assumed.
    pub attention_counted: bool,
}

/// What one published fit says.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FitFigures {
    /// Which one.
    pub name: &'static str,
    /// Compute-optimal tokens for these parameters.
    pub optimal_tokens: f64,
    /// Compute-optimal parameters for these tokens.
    pub optimal_parameters: f64,
    /// The best size for the FLOPs of this plan, if there were the tokens.
    pub parameters_for_flops: f64,
    /// Tokens of that size.
    pub tokens_for_flops: f64,
    /// Expected loss of this plan; none for approaches 1 and 2, which have no formula for it, and for
    /// sizes about which the fit says nothing.
    pub expected_loss: Option<f64>,
}

/// A number of passes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Epochs {
    /// Passes.
    pub epochs: f64,
    /// New tokens that they are worth.
    pub effective_tokens: f64,
    /// That as a share of the tokens trained on.
    pub worth: f64,
    /// The size that fits them.
    pub optimal_parameters: f64,
}

/// The cards of the plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GpuFigures {
    /// Name.
    pub name: &'static str,
    /// How many.
    pub gpus: u64,
    /// Peak dense bf16 rate in TFLOP/s.
    pub peak_tflops: f64,
    /// Memory of one.
    pub memory_bytes: u64,
    /// Memory bandwidth, in GB/s.
    pub bandwidth_gb_s: u64,
    /// Power limit in watts.
    pub tdp_watts: u64,
    /// Model FLOPs utilisation, as a share of 1.
    pub mfu: f64,
    /// Power usage effectiveness.
    pub pue: f64,
    /// Dollars for an hour of one.
    pub usd_per_hour: Range,
    /// When the table's prices were looked up; none when the user gave the price.
    pub prices_date: Option<&'static str>,
}

/// The same training on one kind of card, as many of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Card {
    /// Name.
    pub name: &'static str,
    /// GPU-hours and energy; money at the table's prices.
    #[serde(flatten)]
    pub cost: Cost,
    /// Hours until it is done on as many of these cards; none where it does not fit them.
    pub wall_hours: Option<f64>,
    /// Largest micro-batch, layers recomputed, of full training; 0 when it does not fit.
    pub micro_batch_full: u64,
    /// The same of LoRA.
    pub micro_batch_lora: u64,
    /// The same of QLoRA.
    pub micro_batch_qlora: u64,
}

/// Plans.
pub fn plan(request: &Request) -> Report {
    let shape = &request.shape;
    let seq = request.seq_len as f64;
    let unique = request.tokens as f64;
    let trained = unique * request.epochs;
    let effective = repeat::effective_tokens(unique, request.epochs);
    let judged = repeat::judged_tokens(unique, request.epochs);
    let rates = Rates {
        gpu: request.gpu,
        gpus: request.gpus,
        mfu: request.mfu,
        price: request.price,
    };
    let ground = Ground {
        shape,
        seq,
        trained_tokens: trained,
        judged_tokens: judged,
        vocab_size: request.vocab_size,
        rates,
    };
    let flops = route::flops_per_token(shape, Method::Full, seq) * trained;
    let per_token = shape.flops(seq);
    let active = shape.active_parameters;
    let data = Data {
        unique,
        epochs: request.epochs,
        vocab_size: shape.vocab_size,
    };
    let optimal = unique * request.epochs.min(1.0) / TOKENS_PER_PARAMETER;
    let effective_parameters = repeat::effective_parameters(active, optimal);
    let cost = rates.cost(flops);
    let routes = route::routes(&ground);
    let wall_gpus = (routes[0].fits.then_some(request.gpus)).or(routes[0].gpus_needed);
    let mut report = Report {
        command: "plan",
        tokens: request.tokens,
        epochs: request.epochs,
        trained_tokens: trained,
        effective_tokens: effective,
        judged_tokens: judged,
        asked_parameters: request.asked_parameters,
        parameters: shape.parameters as u64,
        active_parameters: active as u64,
        effective_parameters,
        model: shape.clone(),
        seq_len: request.seq_len,
        training_flops: flops,
        training_flops_by_part: FlopsByPart {
            weights: per_token.weights * trained,
            attention: per_token.attention * trained,
            attention_counted: !shape.assumed,
        },
        tokens_per_parameter: judged / active,
        optimal_tokens: active * TOKENS_PER_PARAMETER,
        optimal_parameters: judged / TOKENS_PER_PARAMETER,
        fits: fits(active, data, flops),
        expected_loss: scaling::expected_loss(active, data),
        repeated_epochs: repeat::EPOCHS_LISTED
            .map(|epochs| epochs_worth(unique, epochs))
            .to_vec(),
        memory_bytes: memory::parts(shape, seq),
        setups: memory::setups(shape, seq, request.gpu, request.gpus),
        gpu: GpuFigures {
            name: request.gpu.name,
            gpus: request.gpus,
            peak_tflops: request.gpu.tflops,
            memory_bytes: request.gpu.memory_bytes(),
            bandwidth_gb_s: request.gpu.bandwidth_gb_s,
            tdp_watts: request.gpu.tdp_watts,
            mfu: request.mfu,
            pue: PUE,
            usd_per_hour: rates.usd_per_hour(),
            prices_date: request.price.is_none().then_some(PRICES_DATE),
        },
        wall_hours: wall_gpus.map(|cards| cost.gpu_hours / cards as f64),
        wall_gpus,
        cost,
        routes,
        cards: cards(&ground, flops),
        training: Training::of(judged / active, effective_parameters / active),
        advice: None,
        lang: request.lang,
        verdict: String::new(),
    };
    report.advice = verdict::advice(&report);
    report.verdict = verdict::sentences(&report, request.gpu).join(" ");
    report
}

impl Report {
    /// The route of this name; every plan has all of them.
    pub fn route(&self, name: Name) -> &Route {
        let found = self.routes.iter().find(|route| route.name == name);
        found.expect("routes() makes every route")
    }
}

fn fits(parameters: f64, data: Data, flops: f64) -> Vec<FitFigures> {
    let tokens = repeat::judged_tokens(data.unique, data.epochs);
    let (parameters_for_flops, tokens_for_flops) = scaling::split(flops);
    let mut rows = vec![FitFigures {
        name: "hoffmann-2022-approaches-1-2",
        optimal_tokens: parameters * TOKENS_PER_PARAMETER,
        optimal_parameters: tokens / TOKENS_PER_PARAMETER,
        parameters_for_flops,
        tokens_for_flops,
        expected_loss: None,
    }];
    rows.extend(FITS.iter().map(|fit| {
        let (parameters_for_flops, tokens_for_flops) = fit.split(flops);
        FitFigures {
            name: fit.name,
            optimal_tokens: fit.optimal_tokens(parameters),
            optimal_parameters: fit.optimal_parameters(tokens),
            parameters_for_flops,
            tokens_for_flops,
            expected_loss: scaling::expected(fit, parameters, data),
        }
    }));
    rows
}

fn epochs_worth(unique: f64, epochs: f64) -> Epochs {
    let effective_tokens = repeat::effective_tokens(unique, epochs);
    Epochs {
        epochs,
        effective_tokens,
        worth: effective_tokens / (unique * epochs),
        optimal_parameters: effective_tokens / TOKENS_PER_PARAMETER,
    }
}

fn cards(ground: &Ground, flops: f64) -> Vec<Card> {
    let cards = GPUS.iter().map(|gpu| {
        let rates = Rates {
            gpu,
            price: None,
            ..ground.rates
        };
        let batch =
            |method| memory::largest_micro_batch(ground.shape, ground.seq, gpu, rates.gpus, method);
        let (cost, micro_batch_full) = (rates.cost(flops), batch(Method::Full));
        Card {
            name: gpu.name,
            wall_hours: (micro_batch_full > 0).then(|| cost.gpu_hours / rates.gpus as f64),
            cost,
            micro_batch_full,
            micro_batch_lora: batch(Method::Lora),
            micro_batch_qlora: batch(Method::Qlora),
        }
    });
    cards.collect()
}
