//! What the first records of a source say of how its options count and of what its answers are, before any
//! of them is parsed for good.
//!
//! The first block of a source (4 MB at most) is asked, by the thread that reads it, so that every
//! worker finds the answer there and the same one, whatever is resumed and however many threads there
//! are. Most sources have no options: of these 64 kB, or as many rows as fit, are looked at.

use super::blocks::Block;
use super::format::Format;
use super::parse::{Parsed, Rules};
use super::repair::Switches;
use super::shape::numbering::{self, Evidence, Habits};
use super::source::{Source, Wishes};
use super::weight;

/// Bytes and rows by which it is told whether a source has numbered options at all.
const BEGINNING_BYTES: usize = 64 << 10;
const BEGINNING_ROWS: usize = 64;

/// How the options of `source` count by its first block, and what its answers are.
#[must_use]
pub fn habits(source: &Source, block: &Block, wishes: &Wishes) -> Habits {
    let structured = |format: &Format| {
        matches!(
            format,
            Format::Jsonl | Format::Json | Format::Csv | Format::Parquet | Format::Arrow
        )
    };
    let Some(format) = source.format.as_ref().ok().copied().filter(structured) else {
        return Evidence::default().habits();
    };
    let rules = Rules {
        split: wishes.split,
        shape: None,
        mapping: wishes.mapping,
        repairs: Switches::none(),
        first_option: None,
        most_tree: weight::LOOKED_AT,
    };
    let evidence = |block: Option<Block>| {
        let ((), evidence) = numbering::survey(|| {
            if let Some(block) = block {
                // What cannot be read says nothing here; it is refused when it is parsed.
                Parsed::witness().add(source, format, block, rules);
            }
        });
        evidence
    };
    let first = evidence(beginning(block));
    if first == Evidence::default() || is_small(block) {
        return first.habits();
    }
    evidence(copy(block, usize::MAX, usize::MAX)).habits()
}

/// Whether its beginning is all of a block.
fn is_small(block: &Block) -> bool {
    match block {
        Block::Lines { bytes, .. } => bytes.len() <= BEGINNING_BYTES,
        Block::Rows { batch, .. } => batch.num_rows() <= BEGINNING_ROWS,
        _ => false,
    }
}

fn beginning(block: &Block) -> Option<Block> {
    let bytes = match block {
        // The last line of a file needs no end.
        Block::Lines { bytes, .. } if bytes.len() <= BEGINNING_BYTES => bytes.len(),
        Block::Lines { bytes, .. } => {
            let from = BEGINNING_BYTES.min(bytes.len());
            let end = memchr::memrchr(b'\n', &bytes[..from]);
            let end = end.or_else(|| Some(from + memchr::memchr(b'\n', &bytes[from..])?));
            end.map_or(bytes.len(), |at| at + 1)
        }
        _ => 0,
    };
    copy(block, bytes, BEGINNING_ROWS)
}

/// The first `bytes` or `rows` of a block of records; none of another.
fn copy(block: &Block, bytes: usize, rows: usize) -> Option<Block> {
    match block {
        Block::Lines {
            line,
            part,
            bytes: all,
        } => Some(Block::Lines {
            line: *line,
            part: *part,
            bytes: all[..bytes.min(all.len())].to_vec(),
        }),
        Block::Rows { row, batch, bytes } => Some(Block::Rows {
            row: *row,
            batch: batch.slice(0, rows.min(batch.num_rows())),
            bytes: *bytes,
        }),
        _ => None,
    }
}
