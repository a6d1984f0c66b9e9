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
use memchr::memmem;
use std::borrow::Cow;
use swap::Undone;

/// Wrong decodings on top of each other that are undone.
const DEPTH: usize = 4;

/// The line as it was meant; `None` where nothing is certainly wrong.
#[must_use]
pub fn mojibake(line: &str) -> Option<String> {
    suspect::blocks(line.as_bytes()).next()?;
    judge(line).repaired
}

/// What is known of a line.
struct Judged {
    /// As it was meant, where it was misread.
    repaired: Option<String>,
    /// Whether it is misread still, in a way that is not certain.
    is_unsure: bool,
}

fn judge(line: &str) -> Judged {
    let mut judged = Judged {
        repaired: None,
        is_unsure: false,
    };
    for _ in 0..DEPTH {
        let now = judged.repaired.as_deref().unwrap_or(line);
        let undone = match layer::peel(now) {
            Undone::Healthy => swap::undo(now),
            undone => undone,
        };
        match undone {
            Undone::Repaired(next) => judged.repaired = Some(next),
            Undone::Unsure => {
                judged.is_unsure = true;
                break;
            }
            Undone::Healthy => break,
        }
    }
    judged
}

/// Lines of `text` that lost letters (�): damaged beyond repair.
fn lines_with_lost_letters(text: &str) -> u64 {
    let (mut lines, mut at) = (0, 0);
    while let Some(found) = memmem::find(&text.as_bytes()[at..], "\u{fffd}".as_bytes()) {
        lines += 1;
        let from = at + found;
        let Some(end) = memchr::memchr(b'\n', &text.as_bytes()[from..]) else {
            break;
        };
        at = from + end;
    }
    lines
}

/// [`mojibake`] for each line of `text`. Counts lines that were repaired, and those that were left
/// alone: with lost letters, or misread in a way that is not certain.
pub fn mojibake_lines<'a>(text: &'a str, counts: &mut Counts) -> Cow<'a, str> {
    let bytes = text.as_bytes();
    let mut repaired = String::new();
    let (mut done, mut copied, mut lines, mut unsure) = (0, 0, 0, 0);
    for block in suspect::blocks(bytes) {
        // The lines that begin before the end of the block and are not done.
        let block_end = (block + suspect::BLOCK_BYTES).min(text.len());
        let mut start = memchr::memrchr(b'\n', &bytes[..block])
            .map_or(0, |at| at + 1)
            .max(done);
        while start < block_end {
            let end = memchr::memchr(b'\n', &bytes[start..]).map_or(text.len(), |at| start + at);
            let line = &text[start..end];
            if suspect::blocks(line.as_bytes()).next().is_some() {
                let judged = judge(line);
                if judged.is_unsure && judged.repaired.is_none() {
                    unsure += u64::from(!line.contains('\u{fffd}'));
                }
                if let Some(line) = judged.repaired {
                    repaired.push_str(&text[copied..start]);
                    repaired.push_str(&line);
                    copied = end;
                    lines += 1;
                }
            }
            start = end + 1;
            done = start;
        }
    }
    counts.add(Repair::Mojibake, lines);
    counts.left += unsure;
    if lines == 0 {
        counts.left += lines_with_lost_letters(text);
        return Cow::Borrowed(text);
    }
    repaired.push_str(&text[copied..]);
    counts.left += lines_with_lost_letters(&repaired);
    Cow::Owned(repaired)
}
