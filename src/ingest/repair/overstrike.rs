//! Backspaces as a printer obeys them: x\bx is a bold x, _\bx an underlined one. Man pages have them.

use super::{Counts, Repair};

/// The text as it shows on a screen, without bold and underlining.
pub fn flatten(text: &str, counts: &mut Counts) -> Option<String> {
    let mut flat = String::with_capacity(text.len());
    let mut row: Vec<char> = Vec::new();
    let mut struck = 0;
    for line in text.split_inclusive('\n') {
        if memchr::memchr(b'\x08', line.as_bytes()).is_none() {
            flat.push_str(line);
            continue;
        }
        row.clear();
        let mut column = 0;
        for character in line.chars() {
            if character == '\x08' {
                column = usize::saturating_sub(column, 1);
                struck += 1;
                continue;
            }
            match row.get_mut(column).filter(|_| character != '\n') {
                Some(under) => *under = merge(*under, character),
                None => row.push(character),
            }
            column += 1;
        }
        flat.extend(&row);
    }
    counts.add(Repair::Overstrikes, struck);
    (struck > 0).then_some(flat)
}

/// What is seen of two characters in one place.
fn merge(under: char, over: char) -> char {
    match (under, over) {
        ('+', 'o') | ('o', '+') => '•',
        (_, '_' | ' ') => under,
        _ => over,
    }
}
