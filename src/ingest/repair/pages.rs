//! Text that was laid out in pages (PDF through pdftotext, RFCs): page furniture goes, cut words are
//! joined, indentation folds, and the page breaks go, so that a paragraph may cross them.
//!
//! Only text with form feeds is looked at, and only if its pages show that they are pages: lines at
//! their edges recur with nothing but digits changing, or sentences cross the breaks. Form feeds that
//! separate texts are left alone.

use super::hyphens::{self, Words};
use super::indentation;
use super::{Counts, Repair, Switches, lines};
use crate::chars::{self, is_blank};
use std::collections::HashMap;

/// Lines at each edge of a page that may be furniture.
const EDGE_LINES: usize = 3;
/// Pages on which a line has to recur.
const LEAST_PAGES: usize = 3;

/// Running text that was laid out in pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// The text.
    pub text: String,
    /// For each of its lines the number, from 0, of the line of the pages that it is or begins with.
    pub lines: Vec<u32>,
}

/// The text of pages as running text; `None` where there are none or nothing changes.
#[must_use]
pub fn pages(text: &str, switches: Switches, counts: &mut Counts) -> Option<Running> {
    memchr::memchr(b'\x0c', text.as_bytes())?;
    if !switches.has(Repair::Pages) {
        return None;
    }
    let mut pages: Vec<Vec<&str>> = text.split('\x0c').map(lines_of_page).collect();
    let lines = lines(text).filter(|line| !is_blank(line)).count();
    let Removed {
        lines: removed,
        numbered,
    } = remove_furniture(&mut pages);
    // Where no sentence goes on from one page to the next, and no number counts the pages, form feeds
    // divide chapters, songs or questions, and what recurs at their edges is content. So is what makes
    // up much of the text.
    let flows = crossings(&pages) * 4 >= pages.len() || numbered * 2 >= pages.len();
    if !flows || removed * MOST_FURNITURE > lines {
        return None;
    }
    counts.add(Repair::Pages, removed as u64);
    let (mut joined, mut lines) = join_pages(&pages, &first_lines(text));
    if text.ends_with('\n') || text.ends_with('\x0c') {
        joined.push('\n');
    }
    if switches.has(Repair::Hyphens) {
        let (words, mut gone) = (Words::of(&joined), Vec::new());
        if let Some(whole) = hyphens::join_lines(&joined, Some(&words), counts, &mut gone) {
            joined = whole;
        }
        let (mut number, mut gone) = (0, gone.into_iter().peekable());
        lines.retain(|_| {
            number += 1;
            gone.next_if_eq(&(number - 1)).is_none()
        });
    }
    if switches.has(Repair::Layout) {
        joined = indentation::fold(&joined, counts);
    }
    Some(Running {
        text: joined,
        lines,
    })
}

/// As [`str::lines`] has them.
fn lines_of_page(page: &str) -> Vec<&str> {
    let mut all: Vec<&str> = lines(page).collect();
    let last = all.pop().filter(|last| !last.is_empty());
    for line in &mut all {
        *line = line.strip_suffix('\r').unwrap_or(line);
    }
    all.extend(last);
    all
}

/// The number of the line, from 0, that each page begins in.
fn first_lines(text: &str) -> Vec<u32> {
    let mut line = 0;
    text.split('\x0c')
        .map(|page| {
            let first = line;
            line += memchr::memchr_iter(b'\n', page.as_bytes()).count() as u32;
            first
        })
        .collect()
}

/// One line of so many may be furniture, at most: else it is what the text is made of.
const MOST_FURNITURE: usize = 2;

/// A page's edge.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Edge {
    Top,
    Bottom,
}

/// What may recur of a line, and on how many pages it has to.
///
/// Cells as they are need few pages: a chapter's header stands on all of its pages. With digits made #
/// they need half of them, because "Глава 2", "Глава 3" at the tops of some are titles. Last, how a line
/// of two cells begins ("ГЛАВА 6. …   6.3. …"). A number alone
/// is a page's only if it grows with the pages: that of a chapter does not.
fn keys(line: &str, page: usize, pages: usize) -> Vec<(String, usize)> {
    let line = line.trim();
    let whole = fold_digits(line);
    if let Some(number) = number(line) {
        return vec![(format!("{NUMBER}{}", number - page as i64), LEAST_PAGES)];
    }
    let is_telling = |cell: &str| cell.chars().filter(|c| chars::is_alphabetic(*c)).count() >= 5;
    let mut keys: Vec<(String, usize)> = line
        .split("  ")
        .map(str::trim)
        .filter(|cell| is_telling(cell))
        .map(|cell| (cell.to_owned(), LEAST_PAGES))
        .collect();
    if let Some((beginning, _)) = whole.split_once('#')
        && line.contains("  ")
        && beginning.chars().any(chars::is_alphabetic)
    {
        keys.push((format!("{beginning}#…"), LEAST_PAGES.max(pages * 3 / 10)));
    }
    keys.push((whole, LEAST_PAGES.max(pages / 2)));
    keys.sort();
    keys.dedup_by(|a, b| a.0 == b.0);
    keys
}

/// The number that a line is, in digits or in small Roman numerals.
fn number(line: &str) -> Option<i64> {
    if line.bytes().all(|byte| byte.is_ascii_digit()) {
        return line.parse().ok();
    }
    let worth = |letter: u8| match letter {
        b'i' => Some(1),
        b'v' => Some(5),
        b'x' => Some(10),
        b'l' => Some(50),
        b'c' => Some(100),
        _ => None,
    };
    let values: Option<Vec<i64>> = line.bytes().map(worth).collect();
    let values = values?;
    // What stands before something larger is taken away from it.
    let signed = values.iter().enumerate().map(|(at, value)| {
        let next = values.get(at + 1).copied().unwrap_or(0);
        if *value < next { -value } else { *value }
    });
    Some(signed.sum())
}

fn fold_digits(text: &str) -> String {
    let mut key = String::new();
    for character in text.chars() {
        let shown = if chars::is_numeric(character) {
            '#'
        } else {
            character
        };
        if shown != '#' || !key.ends_with('#') {
            key.push(shown);
        }
    }
    key
}

/// The places of a page's outermost lines with text.
fn edge_lines(page: &[&str], edge: Edge) -> Vec<usize> {
    let filled = |index: &usize| !is_blank(page[*index]);
    match edge {
        Edge::Top => (0..page.len()).filter(filled).take(EDGE_LINES).collect(),
        Edge::Bottom => (0..page.len())
            .rev()
            .filter(filled)
            .take(EDGE_LINES)
            .collect(),
    }
}

/// What was taken off the pages.
struct Removed {
    /// Lines.
    lines: usize,
    /// Of them numbers of pages, which grow with these.
    numbered: usize,
}

/// What a number alone on a line is called as a key.
const NUMBER: &str = "# from ";

/// Whether what recurs on these pages is furniture of some of them, as the header of a chapter is: pages
/// one after another, or every other one. What stands at the edges of pages here and there (who speaks
/// in a play, "Решение") is content.
fn is_dense(pages: &[usize]) -> bool {
    match pages {
        [first, .., last] => last - first <= 2 * pages.len(),
        _ => false,
    }
}

/// Peels recurring lines off the pages, from the outside.
fn remove_furniture(pages: &mut [Vec<&str>]) -> Removed {
    let count = pages.len();
    let mut seen: HashMap<(Edge, String), Vec<usize>> = HashMap::new();
    for (number, page) in pages.iter().enumerate() {
        for edge in [Edge::Top, Edge::Bottom] {
            for index in edge_lines(page, edge) {
                for (key, _) in keys(page[index], number, count) {
                    seen.entry((edge, key)).or_default().push(number);
                }
            }
        }
    }
    let recurs = |edge, line: &str, number| {
        keys(line, number, count).into_iter().any(|(key, least)| {
            let is_number = key.starts_with(NUMBER);
            seen.get(&(edge, key)).is_some_and(|pages| {
                let is_frequent = pages.len() * 4 >= count;
                pages.len() >= least && (is_number || is_frequent || is_dense(pages))
            })
        })
    };
    let mut removed = Removed {
        lines: 0,
        numbered: 0,
    };
    for (number, page) in pages.iter_mut().enumerate() {
        for edge in [Edge::Top, Edge::Bottom] {
            for index in edge_lines(page, edge) {
                if !recurs(edge, page[index], number) || is_prose(page[index]) {
                    break;
                }
                removed.lines += 1;
                removed.numbered += usize::from(self::number(page[index].trim()).is_some());
                page[index] = "";
            }
        }
    }
    removed
}

/// A line that ends as sentences do is no header, whatever recurs of it.
fn is_prose(line: &str) -> bool {
    let line = line.trim();
    line.ends_with(['.', ',', ';', ':', '!', '?']) && line.split_whitespace().count() > 3
}

/// Breaks that a sentence crosses.
fn crossings(pages: &[Vec<&str>]) -> usize {
    let mut crossed = 0;
    for pair in pages.windows(2) {
        let last = edge_lines(&pair[0], Edge::Bottom)
            .first()
            .map(|index| pair[0][*index]);
        let first = edge_lines(&pair[1], Edge::Top)
            .first()
            .map(|index| pair[1][*index]);
        if let (Some(last), Some(first)) = (last, first) {
            crossed += usize::from(goes_on(last, first));
        }
    }
    crossed
}

fn goes_on(last: &str, first: &str) -> bool {
    let open = last
        .trim_end()
        .ends_with(|c: char| chars::is_alphanumeric(c) || matches!(c, ',' | '-' | '—'));
    open && chars::trim_start(first).starts_with(chars::is_lowercase)
}

/// The pages one after another, a blank line between them unless a sentence crosses; with the number of
/// each line, counted from that of the first of its page.
fn join_pages(pages: &[Vec<&str>], first_lines: &[u32]) -> (String, Vec<u32>) {
    let mut joined: Vec<&str> = Vec::new();
    let mut numbers = Vec::new();
    for (page, first_line) in pages.iter().zip(first_lines) {
        let filled = |line: &str| !is_blank(line);
        let Some(first) = page.iter().position(|line| filled(line)) else {
            continue;
        };
        let last = page.iter().rposition(|line| filled(line)).unwrap_or(first);
        if let Some(before) = joined.last()
            && !goes_on(before, page[first])
        {
            joined.push("");
            numbers.push(*first_line);
        }
        let mut blank = 0;
        for (line, number) in page[first..=last].iter().zip(first as u32..) {
            blank = if filled(line) { 0 } else { blank + 1 };
            // The white of a page is one blank line.
            if blank < 2 {
                joined.push(chars::trim_end(line));
                numbers.push(first_line + number);
            }
        }
    }
    (joined.join("\n"), numbers)
}
