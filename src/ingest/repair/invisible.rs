//! Characters that show nothing: control characters, soft hyphens, zero-width and bidi characters; line
//! separators, which become newlines; and the control characters U+0080 to U+009F, which are quotes and
//! dashes of windows-1252 that were decoded as ISO-8859-1.

use super::{Counts, Repair, Switches};

/// U+0080 to U+009F as windows-1252 has them, and as browsers read them (WHATWG, "numeric character
/// reference end state"); the bytes that it leaves out are NUL here.
const WINDOWS_1252: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘',
    '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];
/// The next line, which breaks lines on mainframes; in windows-1252 it is an ellipsis.
const NEXT_LINE: char = '\u{85}';

/// What `character` is in windows-1252, of those that are control characters elsewhere.
fn windows_1252(character: char) -> Option<char> {
    let place = (character as usize).checked_sub(0x80)?;
    WINDOWS_1252.get(place).copied().filter(|c| *c != '\0')
}

/// The text without them, as far as they are switched on.
pub fn remove(text: &str, switches: Switches, counts: &mut Counts) -> Option<String> {
    let mut clean = String::with_capacity(text.len());
    let mut before = '\n';
    let mut changed = false;
    let punctuates = switches.has(Repair::Windows1252);
    // Where other signs of windows-1252 are, the ellipsis is one of them.
    let is_windows = punctuates && has_windows_1252(text);
    let mut rest = text;
    loop {
        // What begins no character that may go is copied as it is.
        let plain = rest.bytes().position(may_go).unwrap_or(rest.len());
        clean.push_str(&rest[..plain]);
        before = rest[..plain].chars().next_back().unwrap_or(before);
        let mut characters = rest[plain..].chars();
        let Some(character) = characters.next() else {
            break;
        };
        rest = characters.as_str();
        let after = characters.next().unwrap_or('\n');
        // Sequences that are to stay keep their first character.
        let kept = match character {
            '\x1b' | '\u{9b}' => !switches.has(Repair::Ansi),
            '\x08' => !switches.has(Repair::Overstrikes),
            _ => false,
        };
        let is_break = character == NEXT_LINE && !is_windows && after != ' ';
        if let Some(sign) = windows_1252(character).filter(|_| punctuates && !kept && !is_break) {
            clean.push(sign);
            counts.add(Repair::Windows1252, 1);
            (changed, before) = (true, sign);
            continue;
        }
        let kind = kind(character, before, after).filter(|repair| !kept && switches.has(*repair));
        let Some(repair) = kind else {
            clean.push(character);
            before = character;
            continue;
        };
        changed = true;
        counts.add(repair, 1);
        // What breaks a line or a page does so, once.
        let breaks = matches!(
            character,
            '\x0b' | '\x0c' | NEXT_LINE | '\u{2028}' | '\u{2029}'
        );
        if breaks && before != '\n' && after != '\n' {
            clean.push('\n');
            before = '\n';
        }
    }
    changed.then_some(clean)
}

/// Whether a byte is a character that may go, or begins one: a control character, or the first byte of
/// U+0080 to U+00BF, U+0600 to U+063F, U+1000 to U+2FFF and U+F000 to U+FFFF.
const fn may_go(byte: u8) -> bool {
    match byte {
        b'\n' | b'\t' | b'\r' => false,
        0..0x20 | 0x7f | 0xc2 | 0xd8 | 0xe1 | 0xe2 | 0xef => true,
        _ => false,
    }
}

/// Whether a sign of windows-1252 is in `text`, the next line aside.
fn has_windows_1252(text: &str) -> bool {
    // U+0080 to U+00BF are C2 and the byte of their number.
    let bytes = text.as_bytes();
    memchr::memchr_iter(0xc2, bytes).any(|at| {
        let c = char::from(bytes.get(at + 1).copied().unwrap_or(0));
        c != NEXT_LINE && windows_1252(c).is_some()
    })
}

/// What `character` is to be removed as, `None` to keep it.
fn kind(character: char, before: char, after: char) -> Option<Repair> {
    match character {
        '\n' | '\t' | '\r' | ' '..='~' => None,
        '\0'..='\x1f' | '\x7f'..='\u{9f}' => Some(Repair::Controls),
        '\u{ad}' => Some(Repair::SoftHyphens),
        '\u{200c}' | '\u{200d}' if joins(before) && joins(after) => None,
        '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{180e}' | '\u{feff}' => {
            Some(Repair::ZeroWidth)
        }
        '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}'
            if !runs_left(before) && !runs_left(after) =>
        {
            Some(Repair::Bidi)
        }
        '\u{2028}' | '\u{2029}' => Some(Repair::LineSeparators),
        _ => None,
    }
}

/// Whether joiners mean something next to `character`: emoji, Arabic, Indian and Mongolian scripts.
fn joins(character: char) -> bool {
    matches!(character, '\u{590}'..='\u{1cff}' | '\u{2190}'..='\u{2bff}' | '\u{fe00}'..='\u{fe0f}' | '\u{fb1d}'..='\u{fdff}' | '\u{1f000}'..)
}

/// Hebrew and Arabic.
fn runs_left(character: char) -> bool {
    matches!(character, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_go_is_told_by_its_first_byte() {
        let mut buffer = [0; 4];
        for c in '\0'..=char::MAX {
            let goes = windows_1252(c).is_some() || kind(c, '\n', '\n').is_some();
            let byte = c.encode_utf8(&mut buffer).as_bytes()[0];
            assert!(may_go(byte) || !goes, "{c:?}");
            let sign = c != NEXT_LINE && windows_1252(c).is_some();
            assert_eq!(has_windows_1252(&format!("я{c}")), sign, "{c:?}");
        }
    }
}
