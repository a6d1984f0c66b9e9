//! UTF-8 that was read as a single-byte encoding. Runs of characters beyond ASCII go back to bytes; a
//! run that is whole UTF-8 of ordinary characters is proof, the more the longer it is. But what misread
//! the words of a line misread all of them: beside healthy Cyrillic words they are what the line is about.

use super::swap::Undone;
use super::tables::{Reading, Table, tables};
use std::ops::Range;

/// How surely a run is a misreading.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Proof {
    /// It could be: done if the line has proof elsewhere.
    Likely,
    /// No healthy text has it.
    Certain,
}

/// The line with one layer off.
pub fn peel(line: &str) -> Undone {
    let runs: Vec<Range<usize>> = runs(line).collect();
    let mut found = Undone::Healthy;
    for table in tables() {
        // Nearly every line is healthy, and its runs are no UTF-8 at a glance.
        if !runs
            .iter()
            .any(|run| may_be_utf8(&line[run.clone()], table))
        {
            continue;
        }
        match peel_as(line, table) {
            Undone::Healthy => {}
            Undone::Unsure => found = Undone::Unsure,
            repaired @ Undone::Repaired(_) => return repaired,
        }
    }
    found
}

/// The places of characters beyond ASCII, as far as they stand together.
fn runs(line: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = line.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + bytes[at..].iter().position(|byte| !byte.is_ascii())?;
        let length = bytes[start..].iter().position(u8::is_ascii);
        at = length.map_or(line.len(), |length| start + length);
        Some(start..at)
    })
}

/// Whether a run was read from bytes that may be UTF-8, as far as their number and kinds tell; the second
/// byte of Р at its end may be the space behind it. Healthy words fail within a few characters.
fn may_be_utf8(run: &str, table: &Table) -> bool {
    // Bytes that the character still needs.
    let mut missing = 0;
    let mut last = 0;
    for character in run.chars() {
        let byte = table.byte(character);
        missing = match (byte, missing) {
            (Some(0xc2..=0xdf), 0) => 1,
            (Some(0xe0..=0xef), 0) => 2,
            (Some(0xf0..=0xf4), 0) => 3,
            (Some(0x80..=0xbf), 1..) => missing - 1,
            // What stands for a byte that has no character is known by what it stands behind.
            (None, 1) if character == '\u{fffd}' => 0,
            _ => return false,
        };
        last = byte.unwrap_or(0);
    }
    missing == 0 || missing == 1 && last == 0xd0
}

fn peel_as(line: &str, table: &Table) -> Undone {
    let mut pieces: Vec<(&str, Option<String>)> = Vec::new();
    let mut proven = false;
    let (mut letters, mut longest, mut unlike) = (0, 0, 0);
    let mut has_words = false;
    let mut at = 0;
    while at < line.len() {
        let ascii = line[at..]
            .find(|c: char| !c.is_ascii())
            .map_or(line.len(), |found| at + found);
        pieces.push((&line[at..ascii], None));
        let mut end = line[ascii..]
            .find(|c: char| c.is_ascii())
            .map_or(line.len(), |found| ascii + found);
        if ascii == end {
            break;
        }
        let mut run = decode(&line[ascii..end], table);
        if run.is_none() && line[end..].starts_with(' ') {
            // The second half of Р is a no-break space, which editors make an ordinary one.
            run = decode(&line[ascii..=end], table).filter(|text| text.ends_with('Р'));
            end += usize::from(run.is_some());
        }
        if let Some(text) = &run {
            let cyrillic = text.chars().filter(|c| is_cyrillic(*c)).count();
            letters += cyrillic;
            longest = longest.max(cyrillic);
            proven |= proof(line, ascii, end, text, table.reading) == Proof::Certain;
        } else {
            unlike += 1;
            has_words |= has_word(&line[ascii..end]);
        }
        pieces.push((&line[ascii..end], run));
        at = end;
    }
    proven |= unlike == 0 && longest >= 2 && letters >= 3;
    if !proven {
        return Undone::Healthy;
    }
    if has_words && letters > 0 {
        return Undone::Unsure;
    }
    let pieces = pieces.iter();
    let repaired = pieces.map(|(known, repaired)| repaired.as_deref().unwrap_or(known));
    Undone::Repaired(repaired.collect())
}

/// Letters of a word that no misreading has in a row: in UTF-8 each second byte of Cyrillic is one that
/// is no letter of the same case in any of the encodings.
const WORD_LETTERS: usize = 3;

/// Whether a run has a Cyrillic word of one case, but for its first letter.
fn has_word(run: &str) -> bool {
    let (mut lower, mut upper) = (0, 0);
    run.chars().any(|character| {
        (lower, upper) = match character {
            'а'..='я' => (lower + 1, 0),
            'А'..='Я' => (0, upper + 1),
            _ => (0, 0),
        };
        lower.max(upper) >= WORD_LETTERS
    })
}

/// The run as UTF-8, if it is whole and ordinary.
fn decode(run: &str, table: &Table) -> Option<String> {
    let mut bytes = Vec::with_capacity(run.len());
    for character in run.chars() {
        bytes.push(match character {
            ' ' => 0xa0,
            // windows-1252 has no 0x9D, the last byte of ”; nothing else that begins so is lost.
            '\u{fffd}' if table.reading == Reading::Latin && bytes.ends_with(b"\xe2\x80") => 0x9d,
            _ => table.byte(character)?,
        });
    }
    let text = String::from_utf8(bytes).ok()?;
    // What is below may be misread in turn, by the same decoder or by a Latin one.
    let layer = |c: char| tables()[0].byte(c).is_some() || table.byte(c).is_some();
    let below = matches!(
        table.reading,
        Reading::Latin | Reading::Windows1251 | Reading::Koi8
    );
    text.chars()
        .all(|c| is_ordinary(c) || below && layer(c))
        .then_some(text)
}

fn is_cyrillic(character: char) -> bool {
    matches!(
        character,
        'А'..='я' | 'Ё' | 'ё' | 'І' | 'і' | 'Ї' | 'ї' | 'Є' | 'є' | 'Ґ' | 'ґ' | 'Ў' | 'ў'
    )
}

fn is_ordinary(character: char) -> bool {
    is_cyrillic(character)
        || is_mark(character)
        || matches!(character, '\u{a0}'..='\u{ff}' | '\u{301}' | '\u{fe0f}' | '\u{200b}'..='\u{200d}' | '\u{feff}')
        || is_picture(character)
}

/// Typography of three bytes.
fn is_mark(character: char) -> bool {
    matches!(
        character,
        '\u{2010}'..='\u{2044}' | '€' | '№' | '™' | '→' | '←' | '−' | '≈' | '≤' | '≥'
    )
}

fn is_picture(character: char) -> bool {
    matches!(character, '\u{2600}'..='\u{27bf}' | '\u{1f300}'..='\u{1faff}')
}

/// How surely the run at `start..end` of `line` is `text` misread.
fn proof(line: &str, start: usize, end: usize, text: &str, reading: Reading) -> Proof {
    let cyrillic = text.chars().filter(|c| is_cyrillic(*c)).count();
    let pictures = text.chars().any(is_picture);
    let marks = text.chars().any(is_mark);
    let characters = text.chars().count();
    let certain = match reading {
        Reading::Latin => {
            cyrillic >= 3
                || pictures
                || marks
                || characters >= 3
                || characters == 1 && is_latin_proof(line, start, end)
        }
        Reading::Windows1251 => {
            cyrillic >= 3 || characters >= 4 || pictures || marks && line[start..end].contains("вЂ")
        }
        Reading::Koi8 => cyrillic >= 3 || characters >= 4,
        _ => cyrillic >= 3,
    };
    if certain {
        Proof::Certain
    } else {
        Proof::Likely
    }
}

/// Two characters that stand for one of Latin-1 (Ã©, Â£): proof unless the second is what may follow a
/// capital in healthy text («IRMÃ», “Ä”).
fn is_latin_proof(line: &str, start: usize, end: usize) -> bool {
    let second = line[start..end].chars().nth(1);
    let may_follow = second.is_none_or(|c| {
        matches!(c, '\u{a0}' | '«' | '»' | '°' | '\u{80}'..='\u{9f}')
            || !('\u{80}'..='\u{ff}').contains(&c)
    });
    !may_follow || line[..start].ends_with(|c: char| c.is_ascii_lowercase())
}
