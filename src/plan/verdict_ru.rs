//! The verdict in Russian. A sentence stands only when the numbers make it true.

use super::money::Range;
use super::quantity::{Lang, bytes, count, duration, flops, number, rough};
use super::route::Name;
use super::scaling::{TOKENS_PER_PARAMETER, expected_loss};
use super::verdict::{
    BASE_TOKENS, EPOCHS_NEARLY_NEW, FINE_TUNE_TOKENS, Training, fits_say_something, full_training,
    larger_would_be_better, outside_of_fits, too_few_tokens, uncounted_attention,
};
use super::{Gpu, Report, repeat};

const LANG: Lang = Lang::Ru;

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

fn cards(count: u64, gpu: &Gpu) -> String {
    format!("{} × {}", crate::units::grouped(count), gpu.title)
}

/// `21 токен`, `22 токена`, `25 токенов`, `0,9 токена`: the form that agrees with a number as shown.
fn agree(shown: &str, forms: [&str; 3]) -> String {
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
    let passes = if report.epochs > 1.0 {
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
    if !report.training.suffices() {
        let fitting = report.route(Name::ScratchFitting);
        let [low, high] = optimal_tokens(report);
        all.push(format!(
            "Такому размеру нужно около {} токенов, в {} больше (опубликованные оценки: от {} до {}).",
            c(report.optimal_tokens),
            times(report.optimal_tokens / report.effective_tokens),
            c(low),
            c(high),
        ));
        all.push(format!(
            "Для {} токенов оптимальна модель примерно в {} параметров: с нуля {}, {}.",
            c(report.effective_tokens),
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

fn band(parameters: f64, tokens: f64) -> String {
    let band = expected_loss(parameters, tokens);
    let text = if format!("{:.2}", band.low) == format!("{:.2}", band.high) {
        format!("{:.2}", band.low)
    } else {
        format!("{:.2}–{:.2}", band.low, band.high)
    };
    text.replace('.', ",")
}

fn loss(report: &Report) -> Vec<String> {
    let parameters = report.active_parameters as f64;
    if !fits_say_something(parameters) || !fits_say_something(report.optimal_parameters) {
        return vec![
            "Какого loss ждать, опубликованные кривые не скажут: они построены по моделям от 44 млн до 16 млрд параметров, далеко от этого размера или от того, что подходит этим данным."
                .to_owned(),
        ];
    }
    let mut text = format!(
        "Обучению с нуля обе опубликованные кривые обещают loss {} нат на токен",
        band(parameters, report.effective_tokens)
    );
    if !report.training.suffices() {
        text += &format!(
            ", модели в {} параметров — {} примерно за {} % этих FLOPs",
            c(report.optimal_parameters),
            band(report.optimal_parameters, report.effective_tokens),
            rough(
                100.0 * report.route(Name::ScratchFitting).training_flops / report.training_flops,
                LANG
            )
        );
    }
    if report.effective_tokens < BASE_TOKENS / 2.0 {
        text += &format!(
            ", а этому размеру после {} токенов, как у Llama 3 8B, — {}",
            c(BASE_TOKENS),
            band(parameters, BASE_TOKENS)
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
        return vec![format!(
            "Повторы теряют ценность: при числе проходов {} последний стоит {} % первого, а сколько бы их ни было, вместе они стоят не больше {} (Muennighoff et al. 2023).",
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
    vec![format!(
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
    )]
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
            ": {} ГБ одного {} для этого мало, с ZeRO-3 таких GPU нужно {}.",
            gpu.memory_gb,
            gpu.title,
            crate::units::grouped(needed),
        ),
        (None, Some(needed)) => format!(
            ": {cards} по {} ГБ для этого мало, с ZeRO-3 таких GPU нужно {}.",
            gpu.memory_gb,
            crate::units::grouped(needed),
        ),
        (None, None) => format!(
            ": при такой длине последовательности не поместится ни на каком числе {}, даже с ZeRO-3.",
            gpu.title
        ),
    };
    vec![text]
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
            "Дообучать готовую базовую модель этого размера стоит за токен столько же, но начинается с того, что она уже знает; LoRA на этих токенах займёт {} ({}) и {} памяти, QLoRA — {}.",
            gpu_hours(lora.cost.gpu_hours),
            money(lora.cost.money_usd),
            bytes(lora.memory_bytes, LANG),
            bytes(qlora.memory_bytes, LANG),
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

fn advice(report: &Report, gpu: &Gpu) -> String {
    let cards = cards(report.gpu.gpus, gpu);
    let size = c(report.parameters as f64);
    let fitting = c(report.optimal_parameters);
    let instead = if !report.training.suffices() && report.route(Name::ScratchFitting).fits {
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
    let full_needs = full.gpus_needed.map_or_else(String::new, |needed| {
        format!(
            "; для обучения всех её весов таких GPU нужно {}, стоить это будет {}",
            crate::units::grouped(needed),
            money(full.cost.money_usd)
        )
    });
    let lora_learns_less = " Из сплошного текста LoRA усваивает меньше, чем обучение всех весов (Biderman et al. 2024); для вопросов и ответов её обычно достаточно.";
    let adapters = |method: &str| {
        let reason = if report.training.suffices() {
            "данных хватило бы и для обучения с нуля, памяти — нет; "
        } else {
            ""
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
        Some(_) => format!(
            "Совет: {size} параметров на {cards} не помещаются никак; помещается модель примерно в {fitting} с нуля."
        ),
        None => format!(
            "Совет: {size} параметров на {cards} не помещаются никак, даже с QLoRA. Возьмите модель поменьше либо больше GPU или с большей памятью{full_needs}."
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

/// What the FLOPs of an assumed shape leave out.
fn attention(report: &Report) -> String {
    uncounted_attention(report).map_or_else(String::new, |percent| {
        format!(
            " (по 6 на параметр и токен; внимание добавит к FLOPs, времени и деньгам около {} %, с --model оно учтено)",
            rough(percent, LANG)
        )
    })
}
