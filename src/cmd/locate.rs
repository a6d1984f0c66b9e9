//! `prep where`: from a token in a shard back to its source.

use super::Context;
use crate::exit::Exit;
use crate::locate::{Address, Located, locate};
use crate::output;
use crate::units::grouped;
use anyhow::Result;
use std::path::PathBuf;

/// Show what a token in a shard is and which source and record it is from.
///
/// The corpus is needed for source and record; it is found beside the shards or in the working
/// directory by the hash that the shards carry, or named with --corpus.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// SHARD:POSITION (shards/train-00000.arrow:12345), or DIR SPLIT POSITION (shards train 12345) for
    /// a position in the whole split; positions are tokens, from 0.
    #[arg(required = true, num_args = 1..=3, value_name = "PLACE")]
    place: Vec<String>,
    /// The corpus that the shards were made from. Default: looked for.
    #[arg(long, value_name = "DIR")]
    corpus: Option<PathBuf>,
    /// Tokens of the document that are shown before and after.
    #[arg(long, value_name = "TOKENS", default_value_t = 30)]
    context: u64,
}

/// Find, print.
///
/// # Errors
/// When the place does not exist, or the shards or the corpus cannot be read.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    let address = Address::parse(&args.place)?;
    let found = locate(&address, args.corpus.as_deref(), args.context)?;
    if context.json {
        output::data(&serde_json::to_string(&found)?);
    } else {
        output::data(&render(&found));
    }
    if found.origin.is_none() {
        context.note("the corpus of these shards was not found beside them; --corpus DIR names it");
    }
    context.note(&format!(
        "next: prep why {} SHARDS   (what each rule measured)",
        found.document_id
    ));
    Ok(Exit::Done)
}

fn render(found: &Located) -> String {
    let mut lines: Vec<(&str, String)> = vec![
        ("token", format!("{:?}, id {}", found.token, found.token_id)),
        (
            "place",
            format!(
                "{} position {}, {} position {}{}",
                found.shard,
                grouped(found.position),
                found.split,
                grouped(found.split_position),
                if found.in_loss {
                    ", counted in the loss"
                } else {
                    ", not counted in the loss"
                }
            ),
        ),
        (
            "document",
            format!(
                "{}, token {} of {}, in {}",
                found.document_id,
                grouped(found.document_position),
                grouped(found.document_tokens),
                found.document_shards.join(", ")
            ),
        ),
    ];
    if let Some(origin) = &found.origin {
        lines.push((
            "source",
            format!(
                "{} record {} ({}, {}, {} characters)",
                origin.source,
                origin.record,
                origin.kind,
                origin.lang,
                grouped(origin.chars)
            ),
        ));
        lines.push(("corpus", origin.corpus.clone()));
        if let Some(meta) = &origin.meta {
            lines.push(("meta", meta.clone()));
        }
    }
    lines.push((
        "context",
        format!(
            "{}⟦{}⟧{}",
            shown(&found.before),
            shown(&found.token),
            shown(&found.after)
        ),
    ));
    let lines: Vec<String> = lines
        .into_iter()
        .map(|(name, value)| format!("{name:<9} {value}"))
        .collect();
    lines.join("\n")
}

fn shown(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' => '⏎',
            c if c.is_control() => '·',
            c => c,
        })
        .collect()
}
