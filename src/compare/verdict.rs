//! The comparison in words. Every sentence says a number of the report, and none says more than it.

use super::{Language, Report, SetFigures, Word};
use crate::units::grouped;
use std::collections::BTreeMap;

/// Words of a set that are named.
const NAMED: usize = 8;
/// Shares of languages and kinds that differ by so much are named.
const SHARE: f64 = 0.05;

/// How well the sets are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Apart {
    /// Not at all.
    Same,
    /// By a little.
    Slightly,
    /// Often.
    Clearly,
    /// Nearly always.
    Wholly,
    /// Too few documents to tell.
    Unknown,
}

fn apart(report: &Report) -> Apart {
    let Some(found) = report.classifier else {
        return Apart::Unknown;
    };
    // Two standard errors are chance.
    let above = found.auc - 0.5;
    if above <= 2.0 * found.standard_error {
        return Apart::Same;
    }
    match found.auc {
        auc if auc < 0.7 => Apart::Slightly,
        auc if auc < 0.97 => Apart::Clearly,
        _ => Apart::Wholly,
    }
}

/// The sentences, the answer first.
#[must_use]
pub fn write(report: &Report, language: Language) -> Vec<String> {
    let russian = language == Language::Ru;
    let say = |en: String, ru: String| if russian { ru } else { en };
    let mut lines = Vec::new();
    let bits = report.divergence;
    let apart = apart(report);
    lines.push(match bits.low {
        Some(low) => answer(apart, low <= 0.0, &say),
        None => say(
            "There are too few documents to tell A and B apart: at least 20 of each are wanted."
                .into(),
            "Документов слишком мало, чтобы различить A и B: нужно хотя бы 20 в каждом наборе."
                .into(),
        ),
    });
    if let Some(found) = report.classifier {
        lines.push(say(
            format!(
                "A linear classifier ranks a document of A above one of B in {:.1} % of pairs (AUC {:.3} ± {:.3}; 50 % is chance).",
                100.0 * found.auc, found.auc, found.standard_error
            ),
            format!(
                "Линейный классификатор ставит документ из A выше документа из B в {:.1} % пар (AUC {:.3} ± {:.3}; 50 % — случайность).",
                100.0 * found.auc, found.auc, found.standard_error
            ),
        ));
    }
    lines.push(match (bits.low, bits.high, bits.chance) {
        (Some(low), Some(high), Some(chance)) => say(
            format!(
                "The Jensen-Shannon divergence of their {} is {:.4} bits of at most 1 (95 %: {low:.4} to {high:.4}), adjusted for the {chance:.4} that chance alone gives to sets of these sizes.",
                report.counted, bits.bits
            ),
            format!(
                "Расхождение Йенсена — Шеннона {}: {:.4} бита из 1 возможного (95 %: от {low:.4} до {high:.4}), за вычетом {chance:.4}, которые при таких размерах даёт один случай.",
                if report.counted == "tokens" { "по токенам" } else { "по словам" },
                bits.bits
            ),
        ),
        _ => say(
            format!(
                "The Jensen-Shannon divergence of their {} is {:.4} bits of at most 1 as counted, chance included.",
                report.counted, bits.bits
            ),
            format!(
                "Расхождение Йенсена — Шеннона {}: {:.4} бита из 1 возможного, вместе с тем, что даёт случай.",
                if report.counted == "tokens" { "по токенам" } else { "по словам" },
                bits.bits
            ),
        ),
    });
    for (en, ru, of) in [
        (
            "Language",
            "Язык",
            (|set| &set.by_language) as fn(&SetFigures) -> &BTreeMap<String, u64>,
        ),
        ("Kind", "Вид", |set| &set.by_kind),
    ] {
        for (name, [a, b]) in shares(&report.a, &report.b, of) {
            lines.push(say(
                format!(
                    "{en} {name}: {:.1} % of the characters of A, {:.1} % of B.",
                    100.0 * a,
                    100.0 * b
                ),
                format!(
                    "{ru} {name}: {:.1} % знаков A, {:.1} % знаков B.",
                    100.0 * a,
                    100.0 * b
                ),
            ));
        }
    }
    for (set, words) in [
        ("A", &report.drift.more_in_a),
        ("B", &report.drift.more_in_b),
    ] {
        if !words.is_empty() {
            lines.push(say(
                format!("Words that speak most for {set}: {}.", named(words)),
                format!(
                    "Слова, которые сильнее всего указывают на {set}: {}.",
                    named(words)
                ),
            ));
        }
    }
    lines.push(say(
        format!(
            "{:.1} % of the documents of B are more probable under the word frequencies of A than under those of B.",
            100.0 * report.importance.closer_to_a_share
        ),
        format!(
            "{:.1} % документов B вероятнее при частотах слов из A, чем при частотах из B.",
            100.0 * report.importance.closer_to_a_share
        ),
    ));
    lines.extend(of_copies(report, &say));
    lines.extend(of_model(report, &say));
    lines
}

/// The answer itself.
fn answer(apart: Apart, no_divergence: bool, say: &impl Fn(String, String) -> String) -> String {
    match (apart, no_divergence) {
        (Apart::Same, true) => say(
            "A and B look like the same distribution: neither word frequencies nor the classifier tells them apart.".into(),
            "A и B похожи на одно распределение: их не различают ни частоты слов, ни классификатор.".into(),
        ),
        (Apart::Same, false) => say(
            "Single documents of A and B cannot be told apart, though word frequencies of the whole sets differ.".into(),
            "Отдельные документы A и B не отличить друг от друга, хотя частоты слов в наборах в целом различаются.".into(),
        ),
        (Apart::Slightly, _) => say(
            "A and B are near to each other, but not the same distribution.".into(),
            "A и B близки, но это не одно и то же распределение.".into(),
        ),
        (Apart::Clearly, _) => say(
            "A and B are different distributions that overlap.".into(),
            "A и B — разные распределения, которые частично пересекаются.".into(),
        ),
        (Apart::Wholly, _) => say(
            "A and B are different kinds of text: nearly every document shows which set it is from.".into(),
            "A и B — разные виды текста: почти по каждому документу видно, из какого он набора.".into(),
        ),
        (Apart::Unknown, true) => say(
            "Word frequencies do not tell A and B apart; there are too few documents for a classifier.".into(),
            "По частотам слов A и B не различаются; для классификатора документов слишком мало.".into(),
        ),
        (Apart::Unknown, false) => say(
            "Word frequencies of A and B differ; there are too few documents for a classifier.".into(),
            "Частоты слов в A и B различаются; для классификатора документов слишком мало.".into(),
        ),
    }
}

fn of_copies(report: &Report, say: &impl Fn(String, String) -> String) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(across) = report.across {
        let (of, other) = if across.of == "b" {
            ("B", "A")
        } else {
            ("A", "B")
        };
        let [exact, near, all] =
            [across.copies.exact, across.copies.near, across.documents].map(grouped);
        lines.push(say(
            format!("Of the {all} documents of {of}, {exact} are copies of documents of {other} and {near} more are near copies."),
            format!("Из {all} документов {of} точных копий документов {other} — {exact}, и ещё почти точных — {near}."),
        ));
    }
    if let Some(inside) = report.inside {
        for (set, found) in [("A", inside.a), ("B", inside.b)] {
            let conflicts = found.map_or(0, |found| found.conflicting_answers);
            if conflicts > 0 {
                lines.push(say(
                    format!("Inside {set}, {} answers contradict another answer to the same question.", grouped(conflicts)),
                    format!("Внутри {set} ответов, которые противоречат другому ответу на тот же вопрос: {}.", grouped(conflicts)),
                ));
            }
        }
    }
    lines
}

fn of_model(report: &Report, say: &impl Fn(String, String) -> String) -> Vec<String> {
    let figures = report.perplexity.as_ref();
    let figures = figures.and_then(|found| found.a.as_ref().zip(found.b.as_ref()));
    let Some((a, b)) = figures else {
        return Vec::new();
    };
    vec![say(
        format!(
            "The model's median perplexity is {:.1} on A and {:.1} on B ({:.3} and {:.3} bits a byte).",
            a.p50, b.p50, a.bits_per_byte, b.bits_per_byte
        ),
        format!(
            "Медианная перплексия модели: {:.1} на A и {:.1} на B ({:.3} и {:.3} бита на байт).",
            a.p50, b.p50, a.bits_per_byte, b.bits_per_byte
        ),
    )]
}

/// Names whose share of the characters differs by [`SHARE`] and more, those that differ most first.
fn shares(
    a: &SetFigures,
    b: &SetFigures,
    of: fn(&SetFigures) -> &BTreeMap<String, u64>,
) -> Vec<(String, [f64; 2])> {
    let share = |set: &SetFigures, name: &str| {
        of(set).get(name).copied().unwrap_or(0) as f64 / set.characters.max(1) as f64
    };
    // Tokens do not tell.
    if of(a).is_empty() || of(b).is_empty() {
        return Vec::new();
    }
    let mut names: Vec<&String> = of(a).keys().chain(of(b).keys()).collect();
    names.sort();
    names.dedup();
    let mut found: Vec<(String, [f64; 2])> = (names.into_iter())
        .map(|name| (name.clone(), [share(a, name), share(b, name)]))
        .filter(|(_, [a, b])| (a - b).abs() >= SHARE)
        .collect();
    found.sort_by(|x, y| {
        let size = |of: &[f64; 2]| (of[0] - of[1]).abs();
        size(&y.1)
            .total_cmp(&size(&x.1))
            .then_with(|| x.0.cmp(&y.0))
    });
    found
}

fn named(words: &[Word]) -> String {
    let words = words.iter().take(NAMED);
    let words: Vec<String> = words.map(|word| format!("{:?}", word.word)).collect();
    words.join(", ")
}
