//! Text that was decoded the wrong way and saved so: repaired where the repair is certain.
//!
//! Two kinds of damage, peeled off in turns, up to four deep:
//! - `layer`: UTF-8 read as something else (`Ð¿Ñ€Ð¸`, `РџСЂРё`, `donâ€™t`). The structure of UTF-8
//!   proves the repair: no healthy text has it by chance.
//! - `swap`: one single-byte encoding read as another (`ïðèâåò`, `оПХБЕР`). The model of Russian letter
//!   pairs has to find the repaired line at least 40 bits more likely, and nothing may stand in it that no
//!   text has (`blemish`).
//!
//! What lost its letters (� and ???) cannot be repaired and stays.

mod blemish;
mod layer;
mod suspect;
mod swap;
mod tables;
#[cfg(test)]
mod tests;

use super::{Counts, Repair};
use std::borrow::Cow;

/// Wrong decodings on top of each other that are undone.
const DEPTH: usize = 4;

/// The line as it was meant; `None` where nothing is certainly wrong.
#[must_use]
pub fn mojibake(line: &str) -> Option<String> {
    suspect::blocks(line.as_bytes()).next()?;
    let mut repaired: Option<String> = None;
    for _ in 0..DEPTH {
        let now = repaired.as_deref().unwrap_or(line);
        let Some(next) = layer::peel(now).or_else(|| swap::undo(now)) else {
            break;
        };
        repaired = Some(next);
    }
    repaired
}

/// [`mojibake`] for each line of `text`.
pub fn mojibake_lines<'a>(text: &'a str, counts: &mut Counts) -> Cow<'a, str> {
    let bytes = text.as_bytes();
    let mut repaired = String::new();
    let (mut done, mut copied, mut lines) = (0, 0, 0);
    for block in suspect::blocks(bytes) {
        // The lines that begin before the end of the block and are not done.
        let block_end = (block + suspect::BLOCK_BYTES).min(text.len());
        let mut start = memchr::memrchr(b'\n', &bytes[..block])
            .map_or(0, |at| at + 1)
            .max(done);
        while start < block_end {
            let end = memchr::memchr(b'\n', &bytes[start..]).map_or(text.len(), |at| start + at);
            if let Some(line) = mojibake(&text[start..end]) {
                repaired.push_str(&text[copied..start]);
                repaired.push_str(&line);
                copied = end;
                lines += 1;
            }
            start = end + 1;
            done = start;
        }
    }
    counts.add(Repair::Mojibake, lines);
    if lines == 0 {
        return Cow::Borrowed(text);
    }
    repaired.push_str(&text[copied..]);
    Cow::Owned(repaired)
}
