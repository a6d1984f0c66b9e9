//! The ledger as a person reads it.

use crate::corpus::{IngestReport, LanguageText};
use crate::ingest::normalise::Repairs;
use crate::ledger::{Count, Ledger, Ledgers};
use crate::sharding::edit::Changes;
use crate::sharding::lines::LinesReport;
use crate::sharding::report::{
    ChatReport, CopiesReport, EncodingReport, MixReport, Removed, Sample, TokenReport,
};
use crate::stats::TokenFigures;
use crate::table::Table;
use crate::units::grouped;
use std::collections::BTreeMap;

/// Sources shown before the rest is summed up; `--json` has them all.
pub const MOST_ROWS: usize = 40;

/// Sources in the table of how each was read.
const SOURCE_ROWS: usize = 200;

/// The ledger of a command: the funnel, then by source, language and kind.
#[must_use]
pub fn ledger(ledgers: &Ledgers) -> String {
    let mut out = funnel(&ledgers.ledger);
    for (name, map) in [
        ("source", &ledgers.by_source),
        ("language", &ledgers.by_language),
        ("kind", &ledgers.by_kind),
    ] {
        out += "\n\n";
        out += &breakdown(name, map);
    }
    out
}

/// What was read and where it went, a line for each reason.
fn funnel(ledger: &Ledger) -> String {
    let mut table = Table::new(&["ledger", "records", "characters", "bytes", "tokens"]);
    let mut row = |name: String, count: &Count| {
        let tokens = count.tokens.map_or_else(|| "–".to_owned(), grouped);
        table.row(vec![
            name,
            grouped(count.records),
            grouped(count.characters),
            grouped(count.bytes),
            tokens,
        ]);
    };
    row("read".to_owned(), &ledger.read);
    row("  kept".to_owned(), &ledger.kept);
    for (name, counts) in [("dropped", &ledger.dropped), ("rejected", &ledger.rejected)] {
        for (reason, count) in counts {
            row(format!("  {name}: {reason}"), count);
        }
    }
    table.render()
}

/// How each source was read, and where its records went.
#[must_use]
pub fn sources(report: &IngestReport) -> String {
    let mut table = Table::new(&[
        "source",
        "format",
        "codec",
        "encoding",
        "sure",
        "shape",
        "records",
        "documents",
        "rejects",
    ]);
    for source in report.sources.iter().take(SOURCE_ROWS) {
        let ledger = report.ledgers.by_source.get(&source.name);
        let count = |of: fn(&Ledger) -> u64| grouped(ledger.map_or(0, of));
        let shapes: Vec<&str> = source.shapes.names().collect();
        let sure = match source.encoding {
            Some(_) => format!("{:.1} %", source.encoding_confidence * 100.0),
            None => "–".to_owned(),
        };
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".to_owned());
        table.row(vec![
            source.name.clone(),
            or_dash(&source.format),
            source.codec.clone(),
            or_dash(&source.encoding),
            sure,
            if shapes.is_empty() {
                "–".to_owned()
            } else {
                shapes.join(", ")
            },
            count(|ledger| ledger.read.records),
            count(|ledger| ledger.kept.records),
            count(|ledger| ledger.rejected_total().records),
        ]);
    }
    let more = report.sources.len().saturating_sub(SOURCE_ROWS);
    let mut out = table.render();
    if more > 0 {
        out += &format!("\nand {more} more; --json has them all");
    }
    out
}

/// Text by language, that of mixed documents shared out among theirs.
#[must_use]
pub fn languages(languages: &BTreeMap<String, LanguageText>) -> String {
    let mut table = Table::new(&["text in", "documents", "of them mixed", "characters"]);
    for (code, text) in languages {
        table.row(vec![
            code.clone(),
            grouped(text.documents),
            grouped(text.mixed_documents),
            grouped(text.characters),
        ]);
    }
    table.render()
}

/// What was repaired, each in its unit; none where nothing was.
#[must_use]
pub fn repairs(repairs: &Repairs) -> Option<String> {
    let done = repairs.done();
    let mut table = Table::new(&["repaired", "times"]);
    for (name, count) in &done {
        table.row(vec![name.clone(), grouped(*count)]);
    }
    (!done.is_empty()).then(|| table.render())
}

fn breakdown(name: &str, ledgers: &BTreeMap<String, Ledger>) -> String {
    let mut table = Table::new(&[
        name,
        "read",
        "kept",
        "dropped",
        "rejected",
        "characters kept",
        "tokens kept",
    ]);
    let mut row = |name: &str, ledger: &Ledger| {
        table.row(vec![
            name.to_owned(),
            grouped(ledger.read.records),
            grouped(ledger.kept.records),
            grouped(ledger.dropped_total().records),
            grouped(ledger.rejected_total().records),
            grouped(ledger.kept.characters),
            ledger.kept.tokens.map_or_else(|| "–".to_owned(), grouped),
        ]);
    };
    let shown = if ledgers.len() > MOST_ROWS {
        MOST_ROWS - 1
    } else {
        ledgers.len()
    };
    for (name, ledger) in ledgers.iter().take(shown) {
        row(name, ledger);
    }
    if shown < ledgers.len() {
        let mut rest = Ledger::default();
        for ledger in ledgers.values().skip(shown) {
            rest += ledger;
        }
        row(&format!("and {} more", ledgers.len() - shown), &rest);
    }
    table.render()
}

/// Token statistics: in all, then by split, source, language and kind.
#[must_use]
pub fn tokens(report: &TokenReport) -> String {
    let header = [
        "tokens",
        "documents",
        "tokens",
        "in the loss",
        "bytes/token",
        "characters/token",
        "tokens/word",
        "p5",
        "p50",
        "p95",
        "longest",
    ];
    let mut table = Table::new(&header);
    let mut row = |name: &str, figures: &TokenFigures| {
        let lengths = figures.document_tokens;
        table.row(vec![
            name.to_owned(),
            grouped(figures.documents),
            grouped(figures.tokens),
            grouped(figures.tokens_loss),
            format!("{:.2}", figures.bytes_per_token),
            format!("{:.2}", figures.characters_per_token),
            format!("{:.2}", figures.tokens_per_word),
            grouped(lengths.p5),
            grouped(lengths.p50),
            grouped(lengths.p95),
            grouped(lengths.max),
        ]);
    };
    row("all", &report.total);
    for map in [
        &report.by_split,
        &report.by_kind,
        &report.by_language,
        &report.by_source,
    ] {
        for (name, figures) in map.iter().take(MOST_ROWS) {
            row(&format!("  {name}"), figures);
        }
    }
    table.render()
}

/// Copies that went: in all, then by source, most first; `None` when there were none.
#[must_use]
pub fn copies(report: &CopiesReport) -> Option<String> {
    let lost = |exact: &Removed, near: &Removed| exact.total() + near.total();
    if lost(&report.exact, &report.near) == 0 {
        return None;
    }
    let header = [
        "copies",
        "exact, inside",
        "exact, across",
        "exact, earlier",
        "near, inside",
        "near, across",
        "near, earlier",
    ];
    let mut table = Table::new(&header);
    let mut row = |name: &str, exact: &Removed, near: &Removed| {
        let mut cells = vec![name.to_owned()];
        for removed in [exact, near] {
            cells.extend([removed.inside, removed.across, removed.earlier].map(grouped));
        }
        table.row(cells);
    };
    row("all", &report.exact, &report.near);
    let mut sources: Vec<_> = report.by_source.iter().collect();
    sources.sort_by_key(|(_, lost_by)| std::cmp::Reverse(lost(&lost_by.exact, &lost_by.near)));
    for (name, lost_by) in sources.iter().take(MOST_ROWS) {
        row(&format!("  {name}"), &lost_by.exact, &lost_by.near);
    }
    Some(table.render())
}

/// What the edits of contents did, `None` when nothing was edited.
#[must_use]
pub fn edits(changes: &Changes) -> Option<String> {
    if changes.0.is_empty() {
        return None;
    }
    let mut table = Table::new(&["edit", "documents", "characters before", "after", "what"]);
    for (name, change) in &changes.0 {
        let items: Vec<String> = change
            .items
            .iter()
            .map(|(item, count)| format!("{item} {}", grouped(*count)))
            .collect();
        table.row(vec![
            name.clone(),
            grouped(change.documents),
            grouped(change.characters_before),
            grouped(change.characters_after),
            items.join(", "),
        ]);
    }
    Some(table.render())
}

/// Repeated lines that were taken out, most documents first; `None` when there were none.
#[must_use]
pub fn lines(report: &LinesReport) -> Option<String> {
    if report.top.is_empty() {
        return None;
    }
    let mut table = Table::new(&["documents", "line taken out of texts"]);
    for line in &report.top {
        let text: String = line.text.chars().take(80).collect();
        table.row(vec![grouped(u64::from(line.documents)), text]);
    }
    Some(table.render())
}

/// Sources shown with an alarm; the report has them all.
const MOST_ALARMS: usize = 5;

/// Lines about sources that lose much to near copies.
#[must_use]
pub fn alarms(report: &CopiesReport) -> Vec<String> {
    let mut lines = Vec::new();
    for alarm in report.alarms.iter().take(MOST_ALARMS) {
        lines.push(format!(
            "warning: {} loses {} of its {} documents to near copies; look at removed/, for instance",
            alarm.source,
            grouped(alarm.near),
            grouped(alarm.documents)
        ));
        for sample in &alarm.samples {
            lines.push(format!(
                "  {} for {} (similarity {:.3})",
                sample.removed_id, sample.kept_id, sample.similarity
            ));
        }
    }
    if report.alarms.len() > MOST_ALARMS {
        let more = report.alarms.len() - MOST_ALARMS;
        lines.push(format!(
            "warning: {more} more sources do: see `alarms` in report.json"
        ));
    }
    lines
}

/// What the weights made of the sources, `None` without weights.
#[must_use]
pub fn mixing(mixing: &BTreeMap<String, MixReport>) -> Option<String> {
    if mixing.is_empty() {
        return None;
    }
    let mut table = Table::new(&[
        "training mix",
        "weight",
        "documents",
        "tokens",
        "effective tokens",
        "epochs",
        "share",
    ]);
    let all: u64 = mixing.values().map(|mix| mix.effective_tokens).sum();
    for (source, mix) in mixing.iter().take(MOST_ROWS) {
        table.row(vec![
            source.clone(),
            mix.weight.to_string(),
            grouped(mix.documents),
            grouped(mix.tokens),
            grouped(mix.effective_tokens),
            format!("{:.2}", mix.epochs),
            format!(
                "{:.1} %",
                100.0 * mix.effective_tokens as f64 / all.max(1) as f64
            ),
        ]);
    }
    Some(table.render())
}

/// How texts were encoded, and what they begin and end with.
#[must_use]
pub fn encoding(encoding: &EncodingReport) -> String {
    let mut table = Table::new(&["encoding", ""]);
    let path = match encoding.path.as_str() {
        "fast" => format!("fast path, pattern {}", encoding.why),
        _ => format!("tokenizers crate: {}", encoding.why),
    };
    let checks = encoding.checks;
    let special = if encoding.allow_special {
        "letters in documents are the tokens"
    } else {
        "letters in documents are text"
    };
    for (name, value) in [
        ("path", path),
        (
            "self-check",
            format!(
                "{} texts and parts of chats, {} differ",
                grouped(checks.checked),
                grouped(checks.differing)
            ),
        ),
        ("Unicode", encoding.unicode_version.clone()),
        ("special tokens", special.to_owned()),
        ("documents begin with", begins_with(encoding)),
        ("texts end with", encoding.eos.clone()),
    ] {
        table.row(vec![name.to_owned(), value]);
    }
    table.render()
}

/// BOS of texts, and of chats where it is another.
fn begins_with(encoding: &EncodingReport) -> String {
    let name = |bos: &Option<String>| bos.clone().unwrap_or_else(|| "no BOS".to_owned());
    let texts = name(&encoding.bos);
    match &encoding.bos_of_chats {
        Some(chats) if encoding.bos.is_none() => {
            format!("{texts}; chats with {chats}, which their template writes")
        }
        _ => texts,
    }
}

/// Chats that were cut, `None` where none was to be.
#[must_use]
pub fn chats(report: &ChatReport) -> Option<String> {
    let most = report.max_length?;
    let mut table = Table::new(&[
        "chats cut",
        "most tokens",
        "chats",
        "pieces",
        "exchanges left out",
        "tokens more than whole",
    ]);
    table.row(vec![
        String::new(),
        grouped(most),
        grouped(report.cuts.chats),
        grouped(report.cuts.pieces),
        grouped(report.cuts.exchanges_left_out),
        report.cuts.tokens_added.to_string(),
    ]);
    Some(table.render())
}

/// First and last tokens of some documents, so that a wrong BOS or EOS is seen.
#[must_use]
pub fn samples(samples: &[Sample]) -> String {
    let mut table = Table::new(&["document", "first tokens", "last tokens"]);
    let shown = |tokens: &[String]| {
        tokens
            .iter()
            .map(|token| token.replace('\n', "⏎"))
            .collect::<Vec<_>>()
            .join("|")
    };
    for sample in samples {
        table.row(vec![
            sample.document_id.clone(),
            shown(&sample.first),
            shown(&sample.last),
        ]);
    }
    table.render()
}
