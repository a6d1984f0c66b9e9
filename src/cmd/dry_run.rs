//! `prep ingest --dry-run`: how each source would be read, with its first records as documents.

use super::Context;
use crate::document::Message;
use crate::ingest::parse::Rules;
use crate::ingest::preview::{Preview, Shown, preview};
use crate::ingest::source::{Source, Wishes};
use crate::units::{grouped, human_bytes};
use crate::{interrupt, ordered, output};
use anyhow::Result;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Characters of a line for a person.
const LINE_CHARACTERS: usize = 96;
/// Runner-up encodings that are farther behind are not worth a word to a person.
const CLOSE_BITS: f64 = 60.0;

/// Prints how `sources` would be read, in order; gives the shapes of their first records.
///
/// # Errors
/// When a Parquet column is of a type that is not read at all.
pub fn run(
    sources: Vec<Source>,
    rules: Rules<'_>,
    wishes: &Wishes,
    context: &Context,
) -> Result<BTreeSet<String>> {
    let mut all = Vec::new();
    let mut shapes = BTreeSet::new();
    ordered::map_fold(
        context.threads,
        sources.into_iter().map(Arc::new).map(Ok),
        |source| Ok(preview(&source, rules, wishes)),
        |preview| {
            interrupt::check()?;
            shapes.extend(preview.shapes.keys().cloned());
            if context.json {
                all.push(serde_json::to_value(&preview)?);
            } else {
                output::data(&render(&preview));
            }
            Ok(())
        },
    )?;
    if context.json {
        let report = serde_json::json!({ "command": "ingest", "dry_run": true, "sources": all });
        output::data(&report.to_string());
    }
    context.note("next: the same command with --out corpus instead of --dry-run");
    Ok(shapes)
}

/// A source as a person reads it.
fn render(preview: &Preview) -> String {
    let mut out = format!(
        "{}  {}  {}\n",
        preview.source,
        human_bytes(preview.bytes),
        preview.codec
    );
    let mut line = |name: &str, value: String| out += &format!("  {name:<9} {value}\n");
    match (&preview.format, &preview.unread) {
        (Some(format), _) => line("format", (*format).to_owned()),
        (None, why) => line(
            "format",
            format!("not read: {}", why.as_deref().unwrap_or("unknown")),
        ),
    }
    if let Some(encoding) = &preview.encoding {
        let percent = preview.encoding_confidence * 100.0;
        let rival = preview
            .encoding_runner_up
            .as_ref()
            .filter(|rival| rival.behind_bits < CLOSE_BITS)
            .map_or_else(String::new, |rival| {
                format!(
                    "; next {}, {:.0} bits behind",
                    rival.encoding, rival.behind_bits
                )
            });
        line(
            "encoding",
            format!("{encoding} ({percent:.1} % sure{rival})"),
        );
    }
    if let Some(csv) = &preview.csv {
        let delimiter = match csv.delimiter {
            None => "one column".to_owned(),
            Some('\t') => "delimiter tab".to_owned(),
            Some(other) => format!("delimiter `{other}`"),
        };
        let header = if csv.has_header {
            "header"
        } else {
            "no header, columns are called"
        };
        let columns = csv.columns.join(", ");
        line("csv", format!("{delimiter}, {header} {columns}"));
    }
    line("shape", preview.decision.clone());
    if preview.format.is_some() {
        let shapes: Vec<String> = preview
            .shapes
            .iter()
            .map(|(shape, count)| format!("{} {shape}", grouped(*count)))
            .collect();
        let of = if preview.sample_is_all {
            "the whole file"
        } else {
            "its beginning"
        };
        line(
            "documents",
            format!(
                "{}{} and {} rejects in {of}",
                grouped(preview.sample_documents),
                if shapes.is_empty() {
                    String::new()
                } else {
                    format!(" ({})", shapes.join(", "))
                },
                grouped(preview.sample_rejects)
            ),
        );
    }
    for reject in &preview.rejects {
        // What helps stands at the end of a message.
        line(
            "reject",
            wrap(&format!(
                "{}: {} ({})",
                reject.record, reject.message, reject.error
            )),
        );
    }
    for shown in &preview.documents {
        out += &document(shown);
    }
    out
}

fn document(shown: &Shown) -> String {
    let mut out = format!(
        "  record {}: {}, {}, {} characters\n",
        shown.record,
        shown.kind,
        shown.lang,
        grouped(shown.chars)
    );
    if let Some(text) = &shown.text {
        out += &format!("    {}\n", fit(text));
    }
    for (mark, turns) in [("", &shown.messages), ("rejected ", &shown.rejected)] {
        for Message { role, content } in turns.iter().flatten() {
            out += &format!("    {}\n", fit(&format!("{mark}{role}: {content}")));
        }
    }
    if let Some(meta) = &shown.meta {
        out += &format!("    {}\n", fit(&format!("meta: {meta}")));
    }
    out
}

/// All of a text as lines of a terminal, behind one another as values of a source stand.
fn wrap(text: &str) -> String {
    let (mut lines, mut width) = (String::new(), 0);
    for word in text.split_whitespace() {
        let word: String = word.chars().map(shown).collect();
        let characters = word.chars().count();
        if width > 0 && width + 1 + characters > LINE_CHARACTERS {
            lines += "\n            ";
            width = 0;
        } else if width > 0 {
            lines.push(' ');
            width += 1;
        }
        lines += &word;
        width += characters;
    }
    lines
}

/// A character that moves no cursor.
fn shown(character: char) -> char {
    match character {
        '\n' => '⏎',
        c if c.is_control() => '·',
        c => c,
    }
}

/// A text as one line of a terminal.
fn fit(text: &str) -> String {
    let mut line = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == LINE_CHARACTERS {
            line.push('…');
            break;
        }
        line.push(shown(character));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::{fit, wrap};

    #[test]
    fn a_message_is_shown_whole_in_lines_that_fit() {
        let message = format!("1: {}\u{1b}[1m (error)", "слово ".repeat(60));
        let lines = wrap(&message);
        assert!(lines.lines().count() > 3);
        assert!(
            lines
                .lines()
                .all(|line| line.trim_start().chars().count() <= 96)
        );
        let joined: Vec<&str> = lines.split_whitespace().collect();
        assert_eq!(joined.join(" "), message.replace('\u{1b}', "·"));
    }

    #[test]
    fn a_text_fits_a_line_and_moves_no_cursor() {
        assert_eq!(fit("a\nb\u{1b}[31m"), "a⏎b·[31m");
        assert_eq!(fit(&"щ".repeat(1_000)).chars().count(), 97);
    }
}
