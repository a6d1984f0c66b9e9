//! Escape sequences of terminals (ECMA-48): colours, cursor movements, window titles, links.

use super::{Counts, Repair};

/// A string sequence (a title, a link) that does not end within this many bytes is none.
const STRING_BYTES: usize = 4096;

/// The text without escape sequences; a lone escape is left to the control characters.
pub fn remove(text: &str, counts: &mut Counts) -> Option<String> {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    let mut removed = 0;
    let has_csi = has_csi(text);
    while let Some(at) = rest.find(['\x1b', CSI]) {
        clean.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(length) = sequence(rest, has_csi) {
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

/// The one character that begins a control sequence as ESC [ does; in text decoded the wrong way it is
/// a › of windows-1252.
const CSI: char = '\u{9b}';

/// Whether [`CSI`] begins control sequences in `text`: one of them has parameters, and there is an escape
/// or another such sequence.
fn has_csi(text: &str) -> bool {
    let mut rests = text.split(CSI);
    let has_escape = text.contains('\x1b');
    rests.next();
    let shown = rests.filter(|rest| short(rest.as_bytes()).is_some_and(|length| length > 1));
    shown.take(2).count() >= if has_escape { 1 } else { 2 }
}

/// Bytes of what colours and moves a cursor after [`CSI`]: digits with semicolons and a letter, or the
/// letter that resets or erases.
fn short(bytes: &[u8]) -> Option<usize> {
    let is_parameter = |byte: &&u8| matches!(byte, b'0'..=b'9' | b';' | b'?');
    let parameters = bytes.iter().take_while(is_parameter).count();
    match bytes.get(parameters)? {
        b'm' | b'K' => Some(parameters + 1),
        letter if letter.is_ascii_alphabetic() && parameters > 0 => Some(parameters + 1),
        _ => None,
    }
}

/// Bytes of the sequence that `text` begins with.
fn sequence(text: &str, has_csi: bool) -> Option<usize> {
    if let Some(rest) = text.strip_prefix(CSI) {
        let length = short(rest.as_bytes()).filter(|_| has_csi);
        return length.map(|length| CSI.len_utf8() + length);
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
