//! The verdict in English. A sentence stands only when the numbers make it true.

use super::money::Range;
use super::quantity::{Lang, bytes, count, duration, flops, number, rough};
use super::route::Name;
use super::scaling::{TOKENS_PER_PARAMETER, expected_loss};
use super::verdict::{
    BASE_TOKENS, EPOCHS_NEARLY_NEW, FINE_TUNE_TOKENS, Training, fits_say_something, full_training,
    larger_would_be_better, outside_of_fits, too_few_tokens, uncounted_attention,
};
use super::{Gpu, Report, repeat};

const LANG: Lang = Lang::En;

pub(super) fn sentences(report: &Report, gpu: &Gpu) -> Vec<String> {
    let mut all = data(report);
    all.extend(loss(report));
    all.extend(repetition(report));
    all.extend(cost(report, gpu));
    all.extend(memory(report, gpu));
    all.extend(base(report));
    all.push(advice(report, gpu));
    all
}

fn c(value: f64) -> String {
    count(value, LANG)
}

fn n(value: f64) -> String {
    number(value, LANG)
}

fn money(range: Range) -> String {
    if range.is_nothing() {
        "less than $0.01".to_owned()
    } else if range.is_point() {
        format!("${}", n(range.low))
    } else {
        format!(
            "${} to ${}",
            rough(range.low, LANG),
            rough(range.high, LANG)
        )
    }
}

fn cards(count: u64, gpu: &Gpu) -> String {
    format!("{} {}", crate::units::grouped(count), gpu.title)
}

fn data(report: &Report) -> Vec<String> {
    let passes = if report.epochs > 1.0 {
        format!(
            " seen {} times, which is worth {} new ones,",
            n(report.epochs),
            c(report.effective_tokens)
        )
    } else if report.epochs < 1.0 {
        format!(", of which {} are seen,", c(report.trained_tokens))
    } else {
        String::new()
    };
    let kind = if report.active_parameters < report.parameters {
        "active parameters"
    } else {
        "parameters"
    };
    let ratio = format!(
        "{} {kind} on {} tokens{passes} are {} tokens a parameter, where about 20 are compute-optimal (Hoffmann et al. 2022)",
        c(report.active_parameters as f64),
        c(report.tokens as f64),
        rough(report.tokens_per_parameter, LANG),
    );
    let mut all = vec![match report.training {
        Training::FarUnderTrained => {
            format!("{ratio}: trained from scratch, this model is far under-trained.")
        }
        Training::UnderTrained => {
            format!("{ratio}: trained from scratch, this model is under-trained.")
        }
        Training::NearOptimal => format!("{ratio}: size and data are in proportion."),
        Training::PastOptimal if !larger_would_be_better(report) => format!(
            "{ratio}: more than that, and enough; whether a larger model on fewer tokens would be better for the same FLOPs, the published fits disagree."
        ),
        Training::PastOptimal => {
            let split = &report.fits[0];
            format!(
                "{ratio}: more than that. The same FLOPs would give a lower loss with about {} parameters on {} tokens; a smaller model on more tokens is the better buy when it will be used a lot (Sardana et al. 2023).",
                c(split.parameters_for_flops),
                c(split.tokens_for_flops)
            )
        }
    }];
    if !report.training.suffices() {
        let fitting = report.route(Name::ScratchFitting);
        let [low, high] = optimal_tokens(report);
        all.push(format!(
            "This size wants about {} tokens, {} times as many (the published fits say {} to {}).",
            c(report.optimal_tokens),
            rough(report.optimal_tokens / report.effective_tokens, LANG),
            c(low),
            c(high),
        ));
        all.push(format!(
            "{} tokens are compute-optimal for about {} parameters: from scratch {} GPU-hours, {}.",
            c(report.effective_tokens),
            c(report.optimal_parameters),
            n(fitting.cost.gpu_hours),
            money(fitting.cost.money_usd),
        ));
    }
    all
}

fn optimal_tokens(report: &Report) -> [f64; 2] {
    let tokens = report.fits.iter().map(|fit| fit.optimal_tokens);
    [
        tokens.clone().fold(f64::INFINITY, f64::min),
        tokens.fold(0.0, f64::max),
    ]
}

fn band(parameters: f64, tokens: f64) -> String {
    let band = expected_loss(parameters, tokens);
    if format!("{:.2}", band.low) == format!("{:.2}", band.high) {
        format!("{:.2}", band.low)
    } else {
        format!("{:.2} to {:.2}", band.low, band.high)
    }
}

fn loss(report: &Report) -> Vec<String> {
    let parameters = report.active_parameters as f64;
    if !fits_say_something(parameters) || !fits_say_something(report.optimal_parameters) {
        return vec![
            "What loss to expect the fits cannot say: they were made on models from 44M to 16B parameters, far from this size or from the one that fits these tokens."
                .to_owned(),
        ];
    }
    let mut text = format!(
        "From scratch the two fits expect a loss of {} nats a token",
        band(parameters, report.effective_tokens)
    );
    if !report.training.suffices() {
        text += &format!(
            ", against {} with {} parameters for about {} % of the FLOPs",
            band(report.optimal_parameters, report.effective_tokens),
            c(report.optimal_parameters),
            rough(
                100.0 * report.route(Name::ScratchFitting).training_flops / report.training_flops,
                LANG
            )
        );
    }
    if report.effective_tokens < BASE_TOKENS / 2.0 {
        text += &format!(
            " and {} for this size after {} tokens, as many as Llama 3 8B has seen",
            band(parameters, BASE_TOKENS),
            c(BASE_TOKENS)
        );
    }
    text += "; the fits are of English web text and their own tokenizer, so compare these numbers with each other and not with your validation loss.";
    let mut all = vec![text];
    if outside_of_fits(parameters) {
        all.push(
            "This size lies outside of the models that the fits were made on (44M to 16B parameters): they are extrapolated."
                .to_owned(),
        );
    }
    all
}

fn repetition(report: &Report) -> Vec<String> {
    let unique = report.tokens as f64;
    if report.epochs > EPOCHS_NEARLY_NEW {
        let per_pass = repeat::effective_tokens(unique, report.epochs)
            - repeat::effective_tokens(unique, report.epochs - 1.0);
        return vec![format!(
            "Passes over the same tokens lose their worth: of {} the last is worth {} % of the first, and no number of them is worth more than {} times the data (Muennighoff et al. 2023).",
            n(report.epochs),
            n(100.0 * per_pass / unique),
            n(repeat::limit()),
        )];
    }
    if report.training == Training::PastOptimal {
        return Vec::new();
    }
    let worth = repeat::effective_tokens(unique, EPOCHS_NEARLY_NEW);
    vec![format!(
        "{} passes over these tokens would be worth {} new ones, {} tokens a parameter; no number of passes is worth more than {} times the data (Muennighoff et al. 2023).",
        n(EPOCHS_NEARLY_NEW),
        c(worth),
        n(worth / report.active_parameters as f64),
        n(repeat::limit()),
    )]
}

fn cost(report: &Report, gpu: &Gpu) -> Vec<String> {
    let mut text = format!(
        "Training all weights on {} tokens takes {} FLOPs{}: at {} % of the peak rate of {}, {} GPU-hours, {}",
        c(report.trained_tokens),
        flops(report.training_flops, LANG),
        attention(report),
        n(100.0 * report.gpu.mfu),
        gpu.title,
        n(report.cost.gpu_hours),
        money(report.cost.money_usd),
    );
    if let Some((cards, hours)) = full_training(report) {
        let cards = crate::units::grouped(cards);
        text += &format!(", {} on {cards}", duration(hours, LANG));
    }
    text += &format!(", {} kWh.", n(report.cost.energy_kwh));
    vec![text]
}

fn memory(report: &Report, gpu: &Gpu) -> Vec<String> {
    let full = report.route(Name::Scratch);
    let states = report.memory_bytes.states;
    let mut text = format!(
        "It holds {} of weights, gradients and optimizer (16 bytes a parameter) and {} for one sequence of {} tokens when layers are recomputed",
        bytes(states, LANG),
        bytes(report.memory_bytes.total - states, LANG),
        crate::units::grouped(report.seq_len),
    );
    let cards = cards(report.gpu.gpus, gpu);
    text += &match (full.setup, full.gpus_needed) {
        (Some("full"), _) => format!(": the {} GB of one {} suffice.", gpu.memory_gb, gpu.title),
        (Some(setup), _) => format!(
            ": on {cards} with {} GB each it fits when divided ({}).",
            gpu.memory_gb,
            zero(setup)
        ),
        (None, Some(needed)) => format!(
            ": {cards} with {} GB {} too little, it takes {} with ZeRO stage 3.",
            gpu.memory_gb,
            if report.gpu.gpus == 1 {
                "is"
            } else {
                "each are"
            },
            crate::units::grouped(needed),
        ),
        (None, None) => format!(
            ": it fits on no number of {} at this sequence length, even with ZeRO stage 3.",
            gpu.title
        ),
    };
    vec![text]
}

fn zero(setup: &str) -> String {
    match setup.rsplit_once("zero-") {
        Some((_, stage)) => format!("ZeRO stage {stage}"),
        None => "nothing divided".to_owned(),
    }
}

fn base(report: &Report) -> Vec<String> {
    let (full, lora, qlora) = (
        report.route(Name::Continue),
        report.route(Name::Lora),
        report.route(Name::Qlora),
    );
    let share = FINE_TUNE_TOKENS / report.trained_tokens;
    let scaled = |range: Range| Range {
        low: range.low * share,
        high: range.high * share,
    };
    vec![
        format!(
            "Continuing a base of this size costs the same for a token, but begins with what the base knows; LoRA takes {} GPU-hours for these tokens ({}) and holds {}, QLoRA {}.",
            n(lora.cost.gpu_hours),
            money(lora.cost.money_usd),
            bytes(lora.memory_bytes, LANG),
            bytes(qlora.memory_bytes, LANG),
        ),
        format!(
            "Fine-tuning a base costs, for each {} tokens of questions and answers, {} GPU-hours ({}) with all weights or {} ({}) with LoRA.",
            c(FINE_TUNE_TOKENS),
            n(full.cost.gpu_hours * share),
            money(scaled(full.cost.money_usd)),
            n(lora.cost.gpu_hours * share),
            money(scaled(lora.cost.money_usd)),
        ),
    ]
}

fn advice(report: &Report, gpu: &Gpu) -> String {
    let cards = cards(report.gpu.gpus, gpu);
    let size = c(report.parameters as f64);
    let fitting = c(report.optimal_parameters);
    let scratch_fitting = report.route(Name::ScratchFitting);
    let instead = if !report.training.suffices() && scratch_fitting.fits {
        format!(
            " If it must be from scratch, train about {fitting} parameters{}.",
            repeated(report)
        )
    } else {
        String::new()
    };
    if too_few_tokens(report) {
        return format!(
            "Advice: {} tokens are too few to learn a language from scratch at any size; they are enough to see that everything runs. For a useful model fine-tune an open base that knows your languages on these tokens.",
            c(report.tokens as f64)
        );
    }
    let full = report.route(Name::Continue);
    let full_needs = full.gpus_needed.map_or_else(String::new, |needed| {
        format!(
            "; training all its weights takes {} cards and {}",
            crate::units::grouped(needed),
            money(full.cost.money_usd)
        )
    });
    let lora_learns_less = " LoRA learns less from plain text than training all weights (Biderman et al. 2024); for questions and answers it is usually enough.";
    let adapters = |method: &str| {
        let reason = if report.training.suffices() {
            "The data would do for training from scratch, the memory would not. "
        } else {
            ""
        };
        format!(
            "Advice: {reason}On {cards} train a {method} on a base of about {size} parameters that knows your languages{full_needs}.{lora_learns_less}{instead}"
        )
    };
    match report.advice {
        Some(Name::Scratch) => format!(
            "Advice: training {size} parameters from scratch on {cards} is sound; compare it with continuing a base of this size, which costs the same."
        ),
        Some(Name::Continue) => format!(
            "Advice: do not train this size from scratch on these tokens. Continue a base of about {size} parameters that knows your languages, all weights, on {cards}.{instead}"
        ),
        Some(Name::Lora) => adapters("LoRA"),
        Some(Name::Qlora) => adapters("QLoRA"),
        Some(_) => format!(
            "Advice: {size} parameters fit {cards} in no way; what does is a model of about {fitting} from scratch."
        ),
        None => format!(
            "Advice: {size} parameters fit {cards} in no way, not even with QLoRA. Take a smaller model, or larger or more cards{full_needs}."
        ),
    }
}

/// What the fitting size would be with four passes, where fewer are planned.
fn repeated(report: &Report) -> String {
    if report.epochs >= EPOCHS_NEARLY_NEW {
        return String::new();
    }
    let worth = repeat::effective_tokens(report.tokens as f64, EPOCHS_NEARLY_NEW);
    format!(
        ", or {} with {} passes over the data",
        c(worth / TOKENS_PER_PARAMETER),
        n(EPOCHS_NEARLY_NEW)
    )
}

/// What the FLOPs of an assumed shape leave out.
fn attention(report: &Report) -> String {
    uncounted_attention(report).map_or_else(String::new, |percent| {
        format!(
            " (6 for each parameter and token; attention adds about {} % to FLOPs, time and money, which --model counts)",
            rough(percent, LANG)
        )
    })
}
