//! Flags of `prep ingest` that none of its sources can use.

use super::Context;
use std::collections::BTreeSet;

/// Formats whose records have fields.
const STRUCTURED: &[&str] = &["jsonl", "json", "csv", "parquet", "arrow"];
/// Formats of running text.
const TEXT: &[&str] = &["text", "xml", "warc"];
/// Formats that are written in letters.
const WRITTEN: &[&str] = &["text", "xml", "warc", "html", "jsonl", "json", "csv"];
/// Members of these are sources of their own.
const ARCHIVES: &[&str] = &["tar", "zip"];

/// Flags that some formats alone use, what they are for, and these formats.
const FLAGS: &[(&str, &str, &[&str])] = &[
    ("--columns", "CSV", &["csv"]),
    ("--first-option", "structured records", STRUCTURED),
    ("--shape", "structured records", STRUCTURED),
    ("--encoding", "text", WRITTEN),
    ("--split", "plain text and chats of Telegram", TEXT),
    ("--document-size", "plain text and chats of Telegram", TEXT),
];

/// The format of running text, where records of one of these shapes are cut as that is.
pub(super) fn as_text<'a>(mut shapes: impl Iterator<Item = &'a String>) -> Option<&'static str> {
    shapes.any(|shape| shape == "telegram").then_some("text")
}

/// Whether a source of one of these formats can use `flag`.
pub(super) fn is_used<'a>(flag: &str, formats: impl Iterator<Item = &'a str>) -> bool {
    let formats: BTreeSet<&str> = formats.collect();
    let readers = FLAGS.iter().filter(|(name, _, _)| *name == flag);
    let mut readers = readers.flat_map(|(_, _, readers)| *readers);
    readers.any(|reader| formats.contains(reader))
}

/// Names those of the flags `given` that no source of these formats can use, in a line each. Where members
/// of archives are not known, one may hold what uses all of them.
pub(super) fn note<'a>(
    given: &[&str],
    formats: impl Iterator<Item = &'a str>,
    knows_members: bool,
    context: &Context,
) {
    let formats: BTreeSet<&str> = formats.collect();
    if !knows_members && ARCHIVES.iter().any(|archive| formats.contains(archive)) {
        return;
    }
    for (flag, what, readers) in FLAGS {
        if given.contains(flag) && !readers.iter().any(|reader| formats.contains(reader)) {
            context.note(&format!(
                "warning: {flag} is for {what}, and no source is that: it changed nothing"
            ));
        }
    }
}
