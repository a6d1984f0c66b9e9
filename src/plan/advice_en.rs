//! What to do, in English: the last sentence of the verdict.

use super::money::cards_for_a_month;
use super::quantity::duration;
use super::repeat;
use super::route::Name;
use super::scaling::TOKENS_PER_PARAMETER;
use super::verdict::{EPOCHS_NEARLY_NEW, quickest, shorter_sequence, too_few_tokens};
use super::verdict_en::{LANG, c, cards, money, n};
use super::{Gpu, Report};

pub(super) fn advice(report: &Report, gpu: &Gpu) -> String {
    let cards = cards(report.gpu.gpus, gpu);
    let size = c(report.parameters as f64);
    let fitting = c(report.optimal_parameters);
    let scratch_fitting = report.route(Name::ScratchFitting);
    let instead = if !report.training.suffices() && scratch_fitting.in_reach() {
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
    let needed = full.gpus_needed.filter(|_| !full.fits);
    let full_needs = needed.map_or_else(String::new, |needed| {
        let hours = full.cost.gpu_hours / needed as f64;
        format!(
            "; training all its weights takes {} cards, {} and {}{}",
            crate::units::grouped(needed),
            duration(hours, LANG),
            money(full.cost.money_usd),
            full.trade
                .map_or_else(String::new, |way| format!(", or here {}", way.flags))
        )
    });
    let lora_learns_less = " LoRA learns less from plain text than training all weights (Biderman et al. 2024); for questions and answers it is usually enough.";
    let adapters = |method: &str| {
        let scratch = report.route(Name::Scratch);
        let reason = match scratch.trade {
            _ if !report.training.suffices() => String::new(),
            _ if scratch.fits => {
                "The data would do for training from scratch, the time would not. ".to_owned()
            }
            Some(way) => format!(
                "The data would do for training from scratch, the memory only with {}. ",
                way.flags
            ),
            None => {
                "The data would do for training from scratch, the memory would not. ".to_owned()
            }
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
        Some(_) => match quickest(report) {
            Some(route) => format!(
                "Advice: on {cards} {size} parameters are out of reach, {} even with adapters; what is within reach is a model of about {fitting} from scratch.",
                duration(route.cost.gpu_hours / report.gpu.gpus as f64, LANG)
            ),
            None => format!(
                "Advice: {size} parameters fit {cards} in no way; what does is a model of about {fitting} from scratch."
            ),
        },
        None => nothing(report, gpu, &full_needs),
    }
}

/// Advice where no way is within reach.
fn nothing(report: &Report, gpu: &Gpu, full_needs: &str) -> String {
    let on = cards(report.gpu.gpus, gpu);
    let size = c(report.parameters as f64);
    if let Some(route) = quickest(report) {
        let hours = route.cost.gpu_hours / report.gpu.gpus as f64;
        return format!(
            "Advice: on {on} this is out of reach, {} even with {}. Rent {} for a month, or plan for about {} tokens, which these cards see in a month that way{full_needs}.",
            duration(hours, LANG),
            if route.name == Name::Continue {
                "all weights of a base"
            } else {
                "adapters on a base"
            },
            cards(cards_for_a_month(route.cost.gpu_hours), gpu),
            c(report.trained_tokens * super::money::MONTH_HOURS / hours),
        );
    }
    match shorter_sequence(report, gpu) {
        Some((seq, name)) => format!(
            "Advice: {size} parameters do not fit {on} at sequences of {} tokens; at {} tokens {} does. Shorten --seq-len, or take a smaller model, or larger or more cards{full_needs}.",
            crate::units::grouped(report.seq_len),
            crate::units::grouped(seq),
            if name == Name::Lora { "LoRA" } else { "QLoRA" },
        ),
        None => format!(
            "Advice: {size} parameters fit {on} in no way, not even with QLoRA. Take a smaller model, or larger or more cards{full_needs}."
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
