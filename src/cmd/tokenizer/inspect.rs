//! `prep tokenizer inspect`: what a tokenizer is.

use super::super::Context;
use crate::exit::Exit;
use crate::output;
use crate::table::Table;
use crate::tokenize::Tokenizer;
use crate::tokenize::inspect::{Inspection, Named};
use crate::units::grouped;
use anyhow::Result;
use std::path::PathBuf;

/// Show what a tokenizer is: kind, vocabulary, special tokens, how it splits, what it wastes.
///
/// Says whether prep's fast path takes it, which tokens begin and end a text, what the vocabulary
/// is made of, and which tokens no text ever becomes (rows of a model's table that nothing trains).
#[derive(Debug, clap::Args)]
pub struct Args {
    /// tokenizer.json (also .zst, .gz) or a directory with one.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Added tokens that are shown; --json has all.
const MOST_ADDED: usize = 20;

/// Loads, looks, prints.
///
/// # Errors
/// When it is no tokenizer that prep can use.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    let found = Tokenizer::open(&args.file)?.inspect(&args.file.display().to_string())?;
    if context.json {
        output::data(&serde_json::to_string(&found)?);
        return Ok(Exit::Done);
    }
    output::data(&facts(&found));
    output::data(&format!("\n{}", made_of(&found)));
    let mut table = Table::new(&["added token", "id", ""]);
    for entry in found.added_tokens.iter().take(MOST_ADDED) {
        let what = if entry.special {
            "special"
        } else {
            "in texts too"
        };
        table.row(vec![
            shown(&entry.token),
            entry.id.to_string(),
            what.to_owned(),
        ]);
    }
    output::data(&format!("\n{}", table.render()));
    if found.added_tokens.len() > MOST_ADDED {
        let more = found.added_tokens.len() - MOST_ADDED;
        output::data(&format!("and {more} more; --json has them all"));
    }
    context.note(&format!(
        "next: prep tokenizer compare CORPUS --tokenizer {} --tokenizer ANOTHER",
        args.file.display()
    ));
    Ok(Exit::Done)
}

/// A token's letters so that they can be seen.
fn shown(token: &str) -> String {
    let quoted = format!("{token:?}");
    quoted[1..quoted.len() - 1].to_owned()
}

fn list(tokens: &[Named]) -> String {
    let tokens: Vec<String> = (tokens.iter())
        .map(|named| format!("{:?}", named.token))
        .collect();
    tokens.join(" ")
}

fn facts(found: &Inspection) -> String {
    let mut table = Table::new(&["tokenizer", &found.file]);
    let mut row = |name: &str, value: String| table.row(vec![name.to_owned(), value]);
    row("kind", found.kind.to_owned());
    let holes = match found.holes {
        0 => String::new(),
        holes => format!(", {} ids without a token", grouped(holes)),
    };
    row(
        "vocabulary",
        format!(
            "{} (highest id + 1{holes}); {} bytes an id in shards",
            grouped(found.vocab_size.into()),
            found.id_bytes
        ),
    );
    if let Some(merges) = found.merges {
        row("merges", grouped(merges));
    }
    row("normaliser", found.normalizer.clone());
    row("split", found.pre_tokenizer.clone());
    if let Some(pattern) = &found.split_pattern {
        row("pattern", pattern.clone());
    }
    let fallback = if found.byte_fallback { "yes" } else { "no" };
    row("byte fallback", fallback.to_owned());
    let fast = &found.fast_path;
    row(
        "fast path",
        match (&fast.pattern, &fast.reason) {
            (Some(pattern), _) => format!("yes, as {pattern}"),
            (None, Some(reason)) => format!("no: {reason}"),
            (None, None) => "no".to_owned(),
        },
    );
    let ends = &found.ends;
    let named = |token: &Named| format!("{} (id {})", shown(&token.token), token.id);
    row(
        "a text begins with",
        match &ends.bos {
            Some(bos) if ends.adds_bos => named(bos),
            Some(bos) => format!("no special token; {} with --bos always", named(bos)),
            None => "no special token".to_owned(),
        },
    );
    row("a text ends with", named(&ends.eos));
    if let Some(pad) = &ends.pad {
        row("padding", named(pad));
    }
    row(
        "chat template",
        match &found.chat_template.built_in {
            None => "its own".to_owned(),
            Some(name) => format!("none of its own; prep uses {name}"),
        },
    );
    row("longest tokens", list(&found.longest));
    let alike = &found.duplicates;
    row(
        "duplicates",
        match alike.examples.first() {
            None => "none".to_owned(),
            Some(first) => format!(
                "{} ids stand for a text that another id stands for, as {:?} {:?}",
                grouped(alike.tokens),
                first.token,
                first.ids
            ),
        },
    );
    row(
        "never met in a text",
        match &found.unreachable {
            None => "not looked for in this kind".to_owned(),
            Some(none) if none.tokens == 0 && none.byte_fallback == 0 => "none".to_owned(),
            Some(some) => {
                let bytes = match some.byte_fallback {
                    0 => String::new(),
                    bytes => format!(" and {bytes} <0xNN> whose character is a token"),
                };
                format!(
                    "{} tokens{bytes} {}",
                    grouped(some.tokens),
                    list(&some.examples)
                )
            }
        },
    );
    row("fingerprint", found.fingerprint.clone());
    table.render()
}

fn made_of(found: &Inspection) -> String {
    let mut table = Table::new(&["vocabulary", "tokens", "share"]);
    for row in found.scripts.iter().filter(|row| row.tokens > 0) {
        table.row(vec![
            row.script.name().to_owned(),
            grouped(row.tokens),
            format!("{:.1} %", row.share * 100.0),
        ]);
    }
    table.render()
}
