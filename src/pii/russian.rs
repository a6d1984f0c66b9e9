//! Numbers of Russian documents.

use super::digits::{Digits, continues, goes_on, space_or_dash};
use super::named;
use std::ops::Range;

/// Characters before a number in which the word that names it is looked for.
const NEAR: usize = 40;

/// СНИЛС: 123-456-789 01, or 11 digits after its name. The check number is that of the Pension
/// Fund: the sum of the first nine digits, each times its place from the right, modulo 101.
pub fn snils(text: &str, at: usize) -> Option<Range<usize>> {
    let read = Digits::read(text, at, 1, space_or_dash);
    let end = read.end(11)?;
    if continues(text, at) || !read.is_whole(11) || goes_on(text, end) {
        return None;
    }
    let sum: u64 = (0..9)
        .map(|i| u64::from(read.values[i]) * (9 - i as u64))
        .sum();
    let check = sum % 101 % 100;
    let right = check == read.number(11) % 100 && read.number(9) > 1_001_998;
    let formatted = matches!(read.groups_of(11), [3, 3, 3, 2]);
    (right && (formatted || named(text, at, NEAR, &["снилс", "страхов"]))).then_some(at..end)
}

/// ИНН of a person (12 digits) or an organisation (10), check digits as the tax service
/// computes them (order ММВ-7-6/435).
pub fn inn(text: &str, at: usize) -> Option<Range<usize>> {
    let read = Digits::read(text, at, 0, |_| false);
    let count = read.values.len();
    let digits = &read.values;
    let check = |weights: &[u32]| {
        let sum: u32 = weights
            .iter()
            .zip(digits)
            .map(|(weight, digit)| weight * u32::from(*digit))
            .sum();
        sum % 11 % 10 == u32::from(digits[weights.len()])
    };
    let right = match count {
        10 => check(&[2, 4, 10, 3, 5, 9, 4, 6, 8]),
        12 => check(&[7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) && check(&[3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]),
        _ => false,
    };
    let end = read.end(count)?;
    (right && !continues(text, at) && !goes_on(text, end) && named(text, at, NEAR, &["инн"]))
        .then_some(at..end)
}

/// Series (4 digits, the first two may stand apart) and number (6) of a passport. They have no
/// check digit, so the word must stand before them.
pub fn passport(text: &str, at: usize) -> Option<Range<usize>> {
    let read = Digits::read(text, at, 10, |c| {
        space_or_dash(c) || matches!(c, '№' | 'N' | ',' | 'н' | 'о' | 'м' | 'е' | 'р')
    });
    let end = read.end(10)?;
    let formatted = matches!(read.groups_of(10), [4, 6] | [2, 2, 6] | [10]);
    (formatted
        && read.is_whole(10)
        && !continues(text, at)
        && !goes_on(text, end)
        && named(text, at, NEAR, &["паспорт", "серия", "серии"]))
    .then_some(at..end)
}
