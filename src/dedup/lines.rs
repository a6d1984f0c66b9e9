//! Lines that many documents share: notices, menus, licences, signatures.
//!
//! A line counts by its comparison key, so "Page 3 of 10" and "page 4 of 10" are one line. What is
//! short is never taken for boilerplate ("— Yes, of course." is in every novel), nor are headings and
//! rows of tables in Markdown (what they hold together would fall apart), code (fenced as Markdown has
//! it, indented by four spaces or a tab, or told by its marks) and verse (three lines and more without a
//! blank line between them, of which at most a quarter is longer than 60 characters): a refrain and a
//! loop may be in many documents.

use crate::document::comparison_key::append_key;
use crate::document::count_characters;
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_64;

/// Characters that a line must have.
pub const LEAST_CHARACTERS: usize = 30;
/// Words that its key must have.
pub const LEAST_WORDS: usize = 4;
/// Lines of verse are at most so long, in characters.
const VERSE_CHARACTERS: usize = 60;
/// Lines that make a stanza.
const VERSE_LINES: usize = 3;
/// Of so many lines of a stanza one may be longer.
const VERSE_LONGER: usize = 4;

/// A line of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its bytes in the text, without the newline.
    pub range: Range<usize>,
    /// The hash of its key, `None` where it is never boilerplate.
    pub hash: Option<u64>,
    /// Whether nothing but white space is in it.
    pub blank: bool,
}

/// The lines of `text`, in order.
#[must_use]
pub fn lines(text: &str) -> Vec<Line> {
    let (mut lines, mut at, mut open) = (Vec::new(), 0, None::<Fence>);
    let mut block = 0;
    for line in text.split('\n') {
        let range = at..at + line.len();
        at = range.end + 1;
        let trimmed = line.trim();
        let fence = Fence::of(line);
        let code = open.is_some()
            || fence.is_some()
            || line.starts_with("    ")
            || line.starts_with('\t')
            || is_code(trimmed);
        open = match (open, fence) {
            (None, fence) => fence.filter(|fence| fence.opens),
            (Some(open), Some(fence)) if fence.closes(&open) => None,
            (open, _) => open,
        };
        let blank = trimmed.is_empty();
        if blank || code {
            spare_verse(&mut lines[block..], text);
            block = lines.len() + 1;
        }
        lines.push(Line {
            range,
            hash: if code { None } else { hash(trimmed) },
            blank,
        });
    }
    spare_verse(&mut lines[block..], text);
    spare_parts(&mut lines, text);
    lines
}

/// A line that goes on in the next one, or goes on with the one before, is a part of a sentence.
fn spare_parts(lines: &mut [Line], text: &str) {
    let goes_on = |pair: &[Line]| {
        let [line, next] = [0, 1].map(|i| text[pair[i].range.clone()].trim());
        let ends = line.ends_with(['.', '!', '?', '…', ':', ';', '"', '»', '”', ')']);
        !line.is_empty() && !ends && next.starts_with(char::is_lowercase)
    };
    for at in 1..lines.len() {
        if goes_on(&lines[at - 1..=at]) {
            lines[at - 1].hash = None;
            lines[at].hash = None;
        }
    }
}

/// A line that opens or closes a block of code.
#[derive(Clone, Copy)]
struct Fence {
    mark: u8,
    length: usize,
    /// Whether a block may begin with it.
    opens: bool,
    /// Whether nothing stands behind the marks.
    bare: bool,
}

impl Fence {
    /// `line` as a fence: at most three spaces, then at least three backticks or tildes; what stands
    /// behind backticks has none, or it is a piece of code in a line.
    fn of(line: &str) -> Option<Self> {
        let marks = line.trim_start_matches(' ');
        let mark = *marks.as_bytes().first()?;
        let length = marks.bytes().take_while(|byte| *byte == mark).count();
        let behind = marks.get(length..)?;
        let is_fence = matches!(mark, b'`' | b'~') && length >= 3 && line.len() - marks.len() <= 3;
        is_fence.then(|| Self {
            mark,
            length,
            opens: mark == b'~' || !behind.contains('`'),
            bare: behind.trim().is_empty(),
        })
    }

    fn closes(&self, open: &Self) -> bool {
        self.bare && self.mark == open.mark && self.length >= open.length
    }
}

/// Whether a line is a statement of a program or a line of markup, which stands in many texts on purpose.
fn is_code(trimmed: &str) -> bool {
    const BEGINNINGS: [&str; 6] = ["$", ">>> ", "//", "/*", "<?", "#include"];
    const MARKS: [&str; 6] = ["()", "::", " == ", " != ", " = ", "</"];
    trimmed.ends_with([';', '{', '}', '\\'])
        || BEGINNINGS.iter().any(|begin| trimmed.starts_with(begin))
        || MARKS.iter().any(|mark| trimmed.contains(mark))
}

/// The hash of a line's key if the line is long enough to be boilerplate.
fn hash(trimmed: &str) -> Option<u64> {
    // Headings and rows of tables are what a document is built of.
    if trimmed.starts_with(['#', '|']) || count_characters(trimmed) < LEAST_CHARACTERS {
        return None;
    }
    let mut key = String::with_capacity(trimmed.len());
    append_key(trimmed, &mut key);
    let words = key.bytes().filter(|byte| *byte == b' ').count() + 1;
    (words >= LEAST_WORDS).then(|| xxh3_64(key.as_bytes()))
}

fn spare_verse(block: &mut [Line], text: &str) {
    let short = |line: &Line| count_characters(text[line.range.clone()].trim()) <= VERSE_CHARACTERS;
    let longer = block.iter().filter(|line| !short(line)).count();
    if block.len() >= VERSE_LINES && longer * VERSE_LONGER <= block.len() {
        for line in block {
            line.hash = None;
        }
    }
}

/// The hashes of the lines of `text` that may be boilerplate, each once.
#[must_use]
pub fn hashes(text: &str) -> Vec<u64> {
    let mut hashes: Vec<u64> = lines(text)
        .into_iter()
        .filter_map(|line| line.hash)
        .collect();
    hashes.sort_unstable();
    hashes.dedup();
    hashes
}

/// What is left of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The text without the lines; empty when nothing but white space is left.
    pub text: String,
    /// Lines that were taken, each with its hash.
    pub taken: Vec<(u64, Range<usize>)>,
}

/// `text` without the lines of which `repeated` knows the hash; `None` when it has none.
///
/// Of the blank lines around a paragraph that goes, those in front of it stay.
#[must_use]
pub fn without(text: &str, repeated: impl Fn(u64) -> bool) -> Option<Left> {
    let lines = lines(text);
    let mut taken = Vec::new();
    let mut kept: Vec<&Line> = Vec::with_capacity(lines.len());
    // Whether blank lines are passed over: what stood between two gaps has gone.
    let mut gap = false;
    for line in &lines {
        match line.hash.filter(|hash| repeated(*hash)) {
            Some(hash) => {
                taken.push((hash, line.range.clone()));
                gap = kept.last().is_none_or(|line| line.blank);
            }
            None if gap && line.blank => {}
            None => {
                gap = false;
                kept.push(line);
            }
        }
    }
    if taken.is_empty() {
        return None;
    }
    while gap && kept.last().is_some_and(|line| line.blank) {
        kept.pop();
    }
    let pieces: Vec<&str> = kept.iter().map(|line| &text[line.range.clone()]).collect();
    let mut text = pieces.join("\n");
    if text.trim().is_empty() {
        text.clear();
    }
    Some(Left { text, taken })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTICE: &str =
        "Подпишитесь на нашу рассылку новостей, чтобы ничего интересного не пропустить!";

    fn left(text: &str) -> Option<String> {
        let notice = hash(NOTICE).expect("long enough");
        without(text, |hash| hash == notice).map(|left| left.text)
    }

    #[test]
    fn a_repeated_line_goes_with_the_gap_that_it_leaves() {
        assert_eq!(left("one\ntwo"), None);
        assert_eq!(
            left(&format!("one\n\n{NOTICE}\n\ntwo")).as_deref(),
            Some("one\n\ntwo")
        );
        assert_eq!(
            left(&format!("one\n{NOTICE}\ntwo")).as_deref(),
            Some("one\ntwo")
        );
        assert_eq!(left(&format!("{NOTICE}\n\none")).as_deref(), Some("one"));
        assert_eq!(left(&format!("one\n\n{NOTICE}")).as_deref(), Some("one"));
        assert_eq!(
            left(&format!("{NOTICE}\n\n{NOTICE}\n")).as_deref(),
            Some("")
        );
        // The key counts: case, punctuation and numbers do not.
        let other = NOTICE.to_uppercase().replace('!', "...");
        assert_eq!(
            left(&format!("one\n{other}\ntwo")).as_deref(),
            Some("one\ntwo")
        );
    }

    #[test]
    fn parts_of_sentences_stay() {
        let wrapped = "To alter the owner, you must also be a member of the new\nowning role, and that role must have the privilege.";
        assert!(hashes(wrapped).is_empty());
        assert_eq!(hashes(&wrapped.replace("\nowning", "\n\nOwning")).len(), 2);
    }

    #[test]
    fn short_lines_structure_code_and_verse_stay() {
        assert!(hashes("— Да, — сказал он.\n\n— Yes, of course.").is_empty());
        for line in [
            format!("```\n{NOTICE}\n```"),
            format!("~~~ text\n```\n{NOTICE}\n~~~"),
            format!("````markdown\n```\n{NOTICE}\n```\n````"),
            format!("```\n```rust\n{NOTICE}\n```"),
            format!("header('{NOTICE}');"),
            format!("$notice = '{NOTICE}'"),
            format!("    {NOTICE}"),
            format!("\t{NOTICE}"),
            format!("## {NOTICE}"),
            format!("| {NOTICE} | 1 |"),
        ] {
            assert_eq!(left(&line), None, "{line}");
        }
        let verse =
            "Мой дядя самых честных правил,\nКогда не в шутку занемог,\nОн уважать себя заставил";
        assert!(hashes(verse).is_empty());
        assert_eq!(hashes(&verse.replace('\n', "\n\n")).len(), 1);
        // Behind the code, and beside a longer line, it is a line as any other.
        assert_eq!(
            left(&format!("```\nx\n```\n{NOTICE}")).as_deref(),
            Some("```\nx\n```")
        );
        assert_eq!(
            left(&format!("```pip install```\n{NOTICE}\nx")).as_deref(),
            Some("```pip install```\nx")
        );
        let ballad = format!("{verse}\n{}", "И лучше выдумать не мог. ".repeat(3));
        assert!(hashes(&ballad).is_empty());
        let prose = format!("{}\nb\n{NOTICE}", "a ".repeat(40));
        assert!(left(&prose).is_some());
    }
}
