//! A survey for a person at a terminal.

use super::Survey;
use crate::table::Table;
use crate::units::grouped;

/// Rows of frequent tokens and n-grams that are shown; --json has more.
const ROWS: usize = 10;

fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

/// What was surveyed: of shards, lengths and sequences are those of the train split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Documents that have no splits yet.
    Corpus,
    /// Both splits of shards.
    Shards,
}

/// The survey as tables.
#[must_use]
pub fn render(survey: &Survey, of: Of) -> String {
    let split = match of {
        Of::Corpus => "",
        Of::Shards => ", train split",
    };
    let mut table = Table::new(&["every token", "share"]);
    let unused = survey.unused_vocabulary as f64 / survey.vocabulary.max(1) as f64;
    for (name, share) in [
        ("special tokens", Some(survey.special_share)),
        (
            "single bytes, of the others",
            Some(survey.single_byte_share),
        ),
        (
            "parts of characters, of the others",
            Some(survey.byte_fallback_share),
        ),
        ("not counted by the loss", Some(survey.loss_masked_share)),
        ("documents that went as copies", survey.duplicate_share),
        ("vocabulary that does not occur", Some(unused)),
    ] {
        let share = share.map_or_else(|| "–".to_owned(), percent);
        table.row(vec![name.to_owned(), share]);
    }
    let mut tables = vec![table.render()];
    let mut table = Table::new(&["most frequent token", "id", "count", "share"]);
    for token in survey.most_frequent.iter().take(ROWS) {
        table.row(vec![
            format!("{:?}", token.token),
            token.id.to_string(),
            grouped(token.count),
            percent(token.share),
        ]);
    }
    tables.push(table.render());
    for ngrams in &survey.ngrams {
        let title = format!("most frequent {} tokens", ngrams.tokens);
        let mut table = Table::new(&[&title, "count"]);
        for found in ngrams.most_frequent.iter().take(ROWS) {
            table.row(vec![format!("{:?}", found.text), grouped(found.count)]);
        }
        tables.push(table.render());
    }
    let title = format!("document length{split}");
    let mut table = Table::new(&[&title, "documents", "tokens", "share of tokens"]);
    let all: u64 = survey.by_length.iter().map(|row| row.tokens).sum();
    for row in survey.by_length.iter().filter(|row| row.documents > 0) {
        let name = match row.most_tokens {
            Some(most) => format!("up to {} tokens", grouped(most)),
            None => "longer".to_owned(),
        };
        let share = percent(row.tokens as f64 / all.max(1) as f64);
        table.row(vec![
            name,
            grouped(row.documents),
            grouped(row.tokens),
            share,
        ]);
    }
    tables.push(table.render());
    let title = format!("sequence{split}");
    let mut table = Table::new(&[
        &title,
        "longer documents",
        "concatenated",
        "torn",
        "best fit",
        "torn",
        "used",
    ]);
    for packing in &survey.packing {
        table.row(vec![
            grouped(packing.seq_len),
            percent(packing.longer_share),
            grouped(packing.concat_sequences),
            percent(packing.concat_torn_share),
            grouped(packing.best_fit_sequences),
            percent(packing.best_fit_torn_share),
            percent(packing.best_fit_utilisation),
        ]);
    }
    tables.push(table.render());
    tables.join("\n\n")
}
