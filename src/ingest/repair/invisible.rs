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
    let is_windows = punctuates
        && text
            .chars()
            .any(|c| c != NEXT_LINE && windows_1252(c).is_some());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let after = characters.peek().copied().unwrap_or('\n');
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
