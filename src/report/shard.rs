//! The page of `prep shard`, and of `prep reshard`.

use super::bars::{Bar, horizontal, vertical};
use super::diff::{self, Run};
use super::html::{escape, number, short, step, table};
use super::ingest::{amounts, funnel, largest, ledger_table, left_out, search};
use super::page::Page;
use super::samples::{CHARACTERS, Chosen, Powers, columns, rows};
use super::strings as s;
use crate::document::{Content, DocumentId};
use crate::shard::{Dataset, Split};
use crate::sharding::removed::{self, Removed};
use crate::tokenize::Tokenizer;
use crate::units::grouped;
use anyhow::{Context, Result};
use arrow::array::{Array, AsArray};
use arrow::datatypes::Float64Type;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Columns of the chart of similarities, from 0 to 1.
const SIMILARITY_BARS: usize = 50;
/// The column that the chart begins with at the latest: copies are searched for above it.
const FIRST_BAR: usize = 35;
/// Tokens of a kept document that are decoded to compare it.
const KEPT_TOKENS: u64 = 2000;

/// Fills the page of a shard directory.
///
/// # Errors
/// When a file of it is damaged.
pub fn fill(page: &mut Page<'_>, dir: &Path) -> Result<()> {
    page.title(s::SHARD);
    page.section(
        s::SUMMARY,
        page.cards(&[
            (s::READ, "/ledger/read/records"),
            (s::KEPT, "/ledger/kept/records"),
            (s::TOKENS_KEPT, "/ledger/kept/tokens"),
            (s::LOSS_TOKENS, "/tokens/total/tokens_loss"),
            (s::BYTES_PER_TOKEN, "/tokens/total/bytes_per_token"),
            (s::MEDIAN, "/tokens/total/document_tokens/p50"),
            (s::VOCABULARY, "/vocab_size"),
        ]),
    );
    page.section(s::FUNNEL, funnel(page, true));
    let mut lengths = Powers::default();
    for split in Split::ALL {
        Dataset::open(dir, split)?.for_each_span(&mut |_, tokens| lengths.add(tokens));
    }
    let tokens = |object: &str| amounts(page, object, "/kept/tokens");
    let charts = format!(
        "<div class=\"charts\">{}{}{}</div>",
        horizontal("src", page.say(s::TOKENS_BY_SOURCE), &tokens("/by_source")),
        horizontal(
            "lang",
            page.say(s::TOKENS_BY_LANGUAGE),
            &tokens("/by_language")
        ),
        vertical("len", page.say(s::LENGTHS), &lengths.bars())
    );
    page.section(
        s::DATA_PARTS,
        charts + &page.note(s::LENGTHS_TOKENS) + &figures(page),
    );
    let by = |object: &str, what| ledger_table(page, object, what, true);
    let (sources, languages) = (by("/by_source", s::SOURCE), by("/by_language", s::LANGUAGE));
    page.section(s::SOURCES, sources);
    page.section(s::LANGUAGES, languages + &by_kind(page));
    let found = Found::read(page, dir)?;
    page.section(s::NEAR, found.similarities(page));
    page.section(s::REMOVED, found.samples(page, dir)?);
    Ok(())
}

fn by_kind(page: &Page<'_>) -> String {
    ledger_table(page, "/by_kind", s::KIND, true)
}

/// Statistics of tokens by split and by kind.
fn figures(page: &Page<'_>) -> String {
    let mut rows = Vec::new();
    for object in ["/tokens/by_split", "/tokens/by_kind"] {
        let empty = Value::Null;
        let all = page.report.pointer(object).unwrap_or(&empty);
        let size = |value: &Value| value["tokens"].as_u64().unwrap_or(0);
        for name in largest(all, &size) {
            let place = format!("{object}{}", step(name));
            let mut cells = vec![escape(name)];
            for number in [
                "documents",
                "tokens",
                "tokens_loss",
                "bytes_per_token",
                "tokens_per_word",
                "document_tokens/p50",
                "document_tokens/max",
            ] {
                cells.push(page.value(&format!("{place}/{number}")));
            }
            rows.push(cells);
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    let header = [
        s::SPLIT,
        s::DOCUMENTS,
        s::TOKENS,
        s::LOSS_TOKENS,
        s::BYTES_PER_TOKEN,
        s::TOKENS_PER_WORD,
        s::MEDIAN,
        s::LONGEST,
    ]
    .map(|phrase| page.say(phrase));
    let more = left_out(page, rows.len());
    table(page.say(s::DATA_PARTS), &header, &rows, more)
}

/// What `removed/` has: similarities of all near copies, and the samples of each reason.
struct Found {
    similarities: [u64; SIMILARITY_BARS],
    /// Reason and document of each sample, in the order of the page.
    samples: Vec<(String, Removed)>,
}

impl Found {
    /// Chooses by two columns; contents are read of the chosen rows alone.
    fn read(page: &Page<'_>, dir: &Path) -> Result<Self> {
        let reasons = page.report["ledger"]["dropped"]
            .as_object()
            .map_or(0, Map::len);
        let mut similarities = [0; SIMILARITY_BARS];
        let mut chosen = Chosen::new(reasons);
        let files = if dir.join("removed").is_dir() {
            removed::files(dir)?
        } else {
            Vec::new()
        };
        for (file, path) in files.iter().enumerate() {
            let mut row_of_file = 0;
            columns(path, &["id", "reason", "similarity"], &mut |batch| {
                let column = |name: &str| batch.column_by_name(name).context("a column");
                let ids = column("id")?.as_fixed_size_binary();
                let reasons = column("reason")?.as_string::<i32>();
                let similar = column("similarity")?.as_primitive::<Float64Type>();
                for row in 0..batch.num_rows() {
                    if similar.is_valid(row) && reasons.value(row).starts_with("near") {
                        let place = similar.value(row) * SIMILARITY_BARS as f64;
                        similarities[(place as usize).min(SIMILARITY_BARS - 1)] += 1;
                    }
                    let at = row_of_file + row;
                    chosen.offer(reasons.value(row), ids.value(row), || (file, at));
                }
                row_of_file += batch.num_rows();
                Ok(())
            })?;
        }
        let chosen: Vec<(String, (usize, usize))> = chosen.finish().collect();
        let mut found = BTreeMap::new();
        for (file, path) in files.iter().enumerate() {
            let of_file = chosen.iter().filter(|(_, place)| place.0 == file);
            let numbers: BTreeSet<usize> = of_file.map(|(_, place)| place.1).collect();
            let numbers: Vec<usize> = numbers.into_iter().collect();
            let mut next = numbers.iter();
            rows(path, &numbers, &mut |batch| {
                for row in 0..batch.num_rows() {
                    let number = next.next().context("a row that was not asked for")?;
                    found.insert((file, *number), removed::of_row(batch, row)?);
                }
                Ok(())
            })?;
        }
        let samples = chosen.into_iter().filter_map(|(reason, place)| {
            let one = found.remove(&place)?;
            Some((reason, one))
        });
        Ok(Self {
            similarities,
            samples: samples.collect(),
        })
    }

    /// The chart of similarities.
    fn similarities(&self, page: &Page<'_>) -> String {
        let Some(first) = self.similarities.iter().position(|&count| count > 0) else {
            return page.note(s::NO_NEAR);
        };
        let bars: Vec<Bar> = (first.min(FIRST_BAR)..SIMILARITY_BARS)
            .map(|place| Bar {
                name: format!("{:.2}", place as f64 / SIMILARITY_BARS as f64),
                value: self.similarities[place] as f64,
                shown: grouped(self.similarities[place]),
                colour: 1,
            })
            .collect();
        page.note(s::NEAR_SAYS) + &vertical("near", page.say(s::SIMILARITY), &bars)
    }

    /// The samples, near copies with what differs.
    fn samples(&self, page: &Page<'_>, dir: &Path) -> Result<String> {
        let near = self.samples.iter().filter(|(_, one)| is_near(one));
        let wanted: BTreeSet<DocumentId> = near.filter_map(|(_, one)| one.why.kept).collect();
        let tokenizer = Tokenizer::from_dir(dir)?;
        let kept = kept_tokens(dir, &wanted)?;
        let each = self.samples.iter().map(|(reason, one)| {
            let mut html = sample(page, one);
            if let Some(id) = one.why.kept.filter(|_| is_near(one)) {
                let ids = kept.get(&id);
                let pair = ids.and_then(|ids| pair(&tokenizer, &one.document.content, ids));
                html += &match pair {
                    Some((text, kept)) => difference(page, &text, &kept),
                    None => page.note(s::KEPT_ELSEWHERE),
                };
            }
            (reason.clone(), html)
        });
        let samples: Vec<(String, String)> = each.collect();
        Ok(search(page, "removed", s::NOTHING_REMOVED, &samples))
    }
}

fn is_near(one: &Removed) -> bool {
    one.why.reason.starts_with("near") && !one.why.kept_earlier
}

/// One removed document.
fn sample(page: &Page<'_>, one: &Removed) -> String {
    let (document, why) = (&one.document, &one.why);
    let mut out = format!(
        "<p class=\"why\"><b>{}</b> · {}:{}",
        escape(&why.reason),
        escape(&document.source),
        document.record
    );
    for (phrase, value) in [
        (s::VALUE, why.value),
        (s::THRESHOLD, why.threshold),
        (s::SIMILARITY, why.similarity),
    ] {
        if let Some(value) = value {
            let value = number(&json!(value), page.lang());
            out += &format!(" · {} {}", escape(page.say(phrase)), escape(&value));
        }
    }
    if let Some(kept) = why.kept {
        let phrase = if why.kept_earlier {
            s::KEPT_EARLIER
        } else {
            s::KEPT_DOCUMENT
        };
        out += &format!(" · {} {kept}", escape(page.say(phrase)));
    }
    let text = text_of(&document.content);
    out += &format!(
        "</p><div class=\"text\" dir=\"auto\">{}</div>",
        escape(&short(&text, CHARACTERS))
    );
    out
}

/// The words in which a removed document and the kept one differ.
fn difference(page: &Page<'_>, text: &str, kept: &str) -> String {
    let mut out = format!(
        "<details><summary>{}</summary><p class=\"why\"><del>{}</del> · <ins>{}</ins></p><div class=\"text\" dir=\"auto\">",
        escape(page.say(s::DIFF_SAYS)),
        escape(page.say(s::ONLY_REMOVED)),
        escape(page.say(s::ONLY_KEPT))
    );
    for run in diff::diff(text, kept) {
        out += &match run {
            Run::Same(text) => escape(&between(&text)),
            Run::First(text) => format!("<del>{}</del>", escape(&text)),
            Run::Second(text) => format!("<ins>{}</ins>", escape(&text)),
        };
    }
    out += "</div>";
    if diff::is_cut(text) || diff::is_cut(kept) {
        out += &page.note(s::CUT);
    }
    out + "</details>"
}

/// What is the same, without the middle of a long run.
fn between(text: &str) -> String {
    const SIDE: usize = 160;
    let count = text.chars().count();
    if count <= 2 * SIDE + 20 {
        return text.to_owned();
    }
    let head: String = text.chars().take(SIDE).collect();
    let tail: String = text.chars().skip(count - SIDE).collect();
    format!("{head} […] {tail}")
}

/// A document as a person reads it.
fn text_of(content: &Content) -> String {
    let turns = match content {
        Content::Text(text) => return text.clone(),
        Content::Chat(turns) => turns,
        Content::Preference { messages, .. } => messages,
    };
    let turns: Vec<String> = turns
        .iter()
        .map(|turn| format!("{}: {}", turn.role, turn.content))
        .collect();
    turns.join("\n")
}

/// The first tokens of kept documents, from the shards: the corpus may be anywhere.
fn kept_tokens(
    dir: &Path,
    wanted: &BTreeSet<DocumentId>,
) -> Result<BTreeMap<DocumentId, Vec<u32>>> {
    let mut found = BTreeMap::new();
    for split in Split::ALL.into_iter().filter(|_| !wanted.is_empty()) {
        let data = Dataset::open(dir, split)?;
        for row in (0..data.rows()).map(|row| data.row(row)) {
            let id = row.document_id;
            if row.continuation || !wanted.contains(&id) || found.contains_key(&id) {
                continue;
            }
            let count = row.len.min(KEPT_TOKENS) as usize;
            let (mut ids, mut mask) = (vec![0; count], vec![false; count]);
            data.window(row.start, &mut ids, &mut mask);
            found.insert(id, ids);
        }
    }
    Ok(found)
}

/// A removed document and the kept one in the same form: texts as they are, chats in their template.
fn pair(tokenizer: &Tokenizer, content: &Content, ids: &[u32]) -> Option<(String, String)> {
    match content {
        Content::Text(text) => Some((text.clone(), tokenizer.decode(ids, true))),
        Content::Chat(turns)
        | Content::Preference {
            messages: turns, ..
        } => {
            let text = tokenizer.chat_text(turns, false).ok()?;
            Some((text, tokenizer.decode(ids, false)))
        }
    }
}
