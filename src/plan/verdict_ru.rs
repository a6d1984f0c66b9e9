//! The verdict in Russian. A sentence stands only when the numbers make it true.

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
use super::{Gpu, Report, advice_ru, repeat};

pub(super) const LANG: Lang = Lang::Ru;

pub(super) fn sentences(report: &Report, gpu: &Gpu) -> Vec<String> {
    let mut all = data(report);
    all.extend(loss(report));
    all.extend(repetition(report));
    all.extend(cost(report, gpu));
    all.extend(memory(report, gpu));
    all.extend(base(report));
    all.push(advice_ru::advice(report, gpu));
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
        "меньше $0,01".to_owned()
    } else if range.is_point() {
        format!("${}", n(range.low))
    } else {
        format!(
            "от ${} до ${}",
            rough(range.low, LANG),
            rough(range.high, LANG)
        )
    }
}

pub(super) fn cards(count: u64, gpu: &Gpu) -> String {
    format!("{} × {}", crate::units::grouped(count), gpu.title)
}

/// `21 токен`, `22 токена`, `25 токенов`, `0,9 токена`: the form that agrees with a number as shown.
pub(super) fn agree(shown: &str, forms: [&str; 3]) -> String {
    let form = if shown.contains(',') {
        forms[1]
    } else {
        let digits: Vec<u32> = shown.chars().filter_map(|c| c.to_digit(10)).collect();
        let last = digits.last().copied().unwrap_or(0);
        let teens = digits.len() > 1 && digits[digits.len() - 2] == 1;
        match last {
            1 if !teens => forms[0],
            2..=4 if !teens => forms[1],
            _ => forms[2],
        }
    };
    format!("{shown} {form}")
}

fn tokens_each(value: f64) -> String {
    agree(&rough(value, LANG), ["токен", "токена", "токенов"])
}

fn times(value: f64) -> String {
    agree(&rough(value, LANG), ["раз", "раза", "раз"])
}

fn gpu_hours(value: f64) -> String {
    agree(&n(value), ["GPU-час", "GPU-часа", "GPU-часов"])
}

fn data(report: &Report) -> Vec<String> {
    let passes = if report.epochs > PASSES_JUDGED {
        format!(
            ", пройденных {}, что равноценно {} новых, из них {} дают первые {}, которые здесь и засчитаны,",
            times(report.epochs),
            c(report.effective_tokens),
            c(report.judged_tokens),
            agree(&n(PASSES_JUDGED.floor()), ["проход", "прохода", "проходов"]),
        )
    } else if report.epochs > 1.0 {
        format!(
            ", пройденных {}, что равноценно {} новых,",
            times(report.epochs),
            c(report.effective_tokens)
        )
    } else if report.epochs < 1.0 {
        format!(", из которых модель увидит {},", c(report.trained_tokens))
    } else {
        String::new()
    };
    let kind = if report.active_parameters < report.parameters {
        "активных параметров"
    } else {
        "параметров"
    };
    let ratio = format!(
        "{} {kind} на {} токенов{passes} — это {} на параметр, а оптимально по вычислениям около 20 (Hoffmann et al. 2022)",
        c(report.active_parameters as f64),
        c(report.tokens as f64),
        tokens_each(report.tokens_per_parameter),
    );
    let mut all = vec![match report.training {
        Training::FarUnderTrained => {
            format!("{ratio}: с нуля такая модель будет сильно недообучена.")
        }
        Training::UnderTrained => format!("{ratio}: с нуля такая модель будет недообучена."),
        Training::NearOptimal => format!("{ratio}: размер и данные соразмерны."),
        Training::PastOptimal if !larger_would_be_better(report) => format!(
            "{ratio}: это больше, и данных достаточно; о том, была бы при тех же FLOPs лучше модель крупнее на меньшем числе токенов, опубликованные кривые расходятся."
        ),
        Training::PastOptimal => {
            let split = &report.fits[0];
            format!(
                "{ratio}: это больше. При тех же FLOPs меньший loss дала бы модель примерно в {} параметров на {} токенов; модель поменьше на большем числе токенов выгоднее, если ею будут много пользоваться (Sardana et al. 2023).",
                c(split.parameters_for_flops),
                c(split.tokens_for_flops)
            )
        }
    }];
    let active = report.active_parameters as f64;
    if report.effective_parameters < WORTH * active {
        all.push(format!(
            "На столь малом числе разных токенов, сколько бы раз их ни проходили, {} параметров стоят около {}: лишние параметры теряют ценность, как и повторы (Muennighoff et al. 2023).",
            c(active),
            c(report.effective_parameters),
        ));
    }
    if !report.training.suffices() {
        let fitting = report.route(Name::ScratchFitting);
        let [low, high] = optimal_tokens(report);
        all.push(format!(
            "Такому размеру нужно около {} токенов, в {} больше (опубликованные оценки: от {} до {}).",
            c(report.optimal_tokens),
            times(report.optimal_tokens / report.judged_tokens),
            c(low),
            c(high),
        ));
        all.push(format!(
            "Для {} токенов оптимальна модель примерно в {} параметров: с нуля {}, {}.",
            c(report.judged_tokens),
            c(report.optimal_parameters),
            gpu_hours(fitting.cost.gpu_hours),
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
    let text = if format!("{:.2}", band.low) == format!("{:.2}", band.high) {
        format!("{:.2}", band.low)
    } else {
        format!("{:.2}–{:.2}", band.low, band.high)
    };
    text.replace('.', ",")
}

fn loss(report: &Report) -> Vec<String> {
    let parameters = report.active_parameters as f64;
    let here = loss_here(report, parameters);
    let (Some(here), Some(fitting)) = (here, loss_here(report, report.optimal_parameters)) else {
        return vec![
            "Какого loss ждать, опубликованные кривые не скажут: они построены по моделям от 44 млн до 16 млрд параметров, далеко от этого размера или от того, что подходит этим данным."
                .to_owned(),
        ];
    };
    let mut text = format!(
        "Обучению с нуля обе опубликованные кривые обещают loss {} нат на токен",
        band(here)
    );
    if !report.training.suffices() {
        text += &format!(
            ", модели в {} параметров — {} примерно за {} % этих FLOPs",
            c(report.optimal_parameters),
            band(fitting),
            rough(
                100.0 * report.route(Name::ScratchFitting).training_flops / report.training_flops,
                LANG
            )
        );
    }
    let base = loss_of_base(report, parameters);
    if let Some(base) = base.filter(|_| report.effective_tokens < BASE_TOKENS / 2.0) {
        text += &format!(
            ", а этому размеру после {} токенов, как у Llama 3 8B, — {}",
            c(BASE_TOKENS),
            band(base)
        );
    }
    text += "; кривые сняты на английских веб-текстах со своим токенизатором, поэтому сравнивайте эти числа между собой, а не со своим loss на валидации.";
    let mut all = vec![text];
    if outside_of_fits(parameters) {
        all.push(
            "Такого размера не было среди моделей, по которым построены кривые (от 44 млн до 16 млрд параметров): здесь они продолжены за свои пределы."
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
                " Планируйте не больше {}: проходы сверх этого берут {} % FLOPs, а к ценности токенов добавляют {} %.",
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
            "Повторы теряют ценность: при числе проходов {} последний стоит {} % первого, а сколько бы их ни было, вместе они стоят не больше {} (Muennighoff et al. 2023).{beyond}",
            n(report.epochs),
            n(100.0 * per_pass / unique),
            agree(&n(repeat::limit()), ["прохода", "прохода", "проходов"]),
        )];
    }
    if report.training == Training::PastOptimal {
        return Vec::new();
    }
    let worth = repeat::effective_tokens(unique, EPOCHS_NEARLY_NEW);
    vec![format!(
        "{} по этим данным равноценны {} новых токенов, это {} на параметр; сколько бы ни было проходов, вместе они стоят не больше {} (Muennighoff et al. 2023).",
        agree(&n(EPOCHS_NEARLY_NEW), ["проход", "прохода", "проходов"]),
        c(worth),
        tokens_each(worth / report.active_parameters as f64),
        agree(&n(repeat::limit()), ["прохода", "прохода", "проходов"]),
    )]
}

fn cost(report: &Report, gpu: &Gpu) -> Vec<String> {
    let mut all = vec![format!(
        "Обучение всех весов на {} токенов — это {} FLOPs{}: при {} % пиковой скорости {} выйдет {}, {}{}, электричества {} кВт·ч.",
        c(report.trained_tokens),
        flops(report.training_flops, LANG),
        attention(report),
        n(100.0 * report.gpu.mfu),
        gpu.title,
        gpu_hours(report.cost.gpu_hours),
        money(report.cost.money_usd),
        full_training(report).map_or_else(String::new, |(count, hours)| {
            format!(", на {} — {}", cards(count, gpu), duration(hours, LANG))
        }),
        n(report.cost.energy_kwh),
    )];
    if let Some(gpu_hours) = out_of_reach(report) {
        all.push(format!(
            "Больше года — это недостижимо: за месяц справились бы {}.",
            cards(cards_for_a_month(gpu_hours), gpu)
        ));
    }
    all
}

fn memory(report: &Report, gpu: &Gpu) -> Vec<String> {
    let full = report.route(Name::Scratch);
    let states = report.memory_bytes.states;
    let mut text = format!(
        "Для него нужно {} на веса, градиенты и оптимизатор (16 байт на параметр) и {} на одну последовательность в {}, если слои пересчитываются",
        bytes(states, LANG),
        bytes(report.memory_bytes.total - states, LANG),
        agree(
            &crate::units::grouped(report.seq_len),
            ["токен", "токена", "токенов"]
        ),
    );
    let cards = cards(report.gpu.gpus, gpu);
    text += &match (full.setup, full.gpus_needed) {
        (Some("full"), _) => format!(": {} ГБ памяти {} хватает.", gpu.memory_gb, gpu.title),
        (Some(setup), _) => format!(
            ": на {cards} по {} ГБ помещается, если разделить между ними ({}).",
            gpu.memory_gb,
            zero(setup)
        ),
        (None, Some(needed)) if report.gpu.gpus == 1 => format!(
            ": {} ГБ одного {} для этого мало, с ZeRO-3 таких GPU нужно {}{}.",
            gpu.memory_gb,
            gpu.title,
            crate::units::grouped(needed),
            instead(full),
        ),
        (None, Some(needed)) => format!(
            ": {cards} по {} ГБ для этого мало, с ZeRO-3 таких GPU нужно {}{}.",
            gpu.memory_gb,
            crate::units::grouped(needed),
            instead(full),
        ),
        (None, None) => format!(
            ": при такой длине последовательности не поместится ни на каком числе {}, даже с ZeRO-3.",
            gpu.title
        ),
    };
    vec![text]
}

/// How all weights fit after all, and what that costs.
fn instead(full: &Route) -> String {
    full.trade
        .map_or_else(String::new, |way| format!(" либо {}", trade(way)))
}

fn trade(way: Trade) -> String {
    let held = bytes(way.bytes, LANG);
    if way.host_bytes == 0 {
        format!(
            "моменты в 8 битах ({}): тогда каждый GPU держит {held}, а времени это почти не стоит",
            way.flags
        )
    } else {
        format!(
            "оптимизатор в памяти компьютера ({}): тогда каждый GPU держит {held}, но это стоит {} памяти компьютера на GPU, и каждый шаг ждёт, пока туда и обратно пройдут {}",
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
        None => format!("не меньше {held}"),
        Some(_) if report.gpu.gpus == 1 => held,
        Some(setup) => format!("{held} на GPU ({})", zero(setup)),
    }
}

fn zero(setup: &str) -> String {
    match setup.rsplit_once("zero-") {
        Some((_, stage)) => format!("ZeRO-{stage}"),
        None => "без разделения".to_owned(),
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
            "Дообучать готовую базовую модель этого размера стоит за токен столько же, но начинается с того, что она уже знает; LoRA на этих токенах займёт {} ({}) и памяти {}, QLoRA — {}.",
            gpu_hours(lora.cost.gpu_hours),
            money(lora.cost.money_usd),
            held(report, lora),
            held(report, qlora),
        ),
        format!(
            "Дообучение базовой модели на вопросах и ответах стоит за каждые {} токенов {} ({}) со всеми весами или {} ({}) с LoRA.",
            c(FINE_TUNE_TOKENS),
            gpu_hours(full.cost.gpu_hours * share),
            money(scaled(full.cost.money_usd)),
            gpu_hours(lora.cost.gpu_hours * share),
            money(scaled(lora.cost.money_usd)),
        ),
    ]
}

/// What the FLOPs of an assumed shape leave out.
fn attention(report: &Report) -> String {
    uncounted_attention(report).map_or_else(String::new, |percent| {
        format!(
            " (по 6 на параметр и токен; внимание добавит к FLOPs, времени и деньгам около {} %, с --model оно учтено)",
            rough(percent, LANG)
        )
    })
}
