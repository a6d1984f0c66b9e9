//! The verdict in English. A sentence stands only when the numbers make it true.

use super::memory::Trade;
use super::money::{Range, cards_for_a_month};
use super::quantity::{Lang, bytes, count, duration, flops, number, rough};
use super::repeat::PASSES_JUDGED;
use super::route::{Name, Route};
use super::scaling::Band;
use super::verdict::{
    BASE_TOKENS, EPOCHS_NEARLY_NEW, FINE_TUNE_TOKENS, Training, WORTH, full_training,
    larger_would_be_better, loss_here, loss_of_base, out_of_reach, outside_of_fits,
    uncounted_attention,
};
use super::{Gpu, Report, advice_en, repeat};

pub(super) const LANG: Lang = Lang::En;

pub(super) fn sentences(report: &Report, gpu: &Gpu) -> Vec<String> {
    let mut all = data(report);
    all.extend(loss(report));
    all.extend(repetition(report));
    all.extend(cost(report, gpu));
    all.extend(memory(report, gpu));
    all.extend(base(report));
    all.push(advice_en::advice(report, gpu));
    all
}

pub(super) fn c(value: f64) -> String {
    count(value, LANG)
}

pub(super) fn n(value: f64) -> String {
    number(value, LANG)
}

pub(super) fn money(range: Range) -> String {
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

pub(super) fn cards(count: u64, gpu: &Gpu) -> String {
    format!("{} {}", crate::units::grouped(count), gpu.title)
}

fn data(report: &Report) -> Vec<String> {
    let passes = if report.epochs > PASSES_JUDGED {
        format!(
            " seen {} times, which is worth {} new ones, {} of them by the first {} passes, which alone count here,",
            n(report.epochs),
            c(report.effective_tokens),
            c(report.judged_tokens),
            n(PASSES_JUDGED.floor()),
        )
    } else if report.epochs > 1.0 {
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
    let active = report.active_parameters as f64;
    if report.effective_parameters < WORTH * active {
        all.push(format!(
            "On so few different tokens, however often they are seen, {} parameters are worth about {}: excess parameters lose their worth as repeated tokens do (Muennighoff et al. 2023).",
            c(active),
            c(report.effective_parameters),
        ));
    }
    if !report.training.suffices() {
        let fitting = report.route(Name::ScratchFitting);
        let [low, high] = optimal_tokens(report);
        all.push(format!(
            "This size wants about {} tokens, {} times as many (the published fits say {} to {}).",
            c(report.optimal_tokens),
            rough(report.optimal_tokens / report.judged_tokens, LANG),
            c(low),
            c(high),
        ));
        all.push(format!(
            "{} tokens are compute-optimal for about {} parameters: from scratch {} GPU-hours, {}.",
            c(report.judged_tokens),
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

fn band(band: Band) -> String {
    if format!("{:.2}", band.low) == format!("{:.2}", band.high) {
        format!("{:.2}", band.low)
    } else {
        format!("{:.2} to {:.2}", band.low, band.high)
    }
}

fn loss(report: &Report) -> Vec<String> {
    let parameters = report.active_parameters as f64;
    let here = loss_here(report, parameters);
    let (Some(here), Some(fitting)) = (here, loss_here(report, report.optimal_parameters)) else {
        return vec![
            "What loss to expect the fits cannot say: they were made on models from 44M to 16B parameters, far from this size or from the one that fits these tokens."
                .to_owned(),
        ];
    };
    let mut text = format!(
        "From scratch the two fits expect a loss of {} nats a token",
        band(here)
    );
    if !report.training.suffices() {
        text += &format!(
            ", against {} with {} parameters for about {} % of the FLOPs",
            band(fitting),
            c(report.optimal_parameters),
            rough(
                100.0 * report.route(Name::ScratchFitting).training_flops / report.training_flops,
                LANG
            )
        );
    }
    let base = loss_of_base(report, parameters);
    if let Some(base) = base.filter(|_| report.effective_tokens < BASE_TOKENS / 2.0) {
        text += &format!(
            " and {} for this size after {} tokens, as many as Llama 3 8B has seen",
            band(base),
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
        let beyond = if report.epochs > PASSES_JUDGED {
            format!(
                " Plan at most {}: the passes beyond take {} % of the FLOPs and add {} % to what the tokens are worth.",
                n(PASSES_JUDGED.floor()),
                rough(100.0 * (1.0 - PASSES_JUDGED / report.epochs), LANG),
                rough(
                    100.0 * (report.effective_tokens / report.judged_tokens - 1.0),
                    LANG
                ),
            )
        } else {
            String::new()
        };
        return vec![format!(
            "Passes over the same tokens lose their worth: of {} the last is worth {} % of the first, and no number of them is worth more than {} times the data (Muennighoff et al. 2023).{beyond}",
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
    let mut all = vec![text];
    if let Some(gpu_hours) = out_of_reach(report) {
        all.push(format!(
            "More than a year is out of reach: {} would do it in a month.",
            cards(cards_for_a_month(gpu_hours), gpu)
        ));
    }
    all
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
            ": {cards} with {} GB {} too little, it takes {} with ZeRO stage 3{}.",
            gpu.memory_gb,
            if report.gpu.gpus == 1 {
                "is"
            } else {
                "each are"
            },
            crate::units::grouped(needed),
            full.trade
                .map_or_else(String::new, |way| format!(", or {}", trade(way))),
        ),
        (None, None) => format!(
            ": it fits on no number of {} at this sequence length, even with ZeRO stage 3.",
            gpu.title
        ),
    };
    vec![text]
}

/// How all weights fit after all, and what that costs.
fn trade(way: Trade) -> String {
    let held = bytes(way.bytes, LANG);
    if way.host_bytes == 0 {
        format!(
            "moments in 8 bits ({}), with which each card holds {held} and which cost no time worth naming",
            way.flags
        )
    } else {
        format!(
            "the optimizer in the host's memory ({}), with which each card holds {held}; that costs {} of the host's memory a card, and every step waits until {} have moved there and back",
            way.flags,
            bytes(way.host_bytes, LANG),
            bytes(way.moved_bytes, LANG),
        )
    }
}

/// What a card holds, and how the cards share it where there are several.
fn held(report: &Report, route: &Route) -> String {
    let held = bytes(route.memory_bytes, LANG);
    match route.setup {
        None => format!("at least {held}"),
        Some(_) if report.gpu.gpus == 1 => held,
        Some(setup) => format!("{held} a card ({})", zero(setup)),
    }
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
            held(report, lora),
            held(report, qlora),
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

/// What the FLOPs of an assumed shape leave out.
fn attention(report: &Report) -> String {
    uncounted_attention(report).map_or_else(String::new, |percent| {
        format!(
            " (6 for each parameter and token; attention adds about {} % to FLOPs, time and money, which --model counts)",
            rough(percent, LANG)
        )
    })
}
