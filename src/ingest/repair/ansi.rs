//! Escape sequences of terminals (ECMA-48): colours, cursor movements, window titles, links.

use super::{Counts, Repair};

/// A string sequence (a title, a link) that does not end within this many bytes is none.
const STRING_BYTES: usize = 4096;

/// The text without escape sequences; a lone escape is left to the control characters.
pub fn remove(text: &str, counts: &mut Counts) -> Option<String> {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    let mut removed = 0;
    while let Some(at) = rest.find(['\x1b', '\u{9b}']) {
        clean.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(length) = sequence(rest) {
            rest = &rest[length..];
            removed += 1;
        } else {
            let escape = rest.chars().next().map_or(0, char::len_utf8);
            clean.push_str(&rest[..escape]);
            rest = &rest[escape..];
        }
    }
    counts.add(Repair::Ansi, removed);
    (removed > 0).then(|| clean + rest)
}

/// Bytes of the sequence that `text` begins with.
fn sequence(text: &str) -> Option<usize> {
    if let Some(rest) = text.strip_prefix('\u{9b}') {
        return control(rest.as_bytes()).map(|length| '\u{9b}'.len_utf8() + length);
    }
    let bytes = text.as_bytes();
    match bytes.get(1)? {
        b'[' => control(&bytes[2..]).map(|length| 2 + length),
        b']' | b'P' | b'X' | b'^' | b'_' => string(bytes),
        // Character sets and other sequences with intermediate bytes.
        b' '..=b'/' => {
            let between = bytes[1..]
                .iter()
                .take_while(|byte| (b' '..=b'/').contains(*byte))
                .count();
            matches!(bytes.get(1 + between)?, b'0'..=b'~').then_some(2 + between)
        }
        b'0'..=b'~' => Some(2),
        _ => None,
    }
}

/// Parameters, intermediate bytes and the final one.
fn control(bytes: &[u8]) -> Option<usize> {
    let parameters = bytes
        .iter()
        .take_while(|byte| (0x20..0x40).contains(*byte))
        .count();
    matches!(bytes.get(parameters)?, 0x40..=0x7e).then_some(parameters + 1)
}

/// Up to BEL or ESC \ on the same line.
fn string(bytes: &[u8]) -> Option<usize> {
    let reach = bytes.len().min(STRING_BYTES);
    let end = memchr::memchr3(b'\x07', b'\x1b', b'\n', &bytes[2..reach])? + 2;
    match (bytes[end], bytes.get(end + 1)) {
        (b'\x07', _) => Some(end + 1),
        (b'\x1b', Some(b'\\')) => Some(end + 2),
        _ => None,
    }
}
