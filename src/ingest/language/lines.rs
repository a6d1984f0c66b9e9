//! Which lines are no prose: code, signatures, tags, names. They say nothing of a document's language.

use super::letters::Letters;
use crate::chars;

/// Whether a line lies in a fenced block of Markdown.
#[derive(Default)]
pub(super) struct Fence {
    is_open: bool,
}

impl Fence {
    /// Passes `line`; true where it is in a block or bounds one.
    pub(super) fn passes(&mut self, line: &str) -> bool {
        let trimmed = chars::trim_start(line);
        if !trimmed.starts_with(['`', '~']) {
            return self.is_open;
        }
        if trimmed.starts_with("```") || trimmed.starts_with("~~~") {
            self.is_open = !self.is_open;
            return true;
        }
        self.is_open
    }
}

/// Words that begin a line of code, when marks of code follow.
const KEYWORDS: &[&str] = &[
    "let",
    "var",
    "const",
    "def",
    "class",
    "return",
    "import",
    "from",
    "#include",
    "public",
    "private",
    "protected",
    "static",
    "if",
    "for",
    "while",
    "else",
    "elif",
    "function",
    "print",
    "using",
    "namespace",
    "int",
    "void",
    "bool",
    "string",
    "float",
    "double",
    "char",
    "fn",
    "impl",
    "struct",
    "enum",
    "type",
    "try",
    "except",
    "catch",
    "switch",
    "case",
    "SELECT",
    "INSERT",
    "UPDATE",
    "CREATE",
    "FROM",
    "WHERE",
    "echo",
    "sudo",
    "pip",
    "npm",
    "cd",
    "$",
    ">>>",
];

/// Whether a line of mostly Latin letters is code, or names and nothing else.
pub(super) fn is_no_prose(line: &str, letters: &Letters) -> bool {
    // Cyrillic stands in comments and strings, which are prose.
    if letters.cyrillic * 10 >= 3 * (letters.cyrillic + letters.latin) {
        return false;
    }
    let trimmed = chars::trim(line);
    is_code(line, trimmed, letters) || is_names(trimmed)
}

fn is_code(line: &str, trimmed: &str, letters: &Letters) -> bool {
    let symbols = letters.symbols;
    if symbols >= 3 && symbols * 100 >= letters.latin * 15 {
        return true;
    }
    if symbols >= 1 && trimmed.ends_with([';', '{', '}']) {
        return true;
    }
    if symbols == 0 && letters.joints == 0 {
        return false;
    }
    let is_keyword = || {
        let end = trimmed.find(|c: char| c.is_whitespace() || c == '(');
        KEYWORDS.contains(&&trimmed[..end.unwrap_or(trimmed.len())])
    };
    let is_marked = || trimmed.contains(['=', '(', '{', ';', '<', '>', '"', '\'', ':', '$', '-']);
    if symbols * 100 >= letters.latin * 3 && is_keyword() && is_marked() {
        return true;
    }
    if (line.starts_with("    ") || line.starts_with('\t')) && symbols >= 2 {
        return true;
    }
    // Each identifier has a joint; a sentence has one or two, its full stop.
    let words_at_least = line.len() as u32 / 12;
    if letters.joints * 5 < words_at_least * 2 {
        return false;
    }
    let (mut words, mut identifiers) = (0_u32, 0_u32);
    for word in trimmed.split_whitespace() {
        words += 1;
        identifiers += u32::from(is_identifier(word));
    }
    identifiers * 5 >= words * 2 && identifiers > 0
}

/// `snake_case`, `camelCase`, `a::b`, `a->b`, `a.b()`, `--flag`, `/path/x`.
fn is_identifier(word: &str) -> bool {
    let word = word.trim_matches([',', '.', ';', ':', '`', '"', '\'', '*']);
    let bytes = word.as_bytes();
    // Most words have nothing of it, and are looked at once.
    let is_telling = |byte: &u8| {
        byte.is_ascii_uppercase()
            || matches!(byte, b'_' | b':' | b'>' | b'(' | b'-' | b'$' | b'/' | b'.')
    };
    if !bytes.iter().any(is_telling) {
        return false;
    }
    word.contains('_')
        || word.contains("::")
        || word.contains("->")
        || word.contains("()")
        || word.starts_with("--")
        || word.starts_with('$')
        || word.matches('/').count() > 1
        || bytes
            .windows(2)
            .any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase())
        || bytes.windows(3).any(|three| {
            three[1] == b'.' && three[0].is_ascii_alphabetic() && three[2].is_ascii_alphabetic()
        })
}

/// Names and titles: two words or more, each but the shortest with a capital.
fn is_names(line: &str) -> bool {
    let mut capitals = 0;
    // The first character of a word that is none of a name unless it is short, and characters since.
    let mut small = None;
    let mut is_inside = false;
    for c in line.chars() {
        if !chars::is_alphanumeric(c) && c != '\'' && c != '’' {
            (is_inside, small) = (false, None);
            continue;
        }
        if !is_inside {
            is_inside = true;
            if chars::is_uppercase(c) {
                capitals += 1;
            } else if chars::is_alphabetic(c) {
                small = Some(0);
            }
        }
        if let Some(length) = &mut small {
            *length += 1;
            if *length > 3 {
                return false;
            }
        }
    }
    capitals >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_and_names_are_told() {
        for word in [
            "snake_case",
            "camelCase",
            "a::b",
            "a->b",
            "a.b()",
            "f()",
            "--flag",
            "/path/x",
            "$x",
            "`std::fs`,",
            "e.g",
        ] {
            assert!(is_identifier(word), "{word}");
        }
        for word in [
            "word", "Word", "WORD", "end.", "a-b", "and/or", "(see", "12:30", "ёжик", "",
        ] {
            assert!(!is_identifier(word), "{word}");
        }
        for line in [
            "John Smith",
            "Anna de la Cruz",
            "Пётр Иванов",
            "O’Neil and Sons",
            "IV, V",
        ] {
            assert!(is_names(line), "{line}");
        }
        for line in [
            "John",
            "John went",
            "Anna — мышь",
            "x y",
            "",
            "John Smith came",
        ] {
            assert!(!is_names(line), "{line}");
        }
    }
}
