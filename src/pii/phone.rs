//! Phone numbers.

use super::digits::{Digits, continues, goes_on};
use super::named;
use std::ops::Range;

/// The phone number whose first digit is at byte `at`; `+` and `(` before it belong to it.
pub fn find(text: &str, at: usize) -> Option<Range<usize>> {
    let (start, plus, bracket) = opening(text, at);
    if continues(text, start) {
        return None;
    }
    let read = Digits::read(text, at, 3, separates);
    let count = if plus {
        international(&read)
    } else if bracket {
        area_code_first(text, at, &read)
    } else {
        let named = named(text, at, 24, &WORDS);
        russian(&read, named).or_else(|| north_american(&read))
    }?;
    let end = read.end(count)?;
    (!goes_on(text, end)).then_some(start..end)
}

/// Between the digits of a phone number: spaces, dashes, dots, brackets.
fn separates(c: char) -> bool {
    super::digits::space_or_dash(c) || matches!(c, '(' | ')' | '.')
}

/// Where the number begins, and whether with `+` or with a bracket.
fn opening(text: &str, at: usize) -> (usize, bool, bool) {
    let before = &text[..at];
    let bracket = before.ends_with('(');
    let outer = if bracket { &before[..at - 1] } else { before };
    if outer.ends_with('+') {
        (outer.len() - 1, true, bracket)
    } else if bracket {
        (at - 1, false, true)
    } else {
        (at, false, false)
    }
}

/// E.164: a country code and at most 15 digits in all; the shortest numbers in use have 8.
fn international(read: &Digits) -> Option<usize> {
    if read.values.first() == Some(&0) {
        return None;
    }
    // +7 has ten digits behind it, whatever stands after them.
    if read.values.first() == Some(&7) && read.values.len() >= 11 {
        return whole(read, 11);
    }
    // A second number may follow after a space: the longest run of whole groups that fits. Ten digits
    // at least: shorter ones are dates and differences more often.
    (10..=15).rev().find_map(|count| {
        let groups = read.groups_of(whole(read, count)?);
        // +1 200 000 000 is an amount.
        let thousands = groups.len() > 2
            && groups[1..].iter().all(|group| *group == 3)
            && read.separators[..groups.len() - 1]
                .iter()
                .all(|gap| gap.chars().all(char::is_whitespace));
        (!(thousands && count <= 10)).then_some(count)
    })
}

/// Words that say that the number behind them is a phone number.
const WORDS: [&str; 8] = [
    "тел", "моб", "звон", "факс", "phone", "call", "mobile", "whatsapp",
];

/// 8 and ten digits: written together only when mobile, else in groups as people write them.
fn russian(read: &Digits, named: bool) -> Option<usize> {
    let [first @ (7 | 8), second, ..] = read.values[..] else {
        return None;
    };
    if first == 7 && !named {
        return None;
    }
    let count = whole(read, 11)?;
    let together = read.groups_of(count).len() == 1;
    let in_groups = matches!(
        read.groups_of(count),
        [1, 3, 3, 2, 2]
            | [1, 3, 3, 4]
            | [1, 3, 7]
            | [1, 4, 2, 2, 2]
            | [1, 4, 3, 3]
            | [1, 5, 1, 2, 2]
            | [1, 5, 5]
            | [1, 3, 2, 2, 3]
            | [1, 10]
            | [4, 3, 2, 2]
            | [4, 3, 4]
            | [4, 7]
    );
    (if together {
        second == 9 || named && matches!(second, 3 | 4 | 8)
    } else {
        in_groups && matches!(second, 3 | 4 | 8 | 9)
    })
    .then_some(count)
}

/// (495) 123-45-67 and (555) 123-4567: the bracket closes behind the area code.
fn area_code_first(text: &str, at: usize, read: &Digits) -> Option<usize> {
    let code = *read.groups.first()?;
    let closes = text[at + code..].starts_with(')');
    let count = whole(read, 10)?;
    let rest = &read.groups_of(count)[1..];
    let formatted = match code {
        3 => matches!(rest, [3, 2, 2] | [3, 4] | [7]),
        4 => matches!(rest, [2, 2, 2] | [3, 3] | [6]),
        5 => matches!(rest, [1, 2, 2] | [5]),
        _ => false,
    };
    (closes && formatted && read.values[0] >= 2).then_some(count)
}

/// 555-123-4567 and 1-800-555-1234: neither area code nor exchange begins with 0 or 1.
fn north_american(read: &Digits) -> Option<usize> {
    let (count, code, exchange) = match read.groups[..] {
        [3, 3, 4, ..] => (10, 0, 3),
        [1, 3, 3, 4, ..] if read.values[0] == 1 => (11, 1, 4),
        _ => return None,
    };
    // Spaces alone separate the columns of a table as well.
    let joined = read.separators[..read.groups_of(count).len() - 1]
        .iter()
        .all(|gap| gap.contains(['-', '.', ')', '\u{2011}']));
    (joined && read.values[code] >= 2 && read.values[exchange] >= 2).then_some(count)
}

fn whole(read: &Digits, count: usize) -> Option<usize> {
    (read.values.len() >= count && read.is_whole(count)).then_some(count)
}
