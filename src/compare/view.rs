//! The comparison as a person reads it.

use super::{Report, SetFigures, Word};
use crate::table::Table;
use crate::units::{grouped, human_bytes};
use std::collections::BTreeMap;

/// Words shown for each set; `--json` has more.
const WORDS: usize = 10;
/// Languages and kinds shown.
const NAMES: usize = 4;

/// All tables, and the verdict at the end.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut parts = vec![sets(report), figures(report), words(report)];
    parts.push(report.verdict.join("\n"));
    parts.join("\n\n")
}

fn sets(report: &Report) -> String {
    let mut table = Table::new(&[
        "",
        "documents",
        "bytes",
        "characters",
        report.counted,
        "languages",
        "kinds",
    ]);
    for (name, set) in [("A", &report.a), ("B", &report.b)] {
        table.row(vec![
            format!("{name} {}", set.dir),
            grouped(set.documents),
            human_bytes(set.bytes),
            grouped(set.characters),
            grouped(set.words),
            shares(&set.by_language, set),
            shares(&set.by_kind, set),
        ]);
    }
    table.render()
}

fn shares(of: &BTreeMap<String, u64>, set: &SetFigures) -> String {
    if of.is_empty() {
        return "tokens do not tell".to_owned();
    }
    let mut sorted: Vec<(&String, &u64)> = of.iter().collect();
    sorted.sort_by(|x, y| y.1.cmp(x.1).then_with(|| x.0.cmp(y.0)));
    let shown = sorted.iter().take(NAMES).map(|(name, characters)| {
        let share = 100.0 * **characters as f64 / set.characters.max(1) as f64;
        format!("{name} {share:.0} %")
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn figures(report: &Report) -> String {
    let mut table = Table::new(&["measure", "", "what it says"]);
    let mut row = |name: &str, value: String, what: &str| {
        table.row(vec![name.to_owned(), value, what.to_owned()]);
    };
    let found = report.divergence;
    match (found.low, found.high, found.chance) {
        (Some(low), Some(high), Some(chance)) => row(
            "Jensen-Shannon",
            format!("{:.4} bits ({low:.4} to {high:.4})", found.bits),
            &format!(
                "0 as far apart as chance puts them, 1 no word in common; 95 % interval; counted {:.4}, by chance {chance:.4}",
                found.plug_in
            ),
        ),
        _ => row(
            "Jensen-Shannon",
            format!("{:.4} bits", found.bits),
            "as counted: of less than 20 documents nothing says what chance does",
        ),
    }
    match report.classifier {
        Some(auc) => row(
            "classifier AUC",
            format!("{:.3} ± {:.3}", auc.auc, auc.standard_error),
            "0.5 cannot tell documents apart, 1 always can; ± a standard error",
        ),
        None => row("classifier AUC", "–".to_owned(), "too few documents"),
    }
    let weights = report.importance;
    row(
        "DSIR weight of B",
        format!(
            "{:+.2} {:+.2} {:+.2}",
            weights.p10, weights.p50, weights.p90
        ),
        "nats a word or pair, tenth, half and nine tenths; above 0 closer to A",
    );
    row(
        "closer to A",
        format!("{:.1} %", 100.0 * weights.closer_to_a_share),
        "of the documents of B",
    );
    if let Some(across) = report.across {
        let shown = format!(
            "{} and {}",
            grouped(across.copies.exact),
            grouped(across.copies.near)
        );
        let (of, other) = if across.of == "b" {
            ("B", "A")
        } else {
            ("A", "B")
        };
        row(
            "copies",
            shown,
            &format!("documents of {of} that are exact and near copies of some of {other}"),
        );
    }
    if let Some(inside) = report.inside {
        for (name, copies) in [("A", inside.a), ("B", inside.b)] {
            if let Some(copies) = copies {
                row(
                    &format!("inside {name}"),
                    format!(
                        "{} and {}",
                        grouped(copies.exact_inside),
                        grouped(copies.conflicting_answers)
                    ),
                    "exact copies, and answers that contradict another one",
                );
            }
        }
    }
    if let Some(found) = &report.perplexity {
        for (name, figures) in [("A", &found.a), ("B", &found.b)] {
            if let Some(figures) = figures {
                row(
                    &format!("perplexity of {name}"),
                    format!("{:.1} {:.1} {:.1}", figures.p10, figures.p50, figures.p90),
                    &format!(
                        "tenth, half and nine tenths of {} documents; {:.3} bits a byte",
                        figures.documents.len(),
                        figures.bits_per_byte
                    ),
                );
            }
        }
    }
    table.render()
}

fn words(report: &Report) -> String {
    let mut table = Table::new(&["more frequent in", "word", "in A", "in B", "log-odds", "z"]);
    let mut rows = |set: &str, words: &[Word]| {
        for word in words.iter().take(WORDS) {
            table.row(vec![
                set.to_owned(),
                format!("{:?}", word.word),
                grouped(word.count_a),
                grouped(word.count_b),
                format!("{:.2}", word.log_odds),
                format!("{:.1}", word.z),
            ]);
        }
    };
    rows("A", &report.drift.more_in_a);
    rows("B", &report.drift.more_in_b);
    table.render()
}
