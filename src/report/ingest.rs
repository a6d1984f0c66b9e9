//! The page of `prep ingest`.

use super::bars::{Bar, horizontal, vertical};
use super::html::{MOST_ROWS, escape, short, step, table};
use super::page::Page;
use super::reduced;
use super::samples::{CHARACTERS, Chosen, Powers, columns};
use super::strings::{self as s, Phrase};
use crate::corpus::CorpusManifest;
use crate::units::grouped;
use anyhow::{Context, Result};
use arrow::array::AsArray;
use arrow::datatypes::UInt64Type;
use serde_json::{Map, Value};
use std::path::Path;

/// Bars of a chart; the rest is one more.
const MOST_BARS: usize = 12;

/// Fills the page of a corpus.
///
/// # Errors
/// When a file of the corpus is damaged.
pub fn fill(page: &mut Page<'_>, dir: &Path) -> Result<()> {
    let manifest = CorpusManifest::read(dir)?;
    page.title(s::INGEST);
    page.section(
        s::SUMMARY,
        page.cards(&[
            (s::READ, "/ledger/read/records"),
            (s::KEPT, "/ledger/kept/records"),
            (s::CHARACTERS_KEPT, "/ledger/kept/characters"),
            (s::BYTES, "/ledger/kept/bytes"),
        ]),
    );
    page.section(s::FUNNEL, funnel(page, false));
    let mut lengths = Powers::default();
    for part in &manifest.documents {
        columns(&dir.join(&part.file), &["chars"], &mut |batch| {
            let chars = batch.column(0).as_primitive::<UInt64Type>();
            chars.values().iter().for_each(|&count| lengths.add(count));
            Ok(())
        })?;
    }
    let by_language = amounts(page, "/by_language", "/kept/characters");
    let charts = format!(
        "<div class=\"charts\">{}{}</div>",
        horizontal("lang", page.say(s::TEXT_BY_LANGUAGE), &by_language),
        vertical("len", page.say(s::LENGTHS), &lengths.bars())
    );
    let table = ledger_table(page, "/by_language", s::LANGUAGE, false);
    let body = charts + &page.note(s::LENGTHS_CHARACTERS) + &table;
    page.section(s::LANGUAGES, body);
    page.section(s::SOURCES, sources(page));
    page.section(s::KINDS, ledger_table(page, "/by_kind", s::KIND, false));
    page.section(s::REPAIRS, repairs(page));
    page.section(s::REJECTS, rejects(page, dir, &manifest)?);
    Ok(())
}

/// What was read and where it went: a chart, and a table of all amounts.
pub fn funnel(page: &Page<'_>, tokens: bool) -> String {
    let ledger = &page.report["ledger"];
    let records = |count: &Value| count["records"].as_u64().unwrap_or(0);
    let mut bars = Vec::new();
    let mut rows = Vec::new();
    let mut add = |name: String, pointer: String, colour: usize| {
        let Some(count) = page.report.pointer(&pointer) else {
            return;
        };
        let mut cells = vec![escape(&name)];
        let mut amounts = vec!["records", "characters", "bytes"];
        if tokens {
            amounts.push("tokens");
        }
        for amount in amounts {
            cells.push(page.value(&format!("{pointer}/{amount}")));
        }
        rows.push(cells);
        bars.push(Bar {
            name,
            value: records(count) as f64,
            shown: grouped(records(count)),
            colour,
        });
    };
    add(page.say(s::READ).to_owned(), "/ledger/read".to_owned(), 3);
    add(page.say(s::KEPT).to_owned(), "/ledger/kept".to_owned(), 2);
    for (part, phrase, colour) in [("dropped", s::DROPPED, 1), ("rejected", s::REJECTED, 1)] {
        for reason in largest(&ledger[part], &records) {
            let name = format!("{}: {reason}", page.say(phrase));
            add(name, format!("/ledger/{part}{}", step(reason)), colour);
        }
    }
    let mut header = vec![page.say(s::STEP), page.say(s::RECORDS)];
    header.extend([page.say(s::CHARACTERS), page.say(s::BYTES)]);
    if tokens {
        header.push(page.say(s::TOKENS));
    }
    let caption = page.say(s::FUNNEL);
    page.note(s::FUNNEL_SAYS)
        + &horizontal("funnel", caption, &bars)
        + &table(caption, &header, &rows, None)
}

/// The names of an object, largest first, then by name.
pub fn largest<'v>(object: &'v Value, size: &dyn Fn(&Value) -> u64) -> Vec<&'v str> {
    let entries = object.as_object().into_iter().flatten();
    let mut names: Vec<(&str, u64)> = entries
        .map(|(name, value)| (name.as_str(), size(value)))
        .collect();
    names.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    names.into_iter().map(|(name, _)| name).collect()
}

/// Bars of an amount of each entry of an object; the small ones together.
pub fn amounts(page: &Page<'_>, object: &str, amount: &str) -> Vec<Bar> {
    let empty = Value::Null;
    let all = page.report.pointer(object).unwrap_or(&empty);
    let size = |value: &Value| reduced::amount(value, amount);
    let names = largest(all, &size);
    let left = page.reduced().entries_left(object);
    let bar = |name: &str, value: u64| Bar {
        name: name.to_owned(),
        value: value as f64,
        shown: grouped(value),
        colour: 0,
    };
    let shown = if names.len() + left > MOST_BARS {
        MOST_BARS - 1
    } else {
        names.len()
    };
    let mut bars: Vec<Bar> = names[..shown]
        .iter()
        .map(|name| bar(name, size(&all[*name])))
        .collect();
    if shown < names.len() + left {
        let rest: u64 = names[shown..].iter().map(|name| size(&all[*name])).sum();
        let rest = rest + page.reduced().sum_left(object, amount);
        let name = format!("{} ({})", page.say(s::OTHERS), names.len() + left - shown);
        bars.push(bar(&name, rest));
    }
    bars
}

/// The table of an object of ledgers, most kept first.
pub fn ledger_table(page: &Page<'_>, object: &str, what: Phrase, tokens: bool) -> String {
    let empty = Value::Null;
    let all = page.report.pointer(object).unwrap_or(&empty);
    let names = largest(all, &|value| reduced::amount(value, "/kept/characters"));
    let more = left_out(page, names.len() + page.reduced().entries_left(object));
    let rows: Vec<Vec<String>> = names
        .into_iter()
        .take(MOST_ROWS)
        .map(|name| {
            let place = format!("{object}{}", step(name));
            let lost = |part: &str| {
                let reasons = all[name][part].as_object().into_iter().flatten();
                let lost: u64 = reasons.filter_map(|(_, c)| c["records"].as_u64()).sum();
                grouped(lost)
            };
            let mut cells = vec![
                escape(name),
                page.value(&format!("{place}/read/records")),
                page.value(&format!("{place}/kept/records")),
                lost("dropped"),
                lost("rejected"),
                page.value(&format!("{place}/kept/characters")),
            ];
            if tokens {
                cells.push(page.value(&format!("{place}/kept/tokens")));
            }
            cells
        })
        .collect();
    let mut header = vec![
        what,
        s::READ,
        s::KEPT,
        s::DROPPED,
        s::REJECTED,
        s::CHARACTERS_KEPT,
    ];
    if tokens {
        header.push(s::TOKENS_KEPT);
    }
    let header: Vec<&str> = header.into_iter().map(|phrase| page.say(phrase)).collect();
    table(page.say(what), &header, &rows, more)
}

/// How many rows a table leaves out.
pub fn left_out(page: &Page<'_>, rows: usize) -> Option<String> {
    (rows > MOST_ROWS).then(|| {
        let more = grouped((rows - MOST_ROWS) as u64);
        format!("{} {more}", page.say(s::MORE_ROWS))
    })
}

/// How each source was read.
fn sources(page: &Page<'_>) -> String {
    let bars = amounts(page, "/by_source", "/kept/characters");
    let chart = horizontal("src", page.say(s::CHARACTERS_KEPT), &bars);
    let ledger = ledger_table(page, "/by_source", s::SOURCE, false);
    let all = page.report["sources"].as_array();
    let rows: Vec<Vec<String>> = all
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(number, source)| {
            let place = format!("/sources/{number}");
            vec![
                escape(source["name"].as_str().unwrap_or_default()),
                page.value(&format!("{place}/format")),
                page.value(&format!("{place}/encoding")),
                page.value(&format!("{place}/bytes")),
            ]
        })
        .collect();
    let header = [s::SOURCE, s::FORMAT, s::ENCODING, s::BYTES].map(|phrase| page.say(phrase));
    let more = left_out(page, rows.len() + page.reduced().entries_left("/sources"));
    chart + &ledger + &table(page.say(s::FORMAT), &header, &rows, more)
}

/// What each repair is called in the report, in the order of the page.
const REPAIRS: &[(&str, Phrase)] = &[
    ("line_ends", s::REPAIRED_LINE_ENDS),
    ("byte_order_mark", s::REPAIRED_MARKS),
    ("rescued_lines", s::REPAIRED_RESCUED),
    ("json", s::REPAIRED_JSON),
    ("mojibake", s::REPAIRED_MOJIBAKE),
    ("mojibake_left", s::REPAIRED_LEFT),
    ("pages", s::REPAIRED_PAGES),
    ("layout", s::REPAIRED_LAYOUT),
    ("hyphens", s::REPAIRED_HYPHENS),
    ("ansi", s::REPAIRED_ANSI),
    ("overstrikes", s::REPAIRED_OVERSTRIKES),
    ("windows-1252", s::REPAIRED_WINDOWS),
    ("controls", s::REPAIRED_CONTROLS),
    ("soft-hyphens", s::REPAIRED_SOFT),
    ("zero-width", s::REPAIRED_ZERO),
    ("bidi", s::REPAIRED_BIDI),
    ("line-separators", s::REPAIRED_SEPARATORS),
    ("nfc", s::REPAIRED_NFC),
    ("bad-bytes", s::REPAIRED_BYTES),
];

/// What was repaired, and how often.
fn repairs(page: &Page<'_>) -> String {
    let count = |name: &str| page.report["repairs"][name].as_u64().unwrap_or(0);
    let rows: Vec<Vec<String>> = REPAIRS
        .iter()
        .filter(|(name, _)| count(name) > 0)
        .map(|(name, phrase)| {
            let cell = page.value(&format!("/repairs{}", step(name)));
            vec![escape(page.say(*phrase)), cell]
        })
        .collect();
    if rows.is_empty() {
        return page.note(s::NOTHING_REPAIRED);
    }
    let header = [s::REPAIR, s::TIMES].map(|phrase| page.say(phrase));
    table(page.say(s::REPAIRS), &header, &rows, None)
}

/// Samples of what could not be read.
fn rejects(page: &Page<'_>, dir: &Path, manifest: &CorpusManifest) -> Result<String> {
    let reasons = page.report["ledger"]["rejected"]
        .as_object()
        .map_or(0, Map::len);
    let mut chosen = Chosen::new(reasons);
    let names = ["source", "record", "error", "message", "sample"];
    for part in &manifest.rejects {
        columns(&dir.join(&part.file), &names, &mut |batch| {
            let column = |name: &str| batch.column_by_name(name).context("a column of rejects");
            let text =
                |name: &str| Ok::<_, anyhow::Error>(column(name)?.as_string::<i32>().clone());
            let (source, error) = (text("source")?, text("error")?);
            let (message, sample) = (text("message")?, text("sample")?);
            let record = column("record")?.as_primitive::<UInt64Type>();
            for row in 0..batch.num_rows() {
                let key = format!("{}\0{}", source.value(row), record.value(row));
                chosen.offer(error.value(row), key.as_bytes(), || {
                    let place = format!("{}:{}", source.value(row), record.value(row));
                    [&place, message.value(row), sample.value(row)].map(str::to_owned)
                });
            }
            Ok(())
        })?;
    }
    let samples: Vec<(String, String)> = chosen
        .finish()
        .map(|(reason, [place, message, sample])| {
            let html = format!(
                "<p class=\"why\"><b>{}</b> · {}</p><p>{}</p><div class=\"text\" dir=\"auto\">{}</div>",
                escape(&reason),
                escape(&place),
                escape(&short(&message, CHARACTERS)),
                escape(&short(&sample, CHARACTERS))
            );
            (reason, html)
        })
        .collect();
    Ok(search(page, "rejects", s::NOTHING_REJECTED, &samples))
}

/// Samples with a field to search them and a choice of reasons.
pub fn search(page: &Page<'_>, id: &str, nothing: Phrase, samples: &[(String, String)]) -> String {
    if samples.is_empty() {
        return page.note(nothing);
    }
    let mut reasons: Vec<&str> = samples.iter().map(|(reason, _)| reason.as_str()).collect();
    reasons.dedup();
    let mut out = page.note(s::SAMPLE_SAYS);
    out += &format!(
        "<div class=\"find\" role=\"search\"><label for=\"{id}q\">{}<input id=\"{id}q\" type=\"search\" autocomplete=\"off\"></label>\
         <label for=\"{id}r\">{}<select id=\"{id}r\"><option value=\"\">{}</option>",
        escape(page.say(s::SEARCH)),
        escape(page.say(s::REASON)),
        escape(page.say(s::ALL_REASONS)),
    );
    for reason in reasons {
        let reason = escape(reason);
        out += &format!("<option value=\"{reason}\">{reason}</option>");
    }
    out += &format!(
        "</select></label><p role=\"status\" data-text=\"{}\"></p></div>\n",
        escape(page.say(s::SHOWN))
    );
    for (reason, html) in samples {
        out += &format!(
            "<article class=\"sample\" data-reason=\"{}\">{html}</article>\n",
            escape(reason)
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::normalise::Repairs;

    #[test]
    fn the_page_names_every_repair_of_the_report() {
        let report = serde_json::to_value(Repairs::default()).expect("JSON");
        let mut reported: Vec<&str> = report
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
            .collect();
        let mut named: Vec<&str> = REPAIRS.iter().map(|(name, _)| *name).collect();
        reported.sort_unstable();
        named.sort_unstable();
        assert_eq!(named, reported);
    }
}
