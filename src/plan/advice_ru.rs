//! What to do, in Russian: the last sentence of the verdict.

use super::money::cards_for_a_month;
use super::quantity::duration;
use super::repeat;
use super::route::Name;
use super::scaling::TOKENS_PER_PARAMETER;
use super::verdict::{EPOCHS_NEARLY_NEW, quickest, shorter_sequence, too_few_tokens};
use super::verdict_ru::{LANG, agree, c, cards, money, n};
use super::{Gpu, Report};

pub(super) fn advice(report: &Report, gpu: &Gpu) -> String {
    let cards = cards(report.gpu.gpus, gpu);
    let size = c(report.parameters as f64);
    let fitting = c(report.optimal_parameters);
    let instead = if !report.training.suffices() && report.route(Name::ScratchFitting).in_reach() {
        format!(
            " Если нужно именно с нуля, обучайте модель примерно в {fitting} параметров{}.",
            repeated(report)
        )
    } else {
        String::new()
    };
    if too_few_tokens(report) {
        return format!(
            "Совет: {} токенов слишком мало, чтобы выучить язык с нуля при любом размере модели; их хватит, чтобы проверить, что всё работает. Чтобы получить полезную модель, дообучите на них открытую базовую модель, знающую ваши языки.",
            c(report.tokens as f64)
        );
    }
    let full = report.route(Name::Continue);
    let needed = full.gpus_needed.filter(|_| !full.fits);
    let full_needs = needed.map_or_else(String::new, |needed| {
        format!(
            "; для обучения всех её весов таких GPU нужно {}, это {} и {}{}",
            crate::units::grouped(needed),
            duration(full.cost.gpu_hours / needed as f64, LANG),
            money(full.cost.money_usd),
            full.trade
                .map_or_else(String::new, |way| format!(", либо здесь {}", way.flags))
        )
    });
    let lora_learns_less = " Из сплошного текста LoRA усваивает меньше, чем обучение всех весов (Biderman et al. 2024); для вопросов и ответов её обычно достаточно.";
    let adapters = |method: &str| {
        let scratch = report.route(Name::Scratch);
        let reason = match scratch.trade {
            _ if !report.training.suffices() => String::new(),
            _ if scratch.fits => {
                "данных хватило бы и для обучения с нуля, времени — нет; ".to_owned()
            }
            Some(way) => format!(
                "данных хватило бы и для обучения с нуля, памяти — только с {}; ",
                way.flags
            ),
            None => "данных хватило бы и для обучения с нуля, памяти — нет; ".to_owned(),
        };
        format!(
            "Совет: {reason}на {cards} обучайте {method} поверх базовой модели примерно в {size} параметров, знающей ваши языки{full_needs}.{lora_learns_less}{instead}"
        )
    };
    match report.advice {
        Some(Name::Scratch) => format!(
            "Совет: обучать {size} параметров с нуля на {cards} разумно; сравните с дообучением базовой модели этого размера, которое стоит столько же."
        ),
        Some(Name::Continue) => format!(
            "Совет: не обучайте модель такого размера с нуля на этих данных. Дообучайте все веса базовой модели примерно в {size} параметров, знающей ваши языки, на {cards}.{instead}"
        ),
        Some(Name::Lora) => adapters("LoRA"),
        Some(Name::Qlora) => adapters("QLoRA"),
        Some(_) => match quickest(report) {
            Some(route) => format!(
                "Совет: {size} параметров на {cards} недостижимы, даже с адаптерами это {}; достижима модель примерно в {fitting} с нуля.",
                duration(route.cost.gpu_hours / report.gpu.gpus as f64, LANG)
            ),
            None => format!(
                "Совет: {size} параметров на {cards} не помещаются никак; помещается модель примерно в {fitting} с нуля."
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
            "Совет: на {on} это недостижимо: {}, даже если {}. Возьмите на месяц {} или рассчитывайте примерно на {} токенов: столько эти GPU пройдут так за месяц{full_needs}.",
            duration(hours, LANG),
            if route.name == Name::Continue {
                "дообучать все веса базовой модели"
            } else {
                "обучать адаптеры поверх базовой модели"
            },
            cards(cards_for_a_month(route.cost.gpu_hours), gpu),
            c(report.trained_tokens * super::money::MONTH_HOURS / hours),
        );
    }
    match shorter_sequence(report, gpu) {
        Some((seq, name)) => format!(
            "Совет: {size} параметров не помещаются на {on} при последовательностях в {}; при {} {} помещается. Уменьшите --seq-len, возьмите модель поменьше либо больше GPU или с большей памятью{full_needs}.",
            agree(
                &crate::units::grouped(report.seq_len),
                ["токен", "токена", "токенов"]
            ),
            crate::units::grouped(seq),
            if name == Name::Lora { "LoRA" } else { "QLoRA" },
        ),
        None => format!(
            "Совет: {size} параметров на {on} не помещаются никак, даже с QLoRA. Возьмите модель поменьше либо больше GPU или с большей памятью{full_needs}."
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
        " или, за {} по данным, в {}",
        agree(&n(EPOCHS_NEARLY_NEW), ["проход", "прохода", "проходов"]),
        c(worth / TOKENS_PER_PARAMETER)
    )
}
