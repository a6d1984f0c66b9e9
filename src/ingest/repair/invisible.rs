//! Characters that show nothing: control characters, soft hyphens, zero-width and bidi characters; and
//! line separators, which become newlines.

use super::{Counts, Repair, Switches};

/// The text without them, as far as they are switched on.
pub fn remove(text: &str, switches: Switches, counts: &mut Counts) -> Option<String> {
    let mut clean = String::with_capacity(text.len());
    let mut before = '\n';
    let mut changed = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let after = characters.peek().copied().unwrap_or('\n');
        // Sequences that are to stay keep their first character.
        let kept = match character {
            '\x1b' | '\u{9b}' => !switches.has(Repair::Ansi),
            '\x08' => !switches.has(Repair::Overstrikes),
            _ => false,
        };
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
            '\x0b' | '\x0c' | '\u{85}' | '\u{2028}' | '\u{2029}'
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
