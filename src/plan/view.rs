//! The plan as tables for a person, in English or Russian.

use super::money::Range;
use super::quantity::{Lang, bytes, count, duration, flops, number};
use super::report::Report;
use super::route::{Name, Route};
use super::verdict;
use super::wrap::wrap;
use super::{GPUS, Gpu};
use crate::table::Table;

/// Characters of a line of the verdict.
const WIDTH: usize = 96;

/// Everything, top to bottom.
pub fn render(report: &Report, gpu: &Gpu) -> String {
    let lang = report.lang;
    let verdict: Vec<String> = verdict::sentences(report, gpu)
        .iter()
        .map(|text| wrap(text, WIDTH))
        .collect();
    [
        summary(report, gpu),
        scaling(report).render(),
        memory(report).render(),
        routes(report).render(),
        cards(report).render(),
        wrap(&assumptions(report), WIDTH),
        format!("{}\n{}", say(lang, "Verdict", "Вывод"), verdict.join("\n")),
    ]
    .join("\n\n")
}

fn say<'a>(lang: Lang, en: &'a str, ru: &'a str) -> &'a str {
    match lang {
        Lang::En => en,
        Lang::Ru => ru,
    }
}

fn money(range: Range, lang: Lang) -> String {
    if range.is_nothing() {
        "<0.01".to_owned()
    } else if range.is_point() {
        number(range.low, lang)
    } else {
        format!("{}–{}", number(range.low, lang), number(range.high, lang))
    }
}

/// Names and values in two columns, both set to the left.
fn summary(report: &Report, gpu: &Gpu) -> String {
    let lang = report.lang;
    let mut lines = Vec::new();
    let mut row = |en: &str, ru: &str, value: String| {
        lines.push(format!("{:<16}{value}", say(lang, en, ru)));
    };
    let model = &report.model;
    let mut size = count(report.parameters as f64, lang);
    if report.active_parameters < report.parameters {
        let active = count(report.active_parameters as f64, lang);
        size += &match lang {
            Lang::En => format!(", {active} active"),
            Lang::Ru => format!(", активных {active}"),
        };
    }
    if let Some(asked) = report
        .asked_parameters
        .filter(|asked| *asked < report.parameters)
    {
        let (asked, vocab) = (count(asked as f64, lang), model.vocab_size);
        size += &match lang {
            Lang::En => format!(" (not {asked}: a vocabulary of {vocab} takes more)"),
            Lang::Ru => format!(" (не {asked}: словарь из {vocab} занимает больше)"),
        };
    }
    row("parameters", "параметры", size);
    let shape = match lang {
        Lang::En => format!(
            "{} layers of width {}, vocabulary {}{}",
            model.layers,
            model.hidden_size,
            model.vocab_size,
            if model.assumed { " (assumed)" } else { "" }
        ),
        Lang::Ru => format!(
            "слоёв {}, ширина {}, словарь {}{}",
            model.layers,
            model.hidden_size,
            model.vocab_size,
            if model.assumed {
                " (принято)"
            } else {
                ""
            }
        ),
    };
    row("shape", "устройство", shape);
    let mut tokens = count(report.tokens as f64, lang);
    if (report.epochs - 1.0).abs() > 0.0 {
        let worth = count(report.effective_tokens, lang);
        tokens += &match lang {
            Lang::En => format!(" × {} epochs, worth {worth} new ones", report.epochs),
            Lang::Ru => format!(" × {} эпох, как {worth} новых", number(report.epochs, lang)),
        };
    }
    row("tokens", "токены", tokens);
    let by_part = report.training_flops_by_part;
    let attention = 100.0 * by_part.attention / by_part.weights;
    let flops = flops(report.training_flops, lang);
    let flops = match (lang, by_part.attention_counted) {
        (Lang::En, true) => format!(
            "{flops}, attention {} % on top of 6ND",
            number(attention, lang)
        ),
        (_, false) if attention >= 100.0 => format!("{flops} (6ND)"),
        (Lang::En, false) => format!(
            "{flops} (6ND; attention would add about {} %)",
            number(attention, lang)
        ),
        (Lang::Ru, true) => format!("{flops}, внимание {} % сверх 6ND", number(attention, lang)),
        (Lang::Ru, false) => format!(
            "{flops} (6ND; внимание добавило бы около {} %)",
            number(attention, lang)
        ),
    };
    row("training FLOPs", "FLOPs обучения", flops);
    row(
        "cards",
        "GPU",
        format!("{} × {}", crate::units::grouped(report.gpu.gpus), gpu.title),
    );
    row("GPU-hours", "GPU-часы", number(report.cost.gpu_hours, lang));
    row("wall time", "время", wall(report));
    row("USD", "доллары", money(report.cost.money_usd, lang));
    row(
        "energy, kWh",
        "энергия, кВт·ч",
        number(report.cost.energy_kwh, lang),
    );
    lines.join("\n")
}

/// Hours on the cards of the plan, or on as many as it takes.
fn wall(report: &Report) -> String {
    let lang = report.lang;
    let Some((cards, hours)) = verdict::full_training(report) else {
        return say(
            lang,
            "– (fits on no number of these cards)",
            "– (не поместится)",
        )
        .to_owned();
    };
    let time = duration(hours, lang);
    match lang {
        _ if cards == report.gpu.gpus => time,
        Lang::En => format!("{time} on {cards} cards, the fewest that hold it"),
        Lang::Ru => format!("{time} на {cards} GPU: на меньшем числе не поместится"),
    }
}

fn scaling(report: &Report) -> Table {
    let lang = report.lang;
    let mut table = Table::new(&match lang {
        Lang::En => [
            "what fits what",
            "tokens for these parameters",
            "parameters for these tokens",
            "expected loss",
        ],
        Lang::Ru => [
            "что чему подходит",
            "токенов этим параметрам",
            "параметров этим токенам",
            "ожидаемый loss",
        ],
    });
    for fit in &report.fits {
        table.row(vec![
            fit.name.to_owned(),
            count(fit.optimal_tokens, lang),
            count(fit.optimal_parameters, lang),
            fit.expected_loss.map_or("–".to_owned(), |loss| {
                let text = format!("{loss:.2}");
                if lang == Lang::Ru {
                    text.replace('.', ",")
                } else {
                    text
                }
            }),
        ]);
    }
    for epochs in report.repeated_epochs.iter().filter(|row| row.epochs > 1.0) {
        let name = match lang {
            Lang::En => format!(
                "{} epochs, worth {}",
                epochs.epochs,
                count(epochs.effective_tokens, lang)
            ),
            Lang::Ru => format!(
                "эпох {}, как {}",
                epochs.epochs,
                count(epochs.effective_tokens, lang)
            ),
        };
        table.row(vec![
            name,
            "–".to_owned(),
            count(epochs.optimal_parameters, lang),
            "–".to_owned(),
        ]);
    }
    table
}

fn memory(report: &Report) -> Table {
    let lang = report.lang;
    let mut table = Table::new(&match lang {
        Lang::En => [
            "memory of one card",
            "state",
            "with one sequence",
            "fits",
            "micro-batch",
            "recomputing layers",
        ],
        Lang::Ru => [
            "память одного GPU",
            "состояние",
            "с одной последовательностью",
            "помещается",
            "микробатч",
            "с пересчётом слоёв",
        ],
    });
    for setup in &report.setups {
        table.row(vec![
            setup.name.to_owned(),
            bytes(setup.state_bytes, lang),
            bytes(setup.bytes, lang),
            yes(setup.fits, lang),
            setup.micro_batch.to_string(),
            setup.micro_batch_checkpointed.to_string(),
        ]);
    }
    table
}

fn hours(hours: Option<f64>, lang: Lang) -> String {
    hours.map_or_else(|| "–".to_owned(), |hours| duration(hours, lang))
}

fn yes(value: bool, lang: Lang) -> String {
    let word = match (lang, value) {
        (Lang::En, true) => "yes",
        (Lang::En, false) => "no",
        (Lang::Ru, true) => "да",
        (Lang::Ru, false) => "нет",
    };
    word.to_owned()
}

fn route_name(name: Name, lang: Lang) -> &'static str {
    match name {
        Name::Scratch => say(lang, "from scratch", "с нуля"),
        Name::ScratchFitting => say(
            lang,
            "from scratch, fitting size",
            "с нуля, подходящий размер",
        ),
        Name::Continue => say(lang, "continue a base", "дообучить базовую"),
        Name::FineTune => say(lang, "fine-tune a base", "дообучить на вопросах"),
        Name::Lora => say(lang, "LoRA on a base", "LoRA на базовой"),
        Name::Qlora => say(lang, "QLoRA on a base", "QLoRA на базовой"),
    }
}

fn routes(report: &Report) -> Table {
    let lang = report.lang;
    let mut table = Table::new(&match lang {
        Lang::En => [
            "route",
            "parameters",
            "GPU-hours",
            "wall time",
            "USD",
            "memory",
            "fits",
        ],
        Lang::Ru => [
            "путь",
            "параметры",
            "GPU-часы",
            "время",
            "доллары",
            "память",
            "помещается",
        ],
    });
    for route in &report.routes {
        table.row(vec![
            route_name(route.name, lang).to_owned(),
            count(route.parameters as f64, lang),
            number(route.cost.gpu_hours, lang),
            hours(route.wall_hours, lang),
            money(route.cost.money_usd, lang),
            bytes(route.memory_bytes, lang),
            fits(route, lang),
        ]);
    }
    table
}

fn fits(route: &Route, lang: Lang) -> String {
    match (route.fits, route.setup, route.gpus_needed) {
        (true, Some(setup), _) => format!("{}, {setup}", yes(true, lang)),
        (false, _, Some(needed)) => {
            let trade = route.trade.map_or_else(String::new, |way| match lang {
                Lang::En => format!("; {} fits", way.setup),
                Lang::Ru => format!("; {} помещается", way.setup),
            });
            match lang {
                Lang::En => format!("no, takes {needed} cards{trade}"),
                Lang::Ru => format!("нет, нужно GPU: {needed}{trade}"),
            }
        }
        _ => yes(route.fits, lang),
    }
}

fn cards(report: &Report) -> Table {
    let lang = report.lang;
    let mut table = Table::new(&match lang {
        Lang::En => [
            "same on other cards",
            "TFLOP/s",
            "memory",
            "GPU-hours",
            "wall time",
            "USD",
            "micro-batch full",
            "LoRA",
            "QLoRA",
        ],
        Lang::Ru => [
            "то же на других GPU",
            "TFLOP/s",
            "память",
            "GPU-часы",
            "время",
            "доллары",
            "микробатч, все веса",
            "LoRA",
            "QLoRA",
        ],
    });
    for (card, gpu) in report.cards.iter().zip(GPUS) {
        table.row(vec![
            card.name.to_owned(),
            number(gpu.tflops, lang),
            bytes(gpu.memory_bytes(), lang),
            number(card.cost.gpu_hours, lang),
            hours(card.wall_hours, lang),
            money(card.cost.money_usd, lang),
            card.micro_batch_full.to_string(),
            card.micro_batch_lora.to_string(),
            card.micro_batch_qlora.to_string(),
        ]);
    }
    table
}

fn assumptions(report: &Report) -> String {
    let lang = report.lang;
    let mfu = number(100.0 * report.gpu.mfu, lang);
    let pue = number(report.gpu.pue, lang);
    let (rates, prices) = (super::gpu::RATES_DATE, super::gpu::PRICES_DATE);
    let own_price = report.gpu.prices_date.is_none();
    match lang {
        Lang::En => format!(
            "Assumed, all of it approximate: {mfu} % (MFU) of the dense bf16 peak rate of the makers' data sheets (as of {rates}) on any number of cards; {}rents without commitment as they were asked in {prices}, which change by the month{}; energy is the cards' power limit × {pue} (PUE); 8 % of the memory stays free; LoRA of rank 16 on all matrices; unpacking the weights, which slows QLoRA down, is not counted.",
            if own_price {
                "your --price for this card, for other cards "
            } else {
                ""
            },
            if own_price {
                ""
            } else {
                " (--price replaces them)"
            },
        ),
        Lang::Ru => format!(
            "Принято, всё приблизительно: {mfu} % (MFU) пиковой скорости bf16 без разреженности по данным производителей ({rates}) при любом числе GPU; {}аренда без обязательств по ценам {prices}, они меняются каждый месяц{}; энергия — предел мощности GPU × {pue} (PUE); 8 % памяти остаётся свободно; LoRA ранга 16 на всех матрицах; распаковка весов, которая замедляет QLoRA, не учтена.",
            if own_price {
                "для этого GPU ваша --price, для остальных "
            } else {
                ""
            },
            if own_price {
                ""
            } else {
                " (--price их заменяет)"
            },
        ),
    }
}
