//! Lines that C4 cuts out of English web pages.
//!
//! - **Drops**: no document; it cuts a line with a word of more than 1000 characters, of fewer than 3 words,
//!   with "javascript", or with a phrase about cookies, terms or privacy; and the citations `[1]`, `[edit]`
//!   and `[citation needed]` out of the other lines.
//! - **Why**: menus, notices and scripts stand in lines of their own.
//! - **Example**: "We use cookies to improve the site." is cut, the paragraph below it is kept.
//! - **Source**: C4 (`c4_filters.py`) as FineWeb runs it: lines without terminal punctuation stay. Used by
//!   the profile `fineweb-en`.

use crate::document::count_characters;
use crate::filter::sentences::sentences;
use crate::filter::words::words;
use aho_corasick::{AhoCorasick, packed};
use memchr::{memchr, memchr_iter};
use std::sync::LazyLock;

const LONGEST_WORD_CHARACTERS: usize = 1000;
const FEWEST_WORDS: usize = 3;
const POLICY: [&str; 6] = [
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
];

/// One of these stands in every line that is cut for a phrase, or counted for one; with a piece of it
/// that is rare elsewhere.
const PAGE_PHRASES: [(&str, &str); 5] = [
    ("javascript", "jav"),
    ("lorem ipsum", "m ip"),
    ("cookie", "kie"),
    ("terms of use", "f use"),
    ("privacy policy", "cy p"),
];

/// Whether `text` says one of them, in any case. Few pages do, and one look at the page spares eight at
/// each line.
fn says_phrase(text: &str) -> bool {
    /// The pieces in every case, 48 in all, are found by SIMD at ten times the speed of the automaton,
    /// which is asked only behind one of them; processors without SIMD have the automaton alone.
    static PIECES: LazyLock<Option<packed::Searcher>> = LazyLock::new(|| {
        let pieces = PAGE_PHRASES.map(|(_, piece)| cases(piece));
        packed::Searcher::new(pieces.iter().flatten())
    });
    static PHRASES: LazyLock<AhoCorasick> = LazyLock::new(|| {
        AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(PAGE_PHRASES.map(|(phrase, _)| phrase))
            .expect("five short phrases make a small automaton")
    });
    PIECES
        .as_ref()
        .is_none_or(|pieces| pieces.find(text).is_some())
        && PHRASES.is_match(text)
}

/// `piece` in every mixture of small letters and capitals.
fn cases(piece: &str) -> Vec<String> {
    piece.chars().fold(vec![String::new()], |all, c| {
        let mut forms = vec![c, c.to_ascii_uppercase()];
        forms.dedup();
        let longer = |form: &char| {
            all.iter()
                .map(move |begun| format!("{begun}{form}"))
                .collect::<Vec<_>>()
        };
        forms.iter().flat_map(longer).collect()
    })
}

/// A text without the lines that C4 cuts, and what else C4 asks of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// The lines that stay, trimmed and without citations.
    pub text: String,
    /// How many lines were cut, by reason.
    pub cut: LinesCut,
    /// Lines that say "lorem ipsum".
    pub lorem_ipsum: usize,
    /// Lines with an opening curly bracket.
    pub curly_brackets: usize,
    /// Sentences of the lines that stay.
    pub sentences: usize,
    /// Words of the text that are not in what stays; a newline ends any word, so that each line has its
    /// own.
    pub words_cut: usize,
}

/// Lines that were cut, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinesCut {
    /// A word is longer than 1000 characters.
    pub long_word: usize,
    /// Fewer than 3 words; blank lines are counted too.
    pub few_words: usize,
    /// Says "javascript".
    pub javascript: usize,
    /// Speaks of cookies, terms of use or privacy.
    pub policy: usize,
}

/// Cuts lines and citations out of `text`.
#[must_use]
pub fn c4_clean(text: &str) -> Cleaned {
    let mut cleaned = Cleaned {
        text: String::with_capacity(text.len()),
        ..Cleaned::default()
    };
    let phrases = says_phrase(text);
    for line in text.lines() {
        let Some(reason) = cleaned.reason_to_cut(line, phrases) else {
            let start = cleaned.text.len();
            append_without_citations(line.trim(), &mut cleaned.text);
            let kept = &cleaned.text[start..];
            cleaned.sentences += sentences(kept).count();
            if kept.len() < line.trim().len() {
                cleaned.words_cut += words(line).count() - words(kept).count();
            }
            cleaned.text.push('\n');
            continue;
        };
        *reason += 1;
        cleaned.words_cut += words(line).count();
    }
    let end = cleaned.text.trim_end().len();
    cleaned.text.truncate(end);
    cleaned
}

impl Cleaned {
    /// The count of the reason why `line` is cut; counts what makes C4 drop the whole page, too, in
    /// the source's order: a placeholder counts in a line about JavaScript, a bracket does not.
    fn reason_to_cut(&mut self, line: &str, phrases: bool) -> Option<&mut usize> {
        let is_long = |word: &str| {
            word.len() > LONGEST_WORD_CHARACTERS && count_characters(word) > LONGEST_WORD_CHARACTERS
        };
        if line.len() > LONGEST_WORD_CHARACTERS && line.split_whitespace().any(is_long) {
            return Some(&mut self.cut.long_word);
        }
        if line.split_whitespace().take(FEWEST_WORDS).count() < FEWEST_WORDS {
            return Some(&mut self.cut.few_words);
        }
        let lower = phrases.then(|| line.to_ascii_lowercase());
        let has = |phrase: &&str| lower.as_ref().is_some_and(|lower| lower.contains(*phrase));
        self.lorem_ipsum += usize::from(has(&"lorem ipsum"));
        if has(&"javascript") {
            return Some(&mut self.cut.javascript);
        }
        self.curly_brackets += usize::from(memchr(b'{', line.as_bytes()).is_some());
        POLICY.iter().any(has).then_some(&mut self.cut.policy)
    }
}

/// Appends `line` without `[digits]`, `[edit]` and `[citation needed]`.
fn append_without_citations(line: &str, to: &mut String) {
    let mut copied = 0;
    for open in memchr_iter(b'[', line.as_bytes()) {
        let Some(length) = line[open..].find(']') else {
            break;
        };
        let inner = &line[open + 1..open + length];
        if inner == "edit"
            || inner == "citation needed"
            || inner.bytes().all(|byte| byte.is_ascii_digit())
        {
            to.push_str(&line[copied..open]);
            copied = open + length + 1;
        }
    }
    to.push_str(&line[copied..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn menus_scripts_and_notices_go_and_prose_stays() {
        let word = "x".repeat(1001);
        let text = format!(
            "Home\n\nThe cat sat[1] on the mat.[citation needed] It slept. [edit]\nWe USE COOKIES on this site\n\
             Please enable JavaScript to go on\nsee {word} there\nA line without a point [see b]\n"
        );
        let cleaned = c4_clean(&text);
        assert_eq!(
            cleaned.text,
            "The cat sat on the mat. It slept. \nA line without a point [see b]"
        );
        assert_eq!(
            cleaned.cut,
            LinesCut {
                long_word: 1,
                few_words: 2,
                javascript: 1,
                policy: 1
            }
        );
        assert_eq!(
            (
                cleaned.sentences,
                cleaned.lorem_ipsum,
                cleaned.curly_brackets
            ),
            (3, 0, 0)
        );
    }

    #[test]
    fn words_of_what_stays_are_those_of_the_text_without_those_cut() {
        let texts = [
            "Home\n\nThe cat sat[1] on the mat.[citation needed] It slept. [edit]\nDon't stop... no\n\n...\n",
            "  Кот\u{301} спал.[12]там\u{ad}\r\n\u{301}И снова спал он\n\u{2028}x y z w\u{85}\n1,5[2]5 and more",
            "a[1]b c d\n漢字 仮名 ここ\n‘Tis so, Mr. O’Neil\n\u{c}page [3] of 7",
        ];
        for text in texts {
            let cleaned = c4_clean(text);
            let kept = words(&cleaned.text).count();
            assert_eq!(words(text).count() - cleaned.words_cut, kept, "{text:?}");
        }
    }

    #[test]
    fn phrases_are_found_in_any_case() {
        for (phrase, piece) in PAGE_PHRASES {
            assert!(phrase.contains(piece), "{piece} of {phrase}");
            for said in [phrase.to_owned(), phrase.to_uppercase()] {
                assert!(says_phrase(&format!("What we say: {said}.")), "{said}");
            }
        }
        assert!(!says_phrase(
            "A rookie of Java had ice cream; the arms of us, of Lucy Page"
        ));
    }

    #[test]
    fn marks_of_whole_pages_are_counted() {
        let cleaned = c4_clean(
            "Lorem Ipsum dolor sit amet.\nint main() { return 0; }\njavascript is { not counted",
        );
        assert_eq!((cleaned.lorem_ipsum, cleaned.curly_brackets), (1, 1));
    }
}
