//! Where plain text may be cut, and how good each place is: its outline.
//!
//! Every end of a line is a place. What stands around it says how strong the place is
//! ([`Strength`]): whether a paragraph, a chapter or a text ends there, or a code block, a table or
//! a verse would be torn. Nothing is cut here; `text` chooses among the places.

mod headings;
#[cfg(test)]
mod tests;

use crate::chars::{self, is_blank};
use headings::{HEADING_BYTES, heading};
use memchr::memchr;

/// How good a place is for a cut, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// Inside a fenced code block or YAML front matter, or right behind a heading.
    Inside,
    /// The end of a line.
    Line,
    /// The end of a line that ends a sentence.
    Sentence,
    /// A blank line before an indented one, between items of a list, or within a sentence: code, a list
    /// or what was announced goes on. Also an indented line behind the end of a sentence.
    Indented,
    /// A blank line.
    Paragraph,
    /// Two blank lines or more.
    Gap,
    /// Before a minor heading: `## …`, `IV`, a line in capitals, a scene.
    Heading,
    /// Before a chapter or `# …`, behind a separator line.
    Section,
    /// A form feed, or the end of the text.
    Page,
}

/// A place between two lines that are not blank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// How good it is.
    pub strength: Strength,
    /// Byte behind the last line before it.
    pub end: usize,
    /// Byte at which the next line begins; the length of the text at its end.
    pub next: usize,
    /// Lines before the next line.
    pub lines: u64,
    /// Characters of the text before `end`.
    pub characters: u64,
    /// Characters of the text before `next`.
    pub characters_next: u64,
}

/// Lines in which the end of a fenced block or of front matter is looked for.
const FENCE_LINES: usize = 500;

/// What a line is, as far as cutting goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Prose,
    Item,
    Indented,
    Separator,
    Heading(Strength),
}

/// Iterator over the places of a text; its end is the last.
pub struct Outline<'a> {
    text: &'a str,
    /// Byte at which the next line begins, the lines and characters before it.
    at: usize,
    lines: u64,
    characters: u64,
    /// Byte behind that line.
    line_end: usize,
    /// The last line that was not blank.
    last: Option<Last<'a>>,
    /// Blank lines since, and whether a form feed stood in them.
    blank: usize,
    page: bool,
    /// Byte at which the fenced block or front matter ends that this is in.
    fence_end: usize,
    /// Byte up to which no fence closes.
    no_fence_before: usize,
    ended: bool,
}

#[derive(Clone, Copy)]
struct Last<'a> {
    text: &'a str,
    line: Line,
    end: usize,
    characters: u64,
}

impl<'a> Outline<'a> {
    /// The places of `text`; front matter is looked for if it is the beginning of a file.
    #[must_use]
    pub fn new(text: &'a str, is_beginning: bool) -> Self {
        let mut outline = Self {
            text,
            at: 0,
            lines: 0,
            characters: 0,
            line_end: line_end(text, 0),
            last: None,
            blank: 0,
            page: false,
            fence_end: 0,
            no_fence_before: 0,
            ended: false,
        };
        if is_beginning
            && text
                .lines()
                .next()
                .is_some_and(|line| line.trim_end() == "---")
        {
            let mut lines = text.split_inclusive('\n').take(FENCE_LINES);
            let mut end = lines.next().map_or(0, str::len);
            for line in lines {
                end += line.len();
                if matches!(line.trim_end(), "---" | "...") {
                    outline.fence_end = end;
                    break;
                }
            }
        }
        outline
    }

    /// Enters a fenced block that begins with `line`, if it is closed within reach.
    fn open_fence(&mut self, line: &str) {
        let trimmed = chars::trim_start(line);
        if !trimmed.starts_with(['`', '~']) {
            return;
        }
        let Some(mark) = ["```", "~~~"]
            .into_iter()
            .find(|mark| trimmed.starts_with(mark))
        else {
            return;
        };
        // Indented by four it is code that shows a fence.
        if line.len() - trimmed.len() > 3 {
            return;
        }
        let begin = (self.at + line.len()).max(self.no_fence_before);
        let mut at = begin;
        for _ in 0..FENCE_LINES {
            if at >= self.text.len() {
                break;
            }
            let below = &self.text[at..line_end(self.text, at)];
            at += below.len();
            let below = chars::trim(below);
            if below.starts_with(mark) && below.bytes().all(|byte| byte == mark.as_bytes()[0]) {
                self.fence_end = at;
                return;
            }
        }
        self.no_fence_before = at;
    }

    /// What the line `text` is, `below` the line under it.
    fn kind(&self, text: &str, below: &str) -> Line {
        let after_blank = self.blank > 0 || self.last.is_none();
        if text.len() <= HEADING_BYTES {
            if is_separator(text, after_blank, below) {
                return Line::Separator;
            }
            // Wrapped lines may begin with "Раздел 2.2", too.
            let after_end = after_blank
                || self
                    .last
                    .is_some_and(|last| last.line != Line::Prose || ends_sentence(last.text));
            if after_end && let Some(strength) = heading(text, after_blank, below) {
                return Line::Heading(strength);
            }
        }
        if text.starts_with('\t') || text.starts_with("    ") {
            Line::Indented
        } else if is_item(text) {
            Line::Item
        } else {
            Line::Prose
        }
    }

    /// How good the place before the line `text` of `kind` is.
    fn strength(&self, last: Last, text: &str, kind: Line) -> Strength {
        if self.page || text.starts_with('\x0c') {
            return Strength::Page;
        }
        if self.at < self.fence_end {
            return Strength::Inside;
        }
        match (last.line, kind) {
            // A heading belongs to what follows, a separator to what it ends.
            (Line::Heading(_), _) | (_, Line::Separator) => Strength::Inside,
            (Line::Separator, _) => Strength::Section,
            (_, Line::Heading(strength)) => strength,
            (Line::Item, Line::Item) | (_, Line::Indented) if self.blank > 0 => Strength::Indented,
            // What was announced follows, or the sentence goes on.
            _ if self.blank == 1
                && (is_open(last.text) || text.starts_with(chars::is_lowercase)) =>
            {
                Strength::Indented
            }
            _ if self.blank > 1 => Strength::Gap,
            _ if self.blank == 1 => Strength::Paragraph,
            // Books without blank lines indent what begins a paragraph.
            (Line::Prose | Line::Item, _) if ends_sentence(last.text) && is_indented(text) => {
                Strength::Indented
            }
            _ if ends_sentence(last.text) => Strength::Sentence,
            _ => Strength::Line,
        }
    }
}

impl Iterator for Outline<'_> {
    type Item = Place;

    fn next(&mut self) -> Option<Place> {
        while self.at < self.text.len() {
            let whole = &self.text[self.at..self.line_end];
            let below_end = line_end(self.text, self.line_end);
            let characters = characters(whole);
            let text = chars::trim_end(whole);
            let mut found = None;
            if text.is_empty() {
                self.blank += 1;
                self.page |= memchr(b'\x0c', whole.as_bytes()).is_some();
            } else {
                let below = &self.text[self.line_end..below_end];
                let kind = self.kind(text, below);
                if let Some(last) = self.last {
                    found = Some(Place {
                        strength: self.strength(last, text, kind),
                        end: last.end,
                        next: self.at,
                        lines: self.lines,
                        characters: last.characters,
                        characters_next: self.characters,
                    });
                }
                if self.at >= self.fence_end {
                    self.open_fence(whole);
                }
                self.last = Some(Last {
                    text,
                    line: kind,
                    end: self.line_end,
                    characters: self.characters + characters,
                });
                self.blank = 0;
                // A form feed at the end of a line parts it from the next.
                self.page = whole.as_bytes()[text.len()..].contains(&b'\x0c');
            }
            (self.at, self.line_end) = (self.line_end, below_end);
            self.lines += 1;
            self.characters += characters;
            if found.is_some() {
                return found;
            }
        }
        if std::mem::replace(&mut self.ended, true) {
            return None;
        }
        let last = self.last?;
        Some(Place {
            strength: Strength::Page,
            end: last.end,
            next: self.text.len(),
            lines: self.lines,
            characters: last.characters,
            characters_next: self.characters,
        })
    }
}

/// The byte behind the line that begins at byte `at`.
fn line_end(text: &str, at: usize) -> usize {
    memchr(b'\n', &text.as_bytes()[at..]).map_or(text.len(), |end| at + end + 1)
}

/// Characters of a line: eight bytes at a time, because lines are too short for wide registers.
fn characters(line: &str) -> u64 {
    let (eights, rest) = line.as_bytes().as_chunks::<8>();
    let mut padded = [0x80; 8];
    padded[..rest.len()].copy_from_slice(rest);
    let mut characters = 0;
    // The count of a byte has room for so many.
    for eights in eights.chunks(255) {
        let sum = eights.iter().map(|eight| starts(*eight)).sum();
        characters += sum_of_bytes(sum);
    }
    characters + sum_of_bytes(starts(padded))
}

/// 1 in each byte that begins a character.
fn starts(eight: [u8; 8]) -> u64 {
    let eight = u64::from_le_bytes(eight);
    (!eight >> 7 | eight >> 6) & 0x0101_0101_0101_0101
}

fn sum_of_bytes(sum: u64) -> u64 {
    // By twos first: eight bytes of 255 are more than a byte.
    let twos = (sum & 0x00ff_00ff_00ff_00ff) + (sum >> 8 & 0x00ff_00ff_00ff_00ff);
    twos.wrapping_mul(0x0001_0001_0001_0001) >> 48
}

/// Whether a line ends as sentences do.
fn ends_sentence(line: &str) -> bool {
    // Most lines end with a letter.
    if matches!(line.as_bytes(), [.., b'a'..=b'z' | b'A'..=b'Z' | b',' | b' '] | [.., 0xd0 | 0xd1, 0x80..=0xff])
    {
        return false;
    }
    line.trim_end_matches(['"', '\'', '»', '”', '’', ')', ']', '*', '_'])
        .ends_with(['.', '!', '?', '…'])
}

/// Whether white space begins a line.
fn is_indented(line: &str) -> bool {
    line.starts_with("  ") || line.starts_with(['\t', '\u{3000}', '\u{a0}'])
}

/// Whether a line leaves open what it says.
fn is_open(line: &str) -> bool {
    line.ends_with([':', ',', ';', '—', '–', '-'])
}

/// Whether a line is an item of a list.
fn is_item(line: &str) -> bool {
    let line = chars::trim_start(line);
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let rest = &line[digits..];
    if digits == 0 && !rest.starts_with(['-', '*', '+', '•', '–', '—']) {
        return false;
    }
    let marks: &[&str] = if digits > 0 {
        &[". ", ") "]
    } else {
        &["- ", "* ", "+ ", "• ", "– ", "— "]
    };
    marks.iter().any(|mark| rest.starts_with(mark))
}

/// Whether a line parts texts: `%` alone, stars in any number of three or more (`***`, `* * *`, `⁂`),
/// or a rule of `-`, `=`, `_`, `~` or `#` with blank lines around it. A rule right under a line
/// underlines it, one right above a line begins a table.
fn is_separator(line: &str, after_blank: bool, below: &str) -> bool {
    let line = chars::trim(line);
    let Some(mark) = line.chars().next() else {
        return false;
    };
    let rule = match mark {
        '%' | '⁂' => return matches!(line, "%" | "%%" | "⁂"),
        '*' | '•' | '∗' => true,
        '-' | '=' | '_' | '~' | '#' | '—' | '–' | '─' | '+' => after_blank && is_blank(below),
        _ => false,
    };
    rule && line.chars().filter(|c| *c == mark).count() >= 3
        && line.chars().all(|c| c == mark || c == ' ')
        // Columns of a table are ruled in wide pieces.
        && (!line.contains(' ') || line.split(' ').all(|piece| piece.chars().count() <= 1))
}
